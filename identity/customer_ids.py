"""Customer ids for ever: clusters change, ids stay.

In: `identity.clusters`, the ledger of all earlier runs. Out: `identity.members` (record to customer, now),
`identity.customer_events` (append-only: created, joined, left, merged, split, retired) and `identity.customer_aliases`
(every id ever issued to the one that answers for it now). What stays true: a cluster keeps the id that most of its records
had, the oldest of equals; no id is ever issued twice; the ledger is written whole and renamed, before anything that
depends on it, so a crash repeats nothing. Where the tables are those of the ledger, they get what is new; else they are made anew.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from identity.health import check_health
from warehouse import lake
from warehouse.duck import count, has_table, keep
from warehouse.errors import CdpError, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

SCHEMA = {
    "seq": pl.Int64, "run": pl.Int64, "happened_at": pl.String, "event": pl.String, "customer_id": pl.String,
    "other_customer_id": pl.String, "record_key": pl.String, "model_version": pl.String,
}  # fmt: skip

Event = tuple[str, str, str | None, str | None]


@dataclass(frozen=True)
class Register:
    """Whose ids a ledger keeps: its file, and the letter that they begin with."""

    file: str
    letter: str


CUSTOMERS = Register("ledger.parquet", "C")
ACCOUNTS = Register("accounts.parquet", "A")


def ledger_path(register: Register = CUSTOMERS) -> Path:
    """Return where a ledger stands; it cannot be rebuilt from exports, so it is state."""
    return settings().state / "identity" / register.file


def read_ledger(register: Register = CUSTOMERS) -> pl.DataFrame:
    """Return all events so far, oldest first."""
    path = ledger_path(register)
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=SCHEMA)


def membership(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return `record_key` and `customer_id` after all events of a ledger, one row per record that has a customer."""
    moves = ledger.filter(pl.col("event").is_in(["joined", "left"])).sort("seq").unique("record_key", keep="last")
    return moves.filter(pl.col("event") == "joined").select("record_key", "customer_id")


def assign_customer_ids(con: duckdb.DuckDBPyConnection, model_version: str, accepted: str = "") -> StepResult:
    """Replace `identity.members`, `identity.customer_events` and `identity.customer_aliases`, if the clusters are fit to be taken.

    Args:
        con: the working file.
        model_version: of the numbers that the clusters come from.
        accepted: why a person lets clusters outside of their bounds pass.

    Raises:
        IdentitiesOutOfBounds: the clusters are not fit; ledger and members stay as they were.
    """
    with step("customer ids") as result, edge("identity"):
        news = _news(con, CUSTOMERS)
        sizes = "SELECT n, count(*) FROM (SELECT count(*) AS n FROM members_before GROUP BY customer_id) GROUP BY 1"
        signs = check_health(con, Counter(dict(con.execute(sizes).fetchall())), news.kept_pct, accepted)
        kept_pct = news.kept_pct
        _write_tables(con, news, _kept(news, CUSTOMERS, model_version))
        result.rows_in = count(con, "identity.clusters")
        result.rows_out = count(con, "(SELECT DISTINCT customer_id FROM identity.members)")
        result.facts = {**news.counts(), "kept_pct": kept_pct}
        if outside := [sign.name for sign in signs if not sign.is_inside]:
            result.facts |= {"outside_bounds": outside, "accepted": accepted}
    return result


def assign_account_ids(con: duckdb.DuckDBPyConnection, model_version: str) -> dict[str, Any]:
    """Give the clusters of companies on a connection their ids, as customers get theirs; return what happened, by event.

    Replaces `identity.members`, `identity.customer_events` and `identity.customer_aliases` there, whose ids begin with an A.
    """
    news = _news(con, ACCOUNTS)
    _write_tables(con, news, _kept(news, ACCOUNTS, model_version))
    return {**news.counts(), "kept_pct": news.kept_pct}


@dataclass(frozen=True)
class News:
    """What a run changes in a ledger: the ledger before, whether the tables are its, the events, how many records keep their id.

    Clusters of records that nobody knew are apart, `record_key` and `customer_id`: they are many, and simple.
    """

    ledger: pl.DataFrame
    is_in_step: bool
    events: list[Event]
    fresh: pl.DataFrame
    kept_pct: float

    def counts(self) -> dict[str, int]:
        """Return how many events of each kind there are."""
        found = Counter(event for event, *_ in self.events)
        if self.fresh.height:
            found.update({"created": self.fresh["customer_id"].n_unique(), "joined": self.fresh.height})
        return dict(sorted(found.items()))


def _news(con: duckdb.DuckDBPyConnection, register: Register) -> News:
    ledger = read_ledger(register)
    is_in_step = _is_in_step(con, ledger)
    if is_in_step:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE members_before AS SELECT record_key, customer_id FROM identity.members"
        )
    else:
        keep(con, "members_before", membership(ledger).to_arrow())
    clusters, left_over, stayed = _changed(con)
    issued = ledger.filter(pl.col("event") == "created")["customer_id"].to_list()
    ids = _assigned(clusters, left_over, issued)
    created, taken = {}, set(issued)
    for cluster in sorted(clusters.keys() - ids):
        created[cluster] = new_id(cluster, taken, register.letter)
        taken.add(created[cluster])
    ids |= created
    events = _events(clusters, ids, left_over, set(created.values()))
    after = {record: ids[cluster] for cluster, records in clusters.items() for record in records}
    known = [record for record in after if record in left_over]
    stayed_here = sum(1 for record in known if left_over[record] == after[record])
    kept_pct = round(100 * (stayed + stayed_here) / (stayed + len(known)), 3) if stayed or known else 100.0
    return News(ledger, is_in_step, events, _fresh(con, taken, register.letter), kept_pct)


def _is_in_step(con: duckdb.DuckDBPyConnection, ledger: pl.DataFrame) -> bool:
    """Tell whether the tables are those of a ledger; after a crash, or in another working file, they are not."""
    tables = ("customer_events", "members", "customer_aliases")
    if not (ledger.height and all(has_table(con, "identity", table) for table in tables)):
        return False
    told = con.execute(
        "SELECT count(*), max(seq), epoch(arg_max(happened_at, seq)), arg_max(customer_id, seq) FROM identity.customer_events"
    ).fetchall()[0]
    last = ledger.row(-1, named=True)
    happened_at = datetime.fromisoformat(last["happened_at"]).timestamp()
    return bool(told == (ledger.height, last["seq"], happened_at, last["customer_id"]))


def _fresh(con: duckdb.DuckDBPyConnection, taken: set[str], letter: str) -> pl.DataFrame:
    """Return `record_key` and `customer_id` of clusters of which no record was known, in the order of the records."""
    found = pl.from_arrow(
        con.sql("SELECT record_key, cluster_key FROM fresh_clusters ORDER BY record_key").to_arrow_table()
    )
    assert isinstance(found, pl.DataFrame)
    named: dict[str, str] = {}
    for cluster in found["cluster_key"].unique().sort().to_list():
        named[cluster] = new_id(cluster, taken, letter)
        taken.add(named[cluster])
    ids = pl.DataFrame(
        {"cluster_key": list(named), "customer_id": list(named.values())},
        schema={"cluster_key": pl.String, "customer_id": pl.String},
    )
    return found.join(ids, on="cluster_key", how="left", maintain_order="left").select("record_key", "customer_id")


def _kept(news: News, register: Register, model_version: str) -> pl.DataFrame:
    """Write a ledger with what is new, whole and renamed, and return it."""
    ledger = news.ledger
    if news.events or news.fresh.height:
        ledger = _append(ledger, news, model_version)
        fault("ids.before_ledger")
        lake.write_parquet(ledger_path(register), ledger.to_arrow())
    fault("ids.after_ledger")
    return ledger


def _changed(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, list[str]], dict[str, str], int]:
    """Return what is not as it was: clusters with their records, and the customers of the records before.

    A cluster of exactly the records of a customer keeps its id, and has no part in what happens to others.

    Returns:
        Clusters that are no customer of before and hold known records, records (of those customers that are no cluster now) with
        their customer, and how many records are in clusters that stayed. Clusters of unknown records are in `fresh_clusters`.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE clusters_beside AS
        WITH found AS (
            SELECT c.cluster_key, count(*) AS n, count(b.customer_id) AS known, min(b.customer_id) AS customer_id,
                max(b.customer_id) AS other_customer_id
            FROM identity.clusters AS c LEFT JOIN members_before AS b USING (record_key) GROUP BY 1
        ), sizes AS (SELECT customer_id, count(*) AS n FROM members_before GROUP BY 1)
        SELECT f.cluster_key, f.n, f.known, f.customer_id,
            f.known = f.n AND f.customer_id = f.other_customer_id AND f.n = s.n AS is_as_it_was
        FROM found AS f LEFT JOIN sizes AS s USING (customer_id)
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE fresh_clusters AS SELECT record_key, cluster_key FROM identity.clusters "
        "WHERE cluster_key IN (SELECT cluster_key FROM clusters_beside WHERE known = 0)"
    )
    clusters: dict[str, list[str]] = defaultdict(list)
    for record, cluster in con.execute(
        "SELECT record_key, cluster_key FROM identity.clusters WHERE cluster_key IN "
        "(SELECT cluster_key FROM clusters_beside WHERE known > 0 AND NOT is_as_it_was) ORDER BY 1"
    ).fetchall():
        clusters[cluster].append(record)
    left_over = dict(
        con.execute(
            "SELECT record_key, customer_id FROM members_before WHERE customer_id NOT IN "
            "(SELECT customer_id FROM clusters_beside WHERE is_as_it_was)"
        ).fetchall()
    )
    stayed = con.execute("SELECT coalesce(sum(n), 0) FROM clusters_beside WHERE is_as_it_was").fetchall()[0][0]
    return clusters, left_over, int(stayed)


def new_id(cluster_key: str, taken: set[str], letter: str = "C") -> str:
    """Return an id that was never issued, made from the cluster's first record so that re-runs agree."""
    attempt = 0
    while True:
        seed = f"{cluster_key}#{attempt}" if attempt else cluster_key
        found = letter + base64.b32encode(hashlib.sha256(seed.encode()).digest())[:13].decode()
        if found not in taken:
            return found
        attempt += 1


def _assigned(clusters: dict[str, list[str]], before: dict[str, str], issued: list[str]) -> dict[str, str]:
    """Give clusters the id that most of their records had; of equals the oldest id, then the first name, decides.

    Clusters that get none are not among them.
    """
    asked = set(before.values())
    age = {customer: i for i, customer in enumerate(issued) if customer in asked}
    overlap: Counter[tuple[str, str]] = Counter()
    for cluster, records in clusters.items():
        overlap.update((cluster, before[record]) for record in records if record in before)
    ids: dict[str, str] = {}
    used: set[str] = set()
    ranked = sorted(overlap.items(), key=lambda item: (-item[1], age.get(item[0][1], 0), item[0]))
    for (cluster, customer), _ in ranked:
        if cluster not in ids and customer not in used:
            ids[cluster] = customer
            used.add(customer)
    return ids


def _events(
    clusters: dict[str, list[str]], ids: dict[str, str], before: dict[str, str], created: set[str]
) -> list[Event]:
    after = {record: ids[cluster] for cluster, records in clusters.items() for record in records}
    events: list[Event] = []
    came_from: dict[str, Counter[str]] = defaultdict(Counter)
    went_to: dict[str, Counter[str]] = defaultdict(Counter)
    for record, customer in after.items():
        if record in before and before[record] != customer:
            came_from[customer][before[record]] += 1
            went_to[before[record]][customer] += 1
    living = set(after.values())
    for customer in sorted(created):
        origin = came_from[customer].most_common(1)
        events.append(("created", customer, origin[0][0] if origin else None, None))
        if origin and origin[0][0] in living:
            events.append(("split", origin[0][0], customer, None))
    for customer in sorted(set(before.values()) - living):
        heir = went_to[customer].most_common(1)
        events.append(("merged", customer, heir[0][0], None) if heir else ("retired", customer, None, None))
    for record in sorted(before):
        if after.get(record) != before[record]:
            events.append(("left", before[record], after.get(record), record))
    for record in sorted(after):
        if before.get(record) != after[record]:
            events.append(("joined", after[record], before.get(record), record))
    return events


def _append(ledger: pl.DataFrame, news: News, model_version: str) -> pl.DataFrame:
    seq = int(ledger["seq"].max() or 0) if ledger.height else 0  # type: ignore[arg-type]
    run = int(ledger["run"].max() or 0) + 1 if ledger.height else 1  # type: ignore[arg-type]
    at = now().isoformat(timespec="seconds")
    told = {c: SCHEMA[c] for c in ("event", "customer_id", "other_customer_id", "record_key")}
    parts = [
        pl.DataFrame(news.events, schema=told, orient="row"),
        news.fresh.select("customer_id").unique().sort("customer_id").with_columns(event=pl.lit("created")),
        news.fresh.with_columns(event=pl.lit("joined")),
    ]
    fresh = pl.concat([pl.DataFrame(schema=told), *parts], how="diagonal").with_row_index("seq", offset=seq + 1)
    said = fresh.with_columns(
        pl.col("seq").cast(pl.Int64), pl.lit(run, dtype=pl.Int64).alias("run"), pl.lit(at).alias("happened_at"),
        pl.lit(model_version).alias("model_version"),
    )  # fmt: skip
    return pl.concat([ledger, said.select(list(SCHEMA))])


def _write_tables(con: duckdb.DuckDBPyConnection, news: News, ledger: pl.DataFrame) -> None:
    """Make the tables those of the ledger: whole, or by the events that are new."""
    con.register("new_events", (ledger[news.ledger.height :] if news.is_in_step else ledger).to_arrow())
    told = "SELECT * REPLACE (happened_at::TIMESTAMPTZ AS happened_at) FROM new_events ORDER BY seq"
    con.execute("BEGIN")
    if news.is_in_step:
        con.execute(f"INSERT INTO identity.customer_events {told}")
        con.execute("DELETE FROM identity.members WHERE record_key IN (SELECT record_key FROM new_events)")
        con.execute(f"INSERT INTO identity.members {LAST_MOVES}")
    else:
        con.execute(f"CREATE OR REPLACE TABLE identity.customer_events AS {told}")
        con.execute(f"CREATE OR REPLACE TABLE identity.members AS {LAST_MOVES}")
    con.unregister("new_events")
    con.execute(
        """
        CREATE OR REPLACE TABLE identity.customer_aliases AS
        WITH RECURSIVE issued AS (SELECT DISTINCT customer_id FROM identity.customer_events WHERE event = 'created'),
        ended AS (
            SELECT customer_id, other_customer_id AS heir, event FROM identity.customer_events WHERE event IN ('merged', 'retired')
            QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY seq DESC) = 1
        ),
        ended_now AS (SELECT * FROM ended WHERE customer_id NOT IN (SELECT customer_id FROM identity.members)),
        walk AS (
            SELECT customer_id, heir, 1 AS steps FROM ended_now WHERE event = 'merged'
            UNION ALL
            SELECT w.customer_id, e.heir, w.steps + 1 FROM walk AS w
            JOIN ended_now AS e ON e.customer_id = w.heir WHERE e.event = 'merged' AND w.steps < 100
        ), heirs AS (SELECT customer_id, arg_max(heir, steps) AS heir FROM walk GROUP BY 1)
        SELECT i.customer_id,
            CASE WHEN e.customer_id IS NULL THEN i.customer_id
                 WHEN h.heir NOT IN (SELECT customer_id FROM ended_now) THEN h.heir END AS current_customer_id
        FROM issued AS i LEFT JOIN ended_now AS e USING (customer_id) LEFT JOIN heirs AS h USING (customer_id) ORDER BY 1
        """
    )
    con.execute("COMMIT")


#: Where each record went last, of the events at hand.
LAST_MOVES = """
    WITH last_move AS (
        SELECT record_key, event, customer_id FROM new_events WHERE event IN ('joined', 'left')
        QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY seq DESC) = 1
    )
    SELECT m.record_key, m.customer_id, r.source, r.source_table, r.record_id
    FROM last_move AS m JOIN identity.records AS r USING (record_key)
    WHERE m.event = 'joined' ORDER BY 1
"""


def resolve(customer_id: str, as_of: datetime | None = None) -> str | None:
    """Return the customer that an id stood for at a moment, or stands for now; None when it is retired.

    Raises:
        CdpError: the id was never issued, or not yet at that moment.
    """
    ledger = read_ledger()
    if as_of is not None:
        ledger = ledger.filter(pl.col("happened_at").str.to_datetime(time_zone="UTC") <= as_of)
    if ledger.filter((pl.col("event") == "created") & (pl.col("customer_id") == customer_id)).is_empty():
        raise CdpError(f"customer id {customer_id} was never issued" + (" by then" if as_of else ""))
    living = set(membership(ledger)["customer_id"].to_list())
    ends = ledger.filter(pl.col("event").is_in(["merged", "retired"]))
    heirs = dict(zip(ends["customer_id"].to_list(), ends["other_customer_id"].to_list(), strict=True))
    current: str | None = customer_id
    while current is not None and current not in living:
        current = heirs.get(current)
    return current
