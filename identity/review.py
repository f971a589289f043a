"""What stewards should look at first, and what their decisions say about all the pairs they did not look at.

In: `identity.links`, `identity.clusters`, people's judgements. Out: `identity.review_queue`, one row per pair worth a look that
nobody has judged, the one that matters most first; `identity.customer_links`, the pairs that hold each customer together; an
estimate of precision and recall with intervals from the judgements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np

from identity.declared import rules_in_force
from identity.groups import Judgement
from warehouse.duck import count, has_table, rows
from warehouse.errors import CdpError, edge
from warehouse.steps import StepResult, step

#: Classes of match weights, in bits, within which a judged pair speaks for those that were not judged.
BANDS = (-1e9, -6.0, -2.0, 0.0, 2.0, 5.0, 9.0, 1e9)
DRAWS = 20_000


def build_review_queue(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Replace `identity.review_queue`.

    Grain: one row per unordered pair of records. `priority` is uncertainty (entropy of the pair's probability, in bits; 1 where
    the decision went against the pair's own evidence) × the logarithm of what the customers spent (where the marts know it) × the
    number of records the decision moves.
    """
    with step("review queue") as result, edge("identity"):
        rules = rules_in_force()
        spent = (
            "SELECT customer_id, lifetime_revenue_usd AS revenue_usd FROM marts.customers"
            if _has_revenue(con)
            else "SELECT ''::VARCHAR AS customer_id, 0.0 AS revenue_usd WHERE false"
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE identity.review_queue AS
            WITH sizes AS (SELECT cluster_key, count(*) AS records FROM identity.clusters GROUP BY 1),
            spent AS ({spent}),
            pairs AS (
                SELECT l.record_l, l.record_r, l.match_weight, a.cluster_key = b.cluster_key AS is_same,
                    CASE WHEN a.cluster_key = b.cluster_key THEN sa.records ELSE sa.records + sb.records END AS records,
                    1 / (1 + power(2, -greatest(least(l.match_weight, 40), -40))) AS probability,
                    CASE WHEN a.cluster_key = b.cluster_key THEN coalesce(va.revenue_usd, 0)
                         ELSE coalesce(va.revenue_usd, 0) + coalesce(vb.revenue_usd, 0) END AS value_usd
                FROM identity.links AS l
                JOIN identity.clusters AS a ON a.record_key = l.record_l
                JOIN identity.clusters AS b ON b.record_key = l.record_r
                JOIN sizes AS sa ON sa.cluster_key = a.cluster_key
                JOIN sizes AS sb ON sb.cluster_key = b.cluster_key
                LEFT JOIN identity.members AS ma ON ma.record_key = l.record_l
                LEFT JOIN identity.members AS mb ON mb.record_key = l.record_r
                LEFT JOIN spent AS va ON va.customer_id = ma.customer_id
                LEFT JOIN spent AS vb ON vb.customer_id = mb.customer_id
                WHERE l.verdict IS NULL
            ),
            weighed AS (
                SELECT *, CASE WHEN is_same <> (match_weight >= {rules.merge_cut_bits}) THEN 1.0
                    ELSE -probability * log2(probability) - (1 - probability) * log2(1 - probability) END AS uncertainty_bits
                FROM pairs
            )
            SELECT record_l, record_r, match_weight, probability, is_same, records, value_usd, uncertainty_bits,
                round(uncertainty_bits * (1 + ln(1 + greatest(value_usd, 0))) * records, 4) AS priority
            FROM weighed WHERE uncertainty_bits >= {rules.review_from_bits}
            ORDER BY priority DESC, record_l, record_r
            """
        )
        con.execute(
            """
            CREATE OR REPLACE TABLE identity.customer_links AS
            SELECT a.customer_id, l.record_l, l.record_r, l.match_weight, l.kind, l.verdict FROM identity.links AS l
            JOIN identity.members AS a ON l.record_l = a.record_key JOIN identity.members AS b ON l.record_r = b.record_key
            WHERE a.customer_id = b.customer_id ORDER BY a.customer_id, l.record_l, l.record_r
            """
        )
        result.rows_in, result.rows_out = count(con, "identity.links"), count(con, "identity.review_queue")
    return result


def _has_revenue(con: duckdb.DuckDBPyConnection) -> bool:
    if not has_table(con, "marts", "customers"):
        return False
    found = rows(
        con,
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'marts' AND table_name = 'customers'",
    )
    return "lifetime_revenue_usd" in {row["column_name"] for row in found}


def sampled_quality(con: duckdb.DuckDBPyConnection, said: Sequence[Judgement], seed: int = 7) -> dict[str, Any]:
    """Estimate precision and recall of the pairs that the evidence calls the same, from what stewards judged.

    Stewards look at doubtful pairs, so judged pairs speak only for pairs of their own class of weight: within each class the share
    that is right follows Beta(right + 1/2, wrong + 1/2) (Jeffreys), and the classes are added up by how many pairs each has. Pairs
    that no group connects are not seen: the recall is that of the pairs compared.

    Returns:
        `precision` and `recall` with `low` and `high` (95 %), `labels`, and per class its pairs, labels and share that is the same.

    Raises:
        CdpError: nobody judged a pair that is linked.
    """
    labelled = {(min(a, b), max(a, b)): verdict == "same" for a, b, verdict in said}
    pairs = con.sql("SELECT record_l, record_r, match_weight FROM identity.links").to_arrow_table()
    band = np.digitize(pairs["match_weight"].to_numpy(), BANDS[1:-1])
    totals = np.bincount(band, minlength=len(BANDS) - 1)
    same, seen = np.zeros(len(totals)), np.zeros(len(totals))
    for place, pair in enumerate(zip(pairs["record_l"].to_pylist(), pairs["record_r"].to_pylist(), strict=True)):
        if pair in labelled:
            seen[band[place]] += 1
            same[band[place]] += labelled[pair]
    if not seen.sum():
        raise CdpError(
            "nobody judged a pair that is linked yet; look at `cdp review-queue`, and decide with `cdp judge`"
        )
    chance = np.random.default_rng(seed)
    shares = chance.beta(same + 0.5, seen - same + 0.5, size=(DRAWS, len(totals)))
    taken = np.array(BANDS[:-1]) >= rules_in_force().merge_cut_bits
    right = shares * totals
    precision = right[:, taken].sum(axis=1) / max(totals[taken].sum(), 1)
    recall = right[:, taken].sum(axis=1) / np.maximum(right.sum(axis=1), 1e-9)
    return {
        "labels": int(seen.sum()),
        "precision": _interval(precision),
        "recall": _interval(recall),
        "classes": [
            {"from_bits": low, "pairs": int(n), "labels": int(k), "same": int(s)}
            for low, n, k, s in zip(BANDS, totals, seen, same, strict=False)
        ],
    }


def _interval(draws: np.ndarray) -> dict[str, float]:
    low, middle, high = np.quantile(draws, (0.025, 0.5, 0.975))
    return {"estimate": round(float(middle), 4), "low": round(float(low), 4), "high": round(float(high), 4)}
