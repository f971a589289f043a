"""Names, phones, e-mails, tax ids, addresses of Mexico, Spain, Colombia, Argentina, Chile and the US."""

from __future__ import annotations

import pytest

from identity.normalise import emails, names, phones, places, tax_ids
from identity.normalise.addresses import parse_street
from identity.normalise.text import folded, sound_key


@pytest.mark.parametrize(
    ("text", "given", "first", "second"),
    [
        ("MIERES GARCÍA FRANCISCO", "francisco", "mieres", "garcia"),
        ("ANA RAQUEL GARCIA PEREZ", "ana raquel", "garcia", "perez"),
        ("GARCIA LORCA, FEDERICO", "federico", "garcia", "lorca"),
        ("PEÑA NIETO ENRIQUE", "enrique", "peña", "nieto"),
        ("DE LA FUENTE GOMEZ MARIA JOSE", "maria jose", "fuente", "gomez"),
        ("Ana de Armas", "ana", "armas", ""),
        ("Juan Pablo Montoya Roldán", "juan pablo", "montoya", "roldan"),
        ("FLORES JOSE", "jose", "flores", ""),
        ("John Smith", "john", "smith", ""),
        ("Sra. Mª Carmen Hdez. Ruiz", "maria carmen", "hernandez", "ruiz"),
    ],
)
def test_a_name_in_one_field_is_taken_apart_in_either_order(text, given, first, second):
    found = names.split_full_name(text)
    assert (found.given, found.surname_1, found.surname_2) == (given, first, second)


@pytest.mark.parametrize(
    ("fields", "given", "first", "second"),
    [
        (("María", "García Pérez"), "maria", "garcia", "perez"),
        (("Gabriel García", "Márquez"), "gabriel", "garcia", "marquez"),
        (("MarÃ­a", "MuÃ±oz"), "maria", "muñoz", ""),
        (("Robert", "O'Brien"), "robert", "obrien", ""),
        ((None, "Peña"), "", "peña", ""),
    ],
)
def test_a_name_in_two_fields(fields, given, first, second):
    found = names.split_two_fields(*fields)
    assert (found.given, found.surname_1, found.surname_2) == (given, first, second)


@pytest.mark.parametrize(
    ("nickname", "name"),
    [
        ("pancho", "francisco"),
        ("lupita", "guadalupe"),
        ("chema", "jose maria"),
        ("bob", "robert"),
        ("maria", "maria"),
        ("toño", "antonio"),
        ("mabel", "maria isabel"),
        # Names of their own, whatever a list of English nicknames says they are short for.
        ("laura", "laura"),
        ("felix", "felix"),
        ("mark", "mark"),
        ("sara", "sara"),
    ],
)
def test_nicknames_in_spanish_and_english(nickname, name):
    assert names.canonical_given(nickname) == name


@pytest.mark.parametrize(
    ("given", "names_meant"),
    [("harry", {"harold", "henry", "harry"}), ("henry", {"henry"}), ("paty", {"paty", "patricia"}), ("chema", {"chema", "jose"}),
     ("maria carmen", {"maria"})],
)  # fmt: skip
def test_what_a_given_name_may_stand_for(given, names_meant):
    assert names_meant <= set(names.stands_for(given).split())


@pytest.mark.parametrize(
    ("given", "sex"),
    [("jose", "m"), ("maria jose", "f"), ("jose maria", "m"), ("mark", "m"), ("mary", "f"), ("pepe", "m"), ("majo", "f"), ("toni", "m"),
     # Alexander or Alexandra, and either one's name; a man's in Mexico where Spain has it as a woman's.
     ("alex", ""), ("guadalupe", ""), ("jose guadalupe", ""),
     # No name of the register as a whole: a surname and a name, a typing error and a name.
     ("matias flora", ""), ("mwria jose", ""), ("j", ""), ("", "")],
)  # fmt: skip
def test_whether_a_name_is_a_mans_or_a_womans(given, sex):
    assert names.sex_of(given) == sex


@pytest.mark.parametrize(
    ("local", "given", "surname"),
    [("franciscorosas70", "francisco", "rosas"), ("mieres.francisco660", "francisco", "mieres"), ("jrodriguez62", "j", "rodriguez"),
     ("isaac_escales", "isaac", "escales"), ("info", "", ""), ("x9k2", "", ""),
     ("leonor_delpozo", "leonor", "pozo"), ("alfonso.delafuente", "alfonso", "fuente"), ("mariagomezq", "maria", "gomez"),
     ("barbara42", "barbara", ""), ("harold3", "harold", "")],
)  # fmt: skip
def test_names_read_out_of_addresses(local, given, surname):
    found = names.from_email_local(local)
    assert (found.given, found.surname_1) == (given, surname)


@pytest.mark.parametrize(
    ("fields", "given", "surname"),
    [(("no name", "no last"), "", ""), (("Man of", "Harrison"), "", "harrison"), (("of the", "Wang"), "", "wang"),
     (("Anthony", "of house"), "anthony", ""),
     (("Ben", "Smith"), "ben", "smith"), (("No", "Kim"), "no", "kim"), (("de la", "Cruz"), "", "cruz")],
)  # fmt: skip
def test_what_somebody_is_is_no_name_and_short_names_are(fields, given, surname):
    found = names.split_two_fields(*fields)
    assert (found.given, found.surname_1) == (given, surname)


def test_accents_are_noise_and_the_tilde_is_a_letter():
    assert folded("  Ñandú Pérez-López ") == "ñandu perez lopez"
    assert folded("peña") != folded("pena")
    assert sound_key("vazques") == sound_key("basquez")
    assert sound_key("jimenez") == sound_key("gimenez")
    assert sound_key("hernandez") == sound_key("ernandes")


@pytest.mark.parametrize(
    ("raw", "country", "e164"),
    [
        ("+52 1 442 222 9982", "MX", "+524422229982"), ("0442229982155", "MX", "+522229982155"), ("01 66 48063748", "MX", "+526648063748"),
        ("(44) 2375-5565", "MX", "+524423755565"), ("55 1234 5678 ext. 12", "MX", "+525512345678"), ("+52 1 44 2722 80", "MX", None),
        ("(+34) 660025721", "ES", "+34660025721"), ("0034660025721", "ES", "+34660025721"), ("34660025721", "ES", "+34660025721"),
        ("011 15-2345-6789", "AR", "+5491123456789"), ("+54 11 15 2345 6789", "AR", "+5491123456789"),
        ("09 6765 4321", "CL", "+56967654321"), ("573001234567", "CO", "+573001234567"), ("213.456.7890", "US", "+12134567890"),
        ("0000000000", "MX", None), ("600000000", "ES", None), ("3.46E+10", "ES", None), ("", "MX", None), (None, None, None),
        ("5512345678 / 5587654321", "MX", "+525512345678"),
        # A slash behind an area code parts no two numbers.
        ("212/736-5000", "US", "+12127365000"), ("(212)/ 736-5000", "US", "+12127365000"), ("030/901820", "DE", "+4930901820"),
        ("0043 1/5123456", "AT", "+4315123456"), ("612345678/913456789", "ES", "+34612345678"),
    ],
)  # fmt: skip
def test_phones_become_e164_or_nothing(raw, country, e164):
    assert phones.to_e164(raw, country) == e164


@pytest.mark.parametrize(
    ("raw", "key", "kind"),
    [("Ana.Ruiz+tienda@Gmail.com", "anaruiz@gmail.com", "person"), ("ANA@EMPRESA.ES ", "ana@empresa.es", "person"),
     ("info@empresa.es", "info@empresa.es", "role"), ("na@na.com", "na@na.com", "placeholder"), ("mailto:eva@x.mx;", "eva@x.mx", "person")],
)  # fmt: skip
def test_addresses_to_compare_by(raw, key, kind):
    found = emails.parse_email(raw)
    assert found is not None and (found.key, found.kind) == (key, kind)


@pytest.mark.parametrize("raw", ["", None, "ana@", "@x.mx", "ana x@y.mx", "ana..b@x.mx", "sin correo"])
def test_what_is_no_address(raw):
    assert emails.parse_email(raw) is None


@pytest.mark.parametrize(
    ("raw", "country", "valid"),
    [
        ("GODE-561231-GR8", "MX", "GODE561231GR8"), ("XAXX010101000", "MX", None), ("XEXX010101000", "MX", None),
        ("54362315-K", "ES", "54362315K"), ("00000000T", "ES", None), ("12345678Z", "ES", None), ("54362315Z", "ES", None),
        ("76.086.428-5", "CL", "760864285"), ("66666666-6", "CL", None), ("20-05536168-2", "AR", "20055361682"),
        ("222222222222", "CO", None), ("GODE561231GR8", None, None),
    ],
)  # fmt: skip
def test_tax_ids_pass_their_country_and_placeholders_do_not(raw, country, valid):
    assert tax_ids.valid_tax_id(raw, country) == valid


def test_a_mexican_tax_id_tells_the_birth_date():
    assert tax_ids.birth_date_in("GODE561231GR8", "MX", 2026) == "1956-12-31"
    assert tax_ids.birth_date_in("GODE561331GR8", "MX", 2026) is None


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("C/ Mayor, 12, 3º Izda.", ("mayor", "12")), ("Av. Juárez 123 Int. 4, Col. Centro", ("juarez", "123")),
        ("Cra. 7 # 71-21 Apto 302", ("7", "71 21")), ("742 Main St", ("main", "742")), ("CLL VELAZQUEZ Nº 182", ("velazquez", "182")),
        ("PRIV. PAEZ, 1407", ("paez", "1407")), ("Calle 5 de Mayo 20", ("5 mayo", "20")), ("Camino Real s/n", ("real", "")),
        ("797 Third Ave.", ("3rd", "797")), ("797 3rd Avenue", ("3rd", "797")),
    ],
)  # fmt: skip
def test_street_lines(raw, parts):
    assert tuple(parse_street(raw)) == parts


def test_places_in_both_languages():
    assert places.country_code("Estados Unidos") == places.country_code("us") == "US"
    assert places.city_key("CDMX") == places.city_key("Ciudad de México") == places.city_key("Mexico City")
    assert places.city_key("New York City") == places.city_key("NYC") == places.city_key("New York")
