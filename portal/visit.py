"""One visit: who asks, in which language, what they may, and the page they get.

What stays true: a route without a policy does not start; every change carries the session's own secret (CSRF) and comes from this page; errors that
were foreseen are told, others only by a number that stands in the log.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from starlette.routing import BaseRoute

from portal.language import Formats, formats, language_of, said, translations
from portal.policy import MAY, may
from portal.reading import Snapshot, snapshot
from privacy.people import Person, person_of
from warehouse.errors import CdpError
from warehouse.publish import manifest

HERE = Path(__file__).parent
Endpoint = TypeVar("Endpoint", bound=Callable[..., Response])
SESSION, LANGUAGE, BEFORE = "session", "language", "before_sign_in"
#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD"})


class NotSignedIn(Exception):
    """Somebody has to sign in first."""


class NotAllowed(Exception):
    """Somebody may not do this; says what."""


class NotFound(Exception):
    """There is no such thing."""


class Unwell(Exception):
    """What was sent cannot be taken; says why."""


@dataclass
class Visit:
    """Who asks for a page and how it is answered."""

    request: Request
    language: str
    person: Person | None
    form: dict[str, Any] = field(default_factory=dict)
    before: str = ""

    @property
    def formats(self) -> Formats:
        """Numbers and dates of the visit's language."""
        return formats(self.language)

    @property
    def name(self) -> str:
        """Who asks; what the audit writes."""
        return self.person.name if self.person else ""

    def may(self, what: str) -> bool:
        """Tell whether the visitor may do something."""
        return self.person is not None and may(self.person.roles, what)

    def says(self, text: str) -> str:
        """Return a text of the page in the visit's language."""
        return str(translations(self.language).gettext(text))

    def said(self, text: Any) -> str:
        """Return what the pipeline wrote in the visit's language."""
        return said(text, self.language)

    def text(self, key: str, longest: int = 500) -> str:
        """Return one field of the form."""
        return str(self.form.get(key, "")).strip()[:longest]

    def many(self, key: str) -> list[str]:
        """Return all values of one field of the form."""
        found = self.form.get(f"{key}[]", [])
        return [str(v) for v in found]

    @property
    def published(self) -> Snapshot:
        """The newest published files."""
        return snapshot()

    @property
    def is_part(self) -> bool:
        """Whether only a part of the page is asked for."""
        return self.request.headers.get("hx-request") == "true"

    def page(self, template: str, status: int = 200, **facts: Any) -> Response:
        """Draw a page; `?csv=<table>` asks for one of its tables as a file instead."""
        wanted = self.request.query_params.get("csv")
        if wanted:
            for fact in _tables_in(facts):
                if fact.id == wanted:
                    return _as_csv(fact)
        context = {
            "visit": self, "language": self.language, "path": self.request.url.path, "query": dict(self.request.query_params),
            "manifest": manifest(), "f": self.formats, "csrf": self.person.csrf if self.person else self.before,
            "scripts": (HERE / "static" / "vendor" / "echarts.js").exists(), **facts,
        }  # fmt: skip
        return HTMLResponse(templates(self.language).get_template(template).render(context), status)

    def go(self, path: str, **query: str) -> Response:
        """Send the browser on."""
        return RedirectResponse(path + (f"?{urlencode(query)}" if query else ""), status_code=303)


def _tables_in(facts: dict[str, Any]) -> list[Any]:
    from portal.tables import Table

    listed = [v for value in facts.values() for v in (value if isinstance(value, list) else [value])]
    return [v for v in listed if isinstance(v, Table)]


def _as_csv(table: Any) -> Response:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([c.label for c in table.columns])
    writer.writerows([[_spreadsheet_cell(row.get(c.key)) for c in table.columns] for row in table.rows])
    # A spreadsheet reads UTF-8 only when it is told so.
    return Response(
        "\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{table.id}.csv"'},
    )  # fmt: skip


def _spreadsheet_cell(value: Any) -> Any:
    # A spreadsheet takes a text that begins so for a formula; a tab before it is kept and shown as nothing.
    return f"\t{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


@cache
def templates(language: str) -> Environment:
    """Return the templates in a language."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"], trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["said"] = lambda text: said(text, language)
    environment.filters["quoted"] = lambda text: quote(str(text), safe="")
    own = formats(language)
    for name in ("number", "money", "pct", "day", "moment", "value"):
        environment.filters[name] = getattr(own, name)
    environment.globals["link"] = _link
    return environment


@pass_context
def _link(context: Any, **changed: Any) -> str:
    query = {k: v for k, v in {**context["query"], **changed}.items() if v not in (None, "")}
    return f"{context['path']}?{urlencode(query)}"


async def _form_of(request: Request) -> dict[str, Any]:
    if request.method in SAFE:
        return {}
    form = await request.form()
    found: dict[str, Any] = {}
    for key, value in form.multi_items():
        found[key] = value
        found.setdefault(f"{key}[]", []).append(value)
    return found


def _guard(what: str) -> Callable[..., None]:
    def check(request: Request, form: dict[str, Any] = Depends(_form_of)) -> None:
        token = request.cookies.get(SESSION)
        person = person_of(token) if token else None
        language = language_of(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))
        before = request.cookies.get(BEFORE) or secrets.token_urlsafe(24)
        request.state.visit = Visit(request, language, person, form, before)
        if MAY[what] and person is None:
            raise NotSignedIn
        if person is not None and not may(person.roles, what):
            raise NotAllowed(what)
        if request.method not in SAFE:
            _check_origin(request, form, person.csrf if person else request.cookies.get(BEFORE, ""))

    return check


def _check_origin(request: Request, form: dict[str, Any], secret: str) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin != "null" and origin.split("://", 1)[-1] != request.headers.get("host"):
        raise NotAllowed("origin")
    given = request.headers.get("x-csrf-token") or str(form.get("csrf", ""))
    if not secret or not secrets.compare_digest(given.encode(), secret.encode()):
        raise NotAllowed("csrf")


def visit_of(request: Request) -> Visit:
    """Return the visit that the route's policy made."""
    found: Visit = request.state.visit
    return found


class Pages(APIRouter):
    """Routes of pages, each with its policy."""

    def page(self, path: str, allow: str, methods: tuple[str, ...] = ("GET",)) -> Callable[[Endpoint], Endpoint]:
        """Add a route that only those may call who may do what `allow` names."""

        def add(endpoint: Endpoint) -> Endpoint:
            vars(endpoint)["policy"] = allow
            self.add_api_route(
                path,
                endpoint,
                methods=list(methods),
                dependencies=[Depends(_guard(allow))],
                response_model=None,
                include_in_schema=False,
            )
            return endpoint

        return add


def routes_of(app: FastAPI) -> list[BaseRoute]:
    """Return every route that an application answers."""
    return list(app.router.routes)


def check_policies(app: FastAPI) -> None:
    """Refuse an application with a route that says not who may call it.

    Raises:
        CdpError: names the routes.
    """
    bare = [
        getattr(r, "path", str(r))
        for r in routes_of(app)
        if getattr(getattr(r, "endpoint", None), "policy", None) not in MAY
    ]
    if bare:
        raise CdpError(f"routes without a policy: {', '.join(bare)}")
