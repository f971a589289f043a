"""What happens after the sale: calls (Twilio, Genesys), tickets (Zendesk), usage and contracts (Gainsight), surveys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.generate.systems.texts import mood, sentence
from data.generate.systems.written import workbook, write_csv
from data.generate.world import World

#: Tracking number, source, medium, campaign, page (dynamic number insertion).
TRACKING = [
    ("+525512340001", "google", "cpc", "Marca MX", "/"), ("+525512340002", "google", "organic", "", "/contacto"),
    ("+525512340003", "facebook", "paid_social", "Prospección similar", "/"), ("+525512340009", "", "", "", ""),
]  # fmt: skip
INTENTS = ["consulta", "soporte", "venta", "reclamo", "devolución"]
FEATURES = ["panel", "informes", "api", "móvil", "alertas"]
MILESTONES = ["contrato firmado", "datos conectados", "primer informe", "equipo formado", "en producción"]
PROCESSES = ["compra", "entrega", "soporte", "facturación", "devolución"]


def write_calls(twilio: Path, genesys: Path, world: World) -> dict[str, int]:
    """Write calls as the carrier has them and interactions as the call centre has them."""
    rng = world.rng("calls")
    twilio.mkdir(parents=True, exist_ok=True)
    genesys.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    rows: list[list[str]] = []
    first = world.until - timedelta(days=365)
    for person in world.people:
        likes = 2.2 if person.traits.channel == "phone" else 0.75
        for _ in range(min(int(rng.expovariate(1 / (0.8 * likes))), 9)):
            at = world.moment(rng, max(first, person.since), world.until)
            number = TRACKING[rng.choices(range(4), [30, 25, 12, 33])[0]][0]
            wait = int(rng.expovariate(1 / 26))
            abandoned = rng.random() < 0.015 + min(wait, 240) / 900
            talk = 0 if abandoned else int(rng.lognormvariate(5.1, 0.7))
            hidden = rng.random() < 0.04
            caller = "anonymous" if hidden else person.phone
            lines.append(json.dumps({
                "sid": f"CA{len(lines):032x}", "parent_call_sid": None, "to": number, "from": caller, "direction": "inbound",
                "status": "no-answer" if abandoned else "completed", "start_time": f"{at:%a, %d %b %Y %H:%M:%S} +0000",
                "end_time": f"{at + timedelta(seconds=wait + talk):%a, %d %b %Y %H:%M:%S} +0000", "duration": str(wait + talk), "queue_time": str(wait * 1000),
                "answered_by": None, "forwarded_from": None, "price": f"-{(wait + talk) / 60 * 0.0085:.5f}", "price_unit": "USD",
            }))  # fmt: skip
            if rng.random() < 0.25:
                continue
            intent = rng.choices(INTENTS, [34, 26, 18, 14, 8])[0]
            solved = not abandoned and rng.random() < 0.66 + 0.28 * person.traits.satisfaction
            outcome = (
                ""
                if abandoned
                else rng.choice(["venta", "sin venta"])
                if intent == "venta"
                else "resuelto"
                if solved
                else "pendiente"
            )
            csat = (
                ""
                if abandoned or rng.random() > 0.35
                else str(max(1, min(5, round(1 + 4 * (person.traits.satisfaction + rng.gauss(0.08, 0.15))))))
            )
            note = sentence(rng, person.traits.satisfaction, person.country) if rng.random() < 0.2 else ""
            there = at - timedelta(hours=6)
            rows.append(["YES", "", "", f"conv-{len(rows):08d}", rng.choice(["Luis Peña", "Ana Ríos", "María Solís"]), f"{there:%d/%m/%Y %H:%M:%S}", "Inbound",
                         "VOICE", caller, number, rng.choice(["Ventas", "Soporte", "Cobranza"]), str(wait), str(talk), "YES" if abandoned else "NO",
                         "" if abandoned else rng.choice(["Informado", "Escalado", "Cerrado"]), intent, outcome, "YES" if solved else "NO", csat, note])  # fmt: skip
    (twilio / "calls.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_csv(twilio / "tracking_numbers.csv", "phone_number,source,medium,campaign,landing_page,valid_from,valid_to",
         [[*t, f"{first}T00:00:00Z", ""] for t in TRACKING])  # fmt: skip
    write_csv(
        genesys / "interactions.csv",
        "Full Export Completed,Partial Result Timestamp,Filters,Conversation ID,Users,Date,Initial Direction,Media Type,ANI,DNIS,First Queue,Total Wait,"
        "Total Talk,Abandoned,Wrap-up,Intent,Outcome,First Contact Resolution,CSAT,Notes",
        rows,
    )
    return {
        "twilio/calls.jsonl": len(lines),
        "twilio/tracking_numbers.csv": len(TRACKING),
        "genesys/interactions.csv": len(rows),
    }


def write_care(zendesk: Path, gainsight: Path, world: World) -> dict[str, int]:
    """Write tickets and their requesters, usage by day, contracts and milestones."""
    rng = world.rng("care")
    zendesk.mkdir(parents=True, exist_ok=True)
    users, tickets = [], []
    for person in world.people:
        unhappy = 1.25 - person.traits.satisfaction
        count = min(int(rng.expovariate(1 / (1.05 * unhappy))), 6)
        if not count:
            continue
        user = 370000000000 + len(users)
        has_name = rng.random() > 0.05
        since = world.moment(rng, max(world.until - timedelta(days=400), person.since), world.until)
        world.note("zendesk_users", str(user), person)
        users.append({
            "id": user, "name": f"{person.given} {person.surname_1}" if has_name else "", "email": person.email if has_name else None,
            "phone": person.phone if not has_name or rng.random() < 0.4 else None, "role": "end-user", "locale": "en-US" if person.country == "US" else "es",
            "time_zone": "Mexico City", "active": True, "external_id": world.shop_ids.get(person.person_id), "created_at": _z(since), "updated_at": _z(since),
        })  # fmt: skip
        for _ in range(count):
            at = world.moment(rng, since.date(), world.until)
            solved = at + timedelta(hours=int(rng.expovariate(1 / 30)) + 1)
            status = (
                "solved" if solved.date() <= world.until and rng.random() < 0.9 else rng.choice(["open", "pending"])
            )
            score = rng.choices(
                ["unoffered", "good", "bad"],
                [60, 40 * person.traits.satisfaction, 40 * (1 - person.traits.satisfaction)],
            )[0]
            text = sentence(rng, person.traits.satisfaction - 0.2, person.country)
            tickets.append({
                "id": 1000 + len(tickets), "requester_id": user, "organization_id": None, "assignee_id": 1, "via": {"channel": rng.choice(["web", "email", "whatsapp"])},
                "subject": text[:40], "description": text, "type": "incident", "priority": rng.choice(["low", "normal", "high"]), "status": status,
                "tags": rng.sample(["envio", "factura", "producto", "urgente"], rng.choice([0, 1, 2])),
                "satisfaction_rating": {"score": score, "comment": sentence(rng, person.traits.satisfaction, person.country) if score != "unoffered" else None},
                "created_at": _z(at), "updated_at": _z(min(solved, datetime.combine(world.until, datetime.max.time()))),
                "metric_set": {"solved_at": _z(solved) if status == "solved" else None, "reply_time_in_minutes": {"calendar": int(rng.expovariate(1 / 90)) + 1}},
            })  # fmt: skip
    users.append(
        {
            "id": 1,
            "name": "Agente",
            "email": "agente@empresa.example",
            "role": "agent",
            "active": True,
            "created_at": _z(datetime(2024, 1, 1)),
            "updated_at": _z(datetime(2024, 1, 1)),
        }
    )
    for name, found in (("users", users), ("tickets", tickets)):
        (zendesk / f"{name}.json").write_text(
            json.dumps({name: found, "count": len(found), "end_of_stream": True}, ensure_ascii=False), encoding="utf-8"
        )
    return {"zendesk/users.json": len(users), "zendesk/tickets.json": len(tickets), **_gainsight(gainsight, world)}


def _gainsight(folder: Path, world: World) -> dict[str, int]:
    import numpy as np
    import polars as pl

    rng = world.rng("gainsight")
    draw = np.random.default_rng(world.seed + 71)
    folder.mkdir(parents=True, exist_ok=True)
    contracts, milestones, parts = [], [], []
    columns: list[tuple[str, str, str]] = []
    days = [world.until - timedelta(days=d) for d in range(119, -1, -1)]
    for account in world.accounts:
        ident = f"GS-{account.number:06d}"
        world.truth.accounts.append(("gainsight_contracts", ident, f"A{account.number:06d}"))
        years = max((world.until - account.since).days // 365, 0)
        starts = account.since + timedelta(days=365 * years)
        churned = account.health < 0.32 and rng.random() < 0.6
        contracts.append([f"CT-{account.number:06d}", ident, account.crm_id, rng.choice(["Básico", "Pro", "Empresa"]), str(account.employees), f"{account.arr_usd}.00", "USD",
                          f"{starts}", f"{starts + timedelta(days=365)}", "churned" if churned else "active", rng.choice(["precio", "sin uso", "competencia"]) if churned else ""])  # fmt: skip
        for number, milestone in enumerate(MILESTONES):
            due = account.since + timedelta(days=14 * (number + 1))
            done = due + timedelta(days=rng.randint(-5, 20))
            reached = done <= world.until and rng.random() < 0.75 + 0.25 * account.health
            milestones.append([ident, milestone, f"{due}", f"{done}" if reached else ""])
        # Usage falls off before an account leaves.
        fall = np.linspace(1, 0.25, len(days)) if churned else np.ones(len(days))
        for feature in FEATURES[: 2 + int(account.health * 4)]:
            users = draw.poisson(max(account.employees * account.health * 0.2, 0.4) * fall)
            columns.append((ident, account.crm_id, feature))
            parts.append((users, draw.poisson(users * 6.0 + 0.1), np.round(users * draw.uniform(3, 20, len(days)), 1)))
    write_csv(
        folder / "contracts.csv",
        "contractId,accountId,sfdcId,plan,numberOfUsers,arr,currency,startDate,renewalDate,status,churnReason",
        contracts,
    )
    write_csv(folder / "milestones.csv", "accountId,milestone,dueDate,completedDate", milestones)
    names = {n: np.repeat([c[i] for c in columns], len(days)) for i, n in enumerate(("accountId", "sfdcId", "feature"))}
    usage = pl.DataFrame(
        {
            **{n: pl.Series(values, dtype=pl.String) for n, values in names.items()},
            "date": days * len(columns),
            "activeUsers": np.concatenate([p[0] for p in parts]).astype("int64"),
            "events": np.concatenate([p[1] for p in parts]).astype("int64"),
            "minutes": np.concatenate([p[2] for p in parts]),
        }
    ).filter(pl.col("activeUsers") > 0)
    usage.write_parquet(folder / "usage.parquet")
    return {
        "gainsight/contracts.csv": len(contracts),
        "gainsight/milestones.csv": len(milestones),
        "gainsight/usage.parquet": usage.height,
    }


def write_surveys(typeform: Path, delighted: Path, employees: Path, world: World) -> dict[str, int]:
    """Write what customers answer after orders and cases, a form on the site, and what employees think customers would say."""
    rng = world.rng("surveys")
    for folder in (typeform, delighted, employees):
        folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for order in world.orders:
        if order.at.date() < world.until - timedelta(days=365) or rng.random() > 0.12:
            continue
        person = order.person
        kind = rng.choices(["nps", "csat", "ces"], [60, 25, 15])[0]
        felt = person.traits.satisfaction + rng.gauss(0, 0.13)
        top = {"nps": 10, "csat": 5, "ces": 7}[kind]
        score = max(0 if kind == "nps" else 1, min(top, round(felt * top * 1.12)))
        at = min(order.at + timedelta(days=rng.randint(2, 9)), datetime.combine(world.until, datetime.max.time()))
        epoch = int(at.replace(tzinfo=UTC).timestamp())
        lines.append(json.dumps({
            "id": f"{len(lines) + 1}", "survey_type": kind, "score": score, "comment": sentence(rng, felt, person.country) if rng.random() < 0.35 else None,
            "person": {"id": person.person_id[1:], "email": person.email, "phone_number": None}, "created_at": epoch, "updated_at": epoch, "tags": [],
            "person_properties": {"process": rng.choice(PROCESSES)},
        }, ensure_ascii=False))  # fmt: skip
    (delighted / "responses.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    answers = []
    for person in world.people:
        if rng.random() > 0.04:
            continue
        at = world.moment(rng, max(world.until - timedelta(days=200), person.since), world.until)
        feels = mood(rng, person.traits.satisfaction)
        answers.append([f"r{len(answers):06d}", {"good": "Muy bien", "neutral": "Normal", "bad": "Mal"}[feels], rng.choice(["Anuncio", "Amistad", "Buscador"]),
                        rng.choice(["Sí", "No"]), person.email if rng.random() < 0.8 else "", f"{at:%Y-%m-%d %H:%M:%S}", f"{at + timedelta(minutes=2):%Y-%m-%d %H:%M:%S}", f"{rng.getrandbits(40):010x}"])  # fmt: skip
    write_csv(typeform / "satisfaccion-responses.csv",
              ["#", "¿Cómo fue tu última compra, {{hidden:nombre}}?", "¿Cómo nos conociste?", "¿Nos recomendarías, sí o no?", "email", "Start Date (UTC)", "Submit Date (UTC)", "Network ID"],
              answers)  # fmt: skip
    average = sum(p.traits.satisfaction for p in world.people) / len(world.people)
    rows: list[list[object]] = []
    for employee in range(1, 61):
        area, job = (
            rng.choice(["Ventas", "Logística", "Soporte", "Finanzas"]),
            rng.choice(["Agente", "Supervisor", "Gerente"]),
        )
        for process in PROCESSES:
            felt = average + (0.12 if job == "Gerente" else 0.04) + rng.gauss(0, 0.1)
            rows.append([f"E{employee:03d}", f"{world.until - timedelta(days=rng.randint(5, 40)):%d/%m/%Y}", area, job, process, max(0, min(10, round(felt * 11))),
                         round(max(1, min(5, felt * 5.4)), 1), round(max(1, min(7, 7 - felt * 6)), 1), ""])  # fmt: skip
    header = ["ID", "Fecha", "Área", "Puesto", "Proceso", "¿Qué nota crees que nos pone el cliente? (0-10)", "Satisfacción del cliente según tú (1-5)",
              "Esfuerzo del cliente según tú (1-7)", "Comentario"]  # fmt: skip
    workbook(employees / f"survey_{world.until:%Y}.xlsx", "Respuestas", header, rows)
    return {
        "delighted/responses.jsonl": len(lines),
        "typeform/satisfaccion-responses.csv": len(answers),
        f"employees/survey_{world.until:%Y}.xlsx": len(rows),
    }


def _z(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
