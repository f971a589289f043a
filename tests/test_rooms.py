"""Imports go one way, DAG files stay light, and the layout keeps out of its own traps."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Room: rooms it may import.
MAY_IMPORT = {
    "warehouse": set(),
    "quality": {"warehouse"},
    "ingest": {"quality", "warehouse"},
    "identity": {"warehouse"},
    "scoring": {"warehouse"},
    "activation": {"warehouse"},
    "privacy": {"warehouse"},
    "portal": {"warehouse", "quality", "ingest", "identity", "scoring", "activation", "privacy"},
}
ROOMS = set(MAY_IMPORT) | {"dags", "data", "benchmarks", "cdp", "commands"}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_stands_before_it(room):
    for path in sorted((ROOT / room).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        wrong = (imports_of(path) & ROOMS) - MAY_IMPORT[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_only_settings_reads_the_environment():
    for room in MAY_IMPORT:
        for path in (ROOT / room).rglob("*.py"):
            if path.name in ("settings.py", "checkpoints.py"):  # the library reads GX_ANALYTICS_ENABLED from there
                continue
            text = path.read_text(encoding="utf-8")
            assert "os.environ" not in text and "getenv" not in text, path


def test_only_duck_opens_duckdb():
    for room in MAY_IMPORT:
        for path in (ROOT / room).rglob("*.py"):
            if path.name != "duck.py":
                assert "duckdb.connect(" not in path.read_text(encoding="utf-8"), path


def test_there_is_no_init_under_tests():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_the_front_door_opens_without_heavy_libraries():
    code = "import sys, cdp; print([m for m in ('airflow','great_expectations','splink','dbt','pandas','polars') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
