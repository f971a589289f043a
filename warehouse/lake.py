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

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from warehouse import files
from warehouse.duck import name, quoted
from warehouse.settings import now, settings

FILE_ID_DIGITS = 16


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


def keep_raw(table: str, path: str, content: bytes, sha256: str, dropped_columns: tuple[str, ...] = ()) -> RawFile:
    """Keep a file's bytes, compressed and named by checksum; known bytes are returned as they were kept first."""
    folder = zone("raw", table)
    manifest = folder / f"{sha256}.json"
    if manifest.exists():
        return _manifest(manifest)
    files.write_bytes(folder / f"{sha256}.zst", zstandard.ZstdCompressor(level=3).compress(content))
    raw = RawFile(
        table=table,
        sha256=sha256,
        file=path,
        bytes=len(content),
        arrival=1 + max((known.arrival for known in raw_files(table)), default=0),
        arrived_at=now().isoformat(timespec="seconds"),
        dropped_columns=dropped_columns,
    )
    files.write_json(manifest, asdict(raw))
    return raw


def read_raw(raw: RawFile) -> bytes:
    """Return the kept bytes of a file."""
    packed = (zone("raw", raw.table) / f"{raw.sha256}.zst").read_bytes()
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=max(raw.bytes, 1))


def _account(kind: str, table: str, file_id: str, version: str) -> Path:
    return zone(kind, table) / f"{file_id}-{version}.json"


def is_settled(table: str, file_id: str, version: str) -> bool:
    """Tell whether a file was loaded or refused under this version of its declaration."""
    return any(_account(kind, table, file_id, version).exists() for kind in ("bronze", "refused"))


def write_parquet(path: Path, rows: pa.Table) -> None:
    """Write Parquet with page checksums, beside and renamed: a flipped byte is found, not summed."""
    with files.written_beside(path) as beside:
        pq.write_table(rows, beside, compression="zstd", write_page_checksum=True)


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
    listed = ", ".join(
        f"'{quoted(str(parquet_path('bronze', shape.table, load.file_id, load.version)))}'" for load in known
    )
    rows = f"SELECT {columns}, _file, _line FROM read_parquet([{listed}])"
    if shape.load == "full":
        return rows
    arrivals = ", ".join(f"('{load.file_id}', {load.arrival})" for load in known)
    joined = f"({rows}) AS r JOIN (VALUES {arrivals}) AS a(file, arrival) ON r._file = a.file"
    chosen = f"SELECT r.* FROM {joined}"
    key = ", ".join(name(c) for c in shape.key)
    if shape.load == "append":
        return f"{chosen} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY arrival, _line) = 1"
    if shape.load == "incremental":
        return f"{chosen} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY arrival DESC, _line DESC) = 1"
    window = name(shape.window or "")
    return f"{chosen} QUALIFY arrival = max(arrival) OVER (PARTITION BY {window})"


def newest_of_each_series(known: list[Load], series: str | None) -> list[Load]:
    """Keep the newest load of each series; a series is what the pattern finds in the file's name."""
    import re

    newest: dict[str, Load] = {}
    for load in known:
        found = re.search(series, Path(load.file).name) if series else None
        newest[found.group(0) if found else ""] = load
    return sorted(newest.values(), key=lambda load: load.arrival)


def register_table(con: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Point `bronze.<table>` at what the table looks like now."""
    con.execute(f"CREATE OR REPLACE VIEW {name('bronze', shape.table)} AS {current_rows_sql(shape)}")


def replace_table(con: duckdb.DuckDBPyConnection, schema: str, table: str, values: Sequence[Any], columns: str) -> None:
    """Replace a small table by rows given as tuples; `columns` is its SQL column list."""
    con.execute(f"CREATE OR REPLACE TABLE {name(schema, table)} ({columns})")
    if values:
        marks = ", ".join("?" for _ in values[0])
        con.executemany(f"INSERT INTO {name(schema, table)} VALUES ({marks})", values)
