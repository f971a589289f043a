"""Web events as Segment and RudderStack deliver them: one JSON object a line, gzip, one file a month.

Visitors are anonymous until they log in; the device's id stays, so what they did before belongs to them too. A family's
tablet has two people behind one anonymous id. Most visitors never say who they are. Of a hundred visits two to five end in an
order, near seventy of a hundred carts are left, and nearly half the visits see one page.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from data.generate.commerce import VIRAL, Order
from data.generate.programmes import ADS, KEYWORDS, PAID
from data.generate.world import World

AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; SM-A556E) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
]
TIME_ZONES = {"MX": "America/Mexico_City", "ES": "Europe/Madrid", "CO": "America/Bogota", "AR": "America/Argentina/Buenos_Aires",
              "CL": "America/Santiago", "US": "America/Chicago"}  # fmt: skip
LOCALES = {"MX": "es-MX", "ES": "es-ES", "CO": "es-CO", "AR": "es-AR", "CL": "es-CL", "US": "en-US"}
#: Source, medium, campaign and share of visits that no ad paid for.
FREE = [("google", "organic", "", 0.27), ("newsletter", "email", "boletin", 0.12), ("", "", "", 0.30)]
PAGES = [
    ("/", "Inicio"),
    ("/categoria/hogar", "Hogar"),
    ("/categoria/ropa", "Ropa"),
    ("/blog/guia-de-tallas", "Guía"),
    ("/contacto", "Contacto"),
]
SEARCHES = ["zapatos", "mochila", "regalo", "cafetera", "juguetes", "oferta", "bocina", "chamarra"]
VISITS_PER_ORDER = 22


class _Log:
    """Events by month, in the order in which they were drawn; lines are written by hand, which is three times as fast."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.months: dict[str, list[str]] = defaultdict(list)
        self.count = 0

    def add(self, kind: str, at: datetime, who: str, tail: str) -> None:
        self.count += 1
        stamp = at.isoformat("T", "seconds")
        self.months[stamp[:7]].append(
            f'{{"type":"{kind}","messageId":"m-{self.count:09d}",{who},"timestamp":"{stamp}.000Z",'
            f'"receivedAt":"{stamp}.400Z","channel":"browser",{tail}}}'
        )


class _Visit:
    """One visit of one device: what all its events share."""

    def __init__(self, log: _Log, device: str, country: str, rng: random.Random, origins: _Origins) -> None:
        self.log, self.rng, self.device = log, rng, device
        source, medium, campaign, found_by, ids = origins.draw(rng)
        mark = hash_of(device)
        agent = AGENTS[mark % len(AGENTS)]
        self.campaign = (
            f'"campaign":{{"source":"{source}","medium":"{medium}","name":"{campaign}"{found_by}}},' if source else ""
        )
        self.shared = f'"locale":"{LOCALES[country]}","timezone":"{TIME_ZONES[country]}","userAgent":"{agent}"'
        self.ids = ids
        variant = "AB"[(mark >> 8) % 2]
        self.experiment = f'"experiment_id":"EXP-PORTADA","variant_id":"{variant}"'

    def who(self, user_id: str | None) -> str:
        return f'"anonymousId":"{self.device}","userId":' + (f'"{user_id}"' if user_id else "null")

    def page(self, at: datetime, user_id: str | None, path: str, title: str, is_first: bool = False) -> None:
        scroll = int(100 * self.rng.random() ** 0.55)
        first = f",{self.experiment}{self.ids}" if is_first else ""
        context = f'"context":{{"page":{{"path":"{path}","url":"https://tienda.example{path}","title":"{title}"}},{self.campaign}{self.shared}}}'
        self.log.add(
            "page", at, self.who(user_id), f'"name":"{title}",{context},"properties":{{"scroll_pct":{scroll}{first}}}'
        )

    def track(self, at: datetime, user_id: str | None, event: str, path: str, properties: dict[str, Any] | str) -> None:
        context = f'"context":{{"page":{{"path":"{path}","url":"https://tienda.example{path}"}},{self.campaign}{self.shared}}}'
        packed = (
            properties
            if isinstance(properties, str)
            else json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
        )
        self.log.add("track", at, self.who(user_id), f'"event":"{event}",{context},"properties":{packed}')

    def login(self, at: datetime, user_id: str, email: str) -> None:
        self.log.add(
            "identify",
            at,
            self.who(user_id),
            f'"traits":{{"email":"{email}"}},"context":{{"page":{{"path":"/login"}},{self.shared}}}',
        )


class _Origins:
    """Where visits come from, paid and free."""

    def __init__(self) -> None:
        self.choices = [(s, m, name, platform, ident) for platform, ident, name, s, m, _, _ in PAID]
        self.weights = [share for *_, share in PAID]
        self.choices += [(s, m, name, "", "") for s, m, name, _ in FREE]
        self.weights += [share for *_, share in FREE]
        self.running = list(accumulate(self.weights))

    def draw(self, rng: random.Random) -> tuple[str, str, str, str, str]:
        source, medium, name, platform, ident = rng.choices(self.choices, cum_weights=self.running)[0]
        number = rng.getrandbits(40)
        click = f"{number:010x}"
        ids = (
            f',"gclid":"Cj0K{click}"'
            if platform == "googleads"
            else f',"fbclid":"IwAR{click}"'
            if platform == "meta"
            else ""
        )
        # As the tracking templates of the platforms fill them in: the keyword for Google, the ad for Meta; shopping ads know no word.
        word = KEYWORDS[ident][number % len(KEYWORDS[ident])] if platform == "googleads" else ""
        found_by = (
            f',"term":"{word}"' if word else f',"content":"{ADS[number % len(ADS)]}"' if platform == "meta" else ""
        )
        return source, medium, name, found_by, ids


def hash_of(text: str) -> int:
    """Return a number that is the same in every process."""
    import zlib

    return zlib.crc32(text.encode())


def write(folder: Path, world: World) -> dict[str, int]:
    """Write twelve months of events and note which device is whose."""
    rng = world.rng("segment")
    log, origins = _Log(rng), _Origins()
    end = datetime.combine(world.until, datetime.min.time())
    begin = end - timedelta(days=365)
    bought: dict[str, list[Order]] = defaultdict(list)
    for order in world.orders:
        if order.system == "shopify" and order.at >= begin:
            bought[order.person.person_id].append(order)
    orders = sum(len(found) for found in bought.values())
    visits_left = max(int(orders * VISITS_PER_ORDER), int(len(world.people) * 0.5))
    family_device: dict[str, str] = {}
    minutes = 365 * 24 * 60 - 60
    for person in world.people:
        user_id = world.shop_ids.get(person.person_id)
        if user_id is None or rng.random() > 0.75:
            continue
        devices = [f"a-{person.person_id[1:]}-{d}" for d in range(rng.choice([1, 1, 2]))]
        if rng.random() < 0.05:
            devices[0] = family_device.setdefault(person.household_id, devices[0])
        world.truth.devices += [(device, person.person_id) for device in devices]
        known: set[str] = set()
        for order in bought[person.person_id]:
            device = rng.choice(devices)
            visit = _Visit(log, device, person.country, rng, origins)
            _browse(
                visit, world, order.at - timedelta(minutes=25), user_id if device in known else None, rng, is_buyer=True
            )
            visit.login(order.at - timedelta(minutes=9), user_id, person.email)
            known.add(device)
            cart = f"cart-{order.person.person_id[1:]}-{order.at:%y%m%d%H%M}"
            visit.track(
                order.at - timedelta(minutes=4),
                user_id,
                "Checkout Started",
                "/checkout",
                {"cart_id": cart, "value": float(order.amount), "currency": order.currency},
            )
            visit.track(
                order.at,
                user_id,
                "Order Completed",
                "/gracias",
                {"cart_id": cart, "total": float(order.amount), "currency": order.currency},
            )
            visits_left -= 1
        for _ in range(min(int(rng.expovariate(1 / 3.4)), 14)):
            device = rng.choice(devices)
            at = begin + timedelta(minutes=rng.randint(0, minutes))
            visit = _Visit(log, device, person.country, rng, origins)
            _browse(visit, world, at, user_id if device in known and rng.random() < 0.5 else None, rng)
            visits_left -= 1
            if rng.random() < 0.35:
                visit.login(at + timedelta(minutes=6), user_id, person.email)
                known.add(device)
            if rng.random() < 0.12:
                visit.track(at + timedelta(minutes=1), user_id if device in known else None, "Consent Preferences Updated", "/privacidad",
                            {"advertising": rng.random() < 0.72, "email": None})  # fmt: skip
    countries = list(LOCALES)
    for visitor in range(max(visits_left, int(len(world.people) * 0.5))):
        at = begin + timedelta(minutes=rng.randint(0, minutes))
        # Some strangers come again.
        device = f"a-anon-{visitor if rng.random() < 0.8 else rng.randint(0, visitor):07d}"
        _browse(_Visit(log, device, countries[hash_of(device) % len(countries)], rng, origins), world, at, None, rng)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for month, lines in sorted(log.months.items()):
        path = folder / f"events_{month}.jsonl.gz"
        # No name and no time in the header: the same events give the same bytes.
        with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
            packed.write(("\n".join(lines) + "\n").encode())
        counts[f"segment/{path.name}"] = len(lines)
    return counts


def _browse(
    visit: _Visit, world: World, at: datetime, user_id: str | None, rng: random.Random, is_buyer: bool = False
) -> None:
    """Walk through the shop: pages, searches, products, sometimes a cart that is left."""
    path, title = PAGES[0] if rng.random() < 0.6 else rng.choice(PAGES)
    visit.page(at, user_id, path, title, is_first=True)
    if not is_buyer and rng.random() < 0.44:
        return
    moment = at
    if rng.random() < 0.2:
        moment += timedelta(seconds=rng.randint(5, 40))
        visit.track(moment, user_id, "Products Searched", "/buscar", {"query": rng.choice(SEARCHES)})
    viral, days_before, lasts, _ = VIRAL
    is_viral = days_before - lasts <= (world.until - at.date()).days <= days_before + 6
    for _ in range((1, 1, 1, 1, 2, 2, 2, 3, 3, 5)[int(rng.random() * 10)]):
        moment += timedelta(seconds=rng.randint(8, 200))
        number = (
            viral if is_viral and rng.random() < 0.2 else min(int(rng.expovariate(1 / 25)), len(world.catalogue) - 1)
        )
        product = world.catalogue[number]
        page = f"/p/{product.sku}"
        offer = f'{{"sku":"{product.sku}","price":{product.price_usd},"currency":"USD","quantity":1}}'
        visit.page(moment, user_id, page, product.name)
        visit.track(moment + timedelta(seconds=1), user_id, "Product Viewed", page, offer)
        if rng.random() < (0.5 if is_buyer else 0.065):
            moment += timedelta(seconds=rng.randint(3, 60))
            visit.track(moment, user_id, "Product Added", page, offer)
            if not is_buyer and rng.random() < 0.4:
                visit.track(
                    moment + timedelta(seconds=50),
                    user_id,
                    "Checkout Started",
                    "/checkout",
                    {"value": product.price_usd, "currency": "USD"},
                )
    kind = rng.random()
    moment += timedelta(seconds=rng.randint(5, 90))
    if kind < 0.02:
        visit.track(moment, user_id, "Form Submitted", "/contacto", {"form_id": "contacto"})
    elif kind < 0.045:
        visit.track(moment, user_id, "Content Downloaded", "/blog/guia-de-tallas", {"content_id": "guia-de-tallas.pdf"})
    elif kind < 0.06:
        visit.track(moment, user_id, "Chat Started", "/", {"chat_id": f"chat-{visit.log.count}"})
    elif kind < 0.08:
        visit.track(moment, user_id, "Phone Clicked", "/contacto", {"phone_number": "+525512340001"})


def last_days(world: World, days: int) -> list[date]:
    """Return the last days of the company's history."""
    return [world.until - timedelta(days=d) for d in range(days - 1, -1, -1)]
