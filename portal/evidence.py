"""Why two records are one person, for a page: the published records weighed again by the model in force.

In: `identity.records`, `identity.frequencies` and `identity.link_base` of the published file. Out: one line per comparison with its bits, as
:func:`identity.explain.explain_pair` says them, with where its bar stands. The working file is not opened.
"""

from __future__ import annotations

import threading
from typing import Any

from identity.explain import explain_pair
from identity.model import frequency_columns
from portal.reading import Snapshot
from warehouse.duck import connect, keep

#: The library builds its tables under names of its own; one pair at a time.
_one = threading.Lock()


def evidence(published: Snapshot, record_l: str, record_r: str, language: str) -> list[dict[str, Any]]:
    """Return the evidence on a pair of published records, the last line being the sum.

    Raises:
        CdpError: a record is not known, or takes no part in linking.
    """
    con = connect(":memory:")
    try:
        con.execute("CREATE SCHEMA identity")
        with published.cursor() as asked, _one:
            for table, query, values in (
                ("records", "SELECT * FROM identity.records WHERE record_key IN (?, ?)", [record_l, record_r]),
                ("frequencies", _frequencies(), [record_l, record_r]),
                ("link_base", "SELECT * FROM identity.link_base", []),
            ):
                keep(con, f"kept_{table}", asked.execute(query, values).to_arrow_table())
                con.execute(f"CREATE TABLE identity.{table} AS SELECT * FROM kept_{table}")
            lines = explain_pair(con, record_l, record_r, language)
    finally:
        con.close()
    return with_bars(lines)


def _frequencies() -> str:
    """Return the query of how frequent the values of two records are, of millions; and the rarest, as which what is not known counts."""
    columns = ", ".join(f"{column}::VARCHAR" for column in frequency_columns())
    told = f"SELECT unnest([{columns}]) FROM identity.records WHERE record_key IN (?, ?)"
    return (
        f"SELECT part, value, frequency FROM identity.frequencies WHERE value IN ({told}) UNION "
        "SELECT part, arg_min(value, frequency), min(frequency) FROM identity.frequencies GROUP BY part"
    )


def with_bars(lines: list[dict[str, Any]], width: float = 300) -> list[dict[str, Any]]:
    """Return the lines with the place and width of each bar in a picture of the given width; zero stands where all bars fit."""
    level, spans = 0.0, []
    for line in lines:
        start, end = (0.0, line["bits"]) if line["comparison"] == "sum" else (level, level + line["bits"])
        level = end
        spans.append((min(start, end), max(start, end)))
    low, high = min(0.0, *(s[0] for s in spans)), max(0.0, *(s[1] for s in spans))
    scale = width / ((high - low) or 1.0)
    return [
        {
            **line,
            "x": round((a - low) * scale, 1),
            "width": round(max((b - a) * scale, 1.0), 1),
            "zero": round(-low * scale, 1),
        }
        for line, (a, b) in zip(lines, spans, strict=True)
    ]
