"""Street lines to comparable parts: name of the street without its type, and number.

Street types and their short forms follow libpostal's dictionaries (MIT) for Spanish and English, written out here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from identity.normalise.text import folded

STREET_TYPES = frozenset(
    (
        "calle c cl cll avenida av avd avda ave plaza pl pza plza paseo p po pso ps carretera ctra cra cr carr "
        "camino cno cmno privada priv boulevard blvd bulevar bvd calzada calz carrera kr kra ak transversal tv "
        "tr transv diagonal dg diag pasaje pje psje cerrada cda ronda rda travesia trv callejon cjon andador and "
        "glorieta gta via rambla rbla prolongacion prol circuito cto autopista autop rua st street dr drive road "
        "rd lane ln court ct way hwy"
    ).split()
)
#: English types as the post writes them (USPS Publication 28, C1), which stand behind the name.
TYPES_BEHIND = STREET_TYPES | frozenset(
    (
        "avenue aven avenu avn avnue avnu boul boulv circle cir circ circl crcl crescent cres crt drv driv expressway expy freeway fwy "
        "highway hiway loop park prk parkway parkwy pkway pkwy pky place square sq sqr str strt terrace ter terr trail trl way wy "
        "turnpike tpke"
    ).split()
)
#: Points of the compass before an English name, by their letter.
DIRECTIONS = {
    "north": "n", "nth": "n", "south": "s", "sth": "s", "east": "e", "est": "e", "west": "w", "wst": "w",
    "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip
#: English ordinals, as they stand in the names of numbered streets.
ORDINALS = {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th",
    "ninth": "9th", "tenth": "10th", "eleventh": "11th", "twelfth": "12th",
}  # fmt: skip
UNIT_WORDS = frozenset(
    (
        "int interior piso p dto depto departamento apto apartamento apt esc escalera puerta pta local loc of "
        "oficina torre bloque blq mz lt lote manzana izda izq dcha der suite ste unit col colonia cp"
    ).split()
)
_NUMBER = re.compile(r"^(\d+)([a-z]?)$")
_NO_NUMBER = re.compile(r"\bs\s*/?\s*n\b|\bs/n[ºo]?\b", re.IGNORECASE)
_NUMBER_MARK = re.compile(r"(?i)\b(?:no|num|núm|nro|n)\.?\s*[ºo°]?\s*(?=\d)|#|[º°]|ª")


class Street(NamedTuple):
    """Folded name of a street without type and unit, and its number; empty when not known."""

    name: str
    number: str


@lru_cache(maxsize=500_000)
def parse_street(raw: str | None) -> Street:
    """Take a street line apart: `C/ Mayor, 12, 3º Izda.` is (`mayor`, `12`), `742 Main St` is (`main`, `742`).

    Colombian lines (`Cra. 7 # 71-21`) keep the street's own number as its name: (`7`, `71 21`).
    """
    if not raw:
        return Street("", "")
    marked = "#" in raw
    text = folded(_NUMBER_MARK.sub(" # " if not marked else " ", _NO_NUMBER.sub(" ", raw)).replace("#", " "))
    words = text.split()
    while words and words[0] in STREET_TYPES:
        words.pop(0)
    name: list[str] = []
    number = ""
    if words and _NUMBER.match(words[0]) and len(words) > 1 and not _NUMBER.match(words[1]) and words[1] != "de":
        number, words = words[0], words[1:]  # English order
    elif len(words) >= 3 and all(_NUMBER.match(w) for w in words[:3]):
        return Street(words[0], f"{int(_digits(words[1]))} {int(_digits(words[2]))}")
    for word in words:
        if word in UNIT_WORDS and name:
            break
        if _NUMBER.match(word) and name and not number:
            number = word
            break
        if number and word in STREET_TYPES:
            break
        name.append(word)
    while len(name) > 1 and name[-1] in TYPES_BEHIND:
        name.pop()
    if len(name) > 1:
        name[0] = DIRECTIONS.get(name[0], name[0])
    name = [ORDINALS.get(word, word) for word in name]
    return Street(" ".join(w for w in name if w not in ("de", "del", "la", "las", "los", "el")), number.lstrip("0"))


def _digits(word: str) -> str:
    return re.sub(r"\D", "", word) or "0"
