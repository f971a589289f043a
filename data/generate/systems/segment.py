"""Web events as Segment and RudderStack deliver them: one JSON object a line, gzip, one file a month.

Visitors are anonymous until they log in; the device's id stays, so what they did before belongs to them too. A family's
tablet has two people behind one anonymous id. Most visitors never say who they are.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.generate.commerce import Order, Product
from data.generate.people import Person

if TYPE_CHECKING:
    from data.generate.company import Truth

SOURCES = [("google", "cpc", "marca"), ("google", "organic", ""), ("facebook", "paid_social", "remarketing"),
           ("newsletter", "email", "boletin"), ("", "", "")]  # fmt: skip


class _Log:
    """Events by month, in the order in which they were drawn."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.months: dict[str, list[str]] = defaultdict(list)
        self.count = 0

    def add(self, kind: str, at: datetime, anonymous_id: str, user_id: str | None, **more: Any) -> None:
        self.count += 1
        sent = at + timedelta(milliseconds=self.rng.randint(5, 900))
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
        event = {
            "type": kind, "messageId": f"m-{self.count:09d}", "anonymousId": anonymous_id, "userId": user_id,
            "timestamp": stamp, "originalTimestamp": stamp, "receivedAt": f"{sent:%Y-%m-%dT%H:%M:%S}.{sent.microsecond // 1000:03d}Z",
            "channel": "browser", **more,
        }  # fmt: skip
        self.months[f"{at:%Y-%m}"].append(json.dumps(event, ensure_ascii=False, separators=(",", ":")))


def write(
    folder: Path, people: list[Person], shop_ids: dict[str, str], orders: list[Order], catalogue: list[Product],
    rng: random.Random, truth: Truth, until: date,
) -> dict[str, int]:  # fmt: skip
    """Write twelve months of events and note which device is whose."""
    log = _Log(rng)
    end = datetime.combine(until, datetime.min.time())
    begin = end - timedelta(days=365)
    bought: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        if order.system == "shopify" and order.at >= begin:
            bought[order.person.person_id].append(order)
    family_device: dict[str, str] = {}
    for person in people:
        user_id = shop_ids.get(person.person_id)
        if user_id is None or rng.random() > 0.75:
            continue
        devices = [f"a-{person.person_id[1:]}-{d}" for d in range(rng.choice([1, 1, 2]))]
        if rng.random() < 0.05:
            devices[0] = family_device.setdefault(person.household_id, devices[0])
        truth.devices += [(device, person.person_id) for device in devices]
        known: set[str] = set()
        for order in bought[person.person_id]:
            device = rng.choice(devices)
            _visit(log, order.at - timedelta(minutes=25), device, user_id if device in known else None, catalogue, rng)
            _login(log, order.at - timedelta(minutes=9), device, user_id, person.email)
            known.add(device)
            _checkout(log, order, device, user_id)
        for _ in range(min(int(rng.expovariate(1 / 2.2)), 12)):
            device = rng.choice(devices)
            at = begin + timedelta(minutes=rng.randint(0, 365 * 24 * 60 - 60))
            _visit(log, at, device, user_id if device in known and rng.random() < 0.5 else None, catalogue, rng)
            if rng.random() < 0.35:
                _login(log, at + timedelta(minutes=6), device, user_id, person.email)
                known.add(device)
            if rng.random() < 0.15:
                log.add(
                    "track", at + timedelta(minutes=1), device, user_id if device in known else None,
                    event="Consent Preferences Updated", context=_context(rng, "/privacidad"),
                    properties={"advertising": rng.random() < 0.72, "email": None},
                )  # fmt: skip
    for visitor in range(int(len(people) * 0.5)):
        at = begin + timedelta(minutes=rng.randint(0, 365 * 24 * 60 - 60))
        _visit(log, at, f"a-anon-{visitor:07d}", None, catalogue, rng)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for month, lines in sorted(log.months.items()):
        path = folder / f"events_{month}.jsonl.gz"
        # No name and no time in the header: the same events give the same bytes.
        with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            packed.write(("\n".join(lines) + "\n").encode())
        counts[f"segment/{path.name}"] = len(lines)
    return counts


def _context(rng: random.Random, page: str) -> dict[str, Any]:
    source, medium, name = rng.choice(SOURCES)
    campaign = {"source": source, "medium": medium, "name": name} if source else {}
    return {"page": {"path": page, "url": f"https://tienda.example{page}"}, "campaign": campaign, "locale": "es-MX"}


def _visit(
    log: _Log, at: datetime, device: str, user_id: str | None, catalogue: list[Product], rng: random.Random
) -> None:
    log.add("page", at, device, user_id, name="Inicio", context=_context(rng, "/"))
    moment = at
    for _ in range(rng.choices([0, 1, 2, 4], [35, 30, 22, 13])[0]):
        moment += timedelta(seconds=rng.randint(8, 240))
        product = catalogue[min(int(rng.expovariate(1 / 25)), len(catalogue) - 1)]
        log.add(
            "track", moment, device, user_id, event="Product Viewed", context=_context(rng, f"/p/{product.sku}"),
            properties={"sku": product.sku, "price": product.price_usd, "currency": "USD"},
        )  # fmt: skip
        if rng.random() < 0.18:
            moment += timedelta(seconds=rng.randint(3, 60))
            log.add(
                "track", moment, device, user_id, event="Product Added", context=_context(rng, f"/p/{product.sku}"),
                properties={"sku": product.sku, "price": product.price_usd, "currency": "USD"},
            )  # fmt: skip


def _login(log: _Log, at: datetime, device: str, user_id: str, email: str) -> None:
    log.add("identify", at, device, user_id, traits={"email": email}, context={"page": {"path": "/login"}})


def _checkout(log: _Log, order: Order, device: str, user_id: str) -> None:
    log.add(
        "track",
        order.at - timedelta(minutes=4),
        device,
        user_id,
        event="Checkout Started",
        properties={"value": float(order.amount), "currency": order.currency},
    )
    log.add(
        "track",
        order.at,
        device,
        user_id,
        event="Order Completed",
        properties={"total": float(order.amount), "currency": order.currency},
    )
