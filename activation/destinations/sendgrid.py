"""SendGrid, contacts of a marketing list (API v3).

Contacts are made or changed in the background; who leaves is taken off the list and stays a contact. Unsubscribes, complaints and bounces are kept
by the platform itself and read back. The list of a target is the list's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination, share_matched
from activation.destinations.base import Change, Outcome
from activation.destinations.mailchimp import Mailchimp
from activation.errors import Refused
from activation.refusal import Refusal, refusal

#: Addresses that one search takes, by its document; ids that fit into the address of a call.
ASKED = 100
PAGE = 500
REFUSING: dict[str, Literal["unsubscribed", "complained", "bounced"]] = {
    "unsubscribes": "unsubscribed", "spam_reports": "complained", "bounces": "bounced",
}  # fmt: skip


class SendGrid(ApiDestination):
    """Contacts of a list."""

    platform = "sendgrid"
    home = "https://api.sendgrid.com/v3"
    cells = {
        "email": Mailchimp.cells["Email Address"], "first_name": Mailchimp.cells["First Name"], "last_name": Mailchimp.cells["Last Name"],
        "external_id": "customer_id",
    }  # fmt: skip
    needed = "\"email\" <> ''"
    needs = "an e-mail"
    takes_fields = True

    def is_other_person(self, change: Change) -> bool:
        """A contact is an address; other cells are changed in place."""
        return change.previous.get("email") != change.payload.get("email")

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make or change contacts, on the list."""
        contacts = []
        for change in changes:
            plain = {k: v for k, v in change.payload.items() if k in self.cells and v}
            declared = {k: v for k, v in change.payload.items() if k not in self.cells and v}
            contacts.append({**plain, "custom_fields": declared} if declared else plain)
        answer = client.call(
            "PUT", "marketing/contacts", "/marketing/contacts", json={"list_ids": [place], "contacts": contacts}
        )
        job = str(answer.json().get("job_id", ""))
        return [Outcome(c.customer_id, "accepted", request_id=job) for c in changes]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take contacts off the list."""
        emails = sorted({c.previous["email"] for c in changes})
        for start in range(0, len(emails), ASKED):
            asked = emails[start : start + ASKED]
            try:
                found = client.call(
                    "POST",
                    "marketing/contacts/search/emails",
                    "/marketing/contacts/search/emails",
                    json={"emails": asked},
                ).json()
            except Refused as error:
                # None of them is a contact any more.
                if error.status == 404:
                    continue
                raise
            ids = sorted(str(r["contact"]["id"]) for r in found.get("result", {}).values() if r.get("contact"))
            if ids:
                client.call(
                    "DELETE",
                    "marketing/lists/contacts",
                    f"/marketing/lists/{place}/contacts",
                    params={"contact_ids": ",".join(ids)},
                )
        return [Outcome(c.customer_id, "accepted") for c in changes]

    def status(self, client: Client, place: str, request_id: str) -> tuple[str, str, dict[str, Any]]:
        """Ask what has become of an import."""
        found = client.call("GET", "marketing/contacts/imports", f"/marketing/contacts/imports/{request_id}").json()
        results = found.get("results") or {}
        told = {
            k: results[k]
            for k in ("requested_count", "created_count", "updated_count", "errored_count")
            if k in results
        }
        taken = [results.get("created_count"), results.get("updated_count")]
        told |= share_matched(sum(map(int, filter(None, taken))), results.get("requested_count"))
        if found.get("status") == "pending":
            return "processing", "", told
        if found.get("status") == "completed":
            return "confirmed", "", told
        return "failed", f"{results.get('errored_count') or 'all'} contacts were not taken", told

    def refusals(self, client: Client, connection: Connection, place: str) -> Iterator[Refusal]:
        """Yield who unsubscribed from everything, complained or bounced."""
        for said, kind in REFUSING.items():
            offset = 0
            while True:
                found = client.call(
                    "GET",
                    f"suppression/{said}",
                    f"/suppression/{said}",
                    params={"limit": str(PAGE), "offset": str(offset)},
                ).json()
                for row in found:
                    at = datetime.fromtimestamp(int(row.get("created") or 0), UTC).isoformat()
                    yield refusal(kind, row["email"], at)
                offset += len(found)
                if len(found) < PAGE:
                    break
