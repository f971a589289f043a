"""Lead conversion: the chance that a lead becomes a customer within 90 days of being created.

In: `marts.leads` and what the same person did before. How: what was known when the lead came, fitted on earlier leads and judged on later
ones, against the share of conversions of the lead's source.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from scoring.features import Examples, examples_of
from scoring.recipes import Recipe, Split

HORIZON_DAYS = 90
#: Leads of the last part of this many days, whose outcome is known, are judged by.
TESTED_DAYS = 180

NUMBERS = (
    "has_title",
    "is_senior",
    "has_company",
    "is_known_customer",
    "visits_before_30d",
    "downloads_before_30d",
    "orders_before",
    "created_hour",
)
LEVELS = ("lead_source", "country", "weekday")


def lead_features(
    con: duckdb.DuckDBPyConnection, after: date, until: date, as_of: date, is_open: bool = False
) -> Examples:
    """Return leads created after a day and until another with what was known then, and whether they converted in 90 days.

    Args:
        con: where the marts are.
        after: leads created later than this day.
        until: and not later than this one.
        as_of: the last day that is known.
        is_open: only those that are neither converted nor given up.
    """
    return examples_of(
        con,
        f"""
        WITH asked AS (
            SELECT * FROM marts.leads WHERE created_at >= DATE '{after}' + 1 AND created_at < DATE '{until}' + 1
            {"AND NOT is_converted AND status <> 'Unqualified'" if is_open else ""}
        ),
        done AS (
            SELECT asked.lead_id, count(*) FILTER (i.kind = 'web_visit') AS visits, count(*) FILTER (i.kind = 'download') AS downloads
            FROM asked INNER JOIN marts.interactions AS i ON asked.customer_id = i.customer_id
                AND i.occurred_at < asked.created_at AND i.occurred_at > asked.created_at - INTERVAL 30 DAY
            GROUP BY 1
        ),
        bought AS (
            SELECT asked.lead_id, count(*) AS orders FROM asked INNER JOIN marts.orders AS o
                ON asked.customer_id = o.customer_id AND o.ordered_at < asked.created_at AND NOT o.is_credit_note GROUP BY 1
        )
        SELECT asked.lead_id AS id, coalesce(asked.customer_id, asked.lead_id) AS customer_id, (title IS NOT NULL)::INTEGER AS has_title,
            regexp_matches(coalesce(title, ''), '(?i)\\b(vp|vice|ceo|cfo|cto|chief|president|director|owner|founder|due)')::INTEGER AS is_senior,
            (company IS NOT NULL)::INTEGER AS has_company, (coalesce(orders, 0) > 0)::INTEGER AS is_known_customer,
            coalesce(visits, 0) AS visits_before_30d, coalesce(downloads, 0) AS downloads_before_30d, coalesce(orders, 0) AS orders_before,
            hour(created_at) AS created_hour, lead_source, country, isodow(created_at)::VARCHAR AS weekday,
            (is_converted AND converted_at < least(created_at + INTERVAL {HORIZON_DAYS} DAY, DATE '{as_of}' + 1))::INTEGER::DOUBLE AS happened
        FROM asked LEFT JOIN done USING (lead_id) LEFT JOIN bought USING (lead_id) ORDER BY 1
        """,
        (*NUMBERS, *LEVELS),
    )


def _split(con: duckdb.DuckDBPyConnection, as_of: date) -> Split:
    tested_on = as_of - timedelta(days=HORIZON_DAYS)
    trained_on = tested_on - timedelta(days=TESTED_DAYS)
    long_ago = date(1990, 1, 1)
    return Split(
        # Outcomes of leads that came less than a horizon before the cut were not known at it.
        lead_features(con, long_ago, trained_on - timedelta(days=HORIZON_DAYS), trained_on),
        lead_features(con, trained_on, tested_on, as_of),
        trained_on,
        tested_on,
    )


LEAD = Recipe(
    score="lead_conversion",
    horizon_days=HORIZON_DAYS,
    numbers=NUMBERS,
    levels=LEVELS,
    split=_split,
    now=lambda con, as_of: lead_features(con, date(1990, 1, 1), as_of, as_of, is_open=True),
    plain="lead_source",
)
