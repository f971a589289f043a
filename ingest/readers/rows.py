"""What every reader hands to the gate, and the judgement of headers that they share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from quality.contract import Contract
from warehouse.errors import RefusedFile


@dataclass
class Facts:
    """What a reader finds out about a file on the way; complete once its last block was drawn.

    `new_headers` and `missing_headers` are drift: columns nobody declared, and optional ones that did not come. `dropped`
    counts lines that are no rows by declaration (footers).
    """

    dropped: int = 0
    header: tuple[str, ...] = ()
    new_headers: tuple[str, ...] = ()
    missing_headers: tuple[str, ...] = ()

    def note(self, header: list[str], new: list[str], missing: list[str], contract: Contract) -> None:
        """Keep what was found in the header; where a column takes the rest, no header is new."""
        takes_rest = any(column.rest for column in contract.columns.values())
        self.header, self.missing_headers = tuple(header), tuple(missing)
        self.new_headers = () if takes_rest else tuple(new)


#: A reader draws blocks of text rows (declared columns as text, `_line`, `_refusal`, `_raw`) from the plain bytes of a file.
Reader = Callable[[Iterator[bytes], Contract, str, Facts], Iterator[pl.DataFrame]]


def text_rows(
    columns: dict[str, list[str | None]],
    lines: list[int],
    refusals: list[str | None],
    raws: list[str | None],
    contract: Contract,
) -> pl.DataFrame:
    """Return a block of text rows from lists; columns that are not given are null."""
    empty: list[str | None] = [None] * len(lines)
    return pl.DataFrame(
        [
            *(pl.Series(c, columns.get(c, empty), dtype=pl.String) for c in contract.columns),
            pl.Series("_line", lines, dtype=pl.Int64),
            pl.Series("_refusal", refusals, dtype=pl.String),
            pl.Series("_raw", raws, dtype=pl.String),
        ]
    )


def place_columns(header: list[str], contract: Contract, file: str) -> tuple[dict[str, int], list[str], list[str]]:
    """Find each declared column in a header, by name or alias, never by position alone.

    Returns:
        Position of each column found; headers nobody declared; optional headers that are absent.

    Raises:
        RefusedFile: a required header is missing, or one that is needed stands twice.
    """
    seen = [h.strip().strip("\ufeff") for h in header]
    expected = sum(1 for c in contract.columns.values() if c.is_in_the_file and not c.optional)
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
        if not declared.is_in_the_file:
            continue
        names = [contract.header_of(column), *declared.aliases]
        # The first of its names that occurs: a report may hold both its start and its day.
        name = next((n for n in names if n in seen), None)
        at = [i for i, h in enumerate(seen) if h == name]
        if not at and declared.header_pattern:
            at = [i for i, h in enumerate(seen) if re.fullmatch(declared.header_pattern, h)]
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
        plain = {h.casefold(): h for h in reversed(new)}
        near = [m for h in lost for m in difflib.get_close_matches(h.casefold(), plain, n=1, cutoff=0.5)]
        near = list(dict.fromkeys(plain[m] for m in near))
        found = f"; found {', '.join(repr(h) for h in near)}" if near else f"; found {len(seen)} other columns"
        what, verb = ("column", "is") if len(lost) == 1 else ("columns", "are")
        listed = ", ".join(repr(h) for h in lost)
        raise RefusedFile(f"{file}: {what} {listed} {verb} missing{found}. Fix the export, or the declaration.")
    if new and contract.undeclared == "refuse":
        raise RefusedFile(
            f"{file}: {'column' if len(lost) == 1 else 'columns'} {new[0]!r} is not declared, and 'undeclared: refuse'. Declare it."
        )
    return placed, new, absent


def shared_values(contract: Contract, file: str, header: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Return the values that all rows of a file share: from its name, or from a header (`Amount spent (MXN)`)."""
    found: dict[str, str | None] = {}
    for column, declared in contract.columns.items():
        if declared.from_file:
            match = re.search(declared.from_file, Path(file).name)
            found[column] = match.group(1) if match else None
        elif declared.from_header:
            matches = (re.search(declared.from_header, h.strip()) for h in header)
            found[column] = next((m.group(1) for m in matches if m), None)
    return found


def check_row_count(rows: int, contract: Contract, file: str, is_whole: bool = True) -> None:
    """Refuse a file with fewer or more rows than promised.

    Raises:
        RefusedFile: outside the declared bounds; too few only once the file is read whole.
    """
    if rows > contract.rows.max or (is_whole and rows < contract.rows.min):
        raise RefusedFile(
            f"{file}: {rows:,} rows, expected {contract.rows.min:,} to {contract.rows.max:,}. "
            "Check that the export is whole, or change 'rows:'."
        )
