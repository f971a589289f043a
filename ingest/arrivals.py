"""Fetch exports from where systems put them: SFTP servers and S3-compatible stores, through fsspec, into the inbox.

In: declarations in `ingest/arrivals/*.yml` and credentials of Airflow connections (or `AIRFLOW_CONN_<ID>`). Out: files in the
inbox, written beside and renamed. What stays true: a file is fetched only when it is whole (its marker is there, or its size
and time stood still between two looks); what was fetched is not fetched again; nothing remote is deleted; no secret is logged.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import posixpath
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from warehouse import files
from warehouse.declarations import Declared, load_folder
from warehouse.errors import CdpError, DeclarationError, redacted
from warehouse.faults import fault
from warehouse.remote import open_s3, open_sftp
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step


class Arrival(Declared):
    """A remote folder that exports arrive in."""

    description: str
    protocol: Literal["sftp", "s3", "local"]
    connection: str | None = Field(default=None, description="id of an Airflow connection; none for local folders")
    folder: str = Field(description="path on the server, bucket and prefix, or local path")
    files: tuple[str, ...] = Field(default=("*",), description="globs on the name, the first that matches counts")
    into: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="folder of the inbox, the system's name")
    marker: str | None = Field(default=None, description="file that says one is complete; {name} is its name")
    settle_s: float = Field(default=5, ge=0, description="without a marker: seconds between two equal looks")


@dataclass(frozen=True)
class Connection:
    """What is needed to reach a store; `repr` shows no secret."""

    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = ""
    extra: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Connection(host={self.host!r}, login={bool(self.login)})"


def load_arrivals(folders: tuple[Path, ...] | None = None) -> dict[str, Arrival]:
    """Read the declarations, by name; a folder that is not there declares nothing.

    Raises:
        DeclarationError: one is wrong.
    """
    there = tuple(f for f in folders or settings().arrival_dirs if f.is_dir())
    found = {path.stem: arrival for path, arrival in load_folder(there, Arrival)}
    for name, arrival in found.items():
        if arrival.protocol != "local" and not arrival.connection:
            raise DeclarationError(
                f"{name}.yml: protocol '{arrival.protocol}' needs 'connection', the id of an Airflow connection"
            )
    return found


def fetch(name: str, arrival: Arrival, connect_to: Callable[[str], Connection]) -> StepResult:
    """Copy every whole and new file of one remote folder into the inbox.

    Args:
        name: the declaration's name.
        arrival: the declaration.
        connect_to: returns a connection by its id.

    Raises:
        CdpError: the store cannot be reached or read; names the declaration, not the credentials.
    """
    with step(f"fetch {name}") as result:
        try:
            store = _open(arrival, connect_to)
            waiting = _new_files(store, name, arrival)
            whole = _whole(store, waiting, arrival)
            for path in whole:
                _take(store, name, path, waiting[path], arrival)
                result.rows_out += 1
        except CdpError:
            raise
        except Exception as error:
            raise CdpError(
                f"{name}: the store cannot be read ({type(error).__name__}: {redacted(str(error))}). "
                f"Check connection '{arrival.connection}' and folder '{arrival.folder}'."
            ) from None
        result.rows_in = len(waiting)
        result.facts = {"still_arriving": len(waiting) - len(whole)}
    return result


def _open(arrival: Arrival, connect_to: Callable[[str], Connection]) -> Any:
    import fsspec

    if arrival.protocol == "local":
        return fsspec.filesystem("file")
    known = connect_to(arrival.connection or "")
    extra = dict(known.extra or {})
    if arrival.protocol == "sftp":
        return open_sftp(known.host, known.port, known.login, known.password, extra)
    return open_s3(known.login, known.password, extra)


def _new_files(store: Any, name: str, arrival: Arrival) -> dict[str, tuple[int, str]]:
    """Return path, size and time of the files that match and were not fetched as they are."""
    markers = {posixpath.basename(arrival.marker)} if arrival.marker and "{name}" not in arrival.marker else set()
    found = {}
    for entry in store.ls(arrival.folder, detail=True):
        base = posixpath.basename(entry["name"].rstrip("/"))
        is_marker = base in markers or (
            arrival.marker and base.endswith(arrival.marker.replace("{name}", "")) and "{name}" in arrival.marker
        )
        if (
            entry["type"] != "file"
            or is_marker
            or base.startswith(".")
            or base.endswith((".part", ".tmp", ".filepart"))
        ):
            continue
        if not any(fnmatch.fnmatch(base, pattern) for pattern in arrival.files):
            continue
        state = _state(entry)
        if not _receipt(name, entry["name"], state).exists():
            found[entry["name"]] = state
    return found


def _whole(store: Any, waiting: dict[str, tuple[int, str]], arrival: Arrival) -> list[str]:
    if arrival.marker:
        there = {e["name"].rstrip("/") for e in store.ls(arrival.folder, detail=True)}
        return sorted(
            p
            for p in waiting
            if posixpath.join(posixpath.dirname(p), arrival.marker.replace("{name}", posixpath.basename(p))) in there
        )
    if not waiting:
        return []
    time.sleep(arrival.settle_s)
    fresh = {"refresh": True} if arrival.protocol == "s3" else {}
    again = {e["name"]: _state(e) for e in store.ls(arrival.folder, detail=True, **fresh)}
    return sorted(path for path, state in waiting.items() if again.get(path) == state and state[0] > 0)


def _state(entry: dict[str, Any]) -> tuple[int, str]:
    """Return size and time of a listed file; stores name the time differently."""
    return int(entry["size"] or 0), str(entry.get("mtime") or entry.get("LastModified") or entry.get("ETag") or "")


def _take(store: Any, name: str, path: str, state: tuple[int, str], arrival: Arrival) -> None:
    base = posixpath.basename(path)
    if base in ("", ".", "..") or "/" in base or os.sep in base or "\0" in base:
        raise CdpError(f"{name}: the store names a file that is no plain name; it is not fetched")
    target = settings().inbox / arrival.into / base
    with files.written_beside(target) as beside, store.open(path, "rb") as remote, beside.open("wb") as local:
        shutil.copyfileobj(remote, local, 4 * 1024 * 1024)
        if local.tell() != state[0]:
            raise CdpError(
                f"{name}: {base} ended after {local.tell():,} of {state[0]:,} bytes; it is fetched again next time"
            )
    fault("fetch.after_copy")
    files.write_json(
        _receipt(name, path, state),
        {"file": base, "bytes": state[0], "fetched_at": now().isoformat(timespec="seconds")},
    )


def _receipt(name: str, path: str, state: tuple[int, str]) -> Path:
    told = hashlib.sha256(json.dumps([path, *state]).encode()).hexdigest()[:24]
    return settings().state / "arrivals" / name / f"{told}.json"
