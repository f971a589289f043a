"""Klaviyo, profiles of a list (API revision 2026-07-15).

Profiles are imported in the background into the list; who leaves is taken off the list by the profile's id, which is asked for by e-mail. The
subscription jobs are never called: they lift suppressions. The list of a target is the list's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination, share_matched
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.mailchimp import Mailchimp
from activation.refusal import Refusal, refusal

REVISION = "2026-07-15"
#: Profiles that one question asks for: so many e-mails fit into the address of a call.
ASKED = 50


REFUSING: dict[str, Literal["unsubscribed", "complained", "bounced"]] = {
    "UNSUBSCRIBE": "unsubscribed", "USER_SUPPRESSED": "unsubscribed", "SPAM_COMPLAINT": "complained", "HARD_BOUNCE": "bounced",
    "INVALID_EMAIL": "bounced",
}  # fmt: skip


class Klaviyo(ApiDestination):
    """Profiles on a list."""

    platform = "klaviyo"
    home = "https://a.klaviyo.com"
    cells = {**Mailchimp.cells, "external_id": "customer_id"}
    needed = Mailchimp.needed
    needs = Mailchimp.needs
    takes_fields = True

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return key, revision and the media type of JSON:API."""
        return {
            "Authorization": f"Klaviyo-API-Key {connection.secret}", "revision": str(connection.extra.get("revision", REVISION)),
            "Accept": "application/vnd.api+json", "Content-Type": "application/vnd.api+json",
        }  # fmt: skip

    def is_other_person(self, change: Change) -> bool:
        """A profile is known by its external id, which does not change."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Import profiles into the list."""
        body = {
            "data": {
                "type": "profile-bulk-import-job",
                "attributes": {
                    "profiles": {"data": [{"type": "profile", "attributes": _attributes(c.payload)} for c in changes]}
                },
                "relationships": {"lists": {"data": [{"type": "list", "id": place}]}},
            }
        }
        answer = client.call("POST", "profile-bulk-import-jobs", "/api/profile-bulk-import-jobs", json=body).json()
        job = str(answer.get("data", {}).get("id", ""))
        return [Outcome(c.customer_id, "accepted", request_id=job) for c in changes]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take profiles off the list."""
        emails = sorted({c.previous["Email Address"] for c in changes})
        ids: list[str] = []
        for start in range(0, len(emails), ASKED):
            listed = ",".join(f'"{email}"' for email in emails[start : start + ASKED])
            found = client.call(
                "GET", "profiles", "/api/profiles",
                params={"filter": f"any(email,[{listed}])", "fields[profile]": "email", "page[size]": "100"},
            ).json()  # fmt: skip
            ids += [str(profile["id"]) for profile in found.get("data", [])]
        if ids:
            body = {"data": [{"type": "profile", "id": i} for i in ids]}
            client.call("DELETE", "list profiles", f"/api/lists/{place}/relationships/profiles", json=body)
        return [Outcome(c.customer_id, "accepted") for c in changes]

    def status(self, client: Client, place: str, request_id: str) -> tuple[str, str, dict[str, Any]]:
        """Ask what has become of an import."""
        found = client.call("GET", "profile-bulk-import-job", f"/api/profile-bulk-import-jobs/{request_id}").json()
        attributes = found.get("data", {}).get("attributes", {})
        told = {k: attributes[k] for k in ("total_count", "completed_count", "failed_count") if k in attributes}
        told |= share_matched(attributes.get("completed_count"), attributes.get("total_count"))
        if attributes.get("status") in ("queued", "processing"):
            return "processing", "", told
        if attributes.get("status") == "complete" and not attributes.get("failed_count"):
            return "confirmed", "", told
        return "failed", f"{attributes.get('failed_count') or 'all'} profiles were not taken", told

    def refusals(self, client: Client, connection: Connection, place: str) -> Iterator[Refusal]:
        """Yield profiles that are suppressed for e-mail, with the reason that the platform keeps."""
        params = {
            "filter": "greater-than(subscriptions.email.marketing.suppression.timestamp,1970-01-01T00:00:00Z)",
            "additional-fields[profile]": "subscriptions", "fields[profile]": "email,subscriptions", "page[size]": "100",
        }  # fmt: skip
        seen: set[str] = set()
        while True:
            found = client.call("GET", "profiles", "/api/profiles", params=params).json()
            for profile in found.get("data", []):
                said = profile.get("attributes", {})
                marks = said.get("subscriptions", {}).get("email", {}).get("marketing", {}).get("suppression") or []
                for mark in marks:
                    if said.get("email") and mark.get("reason") in REFUSING:
                        yield refusal(REFUSING[mark["reason"]], said["email"], mark.get("timestamp"))
            # Only the cursor of the next page is taken from the answer: the key goes to the platform and nowhere else.
            cursor = parse_qs(urlsplit((found.get("links") or {}).get("next") or "").query).get("page[cursor]", [""])[0]
            if not cursor or cursor in seen:
                return
            seen.add(cursor)
            params = {**params, "page[cursor]": cursor}


def _attributes(row: Payload) -> dict[str, Any]:
    plain = {
        "email": row["Email Address"], "external_id": row["external_id"], "first_name": row["First Name"], "last_name": row["Last Name"],
        "phone_number": row["Phone Number"],
    }  # fmt: skip
    declared = {k: v for k, v in row.items() if k not in Klaviyo.cells}
    found: dict[str, Any] = {k: v for k, v in plain.items() if v}
    return {**found, "properties": declared} if declared else found
