"""Audiences: who is in, by declaration.

In: `activation/audiences/*.yml`, the published file (segments, customers). Out: `activation.audience_members`, one row per
audience and customer that its segment or rule names, with why the customer is left out, if so; `activation.audience_counts`,
`audience_reach`, `audience_overlap`; and who entered and left (`activation.membership`).
"""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, model_validator

from activation.assignment import note_assignments, register_assignments
from activation.campaign import CONTROL, Campaign, load_campaigns
from activation.destinations import DESTINATIONS, ApiDestination, Destination, PlaceDestination
from activation.holdout import holdout_sql
from activation.membership import note_membership
from activation.rules import Rule, holds
from warehouse.declarations import Declared, load_folder
from warehouse.duck import count, name, quoted
from warehouse.errors import CdpError, DeclarationError, edge
from warehouse.faults import fault
from warehouse.publish import manifest, versions_folder
from warehouse.settings import settings
from warehouse.steps import StepResult, step


class Who(Declared):
    """Who is in: the customers of a dbt segment, those for whom a rule holds, or those of a segment for whom it holds.

    A rule names columns of the segment first, then of `marts.customers`.
    """

    segment: str | None = None
    rule: Rule | None = None
    #: Set by journeys for the lists of their steps.
    journey: str | None = None
    step: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Who:
        if self.segment is None and self.rule is None and self.journey is None:
            raise ValueError("say who is in: segment, rule, or both")
        return self


class Examples(Declared):
    """People made up of a few columns, the others being null, who must be in and who must not: checked with the declaration."""

    inside: tuple[dict[str, Any], ...] = Field(default=(), alias="in")
    outside: tuple[dict[str, Any], ...] = Field(default=(), alias="out")


class Target(Declared):
    """One destination of an audience: platform, list, and the consent that it needs."""

    platform: str
    list: str = Field(description="what the platform calls the list: its id, or a name where it takes names")
    connection: str | None = Field(default=None, description="Airflow connection of a platform that is called")
    format: str | None = Field(
        default=None, description="for places that take any file (sftp, s3): the platform in whose format it is"
    )
    variant: str | None = Field(default=None, description="of a running campaign, only customers of this variant")
    reconcile_days: int = Field(
        default=30, ge=0, description="days after which a called platform's list is brought in step whole; 0 never"
    )
    purpose: Literal["marketing", "advertising"]
    channel: Literal["email", "sms", "phone", "ads"]
    fields: dict[str, str] = Field(
        default={}, description="further columns of the file: its header, and the column it comes from"
    )

    @model_validator(mode="after")
    def _known(self) -> Target:
        destination = DESTINATIONS.get(self.platform)
        if destination is None:
            raise ValueError(f"platform '{self.platform}' is not known{_nearest(self.platform, list(DESTINATIONS))}")
        if isinstance(destination, ApiDestination | PlaceDestination) and not self.connection:
            raise ValueError(f"platform '{self.platform}' is called, so it needs a connection")
        if isinstance(destination, PlaceDestination):
            formats = [n for n, d in DESTINATIONS.items() if not isinstance(d, ApiDestination | PlaceDestination)]
            if self.format not in formats:
                raise ValueError(
                    f"format '{self.format}' is not that of a file{_nearest(str(self.format), formats)}; allowed: {', '.join(formats)}"
                )
        elif self.format:
            raise ValueError(f"platform '{self.platform}' has its own format")
        if self.fields and not self.row_of.takes_fields:
            raise ValueError(f"platform '{self.row_of.platform}' takes no further fields")
        return self

    @property
    def row_of(self) -> Destination:
        """Return the destination whose cells the rows have."""
        return DESTINATIONS[self.format or self.platform]


def _nearest(said: str, known: list[str]) -> str:
    near = difflib.get_close_matches(said, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


class Audience(Declared):
    """`activation/audiences/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    id: str = Field(pattern=r"^AU-[A-Z]+$")
    kind: Literal["audience", "suppression"] = "audience"
    description: str
    description_es: str
    owner: str
    who: Who
    examples: Examples = Examples()
    schedule: Literal["every_run", "daily", "weekly", "monthly"] = "every_run"
    suppress: tuple[str, ...] = ()
    holdout_pct: float = Field(default=0, ge=0, le=50)
    min_size: int = Field(default=0, ge=0)
    max_size: int = Field(default=10_000_000, ge=1)
    approve_over: int = Field(default=1_000_000, ge=1, description="changes beyond which a person must approve")
    max_remove_pct: float = Field(default=50, gt=0, le=100, description="share of the list that may leave unasked")
    expires_on: date | None = None
    destinations: tuple[Target, ...] = ()

    @model_validator(mode="after")
    def _one_list_a_platform(self) -> Audience:
        platforms = [t.platform for t in self.destinations]
        twice = sorted({p for p in platforms if platforms.count(p) > 1})
        if twice:
            raise ValueError(f"goes to {', '.join(twice)} twice; a second list wants an audience of its own")
        return self


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


#: The day that rules are asked for. A customer's numbers may be of a day before (`as_of_date` of the row), where a build built a part.
TODAY = "(SELECT max(as_of_date) FROM cdp.marts.customers)"


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


def columns_of(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """Return the columns of a published table with their SQL types; nothing where it is not published."""
    return dict(
        con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'cdp' AND schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [schema, table],
        ).fetchall()
    )


def columns_for(con: duckdb.DuckDBPyConnection, audience: Audience) -> dict[str, str]:
    """Return the columns that an audience's rule, examples and fields may name.

    Raises:
        DeclarationError: the audience names a segment that is not published; names the nearest.
    """
    found = columns_of(con, "marts", "customers")
    if audience.who.segment is None:
        return found
    own = columns_of(con, "segments", audience.who.segment)
    if not own:
        segments = [
            row[0]
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'cdp' AND schema_name = 'segments'"
            ).fetchall()
        ]
        near = difflib.get_close_matches(audience.who.segment, segments, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise DeclarationError(f"{audience.name}.yml: segment '{audience.who.segment}' is not published{hint}")
    return {**found, **own}


def check_audience(con: duckdb.DuckDBPyConnection, audience: Audience) -> int:
    """Check an audience against the published columns, and its examples against its rule; return how many examples hold.

    The published file is attached as `cdp`.

    Raises:
        DeclarationError: a segment, column or condition is wrong, or an example is on the wrong side.
    """
    columns = columns_for(con, audience)
    for target in audience.destinations:
        for header, column in target.fields.items():
            if column not in columns:
                near = difflib.get_close_matches(column, list(columns), n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DeclarationError(
                    f"{audience.name}.yml: field '{header}' comes from column '{column}', which is not there{hint}"
                )
    rule = audience.who.rule
    if rule is None:
        if audience.examples.inside or audience.examples.outside:
            raise DeclarationError(
                f"{audience.name}.yml: examples are for rules; a segment is tested by its own unit tests"
            )
        return 0
    try:
        rule.sql(columns, "DATE '2026-06-30'", [])
        for is_in, people in ((True, audience.examples.inside), (False, audience.examples.outside)):
            for n, person in enumerate(people, 1):
                day = str(person.get("as_of_date", "2026-06-30"))
                if holds(con, rule, columns, person, day) != is_in:
                    side = "in" if is_in else "out"
                    raise DeclarationError(
                        f"example {n} of '{side}' is {'out' if is_in else 'in'}: {', '.join(map(str, person))}"
                    )
    except DeclarationError as error:
        raise DeclarationError(f"{audience.name}.yml: {error}") from None
    return len(audience.examples.inside) + len(audience.examples.outside)


def assemble_audiences(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `activation.audience_members`, counts, reach and overlap, and note who entered and left.

    `left_out` is null for members; else the one reason: suppressed by which audience, held out, or in the control group of a campaign.

    Raises:
        DeclarationError: an audience names a segment or column that is not published, or an example is on the wrong side.
    """
    with step("audiences") as result, edge("activation"):
        audiences = load_audiences()
        attach_published(con)
        campaigns = load_campaigns(tuple(audiences))
        examples = sum(check_audience(con, audience) for audience in audiences.values())
        register_assignments(con)
        fault("audiences.before_write")
        con.execute("BEGIN")
        con.execute("CREATE OR REPLACE TEMP TABLE in_audience (audience VARCHAR, customer_id VARCHAR, as_of_date DATE)")
        for audience in audiences.values():
            values: list[Any] = []
            con.execute(f"INSERT INTO in_audience {_inside_sql(con, audience, values)}", values)
        whys = " UNION ALL ".join(
            _why_sql(audience, [c for c in campaigns.values() if audience.name in c.audiences])
            for audience in audiences.values()
        )
        con.execute(f"CREATE OR REPLACE TABLE activation.audience_members AS {whys} ORDER BY audience, customer_id")
        con.execute(
            """
            CREATE OR REPLACE TABLE activation.audience_counts AS
            SELECT audience, coalesce(left_out, 'member') AS state, count(*) AS customers
            FROM activation.audience_members GROUP BY ALL ORDER BY ALL
            """
        )
        _look_at_reach_and_overlap(con)
        con.execute("COMMIT")
        con.execute("DROP TABLE in_audience")
        assigned = note_assignments(con)
        con.execute("DETACH cdp")
        moved = note_membership(con)
        result.rows_in = count(con, "activation.audience_members")
        result.rows_out = count(con, "activation.audience_members WHERE left_out IS NULL")
        sizes = dict(
            con.execute(
                "SELECT audience, count(*) FROM activation.audience_members WHERE left_out IS NULL GROUP BY 1"
            ).fetchall()
        )
        result.facts = {
            "audiences": {a: sizes.get(a, 0) for a in audiences},
            "examples": examples,
            "assigned": assigned,
            **moved,
        }
    return result


def _inside_sql(con: duckdb.DuckDBPyConnection, audience: Audience, values: list[Any]) -> str:
    """Return the query of who is in by segment and rule, before anybody is left out; values are put on the list."""
    who = audience.who
    base = "cdp.marts.customers" if who.segment is None else f"cdp.segments.{name(who.segment)}"
    listing = f"SELECT '{audience.name}', customer_id, {TODAY}"
    if who.rule is None:
        return f"{listing} FROM {base}"
    columns = columns_for(con, audience)
    condition = who.rule.sql(columns, TODAY, values)
    if who.segment is None:
        return f"{listing} FROM {base} WHERE {condition}"
    own = set(columns_of(con, "segments", who.segment))
    further = sorted(who.rule.columns() - own)
    listed = "".join(f", c.{name(column)}" for column in further)
    return (
        f"{listing} FROM (SELECT s.*{listed} FROM {base} AS s "
        f"JOIN cdp.marts.customers AS c USING (customer_id)) WHERE {condition}"
    )


def _why_sql(audience: Audience, campaigns: list[Campaign]) -> str:
    """Return the query of one audience's people with campaign, variant and why they are left out.

    Who was assigned before stays on that side; two customers that have become one stay on the side of the earlier assignment.
    """
    reasons = [
        f"WHEN s.customer_id IN (SELECT customer_id FROM in_audience WHERE audience = '{other}') THEN 'suppressed by {other}'"
        for other in audience.suppress
    ]
    if audience.expires_on:
        reasons.insert(0, f"WHEN s.as_of_date > DATE '{audience.expires_on.isoformat()}' THEN 'audience expired'")
    running = [
        f"WHEN s.as_of_date BETWEEN DATE '{c.starts_on.isoformat()}' AND DATE '{c.ends_on.isoformat()}' THEN"
        for c in campaigns
    ]
    named = " ".join(f"{when} '{c.name}'" for when, c in zip(running, campaigns, strict=True))
    arms = " ".join(f"{when} {c.variant_sql('s.customer_id')}" for when, c in zip(running, campaigns, strict=True))
    campaign = f"CASE {named} END" if campaigns else "NULL"
    drawn = f"CASE {arms} END" if campaigns else "NULL::VARCHAR"
    why = f"CASE {' '.join(reasons)} END" if reasons else "NULL::VARCHAR"
    held = holdout_sql("s.customer_id", audience.name, audience.holdout_pct) if audience.holdout_pct else "false"
    return f"""
        SELECT audience, customer_id,
            coalesce(why, CASE WHEN is_held THEN 'holdout' WHEN variant = '{CONTROL}' THEN 'control group of ' || campaign END) AS left_out,
            campaign, CASE WHEN NOT is_held THEN nullif(variant, '{CONTROL}') END AS variant,
            why IS NULL AND (is_held OR coalesce(variant = '{CONTROL}', false)) AS is_control
        FROM (
            SELECT s.audience, s.customer_id, {why} AS why, s.campaign,
                coalesce(of_campaign.variant, s.drawn) AS variant,
                coalesce(of_audience.variant = '{CONTROL}', {held}) AND {"true" if audience.holdout_pct else "false"} AS is_held
            FROM (SELECT *, {campaign}::VARCHAR AS campaign, {drawn} AS drawn FROM in_audience AS s WHERE audience = '{audience.name}') AS s
            LEFT JOIN activation.assignments AS of_audience
                ON s.audience = of_audience.audience AND of_audience.campaign = '' AND s.customer_id = of_audience.customer_id
            LEFT JOIN activation.assignments AS of_campaign
                ON s.audience = of_campaign.audience AND s.campaign = of_campaign.campaign AND s.customer_id = of_campaign.customer_id
        )
        """


def _look_at_reach_and_overlap(con: duckdb.DuckDBPyConnection) -> None:
    """Replace what is looked at before anything is sent: who can be reached by which channel, and who is in two audiences at once."""
    has_reach = bool(columns_of(con, "metrics", "reachability"))
    reach = (
        "SELECT m.audience, r.channel, r.reason, count(*) AS customers FROM activation.audience_members AS m "
        "JOIN cdp.metrics.reachability AS r USING (customer_id) WHERE m.left_out IS NULL GROUP BY ALL"
        if has_reach
        else "SELECT NULL::VARCHAR AS audience, NULL::VARCHAR AS channel, NULL::VARCHAR AS reason, NULL::BIGINT AS customers WHERE false"
    )
    con.execute(f"CREATE OR REPLACE TABLE activation.audience_reach AS {reach} ORDER BY ALL")
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.audience_overlap AS
        SELECT a.audience, b.audience AS other_audience, count(*) AS customers
        FROM activation.audience_members AS a JOIN activation.audience_members AS b USING (customer_id)
        WHERE a.left_out IS NULL AND b.left_out IS NULL AND a.audience <> b.audience
        GROUP BY ALL ORDER BY ALL
        """
    )
