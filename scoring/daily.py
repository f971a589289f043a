"""What dbt's Python models call: the fitted scores of the day, each one table for SQL to dress.

In: the working file inside a run of dbt. Out: Arrow tables. Models are trained here only when there is none that may be used; the weekly
`train_scores` puts better ones in use.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import numpy as np

# Loaded whole before any model is: dbt calls models from several threads, and scikit-learn asks whether its input is one of these libraries'
# frames by looking at what is loaded, half loaded by another thread or not.
import pandas as pd  # noqa: F401
import polars as pl  # noqa: F401
import pyarrow as pa

from scoring import demand, micro_segments, recommend, value
from scoring.chances import kind_of, model_of
from scoring.churn import HORIZONS_DAYS, churn_recipe
from scoring.features import Examples
from scoring.late_payment import LATE_DAYS, late_recipe
from scoring.leads import LEAD
from scoring.recipes import Recipe, challenge, chances_now, train
from scoring.registry import champion, drift_of, in_use, keep, versions
from scoring.responses import HOURS, RESPONSE, at_hour
from scoring.sentiment import judged_once
from warehouse.steps import StepResult, step

#: Recipes of chances, by which the weekly training goes.
RECIPES: tuple[Recipe, ...] = (
    *(churn_recipe(days) for days in HORIZONS_DAYS),
    *(late_recipe(days) for days in LATE_DAYS),
    RESPONSE,
    LEAD,
)
#: Trained whole: name, and how.
OTHERS: dict[str, Callable[[duckdb.DuckDBPyConnection, date], dict[str, Any]]] = {
    value.SCORE: value.train_value,
    micro_segments.SCORE: micro_segments.train_micro_segments,
    recommend.SCORE: recommend.train_recommendations,
    demand.SCORE: demand.train_demand,
}
SCORES = (*(r.score for r in RECIPES), *OTHERS)


def as_of_date(con: duckdb.DuckDBPyConnection) -> date:
    """Return the day that everything is computed for."""
    day: date = con.execute("SELECT max(as_of_date) FROM intermediate.int_as_of").fetchall()[0][0]
    return day


def _all_now(recipes: list[Recipe], con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the scores of recipes that differ in their horizon alone, so that what is known of their subjects today is the same."""
    day = as_of_date(con)
    now = recipes[0].now(con, day)
    return pa.concat_tables([chances_now(recipe, con, day, now) for recipe in recipes])


def churn_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return churn of active customers, a row per customer and horizon."""
    return _all_now([churn_recipe(days) for days in HORIZONS_DAYS], con)


def late_customers_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the chance that a customer's next invoice is paid late, a row per customer and days."""
    looked_up: dict[date, Examples] = {}
    return _all_now([late_recipe(days, looked_up=looked_up) for days in LATE_DAYS], con)


def late_invoices_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the chance that an invoice is paid late as told on the day it was issued, a row per open invoice and days."""
    rows = con.execute("SELECT invoice_id FROM marts.invoices WHERE status IN ('open', 'overdue')").fetchall()
    open_ids = pa.array([row[0] for row in rows], pa.string())
    found = _all_now([late_recipe(days, subject="invoices") for days in LATE_DAYS], con)
    return found.filter(pa.compute.is_in(found["subject_id"], value_set=open_ids))


def leads_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the chance of open leads to convert."""
    return chances_now(LEAD, con, as_of_date(con))


def responses_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the chance of a click in the next e-mail by the three hours in which it is sent, one row per customer.

    Columns: those of all scores, value being that of the best hours, and best_hours.
    """
    day = as_of_date(con)
    now = RESPONSE.now(con, day)
    found = chances_now(RESPONSE, con, day, now)
    artefact = in_use(RESPONSE.score, RESPONSE.code, day, lambda: train(RESPONSE, con, day))
    if not artefact["model"] or artefact["reason"]:
        return found.append_column("best_hours", pa.nulls(found.num_rows, pa.string()))
    model = model_of(artefact["model"])
    known = set(model.levels["hour_local"])
    hours = [h for h in HOURS if h in known] or list(HOURS)
    chances = np.column_stack([model.chances(at_hour(now, hour).columns) for hour in hours])
    best = chances.argmax(axis=1) if len(now) else np.zeros(0, dtype=int)
    found = found.set_column(2, "value", pa.array(chances.max(axis=1).round(6) if len(now) else [], pa.float64()))
    return found.append_column("best_hours", pa.array(np.array(hours, dtype=object)[best], pa.string()))


def value_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return what is expected of customers, one row each."""
    return value.value_now(con, as_of_date(con))


def micro_segments_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the micro segment of customers, one row each."""
    return micro_segments.micro_segments_now(con, as_of_date(con))


def offers_today(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Return the query of what to offer to whom, up to ten rows per customer."""
    return recommend.offers_now(con, as_of_date(con), near="fitted.fitted_neighbours")


def neighbours_today(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Return the query of which products are bought by the same customers, up to twenty rows per product."""
    return con.sql(f"{recommend.neighbours(as_of_date(con))} ORDER BY strength")


def basket_rules_today(
    con: duckdb.DuckDBPyConnection, least_baskets: int = 10, min_confidence: float = 0.1
) -> pa.Table:
    """Return rules of two items and more over the orders of the last year, one row per rule."""
    baskets = con.execute(
        "SELECT DISTINCT order_id AS basket_id, product_id AS item FROM marts.order_lines, intermediate.int_as_of "
        "WHERE product_id IS NOT NULL AND quantity > 0 AND order_date > as_of_date - 365 AND order_date <= as_of_date"
    ).to_arrow_table()
    orders = pa.compute.count_distinct(baskets["basket_id"]).as_py()
    rules = (
        recommend.basket_rules(baskets, max(least_baskets / max(orders, 1), 0.0005), min_confidence, most_items=4)
        if orders
        else []
    )
    shape = [("antecedents", pa.list_(pa.string())), ("consequent", pa.string())]
    shape += [(n, pa.float64()) for n in ("support", "confidence", "lift")]
    return pa.Table.from_pylist(rules, schema=pa.schema([*shape, ("baskets", pa.int64())]))


def demand_today(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the forecast of products, a row per product and week ahead."""
    return demand.demand_now(con, as_of_date(con))


def sentiment_today(con: duckdb.DuckDBPyConnection, texts: str) -> pa.Table:
    """Return the sentiment of distinct texts of a relation with a column `text`."""
    return judged_once(
        [row[0] for row in con.execute(f"SELECT DISTINCT text FROM {texts} WHERE text IS NOT NULL").fetchall()]
    )


def model_cards_today() -> pa.Table:
    """Return what is known of the model in use of each score, one row per score, for `scores.model_cards`."""
    rows = []
    for score in SCORES:
        found = champion(score)
        if not found:
            continue
        judged, baseline = found.get("quality") or {}, found.get("baseline") or {}
        rows.append(
            {
                "score": score, "model_version": found["version"], "as_of_date": found["as_of"], "trained_on": found.get("trained_on"),
                "tested_on": found.get("tested_on"), "horizon_days": found.get("horizon_days"),
                "features": ", ".join((found["model"] or {}).get("numbers", []) + list((found["model"] or {}).get("levels", {}))) or None,
                "baseline": found.get("plain"), "rows_trained": found.get("rows_trained"), "rows_tested": found.get("rows_tested"),
                "events_tested": found.get("events_tested"),
                "model_auc": judged.get("auc"), "baseline_auc": baseline.get("auc"),
                "logistic_auc": (found.get("logistic") or {}).get("auc"), "boosting_auc": (found.get("boosting") or {}).get("auc"),
                "kind": kind_of(found["model"]) if "logistic" in found else None,
                "model_brier": judged.get("brier"), "baseline_brier": baseline.get("brier"),
                "calibration_error": found.get("calibration_error"), "lift_10pct": judged.get("lift_10pct"), "base_rate": judged.get("base_rate"),
                "other_measure": next((k for k in ("spearman", "hits_at_10", "wape") if k in judged), None),
                "other_model": next((float(judged[k]) for k in ("spearman", "hits_at_10", "wape") if k in judged), None),
                "other_baseline": next((float(baseline[k]) for k in ("spearman", "hits_at_10", "wape") if k in baseline), None),
                "is_published": not found["reason"], "reason": found["reason"] or None,
            }
        )  # fmt: skip
    kinds = {
        pa.string(): (
            "score",
            "model_version",
            "as_of_date",
            "trained_on",
            "tested_on",
            "features",
            "kind",
            "baseline",
            "other_measure",
            "reason",
        ),
        pa.int64(): ("horizon_days", "rows_trained", "rows_tested", "events_tested"),
        pa.bool_(): ("is_published",),
    }
    by_name = {name: kind for kind, names in kinds.items() for name in names}
    shape = [(name, by_name.get(name, pa.float64())) for name in rows[0]] if rows else [("score", pa.string())]
    return pa.Table.from_pylist(rows, schema=pa.schema(shape))


def drift_today() -> pa.Table:
    """Return how far scores and what they are told from have moved since the model was judged, a row per score and column."""
    rows = [
        {"score": score, "as_of_date": told["as_of"], "measured": measured, "stability_index": index}
        for score in SCORES
        for told in [drift_of(score)]
        if told
        for measured, index in sorted(told["indexes"].items())
    ]
    shape = [
        ("score", pa.string()),
        ("as_of_date", pa.string()),
        ("measured", pa.string()),
        ("stability_index", pa.float64()),
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(shape))


def train_scores(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Train all scores anew; a new model takes the place of the one in use unless that does better on the same later days."""
    with step("train scores") as result:
        day = as_of_date(con)
        won = {}
        for recipe in RECIPES:
            told = challenge(recipe, con, day)
            won[recipe.score] = (
                told["reason"]
                or f"auc {told['auc']} (before {told['champion_auc']}), {'new' if told['won'] else 'kept'}"
            )
        for score, fit in OTHERS.items():
            artefact = fit(con, day)
            keep(artefact, in_use=True)
            won[score] = artefact["reason"] or f"{artefact.get('quality') or artefact['version']}"
        result.rows_out = len(won)
        result.facts = {**won, "kept_versions": sum(len(versions(score)) for score in SCORES)}
    return result
