"""One audience: who is in, why others are not, how it moved, what it is made of, where it went, and the file to take away."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from activation.audience import Audience
from activation.downloads import load_formats, preview, terms
from activation.look import words_of
from activation.rules import Rule
from portal.masks import mask
from portal.pages.audiences import audience_of, columns_of, columns_of_customers, upset
from portal.reading import Snapshot
from portal.tables import Column, Table, waterfall
from portal.visit import NotFound, Pages, Visit, visit_of
from warehouse.settings import settings

pages = Pages()
PREVIEWED = 8


@pages.page("/audiences/{name}", "look")
def one(request: Request, name: str) -> Response:
    """Show one audience."""
    visit = visit_of(request)
    audience = audience_of(name)
    published = visit.published
    facts: dict[str, Any] = {
        "audience": audience, "words_en": words_of(audience, "en"), "words_es": words_of(audience, "es"),
        "described": audience.description_es if visit.language == "es" else audience.description, "sql": sql_of(published, audience),
    }  # fmt: skip
    if not published.has_audiences:
        return visit.page("audience.html", has_any=False, **facts)
    return visit.page(
        "audience.html", has_any=True, **facts, **_size(published, visit, audience), targets=_targets(published, visit, audience),
        moves=_moves(published, visit, audience), traits=_traits(published, visit, audience), overlap=_overlap(published, visit, audience),
        upset=upset(published, visit, audience.name), lift=_lift(published, visit, audience), deliveries=_deliveries(published, visit, audience),
        preview=_preview(published, visit, audience), nearly=_nearly(published, visit, audience), small=settings().small_group,
        formats=_formats(visit, audience), campaigns=_campaigns(published, audience),
    )  # fmt: skip


def sql_of(published: Snapshot, audience: Audience) -> str:
    """Return the definition as an analyst would write it, over the published file."""
    who = audience.who
    if who.rule is None:
        return f"SELECT customer_id FROM segments.{who.segment}"
    values: list[Any] = []
    columns = columns_of_customers(published)
    if who.segment:
        columns = {**columns, **columns_of(published, "segments", who.segment)}
    if not who.rule.columns() <= set(columns):
        return ""
    condition = who.rule.sql(columns, "as_of_date", values)
    for value in values:
        shown = f"'{str(value).replace(chr(39), chr(39) * 2)}'" if isinstance(value, str) else str(value)
        condition = condition.replace("?", shown, 1)
    if who.segment:
        return f"SELECT customer_id\nFROM segments.{who.segment}\nJOIN marts.customers USING (customer_id)\nWHERE {condition}"
    return f"SELECT customer_id\nFROM marts.customers\nWHERE {condition}"


def _size(published: Snapshot, visit: Visit, audience: Audience) -> dict[str, Any]:
    states = {
        r["state"]: r["customers"]
        for r in published.once(
            "SELECT state, customers FROM audiences.activation.audience_counts WHERE audience = ?", [audience.name]
        )
    }
    members = states.get("member", 0)
    steps = [
        (visit.said(state), n)
        for state, n in sorted(states.items(), key=lambda s: (s[0] == "holdout", -s[1]))
        if state != "member"
    ]
    falls = waterfall(steps, visit.says("The definition holds"), visit.says("Members"), sum(states.values()))
    reach = published.once(
        "SELECT channel, reason, customers FROM audiences.activation.audience_reach WHERE audience = ? ORDER BY channel, customers DESC, reason",
        [audience.name],
    )
    rows = [
        {"channel": visit.said(r["channel"]), "reason": visit.said(r["reason"]), "customers": r["customers"]}
        for r in reach
    ]
    table = Table(
        "reach", visit.says("Reach by channel"),
        [
            Column("channel", visit.says("Channel")), Column("reason", visit.says("Why or why not")),
            Column("customers", visit.says("Customers"), "number"),
        ],
        rows,
    )  # fmt: skip
    return {"members": members, "falls": falls, "reach": table}


def _targets(published: Snapshot, visit: Visit, audience: Audience) -> list[dict[str, Any]]:
    """Return, for each destination, how members become those on its list."""
    plans = published.once(
        "SELECT * FROM audiences.activation.plans WHERE audience = ? ORDER BY platform", [audience.name]
    )
    reasons = published.once(
        "SELECT platform, reason, customers FROM audiences.activation.plan_reasons WHERE audience = ? ORDER BY customers DESC, reason",
        [audience.name],
    )
    found = []
    for plan in plans:
        mine = [(r["reason"], r["customers"]) for r in reasons if r["platform"] == plan["platform"]]
        total = plan["size_after"] + sum(n for _, n in mine)
        # In the order in which they are asked for: left out, consent, what a platform said, identifiers.
        mine.sort(key=lambda r: (r[0].startswith("needs"), "consent" in r[0], r[0] != "holdout", -r[1]))
        steps = [(visit.said(reason), n) for reason, n in mine]
        found.append({
            **plan, "falls": waterfall(steps, visit.says("The definition holds"), visit.says("On the list"), total),
            "warnings": [visit.said(w) for w in plan["warnings"] or []],
        })  # fmt: skip
    return found


def _moves(published: Snapshot, visit: Visit, audience: Audience) -> dict[str, Table]:
    sizes = published.once(
        "SELECT happened_at::TIMESTAMPTZ::TIMESTAMP AS happened_at, entered, departed, members FROM audiences.activation.audience_sizes "
        "WHERE audience = ? ORDER BY sequence",
        [audience.name],
    )
    moves = published.once(
        "SELECT happened_at::TIMESTAMPTZ::TIMESTAMP AS happened_at, event, reason, customers FROM audiences.activation.audience_moves "
        "WHERE audience = ? ORDER BY sequence DESC, event, customers DESC LIMIT 40",
        [audience.name],
    )
    trend = Table(
        "trend", visit.says("Members over time"),
        [
            Column("happened_at", visit.says("Run (UTC)"), "moment"), Column("members", visit.says("Members"), "number"),
            Column("entered", visit.says("Entered"), "number"), Column("departed", visit.says("Gone"), "number"),
        ],
        sizes, chart="line", series=["members"],
    )  # fmt: skip
    why = Table(
        "moves", visit.says("Who entered and left, and why"),
        [
            Column("happened_at", visit.says("Run (UTC)"), "moment"), Column("event", visit.says("Event")),
            Column("reason", visit.says("Reason")), Column("customers", visit.says("Customers"), "number"),
        ],
        moves,
    )  # fmt: skip
    return {"trend": trend, "why": why}


def _traits(published: Snapshot, visit: Visit, audience: Audience) -> Table:
    """Return what sets the members apart; groups that are too small are left out."""
    found = published.once(
        """
        SELECT trait, value, customers, share_pct, everyone_pct, share_pct - everyone_pct AS more_pct FROM audiences.activation.audience_traits
        WHERE audience = ? AND customers >= ? AND value <> 'unknown' ORDER BY abs(share_pct - everyone_pct) DESC, trait, value LIMIT 14
        """,
        [audience.name, settings().small_group],
    )
    rows = [{**r, "name": f"{visit.said(r['trait'])}: {visit.said(r['value'])}"} for r in found]
    return Table(
        "traits", visit.says("What sets them apart"),
        [
            Column("name", visit.says("Trait")), Column("share_pct", visit.says("In the audience"), "pct"),
            Column("everyone_pct", visit.says("Among all customers"), "pct"), Column("customers", visit.says("Customers"), "number"),
        ],
        rows, visit.says("Groups of fewer than %(n)s people are not shown.") % {"n": settings().small_group}, chart="bar",
        series=["share_pct", "everyone_pct"],
    )  # fmt: skip


def _overlap(published: Snapshot, visit: Visit, audience: Audience) -> Table:
    found = published.once(
        """
        SELECT o.other_audience AS other, o.customers, round(100.0 * o.customers / a.customers, 1) AS of_this_pct,
            round(100.0 * o.customers / b.customers, 1) AS of_other_pct
        FROM audiences.activation.audience_overlap AS o
        JOIN audiences.activation.audience_counts AS a ON o.audience = a.audience AND a.state = 'member'
        JOIN audiences.activation.audience_counts AS b ON o.other_audience = b.audience AND b.state = 'member'
        WHERE o.audience = ? AND o.customers >= ? ORDER BY o.customers DESC, 1 LIMIT 12
        """,
        [audience.name, settings().small_group],
    )
    rows = [{**r, "name": visit.said(r["other"]), "link": f"/audiences/{r['other']}"} for r in found]
    return Table(
        "overlap", visit.says("Who is in others as well"),
        [
            Column("name", visit.says("Other audience"), "name", "link"), Column("customers", visit.says("In both"), "number"),
            Column("of_this_pct", visit.says("Of this one"), "pct"), Column("of_other_pct", visit.says("Of the other"), "pct"),
        ],
        rows,
    )  # fmt: skip


def _lift(published: Snapshot, visit: Visit, audience: Audience) -> Table:
    found = published.once(
        """
        SELECT coalesce(nullif(campaign, ''), '–') AS campaign, coalesce(nullif(variant, ''), '–') AS variant, compared_with, customers_count,
            compared_count, bought_pct, compared_pct, lift_pct, lift_low_pct, lift_high_pct, is_significant, margin_benefit_usd
        FROM figures.audience_lift WHERE audience = ? ORDER BY ALL
        """,
        [audience.name],
    ) if published.has("figures.audience_lift") else []  # fmt: skip
    rows = [
        {**r, "interval": f"{visit.formats.pct(r['lift_low_pct'])} … {visit.formats.pct(r['lift_high_pct'])}"}
        for r in found
    ]
    return Table(
        "lift", visit.says("What it brought, against those who were held out"),
        [
            Column("campaign", visit.says("Campaign")), Column("variant", visit.says("Variant")),
            Column("compared_with", visit.says("Compared with")),
            Column("customers_count", visit.says("Treated"), "number"), Column("compared_count", visit.says("Held out"), "number"),
            Column("bought_pct", visit.says("Bought"), "pct"), Column("compared_pct", visit.says("Bought without"), "pct"),
            Column("lift_pct", visit.says("Difference"), "pct"), Column("interval", visit.says("95 % interval"), "name"),
            Column("is_significant", visit.says("Beyond chance")), Column("margin_benefit_usd", visit.says("Margin gained"), "usd"),
        ],
        rows, visit.says("Difference in percentage points of customers who bought; the interval says what chance alone could do."),
    )  # fmt: skip


def _deliveries(published: Snapshot, visit: Visit, audience: Audience) -> dict[str, Any]:
    found = (
        published.once(
            """
        WITH gone AS (
            SELECT audience, platform, list, plan_hash, max(delivered_at)::TIMESTAMPTZ::TIMESTAMP AS delivered_at,
                sum(customers) FILTER (op = 'add') AS added, sum(customers) FILTER (op = 'update') AS updated,
                sum(customers) FILTER (op = 'remove') AS removed, sum(customers) FILTER (status = 'rejected') AS rejected
            FROM audiences.activation.delivery_outcomes WHERE audience = $1 OR starts_with(audience, $1 || '__') GROUP BY ALL
        ),
        said AS (
            SELECT audience, platform, list, plan_hash, list(DISTINCT status ORDER BY status) AS states,
                sum(customers * matched_low_pct) / sum(customers) FILTER (matched_low_pct IS NOT NULL) AS matched_low_pct,
                sum(customers * matched_high_pct) / sum(customers) FILTER (matched_high_pct IS NOT NULL) AS matched_high_pct
            FROM audiences.activation.delivery_requests WHERE audience = $1 OR starts_with(audience, $1 || '__') GROUP BY ALL
        )
        SELECT gone.*, said.states, said.matched_low_pct, said.matched_high_pct
        FROM gone LEFT JOIN said USING (audience, platform, list, plan_hash) ORDER BY delivered_at DESC, platform LIMIT 30
        """,
            [audience.name],
        )
        if published.has("audiences.activation.delivery_requests")
        else []
    )
    for row in found:
        row["said"] = ", ".join(visit.said(state) for state in row["states"] or [])
        row["matched"] = _range_pct(visit, row["matched_low_pct"], row["matched_high_pct"])
    refused = published.once(
        "SELECT platform, reason, sum(customers)::BIGINT AS customers FROM audiences.activation.delivery_outcomes WHERE audience = ? "
        "AND status = 'rejected' GROUP BY ALL ORDER BY customers DESC, 1, 2",
        [audience.name],
    )
    history = Table(
        "deliveries", visit.says("Deliveries"),
        [
            Column("delivered_at", visit.says("When (UTC)"), "moment"), Column("platform", visit.says("Destination")),
            Column("list", visit.says("List"), "name"), Column("added", visit.says("Added"), "number"),
            Column("updated", visit.says("Changed"), "number"),
            Column("removed", visit.says("Taken off"), "number"), Column("rejected", visit.says("Refused"), "number"),
            Column("matched", visit.says("Match rate"), "name"), Column("said", visit.says("The platform says"), "name"),
        ],
        found, visit.says("The match rate is the share of this delivery's people whom the platform knows, where it tells."),
    )  # fmt: skip
    reasons = Table(
        "refused", visit.says("Refused rows by reason"),
        [
            Column("platform", visit.says("Destination")), Column("reason", visit.says("Reason")),
            Column("customers", visit.says("Customers"), "number"),
        ],
        refused,
    )  # fmt: skip
    return {"history": history, "refused": reasons}


def _range_pct(visit: Visit, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "–"
    bounds = [visit.formats.pct(low), visit.formats.pct(high)]
    return bounds[0] if bounds[0] == bounds[1] else " – ".join(bounds)


def _preview(published: Snapshot, visit: Visit, audience: Audience) -> list[dict[str, Any]]:
    found = published.once(
        """
        SELECT c.customer_id, c.given_name, c.surnames, c.email, c.phone, c.country, c.macro_segment, c.lifetime_revenue_usd
        FROM audiences.activation.audience_members AS m JOIN marts.customers AS c ON m.customer_id = c.customer_id
        WHERE m.audience = ? AND m.left_out IS NULL ORDER BY c.customer_id LIMIT ?
        """,
        [audience.name, PREVIEWED],
    )
    return [_masked(row) for row in found]


def _masked(row: dict[str, Any]) -> dict[str, Any]:
    return {key: mask(key, value) for key, value in row.items()}


def _nearly(published: Snapshot, visit: Visit, audience: Audience) -> dict[str, Any]:
    """Return people who are nearly in: all conditions but one hold; of segments, those whom a suppression or the holdout keeps out."""
    rule = audience.who.rule
    columns = columns_of_customers(published)
    if audience.who.segment is None and rule is not None and len(rule.all_of) > 1 and rule.columns() <= set(columns):
        found = []
        for n, missing in enumerate(rule.all_of):
            others = Rule(all=tuple(r for at, r in enumerate(rule.all_of) if at != n))
            values: list[Any] = []
            holds = others.sql(columns, "as_of_date", values)
            fails = missing.sql(columns, "as_of_date", values)
            counted = (
                f"SELECT count(*) AS customers FROM marts.customers WHERE {holds} AND NOT coalesce({fails}, false)"
            )
            row = published.once(counted, values)[0]
            found.append({"why": missing.words(visit.language), "customers": row["customers"]})
        return {"rules": found, "people": []}
    people = published.once(
        """
        SELECT c.customer_id, m.left_out, c.given_name, c.surnames, c.email, c.country
        FROM audiences.activation.audience_members AS m JOIN marts.customers AS c ON m.customer_id = c.customer_id
        WHERE m.audience = ? AND m.left_out IS NOT NULL ORDER BY m.left_out, c.customer_id LIMIT 5
        """,
        [audience.name],
    )
    return {"rules": [], "people": [_masked(p) for p in people]}


def _formats(visit: Visit, audience: Audience) -> list[dict[str, Any]]:
    return [
        {"format": f, "does": f.does_es if visit.language == "es" else f.does_en, "terms": terms(audience, f)}
        for f in load_formats().values()
    ]


def _campaigns(published: Snapshot, audience: Audience) -> list[dict[str, Any]]:
    return published.once(
        "SELECT campaign, description, description_es, starts_date, ends_date FROM audiences.activation.campaigns "
        "WHERE list_contains(audiences, ?) ORDER BY starts_date DESC",
        [audience.name],
    )


@pages.page("/audiences/{name}/take/{format}", "download")
def before_download(request: Request, name: str, format: str) -> Response:
    """Say what would be in a file and what the platform does with it, before anybody asks for it."""
    visit = visit_of(request)
    audience, of = audience_of(name), load_formats().get(format)
    if of is None or not visit.published.has_audiences:
        raise NotFound
    with visit.published.cursor() as con:
        counted = preview(con, audience, of)
    purpose, channel, fields, _ = terms(audience, of)
    rows = counted.pop("", 0)
    falls = waterfall(
        [(visit.said(why), n) for why, n in counted.items()],
        visit.says("Members"),
        visit.says("Rows of the file"),
        rows + sum(counted.values()),
    )
    return visit.page(
        "take.html", audience=audience, of=of, does=of.does_es if visit.language == "es" else of.does_en, purpose=purpose, channel=channel,
        headers=[*of.destination.cells, *sorted(fields)], rows=rows, falls=falls, limit=settings().download_rows,
        minimum=of.destination.min_list_size,
    )  # fmt: skip
