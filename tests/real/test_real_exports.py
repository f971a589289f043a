"""Real input, not ours: AdventureWorks through the whole pipeline, and a composed Spanish-language company's identities."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFORMED = {
    "orders": ["adventureworks"], "order_lines": ["adventureworks"], "products": ["adventureworks"],
    "consents": ["hubspot", "shopify", "mailchimp", "segment"], "web_events": ["segment"], "email_events": ["mailchimp"], "receivables": ["sap"],
}  # fmt: skip


def write_truth(path, rows):
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["table", "record_id", "person_id"])
        writer.writerows(rows)


@pytest.fixture(scope="module")
def adventureworks(shared_data, tmp_path_factory, cdp):
    """AdventureWorks' ERP and shop exports, read where they lie, through every step."""
    folder = tmp_path_factory.mktemp("adventureworks")
    settings = {
        "CDP_INBOX": str(shared_data / "exports"),
        "CDP_SOURCES": f"{ROOT / 'ingest' / 'sources'}:{HERE / 'adventureworks' / 'sources'}",
        "CDP_DBT_MODELS": str(HERE / "adventureworks" / "models"),
        "CDP_DBT_VARS": json.dumps({"conformed": CONFORMED}),
    }
    cdp(folder, "run", **settings)
    return folder, settings


def test_18148_customers_resolve_across_erp_and_shop(adventureworks, shared_data, tmp_path, cdp, figure):
    folder, settings = adventureworks
    truth = list(csv.DictReader((shared_data / "exports" / "adventureworks" / "_truth_erp_to_ecommerce.csv").open()))
    rows = [("awerp_customers", r["erp_customer_id"], r["ecommerce_customer_key"]) for r in truth]
    rows += [("awshop_customers", r["ecommerce_customer_key"], r["ecommerce_customer_key"]) for r in truth]
    write_truth(tmp_path / "truth.csv", rows)
    found = json.loads(cdp(folder, "evaluate", "--json", "--truth", str(tmp_path / "truth.csv"), **settings).stdout)
    figure(f"AdventureWorks: {found['pairwise']} on {found['people']:,} people")

    assert len(truth) == 18148 and found["records_without_customer"] == 0
    assert found["pairwise"]["precision"] >= 0.999 and found["pairwise"]["recall"] >= 0.999


def test_revenue_equals_the_totals_of_the_files(adventureworks, shared_data):
    folder, _ = adventureworks
    total, orders = Decimal(0), set()
    for path in sorted((shared_data / "exports" / "adventureworks_maven" / "SalesTransactions").glob("*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8-sig")):
            total += Decimal(row["Sales"])
            orders.add(row["OrderNumber"])
    con = duckdb.connect(str(folder / "warehouse" / "cdp.duckdb"), read_only=True)
    found = con.execute("SELECT sum(revenue), count(*), count(customer_id) FROM marts.orders").fetchall()[0]

    assert found == (total, len(orders), len(orders))


def test_no_row_is_lost_between_files_bronze_and_quarantine(adventureworks, shared_data):
    folder, _ = adventureworks
    con = duckdb.connect(str(folder / "warehouse" / "cdp.duckdb"), read_only=True)
    loads = con.execute("SELECT file, rows_in, accepted, quarantined, dropped FROM quality.loads ORDER BY 1").fetchall()

    assert len(loads) == 15 and con.execute("SELECT count(*) FROM quality.refused_files").fetchall() == [(0,)]
    for file, rows_in, accepted, quarantined, dropped in loads:
        physical = (shared_data / "exports" / file).read_bytes().splitlines()
        header = 0 if file.endswith("Sales.Store.csv") else 1
        assert rows_in == len([line for line in physical if line.strip()]) - header, file
        assert rows_in == accepted + quarantined + dropped, file


def test_the_composed_company_of_mexico_and_spain(shared_data, tmp_path, cdp, figure):
    settings = {"CDP_INBOX": str(shared_data / "exports"), "CDP_SOURCES": str(HERE / "composed_es_mx" / "sources")}
    for step in ("land", "bronze", "standardise", "link", "cluster"):
        cdp(tmp_path, step, **settings)
    tables = {
        "erp": "sap_customers",
        "crm": "hubspot_contacts",
        "ecommerce": "shopify_customers",
        "email": "mailchimp_members",
    }
    truth = csv.DictReader((shared_data / "exports" / "composed_es_mx" / "_truth.csv").open(encoding="utf-8"))
    write_truth(
        tmp_path / "truth.csv", [(tables[r["system"]], r["record_id"].lstrip("'"), r["person_id"]) for r in truth]
    )
    found = json.loads(cdp(tmp_path, "evaluate", "--json", "--truth", str(tmp_path / "truth.csv"), **settings).stdout)
    figure(f"Composed company of Mexico and Spain: {found['pairwise']} on {found['people']:,} people")

    assert found["people"] == 3942 and found["records_without_customer"] == 0
    assert found["pairwise"]["f1"] >= 0.93
    assert found["largest_cluster"] <= 2 * found["largest_true"]
