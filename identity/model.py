"""What makes two records one person: comparisons, blocking rules, and trained numbers kept apart from them.

The model file (`identity/models/<entity>.json`, or a newer one trained on the company's own records) holds the prior and
the m and u probabilities per level; the comparisons are built here from `identity/<entity>.yml`, so the same numbers serve on
any engine. This is the only module that knows Splink's parts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from identity.declared import rules_in_force
from warehouse import files
from warehouse.errors import CdpError
from warehouse.settings import settings

MODELS = Path(__file__).parent / "models"


#: To be raised when this room's code weighs, connects or groups otherwise: then everything is compared anew.
METHOD = 7
#: So many pairs are always compared.
FEWEST_PAIRS = 200_000


class ModelNotTrained(CdpError):
    """The model file lacks numbers for a level that the comparisons have."""


def level_at_least(comparison: str, label: str) -> str:
    """Return the condition that a pair agrees so or more strongly.

    Raises:
        CdpError: the comparison has no such level.
    """
    labels = labels_of(comparison)
    if label not in labels:
        raise CdpError(
            f"{rules_in_force().entity}.yml: comparison '{comparison}' has no level '{label}'; it has: {', '.join(labels)}"
        )
    return f"gamma_{comparison} >= {len(labels) - 1 - labels.index(label)}"


def names_contradict() -> str:
    """Return the condition that a pair shares what families share, and no more.

    Given names contradict each other, and neither a tax id nor a full birth date says otherwise: surnames, address, phone and
    even the mailbox are shared in a family.
    """
    families = rules_in_force().families
    labels = labels_of("given")
    in_part = (
        ", ".join(str(len(labels) - 1 - labels.index(label)) for label in families.alike_in_part) if families else ""
    )
    names = f"(gamma_given = 0 OR gamma_email = 0 AND gamma_given IN ({in_part}))" if in_part else "gamma_given = 0"
    return f"{names} AND gamma_tax_id < 1 AND NOT {level_at_least('birth', 'same birth date')}"


#: What families are told apart by beside the levels of comparisons.
FAMILY_COLUMNS = ("given_canonical", "is_known_given")
#: Both given names are names that people bear, or nothing alike, so that no typing error explains the contradiction.
KNOWN_TO_DIFFER = (
    "gamma_given = 0 AND (is_known_given_l = 'yes' AND is_known_given_r = 'yes' "
    "OR least(length(given_canonical_l), length(given_canonical_r)) >= 3 "
    "AND jaro_winkler_similarity(given_canonical_l, given_canonical_r) < 0.55)"
)
#: Numbers are copied inside a family too: a tax id alone, with names that differ and no birth date alike, is a weak link.
COPIED_NUMBER = f"{KNOWN_TO_DIFFER} AND gamma_tax_id >= 1 AND gamma_birth < 1"


def anybody() -> str:
    """Return the condition that one record has no given name and the pair shares nothing of one person's own."""
    return (
        f"gamma_given = -1 AND gamma_tax_id < 1 AND NOT {level_at_least('birth', 'same birthday')} "
        f"AND NOT {level_at_least('email', 'same name and digits before the @, other domain')} "
        f"AND NOT {level_at_least('phone', 'phones differ in one digit or in the country')}"
    )


def kept_apart(model: dict[str, Any]) -> str:
    """Return the condition that a pair contradicts itself in what one person's records hardly ever differ in; empty where nothing is so.

    A contradiction does not count where another comparison, of those declared for it, agrees as strongly as it can.
    """
    rules = rules_in_force().kept_apart
    if rules is None:
        return ""
    numbers = numbers_of(model)
    parts = []
    for comparison, unless in rules.by.items():
        if numbers[comparison][-1][0] >= rules.when_m_below:
            continue
        others = [f"gamma_{other} < {len(labels_of(other)) - 1}" for other in unless]
        parts.append("(" + " AND ".join([f"gamma_{comparison} = 0", *others]) + ")")
    return " OR ".join(parts)


def labels_of(comparison: str, language: str = "en") -> list[str]:
    """Return the labels of a comparison's levels, the strongest first; the last one says that the records differ."""
    levels = rules_in_force().comparisons[comparison].levels
    if language == "es":
        return [*(level.es for level in levels), "distinto"]
    return [*(level.label for level in levels), else_label(comparison)]


def else_label(comparison: str) -> str:
    """Return the label of a comparison's last level."""
    return f"{comparison.replace('_', ' ')}: different"


def comparisons(
    numbers: dict[str, list[tuple[float, float]]] | None = None,
    fixed_u: dict[str, dict[int, float]] | None = None,
    dialect: str | None = None,
) -> list[Any]:
    """Build the comparisons, with trained numbers or bare for training.

    Args:
        numbers: per comparison, (m, u) of each level in order, the else level last.
        fixed_u: per comparison, u of levels that training must not change (sparse identifiers).
        dialect: in which the conditions are declared, where another engine is to read them.
    """
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    built = []
    for comparison, declared in rules_in_force().comparisons.items():
        parts: list[Any] = [
            cll.CustomLevel(guarded(declared.unknown_when), "not known", base_dialect_str=dialect).configure(
                is_null_level=True
            )
        ]
        for at, label in enumerate(labels_of(comparison)):
            said = declared.levels[at] if at < len(declared.levels) else None
            level = cll.CustomLevel(guarded(said.when), label, base_dialect_str=dialect) if said else cll.ElseLevel()
            options: dict[str, Any] = {"label_for_charts": label}
            if said and said.by_frequency_of:
                options |= {
                    "tf_adjustment_column": said.by_frequency_of,
                    "tf_minimum_u_value": 0.00001,
                    "disable_tf_exact_match_detection": True,
                }
            if numbers:
                m, u = numbers[comparison][at]
                options |= {"m_probability": m, "u_probability": u}
            elif fixed_u and at in fixed_u.get(comparison, {}):
                options |= {"u_probability": fixed_u[comparison][at], "fix_u_probability": True}
            parts.append(level.configure(**options))
        built.append(cl.CustomComparison(output_column_name=comparison, comparison_levels=parts))
    return built


def guarded(condition: str) -> str:
    """Return a condition that asks first how far two texts are apart without swaps, which is told five times as fast.

    A swap of two letters is two edits (Levenshtein), so texts within n edits and swaps (Damerau) are within 2 n edits. Of a CASE DuckDB
    looks only at what is asked for, of AND and OR at both sides of every pair.
    """
    return re.sub(
        r"damerau_levenshtein\((\w+, \w+)\) <= (\d+)\b",
        lambda said: f"CASE WHEN levenshtein({said[1]}) > {2 * int(said[2])} THEN false ELSE {said[0]} END",
        condition,
    )


def prior_for(model: dict[str, Any], records: int) -> float:
    """Return the prior for so many records.

    A person has a handful of records however large the company is, so the chance that two records picked at random match
    falls with their number: 20 times the records, a 20th of the prior. In companies smaller than the one the model was
    trained on the prior stays, which errs on the side of keeping people apart.
    """
    return float(model["prior"]) * min(1.0, float(model["records"]) / max(records, 1))


def prior_bits(prior: float) -> float:
    """Return a prior probability as a match weight."""
    return math.log2(prior / (1 - prior))


def pairs_by(con: Any, table: str, columns: tuple[str, ...]) -> int:
    """Count the pairs of records that a blocking rule makes."""
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    counted = f"SELECT count(*) AS n FROM {table} WHERE {filled} GROUP BY {', '.join(columns)}"
    return int(con.execute(f"SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM ({counted})").fetchall()[0][0])


def in_small_blocks(table: str, *columns: str) -> str:
    """Return the records of a table that share the values of some columns with not too many others, as a relation.

    What joins records by such values stays bounded, whatever is in them.
    """
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    return (
        f"(SELECT * FROM {table} WHERE {filled} QUALIFY count(*) OVER (PARTITION BY {', '.join(columns)}) "
        f"<= {rules_in_force().max_block_records})"
    )


def block_keys(con: Any, table: str, records: int) -> tuple[list[str], dict[str, int], dict[str, int]]:
    """Choose the blocking rules to compare by, and make `large_blocks`: the keys, per rule, of blocks that are too large.

    A block of more records than declared is no evidence (a placeholder, a switchboard's number, a day of birth that forms
    start with): its records are not compared by that rule. Rules come in the declared order; one that would bring the pairs
    above what is declared for each record is left out.

    Returns:
        The names of the key columns to compare by, per rule how many records its blocks were too large for (all of them, where
        the rule is left out), and per rule that is used its pairs.
    """
    rules = rules_in_force()
    allowed = rules.most_pairs_per_record
    most = max(FEWEST_PAIRS, allowed.large * records, min(allowed.small * records, allowed.large_from))
    columns: list[str] = []
    left_out: dict[str, int] = {}
    pairs_of: dict[str, int] = {}
    con.execute("CREATE OR REPLACE TEMP TABLE large_blocks (rule VARCHAR, key UBIGINT)")
    total = 0
    for at, rule in enumerate(rules.blocking_rules):
        key = block_key(rule)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE block_sizes AS SELECT key, count(*) AS n FROM (SELECT {key} AS key FROM {table}) "
            "WHERE key IS NOT NULL GROUP BY 1 HAVING n > 1"
        )
        pairs, too_large = con.execute(
            f"SELECT coalesce(sum(n * (n - 1) // 2) FILTER (n <= {rules.max_block_records}), 0), "
            f"coalesce(sum(n) FILTER (n > {rules.max_block_records}), 0) FROM block_sizes"
        ).fetchall()[0]
        label = " + ".join(rule)
        if total + int(pairs) > most:
            left_out[label] = records
            continue
        if too_large:
            left_out[label] = int(too_large)
            con.execute(
                f"INSERT INTO large_blocks SELECT '{block_column(at)}', key FROM block_sizes WHERE n > {rules.max_block_records}"
            )
        # A rule that finds nothing yet may find something in what comes until the next full run.
        total += int(pairs)
        pairs_of[label] = int(pairs)
        columns.append(block_column(at))
    return columns, left_out, pairs_of


def block_column(at: int) -> str:
    """Return the name of the column that holds a blocking rule's key."""
    return f"block_{at}"


def block_key(rule: tuple[str, ...]) -> str:
    """Return the expression for a record's key by a blocking rule; NULL where a part of it is not known."""
    return f"CASE WHEN {' AND '.join(f'{column} IS NOT NULL' for column in rule)} THEN hash({', '.join(rule)}) END"


def linker(
    con: Any,
    table: str,
    prior: float,
    built: list[Any],
    retain_weights: bool = False,
    blocks: Sequence[str] = (),
    frequencies: bool = True,
    validated: bool = False,
    whole_pairs: bool = False,
) -> Any:
    """Return a Splink linker over a table of records with a `record_key`, looking into blocks: columns that hold a key.

    Without `frequencies` they are not counted in this table; they are registered afterwards. Settings that were `validated` on the
    same columns are not looked at again, which takes a quarter of a second. Predicted pairs have :func:`columns_of_pairs`, with
    `retain_weights` or as `whole_pairs` all that was compared.
    """
    import logging

    from splink import Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = _api(con, whole_pairs or retain_weights)
    creator = settings_of(prior, built, retain_weights, blocks)
    made = Linker(
        api.register(table, dataset_display_name="records"),
        creator,
        validate_settings=not validated,
        log_level=logging.ERROR,
    )
    if frequencies:
        for column in frequency_columns():
            made.table_management.compute_tf_table(column)
    return made


def _api(con: Any, whole_pairs: bool) -> Any:
    """Return what runs Splink's queries; what it predicts has only the columns of interest, unless pairs are wanted whole.

    Forty columns of texts for each of a million pairs take a third of the time of predicting them; they can be looked up by key.
    """
    from splink import DuckDBAPI

    class Narrow(DuckDBAPI):  # type: ignore[misc]  # the library is not typed
        def _setup_for_execute_sql(self, sql: str, physical_name: str) -> str:
            if physical_name.startswith("__splink__df_predict"):
                sql = f"SELECT {', '.join(columns_of_pairs())} FROM ({sql})"
            return str(super()._setup_for_execute_sql(sql, physical_name))

    return (DuckDBAPI if whole_pairs else Narrow)(connection=con)


def columns_of_pairs() -> list[str]:
    """Return the columns of predicted pairs that anything goes by: keys, weight, how each comparison turned out, sources, names."""
    of_records = ["record_key", "source_n", *(FAMILY_COLUMNS if rules_in_force().families else [])]
    gammas = [f"gamma_{comparison}" for comparison in rules_in_force().comparisons]
    return ["match_weight", *(f"{column}_{side}" for column in of_records for side in "lr"), *gammas]


def settings_of(prior: float, built: list[Any], retain_weights: bool = False, blocks: Sequence[str] = ()) -> Any:
    """Return Splink's settings, the same for every engine; arguments as for :func:`linker`."""
    from splink import SettingsCreator, block_on

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        comparisons=built,
        blocking_rules_to_generate_predictions=[block_on(column) for column in blocks or ["record_key"]],
        probability_two_random_records_match=prior,
        retain_intermediate_calculation_columns=retain_weights,
        retain_matching_columns=True,
        # Families are told apart by the ones, the other tells the prior of a pair.
        additional_columns_to_retain=[*(FAMILY_COLUMNS if rules_in_force().families else []), "source_n"],
        # Longer runs drive the m of levels that matches never show below what a float holds.
        em_convergence=0.001,
        max_iterations=12,
    )


@contextmanager
def scratch_removed(con: Any) -> Iterator[None]:
    """Remove the tables that Splink makes for itself, those of a run that was killed too: they hold personal data."""
    _remove_scratch(con)
    try:
        yield
    finally:
        _remove_scratch(con)


def _remove_scratch(con: Any) -> None:
    found = con.execute(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_name LIKE '\\_\\_splink\\_\\_%' ESCAPE '\\'"
    ).fetchall()
    for schema, table, kind in found:
        what = "VIEW" if kind == "VIEW" else "TABLE"
        con.execute(f'DROP {what} IF EXISTS "{schema}"."{table}"')


def write_model(path: Path, model: dict[str, Any]) -> None:
    """Write a model file; its version is a hash of its numbers."""
    numbers = json.dumps({"prior": model["prior"], "comparisons": model["comparisons"]}, sort_keys=True)
    files.write_json(path, {**model, "version": hashlib.sha256(numbers.encode()).hexdigest()[:12]})


def frequency_columns() -> list[str]:
    """Return the columns whose values count for less the more frequent they are."""
    levels = [level for comparison in rules_in_force().comparisons.values() for level in comparison.levels]
    return list(dict.fromkeys(level.by_frequency_of for level in levels if level.by_frequency_of))


def is_compared(con: Any, table: str, comparison: str) -> bool:
    """Tell whether a table holds what a comparison looks at, in one of a hundred records at least."""
    needed = rules_in_force().comparisons[comparison].filled
    filled, all_records = con.execute(f"SELECT count({needed}), count(*) FROM {table}").fetchall()[0]
    return bool(filled * 100 >= all_records and filled)


def shipped_path() -> Path:
    """Return the model that the product comes with, for what is being resolved."""
    return MODELS / f"{rules_in_force().entity}.json"


def trained_path() -> Path:
    """Return where the company's own model stands, for what is being resolved."""
    return settings().state / "models" / f"{rules_in_force().entity}.json"


def load_model(path: Path | None = None) -> dict[str, Any]:
    """Read the model in force: the one trained here if there is one, else the shipped one.

    Raises:
        ModelNotTrained: there is none, or it does not fit the comparisons.
    """
    trained = trained_path()
    chosen = path or (trained if trained.exists() else shipped_path())
    if not chosen.exists():
        raise ModelNotTrained("no trained model; run `cdp train`")
    model: dict[str, Any] = files.read_json(chosen)
    for comparison in rules_in_force().comparisons:
        known = model["comparisons"].get(comparison, [])
        labels, wanted = [level["label"] for level in known], labels_of(comparison)
        if labels != wanted:
            raise ModelNotTrained(
                f"{chosen.name}: comparison '{comparison}' has levels {labels}, expected {wanted}; run `cdp train`"
            )
        if lost := [level["label"] for level in known if not (level.get("m") and level.get("u"))]:
            raise ModelNotTrained(f"{chosen.name}: levels without trained numbers: {', '.join(lost)}; run `cdp train`")
    return model


def numbers_of(model: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Return (m, u) per level from a model file."""
    return {name: [(level["m"], level["u"]) for level in levels] for name, levels in model["comparisons"].items()}
