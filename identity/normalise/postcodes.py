"""Postal codes and the provinces they belong to, checked against reference tables.

The first two digits of a Spanish code are its province (Correos); of a Mexican one its state (SEPOMEX's ranges); of a
Colombian one its department (DANE's numbers). The letter of an Argentine code is its province (ISO 3166-2). Codes of Chile, the
US and Great Britain are checked by form.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from identity.normalise.text import folded

_ES = (
    "alava albacete alicante almeria avila badajoz baleares barcelona burgos caceres cadiz castellon ciudad_real cordoba "
    "la_coruña cuenca gerona granada guadalajara guipuzcoa huelva huesca jaen leon lerida la_rioja lugo madrid malaga murcia "
    "navarra orense asturias palencia las_palmas pontevedra salamanca santa_cruz_de_tenerife cantabria segovia sevilla soria "
    "tarragona teruel toledo valencia valladolid vizcaya zamora zaragoza ceuta melilla"
).split()
ES = {f"{i + 1:02d}": province.replace("_", " ") for i, province in enumerate(_ES)}

_MX = [
    (0, 16, "ciudad de mexico"), (20, 20, "aguascalientes"), (21, 22, "baja california"), (23, 23, "baja california sur"),
    (24, 24, "campeche"), (25, 27, "coahuila"), (28, 28, "colima"), (29, 30, "chiapas"), (31, 33, "chihuahua"), (34, 35, "durango"),
    (36, 38, "guanajuato"), (39, 41, "guerrero"), (42, 43, "hidalgo"), (44, 49, "jalisco"), (50, 57, "mexico"), (58, 61, "michoacan"),
    (62, 62, "morelos"), (63, 63, "nayarit"), (64, 67, "nuevo leon"), (68, 71, "oaxaca"), (72, 75, "puebla"), (76, 76, "queretaro"),
    (77, 77, "quintana roo"), (78, 79, "san luis potosi"), (80, 82, "sinaloa"), (83, 85, "sonora"), (86, 86, "tabasco"),
    (87, 89, "tamaulipas"), (90, 90, "tlaxcala"), (91, 96, "veracruz"), (97, 97, "yucatan"), (98, 99, "zacatecas"),
]  # fmt: skip
MX = {f"{n:02d}": state for first, last, state in _MX for n in range(first, last + 1)}

CO = {
    "05": "antioquia", "08": "atlantico", "11": "bogota", "13": "bolivar", "15": "boyaca", "17": "caldas", "18": "caqueta", "19": "cauca",
    "20": "cesar", "23": "cordoba", "25": "cundinamarca", "27": "choco", "41": "huila", "44": "la guajira", "47": "magdalena", "50": "meta",
    "52": "nariño", "54": "norte de santander", "63": "quindio", "66": "risaralda", "68": "santander", "70": "sucre", "73": "tolima",
    "76": "valle del cauca", "81": "arauca", "85": "casanare", "86": "putumayo", "88": "san andres", "91": "amazonas", "94": "guainia",
    "95": "guaviare", "97": "vaupes", "99": "vichada",
}  # fmt: skip
AR = {
    "A": "salta", "B": "buenos aires", "C": "ciudad autonoma de buenos aires", "D": "san luis", "E": "entre rios", "F": "la rioja",
    "G": "santiago del estero", "H": "chaco", "J": "san juan", "K": "catamarca", "L": "la pampa", "M": "mendoza", "N": "misiones", "P": "formosa",
    "Q": "neuquen", "R": "rio negro", "S": "santa fe", "T": "tucuman", "U": "chubut", "V": "tierra del fuego", "W": "corrientes", "X": "cordoba",
    "Y": "jujuy", "Z": "santa cruz",
}  # fmt: skip

_FORMS = {
    "ES": r"\d{5}", "MX": r"\d{5}", "CO": r"\d{6}", "AR": r"[A-HJ-NP-Z]\d{4}[A-Z]{0,3}|\d{4}", "CL": r"\d{7}", "US": r"\d{5}(-\d{4})?",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
}  # fmt: skip
#: Provinces as people also write them.
ALIASES = {
    "cdmx": "ciudad de mexico", "distrito federal": "ciudad de mexico", "df": "ciudad de mexico", "estado de mexico": "mexico", "edo mex": "mexico",
    "veracruz de ignacio de la llave": "veracruz", "coahuila de zaragoza": "coahuila", "michoacan de ocampo": "michoacan", "a coruña": "la coruña",
    "lleida": "lerida", "girona": "gerona", "bizkaia": "vizcaya", "gipuzkoa": "guipuzcoa", "illes balears": "baleares", "islas baleares": "baleares",
    "ourense": "orense", "araba": "alava", "caba": "ciudad autonoma de buenos aires", "capital federal": "ciudad autonoma de buenos aires",
    "bogota dc": "bogota", "bogota d c": "bogota", "querétaro de arteaga": "queretaro",
}  # fmt: skip


class Postcode(NamedTuple):
    """A code in its country's form, the province it belongs to where that is known, and what is wrong with it."""

    code: str
    province: str
    problem: str


@lru_cache(maxsize=200_000)
def parse_postcode(raw: str | None, country: str | None, region: str | None = None) -> Postcode | None:
    """Check a postal code by its country's form and province; None when there is none.

    A Spanish or Mexican code that lost its leading zero gets it back. `problem` is `form`, `unknown` (no such province) or
    `other_region` (the region that stands beside it is another one).
    """
    if not raw or not raw.strip(" '"):
        return None
    code = raw.strip(" '").upper()
    if country in ("ES", "MX") and re.fullmatch(r"\d{4}", code):
        code = f"0{code}"
    form = _FORMS.get(country or "")
    if form is None:
        return Postcode(code, "", "")
    if not re.fullmatch(form, code):
        return Postcode(code, "", "form")
    table = {"ES": ES, "MX": MX, "CO": CO}.get(country or "")
    province = table.get(code[:2], "") if table else AR.get(code[0], "") if country == "AR" else ""
    if (table and not province) or (country == "AR" and code[0].isalpha() and not province):
        return Postcode(code, "", "unknown")
    said = _province(region)
    # Three letters and less are a system's abbreviation, which proves nothing.
    is_other = bool(
        province and len(said) > 3 and said != province and not {said, province} <= {"bogota", "cundinamarca"}
    )
    return Postcode(code, province, "other_region" if is_other else "")


def _province(region: str | None) -> str:
    key = folded(region or "")
    return ALIASES.get(key, key)
