"""HubSpot: contacts on a static list, and tasks of the sales team (CRM API v3).

Contacts are known by their e-mail: they are made or changed, then put on the list by their record's id; who leaves is taken off the list and stays
a contact. Declared fields become properties. Tasks are known by a property of theirs, `clientela_task_key`, which has to be unique in HubSpot, so
that a task is made once; it is not taken back when somebody leaves the audience, since a person may be at work on it. Status 207 tells of single
rows. The list of a target is the list's id, or the subject of the tasks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Outcome, Payload
from activation.destinations.mailchimp import Mailchimp
from warehouse.settings import now

CONTACTS = "/crm/v3/objects/contacts"


class HubSpot(ApiDestination):
    """Contacts on a static list."""

    platform = "hubspot"
    home = "https://api.hubapi.com"
    cells = {
        "email": Mailchimp.cells["Email Address"], "firstname": Mailchimp.cells["First Name"], "lastname": Mailchimp.cells["Last Name"],
        "phone": Mailchimp.cells["Phone Number"],
    }  # fmt: skip
    needed = "\"email\" <> ''"
    needs = "an e-mail"
    takes_fields = True

    def is_other_person(self, change: Change) -> bool:
        """A contact is an address; other cells are changed in place."""
        return change.previous.get("email") != change.payload.get("email")

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make or change contacts and put them on the list."""
        answer = upsert_contacts(client, [c.payload for c in changes])
        wrong = _wrong(answer)
        ids = [str(r["id"]) for r in answer.get("results", [])]
        if ids:
            client.call("PUT", "list memberships add", f"/crm/v3/lists/{place}/memberships/add", json=ids)
        return [
            Outcome(c.customer_id, "rejected", f"hubspot: {wrong[c.payload['email']]}")
            if c.payload["email"] in wrong
            else Outcome(c.customer_id, "accepted")
            for c in changes
        ]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take contacts off the list."""
        found = contact_ids(client, [c.previous["email"] for c in changes])
        if found:
            client.call(
                "PUT",
                "list memberships remove",
                f"/crm/v3/lists/{place}/memberships/remove",
                json=sorted(found.values()),
            )
        return [Outcome(c.customer_id, "accepted") for c in changes]


class HubSpotTasks(ApiDestination):
    """One task per customer who enters the audience, with the declared fields in its text."""

    platform = "hubspot_tasks"
    home = HubSpot.home
    cells = {**HubSpot.cells, "customer_id": "customer_id"}
    needed = HubSpot.needed
    needs = HubSpot.needs
    takes_fields = True

    def is_other_person(self, change: Change) -> bool:
        """A task is the customer's."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make tasks, or change those that are there, and tie them to the contacts."""
        upserted = upsert_contacts(client, [{k: c.payload[k] for k in HubSpot.cells} for c in changes])
        keys = {c.customer_id: task_key(place, c.payload["customer_id"]) for c in changes}
        due = f"{now():%Y-%m-%dT%H:%M:%SZ}"
        inputs = [
            {
                "idProperty": "clientela_task_key", "id": keys[c.customer_id],
                "properties": {
                    "clientela_task_key": keys[c.customer_id], "hs_task_subject": place, "hs_task_body": task_text(c.payload, HubSpotTasks.cells),
                    "hs_task_status": "NOT_STARTED", "hs_task_type": "TODO", "hs_timestamp": due,
                },
            }
            for c in changes
        ]  # fmt: skip
        answer = client.call(
            "POST", "tasks batch upsert", "/crm/v3/objects/tasks/batch/upsert", json={"inputs": inputs}
        ).json()
        wrong = _wrong(answer)
        made = {
            str((r.get("properties") or {}).get("clientela_task_key", "")): str(r["id"])
            for r in answer.get("results", [])
        }
        contacts = {
            str((r.get("properties") or {}).get("email", "")).lower(): str(r["id"]) for r in upserted.get("results", [])
        }
        ties = [
            {"from": {"id": made[keys[c.customer_id]]}, "to": {"id": contacts[c.payload["email"]]}}
            for c in changes
            if keys[c.customer_id] in made and c.payload["email"] in contacts
        ]
        if ties:
            client.call(
                "POST",
                "associations",
                "/crm/v4/associations/tasks/contacts/batch/associate/default",
                json={"inputs": ties},
            )
        return [
            Outcome(c.customer_id, "rejected", f"hubspot: {wrong[keys[c.customer_id]]}")
            if keys[c.customer_id] in wrong
            else Outcome(c.customer_id, "accepted")
            for c in changes
        ]

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Leave tasks with those who work on them."""
        return [Outcome(c.customer_id, "accepted", "the task stays with who works on it") for c in changes]


def upsert_contacts(client: Client, rows: Sequence[Payload]) -> dict[str, Any]:
    """Make or change contacts by their e-mail; return what the platform says of each."""
    inputs = [
        {"idProperty": "email", "id": row["email"], "properties": {k: v for k, v in row.items() if v}} for row in rows
    ]
    answer = client.call("POST", "contacts batch upsert", f"{CONTACTS}/batch/upsert", json={"inputs": inputs})
    return dict(answer.json())


def contact_ids(client: Client, emails: Sequence[str]) -> dict[str, str]:
    """Return the record ids of contacts by e-mail; who is no contact is not in it."""
    asked = {
        "idProperty": "email",
        "properties": ["email"],
        "propertiesWithHistory": [],
        "inputs": [{"id": e} for e in sorted(set(emails))],
    }
    answer = client.call("POST", "contacts batch read", f"{CONTACTS}/batch/read", json=asked).json()
    return {str((r.get("properties") or {}).get("email", "")).lower(): str(r["id"]) for r in answer.get("results", [])}


def task_key(subject: str, customer_id: str) -> str:
    """Return what makes a task one."""
    return hashlib.sha256(f"{subject}|{customer_id}".encode()).hexdigest()[:32]


def task_text(row: Payload, own: dict[str, str]) -> str:
    """Return the declared fields of a row as lines."""
    return "\n".join(f"{k}: {v}" for k, v in sorted(row.items()) if k not in own and v)


def _wrong(answer: dict[str, Any]) -> dict[str, str]:
    """Return the rows that status 207 names, by their id, with the category of the error; messages may hold people and are not kept."""
    found = {}
    for error in answer.get("errors") or []:
        for ident in (error.get("context") or {}).get("ids") or (error.get("context") or {}).get("id") or []:
            found[str(ident)] = str(error.get("category") or "refused")
    return found
