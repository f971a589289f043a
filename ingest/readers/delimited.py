"""Delimited text of any declared dialect.

Two ways give the same rows: a fast one for files where every physical line is one well-formed row, and a careful one,
line by line, that finds which lines are not. A quote that is opened and not closed spoils its own line only, unless the
declaration says that cells may hold line breaks.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import polars as pl

from ingest.readers.rows import TextRows, check_row_count, file_values, place_columns
from quality.contract import Contract
from warehouse.errors import RefusedFile

#: One line taken apart: its number, its cells, and what is wrong with it.
Line = tuple[int, list[str], str | None]


def read(text: str, contract: Contract, file: str) -> TextRows:
    """Take delimited text apart.

    Raises:
        RefusedFile: no header, a header that does not fit, or a row count out of bounds.
    """
    body, dropped = _without_footer(text, contract)
    frame = None if contract.multiline else _read_fast(body, contract)
    if frame is None:
        lines = list(_read_multiline(body, contract) if contract.multiline else _read_lines(body, contract))
        header, rows = _split_header(lines, contract, file)
    else:
        header, rows = list(frame.row(0)), []
        if not contract.header_row:
            header = [contract.header_of(c) for c in contract.columns][: frame.width]
    placed, new, absent = place_columns(header, contract, file)
    shared = file_values(contract, file)
    out = (
        _from_lines(rows, header, placed, contract, shared)
        if frame is None
        else _from_frame(frame, header, placed, contract, shared)
    )
    check_row_count(out.height, contract, file)
    return TextRows(out, dropped, tuple(new), tuple(absent))


def without_columns(text: str, contract: Contract) -> tuple[str, tuple[str, ...]]:
    """Return the text without the columns that are dropped at landing (password hashes, tokens), and their headers.

    Lines that cannot be taken apart are blanked, since nobody could say where the secret stands in them.
    """
    lines = list(_read_multiline(text, contract) if contract.multiline else _read_lines(text, contract))
    header = next((cells for number, cells, _ in lines if number == contract.header_row), [])
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


def _without_footer(text: str, contract: Contract) -> tuple[str, int]:
    if contract.footer is None:
        return text, 0
    lines = text.splitlines(keepends=True)
    for at in range(contract.header_row, len(lines)):
        if re.search(contract.footer.pattern, lines[at]):
            return "".join(lines[:at]), sum(1 for line in lines[at:] if line.strip())
    return text, 0


def _read_fast(text: str, contract: Contract) -> pl.DataFrame | None:
    """Read a file whose every line is one row of the same width, header included; None when it is not so."""
    body = text
    for _ in range(max(contract.header_row - 1, 0)):
        body = body.partition("\n")[2]
    lines = body.count("\n") + (0 if body.endswith("\n") or not body else 1)
    if not lines or "\0" in body or "\n\n" in body or "\n\r\n" in body or "\r" in body.replace("\r\n", ""):
        return None
    # The parser pads short lines in silence, so the fields of every line are counted before it runs.
    cells = pl.Series(body.removesuffix("\n").split("\n")) if body else pl.Series([""])
    if contract.quote and contract.quote in body:
        mark = re.escape(contract.quote)
        cells = cells.str.replace_all(f"{mark}[^{mark}]*{mark}", "")
        if cells.str.contains(contract.quote, literal=True).any():
            return None
    if cells.str.count_matches(contract.delimiter, literal=True).n_unique() != 1:
        return None
    try:
        frame = pl.read_csv(
            io.BytesIO(body.encode()),
            has_header=False,
            separator=contract.delimiter,
            quote_char=contract.quote or None,
            infer_schema=False,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.height == lines else None


def _read_lines(text: str, contract: Contract) -> Iterator[Line]:
    quote = contract.quote
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not line.strip():
            continue
        if "\0" in line:
            yield number, [line], "the line holds a NUL byte"
        elif quote and line.count(quote) % 2:
            yield number, [line], "a quote is opened and not closed"
        else:
            cells = next(csv.reader([line], delimiter=contract.delimiter, quotechar=quote or None), [])
            yield number, cells, None


def _read_multiline(text: str, contract: Contract) -> Iterator[Line]:
    reader = csv.reader(
        io.StringIO(text.replace("\0", ""), newline=""), delimiter=contract.delimiter, quotechar=contract.quote
    )
    number = 1
    csv.field_size_limit(10_000_000)
    for cells in reader:
        if cells and any(c.strip() for c in cells):
            yield number, cells, None
        number = reader.line_num + 1


def _split_header(lines: list[Line], contract: Contract, file: str) -> tuple[list[str], list[Line]]:
    if not contract.header_row:
        return [contract.header_of(c) for c in contract.columns], lines
    for at, (number, cells, wrong) in enumerate(lines):
        if number >= contract.header_row:
            if wrong:
                raise RefusedFile(f"{file}: the header (line {number}) cannot be read: {wrong}. Fix the export.")
            return cells, lines[at + 1 :]
    raise RefusedFile(f"{file}: holds no header in line {contract.header_row}, expected one. Export it again.")


def _from_lines(
    lines: list[Line], header: list[str], placed: dict[str, int], contract: Contract, shared: dict[str, str | None]
) -> pl.DataFrame:
    width = len(header)
    data: dict[str, list[str | None]] = {c: [] for c in contract.columns}
    refusals: list[str | None] = []
    raws: list[str | None] = []
    for _, cells, found_wrong in lines:
        wrong = found_wrong
        if wrong is None and len(cells) != width:
            wrong = f"{len(cells)} fields, the header has {width}"
        if wrong is None and cells == header:
            wrong = "the header is repeated here"
        refusals.append(wrong)
        raws.append(contract.delimiter.join(cells) if wrong else None)
        for column, values in data.items():
            at = placed.get(column)
            values.append(cells[at] if wrong is None and at is not None else shared.get(column))
    schema = dict.fromkeys(contract.columns, pl.String)
    return pl.DataFrame(data, schema=schema).with_columns(
        pl.Series("_line", [number for number, _, _ in lines], dtype=pl.Int64),
        pl.Series("_refusal", refusals, dtype=pl.String),
        pl.Series("_raw", raws, dtype=pl.String),
    )


def _from_frame(
    frame: pl.DataFrame, header: list[str], placed: dict[str, int], contract: Contract, shared: dict[str, str | None]
) -> pl.DataFrame:
    first = 1 if contract.header_row else 0
    body = frame.with_row_index("_row").slice(first)
    columns = [
        pl.col(frame.columns[placed[c]]).alias(c) if c in placed else pl.lit(shared.get(c), dtype=pl.String).alias(c)
        for c in contract.columns
    ]
    repeated = pl.all_horizontal([pl.col(frame.columns[i]) == pl.lit(h) for i, h in enumerate(header)])
    return body.select(
        *columns,
        (pl.col("_row").cast(pl.Int64) + max(contract.header_row, 1)).alias("_line"),
        pl.when(repeated if first else pl.lit(False))
        .then(pl.lit("the header is repeated here"))
        .otherwise(pl.lit(None, dtype=pl.String))
        .alias("_refusal"),
        pl.lit(None, dtype=pl.String).alias("_raw"),
    )
