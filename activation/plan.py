"""Plans: the difference between who should be on a list and who the ledger says is there.

In: `activation.audience_members`, the published customers and consents, `activation.present`. Out: one plan per audience
and destination below `outbox/<audience>/<platform>/`, a Parquet file of rows and a JSON file of counts, named by the
plan's hash. What stays true: making a plan sends nothing; the same state gives the same hash; every customer of the
audience is in it once, with what happens to them and one reason why.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl

from activation.audience import Audience, Target, attach_published, columns_of, load_audiences
from activation.cells import field_cell
from activation.client import limits_of
from activation.consent import decision_sql
from activation.destinations import DESTINATIONS, ApiDestination
from activation.destinations.base import CUSTOMER_COLUMNS, payload_hash
from activation.journey import step_audiences
from activation.ledger import applied_plans, last_applied_at, register_ledger
from warehouse import files, lake
from warehouse.duck import name, rows
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

SCHEMA = {
    "customer_id": pl.String, "op": pl.String, "reason": pl.String, "payload": pl.String, "payload_hash": pl.String,
    "previous": pl.String,
}  # fmt: skip
Row = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Plan:
    """What would change on one list. `counts` by operation; `refused` counts by reason; `warnings` in words."""

    audience: str
    platform: str
    list: str
    hash: str
    counts: dict[str, int]
    refused: dict[str, int]
    size_after: int
    warnings: tuple[str, ...]
    calls: int = 0
    minutes: float = 0.0

    @property
    def changes(self) -> int:
        """Return how many rows would be sent."""
        return sum(self.counts.get(op, 0) for op in ("add", "update", "remove"))

    @property
    def folder(self) -> Path:
        """Return where the plan and its files stand."""
        return settings().outbox / self.audience / self.platform

    @property
    def rows_path(self) -> Path:
        """Return the plan's rows."""
        return self.folder / f"plan-{self.hash[:12]}.parquet"


def plan_deliveries(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Write a plan per audience and destination.

    Raises:
        DeclarationError: an audience is declared wrongly.
    """
    with step("plan") as result, edge("activation"):
        register_ledger(con)
        attach_published(con)
        plans = [
            make_plan(con, audience, target)
            for audience in deliverable().values()
            for target in audience.destinations
            if is_due(audience, target)
        ]
        con.execute("DETACH cdp")
        result.rows_in = sum(sum(plan.counts.values()) for plan in plans)
        result.rows_out = sum(plan.changes for plan in plans)
        result.facts = {"plans": {f"{p.audience}/{p.platform}": p.counts for p in plans}}
    return result


def deliverable() -> dict[str, Audience]:
    """Return all audiences and the lists of journeys' steps by name."""
    return {**load_audiences(), **step_audiences()}


def is_due(audience: Audience, target: Target) -> bool:
    """Tell whether an audience is planned now: by its schedule, from the last plan that was applied at the destination."""
    days = {"every_run": 0, "daily": 1, "weekly": 7, "monthly": 28}[audience.schedule]
    last = last_applied_at(audience.name, target.platform)
    # A run may come some hours early.
    return not days or last is None or now() - last >= timedelta(days=days, hours=-4)


def make_plan(con: duckdb.DuckDBPyConnection, audience: Audience, target: Target) -> Plan:
    """Make and write the plan of one audience at one destination; the published file is attached as `cdp`."""
    destination = DESTINATIONS[target.platform]
    columns = ", ".join(f"c.{column}" for column in CUSTOMER_COLUMNS)
    from_segment = columns_of(con, "segments", audience.who.segment) if audience.who.segment else {}
    fields = "".join(
        f", {'s' if column in from_segment else 'c'}.{name(column)} AS {name('field ' + header)}"
        for header, column in target.fields.items()
    )
    segment = (
        f"LEFT JOIN cdp.segments.{name(audience.who.segment)} AS s ON c.customer_id = s.customer_id"
        if audience.who.segment
        else ""
    )
    wanted = rows(
        con,
        f"""
        SELECT {columns}{fields}, coalesce(m.left_out, {decision_sql("m.customer_id", target.purpose, target.channel)}) AS refused
        FROM activation.audience_members AS m JOIN cdp.marts.customers AS c ON m.customer_id = c.customer_id {segment}
        WHERE m.audience = ? ORDER BY c.customer_id
        """,
        [audience.name],
    )
    present = {
        row["customer_id"]: (row["payload_hash"], row["payload"])
        for row in rows(
            con,
            "SELECT customer_id, payload_hash, payload FROM activation.present WHERE audience = ? AND platform = ? AND list = ?",
            [audience.name, target.platform, target.list],
        )
    }
    planned: list[Row] = []
    for customer in wanted:
        ident, reason = customer["customer_id"], customer["refused"]
        payload = None if reason else destination.payload(customer)
        sent_hash, sent = present.get(ident, ("", "{}"))
        if payload is None:
            why = reason or f"needs {destination.needs}"
            planned.append((ident, "remove" if sent_hash else "refused", why, "{}", "", sent))
            continue
        payload |= {header: field_cell(customer[f"field {header}"]) for header in target.fields}
        digest = payload_hash(payload)
        op = "add" if not sent_hash else "unchanged" if sent_hash == digest else "update"
        planned.append((ident, op, "", json.dumps(payload, ensure_ascii=False, sort_keys=True), digest, sent))
    gone = set(present) - {row[0] for row in planned}
    planned += [(ident, "remove", "no longer in the audience", "{}", "", present[ident][1]) for ident in gone]
    frame = pl.DataFrame(sorted(planned), schema=SCHEMA, orient="row")
    plan = _described(frame, audience, target, destination.min_list_size)
    fault("plan.before_write")
    lake.write_parquet(plan.rows_path, frame.to_arrow())
    for old in plan.folder.glob("plan-*.parquet"):
        if old != plan.rows_path:
            old.unlink()
    files.write_json(plan.folder / "plan.json", plan.__dict__)
    return plan


def _described(frame: pl.DataFrame, audience: Audience, target: Target, min_list_size: int) -> Plan:
    # How many plans were applied before is part of the hash: who leaves and comes back makes the same rows a second time.
    applied = applied_plans(audience.name, target.platform)
    digest = hashlib.sha256(f"{audience.name}|{target.platform}|{target.list}|{applied}".encode())
    for row in frame.select("customer_id", "op", "payload_hash", "reason").iter_rows():
        digest.update("\x1f".join(row).encode() + b"\n")
    counts: dict[str, int] = dict(sorted(frame.group_by("op").len().iter_rows()))
    refused = frame.filter(pl.col("op") == "refused").group_by("reason").len().sort("reason")
    size = sum(counts.get(op, 0) for op in ("add", "update", "unchanged"))
    warnings = []
    if size < min_list_size:
        warnings.append(f"{target.platform} matches lists from {min_list_size} members on; this one has {size}")
    if size < audience.min_size:
        warnings.append(f"smaller than its declared minimum of {audience.min_size}")
    if size > audience.max_size:
        warnings.append(f"larger than its declared maximum of {audience.max_size}")
    calls, minutes = _effort(target.platform, counts)
    return Plan(
        audience.name,
        target.platform,
        target.list,
        digest.hexdigest(),
        counts,
        dict(refused.iter_rows()),
        size,
        tuple(warnings),
        calls,
        minutes,
    )


def _effort(platform: str, counts: dict[str, int]) -> tuple[int, float]:
    """Return how many calls a plan takes at least, and the minutes of them at the platform's published limit; none for files."""
    if not isinstance(DESTINATIONS[platform], ApiDestination):
        return 0, 0.0
    limits = limits_of(platform)
    leaving, coming = counts.get("remove", 0), counts.get("add", 0) + counts.get("update", 0)
    calls = -(-leaving // limits.batch) + -(-coming // limits.batch)
    return calls, round(calls / limits.calls_a_minute, 2)


def read_plan(audience: str, platform: str) -> Plan:
    """Return the newest plan of an audience at a platform.

    Raises:
        FileNotFoundError: none was made yet.
    """
    return Plan(**files.read_json(settings().outbox / audience / platform / "plan.json"))


def plans() -> list[Plan]:
    """Return the newest plan of every audience and destination."""
    return [
        read_plan(audience.name, target.platform)
        for audience in deliverable().values()
        for target in audience.destinations
        if (settings().outbox / audience.name / target.platform / "plan.json").exists()
    ]
