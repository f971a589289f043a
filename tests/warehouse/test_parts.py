"""A build of a part makes what a whole build makes: of customers touched all, of others what does not compare them with everybody."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from warehouse import files
from warehouse.duck import connect
from warehouse.errors import DeclarationError
from warehouse.parts import build_part, keep_plan
from warehouse.touched import handed

DAYS = {"CDP_WHOLE_BUILD_DAYS": "7"}
#: Of what changes slowly a snapshot keeps since when it is so: another build is at another time.
LATER = {"CDP_NOW": "2026-11-02T06:00:00+00:00"}
#: Tables of what stands until the next whole build, and what is told by them.
STANDS = {
    "fitted.fitted_neighbours", "fitted.fitted_basket_rules", "fitted.fitted_drift", "scores.basket_rules", "scores.score_drift",
    "scores.product_pairs", "history.customer_states",
}  # fmt: skip
#: Columns that are told by what is bought together: it stands.
BY_NEIGHBOURS = {
    "marts.customers": {"recommended_product_ids", "next_best_action", "next_best_action_channel"},
    "history.customer_history": {"next_best_action"},
    "intermediate.int_customer_values": set(),
}
OFFERED = {
    "fitted.fitted_offers",
    "scores.recommendations",
    "scores.not_to_offer",
    "scores.action_candidates",
    "scores.next_best_actions",
}
#: Places among everybody: those who were not touched have the numbers that they had.
AMONG_ALL = {"intermediate.int_metric_places": set(), "metrics.customer_metrics": {"peer_percentile"}}


def of(folder: Path, *statements: str) -> None:
    con = duckdb.connect(str(folder / "warehouse" / "build.duckdb"))
    con.execute("SET TimeZone = 'UTC'")
    for sql in statements:
        con.execute(sql)
    con.close()


def asked(folder: Path, sql: str) -> list[tuple]:
    con = duckdb.connect(str(folder / "warehouse" / "build.duckdb"), read_only=True)
    found = con.execute(sql).fetchall()
    con.close()
    return found


@pytest.fixture(scope="module")
def built(cdp):
    """Build a folder where a part may be built, and return what was said."""

    def build(folder: Path, *arguments: str, check: bool = True, **environment: str) -> str:
        done = cdp(folder, "build", *arguments, check=check, **{**DAYS, **environment})
        return done.stdout + done.stderr

    return build


@pytest.fixture(scope="module")
def known(finished, built, tmp_path_factory):
    """A data folder after a whole build after which a part may be built; its bronze is of tables, so that a test can change rows."""
    folder = tmp_path_factory.mktemp("parts") / "known"
    shutil.copytree(finished, folder)
    names = asked(folder, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'bronze' AND NOT internal")
    of(
        folder,
        *(
            f'CREATE TABLE bronze."{n}__rows" AS FROM bronze."{n}"; DROP VIEW bronze."{n}"; ALTER TABLE bronze."{n}__rows" RENAME TO "{n}"'
            for (n,) in names
        ),
    )
    assert "dbt build" in built(folder)
    return folder


@pytest.fixture
def copy(known, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(known, folder)
    return folder


def tables(folder: Path) -> dict[str, list[str]]:
    found = asked(
        folder,
        "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name) WHERE schema_name IN "
        "('marts', 'metrics', 'segments', 'scores', 'figures', 'fitted', 'intermediate', 'history') GROUP BY 1 ORDER BY 1",
    )
    return dict(found)


def differing(one: Path, other: Path, asked_of: dict[str, tuple[list[str], str]]) -> dict[str, int]:
    """Return the tables that differ in some columns and rows, with in how many rows."""
    con = duckdb.connect()
    for name, folder in (("a", one), ("b", other)):
        con.execute(f"ATTACH '{folder / 'warehouse' / 'build.duckdb'}' AS {name} (READ_ONLY)")
    found = {}
    for table, (columns, where) in asked_of.items():
        listed = ", ".join(f'"{c}"' for c in columns)
        a, b = (f"SELECT {listed} FROM {name}.{table} {where}" for name in ("a", "b"))
        sql = f"SELECT count(*) FROM (({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a}))"
        found[table] = con.execute(sql).fetchall()[0][0]
    con.close()
    return {table: n for table, n in found.items() if n}


def all_rows(folder: Path) -> dict[str, tuple[list[str], str]]:
    return {table: (columns, "") for table, columns in tables(folder).items()}


def changed(folder: Path, cdp) -> None:
    """Let rows of many sources be gone, and others be other than they were; records of people among them."""
    sums = ("sap_invoices", "sap_invoice_lines", "sap_sales_orders", "sap_sales_order_lines")
    names = [
        n
        for (n,) in asked(folder, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bronze'")
        if n not in sums
        and not n.endswith(("_items", "_products", "_stock", "_campaigns", "_campaign_days", "_ad_days"))
    ]
    of(folder, *(f'DELETE FROM bronze."{n}" WHERE hash(_file, _line) % 150 = 3' for n in names))
    money = asked(
        folder,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'bronze' AND data_type LIKE 'DECIMAL%' AND "
        "(column_name LIKE '%amount%' OR column_name LIKE '%total%' OR column_name LIKE '%value%') ORDER BY ALL",
    )
    of(
        folder,
        *(
            f'UPDATE bronze."{t}" SET "{c}" = "{c}" + 1 WHERE hash(_file, _line) % 150 = 4'
            for t, c in money
            if t in names
        ),
    )
    for step in ("standardise", "link", "cluster", "golden"):
        cdp(folder, step)


def test_a_part_is_what_a_whole_build_makes(copy, tmp_path, built, cdp):
    changed(copy, cdp)
    whole = tmp_path / "whole"
    shutil.copytree(copy, whole)
    assert "build of a part" in built(copy)
    assert "dbt build" in built(whole, "--whole", **LATER)
    touched = asked(copy, "SELECT count(*) FROM known.touched")[0][0]
    everybody = asked(copy, "SELECT count(*) FROM identity.profiles")[0][0]
    assert 0 < touched < everybody / 4
    compared = {}
    for table, columns in tables(copy).items():
        if table in STANDS | OFFERED or table in ("intermediate.int_metric_places", "figures.figures"):
            continue
        told = BY_NEIGHBOURS.get(table, set()) | AMONG_ALL.get(table, set())
        kept = [c for c in columns if c not in told]
        whose = next((c for c in ("customer_id", "subject_id") if c in columns), None)
        # Facts are those of everybody; what is said of a customer is compared for those touched.
        of_touched = whose and not (table.startswith("marts.") and table != "marts.customers")
        if table in ("fitted.fitted_late_invoices", "fitted.fitted_leads"):
            of_touched = False
        compared[table] = (kept, f"WHERE {whose} IN (FROM a.known.touched)" if of_touched else "")
    assert len(compared) > 100
    # What a figure says may hang on numbers among all; that it is said does not.
    compared["figures.figures"] = (["figure", "as_of_date", "dimension"], "")
    assert differing(copy, whole, compared) == {}


def test_where_nothing_is_new_nobody_is_touched_and_nothing_changes(copy, known, built):
    assert "customers_touched=0" in built(copy)
    assert differing(copy, known, all_rows(known)) == {}
    # Comments are what people read of a column: they stay.
    said = "SELECT count(*) FROM duckdb_columns() WHERE comment IS NOT NULL"
    assert asked(copy, said) == asked(known, said)


def test_of_what_is_made_of_sources_with_the_same_rows_no_sums_are_told_anew(copy, built):
    names = [n for (n,) in asked(copy, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bronze'")]
    told = "known of intermediate_int_{}__unioned"

    def seconds() -> set[str]:
        return set(files.read_json(copy / "state" / "dbt" / "part_seconds.json"))

    of(copy, *(f"COMMENT ON TABLE bronze.\"{n}\" IS 'rows of revision a'" for n in names))
    # What was known before of no source is asked.
    assert "customers_touched=0" in built(copy)
    assert {told.format(thing) for thing in ("orders", "tickets", "web_events", "consents")} <= seconds()
    assert {"marts.ad_spend", "marts.products"} <= seconds()
    (order, customer) = asked(
        copy, "SELECT split_part(order_id, ':', 2), customer_id FROM marts.orders WHERE source = 'woocommerce' AND customer_id IS NOT NULL ORDER BY 1"
    )[0]  # fmt: skip
    of(
        copy,
        f"UPDATE bronze.woocommerce_orders SET total = total + 1 WHERE order_id = '{order}'",
        "COMMENT ON TABLE bronze.woocommerce_orders IS 'rows of revision b'",
    )
    assert "build of a part" in built(copy)
    assert told.format("orders") in seconds()
    # What is made of sources that stand alone stands; products are made of orders too.
    assert seconds() & {"marts.ad_spend", "marts.products"} == {"marts.products"}
    # Of consents some are told by contact points, which identity makes.
    assert not {told.format(thing) for thing in ("tickets", "web_events", "calls")} & seconds()
    assert told.format("consents") in seconds()
    assert customer in {c for (c,) in asked(copy, "FROM known.touched")}
    # It is known now of the new rows, too; and where a relation puts several together, what stands of it is not asked again.
    of(
        copy,
        "UPDATE known.intermediate_int_consents__unioned SET content = 0 WHERE piece = 'intermediate.int_consents__hubspot'",
    )
    assert "customers_touched=0" in built(copy)
    assert told.format("orders") not in seconds()
    assert asked(
        copy,
        "SELECT DISTINCT piece FROM known.intermediate_int_consents__unioned WHERE content = 0",
    ) == [("intermediate.int_consents__hubspot",)]


def test_keys_of_a_join_are_handed_down_to_where_rows_are_read():
    con = duckdb.connect()
    con.execute("CREATE TABLE facts AS SELECT 'k' || i AS key, i FROM range(200000) AS t (i)")
    con.execute("CREATE TABLE keys AS SELECT key FROM facts WHERE i % 500 = 0")

    def plan(keys: str) -> str:
        return con.execute(f"EXPLAIN ANALYZE SELECT max(i) FROM facts SEMI JOIN {keys} USING (key)").fetchall()[0][1]

    assert "BF" in plan(handed("key", "keys"))
    # Where DuckDB does so by itself one day, `handed` can go.
    assert "BF" not in plan("keys")


def test_on_a_new_day_who_was_not_touched_keeps_the_day_of_the_numbers(copy, built):
    day, customer, order = asked(
        copy,
        "SELECT as_of_date, customer_id, split_part(order_id, ':', 2) FROM marts.orders, intermediate.int_as_of WHERE source = 'woocommerce' "
        "AND customer_id IS NOT NULL ORDER BY order_id LIMIT 1",
    )[0]
    of(
        copy,
        "INSERT INTO bronze.woocommerce_orders SELECT * REPLACE (order_id || '9' AS order_id, "
        f"TIMESTAMP '{day} 12:00:00' + INTERVAL 1 DAY AS paid_at) FROM bronze.woocommerce_orders WHERE order_id = '{order}'",
    )
    assert "build of a part" in built(copy)
    days = dict(asked(copy, "SELECT customer_id, as_of_date FROM marts.customers"))
    touched = {c for (c,) in asked(copy, "FROM known.touched")}
    assert customer in touched
    assert asked(copy, "SELECT max(as_of_date) - max(whole_date) FROM known.as_of") == [(1,)]
    assert {c for c, on in days.items() if on > day} == touched & set(days)
    assert {on for c, on in days.items() if c not in touched} == {day}
    # Silence, too, touches those for whom it reaches a bound on that day.
    bound = f"SELECT customer_id FROM marts.customers WHERE DATE '{day}' + 1 - last_order_date IN (91, 181, 366, 901)"
    assert {c for (c,) in asked(copy, bound)} <= touched


def test_later_than_is_allowed_and_on_another_base_a_whole_build_is_due(copy, monkeypatch):
    monkeypatch.setenv("CDP_DATA", str(copy))
    of(copy, "UPDATE known.as_of SET whole_date = whole_date - 8")
    con = connect()
    base = con.execute("SELECT base FROM main.build_base").fetchall()[0][0]
    assert build_part(con, "of another project", 7) is None
    assert build_part(con, base, 7) is None
    assert build_part(con, base, 8) is not None
    con.close()


def test_on_models_that_were_not_compiled_a_whole_build_is_due(copy, monkeypatch):
    monkeypatch.setenv("CDP_DATA", str(copy))
    # A dbt that was broken off has parsed all models and compiled none.
    path = copy / "state" / "dbt" / "parts.json"
    plan = files.read_json(path)
    files.write_json(path, plan | {"nodes": [n | {"code": ""} for n in plan["nodes"]]})
    con = connect()
    assert build_part(con, plan["base"], 7) is None
    con.close()


def test_meta_that_is_not_known_is_refused(copy, monkeypatch):
    monkeypatch.setenv("CDP_DATA", str(copy))
    path = copy / "state" / "dbt" / "target" / "manifest.json"
    manifest = files.read_json(path)
    node = manifest["nodes"]["model.clientela.orders"]
    for key, allowed in (("part_by", "subject_id"), ("cuts", "invoices")):
        told = node["config"] | {"meta": {key: "colour"}}
        files.write_json(
            path, manifest | {"nodes": manifest["nodes"] | {"model.clientela.orders": node | {"config": told}}}
        )
        with pytest.raises(DeclarationError, match=rf"orders.*meta {key} of orders is 'colour'; allowed: .*{allowed}"):
            keep_plan("any", path)


def test_what_does_not_add_up_stops_the_part_and_the_next_build_is_whole(copy, built):
    of(
        copy,
        "CREATE TABLE bronze.kept AS FROM bronze.sap_invoice_lines",
        "DELETE FROM bronze.sap_invoice_lines WHERE hash(_file, _line) % 50 = 1",
    )
    said = built(copy, check=False)
    assert "sap_lines_add_up_to_documents" in said
    assert "next build is a whole one" in said
    # Nothing stands for the next one to build on.
    assert asked(copy, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'build_base'") == [(0,)]


def test_a_part_that_was_killed_leaves_the_file_as_it_was(copy, tmp_path, built, cdp):
    (order,) = asked(
        copy, "SELECT max(split_part(order_id, ':', 2)) FROM marts.orders WHERE source = 'woocommerce' AND customer_id IS NOT NULL"
    )[0]  # fmt: skip
    of(copy, f"UPDATE bronze.woocommerce_orders SET total = total + 1 WHERE order_id = '{order}'")
    other = tmp_path / "other"
    shutil.copytree(copy, other)
    # The orders are written, and much else is under way.
    killed = cdp(copy, "build", check=False, **DAYS, CDP_FAULT="part.after_marts.orders:kill")
    assert killed.returncode == 137
    assert differing(copy, other, all_rows(other)) == {}
    for folder in (copy, other):
        assert "build of a part" in built(folder)
    assert asked(copy, "SELECT count(*) FROM known.touched")[0][0] > 0
    assert differing(copy, other, all_rows(other)) == {}
