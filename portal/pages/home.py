"""Home: how fresh everything is, what needs a look, figures against their targets, and who may be written to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from portal.reading import Snapshot
from portal.tables import Column, Table
from portal.visit import Pages, Visit, visit_of
from warehouse.errors import CdpError
from warehouse.publish import AUDIENCES, CUSTOMERS, kept_versions, manifest
from warehouse.settings import now
from warehouse.steps import Run, last_runs

pages = Pages()
STEPS_SHOWN = 16
#: A step that began longer ago than this and has not ended was killed, or hangs.
AT_WORK = timedelta(hours=1)


@pages.page("/", "look")
def home(request: Request) -> Response:
    """Show the first page."""
    visit, runs = visit_of(request), last_runs()
    try:
        published = visit.published
    except CdpError:
        return visit.page(
            "home.html", head={}, alerts=[], figures=[], segments=None, consent=None, deliveries=[], fresh={}, versions=[],
            steps=_steps(runs),
        )  # fmt: skip
    return visit.page(
        "home.html", head=_head(published), alerts=_alerts(published, visit, runs), figures=_against_targets(published, visit),
        segments=_segments(published, visit), consent=_consent(published, visit), deliveries=_deliveries(published),
        fresh=_fresh(published), versions=_versions(visit), steps=_steps(runs),
    )  # fmt: skip


def _against_targets(published: Snapshot, visit: Visit) -> list[dict[str, Any]]:
    """Return each figure that has a target: its value, or the middle of its groups and how many of them meet it."""
    found = published.once(
        """
        WITH newest AS (
            SELECT * FROM figures.figures WHERE value IS NOT NULL AND (target_min IS NOT NULL OR target_max IS NOT NULL)
            QUALIFY row_number() OVER (PARTITION BY figure, dimension, dimension_value ORDER BY period DESC NULLS LAST) = 1
        )
        SELECT figure, any_value(dimension) AS dimension, median(value) AS value, any_value(unit) AS unit, any_value(target_min) AS target_min,
            any_value(target_max) AS target_max, count(*) AS groups, count(*) FILTER (is_met) AS met, any_value(name_en) AS name_en,
            any_value(name_es) AS name_es, any_value(definition) AS definition
        FROM newest GROUP BY figure ORDER BY min(dimension <> 'all'), figure
        """
    )
    return [
        {
            **f,
            "name": f[f"name_{visit.language}"],
            "target": target_of(f, visit),
            "definition": visit.said(f["definition"]),
        }
        for f in found
    ]


def figures_of(published: Snapshot, visit: Visit, condition: str, values: list[Any]) -> list[dict[str, Any]]:
    """Return figures of the newest period with name, target in words and whether it is met."""
    found = published.once(
        f"""
        SELECT figure, figure_key, dimension, dimension_value, period, value, unit, target_min, target_max, is_met, name_en, name_es, definition
        FROM figures.figures WHERE value IS NOT NULL AND {condition}
        QUALIFY row_number() OVER (PARTITION BY figure, dimension, dimension_value ORDER BY period DESC NULLS LAST) = 1
        ORDER BY figure, dimension, dimension_value
        """,
        values,
    )
    return [
        {
            **f,
            "name": f[f"name_{visit.language}"],
            "target": target_of(f, visit),
            "definition": visit.said(f["definition"]),
        }
        for f in found
    ]


def target_of(figure: dict[str, Any], visit: Visit) -> str:
    """Return a figure's target in words."""
    low, high, unit = figure["target_min"], figure["target_max"], figure["unit"]
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f"{visit.formats.value(low, unit)} – {visit.formats.value(high, unit)}"
    return f"≥ {visit.formats.value(low, unit)}" if low is not None else f"≤ {visit.formats.value(high, unit)}"


def _head(published: Snapshot) -> dict[str, Any]:
    return published.once(
        """
        SELECT count(*) AS customers, max(as_of_date) AS as_of_date, count(*) FILTER (orders_365d > 0) AS active_365d,
            sum(revenue_365d_usd) AS revenue_365d_usd, count(*) FILTER (len(reachable_channels) > 0) AS reachable,
            avg(data_quality_score) AS data_quality_score
        FROM marts.customers
        """
    )[0]


def _segments(published: Snapshot, visit: Visit) -> Table:
    found = published.once(
        "SELECT macro_segment AS name, count(*) AS customers FROM segments.macro_segments GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    said = [{**row, "name": visit.said(row["name"])} for row in found]
    return Table(
        "segments", visit.says("Customers by lifecycle and value"),
        [Column("name", visit.says("Segment")), Column("customers", visit.says("Customers"), "number")], said, chart="bar",
    )  # fmt: skip


def _consent(published: Snapshot, visit: Visit) -> Table:
    found = published.once(
        """
        WITH total AS (SELECT count(*) AS customers FROM marts.customers)
        SELECT purpose, channel, count(DISTINCT customer_id) FILTER (is_granted) AS granted,
            count(DISTINCT customer_id) FILTER (NOT is_granted) AS refused, any_value(total.customers) AS customers
        FROM marts.consents CROSS JOIN total WHERE is_in_force AND customer_id IS NOT NULL GROUP BY ALL ORDER BY ALL
        """
    )
    rows = [
        {
            "name": f"{visit.said(r['purpose'])} · {visit.said(r['channel'])}", "granted": r["granted"], "refused": r["refused"],
            "share": 100 * r["granted"] / r["customers"] if r["customers"] else None,
        }
        for r in found
    ]  # fmt: skip
    return Table(
        "consent", visit.says("Consent by purpose and channel"),
        [
            Column("name", visit.says("Purpose and channel")), Column("granted", visit.says("Granted"), "number"),
            Column("refused", visit.says("Refused or withdrawn"), "number"), Column("share", visit.says("Of all customers"), "pct"),
        ],
        rows, visit.says("The newest statement of each customer counts; nothing said is no."), chart="bar", series=["granted", "refused"],
    )  # fmt: skip


def _fresh(published: Snapshot) -> dict[str, Any]:
    return published.once("SELECT count(*) AS sources, count(*) FILTER (NOT is_fresh) AS late FROM quality.freshness")[
        0
    ]


def _deliveries(published: Snapshot) -> list[dict[str, Any]]:
    if not published.has("audiences.activation.delivery_outcomes"):
        return []
    return published.once(
        """
        SELECT audience, platform, max(delivered_at) AS delivered_at, sum(customers) FILTER (status = 'accepted') AS accepted,
            coalesce(sum(customers) FILTER (status = 'rejected'), 0) AS rejected
        FROM audiences.activation.delivery_outcomes GROUP BY audience, platform, plan_hash ORDER BY delivered_at DESC, audience, platform LIMIT 6
        """
    )


def _steps(runs: list[Run]) -> list[Run]:
    """Return the newest run of each step: those that failed or never ended first, then the newest of the others."""
    wrong = [run for run in runs if run.outcome != "ok"]
    # Tables that were landed are counted by the step that lands them all.
    return (
        wrong
        + [run for run in runs if run.outcome == "ok" and not run.step.startswith(("land ", "fetch "))][:STEPS_SHOWN]
    )


def _versions(visit: Visit) -> list[dict[str, Any]]:
    """Return the last runs that published something, newest first."""
    current = {manifest(CUSTOMERS).get("version"), manifest(AUDIENCES).get("version")}
    what = {CUSTOMERS: visit.says("customers, metrics and figures"), AUDIENCES: visit.says("audiences and deliveries")}
    return [
        {"what": what.get(file, file), "version": version, "at": at, "is_current": version in current}
        for file, version, at in kept_versions()[:8]
    ]


def _alerts(published: Snapshot, visit: Visit, runs: list[Run]) -> list[dict[str, str]]:
    """Return what needs a look: each a sentence and where to look."""
    counted = published.once(
        """
        SELECT (SELECT count(*) FROM quality.freshness WHERE NOT is_fresh) AS late, (SELECT count(*) FROM quality.refused_files) AS refused_files,
            (SELECT coalesce(sum(quarantined), 0)::BIGINT FROM quality.loads) AS quarantined,
            (SELECT count(*) FROM quality.drift_events WHERE severity = 'error') AS broken,
            (SELECT count(*) FROM quality.checks WHERE NOT is_success) AS failed_checks,
            (SELECT count(*) FROM scores.score_drift WHERE is_drifted) AS drifted
        """
        if published.has("quality.checks") and published.has("scores.score_drift")
        else """
        SELECT (SELECT count(*) FROM quality.freshness WHERE NOT is_fresh) AS late, (SELECT count(*) FROM quality.refused_files) AS refused_files,
            (SELECT coalesce(sum(quarantined), 0)::BIGINT FROM quality.loads) AS quarantined,
            (SELECT count(*) FROM quality.drift_events WHERE severity = 'error') AS broken, 0 AS failed_checks, 0 AS drifted
        """
    )[0]
    sentences = {
        "late": visit.says("Late sources: %(n)s"), "refused_files": visit.says("Files set aside whole: %(n)s"),
        "quarantined": visit.says("Rows that wait in quarantine: %(n)s"), "broken": visit.says("Changes of sources that break something: %(n)s"),
        "failed_checks": visit.says("Failed checks: %(n)s"), "drifted": visit.says("Scores that meet other people than they were trained on: %(n)s"),
    }  # fmt: skip
    found = [
        {
            "text": sentence % {"n": visit.formats.number(counted[key])},
            "link": "/results?part=scores" if key == "drifted" else "/health",
        }
        for key, sentence in sentences.items()
        if counted[key]
    ]
    # What began lately and has not ended is at work.
    long_ago = now() - AT_WORK
    wrong = sum(r.outcome == "failed" or (r.outcome == "unfinished" and r.began_at < long_ago) for r in runs)
    if wrong:
        text = visit.says("Steps that failed or never ended: %(n)s") % {"n": visit.formats.number(wrong)}
        found.insert(0, {"text": text, "link": "/#steps"})
    if visit.may("review"):
        waiting = (
            published.once("SELECT count(*) AS n FROM identity.review_queue")[0]["n"]
            if published.has("identity.review_queue")
            else 0
        )
        if waiting:
            text = visit.says("Pairs of records that wait for a steward: %(n)s") % {"n": visit.formats.number(waiting)}
            found.append({"text": text, "link": "/review"})
    return found
