"""Conversions back to the ad platforms: what people bought, so that bids learn from real orders.

In: `activation/conversions.yml`, orders, customers and consents of the published file. Out: calls of the platforms; below `state/conversions` one
Parquet file per batch that was answered, and from them `activation.conversions`. What stays true: a transaction has one id for ever, so a repeated
one is known by the platform; only people who consented to ads are told of; an order whose amount changed is told again where the platform takes
that, with the same id.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from activation.audience import TODAY
from activation.client import Client
from activation.connections import Connection, Connections
from activation.destinations import DESTINATIONS, ApiDestination
from activation.destinations.api import Conversion
from activation.destinations.base import CUSTOMER_COLUMNS, row_sql
from activation.errors import Refused
from activation.hashing import register_forms
from activation.readback import refusal_sql, register_readback
from warehouse import lake
from warehouse.declarations import Declared, load
from warehouse.duck import connect, keep
from warehouse.errors import CdpError, edge
from warehouse.faults import fault
from warehouse.publish import open_published
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

SCHEMA = pa.schema(
    [
        ("feed", pa.string()), ("platform", pa.string()), ("transaction_id", pa.string()), ("customer_id", pa.string()), ("happened_at", pa.string()),
        ("value", pa.decimal128(18, 4)), ("currency", pa.string()), ("status", pa.string()), ("reason", pa.string()), ("request_id", pa.string()),
        ("sent_at", pa.string()), ("sequence", pa.int64()),
    ]
)  # fmt: skip


class Feed(Declared):
    """Orders to one conversion action of one platform."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    platform: str
    connection: str
    place: str = Field(description="the platform's conversion action, or its data set")
    days: int = Field(
        ge=1, le=90, description="orders of so many days; platforms take none that are older than they say"
    )
    only_channels: tuple[str, ...] = Field(default=(), description="channels of orders; all when not said")
    status: str = Field(default="on", pattern="^(on|off)$")

    @model_validator(mode="after")
    def _known(self) -> Feed:
        destination = DESTINATIONS.get(self.platform)
        if not isinstance(destination, ApiDestination) or not destination.conversion_batch:
            known = [n for n, d in DESTINATIONS.items() if isinstance(d, ApiDestination) and d.conversion_batch]
            raise ValueError(f"platform '{self.platform}' takes no conversions; allowed: {', '.join(known)}")
        if self.days > destination.conversion_days:
            raise ValueError(
                f"{self.platform} takes conversions of the last {destination.conversion_days} days, not {self.days}"
            )
        return self


class Feeds(Declared):
    """`activation/conversions.yml`."""

    feeds: tuple[Feed, ...] = ()


def load_feeds(path: Path | None = None) -> tuple[Feed, ...]:
    """Read the feeds that are on.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return tuple(f for f in load(path or settings().conversions_file, Feeds).feeds if f.status == "on")


def conversions_folder() -> Path:
    """Return where the journal is kept."""
    return settings().state / "conversions"


def send_conversions(connections: Connections) -> StepResult:
    """Tell every platform of orders that it was not told of yet.

    Raises:
        Terminal, Retryable: a platform cannot be told now; what was answered is in the journal.
    """
    with step("conversions") as result, edge("activation"):
        failed: list[CdpError] = []
        for feed in load_feeds():
            waiting = waiting_conversions(feed)
            result.rows_in += len(waiting)
            try:
                result.rows_out += _send(feed, waiting, connections)
            except CdpError as error:
                failed.append(error)
        con = connect()
        try:
            register_conversions(con)
        finally:
            con.close()
        if failed:
            raise type(failed[0])("\n".join(str(error) for error in failed))
    return result


def _journal() -> pa.Table:
    paths = sorted(conversions_folder().glob("*/*.parquet"))
    return pa.concat_tables([SCHEMA.empty_table(), *(pq.read_table(path, schema=SCHEMA) for path in paths)])


def register_conversions(con: duckdb.DuckDBPyConnection) -> None:
    """Replace `activation.conversions` by what the journal says."""
    con.register("told_conversions", _journal())
    con.execute(
        "CREATE OR REPLACE TABLE activation.conversions AS SELECT * FROM told_conversions ORDER BY feed, sequence, transaction_id"
    )
    con.unregister("told_conversions")


def waiting_conversions(feed: Feed) -> list[Conversion]:
    """Return orders that the platform was not told of, or whose amount has changed since; oldest first."""
    destination = _api(feed)
    is_restated = "s.value IS DISTINCT FROM o.revenue::DECIMAL(18, 4)" if destination.restates_conversions else "false"
    con = open_published()
    try:
        register_forms(con)
        register_readback(con, temporary=True)
        keep(con, "journal", _journal())
        customer = ", ".join(f"c.{column}" for column in CUSTOMER_COLUMNS)
        told = ("the order", "the customer", "the time", "the channel", "the value", "the currency")
        channels = f"AND o.channel IN ({', '.join('?' for _ in feed.only_channels)})" if feed.only_channels else ""
        found = con.execute(
            f"""
            WITH sent AS (
                SELECT transaction_id, max_by(value, sequence) AS value FROM journal
                WHERE feed = ? AND status = 'accepted' GROUP BY 1
            ),
            due AS (
                SELECT {customer}, o.order_id AS "the order", c.customer_id AS "the customer", o.ordered_at AS "the time",
                    o.channel AS "the channel", o.revenue AS "the value", o.currency AS "the currency"
                FROM cdp.marts.orders AS o JOIN cdp.marts.customers AS c ON o.customer_id = c.customer_id
                LEFT JOIN sent AS s ON s.transaction_id = o.order_id
                WHERE NOT o.is_credit_note AND {TODAY} - o.order_date BETWEEN 0 AND ? {channels}
                    AND CASE WHEN s.transaction_id IS NULL THEN o.revenue > 0 ELSE {is_restated} END
                    AND {refusal_sql("c.customer_id", "advertising", "ads", "readback")} IS NULL
            ),
            celled AS ({destination.cells_sql("due", told)})
            SELECT "the order", "the customer", "the time", "the channel", "the value", "the currency", {row_sql(destination.cells)} FROM celled
            WHERE {destination.needed} ORDER BY "the time", "the order"
            """,
            [feed.name, feed.days, *feed.only_channels],
        ).fetchall()
    finally:
        con.close()
    return [Conversion.of(*row) for row in found]


def _api(feed: Feed) -> ApiDestination:
    destination = DESTINATIONS[feed.platform]
    if not isinstance(destination, ApiDestination):
        raise TypeError(f"{feed.platform} is not called")
    return destination


def _send(feed: Feed, waiting: list[Conversion], connections: Connections) -> int:
    destination = _api(feed)
    connection = connections(feed.connection)
    client = destination.client(connection)
    taken = 0
    try:
        for start in range(0, len(waiting), destination.conversion_batch):
            batch = waiting[start : start + destination.conversion_batch]
            fault("conversions.before_send")
            told = _told(destination, client, connection, feed.place, batch)
            fault("conversions.after_send")
            _note(feed, told)
            taken += sum(not reason for _, _, reason in told)
    finally:
        client.close()
    return taken


def _told(
    destination: ApiDestination, client: Client, connection: Connection, place: str, batch: list[Conversion]
) -> list[tuple[Conversion, str, str]]:
    """Send a batch; one that the platform refuses is halved until the rows that spoil it are found."""
    try:
        request = destination.convert(client, connection, place, batch)
    except Refused as error:
        if error.status in (404, 409):
            raise
        if len(batch) == 1:
            return [(batch[0], "", str(error))]
        middle = len(batch) // 2
        return [
            part
            for half in (batch[:middle], batch[middle:])
            for part in _told(destination, client, connection, place, half)
        ]
    return [(one, request, "") for one in batch]


def _note(feed: Feed, told: list[tuple[Conversion, str, str]]) -> None:
    folder = conversions_folder() / feed.name
    sequence = 1 + len(list(folder.glob("*.parquet")))
    at = now().isoformat(timespec="seconds")
    rows = [
        {
            "feed": feed.name, "platform": feed.platform, "transaction_id": one.transaction_id, "customer_id": one.customer_id,
            "happened_at": one.happened_at.isoformat(), "value": one.value, "currency": one.currency,
            "status": "rejected" if reason else "accepted", "reason": reason, "request_id": request, "sent_at": at, "sequence": sequence,
        }
        for one, request, reason in told
    ]  # fmt: skip
    lake.write_parquet(folder / f"{sequence:06d}.parquet", pa.Table.from_pylist(rows, schema=SCHEMA))
