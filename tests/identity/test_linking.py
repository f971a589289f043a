"""Records to people on labelled pairs, with judgements, ids that stay and golden records."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from identity import customer_ids
from identity import model as model_parts
from identity.anonymous import stitch_devices
from identity.cluster import cluster_records
from identity.explain import explain_pair
from identity.golden import build_golden_profiles
from identity.households import build_households
from identity.judgements import judge, judgements, undo
from identity.link import link_records
from identity.model import ModelNotTrained, kept_apart, load_model
from identity.normalise.names import stands_for
from identity.standardise import standardise
from warehouse.duck import connect, rows
from warehouse.errors import CdpError


def resolve(con, said=()):
    standardise(con, date(2026, 11, 1))
    link_records(con, said)
    cluster_records(con)
    customer_ids.assign_customer_ids(con, "m")
    return dict(con.execute("SELECT record_id, customer_id FROM identity.members").fetchall())


def labelled():
    with (Path(__file__).parent / "pairs.csv").open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("pair", labelled(), ids=lambda p: p["why"])
def test_a_labelled_pair_is_decided_rightly_in_a_company_of_many(workspace, company, pair, warehouse_with):
    crowd = [
        {
            "id": f"x{i}",
            "given": r["Nombre"],
            "family": r["Apellidos"],
            "email": r["Correo"],
            "country": r["País/región"],
        }
        for i, r in enumerate(
            csv.DictReader((company / "inbox" / "hubspot" / "hubspot-contactos.csv").open(encoding="utf-8-sig"))
        )
    ]
    asked = []
    for side in ("left", "right"):
        given, family, email, street, country = pair[side].split("|")
        asked.append(
            {
                "id": side,
                "given": given,
                "family": family,
                "email": email,
                "street": street,
                "country": country,
                "postcode": "06000" if street else "",
            }
        )
    found = resolve(warehouse_with([*crowd, *asked]))

    assert (found["left"] == found["right"]) == (pair["same"] == "yes"), pair["why"]


ANA = {"given": "Ana", "family": "Zubizarreta Gil", "email": "ana.zubi@x.example", "country": "ES"}
LEO = {"given": "Leopoldo", "family": "Quintanilla", "email": "leo@y.example", "country": "MX"}


def test_placeholders_role_boxes_and_empty_records_do_not_join_people(workspace, warehouse_with):
    con = warehouse_with([
        {"id": "1", "given": "Ana", "family": "Sanz", "email": "info@empresa.example", "tax": "XAXX010101000", "country": "MX"},
        {"id": "2", "given": "Luis", "family": "Mora", "email": "info@empresa.example", "tax": "XAXX010101000", "country": "MX"},
        {"id": "3", "email": "na@na.com"},
    ])  # fmt: skip
    found = resolve(con)

    assert found["1"] != found["2"]
    assert "3" not in found
    assert (
        rows(con, "SELECT exclusion FROM identity.records WHERE record_id = '3'")[0]["exclusion"]
        == "nothing to recognise a person by"
    )


def test_a_phone_of_too_many_names_belongs_to_nobody_and_the_reason_is_kept(workspace, warehouse_with):
    given = ["Ana", "Luis", "Eva", "Juan", "Rosa", "Hugo", "Inés", "Pablo"]
    con = warehouse_with(
        [
            {"id": str(i), "given": g, "family": "Sanz", "phone": "+525511112222", "country": "MX"}
            for i, g in enumerate(given)
        ]
    )
    found = resolve(con)

    assert len(set(found.values())) == len(given)
    kept = rows(con, "SELECT kind, names, reason FROM identity.shared_identifiers")
    assert kept[0]["kind"] == "phone" and kept[0]["names"] == 8 and "+52" not in str(kept)


FATHER = {
    "given": "Joaquín",
    "family": "Zubeldía Ostos",
    "street": "Calle Sol 5",
    "postcode": "06000",
    "phone": "+525511112222",
    "country": "MX",
}


def test_a_tax_id_of_another_keeps_father_and_son_of_one_name_apart(workspace, warehouse_with):
    """The model in force has learnt that one person's records hardly ever differ in it; who is like both joins one of them."""
    con = warehouse_with([
        {"id": "father", **FATHER, "tax": "ZUOJ640711AB3"}, {"id": "again", **FATHER, "tax": "ZUOJ640711AB3"},
        {"id": "son", **FATHER, "tax": "ZUOJ910203KL7"}, {"id": "either", **FATHER},
    ])  # fmt: skip
    found = resolve(con)
    assert found["father"] == found["again"] != found["son"]
    assert found["either"] in (found["father"], found["son"])
    told = {line["comparison"]: line for line in explain_pair(con, "crm_people:father", "crm_people:son", "es")}
    assert told["apart"]["bits"] < -50 and "son dos" in told["apart"]["level"]

    # A person who knows better is believed.
    judge("crm_people:father", "crm_people:son", "same", "steward", "new tax id after a correction")
    assert len(set(resolve(con, judgements()).values())) == 1


def test_cousins_of_one_name_are_two_and_a_name_taken_apart_elsewhere_is_one(workspace, warehouse_with):
    """First surname the same and second one another: two people, though they share all that a family shares."""
    home = {"street": "Calle 90 44", "postcode": "764506", "phone": "+573014088065", "country": "CO"}
    con = warehouse_with([
        {"id": "one", "given": "Jairo", "family": "Zubeldía Balbas", "email": "jairo.zb1@x.example", **home},
        {"id": "cousin", "given": "Jairo", "family": "Zubeldía Manzorro", "email": "jairo.zm2@y.example", **home},
        {"id": "parted", "given": "Jairo Zubeldía", "family": "Balbas Ruiz", "email": "jairo.zb1@x.example", **home},
    ])  # fmt: skip
    found = resolve(con)
    assert found["one"] == found["parted"] != found["cousin"]
    told = {line["comparison"] for line in explain_pair(con, "crm_people:one", "crm_people:cousin")}
    assert "apart" in told


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"given": "J. Luis", "family": "Zubeldía Ostos"}, {"given": "José Luis", "family": "Zubeldía Ostos"}),
        ({"given": "Vera", "family": "Prados Núñez"}, {"given": "Vera", "family": "Prados Nunez"}),
        ({"given": "Adrián", "family": "Zubeldía Ostos"}, {"given": "Adrián", "family": "Ostos Zubeldía"}),
        ({"given": "Manuela", "family": "Zubeldía"}, {"given": "Manuela Zubeldía", "family": "González"}),
    ],
    ids=["initial before a second name", "tilde lost", "surnames the other way round", "surname among the given names"],
)
def test_names_written_otherwise_at_one_address_are_one_person(workspace, warehouse_with, left, right):
    home = {"street": "Avenida Colón 290", "postcode": "74463", "city": "Atlixco", "country": "MX"}
    crowd = [{"id": f"x{n}", "given": "Eva", "family": f"Mora {n}", "country": "MX"} for n in range(40)]
    found = resolve(warehouse_with([{"id": "left", **left, **home}, {"id": "right", **right, **home}, *crowd]))
    assert found["left"] == found["right"]


def test_short_names_of_several_meanings_are_no_contradiction_and_brother_and_sister_are(workspace, warehouse_with):
    home = {"family": "Zubeldía", "street": "Main Street 5", "postcode": "10001", "country": "US"}
    con = warehouse_with([
        {"id": "1", "given": "Harry", **home}, {"id": "2", "given": "Henry", **home}, {"id": "3", "given": "Ángela", **home},
        {"id": "4", "given": "Ángel", **home}, {"id": "5", "given": "Mary Ann", **home}, {"id": "6", "given": "Mary Jane", **home},
    ])  # fmt: skip
    found = resolve(con)
    assert found["1"] == found["2"] and found["3"] != found["4"] and found["5"] != found["6"]
    told = {line["comparison"]: line["level"] for line in explain_pair(con, "crm_people:1", "crm_people:2")}
    assert told["given"] == "one name may be short for the other"


def test_names_the_other_way_round_are_found_and_told_once(workspace, warehouse_with):
    """Neither a place nor a date is the same: the two names alone bring the records together."""
    con = warehouse_with([
        {"id": "1", "given": "Nathan", "family": "Zubeldía", "street": "Peppin 59", "postcode": "61720", "country": "MX"},
        {"id": "2", "given": "Zubeldia", "family": "Nathan", "street": "Peppin Pace 59", "postcode": "61270", "country": "MX"},
    ])  # fmt: skip
    resolve(con)
    assert rows(con, "SELECT name_in_order FROM identity.records") == [{"name_in_order": "nathan zubeldia"}] * 2
    told = {line["comparison"]: line for line in explain_pair(con, "crm_people:1", "crm_people:2")}
    assert told["given"]["level"] == "names the other way round" and told["given"]["bits"] > 5
    assert told["surname_1"]["bits"] == 0
    assert len(rows(con, "SELECT * FROM identity.loose_pairs")) == 1


def test_records_of_an_earlier_version_are_cleaned_anew(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    standardise(con, date(2026, 11, 1))
    now = con.execute("SELECT * FROM identity.records").fetchall()
    con.execute("ALTER TABLE identity.records DROP name_in_order")
    con.execute("UPDATE identity.record_contents SET raw_hash = raw_hash + 1")
    standardise(con, date(2026, 11, 1))
    assert con.execute("SELECT * FROM identity.records").fetchall() == now


def test_a_domain_typed_wrong_is_the_same_mailbox_and_another_separator_is_not_known_to_be(workspace, warehouse_with):
    ana = {"given": "Ana", "family": "Zubizarreta", "country": "ES"}
    con = warehouse_with([
        {"id": "1", **ana, "email": "ana_zubizarreta@gmail.example"}, {"id": "2", **ana, "email": "ana_zubizarreta@gmail.exmaple"},
        {"id": "3", **ana, "email": "ana-zubizarreta@gmail.example"},
    ])  # fmt: skip
    resolve(con)
    levels = {
        other: {line["comparison"]: line for line in explain_pair(con, "crm_people:1", f"crm_people:{other}")}["email"]
        for other in ("2", "3")
    }
    assert levels["2"]["level"] == "e-mails whose domains differ in a letter" and levels["2"]["bits"] > 5
    assert levels["3"]["bits"] == 0


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_asking_first_what_is_told_faster_changes_no_answer(most):
    plain = f"damerau_levenshtein(one, other) <= {most}"
    guarded = model_parts.guarded(f"other IS NULL OR {plain}")
    assert guarded.count("levenshtein(one, other)") == 2
    assert model_parts.guarded("damerau_levenshtein(one, other) <= 12").startswith(
        "CASE WHEN levenshtein(one, other) > 24 "
    )
    chance = random.Random(most)
    texts = [None, *{"".join(chance.choices("abñ1", k=chance.randint(0, 7))) for _ in range(300)}]
    con = connect(":memory:")
    con.execute("CREATE TABLE texts AS SELECT unnest(?::VARCHAR[]) AS text", [texts])
    both = "(SELECT a.text AS one, b.text AS other FROM texts AS a, texts AS b)"
    unlike, alike, pairs = con.execute(
        f"SELECT count(*) FILTER (({guarded}) IS DISTINCT FROM (other IS NULL OR {plain})), count(*) FILTER ({plain}), count(*) FROM {both}"
    ).fetchall()[0]
    con.close()
    assert unlike == 0 < alike < pairs


def test_what_often_differs_in_these_tables_keeps_nobody_apart():
    model = load_model()
    assert "gamma_tax_id" in kept_apart(model) and "gamma_birth" in kept_apart(model)
    for comparison in ("tax_id", "birth", "surname_2", "phone"):
        model["comparisons"][comparison][-1]["m"] = 0.02
    assert kept_apart(model) == ""


def test_names_that_one_nickname_means_are_not_one_name():
    def alike(one, other):
        return bool(set(stands_for(one).split()) & set(stands_for(other).split()))

    assert alike("bill", "william") and alike("bob", "robert") and alike("liz", "lisa") and alike("harry", "henry")
    # The list calls each of two the other's nickname; Robert and William are both Bill, Harold and Henry both Harry.
    assert not alike("robert", "william") and not alike("harold", "henry")


def test_father_and_son_of_one_name_and_address_are_told_apart_by_their_phones(workspace, warehouse_with):
    home = {
        "given": "Domingo",
        "family": "Ramos Peña",
        "street": "Reforma 155",
        "city": "Puebla",
        "postcode": "72000",
        "country": "MX",
    }
    records = [
        {"id": "1", **home, "phone": "+52 222 123 4567"}, {"id": "2", **home, "phone": "+52 222 123 4567"},
        {"id": "3", **home, "phone": "+52 222 765 4321"}, {"id": "4", **home, "phone": "+52 222 765 4321"},
    ]  # fmt: skip
    found = resolve(warehouse_with(records))
    assert found["1"] == found["2"] != found["3"] == found["4"]
    # A mailbox of their own says that one person has two phones.
    one = {"email": "domingo.ramos.155@correo.example"}
    assert len(set(resolve(warehouse_with([r | one for r in records])).values())) == 1


def test_a_persons_word_wins_over_all_evidence_and_can_be_taken_back(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "2", **ANA}, {"id": "3", **LEO}])
    assert len(set(resolve(con).values())) == 2

    apart = judge("crm_people:1", "crm_people:2", "not same", "steward", "mother and daughter")
    judge("crm_people:3", "crm_people:1", "same", "steward", "changed his name")
    found = resolve(con, judgements())
    assert found["1"] != found["2"] and found["1"] == found["3"]

    undo(apart, "steward")
    with pytest.raises(CdpError, match="not in force"):
        undo(apart, "steward")
    assert len(set(resolve(con, judgements()).values())) == 1


def test_ids_stay_when_records_come_and_go(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    before = resolve(con)
    con = warehouse_with([{"id": "0", **ANA}, {"id": "1", **ANA}, {"id": "3", **LEO}])
    after = resolve(con)

    assert (after["1"], after["3"]) == (before["1"], before["3"])
    assert after["0"] == before["1"]


def test_a_merge_retires_the_younger_id_and_a_split_gives_a_new_one(workspace, monkeypatch, warehouse_with):
    monkeypatch.setenv("CDP_NOW", "2026-01-01T00:00:00+00:00")
    con = warehouse_with([{"id": "1", **ANA}])
    oldest = resolve(con)["1"]
    monkeypatch.setenv("CDP_NOW", "2026-02-01T00:00:00+00:00")
    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    younger = resolve(con)["3"]
    monkeypatch.setenv("CDP_NOW", "2026-03-01T00:00:00+00:00")
    merged = resolve(con, [("crm_people:1", "crm_people:3", "same")])
    assert set(merged.values()) == {oldest}
    assert customer_ids.resolve(younger) == oldest
    assert customer_ids.resolve(younger, datetime(2026, 2, 15, tzinfo=UTC)) == younger
    with pytest.raises(CdpError, match="never issued by then"):
        customer_ids.resolve(younger, datetime(2026, 1, 15, tzinfo=UTC))

    monkeypatch.setenv("CDP_NOW", "2026-04-01T00:00:00+00:00")
    split = resolve(con)
    assert split["1"] == oldest and split["3"] not in (oldest, younger)
    events = [r["event"] for r in rows(con, "SELECT event FROM identity.customer_events ORDER BY seq")]
    assert {"created", "joined", "merged", "split", "left"} <= set(events)


def test_a_second_run_adds_no_event(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    resolve(con)
    ledger = customer_ids.ledger_path().read_bytes()
    resolve(con)

    assert customer_ids.ledger_path().read_bytes() == ledger


def test_the_golden_record_keeps_losing_values_with_source_and_date(workspace, warehouse_with):
    warehouse_with([{"id": "1", **ANA, "phone": "600111222", "seen": "2025-01-01"}], "sap").close()
    con = warehouse_with(
        [{"id": "2", **ANA, "family": "Zubizarreta", "phone": "600333444", "seen": "2026-01-01"}], "hubspot"
    )
    found = resolve(con)
    build_golden_profiles(con)
    profile = rows(con, "SELECT given_name, surnames, phone, phones, sources FROM identity.profiles")

    assert len(set(found.values())) == 1
    assert profile == [{"given_name": "Ana", "surnames": "Zubizarreta Gil", "phone": "+34600333444",
                        "phones": ["+34600333444", "+34600111222"], "sources": ["hubspot", "sap"]}]  # fmt: skip
    lost = rows(
        con,
        "SELECT value, source, observed_at, rank FROM identity.profile_values WHERE attribute = 'phone' AND rank = 2",
    )
    assert lost == [{"value": "+34600111222", "source": "sap", "observed_at": datetime(2025, 1, 1), "rank": 2}]


def test_a_pair_is_explained_in_bits_that_add_up(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "2", **ANA}, {"id": "3", **LEO}])
    resolve(con)
    lines = explain_pair(con, "crm_people:1", "crm_people:2", "es")
    weight = rows(
        con, "SELECT match_weight FROM identity.links WHERE record_l = 'crm_people:1' AND record_r = 'crm_people:2'"
    )

    assert lines[0]["level"] == "antes de mirar: dos registros al azar"
    assert abs(lines[-1]["bits"] - sum(line["bits"] for line in lines[:-1])) < 0.01
    assert weight[0]["match_weight"] >= lines[-1]["bits"] - 0.1
    with pytest.raises(CdpError, match="not known"):
        explain_pair(con, "crm_people:1", "crm_people:nobody")


def test_a_shared_device_never_joins_people_and_history_goes_by_the_login_before(workspace, warehouse_with):
    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    found = resolve(con)
    con.execute(
        "CREATE TABLE quality.login_tables AS SELECT 'web' AS table_name, 'd' AS anonymous_id, 'u' AS login, 'moment' AS occurred_at, "
        "'crm_people' AS people, 'mail' AS email, 'agreed' AS consent, 'url' AS url, "
        '\'[{"parameter": "mc_eid", "table": "crm_people", "column": "phone", "key": ["id"]}]\' AS clicks'
    )
    con.execute(
        "CREATE TABLE bronze.web AS SELECT * FROM (VALUES ('tablet', '1', TIMESTAMP '2026-01-02'), ('tablet', '3', TIMESTAMP '2026-01-05'), "
        "('tablet', '1', TIMESTAMP '2026-01-09'), ('phone', '1', TIMESTAMP '2026-02-01'), ('phone', NULL, TIMESTAMP '2026-01-01')) AS t(d, u, moment)"
    )
    con.execute("ALTER TABLE bronze.web ADD COLUMN mail VARCHAR")
    con.execute("ALTER TABLE bronze.web ADD COLUMN agreed BOOLEAN")
    con.execute("ALTER TABLE bronze.web ADD COLUMN url VARCHAR")
    con.execute(
        "INSERT INTO bronze.web VALUES "
        # a form that was filled in, a link in a letter, a visitor who declined before logging in
        "('form', NULL, TIMESTAMP '2026-03-01', ?, NULL, NULL), "
        "('link', NULL, TIMESTAMP '2026-03-01', NULL, NULL, 'https://s.example/?a=1&mc_eid=eid3#x'), "
        "('shy', NULL, TIMESTAMP '2026-03-01', NULL, false, NULL), ('shy', '1', TIMESTAMP '2026-03-02', NULL, NULL, NULL)",
        [ANA["email"].upper()],
    )
    con.execute("UPDATE bronze.crm_people SET phone = 'eid3' WHERE id = '3'")
    build_households(con)
    stitch_devices(con)
    spans = con.execute("SELECT anonymous_id, customer_id, valid_from, valid_to FROM identity.device_logins").fetchall()

    assert spans == [
        ("form", found["1"], datetime(1900, 1, 1), datetime(9999, 12, 31)),
        ("link", found["3"], datetime(1900, 1, 1), datetime(9999, 12, 31)),
        ("phone", found["1"], datetime(1900, 1, 1), datetime(9999, 12, 31)),
        ("tablet", found["1"], datetime(2026, 1, 2), datetime(2026, 1, 5)),
        ("tablet", found["3"], datetime(2026, 1, 5), datetime(2026, 1, 9)),
        ("tablet", found["1"], datetime(2026, 1, 9), datetime(9999, 12, 31)),
    ]
    assert con.execute("SELECT anonymous_id, is_shared, reason FROM identity.devices").fetchall() == [
        ("form", False, None),
        ("link", False, None),
        ("phone", False, None),
        ("tablet", True, "shared by 2 customers of 2 households"),
    ]
    assert con.execute("SELECT told_by FROM identity.device_logins WHERE anonymous_id IN ('form', 'link')").fetchall() == [
        ("form",), ("e-mail click",),
    ]  # fmt: skip


def test_a_model_that_lacks_a_level_is_an_error(workspace):
    model = load_model()
    model["comparisons"]["email"][0]["m"] = None
    path = workspace / "broken.json"
    path.write_text(json.dumps(model))

    with pytest.raises(ModelNotTrained, match="without trained numbers: same e-mail"):
        load_model(path)


def test_training_is_apart_from_linking_and_says_when_records_are_too_few(workspace, warehouse_with):
    from identity.train import train

    con = warehouse_with([{"id": "1", **ANA}, {"id": "3", **LEO}])
    standardise(con, date(2026, 11, 1))
    with pytest.raises(ModelNotTrained, match="2 records are too few"):
        train(con, workspace / "m.json")


def test_what_a_source_merged_is_one_person_unless_somebody_says_otherwise(workspace, warehouse_with):
    con = warehouse_with([
        {"id": "1", **ANA, "phone": None},
        {"id": "2", "given": "A. Z.", "family": None, "tax": "1"},  # nothing in common, but the CRM merged it into 1
        {"id": "3", **LEO},
    ])  # fmt: skip
    roles = json.loads(con.execute("SELECT roles FROM quality.person_tables").fetchall()[0][0])
    roles = {role: columns for role, columns in roles.items() if columns != ["tax"]}
    con.execute("ALTER TABLE bronze.crm_people ADD COLUMN gone VARCHAR[]")
    con.execute("UPDATE bronze.crm_people SET gone = ['77', '78'] WHERE id = '3'")
    roles |= {"merged_into": ["tax"], "merged_ids": ["gone"]}
    con.execute("UPDATE quality.person_tables SET roles = ?", [json.dumps(roles)])
    found = resolve(con)

    assert found["1"] == found["2"] != found["3"]
    # Ids that are exported no more still find their person.
    assert found["77"] == found["78"] == found["3"]
    assert con.execute("SELECT DISTINCT kind FROM identity.links WHERE verdict = 'same'").fetchall() == [("source",)]
    link_records(con, [("crm_people:1", "crm_people:2", "not same")])
    cluster_records(con)
    apart = con.execute(
        "SELECT count(DISTINCT cluster_key) FROM identity.clusters WHERE record_key IN ('crm_people:1', 'crm_people:2')"
    ).fetchall()
    assert apart == [(2,)]


def test_only_records_whose_text_changed_are_cleaned_again(workspace, warehouse_with):
    con = warehouse_with(
        [{"id": "1", **ANA}, {"id": "2", **LEO}, {"id": "3", **LEO, "email": "leo@y.example", "given": "L."}]
    )
    first = standardise(con, date(2026, 11, 1))
    whole = con.execute("SELECT * FROM identity.records").fetchall()
    points = con.execute("SELECT * FROM identity.contact_points").fetchall()
    again = standardise(con, date(2026, 11, 2))
    assert (first.facts["cleaned"], again.facts["cleaned"]) == (3, 0)
    assert con.execute("SELECT * FROM identity.records").fetchall() == whole
    assert con.execute("SELECT * FROM identity.contact_points").fetchall() == points
    con.execute("UPDATE bronze.crm_people SET given = 'Leo' WHERE id = '2'")
    con.execute("DELETE FROM bronze.crm_people WHERE id = '1'")
    assert standardise(con, date(2026, 11, 2)).facts["cleaned"] == 1
    parts = con.execute("SELECT * FROM identity.records").fetchall()
    con.execute("DROP TABLE identity.record_contents")
    assert standardise(con, date(2026, 11, 2)).facts["cleaned"] == 2
    assert con.execute("SELECT * FROM identity.records").fetchall() == parts
