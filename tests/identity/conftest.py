"""Records of people in bronze, as if they had landed."""

from __future__ import annotations

import json

import polars as pl
import pytest

from warehouse.duck import connect

COLUMNS = ["id", "given", "family", "email", "street", "country", "phone", "tax", "city", "postcode", "seen"]
ROLES = {"given_name": ["given"], "family_name": ["family"], "email": ["email"], "street": ["street"], "country": ["country"],
         "phone": ["phone"], "tax_id": ["tax"], "city": ["city"], "postcode": ["postcode"], "observed_at": ["seen"]}  # fmt: skip


def _warehouse_with(people, source="crm"):
    con = connect()
    data = [{c: person.get(c) for c in COLUMNS} for person in people]
    con.register("people", pl.DataFrame(data, schema=dict.fromkeys(COLUMNS, pl.String)).to_arrow())
    con.execute(f"CREATE OR REPLACE TABLE bronze.{source}_people AS SELECT *, 'f' AS _file, 1 AS _line FROM people")
    con.execute(
        "CREATE TABLE IF NOT EXISTS quality.person_tables (table_name VARCHAR, source VARCHAR, key JSON, roles JSON, country VARCHAR, joins JSON)"
    )
    con.execute("DELETE FROM quality.person_tables WHERE table_name = ?", [f"{source}_people"])
    con.execute(
        "INSERT INTO quality.person_tables VALUES (?, ?, ?, ?, NULL, ?)",
        [f"{source}_people", source, json.dumps(["id"]), json.dumps(ROLES), "[]"],
    )
    return con


@pytest.fixture(scope="session")
def warehouse_with():
    """Return what opens a working file with some people in it."""
    return _warehouse_with
