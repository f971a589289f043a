"""Journeys: their steps with the people in each, how they end, and how many reach the goal."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from portal import declared
from portal.tables import Column, Table
from portal.visit import Pages, Visit, visit_of

pages = Pages()


def _wait(visit: Visit, hours: float) -> str:
    return visit.says("after %(n)s h") % {"n": visit.formats.number(hours)} if hours else visit.says("at once")


@pages.page("/journeys", "look")
def listed(request: Request) -> Response:
    """Show all journeys."""
    visit = visit_of(request)
    published = visit.published
    counts: dict[str, dict[str, Any]] = {}
    places: dict[str, dict[str, Any]] = {}
    exits: dict[str, list[dict[str, Any]]] = {}
    if published.has("audiences.activation.journey_counts"):
        for row in published.once("SELECT * FROM audiences.activation.journey_counts ORDER BY journey, place"):
            counts.setdefault(row["journey"], {})[row["step"]] = row
    if published.has("audiences.activation.journey_places"):
        for row in published.once(
            "SELECT journey, count(*) AS entered, count(*) FILTER (ended_at IS NULL) AS under_way, count(*) FILTER (ended_by = 'goal') AS goal, "
            "count(*) FILTER (ended_by = 'exited') AS exited, count(*) FILTER (ended_by = 'finished') AS finished "
            "FROM audiences.activation.journey_places GROUP BY 1"
        ):
            places[row["journey"]] = row
        for row in published.once(
            "SELECT journey, ended_by, count(*) AS customers FROM audiences.activation.journey_places "
            "WHERE ended_by IS NOT NULL GROUP BY ALL ORDER BY 3 DESC, 2"
        ):
            exits.setdefault(row["journey"], []).append(row)
    found = []
    for journey in declared.journeys().values():
        steps = [
            {
                "name": visit.said(s.name), "wait": _wait(visit, s.wait_hours),
                "where": f"{visit.said(s.send.platform)} · {visit.said(s.send.channel)}",
                **{k: counts.get(journey.name, {}).get(s.name, {}).get(k, 0) for k in ("waiting", "sent", "skipped")},
            }
            for s in journey.steps
        ]  # fmt: skip
        table = Table(
            f"steps-{journey.name}", visit.says("Steps"),
            [
                Column("name", visit.says("Step"), "name"), Column("wait", visit.says("When"), "name"), Column("where", visit.says("Where"), "name"),
                Column("waiting", visit.says("Waiting"), "number"), Column("sent", visit.says("Sent"), "number"),
                Column("skipped", visit.says("Skipped"), "number"),
            ],
            steps,
        )  # fmt: skip
        place = places.get(journey.name, {})
        entered = place.get("entered", 0)
        found.append({
            "journey": journey, "described": journey.description_es if visit.language == "es" else journey.description, "table": table,
            "place": place, "exits": exits.get(journey.name, []),
            "goal_pct": 100 * place.get("goal", 0) / entered if entered and journey.goal else None,
        })  # fmt: skip
    return visit.page("journeys.html", journeys=found)
