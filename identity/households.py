"""Households: customers who live at one address under a common surname, or share a phone there.

In: `identity.members`, `identity.records`. Out: `identity.households`, one row per customer with `household_id` and the
reason. A layer of its own: it never merges people.
"""

from __future__ import annotations

import hashlib

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warehouse.duck import count
from warehouse.errors import edge
from warehouse.steps import StepResult, step

#: More customers than this at one address or phone are a building or a switchboard, not a household.
MAX_SHARING = 8


def build_households(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.households`."""
    with step("households") as result, edge("identity"):
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE homes AS
            SELECT DISTINCT m.customer_id, r.surname_1, r.surname_2, r.phone_e164,
                CASE WHEN r.street_number IS NOT NULL AND r.postcode IS NOT NULL
                     THEN r.street_name || '|' || r.street_number || '|' || r.postcode END AS address
            FROM identity.members AS m JOIN identity.records AS r USING (record_key)
            """
        )
        pairs = con.execute(
            f"""
            WITH small_address AS (SELECT address FROM homes WHERE address IS NOT NULL GROUP BY 1
                                   HAVING count(DISTINCT customer_id) BETWEEN 2 AND {MAX_SHARING}),
            small_phone AS (SELECT phone_e164 FROM homes WHERE phone_e164 IS NOT NULL GROUP BY 1
                            HAVING count(DISTINCT customer_id) BETWEEN 2 AND {MAX_SHARING}),
            found AS (
                SELECT a.customer_id AS l, b.customer_id AS r, 'address and surname' AS reason
                FROM homes AS a JOIN homes AS b ON a.address = b.address AND a.customer_id < b.customer_id
                WHERE a.address IN (SELECT address FROM small_address)
                    AND (a.surname_1 IN (b.surname_1, b.surname_2) OR a.surname_2 IN (b.surname_1, b.surname_2)
                         OR a.phone_e164 = b.phone_e164)
                UNION ALL
                SELECT a.customer_id, b.customer_id, 'phone and surname'
                FROM homes AS a JOIN homes AS b ON a.phone_e164 = b.phone_e164 AND a.customer_id < b.customer_id
                WHERE a.phone_e164 IN (SELECT phone_e164 FROM small_phone)
                    AND (a.surname_1 IN (b.surname_1, b.surname_2) OR a.surname_2 IN (b.surname_1, b.surname_2))
            )
            SELECT l, r, min(reason) FROM found GROUP BY ALL ORDER BY 1, 2
            """
        ).fetchall()
        customers = [
            row[0] for row in con.execute("SELECT DISTINCT customer_id FROM identity.members ORDER BY 1").fetchall()
        ]
        place = {customer: i for i, customer in enumerate(customers)}
        left = np.array([place[row[0]] for row in pairs], dtype=np.int64)
        right = np.array([place[row[1]] for row in pairs], dtype=np.int64)
        graph = coo_array((np.ones(len(pairs)), (left, right)), shape=(len(customers), len(customers)))
        labels = connected_components(graph, directed=False)[1] if customers else np.array([], dtype=np.int64)
        reasons = {customer: row[2] for row in pairs for customer in (row[0], row[1])}
        first: dict[int, str] = {}
        ids = [
            "H" + hashlib.sha256(first.setdefault(int(label), customer).encode()).hexdigest()[:12].upper()
            for customer, label in zip(customers, labels, strict=True)
        ]
        table = pa.table(
            {
                "customer_id": pa.array(customers, pa.string()),
                "household_id": pa.array(ids, pa.string()),
                "reason": pa.array([reasons.get(c, "lives alone, as far as is known") for c in customers], pa.string()),
            }
        )
        con.register("made_households", table)
        con.execute("CREATE OR REPLACE TABLE identity.households AS SELECT * FROM made_households ORDER BY 1")
        con.unregister("made_households")
        result.rows_in = len(customers)
        result.rows_out = count(con, "(SELECT DISTINCT household_id FROM identity.households)")
    return result
