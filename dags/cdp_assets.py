"""What the DAGs are joined by, and what their tasks share. Imports of weight stay inside tasks."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset

BRONZE = Asset("clientela://bronze")
PROFILES = Asset("clientela://identity/profiles")
MARTS = Asset("clientela://marts")
PUBLISHED = Asset("clientela://cdp.duckdb")
PLANS = Asset("clientela://plans")
DELIVERED = Asset("clientela://delivered")

#: While one process writes, DuckDB lets no other in: a task that opens the working file takes the one slot.
WAREHOUSE = {"pool": "warehouse"}

#: A task that was killed or found the file taken goes again; each step replaces its own output.
DEFAULTS: dict[str, Any] = {"owner": "clientela", "retries": 2, "retry_delay": timedelta(seconds=20)}


def do(step: str) -> dict[str, Any]:
    """Run one step of the pipeline, the same function as `cdp <step>`, and return its counts."""
    from cdp import run_step

    return run_step(step)
