"""Late payment on any table of invoices, and any labelled table (leads, say), judged with the same models as the published scores.

In: a CSV or Parquet file. Out: how a model trained on earlier rows does on later ones, beside what needs no model; the columns that leak
the outcome are refused with the reason. Where a table has no time, folds take the place of time, and the report says that this is no test
in time.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

from scoring.any_file import amount_of, column_of, day_of, product_of, reader_of
from scoring.backtest import beats, calibration_error, quality
from scoring.chances import fit_chances, folds_of, kind_of
from scoring.late_payment import late_recipe
from scoring.logistic import Columns, Vector, fit_logistic
from scoring.recipes import MIN_EVENTS, reliability, train
from warehouse.duck import connect, count, name, quoted
from warehouse.errors import CdpError, edge
from warehouse.readable import made_readable

FOLDS = 5
#: Of rows in time, this share is learnt from and the rest is judged.
TRAINED_SHARE = 0.7
#: A column of more distinct texts than this share of the rows names rows, it does not describe them.
MOST_LEVELS_SHARE = 0.5
#: A column of texts of which so many are numbers is one of numbers.
MOSTLY = 0.95
#: A label of more values than this is not quoted.
MOST_VALUES = 10
INVOICES = "invoices_to_test"


@dataclass
class TableBacktest:
    """What was read, what was refused and why, and what came of it."""

    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    judged: list[dict[str, Any]] = field(default_factory=list)


def backtest_invoices(
    path: Path,
    customer: str,
    issued: str,
    due: str,
    settled: str,
    amount: str,
    late_days: tuple[int, ...] = (0, 30, 60),
) -> TableBacktest:
    """Read a table of invoices and judge the chance of paying later than so many days after they are due.

    Args:
        path: CSV or Parquet; rows without a customer, a day of issue or of falling due, and credits, are left out and counted.
        customer: column of the customer.
        issued: column of the day of issue.
        due: column of the day it falls due.
        settled: column of the day it was paid; empty when it is open.
        amount: column of the amount, in one currency.
        late_days: days past due that still count as in time.

    Raises:
        CdpError: the file or a column is not there, or it holds no invoices.
    """
    con = connect(":memory:")
    try:
        with edge("backtest"), made_readable(path) as readable:
            source = reader_of(readable, as_text=True)
            for column in (customer, issued, due, settled):
                column_of(con, path, source, column)
            days = {
                what: day_of(con, source, column)
                for what, column in (("issued", issued), ("due", due), ("settled", settled))
            }
            con.execute(
                f"CREATE TEMP TABLE written AS SELECT {name(customer)}::VARCHAR AS customer_id, {days['issued']} AS invoiced_date, "
                f"{days['due']} AS due_date, {days['settled']} AS paid_date, "
                f"({product_of(con, path, source, amount)})::DECIMAL(18, 4) AS amount FROM {source}"
            )
            bad = (
                "CASE WHEN customer_id IS NULL OR customer_id = '' THEN 'no customer' WHEN invoiced_date IS NULL THEN 'no day of issue' "
                "WHEN due_date IS NULL THEN 'no day of falling due' WHEN amount IS NULL THEN 'no amount that can be read' "
                "WHEN amount <= 0 THEN 'a credit or nothing' END"
            )
            found = TableBacktest(
                left_out=dict(
                    con.execute(
                        f"SELECT {bad} AS why, count(*) FROM written WHERE why IS NOT NULL GROUP BY 1 ORDER BY 1"
                    ).fetchall()
                )
            )
            con.execute(
                f"CREATE TEMP TABLE {INVOICES} AS SELECT "
                "row_number() OVER (ORDER BY invoiced_date, customer_id, due_date, amount, paid_date) AS invoice_id, * "
                f"FROM written WHERE {bad} IS NULL"
            )
            found.rows = count(con, INVOICES)
            if not found.rows:
                raise CdpError(
                    f"{path.name} holds no invoices: {', '.join(f'{n:,} rows with {why}' for why, n in found.left_out.items()) or 'no rows'}"
                )
            last: date = con.execute(f"SELECT greatest(max(invoiced_date), max(paid_date)) FROM {INVOICES}").fetchall()[
                0
            ][0]
            for late in late_days:
                # The last day that is known; one more, so that what was paid on it counts.
                made = train(late_recipe(late, INVOICES, "invoices"), con, last + timedelta(days=1))
                found.judged.append(_told(f"paid more than {late} days late" if late else "paid late", made))
            found.used = list(late_recipe(0).numbers)
    finally:
        con.close()
    return found


def _told(score: str, made: dict[str, Any]) -> dict[str, Any]:
    told = {
        "score": score,
        "tested_on": made["tested_on"],
        "rows_tested": made["rows_tested"],
        "events": made["events_tested"],
        "reason": made["reason"],
    }
    if made["model"]:
        told |= {"model": made["quality"], "kind": kind_of(made["model"]), "baseline": made["baseline"], "logistic": made["logistic"],
                 "boosting": made["boosting"], "calibration_error": made["calibration_error"], "reliability": made["reliability"],
                 "baseline_is": made["plain"]}  # fmt: skip
    return told


def backtest_labelled(
    path: Path, label: str, time: str | None = None, leave_out: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> TableBacktest:
    """Read a labelled table and judge the chance of its label, refusing columns that tell the outcome.

    Args:
        path: CSV or Parquet, one row per case.
        label: column of what happened: 1 and 0, true and false, yes and no, sí and no; or `column=value`, the value that says that it did.
        time: column of when the case began: the last 30 % are judged by. Without it, five folds.
        leave_out: columns not to use.
        keep: columns to use although they look like leaks.

    Raises:
        CdpError: the file or a column is not there, or the label has other values than two.
    """
    con = connect(":memory:")
    try:
        with edge("backtest"), made_readable(path) as readable:
            source = reader_of(readable)
            for column in (*([time] if time else []), *leave_out, *keep):
                column_of(con, path, source, column)
            return _labelled(con, source, path, label, time, leave_out, keep)
    finally:
        con.close()


def _labelled(
    con: duckdb.DuckDBPyConnection,
    source: str,
    path: Path,
    label: str,
    time: str | None,
    leave_out: tuple[str, ...],
    keep: tuple[str, ...],
) -> TableBacktest:
    label, happened = _happened(con, source, path, label)
    con.execute(
        f"CREATE TEMP TABLE cases AS SELECT *, {happened} AS happened__ FROM {source} {f'ORDER BY {name(time)}' if time else ''}"
    )
    found = TableBacktest(rows=count(con, "cases"))
    unread = count(con, "cases WHERE happened__ IS NULL")
    if unread:
        found.left_out["a label that can be read as neither"] = unread
    kinds = {
        row[0]: row[1]
        for row in con.execute("DESCRIBE cases").fetchall()
        if row[0] not in (label, time, "happened__", *leave_out)
    }
    columns, numbers, levels = _columns(con, kinds, found)
    y = np.asarray(
        con.execute("SELECT happened__ FROM cases WHERE happened__ IS NOT NULL").fetchnumpy()["happened__"],
        dtype=np.float64,
    )
    _refuse_leaks(columns, numbers, levels, y, keep, found)
    numbers, levels = [c for c in numbers if c not in found.refused], [c for c in levels if c not in found.refused]
    found.used = [*numbers, *levels]
    told: dict[str, Any] = {
        "score": label,
        "rows_tested": len(y),
        "events": int(y.sum()),
        "tested_on": "later rows" if time else "five folds: no test in time",
    }
    if min(y.sum(), len(y) - y.sum()) < MIN_EVENTS:
        found.judged.append(
            {
                **told,
                "reason": f"not enough events to judge by: {int(min(y.sum(), len(y) - y.sum()))} (at least {MIN_EVENTS} are needed)",
            }
        )
        return found
    if not found.used:
        found.judged.append({**told, "reason": "no column is left to tell from"})
        return found
    found.judged.append({**told, **_judgement(columns, numbers, levels, y, bool(time))})
    return found


def _happened(con: duckdb.DuckDBPyConnection, source: str, path: Path, label: str) -> tuple[str, str]:
    """Return the column of a label, and the SQL of 1 where it says that it happened, 0 where not, null where neither.

    `column=value` names the value that says so; every other one says that it did not.
    """
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    column, is_named, value = (label, "", "") if label in columns else label.partition("=")
    column_of(con, path, source, column)
    said = f"lower(trim({name(column)}::VARCHAR))"
    yes, no = ("'1', '1.0', 'true', 'yes', 'y', 'si', 'sí', 't'", "'0', '0.0', 'false', 'no', 'n', 'f'")
    happened = f"CASE WHEN {said} IN ({yes}) THEN 1.0 WHEN {said} IN ({no}) THEN 0.0 END"
    if is_named:
        happened = f"CASE WHEN {said} = '{quoted(value.strip().lower())}' THEN 1.0 WHEN {said} <> '' THEN 0.0 END"
    known = con.execute(f"SELECT count({happened}), count(DISTINCT {happened}) FROM {source}").fetchall()[0]
    if is_named and known[1] < len(("yes", "no")):
        raise CdpError(
            f"{path.name}: no row, or every row, has '{value}' as '{column}'; {_values(con, source, column)}"
        )
    if not known[0]:
        raise CdpError(
            f"{path.name}: no value of '{column}' says that it happened or not; allowed are 1 and 0, true and false, yes and no, sí and no, "
            f'or --label "{column}=VALUE" names the one that says so; {_values(con, source, column)}'
        )
    return column, happened


def _values(con: duckdb.DuckDBPyConnection, source: str, column: str) -> str:
    """Say what a label is; a column of many values may hold what is somebody's own, so those are counted."""
    found = con.execute(
        f"SELECT trim({name(column)}::VARCHAR) AS said, count(*) FROM {source} WHERE said <> '' GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    if len(found) > MOST_VALUES:
        return f"it has {len(found):,} values"
    return "it has " + (", ".join(f"'{value}' ({n:,})" for value, n in found) or "no value")


def _columns(
    con: duckdb.DuckDBPyConnection, kinds: dict[str, str], found: TableBacktest
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return columns by name as arrays, and which are numbers and which levels; those that name rows are refused."""
    columns: dict[str, Any] = {}
    numbers: list[str] = []
    levels: list[str] = []
    for column, kind in kinds.items():
        distinct, known, rows = con.execute(
            f"SELECT count(DISTINCT {name(column)}), count({name(column)}), count(*) FROM cases"
        ).fetchall()[0]
        is_number = kind.split("(")[0] in (
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "FLOAT",
            "DOUBLE",
            "DECIMAL",
            "UBIGINT",
            "UINTEGER",
        )
        written = amount_of(con, "cases", column) if kind == "VARCHAR" and _holds_numbers(con, column) else None
        is_number = is_number or written is not None
        if distinct == 0 or (distinct == 1 and known == rows):
            found.refused[column] = "it has one value only"
            continue
        if (distinct > MOST_LEVELS_SHARE * max(known, 1) and not is_number) or (
            distinct == rows and kind in ("BIGINT", "INTEGER", "HUGEINT")
        ):
            found.refused[column] = "it names the rows"
            continue
        what = f"({written or name(column)})::DOUBLE" if is_number else f"{name(column)}::VARCHAR"
        values = np.ma.asarray(
            con.execute(f"SELECT {what} AS v FROM cases WHERE happened__ IS NOT NULL").fetchnumpy()["v"]
        )
        columns[column] = (
            values.filled(np.nan).astype(np.float64) if is_number else np.asarray(values.filled(None), dtype=object)
        )
        (numbers if is_number else levels).append(column)
    return columns, numbers, levels


def _holds_numbers(con: duckdb.DuckDBPyConnection, column: str) -> bool:
    """Tell whether a column of texts holds numbers: a blank or a word among thousands makes texts of all of them."""
    text = f"trim({name(column)})"
    numbers, filled = con.execute(
        f"SELECT count(*) FILTER (regexp_matches({text}, '^[^0-9A-Za-z]*[0-9][0-9.,]*[^0-9A-Za-z]*$')), count(*) FILTER ({text} <> '') FROM cases"
    ).fetchall()[0]
    return bool(numbers >= MOSTLY * filled > 0)


@cache
def _leaks() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "leaks.yml").read_text(encoding="utf-8"))
    return found


def _refuse_leaks(
    columns: Columns, numbers: list[str], levels: list[str], y: Vector, keep: tuple[str, ...], found: TableBacktest
) -> None:
    """Refuse columns that are named, filled or valued like outcomes, with the reason."""
    declared, folds = _leaks(), folds_of(columns, (*numbers, *levels), FOLDS)
    for column in (*numbers, *levels):
        if column in keep:
            continue
        named = next((p for p in declared["patterns"] if re.search(p["match"], column.lower())), None)
        if named:
            found.refused[column] = f"by its name: {named['reason']}"
            continue
        missing = np.array([v is None or v != v for v in columns[column]], dtype=np.float64)  # noqa: PLR0124
        if 0 < missing.mean() < 1:
            alone = quality(missing, y).auc
            if max(alone, 1 - alone) > declared["most_auc_filled"]:
                found.refused[column] = (
                    f"whether it is filled tells the outcome (AUC {max(alone, 1 - alone):.2f}): it is filled in after it"
                )
                continue
        alone = quality(
            _plain(columns, *_one(column, numbers), y, [(folds != n, folds == n) for n in range(FOLDS)]), y
        ).auc
        if alone > declared["most_auc_alone"]:
            found.refused[column] = (
                f"it tells the outcome by itself (AUC {alone:.2f}), as what is filled in after it does; --keep it if it was known before"
            )


def _judgement(columns: Columns, numbers: list[str], levels: list[str], y: Vector, is_in_time: bool) -> dict[str, Any]:
    """Return how the chosen model does, beside both kinds of model and the best single column."""
    folds, later = folds_of(columns, (*numbers, *levels), FOLDS), np.arange(len(y)) >= int(TRAINED_SHARE * len(y))
    parts = [(~later, later)] if is_in_time else [(folds != n, folds == n) for n in range(FOLDS)]
    chances, kind = _chosen(columns, numbers, levels, y, parts)
    judged = ~np.isnan(chances["model"])
    singles = {c: _plain(columns, *_one(c, numbers), y, parts)[judged] for c in (*numbers, *levels)}
    # The plain way knows which column is best: the harder baseline.
    best = max(singles, key=lambda c: quality(singles[c], y[judged]).auc)
    told = {who: c[judged] for who, c in chances.items()} | {"baseline": singles[best]}
    found = {who: quality(c, y[judged]) for who, c in told.items()}
    return {
        "rows_tested": int(judged.sum()), "events": int(y[judged].sum()), **{who: q.as_dict() for who, q in found.items()},
        "baseline_is": best, "kind": kind, "calibration_error": round(calibration_error(told["model"], y[judged]), 5),
        "reliability": reliability(told["model"], y[judged]),
        "reason": "" if beats(found["model"], found["baseline"]) else f"{best} alone is as good",
    }  # fmt: skip


def _one(column: str, numbers: list[str]) -> tuple[list[str], list[str]]:
    return ([column], []) if column in numbers else ([], [column])


def _plain(columns: Columns, numbers: list[str], levels: list[str], y: Vector, parts: list[tuple[Any, Any]]) -> Vector:
    """Return chances by logistic regression of the rows that each part is judged on; rows are told apart by who learns from whom."""
    chances = np.full(len(y), np.nan)
    for learnt, asked in parts:
        fitted = fit_logistic(_rows(columns, numbers, levels, learnt), y[learnt], numbers, levels)
        chances[asked] = fitted.chances(_rows(columns, numbers, levels, asked))
    return chances


def _chosen(
    columns: Columns, numbers: list[str], levels: list[str], y: Vector, parts: list[tuple[Any, Any]]
) -> tuple[dict[str, Vector], str]:
    """Return chances of the chosen model, of logistic regression and of boosting, and which kinds were chosen how often."""
    chances = {who: np.full(len(y), np.nan) for who in ("model", "logistic", "boosting")}
    kinds: Counter[str] = Counter()
    for learnt, asked in parts:
        fitted = fit_chances(_rows(columns, numbers, levels, learnt), y[learnt], numbers, levels)
        rows = _rows(columns, numbers, levels, asked)
        for who, model in (("model", fitted.model), ("logistic", fitted.plain), ("boosting", fitted.boosted)):
            chances[who][asked] = model.chances(rows)
        kinds[kind_of(fitted.model.as_dict())] += 1
    return chances, ", ".join(
        kind if len(kinds) == 1 else f"{kind} in {n} of {len(parts)} folds" for kind, n in kinds.most_common()
    )


def _rows(columns: Columns, numbers: list[str], levels: list[str], which: Any) -> Columns:
    return {c: columns[c][which] for c in (*numbers, *levels)}
