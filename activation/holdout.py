"""Control groups: a declared share of an audience is held out, always the same customers.

The draw is a hash of audience and customer id, so it needs no memory, does not change when the audience does, and is
independent between audiences.
"""

from __future__ import annotations

import hashlib


def holdout_sql(customer: str, audience: str, pct: float) -> str:
    """Return the condition that a customer is held out of an audience."""
    digits = f"substr(sha256('{audience}:holdout:' || {customer}), 1, 8)"
    return f"('0x' || {digits})::UBIGINT % 10000 < {round(pct * 100)}"


def is_held_out(customer_id: str, audience: str, pct: float) -> bool:
    """Tell whether a customer is held out; agrees with :func:`holdout_sql`."""
    digest = hashlib.sha256(f"{audience}:holdout:{customer_id}".encode()).hexdigest()[:8]
    return int(digest, 16) % 10000 < round(pct * 100)
