"""Commands about who is who: why records are one person, what people decided, how good it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table

from warehouse.settings import settings

if TYPE_CHECKING:
    import duckdb

out = Console(soft_wrap=True)


@contextmanager
def _working_file() -> Iterator[duckdb.DuckDBPyConnection]:
    from warehouse.duck import connect

    con = connect()
    try:
        yield con
    finally:
        con.close()


@click.command("evaluate")
@click.option(
    "--truth", type=click.Path(path_type=Path), default=None, help="Truth file; the sample company's by default."
)
@click.option("--labels", is_flag=True, help="Against what stewards judged instead: estimates with 95 % intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(truth: Path | None, labels: bool, as_json: bool) -> None:
    """Compare customers with the truth: precision, recall, F1 by pair, by record (B-cubed) and by cluster."""
    if labels:
        _evaluate_by_labels(as_json)
        return
    from identity.evaluate import evaluate as work

    with _working_file() as con:
        found = work(con, truth or settings().data / "truth" / "records.csv")
    if as_json:
        click.echo(json.dumps(found, indent=1, default=float))
        return
    table = Table(
        "", "precision", "recall", "F1", title=f"{found['customers']:,} customers for {found['people']:,} people"
    )
    for kind in ("pairwise", "b_cubed", "cluster"):
        table.add_row(kind, *(f"{found[kind][k]:.4f}" for k in ("precision", "recall", "f1")))
    out.print(table)
    out.print(f"largest cluster {found['largest_cluster']} records, largest true {found['largest_true']}")
    if families := found.get("families"):
        out.print(
            f"of {families['families']:,} families {families['falsely_joined']:,} have two people joined into one "
            f"({families['falsely_joined_pct']:.2f} %)"
        )
    if accounts := found.get("accounts"):
        out.print(
            f"{accounts['customers']:,} accounts for {accounts['people']:,} companies: pairwise precision {accounts['pairwise']['precision']:.4f}, "
            f"recall {accounts['pairwise']['recall']:.4f}, F1 {accounts['pairwise']['f1']:.4f}"
        )
    parts = Table("", "", "records", "joined with another person", "apart from their own", title="records in per cent")
    for kind in ("source", "names", "country"):
        for value, of_kind in found[f"by_{kind}"].items():
            shares = (f"{of_kind[share]:.2f}" for share in ("over_merged_pct", "under_merged_pct"))
            parts.add_row(kind, value, f"{of_kind['records']:,}", *shares)
    out.print(parts)


@click.command("explain")
@click.argument("record_l")
@click.argument("record_r")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@click.option(
    "--picture", type=click.Path(path_type=Path), default=None, help="Write the evidence as a chart (SVG) too."
)
def explain(record_l: str, record_r: str, language: str, picture: Path | None) -> None:
    """Say why two records are one person, or are not."""
    from identity.explain import explain_pair, waterfall_svg

    with _working_file() as con:
        lines = explain_pair(con, record_l, record_r, language)
    if picture:
        picture.write_text(waterfall_svg(lines, f"{record_l} / {record_r}"), encoding="utf-8")
    table = Table("comparison", "what was found", "bits", "")
    for line in lines:
        bar = ("[green]" if line["bits"] > 0 else "[red]") + "█" * min(round(abs(line["bits"])), 30) + "[/]"
        table.add_row(line["comparison"], line["level"], f"{line['bits']:+.1f}", bar)
    out.print(table)


@click.command("judge")
@click.argument("record_l")
@click.argument("record_r")
@click.argument("verdict", type=click.Choice(["same", "not-same"]))
@click.option("--author", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why.")
def judge(record_l: str, record_r: str, verdict: str, author: str, reason: str) -> None:
    """Decide that two records are the same person, or are not; it wins over all evidence from the next run on."""
    from identity.judgements import judge as work

    number = work(record_l, record_r, "same" if verdict == "same" else "not same", author, reason)
    out.print(f"judgement {number} is in force from the next `cdp link` on; `cdp unjudge {number}` takes it back")


@click.command("unjudge")
@click.argument("number", type=int)
@click.option("--author", required=True, help="Who takes it back.")
def unjudge(number: int, author: str) -> None:
    """Take a judgement back."""
    from identity.judgements import undo

    undo(number, author)
    out.print(f"judgement {number} is taken back")


@click.command("id")
@click.argument("customer_id")
@click.option("--as-of", type=click.DateTime(), default=None, help="At that moment (UTC) instead of now.")
def resolve_id(customer_id: str, as_of: datetime | None) -> None:
    """Say which customer an id stands for, now or at a moment."""
    from identity.customer_ids import resolve

    found = resolve(customer_id, as_of.replace(tzinfo=UTC) if as_of else None)
    out.print(found or "nobody: the id is retired")


def _evaluate_by_labels(as_json: bool) -> None:
    from identity.judgements import judgements
    from identity.review import sampled_quality

    with _working_file() as con:
        found = sampled_quality(con, judgements())
    if as_json:
        click.echo(json.dumps(found, indent=1, default=float))
        return
    table = Table("", "estimate", "95 % from", "to", title=f"{found['labels']:,} pairs judged by people")
    for figure in ("precision", "recall"):
        table.add_row(figure, *(f"{found[figure][k]:.4f}" for k in ("estimate", "low", "high")))
    out.print(table)


@click.command("review-queue")
@click.option("--limit", default=20, show_default=True, help="How many pairs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def review_queue(limit: int, as_json: bool) -> None:
    """Show the pairs that stewards should look at first; decide with `cdp judge`, ask why with `cdp explain`."""
    from warehouse.duck import rows

    with _working_file() as con:
        found = rows(
            con, "SELECT * FROM identity.review_queue ORDER BY priority DESC, record_l, record_r LIMIT ?", [limit]
        )
    if as_json:
        click.echo(json.dumps(found, indent=1, default=float))
        return
    records = (Column("record", overflow="fold"), Column("record", overflow="fold"))
    table = Table(*records, "bits", "now", "records", "value", "priority")
    for pair in found:
        now = "one person" if pair["is_same"] else "two people"
        table.add_row(
            pair["record_l"], pair["record_r"], f"{pair['match_weight']:+.1f}", now, f"{pair['records']:,}",
            f"{pair['value_usd']:,.2f}", f"{pair['priority']:.1f}",
        )  # fmt: skip
    out.print(table)


@click.command("how")
@click.argument("customer_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def how(customer_id: str, as_json: bool) -> None:
    """Say how a customer's records came to be one, and what would fall apart without which evidence."""
    from identity.explain import how_joined

    with _working_file() as con:
        found = how_joined(con, customer_id)
    if as_json:
        click.echo(json.dumps(found, indent=1, default=float))
        return
    for number, key in enumerate(found["records"], start=1):
        out.print(f"{number:>3}  {key}", highlight=False)
    table = Table("step", "joined", "with", "average bits", "by the pair", "bits", "kind")
    for number, join in enumerate(found["joins"], start=1):
        table.add_row(
            str(number), _numbers(join["part"]), _numbers(join["other"]), f"{join['average_bits']:+.1f}", _numbers(join["strongest"]),
            f"{join['strongest_bits']:+.1f}", join["kind"],
        )  # fmt: skip
    out.print(table)
    for bridge in found["bridges"]:
        parts = " | ".join(_numbers(part) for part in bridge["parts"])
        out.print(
            f"without {_numbers(bridge['pair'])} ({bridge['bits']:+.1f} bits) they would be: {parts}", highlight=False
        )
    if found["joins"] and not found["bridges"]:
        out.print("no single pair holds them together: without any one of them they stay one")


def _numbers(records: list[int]) -> str:
    return ", ".join(str(record) for record in records)


@click.command("health")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def health(as_json: bool) -> None:
    """Show the signs by which identities are taken or refused, today and thirty days ago."""
    import polars as pl

    from identity.health import history_path

    if not history_path().exists():
        out.print("no identities yet; run `cdp cluster` first")
        return
    history = pl.read_parquet(history_path())
    today = history.filter(pl.col("run_on") == pl.col("run_on").max())
    month = (
        history.filter(pl.col("run_on") <= history["run_on"].max() - pl.duration(days=30))
        if history.height
        else history
    )
    before = dict(month.sort("run_on").select("sign", "value").iter_rows())
    if as_json:
        click.echo(today.with_columns(pl.col("run_on").cast(pl.String)).write_json())
        return
    table = Table("sign", "value", "at least", "at most", "30 days ago", "")
    for _, sign, value, low, high in today.iter_rows():
        is_inside = (low is None or value >= low) and (high is None or value <= high)
        bounds = ["" if bound is None else f"{bound:g}" for bound in (low, high)]
        past = f"{before[sign]:g}" if sign in before else ""
        table.add_row(sign, f"{value:g}", *bounds, past, "[green]inside[/]" if is_inside else "[red]outside[/]")
    out.print(table)


COMMANDS = (evaluate, explain, judge, unjudge, resolve_id, review_queue, how, health)
