"""Identifiers in each platform's own normal form, and their hashes.

Rules and published vectors: Google Data Manager formatting guide, Meta customer-information parameters, TikTok and X help
pages, Mailchimp's member hash. What stays true: phones are E.164 before any vendor's rule; text is NFC; an empty value is
never hashed, a hash is never hashed again; digests are lower-case hexadecimal.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_SHA256 = re.compile(r"^[0-9a-fA-F]{64}$")
_E164 = re.compile(r"^\+[1-9]\d{7,14}$")
_GMAIL = ("gmail.com", "googlemail.com")


def sha256(normal: str | None) -> str | None:
    """Hash a normal form; None stays None, and what is a SHA-256 already is returned as it is."""
    if not normal:
        return None
    if _SHA256.match(normal):
        return normal.lower()
    return hashlib.sha256(normal.encode("utf-8")).hexdigest()


def _text(value: str | None) -> str:
    return unicodedata.normalize("NFC", value or "").strip()


def _email(value: str | None) -> tuple[str, str] | None:
    local, at, domain = _text(value).lower().rpartition("@")
    return (local, domain) if at and local and "." in domain and " " not in local + domain else None


def _letters(value: str | None, keep_spaces: bool) -> str:
    """Lower case without punctuation; letters of any script stay."""
    kept = "".join(c for c in _text(value).lower() if c.isalnum() or (c == " " and keep_spaces))
    return " ".join(kept.split()) if keep_spaces else kept


def e164(value: str | None) -> str | None:
    """Return a phone only when it is E.164."""
    text = re.sub(r"[\s().-]", "", value or "")
    return text if _E164.match(text) else None


def google_email(value: str | None) -> str | None:
    """Lower case; for Gmail's two domains without dots and without what follows a plus."""
    parts = _email(value)
    if not parts:
        return None
    local, domain = parts
    if domain in _GMAIL:
        local = local.split("+", 1)[0].replace(".", "")
    return f"{local}@{domain}"


def google_name(value: str | None) -> str | None:
    """Lower case, trimmed, accents kept."""
    return " ".join(_text(value).lower().split()) or None


def meta_email(value: str | None) -> str | None:
    """Trim and lower case; dots and plus are kept."""
    parts = _email(value)
    return f"{parts[0]}@{parts[1]}" if parts else None


def meta_phone(value: str | None) -> str | None:
    """Digits with country code, without plus."""
    number = e164(value)
    return number[1:] if number else None


def meta_name(value: str | None) -> str | None:
    """Lower case without punctuation, letters of any script kept."""
    return _letters(value, keep_spaces=True) or None


def meta_place(value: str | None) -> str | None:
    """Lower case without punctuation and spaces (cities, states)."""
    return _letters(value, keep_spaces=False) or None


def meta_zip(value: str | None, country: str | None) -> str | None:
    """Lower case without spaces; in the US the first five digits."""
    text = re.sub(r"[\s-]", "", _text(value).lower())
    return (text[:5] if country == "US" else text) or None


def meta_country(value: str | None) -> str | None:
    """Two lower-case letters."""
    text = _text(value).lower()
    return text if re.fullmatch(r"[a-z]{2}", text) else None


def tiktok_email(value: str | None) -> str | None:
    """Lower case without what follows a plus; dots are kept."""
    parts = _email(value)
    return f"{parts[0].split('+', 1)[0]}@{parts[1]}" if parts else None


def mailchimp_hash(value: str | None) -> str | None:
    """Return a member's id: MD5 of the lower-case address."""
    parts = _email(value)
    return hashlib.md5(f"{parts[0]}@{parts[1]}".encode(), usedforsecurity=False).hexdigest() if parts else None
