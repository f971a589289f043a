"""Why two records are one person, or are not: the evidence of each comparison in bits, in words.

In: two record keys. Out: the prior, one line per comparison with its level and bits, and the sum. A pair of records is
explained whether or not it was ever a candidate.
"""

from __future__ import annotations

from typing import Any

import duckdb

from identity import model as model_parts
from identity.declared import person_rules
from identity.link import base_in_force, pair_weight, prepare_input, use_frequencies
from warehouse.duck import rows
from warehouse.errors import CdpError, edge

WORDS = {
    "en": {"prior": "before looking: two records picked at random", "household": "given names contradict: a family shares the rest",
           "unknown": "not known on one side"},
    "es": {"prior": "antes de mirar: dos registros al azar", "household": "los nombres se contradicen: la familia comparte el resto",
           "unknown": "falta en uno de los dos"},
}  # fmt: skip


def explain_pair(
    con: duckdb.DuckDBPyConnection, record_l: str, record_r: str, language: str = "en"
) -> list[dict[str, Any]]:
    """Return the evidence for and against, one line per comparison: what, how it agrees, bits; the last is the sum.

    Raises:
        CdpError: a record is not known, or takes no part in linking.
    """
    from splink import block_on

    with edge("identity"), model_parts.scratch_removed(con):
        prepare_input(con)
        base = base_in_force(con)
        if base is None:
            raise CdpError("nothing is linked yet; run `cdp link` first")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE asked AS SELECT *, 1 AS asked_pair FROM splink_input WHERE record_key IN (?, ?)",
            [record_l, record_r],
        )
        if len(con.execute("SELECT record_key FROM asked").fetchall()) != 2:
            raise CdpError("one of the two records is not known, or takes no part in linking (see identity.records)")
        model = model_parts.load_model()
        built = model_parts.comparisons(model_parts.numbers_of(model))
        linker = model_parts.linker(con, "splink_input", base.prior, built, retain_weights=True, frequencies=False)
        use_frequencies(con, linker, "identity.frequencies")
        asked = linker._db_api.register("asked", dataset_display_name="asked")
        scored = linker.inference.predict_within(asked, blocking_rules_to_generate_predictions=[block_on("asked_pair")])
        pair = rows(con, f"SELECT *, {pair_weight(base.has_families)} AS weight FROM {scored.physical_name}")[0]
    words = WORDS.get(language, WORDS["en"])
    prior = model_parts.prior_bits(base.prior)
    lines: list[dict[str, Any]] = [{"comparison": "prior", "level": words["prior"], "bits": round(prior, 2)}]
    for comparison in person_rules().comparisons:
        gamma, labels = pair[f"gamma_{comparison}"], model_parts.labels_of(comparison, language)
        label = words["unknown"] if gamma < 0 else labels[len(labels) - 1 - gamma]
        bits = float(pair.get(f"mw_{comparison}") or 0) + float(pair.get(f"mw_tf_adj_{comparison}") or 0)
        lines.append({"comparison": comparison, "level": label, "bits": round(bits, 2)})
    evidence = sum(line["bits"] for line in lines)
    if abs(pair["weight"] - evidence) > 0.05:
        lines.append(
            {"comparison": "household", "level": words["household"], "bits": round(pair["weight"] - evidence, 2)}
        )
    lines.append({"comparison": "sum", "level": "", "bits": round(sum(line["bits"] for line in lines), 2)})
    return lines
