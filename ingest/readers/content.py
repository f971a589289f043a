"""Bytes to text: bounded expansion of compressed files, strict decoding in the declared encoding."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import Any

import zstandard

from warehouse.errors import RefusedFile
from warehouse.settings import settings

CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1252": "cp1252", "latin-1": "latin-1"}

#: Expansion beyond this ratio is refused as a bomb once the result is larger than a few megabytes.
MAX_RATIO = 500
SMALL_BYTES = 16 * 1024 * 1024


def expanded(content: bytes, file: str) -> bytes:
    """Return the bytes of a file, unpacked if its first bytes say gzip, zstandard or zip.

    Raises:
        RefusedFile: the archive is cut, damaged, holds more than one file, or expands beyond the bound.
    """
    opened: Any
    if content[:2] == b"\x1f\x8b":
        kind, opened = "gzip", gzip.open(io.BytesIO(content), "rb")  # noqa: SIM115  (read and dropped below)
    elif content[:4] == b"\x28\xb5\x2f\xfd":
        kind, opened = "zstandard", zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content))
    elif content[:4] == b"PK\x03\x04":
        try:
            archive = zipfile.ZipFile(io.BytesIO(content))
        except zipfile.BadZipFile:
            raise RefusedFile(
                f"{file}: the zip archive is cut or damaged. Export it again, and upload it whole."
            ) from None
        members = [m for m in archive.infolist() if not m.is_dir()]
        if len(members) != 1:
            raise RefusedFile(f"{file}: the zip holds {len(members)} files, expected one. Unpack it into the inbox.")
        kind, opened = "zip", archive.open(members[0])
    else:
        return content
    bound = min(int(settings().max_file_gb * 1024**3), max(SMALL_BYTES, MAX_RATIO * len(content)))
    try:
        plain: bytes = opened.read(bound + 1)
        if kind == "zstandard" and not plain and len(content) > 16:
            raise EOFError
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError, zipfile.BadZipFile, OSError):
        raise RefusedFile(
            f"{file}: the {kind} stream ends early or is damaged, so rows would be missing. "
            "Export it again, and upload it whole."
        ) from None
    if len(plain) > bound:
        raise RefusedFile(
            f"{file}: expands beyond {bound // 1024**2:,} MB from {len(content) // 1024:,} KB, expected an ordinary "
            "export. If it is one, raise CDP_MAX_FILE_GB."
        )
    return plain


def decoded(content: bytes, encoding: str, file: str) -> str:
    """Return the text of a file in its declared encoding, decoded strictly.

    Raises:
        RefusedFile: the bytes are not of that encoding, or are evidently of another.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") and encoding != "utf-16":
        raise RefusedFile(f"{file}: begins with a UTF-16 mark, expected {encoding}. Fix the export or 'encoding:'.")
    try:
        text = content.decode(CODECS[encoding])
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        line = content[:at].count(b"\n") + 1
        guess = "windows-1252" if encoding == "utf-8" else "utf-8"
        raise RefusedFile(
            f"{file}: byte {at:,} (line {line:,}) is not {encoding}, as declared; it may be {guess}. "
            "Fix the export or 'encoding:'."
        ) from None
    if encoding in ("windows-1252", "latin-1") and not content.isascii() and _is_utf8(content):
        raise RefusedFile(f"{file}: the text is UTF-8, expected {encoding}. Fix the export or 'encoding:'.")
    return text


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeError:
        return False
    return True
