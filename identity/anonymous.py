"""Anonymous web visitors to customers, by the logins on their devices, in the time in which they hold.

In: bronze tables whose contract names who logs in (`logs_in`), `identity.members`. Out: `identity.device_logins`, one row
per device, customer and span of time; `identity.devices`, one row per device. What stays true: a device never merges
people. One person's device is theirs for all time, also before the first login; on a shared device each visit belongs to
the last login before it, and what came before the first stays nobody's.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from warehouse.duck import count, name
from warehouse.errors import edge
from warehouse.steps import StepResult, step


class LoginTable(NamedTuple):
    """An event table: its bronze name, its columns, and the person table that its login ids belong to."""

    table: str
    anonymous_id: str
    login: str
    occurred_at: str
    people: str


def stitch_devices(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.device_logins` and `identity.devices`."""
    with step("devices") as result, edge("identity"):
        found = con.execute(
            "SELECT table_name, anonymous_id, login, occurred_at, people FROM quality.login_tables ORDER BY 1"
        )
        tables = [LoginTable(*row) for row in found.fetchall()]
        logins = (
            " UNION ALL ".join(
                f"SELECT e.{name(t.anonymous_id)} AS anonymous_id, m.customer_id, e.{name(t.occurred_at)} AS logged_in_at "
                f"FROM {name('bronze', t.table)} AS e JOIN identity.members AS m "
                f"ON m.record_key = '{t.people}:' || e.{name(t.login)} WHERE e.{name(t.anonymous_id)} IS NOT NULL"
                for t in tables
            )
            or "SELECT NULL::VARCHAR AS anonymous_id, NULL::VARCHAR AS customer_id, NULL::TIMESTAMP AS logged_in_at WHERE false"
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE identity.device_logins AS
            WITH logins AS (SELECT DISTINCT * FROM ({logins})),
            changes AS (
                SELECT * FROM logins
                QUALIFY customer_id IS DISTINCT FROM lag(customer_id) OVER (PARTITION BY anonymous_id ORDER BY logged_in_at, customer_id)
            )
            SELECT anonymous_id, customer_id,
                CASE WHEN count(DISTINCT customer_id) OVER (PARTITION BY anonymous_id) = 1 THEN TIMESTAMP '1900-01-01'
                     ELSE logged_in_at END AS valid_from,
                coalesce(lead(logged_in_at) OVER (PARTITION BY anonymous_id ORDER BY logged_in_at, customer_id),
                         TIMESTAMP '9999-12-31') AS valid_to
            FROM changes ORDER BY 1, 3, 2
            """
        )
        con.execute(
            """
            CREATE OR REPLACE TABLE identity.devices AS
            SELECT anonymous_id, count(DISTINCT customer_id) AS customers, count(DISTINCT customer_id) > 1 AS is_shared
            FROM identity.device_logins GROUP BY 1 ORDER BY 1
            """
        )
        result.rows_out = count(con, "identity.devices")
        result.facts = {"shared": count(con, "identity.devices WHERE is_shared")}
    return result
