"""Fitted models as files: which one is in use for each score, since when, from which data, and how well it did.

In and out: `state/models/<score>/`, one file per version and `champion.json`, which names the one in use. A model is used until the
weekly training finds a better one, so a day's scores are the same however often the day is run. What stays true: a model that has
seen later days than the day that is scored is never used for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.settings import settings

Artefact = dict[str, Any]


def models_folder() -> Path:
    """Return the folder of fitted models."""
    return settings().state / "models"


def keep(artefact: Artefact, in_use: bool) -> None:
    """Write a model, and put it in use."""
    folder = models_folder() / artefact["score"]
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / f"{artefact['version']}.json", artefact)
    if in_use:
        files.write_json(folder / "champion.json", {"version": artefact["version"], "since": artefact["as_of"]})


def champion(score: str) -> Artefact | None:
    """Return the model in use for a score, or None."""
    named = models_folder() / score / "champion.json"
    if not named.exists():
        return None
    path = named.parent / f"{files.read_json(named)['version']}.json"
    return dict(files.read_json(path)) if path.exists() else None


def versions(score: str) -> list[Artefact]:
    """Return all models that were kept for a score, the newest first."""
    found = [
        dict(files.read_json(path))
        for path in (models_folder() / score).glob("*.json")
        if path.stem not in ("champion", "drift")
    ]
    return sorted(found, key=lambda a: (a["as_of"], a["version"]), reverse=True)


def note_drift(score: str, as_of: date, indexes: dict[str, float]) -> None:
    """Write how far a score and its columns have moved on a day, by the population stability index."""
    folder = models_folder() / score
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "drift.json", {"as_of": as_of.isoformat(), "indexes": indexes})


def drift_of(score: str) -> dict[str, Any] | None:
    """Return what :func:`note_drift` wrote last, or None."""
    path = models_folder() / score / "drift.json"
    return dict(files.read_json(path)) if path.exists() else None


def in_use(score: str, code: str, as_of: date, train: Callable[[], Artefact]) -> Artefact:
    """Return the model to score a day with: the champion, or one trained now where there is none that may be used.

    Args:
        score: name of the score.
        code: version of the recipe; a champion of another recipe is not used.
        as_of: the day that is scored.
        train: trains on what was known at `as_of`.
    """
    found = champion(score)
    if found and found["code"] == code and found["as_of"] <= as_of.isoformat():
        return found
    made = train()
    # A day of the past is scored with what was known then, and the model in use stays.
    if not found or found["code"] != code:
        keep(made, in_use=True)
    return made
