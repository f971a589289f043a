"""What all destinations share: a customer becomes a row of cells, rows become files, each change has one outcome.

A destination declares its cells as SQL over the published customers, in the forms of :mod:`activation.hashing`; the plan makes all rows of an
audience in one query, for files and for calls alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl

from activation.hashing import register_forms
from warehouse import files
from warehouse.duck import connect, name, quoted

#: Columns of the published customers that cells may use.
CUSTOMER_COLUMNS = (
    "customer_id",
    "given_name",
    "surnames",
    "email",
    "phone",
    "country",
    "postcode",
    "city",
    "region",
    "birth_date",
)

Payload = dict[str, str]


@dataclass(frozen=True)
class Change:
    """One customer to add to a list, to change on it, or to remove from it.

    `previous` is the row the platform got last: people are removed by what they were sent with, not by what is known now.
    """

    customer_id: str
    op: Literal["add", "update", "remove"]
    payload: Payload
    previous: Payload


@dataclass(frozen=True)
class Outcome:
    """What became of a change: accepted or rejected, and why."""

    customer_id: str
    status: Literal["accepted", "rejected"]
    reason: str = ""
    request_id: str = ""


class Destination:
    """A platform that takes files in its own upload format."""

    platform: ClassVar[str]
    #: The exact headers, each with the expression of its cell over columns of a customer; null is an empty cell.
    cells: ClassVar[dict[str, str]]
    #: What a customer must have: a condition over the headers, and the same in words.
    needed: ClassVar[str]
    needs: ClassVar[str]
    min_list_size: ClassVar[int] = 0
    #: Whether a row may carry declared fields besides its own.
    takes_fields: ClassVar[bool] = False
    #: The letter after which a spreadsheet of the marketer reads the file; platforms read commas.
    separator: ClassVar[str] = ","

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return one customer's row by header, or None when nothing in it identifies the customer."""
        con = connect(":memory:")
        try:
            register_forms(con)
            asked = [c for c in CUSTOMER_COLUMNS if c in customer]
            given = ", ".join(f"?::{'DATE' if c == 'birth_date' else 'VARCHAR'} AS {c}" for c in asked)
            missing = "".join(f", NULL::VARCHAR AS {c}" for c in CUSTOMER_COLUMNS if c not in customer)
            found = con.execute(
                f"SELECT {row_sql(self.cells)} FROM (SELECT {cells_sql(self.cells)} FROM (SELECT {given}{missing}) AS c) WHERE {self.needed}",
                [customer[c] for c in asked],
            ).fetchall()
        finally:
            con.close()
        return json.loads(found[0][0]) if found else None

    def write(
        self, folder: Path, stem: str, changes: pl.DataFrame, everyone: pl.DataFrame, fields: Iterable[str] = ()
    ) -> None:
        """Write the files of one plan: what to remove, what to add, and the list as it should be afterwards.

        Writing again with the same plan writes the same bytes. Removals come first, also in time.

        Args:
            folder: where the files go.
            stem: what the names of the files of changes begin with.
            changes: rows of a plan that are added, updated or removed (`op`, `payload`, `previous`).
            everyone: rows of a plan that are on the list afterwards (`payload`).
            fields: headers of declared fields; they follow the platform's own.
        """
        leaving = changes.filter(pl.col("op").is_in(["remove", "update"]) & (pl.col("previous") != "{}"))["previous"]
        coming = changes.filter(pl.col("op").is_in(["add", "update"]))["payload"]
        for label, rows in (("remove", leaving), ("add", coming)):
            if len(rows):
                self.write_rows(folder / f"{stem}_{label}.csv", rows, fields)
        self.write_rows(folder / "members.csv", everyone["payload"], fields)

    def write_rows(self, path: Path, payloads: pl.Series, fields: Iterable[str] = ()) -> None:
        """Write rows, given as JSON objects, with the platform's headers and those of declared fields."""
        columns = (*self.cells, *sorted(set(fields) - set(self.cells)))
        kind = pl.Struct(dict.fromkeys(columns, pl.String))
        rows = payloads.str.json_decode(kind).struct.unnest() if len(payloads) else pl.DataFrame(schema=dict(kind))
        # By content, not by customer id: the order of a file must not say anything the file does not.
        rows = rows.with_columns(pl.all().fill_null("")).sort(list(columns))
        with files.written_beside(path) as beside:
            rows.write_csv(beside, line_terminator="\r\n", separator=self.separator)


def cells_sql(cells: dict[str, str], fields: Iterable[tuple[str, str]] = ()) -> str:
    """Return the select list of all cells, each under its header; `fields` are further headers with their expressions."""
    listed = [f"coalesce({sql}, '') AS {name(header)}" for header, sql in (*cells.items(), *fields)]
    return ", ".join(listed)


def row_sql(headers: Iterable[str]) -> str:
    """Return the expression of a row as a JSON object with sorted keys, over the select list of :func:`cells_sql`."""
    return f"json_object({', '.join(f'{chr(39)}{quoted(h)}{chr(39)}, {name(h)}' for h in sorted(headers))})"


def row_hash_sql(headers: Iterable[str]) -> str:
    """Return the expression that tells whether a customer's row changed since it was sent."""
    listed = ", ".join(f"'{quoted(h)}=' || {name(h)}" for h in sorted(headers))
    return f"sha256(concat_ws(chr(31), {listed}))"
