"""What one platform says of one address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from activation.hashing import sha256


@dataclass(frozen=True)
class Refusal:
    """One address that a platform says must not be sent to. `address_hash` is SHA-256 of the lower-case address."""

    kind: Literal["unsubscribed", "complained", "bounced"]
    address_hash: str
    happened_at: str = ""


def refusal(kind: Literal["unsubscribed", "complained", "bounced"], address: str, happened_at: object = "") -> Refusal:
    """Return a refusal of a plain address."""
    return Refusal(kind, sha256(address.strip().lower()), str(happened_at or ""))
