"""How a score does on a later period, beside a plain baseline."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """AUC (ranking), Brier score (mean squared error), lift of the top tenth, base rate, number of customers."""

    auc: float
    brier: float
    lift_10pct: float
    base_rate: float
    customers: int

    def as_dict(self) -> dict[str, float]:
        """Return plain numbers."""
        return {k: round(float(v), 5) for k, v in asdict(self).items()}


def quality(predicted: Vector, happened: Vector) -> Quality:
    """Judge predictions against what happened; both (rows,)."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    base = float(happened.mean())
    top = np.argsort(-predicted, kind="stable")[: max(len(predicted) // 10, 1)]
    return Quality(
        auc=float(roc_auc_score(happened, predicted)),
        brier=float(brier_score_loss(happened, predicted)),
        lift_10pct=float(happened[top].mean() / base) if base else 0.0,
        base_rate=base,
        customers=len(happened),
    )


def beats(model: Quality, baseline: Quality) -> bool:
    """Tell whether a model ranks better than the baseline, is not worse calibrated, and ranks better than luck would.

    Luck: two standard errors of the AUC of scores that know nothing (Mann and Whitney 1947).
    """
    events = model.base_rate * model.customers
    others = model.customers - events
    by_luck = 0.5 + 2 * math.sqrt((events + others + 1) / (12 * events * others)) if events and others else 1.0
    return model.auc > max(baseline.auc, by_luck) and model.brier <= baseline.brier


def calibration_error(predicted: Vector, happened: Vector, bins: int = 10) -> float:
    """Return how far chances are from shares, on average: expected calibration error over bins of equal size (Naeini et al. 2015)."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(
        sum(len(part) * abs(predicted[part].mean() - happened[part].mean()) for part in parts) / len(predicted)
    )
