"""Run dbt: one process per run, on the working file, which nobody else has open meanwhile.

In: bronze views and identity tables. Out: marts, metrics, segments in the working file, and dbt's run results.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from warehouse import files
from warehouse.duck import connect, has_table, quoted
from warehouse.errors import CdpError, GateFailed
from warehouse.faults import fault
from warehouse.parts import build_part, keep_plan
from warehouse.plan import forget_plan
from warehouse.project import SOURCE, keep_parsed, key_now, lay_parsed, parsed, project, project_files, variables
from warehouse.settings import child_environment, now, settings
from warehouse.steps import StepResult, step

#: What stands as it is while the project and the columns that it reads do not change: seeds with their tests, and views of one source. They are
#: half of all nodes. The keys that those views declare are asked nevertheless, all at once (macro standing_rules).
STANDING = ("path:seeds", "path:models/staging", "path:models/intermediate/by_source")
#: Has dbt leave them; tests that look at others beside them are kept.
LEAVE_STANDING = ("--indirect-selection", "empty", "--exclude", *STANDING)
#: A working file of up to so many bytes, of ten thousand customers or so, is queried by one thread of DuckDB for each of dbt's: its tables are of one
#: group of rows, so that a second thread has nothing to do but to look for work, a sixth of a build's processor time.
SMALL_BYTES = 500_000_000


def build(whole: bool = False) -> StepResult:
    """Build all tables: of what was touched since the last build where that is allowed and enough, else all with dbt.

    Args:
        whole: build all in any case.

    Raises:
        GateFailed: a model or a test failed; the message names them.
        CdpError: it could not run.
    """
    days = settings().whole_build_days
    if days is not None and not whole:
        con = connect(all_or_nothing=True)
        try:
            base = base_now(con)
            if stands(base, con):
                built = build_part(con, base, days)
                keep_base(base, con)
                if built:
                    return built
        finally:
            con.close()
    # Unit tests look at the models, not at the data: `cdp unit-tests` runs them.
    result = run_dbt("build", "--exclude-resource-type", "unit_test")
    if days is not None:
        keep_plan(base_now(), settings().state / "dbt" / "target" / "manifest.json")
    return result


def run_dbt(command: str, *arguments: str) -> StepResult:
    """Run a dbt command (`build`, `docs generate`, `parse`) and count what its nodes came to.

    Raises:
        GateFailed: a model or a test failed; the message names them.
        CdpError: dbt itself could not run; its log says why.
    """
    config = settings()
    state = config.state / "dbt"
    state.mkdir(parents=True, exist_ok=True)
    fault(f"dbt.before_{command}")
    with step(f"dbt {command}") as result:
        is_whole = command == "build" and "--select" not in arguments
        if is_whole:
            forget_plan()
        base = base_now() if is_whole else ""
        if is_whole and stands(base):
            arguments = (*arguments, *LEAVE_STANDING)
        key = key_now()
        known = parsed(key)
        done = _child(known, *dbt_arguments(command, *arguments))
        if not known:
            keep_parsed(key, state / "target")
        (state / "last_output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        results = _results(state / "target" / "run_results.json")
        counts = Counter(node["status"] for node in results)
        result.rows_out = sum(n for status, n in counts.items() if status in ("success", "pass"))
        result.facts = {"nodes": len(results), **dict(sorted(counts.items()))}
        if done.returncode:
            failed = [_name(node) for node in results if node["status"] in ("error", "fail")]
            if failed:
                raise GateFailed(
                    f"dbt {command}: {len(failed)} failed: {', '.join(failed[:10])}. "
                    "Consumers keep what was published before; see state/dbt/last_output.txt"
                )
            raise CdpError(f"dbt {command} could not run (exit code {done.returncode}); see state/dbt/last_output.txt")
        if is_whole:
            keep_base(base)
    fault(f"dbt.after_{command}")
    return result


def _child(known: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "warehouse.dbt_child", str(known or "-"), *arguments]
    return subprocess.run(line, env=dbt_environment(), cwd=project(), capture_output=True, text=True, check=False)


def _name(node: dict[str, Any]) -> str:
    """Return a node's name; of what is asked before nodes are built, the sentence that says what is wrong."""
    if not node["unique_id"].startswith("operation."):
        return str(node["unique_id"].split(".", 2)[-1])
    said = str(node["message"] or "").strip().splitlines()
    return next((line.strip() for line in said if "staging." in line), said[-1] if said else "?")


def dbt_arguments(command: str, *arguments: str) -> list[str]:
    """Return what dbt is called with, after its name, for a command on the working file."""
    state, folder = settings().state / "dbt", str(project())
    # What dbt says is kept in last_output.txt; its debug log costs a tenth of a small build.
    return [
        "--no-use-colors", "--log-level-file", "none", "--log-path", str(state / "logs"), *command.split(), "--project-dir", folder,
        "--profiles-dir", folder, "--target-path", str(state / "target"), "--vars", json.dumps(variables()), *arguments,
    ]  # fmt: skip


def dbt_environment() -> dict[str, str]:
    """Return the environment that dbt needs, on top of this one."""
    config = settings()
    is_small = not config.working_file.exists() or config.working_file.stat().st_size <= SMALL_BYTES
    return child_environment(
        CDP_WORKING_FILE=str(config.working_file),
        CDP_THREADS=str(config.threads),
        CDP_QUERY_THREADS=str(1 if is_small else config.threads),
        CDP_MEMORY_LIMIT=config.memory_limit,
        CDP_RUN_AT=f"{now():%Y-%m-%d %H:%M:%S}",
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        # dbt's threads and DuckDB's share the processors; others that fits start wait for them, three times as long as the fit takes alone.
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
    )


@contextmanager
def _working_file(con: duckdb.DuckDBPyConnection | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a connection that is open, or one for this once: to open and close a large file takes a while."""
    opened = con or connect()
    try:
        yield opened
    finally:
        if con is None:
            opened.close()


def base_now(con: duckdb.DuckDBPyConnection | None = None) -> str:
    """Return by what it is known that seeds and views of sources stand: the project, its variables, and the columns that it reads."""
    told = hashlib.sha256(json.dumps(variables(), sort_keys=True).encode())
    read: set[tuple[str, str]] = set()
    for path, text in project_files():
        told.update(f"{path}\n{text}\n".encode())
        read.update(SOURCE.findall(text))
    with _working_file(con) as opened:
        for column in opened.execute(
            "SELECT schema_name, table_name, column_index, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_catalog() ORDER BY ALL"
        ).fetchall():
            if column[:2] in read:
                told.update(f"{column}\n".encode())
    return told.hexdigest()


def stands(base: str, con: duckdb.DuckDBPyConnection | None = None) -> bool:
    """Tell whether the last whole build ended well on the same base.

    It is asked once: until the build that asks has ended well, nothing stands, so what a broken build leaves is made anew by the next.
    """
    with _working_file(con) as opened:
        if not has_table(opened, "main", "build_base"):
            return False
        found = opened.execute("SELECT base FROM main.build_base").fetchall()
        opened.execute("DROP TABLE main.build_base")
        return found == [(base,)]


def keep_base(base: str, con: duckdb.DuckDBPyConnection | None = None) -> None:
    """Write down what the build that has just ended stands on."""
    with _working_file(con) as opened:
        opened.execute(f"CREATE OR REPLACE TABLE main.build_base AS SELECT '{quoted(base)}' AS base")


def _results(path: Path) -> list[dict[str, Any]]:
    return list(files.read_json(path)["results"]) if path.exists() else []


def understand() -> None:
    """Have dbt read the project once and lay what it understood into the environment: `make setup` does.

    Raises:
        CdpError: dbt cannot read it.
    """
    key = key_now()
    with tempfile.TemporaryDirectory(prefix="clientela-") as folder:
        done = _child(None, *dbt_arguments("parse", "--target-path", folder))
        if done.returncode:
            raise CdpError(f"dbt cannot read the project: {done.stdout.strip()[-2000:]}")
        lay_parsed(key, Path(folder))


if __name__ == "__main__":
    understand()
