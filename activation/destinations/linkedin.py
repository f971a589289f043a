"""LinkedIn, matched audiences: the contact list's file, and members of a DMP segment by the API.

E-mails are trimmed, lower case, SHA-256. A call holds up to 5,000 members and answers each of them. The list of a target is the id of the
segment. Versions of the API live a year: `version` in the connection's extra sets another.
"""

from __future__ import annotations

from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome, Payload

VERSION = "202604"


class LinkedInFile(Destination):
    """Rows of hashed e-mail with the country."""

    platform = "linkedin_file"
    cells = {"email": "form_hash(mail)", "country": "cell_country(upper(form_text(country)))"}
    needed = "\"email\" <> ''"
    needs = "an e-mail"
    min_list_size = 300


class LinkedInApi(ApiDestination):
    """Members of a segment."""

    platform = "linkedin_api"
    home = "https://api.linkedin.com"
    cells = LinkedInFile.cells
    needed = LinkedInFile.needed
    needs = LinkedInFile.needs
    min_list_size = LinkedInFile.min_list_size

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return token, version and protocol."""
        return {
            "Authorization": f"Bearer {connection.secret}", "LinkedIn-Version": str(connection.extra.get("version", VERSION)),
            "X-Restli-Protocol-Version": "2.0.0",
        }  # fmt: skip

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add members."""
        return self._users(client, place, "ADD", changes, [c.payload for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Remove members by what they were sent with."""
        return self._users(client, place, "REMOVE", changes, [c.previous for c in changes])

    def _users(
        self, client: Client, place: str, action: str, changes: Sequence[Change], rows: Sequence[Payload]
    ) -> list[Outcome]:
        elements = [
            {"action": action, "userIds": [{"idType": "SHA256_EMAIL", "idValue": row["email"]}]}
            | ({"country": row["country"]} if row.get("country") else {})
            for row in rows
        ]
        answer = client.call(
            "POST", "dmpSegments users", f"/rest/dmpSegments/{place}/users", json={"elements": elements},
            headers={"X-RestLi-Method": "BATCH_CREATE"},
        ).json()  # fmt: skip
        said = answer.get("elements") or []
        return [
            Outcome(c.customer_id, "accepted")
            if n >= len(said) or int(said[n].get("status", 201)) < 300
            else Outcome(c.customer_id, "rejected", f"linkedin: status {said[n]['status']}")
            for n, c in enumerate(changes)
        ]
