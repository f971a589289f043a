"""Any tables of people or companies resolved by the same engine: no source declarations, no labels, nothing to set but the roles.

In: CSV or Parquet files, a roles file, and a truth file if there is one. Out: a folder with `clusters.parquet` (one row per
record with its cluster), `links.parquet` (one row per pair that was weighed, with its evidence in words), `report.html` with
charts, `figures.json` and the model that was trained on these records (`model.json`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from identity import model as model_parts
from identity.cluster import cluster_records
from identity.companies import cleaned_companies, write_company_records
from identity.declared import resolving, rules_in_force
from identity.evaluate import compare
from identity.link import link_records
from identity.normalise.names import is_known_given
from identity.normalise.text import folded
from identity.standardise import cleaned, mark_shared, write_records
from identity.tables import read_roles, read_tables
from identity.train import train
from warehouse import files
from warehouse.duck import connect, count, name, quoted
from warehouse.errors import CdpError, edge
from warehouse.settings import now
from warehouse.steps import StepResult, step

#: Fewer records are linked by the shipped numbers, and so are those among which too few are alike to learn from.
FEWEST_TO_TRAIN_ON = 200

#: More rows of one source than this that say the same about somebody are one record: a table of orders or payments names its buyer in each.
MOST_COPIES = 10
#: What is kept of a row that is left out: what it is, and the record it is like.
COPY = ("record_key", "source", "source_table", "record_id", "like_key")

TRUTH = ("source", "record_id", "person_id")
#: So many surnames with it make a given name known.
FAMILIES_OF_A_NAME = 5


@dataclass
class Resolved:
    """What came of it: the steps with their seconds, counts, and figures against truth where it was given."""

    steps: list[StepResult] = field(default_factory=list)
    records: int = 0
    excluded: int = 0
    clusters: int = 0
    largest: int = 0
    not_trained: str = ""
    entity: str = "person"
    figures: dict[str, Any] = field(default_factory=dict)


def resolve_tables(paths: list[Path], roles: Path, out: Path, truth: Path | None = None) -> Resolved:
    """Resolve the people or companies in some tables, write what was found, and compare it with the truth if there is one.

    Raises:
        DeclarationError: the roles file is not there or wrong.
        CdpError: a table or the truth cannot be read, or there is nothing in it to recognise anybody by.
    """
    declared = read_roles(roles)
    if truth is not None:
        _check_truth(truth)
    found = Resolved(entity=declared.entity)
    out.mkdir(parents=True, exist_ok=True)
    con = connect(":memory:")
    try:
        with edge("resolve"), resolving(declared.entity):
            con.execute("CREATE SCHEMA IF NOT EXISTS identity")
            rows = read_tables(paths, declared, roles)
            kept, copies = without_copies(rows)
            standardised, alike = _standardised(con, kept)
            found.steps.append(standardised)
            # A row may be like one that turned out to be like another.
            firsts = dict(alike.select("record_key", "like_key").iter_rows())
            copies = pl.concat([alike, copies.with_columns(pl.col("like_key").replace(firsts))])
            standardised.facts |= {"copies": copies.height}
            found.records = rows.height
            found.excluded = count(con, "identity.records WHERE exclusion IS NOT NULL")
            model = model_parts.shipped_path()
            if standardised.rows_out < FEWEST_TO_TRAIN_ON:
                found.not_trained = f"fewer than {FEWEST_TO_TRAIN_ON} records"
            else:
                try:
                    found.steps.append(train(con, out / "model.json", of_any_table=True))
                    model = out / "model.json"
                    if found.steps[-1].facts.get("levels") == "shipped":
                        found.not_trained = (
                            "the records share too little to learn levels of agreement from; how many match is learnt"
                        )
                except model_parts.ModelNotTrained as error:
                    found.not_trained = str(error)
                    (out / "model.json").unlink(missing_ok=True)
            # Training leaves the clusters of its first model, by which it is known how many bear a name.
            is_trained = model != model_parts.shipped_path()
            found.steps.append(link_records(con, model_file=model, with_evidence=True, by_clusters=is_trained))
            found.steps.append(cluster_records(con))
            _put_back(con, copies)
            found.excluded = count(con, "identity.records WHERE exclusion IS NOT NULL")
            _write(con, out, model)
            found.clusters = count(con, "(SELECT DISTINCT cluster_key FROM identity.clusters)")
            found.largest = con.execute(
                "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM identity.clusters GROUP BY cluster_key)"
            ).fetchall()[0][0]
            if truth:
                found.figures = against_truth(con, truth)
            files.write_json(out / "figures.json", _as_json(found))
            from identity.report import write_report

            write_report(con, out / "report.html", found)
    finally:
        con.close()
    return found


def without_copies(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave of many rows that say the same about somebody the first, so that no block is too large because of one who buys often.

    Rows are one when they have a source, a name and more than a place in common, and differ in nothing but their ids and dates of change.

    Returns:
        The rows that are resolved, and the others: record_key, source, source_table, record_id, and like_key, the record they are like.
    """
    ids = ["record_key", "record_id", "observed_at"]
    # Of namesakes in one post code some are strangers; of firms of one name none is.
    places = [
        "default_country",
        "country",
        "region",
        "city",
        *([] if rules_in_force().entity == "company" else ["postcode"]),
    ]
    said = [c for c in rows.columns if c not in (*ids, *places, "source", "source_table")]
    names = [c for c in ("full_name", "given_name", "family_name", "company") if c in said]
    is_told = pl.any_horizontal(pl.col(names).is_not_null()) & pl.any_horizontal(
        pl.col([c for c in said if c not in names]).is_not_null()
    )
    same = [c for c in rows.columns if c not in ids]
    counted = rows.with_columns(
        pl.col("record_key").first().over(same).alias("like_key"), (pl.len().over(same) > MOST_COPIES).alias("is_many")
    )
    is_copy = pl.col("is_many") & is_told & (pl.col("like_key") != pl.col("record_key"))
    return counted.filter(~is_copy).select(rows.columns), counted.filter(is_copy).select(COPY)


def companies_alike(clean: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave of records of companies that say the same in all that is compared, their name first of all, one.

    Firms of one name with nothing that tells them apart are one firm, and a name is not common because one firm stands in many rows.

    Returns:
        The records that are resolved, and the others as :func:`without_copies` gives them.
    """
    same = [column for column in (*rules_in_force().columns, "exclusion") if column in clean.columns]
    counted = clean.with_columns(pl.col("record_key").first().over(same).alias("like_key"))
    is_copy = (
        pl.col("name_key").is_not_null() & pl.col("exclusion").is_null() & (pl.col("like_key") != pl.col("record_key"))
    )
    return counted.filter(~is_copy).select(clean.columns), counted.filter(is_copy).select(COPY)


def _put_back(con: duckdb.DuckDBPyConnection, copies: pl.DataFrame) -> None:
    """Give rows that were left out as copies the place of the record they are like, and keep which that is in the table `copies`."""
    con.register("left_out", copies.to_arrow())
    con.execute("CREATE OR REPLACE TEMP TABLE copies AS SELECT * FROM left_out")
    con.unregister("left_out")
    for table in ("records", "clusters"):
        columns = "record_key" if table == "clusters" else "record_key, source, source_table, record_id"
        replaced = ", ".join(f"c.{column} AS {column}" for column in columns.split(", "))
        con.execute(
            f"INSERT INTO identity.{table} SELECT t.* REPLACE ({replaced}) FROM copies AS c "
            f"JOIN identity.{table} AS t ON t.record_key = c.like_key"
        )


def _standardised(con: duckdb.DuckDBPyConnection, raw: pl.DataFrame) -> tuple[StepResult, pl.DataFrame]:
    """Write `identity.records`; return what the step came to, and the records of companies that were left out as copies."""
    copies = pl.DataFrame(schema=dict.fromkeys(COPY, pl.String))
    with step("standardise") as result:
        today = now().date()
        if rules_in_force().entity == "company":
            clean, copies = companies_alike(cleaned_companies(raw))
            con.register("clean_records", clean.to_arrow())
            write_company_records(con, "clean_records")
        else:
            con.register("clean_records", cleaned(in_order(raw), today).to_arrow())
            write_records(con, "clean_records", today, of_any_age=True)
            # A given name that several families bear is a name, in whatever language, not a slip of the pen.
            con.execute(
                "UPDATE identity.records SET is_known_given = 'yes' WHERE given_first IN (SELECT given_first FROM identity.records "
                f"WHERE length(given_first) > 1 GROUP BY 1 HAVING count(DISTINCT surname_1) >= {FAMILIES_OF_A_NAME})"
            )
        con.unregister("clean_records")
        mark_shared(con)
        result.rows_in, result.rows_out = raw.height, count(con, "identity.records WHERE exclusion IS NULL")
        result.facts = {"shared_identifiers": count(con, "identity.shared_identifiers")}
    return result, copies


def in_order(raw: pl.DataFrame) -> pl.DataFrame:
    """Put given and family names in their places where they were written the wrong way round.

    They were where the family name is a given name that several families bear, and the given name is none. A name that stands alone
    where given names do, is none that people bear and stands elsewhere in these tables more often as a surname, is one.
    """
    given, family = (pl.col(c).str.to_lowercase().str.strip_chars() for c in ("given_name", "family_name"))
    names = raw.select(given.alias("given"), family.alias("family")).drop_nulls()
    families = names.group_by("given").agg(pl.col("family").n_unique().alias("n"))
    known = families.filter(pl.col("n") >= FAMILIES_OF_A_NAME)["given"].to_list()
    bearers = names.group_by("family").agg(pl.col("given").n_unique().alias("n"))
    surnames = bearers.filter(pl.col("n") >= FAMILIES_OF_A_NAME)["family"].to_list()
    turned = family.is_in(known) & ~given.is_in(known) & ~family.is_in(surnames)
    uses = pl.concat([names.select(name="given", is_surname=False), names.select(name="family", is_surname=True)])
    mostly = uses.group_by("name").agg(pl.col("is_surname").mean()).filter(pl.col("is_surname") > 0.5)["name"]
    is_alone = family.is_null() | (family == "")
    alone = raw.filter(is_alone & given.is_in(mostly.to_list())).select(given).to_series().unique()
    lone = alone.filter(~alone.map_elements(lambda name: is_known_given(folded(name)), pl.Boolean)).to_list()
    turned = turned | is_alone & given.is_in(lone) & ~given.is_in(known)
    return raw.with_columns(
        pl.when(turned).then("family_name").otherwise("given_name").alias("given_name"),
        pl.when(turned).then("given_name").otherwise("family_name").alias("family_name"),
    )


def _write(con: duckdb.DuckDBPyConnection, out: Path, model: Path) -> None:
    # Records that nothing could be recognised by stay themselves.
    con.execute(
        "COPY (SELECT r.source, r.record_id, coalesce(c.cluster_key, r.record_key) AS cluster_id, r.exclusion "
        "FROM identity.records AS r LEFT JOIN identity.clusters AS c USING (record_key) ORDER BY 1, 2) "
        f"TO '{quoted(str(out / 'clusters.parquet'))}' (FORMAT parquet)"
    )
    con.execute(
        "COPY (SELECT l.record_l, l.record_r, l.match_weight, l.kind, a.cluster_key = b.cluster_key AS is_same, "
        f"{_evidence(model_parts.numbers_of(model_parts.load_model(model)))} AS evidence FROM identity.links AS l "
        "JOIN identity.clusters AS a ON a.record_key = l.record_l JOIN identity.clusters AS b ON b.record_key = l.record_r "
        "UNION ALL SELECT least(record_key, like_key), greatest(record_key, like_key), NULL, 'copy', true, 'says the same in all that is compared' "
        f"FROM copies ORDER BY 1, 2) TO '{quoted(str(out / 'links.parquet'))}' (FORMAT parquet)"
    )


def _evidence(numbers: dict[str, list[tuple[float, float]]]) -> str:
    """Return the expression that says a pair's evidence in words, with the bits of each level before frequencies."""
    import math

    parts = []
    for comparison in rules_in_force().comparisons:
        labels = model_parts.labels_of(comparison)
        whens = " ".join(
            f"WHEN {len(labels) - 1 - at} THEN '{quoted(label)} ({math.log2(m / u):+.1f})'"
            for at, (label, (m, u)) in enumerate(zip(labels, numbers[comparison], strict=True))
        )
        parts.append(f"CASE l.{name('gamma_' + comparison)} {whens} END")
    return f"array_to_string(list_filter([{', '.join(parts)}], lambda said: said IS NOT NULL), '; ')"


def _check_truth(truth: Path) -> None:
    """Check a truth file before anything is worked out.

    Raises:
        CdpError: it is not there, or lacks a column.
    """
    if not truth.is_file():
        raise CdpError(f"{truth.name} is not there; a CSV with {', '.join(TRUTH)} was expected")
    with edge("resolve"):
        columns = pl.read_csv(truth, infer_schema=False, n_rows=1).columns
    if lost := [column for column in TRUTH if column not in columns]:
        raise CdpError(f"{truth.name}: the truth has no column {', '.join(lost)}; it has {', '.join(columns)}")


def against_truth(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, Any]:
    """Compare clusters with a truth file `source,record_id,person_id[,household_id]`; see `identity.evaluate`.

    `between_sources` counts only pairs of records of different sources: what is asked of tables that hold a person once.
    `household_false_merge_rate` is the share of found links between different people of one household.
    """
    columns = pl.read_csv(truth, infer_schema=False, n_rows=1).columns
    household = "household_id" if "household_id" in columns else "NULL::VARCHAR"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE truth AS SELECT source || ':' || record_id AS record_key, source, record_id, person_id, "
        f"{household} AS household_id FROM read_csv('{quoted(str(truth))}', header = true, all_varchar = true)"
    )
    figures = compare(
        con,
        "SELECT source AS table_name, record_id, person_id FROM truth",
        "(SELECT r.record_key, coalesce(c.cluster_key, r.record_key) AS customer_id "
        "FROM identity.records AS r LEFT JOIN identity.clusters AS c USING (record_key))",
    )
    told = (
        "(SELECT t.*, coalesce(c.cluster_key, t.record_key) AS cluster_key FROM truth AS t "
        "LEFT JOIN identity.clusters AS c USING (record_key))"
    )

    def pairs(on: str, where: str) -> int:
        return int(
            con.execute(
                f"SELECT count(*) FROM {told} AS a JOIN {told} AS b ON a.{on} = b.{on} AND a.record_key < b.record_key WHERE {where}"
            ).fetchall()[0][0]
        )

    across = "a.source <> b.source"
    right, found = pairs("cluster_key", f"{across} AND a.person_id = b.person_id"), pairs("cluster_key", across)
    there = pairs("person_id", across)
    family = "a.household_id = b.household_id AND a.person_id <> b.person_id"
    all_found = pairs("cluster_key", "true")
    precision, recall = right / found if found else 0.0, right / there if there else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        **figures,
        "between_sources": {"precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5)},
        "household_false_merge_rate": round(pairs("cluster_key", family) / all_found, 5) if all_found else 0.0,
    }


def _as_json(found: Resolved) -> dict[str, Any]:
    return {
        "entity": found.entity, "records": found.records, "excluded": found.excluded, "clusters": found.clusters, "largest_cluster": found.largest,
        "numbers": f"shipped: {found.not_trained}" if found.not_trained else "learnt from these records",
        "seconds": {s.step: round(s.seconds, 2) for s in found.steps}, "figures": found.figures,
    }  # fmt: skip
