"""Two languages: texts of the page by gettext, numbers, dates and money by locale, and what the pipeline wrote in English said in Spanish."""

from __future__ import annotations

import io
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations, Translations

from warehouse.settings import settings

LANGUAGES = ("es", "en")
FOLDER = Path(__file__).parent / "i18n"
CATALOGUE = FOLDER / "es" / "LC_MESSAGES" / "messages.po"
NOTHING = "–"


@cache
def translations(language: str) -> NullTranslations:
    """Return the texts of a language; English is what stands in the templates."""
    if language == "en":
        return NullTranslations()
    with CATALOGUE.open("rb") as handle:
        catalogue = read_po(handle, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@cache
def _phrases() -> tuple[list[tuple[re.Pattern[str], str]], dict[str, str]]:
    found = yaml.safe_load((FOLDER / "phrases.yml").read_text(encoding="utf-8"))
    return [(re.compile(p), str(s)) for p, s in found["phrases_es"]], {
        str(k): str(v) for k, v in found["words_es"].items()
    }


def said(text: Any, language: str) -> str:
    """Say in the page's language what the pipeline wrote in English; names with underscores are read as words."""
    if text is None:
        return NOTHING
    written = str(text)
    if language == "en":
        return written.replace("_", " ") if re.fullmatch(r"[a-z0-9_]+", written) else written
    return _in_spanish(written)


@cache
def _in_spanish(text: str) -> str:
    phrases, words = _phrases()
    if text in words:
        return words[text]
    for pattern, spanish in phrases:
        match = pattern.search(text)
        if match:
            return spanish.format(*(words.get(part or "", (part or "").replace("_", " ")) for part in match.groups()))
    return text.replace("_", " ") if re.fullmatch(r"[a-z0-9_]+", text) else text


def language_of(cookie: str | None, accepted: str) -> str:
    """Return the language asked for: the cookie's, else the browser's, else Spanish."""
    if cookie in LANGUAGES:
        return str(cookie)
    return "en" if accepted.lower().startswith("en") else "es"


class Formats:
    """Numbers, dates and money as one language writes them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(settings().locales[language])

    def number(self, value: Any, digits: int | None = None) -> str:
        """Write a number, with as many decimals as asked for, or as few as it needs."""
        if value is None:
            return NOTHING
        if digits is None:
            whole = value == int(value)
            digits = 0 if whole or abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def money(self, value: Any, digits: int | None = None) -> str:
        """Write an amount in US dollars."""
        if value is None:
            return NOTHING
        if digits is None:
            digits = 0 if abs(value) >= 1000 else 2
        # In Spanish a code stands before the amount, and a space between them.
        pattern = ("¤\u00a0#,##0" if self.language == "es" else "¤#,##0") + ("." + "0" * digits if digits else "")
        return str(format_currency(value, "USD", format=pattern, locale=self.locale, currency_digits=False))

    def pct(self, value: Any, digits: int = 1) -> str:
        """Write a number that is a percentage already."""
        return NOTHING if value is None else f"{self.number(value, digits)} %"

    def day(self, value: Any) -> str:
        """Write a date."""
        if value is None:
            return NOTHING
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return str(format_date(value, "d MMM y", locale=self.locale))

    def moment(self, value: Any) -> str:
        """Write a date with its time, UTC."""
        if value is None:
            return NOTHING
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return str(format_datetime(value, "d MMM y, HH:mm", locale=self.locale))

    def value(self, value: Any, unit: str = "") -> str:
        """Write anything: by its unit, else by its type."""
        if value is None:
            return NOTHING
        if unit == "usd":
            return self.money(value)
        if unit == "pct":
            return self.pct(value)
        if isinstance(value, bool):
            return ({True: "sí", False: "no"} if self.language == "es" else {True: "yes", False: "no"})[value]
        if isinstance(value, int | float | Decimal):
            return self.number(value)
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, list | tuple):
            return ", ".join(said(v, self.language) for v in value) or NOTHING
        return said(value, self.language)


@cache
def formats(language: str) -> Formats:
    """Return the formats of a language."""
    return Formats(language)
