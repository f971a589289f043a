"""The builder: conditions over described columns with the size and reach they give now; kept as a proposal that an engineer or analyst decides.

A proposal is the YAML that a file of `activation/audiences` would hold. Agreed to, it stands in `state/audiences` and is an audience from the next
run on.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from fastapi import Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy import select

from activation.audience import Audience
from activation.destinations import DESTINATIONS, ApiDestination, PlaceDestination
from activation.rules import CONDITIONS, LISTS, VALUES, Rule, kind_of
from portal import declared
from portal.masks import PERSONAL
from portal.pages.audiences import CHANNELS, columns_of_customers
from portal.reading import Snapshot
from portal.visit import NotFound, Pages, Unwell, Visit, visit_of
from privacy import audit
from warehouse import files
from warehouse.errors import CdpError, DeclarationError
from warehouse.operations import ProposalRow, session
from warehouse.settings import now, proposals_folder, settings

pages = Pages()
MOST_RULES = 12
#: Nobody is looked for by what identifies one person: an audience is made of what people do.
LEFT_OUT = frozenset({*PERSONAL, "customer_id", "as_of_date", "household_id"})


def columns_to_choose(published: Snapshot) -> list[dict[str, str]]:
    """Return the columns that conditions may name: name, kind and description."""
    comments = {
        r["column_name"]: r["comment"] or ""
        for r in published.once(
            "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = 'cdp' AND schema_name = 'marts' AND table_name = 'customers'"
        )
    }
    return [
        {"name": c, "kind": kind_of(t), "about": comments.get(c, "")}
        for c, t in columns_of_customers(published).items()
        if c not in LEFT_OUT
    ]


def _rows(visit: Visit) -> list[dict[str, str]]:
    """Return the conditions of the form, as they were typed."""
    columns, conditions, values = visit.many("column"), visit.many("condition"), visit.many("value")
    return [
        {"column": c, "condition": k, "value": v.strip()[:500]}
        for c, k, v in zip(columns, conditions, values, strict=False)
        if c and k
    ][:MOST_RULES]


def rule_of(rows: list[dict[str, str]], joins: str, columns: dict[str, str]) -> Rule | None:
    """Return the rule that typed conditions stand for; None when there are none.

    Raises:
        Unwell: a condition cannot be read; says which.
    """
    leaves = []
    for row in rows:
        column, condition = row["column"], row["condition"]
        if column not in columns or column in LEFT_OUT or condition not in CONDITIONS:
            raise Unwell(f"column '{column}' or condition '{condition}' is not there")
        leaves.append({"column": column, condition: _value(row["value"], kind_of(columns[column]), condition)})
    if not leaves:
        return None
    try:
        rule = Rule.model_validate({joins: leaves} if len(leaves) > 1 else leaves[0])
        rule.sql(columns, "as_of_date", [])
    except ValidationError as error:
        raise Unwell("; ".join(str(e["msg"]) for e in error.errors())) from None
    except DeclarationError as error:
        raise Unwell(str(error)) from None
    return rule


def _value(text: str, kind: str, condition: str) -> Any:
    if condition == "is_known" or (kind == "flag" and condition in ("is", "is_not")):
        return text.lower() in ("yes", "sí", "si", "true", "1", "")
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if condition in LISTS:
        return [_scalar(p, kind) for p in parts]
    if condition in VALUES:
        if len(parts) != VALUES[condition]:
            raise Unwell(f"'{condition}' takes {VALUES[condition]} values with a comma between them")
        return [_number(p) for p in parts]
    if condition in ("within_days", "older_than_days"):
        return int(_number(text))
    return _scalar(text, kind)


def _scalar(text: str, kind: str) -> Any:
    return _number(text) if kind == "number" else text


def _number(text: str) -> int | float:
    try:
        found = float(text.replace(" ", ""))
    except ValueError:
        raise Unwell(f"'{text}' is not a number") from None
    return int(found) if found == int(found) else found


def size_of(published: Snapshot, rule: Rule | None) -> dict[str, Any]:
    """Return how many customers a rule holds for, of all, and how many of them each channel reaches; groups that are too small are not told."""
    values: list[Any] = []
    columns = columns_of_customers(published)
    condition = rule.sql(columns, "as_of_date", values) if rule else "true"
    reached = ", ".join(f"count(*) FILTER (list_contains(reachable_channels, '{c}')) AS {c}" for c in CHANNELS)
    found = published.one(
        f"SELECT count(*) AS customers, sum(lifetime_revenue_usd) AS revenue_usd, {reached} FROM marts.customers WHERE {condition}",
        values,
    )
    total = published.once("SELECT count(*) AS n FROM marts.customers")[0]["n"]
    is_small = 0 < found["customers"] < settings().small_group
    return {**found, "total": total, "is_small": is_small, "reach": {c: found[c] for c in CHANNELS}}


def _facts(visit: Visit, rows: list[dict[str, str]], joins: str) -> dict[str, Any]:
    published = visit.published
    conditions = [
        {"name": c, "kinds": " ".join(kinds), "text": (es if visit.language == "es" else en).replace("{v}", "…")}
        for c, (kinds, _, en, es) in CONDITIONS.items()
    ]
    platforms = [p for p, d in DESTINATIONS.items() if not isinstance(d, ApiDestination | PlaceDestination)]
    return {
        "columns": columns_to_choose(published), "conditions": conditions, "rows": rows, "joins": joins, "platforms": platforms,
        "suppressions": [a.name for a in declared.audiences().values() if a.kind == "suppression"], "values": _known_values(published),
    }  # fmt: skip


def _known_values(published: Snapshot) -> list[str]:
    if not published.has("audiences.activation.audience_traits"):
        return []
    return [
        r["value"]
        for r in published.once(
            "SELECT DISTINCT value FROM audiences.activation.audience_traits WHERE value <> 'unknown' ORDER BY 1"
        )
    ]


@pages.page("/builder", "propose_audience")
def empty(request: Request) -> Response:
    """Show the builder."""
    visit = visit_of(request)
    return visit.page(
        "builder.html", size=size_of(visit.published, None), words="", error="", **_facts(visit, [], "all")
    )


@pages.page("/builder", "propose_audience", ("POST",))
def sized(request: Request) -> Response:
    """Show the builder with the size of what was composed; htmx asks for that part alone."""
    visit = visit_of(request)
    rows, joins = _rows(visit), "any" if visit.text("joins") == "any" else "all"
    error, words, size = "", "", None
    try:
        rule = rule_of(rows, joins, columns_of_customers(visit.published))
        size = size_of(visit.published, rule)
        words = rule.words(visit.language).removeprefix("(").removesuffix(")") if rule else ""
    except Unwell as wrong:
        error = visit.said(str(wrong))
    if visit.is_part:
        return visit.page("size.html", size=size, words=words, error=error)
    return visit.page("builder.html", size=size, words=words, error=error, **_facts(visit, rows, joins))


def _declared(visit: Visit) -> dict[str, Any]:
    """Return the declaration that the form stands for."""
    columns = columns_of_customers(visit.published)
    rule = rule_of(_rows(visit), "any" if visit.text("joins") == "any" else "all", columns)
    if rule is None:
        raise Unwell("an audience needs at least one condition")
    name = re.sub(r"[^a-z0-9]+", "_", visit.text("name").lower()).strip("_")
    platform = visit.text("platform")
    target = (
        [{
            "platform": platform, "list": visit.text("list") or name, "purpose": visit.text("purpose") or "marketing",
            "channel": visit.text("channel") or "email",
        }]
        if platform
        else []
    )  # fmt: skip
    return {
        "name": name, "id": "AU-OWN", "description": visit.text("description"), "description_es": visit.text("description_es"), "owner": visit.name,
        "who": {"rule": rule.model_dump(by_alias=True, exclude_defaults=True, mode="json")}, "suppress": visit.many("suppress"),
        "holdout_pct": float(visit.text("holdout_pct") or 0), "destinations": target,
    }  # fmt: skip


def checked(composed: dict[str, Any], known: set[str]) -> Audience:
    """Return a declaration as an audience.

    Raises:
        Unwell: it does not hold; says why.
    """
    try:
        audience = Audience.model_validate(composed)
    except ValidationError as error:
        raise Unwell("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None
    if audience.name in known:
        raise Unwell(f"there is an audience {audience.name} already")
    if unknown := [s for s in audience.suppress if s not in known]:
        raise Unwell(f"no audience is called {', '.join(unknown)}")
    if not audience.description or not audience.description_es:
        raise Unwell("describe it in both languages")
    return audience


@pages.page("/proposals", "propose_audience", ("POST",))
def propose(request: Request) -> Response:
    """Keep what was composed as a proposal."""
    visit = visit_of(request)
    composed = _declared(visit)
    audience = checked(composed, set(declared.audiences()))
    text = yaml.safe_dump(composed, sort_keys=False, allow_unicode=True, width=120)
    with session() as db:
        db.add(ProposalRow(name=audience.name, declaration=text, author=visit.name, proposed_at=now()))
    audit.record(visit.name, "audience proposed", audience.name, audience.description)
    return visit.go("/proposals")


@pages.page("/proposals", "propose_audience")
def proposals(request: Request) -> Response:
    """List the proposals."""
    visit = visit_of(request)
    with session() as db:
        found = list(db.scalars(select(ProposalRow).order_by(ProposalRow.proposal_id.desc()).limit(100)))
        db.expunge_all()
    return visit.page("proposals.html", rows=found)


@pages.page("/proposals/{number}", "decide_audience", ("POST",))
def decide(request: Request, number: int) -> Response:
    """Agree to a proposal, or decline it; whoever proposed does not decide."""
    visit = visit_of(request)
    decision = visit.text("decision")
    if decision not in ("agreed", "declined"):
        raise Unwell("say whether you agree")
    with session() as db:
        row = db.get(ProposalRow, number)
        if row is None:
            raise NotFound
        if row.decision is not None:
            raise CdpError("this proposal is decided already")
        if row.author == visit.name:
            raise CdpError("another person must decide about a proposal")
        if decision == "agreed":
            audience = checked(yaml.safe_load(row.declaration), set(declared.audiences()))
            files.write_bytes(proposals_folder() / f"{audience.name}.yml", row.declaration.encode())
        row.decision, row.decided_by, row.decided_at, row.reason = decision, visit.name, now(), visit.text("reason")
        name = row.name
    audit.record(visit.name, f"audience {decision}", name, visit.text("reason") or decision)
    return visit.go("/proposals")
