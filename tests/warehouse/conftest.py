"""A project of dbt with one small model of its own."""

from __future__ import annotations

import shutil

import pytest

from warehouse.duck import connect
from warehouse.project import PROJECT


@pytest.fixture
def own(workspace, monkeypatch):
    """A project that no environment knows."""
    models = workspace / "own"
    shutil.copytree(PROJECT / "own_models", models)
    (models / "int_one.sql").write_text("select 1 as one", encoding="utf-8")
    monkeypatch.setenv("CDP_DBT_MODELS", str(models))
    connect().close()
    return models
