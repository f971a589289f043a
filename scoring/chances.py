"""Which kind of model tells a chance: logistic regression, boosted trees, or the mean of both, as the examples themselves decide.

In: columns by name and what happened. Out: a model that can be kept as plain numbers. A kind other than the plain one is taken only where
it is better by more than luck on examples that it was not fitted on; later examples, by which a score is judged, take no part in that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.boosted import Boosted, fit_boosted
from scoring.logistic import Columns, Logistic, Matrix, Vector, fit_logistic, version_of

#: Kinds are compared on at most so many examples; with more, no difference that matters is left to luck.
MOST_COMPARED = 15_000
FOLDS = 3
#: Fewer events than this on either side, and trees have nothing to grow on.
LEAST_EVENTS = 100
#: By how many standard errors of the mean log loss, pair by pair, a kind has to be better than the plain one.
BETTER_BY = 2.0
#: No chance is told as surer than this when log losses are compared: one bold mistake must not outweigh all else.
SUREST = 1e-4


@dataclass(frozen=True)
class Mixed:
    """The mean of the log odds of a plain and a boosted model: steadier than either where neither is right alone."""

    plain: Logistic
    boosted: Boosted

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that are taken as numbers."""
        return self.plain.numbers

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Columns that are taken as levels, with those that are known."""
        return self.plain.levels

    @property
    def version(self) -> str:
        """Name of what was learnt: equal models have equal names."""
        return version_of(self.as_dict())

    def chances(self, columns: Columns) -> Vector:
        """Return the chance of each row, 0 to 1."""
        return _mean_of(self.plain.chances(columns), self.boosted.chances(columns))

    def moves(self, columns: Columns) -> tuple[tuple[str, ...], Matrix]:
        """Return the columns' names, and how far each moves the log odds of each row from those of a usual row, (rows, names)."""
        names, by_plain = self.plain.moves(columns)
        return names, (by_plain + self.boosted.moves(columns)[1]) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain values."""
        return {"kind": "mixed", "numbers": list(self.numbers), "levels": {k: list(v) for k, v in self.levels.items()},
                "plain": self.plain.as_dict(), "boosted": self.boosted.as_dict()}  # fmt: skip


Model = Logistic | Boosted | Mixed


def kind_of(model: Mapping[str, Any]) -> str:
    """Return the kind of a kept model: logistic, boosted or mixed."""
    return str(model.get("kind", "logistic"))


def model_of(kept: Mapping[str, Any]) -> Model:
    """Return the model that its `as_dict` wrote."""
    kind = kind_of(kept)
    if kind == "mixed":
        return Mixed(Logistic.from_dict(kept["plain"]), Boosted.from_dict(kept["boosted"]))
    return Boosted.from_dict(kept) if kind == "boosted" else Logistic.from_dict(kept)


@dataclass(frozen=True)
class Fitted:
    """The model that was chosen, beside the two kinds that it was chosen from."""

    model: Model
    plain: Logistic
    boosted: Boosted


def fit_chances(
    columns: Columns,
    happened: Vector,
    numbers: Sequence[str],
    levels: Sequence[str] = (),
    whose: npt.NDArray[Any] | None = None,
) -> Fitted:
    """Fit the chance of what happened by the kind of model that these examples call for.

    Args:
        columns: each (rows,); numbers may be NaN; levels are text or None.
        happened: 0 or 1, (rows,).
        numbers: columns to take as numbers.
        levels: columns to take as levels.
        whose: who each row is of, where one has several, (rows,).
    """
    kind = _called_for(columns, happened, numbers, levels, whose)
    plain, boosted = fit_logistic(columns, happened, numbers, levels), fit_boosted(columns, happened, numbers, levels)
    chosen: dict[str, Model] = {"logistic": plain, "boosted": boosted, "mixed": Mixed(plain, boosted)}
    return Fitted(chosen[kind], plain, boosted)


def folds_of(
    columns: Columns, names: Sequence[str], folds: int, whose: npt.NDArray[Any] | None = None
) -> npt.NDArray[np.int64]:
    """Return the fold of each row, 0 to `folds` - 1, (rows,): rows of one owner, and those that say the same, are in one.

    A model that has seen a row knows what became of its copy, and would be taken for wise. Which fold it is depends on what rows say
    and not on their order.
    """
    _, place = np.unique(_told_apart(columns, names, whose), return_inverse=True)
    return np.asarray(place % folds, dtype=np.int64)


def _told_apart(columns: Columns, names: Sequence[str], whose: npt.NDArray[Any] | None) -> npt.NDArray[np.uint64]:
    """Return a number for each row, at random but the same for rows that say the same, or whose owners' rows together do, (rows,)."""
    import pandas as pd

    rows = pd.DataFrame({name: columns[name] for name in names})
    said: npt.NDArray[np.uint64] = pd.util.hash_pandas_object(rows, index=False).to_numpy().astype(np.uint64)
    if whose is None:
        return said
    owners, found = pd.factorize(whose, use_na_sentinel=False)
    together = np.zeros(len(found), dtype=np.uint64)
    np.add.at(together, owners, said)
    return np.asarray(pd.util.hash_array(together)[owners], dtype=np.uint64)


def _called_for(
    columns: Columns, happened: Vector, numbers: Sequence[str], levels: Sequence[str], whose: npt.NDArray[Any] | None
) -> str:
    names = (*numbers, *levels)
    order = np.argsort(_told_apart(columns, names, whose), kind="stable")[:MOST_COMPARED]
    some = {column: np.asarray(columns[column])[order] for column in names}
    happened = happened[order]
    if min(happened.sum(), len(happened) - happened.sum()) < LEAST_EVENTS:
        return "logistic"
    fold = folds_of(some, names, FOLDS, None if whose is None else whose[order])
    # With so many examples, one part of them tells as well as all three.
    judged_on = range(1 if len(happened) == MOST_COMPARED else FOLDS)
    losses: dict[str, list[Vector]] = {"logistic": [], "boosted": [], "mixed": []}
    for part in judged_on:
        train, test = fold != part, fold == part
        learnt, asked = ({c: v[rows] for c, v in some.items()} for rows in (train, test))
        plain = fit_logistic(learnt, happened[train], numbers, levels).chances(asked)
        boosted = fit_boosted(learnt, happened[train], numbers, levels).chances(asked)
        for kind, told in (("logistic", plain), ("boosted", boosted), ("mixed", _mean_of(plain, boosted))):
            losses[kind].append(_log_loss(told, happened[test]))
    by_kind = {kind: np.concatenate(found) for kind, found in losses.items()}
    won = by_kind["logistic"][:, None] - np.column_stack([by_kind["boosted"], by_kind["mixed"]])
    by_luck = won.std(axis=0) / math.sqrt(len(won))
    is_better = won.mean(axis=0) > BETTER_BY * by_luck
    if not is_better.any():
        return "logistic"
    return ("boosted", "mixed")[int(np.where(is_better, won.mean(axis=0), -np.inf).argmax())]


def _mean_of(one: Vector, other: Vector) -> Vector:
    odds = [np.log(c / (1 - c)) for c in (np.clip(one, 1e-9, 1 - 1e-9), np.clip(other, 1e-9, 1 - 1e-9))]
    return np.asarray(1 / (1 + np.exp(-(odds[0] + odds[1]) / 2)), dtype=np.float64)


def _log_loss(told: Vector, happened: Vector) -> Vector:
    sure = np.clip(told, SUREST, 1 - SUREST)
    return np.asarray(-np.where(happened > 0.5, np.log(sure), np.log(1 - sure)), dtype=np.float64)
