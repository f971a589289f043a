"""A published company of a few customers, for deliveries, and a server that remembers as the platforms do."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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
            "country VARCHAR, postcode VARCHAR, city VARCHAR, region VARCHAR, birth_date DATE, as_of_date DATE)"
        )
        for ident, p in sorted(self.people.items()):
            con.execute(
                "INSERT INTO marts.customers VALUES (?, ?, ?, ?, ?, 'MX', '06000', 'CDMX', 'CDMX', NULL, DATE '2026-10-31')",
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


TOKEN = "secret-token"


class Platform(BaseHTTPRequestHandler):
    """What a platform remembers: who is on which list. The server's `faults` say what goes wrong with the next calls."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=None, headers=()):
        data = json.dumps({} if body is None else body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        server = self.server
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        with server.lock:
            fault = server.faults.pop(0) if server.faults else None
            server.calls.append((self.command, self.path))
        if fault in ("drop", "never taken"):
            time.sleep(1.5 if fault == "never taken" else 0)
            self.close_connection = True
            self.connection.close()
            return
        if isinstance(fault, tuple):
            self.reply(fault[0], {}, fault[1])
            return
        said = f"{self.headers.get('Authorization')} {self.headers.get('Access-Token')}"
        if said.startswith("Basic "):
            said = base64.b64decode(said.split()[1]).decode()
        if TOKEN not in said and not self.headers.get("webhook-id"):
            self.reply(401)
            return
        is_json = "json" in (self.headers.get("Content-Type") or "json")
        body = json.loads(raw) if raw and is_json else {}
        with server.lock:
            status, answer = self.take(urlsplit(self.path), body, raw)
        if fault in ("answer lost", "answer late"):
            # By the time of a late answer nobody is there to hear it.
            time.sleep(1.5 if fault == "answer late" else 0)
            self.close_connection = True
            self.connection.close()
            return
        if fault == "half an answer":
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"half":')
            self.wfile.flush()
            self.connection.close()
            return
        self.reply(status, answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any  # noqa: N815

    def change(self, place, members, is_removal):
        known = self.server.lists.setdefault(place, {})
        for key, value in members.items():
            self.server.seen[place, key, is_removal] += 1
            if is_removal:
                known.pop(key, None)
            else:
                known[key] = value

    def take(self, url, body, raw):  # noqa: PLR0911, PLR0912 - a branch an endpoint
        if (known := self.take_more(url, body, raw)) is not None:
            return known
        poison = self.server.poison
        if url.path == "/v1/audienceMembers:removeAll":
            self.server.removed_all.append(body)
            return 200, {"requestId": "all"}
        if url.path == "/v1/events:ingest":
            events = {e["transactionId"]: e for e in body["events"]}
            if any(e["userData"]["userIdentifiers"][0].get("emailAddress") in poison for e in body["events"]):
                return 400, {}
            self.change("events", events, False)
            return 200, {"requestId": f"e{len(self.server.calls)}"}
        if url.path.endswith("/events"):
            self.change("events", {e["event_id"]: e for e in body["data"]}, False)
            return 200, {"events_received": len(body["data"]), "fbtrace_id": "f"}
        if url.path.endswith("/members") and self.command == "GET":
            status = parse_qs(url.query)["status"][0]
            return 200, {
                "members": [
                    {"email_address": e, "last_changed": "2026-11-01T00:00:00+00:00"}
                    for e in self.server.refusing.get(status, [])
                ]
            }
        if url.path.startswith("/suppression/"):
            return 200, [
                {"email": e, "created": 1761955200} for e in self.server.refusing.get(url.path.split("/")[2], [])
            ]
        if url.path.startswith("/v1/audienceMembers:"):
            place = body["destinations"][0]["productDestinationId"]
            members = {}
            for member in body["audienceMembers"]:
                identifiers = member["compositeData"]["userData"]["userIdentifiers"]
                if any(i.get("emailAddress") in poison for i in identifiers):
                    return 400, {"error": {"status": "INVALID_ARGUMENT"}}
                members[identifiers[0].get("emailAddress") or json.dumps(identifiers[0])] = identifiers
            self.change(place, members, url.path.endswith(":remove"))
            return 200, {"requestId": f"r{len(self.server.calls)}"}
        if url.path.startswith("/v1/requestStatus:"):
            return 200, {"requestStatusPerDestination": [self.server.status]}
        if url.path.endswith("/sessions"):
            asked = parse_qs(url.query)["session_id"][0]
            known = self.server.sessions.get(asked)
            return 200, {"data": [{"session_id": asked, **known}] if known else []}
        if url.path.endswith("/usersreplace"):
            head, rows = body["session"], body["payload"]["data"]
            if any(row[body["payload"]["schema"].index("EMAIL")] in poison for row in rows):
                return 200, {"session_id": head["session_id"], "num_received": len(rows), "num_invalid_entries": 1}
            open_ones = self.server.replacing.setdefault(head["session_id"], {})
            # A batch whose answer was lost comes again under its number.
            assert head["batch_seq"] in (len(open_ones), len(open_ones) + 1)
            open_ones[head["batch_seq"]] = rows
            if head["last_batch_flag"]:
                whole = {row[0]: row for part in open_ones.values() for row in part}
                assert len(whole) == head["estimated_num_total"]
                self.server.lists[url.path.split("/")[2]] = whole
            return 200, {"session_id": str(head["session_id"]), "num_received": len(rows), "num_invalid_entries": 0}
        if url.path.endswith("/users"):
            place = url.path.split("/")[2]
            at = body["payload"]["schema"].index("EMAIL")
            data = body["payload"]["data"]
            wrong = [row for row in data if row[at] in poison]
            self.change(place, {row[0]: row for row in data if row not in wrong}, self.command == "DELETE")
            return 200, {
                "session_id": str(body["session"]["session_id"]),
                "num_received": len(data),
                "num_invalid_entries": len(wrong),
            }
        if url.path.endswith("/tags"):
            member = url.path.split("/")[4]
            place = url.path.split("/")[2]
            known = self.server.lists.setdefault(place, {})
            found = [e for e in known if hashlib.md5(e.encode(), usedforsecurity=False).hexdigest() == member]
            if not found:
                return 404, {}
            known[found[0]] = known[found[0]] - {t["name"] for t in body["tags"] if t["status"] == "inactive"}
            return 204, None
        if url.path.startswith("/lists/"):
            place = url.path.split("/")[2]
            known = self.server.lists.setdefault(place, {})
            errors = []
            for member in body["members"]:
                if member["email_address"] in poison:
                    errors.append({"email_address": member["email_address"], "error_code": "ERROR_CONTACT_EXISTS"})
                    continue
                self.server.seen[place, member["email_address"], False] += 1
                known[member["email_address"]] = known.get(member["email_address"], frozenset()) | set(member["tags"])
            return 200, {"errors": errors}
        if url.path == "/api/profile-bulk-import-jobs":
            attributes = body["data"]["attributes"]["profiles"]["data"]
            place = body["data"]["relationships"]["lists"]["data"][0]["id"]
            self.change(place, {p["attributes"]["external_id"]: p["attributes"] for p in attributes}, False)
            return 202, {"data": {"id": f"job{len(self.server.calls)}"}}
        if url.path.startswith("/api/profile-bulk-import-jobs/"):
            return 200, {"data": {"attributes": self.server.status}}
        if url.path == "/api/profiles" and "suppression" in url.query:
            marks = {
                e: [{"reason": r, "timestamp": "2026-11-01T00:00:00"}]
                for r, listed in self.server.refusing.items()
                for e in listed
            }
            return 200, {
                "data": [
                    {"id": e, "attributes": {"email": e, "subscriptions": {"email": {"marketing": {"suppression": m}}}}}
                    for e, m in marks.items()
                ]
            }
        if url.path == "/api/profiles":
            asked = json.loads(
                "[" + parse_qs(url.query)["filter"][0].removeprefix("any(email,[").removesuffix("])") + "]"
            )
            found = {
                k: v
                for place in self.server.lists.values()
                for k, v in place.items()
                if isinstance(v, dict) and v["email"] in asked
            }
            return 200, {"data": [{"type": "profile", "id": k} for k in found]}
        if "/relationships/profiles" in url.path:
            self.change(url.path.split("/")[3], {p["id"]: None for p in body["data"]}, True)
            return 204, None
        self.server.messages.append((dict(self.headers), raw))
        data = body["data"]
        self.change(data["list"], {m["customer_id"]: m for m in data["members"]}, body["type"].endswith("removed"))
        return 200, {}

    def take_more(self, url, body, raw):  # noqa: PLR0911, PLR0912 - a branch an endpoint
        """The platforms of the second half: each remembers by what it knows people by."""
        server, poison = self.server, self.server.poison
        path = url.path
        if path == "/dmp/custom_audience/file/upload/":
            text = raw.decode().split("Email_SHA256,Phone_SHA256\n", 1)[1].split("\r\n--", 1)[0]
            rows = [line.split(",")[0] for line in text.splitlines() if line]
            server.files[f"file{len(server.files)}"] = rows
            return 200, {"code": 0, "data": {"file_path": f"file{len(server.files) - 1}"}}
        if path == "/dmp/custom_audience/update/":
            rows = [row for name in body["file_paths"] for row in server.files[name]]
            if set(rows) & poison:
                return 200, {"code": 40002, "message": "invalid"}
            self.change(body["custom_audience_id"], dict.fromkeys(rows, True), body["action"] == "REMOVE")
            return 200, {"code": 0, "request_id": f"r{len(server.calls)}"}
        if path.startswith("/rest/dmpSegments/"):
            answers = []
            for element in body["elements"]:
                value = element["userIds"][0]["idValue"]
                if value in poison:
                    answers.append({"status": 400})
                    continue
                self.change(path.split("/")[3], {value: True}, element["action"] == "REMOVE")
                answers.append({"status": 201})
            return 200, {"elements": answers}
        if "/customer_lists/" in path:
            records = body["records"].split(",")
            if set(records) & poison:
                return 400, {"code": 1, "message": "invalid"}
            self.change(path.split("/")[-1], dict.fromkeys(records, True), body["operation_type"] == "REMOVE")
            return 200, {"id": path.split("/")[-1]}
        if path == "/CustomerListUserData/Apply":
            data = body["CustomerListUserData"]
            wrong = [n for n, item in enumerate(data["CustomerListItems"]) if item in poison]
            items = {item: True for item in data["CustomerListItems"] if item not in poison}
            self.change(data["AudienceId"], items, data["ActionType"] == "Remove")
            return 200, {"PartialErrors": [{"Index": n, "ErrorCode": "InvalidHash"} for n in wrong]}
        if path.startswith("/crm/v3/objects/contacts/batch/"):
            results, errors = [], []
            for one in body["inputs"]:
                if one["id"] in poison:
                    errors.append({"category": "VALIDATION_ERROR", "context": {"ids": [one["id"]]}})
                elif path.endswith("upsert") or one["id"] in server.records:
                    server.records.setdefault(one["id"], f"rec{len(server.records)}")
                    server.names.setdefault(server.records[one["id"]], one.get("properties", {}).get("firstname", ""))
                    results.append({"id": server.records[one["id"]], "properties": {"email": one["id"]}})
            return (207 if errors else 200), {"results": results, "errors": errors}
        if "/memberships/" in path:
            emails = {record: email for email, record in server.records.items()}
            self.change(path.split("/")[4], {emails[i]: True for i in body}, path.endswith("remove"))
            return 200, {"recordsIdsAdded": body}
        if path == "/crm/v3/objects/tasks/batch/upsert":
            results = []
            for one in body["inputs"]:
                known = server.tasks.setdefault(one["id"], {"id": f"task{len(server.tasks)}", **one["properties"]})
                results.append({"id": known["id"], "properties": {"clientela_task_key": one["id"]}})
            return 200, {"results": results}
        if path.startswith("/crm/v4/associations/"):
            subjects = {t["id"]: t["hs_task_subject"] for t in server.tasks.values()}
            for tie in body["inputs"]:
                customer = "C" + server.names[tie["to"]["id"]].removeprefix("Ana")
                self.change(subjects[tie["from"]["id"]], {customer: True}, False)
            return 200, {}
        if path == "/marketing/contacts":
            if any(c["email"] in poison for c in body["contacts"]):
                return 400, {"errors": [{"message": "invalid email"}]}
            self.change(body["list_ids"][0], {c["email"]: c for c in body["contacts"]}, False)
            return 202, {"job_id": f"job{len(server.calls)}"}
        if path.startswith("/marketing/contacts/imports/"):
            return 200, server.status
        if path == "/marketing/contacts/search/emails":
            known = {e for members in server.lists.values() for e in members}
            found = {e: {"contact": {"id": f"id-{e}"}} for e in body["emails"] if e in known}
            return (200, {"result": found}) if found else (404, {})
        if path.startswith("/marketing/lists/"):
            ids = parse_qs(url.query)["contact_ids"][0].split(",")
            self.change(path.split("/")[3], {i.removeprefix("id-"): None for i in ids}, True)
            return 202, {"job_id": "j"}
        if "/composite/sobjects/" in path:
            kind, answers = path.split("/")[-2], []
            for record in body["records"]:
                who = record["Who"]["Clientela_Id__c"] if kind == "Task" else record["Clientela_Id__c"]
                if record.get("Email") in poison and record.get("Email"):
                    answers.append(
                        {
                            "success": False,
                            "errors": [{"statusCode": "INVALID_EMAIL_ADDRESS", "message": record["Email"]}],
                        }
                    )
                    continue
                place = record["Subject"] if kind == "Task" else next(k for k in record if k.startswith("Is_"))
                self.change(place, {who: record}, record.get(place) is False)
                answers.append({"success": True, "id": f"003{who}", "errors": []})
            return 200, answers
        if path == "/json/2/crm.lead/load":
            names = body["fields"]
            rows = [dict(zip(names, row, strict=True)) for row in body["data"]]
            wrong = [n for n, row in enumerate(rows) if row["email_from"] in poison]
            if wrong:
                return 200, {
                    "ids": False,
                    "messages": [{"type": "error", "message": "no", "rows": {"from": n, "to": n}} for n in wrong],
                }
            for row in rows:
                server.tasks[row["id"]] = row
                self.change(row["name"], {"C" + row["contact_name"].split()[0].removeprefix("Ana"): row}, False)
            return 200, {"ids": list(range(1, len(rows) + 1)), "messages": []}
        return None


@pytest.fixture
def platform():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.lock = threading.Lock()
    server.lists, server.seen, server.calls, server.faults, server.messages = {}, Counter(), [], [], []
    server.poison, server.files, server.records, server.tasks, server.names = set(), {}, {}, {}, {}
    server.refusing, server.removed_all, server.sessions, server.replacing = {}, [], {}, {}
    server.status = {
        "requestStatus": "SUCCESS",
        "audienceMembersIngestionStatus": {"userDataIngestionStatus": {"recordCount": "6"}},
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)
