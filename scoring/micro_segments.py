"""M06, micro segments: groups that the data show within each lifecycle, by k-means on what customers do.

In: the published facts and metrics of a day. Out: one group per customer. The number of groups is the largest whose groups come out
alike on resampled customers (mean adjusted Rand index of at least 0.8) and lie closer to their centres than groups of a cloud of the same
spread without any would (the idea of the gap statistic: Tibshirani, Walther and Hastie 2001); one where none does. A split that another
sample would not show, or that any cloud shows, is no segment. Centres are kept, so a group means the same until the weekly training.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from scoring.features import Examples, examples_of
from scoring.logistic import Matrix
from scoring.registry import Artefact, in_use

SCORE = "micro_segment"
CODE = "2"
TRAITS = ("orders", "revenue", "mean_order", "recency", "web_visits", "email_clicks", "tickets")
#: Lifecycles of fewer customers are one group.
LEAST_CUSTOMERS = 200
MOST_GROUPS = 5
STABLE_FROM = 0.8
#: Distances to centres, as a share of all spread, must be below this part of those of a cloud without groups.
TIGHTER_THAN_CLOUD = 0.85
SAMPLED = 3_000
RESAMPLES = 4


def traits(con: duckdb.DuckDBPyConnection, as_of: date) -> Examples:
    """Return what each customer does, as logarithms enter the groups; `happened` is nothing here."""
    return examples_of(
        con,
        f"""
        SELECT f.customer_id AS id, f.orders_count AS orders, greatest(f.lifetime_revenue_usd, 0)::DOUBLE AS revenue,
            greatest(f.lifetime_revenue_usd, 0)::DOUBLE / greatest(f.orders_count, 1) AS mean_order, coalesce(f.last_order_days, 9999) AS recency,
            coalesce(a.web_visits_90d, 0) AS web_visits, coalesce(a.email_clicks_90d, 0) AS email_clicks, coalesce(a.tickets_90d, 0) AS tickets,
            m.lifecycle, NULL::DOUBLE AS happened
        FROM intermediate.int_customers__facts AS f
        INNER JOIN segments.macro_segments AS m ON f.customer_id = m.customer_id
        LEFT JOIN metrics.customer_activity AS a ON f.customer_id = a.customer_id AND a.days_ago = 0
        WHERE f.as_of_date <= DATE '{as_of}' ORDER BY 1
        """,
        (*TRAITS, "lifecycle"),
    )


def train_micro_segments(con: duckdb.DuckDBPyConnection, as_of: date) -> Artefact:
    """Find groups in each lifecycle and return their centres with how stable they are."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    known = traits(con, as_of)
    values = _logs(known)
    groups: dict[str, Any] = {}
    for lifecycle in sorted(set(known.columns["lifecycle"])):
        inside = values[known.columns["lifecycle"] == lifecycle]
        mean, scale = inside.mean(axis=0), inside.std(axis=0)
        scale = np.where(scale < 1e-9, 1.0, scale)
        picked = ((inside - mean) / scale)[:: max(len(inside) // SAMPLED, 1)]
        best: dict[str, Any] = {"centres": [[0.0] * len(TRAITS)], "stability": None, "tried": {}}
        if len(inside) >= LEAST_CUSTOMERS:
            rng = np.random.default_rng(0)
            cloud = rng.multivariate_normal(np.zeros(picked.shape[1]), np.cov(picked.T), len(picked))
            samples = [rng.permutation(len(picked))[: int(len(picked) * 0.7)] for _ in range(RESAMPLES)]
            for k in range(2, MOST_GROUPS + 1):
                whole = KMeans(k, n_init=4, random_state=0).fit(picked)
                alike = [
                    adjusted_rand_score(
                        whole.labels_, KMeans(k, n_init=4, random_state=0).fit(picked[s]).predict(picked)
                    )
                    for s in samples
                ]
                stability = round(float(np.mean(alike)), 3)
                tightness = (whole.inertia_ / len(picked)) / (
                    KMeans(k, n_init=2, random_state=0).fit(cloud).inertia_
                    / (cloud**2).sum()
                    * (picked**2).sum()
                    / len(picked)
                )
                best["tried"][str(k)] = [stability, round(float(tightness), 3)]
                if stability >= STABLE_FROM and tightness < TIGHTER_THAN_CLOUD:
                    # By how much each group buys, so that names stay in order.
                    order = np.argsort(-whole.cluster_centers_[:, 1], kind="stable")
                    centres = [[round(float(v), 6) for v in whole.cluster_centers_[n]] for n in order]
                    best |= {"centres": centres, "stability": stability}
        groups[lifecycle] = {
            **best, "mean": [round(float(v), 6) for v in mean], "scale": [round(float(v), 6) for v in scale], "customers": len(inside),
        }  # fmt: skip
    return {
        "score": SCORE, "code": CODE, "as_of": as_of.isoformat(), "model": groups, "reason": "", "rows_trained": len(known),
        "version": hashlib.sha256(json.dumps(groups, sort_keys=True).encode()).hexdigest()[:12], "trained_on": as_of.isoformat(),
    }  # fmt: skip


def micro_segments_now(con: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Return customer_id, micro_segment, traits_above and traits_below (names of what the group does more or less of), model_version."""
    artefact = in_use(SCORE, CODE, as_of, lambda: train_micro_segments(con, as_of))
    known = traits(con, as_of)
    values = _logs(known)
    names = np.full(len(known), "", dtype=object)
    above, below = np.full(len(known), "", dtype=object), np.full(len(known), "", dtype=object)
    for lifecycle in sorted(set(known.columns["lifecycle"])):
        # A lifecycle that nobody was in when the groups were found is one group.
        group = artefact["model"].get(lifecycle) or {
            "centres": [[0.0] * len(TRAITS)],
            "mean": [0.0] * 7,
            "scale": [1.0] * 7,
        }
        inside = known.columns["lifecycle"] == lifecycle
        centres = np.array(group["centres"])
        near = nearest((values[inside] - np.array(group["mean"])) / np.array(group["scale"]), centres)
        names[inside] = np.array([f"{lifecycle} {n + 1}" for n in range(len(centres))], dtype=object)[near]
        above[inside] = np.array([_traits_of(c, 1) for c in centres], dtype=object)[near]
        below[inside] = np.array([_traits_of(c, -1) for c in centres], dtype=object)[near]
    return pa.table(
        {
            "customer_id": pa.array(known.ids, pa.string()),
            "micro_segment": pa.array(names, pa.string()),
            "traits_above": pa.array(above, pa.string()),
            "traits_below": pa.array(below, pa.string()),
            "model_version": pa.array([artefact["version"]] * len(known), pa.string()),
        }
    )


def nearest(values: Matrix, centres: Matrix) -> Any:
    """Return for each row (rows, traits) which centre (groups, traits) is nearest."""
    return np.argmin(
        (values**2).sum(axis=1)[:, None] - 2 * values @ centres.T + (centres**2).sum(axis=1)[None, :], axis=1
    )


def _traits_of(centre: Matrix, sign: int) -> str:
    strong = sorted((n for n in range(len(TRAITS)) if centre[n] * sign >= 0.5), key=lambda n: -centre[n] * sign)
    return ",".join(TRAITS[n] for n in strong[:3])


def _logs(known: Examples) -> Matrix:
    return np.asarray(np.log1p(np.maximum(np.column_stack([known.columns[t] for t in TRAITS]), 0)), dtype=np.float64)
