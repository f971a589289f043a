"""Files of products: what ads must pause, what is to be promoted, and the feed of remarketing (AU-STOCK, AU-REMARKET).

In: products, stock signals, order lines and pairs of the published file. Out: `activation.product_feed`, one row per product that can be told of,
and below `outbox/product_feeds` three CSV files with a manifest. Headers are those of Google's product data specification, which Meta's and
Pinterest's catalogues read too: `pause` with the value `ads` keeps a product from being advertised. What stays true: only what is in stock is
offered as a complement or a substitute; the same state gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from activation.audience import attach_published, columns_of
from activation.hashing import register_forms
from warehouse import files
from warehouse.duck import count
from warehouse.errors import edge
from warehouse.settings import settings
from warehouse.steps import StepResult, step

#: How many products are named beside one.
BESIDE = 3
#: Pairs that are more than chance: seen together so much more often than apart (z of the pair rule).
MIN_Z = 2
#: Days of sales that give a product's price.
PRICE_DAYS = 90
FILES = {
    "paused_products.csv": ("id, availability, 'ads' AS pause, title", "availability = 'out_of_stock'"),
    "overstock_promotion.csv": (
        "id, title, product_type, price, cover_days, custom_label_0",
        "custom_label_0 = 'overstock'",
    ),
    "remarketing_feed.csv": (
        "id, title, product_type, price, availability, custom_label_0, complements, substitutes",
        "price <> ''",
    ),
}


def feeds_folder() -> Path:
    """Return where the files stand."""
    return settings().outbox / "product_feeds"


def write_product_feeds(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `activation.product_feed` and its files; companies without stock have none."""
    with step("product feeds") as result, edge("activation"):
        attach_published(con)
        register_forms(con)
        if columns_of(con, "metrics", "product_signals") and columns_of(con, "scores", "product_pairs"):
            con.execute(f"CREATE OR REPLACE TABLE activation.product_feed AS {_feed_sql()}")
            manifest = {}
            for file, (columns, condition) in FILES.items():
                rows = con.execute(f"SELECT {columns} FROM activation.product_feed WHERE {condition} ORDER BY id").pl()
                path = feeds_folder() / file
                with files.written_beside(path) as beside:
                    rows.write_csv(beside, line_terminator="\r\n")
                manifest[file] = {"rows": len(rows), "sha256": files.sha256_of(path)}
                result.facts[file.removesuffix(".csv")] = len(rows)
            files.write_json(feeds_folder() / "manifest.json", {"files": manifest})
            result.rows_out = count(con, "activation.product_feed")
        con.execute("DETACH cdp")
    return result


def _feed_sql() -> str:
    return f"""
        WITH sold AS (
            SELECT product_id, sum(line_amount_usd) / nullif(sum(quantity), 0) AS price_usd
            FROM cdp.marts.order_lines AS l, (SELECT max(as_of_date) AS as_of_date FROM cdp.marts.customers) AS a
            WHERE a.as_of_date - l.order_date BETWEEN 0 AND {PRICE_DAYS} AND quantity > 0 GROUP BY 1
        ),
        known AS (
            SELECT s.*, sold.price_usd FROM cdp.metrics.product_signals AS s LEFT JOIN sold ON s.product_id = sold.product_id
        ),
        complements AS (
            SELECT product_id, string_agg(sku, '|' ORDER BY place) AS skus FROM (
                SELECT p.product_id, k.sku, row_number() OVER (PARTITION BY p.product_id ORDER BY p.lift DESC, k.sku) AS place
                FROM cdp.scores.product_pairs AS p JOIN known AS k ON p.with_product_id = k.product_id
                WHERE p.lift > 1 AND p.z_score >= {MIN_Z} AND NOT coalesce(k.is_out_of_stock, false)
            ) WHERE place <= {BESIDE} GROUP BY 1
        ),
        substitutes AS (
            SELECT product_id, string_agg(sku, '|' ORDER BY place) AS skus FROM (
                SELECT a.product_id, b.sku, row_number() OVER (PARTITION BY a.product_id ORDER BY abs(ln(b.price_usd / a.price_usd)), b.sku) AS place
                FROM known AS a JOIN known AS b ON a.category = b.category AND a.product_id <> b.product_id
                WHERE a.price_usd > 0 AND b.price_usd > 0 AND NOT coalesce(b.is_out_of_stock, false)
            ) WHERE place <= {BESIDE} GROUP BY 1
        )
        SELECT k.product_id, cell_text(k.sku) AS id, cell_text(k.product_name) AS title, cell_text(k.category) AS product_type,
            coalesce(k.price_usd::DECIMAL(18, 2)::VARCHAR || ' USD', '') AS price,
            CASE WHEN k.is_out_of_stock THEN 'out_of_stock' ELSE 'in_stock' END AS availability,
            coalesce(k.cover_days::VARCHAR, '') AS cover_days,
            CASE WHEN k.is_overstock THEN 'overstock' WHEN k.is_viral THEN 'viral' WHEN k.is_short THEN 'short' ELSE 'normal' END AS custom_label_0,
            coalesce(c.skus, '') AS complements, coalesce(s.skus, '') AS substitutes
        FROM known AS k LEFT JOIN complements AS c ON k.product_id = c.product_id LEFT JOIN substitutes AS s ON k.product_id = s.product_id
        WHERE k.sku IS NOT NULL ORDER BY k.product_id
    """
