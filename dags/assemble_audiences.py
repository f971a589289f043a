"""The published file in; audience members, steps of journeys, the decision feed and delivery plans out. Nothing is sent here."""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, PLANS, PUBLISHED, WAREHOUSE, do


@dag(schedule=[PUBLISHED], catchup=False, max_active_runs=1, tags=["audiences"], default_args=DEFAULTS, doc_md=__doc__)
def assemble_audiences():
    @task(**WAREHOUSE)
    def assemble() -> dict:
        return do("audiences")

    @task(**WAREHOUSE)
    def go_on_in_journeys() -> dict:
        return do("journeys")

    @task(**WAREHOUSE)
    def decide() -> dict:
        return do("decide")

    @task(outlets=[PLANS], **WAREHOUSE)
    def plan(*, outlet_events) -> dict:
        counts = do("plan")
        outlet_events[PLANS].extra = counts
        return counts

    assemble() >> go_on_in_journeys() >> decide() >> plan()


assemble_audiences()
