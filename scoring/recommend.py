"""M07, what is bought with what, and what to offer to whom.

In: lines of orders. How: items that are bought by the same customers, by the cosine of their buyers (Sarwar et al. 2001, "Item-based
collaborative filtering"), each item's 20 nearest; a customer is offered what is nearest to what the customer bought, by the sum of
cosines, never what was bought already, with what most people buy after it. Judged on new items of the last days against what most people
buy; where that is as good, what most people buy is offered. Longer baskets: FP-growth (mlxtend), single consequents.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from scoring.features import sample_of
from scoring.registry import Artefact, in_use
from warehouse.duck import of_all

SCORE = "recommendations"
CODE = "1"
HORIZON_DAYS = 60
NEIGHBOURS = 20
OFFERED = 10
MIN_CUSTOMERS = 50
#: A customer's latest items say what the customer wants now; of somebody who buys for a whole company the rest is left out.
LATEST_ITEMS = 50

LINES = "marts.order_lines"
MART_LINES = (
    f"(SELECT customer_id, product_id, order_date FROM {LINES} "
    "WHERE customer_id IS NOT NULL AND product_id IS NOT NULL AND quantity > 0)"
)


def neighbours(as_of: date, lines: str = MART_LINES) -> str:
    """Return the query of the items nearest to each item by the cosine of those who bought them up to a day.

    Columns: product_id, near_product_id, pull (the cosine in billionths), strength (place of the pair among all, the nearest last).
    """
    # Customers and items are numbers within the query, in the order of their ids, and cosines are whole billionths: sums by two
    # numbers take a quarter of the time of sums by two texts, and they are the same in whatever order they are added.
    return f"""
        WITH {_latest(as_of, lines)},
        buyers AS (SELECT item, count(*) AS customers FROM latest GROUP BY 1),
        near AS (
            SELECT a.item, b.item AS near_item, count(*) / sqrt(any_value(x.customers) * any_value(y.customers)) AS cosine
            FROM latest AS a INNER JOIN latest AS b ON a.person = b.person AND a.item <> b.item
            INNER JOIN buyers AS x ON a.item = x.item INNER JOIN buyers AS y ON b.item = y.item
            GROUP BY 1, 2
            QUALIFY row_number() OVER (PARTITION BY a.item ORDER BY cosine DESC, b.item) <= {NEIGHBOURS}
        )
        SELECT one.product_id, other.product_id AS near_product_id, round(cosine * 1e9) AS pull,
            row_number() OVER (ORDER BY cosine, near.item, near.near_item)::INTEGER AS strength
        FROM near INNER JOIN items AS one ON near.item = one.item INNER JOIN items AS other ON near.near_item = other.item
    """


def _latest(as_of: date, lines: str) -> str:
    """Return the parts of a query that number people and items: what each bought, and the latest of it."""
    day = f"DATE '{as_of.isoformat()}'"
    return f"""lately AS (
            SELECT customer_id, product_id, max(order_date) AS last_date FROM {lines} WHERE order_date <= {day} GROUP BY 1, 2
        ),
        people AS (SELECT customer_id, row_number() OVER (ORDER BY customer_id)::INTEGER AS person FROM (SELECT DISTINCT customer_id FROM lately)),
        items AS (SELECT product_id, row_number() OVER (ORDER BY product_id)::INTEGER AS item FROM (SELECT DISTINCT product_id FROM lately)),
        bought AS MATERIALIZED (
            SELECT person, item, last_date FROM lately INNER JOIN people USING (customer_id) INNER JOIN items USING (product_id)
        ),
        latest AS MATERIALIZED (
            SELECT person, item FROM bought
            QUALIFY row_number() OVER (PARTITION BY person ORDER BY last_date DESC, item) <= {LATEST_ITEMS}
        )"""


def offers(as_of: date, lines: str = MART_LINES, count: int = OFFERED, near: str = "") -> str:
    """Return the query of the items nearest to what each customer bought up to a day.

    Args:
        as_of: the last day that is known.
        lines: a relation of `customer_id`, `product_id`, `order_date`.
        count: items that are offered.
        near: a relation as :func:`neighbours` returns it; by default, that of these lines.

    Columns: customer_id, product_id, offer_rank (1 to `count`), similarity, because_product_id (the bought item that is nearest).
    """
    return f"""
        WITH {_latest(as_of, lines)},
        near AS MATERIALIZED (FROM {near or f"({neighbours(as_of, lines)})"}),
        -- What is near to something is numbered, too, whether anybody of these bought it or not.
        offerable AS (
            SELECT product_id, row_number() OVER (ORDER BY product_id)::INTEGER AS item FROM (SELECT DISTINCT near_product_id AS product_id FROM near)
        ),
        pulls AS MATERIALIZED (
            SELECT items.item, offerable.item AS near_item, near.pull, near.strength, near.product_id
            FROM near INNER JOIN items ON near.product_id = items.product_id
            INNER JOIN offerable ON near.near_product_id = offerable.product_id
        ),
        offered AS (
            SELECT latest.person, pulls.near_item AS item, sum(pulls.pull) AS pull, max(pulls.strength) AS strength
            FROM latest INNER JOIN pulls USING (item)
            GROUP BY 1, 2
        ),
        known AS (
            SELECT bought.person, offerable.item
            FROM bought INNER JOIN items USING (item) INNER JOIN offerable ON items.product_id = offerable.product_id
        ),
        best AS (
            SELECT offered.*, row_number() OVER (PARTITION BY offered.person ORDER BY offered.pull DESC, offered.item) AS offer_rank
            FROM offered ANTI JOIN known ON offered.person = known.person AND offered.item = known.item
            QUALIFY offer_rank <= {count}
        )
        SELECT people.customer_id, offerable.product_id, best.offer_rank, round(best.pull / 1e9, 6) AS similarity,
            nearest.product_id AS because_product_id
        FROM best INNER JOIN people USING (person) INNER JOIN offerable USING (item)
        INNER JOIN (SELECT strength, product_id FROM near) AS nearest USING (strength)
    """


def popular(as_of: date, lines: str = MART_LINES, count: int = OFFERED, all_lines: str = "") -> str:
    """Return the query of what most customers (of `all_lines`) bought in the last half year and each customer has not: the plain way."""
    day = f"DATE '{as_of.isoformat()}'"
    return f"""
        WITH bought AS (SELECT DISTINCT customer_id, product_id FROM {lines} WHERE order_date <= {day}),
        liked AS (
            SELECT product_id, count(DISTINCT customer_id) AS customers FROM {all_lines or lines}
            WHERE order_date <= {day} AND order_date > {day} - 180 GROUP BY 1
            QUALIFY row_number() OVER (ORDER BY customers DESC, product_id) <= {count * 5}
        )
        SELECT customers.customer_id, liked.product_id,
            row_number() OVER (PARTITION BY customers.customer_id ORDER BY liked.customers DESC, liked.product_id) AS offer_rank
        FROM (SELECT DISTINCT customer_id FROM bought) AS customers CROSS JOIN liked
        ANTI JOIN bought ON customers.customer_id = bought.customer_id AND liked.product_id = bought.product_id
        QUALIFY offer_rank <= {count}
    """


def hit_rate(
    con: duckdb.DuckDBPyConnection, offered: str, as_of: date, horizon_days: int, lines: str = MART_LINES
) -> tuple[float, int]:
    """Return how many of the new items that customers bought in the horizon were offered, each over min(10, items), and the customers."""
    day = f"DATE '{as_of.isoformat()}'"
    found = con.execute(
        f"""
        WITH new AS (
            SELECT DISTINCT customer_id, product_id FROM {lines} WHERE order_date > {day} AND order_date <= {day} + {horizon_days}
            EXCEPT SELECT customer_id, product_id FROM {lines} WHERE order_date <= {day}
        ),
        known AS (SELECT DISTINCT customer_id FROM {lines} WHERE order_date <= {day}),
        offered AS ({offered}),
        hits AS (
            SELECT new.customer_id, count(offered.product_id) / least({OFFERED}, count(*)) AS share
            FROM new SEMI JOIN known USING (customer_id) LEFT JOIN offered USING (customer_id, product_id) GROUP BY 1
        )
        SELECT coalesce(avg(share), 0), count(*) FROM hits
        """
    ).fetchall()[0]
    return float(found[0]), int(found[1])


def train_recommendations(con: duckdb.DuckDBPyConnection, as_of: date, lines: str = MART_LINES) -> Artefact:
    """Judge what is near against what is popular on the new items of the last days."""
    tested_on = as_of - timedelta(days=HORIZON_DAYS)
    lines = sample_of(con, lines)
    # Offers are told of all, but only to those who bought in the days that they are judged by.
    of_judged = f"(SELECT * FROM {lines} WHERE customer_id IN (SELECT customer_id FROM {lines} WHERE order_date > DATE '{tested_on}'))"
    near_items = f"({neighbours(tested_on, lines)})"
    near, customers = hit_rate(con, offers(tested_on, of_judged, near=near_items), tested_on, HORIZON_DAYS, lines)
    plain, _ = hit_rate(con, popular(tested_on, of_judged, all_lines=lines), tested_on, HORIZON_DAYS, lines)
    reason = ""
    if customers < MIN_CUSTOMERS:
        reason = f"not enough customers bought new items to judge by: {customers} (at least {MIN_CUSTOMERS} are needed)"
    elif near <= plain:
        reason = "what most people buy is as good"
    quality = {"hits_at_10": round(near, 5), "customers": customers}
    return {
        "score": SCORE, "code": CODE, "as_of": as_of.isoformat(), "horizon_days": HORIZON_DAYS, "tested_on": tested_on.isoformat(),
        "trained_on": as_of.isoformat(), "rows_tested": customers, "plain": "popularity", "quality": quality,
        "baseline": {"hits_at_10": round(plain, 5)}, "model": {"neighbours": NEIGHBOURS}, "reason": reason,
        "version": hashlib.sha256(f"{CODE}{quality}".encode()).hexdigest()[:12],
    }  # fmt: skip


def offers_now(
    con: duckdb.DuckDBPyConnection, as_of: date, lines: str = MART_LINES, near: str = ""
) -> duckdb.DuckDBPyRelation:
    """Return what to offer to each customer who bought: customer_id, product_id, offer_rank, similarity, because_product_id, method.

    A query, which the database runs into its table: rows that come out of it and go back take a quarter more.
    """
    artefact = in_use(SCORE, CODE, as_of, lambda: train_recommendations(con, as_of, lines))
    if artefact["reason"]:
        plain = popular(as_of, lines, all_lines=lines.replace(LINES, of_all(con, LINES)))
        query = f"SELECT *, NULL::DOUBLE AS similarity, NULL::VARCHAR AS because_product_id, 'popular' AS method FROM ({plain})"
    else:
        query = f"SELECT *, 'bought together' AS method FROM ({offers(as_of, lines, near=near)})"
    return con.sql(
        f"SELECT customer_id, product_id, offer_rank, similarity, because_product_id, method FROM ({query}) ORDER BY 1, 3"
    )


def basket_rules(
    baskets: pa.Table, min_support: float, min_confidence: float, most_items: int | None = None
) -> list[dict[str, Any]]:
    """Return rules with one consequent over baskets, the strongest first, by FP-growth.

    Args:
        baskets: columns basket_id and item, a row per item.
        min_support: the least share of baskets that hold all items of a rule.
        min_confidence: the least share of baskets with the antecedents that hold the consequent, too.
        most_items: of a rule; all lengths by default.

    Returns:
        antecedents (sorted), consequent, support, confidence, lift, baskets (that hold all).
    """
    import numpy as np
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth
    from scipy.sparse import csr_matrix

    if not baskets.num_rows:
        return []
    ids, items = (baskets[column].combine_chunks().dictionary_encode() for column in ("basket_id", "item"))
    names = items.dictionary.to_pylist()
    held = csr_matrix(
        (np.ones(len(ids), dtype=bool), (ids.indices.to_numpy(), items.indices.to_numpy())),
        shape=(len(ids.dictionary), len(names)),
        dtype=bool,
    )
    table = pd.DataFrame.sparse.from_spmatrix(held)
    # A set in exactly the least number of baskets counts: floats must not lose it.
    frequent = fpgrowth(table, min_support=min_support - 1e-9, max_len=most_items)
    n = len(ids.dictionary)
    counts = {
        frozenset(s): round(support * n) for s, support in zip(frequent["itemsets"], frequent["support"], strict=True)
    }
    return sorted(
        _rules(counts, names, n, min_confidence),
        key=lambda r: (-r["lift"], -r["baskets"], r["antecedents"], r["consequent"]),
    )


def _rules(counts: dict[frozenset[int], int], items: Any, n: int, min_confidence: float) -> list[dict[str, Any]]:
    found = []
    for together, count in counts.items():
        if len(together) < 2:
            continue
        for consequent in together:
            before = counts[together - {consequent}]
            if count >= min_confidence * before - 1e-9:
                found.append(
                    {
                        "antecedents": sorted(str(items[i]) for i in together - {consequent}),
                        "consequent": str(items[consequent]),
                        "support": count / n,
                        "confidence": count / before,
                        "lift": count * n / (before * counts[frozenset({consequent})]),
                        "baskets": count,
                    }
                )
    return found
