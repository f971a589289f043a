"""Wakes ingestion when exports arrive: looks at the inbox, and fires when new files stand still.

It reads names, sizes and times only, deletes nothing, and imports no room of weight: it lives in Airflow's triggerer. What a
run has looked at is kept in `state/inbox_seen.json`, so that a restart of the triggerer fires for new files only.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from warehouse import files
from warehouse.settings import settings

UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")


def listing(inbox: Path) -> dict[str, list[int]]:
    """Return size and time of every file in the inbox, by its path below it."""
    found = {}
    for path in inbox.rglob("*"):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED):
            continue
        try:
            if path.is_file():
                state = path.stat()
                found[path.relative_to(inbox).as_posix()] = [state.st_size, state.st_mtime_ns]
        except OSError:  # gone between two looks
            continue
    return found


def seen_file() -> Path:
    """Return where it is kept what a run has looked at."""
    return settings().state / "inbox_seen.json"


def note_what_is_seen() -> int:
    """Keep the present listing: a run that begins now looks at all of it; return how many files there are."""
    now_there = listing(settings().inbox)
    files.write_json(seen_file(), now_there)
    return len(now_there)


class ArrivalTrigger(BaseEventTrigger):
    """Fires with the number of new files once they have not changed between two looks.

    Args:
        poll_s: seconds between two looks.
    """

    def __init__(self, poll_s: float = 20.0) -> None:
        super().__init__()
        self.poll_s = poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow needs to build this trigger in its triggerer."""
        return "dags.arrival_trigger.ArrivalTrigger", {"poll_s": self.poll_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again; an event names counts, never files' contents."""
        before: dict[str, list[int]] = {}
        told = ""
        while True:
            now_there = await asyncio.to_thread(listing, settings().inbox)
            seen = json.loads(seen_file().read_text()) if seen_file().exists() else {}
            new = {path: state for path, state in now_there.items() if seen.get(path) != state}
            signature = hashlib.sha256(json.dumps(new, sort_keys=True).encode()).hexdigest()[:16]
            if new and signature != told and all(before.get(path) == state for path, state in new.items()):
                told = signature
                yield TriggerEvent({"new_files": len(new), "signature": signature})
            before = now_there
            await asyncio.sleep(self.poll_s)
