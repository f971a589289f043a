"""`cdp bench NAME`: run a benchmark, keep its figures with machine facts and versions, draw its chart.

Each step runs in a process of its own, so seconds and peak memory are the step's alone, dbt's child process included.
Figures are written to `benchmarks/results/<name>.json`, the chart beside it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.errors import CdpError
from warehouse.settings import ROOMS, child_environment

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("apache-airflow", "dbt-core", "dbt-duckdb", "duckdb", "polars", "splink", "great-expectations", "pyarrow")

#: Runs a step in a child and prints its counts, seconds and peak memory (its own and its children's) as one JSON line.
CHILD = """
import json, resource, sys, time
from commands import pipeline
started = time.perf_counter()
if sys.argv[1] == "generate":
    from pathlib import Path
    from data.generate import generate_company
    from warehouse.settings import settings
    made = generate_company(settings().data / "inbox", settings().data / "truth", int(sys.argv[2]))
    counts = {"rows_in": made.people, "rows_out": sum(made.rows.values())}
else:
    counts = pipeline.run_step(sys.argv[1])
seconds = time.perf_counter() - started
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print("RESULT " + json.dumps({"counts": counts, "seconds": seconds, "peak_mb": peak / 1024}, default=str))
"""


def machine_facts() -> dict[str, Any]:
    """Say what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "system": platform.system(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run_benchmark(name: str, sizes: tuple[int, ...] | None = None, data: Path | None = None) -> Path:
    """Run a benchmark by name and return the file with its figures; some can measure a finished company instead of making one.

    Raises:
        CdpError: there is no such benchmark, or a step failed.
    """
    from benchmarks import activation, identity, ingest, marts, portal

    known: dict[str, Callable[[], dict[str, Any]]] = {
        "first_light": lambda: first_light(sizes or (5_000, 100_000)),
        "ingest": ingest.run,
        "identity": identity.run,
        "activation": activation.run,
        "marts": lambda: marts.run(sizes or (100_000, 1_000_000)),
        "portal": lambda: portal.run(data, (sizes or (1_000_000,))[0]),
    }
    if name not in known:
        raise CdpError(f"no benchmark is called '{name}'; known: {', '.join(sorted(known))}")
    figures = known[name]()
    path = RESULTS / f"{name}.json"
    files.write_json(path, {"benchmark": name, "machine": machine_facts(), **figures})
    draw(path)
    return path


def first_light(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Seconds, peak memory and rows of every step of the pipeline, for companies of some sizes."""
    from commands.pipeline import STEPS

    runs = []
    for people in sizes:
        with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
            steps = []
            for step in ("generate", *STEPS):
                steps.append({"step": step, **_measured(step, people, Path(folder))})
                took = f"{steps[-1]['seconds']:>8.1f} s {steps[-1]['peak_mb']:>7.0f} MB"
                sys.stderr.write(f"{people:>9,} people  {step:<12} {took}\n")
            judged = subprocess.run(
                [sys.executable, "-m", "cdp", "evaluate", "--json"],
                env=child_environment(CDP_DATA=folder), cwd=ROOMS, capture_output=True, text=True, check=True,
            )  # fmt: skip
            runs.append({
                "people": people,
                "seconds": round(sum(s["seconds"] for s in steps if s["step"] != "generate"), 2),
                "peak_mb": max(s["peak_mb"] for s in steps),
                "identity": json.loads(judged.stdout),
                "steps": steps,
            })  # fmt: skip
    return {"runs": runs}


def _measured(step: str, people: int, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, step, str(people)],
        env=child_environment(CDP_DATA=str(folder)), cwd=ROOMS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not found:
        raise CdpError(f"step {step} failed at {people:,} people: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    result = json.loads(found[-1].removeprefix("RESULT "))
    return {
        "seconds": round(result["seconds"], 2),
        "peak_mb": round(result["peak_mb"]),
        "rows_in": result["counts"]["rows_in"],
        "rows_out": result["counts"]["rows_out"],
    }


def draw(path: Path) -> Path:
    """Draw seconds per step for each size, beside the figures."""
    import altair as alt

    figures = files.read_json(path)
    target = path.with_suffix(".svg")
    if "sample_second_build" in figures:
        return draw_builds(figures, target)
    if "second_plan" in figures:
        return draw_activation(figures, target)
    if "pages" in figures:
        return draw_pages(figures, target)
    if "formats" in figures:
        return draw_formats(figures, target)
    if "sets" in figures:
        return draw_sets(figures, target)
    rows = [
        {"step": s["step"], "people": f"{run['people']:,} people", "seconds": max(s["seconds"], 0.01), "order": i}
        for run in figures["runs"]
        for i, s in enumerate(run["steps"])
    ]
    chart = (
        alt.Chart.from_dict({"data": {"values": rows}, "mark": "bar", "title": "Seconds per step of the pipeline"})
        .encode(
            x=alt.X("seconds:Q", title="seconds (log)").scale(type="symlog"),
            y=alt.Y("step:N", sort=alt.EncodingSortField("order"), title=None),
            yOffset="people:N",
            color=alt.Color("people:N", title=None),
        )
        .properties(width=560)
    )
    chart.save(str(target))
    return target


def draw_formats(figures: dict[str, Any], target: Path) -> Path:
    """Draw the seconds of each format beside those of plain scripts."""
    import altair as alt

    rows = [
        {"format": f["format"], "who": who, "seconds": seconds, "order": i}
        for i, f in enumerate(figures["formats"])
        for who, seconds in f["seconds"].items()
    ]
    title = f"Landing and gate of {figures['rows']:,} rows beside plain read, cast, write"
    chart = (
        alt.Chart.from_dict({"data": {"values": rows}, "mark": "bar", "title": title})
        .encode(
            x=alt.X("seconds:Q", title="seconds (median)"),
            y=alt.Y("format:N", sort=alt.EncodingSortField("order"), title=None),
            yOffset="who:N",
            color=alt.Color("who:N", title=None),
        )
        .properties(width=560)
    )
    chart.save(str(target))
    return target


def draw_pages(figures: dict[str, Any], target: Path) -> Path:
    """Draw how long each page takes, in the middle and for one of twenty."""
    import altair as alt

    rows = [
        {"page": page, "of": of, "ms": took[key], "order": i}
        for i, (page, took) in enumerate(figures["pages"].items())
        for key, of in (("p50_ms", "half within"), ("p95_ms", "19 of 20 within"))
    ]
    title = f"Milliseconds per page, 20 people at once, {figures['customers']:,} customers (bar: {figures['bars']['page_p95_ms']} ms)"
    chart = (
        alt.Chart.from_dict({"data": {"values": rows}, "mark": "bar", "title": title})
        .encode(
            x=alt.X("ms:Q", title="milliseconds"),
            y=alt.Y("page:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(labelLimit=260)),
            yOffset="of:N",
            color=alt.Color("of:N", title=None),
        )
        .properties(width=560)
    )
    chart.save(str(target))
    return target


def draw_builds(figures: dict[str, Any], target: Path) -> Path:
    """Draw the slowest models of each size."""
    import altair as alt

    rows = [
        {"model": model, "customers": f"{run['customers']:,} customers", "seconds": seconds}
        for run in figures["runs"]
        for model, seconds in sorted(run["second_build"]["seconds_by_model"].items(), key=lambda m: -m[1])[:15]
    ]
    told = "; ".join(f"{r['customers']:,} customers {r['second_build']['seconds']:.0f} s" for r in figures["runs"])
    chart = (
        alt.Chart.from_dict({"data": {"values": rows}, "mark": "bar", "title": f"Slowest models of a build ({told})"})
        .encode(
            x=alt.X("seconds:Q", title="seconds"),
            y=alt.Y("model:N", sort="-x", title=None, axis=alt.Axis(labelLimit=260)),
            yOffset="customers:N",
            color=alt.Color("customers:N", title=None),
        )
        # Whoever looks at it may have wider letters than it was measured with.
        .properties(width=560, padding={"left": 30, "right": 40, "top": 5, "bottom": 5})
    )
    chart.save(str(target))
    return target


def draw_sets(figures: dict[str, Any], target: Path) -> Path:
    """Draw precision, recall and F1 of each labelled set, with a mark where the bar stands."""
    import altair as alt

    rows = [
        {"set": f["set"], "figure": kind, "value": f[kind], "bar": f["bar"], "order": i}
        for i, f in enumerate(figures["sets"])
        for kind in ("precision", "recall", "f1")
    ]
    base = alt.Chart.from_dict(
        {"data": {"values": rows}, "mark": "bar", "title": "Resolved by roles alone, same defaults for all"}
    )
    place = alt.Y("set:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(labelLimit=320))
    bars = base.encode(
        x=alt.X("value:Q", title="share; the mark is the F1 asked for").scale(domain=[0.5, 1], clamp=True),
        y=place, yOffset="figure:N", color=alt.Color("figure:N", title=None),
    )  # fmt: skip
    marks = base.mark_tick(thickness=3, color="black").encode(x="bar:Q", y=place)
    (bars + marks).properties(width=560).save(str(target))
    return target


def draw_activation(figures: dict[str, Any], target: Path) -> Path:
    """Draw seconds of what leaves, each beside its bar where there is one."""
    import altair as alt
    import polars as pl

    bars = figures["bars"]
    google, meta = figures["google_customer_match"], figures["meta_custom_audience"]
    rows = [
        ("rows and files, Google and Meta", figures["files"]["seconds"], bars["files_s"]),
        ("SHA-256 alone", figures["hash_alone"]["seconds"], None),
        ("first plan, Google", google["plan"]["seconds"], None), ("its files and journal", google["write"]["seconds"], None),
        ("first plan, Meta", meta["plan"]["seconds"], None), ("files and journal of Meta", meta["write"]["seconds"], None),
        ("plan of 2 % change", figures["second_plan"]["seconds"], bars["plan_s"]),
    ]  # fmt: skip
    data = pl.DataFrame(rows, schema=["what", "seconds", "bar"], orient="row")
    base = alt.Chart(data, title=f"{figures['members']:,} members on two cores").encode(
        y=alt.Y("what:N", sort=None, title=None)
    )
    drawn = base.mark_bar().encode(x=alt.X("seconds:Q", title="seconds")) + base.mark_tick(
        color="black", thickness=3
    ).encode(x="bar:Q")
    drawn.properties(width=460).save(target)
    return target
