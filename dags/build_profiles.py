"""Profiles and bronze in; marts, metrics and segments out, by one run of dbt with its tests."""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, MARTS, PROFILES, WAREHOUSE, do


@dag(schedule=[PROFILES], catchup=False, max_active_runs=1, tags=["dbt"], default_args=DEFAULTS, doc_md=__doc__)
def build_profiles():
    @task(outlets=[MARTS], **WAREHOUSE)
    def build(*, outlet_events) -> dict:
        counts = do("build")
        outlet_events[MARTS].extra = counts
        return counts

    build()


build_profiles()
