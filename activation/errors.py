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


class Refused(CdpError):
    """The platform refused a call because of what was in it; the body stays here and is never put in a message or log."""

    def __init__(self, message: str, status: int, body: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
