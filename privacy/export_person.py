"""Everything that is known of one person, in one JSON file (right of access).

In: the published file, by any customer id ever issued. Out: golden record with sources, records, orders, visits, e-mails,
consents, segments, scores: every published table with a customer id. Every export is audited.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from privacy import audit
from warehouse import files
from warehouse.duck import name, rows
from warehouse.errors import CdpError
from warehouse.publish import open_published


def tables_of_people(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the published tables that hold one person's data by customer id, whatever was added since this was written."""
    found = con.execute(
        "SELECT schema_name, table_name FROM duckdb_columns() WHERE database_name = current_catalog() AND column_name = 'customer_id' ORDER BY ALL"
    ).fetchall()
    return [f"{schema}.{table}" for schema, table in found]


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
        for table in tables_of_people(con):
            if table not in ("identity.customer_aliases", "identity.customer_events"):
                held[table] = rows(con, f"SELECT * FROM {name(*table.split('.'))} WHERE customer_id = ?", [current])
    finally:
        con.close()
    audit.record(actor, "person exported", current, reason, rows={t: len(r) for t, r in held.items()})
    document = {"customer_id": current, "asked_for": customer_id, "data": held}
    files.write_bytes(out, (json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n").encode())
    return {table: len(found_rows) for table, found_rows in held.items()}
