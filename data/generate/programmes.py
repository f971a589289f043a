"""Campaigns and programmes with effects that are known: who was treated, who was held out, and what it really did.

A programme's effect is the chance that a treated person makes one more purchase in its window; the held-out ones make none.
One programme has no effect at all, so that a lift that is measured where there is none is found out. The truth goes to
`truth/effects.csv` and `truth/treatments.csv`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from data.generate.people import Person

HOLDOUT = 0.15


@dataclass(frozen=True)
class Programme:
    """One programme: `effect` is the added purchases per treated person, `days` the window after its start."""

    key: str
    name: str
    channel: str
    months_ago: int
    days: int
    share: float
    effect: float
    budget_usd: float


PROGRAMMES = [
    Programme("PR-BUENFIN", "Buen Fin, aviso a clientes", "email", 12, 14, 0.45, 0.06, 1800.0),
    Programme("PR-VERANO", "Rebajas de verano", "email", 4, 21, 0.40, 0.035, 1500.0),
    Programme("PR-VUELVE", "Te echamos de menos", "email", 6, 30, 0.20, 0.02, 700.0),
    Programme("PR-SMS", "Recordatorio por SMS", "sms", 3, 10, 0.15, 0.015, 900.0),
    Programme("PR-CATALOGO", "Catálogo impreso", "post", 8, 30, 0.25, 0.0, 4200.0),
]

#: Paid campaigns: platform, id, name, source and medium of their visits, dollars a day, share of web visits that are theirs.
PAID = [
    ("googleads", "18100001", "Marca MX", "google", "cpc", 24.0, 0.08),
    ("googleads", "18100002", "Hogar genérico", "google", "cpc", 41.0, 0.07),
    ("googleads", "18100003", "Shopping España", "google", "cpc", 33.0, 0.05),
    ("meta", "120210000001", "Remarketing carrito", "facebook", "paid_social", 18.0, 0.05),
    ("meta", "120210000002", "Prospección similar", "facebook", "paid_social", 29.0, 0.06),
]

#: What was searched for, by Google campaign; a shopping campaign has costs without a word, too.
KEYWORDS = {
    "18100001": ["tienda ejemplo", "ejemplo opiniones"],
    "18100002": ["muebles hogar", "decoracion barata", "lamparas"],
    "18100003": ["comprar online españa", ""],
}
#: The advertisements of each Meta campaign.
ADS = ["Vídeo", "Carrusel"]


def window_of(programme: Programme, until: date) -> tuple[date, date]:
    """Return first and last day of a programme."""
    first = until - timedelta(days=30 * programme.months_ago + 10)
    return first, min(first + timedelta(days=programme.days), until)


def assign(people: list[Person], until: date, seed: int) -> dict[str, dict[str, str]]:
    """Return for each programme who is treated and who is held out, by person id."""
    arms: dict[str, dict[str, str]] = {}
    for programme in PROGRAMMES:
        rng = random.Random(f"{seed}:{programme.key}")
        first, _ = window_of(programme, until)
        arms[programme.key] = {
            person.person_id: "control" if rng.random() < HOLDOUT else "treated"
            for person in people
            if person.since <= first and rng.random() < programme.share
        }
    return arms
