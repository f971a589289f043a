"""The API: what it promises in its own document holds for whatever is sent; tokens open what their role may do and no more."""

from __future__ import annotations

import json

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from portal.api import BASE, document
from portal.app import make_app
from portal.reading import snapshot
from privacy import audit
from privacy.people import add_token, end_token

schema = schemathesis.openapi.from_asgi(f"{BASE}/openapi.json", make_app())
OPERATIONS = [found.ok() for found in schema.get_all_operations()]


@pytest.fixture
def ask(people):
    """Ask with a token of a role."""

    def client(role="marketer", name="site"):
        return TestClient(
            make_app(),
            headers={"authorization": f"Bearer {add_token(name, role, 'admin')}"},
            raise_server_exceptions=False,
        )

    return client


@pytest.fixture
def customer(people):
    return snapshot().one(
        "SELECT customer_id, email, phone, tax_id FROM marts.customers WHERE email IS NOT NULL AND phone IS NOT NULL AND orders_count > 1 "
        "ORDER BY 1 LIMIT 1"
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=[o.label for o in OPERATIONS])
def test_whatever_is_sent_the_document_holds(people, operation):
    token = add_token("schemathesis", "steward", "admin")

    @given(case=operation.as_strategy())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

    check()


def test_without_a_token_nothing_is_told(people):
    client = TestClient(make_app())
    for path in document()["paths"]:
        url = (
            path.replace("{customer_id}", "C1")
            .replace("{name}", "vip")
            .replace("{kind}", "customer")
            .replace("{subject_id}", "C1")
        )
        for headers in ({}, {"authorization": "Bearer cdp_wrong"}, {"authorization": "Basic YTpi"}):
            answer = client.request(
                "POST" if url.endswith("find") else "GET",
                url,
                headers=headers,
                json={"kind": "email", "value": "a@b.es"},
            )
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", url
    assert client.get(f"{BASE}/openapi.json").json()["openapi"].startswith("3.")


def test_a_session_of_the_page_does_not_open_the_api(enter):
    assert enter("marketer").get(f"{BASE}/audiences").status_code == 401


def test_a_token_ends_when_its_time_is_over_or_it_is_taken_back(ask, monkeypatch):
    client = ask()
    assert client.get(f"{BASE}/status").status_code == 200
    monkeypatch.setenv("CDP_NOW", "2027-11-02T06:00:00+00:00")
    assert client.get(f"{BASE}/status").status_code == 401
    monkeypatch.setenv("CDP_NOW", "2026-11-01T06:00:00+00:00")
    end_token("site")
    assert client.get(f"{BASE}/status").status_code == 401


def test_one_customer_is_told_masked_and_in_clear_with_a_reason(ask, customer):
    client, number = ask("steward"), customer["customer_id"]
    masked = client.get(f"{BASE}/customers/{number}").json()
    assert masked["is_masked"] and masked["email"] != customer["email"] and customer["email"] not in json.dumps(masked)
    assert masked["profile"]["orders_count"] > 1 and "marketing/email" in {**masked["consents"], "marketing/email": 0}

    clear = client.get(f"{BASE}/customers/{number}", params={"reason": "chat de soporte"}).json()

    assert clear["email"] == customer["email"] and not clear["is_masked"]
    entry = audit.entries(actor="token site", subject=number)[0]
    assert (entry.action, entry.reason) == ("customer revealed", "chat de soporte")


def test_a_role_that_may_not_reveal_does_not(ask, customer):
    client = ask("analyst")
    assert client.get(f"{BASE}/customers/{customer['customer_id']}").json()["is_masked"]
    assert client.get(f"{BASE}/customers/{customer['customer_id']}", params={"reason": "curiosidad"}).status_code == 403
    assert ask("admin", "other").get(f"{BASE}/customers/{customer['customer_id']}").status_code == 403


@pytest.mark.parametrize("kind", ["email", "phone", "tax_id"])
def test_somebody_is_found_by_what_is_known(ask, people, kind):
    row = snapshot().one(
        f"SELECT customer_id, {kind} AS value FROM marts.customers WHERE {kind} IS NOT NULL ORDER BY 1 LIMIT 1"
    )
    found = ask().post(f"{BASE}/customers/find", json={"kind": kind, "value": row["value"]}).json()
    assert row["customer_id"] in found["customer_ids"]
    assert row["value"] not in json.dumps([e.subject for e in audit.entries()])


def test_an_answer_never_repeats_what_was_sent(ask):
    answer = ask().post(
        f"{BASE}/customers/find",
        json={"kind": "email", "value": "ana.lopez@correo.example", "more": "ana.lopez@correo.example"},
    )
    assert answer.status_code == 422 and "ana.lopez" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_decisions_audiences_and_figures_are_those_of_the_file(ask, people):
    client = ask("analyst")
    decided = snapshot().one(
        "SELECT kind, id FROM audiences.activation.decisions WHERE kind = 'customer' ORDER BY 2 LIMIT 1"
    )
    told = client.get(f"{BASE}/decisions/customer/{decided['id']}").json()
    assert told and set(told[0]) == {"placement", "content", "reason"}
    size = snapshot().one(
        "SELECT customers FROM audiences.activation.audience_counts WHERE audience = 'reengage' AND state = 'member'"
    )["customers"]
    assert client.get(f"{BASE}/audiences/reengage").json()["members"] == size
    assert {f["figure"] for f in client.get(f"{BASE}/figures", params={"figure": "nrr_pct"}).json()} == {"nrr_pct"}
    assert (
        client.get(f"{BASE}/audiences/nobody").status_code == 404
        and client.get(f"{BASE}/customers/C0").status_code == 404
    )
