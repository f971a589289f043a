"""Train the linkage model on the company's own records, monthly and apart from linking.

The new model is used from the next run of resolve_identities on; customer ids stay.
"""

from airflow.sdk import dag, task

from cdp_assets import DEFAULTS, WAREHOUSE


@dag(schedule="0 3 1 * *", catchup=False, max_active_runs=1, tags=["identity"], default_args=DEFAULTS, doc_md=__doc__)
def train_models():
    @task(**WAREHOUSE)
    def train() -> dict:
        from identity.train import train_on_working_file

        return train_on_working_file().as_dict()

    train()


train_models()
