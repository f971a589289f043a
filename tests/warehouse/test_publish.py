"""Readers never wait and never see half a run."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import duckdb
import pytest

from warehouse.duck import connect, count
from warehouse.errors import CdpError, GateFailed
from warehouse.publish import manifest, open_published, publish, roll_back, versions_folder


def built(n: int):
    con = connect()
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    con.execute(
        f"CREATE OR REPLACE TABLE marts.customers AS SELECT 'C' || i AS customer_id, {n} AS run FROM range({n}) AS r(i)"
    )
    con.execute("COMMENT ON TABLE marts.customers IS 'one row per customer'")
    con.execute("COMMENT ON COLUMN marts.customers.run IS 'the run''s number'")
    return con


def test_a_reader_that_lives_long_sees_the_next_version(workspace):
    con = built(3)
    publish(con)
    first = open_published()
    con.execute("INSERT INTO marts.customers VALUES ('C9', 3)")
    publish(con)
    second = open_published()

    assert (count(first, "marts.customers"), count(second, "marts.customers")) == (3, 4)


def test_equal_content_is_not_published_again(workspace):
    con = built(3)
    version = publish(con).facts["version"]
    stamp = (workspace / "warehouse" / "cdp.duckdb").stat().st_ino
    result = publish(con)

    assert result.facts["unchanged"] and result.facts["version"] == version
    assert (workspace / "warehouse" / "cdp.duckdb").stat().st_ino == stamp


def test_comments_travel_with_tables_and_columns(workspace):
    publish(built(2))
    con = open_published()

    assert con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'customers'").fetchall() == [
        ("one row per customer",)
    ]
    assert con.execute("SELECT comment FROM duckdb_columns() WHERE column_name = 'run'").fetchall() == [
        ("the run's number",)
    ]


def test_nothing_is_published_without_customers(workspace):
    with pytest.raises(GateFailed, match="consumers keep the version before"):
        publish(built(0))
    with pytest.raises(CdpError, match="nothing is published yet"):
        open_published()


def test_an_old_version_can_be_put_back(workspace):
    con = built(3)
    old = publish(con).facts["version"]
    con.execute("DELETE FROM marts.customers WHERE customer_id = 'C1'")
    publish(con)
    roll_back(old)

    assert count(open_published(), "marts.customers") == 3
    assert manifest()["version"] == old
    with pytest.raises(CdpError, match="is not kept; kept are"):
        roll_back("no-such")


def test_only_the_last_versions_are_kept(workspace):
    con = built(3)
    for i in range(8):
        con.execute(f"INSERT INTO marts.customers VALUES ('D{i}', 1)")
        publish(con)
        time.sleep(0.01)

    assert len(list(versions_folder().glob("cdp-*.duckdb"))) == 5


def test_the_published_connection_reaches_neither_files_nor_settings_nor_writes(workspace):
    publish(built(2))
    con = open_published()
    (workspace / "secret.csv").write_text("a\n1\n")
    attacks = [
        f"SELECT * FROM read_csv('{workspace}/secret.csv')", f"SELECT * FROM '{workspace}/secret.csv'", "INSTALL httpfs",
        "SET enable_external_access = true", "DELETE FROM marts.customers", f"COPY marts.customers TO '{workspace}/out.csv'",
        f"ATTACH '{workspace}/other.duckdb'", "DROP TABLE marts.customers",
    ]  # fmt: skip
    for attack in attacks:
        with pytest.raises(duckdb.Error):
            con.execute(attack)


READER = """
import sys, time, duckdb
end = time.time() + float(sys.argv[2]); reads = bad = 0; last = 0
while time.time() < end:
    con = duckdb.connect(sys.argv[1], read_only=True)
    rows, runs, run = con.execute("SELECT count(*), count(DISTINCT run), max(run) FROM marts.customers").fetchall()[0]
    con.close(); reads += 1
    bad += rows != run or runs != 1 or run < last
    last = run
print(reads, bad)
"""


def test_other_processes_read_while_the_next_runs_are_written(workspace):
    publish(built(50))
    path = workspace / "warehouse" / "cdp.duckdb"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(path), "6"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    stop = threading.Event()
    threading.Timer(5, stop.set).start()
    n = 50
    while not stop.is_set():
        n += 1
        con = built(n)
        publish(con)
        con.close()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        reads, bad = map(int, out.split())
        assert (bad, err) == (0, "") and reads > 5
    assert n > 55


def test_a_second_writer_is_told_to_wait(workspace):
    con = built(1)
    for how in ("", "all_or_nothing=True"):
        code = f"from warehouse.duck import connect\ntry: connect({how})\nexcept Exception as e: print(type(e).__name__, e)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "CdpError build.duckdb is being written by another process" in done.stdout
    con.close()


def test_all_or_nothing_keeps_what_an_older_log_holds_and_nothing_of_what_was_killed(workspace):
    def killed(how: str, *statements: str) -> None:
        said = "; ".join(f"con.execute({sql!r})" for sql in statements)
        code = f"import os; from warehouse.duck import connect; con = connect({how}); {said}; os._exit(137)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 137

    def found() -> list[int]:
        con = connect(read_only=True)
        rows = con.execute("SELECT n FROM bronze.kept ORDER BY n").fetchall()
        con.close()
        return [n for (n,) in rows]

    killed("", "CREATE TABLE bronze.kept AS SELECT 1 AS n", "CHECKPOINT", "INSERT INTO bronze.kept VALUES (2)")
    log = workspace / "warehouse" / "build.duckdb.wal"
    assert log.exists()
    killed("all_or_nothing=True", "INSERT INTO bronze.kept VALUES (3)")
    assert found() == [1, 2]
    con = connect(all_or_nothing=True)
    con.execute("INSERT INTO bronze.kept VALUES (4)")
    con.close()
    assert found() == [1, 2, 4]
    assert not log.exists()
