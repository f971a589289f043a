"""Why two records are one person, or are not: the evidence of each comparison in bits, in words.

In: two record keys. Out: the prior, one line per comparison with its level and bits, and the sum. A pair of records is
explained whether or not it was ever a candidate.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from identity import model as model_parts
from identity.cluster import average_linkage, averaged_weights
from identity.declared import rules_in_force
from identity.groups import part_of
from identity.link import base_in_force, pair_weight, records_that_take_part, use_frequencies
from identity.source_priors import bits_expression, bits_of, sources_of
from warehouse.duck import rows
from warehouse.errors import CdpError, edge

WORDS = {
    "en": {
        "prior": "before looking: two records picked at random", "sources": "how often these two sources hold one person",
        "household": "given names contradict, or agree in part with another mailbox: a family shares the rest",
        "apart": "one person's tax id, date of birth, second surname or phone hardly ever differs so: two people", "unknown": "not known on one side",
    },
    "es": {
        "prior": "antes de mirar: dos registros al azar", "sources": "con qué frecuencia estas dos fuentes tienen a la misma persona",
        "household": "los nombres se contradicen, o coinciden en parte y el correo es otro: la familia comparte el resto",
        "apart": "el identificador fiscal, la fecha de nacimiento, el segundo apellido o el teléfono de una persona casi nunca difieren así: son dos",
        "unknown": "falta en uno de los dos",
    },
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
        records_that_take_part(con)
        base = base_in_force(con)
        if base is None:
            raise CdpError("nothing is linked yet; run `cdp link` first")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE asked AS SELECT *, 1 AS asked_pair FROM taking_part WHERE record_key IN (?, ?)",
            [record_l, record_r],
        )
        if len(con.execute("SELECT record_key FROM asked").fetchall()) != 2:
            raise CdpError("one of the two records is not known, or takes no part in linking (see identity.records)")
        model = model_parts.load_model()
        built = model_parts.comparisons(model_parts.numbers_of(model))
        linker = model_parts.linker(
            con, "asked", base.prior, built, retain_weights=True, frequencies=False, validated=True
        )
        use_frequencies(con, linker, "identity.frequencies", "asked", among="asked")
        asked = part_of(linker, "asked")
        scored = linker.inference.predict_within(asked, blocking_rules_to_generate_predictions=[block_on("asked_pair")])
        of_sources = bits_expression(base.source_bits, sources_of(con))
        weight = pair_weight(model, base.has_families, of_sources)
        pair = rows(con, f"SELECT *, {weight} AS weight FROM {scored.physical_name}")[0]
    words = WORDS.get(language, WORDS["en"])
    prior = model_parts.prior_bits(base.prior)
    lines: list[dict[str, Any]] = [{"comparison": "prior", "level": words["prior"], "bits": round(prior, 2)}]
    if between := bits_of(base.source_bits, record_l, record_r):
        lines.append({"comparison": "sources", "level": words["sources"], "bits": round(between, 2)})
    for comparison in rules_in_force().comparisons:
        gamma, labels = pair[f"gamma_{comparison}"], model_parts.labels_of(comparison, language)
        label = words["unknown"] if gamma < 0 else labels[len(labels) - 1 - gamma]
        bits = float(pair.get(f"mw_{comparison}") or 0) + float(pair.get(f"mw_tf_adj_{comparison}") or 0)
        lines.append({"comparison": comparison, "level": label, "bits": round(bits, 2)})
    evidence = sum(line["bits"] for line in lines)
    if abs(pair["weight"] - evidence) > 0.05:
        rules = rules_in_force().kept_apart
        why = "apart" if rules and pair["weight"] <= rules.bits else "household"
        lines.append({"comparison": why, "level": words[why], "bits": round(pair["weight"] - evidence, 2)})
    lines.append({"comparison": "sum", "level": "", "bits": round(sum(line["bits"] for line in lines), 2)})
    return lines


def how_joined(con: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, Any]:
    """Say how a customer's records came to be one: which parts joined by what, and what would fall apart without which pair.

    Returns:
        `records`: the record keys, numbered from 1. `joins`: in order, the two parts (record numbers), the average weight between
        them in bits, the strongest pair between them with its weight and kind. `bridges`: pairs without whose evidence the
        records would be several people, with the parts they would fall into.

    Raises:
        CdpError: no record is this customer's.
    """
    found = rows(con, "SELECT record_key FROM identity.members WHERE customer_id = ? ORDER BY 1", [customer_id])
    if not found:
        raise CdpError(f"customer {customer_id} has no records now; ask `cdp id {customer_id}` what became of it")
    pairs = rows(
        con,
        "SELECT record_l, record_r, match_weight, kind, verdict FROM identity.links AS l "
        "WHERE record_l IN (SELECT record_key FROM identity.members WHERE customer_id = ?) "
        "AND record_r IN (SELECT record_key FROM identity.members WHERE customer_id = ?)",
        [customer_id, customer_id],
    )
    return {"customer_id": customer_id, **joined([row["record_key"] for row in found], pairs)}


def joined(keys: list[str], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Say how records came to be one from the pairs among them.

    Args:
        keys: the record keys, sorted.
        pairs: `record_l`, `record_r`, `match_weight`, `kind` and `verdict` of every linked pair among them.

    Returns:
        `records`, `joins` and `bridges` as in :func:`how_joined`.
    """
    place = {key: at for at, key in enumerate(keys)}
    rules = rules_in_force()
    matrix = np.full((len(keys), len(keys)), rules.clip_bits.low)
    kinds: dict[tuple[int, int], str] = {}
    for pair in pairs:
        at = (place[pair["record_l"]], place[pair["record_r"]])
        weight = float(averaged_weights(np.array([pair["match_weight"]]), np.array([pair["verdict"]], dtype=object))[0])
        matrix[at], matrix[at[::-1]] = weight, weight
        kinds[at] = pair["kind"]
    return {
        "records": keys,
        "joins": _joins(matrix, kinds, rules.merge_cut_bits),
        "bridges": _bridges(matrix, kinds, rules.clip_bits.low, rules.merge_cut_bits),
    }


def _joins(matrix: npt.NDArray[np.float64], kinds: dict[tuple[int, int], str], cut: float) -> list[dict[str, Any]]:
    parts = [[at] for at in range(len(matrix))]
    joins = []
    while len(parts) > 1:
        averages = {
            (a, b): float(matrix[np.ix_(parts[a], parts[b])].mean())
            for a in range(len(parts))
            for b in range(a + 1, len(parts))
        }
        (a, b), average = max(averages.items(), key=lambda item: item[1])
        if average < cut:
            break
        one, other = max(((x, y) for x in parts[a] for y in parts[b]), key=lambda xy: matrix[xy])
        joins.append({
            "part": [x + 1 for x in parts[a]], "other": [y + 1 for y in parts[b]], "average_bits": round(average, 2),
            "strongest": [one + 1, other + 1], "strongest_bits": round(float(matrix[one, other]), 2),
            "kind": kinds.get((min(one, other), max(one, other)), "probabilistic"),
        })  # fmt: skip
        parts[a] = sorted([*parts[a], *parts.pop(b)])
    return joins


def _bridges(
    matrix: npt.NDArray[np.float64], kinds: dict[tuple[int, int], str], low: float, cut: float
) -> list[dict[str, Any]]:
    """Return the pairs without whose evidence the records would fall apart: the average linkage of the rest says so."""
    pairs = [at for at in kinds if matrix[at] >= cut]
    if not pairs:
        return []
    without = np.repeat(matrix[None], len(pairs), axis=0)
    for number, (one, other) in enumerate(pairs):
        without[number, one, other] = without[number, other, one] = low
    labels = average_linkage(without, cut)
    found = []
    for number, (one, other) in enumerate(pairs):
        parts = [[int(x) + 1 for x in np.flatnonzero(labels[number] == first)] for first in np.unique(labels[number])]
        if len(parts) > 1:
            found.append({"pair": [one + 1, other + 1], "bits": round(float(matrix[one, other]), 2), "parts": parts})
    return found


def waterfall_svg(lines: list[dict[str, Any]], title: str) -> str:
    """Draw the evidence on a pair: bits for and against, one step after the other, up to the sum."""
    import altair as alt
    import vl_convert

    values, level = [], 0.0
    for order, line in enumerate(lines):
        is_sum = line["comparison"] == "sum"
        start, end = (0.0, line["bits"]) if is_sum else (level, level + line["bits"])
        level = end
        said = f"{line['comparison'].replace('_', ' ')}: {line['level']}" if line["level"] else line["comparison"]
        kind = "sum" if is_sum else "for" if line["bits"] > 0 else "against"
        values.append({"order": order, "what": said, "start": start, "end": end, "bits": line["bits"], "kind": kind})
    chart = alt.Chart.from_dict({"data": {"values": values}, "mark": "bar", "title": title}).properties(width=560)
    drawn = chart.encode(
        y=alt.Y("what:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(labelLimit=340)),
        x=alt.X("start:Q", title="bits"), x2="end:Q",
        color=alt.Color("kind:N", legend=None, scale=alt.Scale(domain=["for", "against", "sum"], range=["#2a7f62", "#b5432f", "#33485c"])),
    )  # fmt: skip
    return str(vl_convert.vegalite_to_svg(drawn.to_dict()))
