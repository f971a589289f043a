"""How likely a match is between two sources, learnt from what is found between them."""

from __future__ import annotations

import pytest

from identity.cluster import cluster_records
from identity.explain import explain_pair
from identity.link import base_in_force, link_records
from identity.source_priors import bits_expression, bits_of, pair_of, source_bits
from identity.standardise import standardise
from warehouse.duck import connect, count, rows


@pytest.fixture
def working_file(workspace):
    con = connect(":memory:")
    yield con
    con.close()


def _scored(con, sources, pairs):
    """Make the records of some sources and scored pairs: (source, source, weight, how many)."""
    con.execute("CREATE SCHEMA IF NOT EXISTS identity")
    con.execute("CREATE OR REPLACE TEMP TABLE taking_part (record_key VARCHAR)")
    for source, records in sources.items():
        con.execute(f"INSERT INTO taking_part SELECT '{source}:' || i FROM range({records}) AS t (i)")
    con.execute("CREATE OR REPLACE TEMP TABLE scored (source_n_l SMALLINT, source_n_r SMALLINT, match_weight DOUBLE)")
    names = sorted(sources)
    for one, other, weight, n in pairs:
        numbers = names.index(one), names.index(other)
        con.execute(f"INSERT INTO scored SELECT {numbers[0]}, {numbers[1]}, {weight} FROM range({n})")
    return names


def test_a_source_that_keeps_people_once_needs_more_evidence_inside_than_towards_others(working_file):
    names = _scored(
        working_file,
        {"crm": 1000, "shop": 1000, "tiny": 10},
        # The shop's own pairs are a few families; between the two stand nine hundred people.
        [("crm", "shop", 12, 900), ("shop", "shop", -1, 40), ("crm", "crm", 10, 100)],
    )
    bits = source_bits(working_file, ["scored"], "match_weight", -11.0, names)

    assert bits[pair_of("shop", "crm")] > 0.5
    assert bits["shop|shop"] < -3 < bits["crm|crm"] < 0
    # Ten records say next to nothing of their source.
    assert abs(bits["tiny|tiny"]) < 1.5
    assert bits_of(bits, "shop:1", "crm:2") == bits["crm|shop"] and bits_of(bits, "shop:1", "new:2") == 0
    listed = bits_expression(bits, [*names, "zzz"])
    told = working_file.execute(
        f"SELECT source_n_l, source_n_r, {listed} FROM (VALUES (0, 1), (1, 1), (0, 3)) AS t (source_n_l, source_n_r)"
    ).fetchall()
    assert [row[2] for row in told] == [pytest.approx(bits["crm|shop"]), pytest.approx(bits["shop|shop"]), 0.0]


def test_one_source_alone_has_the_common_prior(working_file):
    names = _scored(working_file, {"crm": 100}, [("crm", "crm", 5, 30)])
    assert source_bits(working_file, ["scored"], "match_weight", -11.0, names) == {}
    assert bits_expression({}, names) == ""


def _people(n):
    return [
        {"id": f"{i}", "given": "Ana" if i % 2 else "Luis", "family": f"Zubi{chr(97 + i % 26)}{chr(97 + i // 26)}eta Gil",
         "street": f"Calle Sol {i}", "postcode": f"06{i:03}", "country": "MX"}
        for i in range(n)
    ]  # fmt: skip


def test_it_is_kept_between_runs_and_told_when_a_pair_is_explained(workspace, warehouse_with):
    warehouse_with(_people(120), "erp").close()
    con = warehouse_with(_people(120), "shop")
    standardise(con)
    link_records(con)
    cluster_records(con)
    bits = base_in_force(con).source_bits
    assert bits["erp_people|shop_people"] > 0 > bits["erp_people|erp_people"]

    told = {line["comparison"]: line for line in explain_pair(con, "erp_people:1", "shop_people:1", "es")}
    assert told["sources"]["bits"] == round(bits["erp_people|shop_people"], 2) and "fuentes" in told["sources"]["level"]
    weight = rows(
        con, "SELECT match_weight FROM identity.links WHERE record_l = 'erp_people:1' AND record_r = 'shop_people:1'"
    )[0]["match_weight"]
    assert weight == pytest.approx(told["sum"]["bits"], abs=0.05)

    # A record more: compared by what was learnt in the full run.
    con.execute(
        "INSERT INTO bronze.shop_people BY NAME SELECT '900' AS id, * EXCLUDE (id) FROM bronze.shop_people WHERE id = '7'"
    )
    standardise(con)
    result = link_records(con)
    assert result.facts["records_changed"] == 1 and base_in_force(con).source_bits == bits
    assert count(con, "identity.links WHERE record_r = 'shop_people:900' OR record_l = 'shop_people:900'") >= 1
