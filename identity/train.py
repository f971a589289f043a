"""Train the linkage model without labels, apart from prediction.

In: `identity.records`. Out: a model file. How: u of dense fields by random sampling, u of sparse identifiers from pairs
that share the value and contradict in the given name, m by expectation maximisation in several blocks, the prior last,
re-estimated from the pairs that the model itself finds (deterministic rules alone can be off by a factor of 60).
Fellegi and Sunter (1969); the EM of Winkler as Splink implements it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb

from identity import model as model_parts
from identity.cluster import cluster_records
from identity.declared import of_join, rules_in_force
from identity.link import blocked_input, count_frequencies, link_records, prepare_input, use_frequencies
from identity.model import ModelNotTrained, labels_of
from warehouse.duck import connect, count
from warehouse.errors import edge
from warehouse.steps import StepResult, step

#: No probability is taken as smaller: a level nobody was seen in is rare, not impossible.
FLOOR_M, FLOOR_U = 2e-3, 1e-7
RARE_PAIRS = 1_000_000
#: A block of fewer pairs teaches too little, one of more is mostly of strangers.
MIN_TRAINING_PAIRS, MAX_TRAINING_PAIRS = 300, 20_000_000
#: Of an unknown table: so many runs at least, and no run where more of the matches than this contradict each other.
FEWEST_RUNS, MOST_CONTRADICTIONS = 3, 0.5
#: What blocks taught counts like so many pairs of clusters.
PAIRS_BEFORE = 200


def train(con: duckdb.DuckDBPyConnection, path: Path, seed: int = 7, *, of_any_table: bool = False) -> StepResult:
    """Train on the records at hand and write a model file.

    Args:
        con: where `identity.records` is.
        path: the model file.
        seed: of the random sample of pairs.
        of_any_table: the records are of tables that may lack whole columns: what cannot be learnt from them is taken from
            the shipped model, and said.

    Raises:
        ModelNotTrained: a level stays without numbers.
        CdpError: there are too few records to train on.
    """
    with step("train") as result, edge("identity"), model_parts.scratch_removed(con):
        records = prepare_input(con)
        if records < 200:
            raise ModelNotTrained(f"{records} records are too few to train on; at least 200 are needed")
        fixed_u = _sparse_u(con)
        built = model_parts.comparisons(fixed_u=fixed_u)
        linker = model_parts.linker(con, "splink_input", 1 / max(records, 2), built, frequencies=False)
        count_frequencies(con)
        use_frequencies(con, linker, "new_frequencies")
        linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=seed)
        learnt = _learnt(con, linker) if of_any_table else None
        if learnt is None:
            for columns in rules_in_force().training_rules:
                _expect(linker, columns)
        shipped = model_parts.numbers_of(model_parts.load_model(model_parts.shipped_path())) if of_any_table else {}
        absent = [c for c in shipped if not model_parts.is_compared(con, "splink_input", c)]
        trained = _numbers(linker.misc.save_model_to_json(), shipped, learnt)
        trained |= {comparison: shipped[comparison] for comparison in absent}
        prior = _prior(con, trained, records)
        _write_numbers(path, records, prior, trained)
        if of_any_table:
            trained = _from_clusters(con, path, trained)
            records = prepare_input(con)
            count_frequencies(con, by_clusters=True)
            prior = _prior(con, trained, records)
            _write_numbers(path, records, prior, trained)
        model_parts.load_model(path)
        result.rows_in = records
        result.facts = {"prior": float(f"{prior:.6g}"), "model": path.name}
        if absent:
            result.facts["not_in_these_tables"] = absent
        if learnt == {}:
            result.facts["levels"] = "shipped"
    return result


def _write_numbers(path: Path, records: int, prior: float, numbers: dict[str, list[tuple[float, float]]]) -> None:
    model_parts.write_model(
        path,
        {
            "entity": rules_in_force().entity,
            "records": records,
            "prior": float(f"{prior:.6g}"),
            "comparisons": {
                name: [
                    {"label": label, "m": float(f"{m:.6g}"), "u": float(f"{u:.6g}")}
                    for label, (m, u) in zip(labels_of(name), pairs, strict=True)
                ]
                for name, pairs in numbers.items()
            },
        },
    )


def _from_clusters(
    con: duckdb.DuckDBPyConnection, path: Path, numbers: dict[str, list[tuple[float, float]]]
) -> dict[str, list[tuple[float, float]]]:
    """Learn m once more from the clusters that a first model makes.

    A block shows pairs that agree in what it blocks on; inside a cluster stand all pairs of one person's records, those too that only
    a third record holds together. Where clusters show few pairs, what was learnt in blocks weighs with them.

    Args:
        con: where the records are; links and clusters are replaced.
        path: the first model.
        numbers: its numbers.
    """
    link_records(con, model_file=path, with_evidence=True, full=True)
    cluster_records(con)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE of_one AS SELECT l.* FROM identity.links AS l "
        "JOIN identity.clusters AS a ON a.record_key = l.record_l "
        "JOIN identity.clusters AS b ON b.record_key = l.record_r AND b.cluster_key = a.cluster_key"
    )
    learnt = {}
    for comparison, levels in numbers.items():
        counted = con.execute(
            f"SELECT gamma_{comparison}, count(*) FROM of_one WHERE gamma_{comparison} >= 0 GROUP BY 1"
        ).fetchall()
        pairs, of_all = dict(counted), sum(n for _, n in counted)
        last = len(levels) - 1
        m = [
            max((pairs.get(last - at, 0) + PAIRS_BEFORE * before) / (of_all + PAIRS_BEFORE), FLOOR_M)
            for at, (before, _) in enumerate(levels)
        ]
        learnt[comparison] = [(each / sum(m), u) for each, (_, u) in zip(m, levels, strict=True)]
    con.execute("DROP TABLE of_one")
    return learnt


def train_on_working_file(path: Path | None = None) -> StepResult:
    """Train on the working file's records and write the company's own model, which links from then on."""
    con = connect()
    try:
        return train(con, path or model_parts.trained_path())
    finally:
        con.close()


def _expect(linker: Any, columns: tuple[str, ...]) -> Any:
    from splink import block_on

    return linker.training.estimate_parameters_using_expectation_maximisation(
        block_on(*columns), fix_probability_two_random_records_match=False, max_pairs=2e6
    )


def _learnt(con: duckdb.DuckDBPyConnection, linker: Any) -> dict[str, list[float]]:
    """Learn m in the declared blocks and, where they find too little, in others, until every comparison is covered.

    Expectation maximisation may take strangers for the matches where a block holds mostly strangers. It shows: among matches
    agreement is more common than contradiction. Such a run is left out whole.

    Returns:
        The mean m of each level, over the runs that a comparison was free in; nothing where no block teaches anything.
    """
    present = {c for c in rules_in_force().comparisons if model_parts.is_compared(con, "splink_input", c)}
    runs: dict[str, list[list[float]]] = {}
    accepted = 0
    for rule in (*rules_in_force().training_rules, *rules_in_force().more_training_rules):
        if accepted >= FEWEST_RUNS and present <= set(runs):
            break
        if not MIN_TRAINING_PAIRS <= model_parts.pairs_by(con, "splink_input", rule) <= MAX_TRAINING_PAIRS:
            continue
        found: dict[str, list[float]] = {}
        for comparison in _expect(linker, rule).core_model_settings.comparisons:
            name = comparison.output_column_name
            if name in present and not _looks_at(rule, name):
                levels = [level.m_probability for level in comparison.comparison_levels if not level.is_null_level]
                found[name] = [m if isinstance(m, float) else 0.0 for m in levels]
        if any(m[-1] > MOST_CONTRADICTIONS for m in found.values()):
            continue
        accepted += 1
        for name, levels in found.items():
            if sum(levels) > 0:
                runs.setdefault(name, []).append(levels)
    return {name: [sum(at) / len(all_runs) for at in zip(*all_runs, strict=True)] for name, all_runs in runs.items()}


def _looks_at(rule: tuple[str, ...], comparison: str) -> bool:
    """Tell whether a block fixes what a comparison looks at; then the comparison cannot be trained in it."""
    return bool(set(rule) & set(rules_in_force().comparisons[comparison].columns))


def _sparse_u(con: duckdb.DuckDBPyConnection) -> dict[str, dict[int, float]]:
    """Return u of the exact level of sparse identifiers: how often two different people share one.

    Pairs that share a value and look like strangers, as declared, are taken as different people.
    """
    found: dict[str, dict[int, float]] = {
        name: {at: level.u for at, level in enumerate(comparison.levels) if level.u}
        for name, comparison in rules_in_force().comparisons.items()
    }
    rules = rules_in_force()
    strangers = of_join(rules.strangers_when)
    for comparison, declared in rules.comparisons.items():
        column = declared.identifier
        if not column:
            continue
        known = count(con, f"splink_input WHERE {column} IS NOT NULL AND {rules.tells_apart} IS NOT NULL")
        known_in = model_parts.in_small_blocks("splink_input", column)
        shared = count(
            con,
            f"{known_in} AS a JOIN {known_in} AS b ON a.{column} = b.{column} AND a.record_key < b.record_key WHERE {strangers}",
        )
        # In tables that have none of an identifier nothing is known of it: it is taken as rare.
        pairs = max(known * (known - 1) / 2, 1 if known else RARE_PAIRS)
        found.setdefault(comparison, {})[0] = max(shared / pairs, 0.2 / pairs, FLOOR_U)
    return found


def _numbers(
    saved: dict[str, Any],
    otherwise: dict[str, list[tuple[float, float]]] | None = None,
    learnt: dict[str, list[float]] | None = None,
) -> dict[str, list[tuple[float, float]]]:
    """Take (m, u) per level out of Splink's model, bounded away from zero, m and u summing to one."""
    out: dict[str, list[tuple[float, float]]] = {}
    for comparison in saved["comparisons"]:
        name = comparison["output_column_name"]
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        m: list[float] = []
        u: list[float] = []
        for at, level in enumerate(levels):
            known_m, known_u = (otherwise or {}).get(name, [(None, None)] * len(levels))[at]
            learnt_m = learnt[name][at] if learnt and name in learnt else None
            declared = rules_in_force().comparisons[name].levels
            is_last = at == len(declared)
            # Differing is what is left, where nobody was seen to differ.
            rare_m = max(1 - sum(m), FLOOR_M) if is_last else declared[at].rare_m
            rest_u = max(1 - sum(u), FLOOR_U) if is_last else None
            # Where nothing was learnt at all, what the shipped model knows goes before what is usual.
            usual_m = known_m or rare_m if learnt == {} else rare_m or known_m
            m_found = (level.get("m_probability") if learnt is None else learnt_m) or usual_m
            u_found = level.get("u_probability") or known_u or rest_u
            if m_found is None or u_found is None:
                missing = "m" if m_found is None else "u"
                raise ModelNotTrained(
                    f"no {missing} for '{level['label_for_charts']}': no pair of records shows it. "
                    "Train on more records, or keep the shipped model."
                )
            m.append(max(m_found, FLOOR_M))
            u.append(max(u_found, FLOOR_U))
        # All levels before it give way alike.
        least, rest = rules_in_force().comparisons[name].different_m_from, sum(m[:-1])
        if least and m[-1] < least * sum(m):
            m = [value / rest * (1 - least) for value in m[:-1]] + [least]
        out[name] = [(a / sum(m), b / sum(u)) for a, b in zip(m, u, strict=True)]
    return out


def _prior(con: duckdb.DuckDBPyConnection, numbers: dict[str, list[tuple[float, float]]], records: int) -> float:
    """Return the probability that two random records match, so that it agrees with what the model finds.

    Starting from one in the number of records, the expected matches among candidate pairs give a new prior, until it
    stays. The weights need scoring only once: a new prior shifts all of them alike.
    """
    start = 1 / records
    blocks = blocked_input(con, records)
    built = model_parts.comparisons(numbers)
    linker = model_parts.linker(con, "blocked_input", start, built, blocks=blocks, frequencies=False)
    use_frequencies(con, linker, "new_frequencies")
    scored = linker.inference.predict(threshold_match_weight=-20)
    table, total = scored.physical_name, records * (records - 1) / 2
    prior = start
    for _ in range(30):
        shift = model_parts.prior_bits(prior) - model_parts.prior_bits(start)
        expected = con.execute(f"SELECT sum(1 / (1 + power(2, -(match_weight + {shift})))) FROM {table}").fetchall()[0][
            0
        ]
        fresh = min(max(float(expected or 0) / total, 1e-12), 0.1)
        if abs(math.log2(fresh / prior)) < 0.01:
            break
        prior = fresh
    return prior
