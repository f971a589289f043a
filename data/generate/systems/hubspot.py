"""HubSpot contacts as exported by a portal in Spanish: byte-order mark, every cell quoted, day first."""

from __future__ import annotations

import csv
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from data.generate import facts
from data.generate.people import Person, folded, handle_of
from data.generate.systems.damage import company_name, everyday_name, home, maybe_typo, mojibake, written_phone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.generate.world import Truth, World

HEADER = ["ID de registro", "Nombre", "Apellidos", "Correo", "Número de teléfono", "Ciudad", "Código postal", "País/región",
          "Fecha de nacimiento", "Etapa del ciclo de vida", "Fecha de creación", "Fecha de última modificación",
          "Propietario del contacto", "Consentimiento para publicidad", "IDs de objetos fusionados",
          "Nombre de usuario de Twitter"]  # fmt: skip
#: Share of contacts that somebody merged others into, inside the portal.
MERGED = 0.04


def write(folder: Path, people: list[Person], rng: random.Random, truth: Truth, until: date) -> dict[str, int]:
    """Write the CRM's contacts and note which record is which person."""
    rows: list[list[str]] = []
    record = 50000
    handles = random.Random(len(people) + 1)  # so are the names on social networks
    merges = _merged_away(
        random.Random(len(people))
    )  # chance of its own, so that merging changes nothing else about the company
    for person in people:
        if "hubspot" not in person.systems:
            continue
        for _ in range(2 if rng.random() < 0.07 else 1):
            record += rng.randint(1, 40)
            truth.records.append(("hubspot_contacts", str(record), person.person_id, person.household_id))
            given = maybe_typo(rng, everyday_name(rng, person.given, 0.14), 0.02)
            surname = maybe_typo(rng, person.surname_1, 0.03)
            if person.surname_2 and rng.random() < 0.55:
                surname = f"{surname} {person.surname_2}"
            if person.country == "US" and person.surname_2 and rng.random() < 0.3:
                given, surname = f"{given} {person.surname_1}", person.surname_2
            if rng.random() < 0.3:
                given, surname = folded(given), folded(surname)
            elif rng.random() < 0.03:
                given, surname = mojibake(given), mojibake(surname)
            email = person.role_email or (
                person.other_email if person.other_email and rng.random() < 0.3 else person.email
            )
            email = "" if rng.random() < 0.10 else email.upper() if rng.random() < 0.04 else email
            address = home(rng, person, 0.3)
            born = f"{person.birth_date:%d/%m/%Y}" if rng.random() < 0.25 else ""
            born = "31/02/1980" if rng.random() < 0.001 else born  # typed by hand, and impossible
            created = datetime.combine(person.since, datetime.min.time()) + timedelta(
                minutes=rng.randint(0, 60 * 24 * 20)
            )
            changed = min(created + timedelta(days=rng.randint(0, 400)), datetime.combine(until, datetime.max.time()))
            rows.append([
                str(record), given, surname, email,
                written_phone(rng, person.phone, person.country) if rng.random() < 0.55 else "",
                address.city if rng.random() < 0.6 else "", address.postcode if rng.random() < 0.4 else "",
                facts.COUNTRY_NAMES_ES[person.country], born, rng.choice(["Lead", "Oportunidad", "Cliente", "Suscriptor"]),
                f"{created:%d/%m/%Y %H:%M}", f"{changed:%d/%m/%Y %H:%M}", rng.choice(["", "Luis Peña", "Ana Ríos", "María Solís"]),
                rng.choices(["Sí", "No", ""], [58, 14, 28])[0], next(merges),
                f"@{handle_of(person)}" if handles.random() < 0.4 else "",
            ])  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "hubspot-contactos.csv").open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return {"hubspot/hubspot-contactos.csv": len(rows)}


def _merged_away(rng: random.Random) -> Iterator[str]:
    """Yield the ids of contacts that were merged into one: each once, and exported nowhere else."""
    free = 900_000_000
    while True:
        gone = rng.choice([1, 1, 2]) if rng.random() < MERGED else 0
        yield ";".join(str(free - at) for at in range(gone))
        free -= gone


def write_companies(folder: Path, world: World) -> dict[str, int]:
    """Write companies and deals of the CRM, in Spanish too."""
    rng = world.rng("hubspot companies")
    written = world.rng("names of companies in hubspot")
    companies, deals = [], []
    for account in world.accounts:
        if rng.random() > 0.6:
            continue
        ident = str(8000 + account.number)
        world.truth.accounts.append(("hubspot_companies", ident, f"A{account.number:06d}"))
        name = account.name if rng.random() < 0.8 else folded(account.name).upper()
        companies.append([ident, company_name(written, account, name), account.domain if written.random() < 0.75 else "", account.industry,
                          account.people[0].address.city, facts.COUNTRY_NAMES_ES[account.country], str(account.employees), f"{account.arr_usd * 40}",
                          f"{account.since:%d/%m/%Y} 09:30"])  # fmt: skip
        stage = rng.choice(["Cita programada", "Presentación", "Cierre ganado", "Cierre perdido"])
        close = world.moment(rng, world.until - timedelta(days=300), world.until)
        deals.append([str(60000 + account.number), f"{account.name} renovación", stage, "Ventas", f"{account.arr_usd}", f"{close:%d/%m/%Y %H:%M}",
                      "sin presupuesto" if stage == "Cierre perdido" else "", "Luis Peña", ident, "", f"{close - timedelta(days=60):%d/%m/%Y %H:%M}"])  # fmt: skip
    counts = {}
    for name, header, rows in (
        ("empresas", ["ID de registro", "Nombre de la empresa", "Nombre de dominio de la empresa", "Sector", "Ciudad", "País/región", "Número de empleados",
                      "Ingresos anuales", "Fecha de creación"], companies),
        ("negocios", ["ID de registro", "Nombre del negocio", "Etapa del negocio", "Pipeline", "Valor", "Fecha de cierre", "Motivo de negocio perdido",
                      "Propietario del negocio", "IDs de empresas asociadas", "IDs de contactos asociados", "Fecha de creación"], deals),
    ):  # fmt: skip
        with (folder / f"hubspot-{name}.csv").open("w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
            writer.writerow(header)
            writer.writerows(rows)
        counts[f"hubspot/hubspot-{name}.csv"] = len(rows)
    return counts
