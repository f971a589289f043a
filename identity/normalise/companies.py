"""Names of companies: what is their own, apart from the legal form, and the domain that is theirs.

Legal forms of Spain and Spanish America are the project's own list, as registries write them, with and without dots; those of
other countries come from the package cleanco (MIT). Registrable domains come from the Public Suffix List as the package
publicsuffixlist (MPL-2.0) carries it; nothing is loaded.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

from identity.contact_points import PROVIDERS
from identity.normalise.text import folded

#: Legal form as one word: how its folded letters stand at the end of a name, the longest first.
LEGAL_FORMS = (
    ("sapi de cv", r"s ?a ?p ?i(?: de c ?v)?"), ("sab de cv", r"s ?a ?b(?: de c ?v)?"), ("sa de cv", r"s ?a de c ?v"),
    ("srl de cv", r"s(?: de)? ?r ?l de c ?v"), ("sofom", r"s ?o ?f ?o ?m(?: e ?n ?r)?"), ("sas", r"s ?a ?s|sociedad por acciones simplificada"),
    ("sau", r"s ?a ?u"), ("slu", r"s ?l ?u"), ("sll", r"s ?l ?l"), ("scoop", r"s ?coop(?:erativa)?|sociedad cooperativa"),
    ("spa", r"s ?p ?a|sociedad por acciones"), ("srl", r"s(?: de)? ?r ?l|sociedad de responsabilidad limitada"),
    ("sac", r"s ?a ?c"), ("saa", r"s ?a ?a"), ("eirl", r"e ?i ?r ?l"), ("sa", r"s ?a|sociedad anonima"), ("sl", r"s ?l|sociedad limitada"),
    ("sc", r"s ?c|sociedad civil"), ("ac", r"a ?c|asociacion civil"), ("cb", r"c ?b|comunidad de bienes"), ("ltda", r"ltda|limitada"),
    ("sen c", r"s en c(?: por a)?"), ("inc", r"inc|incorporated"), ("corp", r"corp|corporation"), ("llc", r"l ?l ?c"), ("llp", r"l ?l ?p"),
    ("ltd", r"(?:pty )?(?:ltd|limited)"), ("plc", r"p ?l ?c"), ("co", r"(?:and |y |& )?(?:co|cia|company|compania|compañia)"), ("gmbh", r"gmbh"),
)  # fmt: skip
_ENDS = [(form, re.compile(rf"^(.+?) (?:{pattern})$")) for form, pattern in LEGAL_FORMS]
#: Words that tell no company from another.
COMMON_WORDS = frozenset("de del la las los el y e and the of en para por".split())


class Company(NamedTuple):
    """`key` is the name without its legal form, folded; `words` its words in alphabetical order; empty when not known."""

    key: str
    words: str
    legal_form: str


@lru_cache(maxsize=200_000)
def parse_company(raw: str | None) -> Company:
    """Take a company's name apart: `Pérez Hermanos, S.A. de C.V.` is (`perez hermanos`, `hermanos perez`, `sa de cv`)."""
    text = folded(re.sub(r"[.&/]", " ", raw or ""))
    forms: list[str] = []
    found = True
    while found:
        found = False
        for form, pattern in _ENDS:
            if match := pattern.match(text):
                text, found = match[1], True
                forms.append(form)
                break
    if not forms and raw:
        text = _of_the_world(raw) or text
    words = [w for w in text.split() if w not in COMMON_WORDS] or text.split()
    return Company(" ".join(words), " ".join(sorted(words)), forms[-1] if forms else "")


@lru_cache(maxsize=200_000)
def _of_the_world(raw: str) -> str:
    from cleanco import basename

    return folded(str(basename(raw)))


@cache
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=200_000)
def company_domain(website: str | None, email: str | None) -> tuple[str, str]:
    """Return the domain that a company registered and its name before the ending; empty for mail providers.

    A web site tells, else the part of an e-mail address after the `@`.
    """
    for raw in (website, (email or "").rpartition("@")[2]):
        host = re.sub(r"^[a-z]+://|[/?#:].*$|\s", "", re.sub(r"^[a-z]+://", "", (raw or "").strip().lower())).strip(".")
        domain = str(_suffixes().privatesuffix(host) or "") if re.fullmatch(r"[\w.-]+\.[a-zñ]{2,}", host) else ""
        if domain and domain not in PROVIDERS:
            return domain, domain.partition(".")[0]
    return "", ""
