"""What tests share: a workspace of their own, the sample company, one finished pipeline, data that lie beside the checkout.

What could not run here is counted loudly at the end; with CI=true it fails the run. Files of tests are handed to two processes, the longest
first; what is dear to make is made by one of them for both.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() == "true"
FIXED_NOW = "2026-11-01T06:00:00+00:00"
#: Files that take minutes, the longest first: the other process works through the rest meanwhile. The second needs no finished company, for
#: which it would wait while the first makes it.
LONGEST = (
    "tests/test_crashes.py", "tests/real/test_real_exports.py", "tests/portal/test_browser.py", "tests/test_pipeline.py", "tests/dags/test_dags.py",
    "tests/activation/test_calls.py", "tests/activation/test_audiences.py", "tests/dags/test_approval.py", "tests/dags/test_arrival_trigger.py",
    "tests/warehouse/test_parts.py", "tests/dbt/test_contracts.py",
)  # fmt: skip
skipped: list[str] = []
figures: list[str] = []


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the caller's settings."""
    for name in [n for n in os.environ if n.startswith("CDP_") and n != "CDP_SHARED_DATA"]:
        monkeypatch.delenv(name)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder with a fixed clock."""
    monkeypatch.setenv("CDP_DATA", str(tmp_path))
    monkeypatch.setenv("CDP_NOW", FIXED_NOW)
    monkeypatch.setenv("CDP_SETTLE_S", "0")
    monkeypatch.setenv("CDP_THREADS", "2")
    (tmp_path / "inbox").mkdir()
    return tmp_path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real exports and vectors beside the checkout, or where CDP_SHARED_DATA says."""
    path = Path(os.environ.get("CDP_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip("no shared data: set CDP_SHARED_DATA to the folder with real exports")
    return path


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports and truth of a sample company of 700 people."""
    from data.generate import generate_company

    folder = tmp_path_factory.mktemp("company")
    generate_company(folder / "inbox", folder / "truth", people=700, seed=11)
    return folder


def run_cdp(data: Path, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own on a data folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CDP_")}
    done = subprocess.run(
        [sys.executable, "-m", "cdp", *arguments],
        env={
            **clean,
            "CDP_DATA": str(data),
            "CDP_NOW": FIXED_NOW,
            "CDP_THREADS": "2",
            "CDP_SETTLE_S": "0",
            **environment,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"cdp {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def cdp() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, see :func:`run_cdp`."""
    return run_cdp


@pytest.fixture(scope="session")
def finished(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after one whole run; tests read it and do not write to it."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    folder, done = root / "finished", root / "finished.done"
    # Who comes first makes it; the other waits.
    with (root / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(company, folder)
            run_cdp(folder, "run")
            done.touch()
    return folder


@pytest.fixture
def in_finished(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings that point at the finished run."""
    monkeypatch.setenv("CDP_DATA", str(finished))
    monkeypatch.setenv("CDP_NOW", FIXED_NOW)
    monkeypatch.setenv("CDP_SETTLE_S", "0")
    return finished


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a measured figure at the end of the run."""
    return lambda text: request.node.user_properties.append(("figure", text))


@pytest.fixture(scope="session")
def chromium() -> str:
    """A real browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no browser: install chromium to look at the pages")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what is said at the end; with several processes, in the one that writes it."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped.append(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
    if report.when == "call":
        figures.extend(text for name, text in report.user_properties if name == "figure")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if skipped and IN_CI:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter) -> None:
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(line)
    if skipped:
        terminalreporter.section(f"{len(skipped)} TESTS COULD NOT RUN HERE", sep="!", red=True, bold=True)
        for line in sorted(skipped):
            terminalreporter.write_line(line)
        if IN_CI:
            terminalreporter.write_line("With CI=true nothing may be skipped: this run fails.", red=True)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """OpenSSH from the system's packages on a port of loopback, with keys of its own; ends with the tests."""
    daemon = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(daemon).exists():
        pytest.skip("no OpenSSH server: install openssh-server")
    home = tmp_path_factory.mktemp("ssh")
    for key in ("host", "client", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / key)], check=True)
    shutil.copy(home / "client.pub", home / "authorized")
    port = free_port()
    Path("/run/sshd").mkdir(exist_ok=True)
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home / 'host'}\nAuthorizedKeysFile {home / 'authorized'}\nPidFile {home / 'pid'}\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\nUsePAM no\nSubsystem sftp internal-sftp\n"
    )
    process = subprocess.Popen([daemon, "-D", "-f", str(home / "config"), "-E", str(home / "log")])
    (home / "out").mkdir()
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield home, port
    process.terminate()
    process.wait(timeout=10)
