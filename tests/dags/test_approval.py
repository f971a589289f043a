"""A person approves a plan on Airflow's page, and exactly that plan goes out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from activation.audience import assemble_audiences
from activation.deliver import APPROVE, LEAVE, note_answers, waiting_questions
from activation.ledger import is_applied
from activation.plan import plan_deliveries, read_plan
from warehouse.duck import connect
from warehouse.publish import publish

DECLARED = {
    "name": "vip", "id": "AU-VIP", "description": "d", "description_es": "d", "owner": "o", "who": {"segment": "vip"}, "approve_over": 2,
    "destinations": [{"platform": "csv", "list": "vip", "purpose": "marketing", "channel": "email"}],
}  # fmt: skip


@pytest.fixture
def waiting(workspace, monkeypatch):
    """A plan of three changes of which two may go out unasked."""
    folder = workspace / "audiences"
    folder.mkdir()
    (folder / "vip.yml").write_text(json.dumps(DECLARED))
    monkeypatch.setenv("CDP_AUDIENCES", str(folder))
    con = connect()
    con.execute("CREATE SCHEMA marts; CREATE SCHEMA segments")
    con.execute(
        "CREATE TABLE marts.customers AS SELECT 'C' || i AS customer_id, 'Ana' AS given_name, 'Ruiz' AS surnames, "
        "'ana' || i || '@x.example' AS email, "
        "NULL::VARCHAR AS phone, 'MX' AS country, NULL::VARCHAR AS postcode, NULL::VARCHAR AS city, "
        "NULL::VARCHAR AS region, NULL::DATE AS birth_date, DATE '2026-10-31' AS as_of_date "
        "FROM range(3) AS t (i)"
    )
    con.execute(
        "CREATE TABLE marts.consents AS SELECT customer_id, 'marketing' AS purpose, 'email' AS channel, true AS is_granted, true AS is_in_force "
        "FROM marts.customers"
    )
    con.execute("CREATE TABLE segments.vip AS SELECT customer_id, DATE '2026-10-31' AS as_of_date FROM marts.customers")
    publish(con)
    assemble_audiences(con)
    plan_deliveries(con)
    con.close()
    return workspace


def test_a_question_says_why_and_how_much_and_a_no_leaves_the_plan(waiting):
    asked = waiting_questions()
    assert len(asked) == 1 and asked[0].subject.startswith("vip to csv (")
    assert "3 changes, more than 2. add 3; 3 on the list afterwards." in asked[0].body and "ana" not in asked[0].body
    questions = [vars(asked[0])]
    assert note_answers(questions, [{"chosen_options": [LEAVE]}]) == 0 and waiting_questions() == asked
    assert note_answers([{**questions[0], "plan_hash": "0" * 64}], [{"chosen_options": [APPROVE]}]) == 0
    assert (
        note_answers(questions, [{"chosen_options": [APPROVE], "responded_by_user": {"id": "1", "name": "ana"}}]) == 1
    )
    assert waiting_questions() == []


@pytest.mark.airflow
def test_what_is_approved_on_airflows_page_is_delivered(waiting, monkeypatch):
    from dags.local_airflow import running_airflow

    plan = read_plan("vip", "csv")
    with running_airflow() as airflow:
        airflow.prepare(dags=("approve_plans", "deliver_audiences"))
        run = airflow.trigger("approve_plans")
        path = f"/dags/approve_plans/dagRuns/{run}/taskInstances/ask/0/hitlDetails"
        end = time.monotonic() + 420
        detail, answered, asked_at = {}, False, None
        while time.monotonic() < end and not is_applied("vip", "csv", plan.hash):
            listed = airflow.api("GET", f"/dags/approve_plans/dagRuns/{run}/hitlDetails")["hitl_details"]
            if listed and not listed[0]["response_received"]:
                # A person takes a moment. The scheduler takes an answer that comes before it has heard that the task waits for a mismatch
                # of states, lets the task fail, and asks again.
                asked_at = asked_at or time.monotonic()
                if time.monotonic() - asked_at > 5:
                    detail, asked_at, answered = listed[0], None, True
                    assert not is_applied("vip", "csv", plan.hash)
                    airflow.api("PATCH", path, json={"chosen_options": [APPROVE], "params_input": {}})
            time.sleep(1)
    assert answered and detail["subject"] == f"vip to csv ({plan.hash[:12]})"
    assert is_applied("vip", "csv", plan.hash)
    text = (Path(waiting) / "outbox" / "vip" / "csv" / "members.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0].startswith("customer_id,email") and len(text.splitlines()) == 4
