"""Coming in and going out: a name and a password, or the company's own sign-in (OpenID Connect); and the language."""

from __future__ import annotations

import secrets

from fastapi import Request
from fastapi.responses import Response

from portal.language import LANGUAGES
from portal.oidc import begin, finish
from portal.visit import BEFORE, LANGUAGE, SESSION, Pages, Visit, visit_of
from privacy import audit
from privacy.people import sign_in, sign_in_by_name, sign_out
from warehouse.errors import CdpError
from warehouse.settings import settings

pages = Pages()
WAITING = "oidc"
DAY_S = 86_400


def within(path: str) -> str:
    """Return a path of this page, whatever was asked for: nobody is sent elsewhere."""
    safe = (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and "\n" not in path
        and "\r" not in path
    )
    return path if safe else "/"


def _keep(response: Response, visit: Visit, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=visit.request.url.scheme == "https", path="/"
    )  # fmt: skip


@pages.page("/login", "open")
def form(request: Request, next: str = "/", error: str = "") -> Response:
    """Show the form."""
    visit = visit_of(request)
    if visit.person is not None:
        return visit.go(within(next))
    response = visit.page("login.html", next=within(next), error=error, has_oidc=settings().oidc is not None)
    _keep(response, visit, BEFORE, visit.before, DAY_S)
    return response


@pages.page("/login", "open", ("POST",))
def come_in(request: Request) -> Response:
    """Take name and password."""
    visit = visit_of(request)
    target = within(visit.text("next") or "/")
    token = sign_in(visit.text("name", 200), str(visit.form.get("password", ""))[:1000])
    if token is None:
        return visit.go("/login", next=target, error="wrong")
    return _came_in(visit, token, target)


def _came_in(visit: Visit, token: str, target: str) -> Response:
    response = visit.go(target)
    _keep(response, visit, SESSION, token, DAY_S)
    response.delete_cookie(BEFORE)
    response.delete_cookie(WAITING)
    return response


@pages.page("/login/company", "open")
def to_company(request: Request, next: str = "/") -> Response:
    """Send the browser to the company's own sign-in."""
    visit = visit_of(request)
    address, waiting = begin(str(request.url_for("from_company")), within(next))
    response = visit.go(address)
    _keep(response, visit, WAITING, waiting, 600)
    return response


@pages.page("/login/answer", "open")
def from_company(request: Request, code: str = "", state: str = "") -> Response:
    """Take the answer of the company's own sign-in."""
    visit = visit_of(request)
    try:
        name, roles, target = finish(
            str(request.url_for("from_company")), request.cookies.get(WAITING, ""), code, state
        )
    except CdpError:
        return visit.go("/login", error="company")
    token = sign_in_by_name(name, roles)
    if token is None:
        audit.record(name or "unknown", "not let in", "sign-in", "known to the company's sign-in, without a role here")
        return visit.go("/login", error="no_role")
    return _came_in(visit, token, within(target))


@pages.page("/logout", "look", ("POST",))
def go_out(request: Request) -> Response:
    """End the session."""
    visit = visit_of(request)
    sign_out(request.cookies.get(SESSION, ""))
    response = visit.go("/login")
    response.delete_cookie(SESSION)
    _keep(response, visit, BEFORE, secrets.token_urlsafe(24), DAY_S)
    return response


@pages.page("/language/{language}", "open")
def choose(request: Request, language: str, back: str = "/") -> Response:
    """Keep a language."""
    visit = visit_of(request)
    response = visit.go(within(back))
    if language in LANGUAGES:
        _keep(response, visit, LANGUAGE, language, 365 * DAY_S)
    return response
