"""What can go wrong with a delivery, and whether trying again helps.

`Terminal` errors fail at once; `Retryable` ones are tried again, nothing being assumed sent.
"""

from __future__ import annotations

from warehouse.errors import CdpError


class Terminal(CdpError):
    """Trying again will not help; a person must act."""


class Retryable(CdpError):
    """Rate limit, timeout, full disk: try again later."""


class ApprovalNeeded(Terminal):
    """A plan is larger than may go out without a person's consent, or removes more than its share."""


class StalePlan(Terminal):
    """The plan that was to be applied is not the one that would be made now."""
