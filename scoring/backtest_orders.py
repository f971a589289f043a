"""Churn and value on any table of orders, judged on its own past: the same features, models and rules as the published scores.

In: a CSV or Parquet file with a customer, a moment and an amount per row. Out: per horizon how a model trained on earlier days does on
later ones, beside what needs no model. Nothing after a day enters what is known on that day; training and test are a horizon apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from scoring.any_file import column_of, day_of, product_of, reader_of
from scoring.chances import kind_of
from scoring.churn import churn_recipe
from scoring.recipes import train
from scoring.value import judge
from warehouse.duck import connect, count, name
from warehouse.errors import CdpError, edge
from warehouse.readable import made_readable

ORDERS = "orders_to_test"


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
        amount: column of the amount, in one currency, or two columns that are multiplied: `Quantity*UnitPrice`.
        horizons_days: after so many days without an order a customer counts as lost.
        value_days: how far ahead revenue is predicted.

    Raises:
        CdpError: the file or a column is not there, or it holds no orders.
    """
    con = connect(":memory:")
    try:
        with edge("backtest"), made_readable(path) as readable:
            found = _read(con, readable, customer, time, amount)
            assert found.last_day is not None
            found.churn = [_churn(con, found.last_day, days) for days in horizons_days]
            found.value = [
                {"score": f"revenue within {value_days} days", **judge(con, found.last_day, value_days, ORDERS)}
            ]
    finally:
        con.close()
    return found


def _read(con: duckdb.DuckDBPyConnection, path: Path, customer: str, time: str, amount: str) -> Backtest:
    source = reader_of(path, as_text=True)
    for column in (customer, time):
        column_of(con, path, source, column)
    con.execute(
        f"CREATE TEMP TABLE written AS SELECT trim({name(customer)}::VARCHAR) AS customer_id, {day_of(con, source, time)} AS order_date, "
        f"({product_of(con, path, source, amount)})::DECIMAL(18, 4) AS amount FROM {source}"
    )
    reasons = {
        "no customer": "customer_id IS NULL OR customer_id = ''",
        "no moment that can be read": "order_date IS NULL",
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
        f"CREATE TEMP TABLE {ORDERS} AS SELECT customer_id, order_date, sum(amount) AS amount FROM written WHERE {bad} IS NULL "
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
    made = train(churn_recipe(horizon_days, ORDERS), con, last)
    told: dict[str, Any] = {
        "score": f"churn within {horizon_days} days", "trained_on": made["trained_on"], "tested_on": made["tested_on"], "reason": made["reason"],
    }  # fmt: skip
    if made["model"]:
        told |= {
            "model": made["quality"], "kind": kind_of(made["model"]), "recency": made["baseline"], "logistic": made["logistic"],
            "boosting": made["boosting"],
            "calibration_error": made["calibration_error"], "reliability": made["reliability"],
        }  # fmt: skip
    return told
