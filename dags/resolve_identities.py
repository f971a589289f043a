"""Bronze records in, golden profiles out.

Runs whenever bronze is refreshed. Every step replaces its own output, so a failed task can be cleared and a repeated run
changes nothing.
"""

from airflow.sdk import dag, task

from cdp_assets import BRONZE, DEFAULTS, PROFILES, WAREHOUSE, do


@dag(schedule=[BRONZE], catchup=False, max_active_runs=1, tags=["identity"], default_args=DEFAULTS, doc_md=__doc__)
def resolve_identities():
    @task(**WAREHOUSE)
    def standardise() -> dict:
        return do("standardise")

    @task(**WAREHOUSE)
    def link() -> dict:
        return do("link")

    @task(**WAREHOUSE)
    def cluster() -> dict:
        return do("cluster")

    @task(outlets=[PROFILES], **WAREHOUSE)
    def build_golden(*, outlet_events) -> dict:
        counts = do("golden")
        outlet_events[PROFILES].extra = counts
        return counts

    standardise() >> link() >> cluster() >> build_golden()


resolve_identities()
