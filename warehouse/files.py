"""Files written beside and renamed, so that a crash leaves everything or nothing; and text of any encoding told apart."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_beside(path: Path, *, keep_empty: bool = True) -> Iterator[Path]:
    """Hand out a temporary path in the same folder; on success make it durable and rename it to `path`.

    Args:
        path: what is replaced.
        keep_empty: whether a file must have been written; if not, and none was, what stood there is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        yield beside
        if not keep_empty and not beside.exists():
            path.unlink(missing_ok=True)
            return
        with beside.open("rb") as handle:
            os.fsync(handle.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file whole."""
    with written_beside(path) as beside:
        beside.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file whole, with sorted keys."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def count_lines(path: Path) -> int:
    """Count the line ends of a file without holding it."""
    with path.open("rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))


def sha256_of(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def opened(path: Path, mode: str = "rb") -> Any:
    """Open a file as bytes, unpacked where its name says that it is packed (`.gz`)."""
    return gzip.open(path, mode) if path.suffix.lower() == ".gz" else path.open(mode)


def is_utf8(path: Path) -> bool:
    """Tell whether a file is text in UTF-8 from end to end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
