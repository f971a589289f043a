"""Places where a run can be broken on purpose, so that crashes are tested where they hurt.

`fault("land.after_raw")` does nothing unless `CDP_FAULT` names that point: `land.after_raw:kill` ends the process as
`kill -9` would, `land.after_raw:raise` raises. `land.after_raw:kill:3` strikes at the third passing.
"""

from __future__ import annotations

import os
from collections import Counter

from warehouse.settings import settings

_passed: Counter[str] = Counter()


class InjectedFault(Exception):
    """Raised at a fault point that was asked to raise."""


def fault(point: str) -> None:
    """Break here if `CDP_FAULT` asks for it.

    Raises:
        InjectedFault: asked for with `:raise`.
    """
    asked = settings().fault
    if not asked:
        return
    name, _, how = asked.partition(":")
    if name != point:
        return
    kind, _, nth = how.partition(":")
    _passed[point] += 1
    if _passed[point] < int(nth or 1):
        return
    if kind == "raise":
        raise InjectedFault(point)
    os._exit(137)
