"""Find the files of a table in the inbox, and tell those that are whole from those that are still arriving.

A file is whole when its declared marker stands beside it or, without one, when it has not changed for `CDP_SETTLE_S` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from quality.contract import Contract
from warehouse.settings import settings

#: Names that programs give to files they are still writing.
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")


def discover(contract: Contract) -> list[Path]:
    """Return what matches the declared path, by name; directories too, so that they can be spoken of.

    Hidden files, files still being written and markers are left out.
    """
    found = [p for p in sorted(settings().inbox.glob(contract.path)) if not p.name.startswith(".")]
    found = [p for p in found if not p.name.endswith(UNFINISHED)]
    if contract.marker is None:
        return found
    markers = {marker_of(path, contract) for path in found}
    return [p for p in found if p not in markers]


def marker_of(path: Path, contract: Contract) -> Path:
    """Return the file that says that an export is complete."""
    assert contract.marker is not None
    return path.with_name(contract.marker.replace("{name}", path.name))


def complete_files(paths: list[Path], contract: Contract) -> tuple[list[Path], list[Path]]:
    """Part arrived files into whole ones and those that are left for the next look."""
    is_marked = {p for p in paths if contract.marker and (p.is_dir() or marker_of(p, contract).exists())}
    whole = is_marked if contract.marker else settled(paths)
    return [p for p in paths if p in whole], [p for p in paths if p not in whole]


def settled(paths: Iterable[Path]) -> set[Path]:
    """Return the files that have not changed for a while; waits at most that while for young ones."""
    patience = settings().settle_s
    listed = list(paths)
    before = {path: _state(path) for path in listed}
    newest = max((changed for _, changed in before.values()), default=0.0)
    # By the real clock: files are written by other programs.
    missing = newest + patience - time.time()
    if patience <= 0 or missing <= 0:
        return set(listed)
    time.sleep(min(missing, patience))
    return {path for path in listed if _state(path) == before[path]}


def size_of(path: Path) -> int:
    """Return a file's size; 0 when it is gone or cannot be looked at."""
    return _state(path)[0]


def _state(path: Path) -> tuple[int, float]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0.0
    return found.st_size, found.st_mtime
