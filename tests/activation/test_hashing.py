"""Every published vector of the platforms, their normal forms, and cells that cannot run as formulas."""

from __future__ import annotations

import json

import pytest

from activation.hashing import apply_form, mailchimp_hash

#: Printed by the vendors: Meta's customer-information parameters, Google's Data Manager formatter tests, TikTok's, X's and
#: Mailchimp's documentation.
VECTORS = [
    ("form_email", "John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("form_meta_phone", "+1 (650) 555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("form_meta_name", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("form_meta_name", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("form_meta_name", "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("google_mail", "alexz@example.com", "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"),
    ("form_e164", "+18005550100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    ("tiktok_mail", "janedoe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
]


@pytest.mark.parametrize(("normal", "raw", "digest"), VECTORS)
def test_a_published_vector(normal, raw, digest):
    assert apply_form("form_hash", apply_form(normal, raw)) == digest


def test_all_vectors_of_the_shared_file(shared_data):
    listed = json.loads((shared_data / "specs" / "test-vectors" / "hash_vectors.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    forms = {
        ("meta", "em"): "form_email", ("meta", "ph"): "form_meta_phone",
        ("meta", "fn"): "form_meta_name", ("google", "email"): "google_mail", ("google", "given_name"): "form_google_name",
        ("google", "family_name"): "form_google_name", ("tiktok", "email"): "tiktok_mail",
    }  # fmt: skip
    checked = 0
    for vector in listed:
        if "wrong" in vector["kind"]:
            continue
        if vector["platform"] == "mailchimp":
            assert mailchimp_hash(vector["raw"]) == vector["digest_hex"]
            checked += 1
        elif (form := forms.get((vector["platform"], vector["field"]))) is not None:
            raw = "+1" + vector["raw"].split("(country")[0] if "country code" in vector["raw"] else vector["raw"]
            assert apply_form(form, raw) == vector["normalised"], vector["raw"]
            if vector["digest_hex"]:
                assert apply_form("form_hash", apply_form(form, raw)) == vector["digest_hex"]
            checked += 1
    assert checked >= 13


@pytest.mark.parametrize(
    ("form", "raw", "normal"),
    [
        ("google_mail", " Jane.Q.Doe+news@Gmail.com ", "janeqdoe@gmail.com"),
        ("google_mail", "user.name+NYC@Example.com", "user.name+nyc@example.com"),
        ("google_mail", "x@gmailx.com", "x@gmailx.com"),
        ("form_email", " Jane.Q.Doe+news@Gmail.com ", "jane.q.doe+news@gmail.com"),
        ("form_meta_name", "O'Brien", "obrien"), ("form_meta_name", "García-Márquez", "garcíamárquez"),
        ("form_meta_place", "Ciudad de México", "ciudaddeméxico"), ("form_meta_place", "München", "münchen"),
        ("form_google_name", "  Peña  Nieto ", "peña nieto"), ("form_country", "MX", "mx"), ("form_country", "Germany", None),
        ("google_mail", "sin correo", None), ("form_e164", "55 1234", None),
    ],
)  # fmt: skip
def test_normal_forms_differ_by_platform(form, raw, normal):
    assert apply_form(form, raw) == normal


def test_us_zips_are_five_digits_and_british_ones_whole():
    assert apply_form("form_meta_zip", "90210-1234", "US") == "90210"
    assert apply_form("form_meta_zip", "SW1A 1AA", "GB") == "sw1a1aa"


def test_empty_is_never_hashed_and_a_hash_never_twice():
    assert apply_form("form_hash", "") is None and apply_form("form_hash", None) is None
    once = apply_form("form_hash", "ana@x.mx")
    assert len(once) == 64 and apply_form("form_hash", once) == once


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝", " =", "+-", "|", "%"])
@pytest.mark.parametrize("rest", ["cmd|' /C calc'!A0", "1+1", 'HYPERLINK("http://x")', "SUM(1)"])
def test_no_name_can_run_as_a_formula(start, rest):
    cell = apply_form("cell_name", start + rest)

    assert not cell or cell[0] not in "=+-@\t\r＝＋－＠|%"


def test_names_stay_as_people_write_them_and_phones_keep_their_plus():
    assert apply_form("cell_name", "  María José ") == "María José"
    assert apply_form("cell_name", "O'Brien-Smith") == "O'Brien-Smith"
    assert apply_form("form_e164", "+525512345678") == "+525512345678" and apply_form("form_e164", "+1-1") is None
    assert (
        apply_form("cell_email", "=1+1") == apply_form("cell_email", "-2+3@x.mx") == apply_form("cell_zip", "=A1") == ""
    )
