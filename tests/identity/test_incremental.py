"""New, changed and removed records against the known: the same people as one run over all of them."""

from __future__ import annotations

import csv
import random

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from identity import groups, link
from identity import model as model_parts
from identity.cluster import cluster_records
from identity.customer_ids import assign_customer_ids
from identity.declared import rules_in_force
from identity.explain import explain_pair
from identity.link import link_records
from identity.standardise import standardise
from warehouse.duck import count, rows
from warehouse.settings import now

KNOWN, COMING = 240, 60


def crowd(company):
    """People of the sample company's CRM, some of them twice or three times, with what people get wrong."""
    told = (company / "inbox" / "hubspot" / "hubspot-contactos.csv").open(encoding="utf-8-sig")
    chance, found = random.Random(5), []
    for i, row in enumerate(list(csv.DictReader(told))[: (KNOWN + COMING) // 2]):
        one = {"id": f"{i}a", "given": row["Nombre"], "family": row["Apellidos"], "email": row["Correo"],
               "country": row["País/región"], "city": row["Ciudad"], "postcode": f"{i % 40:05}"}  # fmt: skip
        other = {**one, "id": f"{i}b", "email": chance.choice([row["Correo"], "", f"casa@hogar{i % 9}.example"])}
        if chance.random() < 0.3 and row["Apellidos"]:
            other["family"] = row["Apellidos"][1:] + row["Apellidos"][0]
        if chance.random() < 0.2:
            other["given"] = chance.choice(["Ana", "Luis", "J."])
        found += [one, other]
    chance.shuffle(found)
    return found


@pytest.fixture
def known(workspace, company, monkeypatch, warehouse_with):
    """A company that was linked once; what evidence is weighed by stands still from there on."""
    monkeypatch.setenv("CDP_NOW", "2026-11-01T08:00:00+00:00")
    con = warehouse_with(crowd(company))
    standardise(con, now().date())
    con.execute(
        "CREATE TABLE every_record AS SELECT *, row_number() OVER (ORDER BY hash(record_key)) AS n FROM identity.records"
    )
    take(con, f"n <= {KNOWN}")
    link_records(con)
    cluster_records(con)
    for table in kept_tables(con):
        con.execute(f"CREATE TABLE before_{table} AS SELECT * FROM identity.{table}")
    still = rules_in_force().model_copy(
        update={
            "full_run": rules_in_force().full_run.model_copy(update={"records_change_pct": 1000, "changed_pct": 100})
        }
    )
    monkeypatch.setattr(
        link, "_rules_digest", lambda: con.execute("SELECT rules FROM identity.link_base").fetchall()[0][0]
    )
    monkeypatch.setattr(link, "rules_in_force", lambda: still)
    yield con
    con.close()


def kept_tables(con):
    return [
        r["table_name"]
        for r in rows(con, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'identity'")
    ]


def take(con, which):
    con.execute(
        f"CREATE OR REPLACE TABLE identity.records AS SELECT * EXCLUDE n FROM every_record WHERE {which} ORDER BY record_key"
    )


def back_to_the_known(con):
    for table in kept_tables(con):
        con.execute(f"CREATE OR REPLACE TABLE identity.{table} AS SELECT * FROM before_{table}")


def outcome(con):
    links = con.execute(
        "SELECT record_l, record_r, match_weight, kind, verdict, group_id FROM identity.links ORDER BY ALL"
    ).fetchall()
    return (
        links,
        con.execute("SELECT * FROM identity.clusters").fetchall(),
        con.execute("FROM identity.cluster_quality").fetchall(),
    )


def compared_anew(con, said=()):
    """Compare every record with every other, by what stands still."""
    for table in ("linked_records", "linked_groups", "loose_pairs", "clustered_groups", "links"):
        con.execute(f"DELETE FROM identity.{table}")
    result = link_records(con, said)
    assert "full_run" not in result.facts
    assert result.facts["records_changed"] == count(con, "identity.records")
    cluster_records(con)
    return outcome(con)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    order=strategies.permutations(range(COMING)),
    cuts=strategies.lists(strategies.integers(1, COMING - 1), max_size=3),
    gone=strategies.sets(strategies.integers(1, KNOWN), max_size=20),
)
def test_any_order_and_split_of_batches_ends_in_the_people_of_one_run(known, order, cuts, gone):
    back_to_the_known(known)
    known.execute("CREATE OR REPLACE TEMP TABLE arrived (n BIGINT, batch BIGINT)")
    batch_of = {n: sum(place >= cut for cut in set(cuts)) for place, n in enumerate(order)}
    known.executemany("INSERT INTO arrived VALUES (?, ?)", [(KNOWN + 1 + n, batch) for n, batch in batch_of.items()])
    removed = ", ".join(map(str, gone)) or "0"
    for batch in sorted(set(batch_of.values())):
        # Some records leave at the first batch and come back at the last.
        without = f"AND n NOT IN ({removed})" if batch == 0 and len(set(batch_of.values())) > 1 else ""
        take(known, f"(n <= {KNOWN} OR n IN (SELECT n FROM arrived WHERE batch <= {batch})) {without}")
        assert "full_run" not in link_records(known).facts
        cluster_records(known)
    step_by_step = outcome(known)

    assert step_by_step == compared_anew(known)
    assert len({cluster for _, cluster in step_by_step[1]}) < len(step_by_step[1])


def test_what_is_too_large_to_be_one_group_is_split_as_in_one_run(known, monkeypatch):
    small = rules_in_force().model_copy(update={"max_group_records": 2})
    monkeypatch.setattr(groups, "rules_in_force", lambda: small)
    compared_anew(known)
    for end in (20, 40, COMING):
        take(known, f"n <= {KNOWN + end}")
        assert "full_run" not in link_records(known).facts
        cluster_records(known)
    # Components are kept beside groups: what touches one part of them may join or split the others.
    of_several = "GROUP BY component_id HAVING count(DISTINCT coalesce(group_id, record_key)) > 1"
    assert (
        count(known, f"(SELECT component_id FROM identity.linked_records WHERE component_id IS NOT NULL {of_several})")
        > 0
    )
    assert outcome(known) == compared_anew(known)


def test_a_block_that_outgrows_what_is_looked_into_parts_what_it_alone_connected_as_in_one_run(known, monkeypatch):
    # Blocks of three and more are too large here, so many a pair of the first records is a block no more when others come.
    small = link.rules_in_force().model_copy(update={"max_block_records": 2})
    for module in (link, model_parts):
        monkeypatch.setattr(module, "rules_in_force", lambda: small)
    take(known, f"n <= {KNOWN - 60}")
    link_records(known, full=True)
    cluster_records(known)
    before = large(known)
    parted = 0
    for end in (-30, 0, 30, COMING):
        take(known, f"n <= {KNOWN + end}")
        assert "full_run" not in link_records(known).facts
        parted += count(known, "parted_pairs")
        cluster_records(known)
    assert parted > 0
    model_parts.block_keys(known, "taking_part", count(known, "identity.records"))
    used = [block for block, _ in link._keys_of(link.base_in_force(known).blocks)]
    assert before < large(known)
    assert large(known) == {(rule, key) for rule, key in known.execute("FROM large_blocks").fetchall() if rule in used}
    assert outcome(known) == compared_anew(known)


def large(con):
    return set(con.execute("FROM identity.large_blocks").fetchall())


def ids(con):
    return [
        con.execute(f"SELECT * FROM identity.{table} ORDER BY ALL").fetchall()
        for table in ("members", "customer_events", "customer_aliases")
    ]


def test_tables_of_ids_that_get_what_is_new_are_those_that_the_ledger_makes(known, monkeypatch):
    for day, which in enumerate(
        (f"n <= {KNOWN}", f"n > 20 AND n <= {KNOWN + 30}", "n > 10", "n > 10", "true", "n < 200")
    ):
        monkeypatch.setenv("CDP_NOW", f"2026-11-{day + 2:02}T08:00:00+00:00")
        take(known, which)
        link_records(known)
        cluster_records(known)
        assign_customer_ids(known, "m", accepted="many records come and go")
    step_by_step = ids(known)
    assert {"created", "joined", "left", "retired"} <= {event[3] for event in step_by_step[1]}
    # A working file that is not the ledger's gets its tables from the ledger alone.
    known.execute("DELETE FROM identity.customer_events WHERE seq = (SELECT max(seq) FROM identity.customer_events)")
    known.execute("DELETE FROM identity.members")
    assign_customer_ids(known, "m", accepted="many records come and go")
    assert ids(known) == step_by_step


def test_a_record_that_changes_or_goes_takes_its_links_with_it_and_only_its_group_is_scored(known):
    pair = rows(
        known, "SELECT record_l, record_r, group_id FROM identity.links WHERE match_weight > 8 ORDER BY 1 LIMIT 1"
    )[0]
    other = {"given": "wilhelmina", "given_first": "wilhelmina", "given_canonical": "wilhelmina", "surname_1": "oszkar",
             "surname_sound": "oszkar", "surname_2": None, "email_key": None, "email_local": None, "phone_e164": None}  # fmt: skip
    known.execute(
        f"UPDATE identity.records SET {', '.join(f'{column} = ?' for column in other)} WHERE record_key = ?",
        [*other.values(), pair["record_r"]],
    )
    changed = link_records(known)
    cluster_records(known)
    assert changed.facts["records_changed"] == 1
    assert changed.facts["groups_scored"] <= 2
    apart = dict(known.execute("SELECT record_key, cluster_key FROM identity.clusters").fetchall())
    assert apart[pair["record_l"]] != apart[pair["record_r"]]
    # What connected it before connects it no more.
    assert outcome(known) == compared_anew(known)
    known.execute("DELETE FROM identity.records WHERE record_key = ?", [pair["record_l"]])
    link_records(known)
    cluster_records(known)
    assert count(known, f"identity.links WHERE record_l = '{pair['record_l']}' OR record_r = '{pair['record_l']}'") == 0
    assert outcome(known) == compared_anew(known)


def test_a_judgement_scores_its_group_again_and_is_taken_back_with_it(known):
    before = outcome(known)
    pair = rows(known, "SELECT record_l, record_r FROM identity.links WHERE match_weight > 8 ORDER BY 1 LIMIT 1")[0]
    said = [(pair["record_l"], pair["record_r"], "not same")]
    result = link_records(known, said)
    cluster_records(known)
    assert (result.facts["records_changed"], result.facts["groups_scored"]) == (0, 1)
    apart = dict(known.execute("SELECT record_key, cluster_key FROM identity.clusters").fetchall())
    assert apart[pair["record_l"]] != apart[pair["record_r"]]
    assert outcome(known) == compared_anew(known, said)
    link_records(known)
    cluster_records(known)
    assert outcome(known) == before


def test_a_run_over_the_same_records_scores_nothing_and_changes_nothing(known):
    before = outcome(known)
    result = link_records(known)
    cluster_records(known)
    assert (result.facts["records_changed"], result.facts["groups_scored"]) == (0, 0)
    assert outcome(known) == before
    pair = before[0][0]
    assert explain_pair(known, pair[0], pair[1])[-1]["bits"] == pytest.approx(pair[2], abs=0.05)


def test_a_full_run_comes_when_it_is_due_asked_for_or_the_model_changed(known, monkeypatch):
    assert link_records(known, full=True).facts["full_run"] == "asked for"
    assert "full_run" not in link_records(known).facts
    known.execute("UPDATE identity.link_base SET model_version = 'other'")
    assert "model" in link_records(known).facts["full_run"]
    monkeypatch.setenv("CDP_NOW", "2026-12-01T08:00:00+00:00")
    assert "days" in link_records(known).facts["full_run"]
