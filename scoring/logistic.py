"""The plain kind of fitted model for chances: a logistic regression on logarithms of numbers and on levels, kept as plain numbers.

In: columns by name. Out: chances, and how far each column moves them. Everything it needs to score is in a small dictionary that is
written to a file, so that scoring needs numpy alone, and anybody can read what the model has learnt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]

#: Levels rarer than this share of the rows count as one, others.
RARE = 0.01
OTHERS = "others"


@dataclass(frozen=True)
class Logistic:
    """A fitted model. Numbers are filled, logged where they are counts, days or money, and standardised; levels are 0 or 1."""

    numbers: tuple[str, ...]
    logged: tuple[bool, ...]
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    levels: dict[str, tuple[str, ...]]
    coefficients: tuple[float, ...]
    intercept: float

    def chances(self, columns: Columns) -> Vector:
        """Return the chance of each row, 0 to 1."""
        design = self._design(columns)
        return np.asarray(1 / (1 + np.exp(-(design @ np.array(self.coefficients) + self.intercept))), dtype=np.float64)

    def moves(self, columns: Columns) -> tuple[tuple[str, ...], Matrix]:
        """Return the columns' names, and how far each moves the log odds of each row from those of a usual row, (rows, names)."""
        parts = self._design(columns) * np.array(self.coefficients)
        moved = [parts[:, at] for at in range(len(self.numbers))]
        start = len(self.numbers)
        for known in self.levels.values():
            moved.append(parts[:, start : start + len(known)].sum(axis=1))
            start += len(known)
        names = (*self.numbers, *self.levels)
        return names, np.column_stack(moved) if moved else np.zeros((len(parts), 0))

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain values, rounded where digits say nothing."""
        return {
            "numbers": list(self.numbers), "logged": list(self.logged), "fill": rounded(self.fill), "mean": rounded(self.mean),
            "scale": rounded(self.scale), "levels": {k: list(v) for k, v in self.levels.items()},
            "coefficients": rounded(self.coefficients), "intercept": round(self.intercept, 9),
        }  # fmt: skip

    @staticmethod
    def from_dict(kept: Mapping[str, Any]) -> Logistic:
        """Return the model that :meth:`as_dict` wrote."""
        return Logistic(
            tuple(kept["numbers"]), tuple(kept["logged"]), tuple(kept["fill"]), tuple(kept["mean"]), tuple(kept["scale"]),
            {k: tuple(v) for k, v in kept["levels"].items()}, tuple(kept["coefficients"]), float(kept["intercept"]),
        )  # fmt: skip

    @property
    def version(self) -> str:
        """Name of what was learnt: equal models have equal names."""
        return version_of(self.as_dict())

    def _design(self, columns: Columns) -> Matrix:
        return _design(columns, self.numbers, self.logged, self.fill, self.mean, self.scale, self.levels)


def fit_logistic(columns: Columns, happened: Vector, numbers: Sequence[str], levels: Sequence[str] = ()) -> Logistic:
    """Fit the chance of what happened.

    Args:
        columns: each (rows,); numbers may be NaN, which counts as the median; levels are text or None.
        happened: 0 or 1, (rows,).
        numbers: columns to take as numbers; those never below zero enter as log(1 + x).
        levels: columns to take as levels; levels of under 1 % of the rows are one, others.
    """
    from sklearn.linear_model import LogisticRegression

    logged, fill, mean, scale = [], [], [], []
    for column in numbers:
        values = np.asarray(columns[column], dtype=np.float64)
        known = values[~np.isnan(values)]
        logged.append(bool(len(known)) and bool(known.min() >= 0))
        fill.append(float(np.median(known)) if len(known) else 0.0)
        usual = _number(values, logged[-1], fill[-1])
        mean.append(float(usual.mean()))
        spread = float(usual.std())
        scale.append(spread if spread > 1e-6 else 1.0)
    known_levels = {column: levels_of(columns[column]) for column in levels}
    design = _design(columns, numbers, logged, fill, mean, scale, known_levels)
    fitted = LogisticRegression(max_iter=1000).fit(design, happened)
    exact = Logistic(
        tuple(numbers), tuple(logged), tuple(fill), tuple(mean), tuple(scale), known_levels,
        tuple(float(n) for n in fitted.coef_.ravel()), float(fitted.intercept_[0]),
    )  # fmt: skip
    # What is judged is what will be kept, digit by digit.
    return Logistic.from_dict(exact.as_dict())


def _design(
    columns: Columns,
    numbers: Sequence[str],
    logged: Sequence[bool],
    fill: Sequence[float],
    mean: Sequence[float],
    scale: Sequence[float],
    levels: Mapping[str, Sequence[str]],
) -> Matrix:
    parts = [
        # Nobody is more unusual than six deviations: a number that grows with time does not carry a model away.
        np.clip((_number(np.asarray(columns[c], dtype=np.float64), logged[n], fill[n]) - mean[n]) / scale[n], -6, 6)
        for n, c in enumerate(numbers)
    ]
    for column, known in levels.items():
        codes, texts = coded(columns[column])
        named = set(known) - {OTHERS}
        for level in known:
            held = [text not in named if level == OTHERS else text == level for text in texts]
            parts.append(np.array(held, dtype=np.float64)[codes])
    return np.column_stack(parts) if parts else np.zeros((0, 0))


def _number(values: Vector, is_logged: bool, fill: float) -> Vector:
    filled = np.where(np.isnan(values), fill, values)
    return np.log1p(np.maximum(filled, 0)) if is_logged else filled


def levels_of(values: npt.NDArray[Any]) -> tuple[str, ...]:
    """Return the levels of a column by name, those of under 1 % of the rows as one, others, at the end."""
    codes, texts = coded(values)
    counts = np.bincount(codes, minlength=len(texts))
    kept = sorted(text for text, n in zip(texts, counts, strict=True) if n >= RARE * len(values))
    return tuple(kept) if len(kept) == len(texts) else (*kept, OTHERS)


def coded(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return which of the distinct texts each value is, (rows,), and the texts; what is not known is an empty text."""
    import pandas as pd

    codes, found = pd.factorize(values, use_na_sentinel=False)
    places: dict[str, int] = {}
    place = np.array([places.setdefault(_text(value), len(places)) for value in found], dtype=np.int64)
    return place[codes], list(places)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN is the only thing that differs from itself


def version_of(kept: Mapping[str, Any]) -> str:
    """Return the name of what a model has learnt, by its plain values."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def rounded(values: Sequence[float]) -> list[float]:
    """Return numbers as they are kept: nine digits after the point."""
    return [round(float(v), 9) for v in values]
