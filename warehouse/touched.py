"""Who is touched since the last build, and the rows that are theirs.

In: the working file, and what the last build knew of sources and of identity (schema `known`). Out: the customers touched, their devices,
orders and records (schema `touched` of a database in memory), and in that database the rows of sources that are theirs.

What sources say is told by a sum per link (record, contact point, device, order), kept from build to build; where a sum is not what it was,
the customer behind it is touched. Where a relation puts several together, there is a sum for each; of those none of whose sources has got other
rows (`warehouse.lake.revisions`), the sums stand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from graphlib import TopologicalSorter
from threading import Lock

import duckdb

from warehouse import lake
from warehouse.duck import PART, count, has_table, name
from warehouse.plan import Node, Plan, flat, within
from warehouse.replace import replace_all
from warehouse.settings import settings

#: Above this share of customers, a whole build is as quick.
MOST_TOUCHED_PCT = 20
#: Schema of the working file with what the last build knew of sources and of identity.
KNOWN = "known"
#: Schema of the database in memory with who is touched.
TOUCHED = "touched"
#: Column of what is known of a linked relation with the relation of which it is known.
PIECE = "piece"
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
TELL_OWNERS = ("identity.members", "intermediate.int_contact_customers")
#: Identity tables that rows are looked up in, with what is looked up; only whether anything in them changed is asked.
LOOKED_UP = {"members": "record_key, customer_id", "contact_points": "kind, standard, record_key"}


#: Something to do on a connection.
Task = Callable[[duckdb.DuckDBPyConnection], object]


class Touched:
    """Who is touched, and their rows, on a connection with the database in memory beside the working file.

    `count` and `pct` are of customers touched, `seconds` of what was done so far, `later` places that are looked at when a model asks for them.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
        self.con, self.plan = con, plan
        self.by_place = {n.place: n for n in plan.nodes if n.kind != "test"}
        self.seconds: dict[str, float] = {}
        self.lock = Lock()
        self.count = 0
        self.pct = 0.0
        self.told, self.customers = f"{PART}.{TOUCHED}.told", f"{PART}.{TOUCHED}.customers"
        self.later: list[str] = []
        self.columns: dict[str, list[str]] = {}
        self.standing: set[str] = set()

    def _each(self, tasks: dict[str, Task]) -> None:
        """Run tasks that do not wait for each other, each on a connection of its own, as many at a time as there are processors."""

        def one(what: str, task: Task) -> None:
            with self.cursor() as con, self.timed(what):
                task(con)

        with ThreadPoolExecutor(settings().threads) as pool:
            for done in [pool.submit(one, what, task) for what, task in tasks.items()]:
                done.result()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection of its own to a thread."""
        con = self.con.cursor()
        con.execute(f"USE {name(self.plan.catalog)}")
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
        linked = {flat(n.place): (PIECE, *n.linked_by) for n in self._linked()}
        return IDENTITY | {"looked_up": ("place",)} | linked

    def tell(self, place: str) -> None:
        """Write what sources and identity say now, into a schema (`catalog.schema`), which is there.

        For each linked relation it is a sum of what its rows hold, a row per link and relation that it puts together. DuckDB's hash tells it: it is
        weak between millions of texts (`warehouse.duck.digest`), and whether one link's rows changed in a way that it does not see is asked anew by
        each whole build.
        """
        identity = {f"known of {table}": self._copy(table, place) for table in IDENTITY}
        self._each({**self._told(place), **identity})
        self._keep_revisions()

    def _keep_revisions(self) -> None:
        """Write down which rows the sources hold that what is known is told of."""
        said = list(lake.revisions(self.con, self.plan.catalog).items())
        lake.replace_table(self.con, KNOWN, "revisions", said, "place VARCHAR, revision VARCHAR")

    def _find_standing(self) -> None:
        """Tell what holds the rows that it held, since nothing that it is made of has got others: of sources it is known by what is said of them."""
        if not has_table(self.con, KNOWN, "revisions"):
            return
        before = dict(self.con.execute(f"SELECT place, revision FROM {KNOWN}.revisions").fetchall())
        now = lake.revisions(self.con, self.plan.catalog)
        same = {place for place, revision in now.items() if before.get(place) == revision}
        seeds = {p for n in self.plan.nodes for p in n.parents if p.startswith("seeds.")}
        self.standing = same | seeds
        for node in _in_order(self.plan.nodes):
            # A model in Python reads what is no table too, and a table of parts is made of those touched.
            is_made_of_all = node.kind == "table" and not (node.part_by or node.comes_first)
            can_stand = is_made_of_all or node.kind in ("view", "ephemeral", "test")
            if can_stand and all(p in self.standing for p in node.parents):
                self.standing.add(node.place)

    def _told(self, place: str) -> dict[str, Task]:
        home = name(self.plan.catalog)
        sums = " UNION ALL ".join(
            f"SELECT '{t}' AS place, count(*) AS rows_count, sum(hash({columns})) AS content FROM {home}.identity.{t}"
            for t, columns in LOOKED_UP.items()
        )
        made = {"looked_up": f"CREATE OR REPLACE TABLE {place}.looked_up AS {sums}"}
        for node in self._linked():
            sums = " UNION ALL ".join(self._sum(node, piece) for piece in node.pieces)
            made[flat(node.place)] = f"CREATE OR REPLACE TABLE {place}.{flat(node.place)} AS {sums}"
        return {f"known of {table}": self._saying(sql) for table, sql in made.items()}

    def _sum(self, node: Node, piece: str) -> str:
        """Return the query of what is known of one of the relations that a linked one puts together: of what stands, what was known."""
        if piece in self.standing:
            return f"SELECT * FROM {name(self.plan.catalog)}.{KNOWN}.{flat(node.place)} WHERE {PIECE} = '{piece}'"
        held = self._columns(piece)
        links = ", ".join(link if link in held else f"NULL::VARCHAR AS {link}" for link in node.linked_by)
        told = ", ".join(name(c) for c in node.told_by or held if c in held and c not in node.linked_by)
        return (
            f"SELECT '{piece}' AS {PIECE}, {links}, sum(hash({told})) AS content, count(*) AS rows_count "
            f"FROM {within(self.plan.catalog, piece)} GROUP BY ALL"
        )

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
        self._find_standing()
        standing = {flat(n.place) for n in self._linked() if all(piece in self.standing for piece in n.pieces)}
        first = [n for n in self.plan.nodes if n.comes_first]
        of_sources = {
            f"fresh {n.place}": self._fresh(n) for n in first if not n.reads_identity_alone and not self._waits(n)
        }
        differ = {f"known of {table}": self._differ(table) for table in IDENTITY}
        told = {
            what: self._then(task, self._differ(what.removeprefix("known of ")))
            for what, task in self._told(f"{PART}.{KNOWN}").items()
            if what.removeprefix("known of ") not in standing
        }
        for table in standing:
            kept = f"{home}.{KNOWN}.{table}"
            con.execute(f"CREATE VIEW {PART}.{KNOWN}.{table} AS FROM {kept}")
            con.execute(f"CREATE TABLE {PART}.{TOUCHED}.changed_{table} AS FROM {kept} WHERE false")
        self._each({**of_sources, **told, **differ})
        con.execute(f"CREATE TABLE {self.told} (customer_id VARCHAR)")
        is_same = not count(con, f"{PART}.{TOUCHED}.changed_looked_up")
        for node in _in_order(first):
            if not (node.reads_identity_alone and is_same):
                with self.timed(node.place):
                    if f"fresh {node.place}" not in of_sources:
                        self._fresh(node)(con)
                    self._first(node)
        now: date = con.execute("SELECT max(as_of_date) FROM intermediate.int_as_of").fetchall()[0][0]
        if now < before or (now - whole).days > most_days:
            return False
        with self.timed("who is touched"):
            self._told_by_identity()
            self._told_by_links()
            if now != before:
                self._told_by_the_day(before, now)
            con.execute(
                f"CREATE TABLE {self.customers} AS SELECT DISTINCT customer_id FROM {self.told} WHERE customer_id IS NOT NULL"
            )
            self.count = count(con, self.customers)
            self.pct = 100 * self.count / max(count(con, f"{home}.identity.profiles"), 1)
        con.execute(
            f"CREATE TABLE {PART}.{KNOWN}.as_of AS SELECT DATE '{now}' AS as_of_date, DATE '{whole}' AS whole_date"
        )
        return self.pct <= MOST_TOUCHED_PCT

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
        now = self._now(table)
        pieces = {piece for n in self._linked() if flat(n.place) == table for piece in n.pieces}
        if stand := ", ".join(f"'{piece}'" for piece in sorted(self.standing & pieces)):
            now, before = (f"(FROM {known} WHERE {PIECE} NOT IN ({stand}))" for known in (now, before))
        return self._saying(f"CREATE TABLE {PART}.{TOUCHED}.changed_{table} AS {_differing(now, before)}")

    def _waits(self, node: Node) -> bool:
        """Tell whether a table that comes first reads another one that does."""
        return any(self.by_place[p].comes_first for p in node.parents if p in self.by_place)

    def _fresh(self, node: Node) -> Task:
        return self._saying(f"CREATE OR REPLACE TABLE {PART}.{TOUCHED}.{flat(node.place)} AS {node.code}")

    def _first(self, node: Node) -> None:
        """Put a table that others are told by in its place; customers whose rows in it changed are touched."""
        fresh = f"{PART}.{TOUCHED}.{flat(node.place)}"
        if "customer_id" in self._columns(node.place):
            self.con.execute(
                f"INSERT INTO {self.told} SELECT DISTINCT customer_id FROM ({_differing(fresh, node.place)})"
            )
        replace_all(self.con, self.plan.catalog, node, f"FROM {fresh}")

    def _told_by_identity(self) -> None:
        con, changed = self.con, f"{PART}.{TOUCHED}.changed"
        for table in IDENTITY:
            con.execute(f"INSERT INTO {self.told} SELECT customer_id FROM {changed}_{table}")
        devices = " UNION ALL ".join(
            f"SELECT anonymous_id FROM {changed}_{table}"
            for table, links in self._known().items()
            if links[-1] == "anonymous_id"
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
            changed = f"{PART}.{TOUCHED}.changed_{flat(node.place)}"
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
                devices = handed("anonymous_id", f"{touched}.devices")
                cuts[f"part of {node.place}"] = self._cut(node, f"SEMI JOIN {devices} USING (anonymous_id)")
            elif node.linked_by == ("account_id",):
                accounts = f"(SELECT care_account_id AS account_id FROM {touched}.care_accounts)"
                cuts[f"part of {node.place}"] = self._cut(node, f"SEMI JOIN {accounts} USING (account_id)")
        self._each(cuts)
        orders = self._cut_of("orders")
        for node in linked:
            if node.linked_by == ("order_id",):
                with self.timed(f"part of {node.place}"):
                    self._cut(node, f"SEMI JOIN {orders} USING (order_id)")(con)
        con.execute(
            f"CREATE TABLE {touched}.orders AS SELECT order_id FROM marts.orders WHERE {scope('customer_id')} UNION SELECT order_id FROM {orders}"
        )
        invoices = self._cut_of("invoices")
        con.execute(
            f"CREATE TABLE {touched}.invoices AS SELECT invoice_id FROM marts.invoices WHERE {scope('customer_id')} "
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
            f"{PART}.{KNOWN}.{flat(node.place)}",
            f"{PART}.{TOUCHED}.links_of_{flat(node.place)}",
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
                *(f"SELECT record_key FROM {touched}.links_of_{flat(n.place)}" for n in somebodys),
            ]
        )
        con.execute(
            f"CREATE TABLE {PART}.identity.members AS FROM identity.members SEMI JOIN ({records}) USING (record_key)"
        )
        contacts = " UNION ALL ".join(
            [
                f"FROM {touched}.contacts",
                *(
                    f"SELECT '{link}' AS kind, {link} AS standard FROM {touched}.links_of_{flat(n.place)}"
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

    def _cut_of(self, what: str) -> str:
        """Return what to call the rows of those touched of the relation that tells which orders, or invoices, are touched."""
        return within(PART, next(n.place for n in self.plan.nodes if n.cuts == what))

    def _cut(self, node: Node, condition: str) -> Task:
        sql = f"CREATE TABLE {within(PART, node.place)} AS SELECT t.* FROM {within(self.plan.catalog, node.place)} AS t {condition}"
        return lambda con: con.execute(sql)

    def look(self, con: duckdb.DuckDBPyConnection, place: str) -> None:
        """Make what a model of the part reads and the part does not make: the rows of those touched, or a view of all."""
        target, source = within(PART, place), within(self.plan.catalog, place)
        node = self.by_place.get(place)
        # Of what comes first (what tells owners is cut apart) there is little, and some models leave out whom it is of.
        columns = [] if node and node.comes_first else self._columns(place)
        if place == "identity.contact_points":
            records = handed("record_key", f"{PART}.{TOUCHED}.records")
            con.execute(f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {records} USING (record_key)")
        elif "customer_id" in columns:
            # Two questions, since a join's keys are not handed down through an OR.
            customers = handed("customer_id", self.customers)
            con.execute(
                f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {customers} USING (customer_id) "
                f"UNION ALL FROM {source} WHERE customer_id IS NULL"
            )
        elif "anonymous_id" in columns:
            devices = handed("anonymous_id", f"{PART}.{TOUCHED}.devices")
            con.execute(f"CREATE TABLE {target} AS FROM {source} SEMI JOIN {devices} USING (anonymous_id)")
        else:
            con.execute(f"CREATE VIEW {target} AS FROM {source}")

    def keep(self) -> None:
        """Write down what is known now, for the next build; of tables, what is not as it was."""
        con = self.con
        with self.timed("what is known"):
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
            self._keep_revisions()
            con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.as_of AS FROM {PART}.{KNOWN}.as_of")
            con.execute(f"CREATE OR REPLACE TABLE {KNOWN}.touched AS FROM {self.customers}")

    def timed(self, what: str) -> _Timed:
        """Return what adds how long something took to `seconds`."""
        return _Timed(self.seconds, what)


class _Timed:
    def __init__(self, seconds: dict[str, float], what: str) -> None:
        self.seconds, self.what = seconds, what

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.what] = self.seconds.get(self.what, 0) + time.perf_counter() - self.began


def _in_order(nodes: list[Node]) -> list[Node]:
    """Return nodes, each after those of them that it reads."""
    by_place = {n.place: n for n in nodes}
    order = TopologicalSorter({n.place: {p for p in n.parents if p in by_place} for n in nodes}).static_order()
    return [by_place[place] for place in order]


def scope(column: str, of: str = "customers") -> str:
    """Return the condition for rows of those touched, and of nobody, by the column that says whose a row is."""
    key = {"customers": "customer_id", "invoices": "invoice_id"}.get(of, column)
    theirs = f"{column} IN (SELECT {key} FROM {PART}.{TOUCHED}.{of})"
    return f"({column} IS NULL OR {theirs})" if of == "customers" else theirs


def handed(key: str, table: str) -> str:
    """Return what to join with the keys of a table, such that DuckDB skips rows of the other side where it reads them: it hands keys down (as a
    Bloom filter, "BF" in EXPLAIN ANALYZE) only of a side that is filtered, so this one is, by what always holds."""
    return f"(SELECT {key} FROM {table} WHERE length({key}) >= 0)"


def _differing(one: str, other: str) -> str:
    """Return the query of rows that are in one of two tables only, neither of which holds a row twice."""
    return f"SELECT * FROM (FROM {one} UNION ALL FROM {other}) GROUP BY ALL HAVING count(*) = 1"


def _same(links: tuple[str, ...], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{link} IS NOT DISTINCT FROM {other}.{link}" for link in links)
