"""Google, audience members by the Data Manager API (v1).

Members are composite data with up to ten identifiers, each one of e-mail, phone or whole address, hashed in hexadecimal; consent is said of
every member (EU user consent policy). A malformed member fails the whole call. The answer is a request id whose outcome is asked for later
(developers.google.com/data-manager/api). The list of a target is the id of the user list; accounts stand in the connection's extra.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination, Conversion
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.google_customer_match import GoogleCustomerMatch

CONSENT = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}

#: Where an order was made, in Google's words.
EVENT_SOURCES = {"web": "WEB", "app": "APP", "store": "IN_STORE", "phone": "PHONE"}


class GoogleDataManager(ApiDestination):
    """Members of a Customer Match list."""

    platform = "google_data_manager"
    home = "https://datamanager.googleapis.com"
    cells = {
        "email": GoogleCustomerMatch.cells["Email"], "phone": GoogleCustomerMatch.cells["Phone"], "given": GoogleCustomerMatch.cells["First Name"],
        "family": GoogleCustomerMatch.cells["Last Name"], "country": GoogleCustomerMatch.cells["Country"], "zip": GoogleCustomerMatch.cells["Zip"],
    }  # fmt: skip
    together = ("given", "family", "country", "zip")
    needed = "\"email\" <> '' OR \"phone\" <> '' OR \"zip\" <> ''"
    needs = GoogleCustomerMatch.needs
    min_list_size = GoogleCustomerMatch.min_list_size
    conversion_batch = 2000
    conversion_days = 90
    restates_conversions = True

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Ingest members with their consent."""
        members = [{**_member(c.payload), "consent": CONSENT} for c in changes]
        body = {
            **_frame(connection, place, members), "consent": CONSENT,
            "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
        }  # fmt: skip
        answer = client.call("POST", "audienceMembers:ingest", "/v1/audienceMembers:ingest", json=body)
        return [Outcome(c.customer_id, "accepted", request_id=str(answer.json().get("requestId", ""))) for c in changes]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Remove members by what they were sent with."""
        body = _frame(connection, place, [_member(c.previous) for c in changes])
        answer = client.call("POST", "audienceMembers:remove", "/v1/audienceMembers:remove", json=body)
        return [Outcome(c.customer_id, "accepted", request_id=str(answer.json().get("requestId", ""))) for c in changes]

    def convert(self, client: Client, connection: Connection, place: str, conversions: Sequence[Conversion]) -> str:
        """Ingest events; the same transaction id with another value restates it."""
        events = [
            {
                "transactionId": c.transaction_id, "eventTimestamp": c.happened_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "conversionValue": float(c.value), "currency": c.currency, "eventSource": EVENT_SOURCES.get(c.channel, "OTHER"),
                "userData": _user(c.row), "consent": CONSENT,
            }
            for c in conversions
        ]  # fmt: skip
        body = _destinations(connection, place) | {"events": events, "consent": CONSENT, "encoding": "HEX"}
        answer = client.call("POST", "events:ingest", "/v1/events:ingest", json=body)
        return str(answer.json().get("requestId", ""))

    def remove_older(self, client: Client, connection: Connection, place: str, began_at: datetime) -> None:
        """Remove members that were not sent again since a moment."""
        body = _destinations(connection, place) | {"removeAsOfTime": began_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        client.call("POST", "audienceMembers:removeAll", "/v1/audienceMembers:removeAll", json=body)

    def status(self, client: Client, place: str, request_id: str) -> tuple[str, str, dict[str, Any]]:
        """Ask what has become of a request."""
        answer = client.call(
            "GET", "requestStatus:retrieve", "/v1/requestStatus:retrieve", params={"requestId": request_id}
        ).json()
        parts = answer.get("requestStatusPerDestination", [])
        states = {part.get("requestStatus") for part in parts}
        told: dict[str, Any] = {}
        for part in parts:
            ingested = part.get("audienceMembersIngestionStatus", {}).get("userDataIngestionStatus", {})
            told |= {k: ingested[k] for k in ("recordCount", "uploadMatchRateRange") if k in ingested}
        told |= _matched(str(told.get("uploadMatchRateRange", "")))
        errors = [e.get("reason", "") for part in parts for e in part.get("errorInfo", {}).get("errorCounts", [])]
        if not states or states & {"PROCESSING", "REQUEST_STATUS_UNKNOWN"}:
            return "processing", "", told
        if states == {"SUCCESS"}:
            return "confirmed", "", told
        return "failed", ", ".join(sorted(set(filter(None, errors)))) or "the platform gives no reason", told


def _matched(named: str) -> dict[str, float]:
    """Return the bounds of a range as Google names it (`MATCH_RATE_RANGE_71_TO_80`); nothing where it does not tell one."""
    bounds = [float(number) for number in re.findall(r"\d+", named)]
    if "LESS_THAN" in named:
        bounds = [0.0, *bounds]
    return {"matched_low_pct": bounds[0], "matched_high_pct": bounds[1]} if len(bounds) == 2 else {}


def _destinations(connection: Connection, place: str) -> dict[str, Any]:
    account = {"accountType": "GOOGLE_ADS", "accountId": str(connection.extra["operating_account"])}
    destination: dict[str, Any] = {"operatingAccount": account, "productDestinationId": place}
    if connection.extra.get("login_account"):
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": str(connection.extra["login_account"])}
    return {"destinations": [destination]}


def _frame(connection: Connection, place: str, members: list[dict[str, Any]]) -> dict[str, Any]:
    return _destinations(connection, place) | {"audienceMembers": members, "encoding": "HEX"}


def _member(row: Payload) -> dict[str, Any]:
    return {"compositeData": {"userData": _user(row)}}


def _user(row: Payload) -> dict[str, Any]:
    identifiers: list[dict[str, Any]] = []
    if row.get("email"):
        identifiers.append({"emailAddress": row["email"]})
    if row.get("phone"):
        identifiers.append({"phoneNumber": row["phone"]})
    if row.get("zip"):
        identifiers.append(
            {
                "address": {
                    "givenName": row["given"],
                    "familyName": row["family"],
                    "regionCode": row["country"],
                    "postalCode": row["zip"],
                }
            }
        )
    return {"userIdentifiers": identifiers}
