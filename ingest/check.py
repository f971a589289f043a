"""Say what landing a file would do, and change nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ingest.land import contents_of, keys_in, read_text_rows, without_secrets
from ingest.readers.rows import Facts, check_row_count
from quality.contract import Contract
from quality.gate import DUPLICATE, FileGate
from warehouse.errors import RefusedFile
from warehouse.lake import Opened


@dataclass
class Trial:
    """What would become of one file, or of one file inside an archive."""

    file: str
    refused: str = ""
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    dropped: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    stops: dict[str, int] = field(default_factory=dict)
    new_headers: tuple[str, ...] = ()
    missing_headers: tuple[str, ...] = ()


def check_file(contract: Contract, path: Path) -> list[Trial]:
    """Judge a file without keeping anything; an archive gives a trial for each of the table's files in it."""
    try:
        inside = list(contents_of(path, path.name, contract))
    except RefusedFile as error:
        return [Trial(path.name, refused=str(error))]
    return [_trial(contract, path, name, opened) for name, opened in inside]


def _trial(contract: Contract, path: Path, file: str, opened: Opened) -> Trial:
    facts, trial = Facts(), Trial(file)
    try:
        kept, _ = without_secrets(opened, file, contract)
        keys = []
        with FileGate(contract, "check", file) as door:
            for rows in read_text_rows(kept, path.stat().st_size, file, contract, facts):
                judged = door.judge(rows)
                trial.accepted += judged.accepted.height
                trial.quarantined += judged.quarantined.height
                keys.append(keys_in(judged.accepted, contract))
            check_row_count(door.rows_in, contract, file)
            again = len(door.repeated_lines(keys))
    except RefusedFile as error:
        return Trial(file, refused=str(error))
    trial.accepted -= again
    if contract.duplicates == "drop":
        door.dropped += again
    elif again:
        trial.quarantined += again
        door.reasons[DUPLICATE] += again
    trial.rows_in, trial.dropped = door.rows_in + facts.dropped, door.dropped + facts.dropped
    trial.reasons, trial.warnings, trial.stops = dict(door.reasons), dict(door.warnings), dict(door.stops)
    trial.new_headers, trial.missing_headers = facts.new_headers, facts.missing_headers
    return trial
