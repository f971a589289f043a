"""`cdp audience`: what audiences are declared, whether they are right, who is in and why, and how they have moved."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.table import Table

from warehouse.errors import CdpError

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)


@click.group("audience")
def audience() -> None:
    """Look at and check audiences."""


@audience.command("list")
def list_audiences() -> None:
    """List all audiences with size, schedule and destinations."""
    from activation.audience import load_audiences
    from warehouse.duck import connect, has_table

    con = connect()
    try:
        sizes = (
            dict(
                con.execute(
                    "SELECT audience, count(*) FROM activation.audience_members WHERE left_out IS NULL GROUP BY 1"
                ).fetchall()
            )
            if has_table(con, "activation", "audience_members")
            else {}
        )
    finally:
        con.close()
    table = Table("audience", "id", "kind", "members", "schedule", "holdout", "destinations")
    for a in load_audiences().values():
        places = ", ".join(sorted({t.platform for t in a.destinations}))
        table.add_row(a.name, a.id, a.kind, f"{sizes.get(a.name, 0):,}", a.schedule, f"{a.holdout_pct:g} %", places)
    out.print(table)


@audience.command("check")
def check() -> None:
    """Check all audiences against the published columns, and their examples against their rules."""
    from activation.audience import attach_published, check_audience, load_audiences
    from warehouse.duck import connect

    audiences = load_audiences()
    con = connect()
    try:
        attach_published(con)
        held = sum(check_audience(con, a) for a in audiences.values())
        con.execute("DETACH cdp")
    finally:
        con.close()
    out.print(f"{len(audiences)} audiences are right; {held} examples are on the side that they should be")


@audience.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, as_json: bool) -> None:
    """Say who is in an audience, in words, from those its definition finds to those that can be reached."""
    from activation.audience import load_audiences
    from activation.look import look_at

    audiences = load_audiences()
    if name not in audiences:
        raise CdpError(f"no audience is called '{name}'; known: {', '.join(sorted(audiences))}")
    found = look_at(audiences[name])
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False, default=str))
        return
    out.print(f"[bold]{name}[/]  {found['description']}\n{found['words_en']}\n{found['words_es']}", highlight=False)
    table = Table("", "customers")
    for label, customers in found["waterfall"]:
        table.add_row(label, f"{customers:,}")
    out.print(table)
    for title, listed, columns in (
        ("reach by channel", found["reach"], ("channel", "reason", "customers")),
        ("size", found["sizes"], ("happened_at", "entered", "departed", "members")),
        ("also in", found["overlap"], ("other_audience", "customers")),
    ):
        table = Table(*columns, title=title)
        for row in listed:
            table.add_row(*(f"{row[c]:,}" if isinstance(row[c], int) else str(row[c]) for c in columns))
        if listed:
            out.print(table)
