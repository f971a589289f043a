"""Records of companies to comparable parts.

In: rows of text, one column per role. Out: the table `identity.records` of the connection that companies are resolved on: a
file of their own in memory, so that the engine that tells people apart tells companies apart too.
"""

from __future__ import annotations

import duckdb
import polars as pl

from identity.normalise import phones, places, tax_ids
from identity.normalise.addresses import parse_street
from identity.normalise.companies import company_domain, parse_company
from identity.source_tables import mapped

COMPANY_ROLES = (
    "company", "full_name", "website", "email", "phone", "tax_id", "street", "city", "postcode", "region", "country",
    "observed_at", "is_deleted", "is_one_time", "is_company", "is_person",
)  # fmt: skip


def cleaned_companies(raw: pl.DataFrame) -> pl.DataFrame:
    """Return text rows as comparable records of companies.

    Args:
        raw: one text column per role of `COMPANY_ROLES`, with `record_key`, `source`, `source_table`, `record_id` and
            `default_country`; a column `identifier` may hold identifiers of a table's own, which are compared as tax ids are.
    """
    frame = raw.with_columns(pl.coalesce("company", "full_name").alias("written_name"))
    frame = mapped(frame, ["country", "default_country"], lambda c, d: (places.country_code(c) or d,), ["country_code"])
    frame = mapped(
        frame,
        ["written_name"],
        lambda n: tuple(p or None for p in parse_company(n)),
        ["name_key", "name_words", "legal_form"],
    )
    frame = mapped(
        frame,
        ["website", "email"],
        lambda w, e: tuple(p or None for p in company_domain(w, e)),
        ["domain", "domain_name"],
    )
    frame = mapped(frame, ["phone", "country_code"], lambda p, c: (phones.to_e164(p, c),), ["phone_e164"])
    frame = mapped(frame, ["tax_id", "country_code"], lambda t, c: (tax_ids.valid_tax_id(t, c),), ["valid_tax_id"])
    if "identifier" in frame.columns:
        bare = pl.col("identifier").str.to_uppercase().str.replace_all("[^0-9A-Z]", "")
        frame = frame.with_columns(
            pl.coalesce("valid_tax_id", pl.when(bare.str.len_chars() >= 5).then(bare)).alias("valid_tax_id")
        )
    frame = mapped(
        frame, ["street"], lambda s: tuple(p or None for p in parse_street(s)), ["street_name", "street_number"]
    )
    frame = mapped(frame, ["city"], lambda c: (places.city_key(c) or None,), ["city_key"])
    is_merged = pl.col("is_merged") == "true" if "is_merged" in frame.columns else pl.lit(False)
    return frame.select(
        "record_key", "source", "source_table", "record_id",
        pl.col("observed_at").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).alias("observed_at"),
        pl.when(pl.col("is_one_time") == "true").then(pl.lit("one-time customer: one number for many"))
        .when(pl.col("is_person") == "true").then(pl.lit("a person"))
        .when(is_merged).then(None)
        .when(pl.col("is_deleted") == "true").then(pl.lit("marked for deletion at the source"))
        .when(pl.all_horizontal(pl.col("name_key", "domain", "phone_e164", "valid_tax_id").is_null()))
        .then(pl.lit("nothing to recognise a company by")).alias("exclusion"),
        "written_name", "name_key", "name_words", "legal_form", "domain", "domain_name", "phone_e164",
        pl.col("valid_tax_id").alias("tax_id"), pl.col("street").alias("street_as_written"), "street_name", "street_number",
        pl.col("city").alias("city_as_written"), "city_key", pl.col("postcode").str.strip_chars(" '").str.to_uppercase().alias("postcode"),
        pl.col("region"), "country_code",
    )  # fmt: skip


def write_company_records(con: duckdb.DuckDBPyConnection, cleaned_rows: str) -> None:
    """Replace `identity.records` by cleaned rows, with the word of each name that the fewest names have: the one of its own."""
    con.execute(
        f"""
        CREATE OR REPLACE TABLE identity.records AS
        WITH words AS (SELECT record_key, unnest(string_split(name_words, ' ')) AS word FROM {cleaned_rows}),
        known AS (SELECT word, count(*) AS names FROM words GROUP BY 1),
        rarest AS (
            SELECT record_key, arg_min(word, (names, -length(word), word)) AS name_rare FROM words JOIN known USING (word)
            WHERE length(word) > 1 GROUP BY 1
        )
        SELECT c.*, r.name_rare FROM {cleaned_rows} AS c LEFT JOIN rarest AS r USING (record_key) ORDER BY record_key
        """
    )
