"""Files as people have them: encodings, days and amounts of any country, and what is no table."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from xlsxwriter import Workbook

from scoring.any_file import amount_of, day_of, product_of, reader_of
from scoring.backtest_orders import backtest_orders
from warehouse.duck import connect
from warehouse.errors import CdpError
from warehouse.readable import made_readable


def _read(workspace, values, expression):
    path = workspace / "t.csv"
    path.write_text("n;x\n" + "\n".join(f'{n};"{value}"' for n, value in enumerate(values)) + "\n", encoding="utf-8")
    con = connect(":memory:")
    source = reader_of(path, as_text=True)
    found = [
        row[0]
        for row in con.execute(f"SELECT {expression(con, source, 'x')} FROM {source} ORDER BY n::INTEGER").fetchall()
    ]
    con.close()
    return found


@pytest.mark.parametrize(
    ("written", "day"),
    [
        (["12/1/2010 8:26", "12/13/2010 17:05"], date(2010, 12, 1)), (["1/12/2010 8:26", "13/12/2010 17:05"], date(2010, 12, 1)),
        (["01.12.2010 08:26:00", "13.12.2010"], date(2010, 12, 1)), (["20101201", "20101213"], date(2010, 12, 1)),
        (["2010-12-01T08:26:00Z", "2010-12-13"], date(2010, 12, 1)), (["01-Dec-2010", "13-Dec-2010"], date(2010, 12, 1)),
        (["20101201.0", "20101213.0"], date(2010, 12, 1)), (["01/12/10 9:15", "13/12/10"], date(2010, 12, 1)),
        (["12/1/10", "12/13/10"], date(2010, 12, 1)), (["Dec 1, 2010", "December 13th, 2010"], date(2010, 12, 1)),
        (["1 de diciembre de 2010", "13 de dic. de 2010"], date(2010, 12, 1)), (["01-sept-2010", "13-sep-2010"], date(2010, 9, 1)),
        (["2010-Dec-01 08:26", "2010-Dec-13"], date(2010, 12, 1)), (["1291161600", "1292198400"], date(2010, 12, 1)),
        (["1291161600000", "1292198400000"], date(2010, 12, 1)),
    ],
)  # fmt: skip
def test_days_are_read_in_the_form_that_fits_most(workspace, written, day):
    assert _read(workspace, [*written, "no day"], day_of) == [day, day.replace(day=13), None]


@pytest.mark.parametrize(
    ("written", "amounts"),
    [
        (["12.50", "-3", "1234.5"], ["12.5", "-3", "1234.5"]), (["12,50", "-3", "1234,5"], ["12.5", "-3", "1234.5"]),
        (["1.234,50 €", "12,00 €", "1.000"], ["1234.5", "12", "1000"]), (["$1,234.50", "$12.00", "1,000"], ["1234.5", "12", "1000"]),
        (["1,234", "5,678,901"], ["1234", "5678901"]), (["(12.50)", "7.25"], ["-12.5", "7.25"]), (["2.55", "1e2"], ["2.55", "100"]),
        (["none", "3.10"], [None, "3.1"]),
    ],
)  # fmt: skip
def test_amounts_of_both_halves_of_the_world(workspace, written, amounts):
    assert _read(workspace, written, amount_of) == [None if a is None else Decimal(a) for a in amounts]


def test_an_amount_may_be_a_product_of_two_columns(workspace):
    path = workspace / "t.csv"
    path.write_text("pieces;price\n2;1,50\n-1;3,00\n", encoding="utf-8")
    con = connect(":memory:")
    source = reader_of(path, as_text=True)
    told = product_of(con, path, source, "pieces*price")
    assert con.execute(f"SELECT {told} FROM {source}").fetchall() == [(3.0,), (-3.0,)]
    with pytest.raises(CdpError, match="column 'prices' is not in it; did you mean 'price'"):
        product_of(con, path, source, "pieces * prices")
    con.close()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_file_of_windows_is_read_as_well(workspace, ending):
    lines = [
        "Cliente;Fecha;Importe",
        *(f"Peña{n % 40};{1 + n % 28:02}.{1 + n % 12:02}.2025;{n % 90},50 €" for n in range(400)),
    ]
    written = "\n".join(lines).encode("windows-1252")
    path = workspace / f"ventas{ending}"
    path.write_bytes(gzip.compress(written) if ending.endswith(".gz") else written)
    found = backtest_orders(path, "Cliente", "Fecha", "Importe")
    assert (found.customers, found.left_out) == (40, {})
    with made_readable(path) as readable:
        assert readable != path
    assert not readable.exists()


ROWS = [(f"Peña{n % 40}", date(2025, 1 + n % 12, 1 + n % 28), n % 90 + 0.5) for n in range(400)]


def test_a_table_of_windows_in_utf_16_is_read_as_well(workspace):
    path = workspace / "ventas.txt"
    lines = ["Cliente\tFecha\tImporte", *(f"{who}\t{day:%d/%m/%Y}\t{amount}" for who, day, amount in ROWS)]
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    found = backtest_orders(path, "Cliente", "Fecha", "Importe")
    assert (found.customers, found.left_out, found.last_day) == (40, {}, max(day for _, day, _ in ROWS))


def test_a_table_that_is_set_in_columns_by_blanks_is_read(workspace):
    path = workspace / "ventas.txt"
    lines = ["  cliente   fecha  importe", *(f" {who:>9} {day:%Y%m%d} {amount:>8.2f}" for who, day, amount in ROWS), ""]
    path.write_text("\r\n\r\n".join(lines), encoding="utf-8")
    found = backtest_orders(path, "cliente", "fecha", "importe")
    assert (found.customers, found.left_out) == (40, {})
    # One column of words is no such table, and neither is text whose lines have parts of any number.
    path.write_text("word\nother\n", encoding="utf-8")
    with made_readable(path) as readable:
        assert readable == path


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson.gz"])
def test_lines_of_json_are_read(workspace, ending):
    path = workspace / f"ventas{ending}"
    lines = [json.dumps({"cliente": who, "fecha": f"{day}T08:26:00Z", "importe": amount}) for who, day, amount in ROWS]
    written = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(written) if ending.endswith(".gz") else written)
    found = backtest_orders(path, "cliente", "fecha", "importe")
    assert (found.customers, found.left_out, found.last_day) == (40, {}, max(day for _, day, _ in ROWS))


def test_a_workbook_is_read_with_all_its_sheets_of_the_same_columns(workspace):
    path = workspace / "ventas.xlsx"
    book = Workbook(str(path), {"default_date_format": "dd/mm/yyyy hh:mm"})
    for name, part in (("2024", ROWS[:200]), ("notas", None), ("2025", ROWS[200:])):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, ["Cliente", "Fecha", "Importe"] if part else ["nothing", "of", "this"])
        for at, (_, day, amount) in enumerate(part or [("", ROWS[0][1], 1.0)], 1):
            sheet.write_row(at, 0, [at % 40])
            sheet.write_datetime(at, 1, datetime.combine(day, time(8, 26)))
            sheet.write_number(at, 2, amount)
    book.close()
    found = backtest_orders(path, "Cliente", "Fecha", "Importe")
    # Numbers of customers are whole, as they are typed.
    assert (found.customers, found.left_out) == (40, {})
    with made_readable(path) as readable:
        lines = readable.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 401 and lines[1].startswith("1,2025-01-01 08:26:00,")
    assert not readable.exists()


def test_a_broken_or_empty_workbook_is_refused_in_one_sentence(workspace):
    (workspace / "ventas.xlsx").write_bytes(b"PK")
    with pytest.raises(CdpError, match=r"ventas.xlsx: the workbook cannot be read; save it again, or its sheet as CSV"):
        backtest_orders(workspace / "ventas.xlsx", "a", "b", "c")
    Workbook(str(workspace / "empty.xlsx")).close()
    with pytest.raises(CdpError, match=r"empty.xlsx: the workbook is empty"):
        backtest_orders(workspace / "empty.xlsx", "a", "b", "c")
