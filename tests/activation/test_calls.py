"""Platforms that are called: the state at the platform is the state that was wanted, whatever goes wrong on the way, and nobody is sent twice
who was acknowledged."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from types import SimpleNamespace

import httpx
import pytest

from activation import deliver as delivery
from activation.client import Client, Clock, limits_of
from activation.connections import Connection
from activation.deliver import confirm_deliveries, deliver_audiences
from activation.destinations import DESTINATIONS
from activation.destinations.webhook import signature
from activation.errors import Refused, Retryable, Terminal
from activation.plan import read_plan
from activation.showing import build_showing
from tests.activation import killed
from warehouse.duck import connect, rows
from warehouse.faults import InjectedFault

TOKEN = "secret-token"
SECRET = "whsec_" + "c2VjcmV0LXRva2VuLXNlY3JldC10b2tlbg=="
PLACES = {
    "google_data_manager": "4711",
    "meta_marketing_api": "238",
    "mailchimp_api": "abc/vip",
    "klaviyo": "XyZ",
    "webhook": "vip",
    "tiktok_api": "7",
    "linkedin_api": "44",
    "pinterest_api": "55",
    "microsoft_api": "66",
    "hubspot": "77",
    "hubspot_tasks": "Call the customer",
    "sendgrid": "11111111-2222-4333-8444-555555555555",
    "salesforce": "Is_Vip__c",
    "salesforce_tasks": "Call the customer",
    "odoo_leads": "VIP",
}
EXTRA = {"operating_account": "1234567890", "advertiser_id": "9", "ad_account_id": "8", "database": "empresa"}
#: Platforms where a person is at work on what was made, so that nothing is taken back.
STAYS = ("hubspot_tasks", "salesforce_tasks", "odoo_leads")  # fmt: skip


@pytest.fixture
def instant(monkeypatch):
    """No time passes between tries; what was waited is counted."""
    waited = []
    clock = Clock(now=lambda: float(len(waited)) * 1000, sleep=waited.append)
    monkeypatch.setattr("activation.client.Clock", lambda: clock)
    return waited


@pytest.fixture
def called(workspace, monkeypatch, new_company, platform, instant):
    """A company whose audience goes to one platform that is called."""

    def make(name, **more):
        target = {
            "platform": name,
            "list": PLACES[name],
            "purpose": "marketing",
            "channel": "email",
            "connection": "it",
        }
        company = new_company(workspace, monkeypatch, destinations=[target], max_remove_pct=100, **more)
        secret = SECRET if name == "webhook" else TOKEN
        account = Connection(platform.url, "", secret, EXTRA)
        monkeypatch.setattr(delivery, "no_connections", lambda _: account)
        company.deliver = lambda: deliver_audiences(lambda _: account)
        company.confirm = lambda: confirm_deliveries(lambda _: account)
        company.account = account
        company.name = name
        return company

    return make


def go(company):
    company.run(deliver=False)
    return company.deliver()


def on_list(platform, name):
    known = platform.lists.get(PLACES[name].split("/")[0], {})
    if name == "mailchimp_api":
        return sorted(email for email, tags in known.items() if "vip" in tags)
    return sorted(str(key) for key in known)


def expected(company):
    """Who should be there, in the platform's own terms."""
    wanted = sorted(c for c in company.vip if company.granted[c])
    if company.name in ("mailchimp_api", "hubspot", "sendgrid"):
        return sorted(company.people[c]["email"] for c in wanted)
    if company.name in ("google_data_manager", "tiktok_api", "linkedin_api", "pinterest_api", "microsoft_api"):
        return sorted(hashlib.sha256(company.people[c]["email"].encode()).hexdigest() for c in wanted)
    return wanted


@pytest.mark.parametrize("name", list(PLACES))
def test_the_platform_ends_with_those_who_should_be_there_and_a_second_run_calls_nobody(called, platform, name):
    company = called(name)
    go(company)
    assert on_list(platform, name) == expected(company)
    calls = len(platform.calls)
    go(company)
    assert len(platform.calls) == calls
    company.vip.discard("C1")
    company.granted["C2"] = False
    company.people["C3"]["email"] = "nueva@x.example"
    go(company)
    # What was made for a person to work on stays where it is.
    gone = ["C1", "C2"] if name in STAYS else []
    assert on_list(platform, name) == sorted([*expected(company), *gone])


@pytest.mark.parametrize("name", list(PLACES))
@pytest.mark.parametrize(
    "faults",
    [
        [(429, [("Retry-After", "7")])], [(429, [])], [(500, [])], [(503, []), (502, [])], ["drop"], ["answer lost"], ["half an answer"],
        [(429, [("Retry-After", "Fri, 01 Jan 2027 00:00:00 GMT")])],
    ],
    ids=["429 with Retry-After", "429", "500", "twice", "connection cut", "taken but no answer", "half an answer", "Retry-After far away"],
)  # fmt: skip
def test_what_goes_wrong_on_the_way_ends_in_the_wanted_state(called, platform, name, faults):
    company = called(name)
    company.run(deliver=False)
    platform.faults += faults
    try:
        company.deliver()
    except Retryable:
        company.deliver()
    assert on_list(platform, name) == expected(company)


@pytest.mark.parametrize("name", ["google_data_manager", "meta_marketing_api", "klaviyo"])
@pytest.mark.parametrize("fault", ["never taken", "answer late"])
def test_a_platform_that_does_not_answer_in_time_ends_in_the_wanted_state(called, platform, monkeypatch, name, fault):
    monkeypatch.setattr("activation.client.TIMEOUT_S", 0.5)
    company = called(name)
    company.run(deliver=False)
    platform.faults.append(fault)
    company.deliver()
    assert on_list(platform, name) == expected(company)


def test_retry_after_is_honoured_and_one_that_is_too_long_is_left_for_the_next_run(called, platform, instant):
    company = called("google_data_manager")
    company.run(deliver=False)
    platform.faults.append((429, [("Retry-After", "7")]))
    company.deliver()
    assert 7.0 in instant
    company.vip.discard("C1")
    company.run(deliver=False)
    platform.faults.append((429, [("Retry-After", "86400")]))
    with pytest.raises(Retryable, match="asks to wait 86400 s"):
        company.deliver()


def test_wrong_credentials_are_said_once_and_send_nothing(called, platform):
    company = called("google_data_manager")
    company.run(deliver=False)
    wrong = Connection(platform.url, "", "wrong", {"operating_account": "1"})
    with pytest.raises(Terminal, match="credentials of its connection are not accepted"):
        deliver_audiences(lambda _: wrong)
    assert platform.lists == {} and len(platform.calls) == 1


@pytest.mark.parametrize("name", ["google_data_manager", "meta_marketing_api", "mailchimp_api"])
def test_a_row_that_spoils_a_batch_is_found_and_the_others_arrive(called, platform, name):
    company = called(name)
    email = company.people["C4"]["email"]
    platform.poison = {email, hashlib.sha256(email.encode()).hexdigest()}
    go(company)
    company_without = SimpleNamespace(**{**vars(company), "vip": company.vip - {"C4"}})
    assert on_list(platform, name) == expected(company_without)
    con = connect()
    from activation.ledger import register_ledger

    register_ledger(con)
    letters = rows(con, "SELECT customer_id, reason, tries FROM activation.dead_letters")
    con.close()
    assert [(r["customer_id"], r["tries"]) for r in letters] == [("C4", 1)] and email not in letters[0]["reason"]
    go(company)
    assert rows_of_dead_letters()[0]["tries"] == 2
    platform.poison = set()
    go(company)
    assert on_list(platform, name) == expected(company) and rows_of_dead_letters() == []


def rows_of_dead_letters():
    from activation.ledger import register_ledger

    con = connect()
    register_ledger(con)
    found = rows(con, "SELECT customer_id, tries FROM activation.dead_letters")
    con.close()
    return found


@pytest.mark.parametrize("point", ["deliver.before_send", "deliver.after_send", "deliver.after_journal"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_crash_between_batches_sends_nobody_twice_who_was_acknowledged(called, platform, monkeypatch, point, nth):
    company = called("webhook")
    monkeypatch.setattr(
        "activation.destinations.api.limits_of", lambda _: limits_of("webhook").model_copy(update={"batch": 2})
    )
    company.run(deliver=False)
    monkeypatch.setenv("CDP_FAULT", f"{point}:raise:{nth}")
    try:
        company.deliver()
    except Exception as error:
        assert "InjectedFault" in repr(error) or isinstance(error, InjectedFault)
    monkeypatch.delenv("CDP_FAULT")
    acknowledged = acknowledged_customers()
    sent_before = dict(platform.seen)
    company.deliver()
    company.deliver()

    assert on_list(platform, "webhook") == expected(company)
    for customer in acknowledged:
        key = ("vip", customer, False)
        assert platform.seen[key] == sent_before[key] == 1


@pytest.fixture(scope="module")
def starter():
    """Starts processes that have read the program already, each a copy of one that has no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["activation.deliver"])
    return context


@pytest.mark.parametrize("name", list(PLACES))
@pytest.mark.parametrize("point", ["deliver.after_send:kill:1", "deliver.after_journal:kill:1"])
def test_a_killed_process_ends_in_the_wanted_state_at_every_platform(called, platform, starter, name, point):
    company = called(name)
    company.run(deliver=False)
    environment = {k: v for k, v in os.environ.items() if k.startswith("CDP_")} | {"CDP_FAULT": point}
    process = starter.Process(target=killed.deliver, args=(environment, tuple(vars(company.account).values()), name))
    process.start()
    process.join(60)
    assert process.exitcode == 137

    acknowledged = acknowledged_customers()
    assert len(acknowledged) == (2 if "journal" in point else 0)
    sent_before = {c: times_sent(platform, company, c) for c in acknowledged}
    company.deliver()
    company.deliver()
    assert on_list(platform, name) == expected(company)
    assert {c: times_sent(platform, company, c) for c in acknowledged} == sent_before
    assert all(times == 1 for times in sent_before.values())
    assert len(acknowledged_customers()) == len(expected(company))


def times_sent(platform, company, customer):
    """How often a customer was put on the list, by what the platform knows them by."""
    only = SimpleNamespace(**{**vars(company), "vip": {customer}})
    return sum(n for (_, key, is_removal), n in platform.seen.items() if key == expected(only)[0] and not is_removal)


def acknowledged_customers():
    from activation.ledger import register_ledger

    con = connect()
    register_ledger(con)
    found = [r["customer_id"] for r in rows(con, "SELECT customer_id FROM activation.ledger")]
    con.close()
    return found


def test_a_request_that_failed_in_the_background_is_sent_again(called, platform):
    company = called("google_data_manager")
    go(company)
    platform.status = {"requestStatus": "PROCESSING"}
    assert company.confirm().facts == {"processing": 1}
    platform.status = {
        "requestStatus": "FAILED",
        "errorInfo": {"errorCounts": [{"reason": "PROCESSING_ERROR_REASON_INTERNAL_ERROR"}]},
    }
    assert company.confirm().facts == {"failed": 1}
    calls = len(platform.calls)
    ingested = {"uploadMatchRateRange": "MATCH_RATE_RANGE_71_TO_80"}
    platform.status = {
        "requestStatus": "SUCCESS",
        "audienceMembersIngestionStatus": {"userDataIngestionStatus": ingested},
    }
    go(company)
    assert len(platform.calls) == calls + 1
    assert company.confirm().facts == {"confirmed": 1}
    con = connect()
    told, low, high = con.execute(
        "SELECT told, matched_low_pct, matched_high_pct FROM activation.confirmations WHERE status = 'confirmed'"
    ).fetchall()[0]
    con.close()
    assert "MATCH_RATE_RANGE_71_TO_80" in told
    assert (low, high) == (71, 80)
    assert company.confirm().rows_in == 0


def test_a_match_rate_is_of_the_delivery_that_made_the_request(called, platform):
    company = called("google_data_manager")
    go(company)
    ingested = {"uploadMatchRateRange": "MATCH_RATE_RANGE_71_TO_80"}
    platform.status = {
        "requestStatus": "SUCCESS",
        "audienceMembersIngestionStatus": {"userDataIngestionStatus": ingested},
    }
    company.confirm()
    company.vip.discard("C1")
    go(company)
    con = connect()
    build_showing(con)
    found = rows(
        con,
        "SELECT audience, platform, customers, status, matched_low_pct, matched_high_pct FROM activation.delivery_requests ORDER BY customers DESC",
    )
    con.close()
    shown = {"audience": "vip", "platform": "google_data_manager"}
    assert found == [
        {
            **shown,
            "customers": len(expected(company)) + 1,
            "status": "confirmed",
            "matched_low_pct": 71.0,
            "matched_high_pct": 80.0,
        },
        {**shown, "customers": 1, "status": "accepted", "matched_low_pct": None, "matched_high_pct": None},
    ]


def test_a_broken_platform_keeps_no_other_back(workspace, monkeypatch, new_company, platform, instant):
    targets = [
        {
            "platform": "google_data_manager",
            "list": "4711",
            "purpose": "marketing",
            "channel": "email",
            "connection": "broken",
        },
        {"platform": "klaviyo", "list": "XyZ", "purpose": "marketing", "channel": "email", "connection": "fine"},
    ]
    company = new_company(workspace, monkeypatch, destinations=targets)
    company.run(deliver=False)
    accounts = {
        "broken": Connection("http://127.0.0.1:9", "", TOKEN, {"operating_account": "1"}), "fine": Connection(platform.url, "", TOKEN, {}),
    }  # fmt: skip
    with pytest.raises(Retryable, match="google_data_manager audienceMembers:ingest: ConnectError after 6 tries"):
        deliver_audiences(accounts.__getitem__)
    assert sorted(platform.lists["XyZ"]) == [f"C{n}" for n in range(1, 7)]


def test_calls_keep_to_the_published_limit():
    at = [0.0]
    made = []

    def answer(request):
        made.append(at[0])
        return httpx.Response(200, json={})

    def sleep(seconds):
        at[0] += seconds

    client = Client(
        "google_data_manager",
        "http://x",
        {},
        calls_a_minute=30,
        transport=httpx.MockTransport(answer),
        clock=Clock(lambda: at[0], sleep),
    )
    for _ in range(95):
        client.call("GET", "e", "/")
    for start in made:
        assert sum(start <= t < start + 60 for t in made) <= 30
    assert at[0] == 180


def test_a_plan_says_how_many_calls_and_minutes_it_takes(called):
    company = called("klaviyo")
    company.run(deliver=False)
    plan = read_plan("vip", "klaviyo")
    assert (plan.calls, plan.minutes) == (1, 0.01)


def test_messages_of_a_webhook_are_signed_by_the_standard(called, platform):
    # The vector is printed in the specification of Standard Webhooks.
    known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert (
        signature(known, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    company = called("webhook")
    go(company)
    headers, raw = platform.messages[0]
    told = {k.lower(): v for k, v in headers.items()}
    assert told["webhook-signature"] == signature(SECRET, told["webhook-id"], told["webhook-timestamp"], raw)


def test_errors_hold_no_body():
    def answer(request):
        return httpx.Response(422, json={"detail": "ana@x.example is wrong"})

    client = Client("klaviyo", "http://x", {}, transport=httpx.MockTransport(answer))
    with pytest.raises(Refused) as caught:
        client.call("POST", "profiles", "/api/profiles/ana@x.example", json={})
    assert "ana" not in str(caught.value)


def test_mailchimp_never_revives_and_klaviyo_never_subscribes(called, platform):
    go(called("mailchimp_api"))
    assert set(DESTINATIONS) >= set(PLACES)
    assert not any("subscription" in path for _, path in platform.calls)
