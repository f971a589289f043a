"""K-DEMAND: how much of each product will be asked for in the next weeks, with signals of marketing.

In: order lines, product views, stock by day. Out: units per product and week ahead. How: per product, exponential smoothing (AutoETS) and a
ridge regression on the signals known that far ahead (units, views and leads of four weeks before), by `statsforecast`, beside the plain
way: the mean of the last eight weeks. The method with the least WAPE (error over units) on three origins in the past is judged on two later
ones, and a forecast that is no better there than the plain way is null with the reason. Weeks in which a product was out of
stock say nothing about demand and are filled with the mean of the weeks around.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from scoring.registry import Artefact, champion, keep

SCORE = "demand"
CODE = "3"
WEEKS_AHEAD = 4
#: A method is chosen by the earlier origins and judged by the later ones.
CHOSEN_BY, JUDGED_BY = 3, 2
ORIGINS = CHOSEN_BY + JUDGED_BY
PLAIN_WEEKS = 8
#: Fewer whole weeks, or units in them, than this are no history.
LEAST_WEEKS, LEAST_UNITS = 26, 50
#: Products that are forecast: those that sold most in the last half year.
MOST_PRODUCTS = 300
METHODS = ("AutoETS", "Ridge")
#: Penalty of the squares of the weights of the regression, not of its mean.
RIDGE = 1.0


def weekly(con: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Return product_id, week (its Monday), units, views and leads of whole weeks up to a day, zero where nothing was sold.

    A week with a day out of stock has null units.
    """
    return con.execute(
        f"""
        WITH ends AS (SELECT date_trunc('week', DATE '{as_of}' + 1)::DATE AS until_week),
        lines AS (
            SELECT product_id, date_trunc('week', order_date)::DATE AS week, sum(quantity)::DOUBLE AS units
            FROM marts.order_lines, ends WHERE product_id IS NOT NULL AND order_date < until_week AND quantity > 0 GROUP BY 1, 2
        ),
        top AS (
            SELECT product_id FROM lines, ends WHERE week >= until_week - 182 GROUP BY 1
            QUALIFY row_number() OVER (ORDER BY sum(units) DESC, product_id) <= {MOST_PRODUCTS}
        ),
        firsts AS (SELECT product_id, min(week) AS first_week FROM lines SEMI JOIN top USING (product_id) GROUP BY 1),
        weeks AS (
            SELECT product_id, unnest(generate_series(first_week, until_week - 7, INTERVAL 7 DAY))::DATE AS week FROM firsts, ends
        ),
        views AS (
            SELECT p.product_id, date_trunc('week', occurred_at)::DATE AS week, count(*)::DOUBLE AS views
            FROM intermediate.int_web_events__unioned AS e INNER JOIN marts.products AS p ON e.sku = p.sku
            WHERE event_name = 'Product Viewed' GROUP BY 1, 2
        ),
        leads AS (SELECT date_trunc('week', created_at)::DATE AS week, count(*)::DOUBLE AS leads FROM marts.leads GROUP BY 1),
        gone AS (
            SELECT DISTINCT product_id, date_trunc('week', stock_date)::DATE AS week FROM marts.product_stock_daily WHERE stock_quantity <= 0
        )
        SELECT w.product_id, w.week, CASE WHEN gone.week IS NULL THEN coalesce(units, 0) END AS units, coalesce(views, 0) AS views,
            coalesce(leads, 0) AS leads
        FROM weeks AS w LEFT JOIN lines USING (product_id, week) LEFT JOIN views USING (product_id, week) LEFT JOIN leads USING (week)
        LEFT JOIN gone ON w.product_id = gone.product_id AND w.week = gone.week
        ORDER BY 1, 2
        """
    ).to_arrow_table()


def train_demand(con: duckdb.DuckDBPyConnection, as_of: date) -> Artefact:
    """Forecast each product by the method that did best on the origins before, and keep forecasts and errors."""
    known = weekly(con, as_of)
    last_week = known["week"].to_pylist()[-1] if known.num_rows else None
    made: Artefact = {
        "score": SCORE, "code": CODE, "as_of": as_of.isoformat(), "trained_on": as_of.isoformat(), "horizon_days": 7 * WEEKS_AHEAD,
        "plain": f"mean of {PLAIN_WEEKS} weeks", "version": "none", "model": None, "reason": "", "week": str(last_week),
    }  # fmt: skip
    series = _series(known)
    if not series:
        return {**made, "reason": f"no product sold {LEAST_UNITS} units in {LEAST_WEEKS} weeks"}
    past, future = _forecasts(series)
    products: dict[str, Any] = {}
    errors, plain_errors, units = 0.0, 0.0, 0.0
    for product, (actual, plain, foretold) in past.items():
        late = slice(0, JUDGED_BY * WEEKS_AHEAD)
        early = slice(JUDGED_BY * WEEKS_AHEAD, None)
        best = min(METHODS, key=lambda m: (_wape(foretold[m][early], actual[early]), m))
        sold = float(actual[late].sum())
        wape, plain_wape = _wape(foretold[best][late], actual[late]), _wape(plain[late], actual[late])
        reason = "" if wape < plain_wape else f"the mean of {PLAIN_WEEKS} weeks is as good"
        products[product] = {
            "method": best, "wape": round(wape, 4), "plain_wape": round(plain_wape, 4), "reason": reason,
            "units": [round(max(float(v), 0.0), 2) for v in future[product][best]],
        }  # fmt: skip
        errors += wape * sold
        plain_errors += plain_wape * sold
        units += sold
    return {
        **made, "model": products, "rows_trained": known.num_rows, "rows_tested": len(past) * JUDGED_BY * WEEKS_AHEAD,
        "tested_on": str(last_week), "version": hashlib.sha256(json.dumps(products, sort_keys=True).encode()).hexdigest()[:12],
        "quality": {"wape": round(errors / max(units, 1.0), 5)}, "baseline": {"wape": round(plain_errors / max(units, 1.0), 5)},
        "reason": "" if any(not p["reason"] for p in products.values()) else f"the mean of {PLAIN_WEEKS} weeks is as good for every product",
    }  # fmt: skip


def demand_now(con: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Return product_id, week, usual_units (the plain way), forecast_units (null when not published), method, wape, plain_wape, reason.

    Forecasts are of the last whole week: on a later day of the same week they are the same.
    """
    known = weekly(con, as_of)
    last_week = known["week"].to_pylist()[-1] if known.num_rows else None
    artefact = champion(SCORE)
    if not artefact or artefact["code"] != CODE or artefact["week"] != str(last_week):
        artefact = train_demand(con, as_of)
        keep(artefact, in_use=True)
    rows: list[dict[str, Any]] = []
    for product, (weeks, units, _) in _by_product(known).items():
        told = (artefact["model"] or {}).get(product) or {
            "reason": f"fewer than {LEAST_UNITS} units in {LEAST_WEEKS} weeks"
        }
        usual = float(np.nanmean(units[-PLAIN_WEEKS:])) if not np.isnan(units[-PLAIN_WEEKS:]).all() else 0.0
        for ahead in range(WEEKS_AHEAD):
            rows.append(
                {
                    "product_id": product,
                    "week": weeks[-1] + timedelta(days=7 * (ahead + 1)),
                    "usual_units": round(usual, 2),
                    "forecast_units": None if told["reason"] else told["units"][ahead],
                    "method": None if told["reason"] else told["method"],
                    "wape": told.get("wape"),
                    "plain_wape": told.get("plain_wape"),
                    "reason": told["reason"] or None,
                    "model_version": artefact["version"],
                }
            )
    shape = pa.schema(
        [("product_id", pa.string()), ("week", pa.date32())]
        + [(n, pa.float64()) for n in ("usual_units", "forecast_units")]
        + [
            ("method", pa.string()),
            ("wape", pa.float64()),
            ("plain_wape", pa.float64()),
            ("reason", pa.string()),
            ("model_version", pa.string()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=shape)


def _wape(foretold: Any, actual: Any) -> float:
    return float(np.abs(foretold - actual).sum() / max(actual.sum(), 1.0))


def _by_product(known: pa.Table) -> dict[str, tuple[list[date], Any, Any]]:
    found: dict[str, tuple[list[date], Any, Any]] = {}
    ids = np.asarray(known["product_id"].to_pylist(), dtype=object)
    weeks = known["week"].to_pylist()
    units = np.array([np.nan if u is None else u for u in known["units"].to_pylist()], dtype=np.float64)
    signals = np.column_stack([known["views"].to_numpy(), known["leads"].to_numpy()]) if len(ids) else np.zeros((0, 2))
    starts = [0, *(np.nonzero(ids[1:] != ids[:-1])[0] + 1), len(ids)] if len(ids) else [0]
    for a, b in itertools.pairwise(starts):
        found[str(ids[a])] = (weeks[a:b], units[a:b], signals[a:b])
    return found


def _series(known: pa.Table) -> dict[str, tuple[list[date], Any, Any]]:
    """Return the products with enough history, weeks without stock filled from those around."""
    found = {}
    for product, (weeks, units, signals) in _by_product(known).items():
        if len(units) < LEAST_WEEKS + ORIGINS * WEEKS_AHEAD or np.nansum(units[-LEAST_WEEKS:]) < LEAST_UNITS:
            continue
        at = np.arange(len(units))
        seen = ~np.isnan(units)
        found[product] = (weeks, np.interp(at, at[seen], units[seen]), signals)
    return found


def _forecasts(series: dict[str, tuple[list[date], Any, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return by product what came, the plain way and each method on the origins before, the latest first; and each method's weeks ahead."""
    past, future = {}, {}
    backs = range(0, WEEKS_AHEAD * (ORIGINS + 1), WEEKS_AHEAD)
    for product, (_, units, signals) in series.items():
        n = len(units)
        foretold = {"AutoETS": _by_smoothing(units, backs), "Ridge": _by_signals(units, signals, backs)}
        future[product] = {m: told[0] for m, told in foretold.items()}
        past[product] = (
            np.concatenate([units[n - back : n - back + WEEKS_AHEAD] for back in backs[1:]]),
            np.concatenate(
                [np.full(WEEKS_AHEAD, units[max(n - back - PLAIN_WEEKS, 0) : n - back].mean()) for back in backs[1:]]
            ),
            {m: np.maximum(np.concatenate([told[back] for back in backs[1:]]), 0) for m, told in foretold.items()},
        )
    return past, future


def _by_smoothing(units: Any, backs: range) -> dict[int, Any]:
    """Return the weeks ahead as told `back` weeks ago by exponential smoothing.

    It is fitted twice, on what was known at the first origin by which a method is chosen and at the first by which it is judged; from
    origin to origin its state moves on and its weights stay. So what is judged is what foretells the weeks ahead of now.
    """
    from statsforecast.models import AutoETS

    told, judged = {}, WEEKS_AHEAD * JUDGED_BY
    for fitted_at, until in ((max(backs), judged + WEEKS_AHEAD), (judged, 0)):
        fitted = AutoETS(season_length=1, model="ZZN").fit(units[: len(units) - fitted_at])
        for back in range(fitted_at, until - 1, -WEEKS_AHEAD):
            told[back] = np.asarray(fitted.forward(y=units[: len(units) - back], h=WEEKS_AHEAD)["mean"], np.float64)
    return told


def _by_signals(units: Any, signals: Any, backs: range) -> dict[int, Any]:
    """Return the weeks ahead as told `back` weeks ago by a ridge regression (Hoerl and Kennard 1970) on logarithms of what was known then.

    Each week is told from units, views and leads as many weeks before it as is told ahead.
    """
    known = np.log1p(np.vstack([np.zeros((WEEKS_AHEAD, 3)), np.column_stack([units, signals])]))
    told = {}
    for back in backs:
        end = len(units) - back
        x, y = known[:end], units[:end]
        mean = x.mean(axis=0)
        weights = np.linalg.solve((x - mean).T @ (x - mean) + RIDGE * np.eye(3), (x - mean).T @ (y - y.mean()))
        told[back] = (known[end : end + WEEKS_AHEAD] - mean) @ weights + y.mean()
    return told
