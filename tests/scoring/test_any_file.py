"""Files as people have them: encodings, days and amounts of any country, and what is no table."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal

import pytest

from scoring.any_file import amount_of, day_of, made_readable, product_of, reader_of
from scoring.backtest_orders import backtest_orders
from warehouse.duck import connect
from warehouse.errors import CdpError


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
        (["12/1/10", "12/13/10"], date(2010, 12, 1)),
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


def test_a_workbook_is_refused_in_one_sentence(workspace):
    (workspace / "ventas.xlsx").write_bytes(b"PK")
    with pytest.raises(CdpError, match=r"ventas.xlsx is a workbook; save the sheet as CSV"):
        backtest_orders(workspace / "ventas.xlsx", "a", "b", "c")
