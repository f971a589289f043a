"""The copy for those who may not see people: nobody can be told from it, and what is counted stays countable."""

from __future__ import annotations

import hashlib
import hmac
import stat

import duckdb
import pytest

from privacy.masked import declared, pseudonym_key, write_masked
from warehouse.settings import settings


@pytest.fixture
def copy(in_finished, tmp_path, monkeypatch):
    monkeypatch.setenv("CDP_HASH_KEY", "a key of the tests")
    write_masked(tmp_path / "masked.duckdb")
    con = duckdb.connect(str(tmp_path / "masked.duckdb"), read_only=True)
    con.execute(f"ATTACH '{settings().published_file}' AS cdp (READ_ONLY)")
    yield con
    con.close()


def test_no_identifier_of_anybody_is_in_any_column(copy):
    kinds = ("email", "phone", "tax_id", "street")
    known = "SELECT DISTINCT value FROM cdp.identity.profile_values WHERE attribute = ? AND length(value) > 5"
    values = {kind: {r[0] for r in copy.execute(known, [kind]).fetchall()} for kind in kinds}
    # A surname alone may be a city's name; both together are somebody.
    values["name"] = {
        r[0]
        for r in copy.execute(
            "SELECT given_name || ' ' || surnames FROM cdp.marts.customers WHERE surnames IS NOT NULL"
        ).fetchall()
    }
    found = []
    for schema, table, column in copy.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'masked' AND data_type LIKE 'VARCHAR%'"
    ).fetchall():
        told = {
            r[0]
            for r in copy.execute(
                f'SELECT DISTINCT "{column}"::VARCHAR FROM masked."{schema}"."{table}" WHERE "{column}" IS NOT NULL'
            ).fetchall()
        }
        found += [f"{schema}.{table}.{column}: {kind}" for kind, known in values.items() if told & known]
        found += [
            f"{schema}.{table}.{column}: an address"
            for text in told
            if "@" in text and not text.endswith("@empresa.example")
        ]
    assert sorted(set(found)) == []


def test_a_value_has_one_pseudonym_that_needs_the_key(copy):
    email, shown = copy.execute(
        "SELECT c.email, m.email FROM cdp.marts.customers AS c JOIN masked.marts.customers AS m USING (customer_id) WHERE c.email IS NOT NULL LIMIT 1"
    ).fetchall()[0]
    assert shown == hmac.new(b"a key of the tests", email.lower().encode(), hashlib.sha256).hexdigest()


def test_what_is_counted_stays(copy):
    for sql in (
        "SELECT count(*), sum(lifetime_revenue_usd), count(email), count(DISTINCT email) FROM {}.marts.customers",
        "SELECT count(*) FROM {}.marts.orders",
    ):
        assert copy.execute(sql.format("cdp")).fetchall() == copy.execute(sql.format("masked")).fetchall()
    assert copy.execute(
        "SELECT comment FROM duckdb_columns() WHERE database_name = 'masked' AND column_name = 'orders_count' LIMIT 1"
    ).fetchall()[0][0]
    assert copy.execute(
        "SELECT count(*) FROM masked.marts.customers WHERE birth_date <> date_trunc('year', birth_date)"
    ).fetchall() == [(0,)]


def test_a_key_is_made_once_and_read_by_its_owner_alone(workspace):
    first = pseudonym_key()
    assert pseudonym_key() == first and len(first) == 64
    assert stat.S_IMODE((settings().state / "pseudonym.key").stat().st_mode) == 0o600


def test_every_masked_name_is_of_a_column_that_is_published(copy):
    columns = {
        r[0]
        for r in copy.execute(
            "SELECT DISTINCT column_name FROM duckdb_columns() WHERE database_name = 'cdp'"
        ).fetchall()
    }
    rules = declared()
    assert {*rules.pseudonym, *rules.year, *rules.prefix, *rules.emptied} <= columns
    tables = {
        f"{s}.{t}"
        for s, t in copy.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'cdp'"
        ).fetchall()
    }
    assert set(rules.left_out) <= tables
