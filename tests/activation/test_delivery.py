"""Plan, apply, ledger: nobody twice, nobody lost, nobody without consent."""

from __future__ import annotations

import csv
import json

import pytest

from activation.audience import Audience, load_audiences
from activation.deliver import approve, deliver_audiences
from activation.errors import ApprovalNeeded, StalePlan
from activation.holdout import holdout_sql, is_held_out
from activation.plan import read_plan
from warehouse.declarations import load
from warehouse.duck import connect, rows
from warehouse.errors import DeclarationError
from warehouse.publish import publish


def ledger():
    con = connect()
    from activation.ledger import register_ledger

    register_ledger(con)
    found = rows(
        con,
        "SELECT customer_id, op, status FROM activation.ledger WHERE platform = 'mailchimp' ORDER BY sequence, customer_id",
    )
    con.close()
    return [(r["customer_id"], r["op"], r["status"]) for r in found]


def test_who_has_no_consent_or_is_suppressed_never_leaves(small_company):
    small_company.granted |= {"C1": False, "C2": None}
    small_company.late = {"C3"}
    small_company.run()

    assert small_company.file("members.csv") == ["ana4@x.example", "ana5@x.example", "ana6@x.example"]
    assert read_plan("vip", "mailchimp").refused == {
        "consent refused or withdrawn for marketing by email": 1,
        "no consent given for marketing by email": 1,
        "suppressed by late_payers": 1,
    }
    assert read_plan("vip", "google_customer_match").counts == {"refused": 6}


def test_every_member_of_the_segment_is_in_the_plan_once(small_company):
    small_company.granted["C1"] = False
    small_company.run()
    plan = read_plan("vip", "mailchimp")

    assert sum(plan.counts.values()) == 6 and plan.counts == {"add": 5, "refused": 1}


def test_a_second_run_sends_nothing(small_company):
    small_company.run()
    before = ledger()
    result = small_company.run()

    assert result.rows_out == 0 and ledger() == before
    assert read_plan("vip", "mailchimp").counts == {"unchanged": 6}


def test_who_leaves_or_withdraws_is_removed_with_what_was_sent(small_company):
    small_company.run()
    small_company.vip.discard("C1")
    small_company.granted["C2"] = False
    small_company.people["C2"]["email"] = "nueva@x.example"
    small_company.run()

    assert list(small_company.changes("remove").values()) == [["ana1@x.example", "ana2@x.example"]]
    assert ledger()[-2:] == [("C1", "remove", "accepted"), ("C2", "remove", "accepted")]
    assert small_company.file("members.csv") == [f"ana{n}@x.example" for n in (3, 4, 5, 6)]


def test_a_changed_address_removes_the_old_and_adds_the_new(small_company):
    small_company.run()
    small_company.people["C6"]["email"] = "otra@x.example"
    small_company.run()

    assert read_plan("vip", "mailchimp").counts == {"unchanged": 5, "update": 1}
    assert ["ana6@x.example"] in small_company.changes("remove").values()
    assert ["otra@x.example"] in small_company.changes("add").values()


def test_who_leaves_and_comes_back_is_sent_again(workspace, monkeypatch, new_company):
    small_company = new_company(workspace, monkeypatch, max_remove_pct=100)
    for members in ({"C1"}, set(), {"C1"}):
        small_company.vip = members
        small_company.run()

    assert ledger() == [("C1", "add", "accepted"), ("C1", "remove", "accepted"), ("C1", "add", "accepted")]
    assert small_company.file("members.csv") == ["ana1@x.example"]


def test_a_plan_that_removes_too_many_waits_for_a_person(small_company):
    small_company.run()
    small_company.vip = {"C1"}
    with pytest.raises(ApprovalNeeded, match=r"removes 5 of 6, more than 50 %.*cdp approve"):
        small_company.run()
    assert len(small_company.file("members.csv")) == 6

    approve(read_plan("vip", "mailchimp").hash[:12], "ana@empresa.example")
    deliver_audiences()
    assert small_company.file("members.csv") == ["ana1@x.example"]


def test_a_large_plan_waits_and_another_hash_is_not_approved_with_it(workspace, monkeypatch, new_company):
    small_company = new_company(workspace, monkeypatch, approve_over=3)
    with pytest.raises(ApprovalNeeded, match="6 changes, more than 3"):
        small_company.run()
    approve(read_plan("vip", "mailchimp").hash[:12], "ana")
    small_company.people["C7"] = {"given_name": "Eva", "surnames": "Gil", "email": "eva@x.example", "phone": None}
    small_company.vip.add("C7")
    small_company.granted["C7"] = True
    with pytest.raises(ApprovalNeeded, match="7 changes"):
        small_company.run()


def test_consent_withdrawn_between_plan_and_delivery_stops_the_plan(small_company):
    small_company.run(deliver=False)
    small_company.granted["C1"] = False
    con = connect()
    con.execute("UPDATE marts.consents SET is_granted = false WHERE customer_id = 'C1'")
    publish(con)
    con.close()

    with pytest.raises(StalePlan, match="1 of the plan have no consent any more"):
        deliver_audiences()
    assert small_company.file("members.csv") is None


@pytest.mark.parametrize("point", ["deliver.before_send", "deliver.after_send", "deliver.after_journal"])
def test_a_crash_in_delivery_loses_and_repeats_nothing(small_company, monkeypatch, point):
    small_company.run(deliver=False)
    monkeypatch.setenv("CDP_FAULT", f"{point}:raise")
    with pytest.raises(Exception, match="InjectedFault"):
        deliver_audiences()
    monkeypatch.delenv("CDP_FAULT")
    deliver_audiences()
    deliver_audiences()

    assert ledger() == [(f"C{n}", "add", "accepted") for n in range(1, 7)]
    assert list(small_company.changes("add").values()) == [[f"ana{n}@x.example" for n in range(1, 7)]]


def test_names_that_look_like_formulas_are_disarmed_in_the_file(small_company, workspace):
    small_company.people["C1"]["given_name"] = '=HYPERLINK("http://mal.example")'
    small_company.people["C2"]["surnames"] = "+52 Peña"
    small_company.run()
    text = (workspace / "outbox" / "vip" / "mailchimp" / "members.csv").read_text(encoding="utf-8")

    for line in csv.reader(text.splitlines()):
        for cell in line:
            assert not cell or (cell[0] not in "=-@" and (cell[0] != "+" or cell[1:].isdigit()))
    assert "+525512345601" in text


def test_headers_are_exactly_those_of_the_platforms(small_company, workspace):
    from activation.destinations import DESTINATIONS

    assert tuple(DESTINATIONS["google_customer_match"].cells) == (
        "Email",
        "Phone",
        "First Name",
        "Last Name",
        "Country",
        "Zip",
    )
    assert set(DESTINATIONS["meta_custom_audience"].cells) <= set(
        "email phone fn ln ct st country zip dob doby dobm dobd gen age uid madid value".split()
    )
    small_company.run()
    first = (workspace / "outbox" / "vip" / "mailchimp" / "members.csv").read_text(encoding="utf-8").splitlines()[0]
    assert first == "Email Address,First Name,Last Name,Phone Number"


def test_a_google_address_needs_all_four_parts():
    from activation.destinations import DESTINATIONS

    customer = dict.fromkeys(
        ("given_name", "surnames", "email", "phone", "country", "postcode", "city", "region", "birth_date")
    )
    google = DESTINATIONS["google_customer_match"]

    assert google.payload({**customer, "given_name": "Ana", "surnames": "Peña", "country": "MX"}) is None
    row = google.payload({**customer, "given_name": "Ana", "surnames": "Peña", "country": "mx", "postcode": "06000"})
    assert row["Country"] == "MX" and row["Zip"] == "06000" and len(row["Last Name"]) == 64 and row["Email"] == ""


def test_the_holdout_is_the_same_people_in_sql_and_python_and_about_its_share(workspace):
    con = connect(":memory:")
    held = {
        r[0]
        for r in con.execute(
            f"SELECT c FROM (SELECT 'C' || i AS c FROM range(5000) AS t(i)) WHERE {holdout_sql('c', 'vip', 10)}"
        ).fetchall()
    }

    assert held == {f"C{i}" for i in range(5000) if is_held_out(f"C{i}", "vip", 10)}
    assert 420 < len(held) < 580


def test_an_unknown_segment_or_suppression_is_an_error_that_names_the_nearest(workspace, monkeypatch, new_company):
    small_company = new_company(workspace, monkeypatch, who={"segment": "vips"})
    with pytest.raises(DeclarationError, match="did you mean 'vip'"):
        small_company.run()
    (workspace / "audiences" / "vip.yml").write_text(json.dumps({**small_company.declared, "suppress": ["late_payer"]}))
    with pytest.raises(DeclarationError, match="did you mean 'late_payers'"):
        load_audiences()


def test_a_wrong_audience_names_its_line(workspace):
    (workspace / "x.yml").write_text("name: x\nid: AU-X\nholdout_pct: 80\n")
    with pytest.raises(DeclarationError, match=r"x.yml, line 3: 'holdout_pct'"):
        load(workspace / "x.yml", Audience)
