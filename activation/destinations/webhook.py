"""Any system that takes signed JSON, by Standard Webhooks 1.0: id, timestamp and an HMAC-SHA256 over id, timestamp and body.

The id is made from what is sent, so the receiver can tell a repetition. The list of a target is its name in the message.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome
from activation.destinations.mailchimp import Mailchimp
from warehouse.settings import now


class Webhook(ApiDestination):
    """Members with customer id and plain contact points."""

    platform = "webhook"
    home = ""
    cells = {"customer_id": "customer_id", **Mailchimp.cells}
    needed = Mailchimp.needed
    needs = Mailchimp.needs
    takes_fields = True

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return nothing but the type: each message is signed by itself."""
        return {"Content-Type": "application/json"}

    def is_other_person(self, change: Change) -> bool:
        """Members are known by their customer id."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Send who is on the list, with all cells."""
        return self._send(client, connection, place, "audience.members_added", changes, [c.payload for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Send who is on it no more, by id alone."""
        return self._send(
            client,
            connection,
            place,
            "audience.members_removed",
            changes,
            [{"customer_id": c.customer_id} for c in changes],
        )

    def _send(
        self,
        client: Client,
        connection: Connection,
        place: str,
        kind: str,
        changes: Sequence[Change],
        members: list[dict[str, str]],
    ) -> list[Outcome]:
        at = now()
        body = json.dumps(
            {"type": kind, "timestamp": at.isoformat(), "data": {"list": place, "members": members}}, ensure_ascii=False
        ).encode()
        told = hashlib.sha256(json.dumps([kind, place, members], sort_keys=True).encode()).hexdigest()[:32]
        ident, stamp = f"msg_{told}", str(int(at.timestamp()))
        headers = {
            "webhook-id": ident,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(connection.secret, ident, stamp, body),
        }
        client.call("POST", kind, str(connection.extra.get("path", "")), content=body, headers=headers)
        return [Outcome(c.customer_id, "accepted", request_id=ident) for c in changes]


def signature(secret: str, ident: str, stamp: str, body: bytes) -> str:
    """Return `v1,` and the base64 signature; a secret begins with `whsec_` and is base64 after it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, b".".join([ident.encode(), stamp.encode(), body]), hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()
