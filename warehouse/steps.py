"""What every step hands back: counts and seconds, safe to log, to keep in XCom and in an asset's extra."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class StepResult:
    """Outcome of one step. `facts` holds counts, names of tables and files; never personal data."""

    step: str
    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "step": self.step,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "seconds": round(self.seconds, 2),
            **self.facts,
        }


@contextmanager
def step(name: str) -> Iterator[StepResult]:
    """Time a step and hand out its result to fill in."""
    result = StepResult(name)
    started = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - started
