"""Data health: sources and their freshness, what was refused and why, what changed without notice, checks; and decisions about quarantine."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import FileResponse, Response

from ingest.land import judge_again
from portal.tables import Column, Table
from portal.visit import NotFound, Pages, Unwell, Visit, visit_of
from privacy import audit
from quality.contract import Contract, load_contracts
from quality.quarantine import decide, masked, reasons, refused_rows
from warehouse.settings import settings

pages = Pages()
SHOWN = 25


@pages.page("/health", "see_health")
def health(request: Request) -> Response:
    """Show how the data are."""
    visit = visit_of(request)
    published = visit.published
    loads = published.once(
        """
        SELECT l.source || '_' || l.table_name AS name, sum(rows_in)::BIGINT AS rows_in, sum(accepted)::BIGINT AS accepted,
            sum(quarantined)::BIGINT AS quarantined, sum(dropped)::BIGINT AS dropped, count(*) AS files,
            any_value(f.newest_arrival_at)::TIMESTAMP AS newest, any_value(f.fresh_within_hours) AS hours, any_value(f.is_fresh) AS is_fresh
        FROM quality.loads AS l LEFT JOIN quality.freshness AS f ON l.source = f.source AND l.table_name = f.table_name GROUP BY 1 ORDER BY 1
        """
    )
    sources = Table(
        "sources", visit.says("Sources"),
        [
            Column("name", visit.says("Table"), "name"), Column("rows_in", visit.says("Rows in"), "number"),
            Column("accepted", visit.says("Accepted"), "number"),
            Column("quarantined", visit.says("In quarantine"), "number"), Column("dropped", visit.says("Dropped"), "number"),
            Column("files", visit.says("Files"), "number"), Column("newest", visit.says("Newest file (UTC)"), "moment"),
            Column("hours", visit.says("Promised within, hours"), "number"), Column("is_fresh", visit.says("Fresh")),
        ],
        loads, visit.says("Rows in are always accepted, in quarantine, or dropped as declared."),
    )  # fmt: skip
    return visit.page(
        "health.html", sources=sources, quarantine=_quarantine(visit),
        refused=published.once("SELECT file, reason FROM quality.refused_files ORDER BY 1"),
        drift=_drift(visit), checks=_checks(visit), completeness=_completeness(visit), has_docs=(settings().quality_docs / "index.html").exists(),
    )  # fmt: skip


def _quarantine(visit: Visit) -> list[dict[str, Any]]:
    """Return what is refused now, from the lake itself: decisions count at once."""
    found: dict[tuple[str, str], int] = {}
    for row in reasons(load_contracts().values()):
        found[row.table, row.reason] = found.get((row.table, row.reason), 0) + row.rows
    return [{"table": t, "reason": r, "rows": n} for (t, r), n in sorted(found.items(), key=lambda f: (-f[1], f[0]))]


def _drift(visit: Visit) -> Table:
    found = visit.published.once(
        "SELECT seen_at::TIMESTAMP AS seen_at, source || '_' || table_name AS name, kind, column_name, detail, severity FROM quality.drift_events "
        "ORDER BY seen_at DESC LIMIT 60"
    )
    return Table(
        "drift", visit.says("What changed about sources without notice"),
        [
            Column("seen_at", visit.says("Seen (UTC)"), "moment"), Column("name", visit.says("Table"), "name"), Column("kind", visit.says("What")),
            Column("column_name", visit.says("Column"), "name"), Column("detail", visit.says("Detail"), "name"),
            Column("severity", visit.says("Weight")),
        ],
        found,
    )  # fmt: skip


def _checks(visit: Visit) -> Table:
    found = (
        visit.published.once(
            "SELECT suite, count(*) AS asked, count(*) FILTER (is_success) AS held, sum(unexpected_rows)::BIGINT AS unexpected FROM quality.checks "
            "GROUP BY 1 ORDER BY asked - held DESC, 1"
        )
        if visit.published.has("quality.checks")
        else []
    )
    return Table(
        "checks", visit.says("Checks of the last run"),
        [
            Column("suite", visit.says("Suite"), "name"), Column("asked", visit.says("Checks"), "number"),
            Column("held", visit.says("Held"), "number"),
            Column("unexpected", visit.says("Unexpected rows"), "number"),
        ],
        found,
    )  # fmt: skip


def _completeness(visit: Visit) -> Table:
    found = (
        visit.published.once(
            "SELECT source || '_' || table_name AS name, column_name, filled_pct, standard_pct FROM quality.completeness "
            "WHERE NOT is_met ORDER BY 1, 2"
        )
        if visit.published.has("quality.completeness")
        else []
    )
    return Table(
        "completeness", visit.says("Columns below their standard"),
        [
            Column("name", visit.says("Table"), "name"), Column("column_name", visit.says("Column"), "name"),
            Column("filled_pct", visit.says("Filled"), "pct"), Column("standard_pct", visit.says("Standard"), "pct"),
        ],
        found,
    )  # fmt: skip


def _contract(table: str) -> Contract:
    found = load_contracts().get(table)
    if found is None:
        raise NotFound
    return found


@pages.page("/health/quarantine/{table}", "see_health")
def refused(request: Request, table: str, reason: str = "") -> Response:
    """Show refused rows of a table, masked."""
    visit = visit_of(request)
    contract = _contract(table)
    rows = refused_rows(contract, reason)
    shown = masked(rows.head(SHOWN), contract).to_dicts()
    columns = [c for c in contract.columns if any(r.get(c) is not None for r in shown)]
    return visit.page(
        "quarantine.html", table=table, reason=reason, rows=shown, total=rows.height, columns=columns, shown=SHOWN
    )


@pages.page("/health/quarantine/{table}", "decide_quarantine", ("POST",))
def decided(request: Request, table: str) -> Response:
    """Release or discard refused rows."""
    visit = visit_of(request)
    contract = _contract(table)
    action, why, reason, lines = visit.text("action"), visit.text("why"), visit.text("reason", 2000), visit.many("row")
    if action not in ("release", "discard") or not (lines or reason):
        raise Unwell("say which rows, and whether they are released or discarded")
    if len(why) < 4:
        raise Unwell("a decision needs who and why")
    rows = refused_rows(contract, reason, lines)
    touched = decide(contract, rows, action, visit.name, why)
    loads = judge_again(contract, touched)
    audit.record(
        visit.name,
        f"quarantine {action}",
        table,
        why,
        rows=rows.height,
        accepted=sum(x.accepted for x in loads),
        of=reason,
    )
    return visit.go("/health")


@pages.page("/health/docs/{file:path}", "see_health")
def docs(request: Request, file: str = "index.html") -> Response:
    """Serve Great Expectations' Data Docs: static pages without personal data, in a frame of their own rules."""
    root = settings().quality_docs.resolve()
    path = (root / (file or "index.html")).resolve()
    if root not in path.parents or not path.is_file():
        raise NotFound
    # Those pages bring styles and scripts of their own; nothing of ours can be reached from them.
    headers = {
        "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'self' 'unsafe-inline' data:"
    }
    return FileResponse(path, headers=headers)
