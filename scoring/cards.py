"""Model cards for people: what each score learnt from, how it did on later days beside its plain baseline, and whether it still fits.

In: `scores.model_cards`, `scores.score_drift` and the kept models. Out: `state/model_cards/<score>.md` with a chart beside it, and alerts
about drift, once each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from scoring.chances import kind_of
from scoring.registry import Artefact, champion, versions
from warehouse import files
from warehouse.alerts import tell
from warehouse.duck import rows
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.settings import settings
from warehouse.steps import StepResult, step

MEASURES = {
    "auc": "AUC (0.5 is chance, 1 is perfect)", "brier": "Brier score (mean squared error of the chance)", "lift_10pct": "lift of the top tenth",
    "base_rate": "share of events", "spearman": "rank correlation (Spearman)", "total_of_actual": "total foretold of what came",
    "revenue_in_top_10pct": "revenue in the top tenth", "hits_at_10": "hits of ten offers", "wape": "error over units (WAPE)",
}  # fmt: skip
KINDS = {
    "logistic": "logistic regression", "boosted": "boosted trees, better than logistic regression on examples that neither had seen",
    "mixed": "the mean of logistic regression and boosted trees, better than the first on examples that neither had seen",
}  # fmt: skip
#: What a score does not say, whoever reads it.
LIMITS = (
    "It ranks customers by what they did before; it does not say what an offer would change. That is what control groups are for.",
    "It knows the company's own systems only, and nothing of the day after the one it was computed for.",
)


def cards_folder() -> Path:
    """Return the folder of the cards."""
    return settings().state / "model_cards"


def write_cards(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Write a card per score and tell of drift."""
    with step("score") as result, edge("scoring"):
        cards = rows(con, "SELECT score, is_published, reason FROM scores.model_cards ORDER BY score")
        drifted = rows(
            con,
            "SELECT score, measured, stability_index, as_of_date FROM scores.score_drift WHERE is_drifted ORDER BY score, measured",
        )
        fault("score.before_write")
        for card in cards:
            found = champion(card["score"])
            if found:
                moved = [row for row in drifted if row["score"] == card["score"]]
                _write(found, moved)
        result.rows_in = len(cards)
        result.rows_out = sum(card["is_published"] for card in cards)
        result.facts = {
            "published": [card["score"] for card in cards if card["is_published"]],
            "not_published": {card["score"]: card["reason"] for card in cards if not card["is_published"]},
            "drifted": sorted({row["score"] for row in drifted}),
        }
    tell(
        "scores look at others than they learnt from",
        [
            (
                f"drift:{row['score']}:{row['measured']}:{row['as_of_date']:%Y-%m}",
                f"{row['score']}: {row['measured']} has moved (stability index {row['stability_index']}); train anew with `cdp train-scores`",
            )
            for row in drifted
        ],
    )
    return result


def _write(found: Artefact, drifted: list[dict[str, Any]]) -> None:
    folder = cards_folder()
    folder.mkdir(parents=True, exist_ok=True)
    chart = folder / f"{found['score']}.svg"
    has_chart = _draw(found, chart)
    files.write_bytes(
        folder / f"{found['score']}.md", card_of(found, drifted, chart.name if has_chart else None).encode()
    )


def card_of(found: Artefact, drifted: list[dict[str, Any]], chart: str | None = None) -> str:
    """Return a model's card as Markdown."""
    model, judged = found.get("model") or {}, found.get("quality") or {}
    lines = [
        f"# {found['score']}",
        "",
        "Published." if not found["reason"] else f"Not published: {found['reason']}.",
        "",
        f"- version {found['version']}, trained with what was known on {found['as_of']}",
        f"- learnt from {found.get('rows_trained') or 0:,} rows up to {found.get('trained_on')}, "
        f"judged on {found.get('rows_tested') or 0:,} later ones from {found.get('tested_on')}",
    ]
    if found.get("horizon_days"):
        lines.append(f"- horizon {found['horizon_days']} days")
    if found.get("plain"):
        lines.append(f"- has to beat: {found['plain']}")
    if found.get("logistic"):
        lines.append(f"- kind: {KINDS[kind_of(model)]}")
    if judged:
        rivals = ["baseline", *(kind for kind in ("logistic", "boosting") if found.get(kind))]
        lines += ["", f"| | model | {' | '.join(rivals)} |", "|---|---|" + "---|" * len(rivals)]
        for measure, value in judged.items():
            others = [(found.get(kind) or {}).get(measure) for kind in rivals]
            told = " | ".join("" if o is None else f"{o:.4g}" for o in others)
            lines.append(f"| {MEASURES.get(measure, measure)} | {value:.4g} | {told} |")
    if found.get("calibration_error") is not None:
        lines += [
            "",
            f"Chances are {found['calibration_error']:.3f} away from shares on average (expected calibration error).",
        ]
    if chart:
        lines += ["", f"![chances and shares]({chart})"]
    if found.get("weights"):
        lines += ["", "| column | weight |", "|---|---|"]
        strongest = sorted(found["weights"].items(), key=lambda told: (-abs(told[1]), told[0]))
        lines += [f"| {column} | {weight:+.3f} |" for column, weight in strongest]
        lines += [
            "",
            "Weights: how far a column moves the logarithm of the odds on average; below zero where more of it makes the event less likely.",
        ]
    if drifted:
        lines += [
            "",
            "Moved since it was judged: "
            + ", ".join(f"{d['measured']} ({d['stability_index']})" for d in drifted)
            + ".",
        ]
    earlier = [v for v in versions(found["score"]) if v["version"] != found["version"]]
    if earlier:
        lines += ["", "Earlier versions: " + ", ".join(f"{v['version']} ({v['as_of']})" for v in earlier) + "."]
    return "\n".join([*lines, "", "What it does not say:", "", *(f"- {limit}" for limit in LIMITS)]) + "\n"


def _draw(found: Artefact, target: Path) -> bool:
    """Draw chances against shares of later rows; False where there are none."""
    if not found.get("reliability"):
        return False
    import altair as alt

    data = [{"chance": chance, "share": share, "rows": n} for chance, share, n in found["reliability"]]
    ends = [{"chance": 0, "share": 0}, {"chance": 1, "share": 1}]
    points = (
        alt.Chart(alt.InlineData(data))
        .mark_circle(opacity=0.9)
        .encode(
            x=alt.X("chance:Q", title="chance that was told"),
            y=alt.Y("share:Q", title="share that happened"),
            size=alt.Size("rows:Q", legend=None),
        )
    )
    line = alt.Chart(alt.InlineData(ends)).mark_line(strokeDash=[4, 4], color="#888").encode(x="chance:Q", y="share:Q")
    title = f"{found['score']}: what was told and what happened, tenths of {found['rows_tested']:,} later rows"
    beside = target.with_suffix(".part.svg")
    (line + points).properties(width=420, height=320, title=title).save(str(beside))
    beside.replace(target)
    return True
