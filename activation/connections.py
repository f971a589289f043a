"""Where a destination is and by what it lets us in. Secrets come from Airflow's connections or the environment only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Connection:
    """One account at one platform. `extra` holds what is particular to it: accounts, ids, revision."""

    base_url: str
    login: str = ""
    secret: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


#: Returns a connection by its id, or raises CdpError.
Connections = Callable[[str], Connection]
