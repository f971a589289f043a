"""M03, churn within 60 days: the chance that an active customer orders nothing in the next 60 days.

In: `marts.orders`. Out: `scores.churn_60d`, one row per active customer, and a row of `scores.model_cards`. How: logistic
regression on the logarithms of recency, tenure, frequency, value and rhythm (`scoring.features.FEATURES`), trained on an earlier
date, judged on a later one against recency alone; what does not beat recency is not published, and the card says so.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from scoring.backtest import Quality, beats, quality
from scoring.features import FEATURES, Matrix, churn_features
from warehouse.duck import count
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.steps import StepResult, step

HORIZON_DAYS = 60
#: Fewer events than this on either side, and a number would be a guess.
MIN_EVENTS = 50


def score_churn(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `scores.churn_60d` and `scores.model_cards`."""
    with step("score churn") as result, edge("scoring"):
        con.execute("CREATE SCHEMA IF NOT EXISTS scores")
        as_of: date = con.execute("SELECT max(as_of_date) FROM marts.customers").fetchall()[0][0]
        test_on, train_on = as_of - timedelta(days=HORIZON_DAYS), as_of - timedelta(days=2 * HORIZON_DAYS)
        _, x_train, y_train = churn_features(con, train_on, HORIZON_DAYS)
        _, x_test, y_test = churn_features(con, test_on, HORIZON_DAYS)
        card: dict[str, Any] = {"score": "churn_60d", "trained_on": train_on, "tested_on": test_on, "as_of_date": as_of}
        enough = all(MIN_EVENTS <= y.sum() <= len(y) - MIN_EVENTS for y in (y_train, y_test))
        customers: list[str] = []
        chances = np.array([], dtype=np.float64)
        version, reason = "", f"not enough events to judge by (at least {MIN_EVENTS} are needed)"
        if enough:
            model, plain = fitted_churn(x_train, y_train), fitted_churn(x_train[:, :1], y_train)
            judged = quality(model.predict_proba(x_test)[:, 1], y_test)
            baseline = quality(plain.predict_proba(x_test[:, :1])[:, 1], y_test)
            is_better, reason = beats(judged, baseline), "recency alone is as good"
            version = _version(model)
            card |= _prefixed("model", judged) | _prefixed("baseline", baseline)
            if is_better:
                reason = ""
                customers, x_now, _ = churn_features(con, as_of, HORIZON_DAYS)
                chances = model.predict_proba(x_now)[:, 1] if customers else chances
        fault("score.before_write")
        _write(con, customers, chances, as_of, version, card, reason)
        result.rows_in, result.rows_out = len(y_test), count(con, "scores.churn_60d")
        result.facts = {
            "published": not reason,
            "reason": reason,
            **{k: v for k, v in card.items() if isinstance(v, float)},
        }
    return result


def fitted_churn(x: Matrix, y: Matrix) -> Any:
    """Fit the chance to be lost on features (rows, columns) and what happened (rows,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x, y)


def _version(model: Any) -> str:
    numbers = np.concatenate([model[-1].coef_.ravel(), model[-1].intercept_])
    return hashlib.sha256(json.dumps([round(float(n), 9) for n in numbers]).encode()).hexdigest()[:12]


def _prefixed(name: str, judged: Quality) -> dict[str, float]:
    return {f"{name}_{k}": v for k, v in judged.as_dict().items()}


def _write(
    con: duckdb.DuckDBPyConnection,
    customers: list[str],
    chances: Matrix,
    as_of: date,
    version: str,
    card: dict[str, Any],
    reason: str,
) -> None:
    made = pa.table(
        {"customer_id": pa.array(customers, pa.string()), "churn_probability": pa.array(chances, pa.float64())}
    )
    con.register("made_scores", made)
    con.execute(
        f"CREATE OR REPLACE TABLE scores.churn_60d AS SELECT customer_id, DATE '{as_of.isoformat()}' AS as_of_date, "
        f"round(churn_probability, 6) AS churn_probability, '{version}' AS model_version FROM made_scores ORDER BY 1"
    )
    con.unregister("made_scores")
    con.execute(
        "COMMENT ON TABLE scores.churn_60d IS 'M03, chance that a customer active in the last 180 days orders nothing in the next "
        "60 days; empty when the model did not beat recency alone, see scores.model_cards'"
    )
    con.execute(
        "CREATE OR REPLACE TABLE scores.model_cards (score VARCHAR, model_version VARCHAR, as_of_date DATE, trained_on DATE, "
        "tested_on DATE, features VARCHAR, model_auc DOUBLE, baseline_auc DOUBLE, model_brier DOUBLE, baseline_brier DOUBLE, "
        "lift_10pct DOUBLE, base_rate DOUBLE, customers_tested BIGINT, is_published BOOLEAN, reason VARCHAR)"
    )
    con.execute(
        "INSERT INTO scores.model_cards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            card["score"], version or None, as_of, card["trained_on"], card["tested_on"], ", ".join(FEATURES),
            card.get("model_auc"), card.get("baseline_auc"), card.get("model_brier"), card.get("baseline_brier"),
            card.get("model_lift_10pct"), card.get("model_base_rate"), card.get("model_customers"), not reason, reason or None,
        ],
    )  # fmt: skip
    con.execute(
        "COMMENT ON TABLE scores.model_cards IS 'Honest quality of each fitted score on a later period, beside its plain "
        "baseline; one row per score'"
    )
