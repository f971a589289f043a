"""What changes about a source without notice is seen, said once, and survived."""

from __future__ import annotations

import json
import socketserver
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ingest.land import land
from ingest.register import register_bronze
from quality.contract import Contract
from quality.drift import drift_events
from warehouse.alerts import send, tell
from warehouse.duck import connect, rows

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def shop(workspace, monkeypatch):
    fields = {
        "source": "shop",
        "table": "sales",
        "description": "x",
        "path": "shop/*.csv",
        "grain": "one",
        "key": ["id"],
        "load": "incremental",
        "fresh_within": "36h",
        "columns": {
            "id": {"required": True},
            "name": {"header": "nombre", "optional": True},
            "total": {"type": "decimal"},
        },
    }
    (workspace / "sources").mkdir()
    (workspace / "sources" / "shop_sales.yml").write_text(json.dumps(fields))
    monkeypatch.setenv("CDP_SOURCES", str(workspace / "sources"))
    (workspace / "inbox" / "shop").mkdir()
    contract = Contract.model_validate(fields)

    def arrive(day: int, text: str, name: str = "") -> None:
        monkeypatch.setenv("CDP_NOW", (START + timedelta(days=day)).isoformat())
        (workspace / "inbox" / "shop" / (name or f"sales_2026-11-{day + 1:02d}.csv")).write_text(text)
        land(contract)

    for day in range(6):
        arrive(day, file_of(day))
    return contract, arrive


def file_of(day, size=100, header="id,nombre,total", total="5.00", name="Ana"):
    return header + "\n" + "".join(f"{day}-{i},{name},{total}\n" for i in range(size + day % 3))


def kinds(contract, now=START + timedelta(days=6, hours=1)):
    return {(e.kind, e.severity, e.column) for e in drift_events([contract], now)}


def test_quiet_days_say_nothing(shop):
    assert kinds(shop[0]) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            file_of(6, header="id,nombres,total"),
            {("renamed_column", "warning", "nombre"), ("odd_null_rate", "warning", "nombre")},
        ),
        (
            file_of(6).replace("nombre,", "").replace("Ana,", ""),
            {("missing_column", "warning", "nombre"), ("odd_null_rate", "warning", "nombre")},
        ),
        (file_of(6, header="id,nombre,total,canal").replace("5.00", "5.00,web"), {("new_column", "info", "canal")}),
        (file_of(6, total="5 euros"), {("retyped_column", "critical", "total")}),
        (file_of(6, size=20), {("partial_file", "warning", "")}),
        (file_of(6, size=900), {("odd_volume", "warning", "")}),
        (file_of(6, name=""), {("odd_null_rate", "warning", "nombre")}),
        (file_of(6, header="id,nombre,importe"), {("refused_file", "critical", "")}),
    ],
    ids=["renamed", "missing", "new", "retyped", "partial", "large", "emptied", "refused"],
)
def test_a_change_is_seen(shop, text, expected):
    contract, arrive = shop
    arrive(6, text)
    assert kinds(contract) == expected


def test_a_rename_names_both_columns_and_says_what_to_do(shop):
    contract, arrive = shop
    arrive(6, file_of(6, header="id,nombres,total"))
    event = next(e for e in drift_events([contract], NOW) if e.kind == "renamed_column")

    assert "'nombres' is new" in event.detail and "add 'nombres' to the aliases of 'nombre'" in event.suggestion


def test_late_repeated_and_out_of_order_files_are_seen(shop):
    contract, arrive = shop
    arrive(9, file_of(9))
    arrive(9, file_of(9), "sales_again.csv")
    arrive(9, file_of(40), "sales_2026-10-30.csv")
    found = {(e.kind, e.file) for e in drift_events([contract], START + timedelta(days=9, hours=2))}

    assert found == {
        ("late_file", "shop/sales_2026-11-06.csv"),
        ("repeated_file", "shop/sales_again.csv"),
        ("out_of_order_file", "shop/sales_2026-10-30.csv"),
    }
    assert ("late_file", "warning", "") in kinds(contract, START + timedelta(days=20))


def test_events_are_a_table_and_the_same_in_every_run(shop):
    _, arrive = shop
    arrive(6, file_of(6, size=20))
    con = connect()
    seen = []
    for _ in range(2):
        register_bronze(con)
        seen.append(rows(con, "SELECT * FROM quality.drift_events ORDER BY ALL"))
    con.close()

    assert seen[0] == seen[1] and len({r["event_id"] for r in seen[0]}) == len(seen[0]) == 1


@pytest.fixture
def receivers(monkeypatch):
    """A webhook and a mail server on loopback."""
    got: dict[str, list] = {"posts": [], "mails": []}

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            got["posts"].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    class Mail(socketserver.StreamRequestHandler):
        def handle(self):
            def say(line):
                self.wfile.write(line.encode() + b"\r\n")

            say("220 here")
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].upper()
                if word == "DATA":
                    say("354 go on")
                    text = []
                    while (part := self.rfile.readline().decode()) != ".\r\n":
                        text.append(part)
                    got["mails"].append("".join(text))
                say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

    servers = [HTTPServer(("127.0.0.1", 0), Hook), socketserver.TCPServer(("127.0.0.1", 0), Mail)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CDP_ALERT_WEBHOOK", f"http://127.0.0.1:{servers[0].server_address[1]}/hook")
    monkeypatch.setenv("CDP_SMTP_URL", f"smtp://127.0.0.1:{servers[1].server_address[1]}")
    monkeypatch.setenv("CDP_ALERT_EMAIL", "datos@empresa.example, turno@empresa.example")
    yield got
    for server in servers:
        server.shutdown()
        server.server_close()


def test_people_are_told_once_by_webhook_and_mail(shop, receivers, caplog):
    from commands.sources import tell_of_drift

    _, arrive = shop
    arrive(6, file_of(6, total="ana@x.example"))
    assert tell_of_drift() == 1
    assert tell_of_drift() == 0

    assert len(receivers["posts"]) == len(receivers["mails"]) == 1
    said = receivers["posts"][0]["text"]
    assert "retyped column 'total' in shop/sales_2026-11-07.csv" in said and "shop_sales" in said
    assert "datos@empresa.example, turno@empresa.example" in receivers["mails"][0]
    for place in (said, receivers["mails"][0], caplog.text):
        assert "ana@x" not in place


def test_a_place_that_cannot_be_reached_stops_nothing(workspace, monkeypatch, caplog):
    monkeypatch.setenv("CDP_ALERT_WEBHOOK", "http://127.0.0.1:9/nobody")
    monkeypatch.setenv("CDP_ALERT_EMAIL", "a@b.example")
    monkeypatch.setenv("CDP_SMTP_URL", "smtp://127.0.0.1:9")

    assert send("sources changed", ["one"]) == ["log"]
    assert caplog.text.count("did not reach") == 2
    assert tell("nothing new", []) == 0
