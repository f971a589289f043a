"""Everything that is known of one person, in one JSON file (right of access).

In: the published file, by any customer id ever issued. Out: golden record with sources, records, orders, visits, e-mails,
consents, segments, scores. Every export is audited.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from privacy import audit
from warehouse import files
from warehouse.duck import has_table, name, rows
from warehouse.errors import CdpError
from warehouse.publish import open_published

#: Tables of the published file that hold one person's data, by customer id.
TABLES = (
    "marts.customers", "identity.profile_values", "identity.members", "identity.households", "marts.orders",
    "marts.order_lines", "marts.receivables", "marts.web_sessions", "marts.email_engagement", "marts.consents",
    "metrics.rfm", "metrics.data_quality", "segments.macro_segments", "segments.customer_segments", "scores.churn_60d",
)  # fmt: skip


def export_person(customer_id: str, out: Path, actor: str, reason: str) -> dict[str, int]:
    """Write a person's data and return rows per table.

    Raises:
        CdpError: the id was never issued, is retired, or actor or reason is missing.
    """
    con = open_published()
    try:
        found = rows(
            con, "SELECT current_customer_id FROM identity.customer_aliases WHERE customer_id = ?", [customer_id]
        )
        if not found or found[0]["current_customer_id"] is None:
            raise CdpError(f"customer id {customer_id} is not known, or stands for nobody any more")
        current = found[0]["current_customer_id"]
        held: dict[str, list[dict[str, Any]]] = {}
        for table in TABLES:
            if has_table(con, *table.split(".")):
                held[table] = rows(con, f"SELECT * FROM {name(*table.split('.'))} WHERE customer_id = ?", [current])
    finally:
        con.close()
    audit.record(actor, "person exported", current, reason, rows={t: len(r) for t, r in held.items()})
    document = {"customer_id": current, "asked_for": customer_id, "data": held}
    files.write_bytes(out, (json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n").encode())
    return {table: len(found_rows) for table, found_rows in held.items()}
