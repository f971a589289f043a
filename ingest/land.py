"""Exports in: keep the bytes, read them as text, gate the rows, account for all of them.

In: files below the inbox that a contract's path names. Out: `lake/raw`, `lake/bronze`, `lake/quarantine`, and for whole
files that cannot be taken `lake/refused`. What stays true: the same bytes add nothing, whatever their name; a changed
declaration gates again from raw; one file's fault never stops another.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO

import ftfy
import polars as pl

from ingest.ahead import Behind, ahead
from ingest.discover import complete_files, discover, settled, size_of
from ingest.readers import content, delimited, documents, json_records
from ingest.readers.rows import Facts, Reader, check_row_count, text_rows
from quality.casts import TRIMMED
from quality.contract import Contract, load_contracts
from quality.gate import FileGate, account_holds, last_group_starts
from warehouse import files, lake
from warehouse.errors import CdpError, RefusedFile, edge
from warehouse.faults import fault
from warehouse.lake import Opened
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

#: From so many bytes on that nobody has landed yet, tables are landed by processes.
PROCESSES_FROM_BYTES = 128 * 1024 * 1024

READERS: dict[str, Reader] = {
    "csv": delimited.read,
    "jsonl": json_records.read_lines,
    "json": json_records.read_document,
    "parquet": documents.read_parquet,
    "xlsx": documents.read_workbook,
    "fixed": documents.read_fixed,
    "xml": documents.read_xml,
}


def land(contract: Contract, waiting: list[Path] | None = None) -> StepResult:
    """Land every new file of one table, and every kept file that its present declaration has not judged.

    Args:
        contract: the table's declaration.
        waiting: the files found in the inbox, if somebody has looked already.

    Grain of what is written: one Parquet file per landed file and declaration version.

    Raises:
        CdpError: the lake cannot be written; a file's own faults are recorded as refusals, not raised.
    """
    with step(f"land {contract.name}") as result, edge(contract.name):
        arrived = discover(contract) if waiting is None else waiting
        complete, growing = complete_files(arrived, contract)
        if growing:
            result.facts["still_arriving"] = len(growing)
        for path in complete:
            _land_arrived(contract, path, result)
        for raw in lake.raw_files(contract.name):
            if not lake.is_settled(contract.name, raw.file_id, contract.version):
                _judge(contract, raw, result)
        if not lake.raw_files(contract.name):
            result.facts["note"] = f"no file matches {contract.path} in the inbox"
    return result


def land_all(progress: Callable[[StepResult], None] | None = None, system: str | None = None) -> list[StepResult]:
    """Land every declared table, or those of one system, as many at a time as there are cores.

    Much data of all systems are landed by processes, which do not share memory and its locks as threads do; one table at a
    time by this process, which starts at once, the others by helpers, which take two seconds to start.

    Raises:
        CdpError: the fault of the first table, by name, that could not be landed; the others were.
    """
    contracts = [c for c in load_contracts().values() if system in (None, c.source)]
    inbox = {contract.name: discover(contract) for contract in contracts}
    settled(path for paths in inbox.values() for path in paths)
    waiting_bytes = sum(
        size_of(path) for contract in contracts for path in _not_yet_kept(contract, inbox[contract.name])
    )
    by_process = system is None and waiting_bytes > PROCESSES_FROM_BYTES and settings().threads > 1
    with (
        ThreadPoolExecutor(settings().threads) as pool,
        _here_or_by_helpers() if by_process else nullcontext(land) as lands,
    ):
        # Large tables first, so that the last one does not run alone for long.
        largest_first = sorted(contracts, key=lambda c: (-sum(size_of(p) for p in inbox[c.name]), c.name))
        running = {pool.submit(lands, contract, inbox[contract.name]): contract.name for contract in largest_first}
        results: dict[str, StepResult] = {}
        faults: dict[str, BaseException] = {}
        for done in as_completed(running):
            if error := done.exception():
                early = CdpError("a process that lands tables ended early; run it again: what was landed stays")
                faults[running[done]] = early if isinstance(error, BrokenExecutor) else error
                continue
            results[running[done]] = done.result()
            if progress:
                progress(done.result())
    if faults:
        raise faults[min(faults)]
    return [results[contract.name] for contract in contracts]


def _not_yet_kept(contract: Contract, paths: list[Path]) -> list[Path]:
    """Return the arrived files that were not seen under their name and size."""
    known = {(raw.file, raw.bytes) for raw in lake.raw_files(contract.name)}
    return [p for p in paths if (p.relative_to(settings().inbox).as_posix(), size_of(p)) not in known]


@contextmanager
def _here_or_by_helpers() -> Iterator[Callable[[Contract, list[Path]], StepResult]]:
    """Give out what lands a table: in this process if it has none in hand, or else in a helper."""
    here = threading.Lock()
    spawned = multiprocessing.get_context("spawn")
    # One core, one thread of polars: more of them wait for work by spinning, a tenth of all time.
    with ProcessPoolExecutor(settings().threads - 1, spawned, os.putenv, ("POLARS_MAX_THREADS", "1")) as helpers:

        def lands(contract: Contract, waiting: list[Path]) -> StepResult:
            if not here.acquire(blocking=False):
                return helpers.submit(land, contract, waiting).result()
            try:
                return land(contract, waiting)
            finally:
                here.release()

        yield lands


def _land_arrived(contract: Contract, path: Path, result: StepResult) -> None:
    """Keep and judge what an arrived file holds; a file that holds nothing to keep is set aside with its sentence."""
    file = path.relative_to(settings().inbox).as_posix()
    try:
        for name, arrived in contents_of(path, file, contract):
            opened, dropped = without_secrets(arrived, name, contract)
            arrival = lake.arriving(contract.name, name, opened, dropped)
            if arrival.is_new:
                _judge(contract, arrival.raw, result, lake.kept_as_read(arrival))
    except RefusedFile as error:
        name_id = hashlib.sha256(file.encode()).hexdigest()[: lake.FILE_ID_DIGITS]
        at = now().isoformat(timespec="seconds")
        if not lake.is_settled(contract.name, name_id, contract.version):
            lake.write_refusal(lake.Refusal(contract.name, contract.version, name_id, file, at, str(error)))
        result.facts.setdefault("refused", []).append(str(error))


def _judge(contract: Contract, raw: lake.RawFile, result: StepResult, arriving: Iterator[bytes] | None = None) -> None:
    """Gate one file and count what became of its rows; a file that cannot be taken is kept, and set aside.

    Raises:
        RefusedFile: its bytes cannot be kept.
    """
    try:
        load = gate_file(raw, contract, arriving)
    except RefusedFile as error:
        _exhaust(arriving)
        if not lake.is_kept(contract.name, raw.sha256):
            raise
        lake.write_refusal(
            lake.Refusal(contract.name, contract.version, raw.file_id, raw.file, raw.arrived_at, str(error))
        )
        result.facts.setdefault("refused", []).append(str(error))
        return
    result.rows_in += load.rows_in
    result.rows_out += load.accepted
    for fact, rows in {"quarantined": load.quarantined, "dropped": load.dropped, "files": 1}.items():
        result.facts[fact] = result.facts.get(fact, 0) + rows


def _exhaust(arriving: Iterator[bytes] | None) -> None:
    """Read what nobody has read of an arriving file: then it is kept."""
    for _ in arriving or ():
        pass


def contents_of(path: Path, file: str, contract: Contract) -> Iterator[tuple[str, Opened]]:
    """Return what an arrived file holds for a table: itself, or the table's files inside an archive."""
    if path.is_dir():
        raise RefusedFile(f"{file}: is a directory, expected a file. Move its files to where the declaration looks.")
    try:
        size = path.stat().st_size
        is_archive = content.is_zip(path) and contract.format != "xlsx"
    except OSError as error:
        raise RefusedFile(
            f"{file}: cannot be read ({error.strerror}), expected a readable file. Check its rights."
        ) from None
    if not size:
        raise RefusedFile(f"{file}: is empty (0 bytes), expected a header and rows. Export it again.")
    if not is_archive:
        yield file, partial(_opened, path)
        return
    for member in content.members_of(path, contract.member, file):
        yield f"{file}/{member}", partial(content.opened_member, path, member, file)


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return path.open("rb")


def without_secrets(opened: Opened, file: str, contract: Contract) -> tuple[Opened, tuple[str, ...]]:
    """Take the columns out that are never kept, not even in the raw bytes."""
    if not contract.drop_at_landing:
        return opened, ()
    with opened() as stream:
        packed = io.BytesIO(stream.read())
    pieces = content.expanded(packed, packed.getbuffer().nbytes, file)
    text = b"".join(content.text_blocks(pieces, contract.encoding, file))
    content.check_utf8(text, file, 1)
    cut = delimited.without_columns if contract.format == "csv" else json_records.without_keys
    kept, dropped = cut(text.decode(), contract)
    data = kept.encode(content.CODECS[contract.encoding]) if dropped else packed.getvalue()
    return partial(io.BytesIO, data), dropped


def gate_file(raw: lake.RawFile, contract: Contract, arriving: Iterator[bytes] | None = None) -> lake.Load:
    """Judge a file and write its accepted and refused rows and, last, its account.

    Keeping, reading, judging and writing overlap; memory is bounded by some blocks of rows, whatever the size of the file.

    Args:
        raw: the file.
        contract: its table's declaration.
        arriving: the bytes of a file that is kept as they are read; without them they are read from the lake.

    Raises:
        RefusedFile: the file as a whole cannot be taken; nothing of it is written.
    """
    facts, decided = Facts(), lake.decisions(contract.name, raw.file_id)
    bronze = lake.parquet_path("bronze", contract.name, raw.file_id, contract.version)
    quarantine = lake.parquet_path("quarantine", contract.name, raw.file_id, contract.version)
    with (
        FileGate(contract, raw.file_id, raw.file, decided) as door,
        files.written_beside(bronze) as beside,
        files.written_beside(quarantine, keep_empty=False) as set_aside,
    ):
        accepted, refused = lake.ParquetRows(beside), lake.ParquetRows(set_aside)
        with Behind() as writer:
            for rows in ahead(_text_rows(raw, contract, facts, arriving)):
                judged = door.judge(rows)
                check_row_count(door.rows_in, contract, raw.file, is_whole=False)
                writer.do(_write, accepted, refused, judged.accepted, judged.quarantined)
            if not door.rows_in:
                writer.do(_write, accepted, refused, door.judge(text_rows({}, [], [], [], contract)).accepted, None)
        check_row_count(door.rows_in, contract, raw.file)
        accepted.close()
        _exhaust(arriving)
        fault("land.after_raw")
        again = door.repeated_lines(_keys_of(beside, contract))
        if again:
            accepted = _set_repeated_aside(beside, refused, again, door, raw, contract)
        refused.close()
        rows_in, dropped = door.rows_in + facts.dropped, door.dropped + facts.dropped
        account_holds(contract, rows_in, accepted.rows, refused.rows, dropped)
    fault("land.after_bronze")
    load = lake.Load(
        table=contract.name,
        version=contract.version,
        file_id=raw.file_id,
        file=raw.file,
        arrival=raw.arrival,
        arrived_at=raw.arrived_at,
        rows_in=rows_in,
        accepted=accepted.rows,
        quarantined=refused.rows,
        dropped=dropped,
        parquet_sha256=files.sha256_of(bronze),
        reasons=dict(sorted(door.reasons.items())),
        warnings=dict(sorted(door.warnings.items())),
        stops=dict(sorted(door.stops.items())),
        decisions=decided.digest,
        filled=dict(sorted(door.filled.items())),
        new_headers=facts.new_headers,
        missing_headers=facts.missing_headers,
    )
    lake.write_load(load)
    fault("land.after_account")
    return load


def judge_again(contract: Contract, file_ids: list[str]) -> list[lake.Load]:
    """Judge kept files again, after somebody decided about their refused rows."""
    with edge(contract.name):
        return [gate_file(raw, contract) for raw in lake.raw_files(contract.name) if raw.file_id in set(file_ids)]


def keys_in(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the key columns of accepted rows with their lines."""
    return rows.select(*dict.fromkeys([*contract.key, "_line"]))


def read_text_rows(opened: Opened, size: int, file: str, contract: Contract, facts: Facts) -> Iterator[pl.DataFrame]:
    """Read an export as the declaration says: blocks of text rows, groups of lines whole, declared mojibake undone."""
    with opened() as stream:
        pieces = content.expanded(stream, size, file, is_workbook=contract.format == "xlsx")
        blocks = READERS[contract.format](pieces, contract, file, facts)
        for block in _whole_groups(blocks, contract) if contract.fill_down else blocks:
            yield _repaired(block, contract)


def _text_rows(
    raw: lake.RawFile, contract: Contract, facts: Facts, arriving: Iterator[bytes] | None = None
) -> Iterator[pl.DataFrame]:
    opened = partial(_as_read, arriving) if arriving is not None else partial(lake.open_raw, raw)
    return read_text_rows(opened, raw.bytes, raw.file, contract, facts)


@contextmanager
def _as_read(arriving: Iterator[bytes]) -> Iterator[BinaryIO]:
    with closing(ahead(arriving)) as pieces:
        yield _Pieces(pieces)  # type: ignore[misc]


class _Pieces:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def _whole_groups(blocks: Iterator[pl.DataFrame], contract: Contract) -> Iterator[pl.DataFrame]:
    held: pl.DataFrame | None = None
    for found in blocks:
        block = found.drop(TRIMMED, strict=False)
        rows = block if held is None else pl.concat([held, block])
        at = last_group_starts(rows, contract)
        held = rows.slice(at)
        if at:
            yield rows.slice(0, at)
    if held is not None:
        yield held


def _write(accepted: lake.ParquetRows, refused: lake.ParquetRows, good: pl.DataFrame, bad: pl.DataFrame | None) -> None:
    accepted.write(good.to_arrow(compat_level=pl.CompatLevel.newest()))
    if bad is not None and bad.height:
        refused.write(bad.to_arrow(compat_level=pl.CompatLevel.newest()))


def _keys_of(path: Path, contract: Contract) -> Iterator[pl.DataFrame]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(batch_size=lake.ROW_GROUP, columns=[*contract.key, "_line"]):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame


def _set_repeated_aside(
    path: Path, refused: lake.ParquetRows, lines: list[int], door: FileGate, raw: lake.RawFile, contract: Contract
) -> lake.ParquetRows:
    """Write the accepted rows again without those whose key comes again later; set them aside as text, or drop them."""
    import pyarrow.parquet as pq

    with files.written_beside(path) as rest:
        kept = lake.ParquetRows(rest)
        with pq.ParquetFile(path) as source:
            for batch in source.iter_batches(batch_size=lake.ROW_GROUP):
                rows = pl.from_arrow(batch)
                assert isinstance(rows, pl.DataFrame)
                kept.write(rows.filter(~pl.col("_line").is_in(lines)).to_arrow(compat_level=pl.CompatLevel.newest()))
        kept.close()
    if contract.duplicates == "drop":
        door.dropped += len(lines)
        return kept
    wanted = pl.Series("_line", lines, dtype=pl.Int64).to_frame()
    for rows in _text_rows(raw, contract, Facts()):
        mine = rows.join(wanted, on="_line", how="semi")
        if mine.height:
            refused.write(door.refuse_repeated(mine).to_arrow(compat_level=pl.CompatLevel.newest()))
    return kept


def _repaired(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Undo declared mojibake (`MuÃ±oz`) in the columns that are known to have it; each broken text is mended once."""
    for column, declared in contract.columns.items():
        if declared.repair != "mojibake":
            continue
        broken = frame[column].filter(frame[column].str.contains("[ÃÂâ]").fill_null(False)).unique()
        if broken.len():
            mended = [ftfy.fix_encoding(text) for text in broken]
            frame = frame.with_columns(pl.col(column).replace(broken.to_list(), mended))
    return frame
