"""What dbt reads of activation, to measure what it brought: who was drawn into what, what was sent, and what campaigns are declared.

Out: `activation.assignments`, `activation.ledger`, `activation.campaigns`, as of the journals, before dbt builds.
"""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa

from activation.assignment import register_assignments
from activation.audience import load_audiences
from activation.campaign import load_campaigns
from activation.ledger import register_ledger
from warehouse.steps import StepResult, step

SCHEMA = pa.schema(
    [
        ("campaign", pa.string()), ("description", pa.string()), ("description_es", pa.string()), ("owner", pa.string()),
        ("goal_measure", pa.string()), ("goal_target", pa.float64()), ("within_days", pa.int64()), ("starts_date", pa.date32()),
        ("ends_date", pa.date32()), ("budget_usd", pa.float64()), ("fixed_cost_usd", pa.float64()), ("offer_code", pa.string()),
        ("audiences", pa.list_(pa.string())), ("utm_campaigns", pa.list_(pa.string())), ("ad_campaign_ids", pa.list_(pa.string())),
        ("content", pa.string()),
    ]
)  # fmt: skip


def register_exposure(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace the tables that dbt reads.

    Raises:
        DeclarationError: a campaign or an audience is declared wrongly.
    """
    with step("exposure") as result:
        result.rows_out = _register(con)
    return result


def _register(con: duckdb.DuckDBPyConnection) -> int:
    working = con.execute("SELECT current_catalog()").fetchall()[0][0]
    register_ledger(con)
    register_assignments(con, working)
    found = [
        {
            "campaign": c.name, "description": c.description, "description_es": c.description_es, "owner": c.owner, "goal_measure": c.goal.measure,
            "goal_target": c.goal.target, "within_days": c.goal.within_days, "starts_date": c.starts_on, "ends_date": c.ends_on,
            "budget_usd": c.budget_usd, "fixed_cost_usd": c.fixed_cost_usd, "offer_code": c.offer.code if c.offer else None,
            "audiences": list(c.audiences), "utm_campaigns": [u.lower() for u in c.tracking.utm_campaigns],
            "ad_campaign_ids": list(c.tracking.ad_campaign_ids),
            "content": json.dumps({v.name: v.content for v in c.variants}, ensure_ascii=False, sort_keys=True),
        }
        for c in load_campaigns(tuple(load_audiences())).values()
    ]  # fmt: skip
    con.register("declared", pa.Table.from_pylist(found, schema=SCHEMA))
    con.execute("CREATE OR REPLACE TABLE activation.campaigns AS SELECT * FROM declared ORDER BY campaign")
    con.unregister("declared")
    return len(found)
