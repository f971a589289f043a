"""Cleaned records and golden records of which only what changed is written: the same as if all were made anew."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from identity import golden
from identity import standardise as cleaning
from identity.cluster import cluster_records
from identity.customer_ids import assign_customer_ids
from identity.golden import build_golden_profiles
from identity.link import link_records
from identity.standardise import standardise
from warehouse.duck import count

TABLES = ("records", "record_contents", "contact_points", "shared_identifiers", "source_merges")
GOLDEN = ("profile_values", "profiles", "golden_contents")
#: Names that contradict each other: a mailbox that three of them use is a family's, one that six use is nobody's in particular.
NAMES = ["Ana", "Berta", "Carlos", "Diego", "Elena", "Fermín", "Gloria", "Hugo"]


def somebody(number, chance):
    return {
        "id": str(number), "given": chance.choice(NAMES), "family": chance.choice(["Ruiz Soto", "Vega Gil", "Peña Lara"]),
        "email": chance.choice(["box@x.example", "home@x.example", f"own{number}@y.example", "casa@x.example", None]),
        "phone": chance.choice(["+525555555501", f"+52555512{number:04}", None]), "country": "MX", "city": "Puebla", "postcode": f"7{number % 3:04}",
        "tax": chance.choice([None, None, "GODE561231GR8"]), "seen": "2026-01-05",
    }  # fmt: skip


@pytest.fixture
def company(workspace, monkeypatch, warehouse_with):
    """Forty people of a CRM, cleaned once; from there on nothing may be written whole."""
    chance = random.Random(3)
    con = warehouse_with([somebody(n, chance) for n in range(40)])
    con.execute("ALTER TABLE bronze.crm_people ADD COLUMN born VARCHAR")
    con.execute("UPDATE bronze.crm_people SET born = '2012-11-' || lpad(id, 2, '0') WHERE id::INTEGER BETWEEN 1 AND 28")
    con.execute("""UPDATE quality.person_tables SET roles = json_merge_patch(roles, '{"birth_date": ["born"]}')""")
    con.execute("CREATE TABLE first_people AS FROM bronze.crm_people")
    standardise(con, date(2026, 11, 2))
    build(con)
    for table in (*TABLES, *GOLDEN, "members"):
        con.execute(f"CREATE TABLE first_{table} AS FROM identity.{table}")
    monkeypatch.setattr(cleaning, "WRITTEN_WHOLE_FROM_PCT", 1000)
    monkeypatch.setattr(golden, "WRITTEN_WHOLE_FROM_PCT", 1000)
    monkeypatch.setattr(cleaning, "_write_all", only_of_nothing(cleaning._write_all))
    yield con
    con.close()


def only_of_nothing(write_all):
    def written(con, today, is_known):
        assert not is_known, "all records were written, though few changed"
        write_all(con, today, is_known)

    return written


def build(con):
    link_records(con)
    cluster_records(con)
    assign_customer_ids(con, "m", accepted="a test")
    build_golden_profiles(con)


def told(con, tables):
    return {table: con.execute(f"SELECT * FROM identity.{table} ORDER BY ALL").fetchall() for table in tables}


STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["come", "go", "rename", "move mailbox", "nothing"]), strategies.integers(0, 10_000)
    ),
    min_size=1,
    max_size=6,
)


def happen(con, what, number):
    chance = random.Random(number)
    one, others = str(number % 40), [str(n) for n in chance.sample(range(40), 8)]
    match what:
        case "come":
            columns = [*somebody(0, chance)]
            for n in range(100 + number % 50, 103 + number % 50):
                person = somebody(n, chance)
                con.execute("DELETE FROM bronze.crm_people WHERE id = ?", [str(n)])
                con.execute(
                    f"INSERT INTO bronze.crm_people ({', '.join(columns)}, _file, _line) "
                    f"VALUES ({', '.join('?' * len(columns))}, 'f', 1)",
                    [person[column] for column in columns],
                )
        case "go":
            con.execute("DELETE FROM bronze.crm_people WHERE id IN (SELECT unnest(?::VARCHAR[]))", [others[:4]])
        case "rename":
            con.execute("UPDATE bronze.crm_people SET given = ? WHERE id = ?", [chance.choice(NAMES), one])
        case "move mailbox":
            mailbox = chance.choice(["box@x.example", "new@z.example"])
            con.execute(
                "UPDATE bronze.crm_people SET email = ? WHERE id IN (SELECT unnest(?::VARCHAR[]))", [mailbox, others]
            )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=STEPS)
def test_cleaned_records_of_which_a_part_is_written_are_those_of_one_run(company, steps):
    company.execute("CREATE OR REPLACE TABLE bronze.crm_people AS FROM first_people")
    for table in TABLES:
        company.execute(f"CREATE OR REPLACE TABLE identity.{table} AS FROM first_{table}")
    for day, (what, number) in enumerate(steps, start=3):
        happen(company, what, number)
        standardise(company, date(2026, 11, day))
    in_part = told(company, TABLES)
    company.execute("DROP TABLE identity.record_contents")
    whole = standardise(company, date(2026, 11, 2 + len(steps)))
    assert whole.facts["cleaned"] == len(in_part["records"])
    assert told(company, TABLES) == in_part


def test_a_birthday_that_makes_somebody_old_enough_writes_that_record_and_no_other(company):
    before = told(company, ["records"])["records"]
    assert standardise(company, date(2026, 11, 9)).facts["cleaned"] == 0
    after = told(company, ["records"])["records"]
    come_of_age = [new for old, new in zip(before, after, strict=True) if old != new]
    # Those of fourteen years, born on 3 to 9 November 2012; a year has a quarter of a day more than its days.
    assert {row[0] for row in come_of_age} == {f"crm_people:{n}" for n in range(2, 9)}


def test_what_was_marked_for_its_sharing_is_its_own_again_when_the_others_leave(company):
    marked = "identity.records WHERE record_key = 'crm_people:1' AND email_key IS NULL"
    box = "UPDATE bronze.crm_people SET email = CASE WHEN id::INTEGER < 20 THEN 'all@x.example' ELSE NULL END"
    company.execute(box)
    standardise(company, date(2026, 11, 2))
    assert count(company, marked) == 1
    company.execute(f"{box.replace('< 20', '= 1')} WHERE id <> '1'")
    standardise(company, date(2026, 11, 2))
    assert count(company, marked) == 0
    assert count(company, "identity.records WHERE email_key = 'all@x.example'") == 1


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=STEPS)
def test_golden_records_of_which_a_part_is_written_are_those_of_one_run(company, steps):
    for day, (what, number) in enumerate(steps, start=3):
        happen(company, what, number)
        standardise(company, date(2026, 11, day))
        build(company)
    in_part = told(company, GOLDEN)
    company.execute("DROP TABLE identity.golden_contents")
    build_golden_profiles(company)
    assert told(company, GOLDEN) == in_part
    assert build_golden_profiles(company).facts["changed"] == 0
    assert told(company, GOLDEN) == in_part
