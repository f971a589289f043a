"""The example notebooks run on a company's published file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs" / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[n.stem for n in NOTEBOOKS])
def test_a_notebook_runs(finished, notebook):
    environment = {**os.environ, "CDP_FILE": str(finished / "warehouse" / "cdp.duckdb")}
    done = subprocess.run(
        [sys.executable, str(notebook)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
