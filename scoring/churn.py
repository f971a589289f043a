"""M03, churn within 30 and 60 days: the chance that a customer who ordered in the last 180 days orders nothing in the days ahead.

In: `marts.orders`. How: the shared recipe (`scoring.recipes`) on the logarithms of recency, tenure, frequency, value and rhythm,
trained on a day two horizons ago and judged on the day one horizon ago, against recency alone.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from scoring.features import FEATURES, MART_ORDERS, churn_features, sample_of
from scoring.recipes import Recipe, Split

HORIZONS_DAYS = (30, 60)


def churn_recipe(horizon_days: int, orders: str = MART_ORDERS) -> Recipe:
    """Return the recipe of churn within a horizon, on any relation of `customer_id`, `order_date`, `amount`."""

    def split(con: duckdb.DuckDBPyConnection, as_of: date) -> Split:
        trained_on, tested_on = as_of - timedelta(days=2 * horizon_days), as_of - timedelta(days=horizon_days)
        learnt = sample_of(con, orders)
        return Split(
            churn_features(con, trained_on, horizon_days, learnt),
            churn_features(con, tested_on, horizon_days, learnt),
            trained_on,
            tested_on,
        )

    return Recipe(
        score=f"churn_{horizon_days}d",
        horizon_days=horizon_days,
        numbers=FEATURES,
        split=split,
        now=lambda con, as_of: churn_features(con, as_of, horizon_days, orders),
        plain="recency_days",
    )
