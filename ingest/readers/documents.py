"""Formats that are read whole or by records: workbooks, Parquet, XML, fixed-width text. Cells come out as text.

Numbers and dates that a workbook keeps typed are written out in the declared locale and format, so that the gate casts them
like any other text. XML declares no entities and no document types; they are refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

import polars as pl

from ingest.readers.content import bound_for, text_blocks, too_large, whole
from ingest.readers.rows import Facts, place_columns, shared_values, text_rows
from quality.contract import Contract
from warehouse.errors import RefusedFile

ROWS_AT_A_TIME = 50_000


def read_workbook(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Read one sheet of an Excel workbook.

    Raises:
        RefusedFile: not a workbook, one that expands beyond the bound, or without the declared sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    held = whole(pieces)
    _check_workbook(held.getvalue(), file)
    try:
        workbook = CalamineWorkbook.from_filelike(held)
        names = workbook.sheet_names
        if contract.sheet is not None and contract.sheet not in names:
            raise RefusedFile(
                f"{file}: has no sheet '{contract.sheet}', found {', '.join(repr(n) for n in names[:8])}. Fix the export, or 'sheet:'."
            )
        sheet = workbook.get_sheet_by_name(contract.sheet) if contract.sheet else workbook.get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise RefusedFile(
            f"{file}: the workbook cannot be read, expected .xlsx. Save it again. ({type(error).__name__})"
        ) from None
    start = max(contract.header_row - 1, 0)
    header = [_cell(c, contract).strip() for c in rows[start]] if len(rows) > start else []
    while header and not header[-1]:
        header.pop()
    if not header:
        raise RefusedFile(f"{file}: holds no header in line {contract.header_row}, expected one. Export it again.")
    placed, new, absent = place_columns(header, contract, file)
    facts.note(header, new, absent, contract)
    shared = shared_values(contract, file, facts.header)
    rest_column = next((n for n, c in contract.columns.items() if c.rest), None)
    rest = [i for i, h in enumerate(header) if i not in placed.values() and h]
    numbered = ((i + 1, row) for i, row in enumerate(rows) if i > start and any(c not in ("", None) for c in row))
    while some := list(islice(numbered, ROWS_AT_A_TIME)):
        data: dict[str, list[str | None]] = {}
        for column in contract.columns:
            if column in placed:
                data[column] = [
                    _cell(row[placed[column]], contract) if placed[column] < len(row) else "" for _, row in some
                ]
            elif column == rest_column:
                data[column] = [
                    _packed({header[i]: _cell(row[i], contract) for i in rest if i < len(row)}) for _, row in some
                ]
            else:
                data[column] = [shared.get(column)] * len(some)
        numbers = [n for n, _ in some]
        yield text_rows(data, numbers, [None] * len(some), [None] * len(some), contract)


def _check_workbook(content: bytes, file: str) -> None:
    import io

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            bound, total = bound_for(len(content)), 0
            for member in archive.infolist():
                with archive.open(member) as inner:
                    while block := inner.read(1 << 20):
                        total += len(block)
                        if total > bound:
                            raise too_large(file, bound, len(content))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError):
        raise RefusedFile(
            f"{file}: is not a whole workbook, expected .xlsx. Save it again, and upload it whole."
        ) from None


def _packed(values: dict[str, str]) -> str:
    return json.dumps({k: v or None for k, v in values.items()}, ensure_ascii=False)


def _cell(value: Any, contract: Contract) -> str:
    """Write a typed cell of a workbook as text in the declared locale."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return repr(value).replace(".", contract.decimal)
        case datetime():
            form = next((f for f in contract.timestamps if f.startswith("%")), None)
            return value.strftime(form) if form else value.isoformat(sep=" ")
        case date():
            return value.strftime(contract.dates[0]) if contract.dates[0].startswith("%") else value.isoformat()
        case time() | timedelta():
            return str(value)
        case _:
            return str(value)


def read_parquet(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Read a Parquet file; its page checksums are verified where it has them.

    Raises:
        RefusedFile: not a whole Parquet file, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(whole(pieces), page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise RefusedFile(
            f"{file}: is not a whole Parquet file, so it may be cut. Export it again. ({type(error).__name__})"
        ) from None
    header = [field.name for field in source.schema_arrow]
    tops = {n: (c.path or contract.header_of(n)) for n, c in contract.columns.items() if c.is_in_the_file}
    named = contract.model_copy(
        update={
            "columns": {
                n: c.model_copy(update={"header": tops[n].split(".")[0]} if n in tops else {})
                for n, c in contract.columns.items()
            }
        }
    )
    placed, new, absent = place_columns(header, named, file)
    facts.note(header, new, absent, contract)
    shared = shared_values(contract, file)
    known = {named.columns[n].header for n in placed}
    wanted = [h for h in header if h in known]
    line = 1
    try:
        for batch in source.iter_batches(batch_size=200_000, columns=wanted):
            frame = pl.from_arrow(pa.Table.from_batches([batch]))
            assert isinstance(frame, pl.DataFrame)
            columns = []
            for column in contract.columns:
                if column in tops and tops[column].split(".")[0] in known:
                    parts = tops[column].split(".")
                    value, dtype = pl.col(parts[0]), frame.schema[parts[0]]
                    for part in parts[1:]:
                        value = value.struct.field(part)
                        dtype = dict(dtype).get(part, pl.String)  # type: ignore[call-overload]
                    columns.append(_as_text(value, dtype).alias(column))
                else:
                    columns.append(pl.lit(shared.get(column), dtype=pl.String).alias(column))
            nothing = pl.lit(None, dtype=pl.String)
            numbers = pl.int_range(line, line + frame.height, dtype=pl.Int64, eager=True)
            line += frame.height
            yield frame.select(*columns, numbers.alias("_line"), nothing.alias("_refusal"), nothing.alias("_raw"))
    except (pa.ArrowInvalid, OSError):
        raise RefusedFile(
            f"{file}: a page of the Parquet file is damaged. Export it again, and upload it whole."
        ) from None


def _as_text(value: pl.Expr, dtype: Any) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        stamped = value.dt.convert_time_zone("UTC") if dtype.time_zone else value
        return stamped.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if dtype.time_zone else ""))
    if isinstance(dtype, pl.List):
        return pl.when(value.is_not_null()).then(
            pl.struct(value.alias("v")).struct.json_encode().str.slice(5).str.strip_suffix("}")
        )
    if isinstance(dtype, pl.Struct):
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def read_fixed(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Read fixed-width text: each column stands at its characters, counted from 1.

    Raises:
        RefusedFile: wrong encoding.
    """
    spans = {n: c.span for n, c in contract.columns.items() if c.span}
    needed = (
        max(span[0] for n, span in spans.items() if contract.columns[n].required)
        if any(contract.columns[n].required for n in spans)
        else 1
    )
    widest, shared, number = max(span[1] for span in spans.values()), shared_values(contract, file), 1
    for block in text_blocks(pieces, contract.encoding, file):
        texts = block.decode("utf-8", errors="strict").replace("\r\n", "\n").split("\n")
        if texts and not texts[-1]:
            texts.pop()
        lines = pl.DataFrame(
            {"_raw": texts, "_line": pl.int_range(number, number + len(texts), dtype=pl.Int64, eager=True)},
            schema={"_raw": pl.String, "_line": pl.Int64},
        ).filter((pl.col("_raw").str.strip_chars() != "") & (pl.col("_line") > contract.header_row))
        number += len(texts)
        raw = pl.col("_raw")
        size = raw.str.strip_chars_end().str.len_chars()
        wrong = (
            pl.when(size > widest).then(pl.format("{} characters, the declaration knows {}", size, pl.lit(widest)))
            .when(size < needed).then(pl.format("{} characters, too short for what is required", size))
        )  # fmt: skip
        columns = [
            pl.when(wrong.is_null()).then(raw.str.slice(spans[c][0] - 1, spans[c][1] - spans[c][0] + 1)).alias(c)
            if c in spans
            else pl.lit(shared.get(c), dtype=pl.String).alias(c)
            for c in contract.columns
        ]
        if lines.height:
            yield lines.select(
                *columns, "_line", wrong.alias("_refusal"), pl.when(wrong.is_not_null()).then(raw).alias("_raw")
            )


def read_xml(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Read the elements of one tag as rows; a path goes down by tags, `@name` is an attribute. Namespaces are left out.

    Raises:
        RefusedFile: not well formed, or it declares a document type or entities.
    """
    from xml.etree.ElementTree import Element, ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    paths = {n: c.path for n, c in contract.columns.items() if c.path}
    shared = shared_values(contract, file)
    rows: list[dict[str, str | None]] = []
    first, depth = 1, 0

    def block() -> pl.DataFrame:
        data = {c: [row.get(c, shared.get(c)) for row in rows] for c in contract.columns}
        numbers = list(range(first, first + len(rows)))
        return text_rows(data, numbers, [None] * len(rows), [None] * len(rows), contract)

    parents: list[Element] = []
    try:
        for event, element in iterparse(_Stream(pieces), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > 200:
                raise RefusedFile(f"{file}: is nested too deeply for an export. Export it again.")
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            if _local(element.tag) != contract.records:
                continue
            rows.append({n: _xml_value(element, path) for n, path in paths.items()})
            element.clear()
            if parents:
                parents[-1].remove(element)
            if len(rows) == ROWS_AT_A_TIME:
                yield block()
                first, rows = first + len(rows), []
    except ParseError as error:
        raise RefusedFile(
            f"{file}: is not well-formed XML (line {error.position[0]:,}), so it may be cut. Export it again."
        ) from None
    except DefusedXmlException:
        raise RefusedFile(
            f"{file}: declares a document type or entities, which are not read, expected plain XML. Export it without them."
        ) from None
    except (LookupError, ValueError):
        raise RefusedFile(f"{file}: names an encoding that XML here is not read in. Export it as UTF-8.") from None
    if rows:
        yield block()


class _Stream:
    """Pieces of bytes as a stream to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def read(self, size: int = -1, /) -> bytes:
        while size < 0 or len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held += piece
        size = len(self._held) if size < 0 else size
        out, self._held = self._held[:size], self._held[size:]
        return out


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _xml_value(element: Any, path: str) -> str | None:
    at = element
    for part in path.split("/"):
        if part.startswith("@"):
            found = next((v for k, v in at.attrib.items() if _local(k) == part[1:]), None)
            return None if found is None else str(found)
        at = next((child for child in at if _local(child.tag) == part), None)
        if at is None:
            return None
    return "".join(at.itertext()) or None
