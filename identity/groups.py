"""Records that loose evidence connects, as groups, and every pair inside them scored.

In: `fresh_pairs` of a run and people's judgements. Out: the temporary tables `placed`, `groups_now` and `links`, which
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

#: Records of a batch whose pairs of before hold no longer.
LEFT_BEHIND = "(SELECT record_key FROM changed_records UNION ALL SELECT record_key FROM gone_records)"

NO_PAIRS = "SELECT ''::VARCHAR AS l, ''::VARCHAR AS r, 0.0::DOUBLE AS w WHERE false"


def group_records(con: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement], fresh: bool) -> int:
    """Make `regrouped` (records that are looked at), `placed` (what each is connected with) and `group_contents` (what each group is, by a hash).

    Groups that grow too large are connected again by stricter evidence. Of a batch, only records are looked at that something which
    is new, changed, gone or judged may connect, or connected, with others; `touched_groups` are those that they were in.

    Returns:
        How many groups had to be split.
    """
    _judged_pairs(con, judgements)
    pairs = "SELECT l, r, w FROM fresh_pairs"
    if fresh:
        con.execute("CREATE OR REPLACE TEMP TABLE regrouped AS SELECT record_key, content FROM contents_now")
    else:
        _regroup_touched(con)
        pairs += (
            " UNION ALL SELECT l, r, w FROM identity.loose_pairs WHERE l IN (SELECT record_key FROM regrouped) "
            f"AND l NOT IN {LEFT_BEHIND} AND r NOT IN {LEFT_BEHIND} AND (l, r) NOT IN (FROM parted_pairs)"
        )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT record_key, content, row_number() OVER (ORDER BY record_key) - 1 AS n FROM regrouped"
    )
    connected = con.sql(
        f"SELECT a.n AS l, b.n AS r, p.w FROM ({pairs} UNION ALL "
        "SELECT l, r, 1000.0 FROM judged_pairs WHERE verdict = 'same') AS p "
        "JOIN numbered AS a ON a.record_key = p.l JOIN numbered AS b ON b.record_key = p.r"
    ).to_arrow_table()
    left, right, weight = (connected[column].to_numpy() for column in ("l", "r", "w"))
    loose, labels, split = _components(left, right, weight.astype(float), count(con, "numbered"))
    in_component, component = _first_of(loose)
    in_group, group = _first_of(labels)
    con.register(
        "labelled",
        pa.table(
            {
                "n": np.flatnonzero(in_component),
                "component_n": component[in_component],
                "group_n": pa.array(group[in_component], mask=~in_group[in_component]),
            }
        ),
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE placed AS SELECT m.record_key, m.content, c.record_key AS component_id, g.record_key AS group_id "
        "FROM labelled AS l JOIN numbered AS m ON m.n = l.n JOIN numbered AS c ON c.n = l.component_n LEFT JOIN numbered AS g ON g.n = l.group_n"
    )
    con.unregister("labelled")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE group_contents AS
        WITH judged AS (
            SELECT a.group_id, bit_xor({digest("p.l", "p.r", "p.verdict")}) AS said
            FROM judged_pairs AS p JOIN placed AS a ON a.record_key = p.l JOIN placed AS b ON b.record_key = p.r
            WHERE a.group_id = b.group_id GROUP BY 1
        )
        SELECT g.group_id, count(*) AS records, bit_xor(g.content) AS members, coalesce(any_value(j.said), 0) AS said
        FROM placed AS g LEFT JOIN judged AS j USING (group_id) WHERE g.group_id IS NOT NULL GROUP BY 1
        """
    )
    return split


def _regroup_touched(con: duckdb.DuckDBPyConnection) -> None:
    """Make `regrouped` and `touched_groups` of a batch: whole components, since one that was too large is split as a whole."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE touched_records AS
        SELECT record_key FROM changed_records UNION SELECT record_key FROM gone_records
        UNION SELECT unnest([l, r]) FROM fresh_pairs UNION SELECT unnest([l, r]) FROM judged_pairs
        UNION SELECT unnest([l, r]) FROM parted_pairs
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE touched_components AS
        SELECT DISTINCT component_id FROM identity.linked_records WHERE component_id IS NOT NULL AND (
            record_key IN (SELECT record_key FROM touched_records)
            -- What was judged may be judged no longer.
            OR group_id IN (SELECT group_id FROM identity.linked_groups WHERE said <> 0))
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE regrouped AS SELECT record_key, content FROM contents_now
        WHERE record_key IN (SELECT record_key FROM touched_records UNION ALL
            SELECT record_key FROM identity.linked_records WHERE component_id IN (SELECT component_id FROM touched_components))
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_groups AS SELECT DISTINCT group_id FROM identity.linked_records "
        "WHERE component_id IN (SELECT component_id FROM touched_components) AND group_id IS NOT NULL"
    )


def _first_of(labels: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return which records share their label with others, and the first record of each record's label."""
    if not len(labels):
        return np.array([], dtype=bool), np.array([], dtype=np.int64)
    _, first = np.unique(labels, return_index=True)
    return np.bincount(labels)[labels] > 1, first[labels]


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
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return labels of what all pairs connect, labels of what is connected when none is too large, and how many were split."""
    rules = rules_in_force()
    cut, split, loose = rules.loose_cut_bits, 0, None
    keep = weight >= cut
    while True:
        graph = coo_array((np.ones(int(keep.sum())), (left[keep], right[keep])), shape=(size, size))
        _, labels = connected_components(graph, directed=False)
        loose = labels if loose is None else loose
        sizes = np.bincount(labels, minlength=1)
        large = sizes > rules.max_group_records
        if not large.any() or cut > rules.clip_bits.high:
            return loose.astype(np.int64), labels.astype(np.int64), split
        split += int(large.sum())
        cut += 2.0
        in_large = large[labels[left]]
        keep = keep & (~in_large | (weight >= cut))


def groups_to_score(con: duckdb.DuckDBPyConnection, fresh: bool) -> None:
    """Make `scored_groups` (all, or those that changed), `splink_groups`, their records, and `dropped_groups`, which are no more what they were."""
    known = "FROM identity.linked_groups AS k WHERE (k.group_id, k.records, k.members, k.said) = (c.group_id, c.records, c.members, c.said)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE scored_groups AS SELECT group_id FROM group_contents AS c"
        + ("" if fresh else f" WHERE NOT EXISTS ({known})")
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE splink_groups AS SELECT s.*, g.group_id FROM taking_part AS s "
        "JOIN placed AS g USING (record_key) WHERE g.group_id IN (SELECT group_id FROM scored_groups)"
    )
    if not fresh:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE dropped_groups AS SELECT group_id FROM touched_groups WHERE group_id NOT IN "
            "(SELECT group_id FROM group_contents WHERE group_id NOT IN (SELECT group_id FROM scored_groups))"
        )


def pairs_in_groups(linker: Any) -> str:
    """Score every pair inside the groups; return the table of them."""
    from splink import block_on

    groups, by_group = part_of(linker, "splink_groups"), [block_on("group_id")]
    return str(linker.inference.predict_within(groups, blocking_rules_to_generate_predictions=by_group).physical_name)


#: Of groups that are scored again, what was known of two records which are what they were.
STILL_KNOWN = (
    "FROM identity.links AS k JOIN splink_groups AS a ON a.record_key = k.record_l JOIN splink_groups AS b ON b.record_key = k.record_r "
    "AND b.group_id = a.group_id WHERE k.record_l NOT IN (SELECT record_key FROM changed_records) "
    "AND k.record_r NOT IN (SELECT record_key FROM changed_records)"
)


def others_in_groups(con: duckdb.DuckDBPyConnection, linker: Any, predicted: Sequence[str], fresh: bool) -> str:
    """Score the pairs inside groups that were neither predicted nor known; return the table of them."""
    known = [
        f"SELECT least(record_key_l, record_key_r) AS l, greatest(record_key_l, record_key_r) AS r FROM {table}"
        for table in predicted
    ]
    if not fresh:
        known.append(f"SELECT k.record_l, k.record_r {STILL_KNOWN}")
    return score_pairs(
        con,
        linker,
        "SELECT a.record_key AS join_key_l, b.record_key AS join_key_r "
        "FROM splink_groups AS a JOIN splink_groups AS b ON a.group_id = b.group_id AND a.record_key < b.record_key ANTI JOIN "
        f"({' UNION ALL '.join(known) or NO_PAIRS}) AS k ON k.l = a.record_key AND k.r = b.record_key",
    )


def score_pairs(con: duckdb.DuckDBPyConnection, linker: Any, pairs: str, cut_bits: float | None = None) -> str:
    """Score pairs (`join_key_l`, `join_key_r`) of a linker's records; return the table of those that weigh enough."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE pairs_to_score AS SELECT '0' AS match_key, * FROM ({pairs})")
    linker.table_management.register_blocked_pairs_for_predict(part_of(linker, "pairs_to_score"))
    return str(linker.inference.predict(threshold_match_weight=cut_bits).physical_name)


def weigh_groups(
    con: duckdb.DuckDBPyConnection, scored: Sequence[str], weight: str, with_evidence: bool, fresh: bool
) -> None:
    """Make `links`, every pair inside the groups that are scored, and `groups_now`, what these groups and their links are.

    Args:
        con: where `splink_groups`, `group_contents` and `judged_pairs` are.
        scored: tables of scored pairs, which hold all pairs inside the groups that are scored; of a batch, together with what is known.
        weight: the expression for a pair's weight.
        with_evidence: keep the level of each comparison too.
        fresh: nothing is known from before.
    """
    gammas = [f"gamma_{comparison}" for comparison in rules_in_force().comparisons] if with_evidence else []
    kept, shown = "".join(f", {g}" for g in gammas), "".join(f", s.{g}" for g in gammas)
    weighed = " UNION ALL ".join(
        f"SELECT least(record_key_l, record_key_r) AS record_l, greatest(record_key_l, record_key_r) AS record_r, "
        f"{weight} AS match_weight{kept} FROM {table}"
        for table in scored
    )
    if not fresh:
        # A weight that a verified identifier raised is raised to the same again.
        weighed += f" UNION ALL SELECT k.record_l, k.record_r, k.match_weight {STILL_KNOWN}"
    kept_apart = rules_in_force().kept_apart
    apart = kept_apart.bits if kept_apart else -1e9
    bits, in_group = rules_in_force().deterministic_bits, dict.fromkeys(rules_in_force().deterministic, "group_id")
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
        """
    )
    content = digest("record_l", "record_r", "match_weight", "verdict")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE groups_now AS SELECT c.*, l.pairs, l.links FROM group_contents AS c JOIN "
        f"(SELECT group_id, count(*) AS pairs, bit_xor({content}) AS links FROM links GROUP BY 1) AS l USING (group_id)"
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
