"""How good the linkage is, against truth: by pair, by record (B-cubed) and by cluster.

In: `identity.clusters` or `identity.members`, a truth file `table,record_id,person_id[,household_id]`. Out: figures.
Pairwise precision and recall count pairs of records; B-cubed (Bagga and Baldwin 1998) averages over records; a cluster
is right when its records are exactly those of one person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from warehouse.duck import has_table, quoted
from warehouse.errors import CdpError


def evaluate(con: duckdb.DuckDBPyConnection, truth: Path, members: str = "identity.members") -> dict[str, Any]:
    """Compare members with a truth file.

    Only records that both know are counted; how many of the truth are missing is reported beside.

    Raises:
        CdpError: the truth file is not there.
    """
    if not truth.exists():
        raise CdpError(f"truth file {truth.name} is not there; `cdp generate` writes one beside the sample company")
    read = f"read_csv('{quoted(str(truth))}', header = true, all_varchar = true)"
    told = f"""SELECT "table" AS table_name, record_id, person_id FROM {read}"""
    figures = compare(con, told, members)
    columns = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
    if "household_id" in columns:
        figures["families"] = _families(
            con, f"""SELECT "table" || ':' || record_id AS record_key, household_id FROM {read}"""
        )
    names = (
        "CASE WHEN r.surname_1 IS NULL THEN 'no surname' WHEN r.surname_2 IS NOT NULL THEN 'two surnames' "
        "WHEN r.given IS NULL THEN 'no given name' ELSE 'one surname' END"
    )
    figures["by_source"] = _merges_by(con, "r.source")
    figures["by_names"] = _merges_by(con, names)
    figures["by_country"] = _merges_by(con, "coalesce(r.country_code, 'not known')")
    accounts = truth.parent / "accounts.csv"
    if accounts.exists() and has_table(con, "identity", "account_members"):
        read = f"read_csv('{quoted(str(accounts))}', header = true, all_varchar = true)"
        told = f"""SELECT "table" AS table_name, record_id, account_id AS person_id FROM {read}"""
        figures["accounts"] = compare(
            con, told, "(SELECT record_key, account_id AS customer_id FROM identity.account_members)"
        )
    return figures


def compare(con: duckdb.DuckDBPyConnection, truth: str, members: str) -> dict[str, Any]:
    """Compare members with what is true.

    Args:
        con: where both are.
        truth: a query for `table_name`, `record_id` and `person_id`.
        members: a relation with `record_key` and `customer_id`.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT t.table_name || ':' || t.record_id AS record_key, t.person_id, m.customer_id
        FROM ({truth}) AS t
        LEFT JOIN (SELECT record_key, customer_id FROM {members}) AS m ON m.record_key = t.table_name || ':' || t.record_id
        """
    )
    known = "judged WHERE customer_id IS NOT NULL"
    pairs = "sum(n * (n - 1) / 2)"
    counted = con.execute(
        f"""
        SELECT
            (SELECT {pairs} FROM (SELECT count(*) AS n FROM {known} GROUP BY customer_id, person_id)),
            (SELECT {pairs} FROM (SELECT count(*) AS n FROM {known} GROUP BY customer_id)),
            (SELECT {pairs} FROM (SELECT count(*) AS n FROM {known} GROUP BY person_id))
        """
    ).fetchall()[0]
    true_pairs, found_pairs, all_pairs = (float(v or 0) for v in counted)
    precision, recall = _share(true_pairs, found_pairs), _share(true_pairs, all_pairs)
    b3 = con.execute(
        f"""
        SELECT avg(agreeing / of_customer), avg(agreeing / of_person) FROM (
            SELECT count(*) OVER (PARTITION BY customer_id, person_id) AS agreeing,
                count(*) OVER (PARTITION BY customer_id) AS of_customer,
                count(*) OVER (PARTITION BY person_id) AS of_person
            FROM {known})
        """
    ).fetchall()[0]
    clusters = con.execute(
        f"""
        WITH c AS (SELECT customer_id, list(record_key ORDER BY record_key) AS records FROM {known} GROUP BY 1),
            p AS (SELECT person_id, list(record_key ORDER BY record_key) AS records FROM {known} GROUP BY 1)
        SELECT (SELECT count(*) FROM c JOIN p USING (records)), (SELECT count(*) FROM c), (SELECT count(*) FROM p),
            (SELECT max(len(records)) FROM c), (SELECT max(len(records)) FROM p)
        """
    ).fetchall()[0]
    right, found, people, largest, true_largest = (int(v or 0) for v in clusters)
    cluster_precision, cluster_recall = _share(right, found), _share(right, people)
    missing = con.execute("SELECT count(*) FILTER (customer_id IS NULL), count(*) FROM judged").fetchall()[0]
    return {
        "pairwise": _figures(precision, recall),
        "b_cubed": _figures(float(b3[0] or 0), float(b3[1] or 0)),
        "cluster": _figures(cluster_precision, cluster_recall),
        "customers": found,
        "people": people,
        "largest_cluster": largest,
        "largest_true": true_largest,
        "records": int(missing[1]),
        "records_without_customer": int(missing[0]),
    }


def _families(con: duckdb.DuckDBPyConnection, households: str) -> dict[str, Any]:
    """Count the households of two people and more of which different people were joined into one customer."""
    families, joined = con.execute(
        f"""
        WITH told AS (SELECT j.*, h.household_id FROM judged AS j JOIN ({households}) AS h USING (record_key) WHERE j.customer_id IS NOT NULL),
        families AS (SELECT household_id FROM told GROUP BY 1 HAVING count(DISTINCT person_id) > 1),
        joined AS (
            SELECT household_id FROM told WHERE household_id IN (SELECT household_id FROM families)
            GROUP BY household_id, customer_id HAVING count(DISTINCT person_id) > 1
        )
        SELECT (SELECT count(*) FROM families), (SELECT count(DISTINCT household_id) FROM joined)
        """
    ).fetchall()[0]
    return {
        "families": families,
        "falsely_joined": joined,
        "falsely_joined_pct": round(100 * _share(joined, families), 3),
    }


def _merges_by(con: duckdb.DuckDBPyConnection, kind: str) -> dict[str, dict[str, Any]]:
    """Return per kind of record how many share a customer with another person, and how many are apart from their own person."""
    found = con.execute(
        f"""
        WITH told AS (
            SELECT j.*, count(*) OVER (PARTITION BY customer_id, person_id) AS agreeing,
                count(*) OVER (PARTITION BY customer_id) AS of_customer, count(*) OVER (PARTITION BY person_id) AS of_person
            FROM judged AS j WHERE customer_id IS NOT NULL
        )
        SELECT {kind} AS kind, count(*), round(100 * avg((agreeing < of_customer)::INT), 2), round(100 * avg((agreeing < of_person)::INT), 2)
        FROM told AS t JOIN identity.records AS r USING (record_key) GROUP BY 1 ORDER BY 1
        """
    ).fetchall()
    return {row[0]: {"records": row[1], "over_merged_pct": row[2], "under_merged_pct": row[3]} for row in found}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _figures(precision: float, recall: float) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5)}
