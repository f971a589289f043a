"""Train what is fitted, weekly and apart from the daily run: the scores, and on the first Sunday of a month the linkage model.

A new score is used from the next run of build_profiles on, unless the one in use does better on the same later days; the new linkage
model is used from the next run of resolve_identities on, and customer ids stay.
"""

from airflow.sdk import dag, get_current_context, task

from cdp_assets import DEFAULTS, WAREHOUSE


@dag(
    schedule="0 3 * * 0",
    catchup=False,
    max_active_runs=1,
    tags=["identity", "scores"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def train_models():
    @task(**WAREHOUSE)
    def train_scores() -> dict:
        from commands.pipeline import train_scores_step

        return train_scores_step()

    @task.short_circuit(**WAREHOUSE)
    def is_first_of_month() -> bool:
        at = get_current_context()["dag_run"].run_after
        return at.day <= 7 or get_current_context()["dag_run"].run_type == "manual"

    @task(**WAREHOUSE)
    def train_linkage() -> dict:
        from identity.train import train_on_working_file

        return train_on_working_file().as_dict()

    train_scores() >> is_first_of_month() >> train_linkage()


train_models()
