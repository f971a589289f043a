"""Plans that may not go out without a person: each is asked for on Airflow's page of required actions, and what is approved is delivered.

`cdp approve HASH` says the same from a terminal. A plan that nobody answers within a day is left; the next day's plan is asked for anew.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import dag, task

from cdp_assets import APPROVED, DEFAULTS, PLANS


@dag(schedule=[PLANS], catchup=False, max_active_runs=4, tags=["delivery"], default_args=DEFAULTS, doc_md=__doc__)
def approve_plans():
    @task
    def list_waiting() -> list[dict]:
        from commands.pipeline import waiting_questions

        return waiting_questions()

    @task
    def put_in_words(waiting: list[dict]) -> list[dict]:
        return [{"subject": one["subject"], "body": one["body"]} for one in waiting]

    @task(outlets=[APPROVED])
    def note_answers(waiting: list[dict], answers: list[dict], *, outlet_events) -> int:
        from airflow.sdk.exceptions import AirflowSkipException

        from commands.pipeline import note_answers as note

        approved = note(waiting, list(answers))
        if not approved:
            raise AirflowSkipException("nothing was approved")
        outlet_events[APPROVED].extra = {"plans": approved}
        return approved

    waiting = list_waiting()
    ask = HITLOperator.partial(
        task_id="ask", options=["Approve", "Leave"], defaults=["Leave"], response_timeout=timedelta(hours=23)
    ).expand_kwargs(put_in_words(waiting))
    note_answers(waiting, ask.output)


approve_plans()
