"""Back and forth with the platforms, besides audiences: who unsubscribed or complained there, and which orders they should know of.

What was read back counts from the next plan on. Orders are told once each, by an id that never changes.
"""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS


@dag(schedule="47 5 * * *", catchup=False, max_active_runs=1, tags=["delivery"], default_args=DEFAULTS, doc_md=__doc__)
def exchange_with_platforms():
    @task
    def read_who_refuses() -> dict:
        from commands.pipeline import read_back

        return read_back()

    @task(pool="warehouse")
    def tell_of_orders() -> dict:
        from commands.pipeline import conversions

        return conversions()

    read_who_refuses()
    tell_of_orders()


exchange_with_platforms()
