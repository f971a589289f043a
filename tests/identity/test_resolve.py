"""`cdp resolve`: people in tables that nobody declared, by roles alone."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
from click.testing import CliRunner
from xlsxwriter import Workbook

from cdp import cli
from identity.declared import rules_in_force
from identity.link import count_frequencies
from identity.model import frequency_columns
from identity.resolve import in_order, resolve_tables, without_copies
from identity.tables import read_roles, read_tables
from warehouse.duck import connect
from warehouse.errors import CdpError, DeclarationError

ERP = """Kunde;Nombre;Apellidos;Correo;Teléfono;Nacimiento;Dirección;Ciudad;CP
1;José Luis;Muñoz Peña;jlmunoz@correo.example;55 1234 5678;03/02/1980;Av. Juárez 12;Puebla;72000
2;Begoña;Núñez Ibáñez;;;;Calle Mayor 4;Puebla;72000
3;;;;;;;;
"""
SHOP = """id,email,phone,name,zip,city
A,JLMunoz@correo.example,+52 1 55 1234 5678,Pepe Munoz,72000,Puebla
B,otra@correo.example,,Ángela Ríos Vda. de Paz,06700,Ciudad de México
"""
ROLES = """
tables:
  - {file: erp.csv, record_id: Kunde, country: MX, delimiter: ';', encoding: windows-1252, roles: {given_name: Nombre,
     family_name: Apellidos, email: Correo, phone: Teléfono, birth_date: Nacimiento, street: Dirección, city: Ciudad, postcode: CP}}
  - {file: 'shop*', source: tienda, record_id: id, country: MX, roles: {full_name: name, email: email, phone: phone, postcode: zip, city: city}}
"""


@pytest.fixture
def tables(workspace):
    (workspace / "erp.csv").write_bytes(ERP.encode("windows-1252"))
    (workspace / "shop.csv").write_text(SHOP, encoding="utf-8")
    (workspace / "roles.yml").write_text(ROLES, encoding="utf-8")
    (workspace / "truth.csv").write_text("source,record_id,person_id\nerp,1,p\nerp,2,q\ntienda,A,p\ntienda,B,r\n")
    return workspace


def test_two_tables_are_resolved_by_their_roles_alone(tables):
    files = [str(tables / "erp.csv"), str(tables / "shop.csv")]
    told = ["--roles", str(tables / "roles.yml"), "--out", str(tables / "found"), "--truth", str(tables / "truth.csv")]
    said = CliRunner().invoke(cli, ["resolve", *files, *told], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    clusters = pl.read_parquet(tables / "found" / "clusters.parquet")
    found = {(s, r): c for s, r, c, _ in clusters.iter_rows()}
    assert len(found) == 5
    assert found["erp", "1"] == found["tienda", "A"]
    assert len(set(found.values())) == 4
    # A record with nothing to recognise it by stays itself, and says so.
    assert clusters.filter(record_id="3")["exclusion"].to_list() == ["nothing to recognise a person by"]
    links = pl.read_parquet(tables / "found" / "links.parquet")
    assert "same e-mail (+" in links["evidence"][0]
    assert links["is_same"].to_list() == [True]
    figures = json.loads((tables / "found" / "figures.json").read_text())["figures"]
    assert figures["pairwise"]["f1"] == figures["between_sources"]["f1"] == 1.0
    assert figures["household_false_merge_rate"] == 0
    page = (tables / "found" / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "src=" not in page and "jlmunoz" not in page.lower()


def test_delimiter_and_encoding_are_told_by_the_file(tables):
    before = read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")
    bare = ROLES.replace(" delimiter: ';', encoding: windows-1252,", "")
    assert bare != ROLES
    (tables / "roles.yml").write_text(bare, encoding="utf-8")
    assert read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml").equals(before)


def _as_workbook(rows, path):
    with Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)


def _as_json(rows, path):
    listed = [dict(zip(rows[0], (cell or None for cell in row), strict=True)) | {"tags": ["a"]} for row in rows[1:]]
    is_list = path.suffix == ".json"
    text = (
        json.dumps(listed, ensure_ascii=False)
        if is_list
        else "\n".join(json.dumps(r, ensure_ascii=False) for r in listed)
    )
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("erp.txt", lambda rows, path: path.write_text("\n".join("\t".join(r) for r in rows), encoding="utf-16")),
        ("erp.xlsx", _as_workbook), ("erp.jsonl", _as_json), ("erp.json", _as_json),
        ("erp.csv.gz", lambda rows, path: path.write_bytes(gzip.compress(ERP.encode("windows-1252")))),
        ("erp.parquet", lambda rows, path: pl.DataFrame(rows[1:], schema=rows[0], orient="row").write_parquet(path)),
    ],
)  # fmt: skip
def test_a_table_is_the_same_in_whatever_form_it_comes(tables, name, write):
    before = read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")
    write([line.split(";") for line in ERP.splitlines()], tables / name)
    bare = ROLES.replace(" delimiter: ';', encoding: windows-1252,", " source: erp,").replace("erp.csv", name)
    (tables / "roles.yml").write_text(bare, encoding="utf-8")
    assert read_tables([tables / name], read_roles(tables / "roles.yml"), tables / "roles.yml").equals(before)


def test_dates_of_birth_are_read_in_the_form_that_fits(tables):
    records = read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")
    assert records.filter(record_id="1")["birth_date"].to_list() == ["1980-02-03"]


@pytest.mark.parametrize(
    ("country", "written", "read"),
    [
        # Months first in the United States, days first elsewhere; one that is no month was swapped.
        ("US", ["07/04/1977", "12/25/1980", "25/12/1980"], ["1977-07-04", "1980-12-25", "1980-12-25"]),
        ("MX", ["07/04/1977", "25/12/1980", "12/25/1980"], ["1977-04-07", "1980-12-25", "1980-12-25"]),
        ("US", ["12042018", "01022000"], ["2018-12-04", "2000-01-02"]), ("ES", ["04122018", "25022000"], ["2018-12-04", "2000-02-25"]),
        # The form that reads most is everybody's; a year of two digits lies behind us.
        ("ES", ["03/02/80", "25/12/99", "01/01/30"], ["1980-02-03", "1999-12-25", "1930-01-01"]),
        ("GB", ["1980-02-03 00:00:00", "1999-01-01T10:00:00Z", "1980-02-31"], ["1980-02-03", "1999-01-01", None]),
        ("GB", ["3-Feb-1980", "12-Dec-1970"], ["1980-02-03", "1970-12-12"]), ("GB", ["0990-01-01"], ["0990-01-01"]),
        # Months are words in both languages, whole or cut.
        ("MX", ["3 de febrero de 1980", "15-ene-1975", "1 sept. 1960"], ["1980-02-03", "1975-01-15", "1960-09-01"]),
        ("US", ["February 3rd 1980", "Jan 15 1975", "no date"], ["1980-02-03", "1975-01-15", None]),
        ("ES", ["03-dic-80", "1-jun-99"], ["1980-12-03", "1999-06-01"]),
    ],
)  # fmt: skip
def test_dates_of_birth_of_a_table_are_read_by_the_form_that_reads_most(workspace, monkeypatch, country, written, read):
    monkeypatch.setenv("CDP_NOW", "2026-06-30T12:00:00+00:00")
    lines = [f"{n},Ana,{'' if day is None else day}" for n, day in enumerate(written)]
    (workspace / "t.csv").write_text("id,name,born\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (workspace / "r.yml").write_text(
        f"tables:\n  - {{record_id: id, country: {country}, roles: {{given_name: name, birth_date: born}}}}\n"
    )
    found = read_tables([workspace / "t.csv"], read_roles(workspace / "r.yml"), workspace / "r.yml")
    assert found["birth_date"].to_list() == read


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("email: Correo", "email: Corre"), r"erp.csv: column 'Corre' is not in it; did you mean 'Correo'\?"),
        (("file: erp.csv", "file: other.csv"), r"erp.csv: no table of roles.yml is meant for it; its files are 'other.csv', 'shop\*'"),
        (("record_id: Kunde", "record_id: Ciudad"), "erp: 2 rows share their 'record_id:' with another"),
        (("encoding: windows-1252", "encoding: utf-8"), "erp.csv cannot be read as CSV with delimiter ';' in utf-8"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_one_sentence(tables, change, sentence):
    (tables / "roles.yml").write_text(ROLES.replace(*change), encoding="utf-8")
    with pytest.raises(CdpError, match=sentence):
        read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")


def test_a_wrong_role_is_an_error_with_its_line(tables):
    (tables / "roles.yml").write_text(ROLES.replace("email: Correo", "mail: Correo"), encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"roles.yml.*mail"):
        read_tables([tables / "erp.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")


def test_a_table_without_rows_says_so(tables):
    (tables / "erp.csv").write_bytes(ERP.splitlines(keepends=True)[0].encode("windows-1252"))
    with pytest.raises(CdpError, match="the files hold no rows"):
        resolve_tables([tables / "erp.csv"], tables / "roles.yml", tables / "found")


def test_a_table_with_hardly_any_pairs_is_linked_by_the_shipped_numbers(tables):
    names = ["Ana", "Luis", "Marta", "Jorge", "Elena", "Raúl"]
    rows = [
        f"{i};{names[i % 6]};Apellido{chr(97 + i // 26)}{chr(97 + i % 26)};p{i}@correo.example;;;;;" for i in range(300)
    ]
    rows.append("twice;Ana;Apellidoaa;P0@correo.example;;;;;")
    (tables / "erp.csv").write_bytes((ERP.splitlines()[0] + "\n" + "\n".join(rows) + "\n").encode("windows-1252"))
    found = resolve_tables([tables / "erp.csv"], tables / "roles.yml", tables / "found")
    assert (found.records, found.clusters, found.largest) == (301, 300, 2)
    assert json.loads((tables / "found" / "figures.json").read_text())["numbers"].startswith("shipped: ")
    # One pair of 45,150 matches, not one of those that the shipped model was trained among.
    assert json.loads((tables / "found" / "model.json").read_text())["prior"] == pytest.approx(1 / 45_150, rel=0.9)


FAMILY = """id,given,family,number,street,city,zip
1,Ana,Ruiz,55501234,Calle Mayor 4,Puebla,72000
2,Ana,Ruiz,55501234,Calle Mayor 4,Puebla,72000
3,Luis,Ruiz,55501234,Calle Mayor 4,Puebla,72000
4,Luis,Ruiz,,Calle Mayor 4,Puebla,72000
5,,Ruiz,,Calle Mayor 4,Puebla,72000
"""


def test_a_copied_number_and_a_missing_given_name_join_nobody_in_a_family(tables):
    # How rare a name is shows among others only.
    names = ["Marta", "Jorge", "Elena", "Pedro", "Rosa", "Hugo"]
    others = [
        f"{n},{names[n % 6]},Otra{chr(97 + n // 26)}{chr(97 + n % 26)},,Calle {n} {n},Lima,{n:05d}\n"
        for n in range(100, 250)
    ]
    (tables / "family.csv").write_text(FAMILY + "".join(others), encoding="utf-8")
    (tables / "roles.yml").write_text(
        "tables:\n  - {record_id: id, country: MX, roles: {given_name: given, family_name: family, identifier: number, "
        "street: street, city: city, postcode: zip}}\n",
        encoding="utf-8",
    )
    resolve_tables([tables / "family.csv"], tables / "roles.yml", tables / "found")
    found = dict(pl.read_parquet(tables / "found" / "clusters.parquet").select("record_id", "cluster_id").iter_rows())
    assert found["1"] == found["2"]
    assert found["3"] == found["4"]
    assert len({found["1"], found["3"], found["5"]}) == 3


BORN = """id,given,family,born,street,zip
1,Ana,Ruiz,1980-03-02,Calle Mayor 4,72000
2,,,1980-03-02,Calle Mayor 4,72000
3,,,1980-03-02,,
4,,,,Calle Mayor 4,72000
5,Luis,Ruiz,1983-07-12,Calle Mayor 4,72000
6,,,2980-03-02,Calle Mayor 4,72000
"""


def test_a_date_of_birth_tells_who_lives_at_a_place_without_a_name(tables):
    (tables / "born.csv").write_text(BORN, encoding="utf-8")
    (tables / "roles.yml").write_text(
        "tables:\n  - {record_id: id, country: MX, roles: {given_name: given, family_name: family, birth_date: born, "
        "street: street, postcode: zip}}\n",
        encoding="utf-8",
    )
    resolve_tables([tables / "born.csv"], tables / "roles.yml", tables / "found")
    clusters = pl.read_parquet(tables / "found" / "clusters.parquet")
    found = dict(clusters.select("record_id", "cluster_id").iter_rows())
    assert found["1"] == found["2"] != found["5"]
    assert clusters.filter(pl.col("exclusion").is_not_null())["record_id"].sort().to_list() == ["3", "4", "6"]


LONE = """given,family
Thomas,Erskine
T.,Erskine
Erskine,
Ana,Ruiz
Luis,Martin
Martin,Ruiz
Martin,
Nessie,Ruiz
Nessie,
"""


def test_a_name_alone_is_a_surname_where_these_tables_use_it_as_one(tables):
    (tables / "lone.csv").write_text(LONE, encoding="utf-8")
    (tables / "roles.yml").write_text("tables:\n  - {country: GB, roles: {given_name: given, family_name: family}}\n")
    records = read_tables([tables / "lone.csv"], read_roles(tables / "roles.yml"), tables / "roles.yml")
    told = in_order(records).select("given_name", "family_name").rows()
    said = [tuple(part or None for part in row) for row in told]
    # Martin is a name that people bear, whoever else has it for a surname, and nobody is called Nessie by surname here.
    assert said == [
        ("Thomas", "Erskine"), ("T.", "Erskine"), (None, "Erskine"), ("Ana", "Ruiz"), ("Luis", "Martin"), ("Martin", "Ruiz"), ("Martin", None),
        ("Nessie", "Ruiz"), ("Nessie", None),
    ]  # fmt: skip


COMPANIES = """id;nombre;web;tel;ciudad;cp;pais
1;Aceros del Norte, S.A. de C.V.;https://www.acerosdelnorte.com.mx/inicio;81 8342 1100;Monterrey;64000;MX
2;ACEROS DEL NORTE SA DE CV;;(81) 8342-1100;MONTERREY;64000;México
3;Aceros del Sur S.A. de C.V.;acerosdelsur.com.mx;;Mérida;97000;MX
4;Panadería Núñez e Hijos, S.L.;;91 522 33 44;Madrid;28013;España
5;Panaderia Nuñez;panaderianunez.es;+34 915 22 33 44;Madrid;28013;ES
"""


def test_companies_are_resolved_by_the_same_engine(tables):
    (tables / "empresas.csv").write_text(COMPANIES, encoding="utf-8")
    (tables / "empresas.yml").write_text(
        "entity: company\ntables:\n  - {record_id: id, country: MX, delimiter: ';', roles: {organisation: nombre, website: web, phone: tel, "
        "city: ciudad, postcode: cp, country: pais}}\n",
        encoding="utf-8",
    )
    told = ["--roles", str(tables / "empresas.yml"), "--out", str(tables / "found")]
    said = CliRunner().invoke(cli, ["resolve", str(tables / "empresas.csv"), *told], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert "5 records are 3 companies" in said.output
    found = {r: c for _, r, c, _ in pl.read_parquet(tables / "found" / "clusters.parquet").iter_rows()}
    assert found["1"] == found["2"] != found["3"]
    assert found["4"] == found["5"]
    assert "one company" in (tables / "found" / "report.html").read_text()


HOUSES = """id,name,addr,city,phone
1,Harbour Lane Books,212 Fourth St.,New York City,212/736-5001
2,Harbour Lane Books and Cards,212 4th Street,New York,(212) 736-5001
3,The Copper Kettle,9 Sunset Blvd.,West Hollywood,310-274-3001
4,Copper Kettle,9 Sunset,Los Angeles,310-274-3001
5,Grand Hotel Tea Room,1 Main St.,Las Vegas,702-731-7110
6,Pavilion,1 Main St.,Las Vegas,702-731-7110
7,Blue Door Steaks,1 Main St.,Las Vegas,702-731-7125
"""


def test_houses_that_share_a_switchboard_are_not_one_company(tables):
    """One phone stands in one place: phone and address together are no two pieces of evidence against two names."""
    (tables / "houses.csv").write_text(HOUSES, encoding="utf-8")
    (tables / "houses.yml").write_text(
        "entity: company\ntables:\n  - {record_id: id, country: US, roles: {organisation: name, street: addr, city: city, phone: phone}}\n"
    )
    resolve_tables([tables / "houses.csv"], tables / "houses.yml", tables / "found")
    found = {r: c for _, r, c, _ in pl.read_parquet(tables / "found" / "clusters.parquet").iter_rows()}
    assert found["1"] == found["2"] and found["3"] == found["4"]
    assert len({found[n] for n in "567"}) == 3


def test_rows_of_orders_that_name_their_buyer_are_one_record_each(tables):
    """A buyer of 400 orders would else stand in a block too large to look into."""
    lines = [f"{n},Ana Ruiz Peña,ana.ruiz@x.example,5512345678" for n in range(400)]
    lines += [f"{n},Ana Ruis,,+52 55 1234 5678" for n in range(400, 403)]
    lines += [f"{n},Luis Soto Vela,luis@y.example,5587654321" for n in range(403, 420)]
    lines += [f"{n},,," for n in range(420, 440)]
    (tables / "orders.csv").write_text("id,buyer,mail,tel\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (tables / "orders.yml").write_text(
        "tables:\n  - {record_id: id, country: MX, roles: {full_name: buyer, email: mail, phone: tel}}\n"
    )
    found = resolve_tables([tables / "orders.csv"], tables / "orders.yml", tables / "found")
    clusters = pl.read_parquet(tables / "found" / "clusters.parquet")
    of = dict(clusters.select("record_id", "cluster_id").iter_rows())
    assert (found.records, clusters.height, found.largest) == (440, 440, 403)
    assert {of[str(n)] for n in range(403)} == {of["0"]} != {of[str(n)] for n in range(403, 420)}
    # Rows that say nothing about anybody are nobody's copies.
    assert len({of[str(n)] for n in range(420, 440)}) == 20
    assert found.excluded == clusters["exclusion"].is_not_null().sum() == 20
    rows = read_tables([tables / "orders.csv"], read_roles(tables / "orders.yml"), tables / "orders.yml")
    kept, copies = without_copies(rows)
    assert (kept.height, copies.height) == (1 + 3 + 1 + 20, 399 + 16)


def test_firms_of_one_name_are_one_where_nothing_else_is_known(tables):
    """Forty firms in 600 rows, by name alone: a name is as common as those who bear it, and copies are linked in so many words."""
    lines = [
        f"{n},{'Talleres' if n % 40 < 20 else 'Panadería'} {chr(65 + n % 40 % 20)}{'aeiou'[n % 5]}ndara{n % 40}, {'S.A.' if n % 80 < 40 else 'SA'}"
        for n in range(600)
    ]
    (tables / "firms.csv").write_text(
        "id;name\n" + "\n".join(line.replace(",", ";", 1) for line in lines) + "\n", encoding="utf-8"
    )
    (tables / "firms.yml").write_text(
        "entity: company\ntables:\n  - {record_id: id, country: ES, roles: {organisation: name}}\n"
    )
    found = resolve_tables([tables / "firms.csv"], tables / "firms.yml", tables / "found")
    clusters = pl.read_parquet(tables / "found" / "clusters.parquet")
    links = pl.read_parquet(tables / "found" / "links.parquet")
    of = dict(clusters.select("record_id", "cluster_id").iter_rows())
    assert (found.records, found.clusters, found.largest) == (600, 40, 15)
    assert all(of[str(n)] == of[str(n % 40)] for n in range(600))
    assert set(links["kind"]) >= {"copy"} and links.filter(pl.col("kind") == "copy")["is_same"].all()


@pytest.mark.parametrize(
    ("roles", "truth", "sentence"),
    [
        ("none.yml", "truth.csv", "none.yml is not there; a declaration in YAML was expected"),
        ("a.yml", "none.csv", "none.csv is not there; a CSV with source, record_id, person_id was expected"),
        ("a.yml", "truth.csv", "truth.csv: the truth has no column person_id; it has source, record_id, who"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_worked_out(tables, roles, truth, sentence):
    (tables / "a.csv").write_text("id,name\n1,Ana Ruiz\n", encoding="utf-8")
    (tables / "a.yml").write_text("tables:\n  - {record_id: id, roles: {full_name: name}}\n", encoding="utf-8")
    (tables / "truth.csv").write_text("source,record_id,who\na,1,p\n", encoding="utf-8")
    with pytest.raises(CdpError, match=sentence):
        resolve_tables([tables / "a.csv"], tables / roles, tables / "found", tables / truth)


def test_a_name_is_as_common_as_those_who_bear_it(tables):
    con = connect(":memory:")
    con.execute("CREATE SCHEMA identity")
    con.execute(
        "CREATE TEMP TABLE taking_part AS SELECT 'r' || n AS record_key, CASE WHEN n < 8 THEN 'ruiz' ELSE 's' || n END AS surname_1 "
        "FROM range(10) AS t (n)"
    )
    others = [c for c in frequency_columns() if c != "surname_1"]
    within = sorted(set(rules_in_force().frequent_within.values()) - set(others) - {"surname_1"})
    for column in (*others, *within):
        con.execute(f"ALTER TABLE taking_part ADD COLUMN {column} VARCHAR")
    con.execute(
        "CREATE TABLE identity.clusters AS SELECT 'r' || n AS record_key, 'k' || (n // 4) AS cluster_key FROM range(8) AS t (n)"
    )
    told = "SELECT frequency FROM new_frequencies WHERE part = 'surname_1' AND value = 'ruiz'"
    count_frequencies(con)
    by_rows = con.execute(told).fetchall()[0][0]
    count_frequencies(con, by_clusters=True)
    # Eight rows of two people, beside two records that stand alone.
    assert (by_rows, con.execute(told).fetchall()[0][0]) == (0.8, 0.5)
    con.close()


def test_namesakes_of_one_post_code_are_no_copies(tables):
    """Fifteen rows of a frequent name in one post code may be fifteen people: the model decides."""
    lines = [f"{n},José García López,28001" for n in range(15)]
    (tables / "names.csv").write_text("id,name,zip\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (tables / "names.yml").write_text(
        "tables:\n  - {record_id: id, country: ES, roles: {full_name: name, postcode: zip}}\n"
    )
    rows = read_tables([tables / "names.csv"], read_roles(tables / "names.yml"), tables / "names.yml")
    assert without_copies(rows)[1].is_empty()


def test_a_small_table_learns_how_many_match_though_it_is_too_small_for_more(tables):
    """300 people by name and date of birth, 50 of them twice with one digit wrong: what is missing are pairs to learn levels from."""
    given = [
        "Anke",
        "Bernd",
        "Carla",
        "Dirk",
        "Elke",
        "Frank",
        "Gerda",
        "Horst",
        "Inge",
        "Jens",
        "Karin",
        "Lars",
        "Maria",
        "Nils",
        "Olga",
    ]
    family = ["Adler", "Becker", "Conrad", "Dorn", "Engel", "Fuchs", "Graf", "Hahn", "Iben", "Jung", "Kraus", "Lang", "Moser", "Nagel",
              "Otto", "Pohl", "Quast", "Reh", "Sauer", "Tietz"]  # fmt: skip
    people = [
        (f, s, f"19{30 + n % 60}-{1 + n % 12:02}-{1 + n % 28:02}")
        for n, (f, s) in enumerate((f, s) for f in given for s in family)
    ]
    rows, truth = [], []
    for n, (first, last, born) in enumerate(people):
        rows.append(f"a{n},{first},{last},{born}")
        truth.append(f"people,a{n},{n}")
        if n % 6 == 0:
            rows.append(f"b{n},{first},{last},{born[:3]}{(int(born[3]) + 3) % 10}{born[4:]}")
            truth.append(f"people,b{n},{n}")
    (tables / "people.csv").write_text("id,first,last,born\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tables / "truth.csv").write_text("source,record_id,person_id\n" + "\n".join(truth) + "\n", encoding="utf-8")
    (tables / "people.yml").write_text(
        "tables:\n  - {record_id: id, country: DE, roles: {given_name: first, family_name: last, birth_date: born}}\n"
    )
    found = resolve_tables([tables / "people.csv"], tables / "people.yml", tables / "found", tables / "truth.csv")
    assert "how many match is learnt" in found.not_trained
    prior = json.loads((tables / "found" / "model.json").read_text())["prior"]
    assert prior == pytest.approx(50 / (350 * 349 / 2), rel=0.5)
    assert found.figures["pairwise"]["f1"] >= 0.95


def test_a_role_of_people_is_no_role_of_companies(tables):
    (tables / "wrong.yml").write_text("entity: company\ntables:\n  - {roles: {organisation: n, birth_date: b}}\n")
    with pytest.raises(DeclarationError, match="a company has no role birth_date; it has city, country"):
        read_roles(tables / "wrong.yml")
