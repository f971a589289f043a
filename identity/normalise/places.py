"""Countries and cities as people write them."""

from __future__ import annotations

from functools import lru_cache

from identity.normalise.text import folded

_COUNTRIES = {
    "mexico": "MX", "mejico": "MX", "mex": "MX", "españa": "ES", "espana": "ES", "spain": "ES", "esp": "ES",
    "colombia": "CO", "col": "CO", "argentina": "AR", "arg": "AR", "chile": "CL", "chl": "CL", "peru": "PE", "per": "PE",
    "ecuador": "EC", "uruguay": "UY", "paraguay": "PY", "bolivia": "BO", "venezuela": "VE", "costa rica": "CR",
    "guatemala": "GT", "panama": "PA", "brasil": "BR", "brazil": "BR", "portugal": "PT",
    "estados unidos": "US", "united states": "US", "usa": "US", "eeuu": "US", "ee uu": "US",
    "reino unido": "GB", "united kingdom": "GB", "uk": "GB", "great britain": "GB", "canada": "CA", "australia": "AU",
    "france": "FR", "francia": "FR", "germany": "DE", "alemania": "DE",
}  # fmt: skip

_CITY_ALIASES = {
    "cdmx": "ciudad de mexico", "df": "ciudad de mexico", "d f": "ciudad de mexico", "mexico df": "ciudad de mexico",
    "distrito federal": "ciudad de mexico", "bogota dc": "bogota", "bogota d c": "bogota", "santa fe de bogota": "bogota",
    "caba": "buenos aires", "capital federal": "buenos aires", "a coruña": "la coruña", "lleida": "lerida",
    "girona": "gerona", "donostia": "san sebastian", "ciutat de palma": "palma", "nyc": "new york", "new york city": "new york",
    "mexico city": "ciudad de mexico", "la": "los angeles",
}  # fmt: skip


@lru_cache(maxsize=10_000)
def country_code(raw: str | None) -> str | None:
    """Return the ISO code of a country given as code or as a name in Spanish or English; None when unknown."""
    if not raw:
        return None
    text = raw.strip()
    if len(text) == 2 and text.isalpha():
        return text.upper()
    return _COUNTRIES.get(folded(text))


@lru_cache(maxsize=100_000)
def city_key(raw: str | None) -> str:
    """Return a city's comparable name."""
    key = folded(raw or "")
    return _CITY_ALIASES.get(key, key)
