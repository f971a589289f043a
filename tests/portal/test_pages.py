"""What pages show: in both languages, from the newest version, and nobody's data to those who need no more."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from types import SimpleNamespace

import duckdb
import pytest
import yaml

from portal import declared
from portal.catalogue import spanish, texts
from portal.evidence import evidence
from portal.language import FOLDER, formats, said
from portal.masks import PERSONAL, mask, without_personal_data
from portal.pages.audience import _range_pct
from portal.pages.customers import metrics
from portal.pages.results import parts
from portal.reading import snapshot
from privacy import audit
from warehouse.duck import connect, rows
from warehouse.publish import publish
from warehouse.settings import ROOMS

PAGES = (
    "/", "/audiences", "/audiences/vip", "/audiences/reengage", "/audiences/nurture", "/overlap", "/journeys", "/downloads",
    *(f"/results?part={p}" for p in parts()),
)  # fmt: skip


def published(page_data, sql, values=None):
    con = duckdb.connect(str(page_data / "warehouse" / "cdp.duckdb"), read_only=True)
    try:
        return rows(con, sql, values)
    finally:
        con.close()


@pytest.fixture
def somebody(page_data):
    """A customer with records of several sources, as the file has them."""
    return published(
        page_data,
        "SELECT c.* FROM marts.customers AS c WHERE email IS NOT NULL AND phone IS NOT NULL AND tax_id IS NOT NULL AND orders_count > 2 "
        "AND len(sources) > 2 "
        "ORDER BY customer_id LIMIT 1",
    )[0]


def test_every_text_has_its_spanish():
    said_here = {m.id for m in texts() if m.id}
    known = {m.id: m.string for m in spanish() if m.id}
    missing = [text for text in said_here if not known.get(text) or (isinstance(text, tuple) and not all(known[text]))]
    assert missing == [] and len(said_here) > 300
    assert set(known) == said_here, "python -m portal.catalogue"


def test_placeholders_are_the_same_in_both_languages():
    for message in spanish():
        if message.id and "%(" in str(message.id):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            told = message.string if isinstance(message.string, tuple | list) else (message.string,)
            for one, other in zip(ids, told, strict=True):
                assert set(re.findall(r"%\((\w+)\)", one)) == set(re.findall(r"%\((\w+)\)", other)), one


def test_what_the_pipeline_writes_is_said_in_spanish(page_data):
    assert said("lapsed, high value", "es") == "inactivo, valor alto"
    assert said("no consent given for advertising by ads", "es") == "sin consentimiento para publicidad por anuncios"
    assert said("suppressed by late_payers", "es") == "excluidos por pagadores atrasados"
    assert said("holdout", "en") == "holdout" and said("late_payers", "en") == "late payers"
    words = set(yaml.safe_load((FOLDER / "phrases.yml").read_text(encoding="utf-8"))["words_es"])
    columns = {
        r["column_name"]
        for r in published(
            page_data,
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = 'customers'",
        )
    }
    identifiers = {"customer_id", "as_of_date", "emails", "phones", "household_id"}
    assert columns - identifiers <= words | {"email", "phone"}
    definitions = {r["definition"] for r in published(page_data, "SELECT DISTINCT definition FROM figures.figures")}
    assert definitions <= words
    assert set(declared.audiences()) | set(declared.journeys()) <= words | {"advocacy", "win_back"}


def test_numbers_follow_the_language(monkeypatch):
    assert (formats("en").money(1234.5), formats("en").number(1234.56, 1)) == ("$1,234", "1,234.6")
    assert formats("es").money(12.5) == "USD\u00a012.50"
    monkeypatch.setenv("CDP_LOCALE_ES", "es_ES")
    formats.cache_clear()
    assert formats("es").number(12345.6, 1) == "12.345,6"
    formats.cache_clear()


@pytest.mark.parametrize("path", PAGES)
def test_pages_speak_both_languages(enter, path):
    spanish_page, english = enter("marketer").get(path), enter("marketer", "en-US").get(path)
    assert (spanish_page.status_code, english.status_code) == (200, 200), path
    assert 'lang="es"' in spanish_page.text and "Cerrar" not in english.text
    assert ">Audiencias<" in spanish_page.text and ">Audiences<" in english.text


def test_every_declared_table_is_asked_and_holds_something(enter):
    client = enter("marketer", "en-US")
    empty = []
    for part in parts().values():
        text = client.get(f"/results?part={part.id}").text
        empty += [q.id for q in part.tables if f'<table id="{q.id}"' not in text]
    # A small company has no products that need a decision, and nobody was held out for long enough.
    assert set(empty) <= {"stock", "rules", "drift", "demand", "gap_area", "gap_role"}, empty


def test_a_table_is_taken_as_it_stands(enter):
    answer = enter("marketer").get("/results?part=channels&csv=attribution")
    assert (
        answer.headers["content-type"].startswith("text/csv")
        and 'filename="attribution.csv"' in answer.headers["content-disposition"]
    )
    table = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert table and set(table[0]) == {
        "Canal",
        "Primer contacto",
        "Último contacto",
        "Lineal",
        "Decaimiento",
        "Posición",
        "Markov",
        "Shapley",
    }


def test_no_page_shows_a_person_to_whom_nothing_was_revealed(enter, somebody):
    personal = [str(somebody[c]) for c in ("email", "phone", "tax_id", "street", "surnames")]
    for role in ("marketer", "analyst", "engineer", "privacy", "steward"):
        client = enter(role)
        for path in (
            *PAGES,
            *(
                f"/customers/{somebody['customer_id']}?part={p}"
                for p in ("overview", "timeline", "identity", "consent")
            ),
        ):
            text = client.get(path).text
            assert not [p for p in personal if p in text], (role, path)
            # The company's own owners may be named; nobody else.
            assert not re.search(r"[\w.]+@(?!empresa\.example)[\w]+\.(example|com)", text), (role, path)


def test_revealing_asks_a_reason_holds_for_this_session_and_is_audited(enter, somebody):
    client, other = enter("marketer"), enter("marketer")
    page, form = f"/customers/{somebody['customer_id']}", f"/customers/{somebody['customer_id']}/reveal"
    assert client.post(form, data={"reason": ""}).status_code == 422
    assert somebody["email"] not in client.get(page).text

    shown = client.post(form, data={"reason": "llamó por su pedido"}).text

    assert somebody["email"] in shown and somebody["email"] not in other.get(page).text
    entries = [(e.action, e.reason) for e in audit.entries(actor="marketer", subject=somebody["customer_id"])]
    assert ("customer revealed", "llamó por su pedido") in entries and ("customer looked at", "masked") in entries
    assert audit.broken_rows() == []


def test_an_analyst_cannot_reveal(enter, somebody):
    client = enter("analyst")
    answer = client.post(f"/customers/{somebody['customer_id']}/reveal", data={"reason": "curiosidad"})
    assert answer.status_code == 403
    assert somebody["email"] not in client.get(f"/customers/{somebody['customer_id']}").text
    assert "/reveal" not in client.get(f"/customers/{somebody['customer_id']}").text


def test_a_customer_is_found_by_whatever_is_known(enter, page_data, somebody):
    client = enter("marketer")
    order = published(
        page_data,
        "SELECT order_number FROM marts.orders WHERE customer_id = ? AND order_number IS NOT NULL LIMIT 1",
        [somebody["customer_id"]],
    )
    phone = somebody["phone"]
    asked = {
        "id": somebody["customer_id"], "e-mail": somebody["email"].upper(), "phone": phone, "last digits": phone[-8:],
        "spaced": f"{phone[:3]} {phone[3:6]} {phone[6:]}",
        "tax id": somebody["tax_id"], "order": order[0]["order_number"], "name": f"{somebody['given_name']} {somebody['surnames']}".lower(),
    }  # fmt: skip
    for how, q in asked.items():
        answer = client.get("/customers", params={"q": q})
        assert somebody["customer_id"] in (str(answer.url) + answer.text), how
    assert (
        "Nadie" in client.get("/customers", params={"q": "zzzz qqqq"}).text
        or "No se encontró" in client.get("/customers", params={"q": "zzzz"}).text
    )


@pytest.mark.parametrize("q", ["'; DROP TABLE marts.customers; --", "%", "_", "\\", "a" * 5000, "\x00", "😀", "0"])
def test_odd_searches_find_nobody_and_break_nothing(enter, q):
    assert enter("marketer").get("/customers", params={"q": q}).status_code == 200


def test_the_customer_page_tells_the_sixteen_metrics(enter, somebody):
    text = html.unescape(enter("marketer", "en-US").get(f"/customers/{somebody['customer_id']}").text)
    assert [m.id for m in metrics()] == [f"M{n:02d}" for n in range(1, 17)]
    assert all(m.name_en in text and m.meaning_en in text for m in metrics())
    assert "orders" in text and f">{somebody['orders_count']}<" in text


def test_the_timeline_holds_everything_and_is_filtered(enter, page_data, somebody):
    client = enter("marketer", "en-US")
    counted = published(
        page_data,
        "SELECT kind, count(*) AS n FROM marts.interactions WHERE customer_id = ? GROUP BY 1 ORDER BY 2 DESC",
        [somebody["customer_id"]],
    )
    text = client.get(f"/customers/{somebody['customer_id']}?part=timeline").text
    for row in counted:
        assert f"{said(row['kind'], 'en')} ({row['n']})" in text
    only = client.get(f"/customers/{somebody['customer_id']}?part=timeline&kind=order").text
    orders = next(r["n"] for r in counted if r["kind"] == "order")
    assert only.count("<strong>order</strong>") == min(orders, 60) and "<strong>email sent</strong>" not in only


def test_why_records_are_one_is_told_in_words_and_as_a_picture(enter, page_data):
    pair = published(
        page_data,
        "SELECT customer_id, record_l, record_r, match_weight FROM identity.customer_links WHERE kind = 'probabilistic' ORDER BY ALL LIMIT 1",
    )[0]
    text = (
        enter("marketer")
        .get(f"/customers/{pair['customer_id']}/why", params={"l": pair["record_l"], "r": pair["record_r"]})
        .text
    )
    assert "antes de mirar" in text and text.count('class="for"') >= 2 and "<svg" in text
    assert f"{pair['match_weight']:+.1f}" in text
    other = published(
        page_data,
        "SELECT record_key FROM identity.members WHERE customer_id <> ? ORDER BY 1 LIMIT 1",
        [pair["customer_id"]],
    )[0]["record_key"]
    assert (
        enter("marketer")
        .get(f"/customers/{pair['customer_id']}/why", params={"l": pair["record_l"], "r": other})
        .status_code
        == 404
    )


def test_evidence_on_a_page_weighs_as_the_run_did(people, page_data):
    # Frequent values and rare ones: of the table of frequencies only what two records hold is taken.
    pairs = published(
        page_data,
        "SELECT record_l, record_r, match_weight FROM identity.customer_links WHERE kind = 'probabilistic' ORDER BY md5(record_l) LIMIT 8",
    )
    for pair in pairs:
        lines = evidence(snapshot(), pair["record_l"], pair["record_r"], "en")
        assert lines[-1]["bits"] == pytest.approx(pair["match_weight"], abs=0.06)


def test_an_audience_says_why_people_are_not_on_its_list(enter, page_data):
    con = duckdb.connect(str(page_data / "warehouse" / "audiences.duckdb"), read_only=True)
    plan = rows(con, "SELECT * FROM activation.plans WHERE audience = 'vip' AND platform = 'mailchimp'")[0]
    reasons = dict(
        con.execute(
            "SELECT reason, customers FROM activation.plan_reasons WHERE audience = 'vip' AND platform = 'mailchimp'"
        ).fetchall()
    )
    total = con.execute("SELECT sum(customers) FROM activation.audience_counts WHERE audience = 'vip'").fetchall()[0][0]
    con.close()
    assert plan["size_after"] + sum(reasons.values()) == total

    text = enter("marketer", "en-US").get("/audiences/vip").text

    assert f"{total:,}" in text and f"{plan['size_after']:,}" in text
    assert all(f"{r}" in text and f"−{n:,}" in text for r, n in reasons.items())


def test_home_says_what_failed_and_what_never_ended(enter, page_data):
    folder = page_data / "state" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {"run": "x", "step": "golden", "began_at": "2026-11-01T05:58:00+00:00"},
        {"run": "x", "outcome": "failed", "reason": "golden: 2 values are of nobody", "seconds": 1.5, "rows_out": 0},
        {"run": "y", "step": "link", "began_at": "2026-11-01T04:59:00+00:00"},
        {"run": "z", "step": "golden of tomorrow", "began_at": "2026-11-01T05:59:00+00:00"},
    ]
    path = folder / "2026-11-02.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def wrong(text: str) -> int:
        found = re.search(r"Pasos que fallaron o no terminaron: (\d+)", text)
        return int(found[1]) if found else 0

    try:
        page = enter("marketer").get("/").text
    finally:
        path.unlink()
    assert wrong(page) == wrong(enter("marketer").get("/").text) + 2
    runs = re.search(r'id="steps">.*?</section>', page, re.S)[0]
    assert "registro dorado" in runs and "golden: 2 values are of nobody" in runs and "falló" in runs
    assert "comparar registros" in runs and "sin terminar" in runs and "publicar clientes" in runs


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(71.0, 80.0, "71.0 % – 80.0 %"), (66.7, 66.7, "66.7 %"), (None, None, "–"), (0.0, 20.0, "0.0 % – 20.0 %")],
)
def test_a_match_rate_is_a_range_where_the_platform_names_one(low, high, shown):
    visit = SimpleNamespace(formats=formats("en"))
    assert _range_pct(visit, low, high) == shown


def test_small_groups_are_in_no_chart(enter, monkeypatch):
    monkeypatch.setenv("CDP_SMALL_GROUP", "100000")
    text = enter("marketer", "en-US").get("/audiences/vip").text
    assert '<table id="traits"' not in text and '<table id="overlap"' not in text and 'class="upset"' not in text
    results = enter("marketer", "en-US").get("/results?part=customers").text
    assert '<table id="micro"' not in results and not re.search(
        r'<td class="number" data-v="\d', results.split('id="rfm"')[1].split("</table>")[0]
    )


def test_the_next_page_is_of_the_next_version(enter, page_data):
    client = enter("marketer", "en-US")
    before = snapshot()
    con = connect()
    con.execute("CREATE OR REPLACE TABLE figures.new_table AS SELECT 1 AS one")
    version = publish(con).facts["version"]
    con.execute("DROP TABLE figures.new_table")
    again = publish(con).facts["version"]
    con.close()
    import time

    time.sleep(0.6)
    assert again in client.get("/").text and version != again
    # Who still reads the old version keeps it.
    assert before.one("SELECT count(*) AS n FROM marts.customers")["n"] > 0


def test_a_question_that_takes_too_long_is_given_up(people):
    from warehouse.errors import CdpError

    with pytest.raises(CdpError, match="longer than"):
        snapshot().rows(
            "SELECT count(*) FROM range(100000) AS a(x), range(10000000) AS b(y) WHERE (x * y) % 7 = 3", patience_s=0.3
        )


def test_a_page_cannot_be_made_to_read_files(people, page_data):
    with pytest.raises(duckdb.Error):
        snapshot().rows("SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(duckdb.Error):
        snapshot().rows("CREATE TABLE cdp.marts.x AS SELECT 1")


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [("email", "ana@correo.com.mx", "a***@c***.mx"), ("phone", "+525512345678", "+52 ··· 78"), ("surnames", "Peña Ñu", "P*** Ñ***"),
     ("email", None, None), ("tax_id", "PENA850101", "P···"), ("emails", ["a@b.es"], ["a***@b***.es"])],
)  # fmt: skip
def test_masks_leave_too_little_to_write_to_anybody(attribute, value, expected):
    assert mask(attribute, value) == expected


def test_free_text_loses_what_reaches_people():
    told = without_personal_data("escríbanme a ana@correo.mx o al 55 1234 5678, pedido 7")
    assert "ana@" not in told and "1234" not in told and "pedido 7" in told
    assert {"email", "phone", "tax_id", "birth_date"} <= set(PERSONAL)


def test_a_page_without_anything_published_says_so(people, tmp_path, monkeypatch, enter):
    client = enter("marketer")
    monkeypatch.setenv("CDP_DATA", str(tmp_path / "nothing"))
    assert "Todavía no hay nada publicado" in client.get("/").text
    assert client.get("/audiences").status_code == 409
    assert (ROOMS / "portal" / "results.yml").exists()


def test_no_cell_of_a_taken_table_is_a_formula():
    from portal.tables import Column, Table
    from portal.visit import _as_csv

    table = Table(
        "t", "T", [Column("a", "A"), Column("b", "B", "number")], [{"a": '=HYPERLINK("http://evil.example")', "b": -3}]
    )
    text = _as_csv(table).body.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1] == ['\t=HYPERLINK("http://evil.example")', "-3"]
