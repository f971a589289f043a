"""What all destinations share: a customer becomes a payload, changes become files, each change has one outcome."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from warehouse import files

#: Columns of the published customers that a destination may use.
CUSTOMER_COLUMNS = (
    "customer_id",
    "given_name",
    "surnames",
    "email",
    "phone",
    "country",
    "postcode",
    "city",
    "region",
    "birth_date",
)

Payload = dict[str, str]


@dataclass(frozen=True)
class Change:
    """One customer to add to a list, to change on it, or to remove from it.

    `previous` is the row the platform got last: people are removed by what they were sent with, not by what is known now.
    """

    customer_id: str
    op: Literal["add", "update", "remove"]
    payload: Payload
    previous: Payload


@dataclass(frozen=True)
class Outcome:
    """What became of a change: accepted or rejected, and why."""

    customer_id: str
    status: Literal["accepted", "rejected"]
    reason: str = ""
    request_id: str = ""


class Destination:
    """A platform that takes files in its own upload format.

    `columns` are the exact headers; `needs` says in words what a customer must have.
    """

    platform: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    needs: ClassVar[str]
    min_list_size: ClassVar[int] = 0

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return a customer's row by header, or None when nothing in it identifies the customer."""
        raise TypeError(f"{type(self).__name__} must say how a customer becomes a row")

    def deliver(self, folder: Path, stem: str, changes: Sequence[Change], everyone: Sequence[Payload]) -> list[Outcome]:
        """Write the files of one plan: what to remove, what to add, and the list as it should be afterwards.

        Writing again with the same plan writes the same bytes. Removals come first, also in time.

        Returns:
            One outcome per change, in order.
        """
        leaving = [c.previous for c in changes if c.op in ("remove", "update") and c.previous]
        coming = [c.payload for c in changes if c.op in ("add", "update")]
        for label, rows in (("remove", leaving), ("add", coming)):
            if rows:
                self._write(folder / f"{stem}_{label}.csv", rows)
        self._write(folder / "members.csv", everyone)
        return [Outcome(change.customer_id, "accepted") for change in changes]

    def _write(self, path: Path, rows: Sequence[Payload]) -> None:
        text = io.StringIO()
        # Declared fields follow the platform's own columns.
        columns = (*self.columns, *sorted({c for row in rows for c in row} - set(self.columns)))
        writer = csv.DictWriter(text, columns, lineterminator="\r\n", restval="")
        writer.writeheader()
        # By content, not by customer id: the order of a file must not say anything the file does not.
        writer.writerows(sorted(rows, key=lambda row: tuple(row.get(c, "") for c in columns)))
        files.write_bytes(path, text.getvalue().encode("utf-8"))


def payload_hash(payload: Payload) -> str:
    """Return what tells whether a customer's row changed since it was sent."""
    return hashlib.sha256("\x1f".join(f"{k}={v}" for k, v in sorted(payload.items())).encode()).hexdigest()
