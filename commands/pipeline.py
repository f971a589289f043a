"""The steps of the pipeline, each a call without arguments: what commands run and what Airflow's tasks run.

Steps open the working file, write their tables and close it again, so any step can be run alone, and run again. Rooms are
imported inside a step: a command or a task pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from commands.sources import airflow_connection
from warehouse.errors import CdpError, edge

if TYPE_CHECKING:
    import duckdb

    from warehouse.steps import StepResult

err = Console(stderr=True, soft_wrap=True)


def on_working_file(work: Callable[[duckdb.DuckDBPyConnection], StepResult]) -> StepResult:
    """Do one thing with the working file open, and close it."""
    from warehouse.duck import connect

    con = connect()
    try:
        return work(con)
    finally:
        con.close()


def land_one(table: str) -> StepResult:
    """Land one source table."""
    from ingest.land import land
    from quality.contract import load_contracts

    contracts = load_contracts()
    if table not in contracts:
        raise CdpError(f"no source table is called '{table}'; known: {', '.join(contracts)}")
    return land(contracts[table])


def land_all() -> StepResult:
    """Land every source table, as many at a time as there are cores."""
    return _land_tables("land", None)


def land_system(system: str) -> StepResult:
    """Land the source tables of one system."""
    return _land_tables(f"land {system}", system)


def _say_landed(result: StepResult) -> None:
    if result.rows_in:
        err.print(f"  [dim]{result.step}: {result.rows_in:,} rows in[/]")


def _land_tables(name: str, system: str | None) -> StepResult:
    from ingest.land import land_all as land_every_table
    from warehouse.steps import step

    with step(name) as result:
        refused: list[str] = []
        for done in land_every_table(_say_landed, system):
            result.rows_in += done.rows_in
            result.rows_out += done.rows_out
            for fact in ("quarantined", "dropped", "still_arriving"):
                result.facts[fact] = result.facts.get(fact, 0) + done.facts.get(fact, 0)
            refused += done.facts.get("refused", [])
        result.facts["refused"] = refused
        for sentence in refused:
            err.print(f"  [yellow]set aside:[/] {sentence}", highlight=False)
    return result


def bronze() -> StepResult:
    """Point the bronze tables at what was landed."""
    from ingest.register import register_bronze

    return on_working_file(register_bronze)


def standardise() -> StepResult:
    """Clean the records of people."""
    from identity.standardise import standardise as work

    return on_working_file(work)


def link(full: bool = False) -> StepResult:
    """Find pairs of records that are the same person: new and changed records against the known, or all anew."""
    from identity.judgements import judgements
    from identity.link import link_records

    said = judgements()
    return on_working_file(lambda con: link_records(con, said, full=full))


def cluster(accepted: str = "") -> StepResult:
    """Group records into people and give them their ids, if they are fit to be taken."""
    from identity.cluster import cluster_records
    from identity.customer_ids import assign_customer_ids
    from identity.model import load_model

    def work(con: duckdb.DuckDBPyConnection) -> StepResult:
        grouped = cluster_records(con)
        named = assign_customer_ids(con, load_model()["version"], accepted)
        named.facts = {**named.facts, **grouped.facts}
        named.seconds += grouped.seconds
        return named

    return on_working_file(work)


def golden() -> StepResult:
    """Build golden records, households, devices, and the companies that customers work for."""
    from identity.accounts import build_accounts
    from identity.anonymous import stitch_devices
    from identity.golden import build_golden_profiles
    from identity.households import build_households

    def work(con: duckdb.DuckDBPyConnection) -> StepResult:
        result = build_golden_profiles(con)
        households, devices, accounts = build_households(con), stitch_devices(con), build_accounts(con)
        result.facts |= {"households": households.rows_out, "devices": devices.rows_out, "accounts": accounts.rows_out}
        result.seconds += households.seconds + devices.seconds + accounts.seconds
        return result

    return on_working_file(work)


def build(whole: bool = False) -> StepResult:
    """Build marts, metrics, scores, segments, figures and test them; then what stewards look at first, which depends on the marts.

    Args:
        whole: build all, also where only what was touched since the last build may be built.
    """
    from activation.exposure import register_exposure
    from identity.review import build_review_queue
    from warehouse.transform import build as build_tables

    # What was sent and who was held out, for the figures that tell what it brought.
    on_working_file(register_exposure)
    result = build_tables(whole)
    queue = on_working_file(build_review_queue)
    result.facts["to_review"] = queue.rows_out
    result.seconds += queue.seconds
    return result


def score() -> StepResult:
    """Write the cards of the fitted scores, with how they did on later days, and tell of drift."""
    from scoring.cards import write_cards

    return on_working_file(write_cards)


def check() -> StepResult:
    """Run the Great Expectations suites."""
    from quality.checkpoints import run_suites

    return on_working_file(run_suites)


def publish() -> StepResult:
    """Swap a new published file in."""
    from warehouse.publish import publish as work

    return on_working_file(work)


def audiences() -> StepResult:
    """Decide who is in which audience."""
    from activation.audience import assemble_audiences

    return on_working_file(assemble_audiences)


def journeys() -> StepResult:
    """Let people enter, go on in and leave journeys."""
    from activation.journey import run_journeys

    return on_working_file(run_journeys)


def decide() -> StepResult:
    """Decide what the site, the app and assistants show to whom, and what ads say of products."""
    from activation.decisions import decide as decide_contents
    from activation.products import write_product_feeds

    def work(con: duckdb.DuckDBPyConnection) -> StepResult:
        result, feeds = decide_contents(con), write_product_feeds(con)
        result.facts |= feeds.facts
        result.seconds += feeds.seconds
        return result

    return on_working_file(work)


def plan() -> StepResult:
    """Plan what changes at each destination."""
    from activation.plan import plan_deliveries

    return on_working_file(plan_deliveries)


def deliver() -> StepResult:
    """Apply the plans that need nobody's approval."""
    from activation.deliver import deliver_audiences

    return deliver_audiences(destination_connection)


def show() -> StepResult:
    """Publish audiences and what became of them, for the page and for analysts."""
    from activation.showing import build_showing
    from warehouse.publish import publish_audiences

    def work(con: duckdb.DuckDBPyConnection) -> StepResult:
        result, published = build_showing(con), publish_audiences(con)
        result.facts |= published.facts
        result.seconds += published.seconds
        return result

    return on_working_file(work)


def deliver_platform(platform: str) -> dict[str, Any]:
    """Apply the plans of one platform and return what came of it; what a mapped task calls, so that no platform waits for another."""
    from activation.deliver import deliver_audiences

    with edge("deliver"):
        return deliver_audiences(destination_connection, platform).as_dict()


def waiting_questions() -> list[dict[str, str]]:
    """Return the plans that wait for a person, in words; what Airflow asks."""
    from activation.deliver import waiting_questions as work

    with edge("approve"):
        return [asdict(question) for question in work()]


def note_answers(asked: list[dict[str, str]], answers: list[dict[str, Any]]) -> int:
    """Approve the plans that people said yes to on Airflow's page."""
    from activation.deliver import note_answers as work

    with edge("approve"):
        return work(asked, answers)


def confirm() -> dict[str, Any]:
    """Ask platforms what became of requests that they work on in the background."""
    from activation.deliver import confirm_deliveries

    with edge("confirm"):
        return confirm_deliveries(destination_connection).as_dict()


def read_back() -> dict[str, Any]:
    """Ask platforms who unsubscribed, complained or bounced there."""
    from activation.deliver import read_refusals

    with edge("read-back"):
        return read_refusals(destination_connection).as_dict()


def conversions() -> dict[str, Any]:
    """Tell ad platforms of orders."""
    from activation.conversions import send_conversions

    with edge("conversions"):
        return send_conversions(destination_connection).as_dict()


def destination_connection(connection_id: str) -> Any:
    """Return the account of a destination, from Airflow's connections or `AIRFLOW_CONN_<ID>`.

    The host may be an address with its scheme, which takes the place of the platform's own.

    Raises:
        CdpError: there is no connection of that id.
    """
    from activation.connections import Connection

    known = airflow_connection(connection_id)
    host = known.host if "://" in known.host or not known.host else f"https://{known.host}"
    return Connection(
        f"{host}:{known.port}" if host and known.port else host, known.login, known.password, dict(known.extra or {})
    )


def review() -> StepResult:
    """Look at the data themselves: completeness against standards, duplicates inside systems, stale tables."""
    from quality.review import review as work

    return on_working_file(work)


def compact() -> StepResult:
    """Pack small Parquet files of the lake together."""
    from quality.contract import load_contracts
    from warehouse import lake
    from warehouse.steps import step

    with step("compact") as result:
        packed = {c.name: lake.compact(c.name, c.version) for c in load_contracts().values()}
        result.rows_out = sum(packed.values())
        result.facts = {"files_packed": {name: n for name, n in packed.items() if n}}
    return result


#: The pipeline, in order. The DAGs run the same functions by these names.
STEPS: dict[str, Callable[[], StepResult]] = {
    "land": land_all, "bronze": bronze, "standardise": standardise, "link": link, "cluster": cluster, "golden": golden,
    "build": build, "score": score, "check": check, "publish": publish, "audiences": audiences, "journeys": journeys, "decide": decide,
    "plan": plan, "deliver": deliver, "show": show,
}  # fmt: skip


def run_step(name: str) -> dict[str, Any]:
    """Run one step of the pipeline and return its counts; what an Airflow task calls."""
    with edge(name):
        return STEPS[name]().as_dict()


def train_scores_step() -> dict[str, Any]:
    """Train the fitted scores anew and return what came of each; what the weekly task calls."""
    from scoring.daily import train_scores

    with edge("train scores"):
        return on_working_file(train_scores).as_dict()
