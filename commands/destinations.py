"""`cdp destination`, `cdp campaign`, `cdp conversions`, `cdp read-back`: where audiences go, and what comes back."""

from __future__ import annotations

import difflib
import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from warehouse.errors import CdpError

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)


@click.group("destination")
def destination() -> None:
    """Look at destinations and try them out."""


@destination.command("list")
def list_destinations() -> None:
    """List all destinations: what they are, what a customer must have, and their published limits."""
    from activation.client import limits_of
    from activation.destinations import DESTINATIONS, ApiDestination, PlaceDestination

    table = Table("platform", "kind", "needs", "batch", "calls a minute", "smallest list", "columns")
    for name, one in DESTINATIONS.items():
        if isinstance(one, ApiDestination):
            limits = limits_of(name)
            table.add_row(
                name,
                "called",
                one.needs,
                f"{limits.batch:,}",
                f"{limits.calls_a_minute:,}",
                f"{one.min_list_size:,}",
                "",
            )
        elif isinstance(one, PlaceDestination):
            table.add_row(name, "takes files of any format", "", "", "", "", "")
        else:
            table.add_row(name, "file", one.needs, "", "", f"{one.min_list_size:,}", ", ".join(one.cells))
    out.print(table)


@destination.command("check")
@click.argument("platform")
@click.option("--connection", "connection_id", help="Airflow connection, or AIRFLOW_CONN_<ID> of the environment.")
@click.option("--base-url", help="Where to call instead of the platform: a test server.")
@click.option(
    "--list", "place", default="clientela-check", show_default=True, help="List, folder, field or subject to use."
)
@click.option("--conversions", "conversions_place", help="Conversion action or data set; without it none is told of.")
@click.option("--extra", default="{}", help="JSON of what the connection's extra holds; adds to the connection's own.")
def check(
    platform: str,
    connection_id: str | None,
    base_url: str | None,
    place: str,
    conversions_place: str | None,
    extra: str,
) -> None:
    """Make every call of a destination once with two people who do not exist, and say what came of each.

    They are added, changed and removed again. Fails when a call does not work.
    """
    from activation.connections import Connection
    from activation.destinations import DESTINATIONS
    from activation.probe import probe
    from commands.pipeline import destination_connection

    if platform not in DESTINATIONS:
        near = difflib.get_close_matches(platform, list(DESTINATIONS), n=1)
        raise CdpError(f"no destination is called '{platform}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    known = destination_connection(connection_id) if connection_id else Connection("", "", "clientela-check", {})
    try:
        further: dict[str, Any] = json.loads(extra)
    except json.JSONDecodeError as error:
        raise CdpError(f"--extra is not JSON: {error}") from None
    account = Connection(base_url or known.base_url, known.login, known.secret, {**known.extra, **further})
    table = Table("call", "works", "what came of it", title=platform)
    failed = 0
    for tried in probe(platform, account, place, conversions_place):
        table.add_row(tried.call, "yes" if tried.is_ok else "[red]no[/]", tried.said)
        failed += not tried.is_ok
    out.print(table)
    if failed:
        raise CdpError(f"{failed} calls of {platform} do not work")


@click.group("campaign")
def campaign() -> None:
    """Look at campaigns."""


@campaign.command("list")
def list_campaigns() -> None:
    """List all campaigns with period, audiences, variants, and how many are treated and held out."""
    from activation.audience import load_audiences
    from activation.campaign import CONTROL, load_campaigns
    from warehouse.duck import connect, has_table

    con = connect()
    try:
        drawn = (
            {
                (c, v): n
                for c, v, n in con.execute(
                    "SELECT campaign, variant, count(*) FROM activation.assignments GROUP BY ALL"
                ).fetchall()
            }
            if has_table(con, "activation", "assignments")
            else {}
        )
    finally:
        con.close()
    table = Table("campaign", "from", "until", "audiences", "goal", "budget", "in each variant", "held out")
    for one in load_campaigns(tuple(load_audiences())).values():
        arms = ", ".join(f"{v.name} {drawn.get((one.name, v.name), 0):,}" for v in one.variants)
        goal = f"{one.goal.measure} {one.goal.target:,.0f} in {one.goal.within_days} days"
        table.add_row(
            one.name, f"{one.starts_on}", f"{one.ends_on}", ", ".join(one.audiences), goal, f"{one.budget_usd:,.0f} USD", arms,
            f"{drawn.get((one.name, CONTROL), 0):,}",
        )  # fmt: skip
    out.print(table)


COMMANDS = (destination, campaign)
