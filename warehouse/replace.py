"""Write all rows of a model's table anew, and ask of rows what the model's constraints say, as dbt has DuckDB do in a whole build."""

from __future__ import annotations

import duckdb

from warehouse.errors import GateFailed
from warehouse.plan import Node, within


def replace_all(con: duckdb.DuckDBPyConnection, catalog: str, node: Node, rows: str) -> None:
    """Write all rows of a table anew; the table stays, with what is said of its columns."""
    place = within(catalog, node.place)
    con.execute("BEGIN")
    con.execute(f"DELETE FROM {place}")
    con.execute(f"INSERT INTO {place} BY NAME {rows}")
    hold_rules(con, node, place)
    con.execute("COMMIT")


def hold_rules(con: duckdb.DuckDBPyConnection, node: Node, rows: str) -> None:
    """Ask of rows what the model's constraints say.

    Raises:
        GateFailed: they do not hold; what is wrong is counted, not quoted.
    """
    asked = []
    for kind, columns in node.rules:
        listed = ", ".join(columns)
        if kind in ("primary_key", "unique"):
            empty = "".join(f" OR {c} IS NULL" for c in columns) if kind == "primary_key" else ""
            asked.append((f"key ({listed})", f"SELECT 1 FROM {rows} GROUP BY {listed} HAVING count(*) > 1{empty}"))
        elif kind == "not_null":
            asked.append((f"empty {listed}", f"SELECT 1 FROM {rows} WHERE {listed} IS NULL"))
        else:
            asked.append((listed, f"SELECT 1 FROM {rows} WHERE NOT ({listed})"))
    if not asked:
        return
    wrong = con.execute(
        " UNION ALL ".join(f"SELECT {n}, count(*) FROM ({sql})" for n, (_, sql) in enumerate(asked))
    ).fetchall()
    broken = [f"{asked[n][0]}: {rows_count} rows" for n, rows_count in wrong if rows_count]
    if broken:
        raise GateFailed(
            f"build: {node.place}: {'; '.join(broken)}. Consumers keep what was published before; the next build is a whole one"
        )
