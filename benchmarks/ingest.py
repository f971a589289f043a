"""`cdp bench ingest`: landing and gate against reading, casting and writing the same file with plain polars and plain DuckDB.

All run in one process, one after the other, several times; the ratio is of the medians. The rivals do what a script would do:
read with the declared types, write Parquet with zstandard. They keep no bytes, no account, no checksum and no refused rows.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warehouse.settings import ROOMS, child_environment, settings

ROUNDS = 5
EVENTS = 10_000_000

CSV_COLUMNS = {
    "order_id": {"required": True}, "customer_id": {"required": True}, "email": {"role": "email"}, "status": {}, "city": {},
    "total": {"type": "decimal"}, "discount": {"type": "decimal"}, "quantity": {"type": "integer"}, "ordered_on": {"type": "date"},
    "paid_at": {"type": "timestamp"}, "is_gift": {"type": "boolean"}, "note": {},
}  # fmt: skip


def run(rows: int = 1_000_000) -> dict[str, Any]:
    """Measure every format, the parallel landing of many sources, and ten million web events."""
    from benchmarks.rivals import csv_by_duckdb, csv_by_polars, jsonl_by_duckdb, jsonl_by_polars, parquet_by_polars

    found: dict[str, Any] = {"rows": rows, "rounds": ROUNDS, "formats": []}
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as name:
        folder = Path(name)
        files = write_files(folder / "inbox" / "bench", rows)
        warm_up(folder)
        plans: list[tuple[str, Path, dict[str, Any], dict[str, Callable[[Path, Path], None]], float | None]] = [
            ("csv", files["csv"], {"columns": CSV_COLUMNS}, {"polars": csv_by_polars, "duckdb": csv_by_duckdb}, 2.0),
            ("jsonl", files["jsonl"], {}, {"polars": jsonl_by_polars, "duckdb": jsonl_by_duckdb}, 2.5),
            (
                "csv.gz",
                files["csv.gz"],
                {"columns": CSV_COLUMNS},
                {"polars": csv_by_polars, "duckdb": csv_by_duckdb},
                None,
            ),
            ("csv, Spanish Windows-1252", files["cp1252"], {"columns": CSV_COLUMNS, **SPANISH}, {}, None),
            (
                "parquet",
                files["parquet"],
                {"columns": CSV_COLUMNS, "format": "parquet"},
                {"polars": parquet_by_polars},
                None,
            ),
        ]
        for label, path, declared, rivals, target in plans:
            found["formats"].append(_compared(folder, label, path, declared, rivals, target, rows))
            _say(found["formats"][-1])
    found["parallel"] = parallel()
    _say(found["parallel"])
    found["events"] = ten_million_events()
    _say(found["events"])
    return found


SPANISH = {
    "encoding": "windows-1252",
    "delimiter": ";",
    "decimal": ",",
    "dates": ["%d/%m/%Y"],
    "timestamps": ["%d/%m/%Y %H:%M:%S"],
}


def contract_of(declared: dict[str, Any], path: Path) -> Any:
    """Return the declaration that a file is landed by; web events are landed by the one that ships."""
    from quality.contract import Contract, load_contracts

    if path.suffixes[:1] == [".jsonl"]:
        return load_contracts()["segment_events"].model_copy(update={"path": f"bench/{path.name}"})
    base = {
        "source": "bench",
        "table": "orders",
        "description": "x",
        "path": f"bench/{path.name}",
        "grain": "one row per order",
        "key": ["order_id"],
    }
    return Contract.model_validate({**base, **declared})


def land_once(folder: Path, declared: dict[str, Any], path: Path) -> int:
    """Land one file into an empty lake and return the rows accepted."""
    import shutil

    from ingest.land import land

    shutil.rmtree(folder / "lake", ignore_errors=True)
    return int(land(contract_of(declared, path)).rows_out)


def warm_up(folder: Path) -> None:
    """Load the libraries before anything is timed."""
    os.environ["CDP_DATA"], os.environ["CDP_SETTLE_S"] = str(folder), "0"
    import pandas  # noqa: F401  (DuckDB loads it the first time it is handed a table)
    import pyarrow.dataset  # noqa: F401

    small = write_files(folder / "warm" / "bench", 2000)
    os.environ["CDP_INBOX"] = str(folder / "warm")
    land_once(folder, {"columns": CSV_COLUMNS}, small["csv"])
    land_once(folder, {}, small["jsonl"])
    os.environ["CDP_INBOX"] = str(folder / "inbox")


def _compared(
    folder: Path,
    label: str,
    path: Path,
    declared: dict[str, Any],
    rivals: dict[str, Callable[[Path, Path], None]],
    target: float | None,
    rows: int,
) -> dict[str, Any]:
    times: dict[str, list[float]] = {"clientela": [], **{name: [] for name in rivals}}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine hits all alike
        for name, rival in rivals.items():
            times[name].append(_timed(lambda rival=rival: rival(path, folder / "rival.parquet")))  # type: ignore[misc]
        accepted = 0

        def ours() -> None:
            nonlocal accepted
            accepted = land_once(folder, declared, path)

        times["clientela"].append(_timed(ours))
        assert accepted == rows, f"{label}: {accepted} of {rows} rows were accepted"
    medians = {name: round(statistics.median(values), 3) for name, values in times.items()}
    size = path.stat().st_size / 1e6
    best = min((s for name, s in medians.items() if name != "clientela"), default=None)
    return {
        "format": label, "mb": round(size, 1), "seconds": medians, "mb_per_s": round(size / medians["clientela"], 1),
        "rows_per_s": round(rows / medians["clientela"]), "ratio_to_fastest": round(medians["clientela"] / best, 2) if best else None, "target": target,  # noqa: E501
    }  # fmt: skip


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _say(found: dict[str, Any]) -> None:
    sys.stderr.write(json.dumps(found) + "\n")


def write_files(folder: Path, rows: int) -> dict[str, Path]:
    """Write the same orders as CSV in two dialects, packed, as Parquet, and as many web events as JSON lines."""
    import polars as pl

    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(3)
    cities = ["Ciudad de México", "Bogotá", "A Coruña", "Buenos Aires", "Santiago", "Guadalajara"]
    notes = ["", "Entregar por la tarde", "Sin empaque", "Regalo para mi mamá"]
    states = ["paid", "pending", "refunded"]
    lines, spanish = (
        ["order_id,customer_id,email,status,city,total,discount,quantity,ordered_on,paid_at,is_gift,note"],
        [],
    )
    spanish.append(lines[0].replace(",", ";"))
    for i in range(rows):
        total, discount = rng.randint(100, 999_999), rng.randint(0, 5000)
        day, minute = i % 28 + 1, i % 60
        a = (f"O{i:09d}", f"C{i % 99_991:07d}", f"user{i % 99_991}@mail{i % 50}.example", states[i % 3], cities[i % 6])
        b, c = (str(i % 7), f"2026-0{i % 9 + 1}-{day:02d}"), ("true" if i % 5 else "false", notes[i % 4])
        lines.append(
            ",".join(
                [
                    *a,
                    f"{total // 100}.{total % 100:02d}",
                    f"{discount // 100}.{discount % 100:02d}",
                    *b,
                    f"2026-0{i % 9 + 1}-{day:02d}T10:{minute:02d}:00Z",
                    *c,
                ]
            )
        )
        spanish.append(
            ";".join(
                [
                    *a,
                    f"{total // 100},{total % 100:02d}",
                    f"{discount // 100},{discount % 100:02d}",
                    b[0],
                    f"{day:02d}/0{i % 9 + 1}/2026",
                    f"{day:02d}/0{i % 9 + 1}/2026 10:{minute:02d}:00",
                    *c,
                ]
            )
        )
    text = "\n".join(lines) + "\n"
    found = {
        "csv": folder / "orders.csv",
        "cp1252": folder / "pedidos.csv",
        "csv.gz": folder / "orders.csv.gz",
        "parquet": folder / "orders.parquet",
        "jsonl": folder / "events.jsonl",
    }
    found["csv"].write_text(text, encoding="utf-8")
    found["cp1252"].write_text("\n".join(spanish) + "\n", encoding="cp1252")
    with gzip.open(found["csv.gz"], "wb", compresslevel=6) as packed:
        packed.write(text.encode())
    pl.read_csv(found["csv"], infer_schema=False).write_parquet(found["parquet"])
    write_events(found["jsonl"], rows)
    return found


def write_events(path: Path, rows: int) -> None:
    """Write web events as RudderStack delivers them; all different."""
    head = '{"type":"track","event":"Product Viewed","channel":"browser","context":{"page":{"path":"/p/HO-0012","url":"https://tienda.example/p/HO-0012","title":"Lámpara azul"},"campaign":{"source":"google","medium":"cpc","name":"marca"},"locale":"es-MX","timezone":"America/Mexico_City","userAgent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"}'  # noqa: E501
    with path.open("w", encoding="utf-8") as out:
        for start in range(0, rows, 100_000):
            out.write(
                "".join(
                    f'{head},"messageId":"m-{i:010d}","anonymousId":"a-{i % 700_001:07d}","userId":{"null" if i % 3 else chr(34) + f"u{i % 9999}" + chr(34)},'  # noqa: E501
                    f'"timestamp":"2026-0{i % 9 + 1}-1{i % 10}T10:{i % 60:02d}:{i % 59:02d}.000Z","receivedAt":"2026-0{i % 9 + 1}-1{i % 10}T10:{i % 60:02d}:{i % 59:02d}.400Z",'  # noqa: E501
                    f'"properties":{{"sku":"HO-{i % 120:04d}","price":{i % 9000 / 100},"currency":"MXN","quantity":1}}}}\n'
                    for i in range(start, min(start + 100_000, rows))
                )
            )


def parallel(people: int = 100_000) -> dict[str, Any]:
    """Land all sources of a sample company with one core, with all, and once for each core at the same time.

    Runs that have nothing to do with each other share memory and caches all the same: what they reach together is the most
    that can be had of the machine.
    """
    cores = settings().threads
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as name:
        subprocess.run(
            [sys.executable, "-m", "cdp", "generate", "--people", str(people), "--out", name],
            cwd=ROOMS,
            check=True,
            capture_output=True,
        )
        inbox = Path(name, "inbox")
        size = sum(p.stat().st_size for p in inbox.rglob("*") if p.is_file()) / 1e6
        one, many, apart = [], [], []
        for _ in range(3):
            one.append(max(_land_at_once(inbox, [0])))
            many.append(max(_land_at_once(inbox, [None])))
            apart.append(max(_land_at_once(inbox, list(range(cores)))))
    seconds = [statistics.median(values) for values in (one, many, apart)]
    return {
        "people": people, "mb": round(size, 1), "cores": cores,
        "seconds": dict(zip(("one_core", "all_cores", "a_run_on_each_core"), (round(s, 1) for s in seconds), strict=True)),
        "speed_up": round(seconds[0] / seconds[1], 2), "most_of_this_machine": round(cores * seconds[0] / seconds[2], 2),
    }  # fmt: skip


def _land_at_once(inbox: Path, runs: list[int | None]) -> list[float]:
    """Land all sources in as many processes as `runs` names cores, each on that core alone; None takes all cores."""
    code = "import time, pandas, pyarrow.dataset\nfrom ingest.land import land_all\nt = time.perf_counter()\nland_all()\nprint('SECONDS', time.perf_counter() - t)"  # noqa: E501
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as data:
        started = []
        for core in runs:
            threads = str(settings().threads if core is None else 1)
            environment = child_environment(
                CDP_DATA=f"{data}/{core}", CDP_INBOX=str(inbox), CDP_THREADS=threads, POLARS_MAX_THREADS=threads,
                CDP_SETTLE_S="0",
            )  # fmt: skip
            pin = [] if core is None else ["taskset", "-c", str(core)]
            command = [*pin, sys.executable, "-c", code]
            started.append(subprocess.Popen(command, env=environment, cwd=ROOMS, stdout=subprocess.PIPE, text=True))
        printed = [process.communicate()[0] for process in started]
    assert not any(process.returncode for process in started), "a run of the benchmark failed"
    return [float(text.split("SECONDS")[1]) for text in printed]


def ten_million_events(rows: int = EVENTS) -> dict[str, Any]:
    """Land ten million web events in a process of its own; seconds and peak memory."""
    code = (
        "import resource, time\nfrom ingest.land import land\nfrom quality.contract import load_contracts\n"
        "t = time.perf_counter()\nr = land(load_contracts()['segment_events'])\n"
        "print('RESULT', r.rows_out, time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as name:
        path = Path(name) / "inbox" / "segment" / "events_2026-10.jsonl"
        path.parent.mkdir(parents=True)
        write_events(path, rows)
        size = path.stat().st_size / 1e6
        environment = child_environment(CDP_DATA=name, CDP_INBOX=str(Path(name) / "inbox"), CDP_SETTLE_S="0")
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=ROOMS, capture_output=True, text=True, check=True
        )
        accepted, seconds, peak = done.stdout.split("RESULT")[1].split()
    assert int(accepted) == rows
    return {
        "rows": rows, "mb": round(size), "seconds": round(float(seconds), 1), "peak_mb": round(float(peak)), "rows_per_s": round(rows / float(seconds)),  # noqa: E501
        "target_seconds": 180, "target_peak_mb": 4000,
    }  # fmt: skip
