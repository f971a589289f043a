"""Commands for people who use the page and programs that use the API."""

from __future__ import annotations

import secrets

import click
from rich.console import Console
from rich.table import Table

out = Console(soft_wrap=True)


@click.group()
def user() -> None:
    """Add and change people who use the page."""


@user.command("add")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="engineer, analyst, marketer, steward, privacy or admin; may be given often.",
)
@click.option("--password", default=None, help="One is made and shown once when it is left out.")
@click.option("--company-only", is_flag=True, help="No password: they come by the company's own sign-in.")
def user_add(name: str, roles: tuple[str, ...], password: str | None, company_only: bool) -> None:
    """Add somebody."""
    from privacy.people import add_user

    made = None if company_only else password or secrets.token_urlsafe(12)
    add_user(name, list(roles), made)
    out.print(
        f"{name} may come in as {', '.join(roles)}"
        + (f"; password, shown this once: {made}" if made and not password else ""),
        highlight=False,
    )


@user.command("change")
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="All roles from now on.")
@click.option("--new-password", is_flag=True, help="Make a new password and show it once.")
@click.option("--active/--let-go", "is_active", default=None, help="Whether they may come in.")
def user_change(name: str, roles: tuple[str, ...], new_password: bool, is_active: bool | None) -> None:
    """Change somebody; their sessions end."""
    from privacy.people import change_user

    made = secrets.token_urlsafe(12) if new_password else None
    change_user(name, roles=list(roles) or None, password=made, is_active=is_active)
    out.print(f"{name} is changed" + (f"; password, shown this once: {made}" if made else ""), highlight=False)


@user.command("list")
def user_list() -> None:
    """List people and their roles."""
    from privacy.people import users

    table = Table("name", "roles", "comes by", "")
    for row in users():
        table.add_row(
            row.name,
            row.roles.replace(",", ", "),
            "password" if row.password_hash else "company",
            "" if row.is_active else "let go",
        )
    out.print(table)


@click.group()
def token() -> None:
    """Make and take back tokens of programs that use the API."""


@token.command("add")
@click.argument("name")
@click.option("--role", required=True, help="What the program may do: the same roles as people have.")
@click.option("--days", default=365, show_default=True, help="How long it holds.")
@click.option("--author", required=True, help="Who makes it.")
def token_add(name: str, role: str, days: int, author: str) -> None:
    """Make a token; it is shown this once."""
    from privacy.people import add_token

    out.print(add_token(name, role, author, days), highlight=False)


@token.command("end")
@click.argument("name")
def token_end(name: str) -> None:
    """Take a token back."""
    from privacy.people import end_token

    end_token(name)
    out.print(f"{name} may ask no more")


COMMANDS = (user, token)
