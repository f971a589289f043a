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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from warehouse import files
from warehouse.duck import PART, connect, count, has_table, name
from warehouse.errors import CdpError, DeclarationError, GateFailed
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
#: Identity tables whose rows are of one customer or device each, with the column that says whose; what changed in them tells who is touched.
IDENTITY = {
    "golden_contents": ("customer_id",),
    "households": ("customer_id",),
    "customer_accounts": ("customer_id",),
    "device_logins": ("anonymous_id",),
}
#: What rows of sources are told whose they are by, for each column that links them: a relation with that link and the customer.
OWNERS = {
    "record_key": "(SELECT record_key AS link, customer_id FROM identity.members) AS m",
    "email": "(SELECT standard AS link, customer_id FROM intermediate.int_contact_customers WHERE kind = 'email') AS m",
    "phone": "(SELECT standard AS link, customer_id FROM intermediate.int_contact_customers WHERE kind = 'phone') AS m",
}
#: What a Python model imports when it is called.
IMPORTED = re.compile(r"^    from ([\w.]+) import ", re.M)
TELL_OWNERS = ("identity.members", "intermediate.int_contact_customers")
#: Identity tables that rows are looked up in, with what is looked up; only whether anything in them changed is asked.
LOOKED_UP = {"members": "record_key, customer_id", "contact_points": "kind, standard, record_key"}


#: Something to do on a connection.
Task = Callable[[duckdb.DuckDBPyConnection], object]


@dataclass
class Node:
    """One model or test, as dbt compiled it. `parents` are places (`schema.table`) that it reads."""

    id: str
    place: str
    kind: str
    code: str
    parents: tuple[str, ...] = ()
    part_by: str = ""
    part_scope: str = ""
    part_of_all: bool = False
    stands: bool = False
    comes_first: bool = False
    linked_by: tuple[str, ...] = ()
    told_by: tuple[str, ...] = ()
    turns: str = ""
    unique_key: str = ""
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_part(self) -> bool:
        """Tell whether the model is built of the rows of customers touched alone."""
        return bool(self.part_by) and not self.part_of_all

    @property
    def reads_identity_alone(self) -> bool:
        """Tell whether nothing but identity's tables is read."""
        return all(p.startswith("identity.") for p in self.parents)


@dataclass
class Plan:
    """What a whole build ran, in the form in which a part of it is run again."""

    base: str
    catalog: str
    nodes: list[Node] = field(default_factory=list)


def _plan_path() -> Path:
    return settings().state / "dbt" / "parts.json"


def forget_plan() -> None:
    """Let no part be built on what the last whole build knew: the tables will not be those of that time."""
    _plan_path().unlink(missing_ok=True)


def keep_plan(base: str, manifest: Path) -> None:
    """Keep what a whole build ran, out of dbt's manifest, and what it knew of sources and identity.

    Raises:
        DeclarationError: `meta` of a model says what is not known.
    """
    found = files.read_json(manifest)
    con = connect()
    try:
        catalog = con.execute("SELECT current_catalog()").fetchall()[0][0]
        plan = Plan(base, catalog, _nodes(found))
        files.write_json(_plan_path(), asdict(plan))
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {KNOWN}")
        work = _Work(con, plan)
        work.tell(f"{name(catalog)}.{KNOWN}")
        con.execute(
            f"CREATE OR REPLACE TABLE {KNOWN}.as_of AS SELECT max(as_of_date) AS as_of_date, max(as_of_date) AS whole_date "
            "FROM intermediate.int_as_of"
        )
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
        said = (
            [(c, [c_name]) for c_name, column in node["columns"].items() for c in column["constraints"]]
            if kind != "test"
            else []
        )
        said += [(c, c["columns"]) for c in node.get("constraints") or []]
        rules = [
            (c["type"], tuple(columns if c["type"] != "check" else [c["expression"]]))
            for c, columns in said
            if c["type"] in ("primary_key", "unique", "not_null", "check")
        ]
        code = node["raw_code"] if kind == "python" else node.get("compiled_code")
        parents = {places[p] for p in node["depends_on"]["nodes"] if p in places}
        part_by = meta.get("part_by", "")
        if part_by and part_by not in SCOPES:
            raise DeclarationError(
                f"{node.get('patch_path') or node['original_file_path']}: meta part_by of {node['name']} is '{part_by}'; "
                f"allowed: {', '.join(SCOPES)}"
            )
        nodes.append(
            Node(
                id=unique_id, place=places[unique_id], kind=kind, code=code or "", parents=tuple(sorted(parents)), part_by=part_by,
                part_scope=meta.get("part_scope") or SCOPES.get(part_by, ""), part_of_all=bool(meta.get("part_of_all")),
                stands=bool(meta.get("stands")), comes_first=bool(meta.get("comes_first")), linked_by=tuple(meta.get("linked_by", ())),
                told_by=tuple(meta.get("told_by", ())), turns=meta.get("turns", ""), unique_key=str(node["config"].get("unique_key") or ""),
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
        Node(
            **{
                **n,
                "parents": tuple(n["parents"]),
                "linked_by": tuple(n["linked_by"]),
                "told_by": tuple(n["told_by"]),
                "rules": tuple((k, tuple(c)) for k, c in n["rules"]),
            }
        )
        for n in told["nodes"]
    ]
    return Plan(told["base"], told["catalog"], nodes)


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
    plan = _plan()
    if plan is None or plan.base != base or not has_table(con, KNOWN, "as_of"):
        return None
    # A dbt that was broken off leaves a manifest of models that it had not compiled yet.
    if any(n.kind in ("table", "incremental") and not n.code for n in plan.nodes):
        return None
    con.execute(f"ATTACH ':memory:' AS {PART}")
    con.execute("SET checkpoint_threshold = '1GB'")
    try:
        with step("build of a part") as result, ThreadPoolExecutor(1) as beside:
            work = _Work(con, plan)
            # What Python models import is loaded while the database is at work.
            loaded = beside.submit(_load, [n.code for n in plan.nodes if n.kind == "python"])
            if not work.find_touched(most_days):
                result.facts = {"whole_build_is_due": True}
                return None
            work.make_part()
            loaded.result()
            work.run()
            work.keep()
            result.rows_in, result.rows_out = work.touched, work.written
            result.facts = {
                "nodes": len(work.seconds),
                "customers_touched": work.touched,
                "pct_touched": round(work.touched_pct, 2),
            }
            told = {what: round(seconds, 3) for what, seconds in work.seconds.items()}
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
        return self._con.sql(f"FROM {_in(self._catalog, self._places[model])}")


class _Work:
    """One build of a part, on one connection with the database in memory beside the working file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
        self.con, self.plan = con, plan
        self.by_place = {n.place: n for n in plan.nodes if n.kind != "test"}
        self.seconds: dict[str, float] = {}
        self.lock = Lock()
        self.written = self.touched = 0
        self.touched_pct = 0.0
        self.told, self.customers = f"{PART}.{TOUCHED}.told", f"{PART}.{TOUCHED}.customers"
        self.later: list[str] = []
        self.columns: dict[str, list[str]] = {}

    def _each(self, tasks: dict[str, Task]) -> None:
        """Run tasks that do not wait for each other, each on a connection of its own, as many at a time as there are processors."""

        def one(what: str, task: Task) -> None:
            with self._cursor() as con, self._timed(what):
                task(con)

        with ThreadPoolExecutor(settings().threads) as pool:
            for done in [pool.submit(one, what, task) for what, task in tasks.items()]:
                done.result()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        con = self.con.cursor()
        con.execute("SET TimeZone = 'UTC'")
        try:
            yield con
        finally:
            con.close()

    # What was known, and what is known now

    def _linked(self) -> list[Node]:
        return [n for n in self.plan.nodes if n.linked_by]

    def _known(self) -> dict[str, tuple[str, ...]]:
        """Return the tables of what is known, each with the columns that its rows are found by."""
        return IDENTITY | {"looked_up": ("place",)} | {_flat(n.place): n.linked_by for n in self._linked()}

    def tell(self, place: str) -> None:
        """Write what sources and identity say now, into a schema (`catalog.schema`), which is there.

        For each linked relation it is a sum of what its rows hold, a row per link. DuckDB's hash tells it: it is weak between millions of texts
        (`warehouse.duck.digest`), and whether one link's rows changed in a way that it does not see is asked anew by each whole build.
        """
        identity = {f"known of {table}": self._copy(table, place) for table in IDENTITY}
        self._each({**self._told(place), **identity})

    def _told(self, place: str) -> dict[str, Task]:
        home = name(self.plan.catalog)
        sums = " UNION ALL ".join(
            f"SELECT '{t}' AS place, count(*) AS rows_count, sum(hash({columns})) AS content FROM {home}.identity.{t}"
            for t, columns in LOOKED_UP.items()
        )
        made = {"looked_up": f"CREATE OR REPLACE TABLE {place}.looked_up AS {sums}"}
        for node in self._linked():
            columns = ", ".join(name(c) for c in node.told_by or self._columns(node.place) if c not in node.linked_by)
            made[_flat(node.place)] = (
                f"CREATE OR REPLACE TABLE {place}.{_flat(node.place)} AS SELECT {', '.join(node.linked_by)}, sum(hash({columns})) AS content, "
                f"count(*) AS rows_count FROM {_in(self.plan.catalog, node.place)} GROUP BY ALL"
            )
        return {f"known of {table}": self._saying(sql) for table, sql in made.items()}

    def _copy(self, table: str, place: str) -> Task:
        return self._saying(
            f"CREATE OR REPLACE TABLE {place}.{table} AS FROM {name(self.plan.catalog)}.identity.{table}"
        )

    def _saying(self, *statements: str) -> Task:
        def work(con: duckdb.DuckDBPyConnection) -> None:
            for sql in statements:
                con.execute(sql)

        return work

    def _columns(self, place: str) -> list[str]:
        """Return the columns of a table or view of the working file, which are asked for once: a build of a part changes none."""
        with self.lock:
            if not self.columns:
                found = self.con.execute(
                    "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
                    "WHERE database_name = ? GROUP BY 1",
                    [self.plan.catalog],
                ).fetchall()
                self.columns = dict(found)
        return self.columns[place]

    # Who is touched

    def find_touched(self, most_days: int) -> bool:
        """Write who is touched; return False where a whole build is due: a later day than may be, or too many customers touched."""
        con, home = self.con, name(self.plan.catalog)
        for schema in (KNOWN, TOUCHED):
            con.execute(f"CREATE SCHEMA {PART}.{schema}")
        before, whole = con.execute(f"SELECT as_of_date, whole_date FROM {KNOWN}.as_of").fetchall()[0]
        first = [n for n in self.plan.nodes if n.comes_first]
        of_sources = {
            f"fresh {n.place}": self._fresh(n) for n in first if not n.reads_identity_alone and not self._waits(n)
        }
        differ = {f"known of {table}": self._differ(table) for table in IDENTITY}
        told = {
            what: self._then(task, self._differ(what.removeprefix("known of ")))
            for what, task in self._told(f"{PART}.{KNOWN}").items()
        }
        self._each({**of_sources, **told, **differ})
        con.execute(f"CREATE TABLE {self.told} (customer_id VARCHAR)")
        is_same = not count(con, f"{PART}.{TOUCHED}.changed_looked_up")
        for node in _in_order(first, self.by_place):
            if not (node.reads_identity_alone and is_same):
                with self._timed(node.place):
                    if f"fresh {node.place}" not in of_sources:
                        self._fresh(node)(con)
                    self._first(node)
        now: date = con.execute("SELECT max(as_of_date) FROM intermediate.int_as_of").fetchall()[0][0]
        if now < before or (now - whole).days > most_days:
            return False
        with self._timed("who is touched"):
            self._told_by_identity()
            self._told_by_links()
            if now != before:
                self._told_by_the_day(before, now)
            con.execute(
                f"CREATE TABLE {self.customers} AS SELECT DISTINCT customer_id FROM {self.told} WHERE customer_id IS NOT NULL"
            )
            self.touched = count(con, self.customers)
            self.touched_pct = 100 * self.touched / max(count(con, f"{home}.identity.profiles"), 1)
        con.execute(
            f"CREATE TABLE {PART}.{KNOWN}.as_of AS SELECT DATE '{now}' AS as_of_date, DATE '{whole}' AS whole_date"
        )
        return self.touched_pct <= MOST_TOUCHED_PCT

    def _then(self, one: Task, other: Task) -> Task:
        def work(con: duckdb.DuckDBPyConnection) -> None:
            one(con)
            other(con)

        return work

    def _now(self, table: str) -> str:
        """Return where what is known now stands: identity's own tables are looked at where they are."""
        return f"{name(self.plan.catalog)}.identity.{table}" if table in IDENTITY else f"{PART}.{KNOWN}.{table}"

    def _differ(self, table: str) -> Task:
        """Return what writes the rows of what is known that are not what they were, as they were and as they are."""
        before = f"{name(self.plan.catalog)}.{KNOWN}.{table}"
        return self._saying(f"CREATE TABLE {PART}.{TOUCHED}.changed_{table} AS {_differing(self._now(table), before)}")

    def _waits(self, node: Node) -> bool:
        """Tell whether a table that comes first reads another one that does."""
        return any(self.by_place[p].comes_first for p in node.parents if p in self.by_place)

    def _fresh(self, node: Node) -> Task:
        return self._saying(f"CREATE OR REPLACE TABLE {PART}.{TOUCHED}.{_flat(node.place)} AS {node.code}")

    def _first(self, node: Node) -> None:
        """Put a table that others are told by in its place; customers whose rows in it changed are touched."""
        fresh = f"{PART}.{TOUCHED}.{_flat(node.place)}"
        if "customer_id" in self._columns(node.place):
            self.con.execute(
                f"INSERT INTO {self.told} SELECT DISTINCT customer_id FROM ({_differing(fresh, node.place)})"
            )
        self._replace_whole(self.con, node, f"FROM {fresh}")

    def _told_by_identity(self) -> None:
        con, changed = self.con, f"{PART}.{TOUCHED}.changed"
        for table in IDENTITY:
            con.execute(f"INSERT INTO {self.told} SELECT customer_id FROM {changed}_{table}")
        devices = " UNION ALL ".join(
            f"SELECT anonymous_id FROM {changed}_{table}"
            for table, links in self._known().items()
            if links == ("anonymous_id",)
        )
        con.execute(f"CREATE TABLE {PART}.{TOUCHED}.told_devices AS SELECT DISTINCT anonymous_id FROM ({devices})")
        con.execute(
            f"INSERT INTO {self.told} SELECT customer_id FROM identity.device_logins SEMI JOIN {PART}.{TOUCHED}.told_devices USING (anonymous_id)"
        )

    def _told_by_links(self) -> None:
        """Whoever a link belongs to, whose rows are not what they were, is touched."""
        con = self.con
        contacts = []
        for node in self._linked():
            changed = f"{PART}.{TOUCHED}.changed_{_flat(node.place)}"
            if node.linked_by == ("order_id",):
                con.execute(
                    f"INSERT INTO {self.told} SELECT customer_id FROM marts.orders SEMI JOIN {changed} USING (order_id)"
                )
            elif node.linked_by == ("account_id",):
                con.execute(
                    f"CREATE TABLE {PART}.{TOUCHED}.care_accounts AS SELECT DISTINCT account_id AS care_account_id FROM {changed}"
                )
            elif "record_key" in node.linked_by:
                contacts.append(f"SELECT {', '.join(node.linked_by)} FROM {changed}")
        con.execute(
            f"CREATE TABLE {PART}.{TOUCHED}.links AS SELECT NULL::VARCHAR AS record_key, NULL::VARCHAR AS email, NULL::VARCHAR AS phone WHERE false "
            + "".join(f" UNION ALL BY NAME {sql}" for sql in contacts)
        )
        for link, owner in OWNERS.items():
            con.execute(
                f"INSERT INTO {self.told} SELECT m.customer_id FROM (SELECT DISTINCT {link} FROM {PART}.{TOUCHED}.links) AS c "
                f"JOIN {owner} ON c.{link} = m.link"
            )

    def _told_by_the_day(self, before: date, now: date) -> None:
        """Time alone touches customers for whom something begins or ends on these days, as models declare it."""
        for node in self.plan.nodes:
            if node.turns:
                at = [node.turns.replace("as_of_date", f"DATE '{day}'") for day in (before, now)]
                self.con.execute(
                    f"INSERT INTO {self.told} SELECT customer_id FROM {node.place} WHERE ({at[0]}) IS DISTINCT FROM ({at[1]})"
                )

    # The part: rows of those touched

    def make_part(self) -> None:
        """Put the rows of customers touched, and of nobody known, into the database in memory, and views of all else that is read."""
        con, touched = self.con, f"{PART}.{TOUCHED}"
        inputs = sorted({p for n in self.plan.nodes if n.is_part for p in n.parents if not self._is_made(p)})
        for schema in sorted({p.split(".")[0] for p in [*inputs, *(n.place for n in self.plan.nodes if n.part_by)]}):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {PART}.{schema}")
        con.execute(
            f"CREATE TABLE {touched}.devices AS SELECT anonymous_id FROM {touched}.told_devices UNION "
            f"SELECT anonymous_id FROM identity.device_logins SEMI JOIN {self.customers} USING (customer_id)"
        )
        con.execute(
            f"CREATE TABLE {touched}.sessions AS SELECT session_id FROM intermediate.int_sessions SEMI JOIN {touched}.devices USING (anonymous_id)"
        )
        con.execute(
            f"CREATE TABLE {touched}.records AS SELECT record_key FROM identity.members SEMI JOIN {self.customers} USING (customer_id)"
        )
        con.execute(
            f"CREATE TABLE {touched}.contacts AS SELECT kind, standard FROM intermediate.int_contact_customers "
            f"SEMI JOIN {self.customers} USING (customer_id)"
        )
        linked = [n for n in self._linked() if n.place in inputs]
        somebodys = [n for n in linked if "record_key" in n.linked_by]
        cuts: dict[str, Task] = {f"part of {n.place}": self._cut_by_owner(n) for n in somebodys}
        for node in linked:
            if node.linked_by == ("anonymous_id",):
                cuts[f"part of {node.place}"] = self._cut(node, f"SEMI JOIN {touched}.devices USING (anonymous_id)")
            elif node.linked_by == ("account_id",):
                accounts = f"(SELECT care_account_id AS account_id FROM {touched}.care_accounts)"
                cuts[f"part of {node.place}"] = self._cut(node, f"SEMI JOIN {accounts} USING (account_id)")
        self._each(cuts)
        orders = _in(PART, next(n.place for n in somebodys if n.place.endswith("int_orders__unioned")))
        for node in linked:
            if node.linked_by == ("order_id",):
                with self._timed(f"part of {node.place}"):
                    self._cut(node, f"SEMI JOIN {orders} USING (order_id)")(con)
        con.execute(
            f"CREATE TABLE {touched}.orders AS SELECT order_id FROM marts.orders WHERE {_scope('customer_id')} UNION SELECT order_id FROM {orders}"
        )
        invoices = _in(PART, next(n.place for n in somebodys if n.place.endswith("int_invoices__unioned")))
        con.execute(
            f"CREATE TABLE {touched}.invoices AS SELECT invoice_id FROM marts.invoices WHERE {_scope('customer_id')} "
            f"UNION SELECT invoice_id FROM {invoices}"
        )
        self._tell_owners(somebodys)
        # Views of what is not made yet are looked at when a model asks for them.
        self.later = [p for p in inputs if p not in {n.place for n in linked} and p not in TELL_OWNERS]

    def _is_made(self, place: str) -> bool:
        node = self.by_place.get(place)
        return node is not None and bool(node.part_by)

    def _cut_by_owner(self, node: Node) -> Task:
        """Return what cuts a relation that is somebody's by record or contact point to the links of those touched, and of nobody."""
        touched, known, links = (
            f"{PART}.{TOUCHED}",
            f"{PART}.{KNOWN}.{_flat(node.place)}",
            f"{PART}.{TOUCHED}.links_of_{_flat(node.place)}",
        )
        columns = ", ".join(f"c.{link}" for link in node.linked_by)
        theirs = [
            f"c.{link} IN (SELECT record_key FROM {touched}.records)"
            if link == "record_key"
            else f"c.{link} IN (SELECT standard FROM {touched}.contacts WHERE kind = '{link}')"
            for link in node.linked_by
        ]
        nobody = " ".join(
            f"ANTI JOIN {OWNERS[link].replace(' AS m', f' AS m{n}')} ON c.{link} = m{n}.link"
            for n, link in enumerate(node.linked_by)
        )

        def work(con: duckdb.DuckDBPyConnection) -> None:
            con.execute(
                f"CREATE TABLE {links} AS SELECT {columns} FROM {known} AS c WHERE {' OR '.join(theirs)} "
                f"UNION SELECT {columns} FROM {known} AS c {nobody}"
            )
            if "phone" in node.linked_by:
                # Calls of one number are looked at together, whosever they are.
                con.execute(
                    f"INSERT INTO {links} SELECT {columns} FROM {known} AS c SEMI JOIN (SELECT DISTINCT phone FROM {links} WHERE phone IS NOT NULL) "
                    f"AS l ON c.phone = l.phone ANTI JOIN {links} AS k ON {_same(node.linked_by, 'c', 'k')}"
                )
            self._cut(node, f"SEMI JOIN {links} AS k ON {_same(node.linked_by, 't', 'k')}")(con)

        return work

    def _tell_owners(self, somebodys: list[Node]) -> None:
        """Make what tells whose rows are: the same rows as in the whole, of every link that the part holds."""
        con, touched = self.con, f"{PART}.{TOUCHED}"
        records = " UNION ALL ".join(
            [
                f"FROM {touched}.records",
                *(f"SELECT record_key FROM {touched}.links_of_{_flat(n.place)}" for n in somebodys),
            ]
        )
        con.execute(
            f"CREATE TABLE {PART}.identity.members AS FROM identity.members SEMI JOIN ({records}) USING (record_key)"
        )
        contacts = " UNION ALL ".join(
            [
                f"FROM {touched}.contacts",
                *(
                    f"SELECT '{link}' AS kind, {link} AS standard FROM {touched}.links_of_{_flat(n.place)}"
                    for n in somebodys
                    for link in n.linked_by
                    if link != "record_key"
                ),
            ]
        )
        con.execute(
            f"CREATE TABLE {PART}.intermediate.int_contact_customers AS SELECT t.* FROM intermediate.int_contact_customers AS t "
            f"SEMI JOIN ({contacts}) AS k ON t.kind = k.kind AND t.standard = k.standard"
        )

    def _cut(self, node: Node, condition: str) -> Task:
        sql = f"CREATE TABLE {_in(PART, node.place)} AS SELECT t.* FROM {_in(self.plan.catalog, node.place)} AS t {condition}"
        return lambda con: con.execute(sql)

    def _look(self, con: duckdb.DuckDBPyConnection, place: str) -> None:
        """Make what a model of the part reads and the part does not make: the rows of those touched, or a view of all."""
        columns = self._columns(place)
        target, source = _in(PART, place), _in(self.plan.catalog, place)
        if place == "identity.contact_points":
            con.execute(f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {PART}.{TOUCHED}.records USING (record_key)")
        elif "customer_id" in columns:
            con.execute(f"CREATE TABLE {target} AS FROM {source} WHERE {_scope('customer_id')}")
        elif "anonymous_id" in columns:
            con.execute(
                f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {PART}.{TOUCHED}.devices USING (anonymous_id)"
            )
        else:
            con.execute(f"CREATE VIEW {target} AS FROM {source}")

    # Running models

    def run(self) -> None:
        """Run the models and tests in order, two at a time, each once what it reads is there."""
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
        chain = _chains(graph)
        ready: list[tuple[int, str]] = []
        running: dict[Future[None], str] = {}
        threads = settings().threads
        with ThreadPoolExecutor(threads) as pool:
            while sorter.is_active():
                for one in sorter.get_ready():
                    if one in todo and todo[one].kind in ("view", "ephemeral"):
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

    def _one(self, one: str, node: Node | None) -> None:
        try:
            with self._cursor() as con, self._timed(node.place if node and node.kind != "test" else one):
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
            fresh = f"{PART}.{TOUCHED}.{_flat(node.place)}"
            con.execute(f"CREATE OR REPLACE TABLE {fresh} AS FROM found")
            self._replace_whole(con, node, f"FROM {fresh}")
        else:
            self._replace_whole(con, node, f"({node.code})")

    def _replace_whole(self, con: duckdb.DuckDBPyConnection, node: Node, rows: str) -> None:
        """Write all rows of a table anew; the table stays, with what is said of its columns."""
        place = _in(self.plan.catalog, node.place)
        con.execute("BEGIN")
        con.execute(f"DELETE FROM {place}")
        con.execute(f"INSERT INTO {place} BY NAME {rows}")
        self._hold_rules(con, node, place)
        con.execute("COMMIT")

    def _part(self, con: duckdb.DuckDBPyConnection, node: Node) -> None:
        """Build the rows of those touched, and put them in the place of theirs."""
        part, whole = _in(PART, node.place), _in(self.plan.catalog, node.place)
        scope = _scope(node.part_by, node.part_scope)
        kept = f"WHERE {scope}" if node.part_scope == "customers" else ""
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
        wrong = con.execute(
            " UNION ALL ".join(f"SELECT {n}, count(*) FROM ({sql})" for n, (_, sql) in enumerate(asked))
        ).fetchall()
        broken = [f"{asked[n][0]}: {rows_count} rows" for n, rows_count in wrong if rows_count]
        if broken:
            raise GateFailed(
                f"build: {node.place}: {'; '.join(broken)}. Consumers keep what was published before; the next build is a whole one"
            )

    def keep(self) -> None:
        """Write down what is known now, for the next build; of tables, what is not as it was."""
        con = self.con
        with self._timed("what is known"):
            for table, links in self._known().items():
                changed = f"{PART}.{TOUCHED}.changed_{table}"
                if count(con, changed):
                    con.execute("BEGIN")
                    con.execute(
                        f"DELETE FROM {KNOWN}.{table} AS t USING (SELECT DISTINCT {', '.join(links)} FROM {changed}) AS k "
                        f"WHERE {_same(links, 't', 'k')}"
                    )
                    con.execute(
                        f"INSERT INTO {KNOWN}.{table} SELECT t.* FROM {self._now(table)} AS t "
                        f"SEMI JOIN {changed} AS k ON {_same(links, 't', 'k')}"
                    )
                    con.execute("COMMIT")
            con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.as_of AS FROM {PART}.{KNOWN}.as_of")
            con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.touched AS FROM {self.customers}")

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


def _chains(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return for each task how many wait for it one after the other."""
    chains = dict.fromkeys(graph, 0)
    for one in reversed(list(TopologicalSorter(graph).static_order())):
        for before in graph[one]:
            chains[before] = max(chains[before], chains[one] + 1)
    return chains


def _flat(place: str) -> str:
    return re.sub(r"\W", "_", place)


def _in(catalog: str, place: str) -> str:
    return name(catalog, *place.split(".", 1))


def _scope(column: str, scope: str = "customers") -> str:
    key = {"customers": "customer_id", "invoices": "invoice_id"}.get(scope, column)
    within = f"{column} IN (SELECT {key} FROM {PART}.{TOUCHED}.{scope})"
    return f"({column} IS NULL OR {within})" if scope == "customers" else within


def _differing(one: str, other: str) -> str:
    """Return the query of rows that are in one of two tables only, neither of which holds a row twice."""
    return f"SELECT * FROM (FROM {one} UNION ALL FROM {other}) GROUP BY ALL HAVING count(*) = 1"


def _same(links: tuple[str, ...], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{link} IS NOT DISTINCT FROM {other}.{link}" for link in links)
