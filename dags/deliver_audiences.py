"""Plans in, audience files and calls of platforms out, every change in the ledger.

One mapped task a platform, so that a slow or broken one keeps no other back. A plan that needs a person's approval fails its task at
once, with the command that approves it, and goes out when it was approved there or on Airflow's page; what can be tried again is tried
again. The working file is not open meanwhile.
"""

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, dag, task

from cdp_assets import APPROVED, DEFAULTS, DELIVERED, PLANS, WAREHOUSE, do

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception="activation.errors.Terminal", action=RetryAction.FAIL, reason="a person must act"),
        RetryRule(exception="activation.errors.Retryable", action=RetryAction.RETRY, reason="nothing was assumed sent"),
    ]
)


@dag(
    schedule=(PLANS | APPROVED),
    catchup=False,
    max_active_runs=1,
    tags=["delivery"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def deliver_audiences():
    @task
    def list_platforms() -> list[str]:
        from activation.plan import deliverable

        return sorted({target.platform for audience in deliverable().values() for target in audience.destinations})

    @task(outlets=[DELIVERED], retries=4, retry_policy=RETRIES, map_index_template="{{ platform }}")
    def deliver(platform: str, *, outlet_events) -> dict:
        from airflow.sdk import get_current_context

        from commands.pipeline import deliver_platform

        get_current_context()["platform"] = platform
        counts = deliver_platform(platform)
        outlet_events[DELIVERED].extra = counts
        return counts

    @task(**WAREHOUSE)
    def show() -> dict:
        return do("show")

    # Also after a failure: what one platform refused is to be seen, and the run stays red.
    deliver.expand(platform=list_platforms()) >> show().as_teardown()


deliver_audiences()
