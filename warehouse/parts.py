"""Build a part: only what hangs on customers who did something since the last build, in a fraction of the time of a whole one.

In: the working file as the last build left it, and what dbt compiled for the last whole build. Out: the same tables, of which those that hang on
one customer's own rows (`meta: part_by` of a model) have new rows for the customers touched, and all others are made anew.

How: what sources say is told by a sum per link (record, contact point, device, order), kept from build to build; where a sum is not what it was,
the customer behind it is touched. The rows of customers touched are put into a database in memory of the same shape, the SQL of each model is run
there as dbt compiled it, and its rows take the place of theirs in the working file. What stays true: with no new day, the tables hold what a
whole build would make, except that numbers that compare a customer with all others (percentiles, fifths, smoothed rates) stand for customers who
were not touched; on a new day those keep the numbers of the day that `as_of_date` of their row says. A build that fails leaves nothing that the next
one stands on: that one is whole. A build that is killed leaves the file as it was.
"""

from __future__ import annotations

import re
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from warehouse import files
from warehouse.duck import PART, connect, count, has_table, name
from warehouse.errors import CdpError, GateFailed
from warehouse.faults import fault
from warehouse.plan import Node, Plan, flat, plan_of, read_plan, within
from warehouse.replace import hold_rules, replace_all
from warehouse.settings import settings
from warehouse.steps import StepResult, step
from warehouse.touched import KNOWN, TOUCHED, Touched, scope

#: What a Python model imports when it is called.
IMPORTED = re.compile(r"^    from ([\w.]+) import ", re.M)


def keep_plan(base: str, manifest: Path) -> None:
    """Keep what a whole build ran, out of dbt's manifest, and what it knew of sources and identity.

    Raises:
        DeclarationError: `meta` of a model says what is not known.
    """
    found = files.read_json(manifest)
    con = connect()
    try:
        catalog = con.execute("SELECT current_catalog()").fetchall()[0][0]
        plan = plan_of(base, catalog, found)
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {KNOWN}")
        Touched(con, plan).tell(f"{name(catalog)}.{KNOWN}")
        con.execute(
            f"CREATE OR REPLACE TABLE {KNOWN}.as_of AS SELECT max(as_of_date) AS as_of_date, max(as_of_date) AS whole_date "
            "FROM intermediate.int_as_of"
        )
    finally:
        con.close()


def build_part(con: duckdb.DuckDBPyConnection, base: str, most_days: int) -> StepResult | None:
    """Build what customers touched since the last build, or return None where a whole build is due.

    Args:
        con: the working file.
        base: by what it is known that the project and the columns that it reads are those of the last whole build.
        most_days: how many days after that of the last whole build a part may be built.

    Raises:
        GateFailed: a rule of a model or a test does not hold; the message names them.
        CdpError: a model could not be built.
    """
    plan = read_plan()
    if plan is None or plan.base != base or not has_table(con, KNOWN, "as_of"):
        return None
    # A dbt that was broken off leaves a manifest of models that it had not compiled yet.
    if any(n.kind in ("table", "incremental") and not n.code for n in plan.nodes):
        return None
    con.execute(f"ATTACH ':memory:' AS {PART}")
    con.execute("SET checkpoint_threshold = '1GB'")
    try:
        with step("build of a part") as result, ThreadPoolExecutor(1) as beside:
            touched = Touched(con, plan)
            # What Python models import is loaded while the database is at work.
            loaded = beside.submit(_load, [n.code for n in plan.nodes if n.kind == "python"])
            if not touched.find_touched(most_days):
                result.facts = {"whole_build_is_due": True}
                return None
            touched.make_part()
            loaded.result()
            run = _Run(plan, touched)
            run.all()
            touched.keep()
            result.rows_in, result.rows_out = touched.count, run.written
            result.facts = {
                "nodes": len(touched.seconds),
                "customers_touched": touched.count,
                "pct_touched": round(touched.pct, 2),
            }
            told = {what: round(seconds, 3) for what, seconds in touched.seconds.items()}
            files.write_json(settings().state / "dbt" / "part_seconds.json", told)
    finally:
        con.execute(f"DETACH {PART}")
    return result


def _load(codes: list[str]) -> None:
    for module in sorted({found for code in codes for found in IMPORTED.findall(code)}):
        import_module(module)


class _Dbt:
    """What a Python model of dbt is called with, as far as ours ask for it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: str, places: dict[str, str]) -> None:
        self._con, self._catalog, self._places = con, catalog, places

    def config(self, **_: Any) -> None:
        """Settings count in dbt alone."""

    def ref(self, model: str) -> duckdb.DuckDBPyRelation:
        """Return a model's rows."""
        return self._con.sql(f"FROM {within(self._catalog, self._places[model])}")


class _Run:
    """The running of models and tests over the rows of customers touched."""

    def __init__(self, plan: Plan, touched: Touched) -> None:
        self.plan, self.touched = plan, touched
        self.lock = Lock()
        self.written = 0

    def all(self) -> None:
        """Run the models and tests in order, two at a time, each once what it reads is there."""
        standing = self.touched.standing
        todo: dict[str, Node] = {
            n.id: n
            for n in self.plan.nodes
            if not (n.stands or n.comes_first or (n.place in standing and n.kind in ("table", "test")))
        }
        graph: dict[str, set[str]] = {}
        by_place = {n.place: n.id for n in todo.values() if n.kind != "test"}
        looked = {f"look {p}" for p in self.touched.later}
        for node in todo.values():
            graph[node.id] = {by_place[p] for p in node.parents if p in by_place}
            if node.is_part:
                graph[node.id] |= {f"look {p}" for p in node.parents if f"look {p}" in looked}
        for place in self.touched.later:
            graph[f"look {place}"] = {by_place[place]} if place in by_place else set()
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        chain = _chains(graph)
        ready: list[tuple[int, str]] = []
        running: dict[Future[None], str] = {}
        threads = settings().threads
        # Queries run beside each other: one that has a thread to itself does not wait for one that another one is busy with.
        self.touched.con.execute("SET threads = 1")
        with ThreadPoolExecutor(threads) as pool:
            while sorter.is_active():
                for one in sorter.get_ready():
                    if one in todo and todo[one].kind in ("view", "ephemeral") and not todo[one].part_by:
                        sorter.done(one)
                    else:
                        # What most others wait for one after the other is begun first.
                        heappush(ready, (-chain[one], one))
                while ready and len(running) < threads:
                    one = heappop(ready)[1]
                    running[pool.submit(self._one, one, todo.get(one))] = one
                if running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        sorter.done(running.pop(future))
                        future.result()
        self.touched.con.execute(f"SET threads = {threads}")

    def _one(self, one: str, node: Node | None) -> None:
        try:
            with self.touched.cursor() as con, self.touched.timed(node.place if node and node.kind != "test" else one):
                if node is None:
                    self.touched.look(con, one.removeprefix("look "))
                elif node.kind == "test":
                    self._test(con, node)
                elif node.part_by:
                    self._part(con, node)
                else:
                    self._whole(con, node)
        except duckdb.Error as error:
            raise CdpError(f"{node.place if node else one} could not be built: {type(error).__name__}") from error

    def _test(self, con: duckdb.DuckDBPyConnection, node: Node) -> None:
        wrong = count(con, f"({node.code.strip().rstrip(';')})")
        if wrong:
            raise GateFailed(
                f"build: 1 failed: {node.id.split('.')[2]} ({wrong} rows). Consumers keep what was published before; the next build is a whole one"
            )

    def _whole(self, con: duckdb.DuckDBPyConnection, node: Node) -> None:
        if node.kind == "python":
            con.execute(f"USE {name(self.plan.catalog)}")
            found = self._called(con, node)  # noqa: F841 (DuckDB finds it by its name)
            fresh = f"{PART}.{TOUCHED}.{flat(node.place)}"
            con.execute(f"CREATE OR REPLACE TABLE {fresh} AS FROM found")
            replace_all(con, self.plan.catalog, node, f"FROM {fresh}")
        else:
            replace_all(con, self.plan.catalog, node, f"({node.code})")

    def _part(self, con: duckdb.DuckDBPyConnection, node: Node) -> None:
        """Build the rows of those touched, and put them in the place of theirs."""
        part, whole = within(PART, node.place), within(self.plan.catalog, node.place)
        code = node.code if node.part_of_all else node.code.replace(f'"{self.plan.catalog}".', f'"{PART}".')
        if node.kind == "view":
            con.execute(f"CREATE VIEW {part} AS {code}")
            return
        theirs = scope(node.part_by, node.part_scope)
        kept = f"WHERE {theirs}" if node.part_scope == "customers" else ""
        if node.kind == "python":
            con.execute(f"USE {PART}")
            found = self._called(con, node)  # noqa: F841 (DuckDB finds it by its name)
            con.execute(f"CREATE TABLE {part} AS FROM found")
        else:
            con.execute(f"CREATE TABLE {part} AS FROM ({code}) {kept}")
        hold_rules(con, node, part)
        if node.unique_key:
            # What is kept by day: only rows of the days that were built anew are replaced.
            theirs = f"({theirs}) AND {name(node.unique_key)} IN (SELECT {name(node.unique_key)} FROM {part})"
        con.execute("BEGIN")
        con.execute(f"DELETE FROM {whole} WHERE {theirs}")
        put: int = con.execute(f"INSERT INTO {whole} BY NAME FROM {part}").fetchall()[0][0]
        con.execute("COMMIT")
        with self.lock:
            self.written += put
        fault(f"part.after_{node.place}")

    def _called(self, con: duckdb.DuckDBPyConnection, node: Node) -> Any:
        """Call the model function of a Python model."""
        space: dict[str, Any] = {}
        exec(compile(node.code, node.place, "exec"), space)
        return space["model"](
            _Dbt(con, PART if node.is_part else self.plan.catalog, {p.split(".")[1]: p for p in node.parents}), con
        )


def _chains(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return for each task how many wait for it one after the other."""
    chains = dict.fromkeys(graph, 0)
    for one in reversed(list(TopologicalSorter(graph).static_order())):
        for before in graph[one]:
            chains[before] = max(chains[before], chains[one] + 1)
    return chains
