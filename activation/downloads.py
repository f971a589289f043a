"""Files that a person takes away: an audience in a platform's own upload format, by the same cells, consent and refusals as a delivery.

In: the published files, what platforms said of people, `activation/formats.yml`. Out: `downloads/<id>/` with the file, its manifest and its checksum,
never changed and gone after three days; a row of the operations database that says who asked and why. What stays true: no file leaves without the
consent that its purpose and channel need; one of more rows than `CDP_DOWNLOAD_ROWS` waits for a second person; files are addressed by id.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
from sqlalchemy import func, select

from activation.audience import Audience, load_audiences
from activation.destinations import DESTINATIONS, Destination
from activation.destinations.base import CUSTOMER_COLUMNS, ROWS_AT_ONCE, row_hash_sql, row_sql
from activation.hashing import register_forms
from activation.readback import refusal_sql, register_readback
from activation.rows import further_fields
from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.duck import name, quoted
from warehouse.errors import CdpError
from warehouse.operations import DownloadRow, session
from warehouse.settings import now, settings

KEPT = timedelta(hours=72)
#: The column that says which file a row left in, so that a part that is passed on tells where it came from.
MARK = "download_id"
MEMBERS = "audiences.activation.audience_members"
#: A workbook has this many rows at most, its header among them.
WORKBOOK_ROWS = 1_048_576

Cursor = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


class Format(Declared):
    """One entry of `activation/formats.yml`."""

    format: str
    label: str
    purpose: Literal["marketing", "advertising"]
    channel: Literal["email", "sms", "phone", "ads"]
    does_en: str
    does_es: str

    @property
    def destination(self) -> Destination:
        """The destination whose rows the file has."""
        return DESTINATIONS["csv" if self.format == "xlsx" else self.format]

    @property
    def is_marked(self) -> bool:
        """Whether each row says which file it left in; platforms take no column of ours, so theirs are marked by name and manifest."""
        return self.destination is DESTINATIONS["csv"]


class Formats(Declared):
    """`activation/formats.yml`."""

    formats: tuple[Format, ...]


@cache
def load_formats() -> dict[str, Format]:
    """Read the formats by name.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return {f.format: f for f in load(Path(__file__).parent / "formats.yml", Formats).formats}


class Terms(NamedTuple):
    """What a file is for: the consent it needs, further fields by header, and the variant whose customers alone are in it."""

    purpose: str
    channel: str
    fields: dict[str, str]
    variant: str | None


def terms(audience: Audience, of: Format) -> Terms:
    """Return what a file is for: as the audience's own target there says, where it has one."""
    for target in audience.destinations:
        if target.row_of is of.destination:
            return Terms(target.purpose, target.channel, target.fields, target.variant)
    return Terms(of.purpose, of.channel, {}, None)


def downloads_folder() -> Path:
    """Return where files are kept."""
    return settings().data / "downloads"


def _wanted_sql(con: duckdb.DuckDBPyConnection, audience: Audience, of: Format) -> tuple[str, list[str]]:
    """Return the query of members with their row and why they are refused, and the headers; its value is the audience's name."""
    purpose, channel, declared, variant = terms(audience, of)
    destination = of.destination
    fields, joined = further_fields(con, audience, destination, declared, channel, MEMBERS)
    customer = ", ".join(f"c.{column}" for column in CUSTOMER_COLUMNS)
    listed = "".join(f", {sql} AS {name('field ' + header)}" for header, sql in fields.items())
    headers = [*destination.cells, *fields]
    cells = destination.cells_sql("asked", ("the refusal",), [(h, name(f"field {h}")) for h in fields])
    of_variant = f"AND m.variant IS NOT DISTINCT FROM '{quoted(variant)}'" if variant else ""
    refused = refusal_sql("m.customer_id", purpose, channel, "readback")
    sql = f"""
        WITH asked AS (
            SELECT {customer}, {refused} AS "the refusal"{listed}
            FROM {MEMBERS} AS m JOIN cdp.marts.customers AS c ON m.customer_id = c.customer_id {joined}
            WHERE m.audience = ? AND m.left_out IS NULL {of_variant}
        )
        SELECT coalesce("the refusal", CASE WHEN NOT ({destination.needed}) THEN 'needs {quoted(destination.needs)}' END) AS why,
            {row_sql(headers)}::VARCHAR AS row, {row_hash_sql(headers)} AS row_hash
        FROM ({cells})
    """
    return sql, headers


def preview(con: duckdb.DuckDBPyConnection, audience: Audience, of: Format) -> dict[str, int]:
    """Return how many members by why they are not in the file; '' counts those who are."""
    _prepare(con)
    sql, _ = _wanted_sql(con, audience, of)
    return dict(
        con.execute(
            f"SELECT coalesce(why, ''), count(*) FROM ({sql}) GROUP BY 1 ORDER BY 2 DESC, 1", [audience.name]
        ).fetchall()
    )


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    register_forms(con)
    register_readback(con, temporary=True)


def ask(cursor: Cursor, audience_name: str, format_name: str, author: str, reason: str) -> str:
    """Ask for a file and return its id; it is built at once unless it is so large that a second person must agree.

    Raises:
        CdpError: no such audience or format, no reason, or nobody may leave.
    """
    audience, of = load_audiences().get(audience_name), load_formats().get(format_name)
    if audience is None or of is None:
        raise CdpError("there is no such audience or format")
    if not author.strip() or len(reason.strip()) < 4:
        raise CdpError("say what the file is for")
    purpose, channel, _, _ = terms(audience, of)
    with cursor() as con:
        rows = preview(con, audience, of).get("", 0)
    if not rows:
        raise CdpError("nobody of this audience may be in such a file; nothing was built")
    if of.format == "xlsx" and rows >= WORKBOOK_ROWS:
        raise CdpError(f"a workbook has {WORKBOOK_ROWS - 1:,} rows at most; take the CSV")
    download_id = secrets.token_hex(16)
    with session() as db:
        db.add(
            DownloadRow(
                download_id=download_id, audience=audience.name, format=of.format, purpose=purpose, channel=channel, author=author,
                reason=reason, asked_at=now(), rows=rows,
            )
        )  # fmt: skip
    if rows <= settings().download_rows:
        build(cursor, download_id)
    return download_id


def agree(cursor: Cursor, download_id: str, author: str) -> None:
    """Let a large file be built; another person than who asked for it.

    Raises:
        CdpError: it is not waiting, or the same person asks and agrees.
    """
    with session() as db:
        found = db.get(DownloadRow, download_id)
        if found is None or found.file is not None:
            raise CdpError("this file does not wait for anybody")
        if found.author == author:
            raise CdpError("a second person must agree to a file of this size")
        found.approved_by = author
    build(cursor, download_id)


def build(cursor: Cursor, download_id: str) -> None:
    """Write the file, its manifest and its checksum; consent is asked again now.

    Raises:
        CdpError: nobody may leave any more.
    """
    row = find(download_id)
    if row is None:
        raise CdpError("there is no such file")
    audience, of = load_audiences()[row.audience], load_formats()[row.format]
    folder = downloads_folder() / download_id
    path = folder / f"{audience.name}_{of.format}_{download_id[:8]}.{'xlsx' if of.format == 'xlsx' else 'csv'}"
    with cursor() as con:
        _prepare(con)
        sql, headers = _wanted_sql(con, audience, of)
        # The cells are made once: the file is written from them, and its rows are counted by them.
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE leaving AS SELECT row, row_hash FROM ({sql}) WHERE why IS NULL",
            [audience.name],
        )
        rows = con.execute("SELECT count(*) FROM leaving").fetchall()[0][0]
        query = "SELECT row FROM leaving ORDER BY row_hash"
        columns = (*of.destination.cells, *sorted(set(headers) - set(of.destination.cells)))
        if of.is_marked:
            mark = quoted(json.dumps({MARK: download_id}))
            query, columns = (
                f"SELECT json_merge_patch(row, '{mark}')::VARCHAR AS row FROM leaving ORDER BY row_hash",
                (*columns, MARK),
            )
        if of.format == "xlsx":
            _write_workbook(con, path, query, columns, row)
        else:
            of.destination.write_rows(con, path, query, columns)
        con.execute("DROP TABLE leaving")
    digest, built = files.sha256_of(path), now()
    files.write_json(folder / "manifest.json", {
        "download_id": download_id, "file": path.name, "sha256": digest, "rows": rows, "columns": list(columns), "audience": audience.name,
        "format": of.format, "purpose": row.purpose, "channel": row.channel, "asked_by": row.author, "approved_by": row.approved_by,
        "reason": row.reason, "built_at": built.isoformat(timespec="seconds"), "expires_at": (built + KEPT).isoformat(timespec="seconds"),
        "rule": "members with consent for this purpose and channel, not suppressed, not held out, not refused by a platform",
    })  # fmt: skip
    path.chmod(0o440)
    with session() as db:
        kept = db.get(DownloadRow, download_id)
        assert kept is not None
        kept.file, kept.sha256, kept.rows, kept.built_at, kept.expires_at = path.name, digest, rows, built, built + KEPT


def _write_workbook(
    con: duckdb.DuckDBPyConnection, path: Path, query: str, columns: tuple[str, ...], row: DownloadRow
) -> None:
    from xlsxwriter import Workbook

    with files.written_beside(path) as beside:
        book = Workbook(
            str(beside),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        book.set_properties({"title": row.audience, "comments": f"{row.download_id} · {row.author} · {row.reason}"})
        book.set_custom_property("download_id", row.download_id)
        sheet = book.add_worksheet("members")
        for n, column in enumerate(columns):
            sheet.write_string(0, n, column)
        at = 0
        for batch in con.execute(query).to_arrow_reader(ROWS_AT_ONCE):
            for text in batch["row"].to_pylist():
                at += 1
                cells: dict[str, Any] = json.loads(text)
                for n, column in enumerate(columns):
                    sheet.write_string(at, n, str(cells.get(column) or ""))
        book.close()


def find(download_id: str) -> DownloadRow | None:
    """Return what is known of a file."""
    with session() as db:
        found = db.get(DownloadRow, download_id)
        db.expunge_all()
    return found


def newest(limit: int = 100) -> list[DownloadRow]:
    """Return what was asked for, newest first."""
    with session() as db:
        found = list(
            db.scalars(select(DownloadRow).order_by(DownloadRow.asked_at.desc(), DownloadRow.download_id).limit(limit))
        )
        db.expunge_all()
    return found


def last_built() -> dict[str, datetime]:
    """Return when a file of each audience was built last."""
    with session() as db:
        found = db.execute(
            select(DownloadRow.audience, func.max(DownloadRow.built_at)).group_by(DownloadRow.audience)
        ).all()
    return {audience: at for audience, at in found if at is not None}


def state_of(row: DownloadRow) -> Literal["waiting", "ready", "expired"]:
    """Return whether a file waits for a second person, is there, or is past its time."""
    if row.file is None or row.expires_at is None:
        return "waiting"
    expires = row.expires_at if row.expires_at.tzinfo else row.expires_at.replace(tzinfo=UTC)
    return "ready" if expires > now() and path_of(row).exists() else "expired"


def path_of(row: DownloadRow) -> Path:
    """Return where a file stands; both parts of its path were made here."""
    return downloads_folder() / row.download_id / str(row.file)
