"""What destinations that are called share: changes go in batches, removals first; every change has one outcome; a batch that the platform
refuses is halved until the rows that spoil it are found.

A platform's module says how one batch is added and removed, and how its answer tells of single rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import httpx

from activation.client import Client, Clock, limits_of
from activation.connections import Connection
from activation.destinations.base import Change, Destination, Outcome, Payload
from activation.errors import Refused
from activation.refusal import Refusal


@dataclass(frozen=True)
class Conversion:
    """One order to tell a platform of. `transaction_id` never changes; `value` is in `currency`; `row` holds the buyer's cells."""

    transaction_id: str
    customer_id: str
    happened_at: datetime
    channel: str
    value: Decimal
    currency: str
    row: Payload

    @classmethod
    def of(
        cls, order: str, customer: str, at: datetime, channel: str, value: Decimal, currency: str, row: str
    ) -> Conversion:
        """Return a conversion from a row of a query, its cells as JSON."""
        return cls(order, customer, at.replace(tzinfo=UTC), channel, value, currency, json.loads(row))


class ApiDestination(Destination):
    """A platform that takes members over HTTP."""

    #: Conversions that one call takes, none where the platform takes none; how old they may be; whether an amount may be told again.
    conversion_batch: ClassVar[int] = 0
    conversion_days: ClassVar[int] = 0
    restates_conversions: ClassVar[bool] = False

    #: Where it is when the connection names no other place.
    home: ClassVar[str]

    def headers(self, connection: Connection) -> dict[str, str]:
        """Return what every call carries."""
        return {"Authorization": f"Bearer {connection.secret}"}

    def client(
        self, connection: Connection, transport: httpx.BaseTransport | None = None, clock: Clock | None = None
    ) -> Client:
        """Return a client of an account."""
        return Client(
            self.platform, connection.base_url or self.home, self.headers(connection), transport=transport, clock=clock
        )

    def add(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Put customers on a list, or change them there; at most one batch. Doing it again changes nothing.

        Raises:
            Refused: nothing was taken, because of something in it.
        """
        raise TypeError(f"{type(self).__name__} must say how customers are added")

    def remove(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Take customers off a list by what they were sent with; at most one batch. Doing it again changes nothing.

        Raises:
            Refused: nothing was taken, because of something in it.
        """
        raise TypeError(f"{type(self).__name__} must say how customers are removed")

    def status(self, client: Client, place: str, request_id: str) -> tuple[str, str, dict[str, Any]]:
        """Return what has become of a request for a list: processing, confirmed or failed; why; and what the platform says of it.

        Platforms that answer at once confirm by their answer. Who tells how many members it knows says so as `matched_low_pct` and
        `matched_high_pct`, which are equal where it counts and apart where it names a range.
        """
        return "confirmed", "", {}

    #: Whether the platform can be handed a list whole, so that nobody else is left on it.
    replaces: ClassVar[bool] = False

    def replace(self, client: Client, connection: Connection, place: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make a list be those who are added or changed, and nobody else; whoever is not among them goes. All or nothing.

        Raises:
            Refused: the list could not be handed over whole; everybody is to be sent as on any other day.
        """
        raise TypeError(f"{type(self).__name__} takes no whole lists")

    def remove_older(self, client: Client, connection: Connection, place: str, began_at: datetime) -> None:
        """Take off a list whoever was put there before a moment: the end of bringing it in step whole.

        Platforms without such a call are in step as far as everybody was sent again.
        """

    def convert(self, client: Client, connection: Connection, place: str, conversions: Sequence[Conversion]) -> str:
        """Tell of conversions, at most one batch, and return the request's id. Doing it again changes nothing.

        Raises:
            Refused: nothing was taken, because of something in it.
        """
        raise TypeError(f"{type(self).__name__} takes no conversions")

    def refusals(self, client: Client, connection: Connection, place: str) -> Iterator[Refusal]:
        """Yield addresses that the platform itself says must not be sent to; most say nothing."""
        yield from ()

    def batches(
        self, client: Client, connection: Connection, place: str, changes: Sequence[Change]
    ) -> Iterator[list[tuple[Change, Outcome]]]:
        """Send changes and yield each batch with its outcomes as soon as the platform has answered.

        A customer whose row changed is taken off by the old one before the new one is added.

        Raises:
            Terminal, Retryable: nothing more can be sent now; what was yielded was taken.
        """
        size = limits_of(self.platform).batch
        leaving = [c for c in changes if c.op == "remove" or (c.op == "update" and self.is_other_person(c))]
        coming = [c for c in changes if c.op in ("add", "update")]
        for what, rows in ((self.remove, leaving), (self.add, coming)):
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                outcomes = _bisected(what, client, connection, place, batch)
                done = [
                    (c, o)
                    for c, o in zip(batch, outcomes, strict=True)
                    if not (what == self.remove and c.op == "update")
                ]
                if done:
                    yield done

    def is_other_person(self, change: Change) -> bool:
        """Tell whether the platform would take the changed row for somebody else, so that the old one has to go."""
        return change.previous != change.payload


def _bisected(what: Any, client: Client, connection: Connection, place: str, batch: Sequence[Change]) -> list[Outcome]:
    try:
        return list(what(client, connection, place, batch))
    except Refused as error:
        if error.status in (404, 409) or len(batch) == 0:
            raise
        if len(batch) == 1:
            return [Outcome(batch[0].customer_id, "rejected", f"{error}")]
        middle = len(batch) // 2
        return _bisected(what, client, connection, place, batch[:middle]) + _bisected(
            what, client, connection, place, batch[middle:]
        )


def share_matched(taken: Any, of: Any) -> dict[str, float]:
    """Return the share of members that a platform counts as known to it, as `status` tells it; nothing where it does not count."""
    if taken is None or not of:
        return {}
    share = round(100 * float(taken) / float(of), 1)
    return {"matched_low_pct": share, "matched_high_pct": share}
