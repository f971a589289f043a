"""Publish: copy finished tables into a new file, check it, swap it in whole.

In: the working file. Out: `cdp.duckdb`, read-only, with comments on tables and columns; the last few versions beside it.
What stays true: readers never wait and never see half a run; equal content is not published again; an old version can be
put back by :func:`roll_back`.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.duck import connect, count, has_table, name, quoted
from warehouse.errors import CdpError, GateFailed, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

KEEP_VERSIONS = 5
#: Files of this storage version are read by DuckDB 1.5 and by 2.0; most BI clients are at 1.5.
STORAGE_VERSION = "v1.5.0"


class Published(Declared):
    """`warehouse/published.yml`."""

    schemas: tuple[str, ...]
    tables: dict[str, str]


@cache
def published() -> Published:
    """Read what is published."""
    return load(Path(__file__).parent / "published.yml", Published)


def versions_folder() -> Path:
    """Return the folder of published versions."""
    return settings().warehouse / "versions"


def manifest() -> dict[str, Any]:
    """Return what is known of the published file; empty when there is none."""
    path = settings().warehouse / "manifest.json"
    return dict(files.read_json(path)) if path.exists() else {}


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    declared = published()
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
        tables = _tables(con)
        sizes, version = _fingerprint(con, tables)
        result.rows_in = result.rows_out = sum(sizes.values())
        result.facts = {"version": version, "tables": len(tables)}
        target = versions_folder() / f"cdp-{version}.duckdb"
        if manifest().get("version") == version and settings().published_file.exists():
            result.facts["unchanged"] = True
            return result
        beside = versions_folder() / f".{target.name}.part"
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        _copy(con, beside, tables)
        fault("publish.after_copy")
        _verify(beside, sizes)
        beside.chmod(0o444)
        beside.replace(target)
        _swap(target, version, sizes)
        fault("publish.after_swap")
        _forget_old(version)
    return result


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
        sizes = {f"{s}.{t}": count(con, name(s, t)) for s, t in _tables(con)}
        con.close()
        _swap(target, version, sizes)


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


def _copy(con: duckdb.DuckDBPyConnection, path: Path, tables: list[tuple[str, str]]) -> None:
    con.execute(f"ATTACH '{quoted(str(path))}' AS outgoing (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        for schema in sorted({s for s, _ in tables}):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS outgoing.{name(schema)}")
        for schema, table in tables:
            con.execute(f"CREATE TABLE outgoing.{name(schema, table)} AS SELECT * FROM {name(schema, table)}")
            described = con.execute(
                "SELECT comment FROM duckdb_tables() WHERE database_name = current_catalog() AND schema_name = ? AND table_name = ?",
                [schema, table],
            ).fetchall()
            text = (described[0][0] if described else None) or published().tables.get(f"{schema}.{table}")
            if text:
                con.execute(f"COMMENT ON TABLE outgoing.{name(schema, table)} IS '{quoted(text.strip())}'")
            for column, comment in con.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = current_catalog() "
                "AND schema_name = ? AND table_name = ? AND comment IS NOT NULL",
                [schema, table],
            ).fetchall():
                con.execute(f"COMMENT ON COLUMN outgoing.{name(schema, table, column)} IS '{quoted(comment)}'")
        con.execute("CHECKPOINT outgoing")
    finally:
        con.execute("DETACH outgoing")


def _verify(path: Path, sizes: dict[str, int]) -> None:
    con = connect(path, read_only=True)
    try:
        for table, rows in sizes.items():
            found = count(con, name(*table.split(".")))
            if found != rows:
                raise GateFailed(f"{table} holds {found} rows in the new file, expected {rows}; nothing was published")
    finally:
        con.close()


def _swap(target: Path, version: str, sizes: dict[str, int]) -> None:
    config = settings()
    with target.open("rb") as handle:
        os.fsync(handle.fileno())
    link = config.warehouse / ".cdp.duckdb.part"
    link.unlink(missing_ok=True)
    os.link(target, link)
    link.replace(config.published_file)
    files.sync_folder(config.warehouse)
    files.write_json(
        config.warehouse / "manifest.json",
        {"version": version, "published_at": now().isoformat(timespec="seconds"), "rows": sizes},
    )


def _forget_old(version: str) -> None:
    kept = sorted(versions_folder().glob("cdp-*.duckdb"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in [p for p in kept if p.stem != f"cdp-{version}"][KEEP_VERSIONS - 1 :]:
        path.unlink()


def open_published() -> duckdb.DuckDBPyConnection:
    """Open the published file for reading, locked down: no files, no network, no settings.

    A fresh in-memory connection attaches the resolved path, so a process that lives long sees every new version.

    Raises:
        CdpError: nothing was published yet.
    """
    path = settings().published_file
    if not path.exists():
        raise CdpError("nothing is published yet; run `cdp run` or start the DAGs")
    version = manifest().get("version")
    resolved = versions_folder() / f"cdp-{version}.duckdb"
    con = connect(":memory:")
    con.execute(f"ATTACH '{quoted(str(resolved if resolved.exists() else path))}' AS cdp (READ_ONLY)")
    con.execute("USE cdp")
    for setting in (
        "enable_external_access = false",
        "autoinstall_known_extensions = false",
        "lock_configuration = true",
    ):
        con.execute(f"SET {setting}")
    return con
