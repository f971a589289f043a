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

import duckdb
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

#: What cells may use besides the columns: contact points in the form that all platforms begin from, made once.
PREPARED = "form_email(email) AS mail, form_e164(phone) AS tel"

#: Rows that are written at once.
ROWS_AT_ONCE = 100_000

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
    #: Cells that count only when all of them are there.
    together: ClassVar[tuple[str, ...]] = ()
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
            con.execute(f"CREATE TEMP TABLE given AS SELECT {given}{missing}", [customer[c] for c in asked])
            found = con.execute(
                f"SELECT {row_sql(self.cells)} FROM ({self.cells_sql('given')}) WHERE {self.needed}"
            ).fetchall()
        finally:
            con.close()
        return json.loads(found[0][0]) if found else None

    def cells_sql(self, source: str, keep: Iterable[str] = (), fields: Iterable[tuple[str, str]] = ()) -> str:
        """Return the query of all cells, each under its header, over a table of customers.

        Args:
            source: a table or CTE with the columns of `CUSTOMER_COLUMNS`.
            keep: further columns of it that are handed on.
            fields: headers of declared fields with their expressions.
        """
        made = ", ".join(f"coalesce({sql}, '') AS {name(h)}" for h, sql in (*self.cells.items(), *fields))
        kept = "".join(f", {name(c)}" for c in keep)
        query = f"SELECT {made}{kept} FROM (SELECT *, {PREPARED} FROM {source})"
        if self.together:
            is_whole = " AND ".join(f"{name(h)} <> ''" for h in self.together)
            parts = ", ".join(f"CASE WHEN {is_whole} THEN {name(h)} ELSE '' END AS {name(h)}" for h in self.together)
            query = f"SELECT * REPLACE ({parts}) FROM ({query})"
        return query

    def write(
        self, con: duckdb.DuckDBPyConnection, plan: Path, folder: Path, stem: str, fields: Iterable[str] = ()
    ) -> None:
        """Write the files of one plan: what to remove, what to add, and the list as it should be afterwards.

        Writing again with the same plan writes the same bytes. Removals come first, also in time. Rows stand in the order of the plan, which is
        that of their content and not of customers: the order of a file must not say anything that the file does not.

        Args:
            con: any connection that may read the plan.
            plan: the plan's rows.
            folder: where the files go.
            stem: what the names of the files of changes begin with.
            fields: headers of declared fields; they follow the platform's own.
        """
        columns = (*self.cells, *sorted(set(fields) - set(self.cells)))
        files_of = {
            f"{stem}_remove.csv": ("previous", "op IN ('remove', 'update') AND previous <> '{}'"),
            f"{stem}_add.csv": ("payload", "op IN ('add', 'update')"),
            "members.csv": ("payload", "op IN ('add', 'update', 'unchanged')"),
        }
        for file, (column, condition) in files_of.items():
            if (
                file == "members.csv"
                or con.execute(f"SELECT count(*) FROM '{quoted(str(plan))}' WHERE {condition}").fetchall()[0][0]
            ):
                self.write_rows(
                    con, folder / file, f"SELECT {column} AS row FROM '{quoted(str(plan))}' WHERE {condition}", columns
                )

    def write_rows(self, con: duckdb.DuckDBPyConnection, path: Path, query: str, columns: tuple[str, ...]) -> None:
        """Write one file of rows, given as a query of JSON objects named `row`."""
        shape = json.dumps(dict.fromkeys(columns, "VARCHAR"), ensure_ascii=False)
        parts = ", ".join(f"coalesce(cells.{name(c)}, '') AS {name(c)}" for c in columns)
        reader = con.execute(
            f"SELECT {parts} FROM (SELECT from_json(row, '{quoted(shape)}') AS cells FROM ({query}))"
        ).to_arrow_reader(ROWS_AT_ONCE)
        with files.written_beside(path) as beside, beside.open("wb") as handle:
            pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).write_csv(
                handle, line_terminator="\r\n", separator=self.separator
            )
            for batch in reader:
                pl.DataFrame(batch).write_csv(
                    handle, line_terminator="\r\n", separator=self.separator, include_header=False
                )


def row_sql(headers: Iterable[str]) -> str:
    """Return the expression of a row as a JSON object with sorted keys, over a query of cells."""
    return f"json_object({', '.join(f'{chr(39)}{quoted(h)}{chr(39)}, {name(h)}' for h in sorted(headers))})"


def row_hash_sql(headers: Iterable[str]) -> str:
    """Return the expression that tells whether a customer's row changed since it was sent."""
    listed = ", ".join(f"'{quoted(h)}=' || {name(h)}" for h in sorted(headers))
    return f"sha256(concat_ws(chr(31), {listed}))"
