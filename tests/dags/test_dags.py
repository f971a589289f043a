"""The DAGs: light to parse, one writer pool, joined by assets; and a real Airflow runs them, also when a task is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PARSE = """
import importlib, json, pathlib, sys, time
sys.path.insert(0, "dags")
started = time.process_time()
import airflow.sdk
base = time.process_time() - started
found = {}
for path in sorted(pathlib.Path("dags").glob("*.py")):
    if path.name in ("local_airflow.py", "demonstration.py", "cdp_assets.py", "arrival_trigger.py"):
        continue
    module = importlib.import_module(path.stem)
    dag = getattr(module, path.stem)()
    found[dag.dag_id] = {
        "tasks": {t.task_id: {"pool": t.pool, "retries": t.retries, "outlets": [o.uri for o in t.outlets],
                              "downstream": sorted(t.downstream_task_ids)} for t in dag.tasks},
        "max_active_runs": dag.max_active_runs, "doc": bool(dag.doc_md), "catchup": dag.catchup, "file": path.name,
    }
heavy = [m for m in ("great_expectations", "splink", "dbt", "pandas", "polars", "duckdb", "sklearn", "scipy") if m in sys.modules]
print(json.dumps({"dags": found, "heavy": heavy, "seconds": time.process_time() - started - base}))
"""


@pytest.fixture(scope="module")
def parsed():
    done = subprocess.run([sys.executable, "-c", PARSE], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_file_is_a_dag_of_its_name_with_words_airflow_looks_for(parsed):
    assert set(parsed["dags"]) == {
        "ingest_sources", "resolve_identities", "build_profiles", "score_customers", "assemble_audiences", "deliver_audiences",
        "train_models", "keep_house", "remove_past", "confirm_deliveries", "exchange_with_platforms", "approve_plans",
    }  # fmt: skip
    for name, dag in parsed["dags"].items():
        assert (
            dag["file"] == f"{name}.py"
            and dag["doc"]
            and not dag["catchup"]
            and dag["max_active_runs"] == (4 if name == "approve_plans" else 1)
        )
        text = (ROOT / "dags" / dag["file"]).read_text().lower()
        assert "airflow" in text and "dag" in text


def test_parsing_loads_nothing_heavy(parsed):
    assert parsed["heavy"] == []
    assert parsed["seconds"] < 5


def test_tasks_that_open_the_working_file_take_the_one_slot(parsed):
    outside = {
        "fetch_arrivals",
        "land",
        "list_systems",
        "name_files_set_aside",
        "list_platforms",
        "deliver",
        "read_who_refuses",
        "list_waiting",
        "put_in_words",
        "ask",
        "note_answers",
        "remove_what_is_past",
    }
    for dag in parsed["dags"].values():
        for task, facts in dag["tasks"].items():
            assert facts["pool"] == ("default_pool" if task in outside else "warehouse"), task


def test_the_dags_are_joined_by_assets_in_one_line(parsed):
    outlets = [o for dag in parsed["dags"].values() for t in dag["tasks"].values() for o in t["outlets"]]
    assert sorted(outlets) == sorted(set(outlets)) and len(outlets) == 7


def test_landing_can_fail_for_one_table_and_the_run_still_ends_red(parsed):
    tasks = parsed["dags"]["ingest_sources"]["tasks"]
    assert tasks["land"]["downstream"] == ["name_files_set_aside", "register_bronze"]
    assert tasks["register_bronze"]["downstream"] == ["name_files_set_aside"]


@pytest.mark.airflow
def test_a_real_airflow_takes_exports_to_audience_files_and_survives_a_killed_task(
    company, finished, tmp_path, monkeypatch
):
    import shutil

    from dags.local_airflow import running_airflow
    from warehouse.duck import rows
    from warehouse.publish import open_published

    shutil.copytree(company, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("CDP_DATA", str(tmp_path))
    monkeypatch.setenv("CDP_NOW", "2026-11-01T06:00:00+00:00")
    monkeypatch.setenv("CDP_THREADS", "2")
    killed: list[str] = []

    with running_airflow() as airflow:
        airflow.prepare()
        airflow.trigger("ingest_sources")

        def kill_dbt_once(dag: str, done: int, known: int) -> None:
            if dag != "build_profiles" or killed:
                return
            scheduler = next(child for part, child, _ in airflow.children if part == "scheduler")
            for process in psutil.Process(scheduler.pid).children(recursive=True):
                with suppress(psutil.Error):
                    if "warehouse.dbt_child" in process.cmdline():
                        task = process.parent()
                        assert task is not None
                        task.kill()  # dbt itself must not outlive it, or it would hold the file
                        killed.append(task.name())
                        return

        end = time.monotonic() + 420
        airflow.wait_for_chain(kill_dbt_once, patience_s=end - time.monotonic())
        runs = airflow.api("GET", "/dags/build_profiles/dagRuns")["dag_runs"]
        tries = airflow.api("GET", f"/dags/build_profiles/dagRuns/{runs[0]['dag_run_id']}/taskInstances")[
            "task_instances"
        ][0]["try_number"]
        xcoms = json.dumps(airflow.api("GET", "/dags/~/dagRuns/~/taskInstances/~/xcomEntries", params={"limit": 200}))
        parts = [child.pid for _, child, _ in airflow.children]

    assert killed and tries >= 2
    assert not any(psutil.pid_exists(pid) for pid in parts)
    assert "@gmail" not in xcoms and "+52" not in xcoms
    con = open_published()
    mine = rows(con, "SELECT count(*) AS n, sum(lifetime_revenue_usd) AS usd FROM marts.customers")
    con.close()
    monkeypatch.setenv("CDP_DATA", str(finished))
    con = open_published()
    assert rows(con, "SELECT count(*) AS n, sum(lifetime_revenue_usd) AS usd FROM marts.customers") == mine
    con.close()
    theirs = {p.relative_to(finished): p.read_bytes() for p in finished.glob("outbox/*/*/*.csv")}
    assert theirs and theirs == {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.glob("outbox/*/*/*.csv")}
