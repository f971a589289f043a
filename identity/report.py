"""One page about a resolution: counts, figures, and charts as pictures inside the page; nothing is loaded from elsewhere."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from warehouse import files
from warehouse.duck import rows

if TYPE_CHECKING:
    from identity.resolve import Resolved

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #d5dde5;text-align:left}"
    "svg{max-width:100%;height:auto}figure{margin:2rem 0}"
)


def write_report(con: duckdb.DuckDBPyConnection, path: Path, found: Resolved) -> None:
    """Write the page: how many records became how many people or companies, how sure the pairs are, how large the groups."""
    several, one = ("companies", "company") if found.entity == "company" else ("people", "person")
    weights = rows(
        con,
        f"SELECT floor(l.match_weight) AS bits, CASE WHEN a.cluster_key = b.cluster_key THEN 'one {one}' ELSE 'kept apart' END "
        "AS outcome, count(*) AS pairs FROM identity.links AS l JOIN identity.clusters AS a ON a.record_key = l.record_l "
        "JOIN identity.clusters AS b ON b.record_key = l.record_r GROUP BY ALL ORDER BY 1, 2",
    )
    sizes = rows(
        con,
        "SELECT least(n, 20) AS records, count(*) AS found FROM (SELECT count(*) AS n FROM identity.clusters "
        "GROUP BY cluster_key) GROUP BY 1 ORDER BY 1",
    )
    facts = [
        ("Records", f"{found.records:,}"), (f"Left out: nothing to recognise a {one} by", f"{found.excluded:,}"),
        (several.capitalize(), f"{found.clusters:,}"), ("Largest group of records", f"{found.largest:,}"),
        *((f"Seconds: {s.step}", f"{s.seconds:,.1f}") for s in found.steps),
    ]  # fmt: skip
    kinds = {
        "pairwise": "by pair",
        "between_sources": "by pair, between sources",
        "b_cubed": "by record (B-cubed)",
        "cluster": f"by {one}",
    }
    measured = [
        (words, *(f"{found.figures[kind][figure]:.4f}" for figure in ("precision", "recall", "f1")))
        for kind, words in kinds.items()
        if kind in found.figures
    ]
    parts = [
        "<h1>Who is who</h1>", _table(("", ""), facts),
        *([f"<h2>Against the truth</h2>{_table(('', 'precision', 'recall', 'F1'), measured)}"] if measured else []),
        _figure("How strongly pairs of records match, in bits", weights, "bits:Q", "pairs:Q", "outcome:N"),
        _figure(f"Records per {one} (20 stands for 20 and more)", sizes, "records:O", "found:Q", None),
    ]  # fmt: skip
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Who is who</title><style>{STYLE}</style>{''.join(parts)}</html>"
    files.write_bytes(path, page.encode())


def _table(head: tuple[str, ...], body: list[Any]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in body)
    return f"<table><tr>{''.join(f'<th>{html.escape(h)}</th>' for h in head)}</tr>{cells}</table>"


def _figure(title: str, values: list[dict[str, Any]], x: str, y: str, color: str | None) -> str:
    import altair as alt
    import vl_convert

    if not values:
        return ""
    chart = alt.Chart.from_dict({"data": {"values": values}, "mark": "bar", "title": title}).properties(
        width=640, height=260
    )
    encoded = chart.encode(
        x=alt.X(x, bin="binned" if x == "bits:Q" else alt.Undefined), y=alt.Y(y).scale(type="symlog")
    )
    drawn = encoded.encode(color=alt.Color(color, title=None)) if color else encoded
    return f"<figure>{vl_convert.vegalite_to_svg(drawn.to_dict())}</figure>"
