"""Open peers on the labelled sets, from the same roles, judged by the same evaluator in the same run.

Plain Splink: the comparisons and steps of its documentation (names by Jaro-Winkler with term frequencies, dates of birth, exact
places; prior from deterministic rules, u by random sampling, expectation maximisation in two blocks, connected components at a
probability of 0.95). goldenmatch: its own probabilistic configuration made from the table, nothing set by hand; it is installed
from the package registry into an environment of its own, since it wants other versions than this product.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from identity.declared import resolving
from identity.resolve import against_truth
from identity.tables import read_roles, read_tables
from warehouse.duck import connect
from warehouse.errors import CdpError

GOLDENMATCH = "goldenmatch==3.22.0"
#: A peer that has not ended by then is ended.
TIMEOUT_S = 900

WITH_GOLDENMATCH = """
import sys
import goldenmatch, polars as pl
frame = pl.read_parquet(sys.argv[1])
fields = frame.drop("record_key")
config = goldenmatch.auto_configure_probabilistic_df(fields)
found = goldenmatch.dedupe_df(fields, config=config, confidence_required=False, allow_red_config=True)
keys = frame["record_key"].to_list()
rows = [(keys[member], str(name)) for name, cluster in found.clusters.items() for member in cluster["members"]]
pl.DataFrame(rows, schema=["record_key", "cluster_key"], orient="row").write_parquet(sys.argv[2])
"""


def beside(
    files: list[Path], roles: Path, truth: Path, folder: Path, judged: str, peers: Path | None
) -> dict[str, Any]:
    """Return figures and seconds of each peer.

    Args:
        files: the tables of a set.
        roles: which columns play which role.
        truth: who is who.
        folder: for what passes between processes.
        judged: which figure counts, `pairwise` or `between_sources`.
        peers: Python that has goldenmatch; left out where None.
    """
    raw = read_tables(files, read_roles(roles), roles)
    kept = [c for c in raw.columns if c not in ("source", "source_table", "record_id", "default_country")]
    raw = raw.select([c for c in kept if raw[c].null_count() < raw.height]).with_columns(
        pl.exclude("record_key").str.to_lowercase().str.strip_chars()
    )
    ways = {"plain_splink": lambda: _plain_splink(raw)}
    if peers:
        ways["goldenmatch"] = lambda: _goldenmatch(raw, folder, peers)
    found: dict[str, Any] = {}
    for name, way in ways.items():
        started = time.perf_counter()
        try:
            clusters = way()
        except (CdpError, subprocess.SubprocessError) as error:
            found[name] = {"failed": str(error).splitlines()[-1][:200]}
            continue
        seconds = round(time.perf_counter() - started, 1)
        found[name] = {**_judged(raw, clusters, truth, judged), "seconds": seconds}
    return found


def environment_with_goldenmatch(folder: Path) -> Path | None:
    """Make an environment that has goldenmatch; return its Python, or None where it cannot be installed."""
    python = folder / "bin" / "python"
    with contextlib.suppress(subprocess.SubprocessError):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=TIMEOUT_S)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", GOLDENMATCH, "polars", "pyarrow"],
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
        return python
    return None


def _judged(raw: pl.DataFrame, clusters: pl.DataFrame, truth: Path, judged: str) -> dict[str, Any]:
    con = connect(":memory:")
    try:
        con.execute("CREATE SCHEMA identity")
        con.register("records_there", raw.select("record_key").to_arrow())
        con.register("clusters_there", clusters.to_arrow())
        con.execute("CREATE TABLE identity.records AS SELECT * FROM records_there")
        con.execute("CREATE TABLE identity.clusters AS SELECT * FROM clusters_there")
        with resolving("person"):
            figures = against_truth(con, truth)
    finally:
        con.close()
    return {
        **figures[judged], "b_cubed_f1": figures["b_cubed"]["f1"], "household_false_merge_rate": figures["household_false_merge_rate"],
    }  # fmt: skip


def _goldenmatch(raw: pl.DataFrame, folder: Path, python: Path) -> pl.DataFrame:
    raw.write_parquet(folder / "peer.parquet")
    told = [str(python), "-c", WITH_GOLDENMATCH, str(folder / "peer.parquet"), str(folder / "peer_found.parquet")]
    done = subprocess.run(told, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=folder)
    if done.returncode:
        raise CdpError(f"goldenmatch: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return pl.read_parquet(folder / "peer_found.parquet")


def _plain_splink(raw: pl.DataFrame) -> pl.DataFrame:
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    has = set(raw.columns)
    documented = {
        "given_name": lambda: cl.NameComparison("given_name"),
        "family_name": lambda: cl.NameComparison("family_name"),
        "birth_date": lambda: cl.DateOfBirthComparison("birth_date", input_is_string=True),
        "postcode": lambda: cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        "city": lambda: cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        "street": lambda: cl.JaroWinklerAtThresholds("street", [0.9]),
        "identifier": lambda: cl.DamerauLevenshteinAtThresholds("identifier", [1]),
        "email": lambda: cl.EmailComparison("email"),
        "phone": lambda: cl.ExactMatch("phone"),
    }
    blocks = [
        ("identifier",), ("email",), ("phone",), ("given_name", "family_name"), ("family_name", "birth_date"), ("given_name", "birth_date"),
        ("postcode", "given_name"), ("postcode", "family_name"), ("postcode", "birth_date"),
    ]  # fmt: skip
    used = [rule for rule in blocks if set(rule) <= has]
    settings = SettingsCreator(
        link_type="dedupe_only", unique_id_column_name="record_key",
        comparisons=[made() for column, made in documented.items() if column in has],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in used],
    )  # fmt: skip
    con = connect(":memory:")
    try:
        con.register("peer_records", raw.to_arrow())
        con.execute("CREATE TABLE peer AS SELECT * FROM peer_records")
        api = DuckDBAPI(connection=con)
        linker = Linker(api.register("peer", dataset_display_name="records"), settings, log_level=logging.ERROR)
        certain = [rule for rule in (("identifier",), ("given_name", "family_name", "birth_date"), ("given_name", "family_name", "postcode"),
                                     ("given_name", "family_name", "street")) if set(rule) <= has]  # fmt: skip
        linker.training.estimate_probability_two_random_records_match([block_on(*rule) for rule in certain], recall=0.7)
        linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=7)
        for rule in (
            ("given_name", "family_name"),
            ("birth_date",) if "birth_date" in has else ("postcode", "given_name"),
        ):
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule), max_pairs=2e6)
        pairs = linker.inference.predict(threshold_match_probability=0.5)
        grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=0.95)
        found = pl.from_arrow(
            con.sql(f"SELECT record_key, cluster_id AS cluster_key FROM {grouped.physical_name}").to_arrow_table()
        )
        assert isinstance(found, pl.DataFrame)
        return found
    finally:
        con.close()
