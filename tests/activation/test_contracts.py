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


#: Forms over `v`, or over `mail`, which is its e-mail in lower case.
NORMAL = {
    "google_mail": "google_mail(mail)", "tiktok_mail": "tiktok_mail(mail)", "email": "form_email(v)", "google_name": "form_google_name(v)",
    "meta_name": "form_meta_name(v)", "meta_place": "form_meta_place(v)", "e164": "form_e164(v)", "country": "form_country(v)",
}  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)


def in_forms(con, values):
    """All forms of some values, by form: one query, each stage by itself."""
    listed = ", ".join(f"{sql} AS {n}" for n, sql in NORMAL.items())
    rows = con.execute(
        f"SELECT {listed} FROM (SELECT v, form_email(v) AS mail FROM (SELECT unnest(?::VARCHAR[]) AS v))",
        [list(values)],
    ).fetchall()
    return [dict(zip(NORMAL, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def forms():
    con = duckdb.connect(":memory:")
    register_forms(con)
    yield con
    con.close()


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_normal_form_is_its_own_and_nothing_is_never_hashed(forms, text):
    once = in_forms(forms, [text])[0]
    again = in_forms(forms, [once[n] for n in NORMAL])
    hashes = forms.execute(
        "SELECT form_hash(v), form_hash(h) FROM (SELECT v, form_hash(v) AS h FROM (SELECT unnest(?::VARCHAR[]) AS v))",
        [list(once.values())],
    )
    for (n, form), twice, (digest, second) in zip(once.items(), again, hashes.fetchall(), strict=True):
        assert twice[n] == form and form != ""
        assert (digest is None) == (form is None) and digest == second


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_forms_do_not_depend_on_how_letters_are_composed_nor_on_blanks_around(forms, text):
    whole = unicodedata.normalize("NFC", text)
    found = in_forms(forms, [whole, unicodedata.normalize("NFD", text), f"  {whole}\t "])
    assert found[0] == found[1] == found[2]
