"""Contact points are judged, standardised and never changed by themselves; the original stays."""

from __future__ import annotations

import polars as pl
import pytest

from identity.contact_points import contact_points, likely_domain
from identity.normalise.postcodes import parse_postcode


def judged(**cells):
    country = cells.pop("country", "MX")
    raw = {
        "record_key": ["r1"],
        "source_table": ["t"],
        **{c: [cells.get(c)] for c in ("email", "phone", "tax_id", "street", "postcode", "region")},
    }
    frame = pl.DataFrame(raw, schema=dict.fromkeys(raw, pl.String))
    found = contact_points(frame, pl.DataFrame({"record_key": ["r1"], "country_code": [country]}))
    return [tuple(row.values())[2:] for row in found.iter_rows(named=True)]


@pytest.mark.parametrize(
    ("raw", "standard", "status"),
    [("@Ana.Ruiz", "ana.ruiz", "valid"), ("https://www.instagram.com/ana.ruiz/", "ana.ruiz", "valid"), ("x.com/ana_ruiz9", "ana_ruiz9", "valid"),
     ("Ana Ruiz", None, "invalid"), ("@", None, "invalid")],
)  # fmt: skip
def test_names_on_social_networks(raw, standard, status):
    cells = {
        "record_key": "r1",
        "source_table": "t",
        **dict.fromkeys(("email", "phone", "tax_id", "street", "postcode", "region")),
        "handle_x": raw,
    }
    raw_records = pl.DataFrame([cells], schema=dict.fromkeys(cells, pl.String))
    found = contact_points(raw_records, pl.DataFrame({"record_key": ["r1"], "country_code": ["MX"]})).row(0, named=True)
    assert (found["kind"], found["original"], found["standard"], found["status"]) == ("handle_x", raw, standard, status)


@pytest.mark.parametrize(
    ("domain", "near"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("gmai.com", "gmail.com"),
        ("hotmal.es", "hotmail.es"),
        ("yaho.com.mx", "yahoo.com.mx"),
        ("outlok.com", "outlook.com"),
        ("gmail.com", None),
        ("mail.com", None),
        ("empresa.example", None),
        ("yahoo.es", None),
    ],
)
def test_a_slip_in_a_provider_is_suggested(domain, near):
    if domain == "mail.com":  # one letter from gmail.com, and a provider of its own: a suggestion only, never applied
        assert likely_domain(domain) in (None, "gmail.com")
        return
    assert likely_domain(domain) == near


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("Ana@GMIAL.com", ("email", "Ana@GMIAL.com", "ana@gmial.com", "suspect", "typo_domain", "ana@gmail.com")),
        ("ana@gmail.com", ("email", "ana@gmail.com", "ana@gmail.com", "valid", None, None)),
        ("info@empresa.mx", ("email", "info@empresa.mx", "info@empresa.mx", "suspect", "role", None)),
        ("x9@mailinator.com", ("email", "x9@mailinator.com", "x9@mailinator.com", "suspect", "disposable", None)),
        ("ana@@x", ("email", "ana@@x", None, "invalid", "syntax", None)),
    ],
)
def test_emails(email, expected):
    assert judged(email=email) == [expected]


def test_phones_and_tax_ids_by_country():
    assert judged(phone="044 55 1234 5678") == [("phone", "044 55 1234 5678", "+525512345678", "valid", None, None)]
    assert judged(phone="020 7946 0958", country="GB")[0][2:4] == ("+442079460958", "valid")
    assert judged(phone="5555555555")[0][3:5] == ("invalid", "placeholder")
    assert judged(tax_id="XAXX010101000")[0][3:5] == ("invalid", "placeholder")
    assert judged(tax_id="12345678Z", country="ES")[0][3:5] == ("invalid", "placeholder")
    assert judged(tax_id="12345678A", country="ES")[0][3:5] == ("invalid", "check_digit")


@pytest.mark.parametrize(
    ("code", "country", "region", "expected"),
    [
        ("08001", "ES", "Barcelona", ("08001", "barcelona", "")),
        ("8001", "ES", None, ("08001", "barcelona", "")),
        ("28013", "ES", "Sevilla", ("28013", "madrid", "other_region")),
        ("28013", "ES", "MAD", ("28013", "madrid", "")),
        ("99001", "ES", None, ("99001", "", "unknown")),
        ("'06000", "MX", "CDMX", ("06000", "ciudad de mexico", "")),
        ("44100", "MX", "Nuevo León", ("44100", "jalisco", "other_region")),
        ("91000", "MX", "Veracruz de Ignacio de la Llave", ("91000", "veracruz", "")),
        ("110111", "CO", "Cundinamarca", ("110111", "bogota", "")),
        ("C1043AAZ", "AR", "CABA", ("C1043AAZ", "ciudad autonoma de buenos aires", "")),
        ("8320000", "CL", None, ("8320000", "", "")),
        ("SW1A 1AA", "GB", None, ("SW1A 1AA", "", "")),
        ("1234", "US", None, ("1234", "", "form")),
        ("12345-6789", "US", None, ("12345-6789", "", "")),
        ("A", "ES", None, ("A", "", "form")),
    ],
)
def test_postal_codes_are_checked_against_their_provinces(code, country, region, expected):
    assert tuple(parse_postcode(code, country, region)) == expected


def test_addresses_keep_their_original():
    assert judged(street="C/ Mayor, 12, 3º Izda.", country="ES") == [
        ("address", "C/ Mayor, 12, 3º Izda.", "mayor 12", "valid", None, None)
    ]
    assert judged(street="Av. Insurgentes Sur S/N")[0][3:5] == ("suspect", "no_number")


def test_the_sample_company_has_contact_points_for_its_records(in_finished):
    import duckdb

    con = duckdb.connect(str(in_finished / "warehouse" / "build.duckdb"), read_only=True)
    rows, keys = con.execute(
        "SELECT count(*), count(DISTINCT (record_key, kind)) FROM identity.contact_points"
    ).fetchall()[0]
    applied = con.execute(
        "SELECT count(*) FROM identity.contact_points WHERE suggestion IS NOT NULL AND standard = suggestion"
    ).fetchall()[0][0]
    con.close()

    assert rows == keys > 1500 and applied == 0
