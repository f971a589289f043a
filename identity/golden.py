"""One golden record per customer: each value with its source, record and date, losing values kept.

In: `identity.members`, `identity.records`, `identity/survivorship.yml`. Out: `identity.profile_values`, one row per
customer, attribute and value, ranked; `identity.profiles`, one row per customer with the first of each and with ranked
lists of e-mails and phones.
"""

from __future__ import annotations

import duckdb

from identity.declared import Survivorship, survivorship_rules
from warehouse.duck import count, quoted
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.steps import StepResult, step

#: Attribute of the golden record: column of `identity.records`.
COLUMNS = {
    "given_name": "given_display",
    "surnames": "surnames_display",
    "email": "CASE WHEN email_kind IN ('person', 'family') THEN email_address END",
    "phone": "phone_e164",
    "tax_id": "tax_id",
    "birth_date": "birth_date",
    "street": "street_as_written",
    "city": "city_as_written",
    "postcode": "postcode",
    "region": "region",
    "country": "country_code",
}


def _order(attribute: str, rules: Survivorship) -> str:
    """Return the ORDER BY that puts the surviving value first; the last terms only make ties repeatable."""
    trusted = " ".join(f"WHEN '{quoted(source)}' THEN {rank}" for rank, source in enumerate(rules.trust))
    terms = {
        "trust": f"min(CASE source {trusted} ELSE 99 END)" if trusted else "0",
        "recent": "max(observed_at) DESC NULLS LAST",
        "frequent": "count(*) DESC",
        "complete": "max(len(string_split(value, ' '))) DESC, max(strlen(value)) DESC",
    }
    return ", ".join([*(terms[rule] for rule in rules.order), "max(observed_at) DESC NULLS LAST", "key", "max(value)"])


def build_golden_profiles(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.profile_values` and `identity.profiles`."""
    with step("golden") as result, edge("identity"):
        parts = []
        for attribute, rules in survivorship_rules().attributes.items():
            # Values that differ only in case or accents are one value; the best-written form of it is shown.
            parts.append(
                f"""
                SELECT customer_id, '{attribute}' AS attribute,
                    arg_max(value, (strlen(value), value)) AS value, count(*) AS records,
                    arg_max(source, (coalesce(observed_at, TIMESTAMP '1900-01-01'), record_key)) AS source,
                    arg_max(record_key, (coalesce(observed_at, TIMESTAMP '1900-01-01'), record_key)) AS record_key,
                    max(observed_at) AS observed_at,
                    row_number() OVER (PARTITION BY customer_id ORDER BY {_order(attribute, rules)}) AS rank
                FROM (
                    SELECT m.customer_id, r.record_key, r.source, r.observed_at, ({COLUMNS[attribute]})::VARCHAR AS value,
                        lower(strip_accents(({COLUMNS[attribute]})::VARCHAR)) AS key
                    FROM identity.members AS m JOIN identity.records AS r USING (record_key)
                )
                WHERE value IS NOT NULL GROUP BY customer_id, key
                """
            )
        fault("golden.before_write")
        con.execute("BEGIN")
        con.execute(
            f"CREATE OR REPLACE TABLE identity.profile_values AS {' UNION ALL '.join(parts)} ORDER BY customer_id, attribute, rank"
        )
        firsts = ", ".join(
            f"max(value) FILTER (attribute = '{attribute}' AND rank = 1) AS {attribute}" for attribute in COLUMNS
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE identity.profiles AS
            SELECT c.customer_id, c.records, c.sources, c.first_seen_at, c.last_seen_at,
                v.* EXCLUDE (customer_id) REPLACE (v.birth_date::DATE AS birth_date)
            FROM (
                SELECT m.customer_id, count(*) AS records, list(DISTINCT r.source ORDER BY r.source) AS sources,
                    min(r.observed_at) AS first_seen_at, max(r.observed_at) AS last_seen_at
                FROM identity.members AS m JOIN identity.records AS r USING (record_key) GROUP BY 1
            ) AS c
            LEFT JOIN (
                SELECT customer_id, {firsts},
                    list(value ORDER BY rank) FILTER (attribute = 'email') AS emails,
                    list(value ORDER BY rank) FILTER (attribute = 'phone') AS phones
                FROM identity.profile_values GROUP BY 1
            ) AS v USING (customer_id)
            ORDER BY 1
            """
        )
        con.execute("COMMIT")
        result.rows_in = count(con, "identity.members")
        result.rows_out = count(con, "identity.profiles")
    return result
