"""What changed about the sources without anybody saying so: files that did not come in time.

Columns that are new or missing are noted per file in `quality.loads` (`new_headers`, `missing_headers`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from quality.contract import Contract
from warehouse import lake

#: Table, newest arrival, hours within which the next was promised, whether the promise holds (None: nothing ever came).
Freshness = tuple[str, str, datetime | None, int, bool | None]


def promised_hours(contract: Contract) -> int:
    """Return `fresh_within` in hours."""
    number, unit = int(contract.fresh_within[:-1]), contract.fresh_within[-1]
    return number * (24 if unit == "d" else 1)


def freshness(contracts: Iterable[Contract], now: datetime) -> list[Freshness]:
    """Say of each table whether its newest file came within the declared time; by arrival, not by content."""
    found: list[Freshness] = []
    for contract in contracts:
        arrivals = [datetime.fromisoformat(raw.arrived_at) for raw in lake.raw_files(contract.name)]
        newest, hours = max(arrivals, default=None), promised_hours(contract)
        is_fresh = None if newest is None else (now - newest).total_seconds() <= hours * 3600
        found.append((contract.source, contract.table, newest, hours, is_fresh))
    return found
