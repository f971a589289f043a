"""Meta, users of a custom audience by the Marketing API (Graph v25.0).

A call is a batch of a session; rows follow a schema, unknown values are empty; all but the external id are SHA-256. The answer counts what
could not be read, without saying which: a batch in which something was invalid is halved until the rows are found. What a session came to is
asked of the audience's `sessions` edge, for up to a day. A list is brought in step whole by a session of `usersreplace`, which counts when its
last batch is taken. The list of a target is the audience's id.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from typing import Any

from activation.client import Client, limits_of
from activation.connections import Connection
from activation.destinations.api import ApiDestination, Conversion, share_matched
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.meta_custom_audience import MetaCustomAudience
from activation.errors import Refused

VERSION = "v25.0"
#: Columns of the upload file, and what the API calls them.
SCHEMA = {
    "email": "EMAIL", "phone": "PHONE", "fn": "FN", "ln": "LN", "ct": "CT", "st": "ST", "country": "COUNTRY", "zip": "ZIP", "doby": "DOBY",
    "dobm": "DOBM", "dobd": "DOBD",
}  # fmt: skip

#: What is asked of a session, what of it is kept, and the progress of one that ended. A session's id has 64 bits, of which JSON keeps 53.
FIELDS = "session_id,start_time,end_time,num_received,num_matched,num_invalid_entries,progress,stage"
SAID = ("num_received", "num_matched", "num_invalid_entries", "progress", "stage")
DONE = 100
MOST = 2**52 - 1

#: The same for the Conversions API. A birth date goes there as one value, so its parts are left out.
EVENT_KEYS = {
    "email": "em",
    "phone": "ph",
    "fn": "fn",
    "ln": "ln",
    "ct": "ct",
    "st": "st",
    "country": "country",
    "zip": "zp",
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
    replaces = True
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

    def replace(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Hand the audience over whole, in batches of one session."""
        coming = [c for c in changes if c.op != "remove"]
        rows = [c.payload for c in coming]
        # A session that was cut off is never gone on with, so each has a number of its own.
        session = secrets.randbits(52)
        size = limits_of(self.platform).batch
        for start in range(0, len(coming), size) or (0,):
            schema, data = _table(coming[start : start + size], rows[start : start + size])
            part = {"batch_seq": start // size + 1, "last_batch_flag": start + size >= len(coming)}
            self._send(
                client, "POST", f"{place}/usersreplace", schema, data, {"session_id": session, **part}, len(coming)
            )
        return [Outcome(c.customer_id, "accepted", request_id=str(session)) for c in changes]

    def status(self, client: Client, place: str, request_id: str) -> tuple[str, str, dict[str, Any]]:
        """Ask what has become of a session; it is told for as long as Meta keeps it."""
        answer = client.call(
            "GET",
            "custom audience sessions",
            f"/{VERSION}/{place}/sessions",
            params={"session_id": request_id, "fields": FIELDS},
        ).json()
        found = [s for s in answer.get("data", []) if str(s.get("session_id")) == request_id]
        told = {k: found[0][k] for k in SAID if found and k in found[0]}
        told |= share_matched(told.get("num_matched"), told.get("num_received"))
        stage = str(told.get("stage", "")).lower()
        if any(word in stage for word in ("fail", "error", "expired")):
            return "failed", f"stage {stage}", told
        is_done = found and (found[0].get("end_time") or float(told.get("progress") or 0) >= DONE)
        return ("confirmed" if is_done else "processing"), "", told

    def _users(
        self, client: Client, method: str, place: str, changes: Sequence[Change], rows: list[Payload]
    ) -> list[Outcome]:
        schema, data = _table(changes, rows)
        session = int(hashlib.sha256(json.dumps([method, place, data]).encode()).hexdigest()[:15], 16) & MOST
        head = {"session_id": session, "batch_seq": 1, "last_batch_flag": True}
        said = self._send(client, method, f"{place}/users", schema, data, head, len(data))
        return [Outcome(c.customer_id, "accepted", request_id=str(said.get("session_id", session))) for c in changes]

    def _send(
        self,
        client: Client,
        method: str,
        path: str,
        schema: list[str],
        data: list[list[str]],
        head: dict[str, Any],
        total: int,
    ) -> dict[str, Any]:
        body = {"session": {**head, "estimated_num_total": total}, "payload": {"schema": schema, "data": data}}
        answer: dict[str, Any] = client.call(method, "custom audience users", f"/{VERSION}/{path}", json=body).json()
        if answer.get("num_invalid_entries"):
            raise Refused(
                f"{self.platform}: {answer['num_invalid_entries']} of {len(data)} rows cannot be read", 400, ""
            )
        return answer


def _table(changes: Sequence[Change], rows: list[Payload]) -> tuple[list[str], list[list[str]]]:
    """Return the schema and the rows of a batch. The value of a value-based seed goes where it was declared."""
    schema = SCHEMA | ({"value": "LOOKALIKE_VALUE"} if any("value" in row for row in rows) else {})
    data = [[c.customer_id, *(row.get(column, "") for column in schema)] for c, row in zip(changes, rows, strict=True)]
    return ["EXTERN_ID", *schema.values()], data
