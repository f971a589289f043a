"""The API for programs that ask about one customer: sites, chatbots, support tools; and for tools that read audiences' sizes and figures.

Each call carries a token that an administrator made for one role. Personal data are masked unless the role may reveal them and the call says why,
which is audited. Answers come from the published files; errors are problem documents (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from activation.look import words_of
from portal import declared
from portal.masks import PERSONAL, mask
from portal.policy import may
from portal.reading import snapshot
from privacy import audit
from privacy.people import Person, program_of

BASE = "/api/v1"
Answer = TypeVar("Answer", bound=Callable[..., Any])
IDENTIFIER = r"^[A-Za-z0-9_-]{1,60}$"


class Refused(Exception):
    """A call that is answered with a problem document."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    detail: str


def problem(status: int, text: str) -> Response:
    """Return a problem document."""
    titles = {
        401: "no valid token",
        403: "not for this role",
        404: "not found",
        409: "cannot be answered now",
        422: "not understood",
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    content = {"title": titles.get(status, "error"), "status": status, "detail": text}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def _program(request: Request, what: str) -> Person:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    found = program_of(token.strip()) if kind.lower() == "bearer" and token else None
    if found is None:
        raise Refused(401, "send Authorization: Bearer <token>; an administrator makes tokens on the page People")
    if not may(found.roles, what):
        raise Refused(403, f"the role of this token may not do this: {what}")
    return found


def _may(what: str) -> Any:
    def check(request: Request) -> Person:
        return _program(request, what)

    return Depends(check)


class Routes(APIRouter):
    """Routes of the API, each with its policy."""

    def ask(
        self, path: str, allow: str, model: Any, *, method: Literal["GET", "POST"] = "GET", summary: str
    ) -> Callable[[Answer], Answer]:
        """Add a route that only tokens may call whose role may do what `allow` names."""

        def add(endpoint: Answer) -> Answer:
            vars(endpoint)["policy"] = allow
            responses: dict[int | str, dict[str, Any]] = {
                status: {"model": Problem, "content": {"application/problem+json": {}}}
                for status in (401, 403, 404, 409, 422)
            }
            self.add_api_route(
                BASE + path, endpoint, methods=[method], response_model=model, responses=responses, summary=summary,
                openapi_extra={"security": [{"token": []}]},
            )  # fmt: skip
            return endpoint

        return add


routes = Routes()


class Score(BaseModel):
    """A predicted score with its reasons in both languages."""

    score: str
    value: float | None
    model_version: str | None
    because_en: list[str]
    because_es: list[str]


class Offer(BaseModel):
    """A recommended product."""

    product_id: str
    product_name: str | None
    because_product_name: str | None


class Customer(BaseModel):
    """One customer: golden record, metrics, scores, what to do next, consents and audiences."""

    model_config = ConfigDict(extra="allow")

    customer_id: str
    asked_for: str
    is_masked: bool
    as_of_date: date
    given_name: str | None
    surnames: str | None
    email: str | None
    phone: str | None
    country: str | None
    macro_segment: str | None
    lifecycle_stage: str | None
    profile: dict[str, Any]
    scores: list[Score]
    offers: list[Offer]
    next_best_action: str | None
    consents: dict[str, bool]
    audiences: list[str]


Identifier = Annotated[str, Path(pattern=IDENTIFIER, description="any id that the customer ever had")]


def _current(customer_id: str) -> str:
    found = snapshot().one(
        "SELECT current_customer_id FROM identity.customer_aliases WHERE customer_id = ?", [customer_id]
    )
    if not found or found["current_customer_id"] is None:
        raise Refused(404, "this id was never issued, or stands for nobody any more")
    return str(found["current_customer_id"])


@routes.ask("/customers/{customer_id}", "see_customers", Customer, summary="One customer")
def customer(
    customer_id: Identifier,
    person: Person = _may("see_customers"),
    reason: Annotated[
        str | None, Query(min_length=4, max_length=300, description="why personal data are needed; audited")
    ] = None,
) -> Any:
    """Return one customer by any id ever issued."""
    published = snapshot()
    current = _current(customer_id)
    row = published.one("SELECT * FROM marts.customers WHERE customer_id = ?", [current])
    if not row:
        raise Refused(404, "this customer is not in the published file yet")
    is_masked = reason is None
    if reason is not None:
        if not may(person.roles, "reveal"):
            raise Refused(403, "the role of this token may not see personal data")
        audit.record(person.name, "customer revealed", current, reason)
    shown = {k: mask(k, v) if is_masked and k in PERSONAL else v for k, v in row.items()}
    scores = published.rows(
        "SELECT score, value, model_version, because_en, because_es FROM scores.customer_scores WHERE customer_id = ? "
        "AND not_published_because IS NULL ORDER BY score",
        [current],
    )
    offers = published.rows(
        "SELECT product_id, product_name, because_product_name FROM scores.recommendations WHERE customer_id = ? ORDER BY offer_rank LIMIT 5",
        [current],
    )
    consents = published.rows(
        "SELECT purpose, channel, is_granted FROM marts.consents WHERE customer_id = ? AND is_in_force", [current]
    )
    audiences = (
        published.one(
            "SELECT audiences FROM audiences.activation.customer_audiences WHERE customer_id = ?", [current]
        ).get("audiences", [])
        if published.has_audiences
        else []
    )
    named = (
        "given_name",
        "surnames",
        "email",
        "phone",
        "country",
        "macro_segment",
        "lifecycle_stage",
        "next_best_action",
        "as_of_date",
    )
    return {
        "customer_id": current, "asked_for": customer_id, "is_masked": is_masked, **{k: shown.get(k) for k in named},
        "profile": {k: v for k, v in shown.items() if k not in named and k != "customer_id"},
        "scores": [{**s, "because_en": s["because_en"] or [], "because_es": s["because_es"] or []} for s in scores], "offers": offers,
        "consents": {f"{c['purpose']}/{c['channel']}": c["is_granted"] for c in consents}, "audiences": audiences or [],
    }  # fmt: skip


class Wanted(BaseModel):
    """What is known of somebody; exactly one of these. It travels in the body, so that it stands in no log of addresses."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["email", "phone", "tax_id", "order", "record"]
    value: str = Field(min_length=3, max_length=200)


class Found(BaseModel):
    """Ids of the customers that a value belongs to; several where it is shared."""

    customer_ids: list[str]


@routes.ask(
    "/customers/find",
    "see_customers",
    Found,
    method="POST",
    summary="Ids of whoever has an e-mail, phone, tax id, order or record",
)
def find(wanted: Wanted, person: Person = _may("see_customers")) -> Any:
    """Return whose value it is."""
    import re

    value = wanted.value.strip().lower()
    if wanted.kind == "phone":
        value = re.sub(r"\D", "", value)[::-1]
    if wanted.kind == "tax_id":
        value = re.sub(r"[^0-9a-z]", "", value).upper()
    if not value:
        return {"customer_ids": []}
    is_phone = wanted.kind == "phone"
    # A phone is found by its last eight digits or more: how its country is written differs.
    condition = "term >= ? AND term < ? || chr(1114111)" if is_phone else "term = ? AND term = ?"
    if is_phone and len(value) < 8:
        return {"customer_ids": []}
    rows = snapshot().rows(
        f"SELECT DISTINCT customer_id FROM marts.customer_search_terms WHERE kind = ? AND {condition} ORDER BY 1 LIMIT 50",
        [wanted.kind, value, value],
    )
    audit.record(person.name, "customers looked up", f"{len(rows)} found by {wanted.kind}", "api")
    return {"customer_ids": [r["customer_id"] for r in rows]}


class Decision(BaseModel):
    """What to show in one place, and why."""

    placement: str
    content: str
    reason: str | None


@routes.ask(
    "/decisions/{kind}/{subject_id}",
    "look",
    list[Decision],
    summary="What the site, the app or an assistant shows to a customer or visitor",
)
def decisions(
    kind: Literal["customer", "visitor"],
    subject_id: Annotated[str, Path(min_length=1, max_length=200)],
    person: Person = _may("look"),
) -> Any:
    """Return the decisions of the last run for one customer or anonymous visitor; empty where none was made."""
    published = snapshot()
    if not published.has("audiences.activation.decisions"):
        return []
    subject = subject_id
    if kind == "customer":
        found = published.one(
            "SELECT current_customer_id FROM identity.customer_aliases WHERE customer_id = ?", [subject_id]
        )
        subject = str(found.get("current_customer_id") or subject_id)
    return published.rows(
        "SELECT placement, content, reason FROM audiences.activation.decisions WHERE kind = ? AND id = ? ORDER BY placement",
        [kind, subject],
    )


class AudienceHead(BaseModel):
    """An audience with its size and reach."""

    name: str
    id: str
    description: str
    description_es: str
    definition_en: str
    definition_es: str
    owner: str
    kind: str
    members: int
    reach: dict[str, int]


def _audience_heads() -> list[dict[str, Any]]:
    published = snapshot()
    members: dict[str, int] = {}
    reach: dict[str, dict[str, int]] = {}
    if published.has_audiences:
        for r in published.once(
            "SELECT audience, customers FROM audiences.activation.audience_counts WHERE state = 'member'"
        ):
            members[r["audience"]] = r["customers"]
        for r in published.once(
            "SELECT audience, channel, customers FROM audiences.activation.audience_reach WHERE reason = 'reachable'"
        ):
            reach.setdefault(r["audience"], {})[r["channel"]] = r["customers"]
    return [
        {
            "name": a.name, "id": a.id, "description": a.description, "description_es": a.description_es, "definition_en": words_of(a, "en"),
            "definition_es": words_of(a, "es"), "owner": a.owner, "kind": a.kind, "members": members.get(a.name, 0), "reach": reach.get(a.name, {}),
        }
        for a in declared.audiences().values()
    ]  # fmt: skip


@routes.ask("/audiences", "look", list[AudienceHead], summary="All audiences with size and reach")
def audiences(person: Person = _may("look")) -> Any:
    """Return all audiences."""
    return _audience_heads()


@routes.ask("/audiences/{name}", "look", AudienceHead, summary="One audience with size and reach")
def audience(name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,99}$")], person: Person = _may("look")) -> Any:
    """Return one audience."""
    found = next((a for a in _audience_heads() if a["name"] == name), None)
    if found is None:
        raise Refused(404, "no audience has this name")
    return found


class Figure(BaseModel):
    """A business figure with its target."""

    figure: str
    period: date | None
    dimension: str
    dimension_value: str | None
    value: float
    unit: str
    target_min: float | None
    target_max: float | None
    is_met: bool | None
    name_en: str
    name_es: str
    definition: str


@routes.ask("/figures", "look", list[Figure], summary="Business figures of the newest period, by group")
def figures(
    person: Person = _may("look"), figure: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,60}$")] = None
) -> Any:
    """Return the newest figures, of one kind where it is named."""
    return snapshot().once(
        """
        SELECT figure, period, dimension, dimension_value, value, unit, target_min, target_max, is_met, name_en, name_es, definition
        FROM figures.figures WHERE value IS NOT NULL AND (?::VARCHAR IS NULL OR figure = ?)
        QUALIFY row_number() OVER (PARTITION BY figure, dimension, dimension_value ORDER BY period DESC NULLS LAST) = 1
        ORDER BY figure, dimension, dimension_value
        """,
        [figure, figure],
    )


class State(BaseModel):
    """What is published."""

    version: str | None
    published_at: datetime | None
    customers: int


@routes.ask("/status", "look", State, summary="What is published")
def status(person: Person = _may("look")) -> Any:
    """Return the version that answers come from."""
    from warehouse.publish import manifest

    known = manifest()
    return {
        "version": known.get("version"), "published_at": known.get("published_at"), "customers": known.get("rows", {}).get("marts.customers", 0),
    }  # fmt: skip


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    made = get_openapi(
        title="Clientela",
        version="1",
        summary="Customers, audiences, decisions and figures",
        routes=[r for r in routes.routes if getattr(r, "path", "") != f"{BASE}/openapi.json"],
    )
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


def _openapi() -> Response:
    return JSONResponse(document())


_openapi.policy = "open"  # type: ignore[attr-defined]
routes.add_api_route(f"{BASE}/openapi.json", _openapi, methods=["GET"], include_in_schema=False)


def answer_errors(app: FastAPI) -> None:
    """Answer refused calls, and calls that cannot be understood, with problem documents."""

    @app.exception_handler(Refused)
    def refused(_request: Request, error: Refused) -> Response:
        return problem(error.status, str(error))

    @app.exception_handler(RequestValidationError)
    def not_understood(_request: Request, error: RequestValidationError) -> Response:
        # What was sent is not said again: it may be somebody's e-mail.
        return problem(422, "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()))
