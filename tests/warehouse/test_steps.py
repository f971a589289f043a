"""How the last runs ended is known without the scheduler, holds nobody's data, and stops nothing."""

from __future__ import annotations

import json

import pytest

from warehouse.errors import GateFailed
from warehouse.settings import settings
from warehouse.steps import last_runs, step


def test_the_newest_run_of_each_step_counts(workspace):
    with step("land") as result:
        result.rows_out = 12
    with pytest.raises(GateFailed), step("check"):
        raise GateFailed("orders: 3 rows without a date")
    with step("check") as result:
        result.rows_out = 1
    runs = {run.step: run for run in last_runs()}
    assert {name: (run.outcome, run.rows_out) for name, run in runs.items()} == {"land": ("ok", 12), "check": ("ok", 1)}
    with pytest.raises(GateFailed), step("check"):
        raise GateFailed("orders: 3 rows without a date")
    assert [(run.step, run.outcome, run.reason) for run in last_runs() if run.outcome != "ok"] == [
        ("check", "failed", "orders: 3 rows without a date")
    ]


def test_what_a_library_says_of_a_row_is_not_kept(workspace):
    with pytest.raises(ValueError), step("golden"):
        raise ValueError("could not convert 'ana@empresa.example'")
    text = "".join(path.read_text(encoding="utf-8") for path in (settings().state / "runs").glob("*"))
    assert "ana@" not in text
    assert last_runs()[0].reason == "ValueError"


def test_a_run_that_was_killed_is_unfinished_and_a_cut_line_is_passed_over(workspace):
    folder = settings().state / "runs"
    folder.mkdir(parents=True)
    began = {"run": "a", "step": "link", "began_at": "2026-11-01T05:00:00+00:00"}
    (folder / "2026-11-01.jsonl").write_text(json.dumps(began) + '\n{"run": "a", "outc', encoding="utf-8")
    assert [(run.step, run.outcome, run.seconds) for run in last_runs()] == [("link", "unfinished", None)]
    # What lies further back than two weeks is not news.
    (folder / "2026-11-01.jsonl").rename(folder / "2026-10-01.jsonl")
    assert last_runs() == []


def test_a_log_that_cannot_be_written_stops_nothing(workspace, caplog):
    settings().state.mkdir(parents=True, exist_ok=True)
    (settings().state / "runs").write_text("not a folder")
    with step("land") as result:
        result.rows_out = 1
    assert "log of runs" in caplog.text
