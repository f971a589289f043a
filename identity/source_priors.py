"""How likely a match is between two sources, beside how likely it is on the whole.

A shop that knows its customers by their account keeps a person once; a CRM that takes in lists keeps many twice; two systems of one
company share most of their people. So the prior of a pair depends on where its records come from, and is learnt, as the prior is,
from the pairs that the model finds (without labels). In: scored pairs and the records of each source. Out: bits per pair of sources,
to be added to the match weight: 0 where nothing is known of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import numpy.typing as npt

from identity.declared import rules_in_force

#: Expectation maximisation ends after so many rounds, or when no prior moves by so many bits.
ROUNDS, STILL_BITS = 50, 0.01
#: Weights are counted by steps of so many bits.
STEP_BITS = 0.05

#: Bits per pair of sources, by their names joined by a bar, the smaller name first.
SourceBits = dict[str, float]


def source_of(record_key: str) -> str:
    """Return the expression for where a record comes from: what stands before the colon of its key."""
    return f"split_part({record_key}, ':', 1)"


def sources_of(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the sources of records that take part, in the order of their numbers (`source_n` of `taking_part`)."""
    found = f"SELECT DISTINCT {source_of('record_key')} FROM identity.records WHERE exclusion IS NULL ORDER BY 1"
    return [str(row[0]) for row in con.execute(found).fetchall()]


def pair_of(one: str, other: str) -> str:
    """Return the name of a pair of sources."""
    return f"{min(one, other)}|{max(one, other)}"


def bits_expression(bits: Mapping[str, float], sources: Sequence[str]) -> str:
    """Return the expression for the bits of a pair of scored records; empty where all are 0.

    Args:
        bits: what :func:`source_bits` returned.
        sources: the sources of the records at hand, in the order of their numbers.
    """
    table = [bits.get(pair_of(one, other), 0.0) for one in sources for other in sources]
    if not any(table):
        return ""
    listed = ", ".join(f"{value:.4f}" for value in table)
    return f"([{listed}]::DOUBLE[])[source_n_l * {len(sources)} + source_n_r + 1]"


def source_bits(
    con: duckdb.DuckDBPyConnection, scored: Sequence[str], weight: str, prior_bits: float, sources: Sequence[str]
) -> SourceBits:
    """Learn how much likelier a match is between each two sources than on the whole.

    As the prior is re-estimated: the expected matches among the scored pairs give a prior for each two sources, until it stays. Few
    records tell little, so each pair of sources starts with some matches at the common prior (`source_priors` of the rules).

    Args:
        con: where `taking_part` and the scored pairs are.
        scored: tables of scored pairs with `source_n_l`, `source_n_r`.
        weight: the expression for a pair's weight, by the common prior.
        prior_bits: the common prior, in bits.
        sources: the sources in the order of their numbers.
    """
    rules = rules_in_force().source_priors
    if rules is None or len(sources) < 2 or not scored:
        return {}
    counted = con.execute(f"SELECT {source_of('record_key')}, count(*) FROM taking_part GROUP BY 1").fetchall()
    records = np.array([dict(counted)[source] for source in sources], dtype=float)
    pairs = np.triu(np.outer(records, records))
    np.fill_diagonal(pairs, records * (records - 1) / 2)
    found = con.sql(
        f"SELECT least(source_n_l, source_n_r) AS one, greatest(source_n_l, source_n_r) AS other, "
        f"round({weight} / {STEP_BITS})::BIGINT AS step, count(*) AS n FROM "
        f"({' UNION ALL '.join(f'SELECT * FROM {table}' for table in scored)}) GROUP BY ALL ORDER BY ALL"
    ).to_arrow_table()
    at = found["one"].to_numpy().astype(np.int64) * len(sources) + found["other"].to_numpy()
    weights, n = found["step"].to_numpy() * STEP_BITS, found["n"].to_numpy().astype(float)
    there = [int(place) for place in np.flatnonzero(pairs.ravel())]
    together = _settled(np.zeros(len(n), dtype=np.int64), weights, n, np.array([pairs.sum()]), prior_bits)[0]
    each = _settled(at, weights, n, pairs.ravel(), prior_bits, rules.matches_before, float(together))
    return {
        pair_of(sources[place // len(sources)], sources[place % len(sources)]): round(
            float(min(max(each[place] - together, -rules.most_bits), rules.most_bits)), 4
        )
        for place in there
    }


def _settled(
    at: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    n: npt.NDArray[np.float64],
    pairs: npt.NDArray[np.float64],
    prior_bits: float,
    before: float = 0.0,
    start: float = 0.0,
) -> npt.NDArray[np.float64]:
    """Return the shift of the prior, in bits, that agrees with what is found with it; one per place of `pairs`.

    Args:
        at: the place of each class of pairs.
        weights: what the pairs of a class weigh by the common prior.
        n: how many pairs are in the class.
        pairs: how many pairs of records each place has.
        prior_bits: the common prior.
        before: matches that a place has beforehand, at the shift `start`.
        start: where to start.
    """
    shift = np.full(len(pairs), start)
    common = 1 / (1 + 2.0 ** -(prior_bits + start))
    for _ in range(ROUNDS):
        expected = np.bincount(at, n / (1 + 2.0 ** -np.clip(weights + shift[at], -60, 60)), minlength=len(pairs))
        chance = np.clip((expected + before) / np.maximum(pairs + before / common, 1), 1e-12, 0.1)
        fresh = np.log2(chance / (1 - chance)) - prior_bits
        if np.abs(fresh - shift).max() < STILL_BITS:
            break
        shift = fresh
    return shift


def bits_of(bits: Mapping[str, float], record_l: str, record_r: str) -> float:
    """Return the bits of two records by their keys."""
    one, other = (key.partition(":")[0] for key in (record_l, record_r))
    return bits.get(pair_of(one, other), 0.0)
