"""Backtests of any table of orders: they beat their baselines on public data and refuse what is no table of orders."""

from __future__ import annotations

import json
from datetime import date, timedelta

import duckdb
import pytest
from click.testing import CliRunner

from cdp import cli
from scoring.backtest_orders import backtest_orders
from warehouse.errors import CdpError


@pytest.fixture(scope="module")
def retail(shared_data, tmp_path_factory):
    """Online Retail without cancellations, one amount a line."""
    path = tmp_path_factory.mktemp("retail") / "retail.parquet"
    lines = shared_data / "analytics" / "online_retail" / "online_retail.parquet"
    duckdb.sql(
        f"COPY (SELECT CustomerID AS customer, InvoiceDate AS at, Quantity * UnitPrice AS amount FROM '{lines}' WHERE InvoiceNo NOT LIKE 'C%' "
        f"AND Quantity > 0 AND UnitPrice > 0) TO '{path}'"
    )
    return path


def test_online_retail_reaches_the_published_quality_and_beats_its_baselines(workspace, retail):
    told = [
        "backtest",
        "--orders",
        str(retail),
        "--customer",
        "customer",
        "--time",
        "at",
        "--amount",
        "amount",
        "--json",
    ]
    said = CliRunner().invoke(cli, told, catch_exceptions=False)
    assert said.exit_code == 0, said.output
    found = json.loads(said.output)
    month, two_months = found["churn"]
    assert (found["customers"], found["last_day"]) == (4338, "2011-12-09")
    assert found["left_out"]["no customer"] > 100_000
    assert month["model"]["auc"] >= 0.70 > month["recency"]["auc"] + 0.04
    assert two_months["model"]["auc"] >= 0.72 > two_months["recency"]["auc"] + 0.04
    assert month["calibration_error"] < 0.08
    value = found["value"][0]
    assert value["model"]["spearman"] >= 0.51 > value["run_rate"]["spearman"]
    assert value["season_from"] == "9 of the same 90 days a year earlier, the rest is not known"
    assert 0.85 <= value["model"]["total_of_actual"] <= 1.15


def test_the_season_is_that_of_a_year_earlier(workspace):
    path = workspace / "orders.csv"
    lines = ["who,when,how_much"]
    for customer in range(60):
        at = date(2024, 1, 1) + timedelta(days=customer % 20)
        while at < date(2026, 1, 1):
            lines.append(f"c{customer},{at},{60 if at.month >= 10 else 20}")
            at += timedelta(days=20 + customer % 7)
    path.write_text("\n".join(lines), encoding="utf-8")
    found = backtest_orders(path, "who", "when", "how_much", (30,))
    value = found.value[0]
    assert value["season_from"] == "the same days a year earlier"
    assert value["season"] == pytest.approx(1.9, abs=0.25)
    assert value["model"]["total_of_actual"] == pytest.approx(1.0, abs=0.15)
    assert "not enough events" in found.churn[0]["reason"]


def test_a_cohort_that_thins_out_is_no_season(workspace, shared_data):
    # Everybody came in the first quarter of 1997: the spring of that year was strong because they were new.
    path = shared_data / "analytics" / "cdnow" / "cdnow_master.csv"
    value = backtest_orders(path, "customer_id", "date", "amount", (30,)).value[0]
    assert value["season_from"] == "the same days a year earlier, without what new customers bought more"
    assert 0.85 <= value["model"]["total_of_actual"] <= 1.15
    assert value["model"]["spearman"] > value["run_rate"]["spearman"] + 0.03


def test_what_happens_later_changes_nothing_of_what_was_known(workspace, retail):
    from scoring import backtest_orders as work
    from scoring.value import histories, season
    from warehouse.duck import connect

    con = connect(":memory:")
    work._read(con, retail, "customer", "at", "amount")
    known_on = date(2011, 9, 10)
    before, index = histories(con, known_on, 90, work.ORDERS), season(con, known_on, 90, work.ORDERS)
    con.execute(f"UPDATE {work.ORDERS} SET amount = amount * 3 WHERE order_date > DATE '2011-09-10'")
    after = histories(con, known_on, 90, work.ORDERS)
    assert all((getattr(before, c) == getattr(after, c)).all() for c in ("ids", "x", "t_x", "t", "mean", "so_far"))
    assert (after.happened > before.happened).any()
    assert season(con, known_on, 90, work.ORDERS) == index
    con.close()


def test_a_wrong_column_or_an_empty_table_is_an_error_in_one_sentence(workspace):
    path = workspace / "orders.csv"
    path.write_text("cliente,fecha,importe\nA,2026-01-01,-5\n,2026-01-02,7\n", encoding="utf-8")
    with pytest.raises(CdpError, match="column 'client' is not in it; did you mean 'cliente'"):
        backtest_orders(path, "client", "fecha", "importe")
    with pytest.raises(CdpError, match="holds no orders: 1 rows with a credit or nothing, 1 rows with no customer"):
        backtest_orders(path, "cliente", "fecha", "importe")
    with pytest.raises(CdpError, match="is not there"):
        backtest_orders(workspace / "none.csv", "a", "b", "c")
