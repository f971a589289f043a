"""Files that a marketer takes: the same people as a delivery, once, with a trace."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import openpyxl
import pytest

from activation.downloads import find, load_formats
from portal.pages.downloads import KINDS
from privacy import audit
from warehouse.operations import DownloadRow, session

AUDIENCE = "vip"


def taken(client, audience, format, reason="campaña de noviembre"):
    page = client.post("/downloads", data={"audience": audience, "format": format, "reason": reason})
    assert page.status_code == 200, page.text[:500]
    number = page.url.path.rpartition("/")[2]
    return number, client.get(f"/downloads/{number}/file")


def test_metas_file_holds_exactly_the_people_and_cells_that_a_delivery_sends(enter, people):
    _, answer = taken(enter("marketer"), AUDIENCE, "meta_custom_audience")
    sent = (people / "outbox" / AUDIENCE / "meta_custom_audience" / "members.csv").read_bytes()
    assert answer.content == sent and len(sent.splitlines()) > 1
    assert answer.headers["content-type"].startswith("text/csv") and answer.headers["cache-control"] == "no-store"


def test_declared_fields_of_a_target_are_in_its_file(enter, people):
    client = enter("marketer")
    for audience, platform in (("vip", "mailchimp"), ("reengage", "google_customer_match")):
        sent = (people / "outbox" / audience / platform / "members.csv").read_text(encoding="utf-8")
        got = taken(client, audience, platform)[1].text
        declared = list(csv.DictReader(io.StringIO(got)))
        expected = list(csv.DictReader(io.StringIO(sent)))
        # Cells of a running campaign are told by its delivery alone.
        shared = [h for h in expected[0] if h in declared[0]]
        assert sorted([r[h] for h in shared] for r in declared) == sorted([r[h] for h in shared] for r in expected)


@pytest.mark.parametrize("format", list(load_formats()))
def test_each_format_is_built_with_its_manifest(enter, format):
    client = enter("marketer")
    number, answer = taken(client, "reengage", format)
    manifest = client.get(f"/downloads/{number}/manifest").json()
    row = find(number)

    assert hashlib.sha256(answer.content).hexdigest() == manifest["sha256"] == row.sha256
    name = answer.headers["content-disposition"]
    assert f'filename="reengage_{format}_{number[:8]}' in name and answer.headers["content-type"] in KINDS.values()
    lines = (
        openpyxl.load_workbook(io.BytesIO(answer.content)).active.max_row
        if format == "xlsx"
        else len(answer.text.splitlines())
    )
    assert (
        lines == manifest["rows"] + 1
        and manifest["asked_by"] == "marketer"
        and manifest["reason"] == "campaña de noviembre"
    )


def test_nobody_without_consent_is_in_a_file(enter, people):
    import duckdb

    con = duckdb.connect(str(people / "warehouse" / "cdp.duckdb"), read_only=True)
    allowed = {
        r[0]
        for r in con.execute(
            "SELECT customer_id FROM marts.consents WHERE purpose = 'marketing' AND channel = 'email' AND is_in_force AND is_granted"
        ).fetchall()
    }
    con.close()
    number, answer = taken(enter("marketer"), "reengage", "csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    found = {row["customer_id"] for row in rows}
    assert found and found <= allowed
    # Every row of a plain file says which file it left in.
    assert {row["download_id"] for row in rows} == {number}


def test_a_workbook_runs_nothing(enter):
    answer = taken(enter("marketer"), "reengage", "xlsx")[1]
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert all(cell.data_type in ("s", "n") for row in book.active.iter_rows() for cell in row)
    assert "campaña de noviembre" in book.properties.description


def test_every_taking_is_audited_with_who_why_and_how_many(enter):
    client = enter("marketer")
    number, _ = taken(client, AUDIENCE, "csv")
    client.get(f"/downloads/{number}/file")
    told = [
        e
        for e in audit.entries(actor="marketer")
        if e.action == "audience downloaded" and json.loads(e.details)["download"] == number
    ]
    assert len(told) == 2 and json.loads(told[0].details)["rows"] == find(number).rows
    assert audit.broken_rows() == []


def test_a_file_needs_a_reason_and_a_role(enter):
    form = {"audience": AUDIENCE, "format": "csv", "reason": "x"}
    assert enter("marketer").post("/downloads", data=form).status_code == 409
    assert (
        enter("marketer").post("/downloads", data={**form, "reason": "campaña", "format": "nothing"}).status_code == 409
    )
    assert enter("analyst").post("/downloads", data={**form, "reason": "campaña"}).status_code == 403
    number, _ = taken(enter("marketer"), AUDIENCE, "csv")
    assert enter("analyst").get(f"/downloads/{number}/file").status_code == 403


def test_a_large_file_waits_for_a_second_person(enter, monkeypatch):
    monkeypatch.setenv("CDP_DOWNLOAD_ROWS", "3")
    client, other = enter("marketer"), enter("privacy")
    page = client.post("/downloads", data={"audience": "reengage", "format": "csv", "reason": "gran campaña"})
    number = page.url.path.rpartition("/")[2]
    assert "segunda" in page.text and client.get(f"/downloads/{number}/file").status_code == 404
    assert client.post(f"/downloads/{number}/agree").status_code == 409

    assert other.post(f"/downloads/{number}/agree").status_code == 200

    assert client.get(f"/downloads/{number}/file").status_code == 200 and find(number).approved_by == "privacy"


def test_a_file_is_gone_after_three_days(enter, monkeypatch):
    number, _ = taken(enter("marketer"), AUDIENCE, "csv")
    monkeypatch.setenv("CDP_NOW", "2026-11-04T06:01:00+00:00")
    client = enter("marketer")
    assert (
        client.get(f"/downloads/{number}/file").status_code == 404
        and "venció" in client.get(f"/downloads/{number}").text
    )


def test_old_files_are_removed(enter, people, monkeypatch):
    from privacy.retention import remove_downloads

    number, _ = taken(enter("marketer"), AUDIENCE, "csv")
    assert (people / "downloads" / number).is_dir() and remove_downloads() == 0
    monkeypatch.setenv("CDP_NOW", "2026-11-04T06:01:00+00:00")
    assert remove_downloads() >= 1 and not (people / "downloads" / number).exists()


@pytest.mark.parametrize("number", ["..%2f..%2fstate", "0" * 32, "a" * 31, "../../etc"])
def test_what_was_not_built_here_is_not_there(enter, number):
    assert enter("marketer").get(f"/downloads/{number}/file").status_code == 404


def test_before_a_file_people_are_told_what_becomes_of_it(enter):
    for format in load_formats().values():
        text = enter("marketer", "en-US").get(f"/audiences/vip/take/{format.format}").text
        assert format.does_en.split("'")[0][:60].replace("&", "&amp;") in text and "Rows of the file" in text
    with session() as db:
        assert db.query(DownloadRow).count() == 0
