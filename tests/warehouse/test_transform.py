"""What need not be built anew stands as long as all that it is made of."""

from __future__ import annotations

import json
import shutil

import pytest

from warehouse.duck import connect
from warehouse.project import PROJECT
from warehouse.transform import base_now, keep_base, stands

PEOPLE = "CREATE OR REPLACE TABLE bronze.loyalty_members (person_id VARCHAR, born DATE)"


def said(sql: str) -> None:
    con = connect()
    con.execute(sql)
    con.close()


@pytest.fixture
def built(workspace):
    """A working file whose last build ended well."""
    said(PEOPLE)
    assert not stands(base_now())
    keep_base(base_now())


def test_other_rows_are_the_same_base_which_is_asked_once(built):
    said("INSERT INTO bronze.loyalty_members VALUES ('p1', DATE '1980-01-01')")
    said("CREATE TABLE bronze.of_no_model (a INTEGER)")
    assert stands(base_now())
    # The build that asked has not ended well yet.
    assert not stands(base_now())


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE bronze.loyalty_members ADD COLUMN email VARCHAR",
        "ALTER TABLE bronze.loyalty_members ALTER born TYPE TIMESTAMP",
        "CREATE OR REPLACE TABLE bronze.loyalty_members (born DATE, person_id VARCHAR)",
        "DROP TABLE bronze.loyalty_members",
    ],
)
def test_another_column_type_or_order_of_a_source_is_another_base(built, change):
    said(change)
    assert not stands(base_now())
    # Nor does anything stand when the change is taken back: the build in between may have left half of its views.
    said(PEOPLE)
    assert not stands(base_now())


def test_other_variables_and_other_models_are_another_base(built, tmp_path, monkeypatch):
    monkeypatch.setenv("CDP_DBT_VARS", json.dumps({"rfm_window_days": 365}))
    assert not stands(base_now())
    keep_base(base_now())
    own = tmp_path / "own"
    shutil.copytree(PROJECT / "own_models", own)
    monkeypatch.setenv("CDP_DBT_MODELS", str(own))
    # The same files in another place are the same project.
    assert stands(base_now())
    keep_base(base_now())
    (own / "int_more.sql").write_text("select 1 as one", encoding="utf-8")
    assert not stands(base_now())
