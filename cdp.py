"""The front door: the command line, every step of the pipeline as a command (`commands/pipeline.py`) and what people do around it.

`cdp run` does what the DAGs do, without Airflow.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from commands import audiences as audience_commands
from commands import backtest, destinations, identity, people, pipeline, resolve, sources
from warehouse.errors import CdpError, redacted
from warehouse.settings import ROOMS, settings

if TYPE_CHECKING:
    from warehouse.steps import StepResult

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


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
    result = pipeline.land_one(table) if table else pipeline.land_all()
    for sentence in result.facts.get("refused", []) if table else []:
        err.print(f"  [yellow]set aside:[/] {sentence}", highlight=False)
    _say(result)
    if strict and result.facts.get("refused"):
        sys.exit(3)


@cli.command("link")
@click.option("--full", is_flag=True, help="Compare all records anew, and take frequencies, prior and blocks anew.")
def link_command(full: bool) -> None:
    """Find pairs of records that are the same person: new and changed records against the known, or all anew."""
    _say(pipeline.link(full))


@cli.command("cluster")
@click.option(
    "--accept", default="", metavar="REASON", help="Take identities that are outside of their bounds; say why."
)
def cluster_command(accept: str) -> None:
    """Group records into people and give them their ids, if they are fit to be taken."""
    _say(pipeline.cluster(accept))


@cli.command("build")
@click.option(
    "--whole", is_flag=True, help="Build all, also where CDP_WHOLE_BUILD_DAYS allows to build only what was touched."
)
def build_command(whole: bool) -> None:
    """Build marts, metrics, scores, segments and figures, with their tests."""
    _say(pipeline.build(whole))


for _name, _work in pipeline.STEPS.items():
    if _name not in ("land", "link", "cluster", "build"):
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
        pipeline.on_working_file(lambda con: train_companies(con, path))
        if entity == "company"
        else train_on_working_file(path)
    )


@cli.command("train-scores")
def train_scores_command() -> None:
    """Train the fitted scores anew; a new model is used from the next build on unless the one in use does better."""
    _say(pipeline.train_scores_step())


@cli.command()
@click.option(
    "--from",
    "first",
    type=click.Choice(list(pipeline.STEPS)),
    default="land",
    show_default=True,
    help="Step to begin with.",
)
def run(first: str) -> None:
    """Run the whole pipeline, from exports to audience files."""
    names = list(pipeline.STEPS)[list(pipeline.STEPS).index(first) :]
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
            _say(pipeline.run_step(name))
            bar.advance(task)


@cli.command("confirm")
def confirm_command() -> None:
    """Ask platforms what became of requests that they work on in the background; what failed is planned again."""
    _say(pipeline.confirm())


@cli.command("read-back")
def read_back_command() -> None:
    """Ask platforms who unsubscribed, complained or bounced there; nobody of them is sent anything by that channel again."""
    _say(pipeline.read_back())


@cli.command("conversions")
def conversions_command() -> None:
    """Tell ad platforms of orders, for those who consented (activation/conversions.yml)."""
    _say(pipeline.conversions())


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


_step_command("review", pipeline.review)
_step_command("compact", pipeline.compact)


@cli.command("keep-house")
def keep_house() -> None:
    """Remove what is past its time, pack small files, review the data."""
    from privacy.retention import keep_house as work

    for done in (work(), pipeline.compact(), pipeline.bronze(), pipeline.review()):
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
