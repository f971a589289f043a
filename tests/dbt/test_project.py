"""The dbt project keeps its own rules (those that dbt's evaluator package checks, read from the manifest), and its unit tests pass."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from warehouse.duck import connect
from warehouse.plan import CUTS, SCOPES
from warehouse.transform import STANDING

PUBLISHED = {"marts", "metrics", "segments", "scores", "figures", "history"}
#: Which layers a layer may build on. Macro segments are a segment that metrics and scores look at, and stand with the facts.
BELOW = {
    "staging": set(),
    "intermediate": {"staging", "intermediate", "marts"},
    "marts": {"staging", "intermediate", "marts"},
    "metrics": {"staging", "intermediate", "marts", "metrics"},
    "fitted": {"intermediate", "marts", "metrics", "fitted"},
    "scores": {"staging", "intermediate", "marts", "metrics", "fitted", "scores"},
    "segments": {"staging", "intermediate", "marts", "metrics", "scores", "segments"},
    "figures": {"staging", "intermediate", "marts", "metrics", "scores", "segments", "figures"},
    "history": {"marts", "metrics"},
}
#: What is wide for people to read stands above all that it gathers.
GATHERS = {"customers", "customer_metrics", "int_customer_numbers", "int_customer_values", "int_customer_states"}
SEES_MACRO_SEGMENTS = {"fitted_micro_segments", "lifecycle_stages"}


@pytest.fixture(scope="module")
def manifest(finished):
    return json.loads((finished / "state" / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest):
    return {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}


@pytest.fixture(scope="module")
def tests_of(manifest):
    found = Counter()
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            for parent in node["depends_on"]["nodes"]:
                found[parent.split(".")[-1], (node.get("test_metadata") or {}).get("name", "singular")] += 1
        # Our materialisations hold these of what they build (decision 0015).
        if node["resource_type"] == "model" and node["config"]["materialized"] in ("table", "view"):
            for constraint in [
                *node["constraints"],
                *(c for column in node["columns"].values() for c in column["constraints"]),
            ]:
                found[node["name"], constraint["type"]] += 1
    return found


def test_only_staging_reads_sources_one_each_and_nothing_else(models):
    wrong = []
    for name, node in models.items():
        sources = [p for p in node["depends_on"]["nodes"] if p.startswith("source.clientela.bronze")]
        if node["schema"] == "staging":
            others = [p for p in node["depends_on"]["nodes"] if p.startswith("model.")]
            if len(sources) != 1 or others:
                wrong.append(name)
        elif sources and not name.startswith("int_products__"):
            wrong.append(name)
    assert wrong == []


def test_what_is_not_built_anew_is_views_of_sources_and_seeds(manifest, models):
    folders = tuple(part.removeprefix("path:") + "/" for part in STANDING)
    standing = {u for u, n in manifest["nodes"].items() if n["original_file_path"].startswith(folders)}
    wrong = []
    for unique_id in standing:
        node = manifest["nodes"][unique_id]
        parents = node["depends_on"].get("nodes", [])
        if any(p not in standing for p in parents if not p.startswith("source.")):
            wrong.append(f"{node['name']} reads what is built anew")
        if node["resource_type"] == "model":
            ruled = node["constraints"] or any(c["constraints"] for c in node["columns"].values())
            # What staging declares is asked before a build; of other views nothing is asked.
            if (
                node["config"]["materialized"] != "view"
                or (ruled and node["schema"] != "staging")
                or "env_var" in node["raw_code"]
            ):
                wrong.append(node["name"])
    assert wrong == []
    assert {n for n, node in models.items() if node["schema"] == "staging"} <= {u.split(".")[-1] for u in standing}


def test_layers_build_on_those_below(models, manifest):
    wrong = []
    for name, node in models.items():
        for parent in node["depends_on"]["nodes"]:
            below = manifest["nodes"].get(parent)
            if not below or below["resource_type"] != "model" or name in GATHERS:
                continue
            if below["name"] == "macro_segments" and name in SEES_MACRO_SEGMENTS:
                continue
            if below["name"] in GATHERS and node["schema"] in ("metrics", "scores", "fitted"):
                wrong.append(f"{name} builds on {below['name']}, which gathers it")
            elif below["schema"] not in BELOW[node["schema"]] | {node["schema"]}:
                wrong.append(f"{name} ({node['schema']}) builds on {below['name']} ({below['schema']})")
    assert wrong == []


def test_names_say_the_layer_and_files_lie_in_its_folder(models):
    prefix = {"staging": "stg_", "intermediate": "int_", "fitted": "fitted_"}
    wrong = [
        name
        for name, node in models.items()
        if node["fqn"][1] != "own_models"
        and (
            not name.startswith(prefix.get(node["schema"], ""))
            or node["schema"] not in (*node["path"].split("/"), "intermediate")
        )
    ]
    assert wrong == []


def test_every_model_is_described_and_tested(models, tests_of):
    undescribed = [name for name, node in models.items() if not node["description"].strip()]
    tested = {model for model, _ in tests_of}
    untested = [name for name, node in models.items() if node["schema"] in PUBLISHED and name not in tested]
    assert (undescribed, untested) == ([], [])


def test_what_is_published_has_a_contract_a_key_and_words_for_every_column(models, tests_of):
    published = {name: node for name, node in models.items() if node["schema"] in PUBLISHED}
    python = {name for name, node in published.items() if node["language"] == "python"}
    without_contract = [
        n for n, node in published.items() if not node["config"]["contract"]["enforced"] and n not in python
    ]
    keys = {"primary_key", "unique_combination", "unique"}
    without_key = [n for n in published if not any((n, k) in tests_of for k in keys) and n != "not_to_offer"]
    wordless = [
        f"{n}.{c}"
        for n, node in published.items()
        for c, col in node["columns"].items()
        if not col["description"].strip()
    ]
    assert (without_contract, without_key, wordless) == ([], [], [])


def test_keys_that_follow_from_how_a_table_is_made_do_hold(finished, models):
    following = {name: node for name, node in models.items() if node["config"]["meta"].get("key_follows")}
    asked = []
    with connect(finished / "warehouse" / "build.duckdb", read_only=True) as con:
        for name, node in following.items():
            place = f"{node['schema']}.{node['alias']}"
            keys = [c["columns"] for c in node["constraints"] if c["type"] in ("primary_key", "unique")]
            keys += [
                [c]
                for c, column in node["columns"].items()
                if "primary_key" in {k["type"] for k in column["constraints"]}
            ]
            for key in keys:
                columns = ", ".join(key)
                [(rows, twice)] = con.execute(
                    f"SELECT sum(n), count(*) FILTER (n > 1) FROM (SELECT count(*) AS n FROM {place} GROUP BY {columns})"
                ).fetchall()
                asked.append((name, bool(rows), twice))
    assert asked == [(name, True, 0) for name in following]
    assert {"interactions", "customer_metrics", "int_web_events__unioned"} <= following.keys()


def test_nothing_is_named_past_ref_and_source(models):
    schemas = "|".join(sorted(PUBLISHED | {"staging", "intermediate", "bronze", "identity", "fitted"}))
    wrong = [
        name
        for name, node in models.items()
        if node["language"] == "sql" and re.search(rf"(?i)\b(from|join)\s+({schemas})\.", node["raw_code"])
    ]
    assert wrong == []


def test_no_model_in_between_is_built_for_nobody(models, manifest):
    wanted = Counter(
        parent
        for node in manifest["nodes"].values()
        for parent in node["depends_on"].get("nodes", [])
        if node["resource_type"] != "test"
    )
    idle = [
        name
        for name, node in models.items()
        if node["schema"] in ("intermediate", "fitted")
        and not wanted[node["unique_id"]]
        and node["fqn"][1] != "own_models"
    ]
    assert idle == []


def test_seeds_are_described_and_tested(manifest, tests_of):
    seeds = [n for n in manifest["nodes"].values() if n["resource_type"] == "seed"]
    tested = {model for model, _ in tests_of}
    assert len(seeds) >= 13
    assert [s["name"] for s in seeds if not s["description"].strip() or s["name"] not in tested] == []


@pytest.mark.slow
def test_the_unit_tests_of_the_models_pass(in_finished, cdp):
    said = cdp(in_finished, "unit-tests").stdout
    assert "pass=" in said and int(re.search(r"pass=(\d+)", said).group(1)) >= 34


def test_what_is_built_of_customers_touched_reads_nothing_of_others_unseen(manifest, models):
    """A view of sources that rows of a part come from says by what its rows are somebody's: else changes in it would touch nobody."""
    links = {"record_key", "email", "phone", "anonymous_id"}
    looked_up = {
        "stg_hubspot__companies",
        "stg_salesforce__accounts",
        "stg_twilio__tracking_numbers",
        "int_products__unioned",
    }
    wrong = []
    for name, node in models.items():
        meta = node["config"]["meta"]
        if "part_by" in meta and meta["part_by"] not in SCOPES:
            wrong.append(f"{name}: part_by {meta['part_by']}")
        if "part_by" not in meta or meta.get("part_of_all"):
            continue
        for parent in node["depends_on"]["nodes"]:
            below = manifest["nodes"].get(parent)
            is_view = below and below["config"]["materialized"] == "view" and below["name"] not in looked_up
            if is_view and not {"linked_by", "part_by"} & below["config"]["meta"].keys():
                wrong.append(f"{name} reads {below['name']}, which does not say whose its rows are")
    for name, node in models.items():
        linked = set(node["config"]["meta"].get("linked_by", ()))
        if linked and not (linked <= links or linked in ({"order_id"}, {"account_id"})):
            wrong.append(f"{name}: linked_by {sorted(linked)}")
    assert wrong == []
    # Each of these is told by the rows of one relation of sources.
    told = sorted(node["config"]["meta"]["cuts"] for node in models.values() if "cuts" in node["config"]["meta"])
    assert told == sorted(CUTS)
