"""How the same person comes to look different: typing errors, lost accents, broken encodings, formats of phones."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from data.generate import facts
from data.generate.facts import FORMS
from data.generate.people import Address, Person, folded

if TYPE_CHECKING:
    from data.generate.world import Account

KEYS = "qwertyuiopasdfghjklñzxcvbnm"
SHORT_TYPES = {
    "Calle": ["Calle", "C/", "C.", "Cll"], "Avenida": ["Avenida", "Av.", "Avda.", "Av"], "Plaza": ["Plaza", "Pl.", "Pza."],
    "Paseo": ["Paseo", "P.º", "Pso."], "Carretera": ["Carretera", "Ctra.", "Cra."], "Camino": ["Camino", "Cmno."],
    "Privada": ["Privada", "Priv."], "Boulevard": ["Boulevard", "Blvd.", "Bulevar"], "Calzada": ["Calzada", "Calz."],
    "Carrera": ["Carrera", "Cra.", "Kr", "Carrera"], "Transversal": ["Transversal", "Tv."], "Diagonal": ["Diagonal", "Dg."],
    "Pasaje": ["Pasaje", "Pje."], "Cerrada": ["Cerrada", "Cda."],
}  # fmt: skip


def typo(rng: random.Random, text: str) -> str:
    """Drop, double, swap or mistype one letter."""
    if len(text) < 4:
        return text
    at = rng.randrange(1, len(text) - 1)
    kind = rng.random()
    if kind < 0.3:
        return text[:at] + text[at + 1 :]
    if kind < 0.5:
        return text[:at] + text[at] + text[at:]
    if kind < 0.75:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + rng.choice(KEYS) + text[at + 1 :]


def maybe_typo(rng: random.Random, text: str, share: float) -> str:
    """Make a typing error in so many of a hundred."""
    return typo(rng, text) if rng.random() < share else text


def mojibake(text: str) -> str:
    """Read UTF-8 as Windows-1252: `Muñoz` becomes `MuÃ±oz`."""
    return text.encode("utf-8").decode("cp1252", errors="replace")


def everyday_name(rng: random.Random, given: str, share: float) -> str:
    """Use a nickname, or only the first of two names."""
    if rng.random() < share:
        forms = facts.NICKNAMES.get(given) or facts.NICKNAMES.get(given.split(maxsplit=1)[0])
        if forms:
            return rng.choice(forms)
    if " " in given and rng.random() < share * 2:
        return given.split(maxsplit=1)[0]
    return given


def written_phone(rng: random.Random, e164: str, country: str) -> str:
    """Write a number the way people of that country do, old prefixes included."""
    if country == "MX":
        n = e164[3:]
        forms = [
            e164,
            n,
            f"+521{n}",
            f"044{n}",
            f"045{n}",
            f"01 {n}",
            f"({n[:2]}) {n[2:6]}-{n[6:]}",
            f"+52 {n}",
            f"+52 1 {n}",
        ]
    elif country == "ES":
        n = e164[3:]
        forms = [e164, n, f"0034{n}", f"(+34) {n}", f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]} {n[3:5]} {n[5:7]} {n[7:]}"]
    elif country == "CO":
        n = e164[3:]
        forms = [e164, n, f"57{n}", f"{n[:3]} {n[3:6]} {n[6:]}"]
    elif country == "AR":
        n = e164[6:]
        forms = [e164, f"011 15-{n[:4]}-{n[4:]}", f"+54 9 11 {n[:4]} {n[4:]}", f"+54 11 15 {n[:4]} {n[4:]}"]
    elif country == "CL":
        n = e164[3:]
        forms = [e164, n, f"+56 9 {n[1:5]} {n[5:]}", f"09 {n[1:]}"]
    else:
        n = e164[2:]
        forms = [e164, n, f"({n[:3]}) {n[3:6]}-{n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}", f"{n[:3]}.{n[3:6]}.{n[6:]}"]
    return rng.choice(forms)


def written_street(rng: random.Random, address: Address) -> str:
    """Write the street line: type shortened or not, number with or without a mark."""
    if address.country == "US":
        return f"{address.number} {address.street} {address.kind}" + (f" Apt {address.unit}" if address.unit else "")
    kind = rng.choice(SHORT_TYPES.get(address.kind, [address.kind]))
    mark = rng.choice([" ", ", ", " #", " No. ", " Nº "]) if address.country != "CO" else rng.choice([" # ", " No. "])
    unit = f", {address.unit}" if address.unit and rng.random() < 0.7 else ""
    return f"{kind} {address.street}{mark}{address.number}{unit}".strip()


def home(rng: random.Random, person: Person, old_share: float) -> Address:
    """Return the address a system knows: the old one when the person moved and never told."""
    if person.old_address is not None and rng.random() < old_share:
        return person.old_address
    return person.address


def without_accents(rng: random.Random, text: str, share: float) -> str:
    """Lose the accents of so many of a hundred."""
    return folded(text) if rng.random() < share else text


def company_name(rng: random.Random, account: Account, name: str) -> str:
    """Return a company's name as another system has it: without its legal form, with other points, mistyped."""
    form = FORMS[account.country]
    chance = rng.random()
    if chance < 0.25:
        name = re.sub(re.escape(form) + "$", "", name, flags=re.IGNORECASE).strip(" ,.")
    elif chance < 0.45:
        name = name.replace(form, form.replace(".", ""))
    elif chance < 0.55:
        name = name.replace(f" {form}", f", {form.lower()}")
    return maybe_typo(rng, name, 0.04)
