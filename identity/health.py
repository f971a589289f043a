"""Whether identities are fit to publish: signs that need no labels, and a gate that keeps the previous ones.

In: `identity.clusters`, `identity.records`, the customers of the run before. Out: `identity.health`, one row per sign of the
present run with the bounds that it must keep; `state/identity/health.parquet`, the same for every day there was a run, so that
drift is a query. Signs after those that practitioners watch (people with more than three given names, several dates of birth);
change of a distribution is the population stability index, sum((p - q) ln(p / q)), where 0.1 is little and 0.25 much.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from identity.declared import HealthBounds, rules_in_force
from warehouse import lake
from warehouse.duck import has_table
from warehouse.errors import CdpError
from warehouse.settings import now, settings

#: Sizes of clusters are compared between runs in these classes, each from its number on.
SIZES = (1, 2, 3, 4, 6, 9, 13, 21)
SCHEMA = {"run_on": pl.Date, "sign": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}


class IdentitiesOutOfBounds(CdpError):
    """The people that were found are too unlike what people are, or unlike those of the run before."""


@dataclass(frozen=True)
class Sign:
    """A figure about the people found, and the bounds it must keep; None is no bound."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def is_inside(self) -> bool:
        """Tell whether the figure keeps its bounds."""
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


def check_health(
    con: duckdb.DuckDBPyConnection, before: Counter[int], kept_pct: float, accepted: str = ""
) -> list[Sign]:
    """Measure the present clusters, keep the figures, and refuse clusters outside of their bounds.

    Args:
        con: the working file.
        before: how many customers of the run before had so many records; empty in the first run.
        kept_pct: how many per cent of the records that were known stay with their customer.
        accepted: why a person lets these identities pass all the same.

    Raises:
        IdentitiesOutOfBounds: a sign is outside, and nobody accepted it.
    """
    present = _distributions(con)
    signs = [*_of_people(con), *_against_before(con, before, kept_pct, present)]
    outside = [sign for sign in signs if not sign.is_inside]
    _keep(con, signs)
    _keep_distributions(present)
    if outside and not accepted:
        told = "; ".join(f"{s.name} is {s.value:g}, allowed {_allowed(s)}" for s in outside)
        raise IdentitiesOutOfBounds(
            f"these identities are not taken: {told}. The previous ones stay. Look at `cdp health`; if it is right, run "
            "`cdp cluster --accept REASON`, or change the bounds in identity/person.yml"
        )
    return signs


def _allowed(sign: Sign) -> str:
    bounds = [
        f"at least {sign.low:g}" if sign.low is not None else "",
        f"at most {sign.high:g}" if sign.high is not None else "",
    ]
    return " and ".join(bound for bound in bounds if bound)


def _bounds() -> HealthBounds:
    bounds = rules_in_force().health
    if bounds is None:
        raise CdpError(f"{rules_in_force().entity}.yml declares no 'health:'; nothing is known of what is fit")
    return bounds


def _of_people(con: duckdb.DuckDBPyConnection) -> list[Sign]:
    bounds = _bounds()
    given, born, mailed, people, largest, records, doubtful, pairs = con.execute(
        """
        WITH sizes AS (SELECT cluster_key, count(*) AS records FROM identity.clusters GROUP BY 1),
        -- Who has fewer records than a sign takes cannot show it, and most people have one or two.
        dated AS (
            SELECT c.cluster_key FROM identity.clusters AS c JOIN identity.records AS r USING (record_key)
            WHERE r.birth_date IS NOT NULL GROUP BY 1 HAVING min(r.birth_date) < max(r.birth_date)
        ), large AS (
            SELECT c.cluster_key, count(DISTINCT r.given_first) FILTER (length(r.given_first) > 1) AS given_names,
                count(DISTINCT r.email_key) AS emails
            FROM identity.clusters AS c JOIN identity.records AS r USING (record_key)
            WHERE c.cluster_key IN (SELECT cluster_key FROM sizes WHERE records > 3) GROUP BY 1
        )
        SELECT 100 * (SELECT count(*) FROM large WHERE given_names > 3) / count(*), 100 * (SELECT count(*) FROM dated) / count(*),
            100 * (SELECT count(*) FROM large WHERE emails > 4) / count(*),
            count(*), max(records), sum(records),
            (SELECT coalesce(sum(doubtful_pairs), 0) FROM identity.cluster_quality),
            (SELECT coalesce(sum(records * (records - 1) // 2), 0) FROM identity.cluster_quality)
        FROM sizes
        """
    ).fetchall()[0]
    shares = {
        "more_than_three_given_names_pct": (given, bounds.more_than_three_given_names_pct),
        "several_birth_dates_pct": (born, bounds.several_birth_dates_pct),
        "more_than_four_emails_pct": (mailed, bounds.more_than_four_emails_pct),
        "doubtful_pairs_pct": (100 * doubtful / pairs if pairs else 0.0, bounds.doubtful_pairs_pct),
    }
    # Per cents of a handful of records say nothing.
    is_bound = (records or 0) >= bounds.compared_from_records
    return [
        Sign("people", float(people or 0)),
        Sign("largest_cluster_records", float(largest or 0), high=float(bounds.largest_cluster_records)),
        *(
            Sign(name, round(float(value or 0), 3), high=high if is_bound else None)
            for name, (value, high) in shares.items()
        ),
    ]


def _against_before(
    con: duckdb.DuckDBPyConnection, before: Counter[int], kept_pct: float, present: pl.DataFrame
) -> list[Sign]:
    bounds = _bounds()
    if sum(size * n for size, n in before.items()) < bounds.compared_from_records:
        return []
    counted = "SELECT n, count(*) FROM (SELECT count(*) AS n FROM identity.clusters GROUP BY cluster_key) GROUP BY 1"
    sizes = Counter(dict(con.execute(counted).fetchall()))
    change = 100 * (sizes.total() - before.total()) / before.total()
    return [
        Sign("kept_ids_pct", round(kept_pct, 3), low=bounds.kept_ids_pct),
        Sign("people_change_pct", round(change, 3), low=-bounds.people_change_pct, high=bounds.people_change_pct),
        Sign("cluster_sizes_psi", round(_stability(before, sizes), 4), high=bounds.cluster_sizes_psi),
        *_drift(present, {"match_weights": bounds.match_weights_psi, "blocks": bounds.blocks_psi}),
    ]


#: Match weights are compared between runs in classes of so many bits.
BITS_OF_A_CLASS = 4
DISTRIBUTIONS = {"run_on": pl.Date, "what": pl.String, "class": pl.String, "n": pl.Float64}


def distributions_path() -> Path:
    """Return where the distributions of all days stand: match weights of pairs, and pairs by blocking rule."""
    return settings().state / "identity" / "distributions.parquet"


def _distributions(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    today = now().date()
    weights = con.execute(
        f"SELECT (floor(match_weight / {BITS_OF_A_CLASS}) * {BITS_OF_A_CLASS})::INTEGER, count(*)::DOUBLE FROM identity.links GROUP BY 1 ORDER BY 1"
    ).fetchall()
    pairs: dict[str, int] = {}
    if has_table(con, "identity", "link_base"):
        pairs = json.loads(con.execute("SELECT block_pairs FROM identity.link_base").fetchall()[0][0])
    told = [(today, "match_weights", str(bits), n) for bits, n in weights]
    told += [(today, "blocks", rule, float(n)) for rule, n in sorted(pairs.items())]
    return pl.DataFrame(told, schema=DISTRIBUTIONS, orient="row")


def _drift(present: pl.DataFrame, bounds: dict[str, float]) -> list[Sign]:
    """Compare with the last day before today that there was a run."""
    path = distributions_path()
    earlier = pl.read_parquet(path).filter(pl.col("run_on") < now().date()) if path.exists() else present.clear()
    found = []
    for what, most in bounds.items():
        known = earlier.filter(what=what)
        last = known.filter(pl.col("run_on") == pl.col("run_on").max())
        if last.height and present.filter(what=what).height:
            both = present.filter(what=what).join(last, on="class", how="full", coalesce=True)
            p, q = (
                (both[column].fill_null(0) / both[column].sum()).clip(1e-4, 1.0).to_list()
                for column in ("n", "n_right")
            )
            psi = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
            found.append(Sign(f"{what}_psi", round(psi, 4), high=most))
    return found


def _keep_distributions(present: pl.DataFrame) -> None:
    path = distributions_path()
    if path.exists():
        present = pl.concat([pl.read_parquet(path).filter(pl.col("run_on") != now().date()), present])
    lake.write_parquet(path, present.to_arrow())


def _stability(before: Counter[int], after: Counter[int]) -> float:
    """Return the population stability index of two distributions of cluster sizes."""

    def shares(counted: Counter[int]) -> Iterable[float]:
        for low, high in zip(SIZES, [*SIZES[1:], math.inf], strict=True):
            yield max(sum(n for size, n in counted.items() if low <= size < high) / counted.total(), 1e-4)

    return sum((p - q) * math.log(p / q) for p, q in zip(shares(after), shares(before), strict=True))


def history_path() -> Path:
    """Return where the figures of all days stand."""
    return settings().state / "identity" / "health.parquet"


def _keep(con: duckdb.DuckDBPyConnection, signs: list[Sign]) -> None:
    today = now().date()
    present = pl.DataFrame([(today, s.name, s.value, s.low, s.high) for s in signs], schema=SCHEMA, orient="row")
    path = history_path()
    history = pl.read_parquet(path).filter(pl.col("run_on") != today) if path.exists() else pl.DataFrame(schema=SCHEMA)
    lake.write_parquet(path, pl.concat([history, present]).to_arrow())
    con.register("present_health", present.to_arrow())
    con.execute(
        "CREATE OR REPLACE TABLE identity.health AS SELECT run_on, sign, value, low, high, "
        "coalesce(value >= low, true) AND coalesce(value <= high, true) AS is_inside FROM present_health"
    )
    con.unregister("present_health")
