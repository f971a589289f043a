"""Google, audience members by the Data Manager API (v1).

Members are composite data with up to ten identifiers, each one of e-mail, phone or whole address, hashed in hexadecimal; consent is said of
every member (EU user consent policy). A malformed member fails the whole call. The answer is a request id whose outcome is asked for later
(developers.google.com/data-manager/api). The list of a target is the id of the user list; accounts stand in the connection's extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activation import hashing
from activation.cells import typed
from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome, Payload

CONSENT = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


class GoogleDataManager(ApiDestination):
    """Members of a Customer Match list."""

    platform = "google_data_manager"
    home = "https://datamanager.googleapis.com"
    needs = "an e-mail, a phone, or name with country and post code"
    min_list_size = 100

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return the hashed identifiers of a customer."""
        address = {
            "given": hashing.sha256(hashing.google_name(customer["given_name"])) or "",
            "family": hashing.sha256(hashing.google_name(customer["surnames"])) or "",
            "country": typed((customer["country"] or "").upper(), "country"),
            "zip": typed((customer["postcode"] or "").strip(), "zip"),
        }
        row = {
            "email": hashing.sha256(hashing.google_email(customer["email"])) or "",
            "phone": hashing.sha256(hashing.e164(customer["phone"])) or "",
            **(address if all(address.values()) else dict.fromkeys(address, "")),
        }
        return row if any(row.values()) else None

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

    def status(self, client: Client, request_id: str) -> tuple[str, str, dict[str, Any]]:
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
        errors = [e.get("reason", "") for part in parts for e in part.get("errorInfo", {}).get("errorCounts", [])]
        if not states or states & {"PROCESSING", "REQUEST_STATUS_UNKNOWN"}:
            return "processing", "", told
        if states == {"SUCCESS"}:
            return "confirmed", "", told
        return "failed", ", ".join(sorted(set(filter(None, errors)))) or "the platform gives no reason", told


def _frame(connection: Connection, place: str, members: list[dict[str, Any]]) -> dict[str, Any]:
    account = {"accountType": "GOOGLE_ADS", "accountId": str(connection.extra["operating_account"])}
    destination: dict[str, Any] = {"operatingAccount": account, "productDestinationId": place}
    if connection.extra.get("login_account"):
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": str(connection.extra["login_account"])}
    return {"destinations": [destination], "audienceMembers": members, "encoding": "HEX"}


def _member(row: Payload) -> dict[str, Any]:
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
    return {"compositeData": {"userData": {"userIdentifiers": identifiers}}}
