"""The front door: every step as a command, in pipeline order.

`cdp run` does what the DAGs do, without Airflow. Steps open the working file, write their tables and close it again, so
any step can be run alone, and run again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from commands import audiences as audience_commands
from commands import backtest, destinations, identity, people, resolve, sources
from warehouse.errors import CdpError, edge, redacted
from warehouse.settings import ROOMS, settings

if TYPE_CHECKING:
    import duckdb

    from warehouse.steps import StepResult

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


# ---------------------------------------------------------------- steps, shared with the DAGs


def _on_working_file(work: Callable[[duckdb.DuckDBPyConnection], StepResult]) -> StepResult:
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

    return _on_working_file(register_bronze)


def standardise() -> StepResult:
    """Clean the records of people."""
    from identity.standardise import standardise as work

    return _on_working_file(work)


def link(full: bool = False) -> StepResult:
    """Find pairs of records that are the same person: new and changed records against the known, or all anew."""
    from identity.judgements import judgements
    from identity.link import link_records

    said = judgements()
    return _on_working_file(lambda con: link_records(con, said, full=full))


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

    return _on_working_file(work)


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

    return _on_working_file(work)


def build() -> StepResult:
    """Run dbt: staging, marts, metrics, scores, segments, figures and their tests; then what stewards look at first, which depends on the marts."""
    from activation.exposure import register_exposure
    from identity.review import build_review_queue
    from warehouse.transform import run_dbt

    # What was sent and who was held out, for the figures that tell what it brought.
    _on_working_file(register_exposure)
    # Unit tests look at the models, not at the data: `cdp unit-tests` runs them.
    result = run_dbt("build", "--exclude-resource-type", "unit_test")
    queue = _on_working_file(build_review_queue)
    result.facts["to_review"] = queue.rows_out
    result.seconds += queue.seconds
    return result


def score() -> StepResult:
    """Write the cards of the fitted scores, with how they did on later days, and tell of drift."""
    from scoring.cards import write_cards

    return _on_working_file(write_cards)


def check() -> StepResult:
    """Run the Great Expectations suites."""
    from quality.checkpoints import run_suites

    return _on_working_file(run_suites)


def publish() -> StepResult:
    """Swap a new published file in."""
    from warehouse.publish import publish as work

    return _on_working_file(work)


def audiences() -> StepResult:
    """Decide who is in which audience."""
    from activation.audience import assemble_audiences

    return _on_working_file(assemble_audiences)


def journeys() -> StepResult:
    """Let people enter, go on in and leave journeys."""
    from activation.journey import run_journeys

    return _on_working_file(run_journeys)


def decide() -> StepResult:
    """Decide what the site, the app and assistants show to whom, and what ads say of products."""
    from activation.decisions import decide as decide_contents
    from activation.products import write_product_feeds

    def work(con: duckdb.DuckDBPyConnection) -> StepResult:
        result, feeds = decide_contents(con), write_product_feeds(con)
        result.facts |= feeds.facts
        result.seconds += feeds.seconds
        return result

    return _on_working_file(work)


def plan() -> StepResult:
    """Plan what changes at each destination."""
    from activation.plan import plan_deliveries

    return _on_working_file(plan_deliveries)


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

    return _on_working_file(work)


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

    known = sources.airflow_connection(connection_id)
    host = known.host if "://" in known.host or not known.host else f"https://{known.host}"
    return Connection(
        f"{host}:{known.port}" if host and known.port else host, known.login, known.password, dict(known.extra or {})
    )


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
        return _on_working_file(train_scores).as_dict()


# ---------------------------------------------------------------- commands


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option("0.1.0", prog_name="clientela")
def cli() -> None:
    """Clientela: exports in, one profile per customer, consented audiences out."""


def _say(result: StepResult | dict[str, Any]) -> None:
    facts = result if isinstance(result, dict) else result.as_dict()
    shown = {k: v for k, v in facts.items() if k != "step"}
    out.print(f"[bold]{facts['step']}[/]  " + "  ".join(f"{k}={v}" for k, v in shown.items()), highlight=False)


def _step_command(name: str, work: Callable[[], StepResult]) -> None:
    @cli.command(name, help=work.__doc__)
    def command() -> None:
        _say(work())


@cli.command()
@click.option("--people", default=5000, show_default=True, help="How many customers the company has.")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-10-31",
    show_default=True,
    help="Last day of the exports.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    default=None,
    help="Where inbox/ and truth/ go; the data folder by default.",
)
def generate(people: int, seed: int, until: datetime, folder: Path | None) -> None:
    """Write the exports of a sample company, with the truth kept apart."""
    from data.generate import PARTS, generate_company

    root = folder or settings().data
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    ) as bar:
        task = bar.add_task("sample company", total=PARTS)
        made = generate_company(
            root / "inbox", root / "truth", people, seed, until.date(),
            progress=lambda part: bar.update(task, advance=1, description=f"sample company: {part}"),
        )  # fmt: skip
    out.print(
        f"{made.people:,} people in {made.households:,} households, {sum(made.rows.values()):,} rows in {len(made.rows)} files"
    )


@cli.command()
@click.argument("table", required=False)
@click.option("--strict", is_flag=True, help="Exit with 3 when a file was set aside.")
def land(table: str | None, strict: bool) -> None:
    """Take new exports in: keep the bytes, gate the rows, set aside what cannot be taken."""
    result = land_one(table) if table else land_all()
    for sentence in result.facts.get("refused", []) if table else []:
        err.print(f"  [yellow]set aside:[/] {sentence}", highlight=False)
    _say(result)
    if strict and result.facts.get("refused"):
        sys.exit(3)


@cli.command("link")
@click.option("--full", is_flag=True, help="Compare all records anew, and take frequencies, prior and blocks anew.")
def link_command(full: bool) -> None:
    """Find pairs of records that are the same person: new and changed records against the known, or all anew."""
    _say(link(full))


@cli.command("cluster")
@click.option(
    "--accept", default="", metavar="REASON", help="Take identities that are outside of their bounds; say why."
)
def cluster_command(accept: str) -> None:
    """Group records into people and give them their ids, if they are fit to be taken."""
    _say(cluster(accept))


for _name, _work in STEPS.items():
    if _name not in ("land", "link", "cluster"):
        _step_command(_name, _work)


@cli.command()
@click.option(
    "--out", "path", type=click.Path(path_type=Path), default=None, help="Model file; the company's own by default."
)
@click.option(
    "--entity", type=click.Choice(["person", "company"]), default="person", show_default=True, help="Whose model."
)
def train(path: Path | None, entity: str) -> None:
    """Train the linkage model on the records at hand (no labels needed); prediction never trains."""
    from identity.accounts import train_companies
    from identity.train import train_on_working_file

    _say(
        _on_working_file(lambda con: train_companies(con, path)) if entity == "company" else train_on_working_file(path)
    )


@cli.command("train-scores")
def train_scores_command() -> None:
    """Train the fitted scores anew; a new model is used from the next build on unless the one in use does better."""
    _say(train_scores_step())


@cli.command()
@click.option(
    "--from", "first", type=click.Choice(list(STEPS)), default="land", show_default=True, help="Step to begin with."
)
def run(first: str) -> None:
    """Run the whole pipeline, from exports to audience files."""
    names = list(STEPS)[list(STEPS).index(first) :]
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("pipeline", total=len(names))
        for name in names:
            bar.update(task, description=name)
            _say(run_step(name))
            bar.advance(task)


@cli.command("confirm")
def confirm_command() -> None:
    """Ask platforms what became of requests that they work on in the background; what failed is planned again."""
    _say(confirm())


@cli.command("read-back")
def read_back_command() -> None:
    """Ask platforms who unsubscribed, complained or bounced there; nobody of them is sent anything by that channel again."""
    _say(read_back())


@cli.command("conversions")
def conversions_command() -> None:
    """Tell ad platforms of orders, for those who consented (activation/conversions.yml)."""
    _say(conversions())


@cli.command()
@click.argument("plan_hash")
@click.option("--author", default=lambda: os.environ.get("USER", ""), help="Who approves.")
def approve(plan_hash: str, author: str) -> None:
    """Let a large plan go out; `cdp deliver` then applies exactly that plan."""
    from activation.deliver import approve as work

    if not author:
        raise CdpError("say who approves: --author")
    found = work(plan_hash, author)
    out.print(f"{found.audience}/{found.platform}: {found.changes:,} changes approved; run `cdp deliver`")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say what there is: rows per source, customers, segments, audiences, files, where to look."""
    from warehouse.summary import summary, summary_tables

    found = summary()
    if as_json:
        click.echo(json.dumps(found, indent=1, default=str))
        return
    for table in summary_tables(found):
        out.print(table)
    out.print(f"DuckDB file      {found['published_file']}")
    out.print(f"audience files   {found['outbox']}")
    out.print(f"Data Docs        {found['data_docs']}")
    out.print(f"model cards      {found['model_cards']}")


for _command in (
    sources.source,
    sources.fetch,
    sources.quarantine,
    sources.drift,
    resolve.resolve,
    backtest.backtest,
    audience_commands.audience,
    *destinations.COMMANDS,
    *identity.COMMANDS,
    *people.COMMANDS,
):
    cli.add_command(_command)


@cli.command()
def verify() -> None:
    """Read the whole lake and compare it with its checksums."""
    from warehouse import lake

    folders = sorted((settings().lake / "bronze").glob("*"))
    bad = [path for folder in folders for path in lake.damaged(folder.name)]
    for path in bad:
        err.print(f"[red]damaged:[/] {path.name}; delete its account (.json) and land again")
    out.print(f"{len(folders)} tables read, {len(bad)} damaged files")
    if bad:
        sys.exit(4)


@cli.command()
def docs() -> None:
    """Make dbt's documentation as one static page."""
    from warehouse.transform import run_dbt

    _say(run_dbt("docs generate", "--static"))
    page = settings().home / "docs" / "models.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes((settings().state / "dbt" / "target" / "static_index.html").read_bytes())
    out.print(f"documentation    {page}")


@cli.command("unit-tests")
def unit_tests() -> None:
    """Run the unit tests of dbt's models, on the working file of any built company."""
    from warehouse.transform import run_dbt

    _say(run_dbt("test", "--select", "test_type:unit"))


@cli.command("roll-back")
@click.argument("version")
def roll_back(version: str) -> None:
    """Put an earlier published version back in place."""
    from warehouse.publish import roll_back as work

    work(version)
    out.print(f"version {version} is what people read now")


@cli.command("export-person")
@click.argument("customer_id")
@click.option("--out", "path", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
@click.option("--actor", required=True, help="Who asks.")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
def export_person(customer_id: str, path: Path, actor: str, reason: str) -> None:
    """Write everything that is known of one person to a file."""
    from privacy.export_person import export_person as work

    found = work(customer_id, path, actor, reason)
    out.print(f"{sum(found.values())} rows of {len(found)} tables written to {path}")


@cli.command()
@click.option("--out", "path", type=click.Path(path_type=Path), required=True, help="DuckDB file to write.")
def masked(path: Path) -> None:
    """Write a copy of the published file for those who may not see people: pseudonyms in place of identifiers."""
    from privacy.masked import write_masked

    _say(write_masked(path))


@cli.command()
def audit() -> None:
    """Check that the audit log is whole."""
    from privacy.audit import broken_rows

    broken = broken_rows()
    out.print("the audit log is whole" if not broken else f"rows changed or missing before: {broken}")
    if broken:
        sys.exit(4)


def review() -> StepResult:
    """Look at the data themselves: completeness against standards, duplicates inside systems, stale tables."""
    from quality.review import review as work

    return _on_working_file(work)


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


_step_command("review", review)
_step_command("compact", compact)


@cli.command("keep-house")
def keep_house() -> None:
    """Remove what is past its time, pack small files, review the data."""
    from privacy.retention import keep_house as work

    for done in (work(), compact(), bronze(), review()):
        _say(done)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8400, show_default=True)
def serve(host: str, port: int) -> None:
    """Serve the page and its API; add people with `cdp user add`."""
    import uvicorn

    from portal.app import make_app

    # Addresses of the page hold search terms; they are not logged.
    uvicorn.run(make_app(), host=host, port=port, log_level="warning", access_log=False, server_header=False)


@cli.command()
@click.option("--people", default=5000, show_default=True, help="How many customers the sample company has.")
@click.option("--keep", is_flag=True, help="Leave Airflow and the page running until Ctrl-C.")
@click.option("--port", default=0, help="Port of Airflow's page; a free one by default.")
def demo(people: int, keep: bool, port: int) -> None:
    """Generate the sample company, run it through a real Airflow, and show what came out."""
    from dags.demonstration import demonstrate

    demonstrate(people, keep, port, out, err)


@cli.command()
@click.argument("name", default="first_light")
@click.option("--people", multiple=True, type=int, help="Sizes to run; those of the benchmark by default.")
@click.option(
    "--company",
    type=click.Path(path_type=Path),
    default=None,
    help="A finished company to measure instead of making one (portal).",
)
def bench(name: str, people: tuple[int, ...], company: Path | None) -> None:
    """Run a benchmark and write its figures and chart to benchmarks/results."""
    from benchmarks.runner import run_benchmark

    path = run_benchmark(name, people or None, company)
    out.print(f"figures written to {path}")


def main() -> None:
    """Run the command line; errors that were foreseen are one sentence, others are redacted."""
    sys.path.insert(0, str(ROOMS))
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        known = isinstance(error, CdpError | ValueError)
        text = str(error) if known else f"{type(error).__name__}: {redacted(str(error))}"
        err.print("[red]error:[/]", text, highlight=False, markup=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
