"""Quarantine is worked with: rows are looked at masked, released through the gate again, mended, or given up; nothing is lost."""

from __future__ import annotations

import json

import pytest

from ingest.land import judge_again, land
from ingest.register import register_bronze
from quality.contract import Contract
from quality.quarantine import decide, history, masked, reasons, refused_rows
from warehouse import lake
from warehouse.duck import connect, rows
from warehouse.errors import CdpError

TEXT = "id,email,total\n1,ana@x.example,5.00\n2,eva@x.example,-3.00\n3,sol@x.example,doce\n4,luz@x.example\n"


@pytest.fixture
def contract(workspace, monkeypatch):
    fields = {
        "source": "shop", "table": "sales", "description": "x", "path": "shop/*.csv", "grain": "one", "key": ["id"],
        "rules": [{"name": "total_is_positive", "sql": "total > 0"}],
        "columns": {"id": {"required": True}, "email": {"role": "email"}, "total": {"type": "decimal"}},
    }  # fmt: skip
    (workspace / "sources").mkdir()
    (workspace / "sources" / "shop_sales.yml").write_text(json.dumps(fields))
    monkeypatch.setenv("CDP_SOURCES", str(workspace / "sources"))
    (workspace / "inbox" / "shop").mkdir()
    (workspace / "inbox" / "shop" / "a.csv").write_text(TEXT)
    made = Contract.model_validate(fields)
    land(made)
    return made


def account(contract):
    load = lake.loads(contract.name, contract.version)[0]
    assert load.rows_in == load.accepted + load.quarantined + load.dropped == 4
    return load.accepted, load.quarantined, load.dropped


def totals():
    con = connect()
    register_bronze(con)
    found = {r["id"]: r["total"] for r in rows(con, "SELECT id, total FROM bronze.shop_sales")}
    con.close()
    return found


def test_reasons_are_counted_and_personal_cells_are_masked(contract):
    assert {(r.reason, r.rows) for r in reasons([contract])} == {
        ("rule total_is_positive", 1), ("column total: not a decimal with at most 2 decimals", 1), ("2 fields, the header has 3", 1),
    }  # fmt: skip
    shown = masked(refused_rows(contract), contract)
    assert shown.filter(shown["_line"] == 3)["email"].to_list() == ["e…(13)"]
    assert "@" not in str(shown.to_dicts())


def test_a_released_row_goes_through_the_gate_again_and_stays_after_a_second_landing(contract):
    assert account(contract) == (1, 3, 0)
    found = refused_rows(contract, "rule total_is_positive")
    judge_again(contract, decide(contract, found, "release", "ana", "a refund, rightly negative"))

    assert account(contract) == (2, 2, 0)
    assert land(contract).rows_in == 0 and account(contract) == (2, 2, 0)
    assert float(totals()["2"]) == -3.0


def test_a_row_that_does_not_fit_is_released_only_when_it_is_mended(contract):
    found = refused_rows(contract, "not a decimal")
    with pytest.raises(CdpError, match="do not fit as they are"):
        decide(contract, found, "release", "ana", "it is fine")
    judge_again(contract, decide(contract, found, "release", "ana", "twelve", {"total": "12.00"}))
    assert account(contract) == (2, 2, 0) and float(totals()["3"]) == 12.0

    short = refused_rows(contract, "2 fields")
    judge_again(
        contract,
        decide(contract, short, "release", "ana", "typed in", {"id": "4", "email": "luz@x.example", "total": "1.00"}),
    )
    assert account(contract) == (3, 1, 0)


def test_a_mended_cell_that_does_not_fit_either_stays_in_quarantine(contract):
    found = refused_rows(contract, "not a decimal")
    judge_again(contract, decide(contract, found, "release", "ana", "oops", {"total": "once"}))

    assert account(contract) == (1, 3, 0)


def test_discarded_rows_are_dropped_and_a_later_release_takes_them_back(contract):
    found = refused_rows(contract, "rule total_is_positive")
    judge_again(contract, decide(contract, found, "discard", "eva", "a test order"))
    assert account(contract) == (1, 2, 1)
    assert [(h["action"], h["author"], h["why"]) for h in history([contract])] == [("discard", "eva", "a test order")]

    lake.write_decisions(contract.name, lake.raw_files(contract.name)[0].file_id, lake.Decisions())
    land(contract)
    assert account(contract) == (1, 3, 0)


def test_decisions_hold_when_the_declaration_changes(contract, monkeypatch):
    judge_again(contract, decide(contract, refused_rows(contract, "rule"), "release", "ana", "refund"))
    changed = contract.model_copy(update={"null_tokens": ("", "-")})
    land(changed)

    assert changed.version != contract.version and account(changed) == (2, 2, 0)


def test_the_commands_list_show_release_and_discard(contract, workspace, cdp):
    settings = {"CDP_SOURCES": str(workspace / "sources")}
    assert "rule total_is_positive" in cdp(workspace, "quarantine", "list", COLUMNS="200", **settings).stdout
    shown = cdp(workspace, "quarantine", "show", "shop_sales", COLUMNS="200", **settings).stdout
    assert "eva@x.example" not in shown and "3 refused rows" in shown
    nameless = cdp(workspace, "quarantine", "show", "shop_sales", "--reveal", check=False, **settings)
    assert nameless.returncode == 1 and "who and why" in nameless.stderr
    open_rows = cdp(
        workspace,
        "quarantine",
        "show",
        "shop_sales",
        "--reveal",
        "--author",
        "ana",
        "--why",
        "ticket 7",
        COLUMNS="200",
        **settings,
    ).stdout
    assert "eva@x.example" in open_rows
    out = cdp(
        workspace,
        "quarantine",
        "release",
        "shop_sales",
        "--reason",
        "rule",
        "--author",
        "ana",
        "--why",
        "refund",
        **settings,
    ).stdout
    assert "1 rows released; 1 files judged again: 2 rows accepted" in out
    out = cdp(
        workspace,
        "quarantine",
        "discard",
        "shop_sales",
        "--reason",
        "2 fields",
        "--author",
        "ana",
        "--why",
        "cut",
        **settings,
    ).stdout
    assert "1 rows discarded" in out and "1 dropped" in out
    wrong = cdp(workspace, "quarantine", "show", "shop_sale", check=False, **settings)
    assert wrong.returncode == 1 and "did you mean shop_sales?" in wrong.stderr
