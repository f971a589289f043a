"""The sample company: the same seed gives the same bytes, quirks as in real exports, truth for every record."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import time
from collections import Counter
from datetime import date

import pytest

from data.generate import generate_company


def digest(folder):
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate_company(tmp_path / name, tmp_path / name / "truth", people=150, seed=seed)

    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_five_thousand_people_take_less_than_ten_seconds_and_size_is_linear(tmp_path):
    took = {}
    generate_company(tmp_path / "warm", tmp_path / "t", people=50)
    for people in (2500, 5000):
        started = time.perf_counter()
        made = generate_company(tmp_path / str(people), tmp_path / "t", people=people)
        took[people] = time.perf_counter() - started
        assert made.people == people

    assert took[5000] < 10
    assert took[5000] < 3.5 * took[2500]


def sap(company, table):
    text = (company / "inbox" / "sap" / f"{table}.csv").read_bytes().decode("cp1252")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def test_every_record_of_a_person_has_its_truth_and_no_export_carries_it(company):
    truth = {
        (r["table"], r["record_id"]) for r in csv.DictReader((company / "truth" / "records.csv").open(encoding="utf-8"))
    }
    numbers = {("sap_customers", r["KUNNR"]) for r in sap(company, "KNA1") if not r["XCPDK"]}
    contacts = csv.DictReader((company / "inbox" / "hubspot" / "hubspot-contactos.csv").open(encoding="utf-8-sig"))
    numbers |= {("hubspot_contacts", r["ID de registro"]) for r in contacts}

    assert numbers <= truth
    assert not list((company / "inbox").rglob("*truth*"))


def test_the_erp_export_has_sap_s_quirks(company):
    raw = (company / "inbox" / "sap" / "KNA1.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    documents = sap(company, "VBRK")

    assert all(len(r["KUNNR"]) == 10 and r["KUNNR"].startswith("0") for r in sap(company, "KNA1"))
    assert any(r["NETWR"].endswith("-") for r in documents if r["FKART"] == "G2")
    assert any("." in r["NETWR"] and "," in r["NETWR"] for r in documents)
    assert any(r["STCD1"] == "XAXX010101000" for r in sap(company, "KNA1"))
    days = [date.fromisoformat(r["FKDAT"]) for r in documents]
    assert (max(days) - min(days)).days > 700


def test_the_shop_export_has_order_columns_on_first_lines_only(company):
    lines = list(csv.DictReader((company / "inbox" / "shopify" / "orders_export_1.csv").open(encoding="utf-8")))
    first = {}
    for line in lines:
        first.setdefault(line["Name"], []).append(bool(line["Total"]))

    assert len(lines[0]) == 79
    assert all(flags[0] and not any(flags[1:]) for flags in first.values())
    customers = csv.DictReader((company / "inbox" / "shopify" / "customers_export.csv").open(encoding="utf-8"))
    assert all(r["Customer ID"].startswith("'") for r in customers)


def test_visitors_are_anonymous_until_they_log_in(company):
    events = []
    for path in sorted((company / "inbox" / "segment").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            events += [json.loads(line) for line in lines]
    by_device = {}
    for event in sorted(events, key=lambda e: e["timestamp"]):
        by_device.setdefault(event["anonymousId"], []).append(event["userId"])

    assert any(users[0] is None and users[-1] for users in by_device.values())
    assert sum(1 for users in by_device.values() if not any(users)) > 100
    assert len({e["messageId"] for e in events}) == len(events)


def test_names_are_skewed_as_in_life_and_damage_is_there(company):
    contacts = list(
        csv.DictReader((company / "inbox" / "hubspot" / "hubspot-contactos.csv").open(encoding="utf-8-sig"))
    )
    surnames = Counter(
        r["Apellidos"].split(" ")[0].lower().translate(str.maketrans("áéíóú", "aeiou")) for r in contacts
    )

    assert sum(n for _, n in surnames.most_common(10)) > 0.08 * len(contacts)
    assert {r["País/región"] for r in contacts} >= {
        "México",
        "España",
        "Colombia",
        "Argentina",
        "Chile",
        "Estados Unidos",
    }
    assert any("Ã" in r["Nombre"] + r["Apellidos"] for r in contacts)
