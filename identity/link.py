"""Pairs of records believed the same, with how strongly and why.

In: `identity.records`, a trained model, people's judgements. Out: `identity.links`, one row per pair of records in a
group that loose evidence connects: every pair inside a group is scored, so that clustering sees all of it. What stays
true: prediction never trains; a re-run with the same records and model writes the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from identity import model as model_parts
from identity.declared import person_rules
from identity.model import COMPARED_COLUMNS
from warehouse.duck import count, name
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.steps import StepResult, step

#: (record key, record key, "same" or "not same")
Judgement = tuple[str, str, str]


def prepare_input(con: duckdb.DuckDBPyConnection) -> int:
    """Make the table that Splink reads: one row per record that takes part; return its rows."""
    columns = ", ".join(COMPARED_COLUMNS)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE splink_input AS SELECT record_key, {columns} "
        "FROM identity.records WHERE exclusion IS NULL ORDER BY record_key"
    )
    return count(con, "splink_input")


def link_records(
    con: duckdb.DuckDBPyConnection,
    judgements: Sequence[Judgement] = (),
    model_file: Path | None = None,
    *,
    with_evidence: bool = False,
) -> StepResult:
    """Replace `identity.links`.

    Args:
        con: where `identity.records` is.
        judgements: what people decided.
        model_file: the numbers to link by; those in force by default.
        with_evidence: keep the level of each comparison too (`gamma_given`, …), for words about pairs.

    Grain: one row per unordered pair (`record_l` < `record_r`) inside a group, with `match_weight` in bits, `kind`
    (probabilistic, deterministic, judgement) and the group.

    Raises:
        ModelNotTrained: there is no model, or it does not fit.
    """
    from splink import block_on

    with step("link") as result, edge("identity"), model_parts.scratch_removed(con):
        rules, model = person_rules(), model_parts.load_model(model_file)
        result.rows_in = prepare_input(con)
        blocks, too_many = model_parts.usable_rules(con, "splink_input", result.rows_in)
        linker = model_parts.linker(
            con,
            "splink_input",
            model_parts.prior_for(model, result.rows_in),
            model_parts.comparisons(model_parts.numbers_of(model)),
            rules=blocks,
        )
        predicted = linker.inference.predict(threshold_match_weight=rules.loose_cut_bits)
        edges = con.sql(
            f"SELECT l, r, w FROM (SELECT record_key_l AS l, record_key_r AS r, {pair_weight()} AS w "
            f"FROM {predicted.physical_name}) WHERE w >= {rules.loose_cut_bits} UNION ALL ({_deterministic()})"
        ).to_arrow_table()
        keys = con.sql("SELECT record_key FROM splink_input ORDER BY record_key").to_arrow_table()["record_key"]
        groups, split = _groups(keys, edges, judgements)
        fault("link.before_write")
        con.register("grouped", pa.table({"record_key": keys, "group_id": groups}))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE splink_groups AS SELECT s.*, g.group_id FROM splink_input AS s "
            "JOIN grouped AS g USING (record_key) "
            "WHERE g.group_id IN (SELECT group_id FROM grouped GROUP BY group_id HAVING count(*) > 1)"
        )
        con.unregister("grouped")
        if count(con, "splink_groups"):
            api_table = linker._db_api.register("splink_groups", dataset_display_name="groups")
            scored = linker.inference.predict_within(
                api_table, blocking_rules_to_generate_predictions=[block_on("group_id")]
            ).physical_name
        else:
            con.execute(f"CREATE OR REPLACE TEMP TABLE no_pairs AS SELECT * FROM {predicted.physical_name} WHERE false")
            scored = "no_pairs"
        _write_links(con, scored, judgements, with_evidence)
        result.rows_out = count(con, "identity.links")
        result.facts = {"model_version": model["version"], "predicted": edges.num_rows, "groups_split": split}
        if too_many:
            result.facts["blocks_left_out"] = too_many
    return result


def pair_weight() -> str:
    """Return a pair's weight, less what a household shares when the given names contradict each other."""
    rules = person_rules()
    # Rounded, so that sums in another order of threads give the same bytes.
    return (
        f"round(CASE WHEN {model_parts.TWO_NAMES} THEN least(match_weight - {rules.household_penalty_bits}, {rules.two_names_cap_bits}) "
        f"WHEN {model_parts.COPIED_NUMBER} THEN least(match_weight, {rules.copied_number_cap_bits}) "
        f"WHEN {model_parts.ANYBODY} THEN least(match_weight, {rules.anybody_cap_bits}) "
        f"WHEN {model_parts.HOUSEHOLD} THEN match_weight - {rules.household_penalty_bits} ELSE match_weight END, 6)"
    )


def _deterministic() -> str:
    """Return the pairs that share a verified identifier and do not contradict each other in the given name."""
    rules = person_rules()
    same_name = (
        "(a.given_first IS NULL OR b.given_first IS NULL OR a.given_first = b.given_first "
        "OR jaro_winkler_similarity(a.given_canonical, b.given_canonical) >= 0.8 "
        "OR substr(a.given_first, 1, 1) = substr(b.given_first, 1, 1) AND least(length(a.given_first), length(b.given_first)) = 1 "
        "OR list_has_any(string_split(a.given_canonical, ' '), string_split(b.given_canonical, ' ')))"
    )
    parts = [
        f"SELECT a.record_key AS l, b.record_key AS r, {rules.deterministic_bits}::DOUBLE AS w FROM splink_input AS a "
        f"JOIN splink_input AS b ON a.{name(column)} = b.{name(column)} AND a.record_key < b.record_key WHERE {same_name}"
        for column in rules.deterministic
    ]
    return " UNION ALL ".join(parts)


def _groups(keys: Any, edges: pa.Table, judgements: Sequence[Judgement]) -> tuple[npt.NDArray[np.int64], int]:
    """Connect records by loose evidence; groups that grow too large are connected again by stricter evidence.

    Returns:
        A group number per record, in the order of `keys`, and how many groups had to be split.
    """
    rules = person_rules()
    place = {key: i for i, key in enumerate(keys.to_pylist())}
    left = np.fromiter((place[k] for k in edges["l"].to_pylist()), dtype=np.int64, count=edges.num_rows)
    right = np.fromiter((place[k] for k in edges["r"].to_pylist()), dtype=np.int64, count=edges.num_rows)
    weight = edges["w"].to_numpy().astype(float)
    said = [(place[a], place[b]) for a, b, verdict in judgements if verdict == "same" and a in place and b in place]
    left = np.concatenate([left, np.array([a for a, _ in said], dtype=np.int64)])
    right = np.concatenate([right, np.array([b for _, b in said], dtype=np.int64)])
    weight = np.concatenate([weight, np.full(len(said), 1000.0)])
    size = len(place)
    cut, split = rules.loose_cut_bits, 0
    keep = weight >= cut
    while True:
        graph = coo_array((np.ones(int(keep.sum())), (left[keep], right[keep])), shape=(size, size))
        _, labels = connected_components(graph, directed=False)
        sizes = np.bincount(labels, minlength=1)
        large = sizes > rules.max_group_records
        if not large.any() or cut > rules.clip_bits.high:
            return labels.astype(np.int64), split
        split += int(large.sum())
        cut += 2.0
        in_large = large[labels[left]]
        keep = keep & (~in_large | (weight >= cut))


def _write_links(
    con: duckdb.DuckDBPyConnection, scored: str, judgements: Sequence[Judgement], with_evidence: bool
) -> None:
    gammas = [f"gamma_{comparison}" for comparison in model_parts.LEVELS] if with_evidence else []
    kept, shown = "".join(f", {g}" for g in gammas), "".join(f", s.{g}" for g in gammas)
    con.execute("CREATE OR REPLACE TEMP TABLE judged_pairs (l VARCHAR, r VARCHAR, verdict VARCHAR)")
    if judgements:
        con.executemany("INSERT INTO judged_pairs VALUES (?, ?, ?)", [list(j) for j in judgements])
    bits = person_rules().deterministic_bits
    con.execute(
        f"""
        CREATE OR REPLACE TABLE identity.links AS
        WITH scored AS (
            SELECT least(record_key_l, record_key_r) AS record_l, greatest(record_key_l, record_key_r) AS record_r,
                {pair_weight()} AS match_weight{kept} FROM {scored}
        ),
        verified AS (SELECT least(l, r) AS l, greatest(l, r) AS r FROM ({_deterministic()}) GROUP BY ALL),
        said AS (SELECT least(l, r) AS l, greatest(l, r) AS r, any_value(verdict) AS verdict FROM judged_pairs GROUP BY ALL)
        SELECT s.record_l, s.record_r,
            CASE WHEN v.l IS NOT NULL THEN greatest(s.match_weight, {bits}) ELSE s.match_weight END AS match_weight,
            CASE WHEN said.l IS NOT NULL THEN 'judgement' WHEN v.l IS NOT NULL THEN 'deterministic' ELSE 'probabilistic' END AS kind,
            said.verdict, g.group_id{shown}
        FROM scored AS s
        JOIN splink_groups AS g ON g.record_key = s.record_l
        LEFT JOIN verified AS v ON v.l = s.record_l AND v.r = s.record_r
        LEFT JOIN said ON said.l = s.record_l AND said.r = s.record_r
        ORDER BY 1, 2
        """
    )
    fault("link.after_write")
