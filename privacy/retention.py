"""How long things are kept: quarantine, delivered files and plans of old audiences are removed after their time.

The lake's raw bytes, the id ledger and the delivery journal are not touched here.
"""

from __future__ import annotations

import time
from pathlib import Path

from warehouse.settings import settings
from warehouse.steps import StepResult, step

QUARANTINE_DAYS = 30
OUTBOX_DAYS = 30
SECONDS_PER_DAY = 86_400


def keep_house() -> StepResult:
    """Remove what is past its time, and scratch files that a crash left behind."""
    with step("keep house") as result:
        config = settings()
        removed = _older(config.lake / "quarantine", "*/*.parquet", QUARANTINE_DAYS)
        removed += _older(config.outbox, "*/*/*_add.csv", OUTBOX_DAYS) + _older(
            config.outbox, "*/*/*_remove.csv", OUTBOX_DAYS
        )
        removed += [p for p in config.data.glob("**/.*.part") if _age_days(p) > 1]
        for path in removed:
            path.unlink(missing_ok=True)
        result.rows_out = len(removed)
        result.facts = {"files_removed": len(removed)}
    return result


def _age_days(path: Path) -> float:
    return (time.time() - path.stat().st_mtime) / SECONDS_PER_DAY


def _older(folder: Path, pattern: str, days: int) -> list[Path]:
    return [path for path in folder.glob(pattern) if _age_days(path) > days]
