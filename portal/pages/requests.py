"""Privacy requests with the clocks of the laws: taken in at a customer, answered here; an answer to a request of access is built here as well."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import FileResponse, Response

from portal.visit import NotFound, Pages, Unwell, visit_of
from privacy.export_person import export_person
from privacy.requests import close, days_left, regimes, requests
from warehouse.operations import RequestRow
from warehouse.settings import settings

pages = Pages()


@pages.page("/requests", "ask_request")
def listed(request: Request) -> Response:
    """List the requests."""
    visit = visit_of(request)
    return visit.page("requests.html", rows=requests(), regimes=regimes(), days_left=days_left)


def _row(number: int) -> RequestRow:
    found = next((r for r in requests() if r.request_id == number), None)
    if found is None:
        raise NotFound
    return found


@pages.page("/requests/{number}/export", "answer_request", ("POST",))
def export(request: Request, number: int) -> Response:
    """Write everything that is known of the person to a file and hand it out; audited."""
    visit = visit_of(request)
    row = _row(number)
    if row.kind != "access" or row.closed_at is not None:
        raise Unwell("only an open request of access is answered with a file")
    path = settings().data / "downloads" / f"request-{number}" / f"person_{row.customer_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    export_person(row.customer_id, path, visit.name, f"request {number}: {row.reason}")
    return FileResponse(path, media_type="application/json", filename=path.name)


@pages.page("/requests/{number}/close", "answer_request", ("POST",))
def answered(request: Request, number: int) -> Response:
    """Say what became of a request."""
    visit = visit_of(request)
    _row(number)
    close(number, visit.name, visit.text("outcome"))
    return visit.go("/requests")
