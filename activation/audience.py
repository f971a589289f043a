"""Audiences: who is in, by declaration.

In: `activation/audiences/*.yml`, the published file (segments, customers). Out: `activation.audience_members`, one row per
audience and customer that its segment names, with why the customer is left out, if so, and `activation.audience_counts`.
"""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import Field

from activation.holdout import holdout_sql
from warehouse.declarations import Declared, load_folder
from warehouse.duck import count, name, quoted
from warehouse.errors import CdpError, DeclarationError, edge
from warehouse.faults import fault
from warehouse.publish import manifest, versions_folder
from warehouse.settings import settings
from warehouse.steps import StepResult, step


class Who(Declared):
    """Who is in: the customers of a dbt segment."""

    segment: str


class Target(Declared):
    """One destination of an audience: platform, list, and the consent that it needs."""

    platform: Literal["google_customer_match", "meta_custom_audience", "mailchimp"]
    list: str
    purpose: Literal["marketing", "advertising"]
    channel: Literal["email", "sms", "phone", "ads"]


class Audience(Declared):
    """`activation/audiences/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    id: str = Field(pattern=r"^AU-[A-Z]+$")
    kind: Literal["audience", "suppression"] = "audience"
    description: str
    description_es: str
    owner: str
    who: Who
    suppress: tuple[str, ...] = ()
    holdout_pct: float = Field(default=0, ge=0, le=50)
    min_size: int = Field(default=0, ge=0)
    max_size: int = Field(default=10_000_000, ge=1)
    approve_over: int = Field(default=1_000_000, ge=1, description="changes beyond which a person must approve")
    max_remove_pct: float = Field(default=50, gt=0, le=100, description="share of the list that may leave unasked")
    expires_on: date | None = None
    destinations: tuple[Target, ...] = ()


def load_audiences(folders: tuple[Path, ...] | None = None) -> dict[str, Audience]:
    """Read all audience declarations by name.

    Raises:
        DeclarationError: a declaration is wrong, or suppresses by an audience that is not there.
    """
    found: dict[str, Audience] = {}
    for path, audience in load_folder(folders or settings().audience_dirs, Audience):
        if path.stem != audience.name:
            raise DeclarationError(f"{path.name}, line 1: declares {audience.name}; name the file {audience.name}.yml")
        found[audience.name] = audience
    for audience in found.values():
        for other in audience.suppress:
            if other not in found:
                near = difflib.get_close_matches(other, list(found), n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DeclarationError(
                    f"{audience.name}.yml: suppresses '{other}', which no declaration names{hint} Known: {', '.join(sorted(found))}"
                )
    return found


def attach_published(con: duckdb.DuckDBPyConnection) -> None:
    """Attach the published file as `cdp`, read-only.

    Raises:
        CdpError: nothing is published yet.
    """
    version = manifest().get("version")
    path = versions_folder() / f"cdp-{version}.duckdb"
    if version is None or not path.exists():
        raise CdpError("nothing is published yet; run `cdp publish` first")
    if count(con, "duckdb_databases() WHERE database_name = 'cdp'"):
        con.execute("DETACH cdp")
    con.execute(f"ATTACH '{quoted(str(path))}' AS cdp (READ_ONLY)")


def assemble_audiences(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `activation.audience_members` and `activation.audience_counts`.

    `left_out` is null for members; else the one reason: suppressed by which audience, or held out.

    Raises:
        DeclarationError: an audience names a segment that was not published; names the nearest.
        CdpError: an audience is smaller or larger than it declares.
    """
    with step("audiences") as result, edge("activation"):
        audiences = load_audiences()
        attach_published(con)
        segments = [
            row[0]
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'cdp' AND schema_name = 'segments'"
            ).fetchall()
        ]
        for audience in audiences.values():
            if audience.who.segment not in segments:
                near = difflib.get_close_matches(audience.who.segment, segments, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DeclarationError(f"{audience.name}.yml: segment '{audience.who.segment}' is not published{hint}")
        queries = [_members_sql(audience, audiences) for audience in audiences.values()]
        fault("audiences.before_write")
        con.execute("BEGIN")
        con.execute(
            f"CREATE OR REPLACE TABLE activation.audience_members AS {' UNION ALL '.join(queries)} ORDER BY audience, customer_id"
        )
        con.execute(
            """
            CREATE OR REPLACE TABLE activation.audience_counts AS
            SELECT audience, coalesce(left_out, 'member') AS state, count(*) AS customers
            FROM activation.audience_members GROUP BY ALL ORDER BY ALL
            """
        )
        con.execute("COMMIT")
        con.execute("DETACH cdp")
        result.rows_in = count(con, "activation.audience_members")
        result.rows_out = count(con, "activation.audience_members WHERE left_out IS NULL")
        result.facts = {
            "audiences": {
                a: count(con, f"activation.audience_members WHERE audience = '{a}' AND left_out IS NULL")
                for a in audiences
            }
        }
    return result


def _members_sql(audience: Audience, audiences: dict[str, Audience]) -> str:
    reasons = [
        f"WHEN s.customer_id IN (SELECT customer_id FROM cdp.segments.{name(audiences[other].who.segment)}) "
        f"THEN 'suppressed by {other}'"
        for other in audience.suppress
    ]
    if audience.holdout_pct:
        reasons.append(f"WHEN {holdout_sql('s.customer_id', audience.name, audience.holdout_pct)} THEN 'holdout'")
    if audience.expires_on:
        reasons.insert(0, f"WHEN s.as_of_date > DATE '{audience.expires_on.isoformat()}' THEN 'audience expired'")
    why = f"CASE {' '.join(reasons)} END" if reasons else "NULL::VARCHAR"
    return (
        f"SELECT '{audience.name}' AS audience, s.customer_id, {why} AS left_out "
        f"FROM cdp.segments.{name(audience.who.segment)} AS s"
    )
