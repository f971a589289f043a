"""Marts in; scores, checks and a new published file out.

Great Expectations stands between the working file and the published one: when a critical check fails, consumers keep the
version before.
"""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, MARTS, PUBLISHED, WAREHOUSE, do


@dag(schedule=[MARTS], catchup=False, max_active_runs=1, tags=["scores"], default_args=DEFAULTS, doc_md=__doc__)
def score_customers():
    @task(**WAREHOUSE)
    def score() -> dict:
        return do("score")

    @task(**WAREHOUSE)
    def check() -> dict:
        return do("check")

    @task(outlets=[PUBLISHED], **WAREHOUSE)
    def publish(*, outlet_events) -> dict:
        counts = do("publish")
        outlet_events[PUBLISHED].extra = counts
        return counts

    score() >> check() >> publish()


score_customers()
