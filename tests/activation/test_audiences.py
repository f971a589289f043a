"""Rules hold for whom they say, values are never pasted, membership is remembered, and everything that ships works on the sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activation.audience import Audience, assemble_audiences, attach_published, check_audience, load_audiences
from activation.look import look_at, words_of
from activation.rules import CONDITIONS, Rule, holds
from warehouse.declarations import load
from warehouse.duck import connect, rows
from warehouse.errors import DeclarationError

COLUMNS = {
    "orders_count": "BIGINT", "revenue": "DECIMAL(18,2)", "tier": "VARCHAR", "is_open": "BOOLEAN", "seen_on": "DATE", "sources": "VARCHAR[]",
}  # fmt: skip
DAY = "2026-06-30"


def rule(**tree):
    return Rule.model_validate(tree)


@pytest.mark.parametrize(
    ("tree", "inside", "outside"),
    [
        ({"column": "tier", "is": "high"}, {"tier": "high"}, {"tier": "low"}),
        ({"column": "tier", "is_not": "high"}, {"tier": "low"}, {}),
        ({"column": "tier", "one_of": ["high", "o'hara"]}, {"tier": "o'hara"}, {"tier": "x"}),
        ({"column": "orders_count", "none_of": [1, 2]}, {"orders_count": 3}, {"orders_count": 2}),
        ({"column": "revenue", "over": 50}, {"revenue": 50.01}, {"revenue": 50}),
        ({"column": "revenue", "at_least": 50}, {"revenue": 50}, {"revenue": 49.99}),
        ({"column": "revenue", "under": 50}, {"revenue": 49.99}, {"revenue": 50}),
        ({"column": "revenue", "at_most": 50}, {"revenue": 50}, {"revenue": 50.01}),
        ({"column": "orders_count", "between": [2, 4]}, {"orders_count": 4}, {"orders_count": 5}),
        ({"column": "sources", "has": "sap"}, {"sources": ["shopify", "sap"]}, {"sources": ["shopify"]}),
        ({"column": "tier", "is_known": False}, {}, {"tier": "x"}),
        ({"column": "seen_on", "within_days": 7}, {"seen_on": "2026-06-23"}, {"seen_on": "2026-06-22"}),
        ({"column": "seen_on", "within_days": 7}, {"seen_on": "2026-06-30"}, {"seen_on": "2026-07-01"}),
        ({"column": "seen_on", "days_ago": [8, 30]}, {"seen_on": "2026-06-22"}, {"seen_on": "2026-06-23"}),
        ({"column": "seen_on", "older_than_days": 30}, {"seen_on": "2026-05-30"}, {"seen_on": "2026-05-31"}),
        ({"not": {"column": "tier", "is": "high"}}, {}, {"tier": "high"}),
        (
            {"all": [{"column": "tier", "is": "high"}, {"any": [{"column": "is_open", "is": True}, {"column": "orders_count", "over": 9}]}]},
            {"tier": "high", "orders_count": 10}, {"tier": "high", "orders_count": 9},
        ),
    ],
)  # fmt: skip
def test_a_rule_holds_for_those_it_names_and_not_for_those_at_its_edge(workspace, tree, inside, outside):
    con = connect(":memory:")
    assert holds(con, rule(**tree), COLUMNS, inside, DAY)
    assert not holds(con, rule(**tree), COLUMNS, outside, DAY)


def test_every_condition_is_tried_above():
    marks = test_a_rule_holds_for_those_it_names_and_not_for_those_at_its_edge.pytestmark[0].args[1]

    def said(tree):
        return {k for k in tree if k in CONDITIONS} | {
            c
            for v in tree.values()
            for t in (v if isinstance(v, list) else [v])
            if isinstance(t, dict)
            for c in said(t)
        }

    assert {c for tree, _, _ in marks for c in said(tree)} == set(CONDITIONS)


@given(st.text(max_size=30))
def test_no_value_is_ever_pasted_into_sql(value):
    con = connect(":memory:")
    values: list = []
    sql = rule(column="tier", **{"is": value}).sql(COLUMNS, "DATE '2026-06-30'", values)
    assert values == [value] and sql == '"tier" = ?'
    if "\x00" not in value:
        assert holds(con, rule(column="tier", **{"is": value}), COLUMNS, {"tier": value}, DAY)
    con.close()


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"column": "order_count", "over": 1}, "did you mean 'orders_count'"),
        (
            {"column": "tier", "over": 1},
            "is a text, 'over' does not fit it; allowed: is, is_not, one_of, none_of, is_known",
        ),
        ({"column": "orders_count", "is": "five"}, "is a number; 'is' compares it with 'five'"),
        ({"column": "is_open", "is": 1}, "is a flag; 'is' compares it with 1"),
    ],
)
def test_a_wrong_rule_is_one_sentence_that_says_what_is_allowed(tree, sentence):
    with pytest.raises(DeclarationError, match=sentence.replace("(", r"\(")):
        rule(**tree).sql(COLUMNS, "d", [])


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("{}", "say who is in: segment, rule, or both"),
        ("{rule: {column: a}}", "column 'a' wants one condition, found none"),
        ("{rule: {column: a, over: 1, under: 2}}", "wants one condition, found over, under"),
        ("{rule: {over: 1}}", "a rule is one of: all, any, not, or a column with one condition"),
        ("{rule: {column: a, ovr: 1}}", "did you mean 'over'"),
    ],
)
def test_a_wrong_declaration_names_file_and_line(workspace, who, sentence):
    path = workspace / "a.yml"
    path.write_text(f"name: a\nid: AU-A\ndescription: d\ndescription_es: d\nowner: o\nwho: {who}\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=rf"a.yml, line 6: .*{sentence}"):
        load(path, Audience)


SHIPPED = {
    "AU-XSELL", "AU-NURTURE", "AU-STOCK", "AU-LATE", "AU-LOOKALIKE", "AU-REMARKET", "AU-VIP", "AU-CART", "AU-CALL", "AU-WINBACK", "AU-REENGAGE",
    "AU-WELCOME", "AU-RISK", "AU-EXPAND", "AU-RENEW", "AU-ADVOCATE", "AU-ABM", "AU-NONOPEN", "AU-ROUTE",
}  # fmt: skip


def test_all_audiences_of_the_catalogue_ship_each_with_people_who_are_in_and_out(in_finished):
    audiences = load_audiences()
    assert {a.id for a in audiences.values()} >= SHIPPED
    con = connect()
    attach_published(con)
    for a in audiences.values():
        held = check_audience(con, a)
        assert not a.who.rule or (a.examples.inside and a.examples.outside and held >= 2), a.name
    con.execute("DETACH cdp")
    con.close()


def test_segments_of_audiences_have_unit_tests_of_their_own():
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "segments"
    declared = {a.who.segment for a in load_audiences().values() if a.who.segment} - {"vip", "reengage", "late_payers"}
    assert [s for s in sorted(declared) if "unit_tests:" not in (folder / f"{s}.yml").read_text(encoding="utf-8")] == []


def test_the_sample_company_fills_the_audiences_and_nobody_suppressed_is_in(in_finished):
    con = connect()
    sizes = dict(
        con.execute(
            "SELECT audience, count(*) FROM activation.audience_members WHERE left_out IS NULL GROUP BY 1"
        ).fetchall()
    )
    held_out = con.execute("SELECT count(*) FROM activation.audience_members WHERE left_out = 'holdout'").fetchall()[0][
        0
    ]
    both = con.execute(
        "SELECT count(*) FROM activation.audience_members AS a JOIN activation.audience_members AS b USING (customer_id) "
        "WHERE a.audience = 'reengage' AND a.left_out IS NULL AND b.audience = 'late_payers'"
    ).fetchall()[0][0]
    entered = con.execute("SELECT count(*) FROM activation.membership_events WHERE event = 'entered'").fetchall()[0][0]
    con.close()

    assert sum(1 for n in sizes.values() if n) >= 15 and held_out > 0 and both == 0
    assert entered == sum(sizes.values())


def test_words_say_the_definition_in_both_languages(in_finished):
    found = look_at(load_audiences()["advocates"])
    assert "health_score is over 80 and (nps_score is at least 9 or nps_score is known: no)" in found["words_en"]
    assert "health_score es mayor que 80 y (nps_score es al menos 9 o nps_score se conoce: no)" in found["words_es"]
    assert found["waterfall"][0][0] == "the definition holds"
    assert "held out" in words_of(load_audiences()["vip"], "en")


def events(con):
    return [
        (r["customer_id"], r["event"], r["reason"])
        for r in rows(
            con, "SELECT * FROM activation.membership_events WHERE audience = 'vip' ORDER BY sequence, customer_id"
        )
    ]


def test_who_entered_and_left_is_remembered_with_why_and_a_second_run_adds_nothing(small_company, workspace):
    small_company.run(deliver=False)
    con = connect()
    assert [(c, e) for c, e, _ in events(con)] == [(f"C{n}", "entered") for n in range(1, 7)]
    assemble_audiences(con)
    con.close()
    small_company.vip.discard("C1")
    small_company.late = {"C2"}
    small_company.run(deliver=False)
    con = connect()

    assert events(con)[6:] == [
        ("C1", "left", "the definition holds no more"),
        ("C2", "left", "suppressed by late_payers"),
    ]
    sizes = rows(
        con, "SELECT entered, departed, members FROM activation.audience_sizes WHERE audience = 'vip' ORDER BY sequence"
    )
    assert sizes == [{"entered": 6, "departed": 0, "members": 6}, {"entered": 0, "departed": 2, "members": 4}]
    assert len(list((workspace / "state" / "membership").glob("*.parquet"))) == 2


def test_a_rule_narrows_a_segment_and_its_columns_come_first(workspace, monkeypatch, new_company):
    small_company = new_company(
        workspace, monkeypatch, who={"segment": "vip", "rule": {"column": "surnames", "is": "Gil"}}
    )
    small_company.people["C3"]["surnames"] = "Gil"
    small_company.run(deliver=False)
    con = connect()
    assert con.execute("SELECT customer_id FROM activation.audience_members WHERE audience = 'vip'").fetchall() == [
        ("C3",)
    ]
    con.close()


def test_declared_fields_follow_in_the_file_and_are_no_formulas(workspace, monkeypatch, new_company):
    target = {
        "platform": "mailchimp",
        "list": "vip",
        "purpose": "marketing",
        "channel": "email",
        "fields": {"CITY": "city", "ZIP": "postcode"},
    }
    small_company = new_company(workspace, monkeypatch, destinations=[target])
    small_company.run()
    lines = (workspace / "outbox" / "vip" / "mailchimp" / "members.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith("Phone Number,CITY,ZIP") and lines[1].endswith(",CDMX,06000")


def test_an_audience_by_the_week_is_planned_once_a_week(workspace, monkeypatch, new_company):
    small_company = new_company(workspace, monkeypatch, schedule="weekly")
    small_company.run()
    small_company.vip.discard("C1")
    monkeypatch.setenv("CDP_NOW", "2026-11-05T06:00:00+00:00")
    assert small_company.run().rows_out == 0
    monkeypatch.setenv("CDP_NOW", "2026-11-08T04:00:00+00:00")
    assert small_company.run().rows_out == 1


def test_an_example_on_the_wrong_side_is_an_error(workspace, monkeypatch, new_company):
    wrong = {"in": [{"surnames": "Peña"}], "out": []}
    small_company = new_company(
        workspace, monkeypatch, who={"rule": {"column": "surnames", "is": "Gil"}}, examples=wrong
    )
    with pytest.raises(DeclarationError, match=r"vip\.yml: example 1 of 'in' is out: surnames"):
        small_company.run()
