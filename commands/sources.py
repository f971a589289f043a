"""Commands about what comes in: `cdp source`, `cdp fetch`, `cdp quarantine`, `cdp drift`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from warehouse.errors import CdpError

if TYPE_CHECKING:
    import polars as pl

    from ingest.arrivals import Connection
    from quality.contract import Contract

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def _contract(name: str) -> Contract:
    import difflib

    from quality.contract import load_contracts

    contracts = load_contracts()
    if name not in contracts:
        near = difflib.get_close_matches(name, contracts, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(contracts)}"
        raise CdpError(f"no source table is called '{name}'; {hint}")
    return contracts[name]


# ---------------------------------------------------------------- source


@click.group()
def source() -> None:
    """Look at, check and draft the declarations of sources."""


@source.command("list")
@click.option("--wide", is_flag=True, help="Also keys, load modes and files.")
def source_list(wide: bool) -> None:
    """List the declared source tables: how fresh they are, and what was landed last."""
    from quality.contract import load_contracts
    from quality.drift import freshness
    from warehouse import lake
    from warehouse.settings import now

    contracts = load_contracts()
    fresh = {f"{s}_{t}": (newest, hours, ok) for s, t, newest, hours, ok in freshness(contracts.values(), now())}
    table = Table(
        "table",
        "what",
        "newest file",
        "fresh",
        "files",
        "rows now",
        "quarantined",
        title=f"{len(contracts)} source tables",
    )
    for column in ("load", "key", "path") if wide else ():
        table.add_column(column)
    for name, contract in contracts.items():
        newest, hours, is_fresh = fresh[name]
        loads = lake.loads(name, contract.version)
        current = lake.newest_of_each_series(loads, contract.series) if contract.load == "full" else loads
        mark = (
            "[dim]no file yet[/]" if newest is None else "[green]yes[/]" if is_fresh else f"[red]late (> {hours} h)[/]"
        )
        more = [contract.load, ", ".join(contract.key), contract.path] if wide else []
        table.add_row(
            name, contract.description.split(". ")[0][:60], f"{newest:%Y-%m-%d %H:%M}" if newest else "", mark, f"{len(loads):,}",
            f"{sum(ld.accepted for ld in current):,}", f"{sum(ld.quarantined for ld in loads):,}", *more,
        )  # fmt: skip
    out.print(table)


@source.command("check")
@click.argument("name", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--show", default=5, show_default=True, help="How many kinds of refused rows are shown.")
def source_check(name: str | None, file: Path | None, show: int) -> None:
    """Check all declarations; with NAME and FILE, say what landing that file would do, and change nothing."""
    from activation.audience import load_audiences
    from ingest.arrivals import load_arrivals
    from quality.contract import load_contracts

    if name is None:
        out.print(
            f"{len(load_contracts())} source tables, {len(load_arrivals())} arrivals and {len(load_audiences())} audiences "
            "are declared well"
        )
        return
    contract = _contract(name)
    if file is None:
        out.print(f"{contract.name} is declared well; give a file to see what landing it would do")
        return
    from ingest.check import check_file

    found = check_file(contract, file)
    for trial in found:
        if trial.refused:
            err.print(f"[yellow]would be set aside:[/] {trial.refused}", highlight=False)
            continue
        table = Table("", "rows", title=trial.file)
        for label, number in (
            ("in the file", trial.rows_in),
            ("accepted", trial.accepted),
            ("quarantined", trial.quarantined),
            ("dropped by declaration", trial.dropped),
        ):
            table.add_row(label, f"{number:,}")
        out.print(table)
        for reason, rows in sorted(trial.reasons.items(), key=lambda r: -r[1])[:show]:
            out.print(f"  {rows:>9,}  {reason}", highlight=False)
        for label, rules in (("warns", trial.warnings), ("would stop the publication", trial.stops)):
            for rule, rows in rules.items():
                out.print(f"  {rows:>9,}  rule {rule} {label}", highlight=False)
        if trial.new_headers:
            out.print(f"  not declared: {', '.join(trial.new_headers)}", highlight=False)
        if trial.missing_headers:
            out.print(f"  optional and absent: {', '.join(trial.missing_headers)}", highlight=False)
    if any(trial.refused for trial in found):
        sys.exit(3)
    if any(trial.quarantined for trial in found):
        sys.exit(2)


@source.command("new")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--source", "system", required=True, help="The system it comes from, such as shop.")
@click.option("--table", required=True, help="What it holds, such as customers.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder to write to; the terminal by default.",
)
def source_new(file: Path, system: str, table: str, folder: Path | None) -> None:
    """Read an unknown export and draft its declaration for a person to edit."""
    from ingest.draft import draft

    text = draft(file, system, table)
    if folder is None:
        click.echo(text, nl=False)
        return
    path = folder / f"{system}_{table}.yml"
    if path.exists():
        raise CdpError(f"{path.name} is there already; remove it first, or choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    out.print(f"{path} is drafted; edit it, then `cdp source check {system}_{table} {file.name}`", highlight=False)


@source.command("docs")
@click.option("--check", "only_check", is_flag=True, help="Exit with 1 when docs/sources.md is not current.")
def source_docs(only_check: bool) -> None:
    """Write the table of all declared sources into docs/sources.md."""
    from ingest.catalogue import is_current, write_catalogue

    if only_check:
        if not is_current():
            raise CdpError("docs/sources.md is not current; run `cdp source docs`")
        return
    out.print(f"{write_catalogue()} source tables written to docs/sources.md")


# ---------------------------------------------------------------- fetch


@click.command("fetch")
@click.argument("name", required=False)
def fetch(name: str | None) -> None:
    """Fetch new, complete files from the declared SFTP servers and object stores into the inbox."""
    for done in fetch_all(name):
        out.print(
            f"[bold]{done['step']}[/]  fetched={done['rows_out']}  still_arriving={done['still_arriving']}",
            highlight=False,
        )


def fetch_all(name: str | None = None) -> list[dict[str, object]]:
    """Fetch from all declared stores, or one, and return the counts; the same for the command and the DAG.

    Raises:
        CdpError: a store could not be read; the others were.
    """
    from ingest.arrivals import fetch as work
    from ingest.arrivals import load_arrivals

    arrivals = load_arrivals()
    if name is not None and name not in arrivals:
        raise CdpError(f"no arrival is called '{name}'; known: {', '.join(arrivals) or 'none'}")
    done, failed = [], []
    for known, arrival in arrivals.items():
        if name in (None, known):
            try:
                done.append(work(known, arrival, airflow_connection).as_dict())
            except CdpError as error:
                failed.append(str(error))
    if failed:
        raise CdpError("\n".join(failed))
    return done


def airflow_connection(connection_id: str) -> Connection:
    """Return a connection that Airflow keeps: in its database inside a task, in `AIRFLOW_CONN_<ID>` outside.

    Raises:
        CdpError: there is none of that id.
    """
    from airflow.sdk import Connection as AirflowConnection

    from ingest.arrivals import Connection

    try:
        known = AirflowConnection.get(connection_id)
    except Exception as error:
        raise CdpError(
            f"connection '{connection_id}' is not known to Airflow ({type(error).__name__}); add it, or set AIRFLOW_CONN_{connection_id.upper()}"
        ) from None
    return Connection(known.host or "", known.port, known.login or "", known.password or "", known.extra_dejson)


# ---------------------------------------------------------------- quarantine


@click.group()
def quarantine() -> None:
    """Work with the rows that were refused: look, release, discard."""


@quarantine.command("list")
def quarantine_list() -> None:
    """Count refused rows by table, file and reason."""
    from quality.contract import load_contracts
    from quality.quarantine import history, reasons

    contracts = load_contracts().values()
    found = reasons(contracts)
    table = Table("table", "reason", "rows", "file", title=f"{sum(r.rows for r in found):,} reasons of refused rows")
    for row in found:
        table.add_row(row.table, row.reason, f"{row.rows:,}", row.file)
    out.print(table)
    if decided := history(contracts):
        made = Table("table", "decision", "rows", "who", "why", "when", title="Decisions")
        for said in decided:
            made.add_row(*(str(said[k]) for k in ("table", "action", "rows", "author", "why", "at")))
        out.print(made)


@quarantine.command("show")
@click.argument("table")
@click.option("--reason", default="", help="Only rows whose reason holds this text.")
@click.option("--limit", default=20, show_default=True)
@click.option("--reveal", is_flag=True, help="Show personal cells as they are; recorded in the audit log.")
@click.option("--author", default="", help="Who looks; needed to reveal.")
@click.option("--why", default="", help="Why; needed to reveal.")
def quarantine_show(table: str, reason: str, limit: int, reveal: bool, author: str, why: str) -> None:
    """Show refused rows of TABLE with their reasons; personal cells are masked."""
    from quality.quarantine import masked, refused_rows

    contract = _contract(table)
    rows = refused_rows(contract, reason)
    if reveal:
        from privacy import audit

        audit.record(author, "reveal quarantine", table, why, rows=min(rows.height, limit))
    shown = (rows if reveal else masked(rows, contract)).head(limit)
    listed = Table("row", "reason", "cells", title=f"{rows.height:,} refused rows of {table}")
    for row in shown.iter_rows(named=True):
        cells = ", ".join(f"{k}={v}" for k, v in row.items() if not k.startswith("_") and v is not None)
        listed.add_row(row["_row"], row["_reason"], cells or (row["_raw"] or ""))
    out.print(listed, highlight=False)


def _decide(
    action: str, table: str, lines: tuple[str, ...], reason: str, author: str, why: str, mended: dict[str, str]
) -> None:
    from ingest.land import judge_again
    from quality.quarantine import decide, refused_rows

    if not lines and not reason:
        raise CdpError("say which rows: --row FILE:LINE, or --reason with a part of the reason")
    contract = _contract(table)
    rows: pl.DataFrame = refused_rows(contract, reason, lines)
    touched = decide(contract, rows, action, author, why, mended)
    loads = judge_again(contract, touched)
    done = "released" if action == "release" else "discarded"
    accepted, refused, dropped = (sum(getattr(ld, k) for ld in loads) for k in ("accepted", "quarantined", "dropped"))
    out.print(
        f"{rows.height:,} rows {done}; {len(loads)} files judged again: {accepted:,} rows accepted, "
        f"{refused:,} still in quarantine, {dropped:,} dropped"
    )


@quarantine.command("release")
@click.argument("table")
@click.option("--row", "lines", multiple=True, help="FILE:LINE as `show` names it; may be given often.")
@click.option("--reason", default="", help="All rows whose reason holds this text.")
@click.option(
    "--set", "mended", multiple=True, metavar="COLUMN=VALUE", help="Put a value into a cell before it is judged again."
)
@click.option("--author", required=True, help="Who decides.")
@click.option("--why", required=True, help="Why; kept with the decision.")
def quarantine_release(
    table: str, lines: tuple[str, ...], reason: str, mended: tuple[str, ...], author: str, why: str
) -> None:
    """Let refused rows through the gate again, as they are or with mended cells."""
    pairs = [text.partition("=") for text in mended]
    if wrong := [text for (column, mark, _), text in zip(pairs, mended, strict=True) if not mark or not column]:
        raise CdpError(f"--set wants COLUMN=VALUE, found {len(wrong)} without")
    _decide("release", table, lines, reason, author, why, {column: value for column, _, value in pairs})


@quarantine.command("discard")
@click.argument("table")
@click.option("--row", "lines", multiple=True, help="FILE:LINE as `show` names it; may be given often.")
@click.option("--reason", default="", help="All rows whose reason holds this text.")
@click.option("--author", required=True, help="Who decides.")
@click.option("--why", required=True, help="Why; kept with the decision.")
def quarantine_discard(table: str, lines: tuple[str, ...], reason: str, author: str, why: str) -> None:
    """Give refused rows up: they count as dropped from now on; their bytes stay in the lake."""
    _decide("discard", table, lines, reason, author, why, {})


# ---------------------------------------------------------------- drift


@click.command("drift")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Only events from that day on.")
@click.option("--tell", is_flag=True, help="Also tell those nobody was told of: log, webhook, e-mail.")
def drift(since: datetime | None, tell: bool) -> None:
    """Say what changed about the sources: columns, types, late, repeated, odd or refused files."""
    from quality.contract import load_contracts
    from quality.drift import drift_events
    from warehouse.settings import now

    events = [
        e for e in drift_events(load_contracts().values(), now()) if since is None or e.seen_at >= f"{since:%Y-%m-%d}"
    ]
    table = Table("seen", "table", "what", "column", "file", "detail", title=f"{len(events):,} events")
    colours = {"critical": "red", "warning": "yellow", "info": "dim"}
    for e in events:
        kind = f"[{colours[e.severity]}]{e.kind.replace('_', ' ')}[/]"
        table.add_row(
            e.seen_at[:16], f"{e.source}_{e.table}", kind, e.column, e.file, f"{e.detail} {e.suggestion}".strip()
        )
    out.print(table)
    if tell:
        out.print(f"{tell_of_drift()} events told")


def tell_of_drift() -> int:
    """Tell people of the warnings and worse that nobody was told of; return how many."""
    from quality.contract import load_contracts
    from quality.drift import drift_events
    from warehouse.alerts import tell
    from warehouse.settings import now

    events = [e for e in drift_events(load_contracts().values(), now()) if e.severity != "info"]
    return tell("sources changed", [(e.event_id, e.sentence()) for e in events])
