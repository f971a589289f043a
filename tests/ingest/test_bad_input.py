"""Bad input gives one clear sentence: file, what was found, what was expected, what to do. Other sources go on."""

from __future__ import annotations

import gzip
import json
import zipfile

import pytest

from ingest.land import land, land_all
from quality.contract import Contract, load_contracts
from warehouse import lake

GOOD = "id;nombre;total\n1;Ana Muñoz;1,50\n2;José Peña;2,50\n"


@pytest.fixture
def contract(workspace, monkeypatch):
    fields = {
        "source": "erp", "table": "notes", "description": "x", "path": "erp/*", "grain": "one", "key": ["id"],
        "encoding": "windows-1252", "delimiter": ";", "decimal": ",", "rows": {"min": 1, "max": 1000},
        "columns": {"id": {"required": True}, "name": {"header": "nombre"}, "total": {"type": "decimal"}},
    }  # fmt: skip
    (workspace / "sources").mkdir()
    (workspace / "sources" / "erp_notes.yml").write_text(json.dumps(fields))
    monkeypatch.setenv("CDP_SOURCES", str(workspace / "sources"))
    (workspace / "inbox" / "erp").mkdir()
    return Contract.model_validate(fields)


def put(workspace, content, name="notes.csv"):
    (workspace / "inbox" / "erp" / name).write_bytes(content)


CASES = {
    "empty file": (b"", ["is empty", "expected a header"]),
    "truncated gzip": (gzip.compress(GOOD.encode("cp1252") * 200)[:-30], ["gzip stream ends early", "Export it again"]),
    "damaged gzip": (gzip.compress(GOOD.encode("cp1252"))[:12] + b"\x00" * 40, ["gzip stream"]),
    "utf-8 instead of windows-1252": (GOOD.encode("utf-8"), ["the text is UTF-8", "expected windows-1252"]),
    "utf-16 instead": (GOOD.encode("utf-16"), ["UTF-16 mark", "expected windows-1252"]),
    "undefined byte": (GOOD.encode("cp1252") + b"3;\x81;1,00\n", ["is not windows-1252", "line 4"]),
    "other delimiter": (GOOD.replace(";", "\t").encode("cp1252"), ["one column when split at ';'", "'delimiter:'"]),
    "missing column": ("id;nombre\n1;Ana\n".encode("cp1252"), ["column 'total' is missing", "Fix the export"]),
    "renamed column": (
        GOOD.replace("nombre", "nombres").encode("cp1252"),
        ["column 'nombre' is missing", "found 'nombres'"],
    ),
    "header twice in one line": (GOOD.replace("id;nombre", "nombre;nombre").encode("cp1252"), ["stands 2 times"]),
    "header only": (b"id;nombre;total\n", ["0 rows, expected 1 to 1,000"]),
    "too many rows": (
        ("id;nombre;total\n" + "".join(f"{i};a;1,0\n" for i in range(1001))).encode(),
        ["1,001 rows, expected"],
    ),
    "html instead of csv": (b"<html><body>Sesion caducada</body></html>", ["is a web page", "Download it again"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_cannot_be_taken_is_set_aside_with_one_sentence(workspace, contract, case):
    content, words = CASES[case]
    put(workspace, content)
    result = land(contract)

    assert len(result.facts["refused"]) == 1
    sentence = result.facts["refused"][0]
    assert sentence.startswith("erp/notes.csv: ") and "\n" not in sentence
    for word in words:
        assert word in sentence
    assert [r.reason for r in lake.refusals("erp_notes")] == [sentence]
    assert lake.loads("erp_notes") == []
    assert "Ana" not in sentence and "José" not in sentence


def test_a_refused_file_is_taken_once_it_is_mended(workspace, contract):
    put(workspace, GOOD.encode("utf-8"))
    land(contract)
    put(workspace, GOOD.encode("cp1252"))
    result = land(contract)

    assert (result.rows_in, result.rows_out) == (2, 2)


def test_a_directory_where_a_file_should_be(workspace, contract):
    (workspace / "inbox" / "erp" / "notes.csv").mkdir()
    sentence = land(contract).facts["refused"][0]

    assert "is a directory, expected a file" in sentence


def test_a_missing_file_is_said_and_nothing_fails(workspace, contract):
    assert land(contract).facts["note"] == "no file matches erp/* in the inbox"


def test_a_zip_with_one_file_is_taken_and_a_zip_with_two_is_not(workspace, contract):
    for name, members in (("one.zip", ["a.csv"]), ("two.zip", ["a.csv", "b.csv"])):
        with zipfile.ZipFile(workspace / "inbox" / "erp" / name, "w") as archive:
            for member in members:
                archive.writestr(member, GOOD.encode("cp1252"))
    result = land(contract)

    assert result.rows_in == 2
    assert "the zip holds 2 files" in result.facts["refused"][0]


def test_a_bomb_is_refused_in_bounded_memory(workspace, contract):
    put(workspace, gzip.compress(b"\0" * 200_000_000, 9))
    sentence = land(contract).facts["refused"][0]

    assert "expands beyond" in sentence


def test_a_header_repeated_among_the_rows_is_a_row_set_aside(workspace, contract):
    put(workspace, (GOOD + "id;nombre;total\n3;Eva;1,0\n").encode("cp1252"))
    result = land(contract)

    assert (result.rows_in, result.rows_out, result.facts["quarantined"]) == (4, 3, 1)
    assert lake.loads("erp_notes")[0].reasons == {"the header is repeated here": 1}


def test_duplicate_keys_and_impossible_dates_are_rows_set_aside(workspace, monkeypatch):
    fields = {
        "source": "erp", "table": "days", "description": "x", "path": "erp/*", "grain": "one", "key": ["id"],
        "columns": {"id": {"required": True}, "day": {"type": "date"}},
    }  # fmt: skip
    (workspace / "inbox" / "erp").mkdir()
    put(workspace, b"id,day\n1,2026-02-29\n2,2026-01-01\n2,2026-01-02\n3,2024-02-29\n")
    result = land(Contract.model_validate(fields))

    assert (result.rows_out, result.facts["quarantined"]) == (2, 2)
    reasons = lake.loads("erp_days")[0].reasons
    assert reasons == {"column day: not a date": 1, "duplicate key: a later line of this file has the same key": 1}


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_gzip_cut_anywhere_is_never_taken_in_part(workspace, contract, cut):
    whole = gzip.compress(GOOD.encode("cp1252") + b"".join(b"%d;x;1,00\n" % i for i in range(10, 400)))
    put(workspace, whole[: len(whole) * cut // 16])
    result = land(contract)

    assert result.rows_in == 0 and len(result.facts["refused"]) == 1


def test_one_bad_source_does_not_stop_the_others(workspace, company, monkeypatch):
    import shutil

    shutil.copytree(company / "inbox", workspace / "inbox", dirs_exist_ok=True)
    (workspace / "inbox" / "sap" / "VBRK.csv").write_bytes(b"")
    (workspace / "inbox" / "shopify" / "customers_export.csv").write_text("Customer ID;First Name\n1;Ana\n")
    results = {r.step.removeprefix("land "): r for r in land_all()}

    assert {name for name, r in results.items() if r.facts.get("refused")} == {"sap_invoices", "shopify_customers"}
    assert all(r.rows_in for name, r in results.items() if name not in ("sap_invoices", "shopify_customers"))
    assert len(results) == len(load_contracts())
