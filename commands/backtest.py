"""`cdp backtest`: what churn and value scores would have been worth on any table of orders."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

#: Files and pipes have no width of their own.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)


@click.command("backtest")
@click.option(
    "--orders", "path", required=True, type=click.Path(path_type=Path), help="CSV or Parquet, a row an order or a line."
)
@click.option("--customer", required=True, help="Column of the customer.")
@click.option("--time", required=True, help="Column of the moment.")
@click.option("--amount", required=True, help="Column of the amount, in one currency.")
@click.option(
    "--horizon-days",
    "horizons",
    multiple=True,
    type=click.IntRange(1),
    help="Days ahead; 30 and 60 by default. May be repeated.",
)
@click.option(
    "--value-days",
    default=90,
    show_default=True,
    type=click.IntRange(1),
    help="Days ahead that revenue is predicted for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(
    path: Path, customer: str, time: str, amount: str, horizons: tuple[int, ...], value_days: int, as_json: bool
) -> None:
    """Judge churn and value on the past of any table of orders, beside what needs no model.

    Trained on earlier days, tested on later ones a horizon apart. A score that loses to its baseline would not be published; the
    reason is printed.
    """
    from scoring.backtest_orders import backtest_orders

    found = backtest_orders(path, customer, time, amount, horizons or (30, 60), value_days)
    if as_json:
        click.echo(
            json.dumps(
                {**vars(found), "first_day": str(found.first_day), "last_day": str(found.last_day)},
                indent=1,
                default=str,
            )
        )
        return
    out.print(
        f"{found.orders:,} days with orders of {found.customers:,} customers, {found.first_day} to {found.last_day}"
    )
    for why, rows in found.left_out.items():
        out.print(f"left out: {rows:,} rows with {why}")
    table = Table("", "tested on", "customers", "lost", "AUC", "Brier", "lift of the top tenth", "")
    for entry in found.churn:
        if "model" not in entry:
            table.add_row(entry["score"], str(entry["tested_on"]), "", "", "", "", "", entry["reason"])
            continue
        for who in ("model", "recency"):
            q = entry[who]
            told = entry["reason"] or "published" if who == "model" else "baseline"
            table.add_row(
                entry["score"] if who == "model" else "  recency alone", str(entry["tested_on"]), f"{q['customers']:,.0f}", f"{q['base_rate']:.1%}",
                f"{q['auc']:.3f}", f"{q['brier']:.4f}", f"{q['lift_10pct']:.2f}", told,
            )  # fmt: skip
    out.print(table)
    table = Table("", "tested on", "customers", "Spearman", "total of actual", "revenue in the top tenth", "")
    for entry in found.value:
        if "model" not in entry:
            table.add_row(entry["score"], str(entry["tested_on"]), "", "", "", "", entry["reason"])
            continue
        for who in ("model", "run_rate"):
            q = entry[who]
            told = entry["reason"] or "published" if who == "model" else "baseline"
            table.add_row(
                entry["score"] if who == "model" else "  as so far", str(entry["tested_on"]), f"{entry['customers']:,}", f"{q['spearman']:.3f}",
                f"{q['total_of_actual']:.1%}", f"{q['revenue_in_top_10pct']:.1%}", told,
            )  # fmt: skip
        out.print(f"season: {entry['season']:.2f} ({entry['season_from']})")
    out.print(table)
