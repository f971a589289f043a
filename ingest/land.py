"""Exports in: keep the bytes, read them as text, gate the rows, account for all of them.

In: files below the inbox that a contract's path names. Out: `lake/raw`, `lake/bronze`, `lake/quarantine`, and for whole
files that cannot be taken `lake/refused`. What stays true: the same bytes add nothing, whatever their name; a changed
declaration gates again from raw; one file's fault never stops another.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
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
from warehouse.errors import RefusedFile, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

#: Opens the bytes of a file, once for each use.
Opened = Callable[[], AbstractContextManager[BinaryIO]]

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
        refused = _keep_new_files(contract, complete)
        if growing:
            result.facts["still_arriving"] = len(growing)
        for raw in lake.raw_files(contract.name):
            if lake.is_settled(contract.name, raw.file_id, contract.version):
                continue
            try:
                load = gate_file(raw, contract)
            except RefusedFile as error:
                lake.write_refusal(
                    lake.Refusal(contract.name, contract.version, raw.file_id, raw.file, raw.arrived_at, str(error))
                )
                refused.append(str(error))
                continue
            result.rows_in += load.rows_in
            result.rows_out += load.accepted
            result.facts["quarantined"] = result.facts.get("quarantined", 0) + load.quarantined
            result.facts["dropped"] = result.facts.get("dropped", 0) + load.dropped
            result.facts["files"] = result.facts.get("files", 0) + 1
        if refused:
            result.facts["refused"] = refused
        if not lake.raw_files(contract.name):
            result.facts["note"] = f"no file matches {contract.path} in the inbox"
    return result


def land_all(progress: Callable[[StepResult], None] | None = None, system: str | None = None) -> list[StepResult]:
    """Land every declared table, or those of one system, as many at a time as there are cores.

    Raises:
        CdpError: the fault of the first table, by name, that could not be landed; the others were.
    """
    contracts = [c for c in load_contracts().values() if system in (None, c.source)]
    inbox = {contract.name: discover(contract) for contract in contracts}
    settled(path for paths in inbox.values() for path in paths)
    with ThreadPoolExecutor(max_workers=settings().threads) as pool:
        # Large tables first, so that the last one does not run alone for long.
        largest_first = sorted(contracts, key=lambda c: (-sum(size_of(p) for p in inbox[c.name]), c.name))
        running = {pool.submit(land, contract, inbox[contract.name]): contract.name for contract in largest_first}
        results: dict[str, StepResult] = {}
        faults: dict[str, BaseException] = {}
        for done in as_completed(running):
            if error := done.exception():
                faults[running[done]] = error
                continue
            results[running[done]] = done.result()
            if progress:
                progress(done.result())
    if faults:
        raise faults[min(faults)]
    return [results[contract.name] for contract in contracts]


def _keep_new_files(contract: Contract, paths: list[Path]) -> list[str]:
    """Keep the bytes of every arrived file; return the sentences of those that hold nothing to keep."""
    refused = []
    for path in paths:
        file = path.relative_to(settings().inbox).as_posix()
        try:
            for name, arrived in contents_of(path, file, contract):
                opened, dropped = without_secrets(arrived, name, contract)
                lake.keep_raw(contract.name, name, opened, dropped)
                fault("land.after_raw")
        except RefusedFile as error:
            name_id = hashlib.sha256(file.encode()).hexdigest()[: lake.FILE_ID_DIGITS]
            at = now().isoformat(timespec="seconds")
            if not lake.is_settled(contract.name, name_id, contract.version):
                lake.write_refusal(lake.Refusal(contract.name, contract.version, name_id, file, at, str(error)))
            refused.append(str(error))
    return refused


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


def gate_file(raw: lake.RawFile, contract: Contract) -> lake.Load:
    """Judge a kept file and write its accepted and refused rows and, last, its account.

    Reading, judging and writing overlap; memory is bounded by some blocks of rows, whatever the size of the file.

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
            for rows in ahead(_text_rows(raw, contract, facts)):
                judged = door.judge(rows)
                check_row_count(door.rows_in, contract, raw.file, is_whole=False)
                writer.do(_write, accepted, refused, judged.accepted, judged.quarantined)
            if not door.rows_in:
                writer.do(_write, accepted, refused, door.judge(text_rows({}, [], [], [], contract)).accepted, None)
        check_row_count(door.rows_in, contract, raw.file)
        accepted.close()
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


def _text_rows(raw: lake.RawFile, contract: Contract, facts: Facts) -> Iterator[pl.DataFrame]:
    return read_text_rows(partial(lake.open_raw, raw), raw.bytes, raw.file, contract, facts)


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
