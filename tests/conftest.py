"""What tests share: a workspace of their own, the sample company, one finished pipeline, data that lie beside the checkout.

What could not run here is counted loudly at the end; with CI=true it fails the run.
"""

from __future__ import annotations

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
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(company, folder, dirs_exist_ok=True)
    run_cdp(folder, "run")
    return folder


@pytest.fixture
def in_finished(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings that point at the finished run."""
    monkeypatch.setenv("CDP_DATA", str(finished))
    monkeypatch.setenv("CDP_NOW", FIXED_NOW)
    monkeypatch.setenv("CDP_SETTLE_S", "0")
    return finished


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Say a measured figure at the end of the run."""
    return figures.append


@pytest.fixture(scope="session")
def chromium() -> str:
    """A real browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no browser: install chromium to look at the pages")
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped.append(f"{item.nodeid}: {reason.removeprefix('Skipped: ')}")


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
