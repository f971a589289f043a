"""Churn and value on any table of orders, judged on its own past: the same features, models and rules as the published scores.

In: a CSV or Parquet file with a customer, a moment and an amount per row. Out: per horizon how a model trained on earlier days does on
later ones, beside what needs no model. Nothing after a day enters what is known on that day; training and test are a horizon apart.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from scoring.backtest import beats, calibration_error, quality
from scoring.churn import MIN_EVENTS, fitted_churn
from scoring.features import Matrix, churn_features
from scoring.lifetime_value import fit_bg_nbd, fit_gamma_gamma
from warehouse.duck import connect, count, name, quoted
from warehouse.errors import CdpError, edge

ORDERS = "orders_to_test"
DAYS_OF_A_WEEK = 7


@dataclass
class Backtest:
    """What was read, and what came of it: one entry per kind of score and horizon."""

    orders: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    customers: int = 0
    first_day: date | None = None
    last_day: date | None = None
    churn: list[dict[str, Any]] = field(default_factory=list)
    value: list[dict[str, Any]] = field(default_factory=list)


def backtest_orders(
    path: Path, customer: str, time: str, amount: str, horizons_days: tuple[int, ...] = (30, 60), value_days: int = 90
) -> Backtest:
    """Read a table of orders and judge churn at some horizons, and value over another.

    Args:
        path: CSV or Parquet; rows without a customer or a moment, and amounts that are not above zero (credits), are left out and counted.
        customer: column of the customer.
        time: column of the moment.
        amount: column of the amount, in one currency.
        horizons_days: after so many days without an order a customer counts as lost.
        value_days: how far ahead revenue is predicted.

    Raises:
        CdpError: the file or a column is not there, or it holds no orders.
    """
    con = connect(":memory:")
    try:
        with edge("backtest"):
            found = _read(con, path, customer, time, amount)
            assert found.last_day is not None
            found.churn = [_churn(con, found.last_day, days) for days in horizons_days]
            found.value = [_value(con, found.last_day, value_days)]
    finally:
        con.close()
    return found


def _read(con: duckdb.DuckDBPyConnection, path: Path, customer: str, time: str, amount: str) -> Backtest:
    if not path.exists():
        raise CdpError(f"{path.name} is not there; name a CSV or Parquet file")
    reader = "read_parquet" if path.suffix.lower() in (".parquet", ".pq") else "read_csv"
    source = f"{reader}('{quoted(str(path))}')"
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    for column in (customer, time, amount):
        if column not in columns:
            near = difflib.get_close_matches(column, columns, n=1)
            raise CdpError(
                f"{path.name}: column '{column}' is not in it; "
                + (f"did you mean '{near[0]}'?" if near else f"it has {', '.join(columns)}")
            )
    con.execute(
        f"CREATE TEMP TABLE written AS SELECT {name(customer)}::VARCHAR AS customer_id, try_cast({name(time)}::VARCHAR AS TIMESTAMP) AS ordered_at, "
        f"try_cast({name(amount)}::VARCHAR AS DECIMAL(18, 4)) AS amount FROM {source}"
    )
    reasons = {
        "no customer": "customer_id IS NULL OR customer_id = ''",
        "no moment that can be read": "ordered_at IS NULL",
        "no amount that can be read": "amount IS NULL",
        "a credit or nothing": "amount <= 0",
    }
    bad = "CASE " + " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in reasons.items()) + " END"
    left_out = dict(
        con.execute(
            f"SELECT {bad} AS why, count(*) FROM written WHERE why IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    con.execute(
        f"CREATE TEMP TABLE {ORDERS} AS SELECT customer_id, ordered_at::DATE AS order_date, sum(amount) AS amount FROM written WHERE {bad} IS NULL "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
    con.execute("DROP TABLE written")
    if not count(con, ORDERS):
        raise CdpError(
            f"{path.name} holds no orders: {', '.join(f'{n:,} rows with {why}' for why, n in left_out.items()) or 'no rows'}"
        )
    orders, customers, first, last = con.execute(
        f"SELECT count(*), count(DISTINCT customer_id), min(order_date), max(order_date) FROM {ORDERS}"
    ).fetchall()[0]
    return Backtest(int(orders), {str(k): int(v) for k, v in left_out.items()}, int(customers), first, last)


def _churn(con: duckdb.DuckDBPyConnection, last: date, horizon_days: int) -> dict[str, Any]:
    test_on, train_on = last - timedelta(days=horizon_days), last - timedelta(days=2 * horizon_days)
    _, x_train, y_train = churn_features(con, train_on, horizon_days, ORDERS)
    _, x_test, y_test = churn_features(con, test_on, horizon_days, ORDERS)
    told: dict[str, Any] = {"score": f"churn within {horizon_days} days", "trained_on": train_on, "tested_on": test_on}
    if not all(MIN_EVENTS <= y.sum() <= len(y) - MIN_EVENTS for y in (y_train, y_test)):
        return {**told, "reason": f"not enough events to judge by (at least {MIN_EVENTS} are needed)"}
    model, plain = fitted_churn(x_train, y_train), fitted_churn(x_train[:, :1], y_train)
    chances = model.predict_proba(x_test)[:, 1]
    judged, baseline = quality(chances, y_test), quality(plain.predict_proba(x_test[:, :1])[:, 1], y_test)
    return {
        **told, "model": judged.as_dict(), "recency": baseline.as_dict(), "calibration_error": round(calibration_error(chances, y_test), 5),
        "reason": "" if beats(judged, baseline) else "recency alone is as good",
    }  # fmt: skip


def _histories(con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int) -> tuple[Matrix, ...]:
    """Return x, t_x, t (weeks), mean repeat amount, amount so far and amount in the horizon, each (customers,)."""
    day = f"DATE '{as_of.isoformat()}'"
    rows = con.execute(
        f"""
        WITH known AS (
            SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY order_date) AS n FROM {ORDERS} WHERE order_date <= {day}
        ),
        later AS (
            SELECT customer_id, sum(amount) AS amount FROM {ORDERS}
            WHERE order_date > {day} AND order_date <= {day} + {horizon_days} GROUP BY 1
        )
        SELECT count(*) - 1, (max(order_date) - min(order_date)) / {DAYS_OF_A_WEEK}, greatest({day} - min(order_date), 1) / {DAYS_OF_A_WEEK},
            coalesce(avg(k.amount) FILTER (n > 1), 0)::DOUBLE, sum(k.amount)::DOUBLE, coalesce(any_value(later.amount), 0)::DOUBLE
        FROM known AS k LEFT JOIN later USING (customer_id) GROUP BY customer_id ORDER BY customer_id
        """
    ).fetchall()
    return tuple(np.array([float(row[at]) for row in rows]) for at in range(6))


def _value(con: duckdb.DuckDBPyConnection, last: date, horizon_days: int) -> dict[str, Any]:
    from scipy.stats import spearmanr

    test_on = last - timedelta(days=horizon_days)
    told: dict[str, Any] = {"score": f"revenue within {horizon_days} days", "tested_on": test_on}
    x, t_x, t, mean, so_far, happened = _histories(con, test_on, horizon_days)
    weeks = horizon_days / DAYS_OF_A_WEEK
    try:
        buying, worth = fit_bg_nbd(x, t_x, t), fit_gamma_gamma(x[x > 0], mean[x > 0])
    except CdpError as error:
        return {**told, "reason": str(error)}
    predicted = buying.expected_purchases(x, t_x, t, weeks) * worth.expected_value(x, mean)
    # What needs no model: everybody goes on as so far. Four weeks are the least that a rate is taken from.
    run_rate = so_far / np.maximum(t, 4.0) * weeks
    season, why = _season(con, test_on, horizon_days)
    predicted = predicted * season

    def told_of(values: Matrix) -> dict[str, float]:
        top = np.argsort(-values, kind="stable")[: max(len(values) // 10, 1)]
        return {
            "spearman": round(float(spearmanr(values, happened).statistic), 5),
            "total_of_actual": round(float(values.sum() / happened.sum()), 5),
            "revenue_in_top_10pct": round(float(happened[top].sum() / happened.sum()), 5),
        }

    return {
        **told, "customers": len(x), "model": told_of(predicted), "run_rate": told_of(run_rate), "season": round(season, 4), "season_from": why,
        "found_no_leaving": buying.found_no_leaving, "correlation_of_frequency_and_value": round(float(np.corrcoef(x[x > 0], mean[x > 0])[0, 1]), 4),
        "reason": "" if told_of(predicted)["spearman"] > told_of(run_rate)["spearman"] else "the run rate ranks as well",
    }  # fmt: skip


def _season(con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int) -> tuple[float, str]:
    """Return how much stronger the days ahead were a year earlier than the year up to then; 1 where that year is not known whole.

    Only days up to `as_of` are looked at.
    """
    day = f"DATE '{as_of.isoformat()}'"
    first, ahead, whole = con.execute(
        f"""
        SELECT min(order_date),
            sum(amount) FILTER (order_date > {day} - 365 AND order_date <= {day} - 365 + {horizon_days})::DOUBLE,
            sum(amount) FILTER (order_date > {day} - 365)::DOUBLE
        FROM {ORDERS} WHERE order_date <= {day}
        """
    ).fetchall()[0]
    if first > as_of - timedelta(days=365) or not ahead:
        return 1.0, "not known: the history is shorter than a year"
    return float(ahead / horizon_days / (whole / 365)), "the same days a year earlier"
