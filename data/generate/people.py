"""The people of the sample company: who they are, where they live, with whom they share a home, phone or mailbox."""

from __future__ import annotations

import math
import random
import sqlite3
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from stdnum.ar import cuit
from stdnum.cl import rut
from stdnum.co import nit
from stdnum.es import dni
from stdnum.mx import rfc

from data.generate import facts
from data.generate.traits import Traits, draw_traits


@dataclass
class Address:
    """A home. `line` is as its owner would write it."""

    kind: str
    street: str
    number: str
    unit: str
    colony: str
    postcode: str
    city: str
    region: str
    country: str


@dataclass
class Person:
    """One person, as the truth knows them."""

    person_id: str
    household_id: str
    country: str
    sex: str
    given: str
    surname_1: str
    surname_2: str
    birth_date: date
    email: str
    other_email: str
    phone: str
    tax_id: str
    address: Address
    old_address: Address | None
    shares_mailbox: bool = False
    role_email: str = ""
    rate_per_year: float = 0.0
    since: date = date(2024, 1, 1)
    until: date = date(2026, 10, 31)
    systems: set[str] = field(default_factory=set)
    traits: Traits = field(default_factory=Traits)


def handle_of(person: Person) -> str:
    """Return what a person is called on social networks."""
    given, surname = (folded(name).lower().replace(" ", "") for name in (person.given.split()[0], person.surname_1))
    return f"{given}{surname[:6]}{person.person_id[-3:]}"


def folded(text: str) -> str:
    """Return text without accents, as machines and hurried people write it."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


class Names:
    """Names drawn as often as they occur in Spain's register; US names for part of the US."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        folder = files("genderator") / "data"
        self.given: dict[str, tuple[list[str], list[int]]] = {"M": ([], []), "F": ([], [])}
        names = [line.rstrip("\n").split("\t") for line in (folder / "names_ine.tsv").open(encoding="utf-8")]
        for name, people, male in sorted(names, key=lambda r: -int(r[1]))[:1600]:
            sex = "M" if float(male) > 0.9 else "F" if float(male) < 0.1 else ""
            if sex:
                self.given[sex][0].append(_written(name))
                self.given[sex][1].append(int(people))
        rows = [line.rstrip("\n").split("\t") for line in (folder / "surnames_ine.tsv").open(encoding="utf-8")]
        top = sorted(rows, key=lambda r: -int(r[1]))[:14000]
        self.surnames = [_written(r[0]) for r in top]
        self.surname_weights = _running([int(r[1]) for r in top])
        self.given_weights = {sex: _running(weights) for sex, (_, weights) in self.given.items()}

    def given_name(self, sex: str, is_english: bool) -> str:
        """Draw a given name, often a compound one."""
        if is_english:
            names, weights = zip(*facts.US_GIVEN[sex], strict=True)
            return str(self.rng.choices(names, weights)[0])
        return self.rng.choices(self.given[sex][0], cum_weights=self.given_weights[sex])[0]

    def surname(self, is_english: bool) -> str:
        """Draw a surname."""
        if is_english:
            names, weights = zip(*facts.US_SURNAMES, strict=True)
            return str(self.rng.choices(names, weights)[0])
        return self.rng.choices(self.surnames, cum_weights=self.surname_weights)[0]


def _holds(name: str, other: str) -> bool:
    """Tell whether all words of one name are words of the other."""
    words, others = set(name.split()), set(other.split())
    return words <= others or others <= words


def _running(weights: list[int]) -> list[int]:
    total, out = 0, []
    for weight in weights:
        total += weight
        out.append(total)
    return out


def _written(name: str) -> str:
    small = {"de", "del", "la", "las", "los", "y"}
    return " ".join(w if w in small else facts.ACCENTS.get(w, w.capitalize()) for w in name.split())


@cache
def _mexican_places() -> tuple[list[tuple[str, str, str, str]], list[float]]:
    """Post code, colony, city, state of Mexico, weighted by state and, within it, towards the larger cities."""
    path = files("postalcodes_mexico") / "data" / "postalcodes.sqlite3"
    con = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = con.execute(
        "SELECT cp, place, coalesce(nullif(city, ''), municipality), state FROM places ORDER BY 1, 2"
    ).fetchall()
    con.close()
    per_state: dict[str, int] = {}
    per_city: dict[tuple[str, str], int] = {}
    for _, _, city, state in rows:
        per_state[state] = per_state.get(state, 0) + 1
        per_city[city, state] = per_city.get((city, state), 0) + 1
    total, weights = 0.0, []
    for _, _, city, state in rows:
        total += facts.MX_STATE_SHARES.get(state, 1.0) * math.sqrt(per_city[city, state]) / per_state[state]
        weights.append(total)
    return rows, weights


@cache
def _spanish_towns() -> dict[str, list[str]]:
    towns: dict[str, list[str]] = {}
    for line in (files("busca_municipio") / "municipios.txt").open(encoding="utf-8"):
        province, _, town = line.strip().partition(";")
        towns.setdefault(province, []).append(town)
    return towns


def make_address(rng: random.Random, country: str) -> Address:
    """Draw a home of a country."""
    kinds, weights = zip(*facts.STREET_TYPES[country], strict=True)
    kind = str(rng.choices(kinds, weights)[0])
    street = rng.choice(facts.US_STREET_NAMES if country == "US" else facts.STREET_NAMES)
    number, unit, colony = str(max(1, int(rng.lognormvariate(4.6, 1.1)))), "", ""
    if country == "MX":
        rows, running = _mexican_places()
        postcode, colony, city, region = rng.choices(rows, cum_weights=running)[0]
        unit = f"Int. {rng.randint(1, 40)}" if rng.random() < 0.25 else ""
    elif country == "ES":
        provinces = facts.ES_PROVINCES
        region = rng.choices(list(provinces), [w for _, w in provinces.values()])[0]
        capital_or_town = _spanish_towns().get(region) or [region]
        city = region if rng.random() < 0.55 else rng.choice(capital_or_town)
        postcode = provinces[region][0] + f"{rng.randint(1, 60):03d}"
        unit = f"{rng.randint(1, 8)}º {rng.choice(['A', 'B', 'Izda.', 'Dcha.'])}" if rng.random() < 0.6 else ""
    else:
        cities = facts.CITIES[country]
        city, region, prefix, _ = rng.choices(cities, [c[3] for c in cities])[0]
        size = {"CO": 6, "AR": 5, "CL": 7, "US": 5}[country]
        postcode = prefix + "".join(rng.choice("0123456789") for _ in range(size - len(prefix)))
        if country == "CO":
            street, number = str(rng.randint(1, 140)), f"{rng.randint(1, 99)}-{rng.randint(1, 99):02d}"
            unit = f"Apto {rng.randint(101, 1204)}" if rng.random() < 0.5 else ""
    return Address(kind, street, number, unit, colony, postcode, city, region, country)


def make_phone(rng: random.Random, country: str) -> str:
    """Draw a mobile number in E.164."""

    def digits(n: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(n))

    if country == "MX":
        area = rng.choice(facts.MX_AREA_CODES)
        return f"+52{area}{rng.randint(1, 9)}{digits(9 - len(area))}"
    if country == "ES":
        return f"+346{rng.randint(0, 9)}{digits(7)}"
    if country == "CO":
        return f"+573{rng.choice(['00', '01', '02', '10', '11', '12', '15', '20'])}{digits(7)}"
    if country == "AR":
        return f"+54911{rng.randint(2, 6)}{digits(7)}"
    if country == "CL":
        return f"+569{rng.randint(4, 9)}{digits(7)}"
    return f"+1{rng.choice(facts.US_AREA_CODES)}{rng.randint(2, 9)}{rng.randint(0, 9)}{rng.randint(2, 9)}{digits(4)}"


def make_tax_id(rng: random.Random, person: Person) -> str:
    """Return a tax id that passes its country's check; people of the US give none."""
    number = "".join(rng.choice("0123456789") for _ in range(8))
    if person.country == "MX":
        parts = [folded(p).upper() for p in (person.surname_1, person.surname_2, person.given.split()[-1])]
        s1, s2, given = (p.split()[-1] for p in parts)
        vowel = next((c for c in s1[1:] if c in "AEIOU"), "X")
        ten = f"{s1[0]}{vowel}{s2[0]}{given[0]}{person.birth_date:%y%m%d}"
        ten = "".join(c if c.isalnum() else "X" for c in ten).replace("Ñ", "X")
        stem = ten + rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") + rng.choice("123456789")
        return str(stem + rfc.calc_check_digit(stem))
    if person.country == "ES":
        return str(number + dni.calc_check_digit(number))
    if person.country == "CO":
        return str(number + nit.calc_check_digit(number))
    if person.country == "CL":
        stem = f"{rng.randint(5, 26)}{number[:6]}"
        return str(stem + rut.calc_check_digit(stem))
    if person.country == "AR":
        stem = ("20" if person.sex == "M" else "27") + number
        return str(stem + cuit.calc_check_digit(stem))
    return ""


def make_email(rng: random.Random, person: Person, taken: set[str]) -> str:
    """Draw an address from a person's names, the way people make them."""
    given = folded(person.given.split()[0]).lower()
    surname = folded(person.surname_1).lower().replace(" ", "").replace("'", "")
    second = folded(person.surname_2).lower().replace(" ", "")[:1]
    domain = rng.choices([d for d, _ in facts.EMAIL_DOMAINS], [w for _, w in facts.EMAIL_DOMAINS])[0]
    year = person.birth_date.year
    forms = [f"{given}.{surname}", f"{given}{surname}", f"{given[0]}{surname}", f"{surname}.{given}", f"{given}_{surname}",
             f"{given}.{surname}{second}", f"{given}{year % 100:02d}", f"{surname}{given[0]}"]  # fmt: skip
    for attempt in range(50):
        local = rng.choices(forms, [25, 22, 14, 10, 12, 9, 5, 3])[0]
        if attempt or rng.random() < 0.45:
            local += str(rng.choice([year % 100, year, rng.randint(1, 999)]))
        # A provider that ignores dots gives `ana.ruiz` and `anaruiz` to one person only.
        box = f"{local.replace('.', '')}@{domain}"
        if box not in taken:
            break
    else:
        local = f"{local}{len(taken)}"
    taken.add(f"{local.replace('.', '')}@{domain}")
    return f"{local}@{domain}"


def make_people(count: int, rng: random.Random, start: date, until: date) -> list[Person]:
    """Draw a population in households.

    Households have one to six people; children take one surname of each parent; families share the address, some a
    mailbox or a phone. 12 % of households have moved, and some of their records still have the old address.
    """
    names = Names(rng)
    people: list[Person] = []
    taken: set[str] = set()
    households = 0
    window_days = (until - start).days
    while len(people) < count:
        households += 1
        household_id = f"H{households:06d}"
        country = rng.choices(list(facts.COUNTRY_SHARES), list(facts.COUNTRY_SHARES.values()))[0]
        is_english = country == "US" and rng.random() < 0.6
        address = make_address(rng, country)
        old = make_address(rng, country) if rng.random() < 0.12 else None
        size = min(rng.choices([1, 2, 3, 4, 5, 6], [40, 26, 15, 12, 5, 2])[0], count - len(people))
        members: list[Person] = []
        for place in range(size):
            sex = ("M", "F")[place] if place < 2 and size > 1 and rng.random() < 0.9 else rng.choice("MF")
            given = names.given_name(sex, is_english)
            # Parents give two children neither one name nor one that holds the other's; a father's may be his son's.
            while place >= 2 and any(_holds(given, child.given) for child in members[2:]):
                given = names.given_name(sex, is_english)
            s1, s2 = names.surname(is_english), "" if is_english else names.surname(False)
            age = rng.triangular(20, 88, 41)
            if place >= 2:  # children old enough to be customers
                age = rng.uniform(16, 27)
                s1 = members[0].surname_1
                s2 = "" if is_english else members[1].surname_1
            elif place == 1 and is_english:
                s1 = members[0].surname_1
            person = Person(
                person_id=f"P{len(people) + 1:07d}", household_id=household_id, country=country, sex=sex, given=given,
                surname_1=s1, surname_2=s2, birth_date=until - timedelta(days=int(age * 365.25)), email="",
                other_email="", phone=make_phone(rng, country), tax_id="", address=address, old_address=old,
            )  # fmt: skip
            person.tax_id = make_tax_id(rng, person)
            person.email = make_email(rng, person, taken)
            person.other_email = make_email(rng, person, taken) if rng.random() < 0.25 else ""
            person.traits = draw_traits(rng)
            person.rate_per_year = rng.gammavariate(0.9, 3.4) * (0.62 + person.traits.value)
            first = rng.randint(-500, window_days - 20)
            person.since = start + timedelta(days=first)
            person.until = min(
                until,
                person.since
                + timedelta(days=int(rng.expovariate((0.55 + 1.1 * person.traits.churn_hazard) / 620)) + 1),
            )
            members.append(person)
            people.append(person)
        if size >= 2 and rng.random() < 0.10:
            box = f"{rng.choice(facts.SHARED_BOXES)}.{folded(members[0].surname_1).lower().replace(' ', '')}{households}@gmail.example"
            for person in members[:2]:
                person.email, person.shares_mailbox = box, True
        if size >= 2 and rng.random() < 0.22:
            for person in members[1:]:
                person.phone = members[0].phone
        if rng.random() < 0.02:
            members[
                0
            ].role_email = f"{rng.choice(facts.ROLE_BOXES)}@empresa{rng.randint(1, max(3, count // 60))}.example"
    return people
