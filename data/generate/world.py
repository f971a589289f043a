"""What all systems write from: one company, seen whole."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from data.generate import facts
from data.generate.commerce import Order, Product
from data.generate.people import Person


@dataclass
class Truth:
    """What really is so, collected while the systems write; the pipeline never reads it."""

    records: list[tuple[str, str, str, str]] = field(default_factory=list)
    devices: list[tuple[str, str]] = field(default_factory=list)
    accounts: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Account:
    """A company that buys: its people, what it pays a year, and how it is going to end."""

    number: int
    name: str
    domain: str
    country: str
    industry: str
    employees: int
    people: tuple[Person, ...]
    arr_usd: int
    health: float
    since: date

    @property
    def crm_id(self) -> str:
        """Return Salesforce's id: 18 characters, case-safe."""
        return f"001Dn{self.number:010d}AAQ"


@dataclass
class World:
    """The company of one seed: everything the systems write from."""

    seed: int
    people: list[Person]
    orders: list[Order]
    catalogue: list[Product]
    accounts: list[Account]
    arms: dict[str, dict[str, str]]
    start: date
    until: date
    truth: Truth
    shop_ids: dict[str, str] = field(default_factory=dict)

    def rng(self, system: str) -> random.Random:
        """Return a stream of chance of a system's own, so that one system's change moves no other."""
        return random.Random(f"{self.seed}:{system}")

    def moment(self, rng: random.Random, first: date, last: date) -> datetime:
        """Draw a moment of working hours between two days."""
        day = first + timedelta(days=rng.randint(0, max((last - first).days, 0)))
        return datetime.combine(day, time(rng.randint(8, 20), rng.randint(0, 59), rng.randint(0, 59)))

    def note(self, table: str, record: str, person: Person) -> None:
        """Note which record is which person."""
        self.truth.records.append((table, record, person.person_id, person.household_id))


INDUSTRIES = ["Retail", "Logística", "Alimentos", "Construcción", "Salud", "Educación", "Turismo", "Software"]


def make_accounts(people: list[Person], rng: random.Random, until: date) -> list[Account]:
    """Draw the companies that some people work for; a tenth of the people are somebody's contact."""
    workers = [p for p in people if rng.random() < 0.10]
    accounts: list[Account] = []
    at = 0
    while at < len(workers):
        size = rng.choices([1, 2, 3, 5], [30, 35, 25, 10])[0]
        staff = tuple(workers[at : at + size])
        at += size
        stem = f"{staff[0].surname_1.split()[-1]} {rng.choice(['Hermanos', 'y Asociados', 'Servicios', 'Comercial', 'Grupo'])}"
        number = len(accounts) + 1
        accounts.append(
            Account(
                number=number,
                name=f"{stem} {facts.FORMS[staff[0].country]}",
                domain=f"empresa{number}.example",
                country=staff[0].country,
                industry=rng.choice(INDUSTRIES),
                employees=int(rng.lognormvariate(3.6, 1.1)) + len(staff),
                people=staff,
                arr_usd=int(rng.lognormvariate(8.6, 0.8)),
                health=rng.betavariate(3, 1.8),
                since=until - timedelta(days=rng.randint(40, 1100)),
            )
        )
    return accounts
