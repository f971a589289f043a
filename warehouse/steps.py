"""What every step hands back: counts and seconds, safe to log, to keep in XCom and in an asset's extra; and how the last runs ended.

Each step writes a line to `state/runs` when it begins and one when it ends, so that people see what failed, and what a killed process
never ended, without a way into the scheduler. What stays true: lines are only added, hold no personal data, and writing them stops nothing.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from warehouse.errors import CdpError
from warehouse.settings import now, settings

log = logging.getLogger("clientela.steps")


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


@dataclass(frozen=True)
class Run:
    """One run of one step. `outcome` is ok, failed, or unfinished (still at work, or killed); `reason` is a sentence of ours."""

    step: str
    began_at: datetime
    outcome: str
    seconds: float | None = None
    rows_out: int | None = None
    reason: str = ""


@contextmanager
def step(name: str) -> Iterator[StepResult]:
    """Time a step and hand out its result to fill in."""
    result = StepResult(name)
    run = uuid.uuid4().hex
    _note({"run": run, "step": name, "began_at": now().isoformat(timespec="seconds")})
    started = time.perf_counter()
    ended: dict[str, Any] = {"outcome": "failed"}
    try:
        yield result
        ended = {"outcome": "ok"}
    except CdpError as error:
        ended["reason"] = str(error)
        raise
    except Exception as error:
        # The message of a library may quote a customer's data.
        ended["reason"] = type(error).__name__
        raise
    finally:
        result.seconds = time.perf_counter() - started
        _note({"run": run, "seconds": round(result.seconds, 2), "rows_out": result.rows_out, **ended})


def _note(line: dict[str, Any]) -> None:
    folder = settings().state / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{now():%Y-%m-%d}.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        log.warning("the log of runs could not be written: %s", type(error).__name__)


def last_runs(days: int = 14) -> list[Run]:
    """Return the newest run of each step of the last days, newest first. Lines that a crash cut off are left out."""
    since = f"{now() - timedelta(days=days):%Y-%m-%d}"
    paths = sorted(path for path in (settings().state / "runs").glob("*.jsonl") if path.stem >= since)
    return list(_newest(tuple((path, path.stat().st_size) for path in paths)))


@lru_cache(maxsize=4)
def _newest(sized: tuple[tuple[Path, int], ...]) -> tuple[Run, ...]:
    """Read logs by path and size: lines are only added, so that logs of the same sizes say the same, and a page does not read them anew."""
    known: dict[str, dict[str, Any]] = {}
    for path, _ in sized:
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            known.setdefault(line["run"], {}).update(line)
    newest: dict[str, dict[str, Any]] = {}
    # From the last line back, so that of steps of one second the last to begin comes first.
    for line in reversed(known.values()):
        if "step" in line:
            newest.setdefault(line["step"], line)
    runs = [
        Run(line["step"], datetime.fromisoformat(line["began_at"]), line.get("outcome", "unfinished"), line.get("seconds"),
            line.get("rows_out"), line.get("reason", ""))
        for line in newest.values()
    ]  # fmt: skip
    return tuple(sorted(runs, key=lambda run: run.began_at, reverse=True))
