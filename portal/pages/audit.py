"""The audit: who looked at or took which personal data, why and when; and whether the chain holds."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from portal.visit import Pages, visit_of
from privacy.audit import broken_rows, entries

pages = Pages()
PAGE = 100


@pages.page("/audit", "see_audit")
def listed(request: Request, actor: str = "", subject: str = "", page: int = 1) -> Response:
    """List the entries, newest first."""
    visit = visit_of(request)
    page = max(1, min(page, 100_000))
    rows = entries(actor.strip(), subject.strip(), PAGE + 1, PAGE * (page - 1))
    broken = broken_rows() if page == 1 and not actor and not subject else []
    return visit.page(
        "audit.html",
        rows=rows[:PAGE],
        has_more=len(rows) > PAGE,
        page=page,
        actor=actor,
        subject=subject,
        broken=broken,
    )
