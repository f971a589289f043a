"""Models of a large company learn from whole customers of it, the same ones each time."""

from __future__ import annotations

import duckdb
import pytest

from scoring import features
from scoring.features import sample_of

ORDERS = "(SELECT 'C' || (i // 4) AS customer_id, i AS order_id FROM range(40000) AS t (i))"


@pytest.fixture
def con():
    connection = duckdb.connect()
    yield connection
    connection.close()


def test_a_company_of_usual_size_is_learnt_from_whole(con):
    assert sample_of(con, ORDERS) == ORDERS


def test_of_a_large_one_whole_customers_stay_about_as_many_as_asked_for(con, monkeypatch):
    monkeypatch.setattr(features, "LEARNT_FROM", 10_000)
    sample = sample_of(con, ORDERS)
    rows, customers = con.execute(f"SELECT count(*), count(DISTINCT customer_id) FROM {sample}").fetchall()[0]
    assert rows == 4 * customers and 9_000 < rows < 11_000
    # Who is in it depends on the id alone: a larger company keeps whom a sample of the same share had.
    larger = ORDERS.replace("range(40000)", "range(39000)")
    before = con.execute(f"SELECT DISTINCT customer_id FROM {sample_of(con, larger)}").fetchall()
    after = con.execute(f"SELECT DISTINCT customer_id FROM {sample}").fetchall()
    assert set(before) <= set(after)
