"""Delimited text of any declared dialect, in blocks.

Two ways give the same rows: a fast one for blocks where every row is well formed, and a careful one, line by line, that finds
which are not. A quote that is opened and not closed spoils its own line only, unless the declaration says that cells may hold
line breaks.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import polars as pl

from ingest.ahead import ahead
from ingest.readers.content import check_utf8, count, is_trimmed, lines_in, text_blocks, without_blank_end
from ingest.readers.rows import Facts, place_columns, shared_values, text_rows
from quality.casts import TRIMMED
from quality.contract import Contract
from warehouse.errors import RefusedFile

#: One line taken apart: its number, its cells, and what is wrong with it.
Line = tuple[int, list[str], str | None]

csv.field_size_limit(2**31 - 1)


def read(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Take delimited text apart.

    Raises:
        RefusedFile: wrong encoding, no header, or a header that does not fit.
    """
    blocks = text_blocks(pieces, contract.encoding, file, contract.quote if contract.multiline else "")
    layout: _Layout | None = None
    number, has_ended = 1, False
    for block in ahead(blocks, depth=2):
        body = _line_ends(block, contract)
        if has_ended:
            facts.dropped += _rows_in(body)
            continue
        if layout is None:
            layout, body, number = _Layout.read(body, contract, file, facts)
        if contract.footer and (at := _footer_starts(body, contract)) >= 0:
            facts.dropped += _rows_in(body[at:])
            body, has_ended = body[:at], True
        if not body.isspace() and body:
            rows, lines = layout.rows_of(body, number)
            number += lines
            yield rows
        else:
            number += body.count(b"\n")
    if layout is None:
        if contract.header_row:
            raise RefusedFile(f"{file}: holds no header in line {contract.header_row}, expected one. Export it again.")
        return


class _Layout:
    """Where the declared columns stand in a file, and how its rows are taken apart."""

    def __init__(self, contract: Contract, file: str, header: list[str], facts: Facts) -> None:
        self.contract, self.file, self.header = contract, file, header
        self.placed, new, absent = place_columns(header, contract, file)
        facts.note(header, new, absent, contract)
        self.shared = shared_values(contract, file, facts.header)
        known = set(self.placed.values())
        self.rest_column = next((name for name, c in contract.columns.items() if c.rest), None)
        self.rest = [i for i, h in enumerate(header) if i not in known and h.strip()] if self.rest_column else []

    @classmethod
    def read(cls, block: bytes, contract: Contract, file: str, facts: Facts) -> tuple[_Layout, bytes, int]:
        """Read the header and return the layout, what follows the header, and the number of its first line."""
        if not contract.header_row:
            in_file = [contract.header_of(n) for n, c in contract.columns.items() if c.is_in_the_file]
            first = next(iter(_careful(_first_record(block, contract), 1, contract, file)), None)
            if first is not None and first[2] is None and len(first[1]) != len(in_file):
                raise RefusedFile(
                    f"{file}: the first line has {len(first[1])} fields, expected {len(in_file)} (the file has no header). "
                    "Fix the export, or the declaration."
                )
            return cls(contract, file, in_file, facts), block, 1
        rest, number = block, 1
        for _ in range(contract.header_row - 1):
            _, _, rest = rest.partition(b"\n")
            number += 1
        while rest and not rest.partition(b"\n")[0].strip():
            _, _, rest = rest.partition(b"\n")
            number += 1
        record = _first_record(rest, contract)
        if not record.strip():
            raise RefusedFile(f"{file}: holds no header in line {contract.header_row}, expected one. Export it again.")
        _, header, wrong = next(_careful(record, number, contract, file))
        if wrong:
            raise RefusedFile(f"{file}: the header (line {number}) cannot be read: {wrong}. Fix the export.")
        return cls(contract, file, header, facts), rest[len(record) :], number + record.count(b"\n")

    def rows_of(self, block: bytes, first_line: int) -> tuple[pl.DataFrame, int]:
        """Take a block apart; return its rows and how many lines it has."""
        found = self._fast(block, first_line)
        if found is None:
            return self._slow(block, first_line), block.count(b"\n")
        # Where no cell holds a line break, a row is a line, and lines need not be counted again.
        ends_plain = not self.contract.multiline and not block.endswith((b"\n\n", b"\n\r\n", b" \n", b" \r\n"))
        return found, found.height if ends_plain else block.count(b"\n")

    def _fast(self, block: bytes, first_line: int) -> pl.DataFrame | None:
        """Read a block whose every row is well formed; None when one is not."""
        contract, width = self.contract, len(self.header)
        quote, delimiter = contract.quote.encode(), contract.delimiter.encode()
        body = without_blank_end(block)
        has_quotes = bool(quote) and quote in body
        if b"\0" in body:
            return None
        wanted = list(range(width)) if has_quotes or self.rest else sorted(set(self.placed.values()))
        try:
            frame = pl.read_csv(
                io.BytesIO(body),
                has_header=False,
                separator=contract.delimiter,
                quote_char=contract.quote if has_quotes else None,
                schema={f"c{i}": pl.String for i in range(width)},
                columns=wanted if width > 1 else None,
            )
        except (pl.exceptions.PolarsError, OSError):
            check_utf8(body, self.file, first_line)
            return None
        marks, lines = count(body, delimiter), frame.height
        breaks: pl.Series | None = None
        if has_quotes:
            lines = lines_in(body)
            cells = [pl.col(c) for c in frame.columns]
            if any(frame.select(c.str.contains(contract.quote, literal=True).any() for c in cells).row(0)):
                return None
            marks -= sum(
                frame.select(c.str.count_matches(contract.delimiter, literal=True).sum() for c in cells).row(0)
            )
            if contract.multiline and frame.height != lines:
                breaks = frame.select(
                    pl.sum_horizontal(c.fill_null("").str.count_matches("\n", literal=True) for c in cells)
                ).to_series()
                lines -= int(breaks.sum())
        # The parser pads short rows in silence and refuses long ones: as many marks as all rows together must have means
        # that none is short, and none is blank.
        if frame.height != lines or marks != (width - 1) * lines or (width == 1 and frame.to_series().null_count()):
            return None
        line = pl.int_range(first_line, first_line + frame.height, dtype=pl.Int64, eager=True)
        if breaks is not None:
            line = line + breaks.cast(pl.Int64).cum_sum().shift(1, fill_value=0)
        placed = self._placed(frame, line)
        needs_no_trim = is_trimmed(body, delimiter + quote + b"\r\n")
        return placed.with_columns(pl.lit(True).alias(TRIMMED)) if needs_no_trim else placed

    def _placed(self, frame: pl.DataFrame, line: pl.Series) -> pl.DataFrame:
        contract = self.contract
        columns = [
            pl.col(f"c{self.placed[c]}").alias(c)
            if c in self.placed
            else pl.lit(self.shared.get(c), dtype=pl.String).alias(c)
            for c in contract.columns
            if c != self.rest_column
        ]
        if self.rest_column:
            others = [pl.col(f"c{i}").alias(self.header[i].strip()) for i in self.rest]
            packed = pl.struct(others).struct.json_encode() if others else pl.lit(None, dtype=pl.String)
            columns.append(packed.alias(self.rest_column))
        refusal = pl.lit(None, dtype=pl.String)
        if contract.header_row:
            repeated = pl.all_horizontal(pl.col(c) == pl.lit(self.header[int(c[1:])]) for c in frame.columns)
            if (frame.to_series(0) == self.header[int(frame.columns[0][1:])]).any() and frame.select(
                repeated.any()
            ).item():
                refusal = pl.when(repeated).then(pl.lit("the header is repeated here"))
        return frame.select(
            *columns, line.alias("_line"), refusal.alias("_refusal"), pl.lit(None, dtype=pl.String).alias("_raw")
        ).select(*contract.columns, "_line", "_refusal", "_raw")

    def _slow(self, block: bytes, first_line: int) -> pl.DataFrame:
        width, contract = len(self.header), self.contract
        data: dict[str, list[str | None]] = {c: [] for c in contract.columns}
        numbers: list[int] = []
        refusals: list[str | None] = []
        raws: list[str | None] = []
        for number, cells, found_wrong in _careful(block, first_line, contract, self.file):
            wrong = found_wrong
            if wrong is None and len(cells) != width:
                wrong = f"{len(cells)} fields, the header has {width}"
            if wrong is None and contract.header_row and cells == self.header:
                wrong = "the header is repeated here"
            numbers.append(number)
            refusals.append(wrong)
            raws.append(contract.delimiter.join(cells) if wrong else None)
            for column, values in data.items():
                if wrong is not None:
                    values.append(None)
                elif column == self.rest_column:
                    rest = {self.header[i].strip(): cells[i] or None for i in self.rest}
                    values.append(json.dumps(rest, ensure_ascii=False) if rest else None)
                elif column in self.placed:
                    values.append(cells[self.placed[column]])
                else:
                    values.append(self.shared.get(column))
        return text_rows(data, numbers, refusals, raws, contract)


def without_columns(text: str, contract: Contract) -> tuple[str, tuple[str, ...]]:
    """Return the text without the columns that are dropped at landing (password hashes, tokens), and their headers.

    Lines that cannot be taken apart are blanked, since nobody could say where the secret stands in them.
    """
    lines = list(_careful(text.encode(), 1, contract, ""))
    header = next((cells for number, cells, _ in lines if number >= contract.header_row), [])
    kept = [i for i, h in enumerate(header) if h.strip() not in contract.drop_at_landing]
    gone = tuple(h.strip() for h in header if h.strip() in contract.drop_at_landing)
    if not gone:
        return text, ()
    out = io.StringIO()
    writer = csv.writer(out, delimiter=contract.delimiter, quotechar=contract.quote, lineterminator="\n")
    last = 0
    for number, cells, wrong in lines:
        out.write("\n" * (number - last - 1))
        writer.writerow([cells[i] for i in kept] if not wrong and len(cells) == len(header) else [""])
        last = number
    return out.getvalue(), gone


def _line_ends(block: bytes, contract: Contract) -> bytes:
    """Make lone carriage returns, as old systems write them, into line ends."""
    if b"\r" in block and not contract.multiline and block.count(b"\r") != block.count(b"\r\n"):
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return block


def _rows_in(block: bytes) -> int:
    return sum(1 for line in block.split(b"\n") if line.strip())


def _footer_starts(body: bytes, contract: Contract) -> int:
    assert contract.footer is not None
    found = re.search(contract.footer.pattern, body.decode("utf-8", errors="replace"), re.MULTILINE)
    if found is None:
        return -1
    before = body.decode("utf-8", errors="replace")[: found.start()]
    return len(before[: before.rfind("\n") + 1].encode())


def _first_record(block: bytes, contract: Contract) -> bytes:
    """Return the first line, or the lines of the first record if its cells hold line breaks."""
    at = block.find(b"\n")
    if contract.multiline:
        mark = contract.quote.encode()
        while at >= 0 and block.count(mark, 0, at) % 2:
            at = block.find(b"\n", at + 1)
    return block if at < 0 else block[: at + 1]


def _careful(block: bytes, first_line: int, contract: Contract, file: str) -> Iterator[Line]:
    try:
        text = block.decode("utf-8")
    except UnicodeError:
        check_utf8(block, file, first_line)
        raise
    lines = _read_multiline(text, contract) if contract.multiline else _read_lines(text, contract)
    return ((number + first_line - 1, cells, wrong) for number, cells, wrong in lines)


def _read_lines(text: str, contract: Contract) -> Iterator[Line]:
    quote = contract.quote
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not line.strip(" \t\u00a0"):
            continue
        if "\0" in line:
            yield number, [line], "the line holds a NUL byte"
        elif quote and line.count(quote) % 2:
            yield number, [line], "a quote is opened and not closed"
        else:
            cells = next(csv.reader([line], delimiter=contract.delimiter, quotechar=quote or None), [])
            yield number, cells, None


def _read_multiline(text: str, contract: Contract) -> Iterator[Line]:
    """Take records apart whose cells may hold line breaks; a NUL byte spoils its record only."""
    # Python's parser stops at NUL; a mark that no text holds stands in for it meanwhile.
    reader = csv.reader(
        io.StringIO(text.replace("\0", NUL_MARK), newline=""),
        delimiter=contract.delimiter,
        quotechar=contract.quote or None,
    )
    number = 1
    for cells in reader:
        if any(NUL_MARK in cell for cell in cells):
            yield number, [cell.replace(NUL_MARK, "") for cell in cells], "the line holds a NUL byte"
        elif cells and any(c.strip(" \t\u00a0") for c in cells):
            yield number, cells, None
        number = reader.line_num + 1


NUL_MARK = "\ue000NUL\ue000"
