"""Sentences that customers write, by how they feel and in which language; some say little, as in life."""

from __future__ import annotations

import random

SAID = {
    ("es", "good"): [
        "Excelente atención, todo llegó a tiempo.", "Muy contenta con la compra, volveré.", "Rápido y fácil, gracias.",
        "El mejor servicio que he tenido en años.", "La chica que me atendió fue amabilísima.", "Todo perfecto.",
    ],
    ("es", "neutral"): [
        "Bien, sin más.", "Cumplió, aunque tardó un poco.", "Normal.", "El producto está bien, el envío caro.", "ok",
    ],
    ("es", "bad"): [
        "Llevo tres semanas esperando y nadie me responde.", "Llegó roto y no me devuelven el dinero.", "Pésimo servicio.",
        "Me cobraron dos veces, exijo una solución.", "No vuelvo a comprar aquí.", "Nadie contesta el teléfono.",
    ],
    ("en", "good"): ["Great service, arrived on time.", "Love it, will buy again!", "Quick and easy, thanks.", "Very helpful agent."],
    ("en", "neutral"): ["It was fine.", "Okay, a bit slow.", "Average experience.", "Good product, pricey shipping."],
    ("en", "bad"): ["Still waiting after three weeks, nobody answers.", "Arrived broken and no refund.", "Terrible support.", "Charged twice!"],
}  # fmt: skip


def mood(rng: random.Random, satisfaction: float) -> str:
    """Draw how somebody feels from how satisfied they are."""
    felt = satisfaction + rng.gauss(0, 0.18)
    return "good" if felt > 0.68 else "neutral" if felt > 0.42 else "bad"


def sentence(rng: random.Random, satisfaction: float, country: str) -> str:
    """Write a comment in the language of the country."""
    return rng.choice(SAID["en" if country == "US" else "es", mood(rng, satisfaction)])
