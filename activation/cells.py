"""Cells of files that people open in spreadsheets: none may run as a formula, and none is changed that a platform needs.

Typed cells go out as they are after a full match of their pattern, so E.164 phones keep their plus. Names lose leading
characters that no name begins with. Prefixing with an apostrophe or a tab is not done: it would make identifiers useless.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

#: What a spreadsheet takes for the beginning of a formula, also in full width and after blanks.
_FORMULA_START = re.compile(r"^[\s=+\-@|%\x00-\x1f＝＋－＠]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

PATTERNS = {
    "sha256": re.compile(r"^[0-9a-f]{64}$"),
    "e164": re.compile(r"^\+[1-9]\d{7,14}$"),
    "email": re.compile(r"^[A-Za-z0-9_][^\s,;\"'@|=<>()]*@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9-]{2,}$"),
    "country": re.compile(r"^[A-Za-z]{2}$"),
    "zip": re.compile(r"^[A-Za-z0-9][A-Za-z0-9 -]{0,11}$"),
    "word": re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_ -]*$"),
}


def typed(value: str | None, kind: str) -> str:
    """Return a cell that matches its pattern whole, or an empty one."""
    return value if value and PATTERNS[kind].match(value) else ""


def name_cell(value: str | None) -> str:
    """Return a name that cannot be taken for a formula."""
    text = _CONTROL.sub(" ", unicodedata.normalize("NFC", value or ""))
    return " ".join(_FORMULA_START.sub("", text).split())


def field_cell(value: object) -> str:
    """Return any value as a cell: lists joined by a bar, numbers with a point, and never a formula."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "|".join(field_cell(v) for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return f"{value}"
    text = _CONTROL.sub(" ", str(value))
    return text if text.startswith(("http://", "https://")) else name_cell(text)
