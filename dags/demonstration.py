"""`make demo`: the sample company through a real Airflow, with progress, and a summary of where to look."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from dags.local_airflow import CHAIN, USER, LocalAirflow, free_port, running_airflow
from warehouse.settings import child_environment, settings


def demonstrate(people: int, keep: bool, port: int, out: Console, err: Console) -> None:
    """Generate, run the DAGs from landing to delivery, print the summary; leave nothing behind unless asked to keep."""
    from data.generate import PARTS, generate_company
    from identity.evaluate import evaluate
    from warehouse.duck import connect
    from warehouse.summary import summary, summary_tables

    started = time.monotonic()
    data = settings().data
    # A demonstration begins with an empty Airflow; runs of an earlier one would be taken for its own.
    shutil.rmtree(settings().state / "airflow", ignore_errors=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<42}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("generating the sample company", total=PARTS)
        generate_company(data / "inbox", data / "truth", people, progress=lambda _: bar.advance(task))
        task = bar.add_task("starting Airflow", total=3)
        with running_airflow(port=port or None) as airflow:
            bar.advance(task)
            airflow.prepare()
            bar.advance(task)
            airflow.trigger("ingest_sources")
            bar.advance(task)
            tasks = {dag: bar.add_task(dag, total=None) for dag in CHAIN}

            def tell(dag: str, done: int, known: int) -> None:
                bar.update(tasks[dag], completed=done, total=known)
                for earlier in CHAIN[: CHAIN.index(dag)]:
                    total = bar.tasks[tasks[earlier]].total or 1
                    bar.update(tasks[earlier], total=total, completed=total)

            airflow.wait_for_chain(tell)
            for dag in CHAIN:
                total = bar.tasks[tasks[dag]].total or 1
                bar.update(tasks[dag], total=total, completed=total)
            bar.stop()
            for table in summary_tables(summary()):
                out.print(table)
            con = connect()
            try:
                judged = evaluate(con, data / "truth" / "records.csv")
            finally:
                con.close()
            out.rule("Clientela")
            out.print(_where_to_look(airflow, judged, time.monotonic() - started, keep), highlight=False)
            if keep:
                _stay(airflow, out)


def _where_to_look(airflow: LocalAirflow, judged: dict[str, object], seconds: float, keep: bool) -> str:
    config = settings()
    pair = judged["pairwise"]
    assert isinstance(pair, dict)
    lines = [
        f"identity: F1 {pair['f1']:.4f} by pair (precision {pair['precision']:.4f}, recall {pair['recall']:.4f}), "
        f"{judged['customers']:,} customers for {judged['people']:,} people",
        f"time: {seconds:.0f} s",
        f"DuckDB file:     {config.published_file}",
        f"audience files:  {config.outbox}",
        f"Data Docs:       {config.quality_docs / 'index.html'}",
    ]
    if keep:
        lines.append(f"Airflow:         {airflow.url}   user {USER}, password {airflow.password}")
    else:
        lines.append("Airflow:         stopped; `make demo KEEP=1` leaves its page open, with the page for marketers")
    return "\n".join(lines)


def _people() -> list[tuple[str, str]]:
    """Return somebody for each role with a password, new at each demonstration."""
    from privacy.people import ROLES, add_user, change_user, users

    known = {user.name for user in users()}
    found = []
    for role in ROLES:
        password = secrets.token_urlsafe(12)
        if role in known:
            change_user(role, password=password)
        else:
            add_user(role, [role], password)
        found.append((role, password))
    return found


def _stay(airflow: LocalAirflow, out: Console) -> None:
    port = free_port()
    people = Table("name and role", "password", title="People of the demonstration")
    for name, password in _people():
        people.add_row(name, password)
    out.print(people)
    page = subprocess.Popen(
        [sys.executable, "-m", "cdp", "serve", "--port", str(port)],
        env=child_environment(),
        cwd=Path(__file__).parent.parent,
    )
    out.print(f"page for marketers: http://127.0.0.1:{port}   (Ctrl-C ends everything)")
    try:
        while page.poll() is None and airflow.children:
            time.sleep(1)
    except KeyboardInterrupt:
        out.print("stopping")
    finally:
        page.terminate()
        page.wait(timeout=20)
