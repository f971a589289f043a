"""What makes two records one person: comparisons, blocking rules, and trained numbers kept apart from them.

The model file (`identity/models/person.json`, or a newer one trained on the company's own records) holds the prior and
the m and u probabilities per level; the comparisons are rebuilt here, so the same numbers serve on any engine. This is
the only module that knows Splink's parts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.errors import CdpError
from warehouse.settings import settings

SHIPPED = Path(__file__).parent / "models" / "person.json"

#: Columns whose agreement counts for less when the value is frequent.
TERM_FREQUENCY_COLUMNS = ("given_canonical", "given_first", "surname_1", "surname_2", "city_key", "postcode")

#: Columns a record is compared by.
COMPARED_COLUMNS = (
    "given", "is_known_given", "name_inferred_from", "given_first", "given_canonical", "surname_1", "surname_2",
    "surname_sound", "email_key", "email_local", "phone_e164", "tax_id", "birth_date", "birth_day", "street_name",
    "street_number", "postcode", "city_key", "country_code",
)  # fmt: skip

#: Levels of each comparison: label, condition, term-frequency column. The first that holds counts. Order is part of the
#: model file; a null level comes before and an else level after.
LEVELS: dict[str, tuple[str, list[tuple[str, str, str | None]]]] = {
    "given": (
        "given_canonical_l IS NULL OR given_canonical_r IS NULL",
        [
            ("same given names", "given_canonical_l = given_canonical_r", "given_canonical"),
            ("same first given name", "given_first_l = given_first_r AND length(given_first_l) > 1", "given_first"),
            ("a given name in common", "list_has_any(string_split(given_canonical_l, ' '), string_split(given_canonical_r, ' '))", None),
            ("given names alike", "jaro_winkler_similarity(given_canonical_l, given_canonical_r) >= 0.88", None),
            (
                "same initial",
                "(length(given_canonical_l) = 1 OR length(given_canonical_r) = 1) "
                "AND substr(given_canonical_l, 1, 1) = substr(given_canonical_r, 1, 1)",
                None,
            ),
        ],
    ),
    "surname_1": (
        "surname_1_l IS NULL OR surname_1_r IS NULL",
        [
            ("same surname", "surname_1_l = surname_1_r", "surname_1"),
            ("surname sounds the same", "surname_sound_l = surname_sound_r", None),
            ("surnames alike", "jaro_winkler_similarity(surname_1_l, surname_1_r) >= 0.9", None),
            ("first surname of one is second of the other", "surname_1_l = surname_2_r OR surname_2_l = surname_1_r", None),
        ],
    ),
    "surname_2": (
        "surname_2_l IS NULL OR surname_2_r IS NULL",
        [
            ("same second surname", "surname_2_l = surname_2_r", "surname_2"),
            ("second surnames alike", "jaro_winkler_similarity(surname_2_l, surname_2_r) >= 0.88", None),
        ],
    ),
    # Addresses are made of names: two people called José Fernández both have a `josefernandez`. Different addresses whose
    # names before the @ look alike say nothing beyond the names themselves, unless digits make them particular, or unless
    # both names were read out of the addresses: then the addresses are all there is, and they differ.
    "email": (
        "email_key_l IS NULL OR email_key_r IS NULL OR (email_key_l <> email_key_r AND "
        "NOT (email_local_l = email_local_r AND regexp_matches(email_local_l, '[0-9]{2}')) AND "
        "jaro_winkler_similarity(email_local_l, email_local_r) >= 0.85 AND "
        "NOT (name_inferred_from_l IS NOT NULL AND name_inferred_from_r IS NOT NULL))",
        [
            ("same e-mail", "email_key_l = email_key_r", None),
            ("same name and digits before the @, other domain", "email_local_l = email_local_r", None),
        ],
    ),
    "phone": (
        "phone_e164_l IS NULL OR phone_e164_r IS NULL",
        [
            ("same phone", "phone_e164_l = phone_e164_r", None),
            ("phones differ in one digit", "damerau_levenshtein(phone_e164_l, phone_e164_r) <= 1", None),
        ],
    ),
    "tax_id": (
        "tax_id_l IS NULL OR tax_id_r IS NULL",
        [
            ("same tax id", "tax_id_l = tax_id_r", None),
            (
                "tax ids nearly the same",
                "damerau_levenshtein(tax_id_l, tax_id_r) <= 1 OR (length(tax_id_l) >= 12 AND substr(tax_id_l, 1, 10) = substr(tax_id_r, 1, 10))",
                None,
            ),
        ],
    ),
    "birth": (
        "birth_day_l IS NULL OR birth_day_r IS NULL",
        [
            ("same birth date", "birth_date_l = birth_date_r", None),
            ("same birthday", "birth_day_l = birth_day_r", None),
            (
                "birth dates differ by a digit or a swap",
                "damerau_levenshtein(birth_day_l, birth_day_r) <= 1 OR "
                "birth_day_l = substr(birth_day_r, 4, 2) || '-' || substr(birth_day_r, 1, 2)",
                None,
            ),
        ],
    ),
    "address": (
        "(street_name_l IS NULL OR street_name_r IS NULL) AND (postcode_l IS NULL OR postcode_r IS NULL) "
        "AND (city_key_l IS NULL OR city_key_r IS NULL)",
        [
            (
                "same street and number",
                "street_name_l = street_name_r AND street_number_l = street_number_r "
                "AND (postcode_l = postcode_r OR city_key_l = city_key_r)",
                None,
            ),
            ("same street", "street_name_l = street_name_r AND (postcode_l = postcode_r OR city_key_l = city_key_r)", None),
            ("same post code", "postcode_l = postcode_r AND country_code_l = country_code_r", "postcode"),
            ("same city", "city_key_l = city_key_r", "city_key"),
        ],
    ),
}  # fmt: skip

#: u of levels that a random sample of pairs cannot show, by arithmetic: 365 days and some 45 years of birth; numbers of
#: eight free digits have about ninety neighbours each. Training keeps them fixed.
KNOWN_U: dict[str, dict[int, float]] = {
    "email": {1: 3e-6},
    "phone": {1: 1e-6},
    "tax_id": {1: 1e-6},
    "birth": {0: 1 / (365 * 45), 1: 1 / 365, 2: 13 / 365},
}

#: m of levels so rare that a company's own records may show none: how often typing errors make them, taken from the
#: sample company. Used only where training saw no pair; any other level without pairs is an error.
RARE_M: dict[str, dict[int, float]] = {
    "given": {4: 0.01},
    "surname_1": {1: 0.01, 3: 0.01},
    "surname_2": {1: 0.01},
    "email": {1: 0.02},
    "phone": {1: 0.005},
    "tax_id": {1: 0.01},
    "birth": {1: 0.05, 2: 0.01, 3: 0.01},
    "address": {1: 0.02},
}

#: Pairs worth comparing, cheap and precise first; a pair is compared once, by the first rule that finds it.
BLOCKING_RULES: tuple[tuple[str, ...], ...] = (
    ("email_key",),
    ("tax_id",),
    ("phone_e164",),
    ("surname_1", "given_first", "surname_2"),
    ("surname_sound", "given_first", "city_key"),
    ("surname_1", "given_first", "postcode"),
    ("street_name", "street_number", "postcode"),
    ("street_name", "street_number", "given_first"),
    ("email_local", "country_code"),
    ("surname_1", "given_first", "birth_day"),
    ("surname_1", "given_canonical"),
    ("surname_1", "surname_2", "city_key", "postcode"),
    ("given_canonical", "postcode"),
    ("surname_2", "given_first", "city_key"),
    ("birth_date", "given_first"),
    ("birth_date", "surname_1"),
    ("birth_date", "postcode"),
    ("birth_date", "street_name"),
    ("birth_date", "city_key"),
    ("surname_1", "city_key"),
    ("surname_sound", "postcode"),
    ("given_first", "city_key", "birth_day"),
    ("birth_date",),
)

#: Of any table, a rule that would make more pairs than this for each record says nothing, and is left out.
MOST_PAIRS_PER_RECORD = 40

#: Blocks that training looks into. Each leaves out the comparison it blocks on; together they cover all.
TRAINING_RULES: tuple[tuple[str, ...], ...] = (
    ("email_key",),
    ("tax_id",),
    ("surname_1", "given_canonical", "postcode"),
    ("phone_e164", "given_first"),
)


#: More such blocks, for tables that lack what the first ones need: taken while a comparison is not trained yet.
MORE_TRAINING_RULES: tuple[tuple[str, ...], ...] = (
    ("birth_date", "postcode"),
    ("surname_1", "given_canonical", "birth_day"),
    ("surname_1", "given_canonical"),
    ("birth_date", "given_first"),
    ("street_name", "street_number", "given_first"),
    ("given_canonical", "postcode"),
)


class ModelNotTrained(CdpError):
    """The model file lacks numbers for a level that the comparisons have."""


#: Pairs whose given names contradict each other are a household until a tax id or a full birth date says otherwise:
#: surnames, address, phone and even the mailbox are what families share.
HOUSEHOLD = "gamma_given = 0 AND gamma_tax_id < 1 AND gamma_birth < 3"
#: ... and both given names are names that people bear, so that no typing error or rare nickname explains the contradiction.
KNOWN_TO_DIFFER = "gamma_given = 0 AND is_known_given_l = 'yes' AND is_known_given_r = 'yes'"
TWO_NAMES = f"{HOUSEHOLD} AND {KNOWN_TO_DIFFER}"
#: Numbers are copied inside a family too: a tax id alone, with names that differ and no birth date alike, is a weak link.
COPIED_NUMBER = f"{KNOWN_TO_DIFFER} AND gamma_tax_id >= 1 AND gamma_birth < 1"
#: A pair of which one has no given name, and that shares nothing that is one person's own: it may be anybody of the family.
ANYBODY = "gamma_given = -1 AND gamma_tax_id < 1 AND gamma_birth < 2 AND gamma_email < 1 AND gamma_phone < 1"


def else_label(comparison: str) -> str:
    """Return the label of a comparison's last level."""
    return f"{comparison.replace('_', ' ')}: different"


def comparisons(
    numbers: dict[str, list[tuple[float, float]]] | None = None, fixed_u: dict[str, dict[int, float]] | None = None
) -> list[Any]:
    """Build the comparisons, with trained numbers or bare for training.

    Args:
        numbers: per comparison, (m, u) of each level in order, the else level last.
        fixed_u: per comparison, u of levels that training must not change (sparse identifiers).
    """
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    built = []
    for comparison, (null_when, levels) in LEVELS.items():
        parts: list[Any] = [cll.CustomLevel(null_when, "not known").configure(is_null_level=True)]
        for at, (label, condition, tf_column) in enumerate([*levels, (else_label(comparison), "ELSE", None)]):
            level = cll.ElseLevel() if condition == "ELSE" else cll.CustomLevel(condition, label)
            options: dict[str, Any] = {"label_for_charts": label}
            if tf_column:
                options |= {
                    "tf_adjustment_column": tf_column,
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


def usable_rules(con: Any, table: str, records: int) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the blocking rules that find pairs in a table and not too many, and the names of those that find too many."""
    most = max(200_000, MOST_PAIRS_PER_RECORD * records)
    found = {rule: pairs_by(con, table, rule) for rule in BLOCKING_RULES}
    too_many = [" + ".join(rule) for rule, pairs in found.items() if pairs > most]
    return [rule for rule, pairs in found.items() if 0 < pairs <= most], too_many


def linker(
    con: Any,
    table: str,
    prior: float,
    built: list[Any],
    retain_weights: bool = False,
    rules: Sequence[tuple[str, ...]] = (),
) -> Any:
    """Return a Splink linker over a table of records with a `record_key`, looking into all declared blocks or into `rules`."""
    import logging

    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=con)
    creator = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        comparisons=built,
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in rules or BLOCKING_RULES],
        probability_two_random_records_match=prior,
        retain_intermediate_calculation_columns=retain_weights,
        retain_matching_columns=True,
        additional_columns_to_retain=["is_known_given"],
        # Longer runs drive the m of levels that matches never show below what a float holds.
        em_convergence=0.001,
        max_iterations=12,
    )
    made = Linker(api.register(table, dataset_display_name="records"), creator, log_level=logging.ERROR)
    for column in TERM_FREQUENCY_COLUMNS:
        made.table_management.compute_tf_table(column)
    return made


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


def columns_of(comparison: str) -> list[str]:
    """Return the columns that a comparison looks at."""
    null_when, levels = LEVELS[comparison]
    said = " ".join([null_when, *(condition for _, condition, _ in levels)])
    return [column for column in COMPARED_COLUMNS if f"{column}_l" in said]


def is_compared(con: Any, table: str, comparison: str) -> bool:
    """Tell whether a table holds what a comparison looks at, in one of a hundred records at least."""
    needed = {"given": "given_canonical", "email": "email_key", "phone": "phone_e164", "birth": "birth_day",
              "address": "coalesce(street_name, postcode, city_key)"}.get(comparison, comparison)  # fmt: skip
    filled, all_records = con.execute(f"SELECT count({needed}), count(*) FROM {table}").fetchall()[0]
    return bool(filled * 100 >= all_records and filled)


def load_model(path: Path | None = None) -> dict[str, Any]:
    """Read the model in force: the one trained here if there is one, else the shipped one.

    Raises:
        ModelNotTrained: there is none, or it does not fit the comparisons.
    """
    trained = settings().state / "models" / "person.json"
    chosen = path or (trained if trained.exists() else SHIPPED)
    if not chosen.exists():
        raise ModelNotTrained("no trained model; run `cdp train`")
    model: dict[str, Any] = files.read_json(chosen)
    for comparison, (_, levels) in LEVELS.items():
        known = model["comparisons"].get(comparison, [])
        labels = [level["label"] for level in known]
        wanted = [label for label, _, _ in levels] + [else_label(comparison)]
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
