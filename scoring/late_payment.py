"""M04, paying late: the chance that an invoice is paid later than 0, 30 or 60 days after it is due.

In: invoices with when they were issued, due and settled. How: what was known on the day an invoice was issued (its amount and terms,
and the customer's invoices settled by then, after Zeng et al. 2008, "Using predictive analysis to improve invoice-to-cash collection"),
fitted on invoices whose outcome was known by the cut and judged on invoices issued after it, against the customer's own smoothed share
of late invoices. A credit is nobody's debt and is left out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import duckdb
import numpy as np

from scoring.features import EXAMPLES, Examples, day_number, examples_of, sample_of
from scoring.recipes import Recipe, Split
from warehouse.duck import of_all

#: Days past due after which an invoice counts as late.
LATE_DAYS = (0, 30, 60)
#: Which share of the invoices whose outcome is known, by the day they were issued, is learnt from; the rest is judged by.
TRAINED_SHARE = 0.7

FEATURES = (
    "late_share", "mean_late_days", "last_late_days", "longest_late_days", "late_amount_share", "settled_count", "open_count", "overdue_count",
    "mean_late_days_of_all", "amount", "amount_to_usual", "terms_days", "known_days", "issued_day_of_month", "due_weekday",
)  # fmt: skip

INVOICES = "marts.invoices"
MART_INVOICES = (
    f"(SELECT invoice_id, customer_id, amount_usd AS amount, invoiced_date, due_date, paid_date FROM {INVOICES} "
    "WHERE customer_id IS NOT NULL AND amount > 0 AND NOT (status = 'paid' AND paid_date IS NULL))"
)


def invoice_features(con: duckdb.DuckDBPyConnection, as_of: date, invoices: str, which: str) -> Examples:
    """Return invoices with what was known on the day each was issued; :func:`paid_late` tells what happened to them.

    Point in time: a settlement counts from the day after it, of an invoice that was issued by then; nothing after the day of issue enters, so
    that what was known is the same on whichever later day one looks back.

    Args:
        con: where the invoices are.
        as_of: the last day that is known.
        invoices: a relation of `invoice_id`, `customer_id`, `amount`, `invoiced_date`, `due_date`, `paid_date`.
        which: `invoices` for those of the relation, `customers` for one to come per customer: issued on `as_of`, of the customer's
            mean amount and terms, its id being the customer's.
    """
    day = f"DATE '{as_of.isoformat()}'"
    asked = {
        "invoices": "SELECT invoice_id AS id, customer_id, amount, invoiced_date, due_date, settled_date FROM known",
        "customers": f"SELECT customer_id AS id, customer_id, avg(amount) AS amount, {day} AS invoiced_date, "
        f"{day} + median(due_date - invoiced_date)::INTEGER AS due_date, NULL::DATE AS settled_date FROM known GROUP BY customer_id",
    }[which]
    return examples_of(
        con,
        f"""
        WITH known AS (
            SELECT invoice_id, customer_id, amount::DOUBLE AS amount, invoiced_date, due_date,
                CASE WHEN paid_date <= {day} THEN paid_date END AS settled_date
            FROM {invoices} WHERE invoiced_date <= {day}
        ),
        settled AS (
            SELECT customer_id, known_date, count(*) OVER so_far AS settled_count, sum((late > 0)::INTEGER) OVER so_far AS late_count,
                avg(late) OVER so_far AS mean_late_days, last_value(late) OVER so_far AS last_late_days, max(late) OVER so_far AS longest_late_days,
                sum(CASE WHEN late > 0 THEN amount ELSE 0 END) OVER so_far / nullif(sum(amount) OVER so_far, 0) AS late_amount_share
            FROM (
                SELECT *, greatest(settled_date - due_date, 0) AS late, greatest(settled_date, invoiced_date) AS known_date
                FROM known WHERE settled_date IS NOT NULL
            )
            WINDOW so_far AS (PARTITION BY customer_id ORDER BY known_date, invoice_id ROWS UNBOUNDED PRECEDING)
            QUALIFY row_number() OVER (PARTITION BY customer_id, known_date ORDER BY invoice_id DESC) = 1
        ),
        of_all AS (
            SELECT known_date, avg(is_late) OVER so_far AS late_share, avg(late) OVER so_far AS mean_late_days
            FROM (
                SELECT greatest(paid_date, invoiced_date) AS known_date, avg((paid_date > due_date)::INTEGER) AS is_late,
                    avg(greatest(paid_date - due_date, 0)) AS late
                FROM {invoices.replace(INVOICES, of_all(con, INVOICES))} WHERE invoiced_date <= {day} AND paid_date <= {day} GROUP BY 1
            )
            WINDOW so_far AS (ORDER BY known_date ROWS UNBOUNDED PRECEDING)
        ),
        issued AS (
            SELECT customer_id, invoiced_date AS on_date, count(*) OVER so_far AS issued_count, avg(amount) OVER so_far AS mean_amount,
                min(invoiced_date) OVER (PARTITION BY customer_id) AS first_date
            FROM known
            WINDOW so_far AS (PARTITION BY customer_id ORDER BY invoiced_date, invoice_id ROWS UNBOUNDED PRECEDING)
            QUALIFY row_number() OVER (PARTITION BY customer_id, invoiced_date ORDER BY invoice_id DESC) = 1
        ),
        -- An invoice is overdue from the day after it is due until it is settled.
        overdue AS (
            SELECT customer_id, on_date, sum(change) OVER (PARTITION BY customer_id ORDER BY on_date ROWS UNBOUNDED PRECEDING) AS overdue_count
            FROM (
                SELECT customer_id, on_date, sum(change) AS change
                FROM (
                    SELECT customer_id, due_date + 1 AS on_date, 1 AS change FROM known WHERE settled_date IS NULL OR settled_date > due_date
                    UNION ALL
                    SELECT customer_id, settled_date, -1 FROM known WHERE settled_date > due_date
                )
                GROUP BY ALL
            )
        ),
        asked AS ({asked})
        SELECT asked.id, asked.customer_id,
            (coalesce(settled.late_count, 0) + 2 * coalesce(of_all.late_share, 0.25)) / (coalesce(settled.settled_count, 0) + 2) AS late_share,
            settled.mean_late_days, settled.last_late_days, settled.longest_late_days, settled.late_amount_share,
            coalesce(settled.settled_count, 0) AS settled_count,
            coalesce(issued.issued_count, 0) - coalesce(settled.settled_count, 0) AS open_count, coalesce(overdue.overdue_count, 0) AS overdue_count,
            of_all.mean_late_days AS mean_late_days_of_all, asked.amount,
            asked.amount / nullif(coalesce(issued.mean_amount, asked.amount), 0) AS amount_to_usual,
            asked.due_date - asked.invoiced_date AS terms_days, asked.invoiced_date - coalesce(issued.first_date, asked.invoiced_date) AS known_days,
            asked.invoiced_date - DATE '1970-01-01' AS issued_day, asked.due_date - DATE '1970-01-01' AS due_day,
            day(asked.invoiced_date) AS issued_day_of_month, isodow(asked.due_date) AS due_weekday,
            asked.settled_date - asked.due_date AS paid_after_due_days, NULL::DOUBLE AS happened
        FROM asked
        ASOF LEFT JOIN settled ON asked.customer_id = settled.customer_id AND asked.invoiced_date > settled.known_date
        ASOF LEFT JOIN of_all ON asked.invoiced_date > of_all.known_date
        ASOF LEFT JOIN issued ON asked.customer_id = issued.customer_id AND asked.invoiced_date > issued.on_date
        ASOF LEFT JOIN overdue ON asked.customer_id = overdue.customer_id AND asked.invoiced_date >= overdue.on_date
        ORDER BY asked.id
        """,
        (*FEATURES, "issued_day", "due_day", "paid_after_due_days"),
    )


def paid_late(invoices: Examples, as_of: date, late_days: int) -> Examples:
    """Return invoices with whether each was settled later than so many days after it was due, as known at the end of a day.

    One that is not settled is late once the days have passed; before, nobody knows.
    """
    paid_after, overdue = invoices.columns["paid_after_due_days"], day_number(as_of) - invoices.columns["due_day"]
    happened = np.where(np.isnan(paid_after), np.where(overdue > late_days, 1.0, np.nan), paid_after > late_days)
    return replace(invoices, happened=happened)


def late_recipe(
    late_days: int,
    invoices: str = MART_INVOICES,
    subject: str = "customers",
    looked_up: dict[date, Examples] | None = None,
) -> Recipe:
    """Return the recipe of paying later than so many days after an invoice is due.

    Args:
        late_days: 0, 30 or 60.
        invoices: see :func:`invoice_features`.
        subject: who gets a score: each of the `customers` for an invoice to come, or the `invoices` that are open.
        looked_up: where recipes of other days put what was known of the same invoices, so that it is looked up once for all.
    """

    return Recipe(
        score="pay_late" if late_days == 0 else f"pay_late_{late_days}d",
        horizon_days=late_days,
        numbers=FEATURES,
        split=lambda con, as_of: split_by_day(con, as_of, late_days, invoices, looked_up),
        now=lambda con, as_of: paid_late(invoice_features(con, as_of, invoices, subject), as_of, late_days),
        plain="late_share",
        is_watched=subject == "invoices",
    )


def split_by_day(
    con: duckdb.DuckDBPyConnection,
    as_of: date,
    late_days: int,
    invoices: str,
    looked_up: dict[date, Examples] | None = None,
) -> Split:
    """Return invoices whose outcome was known by the cut, and those issued after it whose outcome is known by `as_of`.

    Those settled at once are known sooner than those that are late, so an invoice takes part only when both could be known.
    """
    day = f"DATE '{as_of.isoformat()}'"
    invoices = sample_of(con, invoices, most=EXAMPLES)
    cut: date | None = con.execute(
        f"SELECT quantile_disc(invoiced_date, {TRAINED_SHARE}) FROM {invoices} WHERE invoiced_date <= {day} AND due_date + {late_days} < {day}"
    ).fetchall()[0][0]
    cut = cut or as_of
    looked_up = {} if looked_up is None else looked_up
    if as_of not in looked_up:
        looked_up[as_of] = invoice_features(con, as_of, invoices, "invoices")
    # What became of those whose days had passed by the cut was known then, if not when they were paid.
    known = paid_late(looked_up[as_of], as_of, late_days)
    passed, issued = known.columns["due_day"] + late_days, known.columns["issued_day"]
    return Split(
        known.where((issued <= day_number(cut)) & (passed < day_number(cut))),
        known.where((issued > day_number(cut)) & (passed < day_number(as_of))),
        cut,
        as_of,
    )
