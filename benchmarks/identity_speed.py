"""Speed of identity on many records: cleaned, linked, clustered, given ids; then with one per cent of them new.

Beside it, in the same process and on the same records, blocks and model: plain Splink's prediction and its connected components
at a probability of 0.95, which is where it stops. Run by `cdp bench identity`; alone: `python -m benchmarks.identity_speed 100000`.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from typing import Any

import duckdb
import polars as pl

from benchmarks.people import records_of_people
from identity import customer_ids
from identity import model as model_parts
from identity.cluster import cluster_records
from identity.evaluate import compare
from identity.golden import build_golden_profiles
from identity.link import base_in_force, link_records
from identity.standardise import ROLES, cleaned, standardise
from warehouse.duck import connect, count, keep

DAY = date(2026, 11, 1)
#: Source tables of the made-up people, and the steps of a run that are bound by time.
TABLES = ("crm_people", "erp_people", "mail_people", "shop_people")
STEPS = ("standardise", "link", "cluster", "ids")


def measure(records: int) -> dict[str, Any]:
    """Return seconds by step of a full run and of a batch, ratios, quality and peak memory.

    The company has one per cent fewer records in the full run; they come with the batch. Golden records are made too, beside the four steps.
    """
    raw = records_of_people(records)
    truth = raw.select("source_table", "record_id", pl.col("person_id").cast(pl.String))
    con = connect()
    _landed(con, raw.drop("person_id"))
    del raw
    full = _resolved(con)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain_s = _plain_splink(con)
    for table in TABLES:
        con.execute(f"CREATE OR REPLACE TABLE bronze.{table} AS FROM every_{table}")
    batch = _resolved(con)
    keep(con, "truth", truth.to_arrow())
    quality = compare(con, "SELECT source_table AS table_name, record_id, person_id FROM truth", "identity.members")
    con.close()
    # In a process of its own: in this one, texts that were cleaned once are remembered.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        cleaned_s = apart.submit(_seconds_to_clean, records).result()
    linked_s = full["link"] + full["cluster"]
    in_all, of_batch = (sum(told[step] for step in STEPS) for told in (full, batch))
    return {
        "records": records, "seconds": _rounded(full), "seconds_of_all": round(in_all, 1), "bar_seconds_of_all": 150,
        "standardised_records_per_s": round(records / cleaned_s), "peak_mb": round(peak_mb), "bar_peak_mb": 6000,
        "plain_splink_seconds": round(plain_s, 1), "link_and_cluster_beside_plain_splink": round(linked_s / plain_s, 2), "bar_beside": 1.3,
        "batch_of_one_pct_seconds": _rounded(batch), "batch_seconds_of_all": round(of_batch, 1),
        "batch_pct_of_full": round(100 * of_batch / in_all, 1), "bar_batch_pct": 15,
        "batch_without_standardising_pct": round(
            100 * (of_batch - batch["standardise"]) / (in_all - full["standardise"]), 1
        ),
        "pairwise": quality["pairwise"],
    }  # fmt: skip


def _seconds_to_clean(records: int) -> float:
    raw = records_of_people(records).drop("person_id")
    started = time.perf_counter()
    cleaned(raw, DAY)
    return time.perf_counter() - started


def _landed(con: duckdb.DuckDBPyConnection, raw: pl.DataFrame) -> None:
    """Put records into bronze as if their sources had sent them: all in `every_…`, and 99 of 100 as they are now."""
    con.execute(
        "CREATE TABLE quality.person_tables (table_name VARCHAR, source VARCHAR, key JSON, roles JSON, country VARCHAR, joins JSON)"
    )
    roles = [role for role in ROLES if raw[role].null_count() < raw.height]
    told = json.dumps({role: [role] for role in roles})
    keep(con, "landed", raw.select("source_table", "record_id", *roles).to_arrow())
    for table in TABLES:
        con.execute(
            f"CREATE TABLE every_{table} AS SELECT * EXCLUDE (source_table) FROM landed WHERE source_table = '{table}'"
        )
        con.execute(f"CREATE TABLE bronze.{table} AS FROM every_{table} WHERE hash(record_id) % 100 <> 0")
        con.execute(
            "INSERT INTO quality.person_tables VALUES (?, ?, '[\"record_id\"]', ?, 'MX', '[]')",
            [table, table.removesuffix("_people"), told],
        )
    con.execute("DROP TABLE landed")


def _resolved(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    return {
        "standardise": standardise(con, DAY).seconds,
        "link": link_records(con).seconds,
        "cluster": cluster_records(con).seconds,
        "ids": customer_ids.assign_customer_ids(con, "benchmark", accepted="a benchmark").seconds,
        "golden": build_golden_profiles(con).seconds,
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {step: round(value, 1) for step, value in seconds.items()}


def _plain_splink(con: duckdb.DuckDBPyConnection) -> float:
    """Return the seconds of plain Splink's prediction and components on what was linked, by the same model and blocks.

    Pairs keep what was compared, as by its documented settings.
    """
    base = base_in_force(con)
    assert base is not None
    with model_parts.scratch_removed(con):
        built = model_parts.comparisons(model_parts.numbers_of(model_parts.load_model()))
        started = time.perf_counter()
        linker = model_parts.linker(con, "blocked_input", base.prior, built, blocks=base.blocks, whole_pairs=True)
        predicted = linker.inference.predict(threshold_match_weight=-2)
        grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=0.95
        )
        assert count(con, grouped.physical_name)
        return time.perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write("RESULT" + json.dumps(measure(int(sys.argv[1]))))
