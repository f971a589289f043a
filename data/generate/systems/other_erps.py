"""The subsidiaries' ERPs: Odoo in Argentina (child rows with blank parents, a workbook of stock), Business Central in the US
(CSV, JSON and XML)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from data.generate import facts
from data.generate.systems.damage import company_name, home, maybe_typo, written_phone, written_street
from data.generate.systems.written import workbook, write_csv
from data.generate.world import World


def write_odoo(folder: Path, world: World) -> dict[str, int]:
    """Write partners, orders, invoices and stock of Odoo."""
    rng = world.rng("odoo")
    folder.mkdir(parents=True, exist_ok=True)
    partners, ids = [], {}
    for person in world.people:
        if "odoo" not in person.systems:
            continue
        ident = f"__export__.res_partner_{len(partners) + 101}_{rng.getrandbits(32):08x}"
        ids[person.person_id] = ident
        world.note("odoo_partners", ident, person)
        address = home(rng, person, 0.2)
        partners.append([
            ident, maybe_typo(rng, f"{person.given} {person.surname_1}", 0.03), "False", "False", written_street(rng, address), "False",
            address.city, address.postcode, address.region, "Argentina", person.email if rng.random() < 0.8 else "False",
            written_phone(rng, person.phone, person.country) if rng.random() < 0.7 else "False", person.tax_id if rng.random() < 0.6 else "False",
            "es_AR", "Mayorista,VIP" if person.traits.value > 0.7 else "", f"{person.since:%Y-%m-%d} 10:00:00",
        ])  # fmt: skip
    partners += _companies(world)
    orders, invoices, number = [], [], 0
    for order in world.orders:
        if order.system != "odoo":
            continue
        number += 1
        partner, name = ids[order.person.person_id], f"S{number:05d}"
        state = rng.choices(["sale", "done", "cancel"], [30, 66, 4])[0]
        head = [
            f"__export__.sale_order_{number}",
            name,
            partner,
            f"{order.at:%Y-%m-%d %H:%M:%S}",
            state,
            f"{order.amount:.2f}",
            order.currency,
        ]
        for at, line in enumerate(order.lines):
            row = [line.product.sku, f"{line.quantity}.0", f"{line.price}", f"{line.amount}"]
            orders.append([*(head if at == 0 else [""] * len(head)), *row])
        if state == "cancel":
            continue
        due = order.at.date() + timedelta(days=30)
        paid = due + timedelta(
            days=int(rng.expovariate(1 / 10)) if rng.random() > person_pays(order.person.traits.discipline) else -3
        )
        is_paid = paid <= world.until
        invoices.append([
            f"__export__.account_move_{number}", f"FA-A {number:08d}", partner, "out_invoice", f"{order.at:%Y-%m-%d}", f"{due}",
            "paid" if is_paid else "not_paid", f"{order.amount:.2f}", "0.00" if is_paid else f"{order.amount:.2f}", order.currency, name,
            f"{paid}" if is_paid else "",
        ])  # fmt: skip
    counts = {
        "odoo/res.partner.csv": write_csv(
            folder / "res.partner.csv",
            "id,name,is_company,parent_id/id,street,street2,city,zip,state_id,country_id,email,phone,vat,lang,category_id,write_date",
            partners,
        ),
        "odoo/sale.order.csv": write_csv(
            folder / "sale.order.csv",
            "id,name,partner_id/id,date_order,state,amount_total,currency_id,order_line/product_id/default_code,"
            "order_line/product_uom_qty,order_line/price_unit,order_line/price_subtotal",
            orders,
        ),
        "odoo/account.move.csv": write_csv(
            folder / "account.move.csv",
            "id,name,partner_id/id,move_type,invoice_date,invoice_date_due,payment_state,amount_total_signed,amount_residual,"
            "currency_id,invoice_origin,payment_date",
            invoices,
        ),
    }
    for days_ago in (0, 1):
        day = world.until - timedelta(days=days_ago)
        rows = [[p.sku, "AR/Stock", float(rng.randint(0, 90)), float(rng.randint(0, 4))] for p in world.catalogue]
        path = folder / f"stock.quant_{day}.xlsx"
        workbook(path, "Sheet1", ["product_id/default_code", "location_id", "quantity", "reserved_quantity"], rows)
        counts[f"odoo/{path.name}"] = len(rows)
    return counts


def _companies(world: World) -> list[list[str]]:
    """Return the partners of Odoo that are companies: of a common address, with a box of its office."""
    rng, found = world.rng("companies in odoo"), []
    for account in world.accounts:
        if account.country != "AR" and rng.random() > 0.15:
            continue
        first = account.people[0]
        ident = f"__export__.res_partner_{len(found) + 900_101}_{rng.getrandbits(32):08x}"
        world.truth.accounts.append(("odoo_partners", ident, f"A{account.number:06d}"))
        found.append([
            ident, company_name(rng, account, account.name), "True", "False", written_street(rng, first.address), "False", first.address.city,
            first.address.postcode, first.address.region, facts.COUNTRY_NAMES_ES[account.country],
            f"administracion@{account.domain}" if rng.random() < 0.7 else "False",
            written_phone(rng, first.phone, account.country) if rng.random() < 0.4 else "False", "False", "es_AR", "", f"{account.since:%Y-%m-%d} 10:00:00",
        ])  # fmt: skip
    return found


def person_pays(discipline: float) -> float:
    """Return the chance that somebody pays in time."""
    return 0.45 + 0.5 * discipline


def write_business_central(folder: Path, world: World) -> dict[str, int]:
    """Write customers, items and posted invoices of Business Central."""
    rng = world.rng("bc")
    folder.mkdir(parents=True, exist_ok=True)
    customers, ids = [], {}
    for person in world.people:
        if "bc" not in person.systems:
            continue
        ids[person.person_id] = number = f"C{len(customers) + 10000}"
        world.note("bc_customers", number, person)
        address = home(rng, person, 0.2)
        customers.append([
            number, f"{person.given} {person.surname_1}", "Person", written_street(rng, address), address.city, address.region,
            address.postcode, "US", written_phone(rng, person.phone, person.country) if rng.random() < 0.8 else "",
            person.email if rng.random() < 0.7 else "", "_x0020_", f"{person.since:%Y-%m-%d}T09:00:00.123Z",
        ])  # fmt: skip
    items = {
        "@odata.context": "https://api.example/v2.0/$metadata#items",
        "value": [
            {"number": p.sku, "displayName": p.name, "itemCategoryCode": p.category, "unitPrice": p.price_usd, "unitCost": p.cost_usd,
             "inventory": rng.randint(0, 120), "picture": {"url": p.image_url}, "lastModifiedDateTime": f"{world.until}T03:00:00Z"}
            for p in world.catalogue
        ],
    }  # fmt: skip
    items_path = folder / f"items_{world.until}.json"
    items_path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    lines, number = [], 0
    for order in world.orders:
        if order.system != "bc":
            continue
        number += 1
        due = order.at.date() + timedelta(days=30)
        paid = due + timedelta(
            days=rng.randint(-12, 4)
            if rng.random() < person_pays(order.person.traits.discipline)
            else rng.randint(5, 60)
        )
        for at, line in enumerate(order.lines):
            lines.append(
                f'<Line invoice={quoteattr(f"PSI-{number:06d}")} number="{(at + 1) * 10000}"><Customer><Number>{ids[order.person.person_id]}'
                f"</Number></Customer><PostingDate>{order.at:%Y-%m-%d}</PostingDate><DueDate>{due}</DueDate>"
                + (f"<PaidDate>{paid}</PaidDate>" if paid <= world.until else "")
                + f"<Item><Number>{line.product.sku}</Number><Description>{escape(line.product.name)}</Description></Item>"
                f"<Quantity>{line.quantity}</Quantity><Amount currency=\"{order.currency}\">{line.amount}</Amount></Line>"
            )  # fmt: skip
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Invoices xmlns="urn:example:sales">\n'
        + "\n".join(lines)
        + "\n</Invoices>\n"
    )
    (folder / "salesInvoices.xml").write_text(xml, encoding="utf-8")
    header = "number,displayName,type,addressLine1,city,state,postalCode,country,phoneNumber,email,blocked,lastModifiedDateTime"
    return {
        "bc/customers.csv": write_csv(folder / "customers.csv", header, customers),
        f"bc/{items_path.name}": len(world.catalogue),
        "bc/salesInvoices.xml": len(lines),
    }
