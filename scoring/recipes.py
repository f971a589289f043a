"""How every chance is fitted, judged, kept and given: the same for churn, late payment, leads and answers.

A recipe names its columns and how its examples are found. :func:`train` fits on earlier days and judges on later ones beside the one
plain column that anybody would use instead, and beside both kinds of model; :func:`challenge` lets a new model take the champion's place when it is
no worse on the same days; :func:`chances_now` gives the scores of a day, with what moves them. A score that loses to its plain column, or
has too few events to judge by, is null with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from scoring.backtest import Quality, beats, calibration_error, quality
from scoring.chances import Model, fit_chances, model_of
from scoring.features import Examples
from scoring.logistic import Columns, Vector, fit_logistic
from scoring.registry import Artefact, champion, in_use, keep, note_drift
from warehouse.duck import is_part

#: Fewer events than this on either side, and a number would be a guess.
MIN_EVENTS = 50
#: How many columns a score's explanation names.
REASONS = 3
#: A column that moves the log odds less than this does not explain anything.
LEAST_MOVE = 0.05
#: Rows of a table that the weights of its columns are taken from.
MOST_LOOKED_AT = 5_000
#: Parts of equal size by which a distribution is remembered.
PARTS = 10


@dataclass(frozen=True)
class Split:
    """Earlier examples to learn from and later ones to judge by, with the last day of each that was known."""

    train: Examples
    test: Examples
    trained_on: date
    tested_on: date


@dataclass(frozen=True)
class Recipe:
    """One chance: what it is called, from what it is told, and against which plain column it has to win."""

    score: str
    horizon_days: int
    numbers: tuple[str, ...]
    split: Callable[[duckdb.DuckDBPyConnection, date], Split]
    now: Callable[[duckdb.DuckDBPyConnection, date], Examples]
    plain: str
    levels: tuple[str, ...] = ()
    #: False where the subjects of a day are not like those that the model was judged on, so that drift would say nothing.
    is_watched: bool = True

    @property
    def code(self) -> str:
        """Version of the recipe: other columns or horizons are another recipe."""
        return f"4|{self.horizon_days}|{','.join(self.numbers)}|{','.join(self.levels)}|{self.plain}"


def too_few(split: Split) -> str:
    """Return why examples cannot be judged by, or nothing."""
    for what, part in (("learn from", split.train), ("judge by", split.test)):
        events = min(part.events, len(part) - part.events)
        if events < MIN_EVENTS:
            return f"not enough events to {what}: {events} of {len(part)} (at least {MIN_EVENTS} are needed)"
    return ""


def train(recipe: Recipe, con: duckdb.DuckDBPyConnection, as_of: date) -> Artefact:
    """Fit a model on earlier days, judge it on later ones, and return it with its figures; nothing after `as_of` is looked at."""
    split = recipe.split(con, as_of)
    made: Artefact = {
        "score": recipe.score, "code": recipe.code, "as_of": as_of.isoformat(), "horizon_days": recipe.horizon_days,
        "trained_on": split.trained_on.isoformat(), "tested_on": split.tested_on.isoformat(), "plain": recipe.plain,
        "rows_trained": len(split.train), "rows_tested": len(split.test), "events_trained": split.train.events,
        "events_tested": split.test.events, "model": None, "reason": too_few(split),
    }  # fmt: skip
    if made["reason"]:
        made["version"] = "none"
        return made
    fitted = fit_chances(split.train.columns, split.train.happened, recipe.numbers, recipe.levels, split.train.whose)
    model, asked, happened = fitted.model, split.test.columns, split.test.happened
    chances = model.chances(asked)
    judged, baseline = quality(chances, happened), quality(fit_plain(recipe, split), happened)
    made |= {
        "version": model.version, "model": model.as_dict(), "quality": judged.as_dict(), "baseline": baseline.as_dict(),
        "logistic": quality(fitted.plain.chances(asked), happened).as_dict(),
        "boosting": quality(fitted.boosted.chances(asked), happened).as_dict(), "weights": weights(model, asked),
        "calibration_error": round(calibration_error(chances, happened), 5), "reliability": reliability(chances, happened),
        "parts": {"score": parts(chances), **{n: parts(np.asarray(asked[n], np.float64)) for n in recipe.numbers}},
        "reason": "" if beats(judged, baseline) else f"{recipe.plain} alone is as good",
    }  # fmt: skip
    return made


def weights(model: Model, columns: Columns) -> dict[str, float]:
    """Return how far each column moves the log odds of a row on average; below zero where more of it makes the event less likely.

    Of many rows some are looked at. Levels have no more and less, so theirs are above zero.
    """
    some = {column: values[:MOST_LOOKED_AT] for column, values in columns.items()}
    names, moved = model.moves(some)
    found = {}
    for at, name in enumerate(names):
        size = float(np.abs(moved[:, at]).mean())
        if name in model.numbers:
            values = np.asarray(some[name], np.float64)
            known = ~np.isnan(values)
            together = (values[known] - values[known].mean()) * moved[known, at] if known.any() else np.zeros(1)
            size = math.copysign(size, float(together.sum()) or 1.0)
        found[name] = round(size, 4)
    return found


def fit_plain(recipe: Recipe, split: Split) -> Vector:
    """Return chances of the later examples by the plain column alone."""
    is_level = recipe.plain in recipe.levels
    numbers, levels = ((), (recipe.plain,)) if is_level else ((recipe.plain,), ())
    return fit_logistic(split.train.columns, split.train.happened, numbers, levels).chances(split.test.columns)


def challenge(recipe: Recipe, con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, Any]:
    """Train anew, and put the new model in use unless the one in use does better on the same later days.

    Returns:
        The score, who won, and the figures of both.
    """
    new, old = train(recipe, con, as_of), champion(recipe.score)
    told: dict[str, Any] = {
        "score": recipe.score,
        "version": new["version"],
        "reason": new["reason"],
        "auc": None,
        "champion_auc": None,
    }
    is_comparable = bool(old and old["model"] and new["model"] and old["code"] == new["code"])
    if old and is_comparable:
        later = recipe.split(con, as_of).test
        before = quality(model_of(old["model"]).chances(later.columns), later.happened)
        told |= {"auc": new["quality"]["auc"], "champion_auc": round(before.auc, 5)}
        new["champion_before"] = {"version": old["version"], **before.as_dict()}
        told["won"] = _no_worse(new["quality"], before)
    else:
        told["auc"] = (new.get("quality") or {}).get("auc")
        told["won"] = True
    keep(new, in_use=told["won"])
    return told


def _no_worse(new: Mapping[str, float], old: Quality) -> bool:
    """A new model takes the place of one that ranks no better; newer is better where nothing else decides."""
    return new["auc"] >= old.auc - 0.002 and new["brier"] <= old.brier + 0.002


def chances_now(recipe: Recipe, con: duckdb.DuckDBPyConnection, as_of: date, now: Examples | None = None) -> pa.Table:
    """Return the scores of a day, one row per subject; `now` holds the subjects, when somebody looked them up already.

    Columns: subject_id, score, value (0 to 1; null when not published), model_version, reason (why it is null), because (list of
    column, whether it makes the event likelier, and its value; the strongest first).
    """
    artefact = in_use(recipe.score, recipe.code, as_of, lambda: train(recipe, con, as_of))
    now = recipe.now(con, as_of) if now is None else now
    if not artefact["model"] or artefact["reason"]:
        return scores_table(now.ids, recipe.score, None, artefact["version"], artefact["reason"])
    model = model_of(artefact["model"])
    chances = model.chances(now.columns)
    # Some customers are no sample of all.
    if recipe.is_watched and not is_part(con):
        note_drift(recipe.score, as_of, _moved(artefact["parts"], chances, now.columns))
    return scores_table(now.ids, recipe.score, chances, model.version, "", because(model, now.columns))


def _moved(known: Mapping[str, list[list[float]]], chances: Vector, columns: Columns) -> dict[str, float]:
    moved = {}
    for measured, edges in known.items():
        values = chances if measured == "score" else np.asarray(columns[measured], np.float64)
        moved[measured] = stability_index(edges, values)
    return {measured: round(index, 4) for measured, index in moved.items() if index is not None}


BECAUSE = pa.list_(pa.struct([("feature", pa.string()), ("is_more", pa.bool_()), ("value", pa.float64())]))


def because(model: Model, columns: Columns) -> pa.Array:
    """Return for each row the columns that move it most from a usual row, with the direction and the value as it is."""
    names, moved = model.moves(columns)
    if not len(moved):
        return pa.array([], BECAUSE)
    top = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :REASONS]
    size = np.take_along_axis(moved, top, axis=1)
    values = np.column_stack(
        [np.asarray(columns[n], np.float64) if n in model.numbers else np.full(len(moved), np.nan) for n in names]
    )
    kept = np.abs(size) >= LEAST_MOVE
    flat = pa.StructArray.from_arrays(
        [
            pa.array(names).take(pa.array(top[kept])),
            pa.array(size[kept] > 0),
            pa.array(np.take_along_axis(values, top, axis=1)[kept].round(2), from_pandas=True),
        ],
        fields=list(BECAUSE.value_type),
    )
    offsets = np.concatenate([[0], kept.sum(axis=1).cumsum()]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def scores_table(
    ids: Any, score: str, values: Vector | None, version: str, reason: str, why: pa.Array | None = None
) -> pa.Table:
    """Return scores in the shape that all of them share."""
    n = len(ids)
    return pa.table(
        {
            "subject_id": pa.array(ids, pa.string()),
            "score": pa.array([score] * n, pa.string()),
            "value": pa.nulls(n, pa.float64()) if values is None else pa.array(values.round(6), pa.float64()),
            "model_version": pa.array([version] * n, pa.string()),
            "reason": pa.array([reason or None] * n, pa.string()),
            "because": pa.nulls(n, BECAUSE) if why is None else why,
        }
    )


def parts(values: Vector) -> list[list[float]]:
    """Return the upper edges of parts of about equal size with the share of values in each; what is above the last is the rest.

    Values that many share are one part, however large.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1]).round(6))
    shares = _shares(edges, known)
    return [[float(edge), round(float(share), 6)] for edge, share in zip(edges, shares[:-1], strict=True)]


def _shares(edges: Vector, values: Vector) -> Vector:
    # Values were rounded as edges are, so that those on an edge stay on it.
    found = np.bincount(np.searchsorted(edges, values.round(6), side="left"), minlength=len(edges) + 1)
    return np.asarray(found / len(values), dtype=np.float64)


def stability_index(known_parts: list[list[float]], values: Vector) -> float | None:
    """Return the population stability index of values against the parts of a reference; over 0.25 counts as another population."""
    known = values[~np.isnan(values)]
    if not len(known) or not known_parts:
        return None
    edges, shares = np.array(known_parts).T
    low = 1e-3
    expected = np.maximum(np.append(shares, 1 - shares.sum()), low)
    found = np.maximum(_shares(edges, known), low)
    return float(((found - expected) * np.log(found / expected)).sum())


def reliability(predicted: Vector, happened: Vector) -> list[list[float]]:
    """Return for parts of equal size the mean chance, the share that happened and how many there were."""
    order = np.argsort(predicted, kind="stable")
    return [
        [round(float(predicted[p].mean()), 4), round(float(happened[p].mean()), 4), len(p)]
        for p in np.array_split(order, PARTS)
        if len(p)
    ]
