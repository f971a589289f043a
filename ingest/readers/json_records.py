"""JSON: one record a line (`jsonl`), or a document that holds a list of records (`json`); columns are taken by declared paths.

A path is dotted (`context.page.url`); `event_params{page_title}` looks a key up in a list of key and value records, as GA4
writes them. A line that is not a JSON object is refused alone; a document that cannot be read is refused whole.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import IO, Any

import duckdb
import polars as pl
import pyarrow as pa

from ingest.ahead import ahead, in_order
from ingest.readers.content import BLOCK_BYTES, check_utf8, is_trimmed, lines_in, text_blocks, whole, without_blank_end
from ingest.readers.rows import Facts, shared_values
from quality.casts import TRIMMED
from quality.contract import Contract, KeyValues
from warehouse.duck import connect, name, quoted
from warehouse.errors import RefusedFile
from warehouse.settings import settings

NOT_AN_OBJECT = "the line is not a JSON object"


def read_lines(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Take JSON lines apart.

    Raises:
        RefusedFile: wrong encoding.
    """
    query = _Query(contract, file)
    # A block is one task of the parser, so several are parsed at a time; text is cut ahead in a thread of its own.
    with _Parsers(query) as parsers:
        blocks = ahead(_blocks(text_blocks(pieces, contract.encoding, file, block_bytes=2 * BLOCK_BYTES)))
        for rows in in_order(parsers.parse, blocks, settings().threads):
            if rows is not None:
                yield rows


def read_document(pieces: Iterator[bytes], contract: Contract, file: str, facts: Facts) -> Iterator[pl.DataFrame]:
    """Take a document apart that holds its records in a list, at its top or at the declared `records`.

    Raises:
        RefusedFile: not JSON, no such list, or a value that says that the export is not whole (`expects`).
    """
    text = b"".join(text_blocks(iter([whole(pieces).getvalue()]), contract.encoding, file))
    check_utf8(text, file, 1)
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise RefusedFile(
            f"{file}: is not a JSON document (line {line:,}), so it may be cut. Export it again, and whole."
        ) from None
    except RecursionError:
        raise RefusedFile(f"{file}: is nested too deeply for an export. Export it again.") from None
    for path, expected in contract.expects.items():
        found = _at(document, path)
        if _word(found) != expected:
            shown = "nothing" if found is None else _word(found)
            raise RefusedFile(
                f"{file}: '{path}' is {shown}, expected {expected}: the export is not whole. Export the rest of it too."
            )
    records = _at(document, contract.records) if contract.records else document
    if not isinstance(records, list):
        where = f"at '{contract.records}'" if contract.records else "at its top"
        kind = "nothing" if records is None else type(records).__name__
        raise RefusedFile(f"{file}: holds {kind} {where}, expected a list of records. Fix the export, or 'records:'.")
    con = connect(":memory:")
    try:
        query = _Query(contract, file)
        size = 50_000
        for at in range(0, len(records), size):
            some = records[at : at + size]
            lines = pl.DataFrame(
                {
                    "_line": pl.int_range(at + 1, at + len(some) + 1, dtype=pl.Int64, eager=True),
                    "_raw": [json.dumps(record, ensure_ascii=False) for record in some],
                }
            )
            yield query.run(con, lines)
    finally:
        con.close()


def without_keys(text: str, contract: Contract) -> tuple[str, tuple[str, ...]]:
    """Return JSON lines without the keys that are dropped at landing, at any depth; lines that are not JSON are blanked."""
    secret, gone = set(contract.drop_at_landing), set()

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            gone.update(secret & value.keys())
            return {k: clean(v) for k, v in value.items() if k not in secret}
        return [clean(v) for v in value] if isinstance(value, list) else value

    lines = []
    for line in text.split("\n"):
        try:
            lines.append(json.dumps(clean(json.loads(line)), ensure_ascii=False) if line.strip() else "")
        except ValueError:
            lines.append("null")
    return ("\n".join(lines), tuple(sorted(gone))) if gone else (text, ())


class _Block:
    """Some lines, and what is asked of them once: how many ends of lines, and whether no value can need trimming."""

    def __init__(self, text: bytes, first_line: int) -> None:
        self.text, self.body, self.first_line = text, without_blank_end(text), first_line
        self.lines = lines_in(self.body)
        self.line_ends = self.lines - 1 + text.count(b"\n", len(self.body) - self.body.endswith(b"\n"))
        # Escaped blanks have a backslash; a blank beside a quote may be a value's, or between a key and a value.
        self.is_plain = b"\\" not in self.body and is_trimmed(self.body, b'"')


def _blocks(texts: Iterator[bytes]) -> Iterator[_Block]:
    number = 1
    for text in texts:
        block = _Block(text, number)
        number += block.line_ends
        yield block


class _Parsers:
    """A connection and a scratch file for each thread that parses blocks."""

    def __init__(self, query: _Query) -> None:
        self._query, self._mine, self._held = query, threading.local(), ExitStack()

    def __enter__(self) -> _Parsers:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def parse(self, block: _Block) -> pl.DataFrame | None:
        """Take a block apart; None when it holds no line."""
        if not hasattr(self._mine, "con"):
            scratch = settings().warehouse / "scratch"
            scratch.mkdir(parents=True, exist_ok=True)
            self._mine.con = self._held.enter_context(closing(connect(":memory:")))
            self._mine.con.execute("SET threads = 1")
            held = tempfile.NamedTemporaryFile(dir=scratch, prefix=".json-", suffix=".part", buffering=0)  # noqa: SIM115
            self._mine.file = self._held.enter_context(held)
        rows = self._query.read(self._mine.con, block, self._mine.file)
        if rows is None:
            lines = _lines_of(block.text, self._query.file, block.first_line)
            rows = self._query.run(self._mine.con, lines) if lines.height else None
        return rows


class _Query:
    """The query that takes the declared paths out of raw lines: each line is parsed once."""

    def __init__(self, contract: Contract, file: str) -> None:
        self.contract, self.file = contract, file
        shared = shared_values(contract, file)
        paths = {c: d.path for c, d in contract.columns.items() if d.path and d.is_in_the_file}
        plain = [p.partition("{")[0] for p in paths.values()]
        # A path that holds other declared paths is asked for as it stands, beside the parsed structure.
        held = {p for p in plain if any(other.startswith(p + ".") for other in plain)}
        structure: dict[str, Any] = {}
        for path in paths.values():
            base = path.partition("{")[0]
            if base in held:
                continue
            node = structure
            parts = base.split(".")
            for part in parts[:-1]:
                node = node.setdefault(part, {})
            node[parts[-1]] = _list_of(contract.key_values[base]) if "{" in path else node.get(parts[-1], "VARCHAR")
        self.structure, self.tops, self.has_held = json.dumps(structure), structure, bool(held)
        used = {p.partition("{")[0] for p in paths.values() if "{" in p}
        self.looked_up = {base: kv for base, kv in contract.key_values.items() if base in used}
        self.columns = []
        for column in contract.columns:
            path = paths.get(column, "")
            if not path:
                found = shared.get(column)
                value = f"'{quoted(found)}'" if found is not None else "NULL::VARCHAR"
            elif path.partition("{")[0] in held:
                where = "$" + "".join(f'."{part}"' for part in path.split("."))
                value = f"json_extract_string(_doc, '{quoted(where)}')"
            elif "{" in path:
                value = _looked_up(path, contract.key_values[path.partition("{")[0]])
            else:
                value = _field("s", path)
            self.columns.append(f"{value} AS {name(column)}")

    def read(self, con: duckdb.DuckDBPyConnection, block: _Block, held: IO[bytes]) -> pl.DataFrame | None:
        """Take a block of lines apart by the database's own reader; None when a line is not as it ought to be.

        It reads files only, and stops at the first odd line without saying which: then the careful way looks at each.
        """
        if self.has_held:
            return None
        # Written over what was there: pages that are kept need not be given out anew.
        held.seek(0)
        held.write(block.body)
        held.truncate()
        whole = ", ".join(f"'{quoted(top)}': {name(top)}" for top in self.tops)
        kinds = ", ".join(f"'{quoted(top)}': '{quoted(_kind(kind))}'" for top, kind in self.tops.items())
        source = (
            f"SELECT {{{whole}}} AS s FROM read_json('{quoted(held.name)}', format = 'newline_delimited', "
            f"columns = {{{kinds}}}, ignore_errors = false)"
        )
        try:
            found = pl.from_arrow(
                con.sql(f"SELECT {', '.join(self.columns)} FROM ({self._with_maps(source)})").to_arrow_table()
            )
        except duckdb.Error:
            return None
        assert isinstance(found, pl.DataFrame)
        if found.height != block.lines:
            return None
        nothing = pl.lit(None, dtype=pl.String)
        line = pl.int_range(block.first_line, block.first_line + found.height, dtype=pl.Int64, eager=True)
        rows = found.with_columns(line.alias("_line"), nothing.alias("_refusal"), nothing.alias("_raw"))
        return rows.with_columns(pl.lit(True).alias(TRIMMED)) if block.is_plain else rows

    def _with_maps(self, source: str) -> str:
        keys = ", ".join(
            f"map_from_entries(list_transform(list_filter({_field('s', base)}, lambda e: e IS NOT NULL AND {_field('e', kv.key)} "
            f"IS NOT NULL), lambda e: {{'k': {_field('e', kv.key)}, 'v': {_coalesced('e', kv)}}})) AS {name('map ' + base)}"
            for base, kv in self.looked_up.items()
        )
        return f"SELECT *, {keys} FROM ({source})" if keys else source

    def run(self, con: duckdb.DuckDBPyConnection, lines: pl.DataFrame) -> pl.DataFrame:
        # In pieces of a few thousand lines, so that every core has some.
        table = lines.to_arrow(compat_level=pl.CompatLevel.newest())
        is_object = "CASE WHEN starts_with(ltrim(_raw), '{') THEN _raw END"
        con.register("raw_lines", pa.Table.from_batches(table.to_batches(max_chunksize=8192)))
        try:
            return self._run(con, is_object)
        except duckdb.Error:
            # One line that is not JSON stops the parser: then every line is looked at before.
            return self._run(con, "CASE WHEN json_valid(_raw) AND starts_with(ltrim(_raw), '{') THEN _raw END")

    def _run(self, con: duckdb.DuckDBPyConnection, document: str) -> pl.DataFrame:
        raw = f"SELECT _line, _raw, {document} AS _doc FROM raw_lines"
        inner = f"SELECT _line, _raw, _doc, json_transform(_doc, '{quoted(self.structure)}') AS s FROM ({raw})"
        inner = self._with_maps(inner)
        found = pl.from_arrow(
            con.sql(
                f"SELECT {', '.join(self.columns)}, _line::BIGINT AS _line, "
                f"CASE WHEN s IS NULL THEN '{NOT_AN_OBJECT}' END AS _refusal, CASE WHEN s IS NULL THEN _raw END AS _raw "
                f"FROM ({inner})"
            ).to_arrow_table()
        )
        assert isinstance(found, pl.DataFrame)
        return found


def _kind(structure: Any) -> str:
    """Return a parsed structure as a type of the database."""
    if isinstance(structure, list):
        return f"{_kind(structure[0])}[]"
    if isinstance(structure, dict):
        return f"STRUCT({', '.join(f'{name(key)} {_kind(value)}' for key, value in structure.items())})"
    return str(structure)


def _list_of(pairs: KeyValues) -> list[Any]:
    item: dict[str, Any] = {}
    for path in (pairs.key, *pairs.values):
        node = item
        parts = path.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = "VARCHAR"
    return [item]


def _field(of: str, path: str) -> str:
    return of + "".join(f"[{_text(part)}]" for part in path.split("."))


def _text(part: str) -> str:
    return f"'{quoted(part)}'"


def _coalesced(of: str, pairs: KeyValues) -> str:
    return f"coalesce({', '.join(_field(of, path) for path in pairs.values)})"


def _looked_up(path: str, pairs: KeyValues) -> str:
    base, _, key = path.partition("{")
    return f"{name('map ' + base)}[{_text(key.rstrip('}'))}]"


def _lines_of(block: bytes, file: str, number: int) -> pl.DataFrame:
    body = block.rstrip(b"\r\n")
    lines: pl.DataFrame | None
    try:
        lines = pl.read_csv(body, has_header=False, schema={"_raw": pl.String}, separator="\x01", quote_char=None)
        lines = lines if lines.height == body.count(b"\n") + 1 else None
    except (pl.exceptions.PolarsError, OSError):
        lines = None
    if lines is None:
        check_utf8(body, file, number)
        lines = pl.DataFrame({"_raw": body.decode().replace("\0", "").split("\n")}, schema={"_raw": pl.String})
    numbered = lines.with_columns(
        pl.int_range(number, number + lines.height, dtype=pl.Int64, eager=True).alias("_line")
    )
    has_blanks = lines["_raw"].null_count() or (lines["_raw"].str.len_bytes() < len("{}")).any()
    return numbered.filter(pl.col("_raw").str.strip_chars() != "") if has_blanks else numbered


def _at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
