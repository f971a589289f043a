"""Features of customers as of a date, from orders up to that date only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from scoring.logistic import Columns, Vector

#: Columns of the features of buying, all counts, days or money in one currency; their logarithms enter the models.
FEATURES = (
    "recency_days", "tenure_days", "frequency", "frequency_30d", "frequency_90d", "frequency_90d_before", "monetary", "monetary_90d",
    "mean_order", "mean_gap_days", "gap_deviation_days",
)  # fmt: skip

#: Customers who ordered within this many days are those who can still be lost.
ACTIVE_DAYS = 180

#: Orders of the marts, as features want them: a customer, a day, an amount that is no credit.
MART_ORDERS = "(SELECT customer_id, order_date, revenue_usd AS amount FROM marts.orders WHERE customer_id IS NOT NULL AND NOT is_credit_note)"


#: Rows of a relation that models learn from and are judged by at most: more of them move a dozen weights by less than luck does.
LEARNT_FROM = 300_000
#: The same where each row is an example, and not several rows together.
EXAMPLES = 120_000


def sample_of(con: duckdb.DuckDBPyConnection, relation: str, column: str = "customer_id", most: int = 0) -> str:
    """Return a relation as it is, or, when it is larger than models need, whole customers of it, about so many that `most` rows stay.

    The same customers are in it each time: which they are depends on their id alone. Without `most`, `LEARNT_FROM` rows stay.
    """
    rows: int = con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0]
    one_in = -(-rows // (most or LEARNT_FROM))
    if one_in <= 1:
        return relation
    # Picked once: what is learnt reads the sample a dozen times.
    table = f"learnt_from_{hashlib.md5(relation.encode(), usedforsecurity=False).hexdigest()[:12]}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {relation} WHERE md5_number_lower({column}::VARCHAR) % {one_in} = 0"
    )
    return table


@dataclass(frozen=True)
class Examples:
    """What is known of some subjects on a day, and what happened to them after it where that is known.

    Columns, ids, whose it is and what happened are all (rows,); `happened` is NaN where nobody can know yet. What is somebody's is alike,
    so `whose` says which rows must not tell of each other.
    """

    ids: npt.NDArray[Any]
    columns: Columns
    happened: Vector
    whose: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, kept: npt.NDArray[np.bool_]) -> Examples:
        """Return the rows that are kept, (rows,)."""
        return Examples(
            self.ids[kept], {n: v[kept] for n, v in self.columns.items()}, self.happened[kept], self.whose[kept]
        )

    @property
    def events(self) -> int:
        """How many of the things that are predicted happened."""
        return int(np.nansum(self.happened))


def examples_of(con: duckdb.DuckDBPyConnection, query: str, names: tuple[str, ...]) -> Examples:
    """Run a query of `id`, `happened`, the named columns and, where it is not the id, `customer_id`, and return it as examples."""
    found = con.execute(query).fetchnumpy()
    columns = {name: _plain(found[name]) for name in names}
    ids = np.asarray(found["id"], dtype=object)
    whose = _plain(found["customer_id"]) if "customer_id" in found else ids
    return Examples(ids, columns, _plain(found["happened"]).astype(np.float64), whose)


def day_number(day: date) -> int:
    """Return a day as examples hold it: days since the beginning of 1970."""
    return (day - date(1970, 1, 1)).days


def _plain(values: Any) -> npt.NDArray[Any]:
    """Return numbers with NaN and texts with None where DuckDB says null."""
    masked: Any = np.ma.asarray(values)
    if masked.dtype == object:
        return np.asarray(masked.filled(None), dtype=object)
    return np.asarray(masked.astype(np.float64).filled(np.nan), dtype=np.float64)


def churn_features(
    con: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, orders: str = MART_ORDERS
) -> Examples:
    """Return active customers, their features and whether they were lost: no order in the horizon after `as_of`.

    Point in time: nothing after `as_of` enters the features. The orders of one day are one order.

    Args:
        con: where the orders are.
        as_of: the last day that is known.
        horizon_days: how far ahead a customer is watched.
        orders: a relation of `customer_id`, `order_date`, `amount`.
    """
    day = f"DATE '{as_of.isoformat()}'"
    return examples_of(
        con,
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
                avg(gap_days) AS mean_gap_days, coalesce(stddev_pop(gap_days ORDER BY order_date), 0) AS gap_deviation_days
            FROM daily GROUP BY 1 HAVING max(order_date) > {day} - {ACTIVE_DAYS}
        ),
        later AS (
            SELECT DISTINCT customer_id FROM {orders} WHERE order_date > {day} AND order_date <= {day} + {horizon_days}
        )
        SELECT b.customer_id AS id, {day} - last_date AS recency_days, {day} - first_date AS tenure_days, frequency, frequency_30d,
            frequency_90d, frequency_90d_before, greatest(monetary, 0) AS monetary, greatest(monetary_90d, 0) AS monetary_90d,
            greatest(monetary, 0) / frequency AS mean_order, coalesce(mean_gap_days, {day} - first_date) AS mean_gap_days, gap_deviation_days,
            (later.customer_id IS NULL)::DOUBLE AS happened
        FROM before AS b LEFT JOIN later USING (customer_id) ORDER BY 1
        """,
        FEATURES,
    )
