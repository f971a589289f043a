"""A delivery in a process of its own, which ends as by kill -9 at a point that the environment names."""

from __future__ import annotations

import os
from unittest import mock


def deliver(environment: dict[str, str], account: tuple, platform: str) -> None:
    """Deliver in batches of two; the process ends by `CDP_FAULT`."""
    os.environ.update(environment)
    from activation.client import limits_of
    from activation.connections import Connection
    from activation.deliver import deliver_audiences

    small = limits_of(platform).model_copy(update={"batch": 2})
    with mock.patch("activation.destinations.api.limits_of", lambda _: small):
        deliver_audiences(lambda _: Connection(*account))
