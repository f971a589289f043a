"""Every published vector of the platforms, their normal forms, and cells that cannot run as formulas."""

from __future__ import annotations

import json

import pytest

from activation import hashing
from activation.cells import name_cell, typed

#: Printed by the vendors: Meta's customer-information parameters, Google's Data Manager formatter tests, TikTok's, X's and
#: Mailchimp's documentation.
VECTORS = [
    (hashing.meta_email, "John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    (hashing.meta_phone, "+1 (650) 555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    (hashing.meta_name, "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    (hashing.meta_name, "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    (hashing.meta_name, "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    (hashing.google_email, "alexz@example.com", "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"),
    (hashing.e164, "+18005550100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    (hashing.tiktok_email, "janedoe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
]


@pytest.mark.parametrize(("normal", "raw", "digest"), VECTORS)
def test_a_published_vector(normal, raw, digest):
    assert hashing.sha256(normal(raw)) == digest


def test_all_vectors_of_the_shared_file(shared_data):
    listed = json.loads((shared_data / "specs" / "test-vectors" / "hash_vectors.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    forms = {
        ("meta", "em"): hashing.meta_email, ("meta", "ph"): lambda v: hashing.meta_phone("+1" + v.split("(country")[0] if "country code" in v else v),
        ("meta", "fn"): hashing.meta_name, ("google", "email"): hashing.google_email, ("google", "given_name"): hashing.google_name,
        ("google", "family_name"): hashing.google_name, ("tiktok", "email"): hashing.tiktok_email,
    }  # fmt: skip
    checked = 0
    for vector in listed:
        if "wrong" in vector["kind"]:
            continue
        if vector["platform"] == "mailchimp":
            assert hashing.mailchimp_hash(vector["raw"]) == vector["digest_hex"]
            checked += 1
        elif (form := forms.get((vector["platform"], vector["field"]))) is not None:
            assert form(vector["raw"]) == vector["normalised"], vector["raw"]
            if vector["digest_hex"]:
                assert hashing.sha256(form(vector["raw"])) == vector["digest_hex"]
            checked += 1
    assert checked >= 13


@pytest.mark.parametrize(
    ("form", "raw", "normal"),
    [
        (hashing.google_email, " Jane.Q.Doe+news@Gmail.com ", "janeqdoe@gmail.com"),
        (hashing.google_email, "user.name+NYC@Example.com", "user.name+nyc@example.com"),
        (hashing.google_email, "x@gmailx.com", "x@gmailx.com"),
        (hashing.meta_email, " Jane.Q.Doe+news@Gmail.com ", "jane.q.doe+news@gmail.com"),
        (hashing.meta_name, "O'Brien", "obrien"), (hashing.meta_name, "García-Márquez", "garcíamárquez"),
        (hashing.meta_place, "Ciudad de México", "ciudaddeméxico"), (hashing.meta_place, "München", "münchen"),
        (hashing.google_name, "  Peña  Nieto ", "peña nieto"), (hashing.meta_country, "MX", "mx"), (hashing.meta_country, "Germany", None),
        (hashing.google_email, "sin correo", None), (hashing.e164, "55 1234", None),
    ],
)  # fmt: skip
def test_normal_forms_differ_by_platform(form, raw, normal):
    assert form(raw) == normal


def test_us_zips_are_five_digits_and_british_ones_whole():
    assert hashing.meta_zip("90210-1234", "US") == "90210"
    assert hashing.meta_zip("SW1A 1AA", "GB") == "sw1a1aa"


def test_empty_is_never_hashed_and_a_hash_never_twice():
    assert hashing.sha256("") is None and hashing.sha256(None) is None
    once = hashing.sha256("ana@x.mx")
    assert hashing.sha256(once) == once


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝", " =", "+-", "|", "%"])
@pytest.mark.parametrize("rest", ["cmd|' /C calc'!A0", "1+1", 'HYPERLINK("http://x")', "SUM(1)"])
def test_no_name_can_run_as_a_formula(start, rest):
    cell = name_cell(start + rest)

    assert not cell or cell[0] not in "=+-@\t\r＝＋－＠|%"


def test_names_stay_as_people_write_them_and_phones_keep_their_plus():
    assert name_cell("  María José ") == "María José"
    assert name_cell("O'Brien-Smith") == "O'Brien-Smith"
    assert typed("+525512345678", "e164") == "+525512345678"
    assert typed("+1-1", "e164") == typed("=1+1", "email") == typed("-2+3@x.mx", "email") == typed("=A1", "zip") == ""
