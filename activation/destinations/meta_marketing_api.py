"""Meta, users of a custom audience by the Marketing API (Graph v25.0).

A call is a batch of a session; rows follow a schema, unknown values are empty; all but the external id are SHA-256. The answer counts what
could not be read, without saying which: a batch in which something was invalid is halved until the rows are found. The list of a target is
the audience's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.meta_custom_audience import MetaCustomAudience
from activation.errors import Refused

VERSION = "v25.0"
#: Columns of the upload file, and what the API calls them.
SCHEMA = {
    "email": "EMAIL", "phone": "PHONE", "fn": "FN", "ln": "LN", "ct": "CT", "st": "ST", "country": "COUNTRY", "zip": "ZIP", "doby": "DOBY",
    "dobm": "DOBM", "dobd": "DOBD",
}  # fmt: skip


class MetaMarketingApi(ApiDestination):
    """Users of a custom audience, by the same normal forms as the upload file."""

    platform = "meta_marketing_api"
    home = "https://graph.facebook.com"
    needs = MetaCustomAudience.needs
    min_list_size = MetaCustomAudience.min_list_size

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return the hashed row of a customer."""
        return MetaCustomAudience().payload(customer)

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add users to the audience."""
        return self._users(client, "POST", place, changes, [c.payload for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Delete users from the audience by what they were sent with."""
        return self._users(client, "DELETE", place, changes, [c.previous for c in changes])

    def _users(
        self, client: Client, method: str, place: str, changes: Sequence[Change], rows: list[Payload]
    ) -> list[Outcome]:
        data = [
            [c.customer_id, *(row.get(column, "") for column in SCHEMA)] for c, row in zip(changes, rows, strict=True)
        ]
        session = int(hashlib.sha256(json.dumps([method, place, data]).encode()).hexdigest()[:15], 16)
        body = {
            "session": {
                "session_id": session,
                "batch_seq": 1,
                "last_batch_flag": True,
                "estimated_num_total": len(data),
            },
            "payload": {"schema": ["EXTERN_ID", *SCHEMA.values()], "data": data},
        }
        answer = client.call(method, "custom audience users", f"/{VERSION}/{place}/users", json=body).json()
        if answer.get("num_invalid_entries"):
            raise Refused(
                f"{self.platform}: {answer['num_invalid_entries']} of {len(data)} rows cannot be read", 400, ""
            )
        return [Outcome(c.customer_id, "accepted", request_id=str(answer.get("session_id", session))) for c in changes]
