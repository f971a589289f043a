"""The project that dbt runs, and what dbt understood of it, which is kept: it hangs on files and variables alone.

In: the project's files. Out: `state/dbt/parsed/<key>.msgpack`, beside one that `make setup` lays into the environment, so that a company's first
build does not begin with five to ten seconds of reading models that every company has.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.settings import ROOMS, settings

PROJECT = ROOMS / "dbt_project"

#: How a model names a table that it reads from another room.
SOURCE = re.compile(r"""source\(\s*['"](\w+)['"]\s*,\s*['"](\w+)['"]\s*\)""")
#: Of so many states of the project the environment keeps what was understood.
MOST_KEPT = 4


def project() -> Path:
    """Return the project to run: this one, or one of links in which a company's own models stand in their place.

    dbt wants model folders inside the project: with others, it writes compiled tests to impossible paths.
    """
    config = settings()
    if config.dbt_models is None:
        return PROJECT
    linked = config.state / "dbt" / "project"
    linked.mkdir(parents=True, exist_ok=True)
    for entry in PROJECT.iterdir():
        link = linked / entry.name
        link.unlink(missing_ok=True)
        link.symlink_to(config.dbt_models if entry.name == "own_models" else entry)
    return linked


def variables() -> dict[str, Any]:
    """Return the variables that dbt is called with."""
    config = settings()
    told: dict[str, Any] = json.loads(config.dbt_vars)
    if config.as_of:
        told["as_of_date"] = config.as_of.isoformat()
    return told


def project_files() -> list[tuple[str, str]]:
    """Return the files that a project is made of, by their paths inside it, in order, with what they say."""
    folder, found = project(), []
    for inside, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - {"logs", "target"})
        for path in (Path(inside) / name for name in names if name.endswith((".sql", ".yml", ".csv", ".py", ".md"))):
            found.append((path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")))
    return sorted(found)


def key_now() -> str:
    """Return by what it is known that dbt would understand the project as it did before: its place and files, variables, and dbt itself."""
    told = [str(project()), variables(), sys.version, version("dbt-core"), version("dbt-duckdb"), project_files()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def parsed(key: str) -> Path | None:
    """Return the file of what dbt understood of the project, or None."""
    return next((path for path in (_own(key), _of_all(key)) if path.exists()), None)


def keep_parsed(key: str, target: Path) -> None:
    """Keep what dbt wrote to its target folder; nothing, when the project was changed meanwhile.

    dbt forgets it when the working file or its memory limit is another, though no model says either.
    """
    made = target / "partial_parse.msgpack"
    if made.exists() and key_now() == key:
        _laid(made, _own(key), 1)


def lay_parsed(key: str, target: Path) -> None:
    """Lay what dbt wrote to its target folder into the environment, for all companies of it."""
    _laid(target / "partial_parse.msgpack", _of_all(key), MOST_KEPT)


def _laid(made: Path, to: Path, kept: int) -> None:
    files.write_bytes(to, made.read_bytes())
    for older in sorted(to.parent.glob("*.msgpack"), key=lambda path: path.stat().st_mtime)[:-kept]:
        older.unlink(missing_ok=True)


def _own(key: str) -> Path:
    return settings().state / "dbt" / "parsed" / f"{key}.msgpack"


def _of_all(key: str) -> Path:
    return Path(sys.prefix) / "share" / "clientela" / "parsed" / f"{key}.msgpack"
