"""M15, answers: the chance that a customer clicks in the next e-mail, by the three hours of the day in which it is sent.

In: `marts.email_engagement` and the time zone of each customer's country. How: what was known when a message was sent (earlier sends,
opens and clicks, days since the last of them and since the last order) and the local hour and weekday, fitted on earlier messages and
judged on later ones, against the customer's own smoothed share of clicked messages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np

from scoring.features import EXAMPLES, Examples, day_number, examples_of, sample_of
from scoring.recipes import Recipe, Split

#: A click later than this after the send is no answer to it.
ANSWER_DAYS = 7
#: Messages of so many days are learnt from, and of so many after them judged by.
TRAINED_DAYS, TESTED_DAYS = 270, 90
HOURS = tuple(f"{h:02d}-{h + 3:02d}" for h in range(0, 24, 3))

NUMBERS = (
    "click_share", "open_share", "hour_share", "sends_before", "sends_30d", "clicks_before", "days_since_click", "days_since_open",
    "days_since_order", "orders_before",
)  # fmt: skip
#: How often a customer opened in each three hours before, for messages to come.
HOUR_SHARES = tuple(f"hour_share_{hour}" for hour in HOURS)


MART_SENDS = "marts.email_engagement"


def send_features(
    con: duckdb.DuckDBPyConnection, after: date, until: date, as_of: date, sends: str = MART_SENDS
) -> Examples:
    """Return messages sent after a day and until another with what was known when they were sent, and whether they were clicked.

    What is not known yet at `as_of` counts as not clicked: leave out sends of the last week. For what is
    to come there is :func:`next_sends`.
    """
    return examples_of(
        con,
        _query(
            f"SELECT engagement_id AS id, customer_id, sent_at, first_clicked_at <= least(sent_at + INTERVAL {ANSWER_DAYS} DAY, "
            f"DATE '{as_of}' + 1) AS is_clicked FROM {sends} WHERE customer_id IS NOT NULL AND NOT is_bounced "
            f"AND sent_at >= DATE '{after}' + 1 AND sent_at < DATE '{until}' + 1",
            as_of,
            sends,
        ),
        (*NUMBERS, "hour_local", "weekday", "sent_day"),
    )


def next_sends(con: duckdb.DuckDBPyConnection, as_of: date) -> Examples:
    """Return one message to come per customer who was ever sent one; the hour is left open.

    What is known of it is what :func:`send_features` would know of a message sent at the end of the day. Since that moment is the same
    for all, counting by customer is enough, in a tenth of the time.
    """
    day = f"DATE '{as_of}' + 1"
    opened = f"first_opened_at < {day}"
    parts = ", ".join(f"count(*) FILTER (part_of_day = {n}) AS part_{n}" for n in range(len(HOURS)))
    shares = ", ".join(f'(part_{n} + 0.5) / (opens + 4) AS "{column}"' for n, column in enumerate(HOUR_SHARES))
    this_part = " ".join(f"WHEN {n} THEN part_{n}" for n in range(len(HOURS)))
    return examples_of(
        con,
        f"""
        WITH bought AS (
            SELECT customer_id, count(*) AS orders, max(ordered_at) AS at FROM marts.orders
            WHERE customer_id IS NOT NULL AND NOT is_credit_note AND ordered_at < {day} GROUP BY 1
        ),
        zoned AS (
            SELECT mails.*, coalesce(time_zone, 'UTC') AS time_zone, date_trunc('day', first_opened_at) AS day
            FROM {MART_SENDS} AS mails LEFT JOIN marts.customer_enrichment USING (customer_id) WHERE customer_id IS NOT NULL
        ),
        clocks AS ({_clocks(f"SELECT time_zone, day FROM zoned WHERE {opened}")}),
        known AS (
            SELECT zoned.*, CASE WHEN {opened} THEN hour({_by_the_clock("first_opened_at")}) // 3 END AS part_of_day
            FROM zoned LEFT JOIN clocks USING (time_zone, day)
        ),
        mails AS (
            SELECT customer_id, any_value(time_zone) AS time_zone, count(*) FILTER (sent_at < {day}) AS asked,
                count(*) FILTER (sent_at < {day} AND NOT is_bounced) AS sends,
                count(*) FILTER (sent_at < {day} - INTERVAL 30 DAY AND NOT is_bounced) AS sends_older,
                count(*) FILTER ({opened}) AS opens, max(first_opened_at) FILTER ({opened}) AS opened_at,
                count(*) FILTER (first_clicked_at < {day}) AS clicks, max(first_clicked_at) FILTER (first_clicked_at < {day}) AS clicked_at, {parts}
            FROM known GROUP BY 1
        ),
        local AS (
            SELECT *, ({day})::TIMESTAMP AS sent_at, timezone(time_zone, timezone('UTC', sent_at)) AS sent_local,
                CASE hour(sent_local) // 3 {this_part} END AS opens_then
            FROM mails WHERE asked > 0
        )
        SELECT customer_id AS id, (clicks + 0.5) / (sends + 10) AS click_share, (opens + 2) / (sends + 10) AS open_share, sends AS sends_before,
            (opens_then + 0.5) / (opens + 4) AS hour_share, {shares}, sends - sends_older AS sends_30d, clicks AS clicks_before,
            coalesce(date_diff('day', clicked_at, sent_at), 999) AS days_since_click,
            coalesce(date_diff('day', opened_at, sent_at), 999) AS days_since_open,
            coalesce(date_diff('day', bought.at, sent_at), 999) AS days_since_order, coalesce(bought.orders, 0) AS orders_before,
            lpad((hour(sent_local) // 3 * 3)::VARCHAR, 2, '0') || '-' || lpad((hour(sent_local) // 3 * 3 + 3)::VARCHAR, 2, '0') AS hour_local,
            isodow(sent_local)::VARCHAR AS weekday, 0.0 AS happened
        FROM local LEFT JOIN bought USING (customer_id)
        ORDER BY 1
        """,
        (*NUMBERS, *HOUR_SHARES, "hour_local", "weekday"),
    )


def _query(asked: str, as_of: date, sends: str = MART_SENDS) -> str:
    def since(kind: str, column: str, table: str, condition: str) -> str:
        return (
            f"{kind} AS (SELECT customer_id, {column} AS at, sum(count(*)) OVER (PARTITION BY customer_id ORDER BY {column}) AS n "
            f"FROM {table} WHERE customer_id IS NOT NULL AND {column} < DATE '{as_of}' + 1 AND {condition} GROUP BY 1, 2)"
        )

    return f"""
        WITH asked AS ({asked}),
        {since("sends", "sent_at", sends, "NOT is_bounced")},
        {since("opens", "first_opened_at", sends, "true")},
        {since("clicks", "first_clicked_at", sends, "true")},
        {since("bought", "ordered_at", "marts.orders", "NOT is_credit_note AND customer_id IN (SELECT customer_id FROM asked)")},
        zoned AS (
            SELECT asked.*, coalesce(time_zone, 'UTC') AS time_zone, date_trunc('day', sent_at) AS day
            FROM asked LEFT JOIN marts.customer_enrichment USING (customer_id)
        ),
        opened AS (
            SELECT customer_id, opens.at AS opened_at, coalesce(time_zone, 'UTC') AS time_zone, date_trunc('day', opens.at) AS day
            FROM opens LEFT JOIN marts.customer_enrichment USING (customer_id)
        ),
        clocks AS ({_clocks("SELECT time_zone, day FROM zoned UNION SELECT time_zone, day FROM opened")}),
        local AS (
            SELECT zoned.*, {_by_the_clock("sent_at")} AS sent_local, hour(sent_local) // 3 AS part_of_day
            FROM zoned LEFT JOIN clocks USING (time_zone, day)
        ),
        opens_by_part AS (
            SELECT customer_id, hour({_by_the_clock("opened_at")}) // 3 AS part_of_day, opened_at AS at,
                count(*) OVER (PARTITION BY customer_id, part_of_day ORDER BY opened_at) AS n
            FROM opened LEFT JOIN clocks USING (time_zone, day)
        )
        SELECT local.id, local.customer_id, (coalesce(clicks.n, 0) + 0.5) / (coalesce(sends.n, 0) + 10) AS click_share,
            (coalesce(opens.n, 0) + 2) / (coalesce(sends.n, 0) + 10) AS open_share, coalesce(sends.n, 0) AS sends_before,
            (coalesce(opens_by_part.n, 0) + 0.5) / (coalesce(opens.n, 0) + 4) AS hour_share,
            coalesce(sends.n, 0) - coalesce(month.n, 0) AS sends_30d, coalesce(clicks.n, 0) AS clicks_before,
            coalesce(date_diff('day', clicks.at, local.sent_at), 999) AS days_since_click,
            coalesce(date_diff('day', opens.at, local.sent_at), 999) AS days_since_open,
            coalesce(date_diff('day', bought.at, local.sent_at), 999) AS days_since_order, coalesce(bought.n, 0) AS orders_before,
            lpad((hour(sent_local) // 3 * 3)::VARCHAR, 2, '0') || '-' || lpad((hour(sent_local) // 3 * 3 + 3)::VARCHAR, 2, '0') AS hour_local,
            isodow(sent_local)::VARCHAR AS weekday, local.sent_at::DATE - DATE '1970-01-01' AS sent_day,
            coalesce(is_clicked, false)::INTEGER::DOUBLE AS happened
        FROM local
        ASOF LEFT JOIN sends ON local.customer_id = sends.customer_id AND local.sent_at > sends.at
        ASOF LEFT JOIN sends AS month ON local.customer_id = month.customer_id AND local.sent_at - INTERVAL 30 DAY > month.at
        ASOF LEFT JOIN opens ON local.customer_id = opens.customer_id AND local.sent_at > opens.at
        ASOF LEFT JOIN opens_by_part ON local.customer_id = opens_by_part.customer_id AND local.part_of_day = opens_by_part.part_of_day
            AND local.sent_at > opens_by_part.at
        ASOF LEFT JOIN clicks ON local.customer_id = clicks.customer_id AND local.sent_at > clicks.at
        ASOF LEFT JOIN bought ON local.customer_id = bought.customer_id AND local.sent_at > bought.at
        ORDER BY local.id
        """


def _clocks(days: str) -> str:
    """Return a query of how far ahead of UTC each zone's clock is at both ends of days: to ask for every moment takes most of the time."""
    return f"""
        SELECT time_zone, day, timezone(time_zone, timezone('UTC', day)) - day AS ahead_at_start,
            timezone(time_zone, timezone('UTC', day + INTERVAL 1 DAY)) - (day + INTERVAL 1 DAY) AS ahead_at_end
        FROM (SELECT DISTINCT time_zone, day FROM ({days}))
        """


def _by_the_clock(moment: str) -> str:
    """Return an expression of a moment (UTC) by the clock of `time_zone`, its day being joined with :func:`_clocks`."""
    return (
        f"CASE WHEN ahead_at_start = ahead_at_end THEN {moment} + ahead_at_start "
        f"ELSE timezone(time_zone, timezone('UTC', {moment})) END"
    )


def _split(con: duckdb.DuckDBPyConnection, as_of: date) -> Split:
    tested_on = as_of - timedelta(days=ANSWER_DAYS)
    trained_on = tested_on - timedelta(days=TESTED_DAYS)
    first = trained_on - timedelta(days=TRAINED_DAYS)
    # What was known when a message was sent is the same on whichever later day one looks back, and so is what came of it within the week.
    sends = send_features(con, first, tested_on, as_of, sample_of(con, MART_SENDS, most=EXAMPLES))
    sent = sends.columns["sent_day"]
    # The week between is left out: its answers came when the later messages were already under way.
    return Split(
        sends.where(sent <= day_number(trained_on) - ANSWER_DAYS),
        sends.where(sent > day_number(trained_on)),
        trained_on,
        tested_on,
    )


RESPONSE = Recipe(
    score="email_click",
    horizon_days=ANSWER_DAYS,
    numbers=NUMBERS,
    levels=("hour_local", "weekday"),
    split=_split,
    now=next_sends,
    plain="click_share",
    is_watched=False,
)


def at_hour(examples: Examples, hour: str) -> Examples:
    """Return the same messages as if sent in these three hours, on a weekday that says nothing."""
    columns = {
        **examples.columns,
        "hour_share": examples.columns[f"hour_share_{hour}"],
        "hour_local": np.full(len(examples), hour, dtype=object),
    }
    return replace(examples, columns=columns)
