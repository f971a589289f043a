"""What changed about the sources without anybody saying so: columns, types, files that are late, repeated, out of order, small
or large, columns that empty. All of it is derived from the lake's accounts, so a second look finds the same.

Out: `quality.drift_events`, one row per thing that was seen, and `quality.freshness`.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from quality.contract import Contract
from warehouse import lake
from warehouse.lake import Load

#: Table, newest arrival, hours within which the next was promised, whether the promise holds (None: nothing ever came).
Freshness = tuple[str, str, datetime | None, int, bool | None]

#: Loads that must have been seen before bounds of size and of filled cells are learned from them.
LEARN_FROM = 5
#: A file is odd when it is further from the median of those before than so many median deviations, and at least this share.
DEVIATIONS, AT_LEAST_SHARE = 6.0, 0.5
#: A column emptied, or filled, when its share of filled cells moved by more than this against those before.
FILLED_MOVES_BY = 0.2
#: A column changed its type when more than this share of a file's rows no longer fits, and almost none did before.
RETYPED_SHARE = 0.2
_DAY = re.compile(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)")


@dataclass(frozen=True)
class Event:
    """One thing that was seen. `severity` is info, warning or critical; `suggestion` says what to do, if that is clear."""

    seen_at: str
    source: str
    table: str
    file: str
    kind: str
    severity: str
    column: str
    detail: str
    suggestion: str = ""

    @property
    def event_id(self) -> str:
        """Return the same id for the same event in every run."""
        text = "\x1f".join([self.source, self.table, self.file, self.kind, self.column, self.detail])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def sentence(self) -> str:
        """Return the event in words; names of files and columns and counts only."""
        where = f" '{self.column}'" if self.column else ""
        return (
            f"{self.source}_{self.table}: {self.kind.replace('_', ' ')}{where} in {self.file or 'no file'}: {self.detail}"
            + (f" {self.suggestion}" if self.suggestion else "")
        )


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


def drift_events(contracts: Iterable[Contract], now: datetime) -> list[Event]:
    """Return everything that changed, oldest first."""
    events: list[Event] = []
    for contract in contracts:
        loads = lake.loads(contract.name, contract.version)
        for at, load in enumerate(loads):
            before = loads[:at]
            events += [
                *_columns(contract, load, before),
                *_types(contract, load, before),
                *_order(contract, load, before),
                *_volume(contract, load, before),
                *_filled(contract, load, before),
            ]
        events += [_repeated(contract, repeat) for repeat in lake.repeats(contract.name)]
        events += [_refused(contract, refusal) for refusal in lake.refusals(contract.name, contract.version)]
        events += _late(contract, loads, now)
    return sorted(events, key=lambda e: (e.seen_at, e.source, e.table, e.file, e.kind, e.column))


def _event(
    contract: Contract, load: Load, kind: str, severity: str, column: str, detail: str, suggestion: str = ""
) -> Event:
    return Event(
        load.arrived_at, contract.source, contract.table, load.file, kind, severity, column, detail, suggestion
    )


def _like(contract: Contract, load: Load, before: list[Load]) -> list[Load]:
    """Return the earlier loads that a load is compared with: of the same series, where a table has several."""
    if contract.series is None:
        return before

    def series(file: str) -> str:
        found = re.search(contract.series or "", Path(file).name)
        return found.group(0) if found else ""

    return [earlier for earlier in before if series(earlier.file) == series(load.file)]


def _columns(contract: Contract, load: Load, before: list[Load]) -> Iterator[Event]:
    like = _like(contract, load, before)
    if not like:
        return
    known, lost_before = set(like[-1].new_headers), set(like[-1].missing_headers)
    new = [h for h in load.new_headers if h not in known]
    missing = [h for h in load.missing_headers if h not in lost_before]
    for header in missing:
        near = difflib.get_close_matches(header, new, n=1, cutoff=0.6)
        if near:
            yield _event(
                contract, load, "renamed_column", "warning", header, f"is absent, and '{near[0]}' is new.",
                f"If they are the same, add '{near[0]}' to the aliases of '{header}'.",
            )  # fmt: skip
            new.remove(near[0])
        else:
            yield _event(contract, load, "missing_column", "warning", header, "came before and is absent now.")
    for header in new:
        yield _event(
            contract, load, "new_column", "info", header, "was not there before.", "Declare it if it is wanted."
        )
    for header in sorted(known - set(load.new_headers)):
        yield _event(contract, load, "missing_column", "info", header, "came before, undeclared, and is absent now.")


def _types(contract: Contract, load: Load, before: list[Load]) -> Iterator[Event]:
    for reason, rows in load.reasons.items():
        found = re.fullmatch(r"column (.*): not a (.*)", reason)
        if not found or rows < RETYPED_SHARE * load.rows_in:
            continue
        earlier = sum(b.reasons.get(reason, 0) for b in before)
        if before and earlier <= 0.02 * sum(b.rows_in for b in before):
            yield _event(
                contract, load, "retyped_column", "critical", found.group(1),
                f"{rows:,} of {load.rows_in:,} rows are no {found.group(2)} any more.", "Fix the export, or the column's type or formats.",
            )  # fmt: skip


def _order(contract: Contract, load: Load, before: list[Load]) -> Iterator[Event]:
    mine = _day_of(load.file)
    newest = max((d for b in _like(contract, load, before) if (d := _day_of(b.file))), default=None)
    if mine and newest and mine < newest:
        severity = "warning" if contract.load == "full" else "info"
        hint = "The table now shows the older file; land the newer one again." if contract.load == "full" else ""
        yield _event(
            contract, load, "out_of_order_file", severity, "", f"is of {mine} and came after a file of {newest}.", hint
        )


def _volume(contract: Contract, load: Load, before: list[Load]) -> Iterator[Event]:
    sizes = [b.rows_in for b in _like(contract, load, before)]
    if len(sizes) < LEARN_FROM:
        return
    middle = statistics.median(sizes)
    spread = statistics.median(abs(size - middle) for size in sizes)
    allowed = max(DEVIATIONS * spread, AT_LEAST_SHARE * middle)
    if abs(load.rows_in - middle) > allowed:
        kind, hint = (
            ("partial_file", "It may be cut: export it again.") if load.rows_in < middle else ("odd_volume", "")
        )
        detail = f"{load.rows_in:,} rows, usual are {max(middle - allowed, 0):,.0f} to {middle + allowed:,.0f}."
        yield _event(contract, load, kind, "warning", "", detail, hint)


def _filled(contract: Contract, load: Load, before: list[Load]) -> Iterator[Event]:
    like = [b for b in _like(contract, load, before) if b.accepted]
    if len(like) < LEARN_FROM or not load.accepted:
        return
    for column in contract.columns:
        shares = [b.filled.get(column, 0) / b.accepted for b in like]
        mine, usual = load.filled.get(column, 0) / load.accepted, statistics.median(shares)
        spread = statistics.median(abs(share - usual) for share in shares)
        if abs(mine - usual) > max(FILLED_MOVES_BY, DEVIATIONS * spread):
            detail = f"{mine:.0%} of the rows have a value, usual is {usual:.0%}."
            yield _event(contract, load, "odd_null_rate", "warning", contract.header_of(column), detail)


def _repeated(contract: Contract, repeat: lake.Repeat) -> Event:
    detail = f"holds the same bytes as {repeat.first_file}, and adds nothing."
    return Event(repeat.arrived_at, contract.source, contract.table, repeat.file, "repeated_file", "info", "", detail)


def _refused(contract: Contract, refusal: lake.Refusal) -> Event:
    detail = refusal.reason.removeprefix(f"{refusal.file}: ")
    return Event(
        refusal.arrived_at, contract.source, contract.table, refusal.file, "refused_file", "critical", "", detail
    )


def _late(contract: Contract, loads: list[Load], now: datetime) -> Iterator[Event]:
    """Say where a file came later after the one before than was promised, and whether the next is late now."""
    hours = promised_hours(contract)
    arrivals = sorted({datetime.fromisoformat(load.arrived_at) for load in loads})
    ends = [*arrivals[1:], now] if arrivals else []
    for earlier, later in zip(arrivals, ends, strict=True):
        if later - earlier > timedelta(hours=hours):
            due = earlier + timedelta(hours=hours)
            file = next((ld.file for ld in loads if datetime.fromisoformat(ld.arrived_at) == earlier), "")
            open_now = later == now
            detail = f"nothing came for {hours} h after it" + (
                "." if open_now else f"; the next came at {later:%Y-%m-%d %H:%M} UTC."
            )
            yield Event(
                due.isoformat(timespec="seconds"),
                contract.source,
                contract.table,
                file,
                "late_file",
                "warning",
                "",
                detail,
            )


def _day_of(file: str) -> str | None:
    found = _DAY.search(Path(file).name)
    return "-".join(found.groups()) if found else None
