"""What people buy and when: a skewed catalogue, heterogeneous buyers who one day stop, seasons of the year.

Purchases of a customer come at random at a rate of their own while they are active; rates differ by a gamma
distribution and activity ends after an exponential time, the story behind Pareto/NBD models (Schmittlein, Morrison and
Colombo 1987). Months weigh as in `facts.SEASON`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from data.generate import facts
from data.generate.people import Person
from data.generate.programmes import PROGRAMMES, window_of


@dataclass(frozen=True)
class Product:
    """One article. `price_usd` is turned into the customer's currency when sold."""

    number: int
    sku: str
    name: str
    category: str
    price_usd: float

    @property
    def cost_usd(self) -> float:
        """Return what the article costs the company."""
        return round(self.price_usd * 0.58, 2)

    @property
    def image_url(self) -> str:
        """Return where its picture stands."""
        return f"https://tienda.example/img/{self.sku}.jpg"

    @property
    def material(self) -> str:
        """Return the ERP's number, padded as SAP stores it."""
        return f"{100000 + self.number:018d}"


@dataclass
class Line:
    """One position of an order, in the order's currency."""

    product: Product
    quantity: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """Return quantity times price."""
        return self.price * self.quantity


@dataclass
class Order:
    """One purchase, sold in a store or by phone (`sap`) or in the web shop (`shopify`)."""

    person: Person
    system: str
    at: datetime
    currency: str
    lines: list[Line]

    @property
    def amount(self) -> Decimal:
        """Return the sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


def make_catalogue(rng: random.Random, size: int = 120) -> list[Product]:
    """Draw the articles; the first sell most."""
    products = []
    for number in range(size):
        category, nouns, mean = facts.CATEGORIES[number % len(facts.CATEGORIES)]
        name = f"{rng.choice(nouns)} {rng.choice(facts.VARIANTS)} {number:03d}"
        price = round(mean * rng.lognormvariate(0, 0.55), 2)
        products.append(Product(number, f"{category[:2].upper()}-{number:04d}", name, category, max(price, 1.5)))
    return products


def price_in(product: Product, currency: str) -> Decimal:
    """Return a price in a currency, to the cent, or to the unit for pesos that have no cents."""
    exact = Decimal(str(product.price_usd)) * Decimal(str(facts.UNITS_PER_USD[currency]))
    step = Decimal("1") if currency in ("CLP", "COP") else Decimal("0.01")
    return exact.quantize(step, ROUND_HALF_UP)


#: One article goes viral for some weeks: its number, days before the end, days it lasts, how much more it sells.
VIRAL = (17, 150, 24, 9.0)


def make_orders(
    people: list[Person],
    catalogue: list[Product],
    rng: random.Random,
    start: date,
    until: date,
    arms: dict[str, dict[str, str]] | None = None,
) -> list[Order]:
    """Draw all orders, in the order of time; treated people make some more in the windows of their programmes."""
    popularity = [1 / (rank + 3) ** 0.8 for rank in range(len(catalogue))]
    running, total = [], 0.0
    for weight in popularity:
        total += weight
        running.append(total)
    top_season = max(facts.SEASON)
    orders: list[Order] = []
    for person in people:
        channels = [s for s in ("sap", "shopify", "odoo", "bc", "woocommerce") if s in person.systems]
        first, last = max(person.since, start), min(person.until, until)
        days = (last - first).days
        if not channels or days <= 0:
            continue
        favourite = rng.choice(facts.CATEGORIES)[0]
        expected = person.rate_per_year * days / 365 * top_season
        at = 0.0
        while expected > 0:
            at += rng.expovariate(1.0) / expected
            if at >= 1:
                break
            day = first + timedelta(days=int(at * days))
            if rng.random() > facts.SEASON[day.month - 1] / top_season:
                continue
            orders.append(_order(person, rng.choice(channels), day, favourite, catalogue, running, rng, until))
    for programme in PROGRAMMES if arms else []:
        first, last = window_of(programme, until)
        for person in people:
            if (
                arms is None
                or arms[programme.key].get(person.person_id) != "treated"
                or rng.random() > programme.effect
            ):
                continue
            channels = [s for s in ("sap", "shopify") if s in person.systems]
            if channels:
                day = first + timedelta(days=rng.randint(0, (last - first).days))
                orders.append(_order(person, rng.choice(channels), day, "", catalogue, running, rng, until))
    orders.sort(key=lambda o: (o.at, o.person.person_id))
    return orders


def _order(
    person: Person, system: str, day: date, favourite: str, catalogue: list[Product], running: list[float],
    rng: random.Random, until: date,
) -> Order:  # fmt: skip
    currency = facts.CURRENCIES[person.country]
    lines: dict[int, Line] = {}
    viral, days_before, lasts, surge = VIRAL
    since_viral = (until - day).days
    is_viral = days_before - lasts <= since_viral <= days_before and rng.random() < 0.02 * surge
    for product in rng.choices(catalogue, cum_weights=running, k=rng.choices([1, 2, 3, 4], [48, 28, 16, 8])[0]):
        chosen = product
        if product.category != favourite and rng.random() < 0.35:
            chosen = rng.choices(catalogue, cum_weights=running)[0]
        quantity = rng.choices([1, 2, 3, 6], [78, 14, 5, 3])[0]
        lines[chosen.number] = Line(chosen, quantity, price_in(chosen, currency))
    if is_viral:
        lines[viral] = Line(catalogue[viral], 1, price_in(catalogue[viral], currency))
    moment = datetime.combine(day, time(rng.choices(range(24), HOURS)[0], rng.randint(0, 59), rng.randint(0, 59)))
    return Order(person, system, moment, currency, list(lines.values()))


def daily_stock(
    orders: list[Order], catalogue: list[Product], rng: random.Random, first: date, until: date
) -> dict[tuple[date, int], int]:
    """Return units on hand by day and article: sales take, deliveries bring; some run out and recover, some pile up."""
    sold: dict[tuple[date, int], int] = {}
    for order in orders:
        for line in order.lines:
            key = (order.at.date(), line.product.number)
            sold[key] = sold.get(key, 0) + line.quantity
    days = (until - first).days + 1
    stock: dict[tuple[date, int], int] = {}
    for product in catalogue:
        total = sum(sold.get((first + timedelta(days=d), product.number), 0) for d in range(days))
        # A fifth of the articles are ordered too late, a tenth too much.
        kind = rng.random()
        lot = max(6, int(total / 12 * (2.6 if kind > 0.9 else 1.15)))
        level, coming = lot * (3 if kind > 0.9 else 1), -1
        trigger = 0 if kind < 0.2 else lot // 3
        for d in range(days):
            day = first + timedelta(days=d)
            if coming == d:
                level += lot
            level = max(0, level - sold.get((day, product.number), 0))
            if level <= trigger and coming < d:
                coming = d + rng.randint(3, 18)
            stock[day, product.number] = level
    return stock


#: How busy the hours of a day are.
HOURS = [3, 2, 1, 1, 1, 2, 4, 7, 10, 13, 15, 16, 16, 14, 13, 14, 15, 17, 20, 22, 21, 17, 11, 6]
