"""What goes to platforms besides members, and what comes back: conversions, refusals, reconciles, refreshes; and places for files."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from activation.client import limits_of
from activation.connections import Connection
from activation.conversions import send_conversions, waiting_conversions
from activation.deliver import RELEASED, confirm_deliveries, deliver_audiences, read_refusals
from activation.errors import Retryable, StalePlan, Terminal
from activation.ledger import register_ledger
from activation.plan import read_plan
from warehouse.duck import connect, rows
from warehouse.errors import DeclarationError
from warehouse.faults import InjectedFault
from warehouse.publish import publish

TOKEN = "secret-token"
EXTRA = {"operating_account": "1", "advertiser_id": "9", "ad_account_id": "8"}


@pytest.fixture
def to(workspace, monkeypatch, new_company, platform):
    """A company whose audience goes to one platform."""

    def make(name, place, channel="email", **more):
        target = {
            "platform": name,
            "list": place,
            "purpose": "marketing",
            "channel": channel,
            "connection": "it",
            **more,
        }
        company = new_company(workspace, monkeypatch, destinations=[target], max_remove_pct=100)
        company.account = Connection(platform.url, "", TOKEN, EXTRA)
        company.deliver = lambda: deliver_audiences(lambda _: company.account)
        company.confirm = lambda: confirm_deliveries(lambda _: company.account)
        return company

    return make


def go(company):
    company.run(deliver=False)
    return company.deliver()


# ---------------------------------------------------------------- read back


@pytest.mark.parametrize(
    ("name", "place", "refusing", "reason"),
    [
        ("mailchimp_api", "abc/vip", {"unsubscribed": ["ana1@x.example"]}, "unsubscribed at mailchimp_api"),
        ("mailchimp_api", "abc/vip", {"cleaned": ["ANA1@x.example "]}, "cannot be reached by mailchimp_api"),
        ("klaviyo", "XyZ", {"SPAM_COMPLAINT": ["ana1@x.example"]}, "complained at klaviyo"),
        ("sendgrid", "l1", {"spam_reports": ["ana1@x.example"]}, "complained at sendgrid"),
        ("sendgrid", "l1", {"unsubscribes": ["ana1@x.example"]}, "unsubscribed at sendgrid"),
    ],
)
def test_who_refuses_at_a_platform_is_taken_off_and_never_sent_again(to, platform, name, place, refusing, reason):
    company = to(name, place)
    go(company)
    platform.refusing = refusing
    assert read_refusals(lambda _: company.account).rows_out == 1
    assert read_refusals(lambda _: company.account).rows_out == 0
    go(company)
    assert read_plan("vip", name).counts == {"remove": 1, "unchanged": 5}
    # A grant that the company holds does not lift what the platform was told.
    company.granted["C1"] = True
    go(company)
    assert read_plan("vip", name).refused == {reason: 1}


def test_nothing_that_is_read_back_holds_an_address(to, platform, workspace):
    company = to("mailchimp_api", "abc/vip")
    go(company)
    platform.refusing = {"unsubscribed": ["ana1@x.example"]}
    read_refusals(lambda _: company.account)
    kept = b"".join(p.read_bytes() for p in (workspace / "state" / "readback").glob("*.parquet"))
    assert kept and b"ana1" not in kept


def test_who_refuses_between_plan_and_delivery_stops_the_plan(to, platform):
    company = to("mailchimp_api", "abc/vip")
    company.run(deliver=False)
    platform.refusing = {"unsubscribed": ["ana1@x.example"]}
    read_refusals(lambda _: company.account)
    with pytest.raises(StalePlan, match="1 of the plan have no consent"):
        company.deliver()


# ---------------------------------------------------------------- reconcile and refresh


def at(monkeypatch, moment):
    monkeypatch.setenv("CDP_NOW", moment.isoformat())


def test_a_list_is_brought_in_step_whole_and_who_was_put_there_by_hand_goes(to, platform, monkeypatch):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("google_data_manager", "4711", reconcile_days=30)
    go(company)
    at(monkeypatch, start + timedelta(days=29))
    go(company)
    assert not platform.removed_all
    at(monkeypatch, start + timedelta(days=30))
    company.run(deliver=False)
    plan = read_plan("vip", "google_data_manager")
    assert plan.is_reconcile and plan.counts == {"update": 6}
    company.deliver()
    assert platform.removed_all == [
        {
            "destinations": [
                {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1"}, "productDestinationId": "4711"}
            ],
            "removeAsOfTime": "2026-12-01T06:00:00Z",
        }
    ]
    at(monkeypatch, start + timedelta(days=31))
    go(company)
    assert len(platform.removed_all) == 1 and read_plan("vip", "google_data_manager").counts == {"unchanged": 6}


@pytest.mark.parametrize("fault", [None, (500, []), "answer lost", "poison"])
def test_metas_audience_is_handed_over_whole_so_that_strangers_go(to, platform, monkeypatch, fault):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("meta_marketing_api", "238", reconcile_days=30)
    small = limits_of("meta_marketing_api").model_copy(update={"batch": 4})
    monkeypatch.setattr("activation.destinations.meta_marketing_api.limits_of", lambda _: small)
    go(company)
    wanted = set(platform.lists["238"])
    platform.lists["238"]["by hand"] = ["by hand"]
    platform.lists["238"].pop(min(wanted))
    at(monkeypatch, start + timedelta(days=30))
    company.run(deliver=False)
    assert read_plan("vip", "meta_marketing_api").is_reconcile
    if fault == "poison":
        email = company.people["C4"]["email"]
        platform.poison = {hashlib.sha256(email.encode()).hexdigest()}
        company.deliver()
        # One row spoils the session: everybody else is sent as on any other day, and the stranger waits for the next time.
        assert set(platform.lists["238"]) == wanted | {"by hand"}
        return
    if fault:
        platform.faults.append(fault)
    company.deliver()
    assert set(platform.lists["238"]) == wanted
    calls = len(platform.calls)
    go(company)
    assert len(platform.calls) == calls and not read_plan("vip", "meta_marketing_api").is_reconcile


def test_a_whole_list_that_was_begun_in_batches_is_ended_in_batches(to, platform, monkeypatch):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("meta_marketing_api", "238", reconcile_days=30)
    small = limits_of("meta_marketing_api").model_copy(update={"batch": 2})
    for module in ("api", "meta_marketing_api"):
        monkeypatch.setattr(f"activation.destinations.{module}.limits_of", lambda _: small)
    go(company)
    at(monkeypatch, start + timedelta(days=30))
    company.run(deliver=False)
    # A row that spoils the session, so that everybody is sent in batches, and a crash after the first of them.
    email = company.people["C6"]["email"]
    platform.poison = {hashlib.sha256(email.encode()).hexdigest()}
    monkeypatch.setenv("CDP_FAULT", "deliver.after_journal:raise:1")
    with pytest.raises(Exception, match="InjectedFault"):
        company.deliver()
    monkeypatch.delenv("CDP_FAULT")
    platform.poison = set()
    company.deliver()
    # Handing over the rest as if it were the whole list would have taken the first batch off.
    assert len(platform.lists["238"]) == 6


def test_meta_says_later_how_many_of_a_session_it_knows(to, platform):
    company = to("meta_marketing_api", "238")
    go(company)
    assert company.confirm().facts == {"processing": 1}
    con = connect()
    register_ledger(con)
    session = con.execute("SELECT DISTINCT request_id FROM activation.ledger").fetchall()[0][0]
    platform.sessions[session] = {"num_received": "6", "num_matched": "0", "progress": "40", "stage": "matching"}
    assert company.confirm().facts == {"processing": 1}
    platform.sessions[session] = {
        "num_received": "6",
        "num_matched": "4",
        "num_invalid_entries": "0",
        "progress": "100",
        "stage": "done",
    }
    assert company.confirm().facts == {"confirmed": 1}
    register_ledger(con)
    low = con.execute("SELECT matched_low_pct FROM activation.confirmations").fetchall()[0][0]
    con.close()
    assert low == 66.7 and company.confirm().rows_in == 0


def test_a_request_is_asked_about_for_a_week(to, platform, monkeypatch):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("meta_marketing_api", "238", reconcile_days=0)
    go(company)
    at(monkeypatch, start + timedelta(days=7))
    assert company.confirm().rows_in == 1
    at(monkeypatch, start + timedelta(days=7, seconds=1))
    assert company.confirm().rows_in == 0


def test_a_list_that_two_audiences_fill_loses_nobody_of_the_other(to, platform, monkeypatch, workspace):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("google_data_manager", "4711", reconcile_days=30)
    declared = json.loads((workspace / "audiences" / "vip.yml").read_text())
    other = {**declared, "name": "others", "who": {"segment": "late_payers"}, "suppress": []}
    (workspace / "audiences" / "others.yml").write_text(json.dumps(other))
    company.late = {"C1"}
    go(company)
    at(monkeypatch, start + timedelta(days=30))
    company.run(deliver=False)
    assert read_plan("vip", "google_data_manager").is_reconcile
    company.deliver()
    assert not platform.removed_all and len(platform.lists["4711"]) == 6


@pytest.mark.parametrize("platform_name", ["google_data_manager", "meta_custom_audience"])
def test_who_leaves_one_of_two_audiences_of_a_list_stays_until_both_are_left(to, platform, workspace, platform_name):
    company = (
        to(platform_name, "4711")
        if platform_name == "google_data_manager"
        else to(platform_name, "4711", connection=None)
    )
    declared = json.loads((workspace / "audiences" / "vip.yml").read_text())
    declared["suppress"] = []
    (workspace / "audiences" / "vip.yml").write_text(json.dumps(declared))
    other = {**declared, "name": "others", "who": {"segment": "late_payers"}}
    (workspace / "audiences" / "others.yml").write_text(json.dumps(other))
    company.late = {"C1", "C2"}
    go(company)
    calls = len(platform.calls)
    company.vip -= {"C1", "C3"}
    company.run(deliver=False)
    plan = read_plan("vip", platform_name)
    assert {k: plan.counts[k] for k in ("remove", "release")} == {"remove": 1, "release": 1}
    company.deliver()
    con = connect()
    register_ledger(con)
    told = con.execute(
        "SELECT customer_id, op, reason FROM activation.ledger WHERE audience = 'vip' AND op = 'remove' ORDER BY 1"
    ).fetchall()
    present = con.execute(
        "SELECT audience, customer_id FROM activation.present WHERE customer_id IN ('C1', 'C3') ORDER BY ALL"
    ).fetchall()
    con.close()
    assert told[0] == ("C1", "remove", RELEASED) and told[1][0] == "C3"
    assert present == [("others", "C1")]
    if platform_name == "google_data_manager":
        mail = hashlib.sha256(company.people["C1"]["email"].encode()).hexdigest()
        assert mail in platform.lists["4711"] and len(platform.lists["4711"]) == 5
        assert len(platform.calls) == calls + 1
    company.run(deliver=False)
    assert "release" not in read_plan("vip", platform_name).counts
    company.late -= {"C1"}
    company.run(deliver=False)
    assert read_plan("others", platform_name).counts["remove"] == 1
    company.deliver()
    if platform_name == "google_data_manager":
        assert mail not in platform.lists["4711"]


def test_who_may_not_be_written_to_leaves_a_list_that_two_audiences_fill(to, platform, workspace):
    company = to("google_data_manager", "4711")
    declared = json.loads((workspace / "audiences" / "vip.yml").read_text())
    declared["suppress"] = []
    (workspace / "audiences" / "vip.yml").write_text(json.dumps(declared))
    other = {**declared, "name": "others", "who": {"segment": "late_payers"}}
    (workspace / "audiences" / "others.yml").write_text(json.dumps(other))
    company.late = {"C1", "C2"}
    go(company)
    company.granted["C1"] = False
    go(company)
    mail = hashlib.sha256(company.people["C1"]["email"].encode()).hexdigest()
    assert mail not in platform.lists["4711"]


def test_members_are_sent_again_before_the_platform_forgets_them(to, platform, monkeypatch):
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    at(monkeypatch, start)
    company = to("google_data_manager", "4711", reconcile_days=0)
    company.vip.discard("C6")
    go(company)
    at(monkeypatch, start + timedelta(days=400))
    company.vip.add("C6")
    go(company)
    at(monkeypatch, start + timedelta(days=480))
    company.run(deliver=False)
    assert read_plan("vip", "google_data_manager").counts == {"unchanged": 1, "update": 5}
    company.deliver()
    company.run(deliver=False)
    assert read_plan("vip", "google_data_manager").counts == {"unchanged": 6}


# ---------------------------------------------------------------- conversions


def declare(workspace, monkeypatch, *feeds):
    path = workspace / "conversions.yml"
    path.write_text(json.dumps({"feeds": list(feeds)}))
    monkeypatch.setenv("CDP_CONVERSIONS", str(path))


GOOGLE = {"name": "google_orders", "platform": "google_data_manager", "connection": "it", "place": "99", "days": 60}
META = {"name": "meta_orders", "platform": "meta_marketing_api", "connection": "it", "place": "77", "days": 7}


@pytest.fixture
def selling(workspace, monkeypatch, new_company, platform):
    """A company with orders, whose customers said yes to ads but for C2."""
    company = new_company(workspace, monkeypatch, destinations=[])
    company.orders = [
        ("o1", "C1", "2026-10-30 12:00:00", "web", "10.5000", False), ("o2", "C2", "2026-10-30 12:00:00", "web", "20.0000", False),
        ("o3", "C3", "2026-09-15 12:00:00", "store", "30.0000", False), ("o4", "C4", "2026-01-01 12:00:00", "web", "40.0000", False),
        ("o5", "C5", "2026-10-31 09:00:00", "web", "-5.0000", True), ("o6", None, "2026-10-31 09:00:00", "web", "9.0000", False),
    ]  # fmt: skip

    def tell():
        con = connect()
        con.execute("ALTER TABLE marts.customers ADD COLUMN IF NOT EXISTS as_of_date DATE DEFAULT DATE '2026-10-31'")
        con.execute(
            "CREATE OR REPLACE TABLE marts.orders (order_id VARCHAR, customer_id VARCHAR, ordered_at TIMESTAMP, channel VARCHAR, "
            "revenue DECIMAL(18, 4), is_credit_note BOOLEAN, currency VARCHAR, order_date DATE)"
        )
        for order in company.orders:
            con.execute("INSERT INTO marts.orders SELECT ?, ?, ?, ?, ?, ?, 'MXN', NULL", list(order))
        con.execute("UPDATE marts.orders SET order_date = ordered_at::DATE")
        con.execute("DELETE FROM marts.consents")
        for person in company.people:
            con.execute(
                "INSERT INTO marts.consents VALUES (?, 'advertising', 'ads', ?, true)", [person, person != "C2"]
            )
        publish(con)
        con.close()
        return send_conversions(lambda _: Connection(platform.url, "", TOKEN, EXTRA))

    company.run(deliver=False)
    company.tell = tell
    return company


def test_orders_are_told_once_of_those_who_consented_and_again_when_the_amount_changes(
    selling, platform, workspace, monkeypatch
):
    declare(workspace, monkeypatch, GOOGLE)
    selling.tell()
    events = platform.lists["events"]
    assert sorted(events) == ["o1", "o3"]
    assert (
        events["o1"]["conversionValue"] == 10.5
        and events["o1"]["currency"] == "MXN"
        and events["o1"]["eventSource"] == "WEB"
    )
    assert events["o3"]["eventSource"] == "IN_STORE" and events["o1"]["eventTimestamp"] == "2026-10-30T12:00:00Z"
    calls = len(platform.calls)
    assert selling.tell().rows_out == 0 and len(platform.calls) == calls
    selling.orders[0] = ("o1", "C1", "2026-10-30 12:00:00", "web", "4.0000", False)
    assert selling.tell().rows_out == 1
    assert platform.lists["events"]["o1"]["conversionValue"] == 4.0
    con = connect(read_only=True)
    told = rows(
        con, "SELECT transaction_id, value, status FROM activation.conversions ORDER BY sequence, transaction_id"
    )
    con.close()
    assert [(t["transaction_id"], str(t["value"])) for t in told] == [
        ("o1", "10.5000"),
        ("o3", "30.0000"),
        ("o1", "4.0000"),
    ]


def test_meta_is_told_of_seven_days_and_never_of_one_order_twice(selling, platform, workspace, monkeypatch):
    declare(workspace, monkeypatch, META)
    selling.tell()
    event = platform.lists["events"]["o1"]
    assert sorted(platform.lists["events"]) == ["o1"]
    assert event["event_id"] == "o1" and event["event_name"] == "Purchase" and len(event["user_data"]["em"][0]) == 64
    selling.orders[0] = ("o1", "C1", "2026-10-30 12:00:00", "web", "4.0000", False)
    assert selling.tell().rows_out == 0


@pytest.mark.parametrize("point", ["conversions.before_send", "conversions.after_send"])
def test_a_crash_tells_of_every_order_and_by_the_same_id(selling, platform, workspace, monkeypatch, point):
    declare(workspace, monkeypatch, GOOGLE)
    monkeypatch.setenv("CDP_FAULT", f"{point}:raise")
    with pytest.raises(Exception) as caught:
        selling.tell()
    assert "InjectedFault" in repr(caught.value) or isinstance(caught.value, InjectedFault)
    monkeypatch.delenv("CDP_FAULT")
    selling.tell()
    assert sorted(platform.lists["events"]) == ["o1", "o3"]
    assert waiting_conversions(_feed()) == []


def _feed():
    from activation.conversions import load_feeds

    return load_feeds()[0]


def test_an_order_that_spoils_a_batch_is_found_and_the_others_arrive(selling, platform, workspace, monkeypatch):
    import hashlib

    declare(workspace, monkeypatch, GOOGLE)
    platform.poison = {hashlib.sha256(b"ana1@x.example").hexdigest()}
    assert selling.tell().rows_out == 1
    assert sorted(platform.lists["events"]) == ["o3"]
    con = connect(read_only=True)
    refused = rows(con, "SELECT transaction_id, reason FROM activation.conversions WHERE status = 'rejected'")
    con.close()
    assert [r["transaction_id"] for r in refused] == ["o1"] and "ana1" not in refused[0]["reason"]


def test_a_feed_that_a_platform_cannot_take_is_an_error(workspace, monkeypatch):
    from activation.conversions import load_feeds

    declare(workspace, monkeypatch, {**META, "days": 30})
    with pytest.raises(DeclarationError, match="takes conversions of the last 7 days, not 30"):
        load_feeds()
    declare(workspace, monkeypatch, {**META, "platform": "klaviyo"})
    with pytest.raises(
        DeclarationError, match="klaviyo' takes no conversions; allowed: google_data_manager, meta_marketing_api"
    ):
        load_feeds()


# ---------------------------------------------------------------- places


def test_files_go_to_a_bucket_in_a_platforms_format_with_a_manifest(workspace, monkeypatch, new_company):
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        store = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
        )
        store.create_bucket(Bucket="audiences")
        target = {
            "platform": "s3",
            "list": "audiences/vip",
            "format": "salesforce_marketing_file",
            "purpose": "marketing",
            "channel": "email",
            "connection": "it",
        }
        company = new_company(workspace, monkeypatch, destinations=[target])
        account = Connection(url, "k", "s", {})
        company.run(deliver=False)
        deliver_audiences(lambda _: account)
        names = sorted(o["Key"].split("/")[-1] for o in store.list_objects_v2(Bucket="audiences")["Contents"])
        body = store.get_object(Bucket="audiences", Key="vip/members.csv")["Body"].read().decode()
        manifest = json.loads(store.get_object(Bucket="audiences", Key="vip/manifest.json")["Body"].read())
    finally:
        server.stop()
    assert (
        names[-2:] == ["members.csv", names[-1]]
        and "manifest.json" in names
        and any(n.endswith("_add.csv") for n in names)
    )
    assert (
        body.splitlines()[0] == "SubscriberKey,EmailAddress,FirstName,LastName,MobileNumber"
        and len(body.splitlines()) == 7
    )
    assert manifest["files"]["members.csv"]["rows"] == 6


def test_files_go_to_an_ssh_server_whole_and_the_manifest_last(workspace, monkeypatch, new_company, ssh_server):
    home, port = ssh_server
    target = {
        "platform": "sftp",
        "list": "audiences/vip",
        "format": "tiktok_file",
        "purpose": "marketing",
        "channel": "email",
        "connection": "it",
    }
    company = new_company(workspace, monkeypatch, destinations=[target])
    company.run(deliver=False)
    public = " ".join((home / "host.pub").read_text().split()[:2])
    user = os.environ.get("USER") or "root"
    folder = home / "drop"
    good = {"private_key": (home / "client").read_text(), "host_key": public}
    at = f"sftp://127.0.0.1:{port}{folder}"
    stranger = " ".join((home / "stranger.pub").read_text().split()[:2])
    for extra in ({**good, "host_key": stranger}, {**good, "private_key": (home / "stranger").read_text()}):
        with pytest.raises(Terminal, match="not accepted"):
            deliver_audiences(lambda _, extra=extra: Connection(at, user, "", extra))
    with pytest.raises(Retryable, match="tried again at the next run"):
        deliver_audiences(lambda _: Connection("sftp://127.0.0.1:9/x", user, "", good))
    assert read_plan("vip", "sftp").counts == {"add": 6} and not folder.exists()
    deliver_audiences(lambda _: Connection(at, user, "", good))
    names = sorted(p.name for p in (folder / "audiences" / "vip").iterdir())
    assert names[:2] == ["manifest.json", "members.csv"] and names[2].endswith("_add.csv") and len(names) == 3
    text = (folder / "audiences" / "vip" / "members.csv").read_text()
    assert text.splitlines()[0] == "Email_SHA256,Phone_SHA256" and "ana" not in text and len(text.splitlines()) == 7


def test_a_place_needs_a_format_that_is_one_of_a_file(workspace, monkeypatch, new_company):
    target = {
        "platform": "sftp",
        "list": "in",
        "format": "klavyio_file",
        "purpose": "marketing",
        "channel": "email",
        "connection": "it",
    }
    company = new_company(workspace, monkeypatch, destinations=[target])
    with pytest.raises(
        DeclarationError, match="format 'klavyio_file' is not that of a file; did you mean 'klaviyo_file'"
    ):
        company.run(deliver=False)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"platform": "mailchimp_ap", "list": "x"}, "did you mean 'mailchimp_api'"),
        ({"platform": "mailchimp_api", "list": "x"}, "is called, so it needs a connection"),
        ({"platform": "pinterest_file", "list": "x", "fields": {"A": "given_name"}}, "takes no further fields"),
    ],
)
def test_a_wrong_destination_says_what_is_right(workspace, monkeypatch, new_company, target, said):
    company = new_company(workspace, monkeypatch, destinations=[{"purpose": "marketing", "channel": "email", **target}])
    with pytest.raises(DeclarationError, match=said):
        company.run(deliver=False)


def test_one_audience_goes_to_a_platform_once(workspace, monkeypatch, new_company):
    target = {"platform": "mailchimp", "list": "a", "purpose": "marketing", "channel": "email"}
    company = new_company(workspace, monkeypatch, destinations=[target, {**target, "list": "b"}])
    with pytest.raises(DeclarationError, match="goes to mailchimp twice"):
        company.run(deliver=False)


# ---------------------------------------------------------------- destination check


@pytest.mark.parametrize(
    "name",
    [
        "google_data_manager", "meta_marketing_api", "tiktok_api", "linkedin_api", "pinterest_api", "microsoft_api", "hubspot", "sendgrid",
        "klaviyo",
    ],
)  # fmt: skip
def test_every_call_of_a_destination_can_be_tried_out(platform, name):
    from activation.probe import probe

    account = Connection(platform.url, "", TOKEN, EXTRA)
    found = list(probe(name, account, "42", "99"))
    assert [p.call for p in found][:3] == ["add", "update", "remove"] and all(p.is_ok for p in found), found
    wrong = list(probe(name, Connection(platform.url, "", "no", EXTRA), "42"))
    assert not wrong[0].is_ok and "credentials" in wrong[0].said
    assert platform.lists["42"] == {}


def test_the_command_prints_each_call_and_fails_when_one_does(platform):
    from click.testing import CliRunner

    from cdp import cli

    runner = CliRunner()
    done = runner.invoke(cli, ["destination", "check", "hubspot", "--base-url", platform.url])
    assert done.exit_code == 1 and "credentials" in done.output + str(done.exception)
    done = runner.invoke(cli, ["destination", "check", "hubspt"])
    assert "did you mean 'hubspot'" in str(done.exception)
    done = runner.invoke(cli, ["destination", "list"])
    assert done.exit_code == 0 and "google_data_manager" in done.output
