"""Microsoft Advertising, Customer Match: the upload file, and items of a customer list by the Campaign Management service (REST, v13).

E-mails are trimmed, lower case, SHA-256. The terms of Customer Match are accepted once on Microsoft's own pages; until then every call fails.
Items that cannot be taken are named by their index. The list of a target is the id of the audience; `developer_token`, `customer_id` and
`account_id` stand in the connection's extra.
"""

from __future__ import annotations

from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome


class MicrosoftFile(Destination):
    """Rows of hashed e-mail."""

    platform = "microsoft_file"
    cells = {"Email": "form_hash(mail)"}
    needed = "\"Email\" <> ''"
    needs = "an e-mail"
    min_list_size = 300


class MicrosoftApi(ApiDestination):
    """Items of a customer list."""

    platform = "microsoft_api"
    home = "https://campaign.api.bingads.microsoft.com/CampaignManagement/v13"
    cells = MicrosoftFile.cells
    needed = MicrosoftFile.needed
    needs = MicrosoftFile.needs
    min_list_size = MicrosoftFile.min_list_size

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return token and accounts."""
        return {
            "Authorization": f"Bearer {connection.secret}", "DeveloperToken": str(connection.extra.get("developer_token", "")),
            "CustomerId": str(connection.extra.get("customer_id", "")), "CustomerAccountId": str(connection.extra.get("account_id", "")),
        }  # fmt: skip

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Add items."""
        return self._apply(client, place, "Add", changes, [c.payload["Email"] for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Remove items by what was sent."""
        return self._apply(client, place, "Remove", changes, [c.previous["Email"] for c in changes])

    def _apply(
        self, client: Client, place: str, action: str, changes: Sequence[Change], emails: Sequence[str]
    ) -> list[Outcome]:
        body = {
            "CustomerListUserData": {
                "ActionType": action, "AudienceId": place, "CustomerListItemSubType": "Email", "CustomerListItems": list(emails),
            }
        }  # fmt: skip
        answer = client.call("POST", "CustomerListUserData/Apply", "/CustomerListUserData/Apply", json=body).json()
        wrong = {
            int(e["Index"]): str(e.get("ErrorCode") or e.get("Code") or "refused")
            for e in answer.get("PartialErrors") or []
        }
        return [
            Outcome(c.customer_id, "rejected", f"microsoft: {wrong[n]}")
            if n in wrong
            else Outcome(c.customer_id, "accepted")
            for n, c in enumerate(changes)
        ]
