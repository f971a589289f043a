"""`cdp bench portal`: how fast the page and its API answer, with twenty people on it at once, and how much memory they take.

A finished company is served by `cdp serve` in a process of its own. Twenty people, each with a session, open pages at random, one a second each, with
a customer of their own each time; then one of them opens each page alone. The API is asked for one profile after the other. What is measured is the
whole answer at the client, on the same machine.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from warehouse.duck import connect
from warehouse.settings import ROOMS, child_environment

USERS, SECONDS = 20, 60
PASSWORD = "a password of the benchmark"
BAR_PAGE_MS, BAR_API_MS, BAR_MB, BAR_BUILDER_MS = 300, 50, 1536, 1000
PAGES = (
    "/", "/audiences", "/audiences/vip", "/overlap", "/customers/{id}", "/customers/{id}?part=timeline", "/customers/{id}?part=identity",
    "/customers/{id}?part=consent", "/customers?q={email}", "/customers?q={name}", "/results?part=campaigns", "/results?part=customers",
    "/results?part=service", "/journeys", "/downloads",
)  # fmt: skip


class Browser:
    """Somebody with a session and a connection that stays."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.cookies = port, {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        form = self.get("/login")[1]
        found = re.search(rb'name="csrf" value="([^"]+)"', form)
        assert found
        self.post("/login", {"csrf": found.group(1).decode(), "name": name, "password": PASSWORD, "next": "/downloads"})
        token = re.search(rb'"x-csrf-token": "([^"]+)"', self.get("/builder")[1])
        self.csrf = token.group(1).decode() if token else ""

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Ask and read the whole answer."""
        sent = {
            "Accept-Language": "es-MX",
            **({"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}),
            **(headers or {}),
        }
        try:
            self.connection.request(method, path, body, sent)
            answer = self.connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            # A connection that nobody used for a while was closed by the server.
            self.connection.close()
            self.connection.request(method, path, body, sent)
            answer = self.connection.getresponse()
        content = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, content

    def get(self, path: str) -> tuple[int, bytes]:
        """Open a page."""
        return self.ask("GET", path)

    def post(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        """Send a form."""
        return self.ask("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _people(data: Path) -> list[dict[str, str]]:
    con = connect(data / "warehouse" / "cdp.duckdb", read_only=True)
    try:
        rows = con.execute(
            "SELECT customer_id, coalesce(email, customer_id), lower(strip_accents(coalesce(split_part(given_name, ' ', 1) || ' ' || "
            "split_part(surnames, ' ', 1), customer_id))) FROM marts.customers USING SAMPLE reservoir(3000 ROWS) REPEATABLE (7)"
        ).fetchall()
    finally:
        con.close()
    return [{"id": i, "email": e, "name": n} for i, e, n in rows]


def _summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50_ms": round(1000 * statistics.median(ordered), 1), "p95_ms": round(1000 * ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
        "asked": len(ordered),
    }  # fmt: skip


def run(data: Path | None = None, people: int = 1_000_000) -> dict[str, Any]:
    """Measure a finished company, or make one of so many people first."""
    if data is not None:
        return _measure(data)
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as folder:
        environment = child_environment(CDP_DATA=folder)
        for step in (("generate", "--people", str(people)), ("run",)):
            subprocess.run(
                [sys.executable, "-m", "cdp", *step], cwd=ROOMS, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        return _measure(Path(folder))


def _measure(data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cdp-page-") as folder:
        environment = child_environment(CDP_DATA=str(data), CDP_OPERATIONS_URL=f"sqlite:///{folder}/operations.sqlite")
        token = ""
        for n in range(USERS):
            command = [
                sys.executable,
                "-m",
                "cdp",
                "user",
                "add",
                f"user{n}",
                "--role",
                "marketer",
                "--password",
                PASSWORD,
            ]
            subprocess.run(command, cwd=ROOMS, env=environment, check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [sys.executable, "-m", "cdp", "token", "add", "bench", "--role", "marketer", "--author", "bench"], cwd=ROOMS, env=environment, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        token = made.stdout.strip()
        port = _port()
        server = subprocess.Popen(
            [sys.executable, "-m", "cdp", "serve", "--port", str(port)], cwd=ROOMS, env=environment
        )
        try:
            _wait(port)
            return _visits(port, token, _people(data), server.pid, data)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def _visits(port: int, token: str, people: list[dict[str, str]], pid: int, data: Path) -> dict[str, Any]:
    browsers = [Browser(port, f"user{n}") for n in range(USERS)]
    alone = {page: _alone(browsers[0], page, people) for page in PAGES}
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    failed: list[str] = []
    end = time.monotonic() + SECONDS
    lock = threading.Lock()

    def one(number: int) -> None:
        chance = random.Random(number)
        time.sleep(chance.random())
        while time.monotonic() < end:
            page = chance.choice(PAGES)
            path = _path(page, chance.choice(people))
            began = time.perf_counter()
            status, _ = browsers[number].get(path)
            took = time.perf_counter() - began
            with lock:
                times[page].append(took)
                if status not in (200, 303):
                    failed.append(f"{page}: {status}")
            time.sleep(max(0.0, chance.expovariate(1.0)))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    builder = _builder(browsers[0])
    api = _api(port, token, people)
    memory = psutil.Process(pid).memory_info().rss / 2**20
    everything = [t for listed in times.values() for t in listed]
    size = (data / "warehouse" / "cdp.duckdb").stat().st_size / 2**30
    customers = json.loads((data / "warehouse" / "manifest.json").read_text())["rows"]["marts.customers"]
    return {
        "what": f"{USERS} people at once, each opening a page a second for {SECONDS} seconds; whole answers, client and server on one machine",
        "customers": customers, "published_gb": round(size, 2), "cores": os.cpu_count(), "pages_a_second": round(len(everything) / SECONDS, 1),
        "all_pages": _summary(everything), "pages": {page: _summary(t) for page, t in times.items() if t}, "alone": alone,
        "builder": builder, "api_profile": api, "memory_mb": round(memory), "failed": failed[:5],
        "bars": {"page_p95_ms": BAR_PAGE_MS, "api_p95_ms": BAR_API_MS, "memory_mb": BAR_MB, "builder_p95_ms": BAR_BUILDER_MS},
    }  # fmt: skip


def _path(page: str, person: dict[str, str]) -> str:
    filled = {k: http_quoted(v) for k, v in person.items()}
    return page.format(**filled)


def http_quoted(text: str) -> str:
    """Return a text for an address."""
    from urllib.parse import quote

    return quote(text, safe="")


def _alone(browser: Browser, page: str, people: list[dict[str, str]]) -> dict[str, float]:
    times = []
    for person in people[:12]:
        began = time.perf_counter()
        browser.get(_path(page, person))
        times.append(time.perf_counter() - began)
    # The first answers what depends on the version alone, for everybody after.
    return {"first_ms": round(1000 * times[0], 1), **_summary(times[1:])}


def _builder(browser: Browser) -> dict[str, float]:
    times = []
    for days in range(10, 200, 10):
        form = {
            "csrf": browser.csrf,
            "joins": "all",
            "column": "last_order_days",
            "condition": "at_most",
            "value": str(days),
        }
        began = time.perf_counter()
        status, _ = browser.ask(
            "POST",
            "/builder",
            urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"},
        )
        times.append(time.perf_counter() - began)
        assert status == 200, status
    return _summary(times)


def _api(port: int, token: str, people: list[dict[str, str]]) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    for person in people[:400]:
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/customers/{person['id']}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - began)
        assert answer.status == 200, answer.status
    return _summary(times)
