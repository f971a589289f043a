"""Bytes to plain bytes and text: bounded expansion of compressed files, safe archives, strict decoding.

What stays true: nothing is held whole that can be large; an archive is never unpacked to a path it names; expansion beyond
the bound is refused with a sentence, and so is a stream that ends early.
"""

from __future__ import annotations

import codecs
import fnmatch
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

import numpy as np
import zstandard

from warehouse.errors import RefusedFile
from warehouse.settings import settings

CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1252": "cp1252", "latin-1": "latin-1"}

#: Expansion beyond this ratio is refused as a bomb once the result is larger than a few megabytes.
MAX_RATIO = 500
SMALL_BYTES = 16 * 1024 * 1024
#: How much text is worked on at a time.
BLOCK_BYTES = 8 * 1024 * 1024
#: A line, or a cell with line breaks, that is longer than this is no line.
MAX_LINE_BYTES = 128 * 1024 * 1024

#: So little of a zstandard stream is unpacked in one call: 4 bytes of it can stand for 128 KB.
SLICE = 4096

BLANKS = (b" ", b"\t", b"")
EMPTY_ZIP = b"PK\x05\x06"
ZIP, GZIP, ZSTANDARD = b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Readable(Protocol):
    """Anything that hands out bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to so many bytes; none at the end."""


def bound_for(packed_bytes: int) -> int:
    """Return how many bytes a compressed file of a size may expand to."""
    return min(int(settings().max_file_gb * 1024**3), max(SMALL_BYTES, MAX_RATIO * packed_bytes))


def expanded(stream: BinaryIO, packed_bytes: int, file: str, *, is_workbook: bool = False) -> Iterator[bytes]:
    """Return the plain bytes of a file piece by piece, unpacked if its first bytes say gzip or zstandard.

    Raises:
        RefusedFile: the stream is cut or damaged, expands beyond the bound, or is an archive inside an archive.
    """
    head = stream.read(BLOCK_BYTES)
    if head[:4] == ZIP and not is_workbook:
        raise RefusedFile(f"{file}: is an archive inside an archive, expected an export. Unpack it into the inbox.")
    kind = "gzip" if head[:2] == GZIP else "zstandard" if head[:4] == ZSTANDARD else ""
    if not kind:
        while head:
            yield head
            head = stream.read(BLOCK_BYTES)
        return
    bound, total = bound_for(packed_bytes), 0
    try:
        for piece in _unpacked(kind, head, stream):
            if not total and piece[:2] in (GZIP, ZIP[:2], ZSTANDARD[:2]):
                raise RefusedFile(f"{file}: is compressed twice, expected once. Unpack it into the inbox.")
            total += len(piece)
            if total > bound:
                raise too_large(file, bound, packed_bytes)
            yield piece
    except (EOFError, zlib.error, zstandard.ZstdError, OSError):
        raise RefusedFile(
            f"{file}: the {kind} stream ends early or is damaged, so rows would be missing. "
            "Export it again, and upload it whole."
        ) from None


def _unpacked(kind: str, head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Unpack one or more streams that follow each other; an end that is missing is an error.

    Raises:
        EOFError: the last stream is cut.
    """

    def fresh() -> Any:
        # 32 + 15: zlib looks for gzip's header by itself.
        return zlib.decompressobj(wbits=47) if kind == "gzip" else zstandard.ZstdDecompressor().decompressobj()

    unpacker, block = fresh(), head
    while block:
        # At most so much comes out at a time, or a bomb would fill memory in one call.
        if kind == "gzip":
            piece = unpacker.decompress(block, BLOCK_BYTES)
            if piece:
                yield piece
            while unpacker.unconsumed_tail:
                yield unpacker.decompress(unpacker.unconsumed_tail, BLOCK_BYTES)
        else:
            for at in range(0, len(block), SLICE):
                if unpacker.eof:
                    break
                piece = unpacker.decompress(block[at : at + SLICE])
                if piece:
                    yield piece
                if unpacker.eof:
                    rest = unpacker.unused_data + block[at + SLICE :]
                    break
        if unpacker.eof:
            rest = unpacker.unused_data if kind == "gzip" else rest
            if rest.strip(b"\0"):
                unpacker, block = fresh(), rest
                continue
            block = stream.read(BLOCK_BYTES)
            if block.strip(b"\0"):
                unpacker = fresh()
                continue
            return
        block = stream.read(BLOCK_BYTES)
    raise EOFError


def too_large(file: str, bound: int, packed_bytes: int) -> RefusedFile:
    """Return the refusal of a file that expands beyond its bound."""
    return RefusedFile(
        f"{file}: expands beyond {bound // 1024**2:,} MB from {packed_bytes // 1024:,} KB, expected an ordinary "
        "export. If it is one, raise CDP_MAX_FILE_GB."
    )


# ---------------------------------------------------------------- archives


def is_zip(path: Path) -> bool:
    """Tell whether a file's first bytes say zip."""
    with path.open("rb") as handle:
        return handle.read(4) in (ZIP, EMPTY_ZIP)


def members_of(path: Path, wanted: str | None, file: str) -> list[str]:
    """Return the names of an archive's files that are a table's.

    Args:
        path: the archive.
        wanted: glob on the member's name; without it the archive must hold exactly one file.
        file: its name, for sentences.

    Raises:
        RefusedFile: the archive is damaged or encrypted, names a path outside itself, holds another number of files than
            expected, or says that it expands beyond the bound.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError):
        raise RefusedFile(f"{file}: the zip archive is cut or damaged. Export it again, and upload it whole.") from None
    for member in inside:
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in member.filename:
            raise RefusedFile(
                f"{file}: holds a file whose name points outside the archive, expected plain names. Do not trust this file."
            )
        if member.flag_bits & 0x1:
            raise RefusedFile(f"{file}: is locked with a password, expected an open archive. Export it without one.")
    if any(m.filename == "[Content_Types].xml" for m in inside):
        raise RefusedFile(
            f"{file}: is an Excel workbook, expected another format. Export it again, or declare 'format: xlsx'."
        )
    inside = [m for m in inside if not PurePosixPath(m.filename).name.startswith((".", "__MACOSX"))]
    packed = path.stat().st_size
    if sum(member.file_size for member in inside) > bound_for(packed):
        raise too_large(file, bound_for(packed), packed)
    if wanted is None:
        if len(inside) != 1:
            raise RefusedFile(
                f"{file}: the zip holds {len(inside)} files, expected one. Unpack it into the inbox, or declare 'member:'."
            )
        return [inside[0].filename]
    chosen = sorted(m.filename for m in inside if fnmatch.fnmatch(PurePosixPath(m.filename).name, wanted))
    if not chosen:
        raise RefusedFile(
            f"{file}: the zip holds {len(inside)} files and none matches 'member: {wanted}'. Export it again."
        )
    return chosen


@contextmanager
def opened_member(path: Path, member: str, file: str) -> Iterator[BinaryIO]:
    """Open one file of an archive as a bounded stream.

    Raises:
        RefusedFile: it is damaged, or holds more than the archive says.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as inner:
            yield _Bounded(inner, bound_for(path.stat().st_size), path.stat().st_size, file)  # type: ignore[misc]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise RefusedFile(f"{file}: the zip archive is cut or damaged. Export it again, and upload it whole.") from None


class _Bounded:
    def __init__(self, inner: Readable, bound: int, packed: int, file: str) -> None:
        self._inner, self._bound, self._packed, self._file, self._total = inner, bound, packed, file, 0

    def read(self, size: int = -1, /) -> bytes:
        block = self._inner.read(size)
        self._total += len(block)
        if self._total > self._bound:
            raise too_large(self._file, self._bound, self._packed)
        return block


# ---------------------------------------------------------------- text


def text_blocks(
    pieces: Iterator[bytes], encoding: str, file: str, quote: str = "", block_bytes: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Return a text as blocks of whole lines in UTF-8, without its byte-order mark.

    Args:
        pieces: the plain bytes.
        encoding: the declared encoding, decoded strictly.
        file: its name, for sentences.
        quote: when cells may hold line breaks, the quote that encloses them: a block then ends where no quote is open.
        block_bytes: about how large a block is; the first ones are smaller, so that the next step need not wait long.

    Raises:
        RefusedFile: the bytes are not of that encoding, or are evidently of another; a line or a quoted cell has no end.
    """
    lines = _cut_in_lines(_in_utf8(pieces, file) if encoding == "utf-16" else pieces, file, quote, block_bytes)
    is_ascii = True
    could_be_utf8, offset, number, at_start = True, 0, 1, True
    for block in lines:
        text = block
        if at_start:
            if encoding != "utf-16" and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise RefusedFile(
                    f"{file}: begins with a UTF-16 mark, expected {encoding}. Fix the export or 'encoding:'."
                )
            if encoding == "utf-8":
                text = block.removeprefix(codecs.BOM_UTF8)
            elif block.startswith(codecs.BOM_UTF8):
                raise RefusedFile(
                    f"{file}: begins with a UTF-8 mark, expected {encoding}. Fix the export or 'encoding:'."
                )
            _check_is_text(text, file)
            at_start = False
        if encoding in ("windows-1252", "latin-1"):
            if not block.isascii():
                is_ascii = False
                could_be_utf8 = could_be_utf8 and _is_utf8(block)
                try:
                    text = block.decode(CODECS[encoding]).encode()
                except UnicodeError as error:
                    raise _wrong_byte(error, block, encoding, file, offset, number) from None
            number += block.count(b"\n")
        yield text
        offset += len(block)
    if encoding in ("windows-1252", "latin-1") and not is_ascii and could_be_utf8:
        raise RefusedFile(f"{file}: the text is UTF-8, expected {encoding}. Fix the export or 'encoding:'.")


def _check_is_text(text: bytes, file: str) -> None:
    head = text[:200].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise RefusedFile(
            f"{file}: is a web page, expected an export; a login may have run out while it was downloaded. Download it again."
        )
    if head.startswith(b"%pdf"):
        raise RefusedFile(f"{file}: is a PDF, expected an export. Export the rows, not their print.")


def check_utf8(block: bytes, file: str, offset_line: int) -> None:
    """Say where a block is not UTF-8; called when a parser found that it is not.

    Raises:
        RefusedFile: names the line.
    """
    try:
        block.decode("utf-8")
    except UnicodeError as error:
        raise _wrong_byte(error, block, "utf-8", file, 0, offset_line) from None


def _wrong_byte(error: UnicodeError, block: bytes, encoding: str, file: str, offset: int, line: int) -> RefusedFile:
    at = getattr(error, "start", 0)
    guess = "windows-1252" if encoding == "utf-8" else "utf-8"
    byte = f"byte {offset + at:,} " if offset or line == 1 else "a byte "
    at_line = line + block[:at].count(b"\n")
    return RefusedFile(
        f"{file}: {byte}(line {at_line:,}) is not {encoding}, as declared; it may be {guess}. "
        "Fix the export or 'encoding:'."
    )


def _in_utf8(pieces: Iterator[bytes], file: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    first = True
    try:
        for piece in pieces:
            if first and piece[:2] not in (b"\xff\xfe", b"\xfe\xff"):
                raise RefusedFile(f"{file}: has no UTF-16 mark, expected utf-16. Fix the export or 'encoding:'.")
            first = False
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise RefusedFile(
            f"{file}: the text is not whole UTF-16, as declared; it may be cut. Export it again, or fix 'encoding:'."
        ) from None


def _cut_in_lines(pieces: Iterator[bytes], file: str, quote: str, block_bytes: int) -> Iterator[bytes]:
    """Join pieces and cut them after a line end, where no quote is open if cells may hold line breaks."""
    mark, rest, number, odd = quote.encode(), b"", 1, False
    enough, held, size = block_bytes // 4, [b""], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size < enough:
            continue
        if not mark and (at := piece.rfind(b"\n")) >= 0:
            held[-1] = piece[: at + 1]
            yield b"".join(held)
            held, size, enough = [piece[at + 1 :]], len(piece) - at - 1, min(2 * enough, block_bytes)
            continue
        rest = b"".join(held)
        held = [rest]
        at = _last_line_end(rest, mark)
        if at < 0:
            if len(rest) > MAX_LINE_BYTES:
                what = "a quote that is opened is not closed" if mark else "a line has no end"
                raise RefusedFile(
                    f"{file}: {what} within {MAX_LINE_BYTES // 1024**2} MB, expected rows of text. Fix the export."
                )
            continue
        block, rest = rest[: at + 1], rest[at + 1 :]
        held, size, enough = [rest], len(rest), min(2 * enough, block_bytes)
        number += block.count(b"\n") if mark else 0
        yield block
    if rest := b"".join(held):
        odd = bool(mark) and bool(rest.count(mark) % 2)
        if odd:
            line = number + rest[: rest.rfind(mark)].count(b"\n")
            raise RefusedFile(
                f"{file}: a quote is opened in line {line:,} and not closed before the end, so rows would be swallowed. "
                "Export it again, and whole."
            )
        yield rest


def _last_line_end(text: bytes, mark: bytes) -> int:
    end = b"\n" if b"\n" in text else b"\r"
    at = text.rfind(end)
    if not mark:
        return at
    is_open = text.count(mark, 0, at) % 2 == 1
    while at >= 0 and is_open:
        before = text.rfind(end, 0, at)
        is_open = (is_open + text.count(mark, max(before, 0), at)) % 2 == 1
        at = before
    return at


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode("utf-8")
    except UnicodeError:
        return False
    return True


def count(block: bytes, mark: bytes) -> int:
    """Count a mark; numpy does it three times as fast as bytes for one byte, a cache's worth at a time."""
    if len(mark) > 1:
        return block.count(mark)
    letters, some = np.frombuffer(block, dtype=np.uint8), 256 * 1024
    return sum(int(np.count_nonzero(letters[at : at + some] == mark[0])) for at in range(0, len(letters), some))


def without_blank_end(block: bytes) -> bytes:
    """Return lines without the blank ones at their end; a block that ends as it should is not copied."""
    if block.endswith(b"\n") and not block.endswith((b"\n\n", b"\n\r\n", b" \n", b"\r\r\n", b" \r\n")):
        return block
    return block.rstrip(b"\r\n ")


def lines_in(body: bytes) -> int:
    """Count the lines of a text, whether or not the last one has an end."""
    return count(body, b"\n") + (not body.endswith(b"\n"))


def is_trimmed(block: bytes, marks: bytes) -> bool:
    """Tell whether no cell of a block can begin or end with a blank: then no cell needs to be trimmed.

    Args:
        block: lines of text in UTF-8.
        marks: what stands before and after cells (delimiter, quote, line ends).
    """
    # Blanks beyond ASCII begin with these bytes in UTF-8; where there are none of them, only space and tab are left. One byte
    # is looked for at a time: that is twenty times as fast as two.
    if any(lead in block for lead in (b"\xc2", b"\xe1", b"\xe2", b"\xe3", b"\x0b", b"\x0c")):
        return False
    if block[:1] in BLANKS or block[-1:] in BLANKS:
        return False
    letters, some, around = np.frombuffer(block, dtype=np.uint8), 256 * 1024, np.zeros(256, dtype=bool)
    around[list(marks)] = True
    for at in range(0, len(letters), some):
        part = letters[at : at + some]
        blanks = np.flatnonzero((part == 32) | (part == 9)) + at
        if blanks.size and (around[letters[blanks - 1]].any() or around[letters[blanks + 1]].any()):
            return False
    return True


def whole(pieces: Iterator[bytes]) -> io.BytesIO:
    """Hold a document in memory: for formats that can only be read whole (workbooks, Parquet, JSON arrays)."""
    held = io.BytesIO()
    for piece in pieces:
        held.write(piece)
    held.seek(0)
    return held
