"""Values are cast by declaration, and every row is accounted for."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.contract import Contract
from quality.gate import gate


def contract(columns, **more):
    base = {"source": "s", "table": "t", "description": "x", "path": "s/*.csv", "grain": "one", "key": ["id"]}
    return Contract.model_validate({**base, **more, "columns": {"id": {"required": True}, **columns}})


def text_rows(rows, columns):
    data = {c: [row.get(c, "") for row in rows] for c in columns}
    frame = pl.DataFrame(data, schema=dict.fromkeys(columns, pl.String)).with_row_index("_line", offset=2)
    return frame.with_columns(
        pl.col("_line").cast(pl.Int64), pl.lit(None, pl.String).alias("_refusal"), pl.lit(None, pl.String).alias("_raw")
    )


def passed(value, column, **more):
    made = contract({"v": column}, **more)
    out = gate(text_rows([{"id": "1", "v": value}], ["id", "v"]), made, "f")
    rows = out.accepted.to_pylist()
    return rows[0]["v"] if rows else out.quarantined.to_pylist()[0]["_reason"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234,56-", "-1234.56"), ("1.234,56", "1234.56"), ("48.210", "48210.00"), ("0,5", "0.50"), ("-3,00", "-3.00"), ("$ 12,00", "12.00"),
     ("(7,25)", "-7.25"), ("5,500", "5.50")],
)  # fmt: skip
def test_a_spanish_amount_is_read_in_its_locale(text, value):
    assert passed(text, {"type": "decimal"}, decimal=",", thousands=".") == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "doce", "1.2.3x", "--5"])
def test_an_amount_with_more_decimals_than_declared_is_not_rounded(text):
    assert "not a decimal" in passed(text, {"type": "decimal"}, decimal=",", thousands=".")


@pytest.mark.parametrize(
    ("text", "value"), [("20260228", date(2026, 2, 28)), ("00000000", None), ("20260230", "not a date")]
)
def test_sap_dates_null_and_impossible(text, value):
    found = passed(text, {"type": "date"}, dates=["%Y%m%d"], null_tokens=["", "00000000"])
    assert value in found if isinstance(value, str) else found == value


@pytest.mark.parametrize(
    ("text", "formats", "zone", "value"),
    [
        ("2025-10-02 17:09:34 -0300", ["%Y-%m-%d %H:%M:%S %z"], "UTC", datetime(2025, 10, 2, 20, 9, 34)),
        ("17/11/2023 15:51", ["%d/%m/%Y %H:%M"], "America/Mexico_City", datetime(2023, 11, 17, 21, 51)),
        ("2026-10-25T01:30:00.250Z", ["iso8601"], "UTC", datetime(2026, 10, 25, 1, 30, 0, 250000)),
        ("2026-07-01T12:00:00", ["iso8601"], "Europe/Madrid", datetime(2026, 7, 1, 10, 0)),
        ("1700000000", ["epoch_s"], "UTC", datetime(2023, 11, 14, 22, 13, 20)),
    ],
)
def test_times_become_utc(text, formats, zone, value):
    assert passed(text, {"type": "timestamp"}, timestamps=formats, time_zone=zone) == value


def test_words_for_true_and_false_in_both_languages():
    assert [passed(w, {"type": "boolean"}) for w in ("Sí", "yes", "X", "no", "Falso")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert "not a boolean" in passed("tal vez", {"type": "boolean"})


def test_keys_keep_their_zeros_and_short_ones_are_padded():
    assert passed("1234", {"zero_pad": 10}) == "0000001234"
    assert passed("CA301", {"zero_pad": 10}) == "CA301"


def test_an_empty_required_cell_and_a_value_not_allowed_are_quarantined_with_both_reasons():
    made = contract({"a": {"required": True}, "b": {"allowed": ["S", "H"]}})
    out = gate(text_rows([{"id": "1", "a": "", "b": "Q"}], ["id", "a", "b"]), made, "f")

    assert (
        out.quarantined.to_pylist()[0]["_reason"]
        == "column a: empty, and required; column b: not one of the allowed values"
    )
    assert "Q" not in out.quarantined.to_pylist()[0]["_reason"]


def test_of_two_lines_with_one_key_the_later_counts_and_the_earlier_is_set_aside():
    made = contract({"v": {}})
    out = gate(text_rows([{"id": "1", "v": "old"}, {"id": "1", "v": "new"}], ["id", "v"]), made, "f")

    assert [r["v"] for r in out.accepted.to_pylist()] == ["new"]
    assert "duplicate key" in out.quarantined.to_pylist()[0]["_reason"]


def test_rules_drop_quarantine_or_warn():
    rules = [
        {"name": "small", "sql": "n < 10", "on_fail": "quarantine"},
        {"name": "not_test", "sql": "kind <> 'test'", "on_fail": "drop"},
        {"name": "odd", "sql": "n % 2 = 1", "on_fail": "warn"},
    ]
    made = contract({"n": {"type": "integer"}, "kind": {}}, rules=rules)
    rows = [
        {"id": "1", "n": "11"},
        {"id": "2", "n": "1", "kind": "test"},
        {"id": "3", "n": "2", "kind": "a"},
        {"id": "4", "n": ""},
    ]
    out = gate(text_rows(rows, ["id", "n", "kind"]), made, "f")

    assert [r["id"] for r in out.accepted.to_pylist()] == ["3", "4"]
    assert (out.quarantined.num_rows, out.dropped, out.warnings) == (1, 1, {"odd": 1})


def test_order_columns_are_filled_down_within_their_order_only():
    made = contract(
        {"name": {}, "total": {"type": "decimal"}},
        fill_down={"by": "name", "columns": ["total"]},
        key=["name", "_group_line"],
    )
    rows = [{"id": "1", "name": "#1", "total": "9.99"}, {"id": "2", "name": "#1"}, {"id": "3", "name": "#2"}]
    out = gate(text_rows(rows, ["id", "name", "total"]), made, "f").accepted.to_pylist()

    assert [(r["total"], r["_group_line"]) for r in out] == [(Decimal("9.99"), 1), (Decimal("9.99"), 2), (None, 1)]


cells = st.text(alphabet="0123456789,.-abñ €X", max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fixed_dictionaries({"id": st.sampled_from("123 "), "n": cells, "d": cells}), max_size=12))
def test_rows_in_are_accepted_quarantined_or_dropped_whatever_the_cells(rows):
    made = contract(
        {"n": {"type": "decimal"}, "d": {"type": "date"}},
        decimal=",",
        thousands=".",
        rules=[{"name": "pos", "sql": "n >= 0", "on_fail": "drop"}],
    )
    out = gate(text_rows(rows, ["id", "n", "d"]), made, "f")

    assert out.rows_in == len(rows) == out.accepted.num_rows + out.quarantined.num_rows + out.dropped
    lines = [r["_line"] for r in out.accepted.to_pylist()] + [r["_line"] for r in out.quarantined.to_pylist()]
    assert len(lines) == len(set(lines))
