"""Journeys: timed steps over an audience, each person once through each step.

In: `activation/journeys/*.yml`, `activation.audience_members`, the published customers. Out: events below `state/journeys`, append only (who
entered, was sent which step, skipped one, left, why and when); from them `activation.journey_events`, `journey_places` (who stands where) and
`journey_sends`, which are the members of the lists that the steps deliver. What stays true: a step is sent once per person and entry, however
often this runs, wherever it is killed, and also when two customers turn out to be one; nothing is sent in somebody's quiet hours, over the cap
of messages, or after an exit.
"""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from pydantic import Field

from activation.audience import TODAY, Audience, Target, Who, attach_published, columns_of, load_audiences
from activation.rules import Rule
from warehouse import lake
from warehouse.declarations import Declared, load_folder
from warehouse.duck import count, quoted
from warehouse.errors import DeclarationError, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

SCHEMA = pa.schema(
    [
        ("journey", pa.string()), ("customer_id", pa.string()), ("entry", pa.int64()), ("step", pa.string()), ("event", pa.string()),
        ("reason", pa.string()), ("happened_at", pa.timestamp("us")), ("sequence", pa.int64()),
    ]
)  # fmt: skip


class Step(Declared):
    """One step: how long after the step before, who still gets it, and where it goes."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    wait_hours: float = Field(default=0, ge=0)
    check: Rule | None = Field(
        default=None, description="columns of marts.customers; who fails is skipped, and goes on"
    )
    send: Target
    keep_days: int = Field(default=30, ge=1, description="days that a person stays on the step's list")


class Exit(Declared):
    """Why somebody leaves before the end: the audience does not hold any more, or a rule holds."""

    left_audience: bool = False
    rule: Rule | None = None
    reason: str


class QuietHours(Declared):
    """Hours of the person's own clock in which nothing is sent."""

    start: int = Field(default=21, ge=0, le=23, alias="from")
    end: int = Field(default=9, ge=0, le=23, alias="until")


class Cap(Declared):
    """At most so many steps by one channel in so many days, over all journeys."""

    days: int = Field(default=7, ge=1)
    at_most: int = Field(default=3, ge=1)


class Journey(Declared):
    """`activation/journeys/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    id: str = Field(pattern=r"^AU-[A-Z]+$")
    description: str
    description_es: str
    owner: str
    entry: str = Field(description="the audience whose members enter")
    reenter_after_days: int | None = Field(
        default=None, ge=1, description="days after the end until one may enter again; never without it"
    )
    goal: Rule | None = None
    exits: tuple[Exit, ...] = ()
    quiet_hours: QuietHours = QuietHours()
    cap: Cap = Cap()
    steps: tuple[Step, ...] = Field(min_length=1)
    status: Literal["on", "off"] = "on"


def load_journeys(folders: tuple[Path, ...] | None = None) -> dict[str, Journey]:
    """Read all journeys by name.

    Raises:
        DeclarationError: a declaration is wrong, or enters by an audience that is not there.
    """
    found: dict[str, Journey] = {}
    audiences = load_audiences()
    for path, journey in load_folder(folders or settings().journey_dirs, Journey):
        if path.stem != journey.name:
            raise DeclarationError(f"{path.name}, line 1: declares {journey.name}; name the file {journey.name}.yml")
        if journey.entry not in audiences:
            near = difflib.get_close_matches(journey.entry, list(audiences), n=1)
            raise DeclarationError(
                f"{path.name}: enters by audience '{journey.entry}', which is not declared"
                + (f"; did you mean '{near[0]}'?" if near else "")
            )
        names = [s.name for s in journey.steps]
        if len(set(names)) != len(names):
            raise DeclarationError(
                f"{path.name}: two steps have one name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}"
            )
        found[journey.name] = journey
    return found


def step_audiences() -> dict[str, Audience]:
    """Return the lists that the steps of journeys deliver, as audiences of their own."""
    return {
        f"{journey.name}__{s.name}": Audience(
            name=f"{journey.name}__{s.name}", id=journey.id, description=f"{journey.description} Step {s.name}.",
            description_es=f"{journey.description_es} Paso {s.name}.", owner=journey.owner, who=Who(journey=journey.name, step=s.name),
            destinations=(s.send,), max_remove_pct=100,
        )
        for journey in load_journeys().values()
        for s in journey.steps
    }  # fmt: skip


def journeys_folder() -> Path:
    """Return where the events are kept."""
    return settings().state / "journeys"


def run_journeys(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Let people enter, go on and leave; audiences must be assembled before.

    Raises:
        DeclarationError: a journey is declared wrongly, or names a column that is not published.
    """
    with step("journeys") as result, edge("activation"):
        journeys = load_journeys()
        attach_published(con)
        at = now().replace(tzinfo=None)
        try:
            register_journeys(con)
            con.execute("CREATE OR REPLACE TEMP TABLE moves AS SELECT * FROM activation.journey_events WHERE false")
            for journey in journeys.values():
                if journey.status == "on":
                    _move(con, journey, at)
            moved = dict(con.execute("SELECT event, count(*) FROM moves GROUP BY 1 ORDER BY 1").fetchall())
            if moved:
                fault("journeys.before_write")
                sequence = 1 + len(list(journeys_folder().glob("*.parquet")))
                table = con.execute(
                    f"SELECT * REPLACE ({sequence}::BIGINT AS sequence) FROM moves ORDER BY journey, customer_id, entry, step, event"
                ).to_arrow_table()
                lake.write_parquet(journeys_folder() / f"{sequence:06d}.parquet", table.cast(SCHEMA))
                fault("journeys.after_write")
                register_journeys(con)
            con.execute("DROP TABLE moves")
            _lists(con, journeys, at)
        finally:
            con.execute("DETACH cdp")
        result.rows_in = count(con, "activation.journey_places")
        result.rows_out = int(moved.get("sent", 0))
        result.facts = {"journeys": len(journeys), **moved}
    return result


def register_journeys(con: duckdb.DuckDBPyConnection) -> None:
    """Replace the tables of events and places by what is kept, under the customers of today."""
    paths = sorted(journeys_folder().glob("*.parquet"))
    con.register("no_moves", SCHEMA.empty_table())
    events = "SELECT * FROM no_moves"
    if paths:
        events = f"SELECT * FROM read_parquet([{', '.join(chr(39) + quoted(str(path)) + chr(39) for path in paths)}])"
    # Customers that have become one go on as one: what either was sent was sent.
    con.execute(
        f"""
        CREATE OR REPLACE TABLE activation.journey_events AS
        SELECT e.* REPLACE (coalesce(a.current_customer_id, e.customer_id) AS customer_id)
        FROM ({events}) AS e LEFT JOIN cdp.identity.customer_aliases AS a ON e.customer_id = a.customer_id
        ORDER BY sequence, journey, customer_id, entry, step
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.journey_places AS
        SELECT journey, customer_id, max(entry) AS entry, max(happened_at) FILTER (event = 'entered') AS entered_at,
            max(happened_at) AS moved_at, arg_max(event, (happened_at, sequence)) FILTER (event IN ('exited', 'finished', 'goal')) AS ended_by,
            max(happened_at) FILTER (event IN ('exited', 'finished', 'goal')) AS ended_at,
            list(DISTINCT step ORDER BY step) FILTER (event IN ('sent', 'skipped')) AS steps_done
        FROM (SELECT *, max(entry) OVER (PARTITION BY journey, customer_id) AS newest FROM activation.journey_events)
        WHERE entry = newest GROUP BY ALL ORDER BY ALL
        """
    )


def _move(con: duckdb.DuckDBPyConnection, journey: Journey, at: datetime) -> None:
    """Put what happens to the people of one journey now into `moves`."""
    stamp = f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"
    name = journey.name
    columns = columns_of(con, "marts", "customers")
    insert = "INSERT INTO moves (journey, customer_id, entry, step, event, reason, happened_at, sequence)"
    again = (
        f"ended_at <= {stamp} - INTERVAL {journey.reenter_after_days} DAY" if journey.reenter_after_days else "false"
    )
    con.execute(
        f"""
        {insert}
        SELECT '{name}', m.customer_id, coalesce(p.entry, 0) + 1, NULL, 'entered', 'in audience {journey.entry}', {stamp}, 0
        FROM activation.audience_members AS m
        LEFT JOIN activation.journey_places AS p ON p.journey = '{name}' AND p.customer_id = m.customer_id
        WHERE m.audience = '{journey.entry}' AND m.left_out IS NULL AND (p.customer_id IS NULL OR coalesce({again}, false))
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE under_way AS
        SELECT customer_id, entry, entered_at AS last_at, coalesce(steps_done, []) AS steps_done, moved_at FROM activation.journey_places
        WHERE journey = '{name}' AND ended_at IS NULL
        UNION ALL
        SELECT customer_id, entry, {stamp}, []::VARCHAR[], {stamp} FROM moves WHERE journey = '{name}' AND event = 'entered'
        """
    )
    for event, reason, rule, needs_audience in _ends(journey):
        values: list[Any] = []
        condition = rule.sql(columns, TODAY, values) if rule else "false"
        gone = (
            f"u.customer_id NOT IN (SELECT customer_id FROM activation.audience_members WHERE audience = '{journey.entry}' AND left_out IS NULL)"
            if needs_audience
            else "false"
        )
        con.execute(
            f"""
            {insert}
            SELECT '{name}', u.customer_id, u.entry, NULL, '{event}', ?, {stamp}, 0
            FROM under_way AS u LEFT JOIN cdp.marts.customers AS c USING (customer_id)
            WHERE coalesce({condition}, false) OR {gone}
            """,
            [reason, *values],
        )
        con.execute(
            "DELETE FROM under_way WHERE (customer_id, entry) IN (SELECT (customer_id, entry) FROM moves "
            f"WHERE journey = '{name}' AND event = '{event}')"
        )
    for n, one in enumerate(journey.steps):
        _take_step(con, journey, n, one, columns, stamp, insert)
        # What comes right after is taken in the same run, so that a second run at the same moment finds nothing to do.
        con.execute(
            f"UPDATE under_way SET steps_done = list_append(steps_done, '{one.name}'), moved_at = {stamp} WHERE (customer_id, entry) IN "
            f"(SELECT (customer_id, entry) FROM moves WHERE journey = '{name}' AND step = '{one.name}')"
        )
    con.execute(
        f"""
        {insert}
        SELECT '{name}', customer_id, entry, NULL, 'finished', 'all steps are done', {stamp}, 0 FROM under_way
        WHERE len(list_filter({[s.name for s in journey.steps]}, lambda s: NOT list_contains(steps_done, s))) = 0
        """
    )
    con.execute("DROP TABLE under_way")


def _ends(journey: Journey) -> list[tuple[str, str, Rule | None, bool]]:
    goal = [("goal", "the goal is reached", journey.goal, False)] if journey.goal else []
    return goal + [("exited", e.reason, e.rule, e.left_audience) for e in journey.exits]


def _take_step(
    con: duckdb.DuckDBPyConnection,
    journey: Journey,
    n: int,
    one: Step,
    columns: dict[str, str],
    stamp: str,
    insert: str,
) -> None:
    before = [s.name for s in journey.steps[:n]]
    done_before = " AND ".join(f"list_contains(u.steps_done, '{s}')" for s in before) or "true"
    values: list[Any] = []
    holds = f"coalesce({one.check.sql(columns, TODAY, values)}, false)" if one.check else "true"
    quiet = journey.quiet_hours
    local = f"hour(timezone(coalesce(z.time_zone, 'UTC'), timezone('UTC', {stamp})))"
    within = (
        f"({local} >= {quiet.start} OR {local} < {quiet.end})"
        if quiet.start > quiet.end
        else f"({local} >= {quiet.start} AND {local} < {quiet.end})"
    )
    channel_steps = [
        (j.name, s.name) for j in load_journeys().values() for s in j.steps if s.send.channel == one.send.channel
    ]
    same_channel = ", ".join(f"('{j}', '{s}')" for j, s in channel_steps)
    con.execute(
        f"""
        {insert}
        WITH due AS (
            SELECT u.customer_id, u.entry, {holds} AS holds, z.time_zone
            FROM under_way AS u LEFT JOIN cdp.marts.customers AS c USING (customer_id)
            LEFT JOIN cdp.marts.customer_enrichment AS z ON u.customer_id = z.customer_id
            WHERE {done_before} AND NOT list_contains(u.steps_done, '{one.name}')
                AND {stamp} >= {"u.moved_at" if before else "u.last_at"} + INTERVAL {round(one.wait_hours * 60)} MINUTE
                AND (NOT {holds} OR NOT {within})
        ),
        sends AS (
            SELECT customer_id, count(*) AS n FROM (
                SELECT journey, customer_id, step, happened_at FROM activation.journey_events WHERE event = 'sent'
                UNION ALL SELECT journey, customer_id, step, happened_at FROM moves WHERE event = 'sent'
            )
            WHERE (journey, step) IN ({same_channel}) AND happened_at > {stamp} - INTERVAL {journey.cap.days} DAY GROUP BY 1
        )
        SELECT '{journey.name}', due.customer_id, due.entry, '{one.name}', CASE WHEN holds THEN 'sent' ELSE 'skipped' END,
            CASE WHEN holds THEN 'due' ELSE 'the check does not hold' END, {stamp}, 0
        FROM due LEFT JOIN sends USING (customer_id)
        WHERE NOT holds OR coalesce(sends.n, 0) < {journey.cap.at_most}
        """,
        [*values, *values],
    )


def _lists(con: duckdb.DuckDBPyConnection, journeys: dict[str, Journey], at: datetime) -> None:
    """Replace `activation.journey_sends` and the step lists in `activation.audience_members`: who was sent a step and is still kept on its list."""
    con.execute(
        "CREATE OR REPLACE TABLE activation.journey_sends (journey VARCHAR, step VARCHAR, customer_id VARCHAR, sent_at TIMESTAMP)"
    )
    for journey in journeys.values():
        for one in journey.steps:
            since = at - timedelta(days=one.keep_days)
            con.execute(
                "INSERT INTO activation.journey_sends SELECT journey, step, customer_id, max(happened_at) FROM activation.journey_events "
                "WHERE journey = ? AND step = ? AND event = 'sent' AND happened_at > ? GROUP BY ALL",
                [journey.name, one.name, since],
            )
    con.execute("DELETE FROM activation.audience_members WHERE contains(audience, '__')")
    con.execute(
        "INSERT INTO activation.audience_members (audience, customer_id, is_control) "
        "SELECT journey || '__' || step, customer_id, false FROM activation.journey_sends ORDER BY ALL"
    )
