"""A copy of the published file for those who may not see people: the same tables, with pseudonyms in place of identifiers.

In: the published file, `privacy/masked.yml`. Out: a DuckDB file of the same names. Pseudonyms are HMAC-SHA-256 (RFC 2104) with a key that is in no
file of data: the same e-mail has the same pseudonym in every table, and nobody without the key can tell whose it is. Comments travel along.
"""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

import duckdb

from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.duck import connect, name, quoted
from warehouse.errors import CdpError, edge
from warehouse.publish import STORAGE_VERSION, manifest, versions_folder
from warehouse.settings import settings
from warehouse.steps import StepResult, step

#: Bytes of a block of SHA-256.
BLOCK = 64


class Masked(Declared):
    """`privacy/masked.yml`."""

    left_out: tuple[str, ...]
    pseudonym: tuple[str, ...]
    year: tuple[str, ...]
    prefix: tuple[str, ...]
    emptied: tuple[str, ...]


@cache
def declared() -> Masked:
    """Read what is masked how.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return load(Path(__file__).parent / "masked.yml", Masked)


def pseudonym_key() -> bytes:
    """Return the key of pseudonyms: `CDP_HASH_KEY`, or one that is made once and readable by its owner alone."""
    said = settings().hash_key
    if said:
        return said.encode()
    path = settings().state / "pseudonym.key"
    if not path.exists():
        files.write_bytes(path, secrets.token_hex(32).encode())
        path.chmod(0o600)
    return path.read_bytes()


def _define_pseudonym(con: duckdb.DuckDBPyConnection) -> None:
    key = pseudonym_key()
    if len(key) > BLOCK:
        raise CdpError(f"the key of pseudonyms has more than {BLOCK} bytes")
    padded = key.ljust(BLOCK, b"\0")
    inner, outer = (bytes(b ^ pad for b in padded).hex() for pad in (0x36, 0x5C))
    con.execute(
        f"CREATE OR REPLACE TEMP MACRO pseudonym(v) AS sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(lower(v)))))"
    )


def write_masked(path: Path) -> StepResult:
    """Write the copy.

    Raises:
        CdpError: nothing is published yet.
    """
    with step("masked") as result, edge("privacy"):
        published = versions_folder() / f"cdp-{manifest().get('version')}.duckdb"
        if not published.exists():
            raise CdpError("nothing is published yet; run `cdp run` or start the DAGs")
        con = connect(":memory:")
        try:
            _define_pseudonym(con)
            con.execute(f"ATTACH '{quoted(str(published))}' AS cdp (READ_ONLY)")
            with files.written_beside(path) as beside:
                con.execute(f"ATTACH '{quoted(str(beside))}' AS outgoing (STORAGE_VERSION '{STORAGE_VERSION}')")
                for schema, table, comment in con.execute(
                    "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = 'cdp' ORDER BY 1, 2"
                ).fetchall():
                    if f"{schema}.{table}" not in declared().left_out:
                        result.rows_out += _copy(con, schema, table, comment)
                con.execute("CHECKPOINT outgoing")
                con.execute("DETACH outgoing")
        finally:
            con.close()
        result.facts = {"file": path.name, "version": manifest().get("version")}
    return result


def _copy(con: duckdb.DuckDBPyConnection, schema: str, table: str, comment: str | None) -> int:
    columns = con.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE database_name = 'cdp' AND schema_name = ? AND table_name = ? "
        "ORDER BY column_index",
        [schema, table],
    ).fetchall()
    con.execute(f"CREATE SCHEMA IF NOT EXISTS outgoing.{name(schema)}")
    listed = ", ".join(f"{_cell(column, kind)} AS {name(column)}" for column, kind, _ in columns)
    made = con.execute(
        f"CREATE TABLE outgoing.{name(schema, table)} AS SELECT {listed} FROM cdp.{name(schema, table)}"
    ).fetchall()
    if comment:
        con.execute(f"COMMENT ON TABLE outgoing.{name(schema, table)} IS '{quoted(comment)}'")
    for column, _, told in columns:
        if told:
            con.execute(f"COMMENT ON COLUMN outgoing.{name(schema, table, column)} IS '{quoted(told)}'")
    return int(made[0][0])


def _cell(column: str, kind: str) -> str:
    rules = declared()
    if column in rules.pseudonym and kind == "VARCHAR":
        return f"pseudonym({name(column)})"
    if column in rules.year:
        return f"date_trunc('year', {name(column)})::{kind}"
    if column in rules.prefix and kind == "VARCHAR":
        return f"left({name(column)}, 2)"
    if column in (*rules.emptied, *rules.pseudonym, *rules.prefix):
        return f"NULL::{kind}"
    return name(column)
