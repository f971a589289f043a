"""Requests are what the vendors' own documents ask for; and each document would refuse a wrong one (a canary)."""

from __future__ import annotations

import copy
import json
import unicodedata

import duckdb
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from activation.client import Client, Clock, limits_of
from activation.connections import Connection
from activation.destinations import DESTINATIONS
from activation.destinations.base import Change
from activation.hashing import mailchimp_hash, register_forms, sha256

PEOPLE = [
    {"customer_id": "C1", "given_name": "José", "surnames": "Peña Ruiz", "email": "jose@x.example", "phone": "+525512345678", "country": "MX",
     "postcode": "06000", "city": "Ciudad de México", "region": "CDMX", "birth_date": None},
    {"customer_id": "C2", "given_name": None, "surnames": None, "email": "eva@x.example", "phone": None, "country": None,
     "postcode": None, "city": None, "region": None, "birth_date": None},
]  # fmt: skip
ACCOUNT = Connection("https://x.example", "", "token", {"operating_account": "1234567890", "login_account": "1"})


def requests_of(platform, place):
    """Every request that adding, removing and asking makes."""
    made: list[httpx.Request] = []

    def answer(request):
        made.append(request)
        return httpx.Response(
            200,
            json={"data": [{"type": "profile", "id": "p1"}], "requestId": "r1"}
            if request.method == "GET"
            else {"requestId": "r1"},
        )

    destination = DESTINATIONS[platform]
    client = Client(
        platform,
        ACCOUNT.base_url,
        destination.headers(ACCOUNT),
        transport=httpx.MockTransport(answer),
        clock=Clock(lambda: 0.0, lambda _: None),
    )
    rows = [(p["customer_id"], destination.payload(p)) for p in PEOPLE]
    changes = [Change(c, "add", row, {}) for c, row in rows] + [Change(c, "remove", {}, row) for c, row in rows]
    for _ in destination.batches(client, ACCOUNT, place, changes):
        pass
    return made


def body_of(request):
    return json.loads(request.content)


# ---------------------------------------------------------------- Google Data Manager, discovery document


@pytest.fixture(scope="module")
def discovery(shared_data):
    return json.loads((shared_data / "specs" / "google" / "datamanager.v1.json").read_text(encoding="utf-8"))


def schema_of(discovery, name):
    """A discovery schema as JSON Schema, in which nothing unknown is allowed."""

    def convert(part):
        part = copy.deepcopy(part)
        if "$ref" in part:
            return {"$ref": f"#/$defs/{part['$ref']}"}
        kept = {k: v for k, v in part.items() if k in ("type", "enum", "items", "properties")}
        if "properties" in kept:
            kept["properties"] = {k: convert(v) for k, v in kept["properties"].items()}
            kept["additionalProperties"] = False
        if "items" in kept:
            kept["items"] = convert(kept["items"])
        return kept

    return {"$ref": f"#/$defs/{name}", "$defs": {n: convert(s) for n, s in discovery["schemas"].items()}}


@pytest.mark.parametrize(("at", "name"), [(1, "IngestAudienceMembersRequest"), (0, "RemoveAudienceMembersRequest")])
def test_data_manager_requests_fit_the_discovery_document(discovery, at, name):
    request = requests_of("google_data_manager", "4711")[at]
    check = OAS30Validator(schema_of(discovery, name))
    check.validate(body_of(request))
    path = next(
        m["path"] for m in discovery["resources"]["audienceMembers"]["methods"].values() if m["request"]["$ref"] == name
    )
    assert request.url.path == f"/{path}" and request.method == "POST"
    canary = body_of(request)
    canary["destinations"][0]["operatingAccount"]["accountType"] = "GOOGLE"
    assert not check.is_valid(canary)
    assert not check.is_valid({**body_of(request), "members": []})


def test_data_manager_members_carry_consent_and_one_identifier_each(discovery):
    body = body_of(requests_of("google_data_manager", "4711")[1])
    first, second = body["audienceMembers"]
    assert all(
        m["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
        for m in body["audienceMembers"]
    )
    identifiers = first["compositeData"]["userData"]["userIdentifiers"]
    assert [list(i) for i in identifiers] == [["emailAddress"], ["phoneNumber"], ["address"]]
    assert len(second["compositeData"]["userData"]["userIdentifiers"]) == 1
    assert identifiers[2]["address"]["regionCode"] == "MX" and identifiers[2]["address"]["postalCode"] == "06000"
    assert limits_of("google_data_manager").batch == 10_000


# ---------------------------------------------------------------- Klaviyo, OpenAPI


@pytest.fixture(scope="module")
def klaviyo(shared_data):
    spec = json.loads((shared_data / "specs" / "klaviyo" / "stable.json").read_text(encoding="utf-8"))
    registry = Registry().with_resource("spec", Resource.from_contents(spec, default_specification=DRAFT202012))
    return spec, registry


def operation(klaviyo, path, method):
    spec, registry = klaviyo
    found = spec["paths"][path][method]
    content = found["requestBody"]["content"]["application/vnd.api+json"]["schema"]
    absolute = json.loads(json.dumps(content).replace('"#/', '"spec#/'))
    return OAS30Validator(absolute, registry=registry)


def test_klaviyo_requests_fit_the_vendors_document_and_a_canary_does_not(klaviyo):
    requests = {(r.method, r.url.path): r for r in requests_of("klaviyo", "XyZ")}
    imported = requests["POST", "/api/profile-bulk-import-jobs"]
    check = operation(klaviyo, "/api/profile-bulk-import-jobs", "post")
    check.validate(body_of(imported))
    canary = body_of(imported)
    canary["data"]["attributes"]["profiles"] = "all"
    assert not check.is_valid(canary)
    canary = body_of(imported)
    canary["data"]["type"] = "import"
    assert not check.is_valid(canary)
    removed = requests["DELETE", "/api/lists/XyZ/relationships/profiles"]
    check = operation(klaviyo, "/api/lists/{id}/relationships/profiles", "delete")
    check.validate(body_of(removed))
    assert not check.is_valid({"data": [{"type": "person", "id": "p1"}]})
    assert imported.headers["revision"] == klaviyo[0]["info"]["version"]


def test_klaviyos_limit_is_the_one_in_its_document(klaviyo):
    limit = klaviyo[0]["paths"]["/api/profile-bulk-import-jobs"]["post"]["x-klaviyo-ratelimit"]
    assert f"{limits_of('klaviyo').calls_a_minute}/m" in json.dumps(limit)


# ---------------------------------------------------------------- Meta and Mailchimp, by their documents' words


def test_meta_rows_follow_the_schema_and_unknown_values_are_empty():
    made = requests_of("meta_marketing_api", "238")
    assert [(r.method, r.url.path) for r in made] == [("DELETE", "/v25.0/238/users"), ("POST", "/v25.0/238/users")]
    body = body_of(made[1])
    schema, data = body["payload"]["schema"], body["payload"]["data"]
    assert schema[:3] == ["EXTERN_ID", "EMAIL", "PHONE"] and all(len(row) == len(schema) for row in data)
    assert data[1][schema.index("FN")] == "" and data[1][0] == "C2"
    assert data[0][schema.index("FN")] == sha256("josé")
    assert body["session"]["estimated_num_total"] == 2


def test_mailchimp_members_are_new_only_when_they_are():
    made = requests_of("mailchimp_api", "abc/vip")
    body = body_of(made[-1])
    assert made[-1].url.path == "/lists/abc" and body["update_existing"] is True
    assert all("status" not in m and m["status_if_new"] == "subscribed" for m in body["members"])
    # The hash of the member that Mailchimp's documents print.
    assert mailchimp_hash("Urist.McVankab@freddiesjokes.com") == "62eeb292278cc15f5817cb78f7790b08"


# ---------------------------------------------------------------- normal forms hold for anything


NORMAL = ("google_email", "email", "tiktok_email", "google_name", "meta_name", "meta_place", "e164", "country")
#: No letter of these changes its case alone, so any text is a fair question; others (ß, İ) have more than one lower case.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)


@pytest.fixture(scope="module")
def forms():
    con = duckdb.connect(":memory:")
    register_forms(con)
    yield con
    con.close()


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_normal_form_is_its_own_and_nothing_is_never_hashed(forms, text):
    listed = ", ".join(
        f"form_{n}(v), form_{n}(form_{n}(v)), form_hash(form_{n}(v)), form_hash(form_hash(form_{n}(v)))" for n in NORMAL
    )
    found = forms.execute(f"SELECT {listed} FROM (SELECT ?::VARCHAR AS v)", [text]).fetchall()[0]
    for once, twice, digest, again in zip(*(found[n::4] for n in range(4)), strict=True):
        assert once == twice and once != ""
        assert (digest is None) == (once is None) and digest == again


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_forms_do_not_depend_on_how_letters_are_composed_nor_on_blanks_around(forms, text):
    listed = ", ".join(f"form_{n}(v)" for n in NORMAL)
    query = f"SELECT {listed} FROM (SELECT ?::VARCHAR AS v)"
    whole = forms.execute(query, [unicodedata.normalize("NFC", text)]).fetchall()
    assert forms.execute(query, [unicodedata.normalize("NFD", text)]).fetchall() == whole
    assert forms.execute(query, [f"  {unicodedata.normalize('NFC', text)}\t "]).fetchall() == whole
