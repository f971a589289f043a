"""Readers: any text that a dialect can write comes back equal, whatever the format and wherever the blocks are cut."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.land import READERS
from ingest.readers import content
from ingest.readers.rows import Facts
from quality.contract import Contract

#: Cells without line breaks and NUL, and trimmed: what surrounds a value is not part of it.
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=12)
with_breaks = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"), max_size=12
)
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def contract(**more):
    columns = more.pop("columns", {"a": {}, "b": {}, "c": {}})
    base = {"source": "s", "table": "t", "description": "x", "path": "s/*", "grain": "one", "key": ["a"]}
    return Contract.model_validate({**base, **more, "columns": columns})


def read(data: bytes, made: Contract) -> pl.DataFrame:
    blocks = list(READERS[made.format](iter([data]) if data else iter([]), made, "f", Facts()))
    return (
        pl.concat(blocks)
        if blocks
        else pl.DataFrame(schema={**dict.fromkeys(made.columns, pl.String), "_line": pl.Int64, "_refusal": pl.String})
    )


def cells(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    assert frame["_refusal"].null_count() == frame.height, frame["_refusal"].to_list()
    return [tuple((v or "").strip() for v in row) for row in frame.select("a", "b", "c").iter_rows()]


def written(rows, delimiter=",", quoting=csv.QUOTE_MINIMAL, end="\n"):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    return out.getvalue()


def is_row(row) -> bool:
    """A line of nothing but blanks is no row in any dialect here."""
    return any(cell.strip() for cell in row)


@quiet
@given(
    st.lists(st.tuples(plain, plain, plain).filter(is_row), max_size=15),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([8, 37, 8 << 20]),
)
def test_delimited_text_comes_back_equal(rows, delimiter, quoting, end, block):
    text = written(rows, delimiter, quoting, end)
    content.BLOCK_BYTES, before = block, content.BLOCK_BYTES
    try:
        pieces = [text.encode()[i : i + 11] for i in range(0, len(text.encode()), 11)]
        made = contract(delimiter=delimiter, multiline=True)
        frames = list(READERS["csv"](iter(pieces), made, "f", Facts()))
    finally:
        content.BLOCK_BYTES = before
    found = [row for frame in frames for row in cells(frame)]

    assert found == [tuple(cell.strip() for cell in row) for row in rows]


@quiet
@given(st.lists(st.tuples(plain, with_breaks, plain).filter(is_row), max_size=12), st.sampled_from([16, 8 << 20]))
def test_cells_with_line_breaks_come_back_equal_with_their_lines(rows, block):
    text = written(rows, quoting=csv.QUOTE_ALL)
    content.BLOCK_BYTES, before = block, content.BLOCK_BYTES
    try:
        frames = list(READERS["csv"](iter([text.encode()]), contract(multiline=True), "f", Facts()))
    finally:
        content.BLOCK_BYTES = before
    found = [row for frame in frames for row in cells(frame)]
    lines = [n for frame in frames for n in frame["_line"].to_list()]
    expected, at = [], 2
    for row in rows:
        expected.append(at)
        at += 1 + sum(cell.count("\n") for cell in row)

    assert found == [tuple(cell.strip() for cell in row) for row in rows]
    assert lines == expected


@quiet
@given(st.lists(st.text('ab";,\n\r\0 ', max_size=14), max_size=12))
def test_the_fast_and_the_careful_way_give_the_same_rows(lines):
    from ingest.readers.delimited import _Layout

    block = "\n".join(lines).encode()
    layout = _Layout(contract(delimiter=";"), "f", ["a", "b", "c"], Facts())
    body = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not body.strip():
        return
    fast = layout._fast(body, 2)
    if fast is not None:
        slow = layout._slow(body, 2)
        columns = ["a", "b", "c", "_line", "_refusal"]
        filled = [pl.col("a", "b", "c").fill_null("")]
        assert fast.with_columns(filled).select(columns).equals(slow.with_columns(filled).select(columns))


@quiet
@given(
    st.lists(st.tuples(plain, plain, plain), min_size=1, max_size=10), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
)
def test_json_lines_and_documents_come_back_equal(rows, encoding):
    columns = {name: {"path": f"in.{name}"} for name in "abc"}
    records = [{"in": dict(zip("abc", row, strict=True)), "other": [1, {"x": None}]} for row in rows]
    expected = [tuple(cell.strip() for cell in row) for row in rows]
    declared = "utf-16" if encoding == "utf-16" else "utf-8"
    lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n"
    document = json.dumps({"rows": records, "done": True}, ensure_ascii=False)

    assert cells(read(lines.encode(encoding), contract(format="jsonl", encoding=declared, columns=columns))) == expected
    made = contract(format="json", encoding=declared, records="rows", expects={"done": "true"}, columns=columns)
    assert cells(read(document.encode(encoding), made)) == expected


@quiet
@given(st.lists(st.tuples(plain, plain, plain).filter(is_row), min_size=1, max_size=8))
def test_workbooks_xml_and_parquet_come_back_equal(rows):
    from xml.sax.saxutils import escape, quoteattr

    from openpyxl import Workbook

    expected = [tuple(cell.strip() for cell in row) for row in rows]
    book = Workbook()
    for row in [("a", "b", "c"), *rows]:
        book.active.append([f"{cell}" for cell in row])
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"  # a text that begins like a formula is a text
    out = io.BytesIO()
    book.save(out)
    assert cells(read(out.getvalue(), contract(format="xlsx"))) == expected

    body = "".join(f"<r a={quoteattr(a)}><in><b>{escape(b)}</b></in><c>{escape(c)}</c></r>" for a, b, c in rows)
    columns = {"a": {"path": "@a"}, "b": {"path": "in/b"}, "c": {"path": "c"}}
    xml = f'<?xml version="1.0" encoding="UTF-8"?><x xmlns="urn:x">{body}</x>'.encode()
    assert cells(read(xml, contract(format="xml", records="r", columns=columns))) == expected

    out = io.BytesIO()
    pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String, "c": pl.String}, orient="row").write_parquet(out)
    assert cells(read(out.getvalue(), contract(format="parquet"))) == expected


@quiet
@given(
    st.lists(
        st.tuples(
            *[
                st.text(
                    st.characters(
                        min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"], exclude_characters="\xa0\xad"
                    ),
                    min_size=1,
                    max_size=6,
                )
            ]
            * 3
        ),
        min_size=1,
    )
)
def test_fixed_width_text_comes_back_equal(rows):
    columns = {name: {"span": [1 + 6 * i, 6 + 6 * i], "required": True} for i, name in enumerate("abc")}
    text = "".join("".join(f"{cell:<6}" for cell in row) + "\r\n" for row in rows)

    made = contract(format="fixed", encoding="latin-1", header_row=0, columns=columns)
    try:
        data = text.encode("latin-1")
        text.encode("latin-1").decode("utf-8")
        is_utf8 = not text.isascii()
    except UnicodeDecodeError:
        is_utf8 = False
    if not is_utf8:
        assert cells(read(data, made)) == rows


@pytest.mark.parametrize("pack", ["plain", "gz", "gz in two members", "zst", "zip"])
def test_packed_files_are_read_as_the_plain_one(workspace, pack):
    from ingest.land import land
    from warehouse import lake

    data = written([(f"{i}", "ñ", "x") for i in range(3000)]).encode()
    half = data.index(b"\n", len(data) // 2) + 1
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.csv", data)
        archive.writestr("__MACOSX/._a.csv", b"x")
    packed = {
        "plain": data,
        "gz": gzip.compress(data),
        "gz in two members": gzip.compress(data[:half]) + gzip.compress(data[half:]),
        "zst": zstandard.ZstdCompressor().compress(data),
        "zip": zipped.getvalue(),
    }[pack]
    (workspace / "inbox" / "s").mkdir()
    (workspace / "inbox" / "s" / "file").write_bytes(packed)
    assert land(contract()).rows_out == 3000
    assert len(lake.loads("s_t")) == 1


def test_ga4_params_are_looked_up_by_key_and_lists_keep_their_elements():
    columns = {
        "a": {"path": "event_name"},
        "b": {"path": "event_params{ga_session_id}"},
        "c": {"path": "event_params{page_title}"},
        "d": {"path": "category", "type": "list"},
        "e": {"path": "items", "type": "json"},
        "f": {"path": "items.x"},
    }
    made = contract(format="jsonl", columns=columns, key_values={"event_params": {}})
    lines = [
        {
            "event_name": "e1",
            "event_params": [
                {"key": "ga_session_id", "value": {"int_value": "17"}},
                {"key": "page_title", "value": {"string_value": "Título"}},
            ],
            "category": ["x", "y"],
            "items": {"x": 1},
        },
        {"event_name": "e2", "event_params": [{"key": "page_title", "value": {"string_value": None}}], "category": "x"},
        {"event_name": "e3"},
    ]
    found = read("\n".join(json.dumps(x, ensure_ascii=False) for x in lines).encode(), made)

    assert found.select("a", "b", "c").rows() == [("e1", "17", "Título"), ("e2", None, None), ("e3", None, None)]
    assert found["e"].to_list() == ['{"x":1}', None, None] and found["f"].to_list() == ["1", None, None]

    from quality.casts import cast, cleaned

    assert cast(cleaned(found, made), made)["d"].to_list() == [["x", "y"], ["x"], None]


def test_typed_cells_of_a_workbook_are_written_in_the_declared_locale():
    from datetime import date, datetime

    from openpyxl import Workbook

    book = Workbook()
    for row in (
        ["a", "b", "c"],
        ["0012", 1234.5, date(2026, 2, 1)],
        [7, 3, datetime(2026, 2, 1, 10, 30)],
        ["x", True, None],
    ):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    found = read(
        out.getvalue(),
        contract(format="xlsx", decimal=",", thousands=".", dates=["%d/%m/%Y"], timestamps=["%d/%m/%Y %H:%M"]),
    )

    assert found.select("a", "b", "c").rows() == [
        ("0012", "1234,5", "01/02/2026"),
        ("7", "3", "01/02/2026 10:30"),
        ("x", "true", ""),
    ]


def test_child_rows_with_blank_parents_belong_to_the_row_above_also_over_blocks(monkeypatch, workspace):
    made = contract(
        key=["a", "_group_line"],
        fill_down={"by": "a", "blank": True, "columns": ["b"]},
        columns={"a": {"required": True}, "b": {}, "c": {"type": "integer"}},
    )
    text = "a,b,c\n" + "".join(f"{f'S{i},p{i}' if j == 0 else ','},{j}\n" for i in range(40) for j in range(i % 5 + 1))
    (workspace / "inbox" / "s").mkdir()
    (workspace / "inbox" / "s" / "f.csv").write_text(text)
    monkeypatch.setattr(content, "BLOCK_BYTES", 64)
    from ingest.land import land
    from warehouse import lake

    result = land(made)
    load = lake.loads("s_t")[0]
    rows = pl.read_parquet(lake.parquet_path("bronze", "s_t", load.file_id, load.version))

    assert result.rows_out == sum(i % 5 + 1 for i in range(40)) == rows.height
    assert rows.select((pl.col("a").str.slice(1) == pl.col("b").str.slice(1)).all()).item()
    assert rows.select((pl.col("_group_line") == pl.col("c") + 1).all()).item()


def test_the_currency_in_a_header_and_the_columns_nobody_declared_are_kept():
    columns = {
        "a": {"header": "Campaña"},
        "b": {"header": "x", "header_pattern": r"(?:Amount spent|Importe gastado) \([A-Z]{3}\)"},
        "c": {"from_header": r"(?:Amount spent|Importe gastado) \(([A-Z]{3})\)"},
        "d": {"rest": True, "type": "json"},
    }
    found = read(
        'Campaña,Importe gastado (MXN),"¿Qué, tal?"\nUno,5,"bien, gracias"\nDos,6,\n'.encode(),
        contract(columns=columns),
    )

    assert found.select("a", "b", "c").rows() == [("Uno", "5", "MXN"), ("Dos", "6", "MXN")]
    assert [json.loads(d) for d in found["d"]] == [{"¿Qué, tal?": "bien, gracias"}, {"¿Qué, tal?": None}]


def test_a_file_is_read_in_bounded_memory(workspace):
    import psutil

    from ingest.land import land

    path = workspace / "inbox" / "s" / "big.csv"
    path.parent.mkdir()
    line = "{},some text that repeats itself here and there,{}\n"
    with path.open("w") as out:
        out.write("a,b,c\n")
        for i in range(2_000_000):
            out.write(line.format(i, i % 97))
    before = psutil.Process().memory_info().rss
    result = land(contract(columns={"a": {"required": True}, "b": {}, "c": {"type": "integer"}}))

    assert result.rows_out == 2_000_000
    assert psutil.Process().memory_info().rss - before < 1200 * 1024**2


blanks = st.text(" \t\u00a0\u2003ab", max_size=5)


@quiet
@given(
    st.lists(st.tuples(blanks, blanks, blanks).filter(is_row), min_size=1, max_size=10),
    st.sampled_from(["csv", "jsonl"]),
    st.booleans(),
)
def test_cells_are_trimmed_whether_a_block_needs_it_or_not(rows, kind, is_compact):
    from quality.casts import TRIMMED, cleaned

    if kind == "csv":
        made, data = contract(multiline=True), written(rows, quoting=csv.QUOTE_ALL).encode()
    else:
        made = contract(format="jsonl", columns={n: {"path": n} for n in "abc"})
        marks = (",", ":") if is_compact else (", ", ": ")
        data = "\n".join(
            json.dumps(dict(zip("abc", r, strict=True)), ensure_ascii=is_compact, separators=marks) for r in rows
        ).encode()
    frames = list(READERS[made.format](iter([data]), made, "f", Facts()))
    found = [row for f in frames for row in cleaned(f, made).iter_rows()]

    assert found == [tuple(cell.strip() or None for cell in row) for row in rows]
    if not any(cell != cell.strip() for row in rows for cell in row) and kind == "csv":
        assert all(
            TRIMMED in f.columns for f in frames if not any("\u2003" in c or "\u00a0" in c for r in rows for c in r)
        )


@pytest.mark.parametrize("end", ["\n", "  \n", "\r\n", " \r\n", "\n  \n"])
def test_lines_are_numbered_on_after_a_block_that_ends_in_a_blank_line(monkeypatch, end):
    blocks = [f"a,b,c\n1,2,3\n{end}".encode(), b"4,5,6\n"]
    monkeypatch.setattr("ingest.readers.delimited.text_blocks", lambda *_: iter(blocks))
    rows = pl.concat(READERS["csv"](iter([]), contract(), "f", Facts()), how="diagonal")
    assert rows.select("a", "_line").rows() == [("1", 2), ("4", 3 + end.count("\n"))]
