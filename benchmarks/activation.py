"""Speed of what leaves: rows and files of a million members, plans against a ledger of a million, delivery to a server without limits.

Run by `cdp bench activation`; alone: `python -m benchmarks.activation 1000000`.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from warehouse.errors import CdpError
from warehouse.settings import ROOMS, child_environment

MEMBERS = 1_000_000
#: Members that are sent to the local server.
SENT = 300_000
BARS = {"plan_s": 20, "plan_peak_mb": 2000, "files_s": 30, "delivered_per_s": 20_000}
AUDIENCE = {
    "name": "everybody", "id": "AU-VIP", "description": "d", "description_es": "d", "owner": "o", "who": {"segment": "everybody"},
    "max_remove_pct": 100, "approve_over": 10_000_000,
}  # fmt: skip


def run(members: int = MEMBERS) -> dict[str, Any]:
    """Return seconds, memory and ratios; each part in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
        _child("company", folder, members)
        figures: dict[str, Any] = {"members": members, "bars": BARS, "hash_alone": _child("hash", folder, members)}
        figures["files"] = _child("files", folder, members)
        figures["files_times_hash_alone"] = round(
            figures["files"]["seconds"] / max(figures["hash_alone"]["seconds"], 0.001), 2
        )
        for platform in ("google_customer_match", "meta_custom_audience"):
            _declare(folder, platform)
            planned = _child("plan", folder, members)
            delivered = _child("deliver", folder, members)
            figures[platform] = {
                "plan": planned,
                "write": delivered,
                "seconds": round(planned["seconds"] + delivered["seconds"], 2),
            }
        figures["plans_and_files_seconds"] = round(
            sum(figures[p]["seconds"] for p in ("google_customer_match", "meta_custom_audience")), 2
        )
        _declare(folder, "google_customer_match")
        _child("change", folder, members)
        figures["second_plan"] = _child("plan", folder, members)
        figures["second_delivery"] = _child("deliver", folder, members)
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
        _child("company", folder, min(SENT, members))
        with _server() as url:
            _declare(folder, "google_data_manager")
            _child("plan", folder, min(SENT, members))
            figures["called"] = _child("deliver", folder, min(SENT, members), url)
        figures["called"]["members_per_s"] = round(figures["called"]["rows"] / figures["called"]["seconds"])
    return figures


def _declare(folder: str, platform: str) -> None:
    place = Path(folder) / "audiences"
    place.mkdir(exist_ok=True)
    target = {"platform": platform, "list": "4711", "purpose": "advertising", "channel": "ads", "reconcile_days": 0}
    if platform == "google_data_manager":
        target["connection"] = "it"
    (place / "everybody.yml").write_text(json.dumps({**AUDIENCE, "destinations": [target]}))


def _child(part: str, folder: str, members: int, url: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.activation", "--part", part, str(members), url], cwd=ROOMS, capture_output=True, text=True, check=False,
        env=child_environment(CDP_DATA=folder, CDP_AUDIENCES=str(Path(folder) / "audiences"), CDP_MEMORY_LIMIT="1GB", CDP_THREADS="2"),
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not found:
        raise CdpError(f"{part} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    figures = dict(json.loads(found[-1].removeprefix("RESULT ")))
    sys.stderr.write(f"{part:<10} {figures['seconds']:>7.2f} s {figures['peak_mb']:>6} MB\n")
    return figures


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Take anything."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"requestId": "r"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


# ---------------------------------------------------------------- what runs in a process of its own


def _company(members: int) -> int:
    from activation.audience import assemble_audiences
    from warehouse.duck import connect
    from warehouse.publish import publish

    con = connect()
    con.execute("CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS segments")
    con.execute(
        f"""
        CREATE OR REPLACE TABLE marts.customers AS
        SELECT 'C' || lpad(i::VARCHAR, 8, '0') AS customer_id, ['María José', 'Juan', 'Ann', 'Íñigo', 'Zoë'][1 + i % 5] AS given_name,
            ['Peña Ruiz', 'Núñez', 'O''Brien', 'García Márquez', 'Smith'][1 + (i // 5) % 5] || ' ' || (i % 997) AS surnames,
            'Persona.' || i ||
                CASE WHEN i % 3 = 0 THEN '+News@Gmail.com' ELSE '@Empresa' || (i % 50) || '.example' END AS email,
            CASE WHEN i % 4 > 0 THEN '+5255' || lpad(i::VARCHAR, 8, '0') END AS phone, 'MX' AS country,
            lpad((i % 90000)::VARCHAR, 5, '0') AS postcode,
            'Ciudad de México' AS city, 'CDMX' AS region, DATE '1960-01-01' + (i % 18000)::INTEGER AS birth_date, DATE '2026-10-31' AS as_of_date
        FROM range({members}) AS t (i)
        """
    )
    con.execute(
        "CREATE OR REPLACE TABLE marts.consents AS SELECT customer_id, 'advertising' AS purpose, 'ads' AS channel, true AS is_granted, "
        "true AS is_in_force FROM marts.customers"
    )
    con.execute("CREATE OR REPLACE TABLE segments.everybody AS SELECT customer_id, as_of_date FROM marts.customers")
    _declare(str(_data()), "google_customer_match")
    publish(con)
    assemble_audiences(con)
    con.close()
    return members


def _data() -> Path:
    from warehouse.settings import settings

    return settings().data


def _change(members: int) -> int:
    """Let one percent leave, half a percent change their address, half a percent come."""
    from activation.audience import assemble_audiences
    from warehouse.duck import connect
    from warehouse.publish import publish

    con = connect()
    con.execute("DELETE FROM segments.everybody WHERE hash(customer_id) % 1000 < 10")
    con.execute("UPDATE marts.customers SET email = 'nueva.' || email WHERE hash(customer_id) % 1000 BETWEEN 10 AND 14")
    con.execute(
        "INSERT INTO marts.customers SELECT * REPLACE ('N' || customer_id AS customer_id, 'n' || email AS email) FROM marts.customers "
        "WHERE hash(customer_id) % 1000 BETWEEN 15 AND 19"
    )
    con.execute(
        "INSERT INTO marts.consents SELECT customer_id, 'advertising', 'ads', true, true FROM marts.customers WHERE customer_id LIKE 'N%'"
    )
    con.execute(
        "INSERT INTO segments.everybody SELECT customer_id, as_of_date FROM marts.customers WHERE customer_id LIKE 'N%'"
    )
    publish(con)
    assemble_audiences(con)
    con.close()
    return members


def _hash(members: int) -> float:
    """Seconds of SHA-256 alone over as many bytes: the identifiers as they stand, fifteen columns as Google and Meta have them."""
    from warehouse.duck import connect

    con = connect(read_only=True)
    columns = ["email", "phone", "given_name", "surnames"]
    columns += [
        "email",
        "phone",
        "given_name",
        "surnames",
        "city",
        "region",
        "country",
        "postcode",
        "birth_date",
        "birth_date",
        "birth_date",
    ]
    read = con.execute(
        f"SELECT {', '.join(f'coalesce({c}::VARCHAR, {chr(39)}{chr(39)})' for c in columns)} FROM marts.customers LIMIT {members}"
    )
    spent = 0.0
    while rows := read.fetchmany(100_000):
        encoded = [cell.encode() for row in rows for cell in row]
        started = time.perf_counter()
        for cell in encoded:
            hashlib.sha256(cell).hexdigest()
        spent += time.perf_counter() - started
    con.close()
    return spent


def _files(members: int) -> int:
    """Rows of all customers for Google and Meta, made and written as files, without plan and journal."""
    import polars as pl

    from activation.destinations import DESTINATIONS
    from activation.hashing import register_forms
    from warehouse.duck import connect, name

    con = connect(read_only=True)
    register_forms(con)
    for platform in ("google_customer_match", "meta_custom_audience"):
        one = DESTINATIONS[platform]
        columns = ", ".join(name(c) for c in one.cells)
        reader = con.execute(
            f"SELECT {columns} FROM ({one.cells_sql('marts.customers')}) WHERE {one.needed} ORDER BY 1, 2"
        ).to_arrow_reader(100_000)
        with (_data() / f"{platform}.csv").open("wb") as handle:
            for batch in reader:
                pl.DataFrame(batch).write_csv(handle, line_terminator="\r\n", include_header=False)
    con.close()
    return 2 * members


def _plan(_: int) -> int:
    from activation.plan import plan_deliveries
    from warehouse.duck import connect

    con = connect()
    result = plan_deliveries(con)
    con.close()
    return result.rows_in


def _deliver(url: str) -> int:
    from activation.connections import Connection
    from activation.deliver import deliver_audiences

    account = Connection(url, "", "token", {"operating_account": "1"})
    return deliver_audiences(lambda _: account).rows_out


def _part(part: str, members: int, url: str) -> None:
    started = time.perf_counter()
    seconds: float | None = None
    rows = members
    if part == "company":
        rows = _company(members)
    elif part == "change":
        rows = _change(members)
    elif part == "hash":
        seconds = _hash(members)
    elif part == "files":
        rows = _files(members)
    elif part == "plan":
        rows = _plan(members)
    else:
        rows = _deliver(url)
    took = time.perf_counter() - started if seconds is None else seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write("RESULT " + json.dumps({"seconds": round(took, 2), "peak_mb": round(peak), "rows": rows}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        _part(sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "")
    else:
        sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS), indent=1) + "\n")
