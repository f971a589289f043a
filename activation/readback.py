"""What platforms say of people themselves: who unsubscribed, complained, or cannot be reached there. It wins over everything else.

In: `ApiDestination.refusals` of platforms that tell. Out: `state/readback`, one Parquet file per call in which somebody was new, holding hashes of
addresses and no address; from them `activation.readback`, one row per customer, platform and kind. What stays true: nobody in it is sent anything
by that channel again, whatever consent says, and no sync lifts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from activation.consent import decision_sql
from activation.hashing import register_forms
from activation.refusal import Refusal
from warehouse import lake
from warehouse.duck import keep
from warehouse.faults import fault
from warehouse.settings import settings

SCHEMA = pa.schema(
    [
        ("platform", pa.string()), ("channel", pa.string()), ("kind", pa.string()), ("address_hash", pa.string()), ("happened_at", pa.string()),
        ("sequence", pa.int64()),
    ]
)  # fmt: skip
TABLE = "activation.readback"
KINDS = {"unsubscribed": "unsubscribed at", "complained": "complained at", "bounced": "cannot be reached by"}


def readback_folder() -> Path:
    """Return where read-backs are kept."""
    return settings().state / "readback"


def note_refusals(platform: str, channel: str, found: Iterable[Refusal]) -> int:
    """Keep what is new of what a platform said; return how many."""
    paths = sorted(readback_folder().glob("*.parquet"))
    kept = _kept(paths)
    known = {(row["kind"], row["address_hash"]) for row in kept if row["platform"] == platform}
    new = {(r.kind, r.address_hash): r for r in found if (r.kind, r.address_hash) not in known}
    if new:
        sequence = 1 + len(paths)
        rows = [
            {"platform": platform, "channel": channel, "kind": kind, "address_hash": digest, "happened_at": r.happened_at, "sequence": sequence}
            for (kind, digest), r in sorted(new.items())
        ]  # fmt: skip
        fault("readback.before_write")
        lake.write_parquet(readback_folder() / f"{sequence:06d}.parquet", pa.Table.from_pylist(rows, schema=SCHEMA))
    return len(new)


def _kept(paths: list[Path]) -> list[dict[str, str]]:
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def register_readback(con: duckdb.DuckDBPyConnection, *, temporary: bool = False) -> None:
    """Replace `activation.readback`, or a temporary `readback`: whom of today's customers a platform refuses; `cdp` is attached."""
    register_forms(con)
    # Rows are handed over, since a connection to the published file reads no other.
    keep(con, "kept_refusals", pa.Table.from_pylist(_kept(sorted(readback_folder().glob("*.parquet"))), schema=SCHEMA))
    con.execute(
        f"""
        CREATE OR REPLACE {"TEMP TABLE readback" if temporary else f"TABLE {TABLE}"} AS
        SELECT DISTINCT c.customer_id, k.platform, k.channel, k.kind, k.happened_at
        FROM kept_refusals AS k JOIN cdp.marts.customers AS c ON k.address_hash = form_hash(form_email(c.email))
        ORDER BY ALL
        """
    )
    con.execute("DROP TABLE kept_refusals")


def refusal_sql(customer: str, purpose: str, channel: str, table: str = TABLE) -> str:
    """Return an expression that is null when a customer may be sent, else the reason: consent first, then what a platform said."""
    words = " ".join(f"WHEN '{kind}' THEN '{word} '" for kind, word in KINDS.items())
    said = (
        f"(SELECT min(CASE kind {words} END || platform) FROM {table} AS r "
        f"WHERE r.customer_id = {customer} AND r.channel = '{channel}')"
    )
    return f"coalesce({decision_sql(customer, purpose, channel)}, {said})"
