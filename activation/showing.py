"""What people look at of audiences, plans, deliveries and journeys: counts by reason, traits, exact sets, what each customer is in.

In: the tables of this room in the working file, the newest plans, the published customers. Out: tables of `audiences.duckdb`
(`warehouse/published.yml`), counted once here so that a page never counts members. What stays true: the same state gives the same tables; nothing
here decides anything.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from activation.audience import attach_published, columns_of
from activation.journey import load_journeys
from activation.ledger import register_ledger
from activation.plan import Plan, deliverable, plans
from activation.readback import register_readback
from warehouse.duck import count, has_table, keep, name
from warehouse.errors import CdpError, edge
from warehouse.steps import StepResult, step

#: Columns of `marts.customers` whose values say what kind of people an audience holds.
TRAITS = (
    "country", "value_tier", "lifecycle", "lifecycle_stage", "buying_persona", "best_channel", "preferred_language", "health_band", "sentiment",
    "next_best_action",
)  # fmt: skip


def build_showing(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace the tables that are looked at.

    Raises:
        CdpError: no audiences were assembled yet.
    """
    with step("show") as result, edge("activation"):
        if not has_table(con, "activation", "audience_members"):
            raise CdpError("no audiences were assembled yet; run `cdp audiences`")
        attach_published(con)
        register_ledger(con)
        register_readback(con)
        _audiences(con)
        _plans(con)
        _deliveries(con)
        _journeys(con)
        con.execute("DETACH cdp")
        result.rows_out = count(con, "activation.customer_audiences")
    return result


def _audiences(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.customer_audiences AS
        SELECT customer_id, list(audience ORDER BY audience) AS audiences FROM activation.audience_members
        WHERE left_out IS NULL AND NOT contains(audience, '__') GROUP BY 1 ORDER BY 1
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.audience_sets AS
        SELECT audiences, count(*) AS customers FROM activation.customer_audiences GROUP BY 1 ORDER BY 2 DESC, 1
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.audience_moves AS
        SELECT audience, happened_at, sequence, event, reason, count(*) AS customers FROM activation.membership_events
        GROUP BY ALL ORDER BY ALL
        """
    )
    known = [trait for trait in TRAITS if trait in columns_of(con, "marts", "customers")]
    listed = ", ".join(f"coalesce({name(t)}::VARCHAR, 'unknown') AS {name(t)}" for t in known)
    values = ", ".join(name(t) for t in known)
    con.execute(
        f"""
        CREATE OR REPLACE TABLE activation.audience_traits AS
        WITH traits AS (UNPIVOT (SELECT customer_id, {listed} FROM cdp.marts.customers) ON {values} INTO NAME trait VALUE value),
        everyone AS (SELECT trait, value, count(*) AS customers FROM traits GROUP BY ALL),
        total AS (SELECT count(*) AS customers FROM cdp.marts.customers),
        inside AS (
            SELECT m.audience, t.trait, t.value, count(*) AS customers FROM activation.audience_members AS m
            JOIN traits AS t ON m.customer_id = t.customer_id WHERE m.left_out IS NULL AND NOT contains(m.audience, '__') GROUP BY ALL
        ),
        sized AS (SELECT *, sum(customers) OVER (PARTITION BY audience, trait) AS members FROM inside)
        SELECT s.audience, s.trait, s.value, s.customers, round(100.0 * s.customers / s.members, 2)::DECIMAL(6, 2) AS share_pct,
            round(100.0 * e.customers / total.customers, 2)::DECIMAL(6, 2) AS everyone_pct
        FROM sized AS s JOIN everyone AS e ON s.trait = e.trait AND s.value = e.value CROSS JOIN total ORDER BY ALL
        """
    )


def _plans(con: duckdb.DuckDBPyConnection) -> None:
    made = plans()
    connected = {(audience.name, t.platform): t for audience in deliverable().values() for t in audience.destinations}
    heads = [_head(plan, connected[plan.audience, plan.platform]) for plan in made]
    head_schema = pa.schema([
        *((c, pa.string()) for c in ("audience", "platform", "list", "purpose", "channel", "plan_hash")),
        *((c, pa.int64()) for c in ("size_after", "added", "updated", "removed", "unchanged", "refused", "calls")),
        ("minutes", pa.float64()), ("warnings", pa.list_(pa.string())), ("is_reconcile", pa.bool_()),
    ])  # fmt: skip
    keep(con, "heads", pa.Table.from_pylist(heads, schema=head_schema))
    con.execute("CREATE OR REPLACE TABLE activation.plans AS SELECT * FROM heads ORDER BY ALL")
    reasons = [
        {"audience": plan.audience, "platform": plan.platform, "reason": reason, "customers": customers}
        for plan in made
        for reason, customers in plan.refused.items()
    ]
    schema = pa.schema(
        [("audience", pa.string()), ("platform", pa.string()), ("reason", pa.string()), ("customers", pa.int64())]
    )
    keep(con, "reasons", pa.Table.from_pylist(reasons, schema=schema))
    con.execute("CREATE OR REPLACE TABLE activation.plan_reasons AS SELECT * FROM reasons ORDER BY ALL")
    for table in ("heads", "reasons"):
        con.execute(f"DROP TABLE {table}")


def _head(plan: Plan, target: Any) -> dict[str, Any]:
    counted = {"added": "add", "updated": "update", "removed": "remove", "unchanged": "unchanged", "refused": "refused"}
    return {
        "audience": plan.audience, "platform": plan.platform, "list": plan.list, "purpose": target.purpose, "channel": target.channel,
        "plan_hash": plan.hash, "size_after": plan.size_after, **{column: plan.counts.get(op, 0) for column, op in counted.items()},
        "calls": plan.calls, "minutes": plan.minutes, "warnings": list(plan.warnings), "is_reconcile": plan.is_reconcile,
    }  # fmt: skip


def _deliveries(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.delivery_outcomes AS
        SELECT audience, platform, list, plan_hash, min(delivered_at) AS began_at, max(delivered_at) AS delivered_at, op, status,
            CASE WHEN status = 'accepted' THEN '' ELSE reason END AS reason, count(*) AS customers
        FROM activation.ledger GROUP BY ALL ORDER BY ALL
        """
    )
    # What a platform says of a request is of the one delivery that made the request.
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.delivery_requests AS
        SELECT l.audience, l.platform, l.list, l.plan_hash, l.request_id, count(*) AS customers, coalesce(any_value(c.status), 'accepted') AS status,
            any_value(c.matched_low_pct) AS matched_low_pct, any_value(c.matched_high_pct) AS matched_high_pct, any_value(c.asked_at) AS asked_at
        FROM activation.ledger AS l LEFT JOIN activation.confirmations AS c ON l.platform = c.platform AND l.request_id = c.request_id
        WHERE l.request_id <> '' AND l.status = 'accepted' GROUP BY ALL ORDER BY ALL
        """
    )


def _journeys(con: duckdb.DuckDBPyConnection) -> None:
    listed = [
        {"journey": journey.name, "step": one.name, "place": place}
        for journey in load_journeys().values()
        for place, one in enumerate(journey.steps, 1)
    ]
    schema = pa.schema([("journey", pa.string()), ("step", pa.string()), ("place", pa.int64())])
    keep(con, "declared_steps", pa.Table.from_pylist(listed, schema=schema))
    if not has_table(con, "activation", "journey_places"):
        con.execute(
            "CREATE OR REPLACE TABLE activation.journey_counts AS SELECT journey, step, place, 0::BIGINT AS waiting, 0::BIGINT AS sent, "
            "0::BIGINT AS skipped FROM declared_steps ORDER BY ALL"
        )
        con.execute("DROP TABLE declared_steps")
        return
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.journey_counts AS
        WITH undone AS (
            SELECT p.journey, p.customer_id, s.step, s.place FROM activation.journey_places AS p JOIN declared_steps AS s ON p.journey = s.journey
            WHERE p.ended_at IS NULL AND NOT list_contains(coalesce(p.steps_done, []), s.step)
            QUALIFY row_number() OVER (PARTITION BY p.journey, p.customer_id ORDER BY s.place) = 1
        ),
        waiting AS (SELECT journey, step, count(*) AS waiting FROM undone GROUP BY ALL),
        passed AS (
            SELECT journey, step, count(*) FILTER (event = 'sent') AS sent, count(*) FILTER (event = 'skipped') AS skipped
            FROM activation.journey_events WHERE step IS NOT NULL GROUP BY ALL
        )
        SELECT s.journey, s.step, s.place, coalesce(w.waiting, 0) AS waiting, coalesce(p.sent, 0) AS sent, coalesce(p.skipped, 0) AS skipped
        FROM declared_steps AS s LEFT JOIN waiting AS w ON s.journey = w.journey AND s.step = w.step
        LEFT JOIN passed AS p ON s.journey = p.journey AND s.step = p.step
        ORDER BY ALL
        """
    )
    con.execute("DROP TABLE declared_steps")
