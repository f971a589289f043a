"""The same declared model on Spark: pairs are scored there, everything after that stays in DuckDB.

In: `blocked_input` and the frequencies of a run, as Parquet files; the numbers of the model. Out: the table `spark_pairs` on the
DuckDB connection, with the columns that Splink's own prediction has. Chosen by `CDP_IDENTITY_ENGINE=spark` for runs over all
records; batches between them are small and stay in DuckDB. Conditions are declared once, in DuckDB's words; Splink translates them.

Lineage is broken by Parquet: the setting "persist" takes minutes where this takes seconds (measured on 1,000 records: 389 s, 17 s).
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from identity import model as model_parts
from identity.declared import rules_in_force
from warehouse.duck import quoted
from warehouse.errors import CdpError
from warehouse.settings import settings

#: What DuckDB calls it after translation: class of the jar that Splink ships.
FUNCTIONS = {
    "jarowinkler_similarity": ("uk.gov.moj.dash.linkage.JaroWinklerSimilarity", "double"),
    "damerau_levenshtein": ("uk.gov.moj.dash.linkage.LevDamerauDistance", "double"),
}
#: Functions of DuckDB that Spark lacks, in Spark's words.
SQL_FUNCTIONS = (
    "CREATE OR REPLACE TEMPORARY FUNCTION list_has_all(whole ARRAY<STRING>, part ARRAY<STRING>) RETURNS BOOLEAN "
    "RETURN size(array_except(part, whole)) = 0",
    "CREATE OR REPLACE TEMPORARY FUNCTION list_intersect(one ARRAY<STRING>, other ARRAY<STRING>) RETURNS ARRAY<STRING> "
    "RETURN array_intersect(one, other)",
    "CREATE OR REPLACE TEMPORARY FUNCTION list_has_any(one ARRAY<STRING>, other ARRAY<STRING>) RETURNS BOOLEAN "
    "RETURN arrays_overlap(one, other)",
)


def session(folder: Path) -> Any:
    """Open a Spark session at `CDP_SPARK_MASTER`.

    Raises:
        CdpError: pyspark or a Java runtime is not there.
    """
    try:
        from pyspark.sql import SparkSession
        from splink.backends.spark import similarity_jar_location
    except ImportError as error:
        raise CdpError(
            f"CDP_IDENTITY_ENGINE=spark needs pyspark: .venv/bin/pip install -r requirements-spark.txt ({error.name} is missing)"
        ) from None
    logging.getLogger("py4j").setLevel(logging.ERROR)
    try:
        builder = (
            SparkSession.builder.master(settings().spark_master)
            .appName("clientela identity")
            .config("spark.jars", similarity_jar_location())
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
            .config("spark.local.dir", str(folder / "scratch"))
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
        )
        if settings().spark_master.startswith("local"):
            builder = builder.config("spark.sql.shuffle.partitions", str(2 * settings().threads)).config(
                "spark.driver.memory", settings().memory_limit.replace("GB", "g").replace("MB", "m")
            )
        found = builder.getOrCreate()
    except Exception as error:  # the gateway's errors are of many classes, before there is a session to ask
        raise CdpError(
            f"Spark does not start ({type(error).__name__}); it needs Java 17 or newer: set JAVA_HOME"
        ) from None
    found.sparkContext.setLogLevel("ERROR")
    found.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
    for name, (java_class, returns) in FUNCTIONS.items():
        found.udf.registerJavaFunction(name, java_class, returns)
    for made in SQL_FUNCTIONS:
        found.sql(made)
    return found


def score_on_spark(con: duckdb.DuckDBPyConnection, model: dict[str, Any], prior: float, blocks: list[str]) -> str:
    """Make `spark_pairs`: what Splink predicts for `blocked_input` above the loose cut; return its name.

    Args:
        con: where `blocked_input` and `frequencies_of_…` are.
        model: the numbers to link by.
        prior: that two random records match.
        blocks: columns of `blocked_input` that hold a key.
    """
    with tempfile.TemporaryDirectory(prefix="clientela-spark-", dir=settings().spark_dir) as scratch:
        folder = Path(scratch)
        spark = session(folder)
        try:
            keys = ", ".join(f"{block}::VARCHAR AS {block}" for block in blocks)  # Spark has no unsigned numbers
            kept = ", ".join(["record_key", "source_n", *rules_in_force().columns])
            _copy(con, f"SELECT {kept}, {keys} FROM blocked_input", folder / "input.parquet")
            spark.read.parquet(str(folder / "input.parquet")).createOrReplaceTempView("blocked_input")
            linker = _linker(spark, model, prior, blocks)
            for column in model_parts.frequency_columns():
                table = f"frequencies_of_{column}"
                _copy(con, f"SELECT * FROM {table}", folder / f"{table}.parquet")
                spark.read.parquet(str(folder / f"{table}.parquet")).createOrReplaceTempView(table)
                linker.table_management.register_term_frequency_lookup(
                    linker._db_api.register(table, table_name=f"part_{table}", dataset_display_name="records"), column
                )
            predicted = linker.inference.predict(threshold_match_weight=rules_in_force().loose_cut_bits)
            found = predicted.as_spark_dataframe().select(model_parts.columns_of_pairs())
            found.write.mode("overwrite").parquet(str(folder / "pairs"))
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE spark_pairs AS SELECT * FROM read_parquet('{quoted(str(folder / 'pairs'))}/*.parquet')"
            )
        finally:
            spark.stop()
    return "spark_pairs"


def _linker(spark: Any, model: dict[str, Any], prior: float, blocks: list[str]) -> Any:
    from splink import Linker
    from splink.backends.spark import SparkAPI

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = SparkAPI(
        spark_session=spark, break_lineage_method="parquet", num_partitions_on_repartition=2 * settings().threads
    )
    built = model_parts.comparisons(model_parts.numbers_of(model), dialect="duckdb")
    creator = model_parts.settings_of(prior, built, blocks=blocks)
    return Linker(api.register("blocked_input", dataset_display_name="records"), creator, log_level=logging.ERROR)


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"COPY ({query}) TO '{quoted(str(path))}' (FORMAT parquet)")
