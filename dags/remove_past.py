"""Every night: remove quarantine, delivered files and scratch files that are past their time."""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS


@dag(schedule="30 1 * * *", catchup=False, max_active_runs=1, tags=["house"], default_args=DEFAULTS, doc_md=__doc__)
def remove_past():
    @task
    def remove_what_is_past() -> dict:
        from privacy.retention import keep_house as work

        return work().as_dict()

    remove_what_is_past()


remove_past()
