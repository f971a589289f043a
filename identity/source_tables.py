"""Source tables of records that are somebody's, people's or companies', as rows of text with one column per role.

In: `quality.person_tables`, `quality.company_tables` and the bronze tables they name. Out: queries. What stays true: a record
that was merged at its source and is exported no more has a row of its own, so that its id still finds whom it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import duckdb
import polars as pl

from warehouse.duck import name
from warehouse.duck import quoted as q
from warehouse.errors import CdpError

#: No merges at all, with their columns, and none that a table's own columns tell; typed, so that keys compare with keys.
NO_TABLE = "SELECT NULL::VARCHAR AS record_key, NULL::VARCHAR AS into_key, NULL::VARCHAR AS source, NULL::VARCHAR AS source_table WHERE false"
NO_MERGES = "SELECT NULL::VARCHAR AS gone, NULL::VARCHAR AS kept WHERE false"


class SourceTable(NamedTuple):
    """A source table as `quality.person_tables` describes it."""

    table: str
    source: str
    key: list[str]
    roles: dict[str, list[str]]
    country: str | None
    joins: list[dict[str, Any]]

    def query(self, roles: Sequence[str]) -> str:
        """Return the rows of the table with one text column per role."""
        played = {role: [f"base.{name(c)}" for c in columns] for role, columns in self.roles.items()}
        owner = {c: "base" for columns in self.roles.values() for c in columns}
        parts = [f"{name('bronze', self.table)} AS base"]
        for number, join in enumerate(self.joins):
            alias, table, on = f"a{number}", str(join["table"]), dict(join["on"])
            keys = ", ".join(name(there) for there in on.values())
            first = f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY _line) = 1"
            condition = " AND ".join(
                f"{owner.get(here, 'base')}.{name(here)} = {alias}.{name(there)}" for here, there in on.items()
            )
            only = f"WHERE {join['where']}" if join["where"] else ""
            parts.append(f"LEFT JOIN (SELECT * FROM {name('bronze', table)} {only} {first}) AS {alias} ON {condition}")
            for there, role in join["take"].items():
                played.setdefault(role, []).append(f"{alias}.{name(there)}")
            owner.update(dict.fromkeys(join["keep"], alias))
        columns = []
        for role in roles:
            found = played.get(role, [])
            joined = f"coalesce({', '.join(f'{c}::VARCHAR' for c in found)})" if found else "NULL::VARCHAR"
            columns.append(f"{joined} AS {role}")
        key = " || '|' || ".join(f"base.{name(k)}::VARCHAR" for k in self.key)
        country = f"'{q(self.country)}'" if self.country else "NULL"
        return (
            f"SELECT '{self.table}:' || {key} AS record_key, '{self.source}' AS source, '{self.table}' AS source_table, "
            f"{key} AS record_id, {country} AS default_country, {', '.join(columns)} FROM {' '.join(parts)}"
        )

    def merges(self) -> str:
        """Return what the source itself merged: `record_key` and `into_key`, the record that answers for it.

        Salesforce names the survivor in the record that is gone (MasterRecordId), HubSpot the gone ones in the survivor
        (hs_merged_object_ids).
        """
        if len(self.key) > 1:
            return NO_TABLE
        key, bronze, parts = name(self.key[0]), name("bronze", self.table), [NO_MERGES]
        parts += [
            f"SELECT {key}::VARCHAR, {name(column)}::VARCHAR FROM {bronze}"
            for column in self.roles.get("merged_into", [])
        ]
        parts += [
            f"SELECT unnest({name(column)})::VARCHAR, {key}::VARCHAR FROM {bronze}"
            for column in self.roles.get("merged_ids", [])
        ]
        return (
            f"SELECT DISTINCT '{self.table}:' || gone AS record_key, '{self.table}:' || kept AS into_key, '{self.source}' AS source, "
            f"'{self.table}' AS source_table FROM ({' UNION ALL '.join(parts)}) WHERE gone <> kept"
        )


def source_tables(con: duckdb.DuckDBPyConnection, described_in: str) -> list[SourceTable]:
    """Read `quality.person_tables` or `quality.company_tables`.

    Raises:
        CdpError: no source table identifies people.
    """
    found = con.execute(
        f"SELECT table_name, source, key, roles, country, joins FROM quality.{described_in} ORDER BY 1"
    ).fetchall()
    if not found and described_in == "person_tables":
        raise CdpError("no source table says 'identifies: person'; declare one")
    return [SourceTable(t, s, json.loads(k), json.loads(r), c, json.loads(j)) for t, s, k, r, c, j in found]


def merges_of(tables: list[SourceTable]) -> str:
    """Return what the sources of some tables merged; columns as :meth:`SourceTable.merges`."""
    return " UNION ALL ".join(f"({table.merges()})" for table in tables)


def with_merged(tables: list[SourceTable], roles: Sequence[str], merges: str = "merges") -> str:
    """Return the rows of some tables, with `is_merged`, and a row for each merged record that is exported no more."""
    exported = " UNION ALL ".join(f"({table.query(roles)})" for table in tables)
    return f"""
        WITH exported AS ({exported}),
        merged AS (
            SELECT record_key, any_value(source) AS source, any_value(source_table) AS source_table FROM (
                SELECT record_key, source, source_table FROM {merges} UNION ALL SELECT into_key, source, source_table FROM {merges})
            GROUP BY 1
        )
        SELECT *, CASE WHEN record_key IN (SELECT record_key FROM merged) THEN 'true' END AS is_merged FROM exported
        UNION ALL BY NAME
        SELECT record_key, source, source_table, substr(record_key, length(source_table) + 2) AS record_id, 'true' AS is_merged
        FROM merged WHERE record_key NOT IN (SELECT record_key FROM exported)
    """


def mapped(frame: pl.DataFrame, columns: list[str], function: Callable[..., Any], fields: list[str]) -> pl.DataFrame:
    """Apply a function to each different combination of values and join its fields back."""
    unique = frame.select(columns).unique(maintain_order=True)
    values = [function(*row) for row in unique.iter_rows()]
    made = pl.DataFrame(
        {field: [value[i] for value in values] for i, field in enumerate(fields)},
        schema=dict.fromkeys(fields, pl.String),
    )
    return frame.join(unique.hstack(made), on=columns, how="left", nulls_equal=True, maintain_order="left")
