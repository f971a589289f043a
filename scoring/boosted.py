"""A fitted model of chances that knows what logistic regression cannot say: steps, and columns that count only together.

In: columns by name, as `scoring.logistic` takes them. Out: chances, and how far each column moves them. Trees are fitted by scikit-learn's
gradient boosting on histograms (Friedman 2001; Ke et al. 2017), small ones, since most companies have some thousands of examples and not
millions; they are kept as plain numbers, so that no program is read from a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.logistic import OTHERS, Columns, Matrix, Vector, coded, levels_of, version_of

#: Trees of eight leaves: of ten public tables of 1,500 to 10,000 rows, larger ones were better on three and worse on seven.
TREES = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 20, "early_stopping": False}
#: So many rows of the usual kind stand beside those of a level when levels are put in the order of their shares.
LIKE_OTHERS = 10.0
NO_BOUND = 1e300
ROWS_AT_ONCE = 20_000
ROWS_OF_A_THREAD = 100_000
#: What is kept of a node of a tree.
KEPT = ("value", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf")


@dataclass(frozen=True)
class Boosted:
    """A fitted model. Numbers are taken as they are, also where they are missing; levels by their place in the order of their shares."""

    numbers: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    start: float
    trees: tuple[tuple[tuple[float, ...], ...], ...]

    def chances(self, columns: Columns) -> Vector:
        """Return the chance of each row, 0 to 1."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(columns))), dtype=np.float64)

    def log_odds(self, columns: Columns) -> Vector:
        """Return the logarithm of the odds of each row."""
        return self._summed(_design(columns, self.numbers, self.levels))

    def moves(self, columns: Columns) -> tuple[tuple[str, ...], Matrix]:
        """Return the columns' names, and how far each moves the log odds of each row from those of all, (rows, names).

        At each step down a tree the chance of those who are left changes, by the column that was asked (Saabas 2014); the steps add up.
        """
        design = _design(columns, self.numbers, self.levels)
        moved = np.zeros(design.shape)
        trees = [_arrays(tree) for tree in self.trees]
        # Some rows at a time, so that they stay in the processor's memory.
        for start in range(0, len(design), ROWS_AT_ONCE):
            asked, told = design[start : start + ROWS_AT_ONCE], moved[start : start + ROWS_AT_ONCE]
            rows = np.arange(len(asked))
            for tree in trees:
                at = np.zeros(len(asked), dtype=np.int64)
                while not tree["is_leaf"][at].all():
                    column = tree["feature_idx"][at]
                    value = asked[rows, column]
                    is_left = np.where(
                        np.isnan(value), tree["missing_go_to_left"][at], value <= tree["num_threshold"][at]
                    )
                    below = np.where(is_left, tree["left"][at], tree["right"][at])
                    below = np.where(tree["is_leaf"][at], at, below)
                    told[rows, column] += tree["value"][below] - tree["value"][at]
                    at = below
        return (*self.numbers, *self.levels), moved

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain values; bounds in full, since rows may stand on them."""
        return {
            "kind": "boosted", "numbers": list(self.numbers), "levels": {k: list(v) for k, v in self.levels.items()},
            "start": self.start, "trees": [[list(node) for node in tree] for tree in self.trees],
        }  # fmt: skip

    @staticmethod
    def from_dict(kept: Mapping[str, Any]) -> Boosted:
        """Return the model that :meth:`as_dict` wrote."""
        return Boosted(
            tuple(kept["numbers"]), {k: tuple(v) for k, v in kept["levels"].items()}, float(kept["start"]),
            tuple(tuple(tuple(node) for node in tree) for tree in kept["trees"]),
        )  # fmt: skip

    @property
    def version(self) -> str:
        """Name of what was learnt: equal models have equal names."""
        return version_of(self.as_dict())

    def _summed(self, design: Matrix) -> Vector:
        # The library's own walk through its trees: in Python a million rows take twenty times as long. A test holds both against each other.
        from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        none = np.zeros((0, 8), dtype=np.uint32)
        places = np.zeros(design.shape[1], dtype=np.uint32)
        threads = _openmp_effective_n_threads() if len(design) > ROWS_OF_A_THREAD else 1
        found = np.full(len(design), self.start)
        for tree in self.trees:
            nodes = np.zeros(len(tree), dtype=PREDICTOR_RECORD_DTYPE)
            for column, values in _arrays(tree).items():
                nodes[column] = values
            found += TreePredictor(nodes, none, none).predict(design, none, places, threads)
        return found


def fit_boosted(columns: Columns, happened: Vector, numbers: Sequence[str], levels: Sequence[str] = ()) -> Boosted:
    """Fit the chance of what happened; the arguments are those of `scoring.logistic.fit_logistic`."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    in_order = {column: _by_share(columns[column], happened) for column in levels}
    design = _design(columns, numbers, in_order)
    # Threads of small trees wait for each other more than they work, ten times as long where another process has the other core.
    with threadpool_limits(1, user_api="openmp"):
        fitted = HistGradientBoostingClassifier(**TREES, random_state=0).fit(design, happened)
    trees = tuple(_nodes(grown[0].nodes) for grown in fitted._predictors)
    return Boosted(tuple(numbers), in_order, float(fitted._baseline_prediction[0, 0]), trees)


def _nodes(grown: Any) -> tuple[tuple[float, ...], ...]:
    """Return what is kept of a tree's nodes; one that asks has the mean value of those who come to it."""
    values = grown["value"].copy()
    for at in range(len(grown) - 1, -1, -1):  # children stand behind their parents
        if not grown["is_leaf"][at]:
            below = [grown["left"][at], grown["right"][at]]
            values[at] = np.average(values[below], weights=grown["count"][below])
    # A split of what is missing from what is known has no bound.
    kept = {
        **{column: grown[column] for column in KEPT},
        "value": values,
        "num_threshold": np.minimum(grown["num_threshold"], NO_BOUND),
    }
    return tuple(tuple(float(n) for n in node) for node in zip(*(kept[column] for column in KEPT), strict=True))


def _arrays(tree: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return the nodes of a tree by what is kept of them, (nodes,) each, in the order of `KEPT`."""
    kinds = {"value": np.float64, "num_threshold": np.float64, "missing_go_to_left": np.bool_, "is_leaf": np.bool_}
    return {
        c: np.array(values, dtype=kinds.get(c, np.int64))
        for c, values in zip(KEPT, zip(*tree, strict=True), strict=True)
    }


def _by_share(values: Any, happened: Vector) -> tuple[str, ...]:
    """Return a column's levels, the one with the smallest share of what happened first."""
    known = levels_of(values)
    codes, texts = coded(values)
    rest = len(known) - 1
    place = {level: at for at, level in enumerate(known)}
    at = np.array([place.get(text, rest) for text in texts])[codes]
    counts = np.bincount(at, minlength=len(known))
    share = (np.bincount(at, weights=happened, minlength=len(known)) + LIKE_OTHERS * happened.mean()) / (
        counts + LIKE_OTHERS
    )
    return tuple(known[n] for n in np.argsort(share, kind="stable"))


def _design(columns: Columns, numbers: Sequence[str], levels: Mapping[str, Sequence[str]]) -> Matrix:
    parts = [np.asarray(columns[c], dtype=np.float64) for c in numbers]
    for column, known in levels.items():
        codes, texts = coded(columns[column])
        place = {level: float(n) for n, level in enumerate(known)}
        parts.append(np.array([place.get(text, place.get(OTHERS, np.nan)) for text in texts], dtype=np.float64)[codes])
    return np.ascontiguousarray(np.column_stack(parts)) if parts else np.zeros((0, 0))
