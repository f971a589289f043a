"""Features of customers as of a date, from orders up to that date only."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt

#: Columns of the feature matrix, all counts, days or money in one currency; their logarithms enter the models.
FEATURES = (
    "recency_days", "tenure_days", "frequency", "frequency_30d", "frequency_90d", "frequency_90d_before", "monetary", "monetary_90d",
    "mean_order", "mean_gap_days", "gap_deviation_days",
)  # fmt: skip

#: Customers who ordered within this many days are those who can still be lost.
ACTIVE_DAYS = 180

#: Orders of the marts, as features want them: a customer, a day, an amount that is no credit.
MART_ORDERS = "(SELECT customer_id, order_date, revenue_usd AS amount FROM marts.orders WHERE customer_id IS NOT NULL AND NOT is_credit_note)"

Matrix = npt.NDArray[np.float64]


def churn_features(
    con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, orders: str = MART_ORDERS
) -> tuple[list[str], Matrix, Matrix]:
    """Return active customers, their features (rows, len(FEATURES)) and whether they were lost (rows,).

    Lost means: no order in the horizon after `as_of`. Point in time: nothing after `as_of` enters the features. The orders of one
    day are one order.

    Args:
        con: where the orders are.
        as_of: the last day that is known.
        horizon_days: how far ahead a customer is watched.
        orders: a relation of `customer_id`, `order_date`, `amount`.
    """
    day = f"DATE '{as_of.isoformat()}'"
    rows = con.execute(
        f"""
        WITH daily AS (
            SELECT customer_id, order_date, sum(amount) AS amount,
                order_date - lag(order_date) OVER (PARTITION BY customer_id ORDER BY order_date) AS gap_days
            FROM {orders} WHERE order_date <= {day} GROUP BY 1, 2
        ),
        before AS (
            SELECT customer_id, count(*) AS frequency, min(order_date) AS first_date, max(order_date) AS last_date,
                count(*) FILTER (order_date > {day} - 30) AS frequency_30d, count(*) FILTER (order_date > {day} - 90) AS frequency_90d,
                count(*) FILTER (order_date BETWEEN {day} - 179 AND {day} - 90) AS frequency_90d_before,
                sum(amount)::DOUBLE AS monetary, coalesce(sum(amount) FILTER (order_date > {day} - 90), 0)::DOUBLE AS monetary_90d,
                avg(gap_days) AS mean_gap, coalesce(stddev_pop(gap_days), 0) AS gap_deviation
            FROM daily GROUP BY 1 HAVING max(order_date) > {day} - {ACTIVE_DAYS}
        ),
        later AS (
            SELECT DISTINCT customer_id FROM {orders} WHERE order_date > {day} AND order_date <= {day} + {horizon_days}
        )
        SELECT b.customer_id, {day} - last_date, {day} - first_date, frequency, frequency_30d, frequency_90d, frequency_90d_before,
            monetary, monetary_90d, monetary / frequency, coalesce(mean_gap, {day} - first_date), gap_deviation, later.customer_id IS NULL
        FROM before AS b LEFT JOIN later USING (customer_id) ORDER BY 1
        """
    ).fetchall()
    customers = [row[0] for row in rows]
    values = np.array([row[1:-1] for row in rows], dtype=np.float64).reshape(len(rows), len(FEATURES))
    lost = np.array([row[-1] for row in rows], dtype=np.float64)
    return customers, np.log1p(np.maximum(values, 0)), lost
