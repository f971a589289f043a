"""Features of customers as of a date, from orders up to that date only."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt

#: Columns of the feature matrix, all counts, days or US dollars.
FEATURES = ("recency_days", "tenure_days", "frequency", "frequency_90d", "monetary_usd", "mean_gap_days")

#: Customers who ordered within this many days are those who can still be lost.
ACTIVE_DAYS = 180

Matrix = npt.NDArray[np.float64]


def churn_features(con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int) -> tuple[list[str], Matrix, Matrix]:
    """Return active customers, their features (rows, len(FEATURES)) and whether they were lost (rows,).

    Lost means: no order in the horizon after `as_of`. Point in time: nothing after `as_of` enters the features.
    """
    rows = con.execute(
        f"""
        WITH before AS (
            SELECT customer_id, count(*) AS frequency, min(order_date) AS first_date, max(order_date) AS last_date,
                count(*) FILTER (order_date > ?::DATE - 90) AS recent, sum(revenue_usd)::DOUBLE AS monetary
            FROM marts.orders WHERE customer_id IS NOT NULL AND NOT is_credit_note AND order_date <= ?::DATE
            GROUP BY 1 HAVING max(order_date) > ?::DATE - {ACTIVE_DAYS}
        ),
        later AS (
            SELECT DISTINCT customer_id FROM marts.orders
            WHERE NOT is_credit_note AND order_date > ?::DATE AND order_date <= ?::DATE + {horizon_days}
        )
        SELECT b.customer_id, ?::DATE - last_date, ?::DATE - first_date, frequency, recent, monetary,
            (last_date - first_date) / greatest(frequency - 1, 1), later.customer_id IS NULL
        FROM before AS b LEFT JOIN later USING (customer_id) ORDER BY 1
        """,
        [as_of] * 7,
    ).fetchall()
    customers = [row[0] for row in rows]
    values = np.array([row[1:-1] for row in rows], dtype=np.float64).reshape(len(rows), len(FEATURES))
    lost = np.array([row[-1] for row in rows], dtype=np.float64)
    return customers, np.log1p(np.maximum(values, 0)), lost
