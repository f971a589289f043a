"""Plans: the difference between who should be on a list and who the ledger says is there.

In: `activation.audience_members`, the published customers and consents, `activation.present`, what platforms said of people themselves. Out: one
plan per audience and destination below `outbox/<audience>/<platform>/`, a Parquet file of rows and a JSON file of counts, named by the plan's
hash. What stays true: making a plan sends nothing; the same state gives the same hash; every customer of the audience is in it once, with what
happens to them and one reason why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from activation.audience import Audience, Target, attach_published, load_audiences
from activation.client import limits_of
from activation.destinations import DESTINATIONS, ApiDestination, Destination
from activation.destinations.base import CUSTOMER_COLUMNS, ROWS_AT_ONCE, row_hash_sql, row_sql
from activation.hashing import register_forms
from activation.journey import step_audiences
from activation.ledger import applied_plans, last_applied_at, last_reconciled_at, last_sent_sql, register_ledger
from activation.readback import refusal_sql, register_readback
from activation.rows import further_fields
from warehouse import files, lake
from warehouse.duck import name, quoted
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

#: What changes a list, or whose it is: who is released stays on the list for another audience that fills it, too.
CHANGES = ("add", "update", "remove", "release")


@dataclass(frozen=True)
class Plan:
    """What would change on one list. `counts` by operation; `refused` counts by reason; `warnings` in words.

    `calls` and `minutes` are the least that the platform's published limits allow. `is_reconcile` tells that the list is brought in step whole.
    """

    audience: str
    platform: str
    list: str
    hash: str
    counts: dict[str, int]
    refused: dict[str, int]
    size_after: int
    warnings: tuple[str, ...]
    calls: int = 0
    minutes: float = 0.0
    is_reconcile: bool = False

    @property
    def changes(self) -> int:
        """Return how many rows would be sent, or are another audience's from now on."""
        return sum(self.counts.get(op, 0) for op in CHANGES)

    @property
    def folder(self) -> Path:
        """Return where the plan and its files stand."""
        return settings().outbox / self.audience / self.platform

    @property
    def rows_path(self) -> Path:
        """Return the plan's rows."""
        return self.folder / f"plan-{self.hash[:12]}.parquet"


def plan_deliveries(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Write a plan per audience and destination.

    Raises:
        DeclarationError: an audience is declared wrongly.
    """
    with step("plan") as result, edge("activation"):
        register_ledger(con)
        attach_published(con)
        register_readback(con)
        plans = [
            make_plan(con, audience, target)
            for audience in deliverable().values()
            for target in audience.destinations
            if is_due(audience, target)
        ]
        con.execute("DETACH cdp")
        result.rows_in = sum(sum(plan.counts.values()) for plan in plans)
        result.rows_out = sum(plan.changes for plan in plans)
        result.facts = {"plans": {f"{p.audience}/{p.platform}": p.counts for p in plans}}
    return result


def deliverable() -> dict[str, Audience]:
    """Return all audiences and the lists of journeys' steps by name."""
    return {**load_audiences(), **step_audiences()}


def is_due(audience: Audience, target: Target) -> bool:
    """Tell whether an audience is planned now: by its schedule, from the last plan that was applied at the destination."""
    days = {"every_run": 0, "daily": 1, "weekly": 7, "monthly": 28}[audience.schedule]
    last = last_applied_at(audience.name, target.platform)
    # A run may come some hours early.
    return not days or last is None or now() - last >= timedelta(days=days, hours=-4)


def is_reconcile_due(audience: Audience, target: Target) -> bool:
    """Tell whether the platform's list is to be brought in step whole now, so that what drifted apart there ends."""
    if not target.reconcile_days or not isinstance(DESTINATIONS[target.platform], ApiDestination):
        return False
    last = last_reconciled_at(audience.name, target.platform)
    return last is not None and now() - last >= timedelta(days=target.reconcile_days)


def make_plan(con: duckdb.DuckDBPyConnection, audience: Audience, target: Target) -> Plan:
    """Make and write the plan of one audience at one destination.

    The published file is attached as `cdp`; ledger and read-backs are registered.
    """
    destination = DESTINATIONS[target.platform]
    of_file = target.row_of
    register_forms(con)
    is_reconcile = is_reconcile_due(audience, target)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE planned AS {_planned_sql(con, audience, target, of_file, is_reconcile)}",
        [audience.name, audience.name, target.platform, target.list],
    )
    plan = _described(con, audience, target, destination, is_reconcile)
    fault("plan.before_write")
    with files.written_beside(plan.rows_path) as beside:
        rows = lake.ParquetRows(beside)
        for batch in _batches(con, audience, target):
            rows.write(pa.Table.from_batches([batch]))
        rows.close()
    con.execute("DROP TABLE planned")
    for old in plan.folder.glob("plan-*.parquet"):
        if old != plan.rows_path:
            old.unlink()
    files.write_json(plan.folder / "plan.json", plan.__dict__)
    return plan


def _batches(con: duckdb.DuckDBPyConnection, audience: Audience, target: Target) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a plan, at least one batch, in the order of their content.

    What a customer was sent with last is looked up for those alone who leave or change; rows that stay as they are matter only where whole lists
    are written.
    """
    is_called = isinstance(DESTINATIONS[target.platform], ApiDestination)
    payload = "CASE WHEN op = 'unchanged' THEN '{}' ELSE p.payload END" if is_called else "p.payload"
    sent = last_sent_sql(
        audience.name,
        target.platform,
        target.list,
        "SELECT customer_id FROM planned WHERE op IN ('remove', 'update')",
    )
    reader = con.execute(
        f"""
        SELECT p.customer_id, op, reason, {payload} AS payload, payload_hash, coalesce(s.payload, '{{}}') AS previous, campaign, variant
        FROM planned AS p LEFT JOIN ({sent}) AS s ON p.customer_id = s.customer_id
        ORDER BY coalesce(nullif(payload_hash, ''), md5(coalesce(s.payload, ''))), p.customer_id
        """
    ).to_arrow_reader(ROWS_AT_ONCE)
    empty = True
    for batch in reader:
        empty = False
        yield batch
    if empty:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def sharing(audience: Audience, target: Target) -> list[tuple[Audience, Target]]:
    """Return the other audiences, and steps of journeys, that fill the same list."""
    return [
        (other, its)
        for other in deliverable().values()
        for its in other.destinations
        if other.name != audience.name and (its.platform, its.list) == (target.platform, target.list)
    ]


def _of_variant(target: Target) -> str:
    return f"AND m.variant IS NOT DISTINCT FROM '{quoted(target.variant)}'" if target.variant else ""


def _wanted_elsewhere_sql(audience: Audience, target: Target) -> str:
    """Return the query of customers whom other audiences want on the same list."""
    wanted = [
        f"SELECT m.customer_id FROM activation.audience_members AS m WHERE m.audience = '{quoted(other.name)}' AND m.left_out IS NULL "
        f"{_of_variant(its)} AND ({refusal_sql('m.customer_id', its.purpose, its.channel)}) IS NULL"
        for other, its in sharing(audience, target)
    ]
    return " UNION ".join(wanted) or "SELECT NULL::VARCHAR AS customer_id WHERE false"


def _planned_sql(
    con: duckdb.DuckDBPyConnection, audience: Audience, target: Target, destination: Destination, is_reconcile: bool
) -> str:
    """Return the query of all rows of a plan; its values are audience, audience, platform and list."""
    fields, joined = further_fields(con, audience, destination, target.fields, target.channel)
    headers = [*destination.cells, *fields]
    customer = ", ".join(f"c.{column}" for column in CUSTOMER_COLUMNS)
    listed = ", ".join(f"{sql} AS {name('field ' + header)}" for header, sql in fields.items())
    refresh = _refresh_sql(target)
    again = "true" if is_reconcile else refresh
    why_again = "brought in step whole" if is_reconcile else "refreshed before the platform forgets"
    of_variant = _of_variant(target)
    refused = refusal_sql("m.customer_id", target.purpose, target.channel)
    told = ("the customer", "the campaign", "the variant", "the refusal")
    cells = destination.cells_sql("asked", told, [(h, name(f"field {h}")) for h in fields])
    return f"""
        WITH asked AS (
            SELECT {customer}, c.customer_id AS "the customer", m.campaign AS "the campaign", m.variant AS "the variant",
                coalesce(m.left_out, {refused}) AS "the refusal"{", " if listed else ""}{listed}
            FROM activation.audience_members AS m JOIN cdp.marts.customers AS c ON m.customer_id = c.customer_id {joined}
            WHERE m.audience = ? {of_variant}
        ),
        celled AS ({cells}),
        wanted AS (
            SELECT "the customer" AS customer_id, "the campaign" AS campaign, "the variant" AS variant,
                coalesce("the refusal", CASE WHEN NOT ({destination.needed}) THEN 'needs {quoted(destination.needs)}' END) AS why,
                {row_sql(headers)}::VARCHAR AS payload, {row_hash_sql(headers)} AS payload_hash
            FROM celled
        ),
        present AS (
            SELECT customer_id, payload_hash, sent_at::TIMESTAMP AS sent_at FROM activation.present
            WHERE audience = ? AND platform = ? AND list = ?
        ),
        decided AS (
            SELECT coalesce(w.customer_id, p.customer_id) AS customer_id, w.payload, w.payload_hash,
                coalesce(w.campaign, '') AS campaign, coalesce(w.variant, '') AS variant,
                CASE WHEN w.customer_id IS NULL THEN 'no longer in the audience' ELSE w.why END AS why,
                p.customer_id IS NOT NULL AS is_there, coalesce({again}, false) AS is_again, w.payload_hash = p.payload_hash AS is_same
            FROM wanted AS w FULL JOIN present AS p ON w.customer_id = p.customer_id
        ),
        elsewhere AS ({_wanted_elsewhere_sql(audience, target)}),
        told AS (
            SELECT decided.*, CASE
                WHEN why IS NOT NULL AND is_there AND elsewhere.customer_id IS NOT NULL THEN 'release'
                WHEN why IS NOT NULL THEN CASE WHEN is_there THEN 'remove' ELSE 'refused' END
                WHEN NOT is_there THEN 'add'
                WHEN NOT is_same OR is_again THEN 'update'
                ELSE 'unchanged'
            END AS op FROM decided LEFT JOIN elsewhere ON decided.customer_id = elsewhere.customer_id
        )
        SELECT customer_id, op,
            coalesce(why, CASE WHEN op = 'update' AND is_same THEN '{why_again}' END, '') AS reason,
            CASE WHEN why IS NULL THEN payload ELSE '{{}}' END AS payload, CASE WHEN why IS NULL THEN payload_hash ELSE '' END AS payload_hash,
            campaign, variant
        FROM told
    """


def _refresh_sql(target: Target) -> str:
    """Return the condition that a member was sent so long ago that the platform will forget them soon."""
    if not isinstance(DESTINATIONS[target.platform], ApiDestination) or not limits_of(target.platform).refresh_days:
        return "false"
    oldest = now() - timedelta(days=limits_of(target.platform).refresh_days)
    return f"p.sent_at <= TIMESTAMP '{oldest:%Y-%m-%d %H:%M:%S}'"


def _described(
    con: duckdb.DuckDBPyConnection, audience: Audience, target: Target, destination: Destination, is_reconcile: bool
) -> Plan:
    # How many plans were applied before is part of the hash: who leaves and comes back makes the same rows a second time.
    applied = applied_plans(audience.name, target.platform)
    digest = hashlib.sha256(f"{audience.name}|{target.platform}|{target.list}|{applied}".encode())
    told = con.execute(
        "SELECT string_agg(md5(concat_ws(chr(31), customer_id, op, payload_hash, reason, campaign, variant)), '' ORDER BY customer_id) FROM planned"
    ).fetchall()[0][0]
    digest.update((told or "").encode())
    counts: dict[str, int] = dict(con.execute("SELECT op, count(*) FROM planned GROUP BY 1 ORDER BY 1").fetchall())
    refused: dict[str, int] = dict(
        con.execute("SELECT reason, count(*) FROM planned WHERE op = 'refused' GROUP BY 1 ORDER BY 1").fetchall()
    )
    size = sum(counts.get(op, 0) for op in ("add", "update", "unchanged"))
    warnings = []
    if size < destination.min_list_size:
        warnings.append(
            f"{target.platform} matches lists from {destination.min_list_size} members on; this one has {size}"
        )
    if size < audience.min_size:
        warnings.append(f"smaller than its declared minimum of {audience.min_size}")
    if size > audience.max_size:
        warnings.append(f"larger than its declared maximum of {audience.max_size}")
    calls, minutes = _effort(target.platform, counts)
    return Plan(
        audience.name,
        target.platform,
        target.list,
        digest.hexdigest(),
        counts,
        refused,
        size,
        tuple(warnings),
        calls,
        minutes,
        is_reconcile,
    )


def _effort(platform: str, counts: dict[str, int]) -> tuple[int, float]:
    """Return how many calls a plan takes at least, and the minutes of them at the platform's published limit; none for files."""
    if not isinstance(DESTINATIONS[platform], ApiDestination):
        return 0, 0.0
    limits = limits_of(platform)
    leaving, coming = counts.get("remove", 0), counts.get("add", 0) + counts.get("update", 0)
    calls = -(-leaving // limits.batch) + -(-coming // limits.batch)
    return calls, round(calls / limits.calls_a_minute, 2)


def read_plan(audience: str, platform: str) -> Plan:
    """Return the newest plan of an audience at a platform.

    Raises:
        FileNotFoundError: none was made yet.
    """
    return Plan(**files.read_json(settings().outbox / audience / platform / "plan.json"))


def plans() -> list[Plan]:
    """Return the newest plan of every audience and destination."""
    return [
        read_plan(audience.name, target.platform)
        for audience in deliverable().values()
        for target in audience.destinations
        if (settings().outbox / audience.name / target.platform / "plan.json").exists()
    ]
