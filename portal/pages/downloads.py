"""Files that were asked for: built once, addressed by id, there for three days, every taking audited."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import FileResponse, Response

from activation.downloads import agree, ask, find, load_formats, newest, path_of, state_of
from portal.visit import NotFound, Pages, Visit, visit_of
from privacy import audit
from warehouse.operations import DownloadRow

pages = Pages()
KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _label(format: str) -> str:
    found = load_formats().get(format)
    return found.label if found else format


def _said(visit: Visit, state: str) -> str:
    return {
        "waiting": visit.says("waits for a second person"), "ready": visit.says("ready"), "expired": visit.says("past its time"),
    }[state]  # fmt: skip


@pages.page("/downloads", "look")
def listed(request: Request) -> Response:
    """List what was asked for."""
    visit = visit_of(request)
    rows = [{"row": r, "label": _label(r.format), "said": _said(visit, state_of(r))} for r in newest()]
    return visit.page("downloads.html", rows=rows)


@pages.page("/downloads", "download", ("POST",))
def asked(request: Request) -> Response:
    """Ask for a file."""
    visit = visit_of(request)
    audience, format, reason = visit.text("audience"), visit.text("format"), visit.text("reason")
    download_id = ask(visit.published.cursor, audience, format, visit.name, reason)
    audit.record(visit.name, "download asked for", f"{audience}/{format}", reason, download=download_id)
    return visit.go(f"/downloads/{download_id}")


def _row(download_id: str) -> DownloadRow:
    found = find(download_id) if re.fullmatch(r"[0-9a-f]{32}", download_id) else None
    if found is None:
        raise NotFound
    return found


@pages.page("/downloads/{download_id}", "look")
def one(request: Request, download_id: str) -> Response:
    """Show what a file is, and let it be taken."""
    visit = visit_of(request)
    row = _row(download_id)
    return visit.page("download.html", row=row, label=_label(row.format), state=state_of(row))


@pages.page("/downloads/{download_id}/agree", "agree_to_download", ("POST",))
def agreed(request: Request, download_id: str) -> Response:
    """Agree to a large file."""
    visit = visit_of(request)
    row = _row(download_id)
    agree(visit.published.cursor, download_id, visit.name)
    audit.record(visit.name, "download agreed to", f"{row.audience}/{row.format}", row.reason, download=download_id)
    return visit.go(f"/downloads/{download_id}")


@pages.page("/downloads/{download_id}/file", "download")
def file(request: Request, download_id: str) -> Response:
    """Hand the file out, and write down that it was."""
    visit = visit_of(request)
    row = _row(download_id)
    if state_of(row) != "ready":
        raise NotFound
    path = path_of(row)
    audit.record(
        visit.name,
        "audience downloaded",
        f"{row.audience}/{row.format}",
        row.reason,
        download=download_id,
        rows=row.rows,
        sha256=row.sha256,
    )
    return FileResponse(path, media_type=KINDS[path.suffix], filename=path.name, headers={"Cache-Control": "no-store"})


@pages.page("/downloads/{download_id}/manifest", "look")
def manifest(request: Request, download_id: str) -> Response:
    """Hand the manifest out: no personal data are in it."""
    row = _row(download_id)
    path = path_of(row).parent / "manifest.json"
    if not path.exists():
        raise NotFound
    return FileResponse(
        path, media_type="application/json", filename=f"{row.audience}_{row.format}_{download_id[:8]}.json"
    )
