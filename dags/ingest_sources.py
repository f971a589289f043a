"""Exports in, bronze out.

Woken by the clock and by files that arrive. Remote stores are fetched first; then every system lands in a task of its own,
side by side; what can be taken is taken even if another system cannot. A file that had to be set aside makes the last task
fail, with its sentence, after everything else went on; what changed about the sources is told.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from cdp_assets import BRONZE, DEFAULTS, INBOX, WAREHOUSE, do, tell_of_changes

# Without a margin of its own, a DAG that is switched on in the two hours after the time runs at once, as well as for its files.
DAILY = CronTriggerTimetable("0 5 * * *", timezone="UTC", run_immediately=timedelta(minutes=1))


@dag(
    schedule=AssetOrTimeSchedule(timetable=DAILY, assets=[INBOX]),
    catchup=False,
    max_active_runs=1,
    tags=["ingest"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def ingest_sources():
    @task
    def fetch_arrivals() -> list[dict]:
        from commands.sources import fetch_all

        return fetch_all()

    @task(trigger_rule="all_done")
    def list_systems() -> list[str]:
        from dags.arrival_trigger import note_what_is_seen
        from quality.contract import load_contracts

        note_what_is_seen()
        return sorted({contract.source for contract in load_contracts().values()})

    @task(map_index_template="{{ task.op_kwargs['system'] }}")
    def land(system: str) -> dict:
        from commands.pipeline import land_system
        from warehouse.errors import edge

        with edge(system):
            return land_system(system).as_dict()

    @task(trigger_rule="all_done", outlets=[BRONZE], on_success_callback=tell_of_changes, **WAREHOUSE)
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

    fetched = fetch_arrivals()
    systems = list_systems()
    fetched >> systems
    landed = land.expand(system=systems)
    named = name_files_set_aside(landed)
    landed >> register_bronze() >> named
    fetched >> named


ingest_sources()
