"""Once a month: remove what is past its time, pack small files of the lake, review completeness, duplicates and stale data.

Packing moves rows between files that the bronze views name, so the views are pointed at them again in the same slot.
"""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, WAREHOUSE


@dag(schedule="30 2 1 * *", catchup=False, max_active_runs=1, tags=["house"], default_args=DEFAULTS, doc_md=__doc__)
def keep_house():
    @task
    def remove_what_is_past() -> dict:
        from privacy.retention import keep_house as work

        return work().as_dict()

    @task(**WAREHOUSE)
    def pack_small_files() -> dict:
        from commands.pipeline import bronze, compact
        from warehouse.errors import edge

        with edge("keep_house"):
            packed = compact().as_dict()
            bronze()
        return packed

    @task(**WAREHOUSE)
    def review_data() -> dict:
        from commands.pipeline import review
        from warehouse.errors import edge

        with edge("keep_house"):
            return review().as_dict()

    remove_what_is_past() >> pack_small_files() >> review_data()


keep_house()
