"""The whole pipeline: what comes out is right, and a second run changes nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from decimal import Decimal
from xml.etree import ElementTree

import duckdb
import pytest

from warehouse.duck import connect, rows
from warehouse.publish import manifest, open_published


def dump(data):
    """Canonical content of every published table and every audience file."""
    con = duckdb.connect(str(data / "warehouse" / "cdp.duckdb"), read_only=True)
    tables = con.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL").fetchall()
    found = {
        f"{s}.{t}": con.execute(f"SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM {s}.{t} AS t").fetchall()[0]
        for s, t in tables
    }
    con.close()
    for path in sorted(data.glob("outbox/*/*/*.csv")):
        found[str(path.relative_to(data))] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(data.glob("state/journal/*/*/*.parquet")):
        found[str(path.relative_to(data))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.fixture(scope="module")
def again(finished, tmp_path_factory, cdp):
    """A copy of the finished run, run once more."""
    folder = tmp_path_factory.mktemp("again")
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    cdp(folder, "run")
    return folder


def test_a_second_run_changes_nothing(finished, again):
    assert dump(again) == dump(finished)


def test_a_second_run_builds_no_view_of_a_source_anew_and_asks_every_rule_of_rows(again):
    target = again / "state" / "dbt" / "target"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    built = {node["unique_id"] for node in results}
    left_out = {
        u: node for u, node in nodes.items() if u not in built and node["resource_type"] in ("model", "seed", "test")
    }

    assert sum(node["resource_type"] == "model" for node in left_out.values()) > 100
    assert {
        node["original_file_path"].split("/")[0] for node in left_out.values() if node["resource_type"] != "model"
    } == {"seeds"}
    assert "test.clientela.revenue_equals_the_ledger" in built


def test_keys_of_sources_are_asked_though_their_views_are_not_built_anew(again, tmp_path, cdp, monkeypatch):
    folder = tmp_path / "again"
    shutil.copytree(again, folder)
    monkeypatch.setenv("CDP_DATA", str(folder))
    con = connect()
    con.execute("CREATE TABLE twice AS SELECT * FROM bronze.loyalty_members LIMIT 3")
    sql = con.execute(
        "SELECT sql FROM duckdb_views() WHERE schema_name = 'bronze' AND view_name = 'loyalty_members'"
    ).fetchall()[0][0]
    con.execute(
        f"CREATE OR REPLACE VIEW bronze.loyalty_members AS {sql.split(' AS ', 1)[1].rstrip(';')} UNION ALL BY NAME SELECT * FROM twice"
    )
    con.close()
    done = cdp(folder, "build", check=False)

    assert (
        done.returncode
        and "key of staging.stg_loyalty__members: (card_number) is twice or null for 3 values" in done.stderr
    )


def test_a_second_run_lands_nothing_and_publishes_nothing(again, cdp):
    assert "rows_in=0" in cdp(again, "land").stdout
    assert "unchanged=True" in cdp(again, "publish").stdout


def test_rows_in_are_accepted_quarantined_or_dropped_for_every_file(in_finished):
    con = open_published()
    loads = rows(con, "SELECT * FROM quality.loads")

    assert len(loads) >= 25
    assert all(r["rows_in"] == r["accepted"] + r["quarantined"] + r["dropped"] for r in loads)
    assert rows(con, "SELECT count(*) AS n FROM quality.refused_files")[0]["n"] == 0


def test_revenue_is_that_of_the_exports_to_the_cent(in_finished):
    money: dict[tuple[str, str], Decimal] = {}
    text = (in_finished / "inbox" / "sap" / "VBRK.csv").read_bytes().decode("cp1252")
    for r in csv.DictReader(text.splitlines(), delimiter=";"):
        if r["FKSTO"] != "X":
            plain = r["NETWR"].replace(".", "").replace(",", ".")
            amount = -Decimal(plain[:-1]) if plain.endswith("-") else Decimal(plain)
            money["sap", r["WAERK"]] = money.get(("sap", r["WAERK"]), Decimal(0)) + amount
    for r in csv.DictReader((in_finished / "inbox" / "shopify" / "orders_export_1.csv").open(encoding="utf-8")):
        if r["Total"] and not r["Cancelled at"] and r["Financial Status"] in ("paid", "partially_refunded", "refunded"):
            key = ("shopify", r["Currency"])
            money[key] = money.get(key, Decimal(0)) + Decimal(r["Total"]) - Decimal(r["Refunded Amount"])
    for amount in ElementTree.parse(in_finished / "inbox" / "bc" / "salesInvoices.xml").iterfind(".//{*}Amount"):
        key = ("bc", amount.attrib["currency"])
        money[key] = money.get(key, Decimal(0)) + Decimal(amount.text or 0)
    for r in csv.DictReader((in_finished / "inbox" / "odoo" / "sale.order.csv").open(encoding="utf-8")):
        if r["state"] in ("sale", "done"):
            key = ("odoo", r["currency_id"])
            money[key] = money.get(key, Decimal(0)) + Decimal(r["amount_total"])
    for o in json.loads((in_finished / "inbox" / "woocommerce" / "orders.json").read_text(encoding="utf-8")):
        if o["status"] in ("processing", "completed"):
            key = ("woocommerce", o["currency"])
            money[key] = money.get(key, Decimal(0)) + Decimal(o["total"])
    con = open_published()
    marts = {
        (r["source"], r["currency"]): r["revenue"]
        for r in rows(con, "SELECT source, currency, sum(revenue) AS revenue FROM marts.orders GROUP BY ALL")
    }

    assert marts == money and len(money) == 15


def test_identity_reaches_its_bar(tmp_path, cdp, figure):
    cdp(tmp_path, "generate", "--people", "5000", "--seed", "7", "--out", str(tmp_path))
    for step in ("land", "bronze", "standardise", "link", "cluster"):
        cdp(tmp_path, step)
    found = json.loads(cdp(tmp_path, "evaluate", "--json").stdout)
    figure(f"Sample company: {found['pairwise']} on {found['people']:,} people")

    assert found["pairwise"]["f1"] >= 0.90
    assert found["largest_cluster"] <= 2 * found["largest_true"]


def test_segments_hold_who_they_say_and_late_payers_are_in_no_list(in_finished):
    con = open_published()
    wrong = rows(
        con, "SELECT count(*) AS n FROM segments.vip JOIN marts.customers USING (customer_id) WHERE orders_count < 5"
    )
    missed = rows(
        con,
        "SELECT count(*) AS n FROM marts.customers WHERE orders_count >= 5 AND customer_id NOT IN (SELECT customer_id FROM segments.vip)",
    )
    late = {r["customer_id"] for r in rows(con, "SELECT customer_id FROM segments.late_payers")}
    con.close()
    sent = duckdb.sql(
        f"SELECT DISTINCT customer_id FROM read_parquet('{in_finished}/state/journal/*/*/*.parquet')"
    ).fetchall()

    assert wrong == missed == [{"n": 0}]
    assert late and not late & {row[0] for row in sent}


def test_nobody_without_consent_is_in_a_file(in_finished):
    con = open_published()
    allowed = {
        channel: {
            r["customer_id"]
            for r in rows(
                con,
                "SELECT customer_id FROM marts.consents WHERE is_in_force AND is_granted AND channel = ?",
                [channel],
            )
        }
        for channel in ("email", "ads")
    }
    sent = duckdb.sql(
        f"SELECT platform, customer_id FROM read_parquet('{in_finished}/state/journal/*/*/*.parquet')"
    ).fetchall()

    assert len(sent) > 30
    assert all(customer in allowed["email" if platform == "mailchimp" else "ads"] for platform, customer in sent)


def test_every_published_table_and_column_is_explained(in_finished):
    con = open_published()
    tables = rows(con, "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = 'cdp'")
    columns = rows(
        con,
        "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() WHERE database_name = 'cdp' "
        "AND schema_name IN ('marts', 'metrics', 'segments')",
    )

    assert [t for t in tables if not t["comment"]] == []
    assert [c for c in columns if not c["comment"]] == []


def test_the_queries_of_the_analysts_guide_run(in_finished):
    from pathlib import Path

    guide = (Path(__file__).parent.parent / "docs" / "analysts.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", guide, re.S)
    con = open_published()
    empty = [query for query in queries if not con.execute(query).fetchall()]

    assert len(queries) >= 20
    # In a company of 700 people no pair of products is surely bought together more often than by chance; every other question has an answer.
    assert [query for query in empty if "p.z_score > 2" not in query] == []


def test_no_personal_data_in_logs_docs_or_manifests(in_finished):
    needles = [b"@gmail.example", b"@hotmail.example", b"@outlook.example"]
    places = [*in_finished.glob("quality/**/*"), *in_finished.glob("state/dbt/**/*"), *in_finished.glob("lake/**/*.json"),
              *in_finished.glob("outbox/**/*.json"), *in_finished.glob("state/runs/*"), in_finished / "warehouse" / "manifest.json"]  # fmt: skip
    files = [p for p in places if p.is_file()]
    leaks = [p for p in files if any(needle in p.read_bytes() for needle in needles)]

    assert len(files) > 100 and leaks == []


def test_data_docs_are_there_with_a_page_per_suite(in_finished):
    from quality.checkpoints import data_docs, suites

    pages = list((in_finished / "quality").rglob("validations/**/*.html"))
    assert data_docs().exists() and len(pages) == len(suites())


def test_a_broken_promise_stops_publication_and_consumers_keep_what_they_had(finished, tmp_path, cdp, monkeypatch):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    con = duckdb.connect(str(tmp_path / "warehouse" / "build.duckdb"))
    con.execute(
        "UPDATE marts.customers SET phone = '12345' WHERE customer_id = (SELECT min(customer_id) FROM marts.customers)"
    )
    con.close()
    done = cdp(tmp_path, "check", check=False)

    assert done.returncode == 1
    assert "customers: expect_column_values_to_match_regex on phone (1 rows)" in done.stderr.replace("\n", "")
    assert "12345" not in done.stderr
    monkeypatch.setenv("CDP_DATA", str(finished))
    kept = manifest()["version"]
    monkeypatch.setenv("CDP_DATA", str(tmp_path))
    assert manifest()["version"] == kept


def test_a_changed_export_supersedes_and_only_the_difference_goes_out(finished, tmp_path, cdp):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    path = next((tmp_path / "inbox" / "mailchimp").glob("subscribed_members_export_*.csv"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.with_name("subscribed_members_export_20261101.csv").write_text("".join(lines[:-40]), encoding="utf-8")
    cdp(tmp_path, "run", CDP_NOW="2026-11-01T07:00:00+00:00")
    before, after = (
        json.loads((f / "outbox" / "vip" / "mailchimp" / "plan.json").read_text()) for f in (finished, tmp_path)
    )

    assert after["counts"].get("unchanged", 0) > 0
    assert after["size_after"] <= before["size_after"]
    ids = [
        duckdb.sql(
            f"SELECT count(DISTINCT customer_id) FROM read_parquet('{f}/state/identity/ledger.parquet') WHERE event = 'created'"
        ).fetchall()[0][0]
        for f in (finished, tmp_path)
    ]
    assert ids[1] - ids[0] <= 2


def test_a_day_that_ga4_exported_again_counts_once_and_whole(in_finished):
    again = sorted((in_finished / "inbox" / "ga4").glob("*_again.json"))
    assert len(again) == 3
    con = connect(read_only=True)
    for path in again:
        first = path.with_name(path.name.replace("_again", ""))
        lines, before = (len(p.read_text().splitlines()) for p in (path, first))
        assert before < lines
        day = path.name.removeprefix("events_")[:8]
        kept = con.execute(
            "SELECT count(*) FROM bronze.ga4_events WHERE strftime(event_date, '%Y%m%d') = ?", [day]
        ).fetchall()
        assert kept == [(lines,)]
    con.close()


def test_contacts_merged_inside_the_crm_are_read_as_lists(in_finished):
    con = connect(read_only=True)
    merged, longest, left = con.execute(
        "SELECT count(*), max(len(merged_ids)), count(*) FILTER (list_has_any(merged_ids, (SELECT list(record_id) FROM bronze.hubspot_contacts))) "
        "FROM bronze.hubspot_contacts WHERE merged_ids IS NOT NULL"
    ).fetchall()[0]
    con.close()
    assert merged > 0
    assert (longest, left) == (2, 0)


def test_every_published_table_and_column_says_what_it_holds(in_finished):
    for file in ("cdp", "audiences"):
        con = duckdb.connect(str(in_finished / "warehouse" / f"{file}.duckdb"), read_only=True)
        bare = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE comment IS NULL UNION ALL "
            "SELECT schema_name || '.' || table_name || '.' || column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal"
        ).fetchall()
        con.close()
        assert bare == [], file
