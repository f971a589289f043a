"""Draw the company and write its exports as each system would, with the truth in a folder of its own.

In: a number of people and a seed. Out: files below `inbox/` (sap, hubspot, shopify, segment, mailchimp) and below
`truth/` (which record is which person, household and device). What stays true: the same numbers give the same bytes;
work grows linearly with people.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from data.generate.commerce import make_catalogue, make_orders
from data.generate.people import make_people
from data.generate.systems import hubspot, mailchimp, sap, segment, shopify

MONTHS_OF_HISTORY = 30
DEFAULT_UNTIL = date(2026, 10, 31)


@dataclass(frozen=True)
class GeneratedCompany:
    """What was written: rows per file, and people."""

    people: int
    households: int
    rows: dict[str, int]


@dataclass
class Truth:
    """Which record is which person, collected while the systems write."""

    records: list[tuple[str, str, str, str]]
    devices: list[tuple[str, str]]


def generate_company(
    out: Path,
    truth_out: Path,
    people: int = 5000,
    seed: int = 7,
    until: date = DEFAULT_UNTIL,
    progress: Callable[[str], None] = lambda _: None,
) -> GeneratedCompany:
    """Write the exports of a company with so many customers.

    Args:
        out: the inbox; one folder a system is made in it.
        truth_out: folder of `records.csv` and `devices.csv`, which the pipeline never reads.
        people: how many people; some are in several systems, some in one.
        seed: the same seed gives the same bytes.
        until: last day of the exports; orders cover 30 months before it.
        progress: told the name of each part when it is done.
    """
    rng = random.Random(seed)
    start = until - timedelta(days=MONTHS_OF_HISTORY * 365 // 12)
    population = make_people(people, rng, start, until)
    for person in population:
        _choose_systems(person.systems, rng)
    progress("people")
    catalogue = make_catalogue(rng)
    orders = make_orders(population, catalogue, rng, start, until)
    progress("orders")
    truth = Truth([], [])
    rows: dict[str, int] = {}
    rows |= sap.write(out / "sap", population, orders, catalogue, rng, truth, until)
    progress("sap")
    rows |= hubspot.write(out / "hubspot", population, rng, truth, until)
    progress("hubspot")
    shop_ids, shop_rows = shopify.write(out / "shopify", population, orders, rng, truth)
    rows |= shop_rows
    progress("shopify")
    rows |= mailchimp.write(out / "mailchimp", population, rng, truth, until)
    progress("mailchimp")
    rows |= segment.write(out / "segment", population, shop_ids, orders, catalogue, rng, truth, until)
    progress("segment")
    truth_out.mkdir(parents=True, exist_ok=True)
    with (truth_out / "records.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["table", "record_id", "person_id", "household_id"])
        writer.writerows(truth.records)
    with (truth_out / "devices.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["anonymous_id", "person_id"])
        writer.writerows(truth.devices)
    return GeneratedCompany(len(population), len({p.household_id for p in population}), rows)


def _choose_systems(systems: set[str], rng: random.Random) -> None:
    for system, share in (("sap", 0.62), ("hubspot", 0.55), ("shopify", 0.50), ("mailchimp", 0.52)):
        if rng.random() < share:
            systems.add(system)
    if not systems:
        systems.add(rng.choice(["sap", "hubspot", "shopify", "mailchimp"]))
