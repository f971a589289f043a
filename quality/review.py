"""The monthly look at the data themselves: how complete each source is against its standards, who stands twice in one system,
what is stale.

In: bronze, `identity.records`, `identity.contact_points`. Out: `quality.completeness` (one row per source table and column),
`quality.duplicates_within` (one row per table and kind of identifier), `quality.contact_quality` (one row per table, kind,
status and mark). Counts only.
"""

from __future__ import annotations

import duckdb

from quality.contract import Contract, load_contracts
from warehouse import lake
from warehouse.duck import has_table, name
from warehouse.errors import edge
from warehouse.steps import StepResult, step

#: Standards of columns that declare none of their own, by role: the share of rows that ought to have a value, in percent.
STANDARDS = {
    "email": 60.0,
    "phone": 40.0,
    "full_name": 95.0,
    "given_name": 85.0,
    "family_name": 80.0,
    "country": 90.0,
    "observed_at": 95.0,
}


def standard_of(contract: Contract, column: str) -> float | None:
    """Return the share of rows that ought to have a value: declared, by role, or none."""
    declared = contract.columns[column]
    if declared.filled_pct is not None:
        return declared.filled_pct
    if declared.required:
        return 100.0
    return STANDARDS.get(declared.role or "") if contract.identifies == "person" else None


def review(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace the three tables and count what does not hold."""
    with step("review") as result, edge("quality"):
        rows: list[tuple[object, ...]] = []
        for contract in load_contracts().values():
            counts = ", ".join(f"count({name(c)})" for c in contract.columns)
            found = con.execute(f"SELECT count(*), {counts} FROM {name('bronze', contract.name)}").fetchall()[0]
            total = int(found[0])
            for column, filled in zip(contract.columns, found[1:], strict=True):
                standard = standard_of(contract, column)
                share = 100.0 * filled / total if total else None
                is_met = None if standard is None or share is None else share >= standard
                rows.append((contract.source, contract.table, column, total, int(filled), share, standard, is_met))
        lake.replace_table(
            con, "quality", "completeness", rows,
            "source VARCHAR, table_name VARCHAR, column_name VARCHAR, rows BIGINT, filled BIGINT, filled_pct DOUBLE, "
            "standard_pct DOUBLE, is_met BOOLEAN",
        )  # fmt: skip
        _duplicates(con)
        unmet = [r for r in rows if r[7] is False]
        result.rows_in = result.rows_out = len(rows)
        twice = con.execute("SELECT coalesce(sum(surplus_records), 0) FROM quality.duplicates_within").fetchall()[0][0]
        stale = con.execute("SELECT count(*) FROM quality.freshness WHERE NOT is_fresh").fetchall()[0][0]
        result.facts = {
            "below_standard": len(unmet),
            "duplicates_within_systems": int(twice),
            "stale_tables": int(stale),
        }
    return result


def _duplicates(con: duckdb.DuckDBPyConnection) -> None:
    kinds = {"email": "email_key", "phone": "phone_e164", "tax_id": "tax_id"}
    if has_table(con, "identity", "records"):
        # One name and one identifier twice in one system: entered twice. A family's phone has several names.
        parts = " UNION ALL ".join(
            f"SELECT source_table, '{kind}' AS kind, {column} AS value, given_first, surname_1, count(*) AS n FROM identity.records "
            f"WHERE {column} IS NOT NULL AND exclusion IS NULL GROUP BY ALL HAVING count(*) > 1"
            for kind, column in kinds.items()
        )
        twice = (
            "SELECT source_table AS table_name, kind, count(*) AS groups, sum(n)::BIGINT AS records, "
            f"(sum(n) - count(*))::BIGINT AS surplus_records FROM ({parts}) GROUP BY ALL ORDER BY ALL"
        )
    else:
        twice = _nothing("table_name VARCHAR, kind VARCHAR, groups BIGINT, records BIGINT, surplus_records BIGINT")
    con.execute(f"CREATE OR REPLACE TABLE quality.duplicates_within AS {twice}")
    if has_table(con, "identity", "contact_points"):
        usable = (
            "SELECT source_table AS table_name, kind, status, mark, count(*) AS records FROM identity.contact_points "
            "GROUP BY ALL ORDER BY ALL"
        )
    else:
        usable = _nothing("table_name VARCHAR, kind VARCHAR, status VARCHAR, mark VARCHAR, records BIGINT")
    con.execute(f"CREATE OR REPLACE TABLE quality.contact_quality AS {usable}")


def _nothing(columns: str) -> str:
    """Return a query without rows, of these columns."""
    typed = (column.split(" ") for column in columns.split(", "))
    return f"SELECT {', '.join(f'NULL::{kind} AS {column}' for column, kind in typed)} WHERE false"
