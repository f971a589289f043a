"""Find the files of a table in the inbox."""

from __future__ import annotations

from pathlib import Path

from quality.contract import Contract
from warehouse.settings import settings

#: Names that programs give to files they are still writing.
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")


def discover(contract: Contract) -> list[Path]:
    """Return what matches the declared path, by name; directories too, so that they can be spoken of.

    Hidden files and files still being written are left for the next run.
    """
    found = sorted(settings().inbox.glob(contract.path))
    return [p for p in found if not p.name.startswith(".") and not p.name.endswith(UNFINISHED)]
