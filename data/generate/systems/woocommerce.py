"""The Colombian store on WooCommerce, with its carts that were left, and the Klaviyo account that mails its customers."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

from data.generate.systems.damage import everyday_name, home, without_accents, written_phone, written_street
from data.generate.systems.written import write_csv
from data.generate.world import World

METRICS = {"Received Email": "Q4q6PC", "Opened Email": "Vx2aBc", "Clicked Email": "Rt9sLm", "Placed Order": "Wq1zXy"}


def write(folder: Path, klaviyo: Path, world: World) -> dict[str, int]:
    """Write customers, orders and carts, and Klaviyo's profiles, events and campaigns."""
    rng = world.rng("woocommerce")
    folder.mkdir(parents=True, exist_ok=True)
    customers, numbers = [], {}
    for person in world.people:
        if "woocommerce" not in person.systems:
            continue
        numbers[person.person_id] = number = 500 + len(customers)
        world.note("woocommerce_customers", str(number), person)
        address = home(rng, person, 0.2)
        given = without_accents(rng, everyday_name(rng, person.given, 0.1), 0.3)
        since = f"{person.since}T12:00:00"
        customers.append({
            "id": number, "date_created_gmt": since, "date_modified_gmt": since, "email": person.email, "first_name": given, "last_name": person.surname_1,
            "role": "customer", "username": person.email.split("@")[0], "is_paying_customer": rng.random() < 0.7,
            "billing": {"phone": written_phone(rng, person.phone, person.country), "address_1": written_street(rng, address), "city": address.city,
                        "state": address.region, "postcode": address.postcode, "country": person.country},
        })  # fmt: skip
    orders = []
    for order in world.orders:
        if order.system != "woocommerce":
            continue
        is_guest = rng.random() < 0.15
        person, stamp = order.person, f"{order.at:%Y-%m-%dT%H:%M:%S}"
        status = rng.choices(["completed", "processing", "cancelled", "refunded"], [86, 6, 5, 3])[0]
        orders.append({
            "id": 9000 + len(orders), "status": status, "currency": order.currency, "total": f"{order.amount}", "total_tax": "0.00", "shipping_total": "0.00",
            "discount_total": "0.00", "customer_id": 0 if is_guest else numbers[person.person_id], "payment_method": "pse", "coupon_lines": [],
            "billing": {"first_name": person.given, "last_name": person.surname_1, "email": person.email, "phone": person.phone},
            "line_items": [{"sku": ln.product.sku, "name": ln.product.name, "quantity": ln.quantity, "total": f"{ln.amount}"} for ln in order.lines],
            "date_created_gmt": stamp, "date_paid_gmt": None if status == "cancelled" else stamp, "date_modified_gmt": stamp,
        })  # fmt: skip
    carts = []
    for number in range(int(len(orders) * 0.9)):
        person = rng.choice(
            [p for p in (rng.choice(world.people) for _ in range(6)) if "woocommerce" in p.systems] or world.people[:1]
        )
        at = world.moment(rng, world.until - timedelta(days=180), world.until)
        status = rng.choices(["lost", "recovered", "abandoned"], [80, 12, 8])[0]
        products = rng.sample(world.catalogue, rng.choice([1, 1, 2]))
        total = sum(p.price_usd for p in products) * 4100
        carts.append([str(number + 1), str(numbers.get(person.person_id, 0)), person.email, status, f"{total:.2f}", "COP", "|".join(p.sku for p in products),
                      f"{at:%Y-%m-%d %H:%M:%S}", f"{at + timedelta(hours=20):%Y-%m-%d %H:%M:%S}" if status == "recovered" else ""])  # fmt: skip
    (folder / "customers.json").write_text(json.dumps(customers, ensure_ascii=False), encoding="utf-8")
    (folder / "orders.json").write_text(json.dumps(orders, ensure_ascii=False), encoding="utf-8")
    write_csv(
        folder / "abandoned_carts.csv",
        "id,user_id,email,cart_status,cart_total,currency,skus,abandoned_date,recovered_date",
        carts,
    )
    counts = {
        "woocommerce/customers.json": len(customers),
        "woocommerce/orders.json": len(orders),
        "woocommerce/abandoned_carts.csv": len(carts),
    }
    return counts | _klaviyo(klaviyo, world)


def _klaviyo(folder: Path, world: World) -> dict[str, int]:
    rng = world.rng("klaviyo")
    folder.mkdir(parents=True, exist_ok=True)
    profiles, events, seen = [], [], set()
    sends = [
        datetime.combine(world.until, datetime.min.time()) - timedelta(days=21 * n + 3, hours=-14) for n in range(6)
    ]
    totals = {n: dict.fromkeys(("sent", "open", "click"), 0) for n in range(len(sends))}
    for person in world.people:
        if "woocommerce" not in person.systems or rng.random() > 0.8 or person.email in seen:
            continue
        seen.add(person.email)
        ident = f"01K{len(profiles):023d}"
        world.note("klaviyo_profiles", ident, person)
        consent = rng.choices(["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"], [78, 12, 10])[0]
        profiles.append([person.email, ident, without_accents(rng, person.given, 0.3), person.surname_1 if rng.random() < 0.6 else "", person.address.city,
                         person.address.region, "Colombia", person.address.postcode, "Tienda", consent, f"{person.since} 08:00:00", f"{person.since} 08:00:05"])  # fmt: skip
        for number, sent in enumerate(sends):
            if consent != "SUBSCRIBED" or person.since >= sent.date():
                continue
            steps = [("Received Email", sent)]
            if rng.random() < person.traits.email_interest * 1.7:
                opened = sent + timedelta(minutes=int(rng.expovariate(1 / 300)) + 1)
                steps.append(("Opened Email", opened))
                if rng.random() < 0.22:
                    steps.append(("Clicked Email", opened + timedelta(seconds=40)))
            for metric, at in steps:
                totals[number][
                    {"Received Email": "sent", "Opened Email": "open", "Clicked Email": "click"}[metric]
                ] += 1
                events.append(json.dumps({
                    "type": "event", "id": f"ev{len(events):08d}", "attributes": {"datetime": f"{at:%Y-%m-%dT%H:%M:%S}+00:00", "event_properties": {
                        "metric_name": metric, "Campaign Name": f"Novedades {number + 1}", "Subject": "Lo nuevo", "machine_open": metric == "Opened Email" and rng.random() < 0.2}},
                    "relationships": {"profile": {"data": {"type": "profile", "id": ident}}, "metric": {"data": {"type": "metric", "id": METRICS[metric]}}},
                }, separators=(",", ":")))  # fmt: skip
    write_csv(
        folder / "list_members.csv",
        "Email,Klaviyo ID,First Name,Last Name,City,State / Region,Country,Zip Code,Source,Email Marketing Consent,Profile Created On,Date Added",
        profiles,
    )
    with (folder / "events.jsonl.gz").open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        packed.write(("\n".join(events) + "\n").encode())
    rows = []
    for number, sent in enumerate(sends):
        n = totals[number]
        rate = f"{100 * n['open'] / max(n['sent'], 1):.2f}%"
        rows.append([f"Novedades {number + 1}", "", "Lo nuevo", "Principal", f"{sent:%Y-%m-%d %H:%M:%S}", f"{sent:%A}", f"{n['sent']}.0", "0.0", "0.00%", "0.0",
                     f"{n['open']}.0", rate, f"{n['open']}.0", f"{n['click']}.0", "0.00%", f"{n['click']}.0", "0.0", "0.0", "0.00%", f"{n['sent']}.0", "0.0", "0.00%",
                     f"01KC{number:04d}", "email"])  # fmt: skip
    header = (
        "Campaign Name,Tags,Subject,List,Send Time,Send Weekday,Total Recipients,Unique Placed Order,Placed Order Rate,Revenue,Unique Opens,Open Rate,"
        "Total Opens,Unique Clicks,Click Rate,Total Clicks,Unsubscribes,Spam Complaints,Spam Complaints Rate,Successful Deliveries,Bounces,Bounce Rate,"
        "Campaign ID,Campaign Channel"
    )
    write_csv(folder / "campaigns.csv", header, rows)
    return {
        "klaviyo/list_members.csv": len(profiles),
        "klaviyo/events.jsonl.gz": len(events),
        "klaviyo/campaigns.csv": len(rows),
    }
