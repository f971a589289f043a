"""A whole Airflow on this machine, on loopback, for the demonstration and the tests; it stops what it started.

Its parts (API server, scheduler, DAG processor) run as child processes in a session of their own each, with SQLite and
four workers. Changing the port means telling the workers too (`execution_api_server_url`), or every task fails.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from warehouse.errors import CdpError
from warehouse.settings import ROOMS, child_environment, settings

#: The DAGs of the pipeline, in the order in which they wake each other.
CHAIN = (
    "ingest_sources", "resolve_identities", "build_profiles", "score_customers", "assemble_audiences", "deliver_audiences",
)  # fmt: skip
PARTS = ("api-server", "dag-processor", "scheduler")
USER = "admin"


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalAirflow:
    """An Airflow with a home of its own below the state folder."""

    def __init__(self, home: Path, port: int, parts: tuple[str, ...] = PARTS) -> None:
        self.home, self.port, self.parts = home, port, parts
        self.url = f"http://127.0.0.1:{port}"
        self.password = secrets.token_urlsafe(12)
        self.children: list[tuple[str, subprocess.Popen[bytes], IO[bytes]]] = []
        self.token = ""
        self.environment = child_environment(
            AIRFLOW_HOME=str(home),
            AIRFLOW__CORE__DAGS_FOLDER=str(ROOMS / "dags"),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__PARALLELISM="4",
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.url}/execution/",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{USER}:admin",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(home / "passwords.json"),
            AIRFLOW__CORE__FERNET_KEY=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            AIRFLOW__API__HOST="127.0.0.1",
            AIRFLOW__API__PORT=str(port),
            AIRFLOW__API__BASE_URL=self.url,
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__API__SECRET_KEY=secrets.token_urlsafe(24),
            AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_urlsafe(48),
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
            AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES="1",
            AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
            AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
            PYTHONPATH=os.pathsep.join([str(ROOMS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            NO_PROXY="127.0.0.1,localhost",
            no_proxy="127.0.0.1,localhost",
        )

    def start(self, patience_s: float = 180) -> None:
        """Make the database and start the parts; returns when the API answers.

        Raises:
            CdpError: a part ended, or the API did not answer in time.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({USER: self.password}), encoding="utf-8")
        passwords.chmod(0o600)
        self._run("db", "migrate")
        for part in self.parts:
            log = (self.home / f"{part}.log").open("wb")
            child = subprocess.Popen(
                [sys.executable, "-m", "airflow", part], env=self.environment, cwd=self.home, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self.children.append((part, child, log))
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            self._all_alive()
            try:
                answer = httpx.post(
                    f"{self.url}/auth/token", json={"username": USER, "password": self.password}, timeout=5
                )
                if answer.status_code in (200, 201):
                    self.token = answer.json()["access_token"]
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
        raise CdpError(f"Airflow's API did not answer within {patience_s:.0f} s; see {self.home / 'api-server.log'}")

    def stop(self) -> None:
        """End the parts and everything they started, task processes in sessions of their own included."""
        started: list[psutil.Process] = []
        for _, child, _ in self.children:
            if child.poll() is None:
                parent = psutil.Process(child.pid)
                started += [*parent.children(recursive=True), parent]
        for process in started:
            _end(process, kill=False)
        psutil.wait_procs(started, timeout=8)
        for process in started:
            _end(process, kill=True)
        for _, child, log in self.children:
            child.wait()
            log.close()
        self.children = []

    def api(self, method: str, path: str, **more: Any) -> Any:
        """Call Airflow's REST API.

        Raises:
            CdpError: it refused; names path and status.
        """
        answer = httpx.request(
            method, f"{self.url}/api/v2{path}", headers={"Authorization": f"Bearer {self.token}"}, timeout=30, **more
        )
        if answer.status_code >= 400:
            raise CdpError(f"Airflow refused {method} {path}: {answer.status_code}")
        return answer.json() if answer.content else {}

    def prepare(self, dags: tuple[str, ...] = CHAIN, patience_s: float = 120) -> None:
        """Make the writer pool and unpause the DAGs, once they are known.

        Raises:
            CdpError: a DAG does not appear in time.
        """
        self.api(
            "POST", "/pools", json={"name": "warehouse", "slots": 1, "description": "one writer of the working file"}
        )
        end = time.monotonic() + patience_s
        while True:
            known = {dag["dag_id"] for dag in self.api("GET", "/dags", params={"limit": 100})["dags"]}
            if set(dags) <= known:
                break
            if time.monotonic() > end:
                errors = self.api("GET", "/importErrors")["import_errors"]
                raise CdpError(
                    f"DAGs missing: {sorted(set(dags) - known)}; import errors: {[e['filename'] for e in errors]}"
                )
            self._all_alive()
            time.sleep(1)
        for dag in dags:
            self.api("PATCH", f"/dags/{dag}", json={"is_paused": False})

    def trigger(self, dag: str) -> str:
        """Start a run and return its id."""
        return str(self.api("POST", f"/dags/{dag}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def wait_for_chain(self, tell: Callable[[str, int, int], None], patience_s: float = 600, runs: int = 1) -> None:
        """Wait until the last DAG of the chain has succeeded so often; tell (DAG, tasks done, tasks) on the way.

        Raises:
            CdpError: a run failed (names its failed tasks), or time is up.
        """
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            self._all_alive()
            for dag in CHAIN:
                found = self.api("GET", f"/dags/{dag}/dagRuns", params={"order_by": "-run_after", "limit": 5})[
                    "dag_runs"
                ]
                if failed := [run for run in found if run["state"] == "failed"]:
                    raise CdpError(f"{dag} failed: {', '.join(self._failed_tasks(dag, failed[0]['dag_run_id']))}")
                if found and found[0]["state"] in ("running", "queued"):
                    tasks = self.api("GET", f"/dags/{dag}/dagRuns/{found[0]['dag_run_id']}/taskInstances")[
                        "task_instances"
                    ]
                    tell(dag, sum(1 for t in tasks if t["state"] == "success"), len(tasks))
                done = [run for run in found if run["state"] == "success"]
                if dag == CHAIN[-1] and len(done) >= runs:
                    return
            time.sleep(1)
        raise CdpError(f"the pipeline did not finish within {patience_s:.0f} s; see {self.home}")

    def _failed_tasks(self, dag: str, run: str) -> list[str]:
        tasks = self.api("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return [t["task_id"] for t in tasks if t["state"] == "failed"]

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CdpError(
                f"airflow {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
            )

    def _all_alive(self) -> None:
        for part, child, _ in self.children:
            if child.poll() is not None:
                raise CdpError(f"Airflow's {part} ended with {child.returncode}; see {self.home / (part + '.log')}")


def _end(process: psutil.Process, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        if kill:
            process.kill()
        else:
            process.terminate()


@contextmanager
def running_airflow(
    home: Path | None = None, port: int | None = None, parts: tuple[str, ...] = PARTS
) -> Iterator[LocalAirflow]:
    """Hand out a started Airflow and stop it afterwards, whatever happened; a triggerer is one more part."""
    airflow = LocalAirflow(home or settings().state / "airflow", port or free_port(), parts)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()
