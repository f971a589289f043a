"""How long things are kept: quarantine, delivered files, logs of runs and plans of old audiences are removed after their time.

The lake's raw bytes, the id ledger and the delivery journal are not touched here.
"""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path

from warehouse import files
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

QUARANTINE_DAYS = 30
OUTBOX_DAYS = 30
RUNS_DAYS = 90
SECONDS_PER_DAY = 86_400


def keep_house() -> StepResult:
    """Remove what is past its time, and scratch files that a crash left behind."""
    with step("keep house") as result:
        config = settings()
        removed = _older(config.lake / "quarantine", "*/*.parquet", QUARANTINE_DAYS)
        removed += _older(config.outbox, "*/*/*_add.csv", OUTBOX_DAYS) + _older(
            config.outbox, "*/*/*_remove.csv", OUTBOX_DAYS
        )
        removed += _older(config.state / "runs", "*.jsonl", RUNS_DAYS)
        removed += [p for p in config.data.glob("**/.*.part") if _age_days(p) > 1]
        for path in removed:
            path.unlink(missing_ok=True)
        result.rows_out = len(removed)
        result.facts = {"files_removed": len(removed), "downloads_removed": remove_downloads()}
    return result


def remove_downloads() -> int:
    """Remove the files that people asked for and that are past their time; their manifests say until when. Returns how many."""
    folder = settings().data / "downloads"
    past = []
    for path in folder.glob("*/manifest.json"):
        if datetime.fromisoformat(files.read_json(path)["expires_at"]) <= now():
            past.append(path.parent)
    # Answers to requests of access have no manifest: they were handed out as they were made.
    past += [p.parent for p in folder.glob("request-*/*.json") if _age_days(p) > 1]
    for found in past:
        shutil.rmtree(found)
    return len(past)


def _age_days(path: Path) -> float:
    return (time.time() - path.stat().st_mtime) / SECONDS_PER_DAY


def _older(folder: Path, pattern: str, days: int) -> list[Path]:
    return [path for path in folder.glob(pattern) if _age_days(path) > days]
