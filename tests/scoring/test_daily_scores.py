"""Value, micro segments and demand on companies with known habits; the training that goes by the week."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from scoring import demand, micro_segments, responses
from scoring.daily import as_of_date
from scoring.demand import demand_now, train_demand
from scoring.micro_segments import TRAITS, micro_segments_now, train_micro_segments
from scoring.value import season, train_value, value_now
from warehouse.duck import connect
from warehouse.settings import settings

LAST = date(2026, 10, 31)


def table(con, name, **columns):
    con.register("made", pa.table(columns))
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
    con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM made")
    con.unregister("made")


def orders(con, customers=600, days=700, per_order=lambda rng, c: 20.0 + 10 * (c % 5)):
    rng = random.Random(5)
    found = []
    for customer in range(customers):
        rate, leaves = rng.gammavariate(1.2, 1 / 30), rng.betavariate(1, 6)
        at = LAST - timedelta(days=rng.randint(100, days))
        while at <= LAST:
            found.append((f"C{customer}", at, per_order(rng, customer)))
            if rng.random() < leaves:
                break
            at += timedelta(days=1 + int(rng.expovariate(rate)))
    ids, dates, amounts = zip(*found, strict=True)
    table(
        con, "marts.orders", customer_id=ids, order_date=dates, revenue_usd=amounts, is_credit_note=[False] * len(ids)
    )


def test_value_is_published_when_it_ranks_better_than_the_run_rate(workspace):
    con = connect()
    orders(con)
    made = train_value(con, LAST)
    found = value_now(con, LAST)

    assert made["reason"] == "" and made["quality"]["spearman"] > made["baseline"]["spearman"]
    assert 0.7 < made["quality"]["total_of_actual"] < 1.4
    revenue = np.array(found["predicted_revenue_90d"].to_pylist())
    assert found.num_rows == 600 and (revenue >= 0).all() and revenue.std() > 0
    assert all(0 <= p <= 1 for p in found["alive_probability"].to_pylist())


def test_few_customers_have_no_predicted_value_but_a_reason(workspace):
    con = connect()
    orders(con, customers=30)
    found = value_now(con, LAST)
    assert set(found["predicted_revenue_90d"].to_pylist()) == {None}
    assert "not enough repeat customers" in found["reason"].to_pylist()[0]


def test_a_season_is_known_whole_in_part_or_not_at_all(workspace):
    con = connect()
    days = [LAST - timedelta(days=n) for n in range(800)]
    table(con, "marts.orders", customer_id=["C1"] * 800, order_date=days, is_credit_note=[False] * 800,
          revenue_usd=[30.0 if d.month in (11, 12) else 10.0 for d in days])  # fmt: skip
    index, whence = season(con, LAST, 60)
    assert (
        index == pytest.approx(30 * 365 / (61 * 30 + 304 * 10), rel=0.02) and whence == "the same days a year earlier"
    )
    con.execute("DELETE FROM marts.orders WHERE order_date < DATE '2025-12-10'")
    index, whence = season(con, LAST, 60)
    assert whence == "21 of the same 60 days a year earlier, the rest is not known" and index > 2
    con.execute("DELETE FROM marts.orders WHERE order_date < DATE '2026-01-10'")
    assert season(con, LAST, 60) == (1.0, "not known: the history is shorter than a year")


def customers(con, n=900):
    """Half buy often and little, half seldom and much; prospects are all alike."""
    rng = np.random.default_rng(2)
    often = np.arange(n) % 2 == 0
    count = np.where(often, rng.poisson(30, n) + 10, rng.poisson(2, n) + 1)
    revenue = np.where(often, count * rng.normal(8, 1, n), count * rng.normal(400, 30, n))
    ids = [f"C{i:04d}" for i in range(n)]
    table(con, "intermediate.int_customers__facts", customer_id=ids, as_of_date=[LAST] * n, orders_count=count,
          lifetime_revenue_usd=revenue, last_order_days=rng.integers(1, 60, n))  # fmt: skip
    table(con, "segments.macro_segments", customer_id=ids, lifecycle=["active"] * (n - 50) + ["new"] * 50)
    table(con, "metrics.customer_activity", customer_id=ids, days_ago=[0] * n, web_visits_90d=rng.poisson(3, n),
          email_clicks_90d=rng.poisson(1, n), tickets_90d=[0] * n)  # fmt: skip
    return ids, often


def test_groups_that_are_there_are_found_and_those_that_are_not_are_one(workspace):
    con = connect()
    ids, often = customers(con)
    made = train_micro_segments(con, LAST)
    found = micro_segments_now(con, LAST).to_pylist()
    by_id = {row["customer_id"]: row for row in found}

    assert len(made["model"]["active"]["centres"]) >= 2 and made["model"]["active"]["stability"] >= 0.8
    assert len(made["model"]["new"]["centres"]) == 1
    groups = {
        kind: {by_id[i]["micro_segment"] for i, o in zip(ids[:850], often[:850], strict=True) if o == kind}
        for kind in (True, False)
    }
    assert not groups[True] & groups[False]
    assert "orders" in by_id[ids[0]]["traits_above"]


def test_noise_is_no_segment(workspace):
    con = connect()
    ids, _ = customers(con)
    rng = np.random.default_rng(9)
    n = len(ids)

    def noise():
        return rng.lognormal(5, 0.2, n)

    table(con, "intermediate.int_customers__facts", customer_id=ids, as_of_date=[LAST] * n, orders_count=noise(),
          lifetime_revenue_usd=noise() * 99, last_order_days=noise())  # fmt: skip
    table(con, "metrics.customer_activity", customer_id=ids, days_ago=[0] * n, web_visits_90d=noise(), email_clicks_90d=noise(),
          tickets_90d=noise())  # fmt: skip
    assert all(len(group["centres"]) == 1 for group in train_micro_segments(con, LAST)["model"].values())
    assert len(TRAITS) == 7


def demand_company(con, level):
    """Two years of weekly units of one product, made by `level(week number, rng)`."""
    rng = np.random.default_rng(4)
    weeks = [date(2024, 11, 4) + timedelta(days=7 * n) for n in range(103)]
    units = [max(round(level(n, rng)), 0) for n in range(103)]
    table(con, "marts.order_lines", product_id=["P1"] * 103, order_date=weeks, quantity=[float(u) for u in units])
    table(con, "marts.products", product_id=["P1"], sku=["s1"])
    con.execute("CREATE SCHEMA IF NOT EXISTS intermediate")
    con.execute(
        "CREATE OR REPLACE TABLE intermediate.int_web_events__unioned (sku VARCHAR, event_name VARCHAR, occurred_at TIMESTAMP)"
    )
    con.execute("CREATE OR REPLACE TABLE marts.leads (created_at TIMESTAMP)")
    con.execute(
        "CREATE OR REPLACE TABLE marts.product_stock_daily (product_id VARCHAR, stock_date DATE, stock_quantity DOUBLE)"
    )
    return weeks, units


def test_growth_is_forecast_better_than_by_the_mean_of_eight_weeks(workspace):
    con = connect()
    demand_company(con, lambda n, rng: 20 + 3 * n + rng.normal(0, 2))
    found = demand_now(con, LAST).to_pylist()

    assert len(found) == demand.WEEKS_AHEAD and all(row["reason"] is None for row in found)
    assert all(row["wape"] < row["plain_wape"] and row["forecast_units"] > row["usual_units"] for row in found)
    assert found[0]["week"] == date(2026, 10, 26)


def test_noise_is_not_forecast_and_the_plain_way_stays(workspace):
    con = connect()
    demand_company(con, lambda n, rng: rng.poisson(12))
    found = demand_now(con, LAST).to_pylist()
    judged = train_demand(con, LAST)["model"]["P1"]

    assert judged["wape"] > judged["plain_wape"] * 0.9
    assert all((row["forecast_units"] is None) == bool(judged["reason"]) for row in found)
    assert all(row["usual_units"] > 5 for row in found)


def test_what_is_told_of_weeks_ahead_knows_nothing_of_them():
    rng = np.random.default_rng(6)
    units, signals = rng.poisson(30, 80).astype(float), rng.poisson(9, (80, 2)).astype(float)
    backs = range(0, demand.WEEKS_AHEAD * (demand.ORIGINS + 1), demand.WEEKS_AHEAD)
    for told in (lambda u: demand._by_smoothing(u, backs), lambda u: demand._by_signals(u, signals, backs)):
        before = told(units)
        for back in backs[1:]:
            later = units.copy()
            later[len(units) - back :] += 500
            after = told(later)
            assert all(np.array_equal(before[b], after[b]) for b in backs if b >= back), back
            assert not np.allclose(before[0], after[0])


def test_weeks_ahead_by_signals_are_those_of_the_librarys_ridge():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(7)
    units, signals = rng.poisson(30, 60).astype(float), rng.poisson(9, (60, 2)).astype(float)
    told = demand._by_signals(units, signals, range(0, 9, 4))
    known = np.log1p(np.vstack([np.zeros((4, 3)), np.column_stack([units, signals])]))
    for back, ahead in told.items():
        end = 60 - back
        assert ahead == pytest.approx(Ridge(alpha=1.0).fit(known[:end], units[:end]).predict(known[end : end + 4]))


def test_weeks_without_stock_are_no_weeks_without_demand(workspace):
    con = connect()
    weeks, _ = demand_company(con, lambda n, rng: 0 if n in (98, 99, 100) else 40)
    con.register("gone", pa.table({"d": weeks[98:101]}))
    con.execute("INSERT INTO marts.product_stock_daily SELECT 'P1', d, 0 FROM gone")
    assert demand_now(con, LAST).to_pylist()[0]["usual_units"] == 40


def test_micro_segments_of_a_lifecycle_that_is_new_are_one_group(workspace):
    con = connect()
    customers(con)
    micro_segments_now(con, LAST)
    con.execute("UPDATE segments.macro_segments SET lifecycle = 'lapsed' WHERE customer_id = 'C0001'")
    found = {
        row["customer_id"]: row["micro_segment"] for row in micro_segments.micro_segments_now(con, LAST).to_pylist()
    }
    assert found["C0001"] == "lapsed 1"


def test_a_message_to_come_is_known_as_well_as_one_that_was_sent(in_finished):
    """The short way of counting for all customers at once says what the way that looks at each moment would say."""
    with connect(settings().working_file, read_only=True) as con:
        day = as_of_date(con)
        con.execute(
            "CREATE TEMP TABLE mails_and_more AS SELECT engagement_id, customer_id, sent_at, first_opened_at, first_clicked_at, is_bounced "
            f"FROM marts.email_engagement WHERE sent_at < DATE '{day}' + 1 OR sent_at IS NULL"
        )
        con.execute(
            f"INSERT INTO mails_and_more SELECT customer_id, customer_id, DATE '{day}' + 1, NULL, NULL, false FROM mails_and_more "
            f"WHERE customer_id IS NOT NULL AND sent_at < DATE '{day}' + 1 GROUP BY customer_id"
        )
        told = responses.next_sends(con, day)
        looked = responses.send_features(con, day, day + timedelta(days=1), day, "mails_and_more")
    assert len(told) > 100 and list(told.ids) == list(looked.ids)
    for name in (*responses.NUMBERS, *responses.RESPONSE.levels):
        values, found = looked.columns[name], list(told.columns[name])
        assert found == (pytest.approx(list(values)) if name in responses.NUMBERS else list(values)), name
