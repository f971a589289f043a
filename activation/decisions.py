"""The decision feed: what the site, the app and assistants show to each customer and to visitors who are not known.

In: `activation/decisions.yml`, `activation.audience_members`, customers, visits and consents of the published file. Out: `activation.decisions`, one
row per customer or visitor and placement with the content and why; files below `outbox/decision_feed`, one JSON object a line, with a manifest.
What stays true: who did not consent is not in it, and the site shows what is declared for all others; the same state gives the same bytes.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, model_validator

from activation.audience import TODAY, attach_published, columns_of, load_audiences
from activation.readback import refusal_sql, register_readback
from activation.rules import Rule
from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.duck import count, has_table, quoted
from warehouse.errors import CdpError, DeclarationError, edge
from warehouse.settings import settings
from warehouse.steps import StepResult, step

#: What is known of a visitor who is nobody's customer yet: of the last 30 days, and of the last visit.
VISITORS = """
    SELECT anonymous_id, as_of.as_of_date, count(*) AS visits_30d, sum(page_views)::BIGINT AS page_views_30d,
        sum(product_views)::BIGINT AS product_views_30d, sum(cart_adds)::BIGINT AS cart_adds_30d, max(started_at) AS last_visit_at,
        max_by(utm_source, (started_at, session_id)) AS utm_source, max_by(utm_medium, (started_at, session_id)) AS utm_medium,
        max_by(utm_campaign, (started_at, session_id)) AS utm_campaign
    FROM cdp.marts.web_sessions, (SELECT max(as_of_date) AS as_of_date FROM cdp.marts.customers) AS as_of
    WHERE customer_id IS NULL AND as_of.as_of_date - started_at::DATE BETWEEN 0 AND 30
    GROUP BY ALL
"""
#: What else a site is told of a customer.
FURTHER = ("lifecycle", "value_tier", "recommended_product_ids", "next_best_action", "preferred_language")


class Consent(Declared):
    """What somebody must have agreed to, to be shown something of their own."""

    purpose: Literal["marketing", "advertising"]
    channel: Literal["email", "sms", "phone", "ads"]


class Content(Declared):
    """One thing to show, by reference, and to whom: members of an audience, customers or visitors for whom a rule holds."""

    content: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    audience: str | None = None
    rule: Rule | None = None
    visitors: Rule | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Content:
        if self.audience is None and self.rule is None and self.visitors is None:
            raise ValueError(f"content '{self.content}' is for nobody: say audience, rule or visitors")
        return self


class Placement(Declared):
    """A place where something is shown."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    description_es: str
    otherwise: str
    contents: tuple[Content, ...] = Field(min_length=1)


class Decisions(Declared):
    """`activation/decisions.yml`."""

    consent: Consent
    placements: tuple[Placement, ...] = Field(min_length=1)


def load_decisions(path: Path | None = None) -> Decisions:
    """Read the declaration.

    Raises:
        DeclarationError: it is wrong, or names an audience that is not there.
    """
    place = path or settings().decisions_file
    found = load(place, Decisions)
    audiences = load_audiences()
    for placement in found.placements:
        for one in placement.contents:
            if one.audience and one.audience not in audiences:
                near = difflib.get_close_matches(one.audience, list(audiences), n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DeclarationError(
                    f"{place.name}: {placement.name} shows '{one.content}' to audience '{one.audience}', which is not declared{hint}"
                )
    return found


def feed_folder() -> Path:
    """Return where the files stand."""
    return settings().outbox / "decision_feed"


def decide(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `activation.decisions` and the files of the feed; audiences must be assembled before.

    Raises:
        DeclarationError: a rule names a column that is not there.
    """
    with step("decide") as result, edge("activation"):
        attach_published(con)
        register_readback(con)
        if not has_table(con, "activation", "audience_members"):
            raise CdpError("no audiences were assembled yet; run `cdp audiences`")
        declared = load_decisions()
        has_visits = bool(columns_of(con, "marts", "web_sessions"))
        con.execute(
            "CREATE OR REPLACE TABLE activation.decisions (kind VARCHAR, id VARCHAR, placement VARCHAR, content VARCHAR, reason VARCHAR)"
        )
        columns = columns_of(con, "marts", "customers")
        if has_visits:
            con.execute(f"CREATE OR REPLACE TEMP TABLE visitors AS {VISITORS}")
        of_visitors = dict(
            con.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'visitors'").fetchall()
        )
        asked = f"{refusal_sql('c.customer_id', declared.consent.purpose, declared.consent.channel)} IS NULL"
        for placement in declared.placements:
            values: list[Any] = []
            picked = _pick(placement, columns, values, customers=True)
            con.execute(
                f"INSERT INTO activation.decisions SELECT 'customer', customer_id, '{placement.name}', {picked} "
                f"FROM cdp.marts.customers AS c WHERE {asked}",
                values,
            )
            if has_visits:
                values = []
                picked = _pick(placement, of_visitors, values, customers=False)
                con.execute(
                    f"INSERT INTO activation.decisions SELECT 'visitor', anonymous_id, '{placement.name}', {picked} FROM visitors AS c",
                    values,
                )
        _write_feed(con)
        con.execute("DROP TABLE IF EXISTS visitors")
        con.execute("DETACH cdp")
        result.rows_out = count(con, "activation.decisions")
        result.facts = {
            f"{placement}/{content}": n
            for placement, content, n in con.execute(
                "SELECT placement, content, count(*) FROM activation.decisions GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        }
    return result


def _pick(placement: Placement, columns: dict[str, str], values: list[Any], *, customers: bool) -> str:
    """Return two expressions, content and reason; values are put on the list, once for each of the two."""
    arms: list[tuple[str, str, str, list[Any]]] = []
    for one in placement.contents:
        own: list[Any] = []
        if customers and one.audience:
            inside = f"SELECT customer_id FROM activation.audience_members WHERE audience = '{one.audience}' AND left_out IS NULL"
            arms.append((f"c.customer_id IN ({inside})", one.content, f"in audience {one.audience}", []))
        rule = one.rule if customers else one.visitors
        if rule is not None:
            arms.append(
                (
                    f"coalesce({rule.sql(columns, TODAY if customers else 'as_of_date', own)}, false)",
                    one.content,
                    rule.words("en"),
                    own,
                )
            )
    parts = []
    for said, otherwise in ((1, placement.otherwise), (2, "nothing else fits")):
        whens = []
        for condition, content, reason, own in arms:
            whens.append(f"WHEN {condition} THEN '{quoted(content if said == 1 else reason)}'")
            values += own
        parts.append(f"CASE {' '.join(whens)} ELSE '{otherwise}' END" if whens else f"'{otherwise}'")
    return ", ".join(parts)


def _write_feed(con: duckdb.DuckDBPyConnection) -> None:
    """Write one JSON object a line: for customers with segments and recommendations, for visitors with contents alone."""
    columns = columns_of(con, "marts", "customers")
    further = [c for c in FURTHER if c in columns]
    listed = "".join(f", '{c}', c.{c}" for c in further)
    shown = (
        "SELECT id, to_json(map_from_entries(list((placement, content) ORDER BY placement))) AS decisions FROM activation.decisions "
        "WHERE kind = '{kind}' GROUP BY 1"
    )
    queries = {
        "customers": f"""
            SELECT json_object('customer_id', d.id, 'decisions', d.decisions, 'audiences', coalesce(a.audiences, []){listed})::VARCHAR
            FROM ({shown.format(kind="customer")}) AS d JOIN cdp.marts.customers AS c ON c.customer_id = d.id
            LEFT JOIN (
                SELECT customer_id, list(audience ORDER BY audience) AS audiences FROM activation.audience_members
                WHERE left_out IS NULL AND NOT contains(audience, '__') GROUP BY 1
            ) AS a ON a.customer_id = d.id ORDER BY d.id
        """,
        "visitors": f"""
            SELECT json_object('anonymous_id', id, 'decisions', decisions)::VARCHAR FROM ({shown.format(kind="visitor")}) ORDER BY id
        """,
    }
    manifest = {}
    for kind, query in queries.items():
        path = feed_folder() / f"{kind}.ndjson"
        reader = con.execute(query)
        lines = 0
        with files.written_beside(path) as beside, beside.open("wb") as handle:
            while rows := reader.fetchmany(50_000):
                handle.write("".join(f"{row[0]}\n" for row in rows).encode())
                lines += len(rows)
        manifest[path.name] = {"rows": lines, "sha256": files.sha256_of(path)}
    files.write_json(feed_folder() / "manifest.json", {"files": manifest})
