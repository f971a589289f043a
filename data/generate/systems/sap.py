"""SAP as people export it from list views: Windows-1252, `;`, decimal comma, trailing minus, dates YYYYMMDD.

Tables: KNA1 customers, KNVV sales areas, ADR6 e-mail addresses, MARA products, MARD stock by day, VBAK and VBAP orders and
lines, VBRK and VBRP invoices and lines, BSID open and BSAD paid items.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from data.generate import facts
from data.generate.commerce import Order, Product, daily_stock
from data.generate.people import Person
from data.generate.systems.damage import home, maybe_typo, without_accents, written_phone, written_street

if TYPE_CHECKING:
    from data.generate.world import Truth

PLACEHOLDER_TAX_IDS = {
    "MX": "XAXX010101000",
    "ES": "00000000T",
    "CO": "222222222222",
    "CL": "66666666-6",
    "AR": "99999999999",
}
MAX_NAME = 35


def number(value: Decimal) -> str:
    """Write an amount as a Spanish-locale SAP list does: `1.234,56-`."""
    text = f"{abs(value):,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return f"{text}-" if value < 0 else text


def _write(path: Path, header: str, rows: Iterable[Iterable[str]]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [";".join(cell.replace(";", ",") for cell in row) for row in rows]
    path.write_bytes(("\r\n".join([header, *lines]) + "\r\n").encode("cp1252", errors="replace"))
    return len(lines)


def write(
    folder: Path, people: list[Person], orders: list[Order], catalogue: list[Product], rng: random.Random,
    truth: Truth, until: date,
) -> dict[str, int]:  # fmt: skip
    """Write the ERP's tables and note which customer number is which person."""
    customers: list[list[str]] = []
    emails: list[list[str]] = []
    account: dict[str, str] = {}
    number_range = 100000
    for person in people:
        if "sap" not in person.systems:
            continue
        for copy in range(2 if rng.random() < 0.05 else 1):
            number_range += rng.randint(1, 3)
            kunnr, adrnr = f"{number_range:010d}", f"{20000 + len(customers):010d}"
            account.setdefault(person.person_id, kunnr)
            truth.records.append(("sap_customers", kunnr, person.person_id, person.household_id))
            given, s1 = maybe_typo(rng, person.given, 0.03), maybe_typo(rng, person.surname_1, 0.04)
            surnames = s1 if rng.random() < 0.10 else f"{s1} {person.surname_2}".strip()
            name = f"{surnames} {given}" if rng.random() < 0.5 else f"{given} {surnames}"
            if rng.random() < 0.05:
                name = f"{surnames}, {given}"
            address = home(rng, person, 0.45 if copy == 0 else 0.1)
            tax = person.tax_id if rng.random() < 0.72 else ""
            if rng.random() < 0.06:
                tax = PLACEHOLDER_TAX_IDS.get(person.country, tax)
            phone = written_phone(rng, person.phone, person.country)[:16] if rng.random() < 0.62 else ""
            created = person.since - timedelta(days=rng.randint(0, 40))
            upper = without_accents(rng, name, 0.6).upper()[:MAX_NAME]
            customers.append([
                "100", kunnr, person.country, upper, "", without_accents(rng, address.city, 0.6).upper()[:MAX_NAME],
                address.postcode, address.region[:3].upper(), "", without_accents(rng, written_street(rng, address), 0.6).upper()[:MAX_NAME],
                phone, adrnr, "", f"{created:%Y%m%d}", "KUNA", "X" if rng.random() < 0.01 else "", "S", tax, "", "",
                "X", "",
            ])  # fmt: skip
            box = person.role_email or (person.email if rng.random() < 0.85 else person.other_email)
            if box and rng.random() < 0.55:
                emails.append(["100", adrnr, "1", box if rng.random() < 0.7 else box.upper()])
    # One-time customer: one number, many people; it must never become a person.
    customers.append(["100", "0000999999", "MX", "CLIENTE DE CONTADO", "", "CIUDAD DE MEXICO", "", "", "", "", "", "", "",
                      "20200101", "CPD", "", "S", "XAXX010101000", "", "", "", "X"])  # fmt: skip
    header = "MANDT;KUNNR;LAND1;NAME1;NAME2;ORT01;PSTLZ;REGIO;SORTL;STRAS;TELF1;ADRNR;ANRED;ERDAT;KTOKD;LOEVM;SPRAS;STCD1;STCD2;STCEG;STKZN;XCPDK"
    counts = {"sap/KNA1.csv": _write(folder / "KNA1.csv", header, customers)}
    counts["sap/ADR6.csv"] = _write(folder / "ADR6.csv", "CLIENT;ADDRNUMBER;CONSNUMBER;SMTP_ADDR", emails)
    counts["sap/MARA.csv"] = _write(
        folder / "MARA.csv",
        "MANDT;MATNR;MAKTX;MATKL;MEINS;BISMT;STPRS;KBETR;WAERS;ZZIMAGE",
        (
            ["100", p.material, p.name, p.category, "ST", p.sku, number(Decimal(str(p.cost_usd))), number(Decimal(str(p.price_usd))), "USD", p.image_url]
            for p in catalogue
        ),
    )  # fmt: skip
    counts["sap/KNVV.csv"] = _write(
        folder / "KNVV.csv",
        "MANDT;KUNNR;VKORG;VTWEG;SPART;KDGRP;BZIRK;ZTERM;AUFSD;LOEVM",
        (
            ["100", c[1], c[2] + "01", "10", "00", f"{int(c[1]) % 5:02d}", c[2] + f"{int(c[1]) % 9:03d}", "Z030", "01" if int(c[1]) % 61 == 0 else "", c[15]]
            for c in customers
        ),
    )  # fmt: skip
    counts |= _write_stock(folder, orders, catalogue, rng, until)
    return counts | _write_invoices(folder, orders, account, rng, until)


def _write_stock(
    folder: Path, orders: list[Order], catalogue: list[Product], rng: random.Random, until: date
) -> dict[str, int]:
    first = (until - timedelta(days=364)).replace(day=1)
    months: dict[str, list[str]] = {}
    for (day, article), level in daily_stock(orders, catalogue, rng, first, until).items():
        months.setdefault(f"{day:%Y-%m}", []).append(
            f"{day:%Y%m%d};{catalogue[article].material};1000;0001;{level},000"
        )
    counts = {}
    for month, lines in sorted(months.items()):
        content = "\r\n".join(["DATUM;MATNR;WERKS;LGORT;LABST", *sorted(lines)]) + "\r\n"
        (folder / f"MARD_{month}.csv").write_bytes(content.encode("cp1252"))
        counts[f"sap/MARD_{month}.csv"] = len(lines)
    return counts


def _write_invoices(
    folder: Path, orders: list[Order], account: dict[str, str], rng: random.Random, until: date
) -> dict[str, int]:
    heads: list[list[str]] = []
    lines: list[list[str]] = []
    open_items: list[list[str]] = []
    cleared: list[list[str]] = []
    taken: list[list[str]] = []
    positions: list[list[str]] = []
    document = 90000000
    end = datetime.combine(until, datetime.max.time())
    for order in orders:
        if order.system != "sap":
            continue
        document += 1
        vbeln, kunag = f"{document:010d}", account[order.person.person_id]
        cancelled = rng.random() < 0.015
        asked = f"{document + 10000000:010d}"
        day = f"{order.at:%Y%m%d}"
        taken.append(
            [
                "100",
                asked,
                "TA",
                day,
                day,
                f"{order.at:%H%M%S}",
                "MX01",
                kunag,
                number(order.amount),
                order.currency,
                day,
            ]
        )
        positions += [
            ["100", asked, f"{10 * (i + 1):06d}", ln.product.material, f"{ln.quantity},000", number(ln.amount), "Z1" if cancelled else ""]
            for i, ln in enumerate(order.lines)
        ]  # fmt: skip
        heads.append(_head(vbeln, "F2", order.at, kunag, order.amount, order.currency, cancelled))
        lines += _positions(vbeln, order, 1)
        if not cancelled and rng.random() < 0.04:
            document += 1
            back_at = min(order.at + timedelta(days=rng.randint(2, 25)), end)
            back = Order(order.person, "sap", back_at, order.currency, order.lines[:1])
            heads.append(_head(f"{document:010d}", "G2", back_at, kunag, -back.amount, order.currency, False))
            lines += _positions(f"{document:010d}", back, -1)
        is_on_credit = int(kunag) % 4 == 0
        if is_on_credit and not cancelled:
            terms = rng.choice([15, 30, 30, 60])
            # Who is careless pays late; between a fifth and a third of the invoices are.
            is_late = rng.random() < 0.06 + 0.62 * (1 - order.person.traits.discipline)
            late = int(rng.expovariate(1 / 14)) + 1 if is_late else -rng.randint(0, 5)
            paid_on = order.at.date() + timedelta(days=terms + late)
            item = [
                "1000", kunag, f"18{document:08d}", f"{order.at:%Y}", "001", day, day, day, str(terms), "S", number(order.amount),
                order.currency, f"Z{terms:03d}", vbeln,
            ]  # fmt: skip
            if paid_on > until or rng.random() < 0.015:
                open_items.append(item)
            else:
                cleared.append([*item, f"{paid_on:%Y%m%d}", f"14{document:08d}"])
    items = "BUKRS;KUNNR;BELNR;GJAHR;BUZEI;BUDAT;BLDAT;ZFBDT;ZBD1T;SHKZG;WRBTR;WAERS;ZTERM;VBELN"
    return {
        "sap/VBRK.csv": _write(folder / "VBRK.csv", "MANDT;VBELN;FKART;FKDAT;ERZET;KUNAG;NETWR;WAERK;FKSTO", heads),
        "sap/VBRP.csv": _write(folder / "VBRP.csv", "MANDT;VBELN;POSNR;MATNR;ARKTX;FKIMG;VRKME;NETWR", lines),
        "sap/VBAK.csv": _write(
            folder / "VBAK.csv", "MANDT;VBELN;AUART;AUDAT;ERDAT;ERZET;VKORG;KUNNR;NETWR;WAERK;AEDAT", taken
        ),
        "sap/VBAP.csv": _write(folder / "VBAP.csv", "MANDT;VBELN;POSNR;MATNR;KWMENG;NETWR;ABGRU", positions),
        "sap/BSID.csv": _write(folder / "BSID.csv", items, open_items),
        "sap/BSAD.csv": _write(folder / "BSAD.csv", f"{items};AUGDT;AUGBL", cleared),
    }


def _head(
    vbeln: str, kind: str, at: datetime, kunag: str, amount: Decimal, currency: str, cancelled: bool
) -> list[str]:
    return [
        "100",
        vbeln,
        kind,
        f"{at:%Y%m%d}",
        f"{at:%H%M%S}",
        kunag,
        number(amount),
        currency,
        "X" if cancelled else "",
    ]


def _positions(vbeln: str, order: Order, sign: int) -> list[list[str]]:
    return [
        ["100", vbeln, f"{10 * (i + 1):06d}", line.product.material, line.product.name, str(sign * line.quantity).replace("-", "")
         + ("-" if sign < 0 else ""), "ST", number(sign * line.amount)]
        for i, line in enumerate(order.lines)
    ]  # fmt: skip


assert set(facts.CURRENCIES) >= set(PLACEHOLDER_TAX_IDS)
