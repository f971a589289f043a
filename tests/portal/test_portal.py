"""The page, in both languages: what it shows, what it lets go, and how a browser sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import httpx
import pytest
import yaml
from fastapi.testclient import TestClient

from portal.app import HERE, make_app, said
from privacy import audit


@pytest.fixture
def client(in_finished, tmp_path, monkeypatch):
    monkeypatch.setenv("CDP_OPERATIONS_URL", f"sqlite:///{tmp_path}/ops.sqlite")
    return TestClient(make_app())


def test_every_text_is_there_in_both_languages():
    texts = yaml.safe_load((HERE / "i18n" / "texts.yml").read_text(encoding="utf-8"))
    assert set(texts["es"]) == set(texts["en"])
    assert all(texts["es"].values()) and all(texts["en"].values())


def test_what_the_pipeline_writes_is_said_in_spanish():
    assert said("lapsed, high value", "es") == "inactivo, valor alto"
    assert said("no consent given for advertising by ads", "es") == "sin consentimiento para publicidad por anuncios"
    assert said("suppressed by late_payers", "es") == "excluidos por late_payers"
    assert said("holdout", "en") == "holdout"


@pytest.mark.parametrize(
    ("path", "es", "en"),
    [
        ("/", "clientes", "customers"),
        ("/audiences", "Clientes con cinco pedidos", "Customers with five orders"),
        ("/audiences/vip", "Grupo de control", "Held out"),
        ("/health", "Salud de los datos", "Data health"),
    ],
)
def test_pages_speak_the_language_asked_for(client, path, es, en):
    spanish = client.get(path, headers={"accept-language": "es-MX"})
    english = client.get(path, headers={"accept-language": "en-US"})

    assert (spanish.status_code, english.status_code) == (200, 200)
    assert es in spanish.text and en in english.text
    assert 'lang="es"' in spanish.text and "default-src 'none'" in spanish.headers["content-security-policy"]


def test_no_page_shows_a_person(client):
    for path in ("/", "/audiences", "/audiences/vip", "/audiences/reengage", "/health"):
        text = client.get(path).text
        assert "@gmail.example" not in text and "+52" not in text


def test_a_download_needs_a_name_and_a_reason_and_is_audited(client):
    assert client.post("/audiences/vip/mailchimp/download", data={}).status_code == 422
    answer = client.post("/audiences/vip/mailchimp/download", data={"actor": "Ana", "reason": "campaña de noviembre"})

    assert answer.status_code == 200
    assert answer.text.startswith("Email Address,First Name")
    assert 'filename="vip_mailchimp.csv"' in answer.headers["content-disposition"]
    assert audit.broken_rows() == []


@pytest.mark.parametrize("path", ["/audiences/../secret", "/audiences/nobody", "/audiences/vip%2f..%2f.."])
def test_what_is_not_declared_is_not_there(client, path):
    assert client.get(path).status_code == 404
    form = {"actor": "Ana", "reason": "campaña"}
    assert client.post("/audiences/vip/..%2f..%2fstate/download", data=form).status_code == 404
    assert client.post("/audiences/late_payers/mailchimp/download", data=form).status_code == 404


def test_the_language_switch_never_leads_away(client):
    for back in ("//evil.example", "https://evil.example", "/\\evil.example"):
        answer = client.get("/language/en", params={"back": back}, follow_redirects=False)
        assert answer.headers["location"] == "/"


def test_a_browser_shows_the_pages(chromium, finished, tmp_path):
    from dags.local_airflow import free_port

    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "cdp", "serve", "--port", str(port)],
        env={**os.environ, "CDP_DATA": str(finished), "CDP_OPERATIONS_URL": f"sqlite:///{tmp_path}/ops.sqlite"},
    )
    try:
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        for page in ("", "audiences/vip"):
            picture = tmp_path / "page.png"
            done = subprocess.run(
                [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}/profile", "--window-size=1200,900",
                 f"--screenshot={picture}", f"http://127.0.0.1:{port}/{page}"],
                capture_output=True, timeout=120, check=False,
            )  # fmt: skip
            assert picture.exists() and picture.stat().st_size > 20_000, done.stderr[-500:]
            picture.unlink()
    finally:
        server.terminate()
        server.wait(timeout=20)
