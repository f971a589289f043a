"""Companies: their names taken apart, and accounts with ids that last, with the people who work for them."""

from __future__ import annotations

import json

import pytest

from identity.accounts import build_accounts
from identity.declared import EntityRules, resolving, rules_in_force
from identity.link import link_records
from identity.model import load_model
from identity.normalise.companies import company_domain, parse_company
from identity.source_tables import SourceTable
from warehouse.declarations import load
from warehouse.duck import connect
from warehouse.errors import DeclarationError


@pytest.mark.parametrize(
    ("written", "key", "form"),
    [
        ("Pérez Hermanos, S.A. de C.V.", "perez hermanos", "sa de cv"),
        ("PEREZ HERMANOS SA DE CV", "perez hermanos", "sa de cv"),
        ("Muñoz e Hijos S. de R.L. de C.V.", "muñoz hijos", "srl de cv"),
        ("Spa Relax SpA", "spa relax", "spa"),
        ("Nestlé S.A.", "nestle", "sa"),
        ("Foo & Co.", "foo", "co"),
        ("Foo Oy", "foo", ""),
        ("SA", "sa", ""),
        ("", "", ""),
    ],
)
def test_a_legal_form_is_no_part_of_a_name(written, key, form):
    assert (parse_company(written).key, parse_company(written).legal_form) == (key, form)


@pytest.mark.parametrize(
    ("website", "email", "domain"),
    [
        ("https://www.foo.com.mx/x?y", None, "foo.com.mx"),
        (None, "ventas@mail.foo.co.uk", "foo.co.uk"),
        (None, "foo@gmail.com", ""),
        ("n/a", None, ""),
        ("WWW.BAR.ES:80", None, "bar.es"),
    ],
)
def test_a_company_s_domain_is_the_one_it_registered(website, email, domain):
    assert company_domain(website, email)[0] == domain


def _crm(con, companies, contacts):
    con.execute(
        "CREATE OR REPLACE TABLE bronze.crm_companies (id VARCHAR, company VARCHAR, web VARCHAR, master VARCHAR, gone VARCHAR)"
    )
    con.executemany("INSERT INTO bronze.crm_companies VALUES (?, ?, ?, ?, ?)", companies)
    con.execute("CREATE OR REPLACE TABLE bronze.crm_people (id VARCHAR, account VARCHAR)")
    con.executemany("INSERT INTO bronze.crm_people VALUES (?, ?)", contacts)
    roles = {"company": ["company"], "website": ["web"], "merged_into": ["master"], "is_deleted": ["gone"]}
    con.execute(
        "CREATE OR REPLACE TABLE quality.company_tables AS SELECT 'crm_companies' AS table_name, 'crm' AS source, '[\"id\"]' AS key, "
        "? AS roles, 'MX' AS country, '[]' AS joins",
        [json.dumps(roles)],
    )
    con.execute(
        "CREATE OR REPLACE TABLE quality.employer_tables AS SELECT 'crm_people' AS table_name, '[\"id\"]' AS key, 'account' AS account, "
        "'crm_companies' AS companies"
    )
    con.execute(
        "CREATE OR REPLACE TABLE identity.members AS SELECT 'crm_people:' || id AS record_key, 'C' || id AS customer_id FROM bronze.crm_people"
    )
    con.execute(
        "CREATE OR REPLACE TABLE identity.records AS SELECT record_key, CASE WHEN record_key = 'crm_people:3' THEN 'eva@acero.example' END "
        "AS email_address FROM identity.members"
    )


def test_accounts_keep_their_ids_and_know_who_works_for_them(workspace):
    con = connect()
    first = [
        ("1", "Aceros Quintanilla S.A. de C.V.", "acero.example", None, "false"),
        ("2", "ACEROS QUINTANILLA", "https://acero.example", None, "false"),
        ("3", "Panadería Zubizarreta S.L.", "pan.example", None, "false"),
        # The CRM itself merged an old account into the third one.
        ("4", "Zeta", None, "3", "true"),
        ("5", None, None, None, "false"),
    ]
    _crm(con, first, [("1", "1"), ("2", "4"), ("3", None)])
    before = build_accounts(con)
    found = dict(con.execute("SELECT record_id, account_id FROM identity.account_members").fetchall())
    people = con.execute("SELECT customer_id, account_id, reason FROM identity.customer_accounts").fetchall()

    assert before.rows_out == 2
    assert found["1"] == found["2"] != found["3"]
    assert found["4"] == found["3"]
    assert "5" not in found
    assert con.execute("SELECT exclusion FROM identity.account_records WHERE record_id = '5'").fetchall() == [
        ("nothing to recognise a company by",)
    ]
    assert people == [
        ("C1", found["1"], "a record of crm_people names the company"),
        ("C2", found["3"], "a record of crm_people names the company"),
        ("C3", found["1"], "mailbox on the domain of the company"),
    ]
    assert all(account.startswith("A") for account in found.values())
    assert con.execute("SELECT account_name, domain, records FROM identity.accounts ORDER BY domain").fetchall() == [
        ("Aceros Quintanilla S.A. de C.V.", "acero.example", 2),
        ("Panadería Zubizarreta S.L.", "pan.example", 2),
    ]

    again = build_accounts(con)
    assert again.facts["kept_pct"] == 100
    assert "created" not in again.facts
    _crm(con, [first[0], ("6", "Aceros Quintanilla, S.A.", "acero.example", None, "false")], [("1", "6")])
    build_accounts(con)
    after = dict(con.execute("SELECT record_id, account_id FROM identity.account_members").fetchall())
    assert after == {"1": found["1"], "6": found["1"]}
    assert con.execute(
        "SELECT current_account_id FROM identity.account_aliases WHERE account_id = ?", [found["3"]]
    ).fetchall() == [(None,)]
    con.close()


def test_no_companies_is_no_error(workspace):
    con = connect()
    _crm(con, [("1", "x", None, None, "false")], [("1", None)])
    con.execute("DELETE FROM quality.company_tables")
    assert build_accounts(con).rows_out == 0
    con.close()


def test_rules_in_force_are_those_of_what_is_resolved(workspace):
    assert rules_in_force().entity == "person"
    with resolving("company"):
        assert rules_in_force().entity == "company"
        assert load_model()["entity"] == "company"
    assert rules_in_force().entity == "person"
    assert link_records.__doc__


def test_the_shipped_numbers_leave_companies_their_second_phone(workspace):
    with resolving("company"):
        least = {name: c.different_m_from for name, c in rules_in_force().comparisons.items() if c.different_m_from}
        shipped = load_model()["comparisons"]
    assert least == {"legal_form": 0.05, "phone": 0.2, "address": 0.1}
    assert all(shipped[name][-1]["m"] >= m * 0.999 for name, m in least.items())
    assert all(sum(level["m"] for level in levels) == pytest.approx(1, abs=0.001) for levels in shipped.values())


def test_a_company_is_not_compared_by_a_person_s_columns(workspace):
    from identity.declared import HERE

    text = (HERE / "company.yml").read_text(encoding="utf-8")
    wrong = workspace / "company.yml"
    wrong.write_text(text.replace("- [name_rare, postcode]", "- [given_first, postcode]"), encoding="utf-8")
    with pytest.raises(DeclarationError, match="a company has no column given_first; it has name_key"):
        load(wrong, EntityRules)


def test_a_table_of_several_keys_merges_nobody_and_breaks_nothing(workspace):
    con = connect()
    merges = SourceTable("crm_lines", "crm", ["order_id", "line"], {"merged_into": ["master"]}, None, []).merges()
    con.execute(f"CREATE TABLE merges AS {merges}")
    assert con.execute("SELECT 'crm_lines:1|2' IN (SELECT record_key FROM merges)").fetchall() == [(False,)]
    con.close()
