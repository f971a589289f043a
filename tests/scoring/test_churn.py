"""A score is published only when it beats its plain baseline later; features know nothing of the future; a model stays until a better comes."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from scoring.churn import churn_recipe
from scoring.features import churn_features
from scoring.recipes import challenge, chances_now, stability_index, train
from scoring.registry import champion, versions
from warehouse.duck import connect

LAST = date(2026, 10, 31)


def orders(con, rhythm, customers=1200):
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    rng = random.Random(3)
    data = []
    for customer in range(customers):
        at = date(2024, 10, 1) + timedelta(days=rng.randint(0, 60))
        while at <= LAST:
            data.append((f"C{customer}", at, 10.0))
            at += timedelta(days=rhythm(rng, customer))
    made = pa.table(dict(zip(("customer_id", "order_date", "revenue_usd"), zip(*data, strict=True), strict=True)))
    con.register("made", made)
    con.execute("CREATE TABLE marts.orders AS SELECT *, false AS is_credit_note FROM made")


def habit(rng, customer):
    return max(1, int(rng.gauss(25 if customer % 2 else 150, 6)))


def test_a_habit_that_can_be_learnt_is_published_with_its_figures(workspace):
    con = connect()
    orders(con, habit)
    made = train(churn_recipe(60), con, LAST)
    scores = chances_now(churn_recipe(60), con, LAST)

    assert made["reason"] == "" and made["quality"]["auc"] > made["baseline"]["auc"]
    assert made["quality"]["brier"] <= made["baseline"]["brier"] and len(made["reliability"]) == 10
    assert scores.num_rows > 500 and all(0 <= v <= 1 for v in scores["value"].to_pylist())
    assert all(1 <= len(b) <= 3 for b in scores["because"].to_pylist())
    assert champion("churn_60d")["version"] == made["version"]


def test_too_few_events_are_no_score_but_a_reason(workspace):
    con = connect()
    orders(con, habit, customers=60)
    scores = chances_now(churn_recipe(60), con, LAST)

    assert scores.num_rows and set(scores["value"].to_pylist()) == {None}
    assert all("not enough events" in why for why in scores["reason"].to_pylist())


def test_luck_is_not_published(workspace):
    con = connect()
    orders(con, lambda rng, c: 1 + int(rng.expovariate(1 / 60)))
    made = train(churn_recipe(30), con, LAST)

    # Everybody buys at one rate and without memory: nothing can be told.
    assert made["quality"]["auc"] < 0.55 and made["reason"]


def test_features_know_nothing_of_the_future(workspace):
    con = connect()
    orders(con, lambda rng, c: rng.randint(5, 90))
    before = churn_features(con, date(2026, 6, 1), 60)
    con.execute("DELETE FROM marts.orders WHERE order_date > DATE '2026-06-01'")
    after = churn_features(con, date(2026, 6, 1), 60)

    assert (before.ids == after.ids).all()
    assert all((before.columns[c] == after.columns[c]).all() for c in before.columns)
    assert not (before.happened == after.happened).all()


def test_a_day_of_the_past_is_not_scored_by_a_model_that_has_seen_later_days(workspace):
    con = connect()
    orders(con, habit)
    chances_now(churn_recipe(60), con, LAST)
    newest = champion("churn_60d")["version"]
    past = chances_now(churn_recipe(60), con, LAST - timedelta(days=90))

    assert set(past["model_version"].to_pylist()) != {newest}
    assert champion("churn_60d")["version"] == newest


def test_a_challenger_that_does_worse_does_not_take_the_place(workspace, monkeypatch):
    con = connect()
    orders(con, habit)
    chances_now(churn_recipe(60), con, LAST)
    before = champion("churn_60d")["version"]
    con.execute("CREATE TABLE good AS FROM marts.orders")
    # What it learns from is spoiled, what it is judged by is not.
    con.execute(
        "UPDATE marts.orders SET order_date = order_date - ((hash(customer_id, order_date) % 80)::INTEGER) WHERE order_date < DATE '2026-07-01'"
    )
    spoiled = train(churn_recipe(60), con, LAST)
    con.execute("DROP TABLE marts.orders; CREATE TABLE marts.orders AS FROM good")
    monkeypatch.setattr("scoring.recipes.train", lambda *_: spoiled)
    told = challenge(churn_recipe(60), con, LAST)

    assert told["won"] is False and told["auc"] < told["champion_auc"]
    assert champion("churn_60d")["version"] == before and len(versions("churn_60d")) == 2


@pytest.mark.parametrize(("moved", "least", "most"), [(0.0, 0.0, 0.02), (2.0, 0.25, 20.0)])
def test_drift_is_measured_against_what_the_model_was_judged_on(moved, least, most):
    from scoring.recipes import parts

    rng = np.random.default_rng(1)
    edges = parts(rng.normal(0, 1, 20_000))
    assert least <= stability_index(edges, rng.normal(moved, 1, 20_000)) <= most
    zeros = parts(np.concatenate([np.zeros(700), rng.normal(5, 1, 300)]))
    assert stability_index(zeros, np.concatenate([np.zeros(700), rng.normal(5, 1, 300)])) < 0.1
