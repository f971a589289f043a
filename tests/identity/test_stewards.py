"""What stewards see and decide: the queue, how a customer came to be one, quality from labels, and the gate on identities."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from cdp import cli
from identity import customer_ids, declared
from identity.cluster import average_linkage, cluster_records
from identity.declared import rules_in_force
from identity.explain import explain_pair, how_joined, waterfall_svg
from identity.health import IdentitiesOutOfBounds, history_path
from identity.judgements import judge
from identity.link import link_records
from identity.resolve import resolve_tables
from identity.review import build_review_queue, sampled_quality
from identity.standardise import standardise
from warehouse.declarations import load
from warehouse.duck import count, rows
from warehouse.errors import CdpError, DeclarationError

GIVEN = ("Ana", "Luis", "Begoña", "Hugo", "Inés", "Pablo", "Rosa", "Íñigo", "Carmen", "Diego")
FAMILY = ("Zubizarreta", "Quintanilla", "Ibargüengoitia", "Núñez", "Peñalosa", "Echeverri", "Urdaneta", "Goicochea")


def company(people):
    """People known to a CRM and a shop: some by the same address, some by name and place only."""
    found = []
    for i in range(people):
        one = {"given": GIVEN[i % 10], "family": f"{FAMILY[i % 8]} {FAMILY[(i // 8) % 8]}", "country": "ES",
               "email": f"{GIVEN[i % 10].lower()}{i}@correo.example", "city": f"Villa {i % 30}", "postcode": f"{28000 + i % 50}"}  # fmt: skip
        found.append({**one, "id": f"{i}a"})
        moved = {"city": None, "postcode": None, "given": one["given"][:1]} if i % 6 == 0 else {}
        found.append({**one, "id": f"{i}b", "email": one["email"] if i % 3 else "", **moved})
    return found


def resolved(con):
    standardise(con, date(2026, 11, 1))
    link_records(con)
    cluster_records(con)
    customer_ids.assign_customer_ids(con, "m")
    build_review_queue(con)
    return con


@pytest.fixture
def linked(workspace, warehouse_with):
    con = resolved(warehouse_with(company(300)))
    yield con
    con.close()


@pytest.mark.parametrize("size", [2, 3, 5, 9, 40])
def test_many_groups_at_once_are_clustered_as_the_library_clusters_each(size):
    chance = np.random.default_rng(size)
    weights = chance.normal(0, 6, (60, size, size))
    weights = (weights + weights.transpose(0, 2, 1)) / 2
    labels = average_linkage(weights, 0.5)
    for group in range(60):
        distance = 100 - weights[group]
        np.fill_diagonal(distance, 0)
        expected = fcluster(linkage(squareform(distance, checks=False), "average"), t=99.5, criterion="distance")
        assert ((expected[:, None] == expected) == (labels[group][:, None] == labels[group])).all()


def test_the_queue_puts_what_matters_most_first_and_leaves_out_what_was_judged(linked):
    queue = rows(linked, "SELECT * FROM identity.review_queue ORDER BY priority DESC, record_l, record_r")
    assert queue
    assert all(pair["uncertainty_bits"] >= rules_in_force().review_from_bits for pair in queue)
    assert queue[0]["priority"] == max(pair["priority"] for pair in queue)
    # What the customers spent weighs too, once the marts know it.
    low = min(queue, key=lambda pair: pair["priority"])
    linked.execute("CREATE SCHEMA IF NOT EXISTS marts")
    linked.execute(
        "CREATE TABLE marts.customers AS SELECT customer_id, 5000000.0 AS lifetime_revenue_usd FROM identity.members WHERE record_key IN (?, ?)",
        [low["record_l"], low["record_r"]],
    )
    build_review_queue(linked)
    first = rows(
        linked, "SELECT record_l, record_r, value_usd FROM identity.review_queue ORDER BY priority DESC LIMIT 1"
    )[0]
    assert first["value_usd"] >= 5_000_000
    link_records(linked, [(first["record_l"], first["record_r"], "not same")])
    cluster_records(linked)
    build_review_queue(linked)
    assert not count(
        linked, f"identity.review_queue WHERE record_l = '{first['record_l']}' AND record_r = '{first['record_r']}'"
    )


def test_how_a_customer_came_to_be_one_and_what_holds_it_together(workspace, warehouse_with):
    ana = {"given": "Ana", "family": "Zubizarreta Gil", "country": "ES"}
    con = resolved(
        warehouse_with([
            {"id": "1", **ana, "email": "ana.zubi@x.example"}, {"id": "2", **ana, "email": "ana.zubi@x.example"},
            {"id": "3", "given": "Ana", "country": "ES", "email": "ana.zubi@x.example"}, *company(120),
        ])
    )  # fmt: skip
    customer = rows(con, "SELECT customer_id FROM identity.members WHERE record_id = '1'")[0]["customer_id"]
    found = how_joined(con, customer)
    assert found["records"] == ["crm_people:1", "crm_people:2", "crm_people:3"]
    assert [len(join["part"]) + len(join["other"]) for join in found["joins"]] == [2, 3]
    assert all(join["average_bits"] >= rules_in_force().merge_cut_bits for join in found["joins"])
    pair = rows(con, "SELECT customer_id FROM identity.members GROUP BY 1 HAVING count(*) = 2 ORDER BY 1 LIMIT 1")[0]
    held = how_joined(con, pair["customer_id"])
    assert held["bridges"] == [{"pair": [1, 2], "bits": held["joins"][0]["strongest_bits"], "parts": [[1], [2]]}]
    with pytest.raises(CdpError, match="has no records now"):
        how_joined(con, "C-NOBODY")
    con.close()


def test_the_evidence_on_a_pair_is_a_picture_too_in_both_languages(linked):
    pair = rows(linked, "SELECT record_l, record_r FROM identity.links WHERE match_weight > 5 ORDER BY 1 LIMIT 1")[0]
    for language, said in (("en", "same given names"), ("es", "mismos nombres")):
        lines = explain_pair(linked, pair["record_l"], pair["record_r"], language)
        picture = waterfall_svg(lines, "a pair")
        assert picture.startswith("<svg") and said in picture
        # One bar for each line, the sum included.
        assert picture.count('aria-roledescription="bar"') == len(lines)


def test_quality_is_estimated_from_what_stewards_judged_with_its_interval(linked):
    with pytest.raises(CdpError, match="nobody judged"):
        sampled_quality(linked, [])
    truth = {
        r["record_key"]: r["record_id"].rstrip("ab")
        for r in rows(linked, "SELECT record_key, record_id FROM identity.members")
    }
    pairs = [(r["record_l"], r["record_r"]) for r in rows(linked, "SELECT record_l, record_r FROM identity.links")]
    said = [(a, b, "same" if truth[a] == truth[b] else "not same") for a, b in pairs]
    random.Random(3).shuffle(said)
    few, all_of_them = sampled_quality(linked, said[:20]), sampled_quality(linked, said)
    taken = {
        (r["record_l"], r["record_r"]) for r in rows(linked, "SELECT * FROM identity.links WHERE match_weight >= 0")
    }
    right = sum(truth[a] == truth[b] for a, b in taken)
    there = sum(truth[a] == truth[b] for a, b in pairs)
    for figure, value in (("precision", right / len(taken)), ("recall", right / there)):
        for found in (few, all_of_them):
            assert found[figure]["low"] - 0.01 <= value <= found[figure]["high"] + 0.01
        width = {name: f[figure]["high"] - f[figure]["low"] for name, f in (("few", few), ("all", all_of_them))}
        assert width["all"] < width["few"]
    assert all_of_them["labels"] == len(pairs)


def test_identities_outside_of_their_bounds_are_refused_and_the_previous_ones_stay(workspace, warehouse_with):
    people = company(600)
    con = resolved(warehouse_with(people))
    before = con.execute("SELECT * FROM identity.members ORDER BY 1").fetchall()
    ledger = customer_ids.read_ledger().height
    # A source that lost everything that tells people apart: all of them fall into a few.
    con.execute("UPDATE identity.clusters SET cluster_key = 'crm_people:' || (hash(record_key) % 40)")
    with pytest.raises(
        IdentitiesOutOfBounds, match=r"more_than_three_given_names_pct is \d.*people_change_pct is -[89]\d"
    ):
        customer_ids.assign_customer_ids(con, "m")
    assert con.execute("SELECT * FROM identity.members ORDER BY 1").fetchall() == before
    assert customer_ids.read_ledger().height == ledger
    assert count(con, "identity.health WHERE NOT is_inside") >= 3
    kept = pl.read_parquet(history_path())
    assert kept["run_on"].n_unique() == 1 and "cluster_sizes_psi" in kept["sign"].to_list()
    result = customer_ids.assign_customer_ids(con, "m", accepted="a trial, asked for by the steward")
    assert result.facts["accepted"] == "a trial, asked for by the steward"
    assert count(con, "(SELECT DISTINCT customer_id FROM identity.members)") == 40
    con.close()


def test_the_commands_of_stewards(workspace, linked):
    pair = rows(linked, "SELECT record_l, record_r FROM identity.review_queue ORDER BY priority DESC LIMIT 1")[0]
    customer = rows(linked, "SELECT customer_id FROM identity.members ORDER BY 1 LIMIT 1")[0]["customer_id"]
    linked.close()
    ask = CliRunner().invoke
    queue = json.loads(ask(cli, ["review-queue", "--limit", "3", "--json"], catch_exceptions=False).output)
    assert (queue[0]["record_l"], queue[0]["record_r"]) == (pair["record_l"], pair["record_r"]) and len(queue) <= 3
    assert "priority" in ask(cli, ["review-queue"], catch_exceptions=False).output
    judge(pair["record_l"], pair["record_r"], "same", "eva", "same person on the phone")
    assert "95 %" in ask(cli, ["evaluate", "--labels"], catch_exceptions=False).output
    assert json.loads(ask(cli, ["evaluate", "--labels", "--json"], catch_exceptions=False).output)["labels"] == 1
    assert customer in ask(cli, ["how", customer, "--json"], catch_exceptions=False).output
    assert "average bits" in ask(cli, ["how", customer], catch_exceptions=False).output
    assert "inside" in ask(cli, ["health"], catch_exceptions=False).output
    assert "several_birth_dates_pct" in ask(cli, ["health", "--json"], catch_exceptions=False).output
    told = ask(
        cli,
        ["explain", pair["record_l"], pair["record_r"], "--picture", str(workspace / "why.svg")],
        catch_exceptions=False,
    )
    assert told.exit_code == 0 and (workspace / "why.svg").read_text().startswith("<svg")
    assert not ask(cli, ["link", "--full"], catch_exceptions=False).exception
    assert not ask(cli, ["cluster", "--accept", "a test"], catch_exceptions=False).exception


def test_evaluation_tells_families_joined_and_merges_by_source_names_and_country(workspace, linked):
    linked.close()
    truth = workspace / "truth.csv"
    people = [(f"{i}{side}", f"P{i}", f"H{i // 2}") for i in range(300) for side in "ab"]
    lines = [f"crm_people,{record},{person},{home}" for record, person, home in people]
    truth.write_text("\n".join(["table,record_id,person_id,household_id", *lines]), encoding="utf-8")
    found = json.loads(
        CliRunner().invoke(cli, ["evaluate", "--truth", str(truth), "--json"], catch_exceptions=False).output
    )
    assert found["families"]["families"] == 150
    assert 0 <= found["families"]["falsely_joined"] <= 150
    assert found["by_source"]["crm"]["records"] == found["by_country"]["ES"]["records"] == 600
    assert found["by_names"]["two surnames"]["under_merged_pct"] <= 100
    told = CliRunner().invoke(cli, ["evaluate", "--truth", str(truth)], catch_exceptions=False).output
    assert "of 150 families" in told and "two surnames" in told


def test_a_wrong_declaration_of_comparisons_is_refused_with_file_line_and_what_is_allowed(workspace):
    told = (Path(declared.__file__).parent / "person.yml").read_text(encoding="utf-8")
    wrong = workspace / "person.yml"
    wrong.write_text(told.replace("when: surname_1_l = surname_1_r", "when: surnam_1_l = surnam_1_r"), encoding="utf-8")
    line = next(at for at, text in enumerate(wrong.read_text().splitlines(), start=1) if "surnam_1_l" in text)
    with pytest.raises(
        DeclarationError, match=rf"person.yml, line {line}: .*'surnam_1' is not a column.*did you mean 'surname_1'"
    ):
        load(wrong, declared.EntityRules)
    wrong.write_text(told.replace("- [tax_id]\n", "- [tax_number]\n", 1), encoding="utf-8")
    with pytest.raises(
        DeclarationError, match=r"person.yml, line \d+: .*'tax_number' is not a column.*Allowed: given, "
    ):
        load(wrong, declared.EntityRules)


@pytest.mark.parametrize(("born_on_one_day", "together"), [(True, True), (False, False)])
def test_whether_other_given_names_in_one_home_are_a_family_is_learnt_from_dates_of_birth(
    workspace, born_on_one_day, together
):
    names = [("William", "Edward"), ("Margaret", "Peter"), ("Charles", "Susan")]
    lines = ["id,first,last,born,zip"]
    for i in range(240):
        first, other = names[i % 3]
        day = f"19{10 + i % 80}-{1 + i % 12:02}-{1 + i % 28:02}"
        second = day if born_on_one_day else f"19{10 + (i + 31) % 80}-{1 + (i + 5) % 12:02}-{1 + (i + 9) % 28:02}"
        family = f"{FAMILY[i % 8]}{chr(97 + i // 8 % 26)}{chr(97 + i // 200)}".lower()
        # Everybody is there three times, once under another name: a stage name, or somebody of the family.
        lines += [
            f"{i}a,{first},{family},{day},{10000 + i}",
            f"{i}b,{first},{family},{day},{10000 + i}",
            f"{i}c,{other},{family},{second},{10000 + i}",
        ]
    (workspace / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    (workspace / "roles.yml").write_text(
        "tables:\n  - {file: people.csv, record_id: id, country: GB, roles: {given_name: first, family_name: last,"
        " birth_date: born, postcode: zip}}\n"
    )
    found = resolve_tables([workspace / "people.csv"], workspace / "roles.yml", workspace / "out")
    facts = next(step.facts for step in found.steps if step.step == "link")
    assert ("same_in_spite_of_names" in facts) is together
    clusters = dict(
        pl.read_parquet(workspace / "out" / "clusters.parquet").select("record_id", "cluster_id").iter_rows()
    )
    joined = sum(clusters[f"{i}a"] == clusters[f"{i}c"] for i in range(240))
    assert joined >= 216 if together else joined == 0
