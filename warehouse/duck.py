"""The only place that opens DuckDB.

One process writes the working file at a time; readers use the published file. Only calls that DuckDB 1.5 and 2.0
share are used: `execute(...).fetchall()` and `con.sql(...)`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import CdpError
from warehouse.settings import settings

#: Ways of storing texts that cost more than the working file, which lives until the next run, gets out of them.
PACKING = "dictionary,fsst,dict_fsst,zstd"
#: Name of the database in memory that holds the rows of some customers, where only what hangs on them is built (`warehouse.parts`).
PART = "part"
#: Schemas of the working file, in the order in which data pass through them.
SCHEMAS = ("bronze", "quality", "identity", "activation")


def connect(
    path: Path | str | None = None, *, read_only: bool = False, all_or_nothing: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, the working file, or memory (`":memory:"`), bounded and in UTC.

    With `all_or_nothing` no log is kept of what is committed: it is in the file once the connection is closed, and a process that is killed
    before leaves the file as it was.

    Raises:
        CdpError: another process is writing the file, or it is not there to be read.
    """
    config = settings()
    target = None if path == ":memory:" else Path(path) if path is not None else config.working_file
    if target is not None:
        if read_only and not target.exists():
            raise CdpError(f"{target.name} is not there yet; run `cdp run` or start the DAGs")
        target.parent.mkdir(parents=True, exist_ok=True)
    scratch = config.warehouse / "scratch"
    try:
        if target is not None and all_or_nothing:
            con = duckdb.connect(":memory:")
            con.execute(f"ATTACH '{quoted(str(target))}' AS {name(target.stem)} (RECOVERY_MODE NO_WAL_WRITES)")
            con.execute(f"USE {name(target.stem)}")
        else:
            con = duckdb.connect(str(target) if target else ":memory:", read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            file = target.name if target else "memory"
            raise CdpError(f"{file} is being written by another process; wait for it, or use the pool") from None
        raise
    con.execute(f"SET memory_limit = '{config.memory_limit}'")
    con.execute(f"SET threads = {config.threads}")
    con.execute(f"SET temp_directory = '{quoted(str(scratch))}'")
    con.execute("SET TimeZone = 'UTC'")
    if target is not None and not read_only:
        con.execute(f"SET disabled_compression_methods = '{PACKING}'")
        if target == config.working_file:
            # Where some rows of a large table were replaced, tidying up may write all of it anew; the next whole build does that anyway.
            con.execute("SET max_vacuum_tasks = 0")
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return con


def is_part(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether a connection looks at some customers only."""
    return bool(con.execute("SELECT current_catalog()").fetchall()[0][0] == PART)


def of_all(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return what to call a table of all customers, also where a connection looks at some only."""
    if not is_part(con):
        return table
    found = con.execute(
        "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> ? AND path IS NOT NULL",
        [PART],
    ).fetchall()
    return f"{name(found[0][0])}.{table}"


def keep(con: duckdb.DuckDBPyConnection, table: str, rows: Any) -> None:
    """Make a temporary table of rows of Arrow or Polars.

    A registered object is scanned where it is, and filters that joins push down are not all understood there (DuckDB 1.5: bloom filters).
    """
    con.register("rows_to_keep", rows)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name(table)} AS SELECT * FROM rows_to_keep")
    con.unregister("rows_to_keep")


def digest(*expressions: str) -> str:
    """Return the SQL of a number of 64 bits that tells what some expressions hold, a row.

    DuckDB's own `hash` is for hash tables: texts that differ in two places eight characters apart often have one hash (measured: 5,854 pairs
    among 13.5 million ids that count up), so it must not decide whether something is what it was. The upper half of md5 is what DuckDB calls
    its lower number, in three quarters of the time.
    """
    told = ", ".join(f"coalesce(({e})::VARCHAR, chr(30))" for e in expressions)
    return f"(md5_number(concat_ws(chr(31), {told})) >> 64)::UBIGINT"


def quoted(text: str) -> str:
    """Return the inside of a SQL string literal."""
    return text.replace("'", "''")


def name(*parts: str) -> str:
    """Return a quoted, possibly dotted SQL identifier."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count the rows of a table, view or parenthesised query."""
    return int(con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])


def rows(con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries; for small results."""
    cursor = con.execute(sql, parameters or [])
    columns = [d[0] for d in cursor.description or []]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def has_table(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Tell whether a table or view is there."""
    # The information schema would bind every view first, which takes half a second in the working file.
    found = con.execute(
        "SELECT count(*) FROM (SELECT schema_name, table_name FROM duckdb_tables() UNION ALL SELECT schema_name, view_name FROM duckdb_views()) "
        "WHERE schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchall()
    return bool(found[0][0])
