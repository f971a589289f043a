"""What a person wants to see of an audience before anything is sent: who, in words; how many at each gate; reach; how it has moved."""

from __future__ import annotations

from typing import Any

from activation.audience import Audience
from warehouse.duck import connect, has_table, rows
from warehouse.errors import CdpError


def words_of(audience: Audience, language: str) -> str:
    """Return the definition in plain words, `en` or `es`."""
    parts = []
    if audience.who.segment:
        parts.append(f"segmento {audience.who.segment}" if language == "es" else f"segment {audience.who.segment}")
    if audience.who.rule:
        parts.append(audience.who.rule.words(language).removeprefix("(").removesuffix(")"))
    told = (", donde " if language == "es" else ", where ").join(parts)
    if audience.suppress:
        told += ("; sin " if language == "es" else "; without ") + ", ".join(audience.suppress)
    if audience.holdout_pct:
        told += f"; {audience.holdout_pct:g} % " + (
            "en el grupo de control" if language == "es" else "held out as control group"
        )
    return told


def look_at(audience: Audience) -> dict[str, Any]:
    """Return words, waterfall, reach, sizes and overlap of an audience.

    Raises:
        CdpError: no audiences were assembled yet.
    """
    con = connect()
    try:
        if not has_table(con, "activation", "audience_members"):
            raise CdpError("no audiences were assembled yet; run `cdp audiences`")
        states = dict(
            con.execute(
                "SELECT state, customers FROM activation.audience_counts WHERE audience = ? ORDER BY customers DESC",
                [audience.name],
            ).fetchall()
        )
        found = sum(states.values())
        waterfall = [("the definition holds", found)]
        for state, customers in states.items():
            if state != "member":
                found -= customers
                waterfall.append((f"without those {state}", found))
        return {
            "name": audience.name, "id": audience.id, "description": audience.description, "description_es": audience.description_es,
            "words_en": words_of(audience, "en"), "words_es": words_of(audience, "es"), "waterfall": waterfall,
            "reach": rows(
                con, "SELECT channel, reason, customers FROM activation.audience_reach WHERE audience = ? ORDER BY ALL", [audience.name]
            ),
            "sizes": rows(
                con,
                "SELECT happened_at, entered, departed, members FROM activation.audience_sizes WHERE audience = ? ORDER BY sequence",
                [audience.name],
            ),
            "overlap": rows(
                con,
                "SELECT other_audience, customers FROM activation.audience_overlap WHERE audience = ? ORDER BY customers DESC, 1 LIMIT 8",
                [audience.name],
            ),
        }  # fmt: skip
    finally:
        con.close()
