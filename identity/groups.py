"""Records that loose evidence connects, as groups, and every pair inside them scored.

In: `loose_pairs` of a run and people's judgements. Out: the temporary tables `grouped`, `group_contents` and `links`, which
:mod:`identity.link` writes. Every pair inside a group is scored, so that clustering sees all of it; groups that grow too large are
connected again by stricter evidence; groups that are as they were are taken over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from identity.declared import of_join, rules_in_force
from warehouse.duck import count, digest, has_table, name

#: (record key, record key, "same" or "not same")
Judgement = tuple[str, str, str]

NO_PAIRS = "SELECT ''::VARCHAR AS l, ''::VARCHAR AS r, 0.0::DOUBLE AS w WHERE false"


def group_records(con: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement]) -> int:
    """Make `grouped` (a group per record that is connected with another) and `group_contents` (what each group is, by a hash).

    Groups that grow too large are connected again by stricter evidence.

    Returns:
        How many groups had to be split.
    """
    _judged_pairs(con, judgements)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT record_key, content, "
        "row_number() OVER (ORDER BY record_key) - 1 AS n FROM splink_input"
    )
    pairs = con.sql(
        "SELECT a.n AS l, b.n AS r, p.w FROM (SELECT l, r, w FROM loose_pairs UNION ALL "
        "SELECT l, r, 1000.0 FROM judged_pairs WHERE verdict = 'same') AS p "
        "JOIN numbered AS a ON a.record_key = p.l JOIN numbered AS b ON b.record_key = p.r"
    ).to_arrow_table()
    left, right, weight = (pairs[column].to_numpy() for column in ("l", "r", "w"))
    labels, split = _components(left, right, weight.astype(float), count(con, "numbered"))
    _, first = np.unique(labels, return_index=True)
    together = np.bincount(labels, minlength=1)[labels] > 1 if len(labels) else np.array([], dtype=bool)
    con.register("labelled", pa.table({"n": np.flatnonzero(together), "group_n": first[labels][together]}))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE grouped AS SELECT m.record_key, m.content, g.record_key AS group_id "
        "FROM labelled AS l JOIN numbered AS m ON m.n = l.n JOIN numbered AS g ON g.n = l.group_n"
    )
    con.unregister("labelled")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE group_contents AS
        WITH judged AS (
            SELECT a.group_id, bit_xor({digest("p.l", "p.r", "p.verdict")}) AS said
            FROM judged_pairs AS p JOIN grouped AS a ON a.record_key = p.l JOIN grouped AS b ON b.record_key = p.r
            WHERE a.group_id = b.group_id GROUP BY 1
        )
        SELECT g.group_id, count(*) AS records, bit_xor(g.content) AS members, coalesce(any_value(j.said), 0) AS said
        FROM grouped AS g LEFT JOIN judged AS j USING (group_id) GROUP BY 1
        """
    )
    return split


def _judged_pairs(con: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement]) -> None:
    """Make `judged_pairs`: what people decided, and what the sources themselves merged, unless a person decided otherwise."""
    ordered = sorted((min(a, b), max(a, b), verdict) for a, b, verdict in judgements)
    said = (
        pl.DataFrame(ordered, schema=["l", "r", "verdict"], orient="row")
        if ordered
        else pl.DataFrame(schema=dict.fromkeys(("l", "r", "verdict"), pl.String))
    )
    con.register("said_pairs", said.to_arrow())
    con.execute("CREATE OR REPLACE TEMP TABLE judged_pairs AS SELECT *, 'judgement' AS kind FROM said_pairs")
    con.unregister("said_pairs")
    if has_table(con, "identity", "source_merges"):
        con.execute(
            "INSERT INTO judged_pairs SELECT DISTINCT least(record_key, into_key) AS l, greatest(record_key, into_key) AS r, 'same', 'source' "
            "FROM identity.source_merges WHERE NOT EXISTS (FROM judged_pairs AS j WHERE j.l = least(record_key, into_key) "
            "AND j.r = greatest(record_key, into_key)) ORDER BY 1, 2"
        )


def _components(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[np.int64], int]:
    rules = rules_in_force()
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


def groups_to_score(con: duckdb.DuckDBPyConnection, fresh: bool) -> None:
    """Make `scored_groups` (all, or those that changed) and `splink_groups`, their records."""
    known = "FROM identity.linked_groups AS k WHERE (k.group_id, k.records, k.members, k.said) = (c.group_id, c.records, c.members, c.said)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE scored_groups AS SELECT group_id FROM group_contents AS c"
        + ("" if fresh else f" WHERE NOT EXISTS ({known})")
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE splink_groups AS SELECT s.*, g.group_id FROM splink_input AS s JOIN grouped AS g USING (record_key) "
        "WHERE g.group_id IN (SELECT group_id FROM scored_groups)"
    )


def pairs_in_groups(linker: Any) -> str:
    """Score every pair inside the groups; return the table of them."""
    from splink import block_on

    groups, by_group = part_of(linker, "splink_groups"), [block_on("group_id")]
    return str(linker.inference.predict_within(groups, blocking_rules_to_generate_predictions=by_group).physical_name)


def others_in_groups(con: duckdb.DuckDBPyConnection, linker: Any, predicted: Sequence[str]) -> str:
    """Score the pairs inside groups that were not predicted; return the table of them."""
    known = " UNION ALL ".join(f"SELECT record_key_l, record_key_r FROM {table}" for table in predicted)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE other_pairs AS SELECT '0' AS match_key, a.record_key AS join_key_l, b.record_key AS join_key_r "
        "FROM splink_groups AS a JOIN splink_groups AS b ON a.group_id = b.group_id AND a.record_key < b.record_key ANTI JOIN "
        f"(SELECT least(record_key_l, record_key_r) AS l, greatest(record_key_l, record_key_r) AS r FROM ({known})) AS k "
        "ON k.l = a.record_key AND k.r = b.record_key"
    )
    linker.table_management.register_blocked_pairs_for_predict(part_of(linker, "other_pairs"))
    return str(linker.inference.predict().physical_name)


def weigh_groups(
    con: duckdb.DuckDBPyConnection, scored: Sequence[str], weight: str, with_evidence: bool, fresh: bool
) -> None:
    """Make `links`: every pair inside a group, those of groups that are as they were taken over.

    Args:
        con: where `splink_groups`, `group_contents` and `judged_pairs` are.
        scored: tables of scored pairs, which together hold all pairs inside the groups that are scored.
        weight: the expression for a pair's weight.
        with_evidence: keep the level of each comparison too.
        fresh: all groups are scored.
    """
    gammas = [f"gamma_{comparison}" for comparison in rules_in_force().comparisons] if with_evidence else []
    kept, shown = "".join(f", {g}" for g in gammas), "".join(f", s.{g}" for g in gammas)
    weighed = " UNION ALL ".join(
        f"SELECT least(record_key_l, record_key_r) AS record_l, greatest(record_key_l, record_key_r) AS record_r, "
        f"{weight} AS match_weight{kept} FROM {table}"
        for table in scored
    )
    kept_apart = rules_in_force().kept_apart
    apart = kept_apart.bits if kept_apart else -1e9
    bits, in_group = rules_in_force().deterministic_bits, dict.fromkeys(rules_in_force().deterministic, "group_id")
    taken_over = (
        ""
        if fresh
        else "UNION ALL SELECT * FROM identity.links WHERE group_id IN (SELECT group_id FROM group_contents) "
        "AND group_id NOT IN (SELECT group_id FROM scored_groups)"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE links AS
        WITH scored AS ({weighed}),
        verified AS (SELECT l, r FROM ({deterministic_pairs("splink_groups", in_group)}) GROUP BY ALL),
        said AS (SELECT l, r, any_value(verdict) AS verdict, any_value(kind) AS kind FROM judged_pairs GROUP BY ALL)
        SELECT s.record_l, s.record_r,
            CASE WHEN v.l IS NOT NULL AND s.match_weight > {apart} THEN greatest(s.match_weight, {bits}) ELSE s.match_weight END AS match_weight,
            CASE WHEN said.l IS NOT NULL THEN said.kind WHEN v.l IS NOT NULL THEN 'deterministic' ELSE 'probabilistic' END AS kind,
            said.verdict, g.group_id{shown}
        FROM scored AS s
        JOIN splink_groups AS g ON g.record_key = s.record_l
        JOIN splink_groups AS h ON h.record_key = s.record_r AND h.group_id = g.group_id
        LEFT JOIN verified AS v ON v.l = s.record_l AND v.r = s.record_r
        LEFT JOIN said ON said.l = s.record_l AND said.r = s.record_r
        {taken_over}
        """
    )


def deterministic_pairs(table: str, within: Mapping[Any, str]) -> str:
    """Return the pairs that share a verified identifier and do not contradict each other in the name.

    Args:
        table: the records.
        within: per identifier, the column that both records must share beside it; it keeps what is joined small.
    """
    rules = rules_in_force()
    same_name = of_join(rules.deterministic_when)
    parts = [
        f"SELECT a.record_key AS l, b.record_key AS r, {rules.deterministic_bits}::DOUBLE AS w FROM {table} AS a "
        f"JOIN {table} AS b ON a.{within[column]} = b.{within[column]} AND a.{name(column)} = b.{name(column)} "
        f"AND a.record_key < b.record_key WHERE ({same_name})"
        for column in rules.deterministic
        if column in within
    ]
    return " UNION ALL ".join(parts or [NO_PAIRS])


def part_of(linker: Any, table: str) -> Any:
    """Return a table as this linker's library takes it."""
    return linker._db_api.register(table, table_name=f"part_{table}", dataset_display_name="records")
