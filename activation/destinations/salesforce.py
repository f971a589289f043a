"""Salesforce: a mark on records, tasks (REST composite), and the import file of Marketing Cloud.

Records are upserted by an external id that has to be there, `Clientela_Id__c` on contacts and `Clientela_Task_Key__c` on tasks, so that doing it
again changes nothing; a call holds up to 200 and answers each. The list of a target is the checkbox of contacts that says who is in, or the subject
of the tasks. Declared fields are fields of the object: scores and segments reach the CRM by them. A task is not taken back when somebody leaves the
audience, since a person may be at work on it. `version` in the connection's extra sets another version of the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome
from activation.destinations.hubspot import task_key, task_text
from activation.destinations.mailchimp import Mailchimp
from warehouse.settings import now

VERSION = "v66.0"


class SalesforceMarketingFile(Destination):
    """Rows of a data extension of Marketing Cloud, by subscriber key."""

    platform = "salesforce_marketing_file"
    cells = {
        "SubscriberKey": "customer_id", "EmailAddress": Mailchimp.cells["Email Address"], "FirstName": Mailchimp.cells["First Name"],
        "LastName": Mailchimp.cells["Last Name"], "MobileNumber": "substr(tel, 2)",
    }  # fmt: skip
    needed = "\"EmailAddress\" <> ''"
    needs = "an e-mail"
    takes_fields = True


class Salesforce(ApiDestination):
    """Contacts with a checkbox that says who is in, and declared fields."""

    platform = "salesforce"
    home = ""
    cells = {
        "Clientela_Id__c": "customer_id", "Email": Mailchimp.cells["Email Address"], "FirstName": Mailchimp.cells["First Name"],
        "LastName": "coalesce(nullif(cell_name(surnames), ''), nullif(cell_name(given_name), ''), 'n/a')", "Phone": Mailchimp.cells["Phone Number"],
    }  # fmt: skip
    needed = "\"Email\" <> '' OR \"Phone\" <> ''"
    needs = "an e-mail or a phone"
    takes_fields = True

    def is_other_person(self, change: Change) -> bool:
        """A contact is the customer's."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Upsert contacts with the mark."""
        records = [{**{k: v for k, v in c.payload.items() if v}, place: True} for c in changes]
        return upsert(client, connection, "Contact", "Clientela_Id__c", records, changes)

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take the mark away."""
        records = [
            {"Clientela_Id__c": c.previous["Clientela_Id__c"], "LastName": c.previous["LastName"], place: False}
            for c in changes
        ]
        return upsert(client, connection, "Contact", "Clientela_Id__c", records, changes)


class SalesforceTasks(ApiDestination):
    """One task per customer who enters the audience."""

    platform = "salesforce_tasks"
    home = ""
    cells = {"Clientela_Id__c": "customer_id"}
    needed = "true"
    needs = "nothing"
    takes_fields = True

    def is_other_person(self, change: Change) -> bool:
        """A task is the customer's."""
        return False

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Upsert tasks of the contacts."""
        records = [
            {
                "Clientela_Task_Key__c": task_key(place, c.customer_id), "Subject": place, "Status": "Not Started",
                "ActivityDate": f"{now():%Y-%m-%d}", "Description": task_text(c.payload, self.cells),
                "Who": {"attributes": {"type": "Contact"}, "Clientela_Id__c": c.payload["Clientela_Id__c"]},
            }
            for c in changes
        ]  # fmt: skip
        return upsert(client, connection, "Task", "Clientela_Task_Key__c", records, changes)

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Leave tasks with those who work on them."""
        return [Outcome(c.customer_id, "accepted", "the task stays with who works on it") for c in changes]


def upsert(
    client: Client,
    connection: Connection,
    kind: str,
    external_id: str,
    records: list[dict[str, Any]],
    changes: Sequence[Change],
) -> list[Outcome]:
    """Upsert records by their external id; each has its own outcome, with the code of the error and not its message, which may hold people."""
    version = connection.extra.get("version", VERSION)
    body = {"allOrNone": False, "records": [{"attributes": {"type": kind}, **record} for record in records]}
    answer = client.call(
        "PATCH", f"composite {kind}", f"/services/data/{version}/composite/sobjects/{kind}/{external_id}", json=body
    ).json()
    found = []
    for change, said in zip(changes, answer, strict=True):
        codes = ", ".join(sorted({str(e.get("statusCode", "refused")) for e in said.get("errors") or []}))
        found.append(
            Outcome(change.customer_id, "accepted", request_id=str(said.get("id") or ""))
            if said.get("success")
            else Outcome(change.customer_id, "rejected", f"salesforce: {codes or 'refused'}")
        )
    return found
