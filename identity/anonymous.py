"""Anonymous web visitors to customers, by what they did on their devices, in the time in which it holds.

In: bronze event tables as `quality.login_tables` describes them, `identity.members`, `identity.records`. Out:
`identity.device_logins`, one row per device, customer and span of time, with what told (login, form, e-mail click);
`identity.devices`, one row per device, with the reason why it is nobody's alone. What stays true: a device never merges people.
One person's device is theirs for all time, also before the first login; on a shared device each visit belongs to the last login
before it, and what came before the first stays nobody's. A device whose visitor declined to be identified is not linked from that
moment on, and an e-mail address that several customers use tells nobody.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import duckdb
import polars as pl

from identity.normalise.emails import parse_email
from warehouse.duck import count, name, quoted
from warehouse.errors import edge
from warehouse.steps import StepResult, step

#: More customers than this on a device are a kiosk or a shop's own till: nobody is told by it.
MOST_CUSTOMERS_OF_A_DEVICE = 8


class LoginTable(NamedTuple):
    """An event table: its bronze name and columns, and the tables that its login ids and click parameters belong to."""

    table: str
    anonymous_id: str
    login: str | None
    occurred_at: str
    people: str | None
    email: str | None
    consent: str | None
    url: str | None
    clicks: str

    def identified(self) -> str:
        """Return what identifies visitors in events, of devices whose visitor had not declined to be identified by then."""
        device, moment = name(self.anonymous_id), name(self.occurred_at)
        columns = {"login": self.login, "email": self.email, "url": self.url}
        told = ", ".join(
            f"{name(c)}::VARCHAR AS {part}" if c else f"NULL::VARCHAR AS {part}" for part, c in columns.items()
        )
        agreed = "true"
        if self.consent:
            agreed = (
                f"coalesce(last_value({name(self.consent)} IGNORE NULLS) OVER (PARTITION BY {device} ORDER BY {moment} "
                "RANGE UNBOUNDED PRECEDING), true)"
            )
        return (
            f"SELECT * FROM (SELECT {device} AS anonymous_id, {moment} AS logged_in_at, {told}, {agreed} AS agreed "
            f"FROM {name('bronze', self.table)} WHERE {device} IS NOT NULL) WHERE agreed AND coalesce(login, email, url) IS NOT NULL"
        )

    def told(self, events: str) -> list[str]:
        """Return queries for `anonymous_id`, `customer_id`, `logged_in_at`, `told_by` on what :meth:`identified` made."""
        found = []
        if self.login and self.people:
            found.append(
                f"SELECT anonymous_id, m.customer_id, logged_in_at, 'login' AS told_by FROM {events} AS e "
                f"JOIN identity.members AS m ON m.record_key = '{quoted(self.people)}:' || e.login"
            )
        if self.email:
            found.append(
                f"SELECT anonymous_id, m.customer_id, logged_in_at, 'form' AS told_by FROM {events} AS e "
                "JOIN mailboxes AS m ON m.written = e.email"
            )
        for click in json.loads(self.clicks or "[]"):
            if self.url:
                key = " || '|' || ".join(f"t.{name(k)}::VARCHAR" for k in click["key"])
                found.append(
                    f"SELECT anonymous_id, m.customer_id, logged_in_at, 'e-mail click' AS told_by FROM {events} AS e "
                    f"JOIN {name('bronze', click['table'])} AS t "
                    f"ON t.{name(click['column'])}::VARCHAR = regexp_extract(e.url, '[?&]{click['parameter']}=([^&#]+)', 1) "
                    f"JOIN identity.members AS m ON m.record_key = '{quoted(click['table'])}:' || {key}"
                )
        return found


NOBODY = "SELECT NULL::VARCHAR AS anonymous_id, NULL::VARCHAR AS customer_id, NULL::TIMESTAMP AS logged_in_at, NULL::VARCHAR AS told_by"


def stitch_devices(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.device_logins` and `identity.devices`."""
    with step("devices") as result, edge("identity"):
        found = con.execute(
            "SELECT table_name, anonymous_id, login, occurred_at, people, email, consent, url, clicks FROM quality.login_tables ORDER BY 1"
        )
        tables = [LoginTable(*row) for row in found.fetchall()]
        queries = [f"{NOBODY} WHERE false"]
        for number, table in enumerate(tables):
            con.execute(f"CREATE OR REPLACE TEMP TABLE events_{number} AS {table.identified()}")
            queries += table.told(f"events_{number}")
        _mailboxes(con, [f"events_{number}" for number in range(len(tables))])
        con.execute(
            "CREATE OR REPLACE TEMP TABLE told AS SELECT anonymous_id, customer_id, logged_in_at, max(told_by) AS told_by "
            f"FROM ({' UNION ALL '.join(queries)}) GROUP BY ALL"
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE identity.device_logins AS
            WITH personal AS (  -- nobody is told by a device of too many
                SELECT anonymous_id FROM told GROUP BY 1 HAVING count(DISTINCT customer_id) <= {MOST_CUSTOMERS_OF_A_DEVICE}
            ),
            changes AS (
                SELECT * FROM told WHERE anonymous_id IN (SELECT anonymous_id FROM personal)
                QUALIFY customer_id IS DISTINCT FROM lag(customer_id) OVER (PARTITION BY anonymous_id ORDER BY logged_in_at, customer_id)
            )
            SELECT anonymous_id, customer_id,
                CASE WHEN count(DISTINCT customer_id) OVER (PARTITION BY anonymous_id) = 1 THEN TIMESTAMP '1900-01-01'
                     ELSE logged_in_at END AS valid_from,
                coalesce(lead(logged_in_at) OVER (PARTITION BY anonymous_id ORDER BY logged_in_at, customer_id),
                         TIMESTAMP '9999-12-31') AS valid_to, told_by
            FROM changes ORDER BY 1, 3, 2
            """
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE identity.devices AS
            SELECT anonymous_id, count(DISTINCT customer_id) AS customers, count(DISTINCT customer_id) > 1 AS is_shared,
                count(DISTINCT household_id) AS households,
                CASE WHEN count(DISTINCT customer_id) > {MOST_CUSTOMERS_OF_A_DEVICE}
                     THEN 'used by ' || count(DISTINCT customer_id) || ' customers; more than {MOST_CUSTOMERS_OF_A_DEVICE} is nobody in particular'
                     WHEN count(DISTINCT customer_id) > 1 AND count(DISTINCT household_id) = 1 THEN 'shared inside one household'
                     WHEN count(DISTINCT customer_id) > 1
                     THEN 'shared by ' || count(DISTINCT customer_id) || ' customers of ' || count(DISTINCT household_id) || ' households'
                END AS reason
            FROM (SELECT DISTINCT anonymous_id, customer_id FROM told) LEFT JOIN identity.households USING (customer_id)
            GROUP BY 1 ORDER BY 1
            """
        )
        result.rows_out = count(con, "identity.devices")
        result.facts = {"shared": count(con, "identity.devices WHERE is_shared")}
        for told_by, devices in con.execute(
            "SELECT told_by, count(DISTINCT anonymous_id) FROM identity.device_logins GROUP BY 1 ORDER BY 1"
        ).fetchall():
            result.facts[f"by_{told_by.replace('-', '').replace(' ', '_')}"] = devices
    return result


def _mailboxes(con: duckdb.DuckDBPyConnection, events: list[str]) -> None:
    """Make `mailboxes`: addresses as they were typed in events, with the one customer whose they are."""
    written = " UNION ALL ".join(["SELECT NULL::VARCHAR AS email", *(f"SELECT email FROM {each}" for each in events)])
    listed = [
        row[0]
        for row in con.execute(f"SELECT DISTINCT email FROM ({written}) WHERE email IS NOT NULL ORDER BY 1").fetchall()
    ]
    parsed = [(text, box.key) for text in listed if (box := parse_email(text)) and box.kind == "person"]
    con.register(
        "typed", pl.DataFrame(parsed, schema={"written": pl.String, "key": pl.String}, orient="row").to_arrow()
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mailboxes AS WITH owners AS (SELECT r.email_key, any_value(m.customer_id) AS customer_id "
        "FROM identity.records AS r JOIN identity.members AS m USING (record_key) WHERE r.email_key IS NOT NULL "
        "GROUP BY 1 HAVING count(DISTINCT m.customer_id) = 1) "
        "SELECT t.written, o.customer_id FROM typed AS t JOIN owners AS o ON o.email_key = t.key"
    )
    con.unregister("typed")
