"""Companies behind the records of CRM, ERP and success tool, with ids that last, and who works for them.

In: the bronze tables of `quality.company_tables`, `quality.employer_tables`, `identity.members`. Out: `identity.account_records`
(one row per source record, cleaned), `identity.account_links` (one row per pair that was weighed), `identity.account_members`
(record to account), `identity.account_events` and `identity.account_aliases` (as for customers; ids begin with an A),
`identity.account_shared_identifiers` (those of too many companies),
`identity.accounts` (one row per account, its values by how many records say so) and `identity.customer_accounts` (one row per
customer and account, with the reason). Companies are resolved by the engine that resolves people, by `identity/company.yml`, on a
connection of their own. A layer beside people: it merges nobody.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import polars as pl

from identity import model as model_parts
from identity.cluster import cluster_records
from identity.companies import COMPANY_ROLES, cleaned_companies, write_company_records
from identity.contact_points import PROVIDERS
from identity.customer_ids import assign_account_ids
from identity.declared import resolving
from identity.link import link_records
from identity.source_tables import NO_TABLE, merges_of, source_tables, with_merged
from identity.standardise import mark_shared
from warehouse.duck import connect, count, name
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.steps import StepResult, step

#: Table on the companies' own connection: table of the working file.
KEPT = {
    "records": "account_records", "links": "account_links", "members": "account_members", "customer_events": "account_events",
    "customer_aliases": "account_aliases", "shared_identifiers": "account_shared_identifiers",
}  # fmt: skip
#: A domain whose people work for more accounts than one is a group's, or a landlord's: it says nothing.
MOST_ACCOUNTS_OF_A_DOMAIN = 1


def build_accounts(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.accounts` and the other tables of this module."""
    with step("accounts") as result, edge("identity"), resolving("company"):
        tables = source_tables(con, "company_tables")
        raw = _raw_companies(con)
        side = connect(":memory:")
        try:
            side.execute("CREATE SCHEMA IF NOT EXISTS identity")
            side.register("merged_there", con.sql("SELECT * FROM company_merges").to_arrow_table())
            side.execute("CREATE TABLE identity.source_merges AS SELECT * FROM merged_there")
            side.register("clean_companies", cleaned_companies(raw).to_arrow())
            write_company_records(side, "clean_companies")
            mark_shared(side)
            link_records(side)
            cluster_records(side)
            happened = assign_account_ids(side, model_parts.load_model()["version"])
            found = {
                ours: side.sql(f"SELECT * FROM identity.{theirs}").to_arrow_table() for theirs, ours in KEPT.items()
            }
        finally:
            side.close()
        fault("accounts.before_write")
        con.execute("BEGIN")
        for ours, table in found.items():
            con.register("found_accounts", table)
            # The ids of the engine's tables are accounts' here, and are called so.
            named = [f"{column} AS {column.replace('customer', 'account')}" for column in table.column_names]
            con.execute(f"CREATE OR REPLACE TABLE identity.{ours} AS SELECT {', '.join(named)} FROM found_accounts")
            con.unregister("found_accounts")
        _write_accounts(con)
        _write_customer_accounts(con)
        con.execute("COMMIT")
        result.rows_in = raw.height
        result.rows_out = count(con, "identity.accounts")
        result.facts = {
            "tables": len(tables), "customers": count(con, "(SELECT DISTINCT customer_id FROM identity.customer_accounts)"), **happened,
        }  # fmt: skip
    return result


def train_companies(con: duckdb.DuckDBPyConnection, path: Path | None = None) -> StepResult:
    """Train the company model on the companies at hand, apart from prediction.

    Raises:
        ModelNotTrained: there are too few, or a level stays without numbers.
    """
    from identity.train import train

    with resolving("company"):
        side = connect(":memory:")
        try:
            side.execute("CREATE SCHEMA IF NOT EXISTS identity")
            side.register("clean_companies", cleaned_companies(_raw_companies(con)).to_arrow())
            write_company_records(side, "clean_companies")
            mark_shared(side)
            return train(side, path or model_parts.trained_path())
        finally:
            side.close()


def _raw_companies(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Make `company_merges`; return companies' records as text. Of a table of people and companies, only companies."""
    tables = source_tables(con, "company_tables")
    con.execute(f"CREATE OR REPLACE TEMP TABLE company_merges AS {merges_of(tables) or NO_TABLE}")
    mixed = [table.table for table in tables if "is_company" in table.roles]
    told = with_merged(tables, COMPANY_ROLES, "company_merges") if tables else _nothing()
    listed = ", ".join(f"'{table}'" for table in mixed) or "''"
    found = pl.from_arrow(
        con.sql(
            f"SELECT * FROM ({told}) WHERE source_table NOT IN ({listed}) OR is_company = 'true' ORDER BY record_key"
        ).to_arrow_table()
    )
    assert isinstance(found, pl.DataFrame)
    return found


def _nothing() -> str:
    columns = ("record_key", "source", "source_table", "record_id", "default_country", *COMPANY_ROLES, "is_merged")
    return f"SELECT {', '.join(f'NULL::VARCHAR AS {column}' for column in columns)} WHERE false"


def _write_accounts(con: duckdb.DuckDBPyConnection) -> None:
    """One row per account; of each value the one that most records have; of equals the one not in capitals, the longer, the newer."""
    kept = {
        "account_name": "written_name", "legal_form": "legal_form", "domain": "domain", "phone": "phone_e164", "tax_id": "tax_id",
        "street": "street_as_written", "city": "city_as_written", "postcode": "postcode", "region": "region", "country": "country_code",
    }  # fmt: skip
    by = "n_{0} DESC, ({0} = upper({0})), length({0}) DESC, observed_at DESC NULLS LAST, {0}"
    values = ", ".join(
        f"first({column} ORDER BY {by.format(column)}) FILTER ({column} IS NOT NULL) AS {ours}"
        for ours, column in kept.items()
    )
    counted = ", ".join(
        f"count({column}) OVER (PARTITION BY account_id, {column}) AS n_{column}" for column in kept.values()
    )
    con.execute(
        f"""
        CREATE OR REPLACE TABLE identity.accounts AS
        WITH records AS (
            SELECT m.account_id, r.*, {counted}
            FROM identity.account_members AS m JOIN identity.account_records AS r USING (record_key)
        )
        SELECT account_id, {values}, count(*) AS records, list(DISTINCT source ORDER BY source) AS sources,
            min(observed_at) AS first_seen_at, max(observed_at) AS last_seen_at
        FROM records GROUP BY 1 ORDER BY 1
        """
    )


def _write_customer_accounts(con: duckdb.DuckDBPyConnection) -> None:
    """One row per customer and account: a source says so, or the customer's mailbox is on the account's domain."""
    said = [
        f"SELECT p.customer_id, a.account_id, 'a record of {table} names the company' AS reason, 1 AS rank "
        f"FROM {name('bronze', table)} AS b "
        f"JOIN identity.members AS p ON p.record_key = '{table}:' || {' || chr(124) || '.join(f'b.{name(k)}::VARCHAR' for k in json.loads(key))} "
        f"JOIN identity.account_members AS a ON a.record_key = '{companies}:' || b.{name(account)}::VARCHAR"
        for table, key, account, companies in con.execute(
            "SELECT table_name, key, account, companies FROM quality.employer_tables ORDER BY 1"
        ).fetchall()
    ]
    providers = ", ".join(f"'{provider}'" for provider in PROVIDERS)
    said.append(
        f"""
        SELECT m.customer_id, d.account_id, 'mailbox on the domain of the company', 2
        FROM identity.members AS m JOIN identity.records AS r USING (record_key)
        JOIN (SELECT domain, any_value(account_id) AS account_id FROM identity.accounts WHERE domain IS NOT NULL AND domain NOT IN ({providers})
              GROUP BY 1 HAVING count(*) <= {MOST_ACCOUNTS_OF_A_DOMAIN}) AS d
            ON split_part(r.email_address, '@', 2) = d.domain
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TABLE identity.customer_accounts AS
        SELECT customer_id, account_id, arg_min(reason, (rank, reason)) AS reason
        FROM ({" UNION ALL ".join(said)}) GROUP BY 1, 2 ORDER BY 1, 2
        """
    )
