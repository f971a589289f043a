"""New exports wake ingestion: the trigger fires once for files that stand still, and a real Airflow starts a run."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from dags.arrival_trigger import ArrivalTrigger, listing, note_what_is_seen

ROOT = Path(__file__).resolve().parents[2]


async def first_event(trigger, seconds):
    events = trigger.run()
    try:
        return await asyncio.wait_for(anext(events), seconds)
    except TimeoutError:
        return None
    finally:
        await events.aclose()


def put(workspace, name, text="id\n1\n"):
    path = workspace / "inbox" / "shop" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_it_fires_for_new_files_and_not_for_those_a_run_has_seen(workspace):
    put(workspace, "a.csv")
    put(workspace, "b.csv.part")
    event = asyncio.run(first_event(ArrivalTrigger(0.05), 3))
    assert event.payload["new_files"] == 1
    assert note_what_is_seen() == 1
    assert asyncio.run(first_event(ArrivalTrigger(0.05), 0.5)) is None
    put(workspace, "a.csv", "id\n1\n2\n")
    assert asyncio.run(first_event(ArrivalTrigger(0.05), 3)).payload["new_files"] == 1


def test_it_waits_while_a_file_grows_and_tells_nothing_personal(workspace):
    path = put(workspace, "a.csv")

    async def scenario():
        trigger = ArrivalTrigger(0.1)
        events = trigger.run()
        waiting = asyncio.create_task(anext(events))
        for n in range(8):
            await asyncio.sleep(0.07)
            path.write_text("x" * (n + 10))
        still = waiting.done()
        event = await asyncio.wait_for(waiting, 3)
        await events.aclose()
        return still, event

    still, event = asyncio.run(scenario())
    assert not still and set(event.payload) == {"new_files", "signature"}


def test_it_is_built_again_from_what_it_says_of_itself():
    from airflow.sdk.module_loading import import_string

    path, arguments = ArrivalTrigger(7).serialize()
    assert import_string(path)(**arguments).poll_s == 7


def test_a_listing_survives_files_that_vanish(workspace):
    put(workspace, "a.csv")
    put(workspace, "gone.csv").unlink()
    assert set(listing(workspace / "inbox")) == {"shop/a.csv"}


@pytest.mark.airflow
def test_a_real_airflow_starts_a_run_when_a_file_arrives(workspace, monkeypatch, company):
    import shutil

    from dags.local_airflow import running_airflow
    from warehouse import lake

    monkeypatch.delenv("CDP_NOW")
    (workspace / "sources").mkdir()
    shutil.copy(ROOT / "ingest" / "sources" / "delighted_responses.yml", workspace / "sources")
    monkeypatch.setenv("CDP_SOURCES", str(workspace / "sources"))
    with running_airflow(parts=("api-server", "dag-processor", "scheduler", "triggerer")) as airflow:
        airflow.prepare(dags=("ingest_sources",))
        # A minute after the daily time a run begins as soon as the DAG is switched on; the file comes after it.
        quiet = time.monotonic() + 8
        while time.monotonic() < quiet:
            found = airflow.api("GET", "/dags/ingest_sources/dagRuns")["dag_runs"]
            if any(r["state"] in ("queued", "running") for r in found):
                quiet = time.monotonic() + 4
            time.sleep(1)
        shutil.copytree(company / "inbox" / "delighted", workspace / "inbox" / "delighted")
        end = time.monotonic() + 240
        runs = []
        while time.monotonic() < end:
            runs = airflow.api("GET", "/dags/ingest_sources/dagRuns", params={"order_by": "-run_after", "limit": 5})[
                "dag_runs"
            ]
            if any(r["state"] == "success" and r["run_type"] == "asset_triggered" for r in runs):
                break
            time.sleep(1)

    woken = [r["run_type"] for r in runs if r["state"] == "success"]
    assert woken.count("asset_triggered") == 1 and set(woken) <= {"asset_triggered", "scheduled"}
    assert lake.loads("delighted_responses")
