"""Backtests of invoices and labelled tables: habits are learnt, leaks are refused with the reason, bad columns are named."""

from __future__ import annotations

import csv
import json
import random
import re
from datetime import date, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from cdp import cli
from scoring.backtest_tables import _leaks, backtest_invoices, backtest_labelled
from scoring.late_payment import late_recipe
from warehouse.duck import connect
from warehouse.errors import CdpError

NAMES = ("customerID", "InvoiceDate", "DueDate", "SettledDate", "InvoiceAmount")


@pytest.fixture
def invoices(workspace):
    """2,500 invoices of 100 customers: late by habit, and large invoices later; dates as written in the United States."""
    rng = random.Random(4)
    habit = {f"c{n}": rng.choice([0.05, 0.1, 0.3, 0.8]) for n in range(100)}
    path = workspace / "invoices.csv"
    with path.open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(NAMES)
        for _ in range(2500):
            who, amount = f"c{rng.randrange(100)}", rng.lognormvariate(4, 0.8)
            issued = date(2012, 1, 1) + timedelta(days=rng.randrange(700))
            due = issued + timedelta(days=30)
            is_late = rng.random() < min(habit[who] * (0.5 if amount < 55 else 1.5), 0.97)
            paid = due + timedelta(days=rng.randint(1, 45) if is_late else -rng.randint(0, 15))
            out.writerow([who, *(f"{d.month}/{d.day}/{d.year}" for d in (issued, due, paid)), round(amount, 2)])
    return path


def test_paying_late_is_told_from_habits_and_beats_the_share_of_late_invoices(invoices):
    found = backtest_invoices(invoices, *NAMES)
    late, month, two_months = found.judged

    assert found.rows == 2500 and not found.left_out
    assert late["reason"] == "" and late["model"]["auc"] > max(0.75, late["baseline"]["auc"] + 0.01)
    assert month["model"]["auc"] > 0.7
    assert "not enough events" in two_months["reason"]


def test_what_is_settled_later_changes_nothing_of_what_was_known(invoices):
    con = connect(":memory:")
    day = "strptime({}, '%m/%d/%Y')::DATE"
    con.execute(
        f"CREATE TABLE i AS SELECT row_number() OVER () AS invoice_id, customerID AS customer_id, InvoiceAmount AS amount, "
        f"{day.format('InvoiceDate')} AS invoiced_date, "
        f"{day.format('DueDate')} AS due_date, {day.format('SettledDate')} AS paid_date FROM read_csv('{invoices}', all_varchar = true)"
    )
    con.execute("ALTER TABLE i ALTER amount TYPE DOUBLE")
    cut = date(2013, 3, 1)
    before = late_recipe(0, "i", "invoices").now(con, cut)
    con.execute("UPDATE i SET paid_date = paid_date + 200, amount = amount WHERE paid_date > DATE '2013-03-01'")
    con.execute("DELETE FROM i WHERE invoiced_date > DATE '2013-03-01'")
    after = late_recipe(0, "i", "invoices").now(con, cut)
    con.close()

    assert len(before) == len(after) > 1000
    assert all(np.array_equal(before.columns[c], after.columns[c], equal_nan=True) for c in before.columns)
    assert np.array_equal(before.happened, after.happened, equal_nan=True)


def leads(path, rows=2000):
    rng = random.Random(8)
    with path.open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(
            [
                "lead",
                "visits",
                "minutes",
                "origin",
                "Lead Quality",
                "Last Notable Activity",
                "call notes",
                "closed by",
                "Converted",
            ]
        )
        for n in range(rows):
            visits, origin = rng.randint(0, 12), rng.choice(["search", "referral", "ads"])
            chance = min(0.05 + 0.05 * visits + (0.2 if origin == "referral" else 0), 0.95)
            won = rng.random() < chance
            notes = rng.choice(["budget agreed", "signed"]) if won and rng.random() < 0.9 else ""
            out.writerow(
                [
                    f"L{n}",
                    visits,
                    rng.randint(0, 900),
                    origin,
                    "high" if won else "low",
                    "sms",
                    notes,
                    "ana" if won else "",
                    int(won),
                ]
            )
    return path


def test_columns_that_tell_the_outcome_are_refused_with_the_reason(workspace):
    found = backtest_labelled(leads(workspace / "leads.csv"), "Converted")

    assert set(found.used) == {"visits", "minutes", "origin"}
    assert "sales people fill it in" in found.refused["Lead Quality"]
    assert "one value" in found.refused["Last Notable Activity"]
    assert "filled" in found.refused["call notes"]
    assert "written when the lead ends" in found.refused["closed by"]
    assert found.refused["lead"] == "it names the rows"
    assert found.judged[0]["reason"] == "" and 0.65 < found.judged[0]["model"]["auc"] < 0.9


@pytest.mark.parametrize(
    ("column", "is_refused"),
    [("duration", True), ("call_duration_s", True), ("Last contact duration", True), ("contract_duration", False), ("duration_of_contract", False)],
)  # fmt: skip
def test_how_long_a_contact_lasted_is_known_when_it_is_over(column, is_refused):
    assert any(re.search(p["match"], column.lower()) for p in _leaks()["patterns"]) is is_refused


def test_a_leak_can_be_kept_when_a_person_says_so_and_then_shows(workspace):
    path = leads(workspace / "leads.csv")
    told = ["backtest", "--labelled", str(path), "--label", "Converted", "--keep", "Lead Quality", "--json"]
    said = CliRunner().invoke(cli, told, catch_exceptions=False)
    assert json.loads(said.output)["judged"][0]["model"]["auc"] > 0.99


def test_card_holders_pay_late_as_before(workspace, shared_data, figure):
    path = shared_data / "analytics" / "late_payment_taiwan_cards" / "credit_cards.csv"
    found = backtest_labelled(path, "LateSept").judged[0]
    figure(f"Card holders: AUC {found['model']['auc']:.3f}, best single column {found['baseline']['auc']:.3f}")
    assert found["model"]["auc"] > found["baseline"]["auc"] + 0.02 and found["calibration_error"] < 0.03


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (["--orders", "a.csv", "--labelled", "b.csv"], "name one table"),
        (["--invoices", "a.csv", "--customer", "c"], "say which column it is: --issued, --due, --settled, --amount"),
        (["--labelled", "none.csv", "--label", "x"], "none.csv is not there"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(workspace, told, sentence):
    said = CliRunner().invoke(cli, ["backtest", *told])
    assert isinstance(said.exception, CdpError) and sentence in str(said.exception)


def test_a_label_may_name_the_value_that_says_so(workspace):
    path = workspace / "loans.csv"
    rng = np.random.default_rng(3)
    debt = rng.normal(size=1500)
    said = np.where(rng.random(1500) < 1 / (1 + np.exp(1 - debt)), "Bad", "good")
    path.write_text(
        "debt,Status\n" + "\n".join(f"{d:.4f},{s}" for d, s in zip(debt, said, strict=True)), encoding="utf-8"
    )
    found = backtest_labelled(path, "Status=bad").judged[0]
    assert found["events"] == int((said == "Bad").sum()) and found["reason"] == "debt alone is as good"
    with pytest.raises(
        CdpError,
        match=r"'Status' says that it happened or not.*--label \"Status=VALUE\" names.*'good' \([\d,]+\), 'Bad' \([\d,]+\)",
    ):
        backtest_labelled(path, "Status")
    with pytest.raises(CdpError, match="no row, or every row, has 'worse' as 'Status'"):
        backtest_labelled(path, "Status=worse")
    # What may be somebody's own is counted, not quoted.
    with pytest.raises(CdpError, match=r"it has 1,\d+ values$"):
        backtest_labelled(path, "debt")


def test_numbers_among_which_are_blanks_and_words_are_numbers(workspace):
    path = workspace / "plans.csv"
    rng = np.random.default_rng(6)
    debt = rng.gamma(2, 900, 2000)
    left = rng.random(2000) < 1 / (1 + np.exp(2 - debt / 1000))
    written = [f"{d:,.2f}".translate(str.maketrans(",.", ".,")) + " €" for d in debt]
    written[7], written[900] = " ", "none"
    rows = (f'"{w}";{n % 7};{int(gone)}' for n, (w, gone) in enumerate(zip(written, left, strict=True)))
    path.write_text("debt;week;left\n" + "\n".join(rows), encoding="utf-8")
    found = backtest_labelled(path, "left")
    assert found.used == ["debt", "week"] and not found.refused
    assert found.judged[0]["model"]["auc"] > 0.7


def test_what_counts_only_together_is_told_by_trees(workspace):
    path = workspace / "plans.csv"
    rng = np.random.default_rng(5)
    minutes, calls = rng.gamma(4, 50, 3000), rng.poisson(1.5, 3000)
    plan = rng.choice(["own", "none"], 3000)
    left = rng.random(3000) < np.where(((minutes > 250) & (plan == "none")) | (calls > 3), 0.7, 0.05)
    rows = (
        f"{m:.1f},{c},{p},{'yes' if gone else 'no'}" for m, c, p, gone in zip(minutes, calls, plan, left, strict=True)
    )
    path.write_text("minutes,calls,plan,left\n" + "\n".join(rows), encoding="utf-8")
    said = CliRunner().invoke(cli, ["backtest", "--labelled", str(path), "--label", "left"], catch_exceptions=False)
    assert "(boosted)" in said.output and "logistic" in said.output and "refused" not in said.output
    found = backtest_labelled(path, "left").judged[0]
    assert found["kind"] == "boosted" and found["model"]["auc"] > found["logistic"]["auc"] + 0.05
    assert found["model"]["brier"] < found["logistic"]["brier"] and found["calibration_error"] < 0.04


def test_a_label_of_other_values_is_an_error(workspace):
    path = workspace / "x.csv"
    path.write_text("a,b\n1,maybe\n2,perhaps\n", encoding="utf-8")
    with pytest.raises(CdpError, match="says that it happened or not"):
        backtest_labelled(path, "b")
