"""Campaigns, control groups and the decision feed: who is drawn into what, for good, and what everybody is shown."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest

from activation.campaign import Campaign
from activation.decisions import decide, load_decisions
from activation.holdout import is_held_out
from activation.plan import read_plan
from warehouse.duck import connect, rows
from warehouse.errors import DeclarationError
from warehouse.publish import publish

CAMPAIGN = {
    "name": "autumn", "description": "d", "description_es": "d", "owner": "o", "goal": {"measure": "orders", "target": 5, "within_days": 30},
    "starts_on": "2026-10-01", "ends_on": "2026-11-15", "budget_usd": 100, "audiences": ["vip"], "control_pct": 20,
    "variants": [
        {"name": "a", "share_pct": 50, "content": {"email": "letter-a", "ads": "picture-a"}},
        {"name": "b", "share_pct": 50, "content": {"email": "letter-b"}},
    ],
}  # fmt: skip
MAILCHIMP = {"platform": "mailchimp", "list": "vip", "purpose": "marketing", "channel": "email"}


@pytest.fixture
def campaigning(workspace, monkeypatch, new_company):
    """A company of many customers with one campaign."""

    def make(campaigns=(CAMPAIGN,), people=600, **more):
        more.setdefault("destinations", [MAILCHIMP])
        company = new_company(workspace, monkeypatch, max_remove_pct=100, **more)
        folder = workspace / "campaigns"
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv("CDP_CAMPAIGNS", str(folder))
        for one in campaigns:
            (folder / f"{one['name']}.yml").write_text(json.dumps(one))
        company.campaign_folder = folder
        company.people = {
            f"C{n:04d}": {"given_name": "Ana", "surnames": "Ruiz", "email": f"ana{n}@x.example", "phone": None}
            for n in range(people)
        }
        company.granted = dict.fromkeys(company.people, True)
        company.vip = set(company.people)
        return company

    return make


def assigned(where="true"):
    con = connect(read_only=True)
    found = rows(con, f"SELECT customer_id, campaign, variant FROM activation.assignments WHERE {where} ORDER BY ALL")
    con.close()
    return found


def members(workspace):
    with (workspace / "outbox" / "vip" / "mailchimp" / "members.csv").open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_variants_take_their_shares_and_the_control_group_gets_nothing(campaigning, workspace):
    campaigning().run()
    drawn = Counter(r["variant"] for r in assigned("campaign = 'autumn'"))
    assert sum(drawn.values()) == 600
    assert 85 < drawn["control"] < 155 and 190 < drawn["a"] < 290 and 190 < drawn["b"] < 290
    sent = members(workspace)
    assert Counter(m["VARIANT"] for m in sent) == {"a": drawn["a"], "b": drawn["b"]}
    assert {(m["CAMPAIGN"], m["VARIANT"], m["CONTENT"]) for m in sent} == {
        ("autumn", "a", "letter-a"),
        ("autumn", "b", "letter-b"),
    }
    assert read_plan("vip", "mailchimp").refused == {"control group of autumn": drawn["control"]}


def test_every_delivery_carries_campaign_and_variant(campaigning):
    campaigning().run()
    con = connect()
    from activation.ledger import register_ledger

    register_ledger(con)
    found = {
        (r["campaign"], r["variant"]) for r in rows(con, "SELECT DISTINCT campaign, variant FROM activation.ledger")
    }
    con.close()
    assert found == {("autumn", "a"), ("autumn", "b")}


def test_nobody_changes_sides_when_shares_change_and_the_end_takes_the_cells_away(campaigning, workspace):
    company = campaigning()
    company.run()
    before = assigned()
    changed = {
        **CAMPAIGN,
        "control_pct": 50,
        "variants": [{"name": "a", "share_pct": 99}, {"name": "b", "share_pct": 1}],
    }
    (company.campaign_folder / "autumn.yml").write_text(json.dumps(changed))
    company.run()
    assert assigned() == before and read_plan("vip", "mailchimp").counts["refused"] == sum(
        r["variant"] == "control" for r in before
    )
    (company.campaign_folder / "autumn.yml").write_text(json.dumps({**CAMPAIGN, "ends_on": "2026-10-30"}))
    company.run()
    assert read_plan("vip", "mailchimp").counts["add"] == sum(r["variant"] == "control" for r in before)
    assert "CAMPAIGN" not in members(workspace)[0] and len(members(workspace)) == 600


def test_a_target_of_one_variant_gets_its_people_only(campaigning):
    ads = {"platform": "google_customer_match", "list": "g", "purpose": "marketing", "channel": "email", "variant": "b"}
    campaigning(destinations=[ads]).run()
    drawn = Counter(r["variant"] for r in assigned())
    assert read_plan("vip", "google_customer_match").counts == {"add": drawn["b"]}


def test_the_audiences_own_holdout_is_control_of_the_campaign(campaigning):
    campaigning([{**CAMPAIGN, "control_pct": 0}], holdout_pct=10).run()
    held = {r["customer_id"] for r in assigned("variant = 'control'")}
    assert held == {f"C{n:04d}" for n in range(600) if is_held_out(f"C{n:04d}", "vip", 10)}


def test_of_two_customers_that_became_one_the_earlier_side_counts(campaigning):
    company = campaigning(campaigns=(), holdout_pct=50)
    company.run()
    side = {r["customer_id"]: r["variant"] for r in assigned()}
    held = next(c for c, v in side.items() if v == "control")
    other = next(c for c, v in sorted(side.items(), reverse=True) if v == "treated")
    # The treated one goes on under the id of one that was held out, and a new id stands for the held-out one.
    con = connect()
    con.execute(
        "CREATE SCHEMA IF NOT EXISTS identity; CREATE OR REPLACE TABLE identity.customer_aliases (customer_id VARCHAR, current_customer_id VARCHAR)"
    )
    con.execute("INSERT INTO identity.customer_aliases VALUES (?, 'NEW1'), (?, 'NEW2')", [held, other])
    publish(con)
    con.close()
    for old, new in ((held, "NEW1"), (other, "NEW2")):
        company.people[new] = company.people.pop(old)
        company.granted[new] = True
        company.vip.discard(old)
        company.vip.add(new)
    company.run()
    after = {r["customer_id"]: r["variant"] for r in assigned()}
    assert after["NEW1"] == "control" and after["NEW2"] == "treated"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variants": [{"name": "a", "share_pct": 60}]}, "share_pct add up to 60, not to 100"),
        ({"variants": [{"name": "control", "share_pct": 100}]}, "names of their own, other than 'control'"),
        ({"ends_on": "2026-09-30"}, "before it starts"),
        ({"audiences": ["vipp"]}, "audience 'vipp' is not declared; did you mean 'vip'"),
        ({"goal": {"measure": "likes", "target": 1}}, "should be 'orders', 'revenue_usd' or 'margin_usd'"),
    ],
)
def test_a_wrong_campaign_says_what_is_wrong(campaigning, change, said):
    company = campaigning([{**CAMPAIGN, **change}], people=3)
    with pytest.raises(DeclarationError) as caught:
        company.run()
    assert said in str(caught.value)


def test_an_audience_is_in_one_campaign_at_a_time(campaigning):
    company = campaigning(
        [CAMPAIGN, {**CAMPAIGN, "name": "winter", "starts_on": "2026-11-15", "ends_on": "2026-12-31"}], people=3
    )
    with pytest.raises(DeclarationError, match="vip is in campaign autumn until 2026-11-15"):
        company.run()


def test_draws_of_two_campaigns_are_independent():
    con = connect(":memory:")
    first, second = Campaign(**CAMPAIGN), Campaign(**{**CAMPAIGN, "name": "winter"})
    found = con.execute(
        f"SELECT {first.variant_sql('c')}, {second.variant_sql('c')}, count(*) FROM (SELECT 'C' || i AS c FROM range(20000) AS t(i)) GROUP BY ALL"
    ).fetchall()
    con.close()
    shares = {(a, b): n / 20000 for a, b, n in found}
    assert abs(shares["a", "a"] - 0.16) < 0.015 and abs(shares["control", "control"] - 0.04) < 0.01


# ---------------------------------------------------------------- decision feed


DECISIONS = {
    "consent": {"purpose": "marketing", "channel": "email"},
    "placements": [
        {
            "name": "banner", "description": "d", "description_es": "d", "otherwise": "usual",
            "contents": [
                {"content": "pay_first", "audience": "late_payers"}, {"content": "thanks", "audience": "vip"},
                {"content": "hello_mexico", "rule": {"column": "country", "is": "MX"}, "visitors": {"column": "cart_adds_30d", "at_least": 1}},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def deciding(workspace, monkeypatch, small_company):
    path = workspace / "decisions.yml"
    path.write_text(json.dumps(DECISIONS))
    monkeypatch.setenv("CDP_DECISIONS", str(path))
    small_company.declaration = path

    def run():
        small_company.run(deliver=False)
        con = connect()
        con.execute("ALTER TABLE marts.customers ADD COLUMN IF NOT EXISTS as_of_date DATE DEFAULT DATE '2026-10-31'")
        con.execute(
            "CREATE OR REPLACE TABLE marts.web_sessions AS SELECT * FROM (VALUES "
            "('s1', 'anon1', NULL, TIMESTAMP '2026-10-30 10:00:00', 3, 2, 1, 'google', 'cpc', 'x'), "
            "('s2', 'anon2', NULL, TIMESTAMP '2026-10-30 10:00:00', 3, 2, 0, NULL, NULL, NULL), "
            "('s3', 'anon3', NULL, TIMESTAMP '2026-09-01 10:00:00', 3, 2, 5, NULL, NULL, NULL), "
            "('s4', 'anon4', 'C1', TIMESTAMP '2026-10-30 10:00:00', 3, 2, 5, NULL, NULL, NULL)) "
            "AS v (session_id, anonymous_id, customer_id, started_at, page_views, product_views, cart_adds, utm_source, utm_medium, utm_campaign)"
        )
        publish(con)
        result = decide(con)
        found = {
            (r["kind"], r["id"]): (r["content"], r["reason"]) for r in rows(con, "SELECT * FROM activation.decisions")
        }
        con.close()
        return result, found

    small_company.decide = run
    return small_company


def test_the_first_content_that_fits_is_shown_and_who_did_not_consent_is_not_in_the_feed(deciding, workspace):
    deciding.late, deciding.vip = {"C1"}, {"C2", "C4"}
    deciding.granted |= {"C4": False, "C5": None}
    _, found = deciding.decide()
    assert found["customer", "C1"] == ("pay_first", "in audience late_payers")
    assert found["customer", "C2"] == ("thanks", "in audience vip")
    assert found["customer", "C3"] == ("hello_mexico", "country is MX")
    assert ("customer", "C4") not in found and ("customer", "C5") not in found
    assert found["visitor", "anon1"][0] == "hello_mexico" and found["visitor", "anon2"] == (
        "usual",
        "nothing else fits",
    )
    assert ("visitor", "anon3") not in found and ("visitor", "anon4") not in found
    lines = [
        json.loads(line)
        for line in (workspace / "outbox" / "decision_feed" / "customers.ndjson").read_text().splitlines()
    ]
    assert lines[0] == {"customer_id": "C1", "decisions": {"banner": "pay_first"}, "audiences": ["late_payers"]}
    manifest = json.loads((workspace / "outbox" / "decision_feed" / "manifest.json").read_text())
    assert manifest["files"]["customers.ndjson"]["rows"] == 4 and manifest["files"]["visitors.ndjson"]["rows"] == 2


def test_deciding_again_writes_the_same_bytes(deciding, workspace):
    deciding.decide()
    folder = workspace / "outbox" / "decision_feed"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    deciding.decide()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_wrong_decision_names_the_nearest(deciding):
    broken = json.loads(json.dumps(DECISIONS).replace("late_payers", "late_payer"))
    deciding.declaration.write_text(json.dumps(broken))
    with pytest.raises(
        DeclarationError,
        match="banner shows 'pay_first' to audience 'late_payer', which is not declared; did you mean 'late_payers'",
    ):
        load_decisions()
    broken = json.loads(json.dumps(DECISIONS).replace("cart_adds_30d", "cart_add_30d"))
    deciding.declaration.write_text(json.dumps(broken))
    with pytest.raises(DeclarationError, match="did you mean 'cart_adds_30d'"):
        deciding.decide()


# ---------------------------------------------------------------- product files


@pytest.fixture
def stocked(workspace, small_company):
    small_company.run(deliver=False)
    con = connect()
    con.execute("CREATE SCHEMA IF NOT EXISTS metrics; CREATE SCHEMA IF NOT EXISTS scores")
    con.execute("ALTER TABLE marts.customers ADD COLUMN IF NOT EXISTS as_of_date DATE DEFAULT DATE '2026-10-31'")
    con.execute(
        "CREATE TABLE metrics.product_signals AS SELECT * FROM (VALUES ('p1', 'CAFE-1', 'Café', 'drinks', false, false, false, false, 40.0), "
        "('p2', 'TE-2', 'Té', 'drinks', false, true, false, false, 400.0), ('p3', 'CHA-3', 'Chá', 'drinks', true, false, false, false, 0.0), "
        "('p4', 'TAZA-4', '=Taza', 'cups', false, false, false, false, 20.0)) "
        "AS v (product_id, sku, product_name, category, is_out_of_stock, is_overstock, is_viral, is_short, cover_days)"
    )
    con.execute(
        "CREATE TABLE scores.product_pairs AS SELECT * FROM (VALUES ('p1', 'p4', 3.0, 5.0), ('p1', 'p3', 9.0, 9.0), ('p2', 'p4', 0.9, 5.0), "
        "('p4', 'p1', 3.0, 1.9)) AS v (product_id, with_product_id, lift, z_score)"
    )
    con.execute(
        "CREATE TABLE marts.order_lines AS SELECT * FROM (VALUES ('p1', DATE '2026-10-01', 2.0, 20.0), ('p1', DATE '2026-01-01', 1.0, 99.0), "
        "('p2', DATE '2026-10-01', 1.0, 12.0), ('p3', DATE '2026-10-01', 1.0, 10.0)) AS v (product_id, order_date, quantity, line_amount_usd)"
    )
    publish(con)
    yield con
    con.close()


def read(workspace, name):
    with (workspace / "outbox" / "product_feeds" / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_products_that_are_out_pause_their_ads_and_nothing_that_is_out_is_offered_in_their_place(stocked, workspace):
    from activation.products import write_product_feeds

    write_product_feeds(stocked)
    assert read(workspace, "paused_products.csv") == [
        {"id": "CHA-3", "availability": "out_of_stock", "pause": "ads", "title": "Chá"}
    ]
    assert [r["id"] for r in read(workspace, "overstock_promotion.csv")] == ["TE-2"]
    feed = {r["id"]: r for r in read(workspace, "remarketing_feed.csv")}
    assert set(feed) == {"CAFE-1", "TE-2", "CHA-3"}, "what was not sold has no price and is not advertised"
    assert (
        feed["CAFE-1"]["price"] == "10.00 USD"
        and feed["CAFE-1"]["complements"] == "TAZA-4"
        and feed["CAFE-1"]["substitutes"] == "TE-2"
    )
    assert feed["TE-2"]["complements"] == "" and feed["CHA-3"]["substitutes"] == "CAFE-1|TE-2"
    before = {p.name: p.read_bytes() for p in (workspace / "outbox" / "product_feeds").iterdir()}
    write_product_feeds(stocked)
    assert {p.name: p.read_bytes() for p in (workspace / "outbox" / "product_feeds").iterdir()} == before
