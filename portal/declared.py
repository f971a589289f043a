"""Declarations as pages read them: parsed again only when a file changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from activation.audience import Audience, load_audiences
from activation.journey import Journey, load_journeys
from warehouse.settings import settings

_known: dict[str, tuple[tuple[Any, ...], Any]] = {}


def _state(folders: tuple[Path, ...]) -> tuple[Any, ...]:
    return tuple((str(p), p.stat().st_mtime_ns) for folder in folders for p in sorted(folder.glob("*.yml")))


def audiences() -> dict[str, Audience]:
    """Return the declared audiences by name.

    Raises:
        DeclarationError: a declaration is wrong.
    """
    state = _state(settings().audience_dirs)
    if _known.get("audiences", ((), None))[0] != state:
        _known["audiences"] = (state, load_audiences())
    found: dict[str, Audience] = _known["audiences"][1]
    return found


def journeys() -> dict[str, Journey]:
    """Return the declared journeys by name.

    Raises:
        DeclarationError: a declaration is wrong.
    """
    state = (_state(settings().journey_dirs), _state(settings().audience_dirs))
    if _known.get("journeys", ((), None))[0] != state:
        _known["journeys"] = (state, load_journeys())
    found: dict[str, Journey] = _known["journeys"][1]
    return found
