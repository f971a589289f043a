"""Journeys: each person once through each step, on time, in nobody's night, under the cap, out by the declared exits, and as one when two are one."""

from __future__ import annotations

import json

import pytest

from activation.audience import assemble_audiences, load_audiences
from activation.deliver import deliver_audiences
from activation.journey import load_journeys, run_journeys
from activation.plan import deliverable, plan_deliveries, read_plan
from warehouse.duck import connect, rows
from warehouse.errors import DeclarationError
from warehouse.publish import publish

AUDIENCE = {
    "name": "carts", "id": "AU-CART", "description": "d", "description_es": "d", "owner": "o", "who": {"segment": "carts"},
}  # fmt: skip


def mail(name):
    return {"platform": "mailchimp", "list": name, "purpose": "marketing", "channel": "email"}


JOURNEY = {
    "name": "recovery", "id": "AU-CART", "description": "d", "description_es": "d", "owner": "o", "entry": "carts",
    "exits": [{"left_audience": True, "reason": "gone"}],
    "steps": [
        {"name": "first", "wait_hours": 1, "send": mail("first")},
        {"name": "second", "wait_hours": 24, "check": {"column": "orders_count", "is": 0}, "send": mail("second")},
    ],
}  # fmt: skip


class World:
    """A published company with an audience and a journey; time goes on as told."""

    def __init__(self, workspace, monkeypatch, **more):
        self.workspace, self.monkeypatch = workspace, monkeypatch
        for kind, declared in (("audiences", AUDIENCE), ("journeys", {**JOURNEY, **more})):
            (workspace / kind).mkdir(exist_ok=True)
            (workspace / kind / f"{declared['name']}.yml").write_text(json.dumps(declared))
            monkeypatch.setenv(f"CDP_{kind.upper()}", str(workspace / kind))
        self.carts, self.orders, self.zones, self.aliases = {"C1", "C2"}, {}, {}, {}

    def at(self, moment):
        self.monkeypatch.setenv("CDP_NOW", f"{moment}+00:00")
        con = connect()
        con.execute(
            "CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS segments; CREATE SCHEMA IF NOT EXISTS identity"
        )
        people = sorted({*self.carts, "C1", "C2", "C9"} - set(self.aliases))
        con.execute(
            "CREATE OR REPLACE TABLE segments.carts AS SELECT unnest(?::VARCHAR[]) AS customer_id, DATE '2026-11-01' AS as_of_date",
            [sorted(self.carts)],
        )
        con.execute(
            "CREATE OR REPLACE TABLE marts.customers AS SELECT c AS customer_id, DATE '2026-11-01' AS as_of_date, "
            "'Ana' AS given_name, 'Ruiz' AS surnames, "
            "lower(c) || '@x.example' AS email, NULL::VARCHAR AS phone, 'MX' AS country, NULL::VARCHAR AS postcode, NULL::VARCHAR AS city, "
            "NULL::VARCHAR AS region, NULL::DATE AS birth_date, coalesce(map_extract(?::MAP(VARCHAR, BIGINT), c)[1], 0) AS orders_count "
            "FROM (SELECT unnest(?::VARCHAR[]) AS c)",
            [self.orders, people],
        )
        con.execute(
            "CREATE OR REPLACE TABLE marts.consents AS SELECT customer_id, 'marketing' AS purpose, 'email' AS channel, "
            "true AS is_granted, true AS is_in_force "
            "FROM marts.customers"
        )
        con.execute(
            "CREATE OR REPLACE TABLE marts.customer_enrichment AS SELECT customer_id, "
            "map_extract(?::MAP(VARCHAR, VARCHAR), customer_id)[1] AS time_zone "
            "FROM marts.customers",
            [self.zones],
        )
        con.execute(
            "CREATE OR REPLACE TABLE identity.customer_aliases AS SELECT customer_id, "
            "customer_id AS current_customer_id FROM marts.customers UNION ALL "
            "SELECT unnest(map_keys(?::MAP(VARCHAR, VARCHAR))), unnest(map_values(?::MAP(VARCHAR, VARCHAR)))",
            [self.aliases, self.aliases],
        )
        publish(con)
        assemble_audiences(con)
        run_journeys(con)
        found = [
            (r["customer_id"], r["step"] or r["event"], r["event"])
            for r in rows(
                con, "SELECT * FROM activation.journey_events ORDER BY sequence, customer_id, step NULLS LAST, event"
            )
        ]
        plan_deliveries(con)
        con.close()
        deliver_audiences()
        return [(c, s if e != "skipped" else f"{s} skipped") for c, s, e in found]

    def file(self, step):
        path = self.workspace / "outbox" / f"recovery__{step}" / "mailchimp" / "members.csv"
        return (
            sorted(line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:])
            if path.exists()
            else []
        )


@pytest.fixture
def world(workspace, monkeypatch):
    return World(workspace, monkeypatch)


def test_steps_come_in_time_once_each_and_reach_the_platforms_list(world):
    entered = [("C1", "entered"), ("C2", "entered")]
    assert world.at("2026-11-02T12:00:00") == entered
    assert world.at("2026-11-02T12:59:00") == entered
    first = [*entered, ("C1", "first"), ("C2", "first")]
    assert world.at("2026-11-02T13:00:00") == first
    assert world.file("first") == ["c1@x.example", "c2@x.example"]
    for again in range(3):
        assert world.at(f"2026-11-02T1{4 + again}:00:00") == first
    world.orders = {"C2": 1}
    second = [*first, ("C1", "second"), ("C1", "finished"), ("C2", "second skipped"), ("C2", "finished")]
    assert world.at("2026-11-03T13:00:00") == second
    assert world.file("second") == ["c1@x.example"]
    assert world.at("2026-11-03T13:00:00") == second
    assert world.at("2026-11-20T14:00:00") == second


def test_steps_without_a_wait_come_at_once_and_a_second_run_finds_nothing(workspace, monkeypatch):
    steps = [
        {"name": "a", "send": mail("a")},
        {"name": "b", "send": mail("b")},
        {"name": "c", "wait_hours": 1, "send": mail("c")},
    ]
    world = World(workspace, monkeypatch, steps=steps, cap={"days": 7, "at_most": 9})
    world.carts = {"C1"}
    once = [("C1", "a"), ("C1", "b"), ("C1", "entered")]
    assert world.at("2026-11-02T12:00:00") == once
    assert world.at("2026-11-02T12:00:00") == once
    assert world.at("2026-11-02T13:00:00") == [*once, ("C1", "c"), ("C1", "finished")]


def test_who_leaves_the_audience_leaves_the_journey(world):
    world.at("2026-11-02T12:00:00")
    world.carts = {"C2"}
    assert world.at("2026-11-02T13:30:00")[2:] == [("C1", "exited"), ("C2", "first")]
    world.carts = {"C1", "C2"}
    assert ("C1", "first") not in world.at("2026-11-02T14:30:00")


def test_one_may_enter_again_after_the_declared_days_only(workspace, monkeypatch):
    world = World(workspace, monkeypatch, reenter_after_days=14)
    world.carts = {"C1"}
    world.at("2026-11-02T12:00:00")
    world.carts = set()
    world.at("2026-11-02T12:30:00")
    world.carts = {"C1"}
    assert [e for _, e in world.at("2026-11-16T12:00:00")] == ["entered", "exited"]
    assert [e for _, e in world.at("2026-11-16T12:30:00")] == ["entered", "exited", "entered"]


def test_nobody_is_written_to_at_night_by_their_own_clock(world):
    world.zones = {"C1": "America/Mexico_City", "C2": "Europe/Madrid"}
    world.at("2026-11-02T04:00:00")
    # 06:30 UTC is half past midnight in Mexico and half past seven in Madrid: night for both; 08:30 is half past nine in Madrid.
    assert len(world.at("2026-11-02T06:30:00")) == 2
    assert world.at("2026-11-02T08:30:00")[2:] == [("C2", "first")]
    assert world.at("2026-11-02T15:30:00")[3:] == [("C1", "first")]


def test_the_cap_holds_over_all_journeys(workspace, monkeypatch):
    other = {
        **JOURNEY,
        "name": "other",
        "steps": [{"name": "only", "send": mail("only")}],
        "cap": {"days": 7, "at_most": 1},
    }
    world = World(workspace, monkeypatch, cap={"days": 7, "at_most": 1})
    (workspace / "journeys" / "other.yml").write_text(json.dumps(other))
    world.carts = {"C1"}
    assert sorted(s for _, s in world.at("2026-11-02T12:00:00")) == ["entered", "entered", "finished", "only"]
    assert "first" not in [s for _, s in world.at("2026-11-02T14:00:00")]
    assert "first" in [s for _, s in world.at("2026-11-09T14:00:00")]


def test_two_customers_that_are_one_get_no_step_twice(world):
    world.at("2026-11-02T12:00:00")
    world.at("2026-11-02T13:00:00")
    world.aliases, world.carts = {"C2": "C1"}, {"C1"}
    events = world.at("2026-11-03T13:30:00")
    assert events.count(("C1", "second")) == 1 and not [e for e in events if e[0] == "C2"]
    assert read_plan("recovery__first", "mailchimp").counts.get("add", 0) == 0


@pytest.mark.parametrize("point", ["journeys.before_write", "journeys.after_write"])
def test_a_crash_repeats_and_loses_nothing(world, monkeypatch, point):
    world.at("2026-11-02T12:00:00")
    monkeypatch.setenv("CDP_FAULT", f"{point}:raise")
    with pytest.raises(Exception, match="InjectedFault"):
        world.at("2026-11-02T13:00:00")
    monkeypatch.delenv("CDP_FAULT")
    events = world.at("2026-11-02T13:05:00")
    assert sorted(events[2:]) == [("C1", "first"), ("C2", "first")]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"entry": "cart"}, "did you mean 'carts'"),
        ({"steps": [{"name": "a", "send": mail("a")}, {"name": "a", "send": mail("b")}]}, "two steps have one name: a"),
        ({"steps": []}, "'steps'"),
        ({"quiet_hours": {"from": 25}}, "quiet_hours"),
    ],
)
def test_a_wrong_journey_is_one_sentence(workspace, monkeypatch, more, sentence):
    World(workspace, monkeypatch, **more)
    with pytest.raises(DeclarationError, match=sentence):
        load_journeys()


def test_the_journeys_that_ship_are_right_and_deliver_lists_of_their_own():
    journeys = load_journeys()
    assert {j.id for j in journeys.values()} >= {
        "AU-CART",
        "AU-WELCOME",
        "AU-CALL",
        "AU-WINBACK",
        "AU-REENGAGE",
        "AU-NONOPEN",
        "AU-RENEW",
        "AU-RISK",
        "AU-ADVOCATE",
    }
    assert len(deliverable()) == len(load_audiences()) + sum(len(j.steps) for j in journeys.values())
    waits = [s.wait_hours for s in journeys["cart_recovery"].steps if s.send.channel == "email"]
    assert waits == [1, 23, 48]
