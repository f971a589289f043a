"""Sixty and more broken files: each gives the sentence that `broken/expected.yml` says, and every row is accounted for."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path

import polars as pl
import psutil
import pytest
import yaml

from ingest.land import land
from quality.contract import Contract
from warehouse import lake

CORPUS = Path(__file__).parent / "broken"
EXPECTED = yaml.safe_load((CORPUS / "expected.yml").read_text(encoding="utf-8"))
COLUMNS = {
    "id": {"required": True},
    "name": {"header": "nombre"},
    "total": {"type": "decimal"},
    "day": {"header": "dia", "type": "date", "formats": ["%d/%m/%Y"]},
}
PATHS = {
    "id": {"path": "id", "required": True},
    "name": {"path": "nombre"},
    "total": {"path": "total", "type": "decimal"},
    "day": {"path": "dia", "type": "date", "formats": ["%d/%m/%Y"]},
}
SPANISH = {"encoding": "windows-1252", "delimiter": ";", "decimal": ",", "thousands": "."}
VARIANTS = {
    "csv": {**SPANISH, "rules": [{"name": "total_is_not_negative", "sql": "total >= 0"}]},
    "utf8": {},
    "utf16": {"encoding": "utf-16", "delimiter": "\t", "decimal": ",", "thousands": "."},
    "strict": {**SPANISH, "undeclared": "refuse"},
    "preamble": {**SPANISH, "header_row": 3},
    "headless": {**SPANISH, "header_row": 0},
    "multiline": {"multiline": True},
    "footer": {**SPANISH, "footer": {"pattern": "^Total"}},
    "complete": {
        **SPANISH,
        "columns": {"is_complete": {"header": "completo", "type": "boolean"}, **COLUMNS},
        "rules": [{"name": "export_is_complete", "sql": "is_complete", "on_fail": "set_aside"}],
    },
    "member": {**SPANISH, "member": "Contact.csv"},
    "jsonl": {"format": "jsonl", "columns": PATHS},
    "json": {"format": "json", "records": "filas", "expects": {"fin": "true"}, "columns": PATHS},
    "xml": {
        "format": "xml",
        "records": "Fila",
        "columns": {
            "id": {"path": "@id", "required": True},
            "name": {"path": "nombre"},
            "total": {"path": "total", "type": "decimal"},
        },
    },
    "xlsx": {"format": "xlsx", "sheet": "Hoja1", "columns": {"id": {"required": True}, "name": {"header": "nombre"}}},
    "parquet": {"format": "parquet"},
    "fixed": {
        "format": "fixed",
        "encoding": "latin-1",
        "header_row": 0,
        "dates": ["%Y%m%d"],
        "columns": {
            "id": {"span": [1, 4], "required": True},
            "name": {"span": [5, 18]},
            "total": {"span": [19, 27], "type": "decimal"},
            "day": {"span": [28, 35], "type": "date"},
        },
    },
}


def corpus():
    spec = importlib.util.spec_from_file_location("broken_corpus", CORPUS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


CASES = corpus()


def declared(variant: str, workspace: Path) -> Contract:
    fields = {
        "source": "erp",
        "table": "notes",
        "description": "x",
        "path": "erp/*",
        "grain": "one",
        "key": ["id"],
        "rows": {"min": 1, "max": 1000},
        "columns": COLUMNS,
        **VARIANTS[variant],
    }
    (workspace / "inbox" / "erp").mkdir(exist_ok=True)
    return Contract.model_validate(fields)


def outcome(contract: Contract) -> dict:
    """What became of the one file in the inbox, in the form of `expected.yml`."""
    land(contract)
    if refusals := lake.refusals(contract.name):
        return {"set_aside": refusals[0].reason.removeprefix("erp/")}
    load = lake.loads(contract.name)[0]
    found = {"accepted": load.accepted, "quarantined": load.quarantined, "dropped": load.dropped}
    return {**{k: v for k, v in found.items() if v}, **({"reasons": load.reasons} if load.reasons else {})}


def test_the_corpus_is_what_its_script_makes_and_each_file_has_its_sentence():
    names = [name for _, name, _ in CASES]
    assert len(names) == len(set(names)) >= 60
    assert set(EXPECTED) == set(names)
    for _, name, content in CASES:
        if not name.endswith((".parquet", ".zst")):  # libraries write their version into these
            assert (CORPUS / name).read_bytes() == content, name


@pytest.mark.parametrize(("variant", "name"), [(v, n) for v, n, _ in CASES], ids=[n for _, n, _ in CASES])
def test_a_broken_file_gives_its_sentence_and_loses_nothing(workspace, variant, name):
    contract = declared(variant, workspace)
    shutil.copy(CORPUS / name, workspace / "inbox" / "erp" / name)
    memory = psutil.Process().memory_info().rss
    started = time.monotonic()
    found = outcome(contract)

    assert found == EXPECTED[name]
    assert time.monotonic() - started < 20
    assert psutil.Process().memory_info().rss - memory < 600 * 1024**2
    if "set_aside" in found:
        assert found["set_aside"].startswith(name) and "\n" not in found["set_aside"]
        for private in ("Muñoz", "José", "Peña", "passwd"):
            assert private not in found["set_aside"]
        assert lake.loads(contract.name) == []
        return
    load = lake.loads(contract.name)[0]
    assert load.rows_in == load.accepted + load.quarantined + load.dropped
    assert pl.read_parquet(lake.parquet_path("bronze", "erp_notes", load.file_id, load.version)).height == load.accepted
    quarantine = lake.parquet_path("quarantine", "erp_notes", load.file_id, load.version)
    assert (pl.read_parquet(quarantine).height if quarantine.exists() else 0) == load.quarantined
    assert not list((workspace / "lake").rglob("*.part"))


def test_nothing_is_written_outside_the_lake(workspace):
    for variant, name, _ in CASES:
        if name.startswith("zip_"):
            contract = declared(variant, workspace)
            shutil.copy(CORPUS / name, workspace / "inbox" / "erp" / name)
            land(contract)
    written = [p.relative_to(workspace) for p in workspace.rglob("*") if p.is_file()]

    assert {path.parts[0] for path in written} == {"inbox", "lake", "state"}
    # Besides, each step says how it ended.
    assert {path.parts[:2] for path in written if path.parts[0] == "state"} == {("state", "runs")}
