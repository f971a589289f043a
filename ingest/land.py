"""Exports in: keep the bytes, read them as text, gate the rows, account for all of them.

In: files below the inbox that a contract's path names. Out: `lake/raw`, `lake/bronze`, `lake/quarantine`, and for whole
files that cannot be taken `lake/refused`. What stays true: the same bytes add nothing, whatever their name; a changed
declaration gates again from raw; one file's fault never stops another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import ftfy
import polars as pl

from ingest.discover import discover
from ingest.readers import content, delimited, json_lines
from ingest.readers.rows import TextRows
from quality.contract import Contract, load_contracts
from quality.drift import freshness
from quality.gate import gate, types_of
from warehouse import files, lake
from warehouse.errors import RefusedFile, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

READERS: dict[str, Callable[[str, Contract, str], TextRows]] = {"csv": delimited.read, "jsonl": json_lines.read}


def land(contract: Contract) -> StepResult:
    """Land every new file of one table, and every kept file that its present declaration has not judged.

    Grain of what is written: one Parquet file per landed file and declaration version.

    Raises:
        CdpError: the lake cannot be written; a file's own faults are recorded as refusals, not raised.
    """
    with step(f"land {contract.name}") as result, edge(contract.name):
        refused = _keep_new_files(contract)
        for raw in lake.raw_files(contract.name):
            if lake.is_settled(contract.name, raw.file_id, contract.version):
                continue
            try:
                load = _gate_file(raw, contract)
            except RefusedFile as error:
                lake.write_refusal(
                    lake.Refusal(contract.name, contract.version, raw.file_id, raw.file, raw.arrived_at, str(error))
                )
                refused.append(str(error))
                continue
            result.rows_in += load.rows_in
            result.rows_out += load.accepted
            result.facts["quarantined"] = result.facts.get("quarantined", 0) + load.quarantined
            result.facts["dropped"] = result.facts.get("dropped", 0) + load.dropped
            result.facts["files"] = result.facts.get("files", 0) + 1
        if refused:
            result.facts["refused"] = refused
        if not lake.raw_files(contract.name):
            result.facts["note"] = f"no file matches {contract.path} in the inbox"
    return result


def land_all(progress: Callable[[StepResult], None] | None = None) -> list[StepResult]:
    """Land every declared table, one after the other; a table's fault does not stop the others."""
    results = []
    for contract in load_contracts().values():
        results.append(land(contract))
        if progress:
            progress(results[-1])
    return results


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
        _declare_people(con)
        result.rows_in = sum(int(str(a[6])) for a in accounts)
        result.rows_out = sum(int(str(a[7])) for a in accounts)
        result.facts = {"tables": len(load_contracts()), "files": len(accounts), "refused": len(refused)}
    return result


def _declare_people(con: duckdb.DuckDBPyConnection) -> None:
    """Write `quality.person_tables` and `quality.login_tables`: what identity must know of the tables it reads.

    Rooms meet through tables, so identity reads no declarations of this room.
    """
    people: list[tuple[object, ...]] = []
    logins: list[tuple[object, ...]] = []
    for contract in load_contracts().values():
        roles: dict[str, list[str]] = {}
        for column, declared in contract.columns.items():
            if declared.role:
                roles.setdefault(declared.role, []).append(column)
        if contract.identifies == "person":
            joins = [
                {"table": f"{contract.source}_{a.table}", "on": a.on, "where": a.where, "take": a.take, "keep": a.keep}
                for a in contract.attach
            ]
            people.append(
                (
                    contract.name,
                    contract.source,
                    json.dumps(contract.key),
                    json.dumps(roles),
                    contract.country,
                    json.dumps(joins),
                )
            )
        if contract.logs_in:
            logins.append(
                (contract.name, roles["anonymous_id"][0], roles["login"][0], roles["observed_at"][0], contract.logs_in)
            )
    lake.replace_table(
        con, "quality", "person_tables", people,
        "table_name VARCHAR, source VARCHAR, key JSON, roles JSON, country VARCHAR, joins JSON",
    )  # fmt: skip
    lake.replace_table(
        con, "quality", "login_tables", logins,
        "table_name VARCHAR, anonymous_id VARCHAR, login VARCHAR, occurred_at VARCHAR, people VARCHAR",
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


def _keep_new_files(contract: Contract) -> list[str]:
    """Keep the bytes of every file in the inbox; return the sentences of those that hold nothing to keep."""
    refused = []
    for path in discover(contract):
        file = path.relative_to(settings().inbox).as_posix()
        try:
            data = _bytes_of(path, file)
            sha256 = hashlib.sha256(data).hexdigest()
            dropped: tuple[str, ...] = ()
            if contract.drop_at_landing and contract.format == "csv":
                plain = content.decoded(content.expanded(data, file), contract.encoding, file)
                kept, dropped = delimited.without_columns(plain, contract)
                data = kept.encode(content.CODECS[contract.encoding]) if dropped else data
        except RefusedFile as error:
            name_id = hashlib.sha256(file.encode()).hexdigest()[: lake.FILE_ID_DIGITS]
            at = now().isoformat(timespec="seconds")
            if not lake.is_settled(contract.name, name_id, contract.version):
                lake.write_refusal(lake.Refusal(contract.name, contract.version, name_id, file, at, str(error)))
            refused.append(str(error))
            continue
        lake.keep_raw(contract.name, file, data, sha256, dropped)
        fault("land.after_raw")
    return refused


def _bytes_of(path: Path, file: str) -> bytes:
    if path.is_dir():
        raise RefusedFile(f"{file}: is a directory, expected a file. Move its files to where the declaration looks.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RefusedFile(
            f"{file}: cannot be read ({error.strerror}), expected a readable file. Check its rights."
        ) from None
    if not data:
        raise RefusedFile(f"{file}: is empty (0 bytes), expected a header and rows. Export it again.")
    return data


def _gate_file(raw: lake.RawFile, contract: Contract) -> lake.Load:
    text = content.decoded(content.expanded(lake.read_raw(raw), raw.file), contract.encoding, raw.file)
    rows = READERS[contract.format](text, contract, raw.file)
    frame = _repaired(rows.frame, contract)
    gated = gate(frame, contract, raw.file_id, rows.dropped)
    target = lake.parquet_path("bronze", contract.name, raw.file_id, contract.version)
    lake.write_parquet(target, gated.accepted)
    fault("land.after_bronze")
    if gated.quarantined.num_rows:
        lake.write_parquet(
            lake.parquet_path("quarantine", contract.name, raw.file_id, contract.version), gated.quarantined
        )
    load = lake.Load(
        table=contract.name,
        version=contract.version,
        file_id=raw.file_id,
        file=raw.file,
        arrival=raw.arrival,
        arrived_at=raw.arrived_at,
        rows_in=gated.rows_in,
        accepted=gated.accepted.num_rows,
        quarantined=gated.quarantined.num_rows,
        dropped=gated.dropped,
        parquet_sha256=files.sha256_of(target),
        reasons=gated.reasons,
        warnings=gated.warnings,
        new_headers=rows.new_headers,
        missing_headers=rows.missing_headers,
    )
    lake.write_load(load)
    fault("land.after_account")
    return load


def _repaired(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Undo declared mojibake (`MuÃ±oz`) in the columns that are known to have it."""
    for column, declared in contract.columns.items():
        if declared.repair == "mojibake":
            broken = pl.col(column).str.contains("[ÃÂâ]")
            fixed = pl.col(column).map_elements(ftfy.fix_encoding, return_dtype=pl.String)
            frame = frame.with_columns(pl.when(broken).then(fixed).otherwise(pl.col(column)).alias(column))
    return frame
