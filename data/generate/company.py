"""Draw the company and write its exports as each system would, with the truth in a folder of its own.

In: a number of people and a seed. Out: files below `inbox/`, one folder a system, and below `truth/` (which record is which
person, household, device and account; what people are like; what programmes really did). What stays true: the same numbers
give the same bytes; work grows linearly with people.
"""

from __future__ import annotations

import csv
import gc
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from data.generate.commerce import VIRAL, make_catalogue, make_orders
from data.generate.people import Person, make_people
from data.generate.programmes import PROGRAMMES, assign, window_of
from data.generate.systems import (
    ga4,
    hubspot,
    mailchimp,
    other_erps,
    reach,
    salesforce,
    sap,
    segment,
    service,
    shopify,
    woocommerce,
)
from data.generate.traits import Traits
from data.generate.world import Truth, World, make_accounts

MONTHS_OF_HISTORY = 30
DEFAULT_UNTIL = date(2026, 10, 31)


@dataclass(frozen=True)
class GeneratedCompany:
    """What was written: rows per file, and people."""

    people: int
    households: int
    rows: dict[str, int]


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
    # Millions of rows are made and none is a cycle: looking for cycles among them would be a fifth of the work.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _generated(out, truth_out, people, seed, until, progress)
    finally:
        if collects:
            gc.enable()


def _generated(
    out: Path, truth_out: Path, people: int, seed: int, until: date, progress: Callable[[str], None]
) -> GeneratedCompany:
    rng = random.Random(seed)
    start = until - timedelta(days=MONTHS_OF_HISTORY * 365 // 12)
    population = make_people(people, rng, start, until)
    for person in population:
        _choose_systems(person, rng)
    progress("people")
    catalogue = make_catalogue(rng)
    arms = assign(population, until, seed)
    orders = make_orders(population, catalogue, rng, start, until, arms)
    progress("orders")
    accounts = make_accounts(population, random.Random(f"{seed}:accounts"), until)
    world = World(seed, population, orders, catalogue, accounts, arms, start, until, Truth())
    rows: dict[str, int] = {}
    for part, write in _SYSTEMS:
        rows |= write(out, world)
        progress(part)
    _write_truth(truth_out, world)
    return GeneratedCompany(len(population), len({p.household_id for p in population}), rows)


def _sap(out: Path, w: World) -> dict[str, int]:
    return sap.write(out / "sap", w.people, w.orders, w.catalogue, w.rng("sap"), w.truth, w.until)


def _shop(out: Path, w: World) -> dict[str, int]:
    w.shop_ids, rows = shopify.write(out / "shopify", w.people, w.orders, w.rng("shopify"), w.truth)
    return rows | shopify.write_abandoned(out / "shopify", w)


def _crm(out: Path, w: World) -> dict[str, int]:
    rows = hubspot.write(out / "hubspot", w.people, w.rng("hubspot"), w.truth, w.until)
    return rows | hubspot.write_companies(out / "hubspot", w) | salesforce.write(out / "salesforce", w)


def _mail(out: Path, w: World) -> dict[str, int]:
    return mailchimp.write(out / "mailchimp", w) | reach.write_sendgrid(out / "sendgrid", w)


#: The systems in the order in which they are written; the web needs the shop's ids.
_SYSTEMS: list[tuple[str, Callable[[Path, World], dict[str, int]]]] = [
    ("sap", _sap),
    ("other ERPs", lambda out, w: other_erps.write_odoo(out / "odoo", w) | other_erps.write_business_central(out / "bc", w)),
    ("CRM", _crm),
    ("shop", _shop),
    ("second shop", lambda out, w: woocommerce.write(out / "woocommerce", out / "klaviyo", w)),
    ("e-mail", _mail),
    ("web", lambda out, w: segment.write(out / "segment", w) | ga4.write(out / "ga4", w)),
    ("calls", lambda out, w: service.write_calls(out / "twilio", out / "genesys", w)),
    ("care", lambda out, w: service.write_care(out / "zendesk", out / "gainsight", w)),
    ("surveys", lambda out, w: service.write_surveys(out / "typeform", out / "delighted", out / "employees", w)),
    ("ads", lambda out, w: reach.write_ads(out / "googleads", out / "meta", w)),
    ("consent", lambda out, w: reach.write_social(out / "social", w) | reach.write_consent(out / "consent", w) | reach.write_loyalty(out / "loyalty", w)),
]  # fmt: skip
#: How often :func:`generate_company` tells its progress.
PARTS = 2 + len(_SYSTEMS)


def _write_truth(folder: Path, w: World) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def table(name: str, header: list[str], rows: Iterable[Iterable[object]]) -> None:
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)

    table("records", ["table", "record_id", "person_id", "household_id"], w.truth.records)
    table("devices", ["anonymous_id", "person_id"], w.truth.devices)
    table("accounts", ["table", "record_id", "account_id"], w.truth.accounts)
    table("traits", ["person_id", *Traits.names(), "active_from", "active_to"],
          ([p.person_id, *p.traits.cells(), p.since, p.until] for p in w.people))  # fmt: skip
    table("treatments", ["programme", "person_id", "arm"],
          ([key, person, arm] for key, arms in w.arms.items() for person, arm in sorted(arms.items())))  # fmt: skip
    table("effects", ["programme", "name", "channel", "first_day", "last_day", "orders_per_treated_person", "budget_usd"],
          ([p.key, p.name, p.channel, *window_of(p, w.until), p.effect, p.budget_usd] for p in PROGRAMMES))  # fmt: skip
    viral, days_before, lasts, _ = VIRAL
    table("products", ["sku", "is_viral", "viral_from", "viral_to"],
          ([p.sku, p.number == viral, w.until - timedelta(days=days_before), w.until - timedelta(days=days_before - lasts)] for p in w.catalogue))  # fmt: skip


def _choose_systems(person: Person, rng: random.Random) -> None:
    for system, share in (
        ("sap", 0.62),
        ("hubspot", 0.55),
        ("shopify", 0.50),
        ("mailchimp", 0.52),
        ("salesforce", 0.16),
    ):
        if rng.random() < share:
            person.systems.add(system)
    own = {"AR": ("odoo", 0.5), "US": ("bc", 0.5), "CO": ("woocommerce", 0.45)}.get(person.country)
    if own and rng.random() < own[1]:
        person.systems.add(own[0])
    if not person.systems:
        person.systems.add(rng.choice(["sap", "hubspot", "shopify", "mailchimp"]))
