"""What every reader hands to the gate, and the judgement of headers that they share."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from quality.contract import Contract
from warehouse.errors import RefusedFile


@dataclass
class TextRows:
    """One row per data line: declared columns as text, `_line`, `_refusal`, `_raw`.

    `new_headers` and `missing_headers` are drift: columns nobody declared, and optional ones that did not come.
    """

    frame: pl.DataFrame
    dropped: int = 0
    new_headers: tuple[str, ...] = ()
    missing_headers: tuple[str, ...] = ()


def place_columns(header: list[str], contract: Contract, file: str) -> tuple[dict[str, int], list[str], list[str]]:
    """Find each declared column in a header, by name or alias, never by position alone.

    Returns:
        Position of each column found; headers nobody declared; optional headers that are absent.

    Raises:
        RefusedFile: a required header is missing, or one that is needed stands twice.
    """
    seen = [h.strip().strip("\ufeff") for h in header]
    expected = sum(1 for c in contract.columns.values() if not c.from_file and not c.optional)
    if len(seen) == 1 and expected > 1:
        others = [d for d in (",", ";", "\t", "|") if d != contract.delimiter and d in header[0]]
        hint = f"; it holds {others[0]!r}" if others else ""
        raise RefusedFile(
            f"{file}: the header has one column when split at {contract.delimiter!r}{hint}, expected "
            f"{expected}. Fix the export or 'delimiter:'."
        )
    placed: dict[str, int] = {}
    lost: list[str] = []
    absent: list[str] = []
    for column, declared in contract.columns.items():
        if declared.from_file:
            continue
        names = [contract.header_of(column), *declared.aliases]
        at = [i for i, h in enumerate(seen) if h in names]
        if len(at) > 1:
            raise RefusedFile(f"{file}: header '{seen[at[0]]}' stands {len(at)} times, expected once. Fix the export.")
        if at:
            placed[column] = at[0]
        elif declared.optional:
            absent.append(names[0])
        else:
            lost.append(names[0])
    known = {seen[i] for i in placed.values()}
    new = [h for h in seen if h and h not in known and h not in contract.drop_at_landing]
    if lost:
        near = [m for h in lost for m in difflib.get_close_matches(h, new, n=1, cutoff=0.5)]
        found = f"; found {', '.join(repr(h) for h in near)}" if near else f"; found {len(seen)} other columns"
        raise RefusedFile(
            f"{file}: column {', '.join(repr(h) for h in lost)} is missing{found}. Fix the export, or the declaration."
        )
    if new and contract.undeclared == "refuse":
        raise RefusedFile(f"{file}: column {new[0]!r} is not declared, and 'undeclared: refuse'. Declare it.")
    return placed, new, absent


def file_values(contract: Contract, file: str) -> dict[str, str | None]:
    """Return the values of columns that come from the file's name."""
    found: dict[str, str | None] = {}
    for column, declared in contract.columns.items():
        if declared.from_file:
            match = re.search(declared.from_file, Path(file).name)
            found[column] = match.group(1) if match else None
    return found


def check_row_count(rows: int, contract: Contract, file: str) -> None:
    """Refuse a file with fewer or more rows than promised.

    Raises:
        RefusedFile: outside the declared bounds.
    """
    if not contract.rows.min <= rows <= contract.rows.max:
        raise RefusedFile(
            f"{file}: {rows:,} rows, expected {contract.rows.min:,} to {contract.rows.max:,}. "
            "Check that the export is whole, or change 'rows:'."
        )
