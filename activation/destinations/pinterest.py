"""Pinterest, customer lists: the upload file, and records of a list by the API (v5).

E-mails are lower case, SHA-256. Adding or removing again changes nothing. The list of a target is the id of the customer list;
`ad_account_id` stands in the connection's extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome


class PinterestFile(Destination):
    """Rows of hashed e-mail."""

    platform = "pinterest_file"
    cells = {"email": "form_hash(mail)"}
    needed = "\"email\" <> ''"
    needs = "an e-mail"
    min_list_size = 100


class PinterestApi(ApiDestination):
    """Records of a customer list."""

    platform = "pinterest_api"
    home = "https://api.pinterest.com/v5"
    cells = PinterestFile.cells
    needed = PinterestFile.needed
    needs = PinterestFile.needs
    min_list_size = PinterestFile.min_list_size

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add records."""
        return self._records(client, connection, place, "ADD", changes, (c.payload["email"] for c in changes))

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Remove records by what was sent."""
        return self._records(client, connection, place, "REMOVE", changes, (c.previous["email"] for c in changes))

    def _records(
        self,
        client: Client,
        connection: Connection,
        place: str,
        operation: str,
        changes: Sequence[Change],
        emails: Iterable[str],
    ) -> list[Outcome]:
        path = f"/ad_accounts/{connection.extra['ad_account_id']}/customer_lists/{place}"
        client.call(
            "PATCH", "customer_lists", path, json={"operation_type": operation, "records": ",".join(sorted(emails))}
        )
        return [Outcome(c.customer_id, "accepted") for c in changes]
