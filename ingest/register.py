"""Point `bronze.*` at what each table looks like now, and write what is known of the sources into the working file.

In: the lake's accounts and the declarations. Out: views `bronze.*`, and the tables `quality.loads`, `refused_files`, `freshness`,
`drift_events`, `quarantine_reasons`, `person_tables`, `company_tables`,
`login_tables` and `employer_tables`. What stays true: all of it is derived, so a second run
writes the same.
"""

from __future__ import annotations

import json

import duckdb

from quality.casts import types_of
from quality.contract import Contract, load_contracts
from quality.drift import drift_events, freshness
from quality.quarantine import reasons
from warehouse import lake
from warehouse.settings import now
from warehouse.steps import StepResult, step


def register_bronze(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Point `bronze.*` at what each table looks like now, and write `quality.loads`, `quality.refused_files` and
    `quality.freshness`.

    Grain: `quality.loads` one row per landed file and declaration version in force; `quality.refused_files` one row
    per file set aside.
    """
    with step("register bronze") as result:
        accounts: list[tuple[object, ...]] = []
        refused: list[tuple[object, ...]] = []
        for contract in load_contracts().values():
            lake.register_table(con, shape_of(contract))
            for load in lake.loads(contract.name, contract.version):
                accounts.append((
                    contract.source, contract.table, load.file, load.file_id, load.arrival, load.arrived_at,
                    load.rows_in, load.accepted, load.quarantined, load.dropped,
                    "; ".join(f"{why}: {n}" for why, n in sorted(load.reasons.items())),
                    ", ".join(load.new_headers), ", ".join(load.missing_headers),
                ))  # fmt: skip
            for refusal in lake.refusals(contract.name, contract.version):
                refused.append((contract.source, contract.table, refusal.file, refusal.arrived_at, refusal.reason))
        lake.replace_table(
            con, "quality", "loads", accounts,
            "source VARCHAR, table_name VARCHAR, file VARCHAR, file_id VARCHAR, arrival BIGINT, arrived_at TIMESTAMPTZ, "
            "rows_in BIGINT, accepted BIGINT, quarantined BIGINT, dropped BIGINT, reasons VARCHAR, "
            "new_headers VARCHAR, missing_headers VARCHAR",
        )  # fmt: skip
        lake.replace_table(
            con, "quality", "refused_files", refused,
            "source VARCHAR, table_name VARCHAR, file VARCHAR, arrived_at TIMESTAMPTZ, reason VARCHAR",
        )  # fmt: skip
        lake.replace_table(
            con, "quality", "freshness", freshness(load_contracts().values(), now()),
            "source VARCHAR, table_name VARCHAR, newest_arrival_at TIMESTAMPTZ, fresh_within_hours BIGINT, is_fresh BOOLEAN",
        )  # fmt: skip
        events = drift_events(load_contracts().values(), now())
        lake.replace_table(
            con, "quality", "drift_events",
            [(e.event_id, e.seen_at, e.source, e.table, e.file, e.kind, e.severity, e.column, e.detail, e.suggestion) for e in events],
            "event_id VARCHAR, seen_at TIMESTAMPTZ, source VARCHAR, table_name VARCHAR, file VARCHAR, kind VARCHAR, "
            "severity VARCHAR, column_name VARCHAR, detail VARCHAR, suggestion VARCHAR",
        )  # fmt: skip
        lake.replace_table(
            con, "quality", "quarantine_reasons",
            [(r.table, r.file, r.file_id, r.reason, r.rows, r.arrived_at) for r in reasons(load_contracts().values())],
            "table_name VARCHAR, file VARCHAR, file_id VARCHAR, reason VARCHAR, rows BIGINT, arrived_at TIMESTAMPTZ",
        )  # fmt: skip
        _declare_people(con)
        result.rows_in = sum(int(str(a[6])) for a in accounts)
        result.rows_out = sum(int(str(a[7])) for a in accounts)
        result.facts = {
            "tables": len(load_contracts()),
            "files": len(accounts),
            "refused": len(refused),
            "drift": len(events),
        }
    return result


def _declare_people(con: duckdb.DuckDBPyConnection) -> None:
    """Write `quality.person_tables`, `company_tables`, `login_tables` and `employer_tables`: what identity must know of its tables.

    Rooms meet through tables, so identity reads no declarations of this room.
    """
    people: list[tuple[object, ...]] = []
    companies: list[tuple[object, ...]] = []
    logins: list[tuple[object, ...]] = []
    employers: list[tuple[object, ...]] = []
    for contract in load_contracts().values():
        roles: dict[str, list[str]] = {}
        for column, declared in contract.columns.items():
            if declared.role:
                roles.setdefault(declared.role, []).append(column)
        joins = [
            {"table": f"{contract.source}_{a.table}", "on": a.on, "where": a.where, "take": a.take, "keep": a.keep}
            for a in contract.attach
        ]
        described = (
            contract.name, contract.source, json.dumps(contract.key), json.dumps(roles), contract.country, json.dumps(joins),
        )  # fmt: skip
        if contract.identifies == "person":
            people.append(described)
        if contract.identifies == "company" or (contract.identifies == "person" and "is_company" in roles):
            companies.append(described)
        if "anonymous_id" in roles and "observed_at" in roles:
            logins.append(_told_by_events(contract, roles))
        if contract.works_for:
            employers.append((contract.name, json.dumps(contract.key), roles["account"][0], contract.works_for))
    shape = "table_name VARCHAR, source VARCHAR, key JSON, roles JSON, country VARCHAR, joins JSON"
    lake.replace_table(con, "quality", "person_tables", people, shape)
    lake.replace_table(con, "quality", "company_tables", companies, shape)
    lake.replace_table(
        con, "quality", "login_tables", logins,
        "table_name VARCHAR, anonymous_id VARCHAR, login VARCHAR, occurred_at VARCHAR, people VARCHAR, email VARCHAR, consent VARCHAR, "
        "url VARCHAR, clicks VARCHAR",
    )  # fmt: skip
    lake.replace_table(
        con, "quality", "employer_tables", employers, "table_name VARCHAR, key JSON, account VARCHAR, companies VARCHAR"
    )


def _told_by_events(contract: Contract, roles: dict[str, list[str]]) -> tuple[object, ...]:
    """Return what of an event table tells whose a device is: logins, addresses in forms, parameters of links in e-mails."""

    def first(role: str) -> str | None:
        return roles[role][0] if role in roles else None

    declined = [n for n, c in contract.columns.items() if c.role == "consent" and c.purpose == "identification"]
    contracts = load_contracts()
    clicks = [
        {"parameter": c.parameter, "table": c.table, "column": c.column, "key": list(contracts[c.table].key)}
        for c in contract.clicks
    ]
    return (
        contract.name, roles["anonymous_id"][0], first("login"), roles["observed_at"][0], contract.logs_in, first("email"),
        declined[0] if declined else None, first("url"), json.dumps(clicks),
    )  # fmt: skip


def shape_of(contract: Contract) -> lake.Shape:
    """Return what the lake must know to say what a table looks like now."""
    return lake.Shape(
        contract.name,
        contract.version,
        types_of(contract),
        contract.key,
        contract.load,
        contract.series,
        contract.window,
    )
