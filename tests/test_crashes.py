"""Killed at any step and started again, the tables end as in an undisturbed run.

Each case puts the data folder back to before its step, kills the step at a fault point as `kill -9` would, runs it again,
and compares with the undisturbed run after that step; one case kills a whole run twice.
"""

from __future__ import annotations

import hashlib
import shutil

import duckdb
import pytest

STEPS = [
    "land",
    "bronze",
    "standardise",
    "link",
    "cluster",
    "golden",
    "build",
    "score",
    "check",
    "publish",
    "audiences",
    "journeys",
    "decide",
    "plan",
    "deliver",
    "show",
]
CASES = [
    ("land", "land.after_raw:kill:3"), ("land", "land.after_bronze:kill:5"), ("land", "land.after_account:kill:7"),
    ("standardise", "standardise.before_write:kill"), ("link", "link.before_write:kill"), ("link", "link.after_write:kill"),
    ("cluster", "cluster.before_write:kill"), ("cluster", "ids.before_ledger:kill"), ("cluster", "ids.after_ledger:kill"),
    ("golden", "golden.before_write:kill"), ("build", "dbt.before_build:kill"), ("build", "dbt.after_build:kill"),
    ("score", "score.before_write:kill"), ("publish", "publish.after_copy:kill"), ("publish", "publish.after_swap:kill"),
    ("audiences", "audiences.before_write:kill"), ("audiences", "membership.before_write:kill"), ("journeys", "journeys.before_write:kill"),
    ("journeys", "journeys.after_write:kill"), ("plan", "plan.before_write:kill:2"), ("deliver", "deliver.before_send:kill:2"),
    ("deliver", "deliver.after_send:kill:2"), ("deliver", "deliver.after_journal:kill:2"),
    ("show", "publish.after_copy:kill"), ("show", "publish.after_swap:kill"),
]  # fmt: skip


def content(data):
    """Every table of the working and the published file, and every file that is not scratch."""
    found = {}
    for file in ("build", "cdp", "audiences"):
        path = data / "warehouse" / f"{file}.duckdb"
        if not path.exists():
            continue
        # Views point into the lake by absolute path: look at them where they stand.
        con = duckdb.connect(str(path), read_only=True)
        tables = con.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' ORDER BY ALL"
        ).fetchall()
        for schema, table in tables:
            columns = [r[0] for r in con.execute(f"DESCRIBE {schema}.{table}").fetchall()]
            listed = ", ".join(f'"{c}"' for c in columns)
            found[f"{file}:{schema}.{table}"] = con.execute(
                f"SELECT count(*), sum(hash(({listed}))::HUGEINT)::VARCHAR FROM {schema}.{table}"
            ).fetchall()
        con.close()
    for folder in (
        "lake",
        "outbox",
        "state/identity",
        "state/journal",
        "state/journeys",
        "state/membership",
        "state/models",
    ):
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                found[str(path.relative_to(data))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Undisturbed:
    """One run whose folder was kept before and after each step; folders are put in place one after the other."""

    def __init__(self, root, company, cdp):
        self.place, self.kept, self.cdp = root / "data", root / "kept", cdp
        shutil.copytree(company, self.place)
        for step in STEPS:
            shutil.copytree(self.place, self.kept / step)
            cdp(self.place, step)
        shutil.copytree(self.place, self.kept / "end")

    def before(self, step):
        shutil.rmtree(self.place)
        shutil.copytree(self.kept / step, self.place)
        return self.place

    def after(self, step):
        names = [*STEPS, "end"]
        return content(self.kept / names[names.index(step) + 1])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cdp):
    from data.generate import generate_company

    company = tmp_path_factory.mktemp("crash-company")
    generate_company(company / "inbox", company / "truth", people=250, seed=5)
    return Undisturbed(tmp_path_factory.mktemp("crash"), company, cdp)


@pytest.mark.parametrize(("step", "fault"), CASES, ids=[fault for _, fault in CASES])
def test_a_step_killed_and_started_again_ends_as_if_undisturbed(undisturbed, cdp, step, fault):
    data = undisturbed.before(step)
    killed = cdp(data, step, check=False, CDP_FAULT=fault)
    assert killed.returncode == 137, killed.stderr
    cdp(data, step)

    assert content(data) == undisturbed.after(step)


def test_a_run_killed_twice_ends_as_if_undisturbed(undisturbed, cdp):
    data = undisturbed.before("land")
    for fault in ("link.after_write:kill", "deliver.after_send:kill:3"):
        assert cdp(data, "run", check=False, CDP_FAULT=fault).returncode == 137
    cdp(data, "run")

    end = content(undisturbed.kept / "end")
    mine = content(data)
    # The last plans were made again after some lists were already delivered; what was delivered is the same.
    plans = [name for name in end | mine if "/plan" in name or ":activation." in name]
    assert {k: v for k, v in mine.items() if k not in plans} == {k: v for k, v in end.items() if k not in plans}
