"""How the company reaches people: ads (Google, Meta), mail of the shop (SendGrid), social listening, consent, loyalty cards."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.generate.people import handle_of
from data.generate.programmes import ADS, KEYWORDS, PAID
from data.generate.systems.segment import last_days
from data.generate.systems.texts import mood, sentence
from data.generate.world import World


def write_ads(google: Path, meta: Path, world: World) -> dict[str, int]:
    """Write a year of cost by day: Google with two lines before the header and totals, Meta in Spanish with the currency in it."""
    rng = world.rng("ads")
    google.mkdir(parents=True, exist_ok=True)
    meta.mkdir(parents=True, exist_ok=True)
    size = max(len(world.people) / 5000, 0.02)
    rows: list[list[str]] = []
    total = 0.0
    spanish: list[list[str]] = []
    for day in last_days(world, 365):
        season = 1.6 if day.month in (11, 12) else 1.0
        for platform, ident, name, *_, budget, _ in PAID:
            spend = budget * size * season * rng.uniform(0.8, 1.2)
            if platform == "googleads":
                words = KEYWORDS[ident]
                for word in words:
                    cost = spend / len(words)
                    total += cost
                    clicks = int(cost / rng.uniform(0.25, 0.6))
                    rows.append([f"{day}", name, ident, "General", word or " --", "USD", f"{cost:,.2f}", f"{clicks * rng.randint(18, 45):,}", f"{clicks:,}",
                                 f"{clicks * 0.021:.2f}", f"{clicks * 0.021 * 40:,.2f}"])  # fmt: skip
                continue
            for ad in ADS:
                cost = spend / len(ADS) * 18.5
                impressions = int(cost / 18.5 * rng.uniform(140, 260))
                spanish.append([f"{day}", f"{day}", f"{day}", name, ident, "Conjunto 1", ad, "MXN", f"{cost:.2f}", str(impressions), str(int(impressions * 0.8)),
                                str(int(impressions * 0.011)), str(int(impressions * 0.0004)), "actions:offsite_conversion.purchase"])  # fmt: skip
    first, last = last_days(world, 365)[0], world.until
    path = google / "Informe de campañas.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        handle.write(f'Informe de campañas\n"{first:%d/%m/%Y} - {last:%d/%m/%Y}"\n')
        writer = csv.writer(handle)
        writer.writerow(
            [
                "Day",
                "Campaign",
                "Campaign ID",
                "Ad group",
                "Keyword",
                "Currency code",
                "Cost",
                "Impr.",
                "Clicks",
                "Conversions",
                "Conv. value",
            ]
        )
        writer.writerows(rows)
        writer.writerow(["Total: Account", " --", " --", " --", " --", "USD", f"{total:,.2f}", "", "", "", ""])
        writer.writerow(["Total: Search", " --", " --", " --", " --", "USD", f"{total:,.2f}", "", "", "", ""])
    header = ["Inicio del informe", "Fin del informe", "Día", "Nombre de la campaña", "Identificador de la campaña", "Nombre del conjunto de anuncios",
              "Nombre del anuncio", "Divisa", "Importe gastado (MXN)", "Impresiones", "Alcance", "Clics en el enlace", "Resultados", "Indicador de resultado"]  # fmt: skip
    with (meta / "informe-anuncios.csv").open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerow(
            [
                f"{first}",
                f"{last}",
                f"{first}",
                "",
                "",
                "",
                "",
                "MXN",
                f"{sum(float(r[8]) for r in spanish):.2f}",
                "",
                "",
                "",
                "",
                "",
            ]
        )
        writer.writerows(spanish)
    return {"googleads/Informe de campañas.csv": len(rows), "meta/informe-anuncios.csv": len(spanish)}


def write_sendgrid(folder: Path, world: World) -> dict[str, int]:
    """Write the fate of the shop's order mails, an array a month; some opens are by machines, some posts come twice."""
    rng = world.rng("sendgrid")
    folder.mkdir(parents=True, exist_ok=True)
    months: dict[str, list[dict[str, object]]] = {}
    number = 0
    for order in world.orders:
        if order.system != "shopify" or order.at.date() < world.until - timedelta(days=200):
            continue
        category: object = "pedido" if rng.random() < 0.5 else ["pedido", "transaccional"]
        at = order.at + timedelta(seconds=20)
        steps = (
            [("processed", at), ("delivered", at + timedelta(seconds=4))]
            if rng.random() > 0.015
            else [("processed", at), ("bounce", at + timedelta(seconds=3))]
        )
        if steps[-1][0] == "delivered":
            if rng.random() < 0.35:
                steps.append(("machine", at + timedelta(seconds=30)))
            if rng.random() < 0.3 + 0.5 * order.person.traits.email_interest:
                steps.append(("open", at + timedelta(minutes=rng.randint(2, 600))))
                if rng.random() < 0.2:
                    steps.append(("click", at + timedelta(minutes=rng.randint(601, 640))))
        for event, moment in steps:
            if moment.date() > world.until:
                continue
            number += 1
            found: dict[str, object] = {
                "email": order.person.email, "timestamp": int(moment.replace(tzinfo=UTC).timestamp()), "event": "open" if event == "machine" else event,
                "sg_event_id": f"ev{number:010d}", "sg_message_id": f"msg{order.person.person_id}{order.at:%y%m%d%H%M%S}", "category": category,
            }  # fmt: skip
            if event in ("open", "machine"):
                found |= {"sg_machine_open": event == "machine", "useragent": "Mozilla/5.0"}
            if event == "click":
                found["url"] = "https://tienda.example/pedido"
            if event == "bounce":
                found |= {"reason": "550 mailbox unavailable", "status": "5.1.1", "type": "bounce"}
            listed = months.setdefault(f"{moment:%Y-%m}", [])
            listed.append(found)
            if rng.random() < 0.01:
                listed.append(found)
    for month, found_events in sorted(months.items()):
        (folder / f"events_{month}.json").write_text(json.dumps(found_events, separators=(",", ":")), encoding="utf-8")
    return {f"sendgrid/events_{month}.json": len(found_events) for month, found_events in sorted(months.items())}


def write_social(folder: Path, world: World) -> dict[str, int]:
    """Write mentions: UTF-16 and tabs, emoji and line breaks, handles of which the CRM knows some."""
    rng = world.rng("social")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for person in world.people:
        if rng.random() > 0.06 + 0.5 * person.traits.influence:
            continue
        handle = f"@{handle_of(person)}"
        followers = int(rng.lognormvariate(4.5 + 4 * person.traits.influence, 1.0))
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = world.moment(rng, world.until - timedelta(days=300), world.until)
            kind = rng.choices(["like", "comment", "share", "mention"], [50, 25, 12, 13])[0]
            feels = mood(rng, person.traits.satisfaction)
            text = (
                ""
                if kind == "like"
                else sentence(rng, person.traits.satisfaction, person.country)
                + rng.choice(["", " 😍", "\n#tienda", " 👎"])
            )
            rows.append([f"sm{len(rows):08d}", rng.choice(["instagram", "facebook", "x", "tiktok"]), kind, handle, str(followers), f"{at:%Y-%m-%dT%H:%M:%S}Z", text,
                         f"https://social.example/p/{rng.getrandbits(32):08x}", {"good": "positive", "neutral": "neutral", "bad": "negative"}[feels]])  # fmt: skip
    with (folder / "mentions.csv").open("w", newline="", encoding="utf-16") as handle_out:
        writer = csv.writer(handle_out, delimiter="\t", lineterminator="\r\n")
        writer.writerow(
            ["Mention ID", "Network", "Type", "Author handle", "Followers", "Published at", "Text", "URL", "Sentiment"]
        )
        writer.writerows(rows)
    return {"social/mentions.csv": len(rows)}


def write_consent(folder: Path, world: World) -> dict[str, int]:
    """Write statements of the preference centre; some people grant and withdraw, in one system and not in another."""
    rng = world.rng("consent")
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for person in world.people:
        if rng.random() > 0.35:
            continue
        at = world.moment(rng, max(world.until - timedelta(days=600), person.since), world.until)
        for purpose, channel in (
            ("marketing", "email"),
            ("marketing", "sms"),
            ("advertising", "ads"),
            ("marketing", "phone"),
        ):
            if rng.random() < 0.4:
                continue
            statements = [("CONFIRMED" if rng.random() < 0.74 else "WITHDRAWN", at)]
            if rng.random() < 0.12:
                statements.append(
                    (
                        "WITHDRAWN",
                        min(
                            at + timedelta(days=rng.randint(5, 200)), datetime.combine(world.until, datetime.max.time())
                        ),
                    )
                )
            for transaction, moment in statements:
                lines.append(json.dumps({
                    "receiptId": f"rc{len(lines):09d}", "identifier": person.email, "identifierType": "email", "purpose": purpose, "channel": channel,
                    "transactionType": transaction, "legalBasis": "consent", "noticeVersion": "2026-01", "collectionPoint": rng.choice(["web", "app", "tienda"]),
                    "language": "en" if person.country == "US" else "es", "proof": f"sha256:{rng.getrandbits(64):016x}", "interactionDate": f"{moment:%Y-%m-%dT%H:%M:%S}Z",
                }, separators=(",", ":")))  # fmt: skip
    (folder / "preferences.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"consent/preferences.jsonl": len(lines)}


def write_loyalty(folder: Path, world: World) -> dict[str, int]:
    """Write the cards of the loyalty programme: fixed columns, Latin-1."""
    rng = world.rng("loyalty")
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for person in world.people:
        if "sap" not in person.systems or rng.random() > 0.3:
            continue
        name = f"{person.given} {person.surname_1}"[:35]
        last = world.moment(rng, max(person.since, world.start), world.until)
        level = "ORO" if person.traits.value > 0.65 else "PLATA" if person.traits.value > 0.4 else "BASE"
        lines.append(
            f"{7000000000 + len(lines):012d}{'':<10}{name:<35}{int(person.traits.value * 5000):>9}{last:%Y%m%d}{level:<6}"
        )
    (folder / f"SOCIOS_{world.until:%Y%m%d}.txt").write_bytes(
        ("\r\n".join(lines) + "\r\n").encode("latin-1", errors="replace")
    )
    return {f"loyalty/SOCIOS_{world.until:%Y%m%d}.txt": len(lines)}
