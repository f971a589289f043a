"""Quarantine as a table that a person works with: what is there, why, and what was decided.

In: `lake/quarantine` of the versions in force. Out: `lake/decisions`, which the next judgement of the file applies: a released
line goes through the gate again (with mended cells, if some were given), a discarded one counts as a declared drop. Rows whose
values do not fit their types cannot be released as they are.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from quality.contract import Contract
from warehouse import lake
from warehouse.errors import CdpError
from warehouse.settings import now


@dataclass(frozen=True)
class Refused:
    """Rows of one table, file and reason in quarantine."""

    table: str
    file: str
    file_id: str
    reason: str
    rows: int
    arrived_at: str


def reasons(contracts: Iterable[Contract]) -> list[Refused]:
    """Count refused rows by table, file and reason, most first."""
    found = [
        Refused(contract.name, load.file, load.file_id, reason, rows, load.arrived_at)
        for contract in contracts
        for load in lake.loads(contract.name, contract.version)
        for reason, rows in load.reasons.items()
    ]
    return sorted(found, key=lambda r: (-r.rows, r.table, r.file, r.reason))


def refused_rows(contract: Contract, reason: str = "", lines: Iterable[str] = ()) -> pl.DataFrame:
    """Return the refused rows of a table as text, with `_row` (`<file id>:<line>`) and `_reason`.

    Args:
        contract: the table's declaration.
        reason: only rows whose reason holds this text.
        lines: only these rows, as `_row` names them.
    """
    parts = []
    for load in lake.loads(contract.name, contract.version):
        path = lake.parquet_path("quarantine", contract.name, load.file_id, contract.version)
        if load.quarantined and path.exists():
            parts.append(pl.read_parquet(path))
    if not parts:
        return pl.DataFrame(schema={"_row": pl.String, "_reason": pl.String})
    rows = pl.concat(parts).with_columns(pl.format("{}:{}", "_file", "_line").alias("_row"))
    if reason:
        rows = rows.filter(pl.col("_reason").str.contains(reason, literal=True))
    if wanted := list(lines):
        rows = rows.filter(pl.col("_row").is_in(wanted))
    return rows.select("_row", "_reason", *contract.columns, "_raw", "_file", "_line")


def masked(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Hide personal cells, and lines that could not be taken apart: first letter and length remain."""
    hidden = [c for c, declared in contract.columns.items() if declared.holds_personal_data] + ["_raw"]
    cell = pl.col([c for c in hidden if c in rows.columns])
    return rows.with_columns(
        pl.when(cell.is_not_null()).then(pl.format("{}…({})", cell.str.slice(0, 1), cell.str.len_chars())).name.keep()
    )


def decide(
    contract: Contract, rows: pl.DataFrame, action: str, author: str, why: str, mended: dict[str, str] | None = None
) -> list[str]:
    """Release or discard refused rows; return the ids of the files that are to be judged again.

    Args:
        contract: the table's declaration.
        rows: what :func:`refused_rows` returned.
        action: `release` or `discard`.
        author: who decides.
        why: the reason, kept with the decision.
        mended: cells to put in place of what was refused, by column; for releases.

    Raises:
        CdpError: nobody or nothing is named, a mended column is not declared, or a row cannot be released as it is.
    """
    if not author.strip() or not why.strip():
        raise CdpError("a decision needs who and why: --author and --why")
    if rows.is_empty():
        raise CdpError(f"{contract.name}: no refused row is meant; `cdp quarantine show {contract.name}` lists them")
    if unknown := sorted(set(mended or {}) - set(contract.columns)):
        raise CdpError(f"{contract.name} has no column {', '.join(unknown)}; it has {', '.join(contract.columns)}")
    if action == "release" and not mended:
        stuck = rows.filter(~pl.col("_reason").str.contains(r"^rule [a-z0-9_]+(; rule [a-z0-9_]+)*$"))
        if stuck.height:
            kinds = Counter(_kind(reason) for reason in stuck["_reason"].to_list())
            raise CdpError(
                f"{contract.name}: {stuck.height:,} of {rows.height:,} rows do not fit as they are ({', '.join(sorted(kinds))}). "
                "Mend them with --set column=value, or fix the export or the declaration: then they are judged again by themselves."
            )
    touched = []
    for (file_id,), mine in rows.group_by("_file", maintain_order=True):
        before = lake.decisions(contract.name, str(file_id))
        numbers = [int(n) for n in mine["_line"].to_list()]
        released, discarded = dict(before.released), set(before.discarded)
        for number in numbers:
            if action == "release":
                released[number] = {**released.get(number, {}), **(mended or {})}
                discarded.discard(number)
            else:
                discarded.add(number)
                released.pop(number, None)
        said = {
            "action": action,
            "author": author,
            "why": why,
            "at": now().isoformat(timespec="seconds"),
            "lines": numbers,
        }
        lake.write_decisions(
            contract.name, str(file_id), lake.Decisions(released, frozenset(discarded), (*before.history, said))
        )
        touched.append(str(file_id))
    return touched


def _kind(reason: str) -> str:
    return re.sub(r"^column (.*?): .*$", r"column \1", reason.split("; ", maxsplit=1)[0])


def history(contracts: Iterable[Contract]) -> list[dict[str, object]]:
    """Return every decision ever made, oldest first: table, file, action, author, why, when, how many rows."""
    found = []
    for contract in contracts:
        for path in sorted(lake.zone("decisions", contract.name).glob("*.json")):
            for said in json.loads(path.read_text(encoding="utf-8"))["history"]:
                found.append({"table": contract.name, "file_id": path.stem, **said, "rows": len(said["lines"])})
    return sorted(found, key=lambda said: str(said["at"]))
