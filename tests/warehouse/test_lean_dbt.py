"""dbt that prepares less says and builds the same, and whoever listens hears all of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from warehouse.project import PROJECT
from warehouse.transform import dbt_arguments, dbt_environment

#: Runs one model, with or without what is lean, with or without somebody who listens; prints how many messages were built, and what was heard.
RUN = """
import json, sys
how, listens, *arguments = sys.argv[1:]
from dbt.cli.main import dbtRunner
from dbt_common.events import base_types
if how == "lean":
    from warehouse.lean_dbt import lean
    lean()
built, heard = [], []
parsed = base_types.ParseDict
base_types.ParseDict = lambda *told: (built.append(1), parsed(*told))[1]
done = dbtRunner(callbacks=[lambda m: heard.append(f"{m.info.level} {m.info.name}")] if listens == "listens" else None).invoke(arguments)
print("RESULT " + json.dumps([done.success, len(built), heard, [r.status for r in done.result.results]]))
"""


@pytest.fixture
def ran(own):
    """Return a function that runs a model and returns what came of it, and what was printed."""
    # What dbt keeps of the project is there for all that are compared.
    arguments = dbt_arguments("run", "--select", "int_one")

    def run(how: str, listens: str = "") -> tuple[list, list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", RUN, how, listens, *arguments],
            env=dbt_environment(), cwd=PROJECT.parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
        *said, result = done.stdout.splitlines()
        return json.loads(result.removeprefix("RESULT ")), [re.sub(r"[\d.:]+", "", line) for line in said]

    run("plain")
    return run


def test_the_same_is_built_and_printed_of_fewer_messages(ran):
    (ok, messages, _, built), said = ran("plain")
    (lean_ok, lean_messages, _, lean_built), lean_said = ran("lean")
    assert (lean_ok, lean_built, lean_said) == (ok, built, said)
    assert ok and set(built) == {"success"}
    assert lean_messages < messages / 3


def test_who_listens_hears_all(ran):
    (_, _, heard, _), _ = ran("plain", "listens")
    (_, _, lean_heard, _), _ = ran("lean", "listens")
    # All but the questions about foreign keys, which are not asked.
    of_queries = {"debug ConnectionUsed", "debug SQLQuery", "debug SQLQueryStatus"}
    assert set(lean_heard) == set(heard) > of_queries
    assert Counter(m for m in lean_heard if m not in of_queries) == Counter(m for m in heard if m not in of_queries)
    assert any(message.startswith("debug") for message in heard)


def test_what_it_leans_on_is_there():
    """A new version of dbt in which it is not would be slower without a word."""
    from dbt.adapters.duckdb.impl import DuckDBAdapter
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import get_event_manager

    assert callable(DuckDBAdapter._acquire_foreign_key_lock)
    assert type(get_event_manager()) is EventManager
