"""Odoo, leads by JSON-2 (Odoo 19 and newer).

`crm.lead` is loaded with external ids of our own, `clientela.lead_…`, as Odoo's import does: a lead that is there is changed, never made twice. An
error names its row. Leads stay when somebody leaves the audience. The list of a target is the leads' name; `database` stands in the connection's
extra; declared fields are fields of the lead.
"""

from __future__ import annotations

from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome
from activation.destinations.hubspot import task_key
from activation.destinations.mailchimp import Mailchimp


class OdooLeads(ApiDestination):
    """One lead per customer who enters the audience."""

    platform = "odoo_leads"
    home = ""
    cells = {
        "customer_id": "customer_id", "contact_name": "trim(cell_name(given_name) || ' ' || cell_name(surnames))",
        "email_from": Mailchimp.cells["Email Address"], "phone": Mailchimp.cells["Phone Number"],
    }  # fmt: skip
    needed = "\"email_from\" <> '' OR \"phone\" <> ''"
    needs = "an e-mail or a phone"
    takes_fields = True

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return key and database."""
        found = super().headers(connection)
        return found | (
            {"X-Odoo-Database": str(connection.extra["database"])} if connection.extra.get("database") else {}
        )

    def is_other_person(self, change: Change) -> bool:
        """A lead is the customer's."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Load leads; those that Odoo names as wrong are left out and the others loaded again, since it takes all or nothing."""
        columns = sorted({k for c in changes for k in c.payload} - {"customer_id"})
        waiting = list(changes)
        wrong: dict[str, str] = {}
        while waiting:
            data = [
                [
                    f"clientela.lead_{task_key(place, c.customer_id)}",
                    place,
                    "lead",
                    *(c.payload.get(k) or False for k in columns),
                ]
                for c in waiting
            ]
            body = {"fields": ["id", "name", "type", *columns], "data": data}
            answer = client.call("POST", "crm.lead/load", "/json/2/crm.lead/load", json=body).json()
            if answer.get("ids"):
                break
            rows = {
                int(m["rows"]["from"])
                for m in answer.get("messages") or []
                if m.get("type") == "error" and m.get("rows")
            }
            named = [c for n, c in enumerate(waiting) if n in rows] or waiting
            wrong |= {c.customer_id: "odoo: the lead cannot be loaded" for c in named}
            waiting = [c for c in waiting if c.customer_id not in wrong]
        return [
            Outcome(c.customer_id, "rejected", wrong[c.customer_id])
            if c.customer_id in wrong
            else Outcome(c.customer_id, "accepted")
            for c in changes
        ]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Leave leads with those who work on them."""
        return [Outcome(c.customer_id, "accepted", "the lead stays with who works on it") for c in changes]
