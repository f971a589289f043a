"""The delivery ledger: one row per customer, list and change that was sent, append only.

In: the journal below `state/journal`: one Parquet file per plan whose files were written, one folder per plan that was sent to a platform
that is called, with a file per batch, written as soon as the platform has answered. Out: `activation.ledger`; `activation.present`, who is on
which list now as far as was acknowledged and not failed since; `activation.dead_letters`, who was refused and how often; and
`activation.confirmations`, what became of requests that are worked on in the background. What stays true: the journal is state and is never
rewritten; a plan is applied when its file, or its folder's `done`, is there. The row that was sent is kept in the journal alone, so that a person
can be removed by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import files, lake
from warehouse.duck import quoted
from warehouse.settings import now, settings

SCHEMA = pa.schema(
    [
        ("audience", pa.string()), ("platform", pa.string()), ("list", pa.string()), ("customer_id", pa.string()),
        ("op", pa.string()), ("status", pa.string()), ("reason", pa.string()), ("payload_hash", pa.string()), ("payload", pa.string()),
        ("plan_hash", pa.string()), ("sequence", pa.int64()), ("delivered_at", pa.string()), ("request_id", pa.string()),
        ("campaign", pa.string()), ("variant", pa.string()),
    ]
)  # fmt: skip

#: What stands in `done` of a plan that brought a list in step whole.
RECONCILED = b"reconciled"


def journal_folder(audience: str, platform: str) -> Path:
    """Return where the journal of an audience at a platform stands."""
    return settings().state / "journal" / audience / platform


def is_applied(audience: str, platform: str, plan_hash: str) -> bool:
    """Tell whether a plan was applied."""
    folder = journal_folder(audience, platform)
    return any(folder.glob(f"*-{plan_hash[:16]}.parquet")) or any(folder.glob(f"*-{plan_hash[:16]}/done"))


def applied_plans(audience: str, platform: str) -> int:
    """Count the plans of an audience that were applied at a platform."""
    return len(list(journal_folder(audience, platform).glob("[0-9]*-*")))


def last_applied_at(audience: str, platform: str) -> datetime | None:
    """Return when a plan of an audience was last applied at a platform."""
    folder = journal_folder(audience, platform)
    paths = sorted(
        [*folder.glob("*.parquet"), *(p for done in folder.glob("*/done") for p in done.parent.glob("*.parquet"))]
    )
    if not paths:
        return None
    found = pq.read_table(paths[-1], columns=["delivered_at"])["delivered_at"].to_pylist()
    return datetime.fromisoformat(max(found)) if found else None


def last_reconciled_at(audience: str, platform: str) -> datetime | None:
    """Return when a called platform's list was last brought in step whole: by a reconcile, or by the first plan."""
    folder = journal_folder(audience, platform)
    first = sorted(folder.glob("*/done"))[:1]
    whole = [p for p in folder.glob("*/done") if p.read_bytes() == RECONCILED]
    times = [
        pq.read_table(path, columns=["delivered_at"])["delivered_at"].to_pylist()
        for done in {*first, *whole}
        for path in done.parent.glob("*.parquet")
    ]
    found = [at for listed in times for at in listed]
    return datetime.fromisoformat(max(found)) if found else None


def _numbered(rows: pa.Table, sequence: int) -> pa.Table:
    numbered = rows.append_column("sequence", pa.array([sequence] * rows.num_rows, pa.int64()))
    return numbered.select(SCHEMA.names).cast(SCHEMA)


def write_journal(audience: str, platform: str, plan_hash: str, rows: Iterable[pa.RecordBatch]) -> Path:
    """Write the outcomes of one plan: the moment from which they count.

    Args:
        audience, platform, plan_hash: whose plan it is.
        rows: columns of `SCHEMA` without `sequence`.
    """
    folder = journal_folder(audience, platform)
    sequence = 1 + applied_plans(audience, platform)
    path = folder / f"{sequence:06d}-{plan_hash[:16]}.parquet"
    with files.written_beside(path) as beside:
        target = lake.ParquetRows(beside)
        target.write(SCHEMA.empty_table())
        for batch in rows:
            target.write(_numbered(pa.Table.from_batches([batch]), sequence))
        target.close()
    return path


class Batches:
    """The journal of one plan that is sent in batches: what was answered already, and a place for what is answered next."""

    def __init__(self, audience: str, platform: str, plan_hash: str) -> None:
        known = sorted(journal_folder(audience, platform).glob(f"*-{plan_hash[:16]}"))
        self.sequence = int(known[0].name.split("-")[0]) if known else 1 + applied_plans(audience, platform)
        self.folder = journal_folder(audience, platform) / f"{self.sequence:06d}-{plan_hash[:16]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.written = len(list(self.folder.glob("*.parquet")))

    def answered(self) -> set[tuple[str, str]]:
        """Return customers and operations that the platform has answered already."""
        paths = sorted(self.folder.glob("*.parquet"))
        tables = [pq.read_table(path, columns=["customer_id", "op"]).to_pylist() for path in paths]
        return {(row["customer_id"], row["op"]) for rows in tables for row in rows}

    def write(self, rows: pa.Table) -> None:
        """Write the outcomes of one batch, columns of `SCHEMA` without `sequence`: the moment from which they count."""
        self.written += 1
        lake.write_parquet(self.folder / f"{self.written:06d}.parquet", _numbered(rows, self.sequence))

    def began_at(self) -> datetime:
        """Return when the plan was begun to be sent; the first call says that it is now."""
        path = self.folder / "began"
        if not path.exists():
            files.write_bytes(path, now().isoformat(timespec="seconds").encode())
        return datetime.fromisoformat(path.read_text())

    def done(self, *, is_reconcile: bool) -> None:
        """Say that the plan was sent whole."""
        files.write_bytes(self.folder / "done", RECONCILED if is_reconcile else b"")


def confirmations_folder() -> Path:
    """Return where answers about requests are kept."""
    return settings().state / "confirmations"


def note_confirmation(platform: str, request_id: str, found: dict[str, object]) -> None:
    """Write what a platform says of a request."""
    named = hashlib.sha256(request_id.encode()).hexdigest()[:32]
    files.write_json(
        confirmations_folder() / platform / f"{named}.json", {"platform": platform, "request_id": request_id, **found}
    )


def _confirmations(con: duckdb.DuckDBPyConnection) -> None:
    names, numbers = (
        ("platform", "request_id", "status", "reason", "told", "asked_at"),
        ("matched_low_pct", "matched_high_pct"),
    )
    found = [files.read_json(path) for path in sorted(confirmations_folder().glob("*/*.json"))]
    rows = [
        {n: str(row.get(n, "")) for n in names} | {n: (row.get("told") or {}).get(n) for n in numbers} for row in found
    ]
    schema = pa.schema([*((n, pa.string()) for n in names), *((n, pa.float64()) for n in numbers)])
    con.register("said", pa.Table.from_pylist(rows, schema=schema))
    con.execute("CREATE OR REPLACE TABLE activation.confirmations AS SELECT * FROM said ORDER BY ALL")
    con.unregister("said")


def _journals(audience: str = "*", platform: str = "*") -> list[Path]:
    root = settings().state / "journal"
    return sorted([*root.glob(f"{audience}/{platform}/*.parquet"), *root.glob(f"{audience}/{platform}/*/*.parquet")])


def _rows_sql(paths: list[Path], columns: str) -> str:
    # Typed by SQL and not by a registered table: filters of joins cannot be pushed into those.
    nobody = ", ".join(f"NULL::{'BIGINT' if f.type == pa.int64() else 'VARCHAR'} AS {f.name}" for f in SCHEMA)
    rows = f"SELECT {columns} FROM (SELECT {nobody}) WHERE false"
    if paths:
        listed = ", ".join(f"'{quoted(str(path))}'" for path in paths)
        rows += f" UNION ALL BY NAME SELECT {columns} FROM read_parquet([{listed}], union_by_name = true)"
    return rows


def last_sent_sql(audience: str, platform: str, place: str, customers: str) -> str:
    """Return the query of the rows that customers were sent with last: `customer_id` and `payload`.

    Args:
        audience: whose list it is.
        platform: where the list is.
        place: the list.
        customers: query of the customer ids that are asked for.
    """
    rows = _rows_sql(_journals(audience, platform), "customer_id, list, op, status, sequence, payload")
    return f"""
        SELECT customer_id, arg_max(payload, sequence) AS payload FROM ({rows})
        WHERE list = '{quoted(place)}' AND status = 'accepted' AND op <> 'remove' AND customer_id IN ({customers}) GROUP BY 1
    """


def register_ledger(con: duckdb.DuckDBPyConnection) -> None:
    """Replace `activation.ledger`, `present`, `dead_letters` and `confirmations` by what the journal says."""
    kept = ", ".join(n for n in SCHEMA.names if n != "payload")
    con.execute(f"CREATE OR REPLACE TABLE activation.ledger AS {_rows_sql(_journals(), kept)}")
    _confirmations(con)
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.present AS
        SELECT audience, platform, list, customer_id, last.payload_hash, last.delivered_at AS sent_at
        FROM (
            SELECT audience, l.platform, list, customer_id,
                arg_max({'op': op, 'payload_hash': payload_hash, 'delivered_at': delivered_at}, sequence) AS last
            FROM activation.ledger AS l
            LEFT JOIN activation.confirmations AS c ON l.platform = c.platform AND l.request_id = c.request_id
            WHERE l.status = 'accepted' AND (c.status IS NULL OR c.status <> 'failed' OR l.op = 'remove')
            GROUP BY ALL
        )
        WHERE last.op <> 'remove'
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE activation.dead_letters AS
        WITH taken AS (
            SELECT audience, platform, list, customer_id, max(sequence) AS sequence FROM activation.ledger
            WHERE status = 'accepted' AND customer_id IN (SELECT customer_id FROM activation.ledger WHERE status = 'rejected') GROUP BY ALL
        )
        SELECT l.audience, l.platform, l.list, l.customer_id, arg_max(l.reason, l.sequence) AS reason, count(*) AS tries,
            min(l.delivered_at) AS first_refused_at, max(l.delivered_at) AS last_refused_at
        FROM activation.ledger AS l
        LEFT JOIN taken AS t ON l.audience = t.audience AND l.platform = t.platform AND l.list = t.list AND l.customer_id = t.customer_id
        WHERE l.status = 'rejected' AND l.sequence > coalesce(t.sequence, 0)
        GROUP BY ALL ORDER BY ALL
        """
    )
