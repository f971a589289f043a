"""Build a part: only what hangs on customers who did something since the last build, in a fraction of the time of a whole one.

In: the working file as the last build left it, and what dbt compiled for the last whole build. Out: the same tables, of which those that hang on
one customer's own rows (`meta: part_by` of a model) have new rows for the customers touched, and all others are made anew.

How: what sources say is told by a sum per link (record, contact point, device, order), kept from build to build; where a sum is not what it was,
the customer behind it is touched. The rows of customers touched are put into a database in memory of the same shape, the SQL of each model is run
there as dbt compiled it, and its rows take the place of theirs in the working file. What stays true: with no new day, the tables hold what a
whole build would make, except that numbers that compare a customer with all others (percentiles, fifths, smoothed rates) stand for customers who
were not touched; on a new day those keep the numbers of the day that `as_of_date` of their row says. A build that does not end well leaves
nothing that the next one stands on: that one is whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from warehouse import files
from warehouse.duck import PART, connect, count, has_table, name, quoted
from warehouse.errors import CdpError, GateFailed
from warehouse.faults import fault
from warehouse.settings import settings
from warehouse.steps import StepResult, step

#: Above this share of customers, a whole build is as quick.
MOST_TOUCHED_PCT = 20
#: Schema of the working file with what the last build knew of sources and of identity.
KNOWN = "known"
#: Schema of the database in memory with who is touched.
TOUCHED = "touched"
#: What `part_by` may be: whose rows are replaced, by the column of the model that says whose a row is.
SCOPES = {
    "customer_id": "customers",
    "subject_id": "customers",
    "anonymous_id": "devices",
    "session_id": "sessions",
    "order_id": "orders",
    "care_account_id": "care_accounts",
}
#: Identity tables that hold rows of one customer each; what changed in them tells who is touched.
OF_CUSTOMERS = ("golden_contents", "households", "customer_accounts")
#: Links by which rows of sources are somebody's: the column of the source, and the kind of contact point that it is.
CONTACTS = {"email": "email", "phone": "phone"}


@dataclass
class Node:
    """One model or test, as dbt compiled it. `parents` are places (`schema.table`) that it reads."""

    id: str
    place: str
    kind: str
    code: str
    parents: tuple[str, ...] = ()
    part_by: str = ""
    part_of_all: bool = False
    stands: bool = False
    comes_first: bool = False
    linked_by: tuple[str, ...] = ()
    turns: str = ""
    unique_key: str = ""
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_part(self) -> bool:
        """Tell whether the model is built of the rows of customers touched alone."""
        return bool(self.part_by) and not self.part_of_all


@dataclass
class Plan:
    """What a whole build ran, in the form in which a part of it is run again."""

    base: str
    catalog: str
    nodes: list[Node] = field(default_factory=list)


def _plan_path() -> Path:
    return settings().state / "dbt" / "parts.json"


def keep_plan(base: str, manifest: Path) -> None:
    """Keep what a whole build ran, out of dbt's manifest, and what it knew of sources and identity."""
    found = files.read_json(manifest)
    con = connect()
    try:
        catalog = con.execute("SELECT current_catalog()").fetchall()[0][0]
        plan = Plan(base, catalog, _nodes(found))
        files.write_json(_plan_path(), asdict(plan))
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {KNOWN}")
        work = _Work(con, plan)
        work.tell_sources(KNOWN)
        work.tell_identity(KNOWN)
        con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.as_of AS SELECT max(as_of_date) AS as_of_date, max(as_of_date) AS whole_date FROM intermediate.int_as_of")
    finally:
        con.close()


def _nodes(manifest: dict[str, Any]) -> list[Node]:
    """Return models, views, seeds and tests of dbt's manifest as nodes."""
    places = {}
    for unique_id, source in manifest["sources"].items():
        places[unique_id] = f"{source['schema']}.{source['identifier']}"
    for unique_id, node in manifest["nodes"].items():
        places[unique_id] = f"{node['schema']}.{node['alias']}"
    nodes = []
    for unique_id, node in manifest["nodes"].items():
        kind = {"model": node["config"]["materialized"], "test": "test"}.get(node["resource_type"], "")
        if not kind or (kind == "test" and not node.get("compiled_code")):
            continue
        if kind == "table" and node["language"] == "python":
            kind = "python"
        meta = node["config"].get("meta") or {}
        said = [(c, [c_name]) for c_name, column in node["columns"].items() for c in column["constraints"]] if kind != "test" else []
        said += [(c, c["columns"]) for c in node.get("constraints") or []]
        rules = [
            (c["type"], tuple(columns if c["type"] != "check" else [c["expression"]]))
            for c, columns in said
            if c["type"] in ("primary_key", "unique", "not_null", "check")
        ]
        nodes.append(
            Node(
                id=unique_id, place=places[unique_id], kind=kind, code=(node["raw_code"] if kind == "python" else node.get("compiled_code")) or "",
                parents=tuple(sorted({places[p] for p in node["depends_on"]["nodes"] if p in places})), part_by=meta.get("part_by", ""),
                part_of_all=bool(meta.get("part_of_all")), stands=bool(meta.get("stands")), comes_first=bool(meta.get("comes_first")),
                linked_by=tuple(meta.get("linked_by", ())), turns=meta.get("turns", ""), unique_key=str(node["config"].get("unique_key") or ""),
                rules=tuple(rules),
            )
        )  # fmt: skip
    return nodes


def _plan() -> Plan | None:
    path = _plan_path()
    if not path.exists():
        return None
    told = files.read_json(path)
    nodes = [
        Node(**{**n, "parents": tuple(n["parents"]), "linked_by": tuple(n["linked_by"]), "rules": tuple((k, tuple(c)) for k, c in n["rules"])})
        for n in told["nodes"]
    ]
    return Plan(told["base"], told["catalog"], nodes)


def build_part(base: str, most_days: int) -> StepResult | None:
    """Build what customers touched since the last build, or return None where a whole build is due.

    Args:
        base: by what it is known that the project and the columns that it reads are those of the last whole build.
        most_days: how many days after that of the last whole build a part may be built.

    Raises:
        GateFailed: a rule of a model or a test does not hold; the message names them.
    """
    plan = _plan()
    if plan is None or plan.base != base:
        return None
    con = connect()
    try:
        con.execute(f"ATTACH ':memory:' AS {PART}")
        con.execute("SET checkpoint_threshold = '1GB'")
        if not has_table(con, KNOWN, "as_of"):
            return None
        with step("build of a part") as result:
            work = _Work(con, plan)
            if not work.find_touched(most_days):
                return None
            work.run()
            work.keep()
            result.rows_in, result.rows_out = work.touched, work.written
            result.facts = {"nodes": len(work.seconds), "customers_touched": work.touched, "pct_touched": round(work.touched_pct, 2)}
            files.write_json(settings().state / "dbt" / "part_seconds.json", {k: round(v, 3) for k, v in work.seconds.items()})
    finally:
        con.close()
    return result


class _Dbt:
    """What a Python model of dbt is called with, as far as ours ask for it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: str, places: dict[str, str]) -> None:
        self._con, self._catalog, self._places = con, catalog, places

    def config(self, **_: Any) -> None:
        """Settings count in dbt alone."""

    def ref(self, model: str) -> duckdb.DuckDBPyRelation:
        """Return a model's rows."""
        return self._con.sql(f"FROM {_in(self._catalog, self._places[model])}")


class _Work:
    """One build of a part, on one connection with the database in memory beside the working file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
        self.con, self.plan = con, plan
        self.by_place = {n.place: n for n in plan.nodes if n.kind != "test"}
        self.seconds: dict[str, float] = {}
        self.written = self.touched = 0
        self.touched_pct = 0.0
        self.told_at: dict[str, str] = {}

    # What was known, and what is known now

    def _linked(self) -> list[Node]:
        return [n for n in self.plan.nodes if n.linked_by]

    def tell_sources(self, schema: str, catalog: str = "") -> None:
        """Write for each linked relation a sum of what its rows hold, a row per link."""
        for node in self._linked():
            with self._timed(f"known of {node.place}"):
                columns = [c for c in self._columns(node.place) if c not in node.linked_by]
                links = ", ".join(node.linked_by)
                self.con.execute(
                    f"CREATE OR REPLACE TABLE {catalog}{schema}.{_flat(node.place)} AS SELECT {links}, sum(hash({', '.join(name(c) for c in columns)})) "
                    f"AS content, count(*) AS rows_count FROM {_in(self.plan.catalog, node.place)} GROUP BY ALL"
                )

    def tell_identity(self, schema: str, catalog: str = "") -> None:
        """Write what identity knows, by customer and device, and sums of what is looked up whole."""
        home = name(self.plan.catalog)
        with self._timed("known of identity"):
            for table in (*OF_CUSTOMERS, "device_logins"):
                self.con.execute(f"CREATE OR REPLACE TABLE {catalog}{schema}.{table} AS FROM {home}.identity.{table}")
            sums = " UNION ALL ".join(
                f"SELECT '{t}' AS place, count(*) AS rows_count, sum(hash(t)) AS content FROM {home}.identity.{t} AS t" for t in ("members", "contact_points")
            )
            self.con.execute(f"CREATE OR REPLACE TABLE {catalog}{schema}.looked_up AS {sums}")

    def _columns(self, place: str) -> list[str]:
        schema, table = place.split(".", 1)
        found = self.con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [self.plan.catalog, schema, table],
        ).fetchall()
        return [row[0] for row in found]

    # Who is touched

    def find_touched(self, most_days: int) -> bool:
        """Write who is touched; return False where a whole build is due: a later day than may be, or too many customers touched."""
        con, home = self.con, name(self.plan.catalog)
        for schema in (KNOWN, TOUCHED):
            con.execute(f"CREATE SCHEMA {PART}.{schema}")
        before, whole = con.execute(f"SELECT as_of_date, whole_date FROM {KNOWN}.as_of").fetchall()[0]
        first = [n for n in self.plan.nodes if n.comes_first]
        self.tell_identity(KNOWN, f"{PART}.")
        is_same = self._is_same("looked_up")
        con.execute(f"CREATE TABLE {PART}.{TOUCHED}.told (customer_id VARCHAR)")
        for node in _in_order(first, self.by_place):
            only_identity = all(p.startswith("identity.") for p in node.parents)
            if not (only_identity and is_same):
                with self._timed(node.place):
                    self._first(node)
        now: date = con.execute("SELECT max(as_of_date) FROM intermediate.int_as_of").fetchall()[0][0]
        if now < before or (now - whole).days > most_days:
            return False
        self.tell_sources(KNOWN, f"{PART}.")
        with self._timed("who is touched"):
            self._told_by_identity()
            for node in self._linked():
                self._told_by_links(node)
            if now != before:
                self._told_by_the_day(before, now)
            con.execute(
                f"CREATE TABLE {PART}.{TOUCHED}.customers AS SELECT DISTINCT customer_id FROM {PART}.{TOUCHED}.told WHERE customer_id IS NOT NULL"
            )
            self.touched = count(con, f"{PART}.{TOUCHED}.customers")
            self.touched_pct = 100 * self.touched / max(count(con, f"{home}.identity.profiles"), 1)
        con.execute(f"CREATE TABLE {PART}.{KNOWN}.as_of AS SELECT DATE '{now}' AS as_of_date, DATE '{whole}' AS whole_date")
        return self.touched_pct <= MOST_TOUCHED_PCT

    def _is_same(self, table: str) -> bool:
        return not self.con.execute(f"SELECT 1 FROM ({_differing(f'{PART}.{KNOWN}.{table}', f'{KNOWN}.{table}')}) LIMIT 1").fetchall()

    def _first(self, node: Node) -> None:
        """Make a table anew that others are told by; customers whose rows in it changed are touched."""
        con = self.con
        fresh = f"{PART}.{TOUCHED}.{_flat(node.place)}"
        con.execute(f"CREATE OR REPLACE TABLE {fresh} AS {node.code}")
        if "customer_id" in self._columns(node.place):
            con.execute(
                f"INSERT INTO {PART}.{TOUCHED}.told SELECT DISTINCT customer_id FROM ({_differing(fresh, node.place)})"
            )
        self._replace_whole(con, node, f"FROM {fresh}")

    def _told_by_identity(self) -> None:
        con, told = self.con, f"{PART}.{TOUCHED}.told"
        for table in OF_CUSTOMERS:
            con.execute(f"INSERT INTO {told} SELECT customer_id FROM ({_differing(f'{PART}.{KNOWN}.{table}', f'{KNOWN}.{table}')})")
        logins = _differing(f"{PART}.{KNOWN}.device_logins", f"{KNOWN}.device_logins")
        con.execute(f"CREATE TABLE {PART}.{TOUCHED}.told_devices AS SELECT DISTINCT anonymous_id FROM ({logins})")
        con.execute(f"INSERT INTO {told} SELECT customer_id FROM ({logins})")

    def _told_by_links(self, node: Node) -> None:
        """Whoever a link belongs to, whose rows are not what they were, is touched."""
        con, told, flat = self.con, f"{PART}.{TOUCHED}.told", _flat(node.place)
        changed = f"(SELECT DISTINCT {', '.join(node.linked_by)} FROM ({_differing(f'{PART}.{KNOWN}.{flat}', f'{KNOWN}.{flat}')}))"
        if "anonymous_id" in node.linked_by:
            con.execute(f"INSERT INTO {PART}.{TOUCHED}.told_devices SELECT anonymous_id FROM {changed}")
            con.execute(
                f"INSERT INTO {told} SELECT customer_id FROM identity.device_logins SEMI JOIN {PART}.{TOUCHED}.told_devices USING (anonymous_id)"
            )
        elif "order_id" in node.linked_by:
            con.execute(f"INSERT INTO {told} SELECT customer_id FROM marts.orders SEMI JOIN {changed} AS c USING (order_id)")
        elif "account_id" in node.linked_by:
            con.execute(f"CREATE TABLE {PART}.{TOUCHED}.care_accounts AS SELECT account_id AS care_account_id FROM {changed}")
        else:
            con.execute(f"CREATE OR REPLACE TABLE {PART}.{TOUCHED}.changed AS FROM {changed}")
            for owner in _owners(node.linked_by):
                con.execute(f"INSERT INTO {told} SELECT m.customer_id FROM {PART}.{TOUCHED}.changed AS c JOIN {owner}")

    def _told_by_the_day(self, before: date, now: date) -> None:
        """Time alone touches customers for whom something begins or ends on these days, as models declare it."""
        for node in self.plan.nodes:
            if node.turns:
                def at(day: date, said: str = node.turns) -> str:
                    return said.replace("as_of_date", f"DATE '{day}'")

                self.con.execute(
                    f"INSERT INTO {PART}.{TOUCHED}.told SELECT customer_id FROM {node.place} WHERE ({at(before)}) IS DISTINCT FROM ({at(now)})"
                )

    # The part: rows of those touched

    def _make_part(self) -> None:
        """Put the rows of customers touched, and of nobody known, into the database in memory, and views of all else that is read."""
        con = self.con
        self._more_scopes()
        inputs = sorted({p for n in self.plan.nodes if n.is_part for p in n.parents if not self._is_made(p)})
        for schema in sorted({p.split(".")[0] for p in [*inputs, *(n.place for n in self.plan.nodes if n.is_part)]}):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {PART}.{schema}")
        linked = [n for n in self._linked() if n.place in inputs]
        self._cut_linked([n for n in linked if n.linked_by[0] in ("record_key", "email", "phone")])
        for node in linked:
            if node.linked_by[0] == "anonymous_id":
                self._cut(node.place, f"SEMI JOIN {PART}.{TOUCHED}.devices USING (anonymous_id)")
            elif node.linked_by[0] == "account_id":
                self._cut(node.place, f"SEMI JOIN (SELECT care_account_id AS account_id FROM {PART}.{TOUCHED}.care_accounts) USING (account_id)")
        orders = f"{PART}.intermediate.int_orders__unioned"
        for node in linked:
            if node.linked_by[0] == "order_id":
                self._cut(node.place, f"SEMI JOIN {orders} USING (order_id)")
        con.execute(
            f"CREATE TABLE {PART}.{TOUCHED}.orders AS SELECT order_id FROM marts.orders WHERE {_scope('customer_id')} UNION SELECT order_id FROM {orders}"
        )
        # Views of what is not made yet are looked at when a model asks for them.
        self.later = [p for p in inputs if p not in {n.place for n in linked} and p not in ("identity.members", "intermediate.int_contact_customers")]

    def _is_made(self, place: str) -> bool:
        node = self.by_place.get(place)
        return node is not None and bool(node.part_by)

    def _more_scopes(self) -> None:
        con, into = self.con, f"CREATE TABLE {PART}.{TOUCHED}"
        con.execute(
            f"{into}.devices AS SELECT anonymous_id FROM {PART}.{TOUCHED}.told_devices UNION "
            f"SELECT anonymous_id FROM identity.device_logins SEMI JOIN {PART}.{TOUCHED}.customers USING (customer_id)"
        )
        con.execute(f"{into}.sessions AS SELECT session_id FROM intermediate.int_sessions SEMI JOIN {PART}.{TOUCHED}.devices USING (anonymous_id)")

    def _cut_linked(self, linked: list[Node]) -> None:
        """Cut relations that are somebody's by record or contact point, and what tells whose they are."""
        con, touched = self.con, f"{PART}.{TOUCHED}"
        con.execute(f"CREATE TABLE {touched}.records AS SELECT record_key FROM identity.members SEMI JOIN {touched}.customers USING (customer_id)")
        for kind in CONTACTS.values():
            con.execute(
                f"CREATE TABLE {touched}.{kind}s AS SELECT standard FROM intermediate.int_contact_customers SEMI JOIN {touched}.customers "
                f"USING (customer_id) WHERE kind = '{kind}'"
            )
        for node in linked:
            with self._timed(f"part of {node.place}"):
                known = f"{PART}.{KNOWN}.{_flat(node.place)}"
                theirs = [
                    f"{link} IN (SELECT {'record_key' if link == 'record_key' else 'standard'} FROM {touched}.{'records' if link == 'record_key' else link + 's'})"
                    for link in node.linked_by
                ]
                nobody = " ".join(
                    f"ANTI JOIN (SELECT m.* FROM {owner.split(' ON ')[0]}) AS m ON {owner.split(' ON ')[1]}" for owner in _owners(node.linked_by)
                )
                links = ", ".join(f"c.{link}" for link in node.linked_by)
                con.execute(
                    f"CREATE OR REPLACE TABLE {touched}.links AS SELECT {links} FROM {known} AS c WHERE {' OR '.join(theirs)} "
                    f"UNION SELECT {links} FROM {known} AS c {nobody}"
                )
                if "phone" in node.linked_by:
                    con.execute(
                        f"INSERT INTO {touched}.links SELECT {links} FROM {known} AS c "
                        f"SEMI JOIN (SELECT DISTINCT phone FROM {touched}.links WHERE phone IS NOT NULL) AS l USING (phone) "
                        f"ANTI JOIN {touched}.links AS k ON {_same(node.linked_by, 'c', 'k')}"
                    )
                con.execute(f"CREATE TABLE {touched}.links_of_{_flat(node.place)} AS FROM {touched}.links")
                self._cut(node.place, f"SEMI JOIN {touched}.links AS k ON {_same(node.linked_by, 't', 'k')}")
        # Whose they are is told by the same rows as in the whole: of every link that the part holds.
        records = " UNION ".join(
            [f"FROM {touched}.records", *(f"SELECT record_key FROM {touched}.links_of_{_flat(n.place)}" for n in linked if "record_key" in n.linked_by)]
        )
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {PART}.identity")
        con.execute(f"CREATE TABLE {PART}.identity.members AS FROM identity.members SEMI JOIN ({records}) USING (record_key)")
        contacts = " UNION ".join(
            f"SELECT '{kind}' AS kind, {link} AS standard FROM {touched}.links_of_{_flat(n.place)}"
            for n in linked for link, kind in CONTACTS.items() if link in n.linked_by
        )  # fmt: skip
        con.execute(
            f"CREATE TABLE {PART}.intermediate.int_contact_customers AS SELECT t.* FROM intermediate.int_contact_customers AS t "
            f"SEMI JOIN ({contacts} UNION SELECT kind, standard FROM intermediate.int_contact_customers SEMI JOIN {touched}.customers USING (customer_id)) "
            "AS k ON t.kind = k.kind AND t.standard = k.standard"
        )

    def _cut(self, place: str, condition: str) -> None:
        self.con.execute(f"CREATE TABLE {_in(PART, place)} AS SELECT t.* FROM {_in(self.plan.catalog, place)} AS t {condition}")

    def _look(self, con: duckdb.DuckDBPyConnection, place: str) -> None:
        """Make what a model of the part reads and the part does not make: the rows of those touched, or a view of all."""
        columns = self._columns_of.get(place, [])
        target, source = _in(PART, place), _in(self.plan.catalog, place)
        if place == "identity.contact_points":
            con.execute(f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {PART}.{TOUCHED}.records USING (record_key)")
        elif "customer_id" in columns:
            con.execute(f"CREATE TABLE {target} AS FROM {source} WHERE {_scope('customer_id')}")
        elif "anonymous_id" in columns:
            con.execute(f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {PART}.{TOUCHED}.devices USING (anonymous_id)")
        else:
            con.execute(f"CREATE VIEW {target} AS FROM {source}")

    # Running models

    def run(self) -> None:
        """Run the models and tests in order, two at a time, each once what it reads is there."""
        with self._timed("the part"):
            self._make_part()
        self._columns_of = {p: self._columns(p) for p in self.later}
        todo: dict[str, Node] = {n.id: n for n in self.plan.nodes if not (n.stands or n.comes_first)}
        graph: dict[str, set[str]] = {}
        by_place = {n.place: n.id for n in todo.values() if n.kind != "test"}
        looked = {f"look {p}" for p in self.later}
        for node in todo.values():
            graph[node.id] = {by_place[p] for p in node.parents if p in by_place}
            if node.is_part:
                graph[node.id] |= {f"look {p}" for p in node.parents if f"look {p}" in looked}
        for place in self.later:
            graph[f"look {place}"] = {by_place[place]} if place in by_place else set()
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(settings().threads) as pool:
            try:
                while sorter.is_active():
                    for one in sorter.get_ready():
                        running[pool.submit(self._one, one, todo.get(one))] = one
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        sorter.done(running.pop(future))
            finally:
                for future in running:
                    future.cancel()

    def _one(self, one: str, node: Node | None) -> None:
        if node is not None and node.kind in ("view", "ephemeral"):
            return
        con = self.con.cursor()
        con.execute("SET TimeZone = 'UTC'")
        try:
            with self._timed(node.place if node and node.kind != "test" else one):
                if node is None:
                    self._look(con, one.removeprefix("look "))
                elif node.kind == "test":
                    self._test(con, node)
                elif node.part_by:
                    self._part(con, node)
                else:
                    self._whole(con, node)
        except duckdb.Error as error:
            raise CdpError(f"{node.place if node else one} could not be built: {type(error).__name__}") from error
        finally:
            con.close()

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
            con.execute(f"CREATE OR REPLACE TABLE {PART}.{TOUCHED}.{_flat(node.place)} AS FROM found")
            self._replace_whole(con, node, f"FROM {PART}.{TOUCHED}.{_flat(node.place)}")
        else:
            fresh = f"{PART}.{TOUCHED}.{_flat(node.place)}"
            con.execute(f"CREATE OR REPLACE TABLE {fresh} AS {node.code}")
            self._replace_whole(con, node, f"FROM {fresh}")

    def _replace_whole(self, con: duckdb.DuckDBPyConnection, node: Node, rows: str) -> None:
        """Write all rows of a table anew; the table stays, with what is said of its columns."""
        place = _in(self.plan.catalog, node.place)
        self._hold_rules(con, node, f"({rows})")
        con.execute("BEGIN")
        con.execute(f"DELETE FROM {place}")
        con.execute(f"INSERT INTO {place} BY NAME {rows}")
        con.execute("COMMIT")

    def _part(self, con: duckdb.DuckDBPyConnection, node: Node) -> None:
        """Build the rows of those touched, and put them in the place of theirs."""
        part, whole = _in(PART, node.place), _in(self.plan.catalog, node.place)
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {PART}.{node.place.split('.')[0]}")
        scope = _scope(node.part_by)
        kept = f"WHERE {scope}" if SCOPES[node.part_by] == "customers" else ""
        if node.kind == "python":
            con.execute(f"USE {PART}")
            found = self._called(con, node)  # noqa: F841 (DuckDB finds it by its name)
            con.execute(f"CREATE TABLE {part} AS FROM found")
        else:
            code = node.code if node.part_of_all else node.code.replace(f'"{self.plan.catalog}".', f'"{PART}".')
            con.execute(f"CREATE TABLE {part} AS FROM ({code}) {kept}")
        self._hold_rules(con, node, part)
        if node.unique_key:
            # What is kept by day: only rows of the days that were built anew are replaced.
            scope = f"({scope}) AND {name(node.unique_key)} IN (SELECT {name(node.unique_key)} FROM {part})"
        con.execute("BEGIN")
        con.execute(f"DELETE FROM {whole} WHERE {scope}")
        con.execute(f"INSERT INTO {whole} BY NAME FROM {part}")
        con.execute("COMMIT")
        self.written += count(con, part)
        fault(f"part.after_{node.place}")

    def _called(self, con: duckdb.DuckDBPyConnection, node: Node) -> Any:
        """Call the model function of a Python model."""
        space: dict[str, Any] = {}
        exec(compile(node.code, node.place, "exec"), space)  # noqa: S102 (our own model, as dbt itself runs it)
        return space["model"](_Dbt(con, PART if node.is_part else self.plan.catalog, {p.split(".")[1]: p for p in node.parents}), con)

    def _hold_rules(self, con: duckdb.DuckDBPyConnection, node: Node, rows: str) -> None:
        """Ask of rows what the model's constraints say.

        Raises:
            GateFailed: they do not hold; what is wrong is counted, not quoted.
        """
        asked = []
        for kind, columns in node.rules:
            listed = ", ".join(columns)
            if kind in ("primary_key", "unique"):
                empty = "".join(f" OR {c} IS NULL" for c in columns) if kind == "primary_key" else ""
                asked.append((f"key ({listed})", f"SELECT 1 FROM {rows} GROUP BY {listed} HAVING count(*) > 1{empty}"))
            elif kind == "not_null":
                asked.append((f"empty {listed}", f"SELECT 1 FROM {rows} WHERE {listed} IS NULL"))
            else:
                asked.append((listed, f"SELECT 1 FROM {rows} WHERE NOT ({listed})"))
        if not asked:
            return
        wrong = con.execute(" UNION ALL ".join(f"SELECT {n}, count(*) FROM ({sql})" for n, (_, sql) in enumerate(asked))).fetchall()
        broken = [f"{asked[n][0]}: {rows_count} rows" for n, rows_count in wrong if rows_count]
        if broken:
            raise GateFailed(f"build: {node.place}: {'; '.join(broken)}. Consumers keep what was published before; the next build is a whole one")

    def keep(self) -> None:
        """Write down what is known now, for the next build."""
        con = self.con
        with self._timed("what is known"):
            con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.touched AS FROM {PART}.{TOUCHED}.customers")
            for table in ("as_of", "looked_up", "device_logins", *OF_CUSTOMERS, *(_flat(n.place) for n in self._linked())):
                con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.{table} AS FROM {PART}.{KNOWN}.{table}")

    def _timed(self, what: str) -> _Timed:
        return _Timed(self.seconds, what)


class _Timed:
    def __init__(self, seconds: dict[str, float], what: str) -> None:
        self.seconds, self.what = seconds, what

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.what] = self.seconds.get(self.what, 0) + time.perf_counter() - self.began


def _in_order(nodes: list[Node], by_place: dict[str, Node]) -> Iterable[Node]:
    chosen = {n.place for n in nodes}
    order = TopologicalSorter({n.place: {p for p in n.parents if p in chosen} for n in nodes}).static_order()
    return [by_place[place] for place in order]


def _flat(place: str) -> str:
    return re.sub(r"\W", "_", place)


def _in(catalog: str, place: str) -> str:
    return name(catalog, *place.split(".", 1))


def _scope(column: str) -> str:
    scope = SCOPES[column]
    key = {"customers": "customer_id"}.get(scope, column)
    within = f"{column} IN (SELECT {key} FROM {PART}.{TOUCHED}.{scope})"
    return f"({column} IS NULL OR {within})" if scope == "customers" else within


def _differing(one: str, other: str) -> str:
    """Return the query of rows that are in one of two tables only."""
    return f"(FROM {one} EXCEPT FROM {other}) UNION ALL (FROM {other} EXCEPT FROM {one})"


def _owners(links: tuple[str, ...]) -> list[str]:
    """Return for each link of rows (alias c) what to join to find whose they are (alias m)."""
    found = []
    for link in links:
        if link == "record_key":
            found.append("identity.members AS m ON c.record_key = m.record_key")
        else:
            found.append(f"(SELECT * FROM intermediate.int_contact_customers WHERE kind = '{quoted(CONTACTS[link])}') AS m ON c.{link} = m.standard")
    return found


def _same(links: tuple[str, ...], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{link} IS NOT DISTINCT FROM {other}.{link}" for link in links)
