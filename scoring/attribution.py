"""Which channels earned conversions: seven models, each of which hands out the same conversions and the same revenue.

In: one row per path of channels with how many conversions, how much revenue and how many visits without conversion it had. Out:
one row per model and channel. First, last, linear, position (40 % first, 40 % last, the rest between) and time decay are rules; Shapley's
value over the set of a path's channels equals equal shares for its distinct channels, so it is a rule too; Markov is the removal
effect in a chain of first order, solved exactly: absorbing probabilities by a linear system, no simulation (Anderl et al. 2016).
None of them is causal; what a control group says stands beside them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

#: Weight of a touch falls by half for so many days before the conversion, or steps where days are not known.
HALF_LIFE = 7.0
POSITION_ENDS = 0.4
START, CONVERTED, NOTHING = "(start)", "(conversion)", "(nothing)"


class Path(NamedTuple):
    """A path: its channels in order, conversions and revenue of all who went it, and how many went it without converting."""

    channels: tuple[str, ...]
    conversions: float
    revenue: float
    not_converted: float = 0.0
    days_before: tuple[float, ...] = ()


def _first(path: Path) -> list[float]:
    return [1.0] + [0.0] * (len(path.channels) - 1)


def _last(path: Path) -> list[float]:
    return [0.0] * (len(path.channels) - 1) + [1.0]


def _linear(path: Path) -> list[float]:
    return [1 / len(path.channels)] * len(path.channels)


def _position(path: Path) -> list[float]:
    n = len(path.channels)
    if n <= 2:
        return _linear(path)
    between = (1 - 2 * POSITION_ENDS) / (n - 2)
    return [POSITION_ENDS, *[between] * (n - 2), POSITION_ENDS]


def _time_decay(path: Path) -> list[float]:
    ages = path.days_before or tuple(float(len(path.channels) - 1 - at) for at in range(len(path.channels)))
    weights = [0.5 ** (age / HALF_LIFE) for age in ages]
    return [weight / sum(weights) for weight in weights]


def _shapley(path: Path) -> list[float]:
    seen = Counter(path.channels)
    return [1 / len(seen) / seen[channel] for channel in path.channels]


RULES: dict[str, Callable[[Path], list[float]]] = {
    "first": _first, "last": _last, "linear": _linear, "position": _position, "time_decay": _time_decay, "shapley": _shapley,
}  # fmt: skip
MODELS = (*RULES, "markov")


def attribute(paths: Iterable[Path]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return per model and channel the conversions and the revenue that it earned; every model sums to the same.

    Paths without channels have nobody to thank and are left out.
    """
    known = [path for path in paths if path.channels]
    found = {model: _by_rule(known, rule) for model, rule in RULES.items()}
    return {**found, "markov": _by_removal(known)}


def _by_rule(paths: Sequence[Path], rule: Callable[[Path], list[float]]) -> dict[str, tuple[float, float]]:
    conversions: dict[str, float] = defaultdict(float)
    revenue: dict[str, float] = defaultdict(float)
    for path in paths:
        for channel, share in zip(path.channels, rule(path), strict=True):
            conversions[channel] += share * path.conversions
            revenue[channel] += share * path.revenue
    return {channel: (conversions[channel], revenue[channel]) for channel in sorted(conversions)}


def _by_removal(paths: Sequence[Path]) -> dict[str, tuple[float, float]]:
    effects = removal_effects(paths)
    whole = sum(effects.values()) or 1.0
    conversions, revenue = sum(p.conversions for p in paths), sum(p.revenue for p in paths)
    return {
        channel: (conversions * effect / whole, revenue * effect / whole) for channel, effect in sorted(effects.items())
    }


def removal_effects(paths: Sequence[Path]) -> dict[str, float]:
    """Return per channel the share of conversions that would be lost if whoever comes to it went no further."""
    return _effects_of_steps(_steps(paths))


def _steps(paths: Sequence[Path]) -> dict[tuple[str, str], float]:
    """Return how often each step from one channel, or the start, to another, or an end, was taken."""
    steps: dict[tuple[str, str], float] = defaultdict(float)
    for path in paths:
        went = path.conversions + path.not_converted
        for one, other in zip((START, *path.channels), path.channels, strict=False):
            steps[one, other] += went
        steps[path.channels[-1], CONVERTED] += path.conversions
        steps[path.channels[-1], NOTHING] += path.not_converted
    return steps


def _effects_of_steps(steps: dict[tuple[str, str], float]) -> dict[str, float]:
    channels = sorted({one for one, _ in steps} - {START})
    at = {state: i for i, state in enumerate([START, *channels])}
    counted = np.zeros((len(at), len(at)))
    converted = np.zeros(len(at))
    leaving = np.zeros(len(at))
    for (one, other), n in steps.items():
        leaving[at[one]] += n
        if other in at:
            counted[at[one], at[other]] += n
        elif other == CONVERTED:
            converted[at[one]] += n
    share = np.divide(1.0, leaving, out=np.zeros_like(leaving), where=leaving > 0)
    moves, ends = counted * share[:, None], converted * share

    def conversion(removed: int | None) -> float:
        kept = [i for i in range(len(at)) if i != removed]
        chain = np.eye(len(kept)) - moves[np.ix_(kept, kept)]
        return float(np.linalg.solve(chain, ends[kept])[0])

    base = conversion(None)
    return {channel: 1 - conversion(at[channel]) / base if base else 0.0 for channel in channels}


def markov_by_channel(touches: duckdb.DuckDBPyRelation, open_paths: duckdb.DuckDBPyRelation) -> pa.Table:
    """Return per channel the conversions, revenue and margin that the Markov model gives it, as a table.

    Args:
        touches: one row per order and touch, with `channel`, `next_channel` (null at the order), `touch_number`, `revenue_usd`, `margin_usd`.
        open_paths: one row per path that led to no order, with `channels` and `customers_count`.
    """
    counted = touches.query(
        "touches",
        f"""
        SELECT '{START}', channel, count(*) FROM touches WHERE touch_number = 1 GROUP BY ALL
        UNION ALL SELECT channel, coalesce(next_channel, '{CONVERTED}'), count(*) FROM touches GROUP BY ALL ORDER BY ALL
        """,
    ).fetchall()
    lost = open_paths.query("paths", "SELECT channels, customers_count FROM paths ORDER BY channels").fetchall()
    steps = _steps([Path(tuple(channels), 0.0, 0.0, float(n)) for channels, n in lost])
    for one, other, n in counted:
        steps[one, other] += n
    effects = _effects_of_steps(steps) if counted else {}
    whole = sum(effects.values()) or 1.0
    totals = touches.query(
        "touches",
        "SELECT count(*), coalesce(sum(revenue_usd), 0)::DOUBLE, coalesce(sum(margin_usd), 0)::DOUBLE FROM touches WHERE touch_number = 1",
    ).fetchall()[0]
    channels = sorted(effects)
    columns = {
        name: [effects[channel] / whole * total for channel in channels]
        for name, total in zip(("conversions", "revenue_usd", "margin_usd"), totals, strict=True)
    }
    return pa.table(
        {"channel": pa.array(channels, pa.string()), **{k: pa.array(v, pa.float64()) for k, v in columns.items()}}
    )
