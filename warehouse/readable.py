"""Tables that somebody brings, made readable: text of any encoding, workbooks, tables set in columns by blanks; and months that are words.

In: a path. Out: the path of text in UTF-8, or of Parquet or JSON as it is.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from warehouse import files
from warehouse.errors import CdpError

PARQUET, WORKBOOKS = (".parquet", ".pq"), (".xls", ".xlsx", ".xlsb", ".ods")
_JSON = (".json", ".jsonl", ".ndjson")
#: By so many lines it is seen whether a table is set in columns by blanks.
LINES_LOOKED_AT = 50
_CHUNK = 1 << 20

#: Months by their names in English and Spanish, whole or cut to three letters (four for September, and June and July in Spanish).
MONTHS = (
    "jan(uary)?|ene(ro)?", "feb(ruary|rero)?", "mar(ch|zo)?", "apr(il)?|abr(il)?", "may(o)?", "june?|junio", "july?|julio", "aug(ust)?|ago(sto)?",
    "sept?(ember|iembre)?|setiembre", "oct(ober|ubre)?", "nov(ember|iembre)?", "dec(ember)?|dic(iembre)?",
)  # fmt: skip
#: How days are written whose month is a word, once the word is `m01` and whatever else stands between the parts is a dash.
WORD_FORMATS = ("%d-m%m-%Y", "m%m-%d-%Y", "%Y-m%m-%d", "%d-m%m-%y", "m%m-%d-%y")
#: What stands between the parts of such a day, as a regular expression.
BETWEEN_PARTS = "([^0-9m]+(de|of|th|st|nd|rd)?)+"


def is_json(path: Path) -> bool:
    """Tell by its name whether a file is JSON or JSON lines, packed or not."""
    return path.name.lower().removesuffix(".gz").endswith(_JSON)


@contextmanager
def made_readable(path: Path) -> Iterator[Path]:
    """Give a file that DuckDB can read: the one named, or a copy that goes when the caller is done.

    Copied are text in Windows-1252 or UTF-16, tables that are set in columns by blanks, and workbooks: their first sheet, and those
    that have the same columns (a year each, say).

    Raises:
        CdpError: a workbook cannot be read.
    """
    kind = path.suffix.lower()
    if not path.exists() or kind in PARQUET or is_json(path):
        yield path
        return
    with TemporaryDirectory(prefix="clientela-") as folder:
        copy = Path(folder) / (f"{path.name}.csv" if kind in WORKBOOKS else path.name)
        if kind in WORKBOOKS:
            _copy_sheets(path, copy)
        else:
            encoding = _encoding_of(path)
            is_set_by_blanks = _is_set_by_blanks(path, encoding)
            if encoding == "utf-8" and not is_set_by_blanks:
                yield path
                return
            with files.opened(path) as written, files.opened(copy, "wb") as read:
                for text in _texts(written, encoding):
                    read.write((_by_tabs(text) if is_set_by_blanks else text).encode())
        yield copy


def _encoding_of(path: Path) -> str:
    with files.opened(path) as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    return "utf-8" if files.is_utf8(path) else "windows-1252"


def _texts(file: Any, encoding: str) -> Iterator[str]:
    """Give a file's text in pieces of whole lines."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    kept = ""
    while chunk := file.read(_CHUNK):
        whole, end, kept = (kept + decoder.decode(chunk)).rpartition("\n")
        yield whole + end
    yield kept + decoder.decode(b"", final=True)


def _is_set_by_blanks(path: Path, encoding: str) -> bool:
    """Tell whether lines are cut by nothing but blanks, into as many parts each."""
    with files.opened(path) as file:
        text = next(_texts(file, encoding))
    lines = [line for line in text.splitlines() if line.strip()][:LINES_LOOKED_AT]
    return (
        len(lines) > 1
        and not any(mark in lines[0] for mark in ",;\t|")
        and {len(line.split()) for line in lines} == {len(lines[0].split())} != {1}
    )


def _by_tabs(text: str) -> str:
    return "".join("\t".join(line.split()) + "\n" for line in text.splitlines() if line.strip())


def _copy_sheets(path: Path, copy: Path) -> None:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [book.get_sheet_by_name(sheet).to_python() for sheet in book.sheet_names]
    except (CalamineError, OSError) as error:
        raise CdpError(
            f"{path.name}: the workbook cannot be read; save it again, or its sheet as CSV ({type(error).__name__})"
        ) from None
    sheets = [sheet for sheet in sheets if sheet]
    if not sheets:
        raise CdpError(f"{path.name}: the workbook is empty")
    with copy.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(sheets[0][0])
        for sheet in sheets:
            if sheet[0] == sheets[0][0]:
                rows.writerows([_cell(value) for value in row] for row in sheet[1:])


def _cell(value: Any) -> Any:
    """Return a cell as it is typed: workbooks keep whole numbers with a fraction of zero, and days with a time of midnight."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    return value
