"""All audiences: how large, how they move, whom they reach, and how they overlap."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from activation.audience import Audience
from activation.downloads import last_built
from portal import declared
from portal.reading import Snapshot
from portal.tables import Column, Table, spark
from portal.visit import NotFound, Pages, Visit, visit_of
from warehouse.settings import settings

pages = Pages()
CHANNELS = ("email", "sms", "phone", "ads")
#: Sets of the UpSet picture, and audiences in it.
SETS, IN_PICTURE = 12, 5


@pages.page("/audiences", "look")
def listed(request: Request, q: str = "", owner: str = "", sort: str = "name") -> Response:
    """List the audiences."""
    visit = visit_of(request)
    published = visit.published
    facts, taken = _facts(published), last_built()
    found = []
    for audience in declared.audiences().values():
        fact = facts.get(audience.name, {})
        described = audience.description_es if visit.language == "es" else audience.description
        haystack = f"{audience.name} {audience.id} {described} {audience.owner}".lower()
        if (q and q.lower() not in haystack) or (owner and owner != audience.owner):
            continue
        sizes = fact.get("sizes", [])
        found.append({
            "audience": audience, "described": described, "size": fact.get("size", 0), "reach": fact.get("reach", {}),
            "change": sizes[-1] - sizes[-2] if len(sizes) > 1 else None, "spark": spark(sizes), "delivered_at": fact.get("delivered_at"),
            "taken_at": taken.get(audience.name),
        })  # fmt: skip
    orders = {
        "name": lambda r: r["audience"].name, "size": lambda r: (-r["size"], r["audience"].name),
        "change": lambda r: (-abs(r["change"] or 0), r["audience"].name),
    }  # fmt: skip
    found.sort(key=orders.get(sort, orders["name"]))
    owners = sorted({a.owner for a in declared.audiences().values()})
    return visit.page(
        "audiences.html",
        rows=found,
        q=q,
        owner=owner,
        owners=owners,
        sort=sort,
        channels=CHANNELS,
        has_any=published.has_audiences,
    )


def _facts(published: Snapshot) -> dict[str, dict[str, Any]]:
    """Return what is known of each audience by name: size, sizes over time, reach by channel, last delivery."""
    if not published.has_audiences:
        return {}

    def look() -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for row in published.rows(
            "SELECT audience, customers FROM audiences.activation.audience_counts WHERE state = 'member'"
        ):
            found.setdefault(row["audience"], {})["size"] = row["customers"]
        for row in published.rows(
            "SELECT audience, members FROM audiences.activation.audience_sizes ORDER BY audience, sequence"
        ):
            found.setdefault(row["audience"], {}).setdefault("sizes", []).append(row["members"])
        for row in published.rows(
            "SELECT audience, channel, customers FROM audiences.activation.audience_reach WHERE reason = 'reachable'"
        ):
            found.setdefault(row["audience"], {}).setdefault("reach", {})[row["channel"]] = row["customers"]
        for row in published.rows(
            "SELECT audience, max(delivered_at) AS at FROM audiences.activation.delivery_outcomes GROUP BY 1"
        ):
            found.setdefault(row["audience"], {})["delivered_at"] = row["at"]
        return found

    return dict(published.known("audience facts", look))


def audience_of(name: str) -> Audience:
    """Return a declared audience.

    Raises:
        NotFound: there is none of that name.
    """
    found = declared.audiences().get(name)
    if found is None:
        raise NotFound
    return found


def columns_of(published: Snapshot, schema: str, table: str) -> dict[str, str]:
    """Return the columns of a published table with their types."""
    found = published.once(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'cdp' AND schema_name = ? AND table_name = ? "
        "ORDER BY column_index",
        [schema, table],
    )
    return {row["column_name"]: row["data_type"] for row in found}


def columns_of_customers(published: Snapshot) -> dict[str, str]:
    """Return the columns of the customers with their types."""
    return columns_of(published, "marts", "customers")


def upset(published: Snapshot, visit: Visit, name: str) -> dict[str, Any]:
    """Return the exact sets of an audience and those it shares most with, for an UpSet picture (Lex et al., 2014)."""
    return dict(published.known(("upset", name, settings().small_group), lambda: _sets(published, name)))


def _sets(published: Snapshot, name: str) -> dict[str, Any]:
    found = published.rows(
        "SELECT audiences, customers FROM audiences.activation.audience_sets WHERE list_contains(audiences, ?)", [name]
    )
    shared: Counter[str] = Counter()
    for row in found:
        shared.update({a: row["customers"] for a in row["audiences"] if a != name})
    others = [a for a, _ in shared.most_common(IN_PICTURE)]
    sets: Counter[tuple[str, ...]] = Counter()
    for row in found:
        sets[tuple(a for a in others if a in row["audiences"])] += row["customers"]
    small = settings().small_group
    shown = [{"in": list(key), "customers": n} for key, n in sets.most_common(SETS) if n >= small]
    return {"audiences": others, "sets": shown, "most": max((n for _, n in sets.most_common(1)), default=1)}


@pages.page("/overlap", "look")
def overlaps(request: Request) -> Response:
    """Show how audiences overlap: who is written to twice."""
    visit = visit_of(request)
    published = visit.published
    if not published.has_audiences:
        return visit.page("overlap.html", names=[], cells={}, sizes={}, matrix=None)
    sizes = {
        r["audience"]: r["customers"]
        for r in published.once(
            "SELECT audience, customers FROM audiences.activation.audience_counts WHERE state = 'member' AND customers >= ?",
            [settings().small_group],
        )
    }
    names = sorted(sizes, key=lambda a: (-sizes[a], a))[:16]
    pairs = published.once(
        "SELECT audience, other_audience, customers FROM audiences.activation.audience_overlap WHERE customers >= ?",
        [settings().small_group],
    )
    counted = {(r["audience"], r["other_audience"]): r["customers"] for r in pairs}
    rows = []
    for a in names:
        row: dict[str, Any] = {"name": visit.said(a), "link": f"/audiences/{a}"}
        for b in names:
            row[b] = None if a == b or (a, b) not in counted else round(100 * counted[a, b] / sizes[a], 1)
        rows.append(row)
    matrix = Table(
        "matrix", visit.says("Share of the row's audience that is in the column's as well"),
        [Column("name", visit.says("Audience"), "name", "link"), *(Column(b, visit.said(b), "pct") for b in names)], rows,
        visit.says("The sixteen largest; groups of fewer than %(n)s people are not shown.") % {"n": settings().small_group}, chart="heat",
    )  # fmt: skip
    return visit.page("overlap.html", matrix=matrix)
