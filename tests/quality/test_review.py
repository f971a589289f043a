"""The monthly review counts what is incomplete, double or stale; packing small files changes nothing that people see."""

from __future__ import annotations

import json

import pytest

from ingest.land import judge_again, land
from ingest.register import register_bronze
from quality.contract import Contract
from quality.quarantine import decide, refused_rows
from quality.review import review
from warehouse import lake
from warehouse.duck import connect, rows


@pytest.fixture
def declared(workspace, monkeypatch):
    def make(**more):
        fields = {
            "source": "shop", "table": "sales", "description": "x", "path": "shop/*.csv", "grain": "one", "key": ["id"], "load": "incremental",
            "rules": [{"name": "positive", "sql": "n > 0"}],
            "columns": {"id": {"required": True}, "n": {"type": "integer"}, "note": {"filled_pct": 50}}, **more,
        }  # fmt: skip
        (workspace / "sources").mkdir(exist_ok=True)
        (workspace / "sources" / "shop_sales.yml").write_text(json.dumps(fields))
        monkeypatch.setenv("CDP_SOURCES", str(workspace / "sources"))
        (workspace / "inbox" / "shop").mkdir(exist_ok=True)
        return Contract.model_validate(fields)

    return make


def files_of(workspace, contract, count):
    for i in range(count):
        text = "id,n,note\n" + "".join(f"{j},{i + j - 3},{'x' if i == 0 else ''}\n" for j in range(i, i + 4))
        (workspace / "inbox" / "shop" / f"{i:03d}.csv").write_text(text)
        land(contract)


def looks():
    con = connect()
    register_bronze(con)
    found = rows(con, "SELECT * EXCLUDE (_file) FROM bronze.shop_sales ORDER BY ALL")
    con.close()
    return found


def parquet(workspace):
    return sorted(p.name for p in (workspace / "lake" / "bronze" / "shop_sales").rglob("*.parquet"))


@pytest.mark.parametrize("load", ["incremental", "append", "full"])
def test_packing_small_files_changes_nothing_that_is_seen(workspace, declared, load):
    contract = declared(load=load)
    files_of(workspace, contract, 10)
    before = looks()
    assert len(parquet(workspace)) == 10

    assert lake.compact(contract.name, contract.version) == 10
    assert len(parquet(workspace)) == 1 and looks() == before
    assert lake.damaged(contract.name) == []
    assert land(contract).rows_in == 0 and looks() == before
    assert lake.compact(contract.name, contract.version) == 0


def test_a_packed_file_that_is_judged_again_stands_alone(workspace, declared):
    contract = declared()
    files_of(workspace, contract, 9)
    lake.compact(contract.name, contract.version)
    before = len(looks())
    refused = refused_rows(contract, "rule positive")
    assert refused.height > 3
    judge_again(contract, decide(contract, refused, "release", "ana", "fine"))

    assert len(looks()) > before and lake.damaged(contract.name) == []
    values = {r["id"]: r["n"] for r in looks()}
    assert values["0"] == -3


@pytest.mark.parametrize("point", ["compact.after_pack", "compact.after_manifest"])
def test_packing_that_breaks_off_loses_and_doubles_nothing(workspace, declared, monkeypatch, point):
    contract = declared()
    files_of(workspace, contract, 9)
    before = looks()
    monkeypatch.setenv("CDP_FAULT", f"{point}:raise")
    with pytest.raises(Exception, match=point):
        lake.compact(contract.name, contract.version)
    monkeypatch.delenv("CDP_FAULT")

    assert looks() == before
    lake.compact(contract.name, contract.version)
    assert looks() == before and lake.damaged(contract.name) == []


def test_a_damaged_packed_file_is_found(workspace, declared):
    contract = declared()
    files_of(workspace, contract, 9)
    lake.compact(contract.name, contract.version)
    path = next((workspace / "lake" / "bronze" / "shop_sales" / "packed").glob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)

    assert lake.damaged(contract.name) == [path]


def test_completeness_is_held_against_declared_standards(workspace, declared):
    contract = declared()
    files_of(workspace, contract, 3)
    con = connect()
    register_bronze(con)
    result = review(con)
    found = {
        r["column_name"]: (r["filled_pct"], r["standard_pct"], r["is_met"])
        for r in rows(con, "SELECT * FROM quality.completeness")
    }
    con.close()

    assert found["id"] == (100.0, 100.0, True) and found["n"][1] is None
    assert found["note"][1:] == (50.0, False)
    assert result.facts["below_standard"] == 1


def test_a_rule_that_stops_lets_the_row_in_and_stops_the_publication(workspace, declared):
    from quality.checkpoints import _broken_stops

    contract = declared(rules=[{"name": "positive", "sql": "n > 0", "on_fail": "stop"}])
    files_of(workspace, contract, 1)

    assert lake.loads(contract.name)[0].quarantined == 0
    assert [(r[2], r[4], r[5], r[7]) for r in _broken_stops()] == [("rule positive", "critical", False, 4)]


def test_duplicates_inside_a_system_are_counted_for_the_sample_company(finished, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("CDP_DATA", str(tmp_path))
    con = connect()
    review(con)
    found = rows(con, "SELECT * FROM quality.duplicates_within")
    contact = rows(con, "SELECT sum(records) AS n FROM quality.contact_quality")
    con.close()

    assert {r["table_name"] for r in found} >= {"hubspot_contacts", "sap_customers"}
    assert all(r["records"] == r["groups"] + r["surplus_records"] for r in found) and contact[0]["n"] > 1000
