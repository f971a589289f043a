"""The page and its API: one process beside the pipeline, which it never waits for.

Server-side HTML: browsing and downloading work without JavaScript. Pages read the published files alone; what people decide goes to the operations
database. Every route says who may call it (`portal/policy.py`), or nothing starts.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import secrets
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from portal import api
from portal.language import language_of as _asked
from portal.pages import ROUTERS
from portal.visit import LANGUAGE, NotAllowed, NotFound, NotSignedIn, Pages, Unwell, Visit, check_policies
from warehouse.errors import CdpError, redacted

HERE = Path(__file__).parent
log = logging.getLogger("clientela.page")

#: Nothing is loaded from elsewhere, and nothing runs that is not a file of ours.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

statics = Pages()


@cache
def _static(file: str) -> tuple[bytes, bytes, str, str] | None:
    """Return a file of ours, packed and not, its kind and its mark; names are looked up, never followed."""
    known = {str(p.relative_to(HERE / "static")): p for p in (HERE / "static").rglob("*") if p.suffix in KINDS}
    if file not in known:
        return None
    content = known[file].read_bytes()
    return content, gzip.compress(content, 6), KINDS[known[file].suffix], hashlib.sha256(content).hexdigest()[:16]


@statics.page("/static/{file:path}", "open")
def static(request: Request, file: str) -> Response:
    """Serve a script or style of ours."""
    found = _static(file)
    if found is None:
        raise NotFound
    content, packed, kind, mark = found
    headers = {"Cache-Control": "public, max-age=3600", "ETag": f'"{mark}"', "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == f'"{mark}"':
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(content, media_type=kind, headers=headers)


def make_app() -> FastAPI:
    """Build the application.

    Raises:
        CdpError: a route says not who may call it.
    """
    app = FastAPI(title="Clientela", version="1", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def _headers(request: Request, call_next: Any) -> Response:
        try:
            response: Response = await call_next(request)
        except Exception as error:
            # Caught here and not by a handler, which would hand the error on to a log that quotes it.
            response = _broken(request, error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # Everything that is not a file of ours may hold personal data.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    for router in (statics, *ROUTERS, api.routes):
        app.include_router(router)
    _answer_errors(app)
    api.answer_errors(app)
    check_policies(app)
    return app


def _visit(request: Request) -> Visit:
    known: Visit | None = getattr(request.state, "visit", None)
    language = _asked(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))
    return known or Visit(request, language, None, {}, secrets.token_urlsafe(24))


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(NotSignedIn)
    def sign_in(request: Request, _error: NotSignedIn) -> Response:
        visit = _visit(request)
        if visit.is_part:
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        back = request.url.path if request.method == "GET" else "/"
        return visit.go("/login", next=back)

    @app.exception_handler(NotAllowed)
    def not_allowed(request: Request, error: NotAllowed) -> Response:
        visit = _visit(request)
        if str(error) in ("csrf", "origin"):
            return _answer(
                request,
                403,
                visit.says("The form is too old"),
                visit.says("Load the page again and send it once more."),
            )
        return _answer(
            request, 403, visit.says("Not for your role"), visit.says("Ask an administrator if you need this page.")
        )

    @app.exception_handler(NotFound)
    @app.exception_handler(404)
    def not_found(request: Request, _error: Exception) -> Response:
        visit = _visit(request)
        return _answer(
            request, 404, visit.says("Nothing here"), visit.says("What you look for does not exist, or not any more.")
        )

    @app.exception_handler(Unwell)
    def unwell(request: Request, error: Unwell) -> Response:
        visit = _visit(request)
        return _answer(request, 422, visit.says("This cannot be taken"), visit.said(str(error)))

    @app.exception_handler(CdpError)
    def foreseen(request: Request, error: CdpError) -> Response:
        visit = _visit(request)
        return _answer(request, 409, visit.says("This did not work"), visit.said(str(error)))


def _answer(request: Request, status: int, title: str, text: str) -> Response:
    if request.url.path.startswith("/api/"):
        return api.problem(status, text)
    return _visit(request).page("error.html", status, title=title, text=text)


def _broken(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    where = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "error %s at %s, line %s: %s: %s",
        number,
        where.filename.rpartition("/")[2],
        where.lineno,
        type(error).__name__,
        redacted(str(error)),
    )
    visit = _visit(request)
    return _answer(
        request,
        500,
        visit.says("Something broke"),
        visit.says("It is noted under the number %(number)s.") % {"number": number},
    )
