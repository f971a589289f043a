"""M02, value to come: how often and for how much each customer will buy in the days ahead.

In: orders. How: BG/NBD for how often, Gamma-Gamma for how much (`scoring.lifetime_value`), times the season: how much stronger the days
ahead were a year earlier, as far as the history reaches. Judged on the last days against "everybody goes on as so far"; a model that
ranks no better than that is not published.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from scoring.features import MART_ORDERS
from scoring.lifetime_value import BgNbd, GammaGamma, fit_bg_nbd, fit_gamma_gamma
from scoring.logistic import Vector
from scoring.registry import Artefact, in_use
from warehouse.errors import CdpError

SCORE = "value_90d"
CODE = "3"
HORIZON_DAYS = 90
LONG_DAYS = 365
DAYS_OF_A_WEEK = 7
#: A fit of so many customers is as good as one of all; which ones is told by their ids alone.
FITTED_CUSTOMERS = 50_000
#: Fewer days of the year before say nothing about its season, fewer before them nothing of who was new; no season is beyond the bounds.
LEAST_SEASON_DAYS = 7
LEAST_BEFORE_DAYS = 28
#: New customers who bought less than this much more are not worth a word.
LEAST_YOUTH = 1.05
SEASON_BOUNDS = (0.4, 2.5)


@dataclass(frozen=True)
class Histories:
    """What is known of customers, each (customers,): repeat days of purchase, time from the first to the last and observed (weeks),
    mean amount of the repeat days, amount so far, and the amount in the horizon after."""

    ids: Any
    x: Vector
    t_x: Vector
    t: Vector
    mean: Vector
    so_far: Vector
    happened: Vector

    def __len__(self) -> int:
        return len(self.ids)


def histories(con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, orders: str = MART_ORDERS) -> Histories:
    """Return the histories of all customers up to a day; nothing after it enters but what is called happened."""
    day = f"DATE '{as_of.isoformat()}'"
    found = con.execute(
        f"""
        WITH known AS (
            SELECT customer_id, order_date, sum(amount) AS amount, row_number() OVER (PARTITION BY customer_id ORDER BY order_date) AS n
            FROM {orders} WHERE order_date <= {day} GROUP BY 1, 2
        ),
        later AS (
            SELECT customer_id, sum(amount) AS amount FROM {orders}
            WHERE order_date > {day} AND order_date <= {day} + {horizon_days} GROUP BY 1
        )
        SELECT k.customer_id AS id, (count(*) - 1)::DOUBLE AS x, ((max(order_date) - min(order_date)) / {DAYS_OF_A_WEEK})::DOUBLE AS t_x,
            (greatest({day} - min(order_date), 1) / {DAYS_OF_A_WEEK})::DOUBLE AS t,
            coalesce(avg(k.amount::DOUBLE ORDER BY n) FILTER (n > 1), 0) AS mean,
            sum(k.amount)::DOUBLE AS so_far, coalesce(any_value(later.amount), 0)::DOUBLE AS happened
        FROM known AS k LEFT JOIN later ON k.customer_id = later.customer_id GROUP BY 1 ORDER BY 1
        """
    ).fetchnumpy()
    columns = (
        np.ma.asarray(found[name]).filled(0).astype(np.float64)
        for name in ("x", "t_x", "t", "mean", "so_far", "happened")
    )
    return Histories(np.asarray(found["id"], dtype=object), *columns)


def fitted(known: Histories) -> tuple[BgNbd, GammaGamma]:
    """Fit both models on customers picked evenly from a list ordered by id.

    Raises:
        CdpError: there are too few repeat customers to fit on.
    """
    picked = slice(None, None, max(len(known) // FITTED_CUSTOMERS, 1))
    x, t_x, t, mean = known.x[picked], known.t_x[picked], known.t[picked], known.mean[picked]
    worth = (x > 0) & (mean > 0)
    if worth.sum() < 50:
        raise CdpError(f"not enough repeat customers to fit on: {int(worth.sum())} (at least 50 are needed)")
    return fit_bg_nbd(x, t_x, t), fit_gamma_gamma(x[worth], mean[worth])


def expected(buying: BgNbd, worth: GammaGamma, known: Histories, horizon_days: int) -> tuple[Vector, Vector]:
    """Return the expected orders and revenue within a horizon, each (customers,), before any season."""
    orders = buying.expected_purchases(known.x, known.t_x, known.t, horizon_days / DAYS_OF_A_WEEK)
    return orders, orders * worth.expected_value(known.x, known.mean)


def season(
    con: duckdb.DuckDBPyConnection,
    as_of: date,
    horizon_days: int,
    orders: str = MART_ORDERS,
    buying: BgNbd | None = None,
) -> tuple[float, str]:
    """Return how much stronger the days ahead were a year earlier than a usual day, and where that is known from.

    Where the history does not reach back to all of those days, by those that it does reach, at least a week of them; else 1. Only days
    up to `as_of` are looked at. Bounded, so that a few odd days do not double everything twice.

    Customers who had just come bought more in those days whatever the season: what `buying` tells of that is taken out. What fewer
    customers bought less is left in: it makes up for what the model foretells too much of those who came lately.
    """
    day = f"DATE '{as_of.isoformat()}'"
    first, ahead, usual = con.execute(
        f"""
        WITH known AS (SELECT order_date, sum(amount)::DOUBLE AS amount FROM {orders} WHERE order_date <= {day} GROUP BY 1)
        SELECT min(order_date),
            coalesce(sum(amount) FILTER (order_date > {day} - 365 AND order_date <= {day} - 365 + {horizon_days}), 0),
            sum(amount) FILTER (order_date > {day} - 365) / least(365, {day} - min(order_date) + 1)
        FROM known
        """
    ).fetchall()[0]
    if first is None or not usual:
        return 1.0, "not known: there is no history"
    begins = as_of - timedelta(days=365)
    known_days = min(
        (begins + timedelta(days=horizon_days) - max(first, begins + timedelta(days=1))).days + 1, horizon_days
    )
    if known_days < LEAST_SEASON_DAYS:
        return 1.0, "not known: the history is shorter than a year"
    index, whence = ahead / known_days / usual, "the same days a year earlier"
    if known_days < horizon_days:
        whence = f"{known_days} of the same {horizon_days} days a year earlier, the rest is not known"
    # In the first days of a history everybody looks like a new customer.
    elif buying is not None and (begins - first).days >= LEAST_BEFORE_DAYS:
        youth = _youth(con, buying, orders, begins, begins + timedelta(days=horizon_days), as_of)
        if youth > LEAST_YOUTH:
            index, whence = index / youth, f"{whence}, without what new customers bought more"
    return float(min(max(index, SEASON_BOUNDS[0]), SEASON_BOUNDS[1])), whence


def _youth(con: duckdb.DuckDBPyConnection, buying: BgNbd, orders: str, begins: date, ends: date, until: date) -> float:
    """Return how many orders a day a model without seasons tells of the days up to `ends`, over those of all days up to `until`."""
    came = con.execute(
        f"SELECT day, count(*) FROM (SELECT min(order_date) AS day FROM {orders} WHERE order_date <= DATE '{until.isoformat()}' "
        "GROUP BY customer_id) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    customers = np.array([n for _, n in came], dtype=np.float64)
    nothing = np.zeros(len(came))

    def orders_until(day: date) -> float:
        weeks = np.array([(day - of).days for of, _ in came]) / DAYS_OF_A_WEEK
        repeated = buying.expected_purchases(nothing, nothing, nothing, np.maximum(weeks, 0))
        return float((customers * np.where(weeks >= 0, 1 + repeated, 0)).sum())

    before, after, now = (orders_until(day) for day in (begins, ends, until))
    return ((after - before) / (ends - begins).days) / max((now - before) / (until - begins).days, 1e-9)


def judge(con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, orders: str = MART_ORDERS) -> dict[str, Any]:
    """Fit on what was known a horizon before `as_of` and judge by what came since, beside the run rate.

    Returns:
        model and run_rate (Spearman, total of actual, share of revenue in the top tenth), season, and the reason not to publish or "".
    """
    tested_on = as_of - timedelta(days=horizon_days)
    told: dict[str, Any] = {"tested_on": tested_on}
    known = histories(con, tested_on, horizon_days, orders)
    try:
        buying, worth = fitted(known)
    except CdpError as error:
        return {**told, "customers": len(known), "reason": str(error)}
    index, whence = season(con, tested_on, horizon_days, orders, buying)
    predicted = expected(buying, worth, known, horizon_days)[1] * index
    # What needs no model: everybody goes on as so far. Four weeks are the least that a rate is taken from.
    run_rate = known.so_far / np.maximum(known.t, 4.0) * horizon_days / DAYS_OF_A_WEEK
    model, plain = _told(predicted, known.happened), _told(run_rate, known.happened)
    repeat = (known.x > 0) & (known.mean > 0)
    return {
        **told, "customers": len(known), "model": model, "run_rate": plain, "season": round(index, 4), "season_from": whence,
        "found_no_leaving": buying.found_no_leaving,
        "correlation_of_frequency_and_value": round(float(np.corrcoef(known.x[repeat], known.mean[repeat])[0, 1]), 4),
        "reason": "" if model["spearman"] > plain["spearman"] else "the run rate ranks as well",
    }  # fmt: skip


def _told(values: Vector, happened: Vector) -> dict[str, float]:
    from scipy.stats import spearmanr

    total = float(happened.sum()) or 1.0
    top = np.argsort(-values, kind="stable")[: max(len(values) // 10, 1)]
    return {
        "spearman": round(float(spearmanr(values, happened).statistic), 5),
        "total_of_actual": round(float(values.sum() / total), 5),
        "revenue_in_top_10pct": round(float(happened[top].sum() / total), 5),
    }


def train_value(
    con: duckdb.DuckDBPyConnection, as_of: date, orders: str = MART_ORDERS, known: Histories | None = None
) -> Artefact:
    """Judge the models on the last horizon, and fit them on all that is `known` at `as_of`, which is looked up where it is not given."""
    judged = judge(con, as_of, HORIZON_DAYS, orders)
    made: Artefact = {
        "score": SCORE, "code": CODE, "as_of": as_of.isoformat(), "horizon_days": HORIZON_DAYS, "tested_on": judged["tested_on"].isoformat(),
        "trained_on": as_of.isoformat(), "plain": "run_rate", "rows_tested": judged["customers"], "model": None, "reason": judged["reason"],
        "version": "none",
    }  # fmt: skip
    if "model" not in judged:
        return made
    known = histories(con, as_of, HORIZON_DAYS, orders) if known is None else known
    buying, worth = fitted(known)
    index, whence = season(con, as_of, HORIZON_DAYS, orders, buying)
    numbers = {
        "r": buying.r, "alpha": buying.alpha, "a": buying.a, "b": buying.b, "p": worth.p, "q": worth.q, "gamma": worth.gamma,
        "season": index,
    }  # fmt: skip
    model = {k: round(float(v), 9) for k, v in numbers.items()}
    return {
        **made, "model": model, "version": hashlib.sha256(json.dumps(model).encode()).hexdigest()[:12], "quality": judged["model"],
        "baseline": judged["run_rate"], "rows_trained": len(known), "season_from": whence, "found_no_leaving": judged["found_no_leaving"],
    }  # fmt: skip


def value_now(con: duckdb.DuckDBPyConnection, as_of: date, orders: str = MART_ORDERS) -> pa.Table:
    """Return what is expected of every customer who ordered, one row each.

    Columns: customer_id, expected_orders_90d, predicted_revenue_90d, predicted_revenue_365d (in the orders' currency; the season counts
    for 90 days only, a year holds all seasons), alive_probability, model_version, reason. Null when not published.
    """
    known = histories(con, as_of, HORIZON_DAYS, orders)
    artefact = in_use(SCORE, CODE, as_of, lambda: train_value(con, as_of, orders, known))
    n = len(known)
    ids = {"customer_id": pa.array(known.ids, pa.string())}
    names = ("expected_orders_90d", "predicted_revenue_90d", "predicted_revenue_365d", "alive_probability")
    if not artefact["model"] or artefact["reason"]:
        values = {name: pa.nulls(n, pa.float64()) for name in names}
    else:
        m = artefact["model"]
        buying = BgNbd(m["r"], m["alpha"], m["a"], m["b"])
        worth = GammaGamma(m["p"], m["q"], m["gamma"])
        orders_90d, revenue_90d = expected(buying, worth, known, HORIZON_DAYS)
        found = (
            orders_90d * m["season"], revenue_90d * m["season"], expected(buying, worth, known, LONG_DAYS)[1],
            buying.alive(known.x, known.t_x, known.t),
        )  # fmt: skip
        values = {name: pa.array(column.round(6), pa.float64()) for name, column in zip(names, found, strict=True)}
    return pa.table(
        {
            **ids,
            **values,
            "model_version": pa.array([artefact["version"]] * n, pa.string()),
            "reason": pa.array([artefact["reason"] or None] * n, pa.string()),
        }
    )
