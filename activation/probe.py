"""Every call of a destination once, with two people who do not exist: what `cdp destination check` does before anybody real is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from activation.connections import Connection
from activation.destinations import DESTINATIONS, ApiDestination, Change, PlaceDestination
from activation.destinations.api import Conversion
from activation.destinations.base import Payload
from activation.errors import Refused
from warehouse.errors import CdpError

#: Domains and numbers that belong to nobody (RFC 2606; ITU test numbers of the US).
PEOPLE = (
    {"customer_id": "clientela-check-1", "given_name": "José", "surnames": "Peña Ruiz", "email": "clientela.check.1@example.com",
     "phone": "+12025550101", "country": "MX", "postcode": "06000", "city": "Ciudad de México", "region": "CDMX", "birth_date": None},
    {"customer_id": "clientela-check-2", "given_name": "Ann", "surnames": "O'Brien", "email": "clientela.check.2@example.com",
     "phone": "+12025550102", "country": "US", "postcode": "10001", "city": "New York", "region": "NY", "birth_date": None},
)  # fmt: skip
#: How many refusals are read, at most.
READ = 1000


@dataclass(frozen=True)
class Probe:
    """One call: what it was, whether it worked, and what came back in words."""

    call: str
    is_ok: bool
    said: str


def probe(platform: str, connection: Connection, place: str, conversions_place: str | None = None) -> Iterator[Probe]:
    """Yield the outcome of each call: add, change, remove, ask what became of it, read back, and tell of a conversion.

    Args:
        platform: which destination.
        connection: its account; a test server's address takes the place of the platform's.
        place: the list, folder or field that audiences name.
        conversions_place: the conversion action or data set; conversions are left out without it.
    """
    destination = DESTINATIONS[platform]
    rows = {str(p["customer_id"]): destination.payload(p) or {} for p in PEOPLE}
    if isinstance(destination, PlaceDestination):
        yield _tried("put", lambda: _put(destination, connection, place))
        return
    if not isinstance(destination, ApiDestination):
        for number, row in enumerate(rows.values(), 1):
            yield Probe(f"row {number}", bool(row), ", ".join(f"{k}={v[:12]}" for k, v in row.items() if v))
        return
    client = destination.client(connection)
    requests: list[str] = []

    def send(op: str) -> str:
        changes = [Change(c, op, {} if op == "remove" else row, {} if op == "add" else row) for c, row in rows.items()]  # type: ignore[arg-type]
        done = [pair for batch in destination.batches(client, connection, place, changes) for pair in batch]
        wrong = [o.reason for _, o in done if o.status != "accepted"]
        requests.extend({o.request_id for _, o in done if o.request_id})
        if wrong:
            raise Refused(f"{len(wrong)} of {len(done)} rejected: {wrong[0]}", 400, "")
        return f"{len(done)} accepted"

    def ask() -> str:
        state, reason, told = destination.status(client, place, requests[0])
        return " ".join(str(part) for part in (state, reason, told or "") if part)

    def convert() -> str:
        at = datetime.now(UTC).replace(microsecond=0)
        sold = [
            Conversion(f"clientela-check-{n}", c, at, "web", Decimal("10.50"), "USD", row)
            for n, (c, row) in enumerate(rows.items())
        ]
        return f"request {destination.convert(client, connection, conversions_place or '', sold) or 'taken'}"

    try:
        for op in ("add", "update", "remove"):
            yield _tried(op, partial(send, op))
        if requests:
            yield _tried("status", ask)
        yield _tried(
            "read back",
            lambda: f"{len(list(islice(destination.refusals(client, connection, place), READ)))} addresses refuse",
        )
        if conversions_place and destination.conversion_batch:
            yield _tried("conversions", convert)
    finally:
        client.close()


def _tried(call: str, work: Callable[[], str]) -> Probe:
    try:
        return Probe(call, True, work())
    except CdpError as error:
        return Probe(call, False, str(error))


def _put(destination: PlaceDestination, connection: Connection, place: str) -> str:
    rows: list[Payload] = [DESTINATIONS["csv"].payload(p) or {} for p in PEOPLE]
    with TemporaryDirectory(prefix="clientela-") as folder:
        path = Path(folder) / "clientela_check.csv"
        pl.DataFrame(rows).write_csv(path, line_terminator="\r\n")
        destination.put(connection, place, [path])
    return "1 file put"
