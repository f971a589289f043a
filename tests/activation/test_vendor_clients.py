"""Requests are those that the vendors' own clients make when they are asked for the same. Meta's client hashes wrongly by itself (its own
published vectors say so), so it is handed hashes; the others are handed what is sent."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from activation.client import Client, Clock
from activation.connections import Connection
from activation.destinations import DESTINATIONS
from activation.destinations.api import Conversion
from activation.destinations.base import Change
from activation.hashing import sha256

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".sdks" / "bin" / "python"
ACCOUNT = Connection("https://x.example", "", "token", {"operating_account": "1234567890", "login_account": "1"})
PEOPLE = [
    {"customer_id": "C1", "given_name": "José", "surnames": "Peña Ruiz", "email": "jose@x.example", "phone": "+525512345678", "country": "MX",
     "postcode": "06000", "city": "Ciudad de México", "region": "CDMX", "birth_date": None},
    {"customer_id": "C2", "given_name": None, "surnames": None, "email": "eva@x.example", "phone": None, "country": None,
     "postcode": None, "city": None, "region": None, "birth_date": None},
]  # fmt: skip
KEY = "clientela_task_key"


def answer(request: httpx.Request) -> httpx.Response:
    """What the platforms say, as far as the next request needs it."""
    body = json.loads(request.content) if request.content else {}
    results = [
        {"id": str(n), "properties": {"email": one["id"], KEY: one["id"]}}
        for n, one in enumerate(body.get("inputs", []), 11)
        if isinstance(one, dict) and "id" in one
    ] if isinstance(body, dict) else []  # fmt: skip
    known = {"/api/profiles": [{"type": "profile", "id": "p1"}], "/v25.0/238/sessions": []}
    return httpx.Response(
        200, json={"data": known.get(request.url.path, {"id": "j1"}), "requestId": "r1", "results": results}
    )


def made_by(platform, work):
    """The requests that a piece of work makes."""
    made: list[httpx.Request] = []

    def transport(request):
        made.append(request)
        return answer(request)

    destination = DESTINATIONS[platform]
    client = Client(
        platform, ACCOUNT.base_url, destination.headers(ACCOUNT), transport=httpx.MockTransport(transport),
        clock=Clock(lambda: 0.0, lambda _: None),
    )  # fmt: skip
    work(destination, client)
    return [
        {"method": r.method, "path": r.url.path, "query": parse_qs(r.url.query.decode()), "body": json.loads(r.content) if r.content else None,
         "headers": dict(r.headers)}
        for r in made
    ]  # fmt: skip


def members(platform, place):
    def work(destination, client):
        rows = [(p["customer_id"], destination.payload(p)) for p in PEOPLE]
        for changes in (
            [Change(c, "remove", {}, row) for c, row in rows],
            [Change(c, "add", row, {}) for c, row in rows],
        ):
            for _ in destination.batches(client, ACCOUNT, place, changes):
                pass

    return made_by(platform, work)


def orders(platform, place):
    row = DESTINATIONS[platform].payload(PEOPLE[0])
    one = Conversion("SO-1", "C1", datetime(2026, 10, 31, tzinfo=UTC), "web", Decimal("99.50"), "MXN", row)
    return made_by(platform, lambda destination, client: destination.convert(client, ACCOUNT, "55", [one]))[0]


def status(platform, place, request):
    return made_by(platform, lambda destination, client: destination.status(client, place, request))[0]


def tasks():
    """A task goes to people who enter; nobody's is taken back."""

    def work(destination, client):
        rows = [(p["customer_id"], {**destination.payload(p), "customer_id": p["customer_id"]}) for p in PEOPLE]
        destination.add(client, ACCOUNT, "Call", [Change(c, "add", row, {}) for c, row in rows])

    return made_by("hubspot_tasks", work)


@pytest.fixture(scope="module")
def ours():
    google, klaviyo, meta = (
        members("google_data_manager", "4711"),
        members("klaviyo", "XyZ"),
        members("meta_marketing_api", "238"),
    )
    hubspot, made = members("hubspot", "77"), tasks()
    return {
        "google remove": google[0], "google add": google[1], "google events": orders("google_data_manager", "55"),
        "klaviyo find": klaviyo[0], "klaviyo remove": klaviyo[1], "klaviyo add": klaviyo[2], "klaviyo status": status("klaviyo", "XyZ", "j1"),
        "hubspot read": hubspot[0], "hubspot leave": hubspot[1], "hubspot upsert": hubspot[2], "hubspot join": hubspot[3],
        "hubspot tasks": made[1], "hubspot tie": made[2],
        "meta remove": meta[0], "meta add": meta[1], "meta sessions": status("meta_marketing_api", "238", "12"),
        "meta events": orders("meta_marketing_api", "55"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def theirs(ours):
    if not PYTHON.exists():
        pytest.skip("no clients of vendors: make mocks")
    script = Path(__file__).with_name("vendor_clients.py")
    done = subprocess.run(
        [str(PYTHON), str(script)], input=json.dumps(ours), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name",
    [
        "google add", "google remove", "google events", "klaviyo add", "klaviyo remove", "klaviyo find", "klaviyo status", "hubspot upsert",
        "hubspot read", "hubspot join", "hubspot leave", "hubspot tasks", "hubspot tie", "meta add", "meta remove", "meta sessions",
    ],
)  # fmt: skip
def test_the_vendors_client_sends_the_same(ours, theirs, name):
    mine, its = ours[name], theirs[name]
    assert (mine["method"], mine["path"]) == (its["method"], its["path"])
    if mine["body"] is None:
        # Without a body, what is asked stands in the query; the client may say more.
        assert {k: sorted(v) for k, v in mine["query"].items()}.items() <= {
            k: sorted(v) for k, v in its["query"].items()
        }.items()
    elif name.startswith("meta"):
        assert mine["body"]["session"] == its["body"]["session"]
        assert {k: its["body"]["payload"][k] for k in ("schema", "data")} == mine["body"]["payload"]
    else:
        assert its["body"] == mine["body"]
    if name.startswith("klaviyo"):
        assert mine["headers"]["revision"] == its["headers"]["revision"]


def test_metas_client_leaves_our_events_as_they_are(ours, theirs):
    mine, its = ours["meta events"]["body"]["data"][0], theirs["meta events"]["body"]["data"][0]
    assert its["user_data"] == mine["user_data"] and its["user_data"]["em"] == [sha256("jose@x.example")]
    for key in ("event_name", "event_time", "event_id"):
        assert its[key] == mine[key]
    # It writes currencies in small letters.
    assert {k: its["custom_data"][k] for k in mine["custom_data"]} == {**mine["custom_data"], "currency": "mxn"}


def test_a_client_would_refuse_what_is_none(ours):
    """A canary for each client that reads what it is handed."""
    if not PYTHON.exists():
        pytest.skip("no clients of vendors: make mocks")
    script = Path(__file__).with_name("vendor_clients.py")
    wrong = json.loads(json.dumps(ours))
    wrong["google add"]["body"]["audienceMembers"][0]["compositeData"]["userData"]["userIdentifiers"][0] = {
        "email": "x"
    }
    done = subprocess.run(
        [str(PYTHON), str(script)], input=json.dumps(wrong), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode != 0 and "no field named" in done.stderr
