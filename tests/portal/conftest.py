"""What tests of the page share: a finished company of their own, somebody for each role, browsers that are signed in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from portal.app import make_app
from privacy.people import ROLES, add_user

FIXED_NOW = "2026-11-01T06:00:00+00:00"
PASSWORD = "una clave bastante larga"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def page_data(finished, tmp_path_factory) -> Path:
    """The finished company under names of its own: what is written here does not reach other tests."""
    folder = tmp_path_factory.mktemp("page") / "data"
    shutil.copytree(finished, folder, copy_function=os.link)
    # Lines are added to the log of runs, so that a link would reach the other tests' company.
    shutil.rmtree(folder / "state" / "runs")
    shutil.copytree(finished / "state" / "runs", folder / "state" / "runs")
    return folder


@pytest.fixture
def people(page_data, tmp_path, monkeypatch) -> Path:
    """Settings that point at the company, and an operations database with one person for each role."""
    monkeypatch.setenv("CDP_DATA", str(page_data))
    monkeypatch.setenv("CDP_NOW", FIXED_NOW)
    monkeypatch.setenv("CDP_OPERATIONS_URL", f"sqlite:///{tmp_path}/operations.sqlite")
    for role in ROLES:
        add_user(role, [role], PASSWORD)
    return page_data


@pytest.fixture
def enter(people) -> Callable[..., TestClient]:
    """Sign somebody in and return their browser; it sends the session's secret with every change."""

    def come_in(name: str, language: str = "es-MX", password: str = PASSWORD) -> TestClient:
        client = TestClient(
            make_app(), headers={"accept-language": language}, follow_redirects=True, raise_server_exceptions=False
        )
        form = client.get("/login").text
        secret = re.search(r'name="csrf" value="([^"]+)"', form)[1]
        answer = client.post("/login", data={"csrf": secret, "name": name, "password": password, "next": "/downloads"})
        assert answer.url.path == "/downloads", answer.url
        client.headers["x-csrf-token"] = re.search(r'"x-csrf-token": "([^"]+)"', answer.text)[1]
        return client

    return come_in


@pytest.fixture(scope="session")
def served(page_data, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The page served by a process of its own, as people have it; gives its address and its operations database."""
    from dags.local_airflow import free_port

    folder = tmp_path_factory.mktemp("served")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("CDP_")}, "CDP_DATA": str(page_data), "CDP_NOW": FIXED_NOW,
        "CDP_OPERATIONS_URL": f"sqlite:///{folder}/operations.sqlite",
    }  # fmt: skip
    for role in ROLES:
        command = [sys.executable, "-m", "cdp", "user", "add", role, "--role", role, "--password", PASSWORD]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "cdp", "serve", "--port", str(port)], env=environment, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    for _ in range(150):
        try:
            httpx.get(f"{address}/login", timeout=2)
            break
        except httpx.HTTPError:
            time.sleep(0.2)
    yield address, folder / "operations.sqlite"
    server.terminate()
    server.wait(timeout=20)
