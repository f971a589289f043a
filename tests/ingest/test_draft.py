"""An unknown export is drafted: the draft is valid, and the file that it was made from passes it."""

from __future__ import annotations

import pytest
import yaml

from ingest.check import check_file
from ingest.draft import draft
from quality.contract import Contract, load_contracts

NOT_DRAFTED = (".zip",)


def drafted(path):
    text = draft(path, "xx", "things")
    return Contract.model_validate(yaml.safe_load(text)), text


def test_every_export_of_the_sample_company_passes_its_own_draft(company, workspace):
    files = [p for p in sorted((company / "inbox").rglob("*")) if p.is_file() and p.suffix not in NOT_DRAFTED]
    bad = []
    for path in files:
        contract, text = drafted(path)
        trial = check_file(contract, path)[0]
        if trial.refused or trial.quarantined > 0.02 * trial.rows_in + 1 or not trial.accepted:
            bad.append((path.name, trial.refused, trial.reasons))
        assert "@gmail" not in text and "@hotmail" not in text

    assert len(files) > 60 and bad == []


def test_real_tables_pass_their_own_draft(shared_data, workspace):
    files = sorted((shared_data / "exports" / "connector_seeds").rglob("*.csv")) + sorted(
        (shared_data / "exports").glob("composed_es_mx/[!_]*.csv")
    )
    passed = 0
    for path in files:
        contract, _ = drafted(path)
        trial = check_file(contract, path)[0]
        passed += bool(not trial.refused and trial.quarantined <= 0.05 * trial.rows_in)

    assert passed >= 0.97 * len(files) and len(files) > 250


def test_what_a_draft_finds_in_sap_s_customers(company, workspace):
    contract, text = drafted(company / "inbox" / "sap" / "KNA1.csv")

    assert (contract.encoding, contract.delimiter, contract.key, contract.identifies) == (
        "windows-1252",
        ";",
        ("kunnr",),
        "person",
    )
    assert contract.columns["kunnr"].type == "string" and contract.columns["erdat"].type == "date"
    roles = {c.role for c in contract.columns.values()}
    assert {"full_name", "city", "postcode", "street", "phone", "country", "tax_id"} <= roles
    assert text.startswith("# Drafted from KNA1.csv")


def test_secrets_are_proposed_to_be_dropped(workspace, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("id,email,password_hash,rp_token\n1,a@b.example,xyz,t\n2,c@d.example,uvw,s\n")
    contract, _ = drafted(path)

    assert set(contract.drop_at_landing) == {"password_hash", "rp_token"} and "password_hash" not in contract.columns


def test_the_commands_draft_check_and_list(company, workspace, cdp):
    inbox = company / "inbox"
    done = cdp(
        workspace,
        "source",
        "new",
        str(inbox / "bc" / "salesInvoices.xml"),
        "--source",
        "old",
        "--table",
        "invoices",
        "--out",
        str(workspace / "mine"),
    )
    assert "is drafted" in done.stdout.replace("\n", " ")
    settings = {"CDP_SOURCES": str(workspace / "mine")}
    checked = cdp(workspace, "source", "check", "old_invoices", str(inbox / "bc" / "salesInvoices.xml"), **settings)
    assert "accepted" in checked.stdout
    again = cdp(
        workspace,
        "source",
        "new",
        str(inbox / "bc" / "salesInvoices.xml"),
        "--source",
        "old",
        "--table",
        "invoices",
        "--out",
        str(workspace / "mine"),
        check=False,
    )
    assert again.returncode == 1 and "is there already" in again.stderr

    broken = workspace / "KNA1.csv"
    broken.write_text("KUNNR;NAME1\n1;Ana\n")
    refused = cdp(workspace, "source", "check", "sap_customers", str(broken), check=False)
    assert refused.returncode == 3 and "would be set aside" in refused.stderr
    assert not (workspace / "lake").exists()
    listed = cdp(workspace, "source", "list", COLUMNS="220").stdout
    assert all(name in listed for name in load_contracts()) and "no file yet" in listed


def test_a_trial_says_what_landing_then_does(company, workspace):
    from ingest.land import land

    contract = load_contracts()["hubspot_contacts"]
    path = company / "inbox" / "hubspot" / "hubspot-contactos.csv"
    trial = check_file(contract, path)[0]
    (workspace / "inbox" / "hubspot").mkdir()
    (workspace / "inbox" / "hubspot" / path.name).write_bytes(path.read_bytes())
    result = land(contract)

    assert (trial.rows_in, trial.accepted, trial.quarantined) == (
        result.rows_in,
        result.rows_out,
        result.facts["quarantined"],
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty (0 bytes)"),
        (b'{"a": [1, 2', "is no whole document"),
        (b"<a><b>1</b></a>", "no element that repeats"),
    ],
)
def test_what_is_no_export_gives_a_sentence(workspace, tmp_path, content, words):
    from warehouse.errors import CdpError

    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(CdpError) as refused:
        drafted(path)

    assert str(refused.value).startswith("x.csv: ") and words in str(refused.value)
