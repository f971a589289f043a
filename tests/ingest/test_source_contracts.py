"""Every declared source over real headers, over connectors' own tables, and over the sample company's files."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ingest.check import check_file
from ingest.readers.rows import place_columns
from quality.contract import load_contracts
from warehouse.errors import RefusedFile

HEADERS = {
    "shopify_customers": ["shopify_customers_export.csv"],
    "shopify_orders": ["shopify_orders_export.csv"],
    "mailchimp_members": ["mailchimp_audience_subscribed.csv"],
    "sap_customers": ["sap_kna1_min.csv"],
    "hubspot_contacts": ["hubspot_contacts_export_en.csv"],
    "hubspot_deals": ["hubspot_deals_export_en.csv"],
    "klaviyo_campaigns": ["klaviyo_campaigns.csv"],
    "klaviyo_profiles": ["klaviyo_list_members.csv"],
    "googleads_campaign_days": ["google_ads_campaign_report.csv"],
    "meta_ad_days": ["meta_ads_report_en.csv", "meta_ads_report_es.csv"],
    "typeform_responses": ["typeform_responses.csv"],
}

#: Connectors' tables with the columns of the export: table, seed, and rows that a seed's scrambled values cannot keep.
SEEDS = {
    "salesforce_accounts": "salesforce/sf_account_data.csv",
    "salesforce_contacts": "salesforce/sf_contact_data.csv",
    "salesforce_leads": "salesforce/sf_lead_data.csv",
    "salesforce_opportunities": "salesforce/sf_opportunity_data.csv",
    "salesforce_tasks": "salesforce/sf_task_data.csv",
    "hubspot_contacts": "hubspot/contact_data.csv",
    "hubspot_companies": "hubspot/company_data.csv",
    "hubspot_deals": "hubspot/deal_data.csv",
    "klaviyo_profiles": "klaviyo/person.csv",
    "mailchimp_campaign_activity": "mailchimp/campaign_recipient_activity.csv",
    "shopify_abandoned_checkouts": "shopify/shopify_abandoned_checkout_data.csv",
    "sap_customers": "sap/sap_kna1_data.csv",
    "sap_sales_orders": "sap/sap_vbak_data.csv",
    "sap_sales_order_lines": "sap/sap_vbap_data.csv",
    "sap_cleared_items": "sap/sap_bsad_bck_data.csv",
}
CONNECTOR = {
    "encoding": "utf-8",
    "delimiter": ",",
    "decimal": ".",
    "thousands": "",
    "multiline": True,
    "load": "full",
    "header_row": 1,
    "footer": None,
    "timestamps": ("%Y-%m-%d %H:%M:%S%.f", "iso8601", "%Y-%m-%d %H:%M:%S"),
    "dates": ("%Y-%m-%d", "%Y%m%d", "%Y-%m-%d %H:%M:%S"),
    "duplicates": "drop",
}


@pytest.mark.parametrize(("table", "file"), [(t, f) for t, files in HEADERS.items() for f in files])
def test_declared_headers_are_those_of_real_exports(shared_data, table, file):
    contract = load_contracts()[table]
    text = (shared_data / "exports" / "format_headers" / file).read_text(encoding="utf-8")
    header = next(csv.reader(io.StringIO(text), delimiter=contract.delimiter))
    placed, _, absent = place_columns(header, contract, file)
    in_file = [c for c in contract.columns.values() if c.is_in_the_file]

    assert len(placed) + len(absent) == len(in_file)
    assert len(placed) >= 0.5 * len(in_file)


def test_a_view_that_leaves_needed_columns_out_is_refused_by_name(shared_data):
    contract = load_contracts()["genesys_interactions"]
    text = (shared_data / "exports" / "format_headers" / "genesys_cloud_interactions.csv").read_text(encoding="utf-8")
    with pytest.raises(RefusedFile, match="columns 'Conversation ID', 'Media Type'"):
        place_columns(text.strip().split(","), contract, "view.csv")


@pytest.mark.parametrize("table", SEEDS)
def test_a_connector_s_table_passes_the_same_declaration(shared_data, workspace, table):
    contract = load_contracts()[table]
    plain = contract.model_copy(
        update={
            **CONNECTOR,
            "rows": contract.rows.model_copy(update={"min": 0}),
            "rules": (),
            "columns": {
                n: c.model_copy(update={"formats": (), "optional": c.optional or table.startswith(("hubspot", "sap"))})
                for n, c in contract.columns.items()
            },
        }
    )
    trial = check_file(plain, shared_data / "exports" / "connector_seeds" / SEEDS[table])[0]
    rows = list(
        csv.reader((shared_data / "exports" / "connector_seeds" / SEEDS[table]).open(encoding="utf-8-sig", newline=""))
    )[1:]

    assert trial.refused == ""
    assert (
        trial.rows_in
        == len([r for r in rows if any(c.strip() for c in r)])
        == trial.accepted + trial.quarantined + trial.dropped
    )
    # BSAD's seed has random letters where customers, dates and signs belong: only its columns can be compared.
    at_least = 0 if table == "sap_cleared_items" else 0.5
    assert trial.accepted + trial.dropped >= at_least * trial.rows_in, trial.reasons


@pytest.mark.parametrize(
    ("table", "seed"), [("zendesk_tickets", "zendesk/ticket_data.csv"), ("zendesk_users", "zendesk/user_data.csv")]
)
def test_a_support_desk_s_rows_as_its_api_gives_them(shared_data, workspace, table, seed):
    contract = load_contracts()[table].model_copy(update={"timestamps": CONNECTOR["timestamps"]})
    rows = list(csv.DictReader((shared_data / "exports" / "connector_seeds" / seed).open(encoding="utf-8")))
    name = table.split("_")[1]
    path = workspace / "export.json"
    path.write_text(json.dumps({name: [{k: v or None for k, v in r.items()} for r in rows], "end_of_stream": True}))
    trial = check_file(contract, path)[0]

    assert (trial.refused, trial.rows_in) == ("", len(rows))
    assert trial.accepted + trial.dropped == len(rows), trial.reasons


@pytest.fixture(scope="module")
def landed(company, tmp_path_factory, cdp):
    import os

    folder = tmp_path_factory.mktemp("landed")
    cdp(folder, "land", CDP_INBOX=str(company / "inbox"))
    os.environ["CDP_DATA"] = str(folder)
    yield folder
    del os.environ["CDP_DATA"]


@pytest.mark.parametrize("table", sorted(load_contracts()))
def test_the_sample_company_has_every_declared_table_and_it_passes(landed, monkeypatch, table):
    from warehouse import lake

    monkeypatch.setenv("CDP_DATA", str(landed))
    contract = load_contracts()[table]
    loads = lake.loads(table, contract.version)

    assert lake.refusals(table) == []
    assert loads and sum(load.accepted for load in loads) > 0
    for load in loads:
        assert load.rows_in == load.accepted + load.quarantined + load.dropped
        assert load.quarantined <= 0.01 * load.rows_in + 1, load.reasons
    filled = {column: sum(load.filled.get(column, 0) for load in loads) for column in contract.columns}
    hollow = [c for c, n in filled.items() if not n and not contract.columns[c].optional]
    assert len(hollow) <= 0.35 * len(contract.columns), hollow


def test_the_page_of_sources_is_made_from_the_declarations():
    from ingest.catalogue import PAGE, is_current

    assert is_current(), "run `cdp source docs`"
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in load_contracts())
