"""Makes the corpus of broken files beside it: `python tests/ingest/broken/make.py`. The same script gives the same bytes.

Each file has one thing wrong. What must become of it stands in `expected.yml`: the sentence, or the rows and their reasons.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

HERE = Path(__file__).parent
HEAD = "id;nombre;total;dia\n"
GOOD = HEAD + "1;Ana Muñoz;1.234,50;05/01/2026\n2;José Peña;2,50;06/01/2026\n"
UTF8 = "id,nombre,total,dia\n1,Ana Muñoz,1234.50,05/01/2026\n2,José Peña,2.50,06/01/2026\n"
LINES = '{"id":"1","nombre":"Ana","total":1234.5,"dia":"05/01/2026"}\n{"id":"2","nombre":"José","total":2.5,"dia":"06/01/2026"}\n'
XML = '<?xml version="1.0" encoding="UTF-8"?><Filas><Fila id="1"><nombre>Ana</nombre><total>1.5</total></Fila><Fila id="2"><nombre>José</nombre><total>2</total></Fila></Filas>'  # noqa: E501
FIXED = "0001Ana Muñoz     000012.5020260105\n0002José Peña     000002.5020260106\n"


def cp(text: str) -> bytes:
    return text.encode("cp1252")


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def gz(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def parquet() -> bytes:
    out = io.BytesIO()
    table = pa.table(
        {"id": [str(i) for i in range(300)], "nombre": ["Ana"] * 300, "total": [1.5] * 300, "dia": ["05/01/2026"] * 300}
    )
    pq.write_table(table, out, write_page_checksum=True, compression="none", use_dictionary=False)
    return out.getvalue()


def workbook(rows: list[list[object]], sheet: str = "Hoja1") -> bytes:
    import sys

    sys.path.insert(0, str(HERE.parents[2]))
    from data.generate.systems.written import workbook as write

    # Not beside the corpus: two processes of tests make it at the same moment.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.xlsx"
        write(path, sheet, [str(c) for c in rows[0]], rows[1:])
        return path.read_bytes()


def encrypted() -> bytes:
    """Return an archive whose flag says that its file is locked."""
    content = bytearray(packed({"a.csv": cp(GOOD)}, zipfile.ZIP_STORED))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(mark) + at
        content[place : place + 2] = struct.pack("<H", 1)
    return bytes(content)


def wrong_crc() -> bytes:
    content = bytearray(packed({"a.csv": cp(GOOD)}, zipfile.ZIP_STORED))
    content[content.index(b"Ana")] ^= 0x01
    return bytes(content)


def flipped_page() -> bytes:
    content = bytearray(parquet())
    content[content.index(b"Ana", 2500)] ^= 0x01
    return bytes(content)


LONG = "x" * 5000
#: Contract variant (see test_broken_files.py), file name, content.
CASES: list[tuple[str, str, bytes]] = [
    # whole files: nothing, other things, other encodings
    ("csv", "empty.csv", b""),
    ("csv", "only_a_mark.csv", b"\xef\xbb\xbf"),
    ("csv", "only_blank_lines.csv", b"\r\n\r\n  \r\n"),
    ("csv", "header_only.csv", cp(HEAD)),
    ("csv", "html_login_page.csv", b"<html><body><h1>Su sesi\xf3n ha caducado</h1></body></html>"),
    ("csv", "json_error_instead.csv", b'{"error": "unauthorized", "status": 401}\n'),
    ("csv", "pdf_instead.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    ("csv", "workbook_named_csv.csv", workbook([["id", "nombre", "total", "dia"], ["1", "Ana", 1.5, "05/01/2026"]])),
    ("csv", "utf8_instead_of_windows1252.csv", GOOD.encode()),
    ("csv", "utf16_instead_of_windows1252.csv", GOOD.encode("utf-16")),
    ("csv", "undefined_byte.csv", cp(GOOD) + b"3;\x81;1,00;05/01/2026\n"),
    ("utf8", "windows1252_instead_of_utf8.csv", UTF8.encode("cp1252")),
    ("utf8", "cut_inside_a_letter.csv", UTF8.encode()[: UTF8.encode().index("ñ".encode()) + 1]),
    ("utf16", "utf16_without_mark.csv", GOOD.replace(";", "\t").encode("utf-16-le")),
    ("utf16", "utf16_cut.csv", GOOD.replace(";", "\t").encode("utf-16")[:-3]),
    # headers
    ("csv", "other_delimiter.csv", cp(GOOD.replace(";", "\t"))),
    ("csv", "missing_column.csv", cp("id;nombre;dia\n1;Ana;05/01/2026\n")),
    ("csv", "renamed_column.csv", cp(GOOD.replace("nombre", "nombres", 1))),
    ("csv", "header_in_capitals.csv", cp(GOOD.replace("id;nombre;total;dia", "ID;NOMBRE;TOTAL;DIA"))),
    ("csv", "header_twice.csv", cp("id;nombre;nombre;total;dia\n1;Ana;Ana;1,0;05/01/2026\n")),
    ("csv", "header_with_open_quote.csv", cp('id;"nombre;total;dia\n1;Ana;1,0;05/01/2026\n')),
    ("csv", "no_header.csv", cp("1;Ana;1,50;05/01/2026\n2;Eva;2,50;06/01/2026\n")),
    ("strict", "undeclared_column.csv", cp("id;nombre;total;dia;extra\n1;Ana;1,0;05/01/2026;x\n")),
    ("preamble", "preamble_missing.csv", cp(GOOD)),
    ("headless", "one_field_too_many.csv", cp("1;Ana;1,50;05/01/2026;x\n")),
    # rows
    ("csv", "too_many_rows.csv", cp(HEAD + "".join(f"{i};a;1,0;05/01/2026\n" for i in range(1001)))),
    (
        "csv",
        "short_and_long_rows.csv",
        cp(GOOD + "3;Eva;1,00\n4;Luz;1,00;05/01/2026;mas;campos\n5;Sol;1,00;07/01/2026\n"),
    ),
    ("csv", "open_quote.csv", cp(GOOD + '3;"Eva;1,00;05/01/2026\n4;Luz;1,00;05/01/2026\n')),
    ("csv", "nul_byte.csv", cp(GOOD + "3;Ev\0a;1,00;05/01/2026\n")),
    ("csv", "header_repeated.csv", cp(GOOD + HEAD + "3;Eva;1,00;05/01/2026\n")),
    ("csv", "impossible_dates.csv", cp(HEAD + "1;Ana;1,00;31/02/2026\n2;Eva;1,00;2026-01-05\n3;Sol;1,00;29/02/2024\n")),
    (
        "csv",
        "numbers_of_another_locale.csv",
        cp(
            HEAD
            + "1;Ana;1,234.50;05/01/2026\n2;Eva;12.5;05/01/2026\n3;Sol;1.23.456,7;05/01/2026\n4;Luz;1e3;05/01/2026\n"
        ),
    ),
    (
        "csv",
        "duplicate_keys.csv",
        cp(HEAD + "1;Ana;1,00;05/01/2026\n1;Ana María;1,00;05/01/2026\n2;Eva;1,00;05/01/2026\n"),
    ),
    ("csv", "empty_required_cells.csv", cp(HEAD + ";Ana;1,00;05/01/2026\n  ;Eva;1,00;05/01/2026\n3;Sol;;\n")),
    ("csv", "rule_broken.csv", cp(HEAD + "1;Ana;-5,00;05/01/2026\n2;Eva;5,00;05/01/2026\n")),
    ("csv", "mac_line_ends.csv", cp(GOOD.replace("\n", "\r"))),
    ("csv", "mixed_line_ends.csv", cp(GOOD.replace("\n", "\r\n", 1))),
    ("csv", "blank_lines_between.csv", cp(GOOD.replace("\n", "\n\n"))),
    ("csv", "no_last_line_end.csv", cp(GOOD.rstrip("\n"))),
    ("csv", "very_long_cell.csv", cp(GOOD + f"3;{LONG};1,00;05/01/2026\n")),
    ("csv", "control_characters.csv", cp(HEAD + "1;\x07Ana\x1b[31m;1,00;05/01/2026\n")),
    ("utf8", "emoji_and_right_to_left.csv", "id,nombre,total,dia\n1,😀 مرحبا,1.00,05/01/2026\n".encode()),
    (
        "multiline",
        "quote_never_closed.csv",
        b'id,nombre,total,dia\n1,"Ana\nMaria",1.00,05/01/2026\n2,"Eva,1.00,05/01/2026\n3,Sol,1.00,05/01/2026\n',
    ),
    (
        "multiline",
        "short_row_with_breaks.csv",
        b'id,nombre,total,dia\n1,"Ana\nMaria",1.00,05/01/2026\n2,"Eva\nLuz"\n3,Sol,1.00,05/01/2026\n',
    ),
    ("footer", "totals_at_the_end.csv", cp(GOOD + "Total;;1.237,00;\nTotal general;;1.237,00;\n")),
    ("complete", "export_says_it_is_cut.csv", cp("completo;id;nombre;total;dia\nNO;1;Ana;1,00;05/01/2026\n")),
    # compressed files and archives
    ("csv", "gzip_cut.csv.gz", gz(cp(GOOD) * 50)[:-20]),
    ("csv", "gzip_damaged.csv.gz", gz(cp(GOOD))[:14] + b"\0" * 30),
    ("csv", "gzip_bomb.csv.gz", gz(b"\0" * 60_000_000)),
    ("csv", "gzip_in_gzip.csv.gz", gz(gz(cp(GOOD)))),
    ("csv", "zstandard_cut.csv.zst", zstandard.ZstdCompressor(level=3).compress(cp(GOOD) * 200)[:-9]),
    ("csv", "zip_cut.zip", packed({"a.csv": cp(GOOD)})[:-40]),
    ("csv", "zip_wrong_checksum.zip", wrong_crc()),
    ("csv", "zip_with_two.zip", packed({"a.csv": cp(GOOD), "b.csv": cp(GOOD)})),
    ("csv", "zip_empty.zip", packed({})),
    ("csv", "zip_path_escape.zip", packed({"../../etc/cron.d/x.csv": cp(GOOD)})),
    ("csv", "zip_absolute_path.zip", packed({"/tmp/x.csv": cp(GOOD)})),
    ("csv", "zip_locked.zip", encrypted()),
    ("csv", "zip_bomb.zip", packed({"a.csv": b"\0" * 60_000_000})),
    ("csv", "zip_in_zip.zip", packed({"a.zip": packed({"a.csv": cp(GOOD)})})),
    ("member", "zip_without_the_member.zip", packed({"Account.csv": cp(GOOD), "Lead.csv": cp(GOOD)})),
    # JSON
    ("jsonl", "line_cut.jsonl", LINES.encode()[:-20]),
    ("jsonl", "not_objects.jsonl", (LINES + '[1,2]\n"text"\n42\nnull\nno json\n').encode()),
    ("jsonl", "objects_where_texts_belong.jsonl", b'{"id":{"a":1},"nombre":["x"],"total":"doce","dia":true}\n'),
    ("jsonl", "keys_missing.jsonl", b'{"nombre":"Ana"}\n{"id":null}\n{"id":"3"}\n'),
    ("jsonl", "not_utf8.jsonl", LINES.encode("cp1252")),
    ("json", "document_cut.json", json.dumps({"filas": [{"id": "1"}], "fin": True}).encode()[:-8]),
    ("json", "no_list.json", b'{"filas": {"id": "1"}, "fin": true}'),
    ("json", "other_list.json", b'{"datos": [{"id": "1"}], "fin": true}'),
    ("json", "more_pages_follow.json", b'{"filas": [{"id": "1", "nombre": "Ana"}], "fin": false}'),
    ("json", "error_document.json", b'{"error": "rate limit"}'),
    ("json", "too_deep.json", b'{"filas": ' + b"[" * 100_000 + b"]" * 100_000 + b', "fin": true}'),
    ("json", "list_with_other_things.json", b'{"filas": [{"id": "1", "nombre": "Ana"}, 7, "x", null], "fin": true}'),
    # XML
    ("xml", "xml_cut.xml", XML.encode()[:-30]),
    (
        "xml",
        "xml_external_entity.xml",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><Filas><Fila id="1"><nombre>&e;</nombre></Fila></Filas>',
    ),
    (
        "xml",
        "xml_entity_bomb.xml",
        b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Filas><Fila id="1"><nombre>&b;</nombre></Fila></Filas>',  # noqa: E501
    ),
    ("xml", "xml_too_deep.xml", b"<a>" * 1000 + b"</a>" * 1000),
    ("xml", "xml_other_rows.xml", XML.replace("Fila ", "Linea ").replace("</Fila>", "</Linea>").encode()),
    ("xml", "xml_odd_encoding.xml", b'<?xml version="1.0" encoding="klingon"?><Filas/>'),
    # workbooks, Parquet, fixed width
    ("xlsx", "not_a_workbook.xlsx", cp(GOOD)),
    ("xlsx", "workbook_cut.xlsx", workbook([["id", "nombre"], ["1", "Ana"]])[:-60]),
    ("xlsx", "other_sheet.xlsx", workbook([["id", "nombre"], ["1", "Ana"]], "Resumen")),
    ("xlsx", "workbook_bomb.xlsx", packed({"xl/worksheets/sheet1.xml": b" " * 60_000_000})),
    ("xlsx", "empty_sheet.xlsx", workbook([[""], [""]])),
    ("parquet", "parquet_cut.parquet", parquet()[:-30]),
    ("parquet", "parquet_flipped_byte.parquet", flipped_page()),
    ("parquet", "csv_named_parquet.parquet", cp(GOOD)),
    ("fixed", "short_and_long_lines.txt", (FIXED + "0003\n0004Eva            000001.0020260105XX\n").encode("latin-1")),
    ("fixed", "fixed_wrong_types.txt", (FIXED + "0003Eva           doce    20261399\n").encode("latin-1")),
]


if __name__ == "__main__":
    for _, name, content in CASES:
        (HERE / name).write_bytes(content)
