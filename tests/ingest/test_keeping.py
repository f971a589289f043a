"""New files are kept as they are read; many are landed by processes."""

from __future__ import annotations

import io
from functools import partial

import pytest

import ingest.land
from ingest.land import land_all
from quality.contract import load_contracts
from warehouse import lake
from warehouse.errors import RefusedFile


def opened(path):
    return path.open("rb")


def test_a_file_that_changes_between_its_checksum_and_its_reading_is_not_kept(workspace):
    path = workspace / "inbox" / "a.csv"
    path.write_bytes(b"a,b\n1,2\n")
    arrival = lake.arriving("t", "a.csv", partial(opened, path))
    path.write_bytes(b"a,b\n1,3\n")
    with pytest.raises(RefusedFile, match="was changed while it was read"):
        list(lake.kept_as_read(arrival))
    assert lake.raw_files("t") == []
    assert not list(lake.zone("raw", "t").glob("*"))
    again = lake.arriving("t", "a.csv", partial(opened, path))
    assert b"".join(lake.kept_as_read(again)) == path.read_bytes() == lake.read_raw(again.raw)


def test_bytes_that_have_no_stamp_are_hashed_again(workspace):
    texts = iter([b"one", b"two"])
    arrival = lake.arriving("t", "a.zip/a.csv", lambda: io.BytesIO(next(texts)))
    with pytest.raises(RefusedFile, match="was changed while it was read"):
        list(lake.kept_as_read(arrival))


def test_processes_land_what_threads_land(company, workspace, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("CDP_INBOX", str(company / "inbox"))
    found = []
    for most in (10**12, 0):
        monkeypatch.setattr(ingest.land, "PROCESSES_FROM_BYTES", most)
        monkeypatch.setenv("CDP_DATA", str(tmp_path_factory.mktemp("landed")))
        told = [(r.step, r.rows_in, r.rows_out, r.facts) for r in land_all()]
        accounts = {name: lake.loads(name) for name in load_contracts()}
        found.append((told, accounts))
    assert found[0] == found[1]
    assert sum(rows for _, rows, _, _ in found[0][0]) > 10_000
