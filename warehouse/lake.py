"""The lake: bytes as they came, accepted rows as Parquet, refused rows and files beside them.

```
lake/raw/<table>/<sha256>.zst + .json        the bytes, and what is known of them
lake/bronze/<table>/<file>-<version>.parquet accepted rows, typed; .json beside it is the load's account
lake/quarantine/<table>/<file>-<version>.parquet  refused rows as text, with line and reasons
lake/refused/<table>/<file>-<version>.json   whole files set aside, with one sentence why
```

What stays true: files are named by content, so the same bytes add nothing; a load counts once its account is there,
and the account is written last, so a crash leaves everything or nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from warehouse import files
from warehouse.duck import name, quoted
from warehouse.errors import RefusedFile
from warehouse.faults import fault
from warehouse.settings import now, settings

#: Opens the bytes of a file, once for each use.
Opened = Callable[[], AbstractContextManager[BinaryIO]]

FILE_ID_DIGITS = 16
BLOCK_BYTES = 2 * 1024 * 1024
ROW_GROUP = 256 * 1024


@dataclass(frozen=True)
class RawFile:
    """One export as it came. `arrival` counts files of a table in the order in which they were kept."""

    table: str
    sha256: str
    file: str
    bytes: int
    arrival: int
    arrived_at: str
    dropped_columns: tuple[str, ...] = ()

    @property
    def file_id(self) -> str:
        """The part of the checksum that names the file in bronze."""
        return self.sha256[:FILE_ID_DIGITS]


@dataclass(frozen=True)
class Load:
    """The account of one landed file: `rows_in = accepted + quarantined + dropped`."""

    table: str
    version: str
    file_id: str
    file: str
    arrival: int
    arrived_at: str
    rows_in: int
    accepted: int
    quarantined: int
    dropped: int
    parquet_sha256: str
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    new_headers: tuple[str, ...] = ()
    missing_headers: tuple[str, ...] = ()
    stops: dict[str, int] = field(default_factory=dict)
    decisions: str = ""
    filled: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Repeat:
    """Bytes that came again, under another name."""

    table: str
    file: str
    first_file: str
    file_id: str
    arrived_at: str


@dataclass(frozen=True)
class Refusal:
    """A whole file that was set aside, with the sentence that says why."""

    table: str
    version: str
    file_id: str
    file: str
    arrived_at: str
    reason: str


def zone(kind: str, table: str) -> Path:
    """Return the folder of a table in one zone of the lake."""
    return settings().lake / kind / table


def raw_files(table: str) -> list[RawFile]:
    """Return the kept files of a table in the order of their arrival."""
    found = [_manifest(path) for path in zone("raw", table).glob("*.json")]
    return sorted(found, key=lambda raw: raw.arrival)


def _manifest(path: Path) -> RawFile:
    known = files.read_json(path)
    return RawFile(**{**known, "dropped_columns": tuple(known["dropped_columns"])})


@dataclass(frozen=True)
class Arrival:
    """A file whose bytes were read once, for their checksum; `seen` tells whether it is still the same when read again."""

    raw: RawFile
    is_new: bool
    opened: Opened
    seen: tuple[int, ...] = ()


def arriving(table: str, path: str, opened: Opened, dropped_columns: tuple[str, ...] = ()) -> Arrival:
    """Say what file some bytes are, and whether it is new; new bytes are then kept by :func:`kept_as_read`.

    Args:
        table: whose folder they go to.
        path: the file's name, as people know it.
        opened: opens the bytes.
        dropped_columns: what was taken out of them before.

    Returns:
        The file; known bytes are returned as they were kept first.
    """
    with opened() as stream:
        digest, size = hashlib.sha256(), 0
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
        seen = _stamp(stream)
    if is_kept(table, digest.hexdigest()):
        known = _manifest(_manifest_path(table, digest.hexdigest()))
        if known.file != path:
            _note_repeat(known, path)
        return Arrival(known, False, opened)
    number = 1 + max((known.arrival for known in raw_files(table)), default=0)
    arrived_at = now().isoformat(timespec="seconds")
    raw = RawFile(table, digest.hexdigest(), path, size, number, arrived_at, dropped_columns)
    return Arrival(raw, True, opened, seen)


def kept_as_read(arrival: Arrival) -> Iterator[bytes]:
    """Return the bytes of a new file piece by piece, and pack them on the way; once all are read, the file is kept.

    Raises:
        RefusedFile: the file is no longer what it was when its checksum was made.
    """
    raw, read = arrival.raw, 0
    # A file of a file system says by its stamp whether it was changed; other bytes are hashed again.
    digest = None if arrival.seen else hashlib.sha256()
    with files.written_beside(zone("raw", raw.table) / f"{raw.sha256}.zst") as beside:
        packer = zstandard.ZstdCompressor(level=1)
        with (
            arrival.opened() as stream,
            beside.open("wb") as target,
            packer.stream_writer(target, size=raw.bytes, write_size=BLOCK_BYTES, closefd=False) as packed,
        ):
            while (block := stream.read(BLOCK_BYTES)) and (read := read + len(block)) <= raw.bytes:
                if digest:
                    digest.update(block)
                packed.write(block)
                yield block
            is_same = _stamp(stream) == arrival.seen and (digest is None or digest.hexdigest() == raw.sha256)
            if block or read != raw.bytes or not is_same:
                raise RefusedFile(
                    f"{raw.file}: was changed while it was read, expected a complete file. It is taken once it is still."
                )
    files.write_json(_manifest_path(raw.table, raw.sha256), asdict(raw))


def _stamp(stream: BinaryIO) -> tuple[int, ...]:
    """Return what changes when a file is written to: device, number, size and times; nothing for other streams."""
    try:
        known = os.fstat(stream.fileno())
    except (AttributeError, OSError):
        return ()
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns


def is_kept(table: str, sha256: str) -> bool:
    """Tell whether bytes are part of the lake."""
    return _manifest_path(table, sha256).exists()


def _manifest_path(table: str, sha256: str) -> Path:
    return zone("raw", table) / f"{sha256}.json"


def _note_repeat(known: RawFile, path: str) -> None:
    name_id = hashlib.sha256(path.encode()).hexdigest()[:FILE_ID_DIGITS]
    note = zone("repeated", known.table) / f"{known.file_id}-{name_id}.json"
    if not note.exists():
        at = now().isoformat(timespec="seconds")
        files.write_json(note, asdict(Repeat(known.table, path, known.file, known.file_id, at)))


def repeats(table: str) -> list[Repeat]:
    """Return the files of a table whose bytes had come before."""
    found = [Repeat(**files.read_json(p)) for p in zone("repeated", table).glob("*.json")]
    return sorted(found, key=lambda repeat: (repeat.arrived_at, repeat.file))


@contextmanager
def open_raw(raw: RawFile) -> Iterator[BinaryIO]:
    """Open the kept bytes of a file as a stream."""
    with (zone("raw", raw.table) / f"{raw.sha256}.zst").open("rb") as packed:
        yield zstandard.ZstdDecompressor().stream_reader(packed, read_size=BLOCK_BYTES)


def read_raw(raw: RawFile) -> bytes:
    """Return the kept bytes of a file."""
    with open_raw(raw) as stream:
        return stream.read()


def _account(kind: str, table: str, file_id: str, version: str) -> Path:
    return zone(kind, table) / f"{file_id}-{version}.json"


def is_settled(table: str, file_id: str, version: str) -> bool:
    """Tell whether a file was refused, or loaded with the present decisions, under this version of its declaration."""
    if _account("refused", table, file_id, version).exists():
        return True
    account = _account("bronze", table, file_id, version)
    return account.exists() and files.read_json(account)["decisions"] == decisions(table, file_id).digest


class ParquetRows:
    """Rows written block by block, with page checksums: a flipped byte is found, not summed."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Add a block; the first one says what the columns are."""
        if self._writer is None:
            # Without dictionaries, and statistics only where ranges are asked for: mostly keys, names and times, whose
            # dictionaries took twice the time for larger files.
            ranged = [field.name for field in rows.schema if not _is_text(field.type)]
            self._writer = pq.ParquetWriter(
                self.path, rows.schema, compression="zstd", compression_level=1, use_dictionary=False,
                write_statistics=ranged, write_page_checksum=True, write_batch_size=65_536, max_rows_per_page=1_000_000,
                data_page_size=4 * 1024 * 1024,
            )  # fmt: skip
        self._writer.write_table(rows, row_group_size=ROW_GROUP)
        self.rows += rows.num_rows

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def write_parquet(path: Path, rows: pa.Table) -> None:
    """Write one table, beside and renamed."""
    with files.written_beside(path) as beside:
        target = ParquetRows(beside)
        target.write(rows)
        target.close()


def verify_parquet(path: Path) -> int:
    """Read a Parquet file whole with its page checksums and return its row count.

    Raises:
        OSError: a page does not match its checksum.
    """
    return int(pq.read_table(path, page_checksum_verification=True).num_rows)


def parquet_path(kind: str, table: str, file_id: str, version: str) -> Path:
    """Return where the rows of one load stand in bronze or quarantine."""
    return zone(kind, table) / f"{file_id}-{version}.parquet"


def write_load(load: Load) -> None:
    """Write a load's account: the moment from which the load counts."""
    files.write_json(_account("bronze", load.table, load.file_id, load.version), asdict(load))


def write_refusal(refusal: Refusal) -> None:
    """Record that a whole file was set aside."""
    files.write_json(_account("refused", refusal.table, refusal.file_id, refusal.version), asdict(refusal))


@dataclass(frozen=True)
class Decisions:
    """What a person decided about refused rows of one kept file: lines let pass, cells mended, lines given up."""

    released: dict[int, dict[str, str]] = field(default_factory=dict)
    discarded: frozenset[int] = frozenset()
    history: tuple[dict[str, Any], ...] = ()

    @property
    def digest(self) -> str:
        """A short hash that a load keeps, so that new decisions judge the file again; empty without decisions."""
        if not self.released and not self.discarded:
            return ""
        told = [sorted((line, sorted(cells.items())) for line, cells in self.released.items()), sorted(self.discarded)]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:8]


def _decisions_path(table: str, file_id: str) -> Path:
    return zone("decisions", table) / f"{file_id}.json"


def decisions(table: str, file_id: str) -> Decisions:
    """Return what people decided about the refused rows of a file."""
    path = _decisions_path(table, file_id)
    if not path.exists():
        return Decisions()
    known = files.read_json(path)
    released = {int(line): cells for line, cells in known["released"].items()}
    return Decisions(released, frozenset(known["discarded"]), tuple(known["history"]))


def write_decisions(table: str, file_id: str, made: Decisions) -> None:
    """Keep decisions beside the lake's bytes, outside of what can be rebuilt."""
    files.write_json(
        _decisions_path(table, file_id),
        {"released": made.released, "discarded": sorted(made.discarded), "history": list(made.history)},
    )


def loads(table: str, version: str | None = None) -> list[Load]:
    """Return the accounts of a table, of one version of its declaration or of all, by arrival."""
    found = [Load(**files.read_json(p)) for p in zone("bronze", table).glob(f"*-{version or '*'}.json")]
    return sorted(found, key=lambda load: (load.arrival, load.version))


def refusals(table: str, version: str | None = None) -> list[Refusal]:
    """Return the files of a table that were set aside."""
    found = [Refusal(**files.read_json(p)) for p in zone("refused", table).glob(f"*-{version or '*'}.json")]
    return sorted(found, key=lambda refusal: (refusal.arrived_at, refusal.file))


@dataclass(frozen=True)
class Shape:
    """What the lake must know of a table to say what it looks like now: types, key and load mode."""

    table: str
    version: str
    types: dict[str, str]
    key: tuple[str, ...]
    load: str
    series: str | None = None
    window: str | None = None


def current_rows_sql(shape: Shape) -> str:
    """Return the query for what a table looks like now, by its declared load mode.

    - `full`: the rows of the newest file (of each series).
    - `append`: all rows; a key that came before is not taken twice.
    - `incremental`: the newest row of each key.
    - `window`: for each value of the window column, the rows of the newest file that has it.
    """
    known = loads(shape.table, shape.version)
    columns = ", ".join(name(c) for c in shape.types)
    if shape.load == "full":
        known = newest_of_each_series(known, shape.series)
    if not known:
        typed = ", ".join(f"NULL::{kind} AS {name(column)}" for column, kind in shape.types.items())
        return f"SELECT {typed}, NULL::VARCHAR AS _file, NULL::BIGINT AS _line WHERE false"
    if shape.load == "full":
        return _rows(known, columns)
    arrivals = ", ".join(f"('{load.file_id}', {load.arrival})" for load in known)
    dated = f"(VALUES {arrivals}) AS a(file, arrival)"
    rows = f"({_rows(known, columns)}) AS r"
    # Which rows count is found among keys alone: whole rows are read once, and never sorted.
    if shape.load == "window":
        window = name(shape.window or "")
        newest = f"SELECT {window}, max(arrival) AS arrival FROM ({_rows(known, window)}) AS n JOIN {dated} ON n._file = a.file GROUP BY {window}"
        return (
            f"SELECT r.* FROM {rows} JOIN {dated} ON r._file = a.file "
            f"JOIN ({newest}) AS w ON r.{window} IS NOT DISTINCT FROM w.{window} AND a.arrival = w.arrival"
        )
    key = ", ".join(name(c) for c in shape.key)
    keys = _rows(known, key)
    same = " AND ".join(f"n.{name(c)} IS NOT DISTINCT FROM d.{name(c)}" for c in shape.key)
    order = "arrival, _line" if shape.load == "append" else "arrival DESC, _line DESC"
    superseded = (
        f"SELECT n._file, n._line FROM ({keys}) AS n JOIN {dated} ON n._file = a.file "
        f"SEMI JOIN (SELECT {key} FROM ({keys}) GROUP BY ALL HAVING count(*) > 1) AS d ON {same} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) > 1"
    )
    return f"SELECT r.* FROM {rows} ANTI JOIN ({superseded}) AS s ON r._file = s._file AND r._line = s._line"


def _rows(known: Sequence[Load], columns: str) -> str:
    """Return the query for some columns of all rows of loads, with `_file` and `_line`."""
    own = [load for load in known if has_own_file(load)]
    packed = [load for load in known if not has_own_file(load)]
    parts = []
    if own:
        listed = ", ".join(f"'{quoted(str(_rows_of(load)))}'" for load in own)
        parts.append(f"SELECT {columns}, _file, _line FROM read_parquet([{listed}])")
    if packed:
        # A file that was judged again stands alone; what the packed one holds of it no longer counts.
        listed = ", ".join(f"'{quoted(str(p))}'" for p in sorted({_rows_of(load) for load in packed}))
        ids = ", ".join(f"'{load.file_id}'" for load in packed)
        parts.append(f"SELECT {columns}, _file, _line FROM read_parquet([{listed}]) WHERE _file IN ({ids})")
    return " UNION ALL ".join(parts)


def has_own_file(load: Load) -> bool:
    """Tell whether a load's rows stand in a file of their own, or in a packed one."""
    return parquet_path("bronze", load.table, load.file_id, load.version).exists()


def _packs(table: str, version: str) -> dict[str, Path]:
    """Return the packed file that holds each load's rows, by file id."""
    found: dict[str, Path] = {}
    for manifest in sorted((zone("bronze", table) / "packed").glob(f"*-{version}.json")):
        found.update(dict.fromkeys(files.read_json(manifest)["file_ids"], manifest.with_suffix(".parquet")))
    return found


def _rows_of(load: Load) -> Path:
    own = parquet_path("bronze", load.table, load.file_id, load.version)
    return own if own.exists() else _packs(load.table, load.version).get(load.file_id, own)


#: Loads with fewer rows than this are packed together, once there are so many of them.
PACK_BELOW_ROWS, PACK_FROM_FILES = 200_000, 8


def compact(table: str, version: str) -> int:
    """Pack the small Parquet files of a table into one; return how many were packed.

    The packed file and its manifest are written first, the small files removed last: a crash in between leaves both, and the
    small ones count.
    """
    small = [load for load in loads(table, version) if load.accepted < PACK_BELOW_ROWS and has_own_file(load)]
    if len(small) < PACK_FROM_FILES:
        return 0
    ids = sorted(load.file_id for load in small)
    stem = hashlib.sha256("".join(ids).encode()).hexdigest()[:FILE_ID_DIGITS]
    target = zone("bronze", table) / "packed" / f"{stem}-{version}.parquet"
    with files.written_beside(target) as beside:
        packed = ParquetRows(beside)
        for load in small:
            packed.write(pq.read_table(_rows_of(load), page_checksum_verification=True))
        packed.close()
    fault("compact.after_pack")
    files.write_json(
        target.with_suffix(".json"), {"file_ids": ids, "rows": packed.rows, "parquet_sha256": files.sha256_of(target)}
    )
    fault("compact.after_manifest")
    for load in small:
        parquet_path("bronze", table, load.file_id, version).unlink()
    return len(small)


def damaged(table: str) -> list[Path]:
    """Compare the Parquet files of a table with the checksums in their accounts and return those that differ or are gone."""
    bad = []
    for load in loads(table):
        path = parquet_path("bronze", table, load.file_id, load.version)
        if (path.exists() and files.sha256_of(path) != load.parquet_sha256) or (
            not path.exists() and load.file_id not in _packs(table, load.version)
        ):
            bad.append(path)
    for manifest in sorted((zone("bronze", table) / "packed").glob("*.json")):
        path = manifest.with_suffix(".parquet")
        if not path.exists() or files.sha256_of(path) != files.read_json(manifest)["parquet_sha256"]:
            bad.append(path)
    return bad


def newest_of_each_series(known: list[Load], series: str | None) -> list[Load]:
    """Keep the newest load of each series; a series is what the pattern finds in the file's name."""
    import re

    newest: dict[str, Load] = {}
    for load in known:
        found = re.search(series, Path(load.file).name) if series else None
        newest[found.group(0) if found else ""] = load
    return sorted(newest.values(), key=lambda load: load.arrival)


def register_table(con: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Point `bronze.<table>` at what the table looks like now, and say in its comment which rows these are (`revisions`)."""
    con.execute(f"CREATE OR REPLACE VIEW {name('bronze', shape.table)} AS {current_rows_sql(shape)}")
    held = [(load.file_id, load.arrival, load.parquet_sha256) for load in loads(shape.table, shape.version)]
    told = hashlib.sha256(repr((asdict(shape), held)).encode()).hexdigest()[:32]
    say_revision(con, "VIEW", shape.table, told)


#: What a comment begins with that tells by what it is known that a table of bronze holds the rows that it held.
REVISION = "rows of revision "


def say_revision(con: duckdb.DuckDBPyConnection, kind: str, table: str, told: str) -> None:
    """Say of a view or table of bronze which rows it holds: with the same word, it holds the same."""
    con.execute(f"COMMENT ON {kind} {name('bronze', table)} IS '{REVISION}{quoted(told)}'")


def revisions(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, str]:
    """Return what is said of which rows views and tables of bronze hold, by place (`bronze.<table>`); nothing of those of which nothing is said."""
    found = con.execute(
        "SELECT 'bronze.' || view_name, comment FROM duckdb_views() WHERE database_name = $1 AND schema_name = 'bronze' AND starts_with(comment, $2) "
        "UNION ALL SELECT 'bronze.' || table_name, comment FROM duckdb_tables() "
        "WHERE database_name = $1 AND schema_name = 'bronze' AND starts_with(comment, $2)",
        [catalog, REVISION],
    ).fetchall()
    return {place: said.removeprefix(REVISION) for place, said in found}


def replace_table(con: duckdb.DuckDBPyConnection, schema: str, table: str, values: Sequence[Any], columns: str) -> None:
    """Replace a small table by rows given as tuples; `columns` is its SQL column list."""
    con.execute(f"CREATE OR REPLACE TABLE {name(schema, table)} ({columns})")
    if values:
        marks = f"({', '.join('?' for _ in values[0])})"
        # Many rows in one statement: one statement a row takes a hundred times as long.
        for at in range(0, len(values), 100):
            some = values[at : at + 100]
            con.execute(
                f"INSERT INTO {name(schema, table)} VALUES {', '.join([marks] * len(some))}",
                [v for row in some for v in row],
            )
