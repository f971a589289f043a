"""`cdp backtest`: what scores would have been worth on any table of orders, of invoices, or of labelled cases."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from warehouse.errors import CdpError

if TYPE_CHECKING:
    from scoring.backtest_orders import Backtest
    from scoring.backtest_tables import TableBacktest

#: Files and pipes have no width of their own.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)


@click.command("backtest")
@click.option(
    "--orders", type=click.Path(path_type=Path), help="CSV or Parquet, a row an order or a line: churn and value."
)
@click.option("--invoices", type=click.Path(path_type=Path), help="CSV or Parquet, a row an invoice: paying late.")
@click.option(
    "--labelled", type=click.Path(path_type=Path), help="CSV or Parquet, a row a case (a lead) with what came of it."
)
@click.option("--customer", help="Column of the customer (orders, invoices).")
@click.option("--time", help="Column of the moment (orders), or of when a case began (labelled; without it, folds).")
@click.option(
    "--amount",
    help="Column of the amount, in one currency (orders, invoices), or two that are multiplied: Quantity*UnitPrice.",
)
@click.option("--issued", help="Column of the day an invoice was issued.")
@click.option("--due", help="Column of the day an invoice falls due.")
@click.option("--settled", help="Column of the day an invoice was paid; empty when it is open.")
@click.option(
    "--label",
    help="Column of what happened: 1 and 0, yes and no (labelled); or COL=VALUE, the value that says that it did.",
)
@click.option("--leave-out", multiple=True, metavar="COLUMN", help="A column not to use (labelled). May be repeated.")
@click.option(
    "--keep", multiple=True, metavar="COLUMN", help="A column to use although it looks like a leak. May be repeated."
)
@click.option(
    "--horizon-days", "horizons", multiple=True, type=click.IntRange(0),
    help="Days ahead (orders; 30 60), or days past due (invoices; 0 30 60).",
)  # fmt: skip
@click.argument("more_horizons", nargs=-1, type=click.IntRange(0), metavar="[DAYS]...")
@click.option("--value-days", default=90, show_default=True, type=click.IntRange(1), help="Days ahead that revenue is predicted for.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(
    orders: Path | None, invoices: Path | None, labelled: Path | None, customer: str | None, time: str | None, amount: str | None,
    issued: str | None, due: str | None, settled: str | None, label: str | None, leave_out: tuple[str, ...], keep: tuple[str, ...],
    horizons: tuple[int, ...], more_horizons: tuple[int, ...], value_days: int, as_json: bool,
) -> None:  # fmt: skip
    """Judge scores on the past of any table, beside what needs no model.

    Trained on earlier rows, tested on later ones. A score that loses to its baseline, or has too few events, would not be published;
    the reason is printed. Columns that tell the outcome (labelled) are refused, with the reason.

    \b
    cdp backtest --orders FILE --customer COL --time COL --amount COL --horizon-days 30 60
    cdp backtest --invoices FILE --customer COL --issued COL --due COL --settled COL --amount COL
    cdp backtest --labelled FILE --label COL
    """
    days = (*horizons, *more_horizons)
    if sum(path is not None for path in (orders, invoices, labelled)) != 1:
        raise CdpError("name one table: --orders FILE, --invoices FILE or --labelled FILE")
    found: Backtest | TableBacktest
    if orders:
        from scoring.backtest_orders import backtest_orders

        who, when, much = _named(("--customer", customer), ("--time", time), ("--amount", amount))
        found = backtest_orders(orders, who, when, much, days or (30, 60), value_days)
        if not as_json:
            _say_orders(found)
    else:
        from scoring.backtest_tables import backtest_invoices, backtest_labelled

        if invoices:
            who, given, falls, paid, much = _named(
                ("--customer", customer), ("--issued", issued), ("--due", due), ("--settled", settled), ("--amount", amount)
            )  # fmt: skip
            found = backtest_invoices(invoices, who, given, falls, paid, much, days or (0, 30, 60))
        else:
            assert labelled is not None
            found = backtest_labelled(labelled, _named(("--label", label))[0], time, leave_out, keep)
        if not as_json:
            _say_table(found)
    if as_json:
        click.echo(json.dumps(vars(found), indent=1, default=str))


def _named(*options: tuple[str, str | None]) -> list[str]:
    missing = [option for option, value in options if not value]
    if missing:
        raise CdpError(f"say which column it is: {', '.join(missing)}")
    return [value for _, value in options if value]


def _say_orders(found: Backtest) -> None:
    out.print(
        f"{found.orders:,} days with orders of {found.customers:,} customers, {found.first_day} to {found.last_day}"
    )
    for why, rows in found.left_out.items():
        out.print(f"left out: {rows:,} rows with {why}")
    table = Table(
        "", "tested on", "customers", "lost", "AUC", "Brier", "lift of the top tenth", "calibration error", ""
    )
    for entry in found.churn:
        if "model" not in entry:
            table.add_row(entry["score"], str(entry["tested_on"]), "", "", "", "", "", "", entry["reason"])
            continue
        _add_rows(table, entry, "recency", "recency alone")
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


def _say_table(found: TableBacktest) -> None:
    out.print(f"{found.rows:,} rows; told by {', '.join(found.used) or 'nothing'}")
    for why, rows in found.left_out.items():
        out.print(f"left out: {rows:,} rows with {why}")
    for column, why in found.refused.items():
        out.print(f"refused: {column}: {why}", highlight=False)
    table = Table("", "tested on", "rows", "happened", "AUC", "Brier", "lift of the top tenth", "calibration error", "")
    for entry in found.judged:
        if "model" not in entry:
            table.add_row(
                entry["score"],
                str(entry["tested_on"]),
                f"{entry['rows_tested']:,}",
                f"{entry['events']:,}",
                "",
                "",
                "",
                "",
                entry["reason"],
            )
            continue
        _add_rows(table, entry, "baseline", f"{entry['baseline_is']} alone")
    out.print(table)


def _add_rows(table: Table, entry: dict[str, Any], baseline: str, baseline_called: str) -> None:
    """Add the row of a model, those of what needs none, and those of the kinds of model that it was not."""
    rivals = {"logistic": "logistic regression", "boosting": "boosting"}
    called = {
        "model": entry["score"],
        baseline: f"  {baseline_called}",
        **{who: f"  {kind}" for who, kind in rivals.items()},
    }
    for who, name in called.items():
        if who == {"logistic": "logistic", "boosted": "boosting"}.get(entry["kind"]):
            continue
        q: dict[str, Any] = entry[who]
        told = {"model": f"{entry['reason'] or 'published'} ({entry['kind']})", baseline: "baseline"}.get(
            who, "for comparison"
        )
        table.add_row(
            name, str(entry["tested_on"]), f"{q['customers']:,.0f}", f"{q['base_rate']:.1%}", f"{q['auc']:.3f}", f"{q['brier']:.4f}",
            f"{q['lift_10pct']:.2f}", f"{entry['calibration_error']:.3f}" if who == "model" else "", told,
        )  # fmt: skip
