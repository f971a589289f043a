"""A published company of a few customers, for deliveries."""

from __future__ import annotations

import csv
import json

import pytest

from activation.audience import assemble_audiences
from activation.deliver import deliver_audiences
from activation.plan import plan_deliveries
from warehouse.duck import connect
from warehouse.publish import publish

DECLARED = {
    "name": "vip", "id": "AU-VIP", "description": "d", "description_es": "d", "owner": "o@x.example", "who": {"segment": "vip"},
    "suppress": ["late_payers"],
    "destinations": [
        {"platform": "mailchimp", "list": "vip", "purpose": "marketing", "channel": "email"},
        {"platform": "google_customer_match", "list": "g", "purpose": "advertising", "channel": "ads"},
    ],
}  # fmt: skip
LATE = {
    "name": "late_payers",
    "id": "AU-LATE",
    "kind": "suppression",
    "description": "d",
    "description_es": "d",
    "owner": "o",
    "who": {"segment": "late_payers"},
}


class Company:
    """A published company of a few customers, made as dbt would make it."""

    def __init__(self, workspace, monkeypatch, **more):
        self.workspace = workspace
        self.declared = DECLARED
        folder = workspace / "audiences"
        folder.mkdir()
        (folder / "vip.yml").write_text(json.dumps({**DECLARED, **more}))
        (folder / "late_payers.yml").write_text(json.dumps(LATE))
        monkeypatch.setenv("CDP_AUDIENCES", str(folder))
        self.people: dict[str, dict] = {}
        for n in range(1, 7):
            self.people[f"C{n}"] = {
                "given_name": f"Ana{n}",
                "surnames": "Peña Ruiz",
                "email": f"ana{n}@x.example",
                "phone": f"+5255123456{n:02d}",
            }
        self.granted = dict.fromkeys(self.people, True)
        self.vip = set(self.people)
        self.late: set[str] = set()

    def run(self, deliver=True):
        con = connect()
        con.execute("CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS segments")
        con.execute(
            "CREATE OR REPLACE TABLE marts.customers (customer_id VARCHAR, given_name VARCHAR, surnames VARCHAR, email VARCHAR, phone VARCHAR, "
            "country VARCHAR, postcode VARCHAR, city VARCHAR, region VARCHAR, birth_date DATE)"
        )
        for ident, p in sorted(self.people.items()):
            con.execute(
                "INSERT INTO marts.customers VALUES (?, ?, ?, ?, ?, 'MX', '06000', 'CDMX', 'CDMX', NULL)",
                [ident, p["given_name"], p["surnames"], p["email"], p["phone"]],
            )
        con.execute(
            "CREATE OR REPLACE TABLE marts.consents (customer_id VARCHAR, purpose VARCHAR, channel VARCHAR, is_granted BOOLEAN, is_in_force BOOLEAN)"
        )
        for ident, granted in sorted(self.granted.items()):
            if granted is not None:
                con.execute("INSERT INTO marts.consents VALUES (?, 'marketing', 'email', ?, true)", [ident, granted])
        for name, members in (("vip", self.vip), ("late_payers", self.late)):
            con.execute(f"CREATE OR REPLACE TABLE segments.{name} (customer_id VARCHAR, as_of_date DATE)")
            for ident in sorted(members):
                con.execute(f"INSERT INTO segments.{name} VALUES (?, DATE '2026-10-31')", [ident])
        publish(con)
        assemble_audiences(con)
        plan_deliveries(con)
        con.close()
        return deliver_audiences() if deliver else None

    def file(self, name, platform="mailchimp"):
        path = self.workspace / "outbox" / "vip" / platform / name
        return (
            sorted(r["Email Address"] for r in csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else None
        )

    def changes(self, label):
        found = {}
        for path in (self.workspace / "outbox" / "vip" / "mailchimp").glob(f"vip_*_{label}.csv"):
            found[path.name] = sorted(r["Email Address"] for r in csv.DictReader(path.open(encoding="utf-8")))
        return found


@pytest.fixture(name="new_company")
def company_class():
    """The class, for companies that declare something else."""
    return Company


@pytest.fixture
def small_company(workspace, monkeypatch):
    """A company with one audience of six customers."""
    return Company(workspace, monkeypatch)
