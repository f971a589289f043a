"""What pages read: the published files, through one locked-down connection a version.

A connection attaches the resolved paths of the newest versions; when either file is swapped, the next page gets a new one and the old one goes
with its last reader, so that nobody sees yesterday. Answers that depend on nothing but the version are computed once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from warehouse.duck import has_table, rows
from warehouse.errors import CdpError
from warehouse.publish import AUDIENCES, CUSTOMERS, manifest, open_published
from warehouse.settings import settings

#: Seconds after which a question that a person waits for is given up.
PATIENCE_S = 10.0
#: The manifests are looked at this often at most.
LOOK_EVERY_S = 0.5


class Snapshot:
    """The published files at one version."""

    def __init__(self, version: tuple[str, str]) -> None:
        self.version = version
        self._con = open_published(settings().page_memory)
        self._idle: queue.LifoQueue[duckdb.DuckDBPyConnection] = queue.LifoQueue()
        self._known: dict[Any, Any] = {}
        self._lock = threading.Lock()
        self.has_audiences = bool(
            self._con.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'audiences'").fetchall()[
                0
            ][0]
        )

    @contextmanager
    def cursor(self, patience_s: float = PATIENCE_S) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hand out a cursor that gives up after a while.

        Raises:
            CdpError: it took longer.
        """
        try:
            con = self._idle.get_nowait()
        except queue.Empty:
            con = self._con.cursor()
            con.execute("USE cdp")
        timer = threading.Timer(patience_s, con.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield con
        except duckdb.InterruptException:
            raise CdpError(f"the question took longer than {patience_s:g} seconds; ask for less") from None
        finally:
            timer.cancel()
            self._idle.put(con)

    def rows(
        self, sql: str, parameters: list[Any] | None = None, patience_s: float = PATIENCE_S
    ) -> list[dict[str, Any]]:
        """Ask, and return dictionaries."""
        with self.cursor(patience_s) as con:
            return rows(con, sql, parameters)

    def one(self, sql: str, parameters: list[Any] | None = None) -> dict[str, Any]:
        """Ask for one row; empty when there is none."""
        found = self.rows(sql, parameters)
        return found[0] if found else {}

    def once(self, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """Ask what depends on the version alone, or say what was said; the rows are shared and not to be changed."""
        return list(self.known((sql, str(parameters)), lambda: self.rows(sql, parameters)))

    def known(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what was computed for a key in this version, or compute it."""
        if key not in self._known:
            found = compute()
            with self._lock:
                self._known.setdefault(key, found)
        return self._known[key]

    def has(self, table: str) -> bool:
        """Tell whether a table is published: `schema.table`, or `audiences.schema.table`."""
        *database, schema, name = table.split(".")
        if database and not self.has_audiences:
            return False

        def look() -> bool:
            with self.cursor() as con:
                if not database:
                    return has_table(con, schema, name)
                found = con.execute(
                    "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?", [*database, schema, name]
                ).fetchall()  # fmt: skip
                return bool(found[0][0])

        return bool(self.known(("has", table), look))


_lock = threading.Lock()
_current: Snapshot | None = None
_of: Any = None
_looked_at = 0.0


def snapshot() -> Snapshot:
    """Return the newest version.

    Raises:
        CdpError: nothing is published yet.
    """
    global _current, _looked_at, _of
    if _current is not None and time.monotonic() - _looked_at < LOOK_EVERY_S and _of == settings().warehouse:
        return _current
    with _lock:
        version = (str(manifest(CUSTOMERS).get("version")), str(manifest(AUDIENCES).get("version")))
        if _current is None or _current.version != version or _of != settings().warehouse:
            _current, _of = Snapshot(version), settings().warehouse
        _looked_at = time.monotonic()
        return _current
