"""Pairs of records believed the same, with how strongly and why.

In: `identity.records`, a trained model, people's judgements. Out: `identity.links`, one row per pair of records in a
group that loose evidence connects: every pair inside a group is scored, so that clustering sees all of it. What stays
true: prediction never trains; a re-run with the same records and model writes the same rows.

Between full runs, what the evidence is weighed by stands still (`identity.link_base`, `identity.frequencies`): then new,
changed and removed records are compared with the known ones, and only groups that they touch are scored again. Whatever the
order in which records came, the pairs are those of one run over all of them. `identity.loose_pairs` holds what connects
records, `identity.linked_records` and `identity.linked_groups` what was linked, by a hash of its content. A batch replaces the rows
of these tables that it touches, and leaves the others where they stand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from identity import model as model_parts
from identity.declared import rules_in_force
from identity.groups import (
    LEFT_BEHIND,
    NO_PAIRS,
    Judgement,
    deterministic_pairs,
    group_records,
    groups_to_score,
    others_in_groups,
    pairs_in_groups,
    part_of,
    score_pairs,
    weigh_groups,
)
from identity.source_priors import SourceBits, bits_expression, source_bits, source_of, sources_of
from identity.standardise import METHOD as CLEANED_BY
from warehouse.duck import count, digest, has_table, quoted
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

#: Columns that others of the same record tell, so that its content is told without them; how they are told is part of the rules' digest.
TOLD_BY_OTHERS = frozenset("given_first given_canonical given_stands_for given_sex surname_sound name_in_order".split())


def prepare_input(con: duckdb.DuckDBPyConnection) -> int:
    """Make the table that Splink reads: one row per record that takes part, in the order of their keys, as records stand; return its rows."""
    records_that_take_part(con)
    con.execute("CREATE OR REPLACE TEMP TABLE splink_input AS FROM taking_part")
    return count(con, "splink_input")


def records_that_take_part(con: duckdb.DuckDBPyConnection) -> None:
    """Make the view `taking_part`, which a batch reads instead of copying it: most of its records are of no interest there."""
    columns = ("record_key", *rules_in_force().columns)
    listed = ", ".join(f"'{quoted(source)}'" for source in sources_of(con))
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW taking_part AS SELECT {', '.join(columns)}, "
        f"(list_position([{listed}]::VARCHAR[], {source_of('record_key')}) - 1)::SMALLINT AS source_n "
        "FROM identity.records WHERE exclusion IS NULL"
    )


def _tell_contents(con: duckdb.DuckDBPyConnection) -> int:
    """Make `contents_now`, what each record that takes part holds, by a hash; return how many there are."""
    records_that_take_part(con)
    content = digest("record_key", *(column for column in rules_in_force().columns if column not in TOLD_BY_OTHERS))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE contents_now AS SELECT record_key, {content} AS content FROM taking_part"
    )
    return count(con, "contents_now")


@dataclass(frozen=True)
class Base:
    """What evidence is weighed by until the next full run."""

    model_version: str
    rules: str
    prior: float
    records: int
    blocks: list[str]
    blocks_left_out: dict[str, int]
    has_families: bool
    block_pairs: dict[str, int]
    source_bits: SourceBits = field(default_factory=dict)


def link_records(
    con: duckdb.DuckDBPyConnection,
    judgements: Sequence[Judgement] = (),
    model_file: Path | None = None,
    *,
    with_evidence: bool = False,
    full: bool = False,
    by_clusters: bool = False,
) -> StepResult:
    """Replace `identity.links`.

    Args:
        con: where `identity.records` is.
        judgements: what people decided.
        model_file: the numbers to link by; those in force by default.
        with_evidence: keep the level of each comparison too (`gamma_given`, …), for words about pairs.
        full: compare all records with each other, and take frequencies, prior and blocks anew.
        by_clusters: how common a value is goes by the clusters that stand, see :func:`count_frequencies`.

    Grain: one row per unordered pair (`record_l` < `record_r`) inside a group, with `match_weight` in bits, `kind`
    (probabilistic, deterministic, judgement; source: merged there) and the group, which is named after its smallest record key.

    Raises:
        ModelNotTrained: there is no model, or it does not fit.
    """
    with step("link") as result, edge("identity"), model_parts.scratch_removed(con):
        model = model_parts.load_model(model_file)
        result.rows_in = _tell_contents(con)
        base, changed, why_full = _base_of_run(
            con, model, result.rows_in, full=full or with_evidence, by_clusters=by_clusters
        )
        fresh = bool(why_full)
        linker = _linker(con, model, base, "blocked_input" if fresh else "near_input", fresh)
        on_spark = fresh and settings().identity_engine == "spark"
        scored = [_on_spark(con, model, base)] if on_spark else _predicted(con, linker, base.blocks, fresh)
        sources = sources_of(con)
        if fresh:
            common = pair_weight(model, base.has_families)
            bits = model_parts.prior_bits(base.prior)
            base = replace(base, source_bits=source_bits(con, scored, common, bits, sources))
        weight = pair_weight(model, base.has_families, bits_expression(base.source_bits, sources))
        predicted = _connect(con, scored, weight, base, fresh)
        split = group_records(con, judgements, fresh)
        fault("link.before_write")
        groups_to_score(con, fresh)
        if on_spark:
            inside = [pairs_in_groups(linker)]
        else:
            of_groups = _linker(con, model, base, "splink_groups", fresh)
            inside = [*scored, others_in_groups(con, of_groups, scored, fresh)]
        weigh_groups(con, inside, weight, with_evidence, fresh)
        _write(con, base, fresh)
        fault("link.after_write")
        result.rows_out = count(con, "identity.links")
        result.facts = {"engine": "spark"} if on_spark else {}
        result.facts |= {"model_version": model["version"], "predicted": predicted, "groups_split": split}
        result.facts["full_run" if fresh else "records_changed"] = why_full if fresh else changed
        result.facts["groups_scored"] = count(con, "scored_groups")
        if rules_in_force().families and not base.has_families:
            result.facts["same_in_spite_of_names"] = (
                "records of one surname and place with other given names are one person, as a rule"
            )
        if base.blocks_left_out:
            result.facts["blocks_left_out"] = base.blocks_left_out
    return result


def _base_of_run(
    con: duckdb.DuckDBPyConnection, model: dict[str, Any], records: int, *, full: bool, by_clusters: bool
) -> tuple[Base, int, str]:
    """Make `blocked_input`, or `near_input` of a batch; return what evidence is weighed by, how many records changed, and why all are compared.

    The reason is empty where only changed records are compared.
    """
    base = base_in_force(con)
    why_full = "asked for" if full else _full_run_due(con, base, model, records)
    changed = records
    if base is not None and not why_full:
        changed = _changed(con)
        if changed * 100 > rules_in_force().full_run.changed_pct * records:
            why_full = f"{changed:,} records changed"
        else:
            _near_changed(con, base.blocks)
            return base, changed, ""
    base = _new_base(con, model, records, by_clusters=by_clusters)
    _with_block_keys(con, base.blocks)
    return base, changed, why_full


def _linker(con: duckdb.DuckDBPyConnection, model: dict[str, Any], base: Base, table: str, fresh: bool) -> Any:
    """Return a linker over a table of records, told how frequent values are in this run."""
    built = model_parts.comparisons(model_parts.numbers_of(model))
    blocks = () if table == "splink_groups" else base.blocks
    # A batch goes by what the full run before it was made with.
    linker = model_parts.linker(con, table, base.prior, built, blocks=blocks, frequencies=False, validated=not fresh)
    if fresh:
        use_frequencies(con, linker, "new_frequencies")
    else:
        use_frequencies(con, linker, "identity.frequencies", "changed_input", among=table)
    return linker


def _rules_digest() -> str:
    told = f"{model_parts.METHOD} {CLEANED_BY} {rules_in_force().model_dump_json()}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def base_in_force(con: duckdb.DuckDBPyConnection) -> Base | None:
    """Return what evidence was weighed by in the last run, if there was one."""
    if not has_table(con, "identity", "link_base"):
        return None
    try:
        found = con.execute(
            "SELECT model_version, rules, prior, records, blocks, blocks_left_out, has_families, block_pairs, source_bits "
            "FROM identity.link_base"
        ).fetchall()[0]
    except duckdb.BinderException:  # written by an older version of this room
        return None
    return Base(
        found[0],
        found[1],
        float(found[2]),
        int(found[3]),
        json.loads(found[4]),
        json.loads(found[5]),
        bool(found[6]),
        json.loads(found[7]),
        json.loads(found[8]),
    )


def _full_run_due(con: duckdb.DuckDBPyConnection, base: Base | None, model: dict[str, Any], records: int) -> str:
    """Return why the base of the last run no longer holds, or nothing."""
    limits = rules_in_force().full_run
    if base is None:
        return "the first run"
    if (base.model_version, base.rules) != (model["version"], _rules_digest()):
        return "another model or other rules"
    if abs(records - base.records) * 100 > limits.records_change_pct * base.records:
        return f"{records:,} records instead of {base.records:,}"
    oldest = now().replace(tzinfo=None) - timedelta(days=limits.after_days)
    is_old = con.execute("SELECT frozen_at < ? FROM identity.link_base", [oldest]).fetchall()[0][0]
    return f"the last one is more than {limits.after_days} days old" if is_old else ""


def _new_base(con: duckdb.DuckDBPyConnection, model: dict[str, Any], records: int, *, by_clusters: bool) -> Base:
    """Take prior, blocks and frequencies from the records at hand, for this run and those that follow."""
    blocks, left_out, pairs = model_parts.block_keys(con, "taking_part", records)
    count_frequencies(con, by_clusters=by_clusters)
    prior = model_parts.prior_for(model, records)
    return Base(model["version"], _rules_digest(), prior, records, blocks, left_out, _has_families(con), pairs)


def count_frequencies(con: duckdb.DuckDBPyConnection, *, by_clusters: bool = False) -> None:
    """Make `new_frequencies`: how often values occur, within the group that is declared for them, as its bearers meet it.

    A value of several groups has the mean of its frequencies there, weighted by its bearers; records of no group count only for
    values that no group has.

    Args:
        con: where the records that take part are.
        by_clusters: bearers are those whom `identity.clusters` tells apart, each once, and not their records: a name is not common
            because one who bears it stands in many rows. Only where nothing has to be as in an earlier run.
    """
    bearers = (
        "count(DISTINCT coalesce(identity.clusters.cluster_key, taking_part.record_key)) AS n "
        "FROM taking_part LEFT JOIN identity.clusters USING (record_key)"
        if by_clusters
        else "count(*) AS n FROM taking_part"
    )
    # Added up in one order, so that threads give the same bytes.
    within = rules_in_force().frequent_within
    parts = []
    for column in model_parts.frequency_columns():
        group = within.get(column, "NULL")
        parts.append(
            f"SELECT '{column}' AS part, value, sum(n * n / total ORDER BY of_group) / sum(n) AS frequency FROM ("
            "SELECT value, n, of_group, sum(n) OVER (PARTITION BY of_group) AS total, "
            "of_group IS NULL AND count(of_group) OVER (PARTITION BY value) > 0 "
            f"AS is_left_out FROM (SELECT {column} AS value, {group} AS of_group, {bearers} WHERE {column} IS NOT NULL "
            "GROUP BY ALL)) WHERE NOT is_left_out GROUP BY value"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE new_frequencies AS SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY 1, 2"
    )


def _has_families(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether records of one surname and place whose given names contradict each other are families, as a rule.

    Dates of birth tell, without labels: people of one family were born on different days, one person under two names was not.
    Measured: such pairs share the date in 0.2 % (a town's census and taxes), 0 % (a company), 60 % (historical figures, with
    titles and stage names), 90 % (a set with names typed wrong).
    """
    families = rules_in_force().families
    if not families:
        return False
    homes = model_parts.in_small_blocks("taking_part", "surname_1", "postcode")
    dated, agreeing = con.execute(
        f"SELECT count(*), count(*) FILTER (a.birth_date = b.birth_date) FROM {homes} AS a JOIN {homes} AS b "
        "ON a.surname_1 = b.surname_1 AND a.postcode = b.postcode AND a.record_key < b.record_key "
        "WHERE a.birth_date IS NOT NULL AND b.birth_date IS NOT NULL AND least(length(a.given_canonical), length(b.given_canonical)) > 1 "
        "AND jaro_winkler_similarity(a.given_canonical, b.given_canonical) < 0.88 "
        "AND NOT list_has_any(string_split(a.given_canonical, ' '), string_split(b.given_canonical, ' '))"
    ).fetchall()[0]
    return bool(dated < families.from_pairs or agreeing * 100 < families.two_names_of_one_pct * dated)


def blocked_input(con: duckdb.DuckDBPyConnection, records: int) -> list[str]:
    """Make `blocked_input` by blocks as they are now; return the columns to compare by."""
    blocks, _, _ = model_parts.block_keys(con, "taking_part", records)
    _with_block_keys(con, blocks)
    return blocks


def _with_block_keys(con: duckdb.DuckDBPyConnection, blocks: Sequence[str]) -> None:
    """Make `blocked_input`: the records with their key by each blocking rule, none where the block is too large."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE blocked_input AS {_keyed('taking_part', blocks, 'large_blocks')}")


def _keys_of(blocks: Sequence[str]) -> list[tuple[str, str]]:
    """Return each block's column and the expression of its key."""
    rules = rules_in_force().blocking_rules
    return [(block, model_parts.block_key(rules[int(block.removeprefix("block_"))])) for block in blocks]


def _keyed(records: str, blocks: Sequence[str], large: str) -> str:
    keys = [
        f"CASE WHEN ({key}) NOT IN (SELECT key FROM {large} WHERE rule = '{block}') THEN {key} END AS {block}"
        for block, key in _keys_of(blocks)
    ]
    return f"SELECT {', '.join(['*', *keys])} FROM {records}"


def use_frequencies(
    con: duckdb.DuckDBPyConnection, linker: Any, known: str, records: str = "taking_part", among: str = ""
) -> None:
    """Tell a linker how frequent values are; a value that was not there when they were counted is as rare as the rarest.

    Args:
        con: where the tables are.
        linker: who is told.
        known: the table of frequencies.
        records: the table of records that may have values of which it knows nothing.
        among: the table of records whose values are of interest; all values by default.
    """
    for column in model_parts.frequency_columns():
        table, of_column = f"frequencies_of_{column}", f"FROM {known} WHERE part = '{column}'"
        of_interest = f"AND value IN (SELECT {column} FROM {among})" if among else ""
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT value AS {column}, frequency AS tf_{column} {of_column} {of_interest} UNION ALL "
            f"SELECT DISTINCT {column}, (SELECT min(frequency) {of_column}) FROM {records} "
            f"WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT value {of_column})"
        )
        linker.table_management.register_term_frequency_lookup(part_of(linker, table), column)


def _changed(con: duckdb.DuckDBPyConnection) -> int:
    """Make `changed_records` (new or other content) and `gone_records`; return how many records are new, changed or gone."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE changed_records AS SELECT record_key FROM contents_now AS s "
        "WHERE NOT EXISTS (FROM identity.linked_records AS l WHERE l.record_key = s.record_key AND l.content = s.content)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gone_records AS SELECT record_key FROM identity.linked_records "
        "WHERE record_key NOT IN (SELECT record_key FROM contents_now)"
    )
    return count(con, "changed_records") + count(con, "gone_records")


def _on_spark(con: duckdb.DuckDBPyConnection, model: dict[str, Any], base: Base) -> str:
    from identity.spark import score_on_spark

    return score_on_spark(con, model, base.prior, base.blocks)


def _near_changed(con: duckdb.DuckDBPyConnection, blocks: Sequence[str]) -> None:
    """Make `changed_input`, the changed records, and `near_input`, them and those that share a block with one of them; no others meet them.

    A key of `near_input` is there where a changed record has it: what else its records share was compared before.
    """
    changed = _keyed("(FROM taking_part SEMI JOIN changed_records USING (record_key))", blocks, "identity.large_blocks")
    con.execute(f"CREATE OR REPLACE TEMP TABLE changed_input AS {changed}")
    keys = ", ".join(f"{key} AS {block}" for block, key in _keys_of(blocks))
    shared = ", ".join(
        f"CASE WHEN {block} IN (SELECT {block} FROM changed_input WHERE {block} IS NOT NULL) THEN {block} END AS {block}"
        for block in blocks
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE near_input AS SELECT r.*, n.* EXCLUDE (record_key) FROM taking_part AS r JOIN (SELECT * FROM "
        f"(SELECT record_key, {shared} FROM (SELECT record_key, {keys} FROM taking_part)) WHERE coalesce({', '.join(blocks)}) IS NOT NULL) AS n "
        "USING (record_key)"
    )
    _part_outgrown(con, blocks)


def _part_outgrown(con: duckdb.DuckDBPyConnection, blocks: Sequence[str]) -> None:
    """Make `outgrown_blocks`, what changed records made larger than is looked into, and `parted_pairs`, what nothing else connects.

    From now on these blocks are none, as a run over all records would find.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE in_blocks AS UNPIVOT (SELECT record_key, {', '.join(blocks)} FROM near_input) "
        f"ON {', '.join(blocks)} INTO NAME rule VALUE key"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE outgrown_blocks AS SELECT rule, key FROM in_blocks GROUP BY ALL "
        f"HAVING count(*) > {rules_in_force().max_block_records}"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE parted_pairs (l VARCHAR, r VARCHAR)")
    outgrown = [rule for (rule,) in con.execute("SELECT DISTINCT rule FROM outgrown_blocks ORDER BY 1").fetchall()]
    if not outgrown:
        return
    con.execute(
        "CREATE OR REPLACE TEMP TABLE outgrown_records AS FROM in_blocks SEMI JOIN outgrown_blocks USING (rule, key)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE large_now AS FROM identity.large_blocks UNION ALL FROM outgrown_blocks")
    keyed = _keyed("(FROM taking_part SEMI JOIN outgrown_records USING (record_key))", blocks, "large_now")
    con.execute(f"CREATE OR REPLACE TEMP TABLE outgrown_input AS {keyed}")
    still = " OR ".join(f"coalesce(x.{block} = y.{block}, false)" for block in blocks)
    con.execute(
        "INSERT INTO parted_pairs SELECT DISTINCT p.l, p.r FROM identity.loose_pairs AS p JOIN outgrown_records AS a ON a.record_key = p.l "
        "JOIN outgrown_records AS b ON b.record_key = p.r AND (b.rule, b.key) = (a.rule, a.key) "
        f"JOIN outgrown_input AS x ON x.record_key = p.l JOIN outgrown_input AS y ON y.record_key = p.r WHERE NOT ({still})"
    )
    for block in outgrown:
        for table in ("changed_input", "near_input"):
            con.execute(
                f"UPDATE {table} SET {block} = NULL WHERE {block} IN (SELECT key FROM outgrown_blocks WHERE rule = '{block}')"
            )


def _predicted(con: duckdb.DuckDBPyConnection, linker: Any, blocks: Sequence[str], fresh: bool) -> list[str]:
    """Return the tables of what is predicted: of all records, or of changed ones among themselves and with the known."""
    cut = rules_in_force().loose_cut_bits
    if fresh:
        return [
            linker.inference.predict_within(part_of(linker, "blocked_input"), threshold_match_weight=cut).physical_name
        ]
    shared = " UNION ALL ".join(
        f"SELECT least(c.record_key, n.record_key) AS join_key_l, greatest(c.record_key, n.record_key) AS join_key_r "
        f"FROM changed_input AS c JOIN near_input AS n ON c.{block} = n.{block} AND c.record_key <> n.record_key"
        for block in blocks
    )
    return [score_pairs(con, linker, f"SELECT DISTINCT * FROM ({shared})", cut)]


def _connect(con: duckdb.DuckDBPyConnection, found: list[str], weight: str, base: Base, fresh: bool) -> int:
    """Make `fresh_pairs`, what connects records by what was predicted in this run; return how many pairs there are."""
    cut, touching, among = rules_in_force().loose_cut_bits, "true", "blocked_input"
    if not fresh:
        among, changed = "near_input", "(SELECT record_key FROM changed_records)"
        touching = f"(l IN {changed} OR r IN {changed})"
    scored = (
        " UNION ALL ".join(
            f"SELECT least(record_key_l, record_key_r) AS l, greatest(record_key_l, record_key_r) AS r, {weight} AS w "
            f"FROM {each}"
            for each in found
        )
        or NO_PAIRS
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE fresh_pairs AS SELECT l, r, max(w) AS w FROM (SELECT * FROM ({scored}) WHERE w >= {cut} "
        f"UNION ALL SELECT * FROM ({deterministic_pairs(among, _blocks_of_identifiers(base.blocks))}) WHERE {touching}) GROUP BY l, r"
    )
    return count(con, "fresh_pairs")


def pair_weight(model: dict[str, Any], has_families: bool = True, of_sources: str = "") -> str:
    """Return a pair's weight by the prior of its sources, less what a household shares when the given names contradict each other.

    A pair that the model knows to be two people, by numbers or dates that differ, weighs next to nothing.

    Args:
        model: the numbers in force.
        has_families: whether contradicting names at one address are a family.
        of_sources: the expression for the bits of the pair's two sources.
    """
    weight = _family_weight(has_families, f"(match_weight + {of_sources})" if of_sources else "match_weight")
    if apart := model_parts.kept_apart(model):
        rules = rules_in_force().kept_apart
        weight = f"CASE WHEN {apart} THEN least({weight}, {rules.bits if rules else 0}) ELSE {weight} END"
    return weight


def _family_weight(has_families: bool, weight: str) -> str:
    families = rules_in_force().families
    if not (has_families and families):
        return f"round({weight}, 6)"
    family = model_parts.names_contradict()
    # Rounded, so that sums in another order of threads give the same bytes.
    return (
        f"round(CASE WHEN {family} AND {model_parts.KNOWN_TO_DIFFER} THEN "
        f"least({weight} - {families.penalty_bits}, {families.two_names_cap_bits}) "
        f"WHEN {model_parts.COPIED_NUMBER} THEN least({weight}, {families.copied_number_cap_bits}) "
        f"WHEN {model_parts.anybody()} THEN least({weight}, {families.anybody_cap_bits}) "
        f"WHEN {family} THEN {weight} - {families.penalty_bits} ELSE {weight} END, 6)"
    )


def _blocks_of_identifiers(blocks: Sequence[str]) -> dict[str, str]:
    """Return per identifier the block of its own, where there is one."""
    declared = rules_in_force().blocking_rules
    return {
        rule[0]: block
        for at, rule in enumerate(declared)
        if len(rule) == 1 and (block := model_parts.block_column(at)) in blocks
    }


def _write(con: duckdb.DuckDBPyConnection, base: Base, fresh: bool) -> None:
    """Replace the links and what the next run builds on, all or nothing; of a batch, what it touched."""
    con.execute("BEGIN")
    if fresh:
        _write_whole(con, base)
    else:
        _write_touched(con)
    con.execute("COMMIT")


#: What is linked, a row per record: what it holds, what loose evidence connects it with, and the group of it that is scored.
LINKED = "SELECT record_key, c.content, p.component_id, p.group_id FROM {} AS c LEFT JOIN placed AS p USING (record_key) ORDER BY record_key"


def _write_whole(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    con.execute("CREATE OR REPLACE TABLE identity.links AS SELECT * FROM links ORDER BY record_l, record_r")
    con.execute("CREATE OR REPLACE TABLE identity.loose_pairs AS SELECT * FROM fresh_pairs ORDER BY l, r")
    con.execute(f"CREATE OR REPLACE TABLE identity.linked_records AS {LINKED.format('contents_now')}")
    con.execute("CREATE OR REPLACE TABLE identity.linked_groups AS SELECT * FROM groups_now ORDER BY group_id")
    con.execute("CREATE OR REPLACE TABLE identity.frequencies AS SELECT * FROM new_frequencies")
    con.execute("CREATE OR REPLACE TABLE identity.large_blocks AS SELECT * FROM large_blocks")
    con.execute(
        "CREATE OR REPLACE TABLE identity.link_base (model_version VARCHAR, rules VARCHAR, prior DOUBLE, records BIGINT, "
        "blocks VARCHAR, blocks_left_out VARCHAR, has_families BOOLEAN, block_pairs VARCHAR, source_bits VARCHAR, frozen_at TIMESTAMP)"
    )
    con.execute(
        "INSERT INTO identity.link_base VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            base.model_version,
            base.rules,
            base.prior,
            base.records,
            json.dumps(base.blocks),
            json.dumps(base.blocks_left_out),
            base.has_families,
            json.dumps(base.block_pairs),
            json.dumps(base.source_bits),
            now().replace(tzinfo=None),
        ],
    )


def _write_touched(con: duckdb.DuckDBPyConnection) -> None:
    looked_at = "(SELECT record_key FROM regrouped UNION ALL SELECT record_key FROM gone_records)"
    dropped = "group_id IN (SELECT group_id FROM dropped_groups)"
    for table, stale, rows in (
        ("links", dropped, "SELECT * FROM links ORDER BY record_l, record_r"),
        (
            "loose_pairs",
            f"l IN {LEFT_BEHIND} OR r IN {LEFT_BEHIND} OR (l, r) IN (FROM parted_pairs)",
            "SELECT * FROM fresh_pairs ORDER BY l, r",
        ),
        ("linked_records", f"record_key IN {looked_at}", LINKED.format("regrouped")),
        ("linked_groups", dropped, "SELECT * FROM groups_now ORDER BY group_id"),
    ):
        con.execute(f"DELETE FROM identity.{table} WHERE {stale}")
        con.execute(f"INSERT INTO identity.{table} {rows}")
    con.execute("INSERT INTO identity.large_blocks FROM outgrown_blocks ORDER BY ALL")
    # Values that are new have a frequency from now on, so that the next run need not look for them among all records.
    for column in model_parts.frequency_columns():
        con.execute(
            f"INSERT INTO identity.frequencies SELECT '{column}', {column}, tf_{column} FROM frequencies_of_{column} "
            f"WHERE {column} NOT IN (SELECT value FROM identity.frequencies WHERE part = '{column}') ORDER BY 2"
        )
