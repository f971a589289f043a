"""A score is published only when it beats its plain baseline on a later period."""

from __future__ import annotations

import random
from datetime import date, timedelta

from scoring.churn import score_churn
from scoring.features import churn_features
from warehouse.duck import connect, count, rows


def orders(con, rhythm):
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    con.execute("CREATE TABLE marts.customers AS SELECT DATE '2026-10-31' AS as_of_date")
    rng = random.Random(3)
    data = []
    for customer in range(1200):
        at = date(2024, 10, 1) + timedelta(days=rng.randint(0, 60))
        while at <= date(2026, 10, 31):
            data.append((f"C{customer}", at, 10.0))
            at += timedelta(days=rhythm(rng, customer))
    con.execute(
        "CREATE TABLE marts.orders (customer_id VARCHAR, order_date DATE, revenue_usd DOUBLE, is_credit_note BOOLEAN DEFAULT false)"
    )
    con.executemany("INSERT INTO marts.orders (customer_id, order_date, revenue_usd) VALUES (?, ?, ?)", data[:20000])


def test_a_habit_that_can_be_learnt_is_published_with_its_card(workspace):
    con = connect()
    orders(con, lambda rng, c: max(1, int(rng.gauss(25 if c % 2 else 150, 6))))
    result = score_churn(con)
    card = rows(con, "SELECT * FROM scores.model_cards")[0]

    assert result.facts["published"] and card["is_published"]
    assert card["model_auc"] > card["baseline_auc"] and card["model_brier"] <= card["baseline_brier"]
    assert count(con, "scores.churn_60d WHERE churn_probability BETWEEN 0 AND 1") > 500


def test_too_few_events_are_no_score(workspace):
    con = connect()
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    con.execute("CREATE TABLE marts.customers AS SELECT DATE '2026-10-31' AS as_of_date")
    con.execute(
        "CREATE TABLE marts.orders AS SELECT 'C1' AS customer_id, DATE '2026-06-01' AS order_date, 1.0 AS revenue_usd, false AS is_credit_note"
    )
    result = score_churn(con)

    assert not result.facts["published"] and count(con, "scores.churn_60d") == 0
    assert "not enough events" in rows(con, "SELECT reason FROM scores.model_cards")[0]["reason"]


def test_features_know_nothing_of_the_future(workspace):
    con = connect()
    orders(con, lambda rng, c: rng.randint(5, 90))
    before = churn_features(con, date(2026, 6, 1), 60)
    con.execute("DELETE FROM marts.orders WHERE order_date > DATE '2026-06-01'")
    after = churn_features(con, date(2026, 6, 1), 60)

    assert before[0] == after[0] and (before[1] == after[1]).all()
    assert not (before[2] == after[2]).all()
