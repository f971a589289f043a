"""What the DAGs are joined by, and what their tasks share. Imports of weight stay inside tasks."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetWatcher

from dags.arrival_trigger import ArrivalTrigger

#: New files in the inbox wake ingestion, not only the clock.
INBOX = Asset("clientela://inbox", watchers=[AssetWatcher(name="arrivals", trigger=ArrivalTrigger())])
BRONZE = Asset("clientela://bronze")
PROFILES = Asset("clientela://identity/profiles")
MARTS = Asset("clientela://marts")
PUBLISHED = Asset("clientela://cdp.duckdb")
PLANS = Asset("clientela://plans")
APPROVED = Asset("clientela://plans/approved")
DELIVERED = Asset("clientela://delivered")

#: While one process writes, DuckDB lets no other in: a task that opens the working file takes the one slot.
WAREHOUSE = {"pool": "warehouse"}


def tell_of_failure(context: Any) -> None:
    """Tell people that a task failed for good: log, webhook, e-mail; our errors carry no personal data, others are redacted."""
    from warehouse.alerts import send
    from warehouse.errors import CdpError, redacted

    task, error = context["task_instance"], context.get("exception")
    said = str(error) if isinstance(error, CdpError) else redacted(str(error))
    send(
        f"{task.dag_id}.{task.task_id} failed",
        [said or "no reason was given", f"run {task.run_id}, try {task.try_number}"],
    )


def tell_of_changes(context: Any) -> None:
    """Tell people what changed about the sources, once each."""
    from commands.sources import tell_of_drift

    tell_of_drift()


#: A task that was killed or found the file taken goes again; each step replaces its own output.
DEFAULTS: dict[str, Any] = {
    "owner": "clientela", "retries": 2, "retry_delay": timedelta(seconds=20), "on_failure_callback": tell_of_failure,
}  # fmt: skip


def do(step: str) -> dict[str, Any]:
    """Run one step of the pipeline, the same function as `cdp <step>`, and return its counts."""
    from commands.pipeline import run_step

    return run_step(step)
