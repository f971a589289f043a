"""Consent, decided in one place, at the moment of sending, per customer, purpose and channel.

In: `marts.consents` of the published file. A customer may be sent only when the statement in force is a grant; nothing
said is no. Every path to a destination or a download asks here.
"""

from __future__ import annotations

NOT_ASKED = "no consent given for {purpose} by {channel}"
REFUSED = "consent refused or withdrawn for {purpose} by {channel}"


def decision_sql(customer: str, purpose: str, channel: str, database: str = "cdp") -> str:
    """Return an expression that is null when the customer may be sent, and the reason when not."""
    said = (
        f"(SELECT any_value(is_granted) FROM {database}.marts.consents AS consent WHERE consent.customer_id = {customer} "
        f"AND consent.purpose = '{purpose}' AND consent.channel = '{channel}' AND consent.is_in_force)"
    )
    not_asked = NOT_ASKED.format(purpose=purpose, channel=channel)
    refused = REFUSED.format(purpose=purpose, channel=channel)
    return f"CASE WHEN {said} IS NULL THEN '{not_asked}' WHEN NOT {said} THEN '{refused}' END"
