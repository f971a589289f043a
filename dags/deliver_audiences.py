"""Plans in, audience files out, every change in the ledger.

A plan that needs a person's approval fails the task at once, with the command that approves it; what can be tried again is
tried again. The working file is not open meanwhile.
"""

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, dag, task

from cdp_assets import DEFAULTS, DELIVERED, PLANS, do

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception="activation.errors.Terminal", action=RetryAction.FAIL, reason="a person must act"),
        RetryRule(exception="activation.errors.Retryable", action=RetryAction.RETRY, reason="nothing was assumed sent"),
    ]
)


@dag(schedule=[PLANS], catchup=False, max_active_runs=1, tags=["delivery"], default_args=DEFAULTS, doc_md=__doc__)
def deliver_audiences():
    @task(outlets=[DELIVERED], retries=4, retry_policy=RETRIES)
    def deliver(*, outlet_events) -> dict:
        counts = do("deliver")
        outlet_events[DELIVERED].extra = counts
        return counts

    deliver()


deliver_audiences()
