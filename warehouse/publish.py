"""Publish: copy finished tables into a new file, check it, swap it in whole.

In: the working file. Out: `cdp.duckdb` (customers, metrics, figures) after each build, and `audiences.duckdb` (who is in which audience, what was
planned and sent) after audiences were made or delivered; both read-only, with comments on tables and columns, the last few versions beside them.
What stays true: readers never wait and never see half a run; equal content is not published again; an old version can be
put back by :func:`roll_back`.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.duck import PACKING, connect, count, has_table, name, quoted
from warehouse.errors import CdpError, GateFailed, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

KEEP_VERSIONS = 5
#: Files of this storage version are read by DuckDB 1.5 and by 2.0; most BI clients are at 1.5.
STORAGE_VERSION = "v1.5.0"


#: The two files that people read: customers with what is known of them, and audiences with what became of them.
CUSTOMERS, AUDIENCES = "cdp", "audiences"
#: Rows from which on a table is put in the order of its customers, so that one customer is found without reading the others.
SORTED_FROM_ROWS = 100_000


class PublishedFile(Declared):
    """What one published file holds: whole schemas, and tables with their descriptions."""

    schemas: tuple[str, ...] = ()
    tables: dict[str, str]
    #: Columns that large tables are put in the order of, where it is not the customer.
    sorted_by: dict[str, tuple[str, ...]]
    #: What columns hold where dbt does not say it: by name, or by `schema.table.column`.
    columns: dict[str, str]


class Published(Declared):
    """`warehouse/published.yml`."""

    cdp: PublishedFile
    audiences: PublishedFile


@cache
def published() -> Published:
    """Read what is published."""
    return load(Path(__file__).parent / "published.yml", Published)


def versions_folder() -> Path:
    """Return the folder of published versions."""
    return settings().warehouse / "versions"


def manifest(file: str = CUSTOMERS) -> dict[str, Any]:
    """Return what is known of a published file; empty when there is none."""
    path = _manifest_path(file)
    return dict(files.read_json(path)) if path.exists() else {}


def _manifest_path(file: str) -> Path:
    return settings().warehouse / ("manifest.json" if file == CUSTOMERS else f"{file}.json")


def _declared(file: str) -> PublishedFile:
    found: PublishedFile = getattr(published(), file)
    return found


def _tables(con: duckdb.DuckDBPyConnection, file: str) -> list[tuple[str, str]]:
    declared = _declared(file)
    found = con.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = current_catalog() ORDER BY 1, 2"
    ).fetchall()
    return [(s, t) for s, t in found if s in declared.schemas or f"{s}.{t}" in declared.tables]


def publish(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Swap a new `cdp.duckdb` in, unless nothing changed.

    Raises:
        GateFailed: there are no customers to publish, or the new file does not hold what the working file holds.
    """
    with step("publish") as result, edge("publish"):
        if not has_table(con, "marts", "customers") or not count(con, "marts.customers"):
            raise GateFailed("marts.customers is empty, so nothing is published; consumers keep the version before")
        _publish(con, CUSTOMERS, result)
    return result


def publish_audiences(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Swap a new `audiences.duckdb` in, unless nothing changed.

    Raises:
        GateFailed: the new file does not hold what the working file holds.
    """
    with step("publish audiences") as result, edge("publish"):
        _publish(con, AUDIENCES, result)
    return result


def _publish(con: duckdb.DuckDBPyConnection, file: str, result: StepResult) -> None:
    tables = _tables(con, file)
    sizes, version = _fingerprint(con, tables)
    result.rows_in = result.rows_out = sum(sizes.values())
    result.facts = {"version": version, "tables": len(tables)}
    target = versions_folder() / f"{file}-{version}.duckdb"
    if manifest(file).get("version") == version and _path(file).exists():
        result.facts["unchanged"] = True
        return
    beside = versions_folder() / f".{target.name}.part"
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.unlink(missing_ok=True)
    _copy(con, beside, tables, sizes, _declared(file))
    fault("publish.after_copy")
    _verify(beside, sizes)
    beside.chmod(0o444)
    beside.replace(target)
    _swap(file, target, version, sizes)
    fault("publish.after_swap")
    _forget_old(file, version)


def _path(file: str) -> Path:
    return settings().warehouse / f"{file}.duckdb"


def kept_versions() -> list[tuple[str, str, datetime]]:
    """Return the kept versions of both files, newest first: file, version, and when a run published it."""
    found = []
    for path in versions_folder().glob("*-*.duckdb"):
        file, _, version = path.stem.partition("-")
        found.append((file, version, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
    return sorted(found, key=lambda v: v[2], reverse=True)


def roll_back(version: str) -> None:
    """Put a kept version back in place.

    Raises:
        CdpError: the version is not kept.
    """
    target = versions_folder() / f"cdp-{version}.duckdb"
    if not target.exists():
        kept = sorted(p.stem.removeprefix("cdp-") for p in versions_folder().glob("cdp-*.duckdb"))
        raise CdpError(f"version {version} is not kept; kept are {', '.join(kept) or 'none'}")
    with edge("publish"):
        con = connect(target, read_only=True)
        sizes = {f"{s}.{t}": count(con, name(s, t)) for s, t in _tables(con, CUSTOMERS)}
        con.close()
        _swap(CUSTOMERS, target, version, sizes)


def _fingerprint(con: duckdb.DuckDBPyConnection, tables: list[tuple[str, str]]) -> tuple[dict[str, int], str]:
    sizes: dict[str, int] = {}
    digest = hashlib.sha256()
    for schema, table in tables:
        rows, content = con.execute(
            f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR FROM {name(schema, table)} AS t"
        ).fetchall()[0]
        sizes[f"{schema}.{table}"] = int(rows)
        digest.update(f"{schema}.{table}:{rows}:{content}\n".encode())
    return sizes, digest.hexdigest()[:12]


def _copy(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    tables: list[tuple[str, str]],
    sizes: dict[str, int],
    declared: PublishedFile,
) -> None:
    # What people download and keep is packed, unlike the working file.
    con.execute("RESET disabled_compression_methods")
    con.execute(f"ATTACH '{quoted(str(path))}' AS outgoing (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        for schema in sorted({s for s, _ in tables}):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS outgoing.{name(schema)}")
        for schema, table in tables:
            order = _order(con, schema, table, declared) if sizes[f"{schema}.{table}"] >= SORTED_FROM_ROWS else ""
            con.execute(f"CREATE TABLE outgoing.{name(schema, table)} AS SELECT * FROM {name(schema, table)}{order}")
            described = con.execute(
                "SELECT comment FROM duckdb_tables() WHERE database_name = current_catalog() AND schema_name = ? AND table_name = ?",
                [schema, table],
            ).fetchall()
            text = (described[0][0] if described else None) or declared.tables.get(f"{schema}.{table}")
            if text:
                con.execute(f"COMMENT ON TABLE outgoing.{name(schema, table)} IS '{quoted(text.strip())}'")
            for column, said in con.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = current_catalog() AND schema_name = ? AND table_name = ?",
                [schema, table],
            ).fetchall():
                comment = said or declared.columns.get(f"{schema}.{table}.{column}") or declared.columns.get(column)
                if comment:
                    con.execute(f"COMMENT ON COLUMN outgoing.{name(schema, table, column)} IS '{quoted(comment)}'")
        con.execute("CHECKPOINT outgoing")
    finally:
        con.execute("DETACH outgoing")
        con.execute(f"SET disabled_compression_methods = '{PACKING}'")


def _order(con: duckdb.DuckDBPyConnection, schema: str, table: str, declared: PublishedFile) -> str:
    by = declared.sorted_by.get(f"{schema}.{table}")
    if by is None:
        found = con.execute(
            "SELECT list(column_name) FROM duckdb_columns() WHERE database_name = current_catalog() AND schema_name = ? AND table_name = ?",
            [schema, table],
        ).fetchall()[0][0]
        by = ("customer_id",) if "customer_id" in found else ()
    return f" ORDER BY {', '.join(name(c) for c in by)}" if by else ""


def _verify(path: Path, sizes: dict[str, int]) -> None:
    con = connect(path, read_only=True)
    try:
        for table, rows in sizes.items():
            found = count(con, name(*table.split(".")))
            if found != rows:
                raise GateFailed(f"{table} holds {found} rows in the new file, expected {rows}; nothing was published")
    finally:
        con.close()


def _swap(file: str, target: Path, version: str, sizes: dict[str, int]) -> None:
    config = settings()
    with target.open("rb") as handle:
        os.fsync(handle.fileno())
    link = config.warehouse / f".{file}.duckdb.part"
    link.unlink(missing_ok=True)
    os.link(target, link)
    link.replace(_path(file))
    files.sync_folder(config.warehouse)
    files.write_json(
        _manifest_path(file),
        {"version": version, "published_at": now().isoformat(timespec="seconds"), "rows": sizes},
    )


def _forget_old(file: str, version: str) -> None:
    kept = sorted(versions_folder().glob(f"{file}-*.duckdb"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in [p for p in kept if p.stem != f"{file}-{version}"][KEEP_VERSIONS - 1 :]:
        path.unlink()


def open_published(memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open the published files for reading, locked down: no files, no network, no settings.

    A fresh in-memory connection attaches the resolved paths, so a process that lives long sees every new version. Tables of customers are named by
    schema and table; those of `audiences.duckdb`, where it is published, begin with `audiences.`.

    Raises:
        CdpError: nothing was published yet.
    """
    if not _path(CUSTOMERS).exists():
        raise CdpError("nothing is published yet; run `cdp run` or start the DAGs")
    con = connect(":memory:")
    for file in (CUSTOMERS, AUDIENCES):
        resolved = versions_folder() / f"{file}-{manifest(file).get('version')}.duckdb"
        path = resolved if resolved.exists() else _path(file)
        if path.exists():
            con.execute(f"ATTACH '{quoted(str(path))}' AS {file} (READ_ONLY)")
    con.execute("USE cdp")
    if memory_limit:
        con.execute(f"SET memory_limit = '{quoted(memory_limit)}'")
    for setting in (
        "enable_external_access = false",
        "autoinstall_known_extensions = false",
        "lock_configuration = true",
    ):
        con.execute(f"SET {setting}")
    return con
