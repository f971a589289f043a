"""Who entered and left which audience, and when: append only.

In: `activation.audience_members`. Out: `state/membership`, one Parquet file per run in which anything changed, and from them
`activation.membership_events` and `activation.audience_sizes`. What stays true: a run that changes nothing writes nothing; who was in at
any moment can be told from the events alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from warehouse import lake
from warehouse.duck import quoted
from warehouse.faults import fault
from warehouse.settings import now, settings

SCHEMA = pa.schema(
    [
        ("audience", pa.string()), ("customer_id", pa.string()), ("event", pa.string()), ("reason", pa.string()),
        ("happened_at", pa.string()), ("sequence", pa.int64()),
    ]
)  # fmt: skip


def membership_folder() -> Path:
    """Return where the events are kept."""
    return settings().state / "membership"


def note_membership(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Write who entered and left since the last run, and replace the tables of events and sizes.

    Returns:
        How many entered and left.
    """
    _register(con)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE moved AS
        WITH before AS (
            SELECT audience, customer_id FROM activation.membership_events
            QUALIFY row_number() OVER (PARTITION BY audience, customer_id ORDER BY sequence DESC) = 1 AND event = 'entered'
        ),
        after AS (SELECT audience, customer_id FROM activation.audience_members WHERE left_out IS NULL)
        SELECT coalesce(a.audience, b.audience) AS audience, coalesce(a.customer_id, b.customer_id) AS customer_id,
            CASE WHEN b.customer_id IS NULL THEN 'entered' ELSE 'left' END AS event,
            CASE WHEN b.customer_id IS NULL THEN 'the definition holds' ELSE coalesce(m.left_out, 'the definition holds no more') END AS reason
        FROM after AS a FULL JOIN before AS b ON a.audience = b.audience AND a.customer_id = b.customer_id
        LEFT JOIN activation.audience_members AS m ON b.audience = m.audience AND b.customer_id = m.customer_id
        WHERE a.customer_id IS NULL OR b.customer_id IS NULL
        """
    )
    counts = dict(con.execute("SELECT event, count(*) FROM moved GROUP BY 1").fetchall())
    if counts:
        sequence = 1 + len(list(membership_folder().glob("*.parquet")))
        at = now().isoformat(timespec="seconds")
        table = con.execute(
            "SELECT audience, customer_id, event, reason, ? AS happened_at, ?::BIGINT AS sequence FROM moved ORDER BY audience, customer_id",
            [at, sequence],
        ).to_arrow_table()
        fault("membership.before_write")
        lake.write_parquet(membership_folder() / f"{sequence:06d}.parquet", table.cast(SCHEMA))
        _register(con)
    con.execute("DROP TABLE moved")
    return {"entered": int(counts.get("entered", 0)), "left": int(counts.get("left", 0))}


def _register(con: duckdb.DuckDBPyConnection) -> None:
    paths = sorted(membership_folder().glob("*.parquet"))
    if paths:
        listed = ", ".join(f"'{quoted(str(path))}'" for path in paths)
        events = f"SELECT * FROM read_parquet([{listed}])"
    else:
        con.register("no_events", SCHEMA.empty_table())
        events = "SELECT * FROM no_events"
    con.execute(
        f"CREATE OR REPLACE TABLE activation.membership_events AS {events} ORDER BY sequence, audience, customer_id"
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.audience_sizes AS
        SELECT audience, happened_at, sequence, entered, departed,
            sum(entered - departed) OVER (PARTITION BY audience ORDER BY sequence)::BIGINT AS members
        FROM (
            SELECT audience, happened_at, sequence, count(*) FILTER (event = 'entered') AS entered, count(*) FILTER (event = 'left') AS departed
            FROM activation.membership_events GROUP BY ALL
        )
        ORDER BY audience, sequence
        """
    )
