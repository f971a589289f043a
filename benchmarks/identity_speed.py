"""Speed of identity on many records: cleaned, linked, clustered, given ids; then with one per cent of them new.

Beside it, in the same process and on the same records, blocks and model: plain Splink's prediction and its connected components
at a probability of 0.95, which is where it stops. Run by `cdp bench identity`; alone: `python -m benchmarks.identity_speed 100000`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import date
from typing import Any

import duckdb
import polars as pl

from benchmarks.people import records_of_people
from identity import customer_ids
from identity import model as model_parts
from identity.cluster import cluster_records
from identity.evaluate import compare
from identity.link import base_in_force, link_records
from identity.standardise import cleaned, mark_shared, write_records
from warehouse.duck import connect, count


def measure(records: int) -> dict[str, Any]:
    """Return seconds by step of a full run and of a batch, ratios, quality and peak memory."""
    raw = records_of_people(records)
    truth = raw.select("source_table", "record_id", pl.col("person_id").cast(pl.String))
    con = connect()
    started = time.perf_counter()
    clean = cleaned(raw.drop("person_id"), date(2026, 11, 1))
    cleaned_s = time.perf_counter() - started
    con.register("clean_records", clean.to_arrow())
    write_records(con, "clean_records", date(2026, 11, 1))
    con.unregister("clean_records")
    del clean, raw
    mark_shared(con)
    standardised_s = time.perf_counter() - started
    full = _resolved(con)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    con.register("truth", truth.to_arrow())
    quality = compare(con, "SELECT source_table AS table_name, record_id, person_id FROM truth", "identity.members")
    plain_s = _plain_splink(con)
    con.execute("CREATE TABLE every_record AS SELECT * FROM identity.records")
    con.execute("DELETE FROM identity.records WHERE hash(record_key) % 100 = 0")
    _resolved(con)
    con.execute("CREATE OR REPLACE TABLE identity.records AS SELECT * FROM every_record ORDER BY record_key")
    batch = _resolved(con)
    linked_s = full["link"] + full["cluster"]
    return {
        "records": records, "seconds": {"standardise": round(standardised_s, 1), **_rounded(full)},
        "seconds_of_all": round(standardised_s + sum(full.values()), 1), "bar_seconds_of_all": 150,
        "standardised_records_per_s": round(records / cleaned_s), "peak_mb": round(peak_mb), "bar_peak_mb": 6000,
        "plain_splink_seconds": round(plain_s, 1), "link_and_cluster_beside_plain_splink": round(linked_s / plain_s, 2), "bar_beside": 1.3,
        "batch_of_one_pct_seconds": _rounded(batch), "batch_pct_of_full": round(100 * sum(batch.values()) / sum(full.values()), 1),
        "bar_batch_pct": 15, "pairwise": quality["pairwise"],
    }  # fmt: skip


def _resolved(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    return {
        "link": link_records(con).seconds,
        "cluster": cluster_records(con).seconds,
        "ids": customer_ids.assign_customer_ids(con, "benchmark", accepted="a benchmark").seconds,
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {step: round(value, 1) for step, value in seconds.items()}


def _plain_splink(con: duckdb.DuckDBPyConnection) -> float:
    """Return the seconds of plain Splink's prediction and components on what was linked, by the same model and blocks."""
    base = base_in_force(con)
    assert base is not None
    with model_parts.scratch_removed(con):
        built = model_parts.comparisons(model_parts.numbers_of(model_parts.load_model()))
        started = time.perf_counter()
        linker = model_parts.linker(con, "blocked_input", base.prior, built, blocks=base.blocks)
        predicted = linker.inference.predict(threshold_match_weight=-2)
        grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=0.95
        )
        assert count(con, grouped.physical_name)
        return time.perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write("RESULT" + json.dumps(measure(int(sys.argv[1]))))
