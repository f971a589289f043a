"""What a plain script would do with the same files: read with types, write Parquet. Compared with in `cdp bench ingest`."""

from __future__ import annotations

from pathlib import Path


def csv_by_polars(path: Path, out: Path) -> None:
    """Read a CSV of orders with polars, cast, write."""
    import polars as pl

    frame = pl.read_csv(path, infer_schema=False)
    frame.with_columns(
        pl.col("total", "discount").cast(pl.Decimal(18, 2)),
        pl.col("quantity").cast(pl.Int64),
        pl.col("ordered_on").str.to_date("%Y-%m-%d"),
        pl.col("paid_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"),
        pl.col("is_gift") == "true",
    ).write_parquet(out)


def csv_by_duckdb(path: Path, out: Path) -> None:
    """Read a CSV of orders with DuckDB, cast, write."""
    import duckdb

    con = duckdb.connect()
    con.execute(
        f"COPY (SELECT order_id, customer_id, email, status, city, total::DECIMAL(18, 2) AS total, discount::DECIMAL(18, 2) AS discount, "
        f"quantity::BIGINT AS quantity, ordered_on::DATE AS ordered_on, paid_at::TIMESTAMP AS paid_at, is_gift::BOOLEAN AS is_gift, note "
        f"FROM read_csv('{path}', all_varchar = true)) TO '{out}' (COMPRESSION zstd)"
    )
    con.close()


#: The columns of the web events as the declaration has them, by where they stand.
_EVENT = {
    "messageId": "VARCHAR", "type": "VARCHAR", "event": "VARCHAR", "anonymousId": "VARCHAR", "userId": "VARCHAR", "timestamp": "TIMESTAMP", "receivedAt": "TIMESTAMP",  # noqa: E501
    "context": "STRUCT(page STRUCT(path VARCHAR, url VARCHAR, referrer VARCHAR, title VARCHAR), campaign STRUCT(source VARCHAR, medium VARCHAR, name VARCHAR, term VARCHAR, content VARCHAR), "  # noqa: E501
               "userAgent VARCHAR, timezone VARCHAR, locale VARCHAR)",
    "traits": "STRUCT(email VARCHAR)",
    "properties": "STRUCT(sku VARCHAR, price DECIMAL(18, 4), value DECIMAL(18, 4), total DECIMAL(18, 4), currency VARCHAR, order_id VARCHAR, cart_id VARCHAR, quantity BIGINT, "  # noqa: E501
                  "query VARCHAR, scroll_pct BIGINT, form_id VARCHAR, content_id VARCHAR, chat_id VARCHAR, phone_number VARCHAR, experiment_id VARCHAR, variant_id VARCHAR, gclid VARCHAR, "  # noqa: E501
                  "fbclid VARCHAR, advertising BOOLEAN)",
}  # fmt: skip


def jsonl_by_duckdb(path: Path, out: Path) -> None:
    """Read JSON lines with DuckDB into the declared columns, write."""
    import duckdb

    con = duckdb.connect()
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _EVENT.items())
    con.execute(
        f"COPY (SELECT * EXCLUDE (context, properties, traits), unnest(context.page), unnest(context.campaign), context.userAgent, context.timezone, context.locale, unnest(properties), traits.email "  # noqa: E501
        f"FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})) TO '{out}' (COMPRESSION zstd)"
    )
    con.close()


def jsonl_by_polars(path: Path, out: Path) -> None:
    """Read JSON lines with polars into the declared columns, write."""
    import polars as pl

    text = pl.String
    page = pl.Struct({"path": text, "url": text, "referrer": text, "title": text})
    campaign = pl.Struct({"source": text, "medium": text, "name": text, "term": text, "content": text})
    names = [
        "sku",
        "currency",
        "order_id",
        "cart_id",
        "query",
        "form_id",
        "content_id",
        "chat_id",
        "phone_number",
        "experiment_id",
        "variant_id",
        "gclid",
        "fbclid",
    ]
    properties = pl.Struct(
        {
            **dict.fromkeys(names, text),
            "price": pl.Float64,
            "value": pl.Float64,
            "total": pl.Float64,
            "quantity": pl.Int64,
            "scroll_pct": pl.Int64,
            "advertising": pl.Boolean,
        }
    )
    schema = {
        **dict.fromkeys(["messageId", "type", "event", "anonymousId", "userId", "timestamp", "receivedAt"], text),
        "context": pl.Struct({"page": page, "campaign": campaign, "userAgent": text, "timezone": text, "locale": text}),
        "traits": pl.Struct({"email": text}), "properties": properties,
    }  # fmt: skip
    frame = pl.read_ndjson(path, schema=schema).unnest("context").unnest("page").rename({"name": "n"}, strict=False)
    frame.unnest("campaign").unnest("properties").unnest("traits").with_columns(
        pl.col("timestamp", "receivedAt").str.to_datetime("%+", time_unit="us"),
        pl.col("price", "value", "total").cast(pl.Decimal(18, 4)),
    ).write_parquet(out)


def parquet_by_polars(path: Path, out: Path) -> None:
    """Read Parquet of texts with polars, cast, write."""
    import polars as pl

    pl.read_parquet(path).with_columns(
        pl.col("total", "discount").cast(pl.Decimal(18, 2)), pl.col("quantity").cast(pl.Int64), pl.col("ordered_on").str.to_date("%Y-%m-%d"),
        pl.col("paid_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"), pl.col("is_gift") == "true",
    ).write_parquet(out)  # fmt: skip
