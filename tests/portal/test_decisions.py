"""What people decide on the page: pairs of records, audiences, quarantine, requests, people; and that the next run obeys."""

from __future__ import annotations

import csv
import html
import io
import os
import re
import shutil
from datetime import UTC, datetime

import duckdb
import pytest
import yaml

from activation.audience import load_audiences
from identity.judgements import history, judgements
from portal.pages.review import waiting
from portal.reading import snapshot
from privacy import audit
from privacy.requests import KINDS, due, regime_of, regimes, requests
from warehouse.settings import proposals_folder


def fields(text, name):
    return [html.unescape(v) for v in re.findall(rf'name="{name}" value="([^"]*)"', text)]


def test_a_steward_decides_a_pair_and_the_next_run_obeys(enter, people, cdp, tmp_path):
    client = enter("steward")
    page = client.get("/review").text
    left, right = fields(page, "left")[0], fields(page, "right")[0]
    pair = waiting(snapshot())[0]
    assert (left, right) == (pair["record_l"], pair["record_r"]) and 'class="differs"' in page and 'class="for"' in page
    verdict = "not same" if pair["is_same"] else "same"

    after = client.post(
        "/review", data={"left": left, "right": right, "verdict": verdict, "reason": "misma dirección"}
    ).text

    assert judgements() == [(*sorted((left, right)), verdict)]
    assert (fields(after, "left")[:1], fields(after, "right")[:1]) != ([left], [right])
    data = tmp_path / "data"
    shutil.copytree(people, data, copy_function=os.link)
    for file in ("build.duckdb",):
        (data / "warehouse" / file).unlink()
        shutil.copy(people / "warehouse" / file, data / "warehouse" / file)
    operations = f"sqlite:///{tmp_path}/operations.sqlite"
    cdp(data, "link", CDP_OPERATIONS_URL=operations)
    cdp(data, "cluster", "--accept", "a steward decided", CDP_OPERATIONS_URL=operations)
    con = duckdb.connect(str(data / "warehouse" / "build.duckdb"), read_only=True)
    of = dict(
        con.execute(
            "SELECT record_key, customer_id FROM identity.members WHERE record_key IN (?, ?)", [left, right]
        ).fetchall()
    )
    con.close()
    assert (of[left] == of[right]) == (verdict == "same")


def test_a_decision_is_put_off_and_taken_back(enter):
    client = enter("steward")
    first = client.get("/review").text
    later = client.post(
        "/review",
        data={"left": fields(first, "left")[0], "right": fields(first, "right")[0], "verdict": "later", "skip": "0"},
    )
    assert "skip=1" in str(later.url) and judgements() == []
    client.post(
        "/review", data={"left": fields(first, "left")[0], "right": fields(first, "right")[0], "verdict": "same"}
    )
    number = history(1)[0].judgement_id

    client.post("/review/undo", data={"judgement_id": str(number)})

    assert judgements() == [] and history(1)[0].undone_by == "steward"
    assert fields(client.get("/review").text, "left") == fields(first, "left")
    assert {"judged same", "judgement undone", "pair looked at"} <= {e.action for e in audit.entries(actor="steward")}


def test_records_that_are_not_there_cannot_be_judged(enter):
    client = enter("steward")
    assert client.post("/review", data={"left": "a", "right": "b", "verdict": "same"}).status_code == 404
    assert client.post("/review", data={"left": "a", "right": "b", "verdict": "maybe"}).status_code == 422


COMPOSED = {
    "joins": "all",
    "column": ["orders_count", "country"],
    "condition": ["at_least", "one_of"],
    "value": ["2", "MX, ES"],
}
PROPOSED = {
    **COMPOSED, "name": "Compradores de México", "description": "Buyers of Mexico and Spain", "description_es": "Compradores de México y España",
    "holdout_pct": "10", "platform": "mailchimp", "purpose": "marketing", "channel": "email", "suppress": "late_payers",
}  # fmt: skip


def test_the_builder_counts_what_a_query_counts(enter):
    answer = enter("marketer").post("/builder", data=COMPOSED, headers={"hx-request": "true"})
    expected = snapshot().one(
        "SELECT count(*) AS n, count(*) FILTER (list_contains(reachable_channels, 'email')) AS mail FROM marts.customers "
        "WHERE orders_count >= 2 AND country IN ('MX', 'ES')"
    )
    assert f">{expected['n']}<" in answer.text and f">{expected['mail']}<" in answer.text and "<html" not in answer.text
    assert "orders_count es al menos 2 y country es uno de MX, ES" in answer.text
    whole = enter("marketer").post("/builder", data=COMPOSED)
    assert "<html" in whole.text and f">{expected['n']}<" in whole.text and 'value="MX, ES"' in whole.text


@pytest.mark.parametrize(
    ("column", "condition", "value"),
    [("orders_count", "has", "x"), ("orders_count", "at_least", "many"), ("email", "is", "ana@correo.mx"), ("no_such", "is", "1"),
     ("orders_count", "between", "1"), ("country", "over", "3"), ("last_order_date", "days_ago", "x, y"), ("orders_count) OR (1=1", "is", "1")],
)  # fmt: skip
def test_what_cannot_be_composed_is_said(enter, column, condition, value):
    answer = enter("marketer").post(
        "/builder", data={"joins": "all", "column": column, "condition": condition, "value": value}
    )
    assert answer.status_code == 200 and 'role="alert"' in answer.text


def test_a_proposal_becomes_an_audience_when_another_person_agrees(enter, people):
    marketer, engineer = enter("marketer"), enter("engineer")
    assert marketer.post("/proposals", data=PROPOSED).status_code == 200
    number = re.search(r'id="p(\d+)"', engineer.get("/proposals").text)[1]
    assert marketer.post(f"/proposals/{number}", data={"decision": "agreed"}).status_code == 403

    engineer.post(f"/proposals/{number}", data={"decision": "agreed", "reason": "bien"})

    try:
        made = load_audiences()["compradores_de_m_xico"]
        assert (
            made.holdout_pct == 10
            and made.suppress == ("late_payers",)
            and made.destinations[0].platform == "mailchimp"
        )
        assert made.who.rule.columns() == {"orders_count", "country"} and made.owner == "marketer"
        assert "compradores de m xico" in marketer.get("/audiences").text
        assert marketer.post("/proposals", data=PROPOSED).status_code == 422
    finally:
        shutil.rmtree(proposals_folder())


def test_nobody_agrees_to_their_own_proposal(enter):
    analyst = enter("analyst")
    analyst.post("/proposals", data=PROPOSED)
    number = re.search(r'id="p(\d+)"', analyst.get("/proposals").text)[1]
    assert analyst.post(f"/proposals/{number}", data={"decision": "agreed"}).status_code == 409
    assert enter("engineer").post(f"/proposals/{number}", data={"decision": "declined"}).status_code == 200
    assert not proposals_folder().exists()


@pytest.mark.parametrize("missing", ["name", "description_es", "column"])
def test_a_proposal_that_lacks_something_is_not_kept(enter, missing):
    form = {k: v for k, v in PROPOSED.items() if k != missing}
    assert enter("marketer").post("/proposals", data=form).status_code == 422


def test_a_proposal_is_yaml_as_an_engineer_writes_it(enter):
    from sqlalchemy import select

    from warehouse.operations import ProposalRow, session

    enter("marketer").post("/proposals", data=PROPOSED)
    with session() as db:
        text = db.scalars(select(ProposalRow)).one().declaration
    told = yaml.safe_load(text)
    assert told["who"]["rule"] == {
        "all": [{"column": "orders_count", "at_least": 2.0}, {"column": "country", "one_of": ["MX", "ES"]}]
    }


def test_laws_give_their_days():
    monday = datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert due("gdpr", "access", monday) == datetime(2026, 12, 2, 9, tzinfo=UTC)
    assert due("lfpdppp", "erasure", monday) == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert due("habeas_data", "access", datetime(2026, 11, 6, 9, tzinfo=UTC)) == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert [regime_of(c) for c in ("MX", "ES", "CO", "US", "BR", None)] == [
        "lfpdppp",
        "gdpr",
        "habeas_data",
        "ccpa",
        "lgpd",
        "gdpr",
    ]
    assert all(set(law.days) == set(KINDS) for law in regimes().values())


def test_a_request_is_taken_in_answered_with_a_file_and_closed(enter, monkeypatch):
    customer = snapshot_customer()
    marketer, privacy = enter("marketer"), enter("privacy")
    form = {"kind": "access", "regime": "lfpdppp", "reason": "carta del cliente"}
    assert marketer.post(f"/customers/{customer}/request", data=form).status_code == 200
    assert marketer.post(f"/customers/{customer}/request", data=form).status_code == 409
    number = requests(customer)[0].request_id
    assert "días" in privacy.get("/requests").text
    assert marketer.post(f"/requests/{number}/close", data={"outcome": "hecho"}).status_code == 403

    told = privacy.post(f"/requests/{number}/export")
    assert told.json()["customer_id"] == customer and told.json()["data"]["marts.customers"]
    privacy.post(f"/requests/{number}/close", data={"outcome": "enviado por carta"})

    row = requests(customer)[0]
    assert (row.closed_by, row.outcome) == ("privacy", "enviado por carta")
    assert {"access requested", "person exported", "access answered"} <= {
        e.action for e in audit.entries(subject=customer)
    }


def test_a_late_request_is_seen(enter, monkeypatch):
    customer = snapshot_customer()
    enter("steward").post(
        f"/customers/{customer}/request", data={"kind": "erasure", "regime": "argentina", "reason": "por teléfono"}
    )
    monkeypatch.setenv("CDP_NOW", "2026-11-08T06:00:00+00:00")
    assert 'class="badge bad"' in enter("privacy").get("/requests").text


def snapshot_customer():
    return snapshot().one("SELECT customer_id FROM marts.customers WHERE orders_count > 1 ORDER BY 1 LIMIT 1")[
        "customer_id"
    ]


def test_refused_rows_are_seen_masked_and_decided(enter, people, cdp):
    from quality.contract import load_contracts
    from quality.quarantine import reasons

    # One more export, whose only row has a birth date that is none.
    known = sorted((people / "inbox" / "hubspot").glob("*contactos*"))[0]
    head, first = known.read_text(encoding="utf-8-sig").splitlines()[:2]
    cells = next(csv.reader([first]))
    cells[next(csv.reader([head])).index("Fecha de nacimiento")] = "no es fecha"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    known.with_name(known.stem + "-mal" + known.suffix).write_text(head + "\n" + text.getvalue(), encoding="utf-8")
    cdp(people, "land", "hubspot_contacts")
    found = [r for r in reasons(load_contracts().values()) if r.file.endswith(f"-mal{known.suffix}")]
    assert len(found) == 1
    table, reason = found[0].table, found[0].reason
    engineer = enter("engineer")
    page = engineer.get(f"/health/quarantine/{table}", params={"reason": reason}).text
    assert reason in html.unescape(page) and "…(" in page
    assert (
        enter("analyst")
        .post(f"/health/quarantine/{table}", data={"action": "discard", "reason": reason, "why": "son pruebas"})
        .status_code
        == 403
    )
    assert (
        engineer.post(
            f"/health/quarantine/{table}", data={"action": "discard", "reason": reason, "why": ""}
        ).status_code
        == 422
    )

    engineer.post(f"/health/quarantine/{table}", data={"action": "discard", "reason": reason, "why": "son pruebas"})

    assert (table, reason) not in {(r.table, r.reason) for r in reasons(load_contracts().values())}
    assert [e.action for e in audit.entries(actor="engineer", subject=table)] == ["quarantine discard"]


def test_an_administrator_adds_changes_and_lets_people_go(enter):
    admin = enter("admin")
    text = admin.post("/people/add", data={"name": "nueva@empresa.example", "role": ["marketer", "analyst"]}).text
    password = re.search(r"role=\"status\">.*?<code>([^<]+)</code>", text, re.S)[1]
    client = enter("nueva@empresa.example", password=html.unescape(password))
    assert client.get("/builder").status_code == 200 and client.get("/people").status_code == 403
    assert password not in admin.get("/people").text

    admin.post("/people/change", data={"name": "nueva@empresa.example", "action": "end"})

    assert client.get("/").url.path == "/login"
    assert admin.post("/people/add", data={"name": "x", "role": "king"}).status_code == 409
    assert {"user added", "user changed: end"} <= {e.action for e in audit.entries(actor="admin")}


def test_a_changed_entry_of_the_audit_is_seen(enter):
    from sqlalchemy import update

    from warehouse.operations import AuditRow, session

    client = enter("privacy")
    for n in range(3):
        audit.record("marketer", "looked", f"C{n}", "test")
    assert "íntegra" in client.get("/audit").text
    with session() as db:
        db.execute(update(AuditRow).where(AuditRow.audit_id == 2).values(reason="nothing"))
    assert "rota en la fila 2" in client.get("/audit").text
