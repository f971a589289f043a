"""Exports in, bronze out.

Every source table lands in a task of its own, side by side; what can be taken is taken even if another table cannot. A
file that had to be set aside makes the last task fail, with its sentence, after everything else went on.
"""

from airflow.sdk import dag, task

from cdp_assets import BRONZE, DEFAULTS, WAREHOUSE, do


@dag(schedule="0 5 * * *", catchup=False, max_active_runs=1, tags=["ingest"], default_args=DEFAULTS, doc_md=__doc__)
def ingest_sources():
    @task
    def list_tables() -> list[str]:
        from quality.contract import load_contracts

        return list(load_contracts())

    @task(map_index_template="{{ task.op_kwargs['table'] }}")
    def land(table: str) -> dict:
        from cdp import land_one
        from warehouse.errors import edge

        with edge(table):
            return land_one(table).as_dict()

    @task(trigger_rule="all_done", outlets=[BRONZE], **WAREHOUSE)
    def register_bronze(*, outlet_events) -> dict:
        counts = do("bronze")
        outlet_events[BRONZE].extra = counts
        return counts

    @task(retries=0)
    def name_files_set_aside(landed: list[dict]) -> int:
        from warehouse.errors import CdpError

        sentences = [sentence for result in landed for sentence in result.get("refused", [])]
        if sentences:
            raise CdpError("\n".join(sentences))
        return 0

    landed = land.expand(table=list_tables())
    named = name_files_set_aside(landed)
    landed >> register_bronze() >> named


ingest_sources()
