"""Many records of made-up people, with what exports do to them: fields that lack, typing errors, households.

Names are drawn by their frequency in Spain's register; nobody in it is real. Linear in the number of records: ten million too.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from identity.normalise.names import given_frequencies, surname_frequencies
from identity.standardise import ROLES

RECORDS_PER_PERSON = 2.2
MAIL_HOSTS = ("gmail.com", "hotmail.com", "outlook.es", "yahoo.com.mx", "correo.example")


def records_of_people(records: int, seed: int = 11) -> pl.DataFrame:
    """Return so many records, one text column per role, and whose they are in `person_id`."""
    chance = np.random.default_rng(seed)
    people = int(records / RECORDS_PER_PERSON)
    person = _people(people, chance)
    who = np.sort(chance.integers(0, people, records))
    rows = person[who].with_columns(pl.Series("person_id", who))
    rows = _with_errors(rows, chance)
    number = pl.int_range(pl.len()).cast(pl.String)
    source = pl.Series("source", chance.choice(["erp", "crm", "shop", "mail"], records))
    return rows.with_columns(source, number.alias("record_id")).select(
        (pl.col("source") + "_people:" + pl.col("record_id")).alias("record_key"), "source",
        (pl.col("source") + "_people").alias("source_table"), "record_id", pl.lit("MX").alias("default_country"),
        *[pl.col(role) if role in rows.columns else pl.lit(None, dtype=pl.String).alias(role) for role in ROLES], "person_id",
    )  # fmt: skip


def _people(people: int, chance: np.random.Generator) -> pl.DataFrame:
    given, surnames = (_drawn(f, people * 2, chance) for f in (given_frequencies(), surname_frequencies()))
    first, second = given[:people], np.where(chance.random(people) < 0.35, " " + given[people:].astype(object), "")
    days = chance.integers(0, 365 * 60, people)
    city = chance.zipf(1.4, people) % 400
    handle = pl.Series(first).str.slice(0, 6) + "." + pl.Series(surnames[:people])
    return pl.DataFrame({
        "given_name": first.astype(object) + second, "family_name": surnames[:people].astype(object) + " " + surnames[people:].astype(object),
        "email": handle + pl.Series(chance.integers(1, 3000, people)).cast(pl.String) + "@" + pl.Series(chance.choice(MAIL_HOSTS, people)),
        "phone": "55" + pl.Series(chance.integers(10_000_000, 99_999_999, people)).cast(pl.String),
        "birth_date": (pl.Series(days) + (-5000)).cast(pl.Date).cast(pl.String),
        "street": "Calle " + pl.Series(surnames[chance.integers(0, 3000, people)]) + " " + pl.Series(chance.integers(1, 300, people)).cast(pl.String),
        "city": "Ciudad " + pl.Series(city).cast(pl.String),
        "postcode": pl.Series(10_000 + city * 20 + chance.integers(0, 20, people)).cast(pl.String),
        "country": ["MX"] * people,
    }, strict=False)  # fmt: skip


def _drawn(frequencies: dict[str, int], count: int, chance: np.random.Generator) -> np.ndarray:
    words = np.array([w for w in frequencies if len(w) > 2])
    weights = np.array([frequencies[w] for w in words], dtype=float)
    return words[chance.choice(len(words), count, p=weights / weights.sum())]


def _with_errors(rows: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Leave fields out, and write some of them wrong."""
    lacking = {"email": 0.4, "phone": 0.4, "birth_date": 0.5, "street": 0.45, "city": 0.25, "postcode": 0.35}
    slips = pl.Series(chance.random(rows.height))
    kept = [
        pl.when(pl.Series(chance.random(rows.height) >= share)).then(pl.col(column)).alias(column)
        for column, share in lacking.items()
    ]
    family = pl.col("family_name")
    return rows.with_columns(
        *kept,
        pl.when(slips < 0.03).then(family.str.slice(0, 2) + family.str.slice(3))
        .when(slips < 0.15).then(family.str.split(" ").list.first()).otherwise(family).alias("family_name"),
        pl.when(slips > 0.97).then(pl.col("given_name").str.slice(0, 1) + ".")
        .when(slips > 0.85).then(pl.col("given_name").str.split(" ").list.first()).otherwise(pl.col("given_name")).alias("given_name"),
    )  # fmt: skip
