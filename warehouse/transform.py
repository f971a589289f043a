"""Run dbt: one process per run, on the working file, which nobody else has open meanwhile.

In: bronze views and identity tables. Out: marts, metrics, segments in the working file, and dbt's run results.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.errors import CdpError, GateFailed
from warehouse.faults import fault
from warehouse.settings import ROOMS, child_environment, now, settings
from warehouse.steps import StepResult, step

PROJECT = ROOMS / "dbt_project"

#: Runs dbt. On Linux it first asks to end with its parent (prctl PR_SET_PDEATHSIG): a task that is killed must not leave a
#: dbt behind that holds the working file.
DBT = """
import sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
from dbt.cli.main import cli
cli()
"""


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
        project = _project(config.dbt_models, state)
        variables: dict[str, Any] = json.loads(config.dbt_vars)
        if config.as_of:
            variables["as_of_date"] = config.as_of.isoformat()
        # What dbt says is kept in last_output.txt; its debug log costs a tenth of a small build.
        line = [
            sys.executable, "-c", DBT, "--no-use-colors", "--log-level-file", "none", "--log-path", str(state / "logs"), *command.split(),
            "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(state / "target"),
            "--vars", json.dumps(variables), *arguments,
        ]  # fmt: skip
        environment = child_environment(
            CDP_WORKING_FILE=str(config.working_file),
            CDP_THREADS=str(config.threads),
            CDP_MEMORY_LIMIT=config.memory_limit,
            CDP_RUN_AT=f"{now():%Y-%m-%d %H:%M:%S}",
            DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        )
        done = subprocess.run(line, env=environment, cwd=project, capture_output=True, text=True, check=False)
        (state / "last_output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        results = _results(state / "target" / "run_results.json")
        counts = Counter(node["status"] for node in results)
        result.rows_out = sum(n for status, n in counts.items() if status in ("success", "pass"))
        result.facts = {"nodes": len(results), **dict(sorted(counts.items()))}
        if done.returncode:
            failed = [node["unique_id"].split(".", 2)[-1] for node in results if node["status"] in ("error", "fail")]
            if failed:
                raise GateFailed(
                    f"dbt {command}: {len(failed)} failed: {', '.join(failed[:10])}. "
                    "Consumers keep what was published before; see state/dbt/last_output.txt"
                )
            raise CdpError(f"dbt {command} could not run (exit code {done.returncode}); see state/dbt/last_output.txt")
    fault(f"dbt.after_{command}")
    return result


def _project(own_models: Path | None, state: Path) -> Path:
    """Return the project to run: this one, or one of links in which a company's own models stand in their place.

    dbt wants model folders inside the project: with others, it writes compiled tests to impossible paths.
    """
    if own_models is None:
        return PROJECT
    linked = state / "project"
    linked.mkdir(parents=True, exist_ok=True)
    for entry in PROJECT.iterdir():
        link = linked / entry.name
        link.unlink(missing_ok=True)
        link.symlink_to(own_models if entry.name == "own_models" else entry)
    return linked


def _results(path: Path) -> list[dict[str, Any]]:
    return list(files.read_json(path)["results"]) if path.exists() else []
