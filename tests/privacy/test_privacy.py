"""Who looked at what is kept and sealed; what is known of a person comes out whole."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from privacy import audit
from privacy.export_person import export_person
from warehouse.duck import rows
from warehouse.errors import CdpError
from warehouse.operations import session
from warehouse.publish import open_published


def test_a_changed_or_removed_row_is_found(workspace):
    for n in range(4):
        audit.record("ana", "looked", f"C{n}", "support call", rows=n)
    assert audit.broken_rows() == []

    with session() as db:
        db.execute(text("UPDATE audit SET actor = 'eva' WHERE audit_id = 2"))
    assert audit.broken_rows() == [2]
    with session() as db:
        db.execute(text("DELETE FROM audit WHERE audit_id = 3"))
    assert 4 in audit.broken_rows()


def test_an_action_without_a_reason_is_refused(workspace):
    with pytest.raises(CdpError, match="needs who and why"):
        audit.record("ana", "looked", "C1", " ")


def test_everything_known_of_a_person_is_exported_and_audited(in_finished, tmp_path, monkeypatch):
    monkeypatch.setenv("CDP_OPERATIONS_URL", f"sqlite:///{tmp_path}/ops.sqlite")
    con = open_published()
    customer = rows(
        con, "SELECT customer_id FROM marts.customers WHERE orders_count > 2 AND len(sources) > 2 ORDER BY 1 LIMIT 1"
    )[0]["customer_id"]
    orders = rows(con, "SELECT count(*) AS n FROM marts.orders WHERE customer_id = ?", [customer])[0]["n"]
    con.close()
    found = export_person(customer, tmp_path / "person.json", "ana", "ARCO request 12")
    document = json.loads((tmp_path / "person.json").read_text(encoding="utf-8"))

    assert found["marts.orders"] == orders and len(document["data"]["identity.members"]) >= 3
    assert audit.broken_rows() == []
    with pytest.raises(CdpError, match="is not known"):
        export_person("C0000000000000", tmp_path / "no.json", "ana", "x y")
