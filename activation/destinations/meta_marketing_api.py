"""Meta, users of a custom audience by the Marketing API (Graph v25.0).

A call is a batch of a session; rows follow a schema, unknown values are empty; all but the external id are SHA-256. The answer counts what
could not be read, without saying which: a batch in which something was invalid is halved until the rows are found. The list of a target is
the audience's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination, Conversion
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.meta_custom_audience import MetaCustomAudience
from activation.errors import Refused

VERSION = "v25.0"
#: Columns of the upload file, and what the API calls them.
SCHEMA = {
    "email": "EMAIL", "phone": "PHONE", "fn": "FN", "ln": "LN", "ct": "CT", "st": "ST", "country": "COUNTRY", "zip": "ZIP", "doby": "DOBY",
    "dobm": "DOBM", "dobd": "DOBD",
}  # fmt: skip

#: The same for the Conversions API. A birth date goes there as one value, so its parts are left out.
EVENT_KEYS = {
    "email": "em",
    "phone": "ph",
    "fn": "fn",
    "ln": "ln",
    "ct": "ct",
    "st": "st",
    "country": "country",
    "zip": "zip",
}
#: Where an order was made, in Meta's words. An order of the web shop comes to us from the shop's books, not from a browser.
ACTION_SOURCES = {"web": "system_generated", "store": "physical_store", "phone": "phone_call"}


class MetaMarketingApi(ApiDestination):
    """Users of a custom audience, by the same normal forms as the upload file."""

    platform = "meta_marketing_api"
    home = "https://graph.facebook.com"
    cells = MetaCustomAudience.cells
    needed = MetaCustomAudience.needed
    needs = MetaCustomAudience.needs
    min_list_size = MetaCustomAudience.min_list_size
    takes_fields = True
    conversion_batch = 1000
    conversion_days = 7

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add users to the audience."""
        return self._users(client, "POST", place, changes, [c.payload for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Delete users from the audience by what they were sent with."""
        return self._users(client, "DELETE", place, changes, [c.previous for c in changes])

    def convert(self, client: Client, connection: Connection, place: str, conversions: Sequence[Conversion]) -> str:
        """Send purchases to a data set of the Conversions API; the platform knows a repeated `event_id`."""
        events = [
            {
                "event_name": "Purchase", "event_time": int(c.happened_at.timestamp()), "event_id": c.transaction_id,
                "action_source": ACTION_SOURCES.get(c.channel, "other"),
                "user_data": {EVENT_KEYS[k]: [v] for k, v in c.row.items() if v and k in EVENT_KEYS},
                "custom_data": {"currency": c.currency, "value": float(c.value), "order_id": c.transaction_id},
            }
            for c in conversions
        ]  # fmt: skip
        answer = client.call("POST", "events", f"/{VERSION}/{place}/events", json={"data": events}).json()
        return str(answer.get("fbtrace_id", ""))

    def _users(
        self, client: Client, method: str, place: str, changes: Sequence[Change], rows: list[Payload]
    ) -> list[Outcome]:
        # The value of a value-based seed goes where it was declared.
        schema = SCHEMA | ({"value": "LOOKALIKE_VALUE"} if any("value" in row for row in rows) else {})
        data = [
            [c.customer_id, *(row.get(column, "") for column in schema)] for c, row in zip(changes, rows, strict=True)
        ]
        session = int(hashlib.sha256(json.dumps([method, place, data]).encode()).hexdigest()[:15], 16)
        body = {
            "session": {
                "session_id": session,
                "batch_seq": 1,
                "last_batch_flag": True,
                "estimated_num_total": len(data),
            },
            "payload": {"schema": ["EXTERN_ID", *schema.values()], "data": data},
        }
        answer = client.call(method, "custom audience users", f"/{VERSION}/{place}/users", json=body).json()
        if answer.get("num_invalid_entries"):
            raise Refused(
                f"{self.platform}: {answer['num_invalid_entries']} of {len(data)} rows cannot be read", 400, ""
            )
        return [Outcome(c.customer_id, "accepted", request_id=str(answer.get("session_id", session))) for c in changes]
