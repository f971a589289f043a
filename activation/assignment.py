"""Who is treated and who is held out, since when: append only, so that lift is measured on what was drawn, not on what would be drawn today.

In: `activation.audience_members`, the published aliases of customers. Out: `state/assignments`, one Parquet file per run in which somebody was
assigned anew, and from them `activation.assignments`, one row per audience, campaign and customer. What stays true: nobody changes sides; of two
customers that have become one the earlier assignment counts.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from activation.campaign import CONTROL
from warehouse import lake
from warehouse.duck import count, name, quoted
from warehouse.faults import fault
from warehouse.settings import now, settings

SCHEMA = pa.schema(
    [
        ("audience", pa.string()), ("campaign", pa.string()), ("customer_id", pa.string()), ("variant", pa.string()),
        ("assigned_at", pa.string()), ("sequence", pa.int64()),
    ]
)  # fmt: skip
TREATED = "treated"


def assignments_folder() -> Path:
    """Return where assignments are kept."""
    return settings().state / "assignments"


def register_assignments(con: duckdb.DuckDBPyConnection, database: str = "cdp") -> None:
    """Replace `activation.assignments` by what is kept, under today's customer ids.

    Args:
        con: the working file.
        database: where `identity.customer_aliases` are: the published file, attached as `cdp`, or the working file itself.
    """
    paths = sorted(assignments_folder().glob("*.parquet"))
    if paths:
        listed = ", ".join(f"'{quoted(str(p))}'" for p in paths)
        kept = f"SELECT * FROM read_parquet([{listed}])"
    else:
        con.register("no_assignments", SCHEMA.empty_table())
        kept = "SELECT * FROM no_assignments"
    aliases = f"duckdb_tables() WHERE database_name = '{database}' AND schema_name = 'identity' AND table_name = 'customer_aliases'"
    has_aliases = bool(count(con, aliases))
    joined = (
        f"LEFT JOIN {name(database, 'identity', 'customer_aliases')} AS a ON k.customer_id = a.customer_id"
        if has_aliases
        else ""
    )
    current = "coalesce(a.current_customer_id, k.customer_id)" if has_aliases else "k.customer_id"
    con.execute(
        f"""
        CREATE OR REPLACE TABLE activation.assignments AS
        SELECT k.audience, k.campaign, {current} AS customer_id, k.variant, k.assigned_at::TIMESTAMP AS assigned_at
        FROM ({kept}) AS k {joined}
        QUALIFY row_number() OVER (PARTITION BY k.audience, k.campaign, {current} ORDER BY k.sequence, k.customer_id) = 1
        ORDER BY 1, 2, 3
        """
    )


def note_assignments(con: duckdb.DuckDBPyConnection) -> int:
    """Write who was assigned anew and return how many; `cdp` is attached.

    Audiences without a control group are not kept: nothing could be compared with them.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE assigned_now AS
        SELECT m.audience, coalesce(m.campaign, '') AS campaign, m.customer_id,
            CASE WHEN m.is_control THEN '{CONTROL}' ELSE coalesce(m.variant, '{TREATED}') END AS variant
        FROM activation.audience_members AS m
        ANTI JOIN activation.assignments AS a
            ON m.audience = a.audience AND coalesce(m.campaign, '') = a.campaign AND m.customer_id = a.customer_id
        WHERE m.is_control OR (
            m.left_out IS NULL AND m.audience IN (SELECT audience FROM activation.audience_members WHERE is_control)
        )
        """
    )
    added = count(con, "assigned_now")
    if added:
        sequence = 1 + len(list(assignments_folder().glob("*.parquet")))
        table = con.execute(
            "SELECT audience, campaign, customer_id, variant, ? AS assigned_at, ?::BIGINT AS sequence FROM assigned_now ORDER BY 1, 2, 3",
            [now().isoformat(timespec="seconds"), sequence],
        ).to_arrow_table()
        fault("assignments.before_write")
        lake.write_parquet(assignments_folder() / f"{sequence:06d}.parquet", table.cast(SCHEMA))
        register_assignments(con)
    con.execute("DROP TABLE assigned_now")
    return added
