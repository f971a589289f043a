"""Folding of text: accents are noise in Spanish, `ñ` is a letter."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_KEEP = str.maketrans({"ñ": "\ue001", "Ñ": "\ue001"})
_BACK = str.maketrans({"\ue001": "ñ"})
_NOT_A_LETTER = re.compile(r"[^a-zñ0-9 ]+")


@lru_cache(maxsize=200_000)
def folded(text: str) -> str:
    """Return lower-case text without accents or punctuation, with `ñ` kept and blanks single.

    `peña` and `pena` are different surnames (68,387 and 11,282 bearers in Spain), so the tilde stays.
    """
    if text.isascii():
        plain = text.lower()
    else:
        composed = unicodedata.normalize("NFC", text).translate(_KEEP)
        decomposed = unicodedata.normalize("NFD", composed)
        plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_BACK).lower()
    return " ".join(_NOT_A_LETTER.sub(" ", plain.replace("'", "").replace("’", "")).split())


def without_tilde(text: str) -> str:
    """Fold `ñ` too, for a weaker level of agreement: exports lose it often."""
    return text.replace("ñ", "n")


_SOUNDS = (
    (re.compile(r"^x|(?<=[aeiou])x(?=[aeiou])"), "j"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"g(?=[ei])"), "j"),
    (re.compile(r"gu(?=[ei])"), "g"),
    (re.compile(r"qu|c(?=[aou]|[^eihaou]|$)|k"), "q"),
    (re.compile(r"c(?=[ei])|z"), "s"),
    (re.compile(r"ll|y(?=[aeiou])"), "i"),
    (re.compile(r"y"), "i"),
    (re.compile(r"v|w"), "b"),
    (re.compile(r"(?<!c)h"), ""),
    (re.compile(r"ñ"), "n"),
    (re.compile(r"(.)\1+"), r"\1"),
)


@lru_cache(maxsize=200_000)
def sound_key(name: str) -> str:
    """Return how a folded Spanish name sounds: b/v, s/c/z, g/j/x, ll/y, mute h and doubled letters fall together."""
    key = name.replace(" ", "")
    for pattern, sound in _SOUNDS:
        key = pattern.sub(sound, key)
    return key
