"""Customer 360: one customer seen whole, masked unless a reason was given.

Four parts, so that each answers at once: who it is with metrics, scores and what to do; everything that happened; why the records are one; consent
and privacy requests.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import Response

from identity.explain import joined
from portal.evidence import evidence
from portal.masks import PERSONAL, mask, without_personal_data
from portal.reading import Snapshot
from portal.tables import Column, Table
from portal.visit import NotFound, Pages, Unwell, Visit, visit_of
from privacy import audit
from privacy.people import note_revealed
from privacy.requests import KINDS, days_left, receive, regime_of, regimes, requests
from warehouse.declarations import Declared, load

pages = Pages()
EVENTS = 60
PARTS = ("overview", "timeline", "identity", "consent")
#: Kinds of events whose detail is a number of ours and nobody's words.
NUMBERED = frozenset({"order", "credit_note", "payment"})


class Metric(Declared):
    """One of the sixteen metrics as it is told."""

    id: str
    name_en: str
    name_es: str
    meaning_en: str
    meaning_es: str
    trend: str | None
    better: Literal["up", "down"]
    shown: dict[str, Literal["usd", "pct", "share", "number", "days", "day", "moment", "text"]]


class Metrics(Declared):
    """`portal/metrics.yml`."""

    metrics: tuple[Metric, ...]


@cache
def metrics() -> tuple[Metric, ...]:
    """Read how the metrics are told.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return load(Path(__file__).parent.parent / "metrics.yml", Metrics).metrics


_looked_at: set[tuple[str, str]] = set()
_lock = threading.Lock()


def _note_look(visit: Visit, customer_id: str) -> None:
    """Write down that somebody looked at a customer, once a session."""
    assert visit.person is not None
    key = (visit.person.token_hash, customer_id)
    with _lock:
        if key in _looked_at:
            return
        if len(_looked_at) > 100_000:
            _looked_at.clear()
        _looked_at.add(key)
    audit.record(visit.name, "customer looked at", customer_id, "masked")


def current_id(published: Snapshot, customer_id: str) -> str:
    """Return the id that answers for one that was ever issued.

    Raises:
        NotFound: it was never issued, or stands for nobody any more.
    """
    found = published.one(
        "SELECT current_customer_id FROM identity.customer_aliases WHERE customer_id = ?", [customer_id]
    )
    if not found or found["current_customer_id"] is None:
        raise NotFound
    return str(found["current_customer_id"])


@pages.page("/customers/{customer_id}", "see_customers")
def one(request: Request, customer_id: str, part: str = "overview", kind: str = "", page: int = 1) -> Response:
    """Show one customer."""
    visit = visit_of(request)
    published = visit.published
    current = current_id(published, customer_id)
    if current != customer_id:
        return visit.go(f"/customers/{current}")
    customer = published.one("SELECT * FROM marts.customers WHERE customer_id = ?", [customer_id])
    if not customer:
        raise NotFound
    assert visit.person is not None
    _note_look(visit, customer_id)
    is_revealed = customer_id in visit.person.revealed
    shown = customer if is_revealed else {k: mask(k, v) if k in PERSONAL else v for k, v in customer.items()}
    part = part if part in PARTS else "overview"
    facts: dict[str, Any] = {"customer": shown, "is_revealed": is_revealed, "part": part, "parts": PARTS}
    more = {
        "overview": lambda: _overview(published, visit, customer, is_revealed),
        "timeline": lambda: _timeline(published, visit, customer_id, kind, page, is_revealed),
        "identity": lambda: _identity(published, visit, customer_id, is_revealed),
        "consent": lambda: _consent(published, visit, customer),
    }[part]()
    return visit.page("customer.html", **facts, **more)


def _overview(published: Snapshot, visit: Visit, customer: dict[str, Any], is_revealed: bool) -> dict[str, Any]:
    customer_id = customer["customer_id"]
    values = published.rows(
        "SELECT attribute, value, source, observed_at, records FROM identity.profile_values WHERE customer_id = ? AND rank = 1 ORDER BY attribute",
        [customer_id],
    )
    golden = [
        {
            **v,
            "value": v["value"] if is_revealed or v["attribute"] not in PERSONAL else mask(v["attribute"], v["value"]),
        }
        for v in values
    ]
    trends = {
        r["metric"]: r
        for r in published.rows(
            "SELECT metric, value, value_30d_ago, value_90d_ago, peer_percentile, peers FROM metrics.customer_metrics WHERE customer_id = ?",
            [customer_id],
        )
    }
    told = []
    for metric in metrics():
        trend = trends.get(metric.trend or "", {})
        told.append({
            "id": metric.id, "name": metric.name_es if visit.language == "es" else metric.name_en,
            "meaning": metric.meaning_es if visit.language == "es" else metric.meaning_en,
            "shown": [(column, _shown(visit, customer.get(column), unit)) for column, unit in metric.shown.items()],
            "trend": trend, "direction": _direction(trend, metric.better), "unit": "usd" if (metric.trend or "").endswith("usd") else "number",
        })  # fmt: skip
    language = visit.language
    scores = published.rows(
        f"SELECT score, value, model_version, not_published_because, because_{language} AS because FROM scores.customer_scores "
        "WHERE customer_id = ? ORDER BY score",
        [customer_id],
    )
    offers = published.rows(
        "SELECT offer_rank, product_name, category, because_product_name, method FROM scores.recommendations WHERE customer_id = ? "
        "ORDER BY offer_rank LIMIT 5",
        [customer_id],
    )
    actions = published.one(
        f"SELECT action_{language} AS action, channel, response_chance, expected_value_usd, held_back_by FROM scores.next_best_actions "
        "WHERE customer_id = ?",
        [customer_id],
    )
    unwanted = published.rows(
        "SELECT what, reason FROM scores.not_to_offer WHERE customer_id = ? ORDER BY ALL LIMIT 5", [customer_id]
    )
    return {
        "golden": golden, "metrics": told, "scores": scores, "offers": offers, "action": actions, "unwanted": unwanted,
        **_belongs(published, customer),
    }  # fmt: skip


def _shown(visit: Visit, value: Any, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "share":
        return visit.formats.pct(100 * value)
    if unit == "days":
        return visit.says("%(n)s days") % {"n": visit.formats.number(value)}
    return visit.formats.value(value, unit)


def _direction(trend: dict[str, Any], better: str) -> str:
    value, before = trend.get("value"), trend.get("value_90d_ago")
    if value is None or before is None or value == before:
        return ""
    return "up" if (value > before) == (better == "up") else "down"


def _belongs(published: Snapshot, customer: dict[str, Any]) -> dict[str, Any]:
    """Return what a customer is part of: household, account, audiences, journeys."""
    customer_id = customer["customer_id"]
    household = (
        published.rows(
            "SELECT customer_id, reason FROM identity.households WHERE household_id = ? AND customer_id <> ? ORDER BY 1 LIMIT 8",
            [customer["household_id"], customer_id],
        )
        if customer.get("household_id")
        else []
    )
    accounts = (
        published.rows(
            "SELECT a.account_id, a.account_name, a.city, a.pipeline_usd, a.next_renewal_date, w.reason FROM identity.customer_accounts AS w "
            "JOIN marts.accounts AS a ON w.account_id = a.account_id WHERE w.customer_id = ?",
            [customer_id],
        )
        if published.has("identity.customer_accounts") and published.has("marts.accounts")
        else []
    )
    audiences: list[str] = []
    journeys: list[dict[str, Any]] = []
    if published.has_audiences:
        audiences = published.one(
            "SELECT audiences FROM audiences.activation.customer_audiences WHERE customer_id = ?", [customer_id]
        ).get("audiences", [])
        if published.has("audiences.activation.journey_places"):
            journeys = published.rows(
                "SELECT journey, entered_at, ended_by, ended_at, steps_done FROM audiences.activation.journey_places "
                "WHERE customer_id = ? ORDER BY 2 DESC",
                [customer_id],
            )
    return {"household": household, "accounts": accounts, "audiences": audiences, "journeys": journeys}


def _timeline(
    published: Snapshot, visit: Visit, customer_id: str, kind: str, page: int, is_revealed: bool
) -> dict[str, Any]:
    sent = (
        "UNION ALL SELECT delivered_at, 'delivery_' || op, 'out', platform, audience, NULL, coalesce(nullif(reason, ''), status) "
        "FROM marts.deliveries WHERE customer_id = ?"
        if published.has("marts.deliveries")
        else ""
    )
    base = (
        "SELECT occurred_at, kind, direction, channel, source, value_usd, detail FROM marts.interactions WHERE customer_id = ? "
        + sent
    )
    values: list[Any] = [customer_id] * (2 if sent else 1)
    kinds = published.rows(f"SELECT kind, count(*) AS n FROM ({base}) GROUP BY 1 ORDER BY 2 DESC, 1", values)
    group = kind if kind in {k["kind"] for k in kinds} else ""
    page = max(1, min(page, 1000))
    rows = published.rows(
        f"SELECT * FROM ({base}) {'WHERE kind = ?' if group else ''} ORDER BY occurred_at DESC, kind, detail "
        f"LIMIT {EVENTS + 1} OFFSET {EVENTS * (page - 1)}",
        [*values, group] if group else values,
    )
    events = [
        {
            **r,
            "detail": r["detail"]
            if is_revealed or r["detail"] is None or r["kind"] in NUMBERED
            else without_personal_data(str(r["detail"])),
        }
        for r in rows[:EVENTS]
    ]
    months = published.rows(
        f"SELECT date_trunc('month', occurred_at)::DATE AS month, count(*) AS events, sum(value_usd) FILTER (kind = 'order') AS revenue_usd "
        f"FROM ({base}) GROUP BY 1 ORDER BY 1",
        values,
    )
    table = Table(
        "months", visit.says("Activity by month"),
        [
            Column("month", visit.says("Month"), "day"), Column("events", visit.says("Events"), "number"),
            Column("revenue_usd", visit.says("Orders, US dollars"), "usd"),
        ],
        months, chart="column", series=["events"],
    )  # fmt: skip
    return {
        "events": events,
        "kinds": kinds,
        "kind": group,
        "page": page,
        "has_more": len(rows) > EVENTS,
        "months": table,
    }


def _identity(published: Snapshot, visit: Visit, customer_id: str, is_revealed: bool) -> dict[str, Any]:
    members = published.rows(
        "SELECT record_key, source, source_table, record_id FROM identity.members WHERE customer_id = ? ORDER BY record_key",
        [customer_id],
    )
    pairs = (
        published.rows(
            "SELECT record_l, record_r, match_weight, kind, verdict FROM identity.customer_links WHERE customer_id = ?",
            [customer_id],
        )
        if published.has("identity.customer_links")
        else []
    )
    keys = [m["record_key"] for m in members]
    known = set(keys)
    how = (
        joined(keys, [p for p in pairs if p["record_l"] in known and p["record_r"] in known])
        if keys
        else {"joins": [], "bridges": []}
    )
    events = published.rows(
        "SELECT happened_at, event, other_customer_id, record_key FROM identity.customer_events WHERE customer_id = ? ORDER BY seq DESC LIMIT 20",
        [customer_id],
    )
    olds = [
        r["customer_id"]
        for r in published.rows(
            "SELECT customer_id FROM identity.customer_aliases WHERE current_customer_id = ? AND customer_id <> ? ORDER BY 1",
            [customer_id] * 2,
        )
    ]
    values = published.rows(
        "SELECT attribute, value, source, observed_at, records, rank FROM identity.profile_values WHERE customer_id = ? ORDER BY attribute, rank",
        [customer_id],
    )
    shown = [
        {
            **v,
            "value": v["value"] if is_revealed or v["attribute"] not in PERSONAL else mask(v["attribute"], v["value"]),
        }
        for v in values
    ]
    devices = (
        published.rows(
            "SELECT l.anonymous_id, l.valid_from, l.told_by, d.is_shared FROM identity.device_logins AS l "
            "LEFT JOIN identity.devices AS d ON l.anonymous_id = d.anonymous_id WHERE l.customer_id = ? ORDER BY l.valid_from",
            [customer_id],
        )
        if published.has("identity.device_logins")
        else []
    )
    return {"members": members, "how": how, "events": events, "olds": olds, "values": shown, "devices": devices}


@pages.page("/customers/{customer_id}/why", "see_customers")
def why(request: Request, customer_id: str, l: str, r: str) -> Response:  # noqa: E741
    """Show the evidence on two records of a customer, in words and as a picture."""
    visit = visit_of(request)
    published = visit.published
    mine = {
        row["record_key"]
        for row in published.rows("SELECT record_key FROM identity.members WHERE customer_id = ?", [customer_id])
    }
    if l not in mine or r not in mine or l == r:
        raise NotFound
    lines = evidence(published, l, r, visit.language)
    return visit.page("why.html", customer_id=customer_id, lines=lines, left=l, right=r)


def _consent(published: Snapshot, visit: Visit, customer: dict[str, Any]) -> dict[str, Any]:
    customer_id = customer["customer_id"]
    statements = published.rows(
        "SELECT purpose, channel, is_granted, captured_at, source, is_in_force FROM marts.consents WHERE customer_id = ? "
        "ORDER BY is_in_force DESC, purpose, channel, captured_at DESC",
        [customer_id],
    )
    reach = published.rows(
        "SELECT channel, reason, is_reachable FROM metrics.reachability WHERE customer_id = ? ORDER BY channel",
        [customer_id],
    )
    refusals = (
        published.rows(
            "SELECT platform, channel, kind FROM audiences.activation.readback WHERE customer_id = ?", [customer_id]
        )
        if published.has("audiences.activation.readback")
        else []
    )
    return {
        "statements": statements, "reach": reach, "refusals": refusals, "requests": requests(customer_id), "days_left": days_left,
        "kinds": KINDS, "regimes": regimes(), "regime": regime_of(customer.get("country")),
    }  # fmt: skip


@pages.page("/customers/{customer_id}/reveal", "reveal", ("POST",))
def reveal(request: Request, customer_id: str) -> Response:
    """Show a customer unmasked for this session, once a reason was given."""
    visit = visit_of(request)
    reason = visit.text("reason")
    if len(reason) < 4:
        raise Unwell("say why you need to see it")
    current = current_id(visit.published, customer_id)
    assert visit.person is not None
    audit.record(visit.name, "customer revealed", current, reason)
    note_revealed(visit.person, current)
    return visit.go(f"/customers/{current}", part=visit.text("part") or "overview")


@pages.page("/customers/{customer_id}/request", "ask_request", ("POST",))
def ask_request(request: Request, customer_id: str) -> Response:
    """Take a privacy request in."""
    visit = visit_of(request)
    current = current_id(visit.published, customer_id)
    receive(current, visit.text("kind"), visit.text("regime"), visit.name, visit.text("reason"))
    return visit.go(f"/customers/{current}", part="consent")
