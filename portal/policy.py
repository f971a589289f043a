"""Who may do what on the page: every route names one of these, and a route that names none is refused when the page starts."""

from __future__ import annotations

from privacy.people import ROLES

EVERYBODY = frozenset(ROLES)

#: What may be done, and the roles that may.
MAY: dict[str, frozenset[str]] = {
    # Without being signed in: the way in, and what the browser needs to draw it.
    "open": frozenset(),
    "look": EVERYBODY,
    "see_customers": frozenset({"marketer", "analyst", "steward", "privacy", "engineer"}),
    # Personal data unmasked, after a reason was given and audited.
    "reveal": frozenset({"marketer", "steward", "privacy"}),
    "download": frozenset({"marketer"}),
    "agree_to_download": frozenset({"marketer", "privacy", "admin"}),
    "propose_audience": frozenset({"marketer", "analyst", "engineer"}),
    "decide_audience": frozenset({"analyst", "engineer"}),
    "review": frozenset({"steward"}),
    "see_health": frozenset({"engineer", "analyst", "steward"}),
    "decide_quarantine": frozenset({"engineer"}),
    "ask_request": frozenset({"marketer", "steward", "privacy"}),
    "answer_request": frozenset({"privacy"}),
    "see_audit": frozenset({"privacy", "admin"}),
    "manage_people": frozenset({"admin"}),
}


def may(roles: frozenset[str], what: str) -> bool:
    """Tell whether one of the roles may do something."""
    return not MAY[what] or bool(roles & MAY[what])
