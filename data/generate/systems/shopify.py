"""Shopify customers and orders: ids and zips with an apostrophe, order columns only on the first line of an order."""

from __future__ import annotations

import csv
import random
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from data.generate import facts
from data.generate.commerce import Order, price_in
from data.generate.people import Person
from data.generate.systems.damage import (
    everyday_name,
    home,
    maybe_typo,
    mojibake,
    without_accents,
    written_phone,
    written_street,
)

if TYPE_CHECKING:
    from data.generate.world import Truth, World

CUSTOMER_HEADER = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
    "Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,"
    "Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,"
    "Total Spent,Total Orders,Note,Tax Exempt,Tags"
).split(",")


def write(
    folder: Path, people: list[Person], orders: list[Order], rng: random.Random, truth: Truth
) -> tuple[dict[str, str], dict[str, int]]:
    """Write the shop's customers and orders; return each person's first shop id, and rows per file."""
    spent: dict[str, Decimal] = {}
    number: dict[str, int] = {}
    for order in orders:
        if order.system == "shopify":
            spent[order.person.person_id] = spent.get(order.person.person_id, Decimal(0)) + order.amount
            number[order.person.person_id] = number.get(order.person.person_id, 0) + 1
    ids: dict[str, str] = {}
    emails: dict[str, str] = {}
    rows: list[list[str]] = []
    shop_id = 7210448301000
    for person in people:
        if "shopify" not in person.systems:
            continue
        for copy in range(2 if rng.random() < 0.04 else 1):
            shop_id += rng.randint(7, 9000)
            truth.records.append(("shopify_customers", str(shop_id), person.person_id, person.household_id))
            email = person.email if copy == 0 or not person.other_email else person.other_email
            if rng.random() < 0.03:
                local, _, domain = email.partition("@")
                email = f"{local}+tienda@{domain}"
            if person.person_id not in ids:
                ids[person.person_id], emails[person.person_id] = str(shop_id), email
            given = maybe_typo(rng, everyday_name(rng, person.given, 0.12), 0.02)
            surname = maybe_typo(rng, person.surname_1, 0.02)
            if person.surname_2 and rng.random() < 0.5:
                surname = f"{surname} {person.surname_2}"
            given, surname = without_accents(rng, given, 0.35), without_accents(rng, surname, 0.35)
            if rng.random() < 0.015:
                given, surname = mojibake(given), mojibake(surname)
            address = home(rng, person, 0.2)
            has_address = rng.random() < 0.75
            phone = written_phone(rng, person.phone, person.country) if rng.random() < 0.5 else ""
            rows.append([
                f"'{shop_id}", given, surname, email, rng.choices(["yes", "no"], [66, 34])[0], "",
                written_street(rng, address) if has_address else "", address.colony if has_address else "",
                address.city if has_address else "", address.region if has_address else "", person.country,
                f"'{address.postcode}" if has_address else "", phone, phone, rng.choices(["yes", "no"], [20, 80])[0],
                f"{spent.get(person.person_id, Decimal(0)) if copy == 0 else Decimal(0):.2f}",
                str(number.get(person.person_id, 0) if copy == 0 else 0), "", "no", "",
            ])  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "customers_export.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(CUSTOMER_HEADER)
        writer.writerows(rows)
    lines = _write_orders(folder / "orders_export_1.csv", orders, ids, emails, rng)
    return ids, {"shopify/customers_export.csv": len(rows), "shopify/orders_export_1.csv": lines}


def _write_orders(
    path: Path, orders: list[Order], ids: dict[str, str], emails: dict[str, str], rng: random.Random
) -> int:
    place = {h: i for i, h in enumerate(facts.SHOPIFY_ORDER_HEADER)}
    written = 0
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(facts.SHOPIFY_ORDER_HEADER)
        for sequence, order in enumerate((o for o in orders if o.system == "shopify"), start=1001):
            subtotal = order.amount
            taxes = (subtotal * Decimal("0.16")).quantize(Decimal("0.01"), ROUND_HALF_UP)
            shipping = Decimal("0.00") if rng.random() < 0.6 else (subtotal * Decimal("0.05")).quantize(Decimal("0.01"))
            total = subtotal + taxes + shipping
            status = rng.choices(["paid", "partially_refunded", "refunded", "pending"], [93, 3, 2, 2])[0]
            refunded = {"refunded": total, "partially_refunded": (total / 3).quantize(Decimal("0.01"))}.get(
                status, Decimal(0)
            )
            cancelled = status == "pending" and rng.random() < 0.5
            stamp = f"{order.at:%Y-%m-%d %H:%M:%S} -0600"
            paid = f"{order.at + timedelta(minutes=2):%Y-%m-%d %H:%M:%S} -0600" if status != "pending" else ""
            first = {
                "Financial Status": status, "Paid at": paid, "Fulfillment Status": "unfulfilled" if cancelled else "fulfilled",
                "Accepts Marketing": "yes", "Currency": order.currency, "Subtotal": f"{subtotal:.2f}",
                "Shipping": f"{shipping:.2f}", "Taxes": f"{taxes:.2f}", "Total": f"{total:.2f}", "Created at": stamp,
                "Billing Name": f"{order.person.given} {order.person.surname_1}", "Billing City": order.person.address.city,
                "Billing Zip": f"'{order.person.address.postcode}", "Billing Country": order.person.country,
                "Cancelled at": stamp if cancelled else "", "Refunded Amount": f"{refunded:.2f}",
                "Id": str(5000000000000 + sequence), "Source": "web",
            }  # fmt: skip
            for at, line in enumerate(order.lines):
                cells = [""] * len(facts.SHOPIFY_ORDER_HEADER)
                values = {
                    "Name": f"#{sequence}", "Email": emails[order.person.person_id], "Lineitem quantity": str(line.quantity),
                    "Lineitem name": line.product.name, "Lineitem price": f"{line.price:.2f}", "Lineitem sku": line.product.sku,
                    **(first if at == 0 else {}),
                }  # fmt: skip
                for column, value in values.items():
                    cells[place[column]] = value
                writer.writerow(cells)
                written += 1
    assert len(ids) == len(emails)
    return written


def write_abandoned(folder: Path, world: World) -> dict[str, int]:
    """Write checkouts that were left: somewhat more than two for each order that was made in the last half year."""
    rng = world.rng("abandoned")
    buyers = [p for p in world.people if p.person_id in world.shop_ids]
    recent = sum(1 for o in world.orders if o.system == "shopify" and o.at.date() > world.until - timedelta(days=180))
    rows = []
    for number in range(int(recent * 2.2) if buyers else 0):
        person = rng.choice(buyers)
        at = world.moment(rng, world.until - timedelta(days=180), world.until)
        products = rng.choices(world.catalogue, k=rng.choice([1, 1, 2, 3]))
        total = sum((price_in(p, facts.CURRENCIES[person.country]) for p in products), Decimal(0))
        done = f"{at + timedelta(hours=9):%Y-%m-%d %H:%M:%S} -0600" if rng.random() < 0.08 else ""
        rows.append([f"'{33000000000 + number}", f"'{world.shop_ids[person.person_id]}", person.email, "", f"{at:%Y-%m-%d %H:%M:%S} -0600",
                     f"{at:%Y-%m-%d %H:%M:%S} -0600", done, facts.CURRENCIES[person.country], f"{total:.2f}", f"{total:.2f}", ";".join(p.sku for p in products),
                     f"https://tienda.example/checkouts/{number}/recover", "yes"])  # fmt: skip
    path = folder / "checkouts_export_1.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Id", "Customer ID", "Email", "Phone", "Created at", "Updated at", "Completed at", "Currency", "Subtotal", "Total", "Lineitem skus",
                         "Abandoned checkout url", "Accepts Marketing"])  # fmt: skip
        writer.writerows(rows)
    return {f"shopify/{path.name}": len(rows)}
