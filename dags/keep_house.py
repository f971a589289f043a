"""Remove what is past its time: quarantine, delivered files, scratch files of crashed runs."""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS


@dag(schedule="30 2 * * *", catchup=False, max_active_runs=1, tags=["house"], default_args=DEFAULTS, doc_md=__doc__)
def keep_house():
    @task
    def remove_what_is_past() -> dict:
        from privacy.retention import keep_house as work

        return work().as_dict()

    remove_what_is_past()


keep_house()
