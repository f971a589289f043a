"""What people are like underneath: traits that nobody exports and that drive what the exports show.

Each is between 0 and 1. They lean on each other a little (who is satisfied stays, recommends and opens mail), never so much
that one of them tells another.
"""

from __future__ import annotations

import random
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True)
class Traits:
    """Latent traits of one person; `channel` is how they like to be in touch."""

    value: float = 0.5
    price_sensitivity: float = 0.5
    satisfaction: float = 0.6
    discipline: float = 0.7
    churn_hazard: float = 0.4
    influence: float = 0.2
    email_interest: float = 0.3
    channel: str = "web"

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the traits."""
        return [field.name for field in fields(cls)]

    def cells(self) -> list[str]:
        """Return the traits as text."""
        return [v if isinstance(v, str) else f"{v:.4f}" for v in astuple(self)]


def draw_traits(rng: random.Random) -> Traits:
    """Draw one person's traits."""
    satisfaction = rng.betavariate(4.2, 2.2)
    value = rng.betavariate(1.6, 2.6)
    lean = (satisfaction - 0.65) * 0.5
    return Traits(
        value=value,
        price_sensitivity=_within(rng.betavariate(2.4, 2.4) - (value - 0.38) * 0.4),
        satisfaction=satisfaction,
        discipline=_within(rng.betavariate(4.0, 1.9) + (value - 0.38) * 0.15),
        churn_hazard=_within(rng.betavariate(2.0, 3.0) - lean),
        influence=_within(rng.betavariate(1.2, 5.0) + lean * 0.2),
        email_interest=_within(rng.betavariate(1.2, 4.0) + lean * 0.2),
        channel=rng.choices(["web", "store", "phone", "email"], [46, 27, 15, 12])[0],
    )


def _within(number: float) -> float:
    return min(max(number, 0.0), 1.0)
