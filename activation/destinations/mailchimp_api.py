"""Mailchimp, members of a list by the Marketing API (3.0).

The list of a target is `LIST/TAG`: members are put on the list and given the tag, and lose the tag when they leave the audience; nobody is
unsubscribed or deleted by it. Who unsubscribed stays so: `status_if_new` counts for those who were never there. Errors of single members
come with status 200.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from activation import hashing
from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.mailchimp import Mailchimp
from activation.errors import Refused
from activation.refusal import Refusal, refusal

PAGE = 1000
FIELDS = "members.email_address,members.last_changed,members.unsubscribe_reason"
REFUSING: dict[str, Literal["unsubscribed", "bounced"]] = {"unsubscribed": "unsubscribed", "cleaned": "bounced"}


class MailchimpApi(ApiDestination):
    """Members with a tag, by the same cells as the import file."""

    platform = "mailchimp_api"
    home = "https://us1.api.mailchimp.com/3.0"
    cells = Mailchimp.cells
    needed = Mailchimp.needed
    needs = Mailchimp.needs
    takes_fields = True

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return the key as the platform's documents want it: as the password of anybody."""
        return {"Authorization": "Basic " + base64.b64encode(f"clientela:{connection.secret}".encode()).decode()}

    def is_other_person(self, change: Change) -> bool:
        """A member is an address; other cells are changed in place."""
        return change.previous.get("Email Address") != change.payload.get("Email Address")

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add members or change them, with the tag."""
        number, _, tag = place.partition("/")
        body = {"members": [_member(c.payload, tag) for c in changes], "update_existing": True, "sync_tags": False}
        answer = client.call(
            "POST", "batch subscribe", f"/lists/{number}", json=body, params={"skip_merge_validation": "true"}
        ).json()
        wrong = {
            str(e.get("email_address", "")).lower(): str(e.get("error_code") or "refused by the platform")
            for e in answer.get("errors", [])
        }
        return [
            Outcome(c.customer_id, "rejected", f"mailchimp: {wrong[c.payload['Email Address']]}")
            if c.payload["Email Address"] in wrong
            else Outcome(c.customer_id, "accepted")
            for c in changes
        ]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take the tag off members; who is not on the list any more has none."""
        number, _, tag = place.partition("/")
        for change in changes:
            member = hashing.mailchimp_hash(change.previous["Email Address"])
            body = {"tags": [{"name": tag, "status": "inactive"}]}
            try:
                client.call("POST", "member tags", f"/lists/{number}/members/{member}/tags", json=body)
            except Refused as error:
                if error.status != 404:
                    raise
        return [Outcome(c.customer_id, "accepted") for c in changes]

    def refusals(self, client: Client, connection: Connection, place: str) -> Iterator[Refusal]:
        """Yield members of the list who unsubscribed, complained, or whose address was cleaned because it bounces."""
        number = place.partition("/")[0]
        for status, kind in REFUSING.items():
            offset = 0
            while True:
                asked = {"status": status, "count": str(PAGE), "offset": str(offset), "fields": FIELDS}
                found = (
                    client.call("GET", "members", f"/lists/{number}/members", params=asked).json().get("members", [])
                )
                for member in found:
                    spam = "spam" in str(member.get("unsubscribe_reason") or "").lower()
                    yield refusal("complained" if spam else kind, member["email_address"], member.get("last_changed"))
                offset += len(found)
                if len(found) < PAGE:
                    break


def _member(row: Payload, tag: str) -> dict[str, Any]:
    cells = {"FNAME": row["First Name"], "LNAME": row["Last Name"], "PHONE": row["Phone Number"]}
    declared = {k: v for k, v in row.items() if k not in Mailchimp.cells}
    return {
        "email_address": row["Email Address"], "email_type": "html", "status_if_new": "subscribed", "tags": [tag],
        "merge_fields": {k: v for k, v in {**cells, **declared}.items() if v},
    }  # fmt: skip
