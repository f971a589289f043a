"""Ask platforms what became of what they work on in the background; what failed is planned again with the next delivery.

Google's and Klaviyo's answers come minutes to hours after the call, so this runs by the hour.
"""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, WAREHOUSE, do


@dag(schedule="23 * * * *", catchup=False, max_active_runs=1, tags=["delivery"], default_args=DEFAULTS, doc_md=__doc__)
def confirm_deliveries():
    @task(**WAREHOUSE)
    def confirm() -> dict:
        from commands.pipeline import confirm as ask

        return ask()

    @task(**WAREHOUSE)
    def show() -> dict:
        return do("show")

    confirm() >> show()


confirm_deliveries()
