"""What dbt understood of a project serves as long as its files and variables are the same, and no longer."""

from __future__ import annotations

import json

import pytest

from warehouse import transform
from warehouse.errors import CdpError
from warehouse.project import MOST_KEPT, key_now, lay_parsed, parsed
from warehouse.settings import settings
from warehouse.transform import run_dbt


@pytest.fixture
def known(monkeypatch):
    """What each run of dbt was told to know beforehand."""
    told, run = [], transform._child
    monkeypatch.setattr(transform, "_child", lambda known, *more: told.append(known) or run(known, *more))
    return told


def manifest():
    return json.loads((settings().state / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))


def test_a_project_is_read_once_and_anew_when_a_file_changed(own, known):
    run_dbt("compile", "--select", "int_one")
    read = manifest()
    run_dbt("compile", "--select", "int_one")
    kept = parsed(key_now())

    assert known == [None, kept]
    # What is the same of each node: all that dbt reads in files. Compiling and the hour are of the run.
    of_run = {
        "compiled",
        "compiled_code",
        "created_at",
        "extra_ctes",
        "extra_ctes_injected",
        "compiled_path",
        "build_path",
    }
    nodes = [
        {name: {k: v for k, v in node.items() if k not in of_run} for name, node in said["nodes"].items()}
        for said in (read, manifest())
    ]
    assert len(nodes[0]) > 300 and nodes[0] == nodes[1]
    assert read["macros"].keys() == manifest()["macros"].keys() and read["child_map"] == manifest()["child_map"]

    (own / "int_two.sql").write_text("select one from {{ ref('int_one') }}", encoding="utf-8")
    assert parsed(key_now()) is None
    run_dbt("compile", "--select", "int_two")
    assert any(name.endswith(".int_two") for name in manifest()["nodes"])
    # Of one company the newest is kept.
    assert list(kept.parent.iterdir()) == [parsed(key_now())]


def test_what_cannot_be_read_is_read_anew_from_files(own, known):
    kept = settings().state / "dbt" / "parsed" / f"{key_now()}.msgpack"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"\x81 broken")
    run_dbt("compile", "--select", "int_one")
    assert known == [kept] and not kept.exists()
    assert "is read anew" in (settings().state / "dbt" / "last_output.txt").read_text(encoding="utf-8")
    assert any(name.endswith(".int_one") for name in manifest()["nodes"])


def test_other_variables_are_another_key_and_a_broken_project_says_so(own, monkeypatch):
    key = key_now()
    monkeypatch.setenv("CDP_DBT_VARS", json.dumps({"rfm_window_days": 365}))
    assert key_now() != key
    (own / "int_one.sql").write_text("select * from {{ ref('of_nobody') }}", encoding="utf-8")
    with pytest.raises(CdpError, match=r"cannot read the project[\s\S]*of_nobody"):
        transform.understand()


def test_the_environment_keeps_a_few_states(workspace, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(workspace / "environment"))
    made = workspace / "partial_parse.msgpack"
    made.write_bytes(b"said")
    for n in range(MOST_KEPT + 2):
        lay_parsed(f"k{n}", workspace)
    kept = parsed(f"k{MOST_KEPT + 1}")
    assert kept.read_bytes() == b"said" and len(list(kept.parent.iterdir())) == MOST_KEPT
    assert parsed("k0") is None
