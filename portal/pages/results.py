"""Results: campaigns, channels, lead to cash, customers, service, success, products, the business case; declared in `portal/results.yml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
from fastapi import Request
from fastapi.responses import Response

from portal.pages.home import figures_of
from portal.reading import Snapshot
from portal.tables import Column, Table
from portal.visit import Pages, Visit, visit_of
from warehouse.declarations import Declared, load
from warehouse.settings import settings

pages = Pages()


class Label(Declared):
    """A column of a table: its label in both languages and its unit."""

    en: str
    es: str
    unit: Literal["", "usd", "pct", "number", "count", "day", "moment", "name"] = ""


class Question(Declared):
    """A table that is asked of the published file."""

    id: str
    en: str
    es: str
    sql: str
    columns: dict[str, Label]
    chart: Literal["", "bar", "column", "line", "stack", "heat"] = ""
    series: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    definition_en: str = ""
    definition_es: str = ""


class Part(Declared):
    """A tab of the results."""

    id: str
    en: str
    es: str
    figures: tuple[str, ...] = ()
    tables: tuple[Question, ...]


class Results(Declared):
    """`portal/results.yml`."""

    parts: tuple[Part, ...]


@cache
def parts() -> dict[str, Part]:
    """Read the declared results.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return {p.id: p for p in load(Path(__file__).parent.parent / "results.yml", Results).parts}


def table_of(published: Snapshot, visit: Visit, question: Question) -> Table:
    """Ask a declared question; a company without its tables gets an empty one."""
    spanish = visit.language == "es"
    try:
        rows = published.once(question.sql)
    except duckdb.CatalogException:
        rows = []
    rows = without_small_groups(rows, question)
    known = set(rows[0]) if rows else set(question.columns)
    listed = [
        Column(k, c.es if spanish else c.en, "number" if c.unit == "count" else c.unit)
        for k, c in question.columns.items()
        if k in known
    ]
    drawn = question.series or tuple(k for k, c in question.columns.items() if c.unit in ("usd", "pct", "number"))
    return Table(
        question.id, question.es if spanish else question.en, listed, rows, question.definition_es if spanish else question.definition_en,
        chart=question.chart, series=[k for k in drawn if k in known],
    )  # fmt: skip


def without_small_groups(rows: list[dict[str, Any]], question: Question) -> list[dict[str, Any]]:
    """Return the rows without groups of so few people that somebody could be told from them."""
    least = settings().small_group
    if question.chart == "heat" and len(question.people) > 1:
        return [
            {k: None if k in question.people and v is not None and v < least else v for k, v in row.items()}
            for row in rows
        ]
    return [row for row in rows if all(row[c] is None or row[c] >= least for c in question.people)]


def figures_table(published: Snapshot, visit: Visit, names: tuple[str, ...]) -> Table | None:
    """Return figures with their targets, one row per figure and group of its newest period."""
    if not names:
        return None
    found = figures_of(published, visit, "list_contains(?, figure)", [list(names)])
    order = {name: n for n, name in enumerate(names)}
    found.sort(key=lambda f: (order[f["figure"]], f["dimension"] != "all", str(f["dimension_value"])))
    rows = [
        {
            "name": f["name"], "group": "–" if f["dimension"] == "all" else f"{visit.said(f['dimension'])}: {visit.said(f['dimension_value'])}",
            "value": visit.formats.value(f["value"], f["unit"]), "unit": "" if f["unit"] in ("usd", "pct") else visit.said(f["unit"]),
            "target": f["target"] or "–", "met": {True: visit.says("yes"), False: visit.says("no"), None: "–"}[f["is_met"]],
            "definition": f["definition"],
        }
        for f in found
    ]  # fmt: skip
    return Table(
        "figures", visit.says("Figures and targets"),
        [
            Column("name", visit.says("Figure"), "name"), Column("group", visit.says("Of"), "name"), Column("value", visit.says("Value"), "name"),
            Column("unit", visit.says("Unit"), "name"), Column("target", visit.says("Target"), "name"), Column("met", visit.says("Met"), "name"),
            Column("definition", visit.says("Definition"), "name"),
        ],
        rows,
    )  # fmt: skip


@pages.page("/results", "look")
def results(request: Request, part: str = "campaigns") -> Response:
    """Show one part of the results."""
    visit = visit_of(request)
    chosen = parts().get(part) or next(iter(parts().values()))
    published = visit.published
    tables: list[Any] = [table_of(published, visit, q) for q in chosen.tables]
    return visit.page(
        "results.html",
        parts=list(parts().values()),
        part=chosen,
        tables=tables,
        figures=figures_table(published, visit, chosen.figures),
    )
