"""The delivery ledger: one row per customer, list and change that was sent, append only.

In: the journal, one Parquet file per applied plan below `state/journal`. Out: `activation.ledger` and `activation.present`,
who is on which list now as far as was acknowledged. What stays true: the journal is state and is never rewritten; a plan
is applied when its journal file is there. The row that was sent is kept, so that a person can be removed by it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import lake
from warehouse.duck import quoted
from warehouse.settings import settings

SCHEMA = pa.schema(
    [
        ("audience", pa.string()), ("platform", pa.string()), ("list", pa.string()), ("customer_id", pa.string()),
        ("op", pa.string()), ("status", pa.string()), ("reason", pa.string()), ("payload_hash", pa.string()), ("payload", pa.string()),
        ("plan_hash", pa.string()), ("sequence", pa.int64()), ("delivered_at", pa.string()),
    ]
)  # fmt: skip


def journal_folder(audience: str, platform: str) -> Path:
    """Return where the journal of an audience at a platform stands."""
    return settings().state / "journal" / audience / platform


def is_applied(audience: str, platform: str, plan_hash: str) -> bool:
    """Tell whether a plan was applied."""
    return any(journal_folder(audience, platform).glob(f"*-{plan_hash[:16]}.parquet"))


def applied_plans(audience: str, platform: str) -> int:
    """Count the plans of an audience that were applied at a platform."""
    return len(list(journal_folder(audience, platform).glob("*.parquet")))


def last_applied_at(audience: str, platform: str) -> datetime | None:
    """Return when a plan of an audience was last applied at a platform."""
    paths = sorted(journal_folder(audience, platform).glob("*.parquet"))
    if not paths:
        return None
    found = pq.read_table(paths[-1], columns=["delivered_at"])["delivered_at"].to_pylist()
    return datetime.fromisoformat(max(found)) if found else None


def write_journal(audience: str, platform: str, plan_hash: str, rows: list[dict[str, object]]) -> Path:
    """Write the outcomes of one plan: the moment from which they count."""
    folder = journal_folder(audience, platform)
    sequence = 1 + applied_plans(audience, platform)
    table = pa.Table.from_pylist([{**row, "sequence": sequence} for row in rows], schema=SCHEMA)
    path = folder / f"{sequence:06d}-{plan_hash[:16]}.parquet"
    lake.write_parquet(path, table)
    return path


def register_ledger(con: duckdb.DuckDBPyConnection) -> None:
    """Replace `activation.ledger` and `activation.present` by what the journal says."""
    root = settings().state / "journal"
    found = sorted(root.glob("*/*/*.parquet"))
    if found:
        listed = ", ".join(f"'{quoted(str(path))}'" for path in found)
        rows = f"SELECT * FROM read_parquet([{listed}])"
    else:
        con.register("empty_ledger", SCHEMA.empty_table())
        rows = "SELECT * FROM empty_ledger"
    con.execute(
        f"CREATE OR REPLACE TABLE activation.ledger AS {rows} ORDER BY audience, platform, sequence, customer_id"
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.present AS
        SELECT audience, platform, list, customer_id, payload_hash, payload
        FROM (
            SELECT * FROM activation.ledger WHERE status = 'accepted'
            QUALIFY row_number() OVER (PARTITION BY audience, platform, list, customer_id ORDER BY sequence DESC) = 1
        )
        WHERE op <> 'remove' ORDER BY ALL
        """
    )
