"""Destinations against mock servers that speak the vendors' own documents, each with a canary that has to be refused.

The documents are sliced to the paths that are called: a mock of a whole one takes minutes to start, and some have parts that make the mock accept
anything, which the canaries would show.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from activation.connections import Connection
from activation.probe import probe

ROOT = Path(__file__).resolve().parents[2]
PRISM = ROOT / ".mocks" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
MAILCHIMP = ROOT / ".mocks" / "package" / "api" / "mailchimp.com.json"
TOKEN = "token"


def reachable(spec, part, found):
    """Collect all components that a part refers to."""
    if isinstance(part, dict):
        ref = part.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/") and ref not in found:
            found.add(ref)
            target = spec
            for key in ref[2:].split("/"):
                target = target[key.replace("~1", "/").replace("~0", "~")]
            reachable(spec, target, found)
        for value in part.values():
            reachable(spec, value, found)
    elif isinstance(part, list):
        for value in part:
            reachable(spec, value, found)


def cleaned(part):
    """Take out what makes a mock accept anything or answer nothing: null examples, and nullable without a type."""
    if isinstance(part, dict):
        kept = {k: cleaned(v) for k, v in part.items() if not (k in ("example", "default") and v is None)}
        if kept.get("nullable") is True and "type" not in kept:
            kept.pop("nullable")
        return kept
    return [cleaned(v) for v in part] if isinstance(part, list) else part


def sliced(spec, paths):
    """The document with some paths and what they need."""
    kept = {k: v for k, v in spec.items() if k not in ("paths", "components", "definitions", "webhooks")}
    kept["paths"] = {p: spec["paths"][p] for p in paths}
    found = set()
    reachable(spec, kept["paths"], found)
    reachable(spec, {k: v for k, v in spec.items() if k in ("parameters", "responses")}, found)
    for ref in sorted(found):
        keys = [key.replace("~1", "/").replace("~0", "~") for key in ref[2:].split("/")]
        source, target = spec, kept
        for key in keys[:-1]:
            source, target = source[key], target.setdefault(key, {})
        target[keys[-1]] = source[keys[-1]]
    if "securitySchemes" in spec.get("components", {}):
        kept.setdefault("components", {})["securitySchemes"] = spec["components"]["securitySchemes"]
    return cleaned(kept)


def of_discovery(discovery):
    """Google's discovery document as OpenAPI, in which nothing unknown is allowed."""

    def schema(part):
        if "$ref" in part:
            return {"$ref": f"#/components/schemas/{part['$ref']}"}
        kept = {k: v for k, v in part.items() if k in ("type", "enum", "items", "properties")}
        if "properties" in kept:
            kept["properties"] = {k: schema(v) for k, v in kept["properties"].items()}
            kept["additionalProperties"] = False
        if "items" in kept:
            kept["items"] = schema(kept["items"])
        return kept

    paths = {}
    for resource in discovery["resources"].values():
        for method in resource.get("methods", {}).values():
            told = {
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {"application/json": {"schema": schema(method["response"])}},
                    }
                }
            }
            if "request" in method:
                told["requestBody"] = {
                    "required": True,
                    "content": {"application/json": {"schema": schema(method["request"])}},
                }
            told["security"] = [{"token": []}]
            paths.setdefault(f"/{method['path']}", {})[method["httpMethod"].lower()] = told
    return {
        "openapi": "3.0.3", "info": {"title": "Data Manager", "version": "1"}, "paths": paths,
        "components": {
            "schemas": {n: schema(s) for n, s in discovery["schemas"].items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def klaviyo(shared):
    spec = json.loads((shared / "specs" / "klaviyo" / "stable.json").read_text(encoding="utf-8"))
    return sliced(
        spec,
        [
            "/api/profile-bulk-import-jobs", "/api/profile-bulk-import-jobs/{job_id}", "/api/lists/{id}/relationships/profiles", "/api/profiles",
        ],
    )  # fmt: skip


def sendgrid(shared):
    spec = json.loads((shared / "specs" / "sendgrid" / "oai.json").read_text(encoding="utf-8"))
    paths = [
        "/marketing/contacts", "/marketing/contacts/search/emails", "/marketing/contacts/imports/{id}", "/marketing/lists/{id}/contacts",
        "/suppression/unsubscribes", "/suppression/spam_reports", "/suppression/bounces",
    ]  # fmt: skip
    return sliced(spec, paths)


def pinterest(shared):
    spec = json.loads((shared / "specs" / "pinterest" / "openapi.v5.json").read_text(encoding="utf-8"))
    return sliced(spec, ["/ad_accounts/{ad_account_id}/customer_lists/{customer_list_id}"])


def tiktok(shared):
    documents = [
        yaml.safe_load((shared / "specs" / "tiktok" / f"dmp_custom_audience_{name}.yml").read_text(encoding="utf-8"))
        for name in ("file_upload", "update")
    ]
    for document in documents:
        for path in document["paths"].values():
            # The documents show no answer, and the mock would make a code up; 0 is the one for success.
            path["post"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["code"][
                "example"
            ] = 0
    return cleaned({**documents[0], "paths": {**documents[0]["paths"], **documents[1]["paths"]}})


def data_manager(shared):
    return of_discovery(json.loads((shared / "specs" / "google" / "datamanager.v1.json").read_text(encoding="utf-8")))


def mailchimp(_):
    spec = json.loads(MAILCHIMP.read_text(encoding="utf-8"))
    return sliced(
        spec, ["/lists/{list_id}", "/lists/{list_id}/members", "/lists/{list_id}/members/{subscriber_hash}/tags"]
    )


#: Platform, its document, the list, the account's extra, and the canary: method, path, body, and headers.
BEARER = {"Authorization": f"Bearer {TOKEN}"}
KLAVIYO = {
    "Authorization": f"Klaviyo-API-Key {TOKEN}",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
}
WRONG_IMPORT = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": 7}}}
WRONG_LIST = {"operation_type": "ERASE", "records": "x"}
PINTEREST_LIST = "/ad_accounts/549756359984/customer_lists/643"
MOCKED = {
    "klaviyo": (klaviyo, "Y6nRLr", {}, ("POST", "/api/profile-bulk-import-jobs", WRONG_IMPORT, KLAVIYO)),
    "sendgrid": (sendgrid, "11111111-2222-4333-8444-555555555555", {}, ("PUT", "/marketing/contacts", {"contacts": "all"}, BEARER)),
    "pinterest_api": (pinterest, "643", {"ad_account_id": "549756359984"}, ("PATCH", PINTEREST_LIST, WRONG_LIST, BEARER)),
    "tiktok_api": (tiktok, "7", {"advertiser_id": "9"}, ("POST", "/dmp/custom_audience/update/?Access-Token=x", {"advertiser_id": 9}, {})),
    "google_data_manager": (
        data_manager, "4711", {"operating_account": "1234567890"}, ("POST", "/v1/audienceMembers:ingest", {"members": []}, BEARER),
    ),
    "mailchimp_api": (mailchimp, "abc123/vip", {}, ("POST", "/lists/abc123", {"members": "all"}, {"Authorization": "Basic dXNlcjp0b2tlbg=="})),
}  # fmt: skip


@pytest.fixture
def mock(tmp_path, request, shared_data):
    """Start a mock server of one document on a port of loopback; it ends with the test."""
    from socket import socket

    node = shutil.which("node")
    if not node or not PRISM.exists():
        pytest.skip("no mock servers: `make mocks` installs them (needs npm)")
    started = []

    def start(document):
        path = tmp_path / "document.json"
        path.write_text(json.dumps(document(shared_data)))
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [node, str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(path)],
            stdout=log,
            stderr=log,
        )
        started.append((process, log))
        for _ in range(300):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
                break
            except httpx.TransportError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        return f"http://127.0.0.1:{port}"

    yield start
    for process, log in started:
        process.terminate()
        process.wait(timeout=10)
        log.close()


@pytest.mark.parametrize("name", list(MOCKED))
def test_every_call_is_what_the_vendors_document_asks_for_and_a_wrong_one_is_refused(name, mock):
    document, place, extra, (method, path, body, headers) = MOCKED[name]
    url = mock(document)
    refused = httpx.request(method, f"{url}{path}", json=body, headers=headers, timeout=30)
    assert refused.status_code in (400, 422), f"the canary got {refused.status_code}: the mock checks nothing"
    found = list(probe(name, Connection(url, "", TOKEN, extra), place, "99" if name == "google_data_manager" else None))
    assert [p.call for p in found][:3] == ["add", "update", "remove"]
    assert all(p.is_ok for p in found), [p for p in found if not p.is_ok]
