"""One golden record per customer: each value with its source, record and date, losing values kept.

In: `identity.members`, `identity.records`, `identity/survivorship.yml`. Out: `identity.profile_values`, one row per
customer, attribute and value, ranked; `identity.profiles`, one row per customer with the first of each and with ranked
lists of e-mails and phones; `identity.golden_contents`, what each was made of, by a hash. Of few changes only what changed is written.
"""

from __future__ import annotations

import duckdb

from identity.declared import Survivorship, survivorship_rules
from identity.standardise import WRITTEN_WHOLE_FROM_PCT
from warehouse.duck import count, digest, has_table, quoted
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.steps import StepResult, step

#: To be raised when the same records make another golden record: then all are made anew.
METHOD = 1

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
        _tell_contents(con)
        fault("golden.before_write")
        con.execute("BEGIN")
        if _few_changed(con):
            for table in ("profile_values", "profiles", "golden_contents"):
                con.execute(
                    f"DELETE FROM identity.{table} WHERE customer_id IN (SELECT customer_id FROM changed_customers)"
                )
            con.execute(
                f"INSERT INTO identity.profile_values {_values('SEMI JOIN changed_customers USING (customer_id)')}"
            )
            con.execute(f"INSERT INTO identity.profiles {_profiles('SEMI JOIN changed_customers USING (customer_id)')}")
            con.execute(
                "INSERT INTO identity.golden_contents SELECT * FROM contents_of_customers SEMI JOIN changed_customers "
                "USING (customer_id) ORDER BY 1"
            )
        else:
            con.execute(f"CREATE OR REPLACE TABLE identity.profile_values AS {_values()}")
            con.execute(f"CREATE OR REPLACE TABLE identity.profiles AS {_profiles()}")
            con.execute(
                "CREATE OR REPLACE TABLE identity.golden_contents AS SELECT * FROM contents_of_customers ORDER BY 1"
            )
        con.execute("COMMIT")
        changed = count(con, "changed_customers")
        for made in ("contents_of_customers", "changed_customers"):
            con.execute(f"DROP TABLE {made}")
        result.rows_in = count(con, "identity.members")
        result.rows_out = count(con, "identity.profiles")
        result.facts = {"changed": changed}
    return result


def _tell_contents(con: duckdb.DuckDBPyConnection) -> None:
    """Make `contents_of_customers`, what each customer's golden record is made of, by a hash, and `changed_customers`, whose is not what it was.

    Customers that are no more are among the changed.
    """
    rules = f"'{METHOD} {quoted(survivorship_rules().model_dump_json())}'"
    parts = digest("record_key", "source", "observed_at", *COLUMNS.values())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE contents_of_customers AS SELECT customer_id, count(*) AS records, xor(bit_xor({parts}), {digest(rules)}) "
        "AS content FROM (SELECT customer_id, record_key FROM identity.members) JOIN identity.records USING (record_key) GROUP BY 1"
    )
    known = (
        "FROM identity.golden_contents"
        if has_table(con, "identity", "golden_contents")
        else "SELECT * FROM contents_of_customers WHERE false"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE changed_customers AS SELECT DISTINCT customer_id FROM ((FROM contents_of_customers EXCEPT {known}) "
        f"UNION ALL ({known} EXCEPT FROM contents_of_customers))"
    )


def _few_changed(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether so few golden records changed that only they are written."""
    if not all(has_table(con, "identity", table) for table in ("golden_contents", "profile_values", "profiles")):
        return False
    return count(con, "changed_customers") * 100 <= WRITTEN_WHOLE_FROM_PCT * count(con, "identity.profiles")


def _values(of_whom: str = "") -> str:
    """Return the query of `identity.profile_values`, of all customers or of some."""
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
                FROM (FROM identity.members {of_whom}) AS m JOIN identity.records AS r USING (record_key)
            )
            WHERE value IS NOT NULL GROUP BY customer_id, key
            """
        )
    return f"{' UNION ALL '.join(parts)} ORDER BY customer_id, attribute, rank"


def _profiles(of_whom: str = "") -> str:
    """Return the query of `identity.profiles` from the values that stand, of all customers or of some."""
    firsts = ", ".join(
        f"max(value) FILTER (attribute = '{attribute}' AND rank = 1) AS {attribute}" for attribute in COLUMNS
    )
    return f"""
        SELECT c.customer_id, c.records, c.sources, c.first_seen_at, c.last_seen_at,
            v.* EXCLUDE (customer_id) REPLACE (v.birth_date::DATE AS birth_date)
        FROM (
            SELECT m.customer_id, count(*) AS records, list(DISTINCT r.source ORDER BY r.source) AS sources,
                min(r.observed_at) AS first_seen_at, max(r.observed_at) AS last_seen_at
            FROM (FROM identity.members {of_whom}) AS m JOIN identity.records AS r USING (record_key) GROUP BY 1
        ) AS c
        LEFT JOIN (
            SELECT customer_id, {firsts},
                list(value ORDER BY rank) FILTER (attribute = 'email') AS emails,
                list(value ORDER BY rank) FILTER (attribute = 'phone') AS phones
            FROM identity.profile_values {of_whom} GROUP BY 1
        ) AS v USING (customer_id)
        ORDER BY 1
        """
