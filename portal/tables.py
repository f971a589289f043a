"""Tables as pages show them: columns with labels and units, rows, and the picture beside them.

A chart is drawn from the table that stands on the page, so that both always say the same; who has no scripts reads the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column: key in the rows, label, and unit (`usd`, `pct`, `number`, `day`, `moment`, or text)."""

    key: str
    label: str
    unit: str = ""
    link: str = ""

    @property
    def is_number(self) -> bool:
        """Whether cells stand at the right and are drawn."""
        return self.unit in ("usd", "pct", "number", "ratio", "days")


@dataclass
class Table:
    """A table with its caption, definition, target and picture.

    `chart` is `bar` (lying), `column`, `line`, `stack`, `heat` or nothing; `series` names the columns that are drawn, all numbers by default.
    """

    id: str
    title: str
    columns: list[Column]
    rows: list[dict[str, Any]]
    definition: str = ""
    target: str = ""
    chart: str = ""
    series: list[str] = field(default_factory=list)

    @property
    def height(self) -> int:
        """The step of height that the picture takes, so that its place is kept before it is drawn."""
        if self.chart == "bar":
            return min(30, max(2, round(len(self.rows) * (0.8 + 0.25 * max(len(self.drawn.split()) - 1, 0)))))
        if self.chart == "heat":
            return min(30, max(3, round(len(self.rows) * 0.8) + 2))
        return 7

    @property
    def drawn(self) -> str:
        """The columns that are drawn, for the chart's attribute."""
        return " ".join(self.series or [c.key for c in self.columns if c.is_number])


def spark(values: list[float], width: int = 96, height: int = 24) -> str:
    """Return the points of a line through values, oldest first, within a box; nothing for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (width - 4) / (len(values) - 1)
    return " ".join(
        f"{2 + n * step:.1f},{height - 2 - (v - low) / span * (height - 4):.1f}" for n, v in enumerate(values)
    )


@dataclass(frozen=True)
class Fall:
    """One step of a waterfall: what it is called, how many are left after it, and how many it took."""

    label: str
    left: int
    took: int = 0
    is_total: bool = False


def waterfall(steps: list[tuple[str, int]], first: str, last: str, total: int) -> list[Fall]:
    """Return the steps from all down to those who remain.

    Args:
        steps: what takes people away, and how many.
        first: label of the whole.
        last: label of what remains.
        total: how many there are in the whole.
    """
    falls, left = [Fall(first, total, 0, True)], total
    for label, took in steps:
        left -= took
        falls.append(Fall(label, left, took))
    return [*falls, Fall(last, left, 0, True)]
