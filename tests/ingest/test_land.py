"""Landing: the same bytes add nothing, load modes say what a table looks like now, a changed declaration gates again."""

from __future__ import annotations

import gzip
import json

import pytest

from ingest.land import land
from ingest.register import register_bronze
from quality.contract import Contract, load_contracts
from warehouse import lake
from warehouse.duck import connect, rows


def declare(workspace, monkeypatch, **more):
    columns = more.pop("columns", {"id": {"required": True}, "day": {"type": "date"}, "n": {"type": "integer"}})
    fields = {
        "source": "shop",
        "table": "things",
        "description": "x",
        "path": "shop/*.csv*",
        "grain": "one",
        "key": ["id"],
        **more,
    }
    made = Contract.model_validate({**fields, "columns": columns})
    folder = workspace / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "shop_things.yml").write_text(json.dumps({**fields, "columns": columns}))
    monkeypatch.setenv("CDP_SOURCES", str(folder))
    return made


def put(workspace, name, text, encoding="utf-8"):
    path = workspace / "inbox" / "shop" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def now_looks_like(table="shop_things", columns="id, n"):
    con = connect()
    register_bronze(con)
    found = [tuple(r.values()) for r in rows(con, f"SELECT {columns} FROM bronze.{table} ORDER BY ALL")]
    con.close()
    return found


def test_the_same_bytes_add_nothing_even_under_another_name(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch, load="append")
    put(workspace, "a.csv", "id,day,n\n1,2026-01-01,5\n")
    first = land(contract)
    put(workspace, "b.csv", "id,day,n\n1,2026-01-01,5\n")
    second = land(contract)

    assert (first.rows_in, second.rows_in) == (1, 0)
    assert now_looks_like() == [("1", 5)]
    assert len(lake.raw_files("shop_things")) == 1


def test_of_which_rows_a_table_is_made_is_said_and_changes_with_them(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch, load="append")

    def said() -> dict[str, str]:
        now_looks_like()
        con = connect()
        found = lake.revisions(con, "build")
        con.close()
        return found

    put(workspace, "a.csv", "id,day,n\n1,2026-01-01,5\n")
    land(contract)
    first = said()
    assert first.keys() == {"bronze.shop_things"}
    # The same bytes are the same rows, however often they are looked at.
    put(workspace, "b.csv", "id,day,n\n1,2026-01-01,5\n")
    land(contract)
    assert said() == first
    put(workspace, "c.csv", "id,day,n\n2,2026-01-01,5\n")
    land(contract)
    second = said()
    assert second != first
    # Another declaration judges the same bytes anew.
    land(declare(workspace, monkeypatch, load="full"))
    assert said()["bronze.shop_things"] not in {first["bronze.shop_things"], second["bronze.shop_things"]}


@pytest.mark.parametrize(
    ("mode", "more", "expected"),
    [
        ("full", {}, [("2", 20), ("3", 3)]),
        ("incremental", {}, [("1", 1), ("2", 20), ("3", 3)]),
        ("append", {}, [("1", 1), ("2", 2), ("3", 3)]),
        ("window", {"window": "day"}, [("2", 20), ("3", 3), ("9", 9)]),
    ],
)
def test_a_newer_file_supersedes_or_adds_as_the_load_mode_says(workspace, monkeypatch, mode, more, expected):
    contract = declare(workspace, monkeypatch, load=mode, **more)
    extra = "9,2026-01-02,9\n" if mode == "window" else ""
    put(workspace, "2026-01-01.csv", "id,day,n\n1,2026-01-01,1\n2,2026-01-01,2\n" + extra)
    land(contract)
    put(workspace, "2026-01-02.csv", "id,day,n\n2,2026-01-01,20\n3,2026-01-03,3\n")
    land(contract)

    assert now_looks_like() == expected


def test_of_a_full_table_in_series_the_newest_file_of_each_counts(workspace, monkeypatch):
    columns = {"id": {"required": True}, "status": {"from_file": "^([a-z]+)_"}}
    contract = declare(workspace, monkeypatch, load="full", series="^[a-z]+", columns=columns)
    put(workspace, "subscribed_1.csv", "id\n1\n2\n")
    put(workspace, "cleaned_1.csv", "id\n8\n")
    land(contract)
    put(workspace, "subscribed_2.csv", "id\n2\n")
    land(contract)

    assert now_looks_like(columns="id, status") == [("2", "subscribed"), ("8", "cleaned")]


def test_a_changed_declaration_gates_again_from_the_kept_bytes(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch)
    path = put(workspace, "a.csv", "id,day,n\n1,01/02/2026,5\n2,2026-01-01,6\n")
    assert land(contract).facts["quarantined"] == 1
    path.unlink()

    fixed = declare(workspace, monkeypatch, dates=["%Y-%m-%d", "%d/%m/%Y"])
    result = land(fixed)

    assert (result.rows_in, result.rows_out) == (2, 2)
    assert now_looks_like() == [("1", 5), ("2", 6)]


def test_secrets_are_dropped_at_landing_from_the_kept_bytes_too(workspace, monkeypatch):
    contract = declare(
        workspace,
        monkeypatch,
        drop_at_landing=["password_hash"],
        columns={"id": {"required": True}, "n": {"type": "integer"}},
    )
    put(workspace, "a.csv", "id,password_hash,n\n1,s3cr3t-hash,5\n")
    land(contract)

    raw = lake.raw_files("shop_things")[0]
    assert raw.dropped_columns == ("password_hash",)
    assert b"s3cr3t" not in lake.read_raw(raw)
    assert now_looks_like() == [("1", 5)]


def test_every_row_in_has_one_fate_and_its_line(workspace, monkeypatch):
    import polars as pl

    contract = declare(workspace, monkeypatch)
    put(workspace, "a.csv", 'id,day,n\n1,2026-01-01,1\n2,nunca,2\n3,2026-01-01\n"4,2026-01-01,4\n5,2026-01-01,5\n')
    result = land(contract)

    assert (result.rows_in, result.rows_out, result.facts["quarantined"]) == (5, 2, 3)
    set_aside = pl.read_parquet(next((workspace / "lake" / "quarantine" / "shop_things").glob("*.parquet")))
    assert dict(set_aside.select("_line", "_reason").iter_rows()) == {
        3: "column day: not a date",
        4: "2 fields, the header has 3",
        5: "a quote is opened and not closed",
    }


def test_the_account_is_the_last_thing_written(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch)
    put(workspace, "a.csv", "id,day,n\n1,2026-01-01,1\n")
    monkeypatch.setenv("CDP_FAULT", "land.after_bronze:raise")
    with pytest.raises(Exception, match="InjectedFault"):
        land(contract)
    assert lake.loads("shop_things") == []

    monkeypatch.delenv("CDP_FAULT")
    land(contract)
    assert now_looks_like() == [("1", 1)]


def test_mojibake_is_repaired_where_it_is_declared(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch, columns={"id": {"required": True}, "name": {"repair": "mojibake"}})
    put(workspace, "a.csv", "id,name\n1,MuÃ±oz\n2,Ñandú\n")
    land(contract)

    assert now_looks_like(columns="id, name") == [("1", "Muñoz"), ("2", "Ñandú")]


def test_json_lines_in_gzip_with_one_broken_line(workspace, monkeypatch):
    columns = {"id": {"path": "messageId", "required": True}, "page": {"path": "context.page.url"}}
    contract = declare(workspace, monkeypatch, format="jsonl", columns=columns, load="append", duplicates="drop")
    lines = [
        '{"messageId":"a","context":{"page":{"url":"/x"}}}',
        '{"messageId":"b"',
        '{"messageId":"a","context":{}}',
        "[1]",
    ]
    path = workspace / "inbox" / "shop" / "e.csv.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    result = land(contract)

    assert (result.rows_in, result.rows_out, result.facts["quarantined"], result.facts["dropped"]) == (4, 1, 2, 1)


def test_damage_to_a_parquet_file_is_found_by_its_page_checksum(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch)
    put(workspace, "a.csv", "id,day,n\n" + "".join(f"{i},2026-01-01,{i * 7}\n" for i in range(5000)))
    land(contract)
    path = next((workspace / "lake" / "bronze" / "shop_things").glob("*.parquet"))
    assert lake.verify_parquet(path) == 5000

    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(OSError):
        lake.verify_parquet(path)


def test_the_shipped_declarations_are_valid_and_named_after_their_tables():
    contracts = load_contracts()
    assert {"sap_customers", "hubspot_contacts", "shopify_orders", "segment_events", "mailchimp_members"} <= set(
        contracts
    )
    people = {c.name for c in contracts.values() if c.identifies == "person"}
    assert {"sap_customers", "salesforce_leads", "odoo_partners", "woocommerce_customers", "zendesk_users"} <= people


def test_a_source_that_is_late_is_said_by_its_declared_time(workspace, monkeypatch):
    contract = declare(workspace, monkeypatch, fresh_within="36h")
    put(workspace, "a.csv", "id,day,n\n1,2026-01-01,1\n")
    land(contract)
    seen = {}
    for day, now in (("next", "2026-11-02T17:00:00+00:00"), ("later", "2026-11-02T19:00:00+00:00")):
        monkeypatch.setenv("CDP_NOW", now)
        con = connect()
        register_bronze(con)
        seen[day] = rows(con, "SELECT fresh_within_hours, is_fresh FROM quality.freshness")
        con.close()

    assert seen == {
        "next": [{"fresh_within_hours": 36, "is_fresh": True}],
        "later": [{"fresh_within_hours": 36, "is_fresh": False}],
    }
