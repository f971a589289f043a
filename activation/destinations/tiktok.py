"""TikTok, customer file audiences: the upload file, and the same file by the API (v1.3).

Identifiers by TikTok's help: e-mails lower case without what follows a plus, phones E.164, both SHA-256. By the API a file is uploaded, which gives
a path, and the audience is appended to or reduced by that path; appending again changes nothing. Status 200 with a code other than 0 is an error.
Audiences that would fall below 1,000 members are refused. The list of a target is the id of the audience; `advertiser_id` stands in the
connection's extra.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence

from activation.client import Client
from activation.connections import Connection
from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome, Payload
from activation.errors import Refused, Retryable, Terminal

#: Return codes that are not about what was sent: too many calls, and tokens that are wrong or lack a scope.
TOO_MANY, NOT_LET_IN = frozenset({40100, 40016, 50000, 51000}), frozenset({40001, 40101, 40102, 40104, 40105, 40110})


class TikTokFile(Destination):
    """Rows of hashed e-mail and phone."""

    platform = "tiktok_file"
    cells = {"Email_SHA256": "form_hash(tiktok_mail(mail))", "Phone_SHA256": "form_hash(tel)"}
    needed = "\"Email_SHA256\" <> '' OR \"Phone_SHA256\" <> ''"
    needs = "an e-mail or a phone"
    min_list_size = 1000


class TikTokApi(ApiDestination):
    """Files of hashed e-mail and phone, appended to an audience or taken from it."""

    platform = "tiktok_api"
    home = "https://business-api.tiktok.com/open_api/v1.3"
    cells = TikTokFile.cells
    needed = TikTokFile.needed
    needs = TikTokFile.needs
    min_list_size = TikTokFile.min_list_size

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return the token."""
        return {"Access-Token": connection.secret}

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Append a file."""
        return self._update(client, connection, place, "APPEND", changes, [c.payload for c in changes])

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take a file's people out."""
        return self._update(client, connection, place, "REMOVE", changes, [c.previous for c in changes])

    def _update(
        self,
        client: Client,
        connection: Connection,
        place: str,
        action: str,
        changes: Sequence[Change],
        rows: Sequence[Payload],
    ) -> list[Outcome]:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.cells), lineterminator="\n", restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        signature = hashlib.md5(content, usedforsecurity=False).hexdigest()
        advertiser = str(connection.extra["advertiser_id"])
        # The vendor's document asks for the token in the query, its pages for the header; both are sent.
        token = {"Access-Token": connection.secret}
        uploaded = _told(
            client.call(
                "POST", "custom_audience/file/upload", "/dmp/custom_audience/file/upload/", params=token,
                data={"advertiser_id": advertiser, "file_signature": signature, "calculate_type": "MULTIPLE_TYPES"},
                files={"file": (f"{signature}.csv", content, "text/csv")},
            ).json(),
            "custom_audience/file/upload",
        )  # fmt: skip
        paths = [str((uploaded.get("data") or {}).get("file_path", ""))]
        body = {"advertiser_id": advertiser, "custom_audience_id": place, "action": action, "file_paths": paths}
        answer = client.call(
            "POST", "custom_audience/update", "/dmp/custom_audience/update/", params=token, json=body
        ).json()
        told = _told(answer, "custom_audience/update")
        return [Outcome(c.customer_id, "accepted", request_id=str(told.get("request_id", ""))) for c in changes]


def _told(answer: dict[str, object], endpoint: str) -> dict[str, dict[str, object]]:
    code = int(str(answer.get("code") or 0))
    if code in TOO_MANY:
        raise Retryable(f"tiktok_api {endpoint}: code {code}; it is tried again at the next run")
    if code in NOT_LET_IN:
        raise Terminal(f"tiktok_api {endpoint}: code {code}; the credentials of its connection are not accepted")
    if code:
        raise Refused(f"tiktok_api {endpoint}: code {code}", 400, "")
    return answer  # type: ignore[return-value]
