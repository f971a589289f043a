"""Contact points as they were written and as they are meant: `identity.contact_points`.

In: the records of people. Out: one row per record and kind (email, phone, tax_id, postcode, address, handle_x and its like), with the
original, the standard form, whether it can be used, and why not. What stays true: the original is always kept, and a suggestion is never
applied by itself. Values are judged once each, however often they occur.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import lru_cache

import polars as pl

from identity.normalise import emails, phones, tax_ids
from identity.normalise.addresses import parse_street
from identity.normalise.postcodes import parse_postcode

#: Mail providers that most people use; a domain one slip away from one of them is likely a slip.
PROVIDERS = (
    "gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "icloud.com", "live.com", "hotmail.es", "yahoo.es", "yahoo.com.mx", "outlook.es",
    "live.com.mx", "yahoo.com.ar", "hotmail.com.ar", "prodigy.net.mx", "telefonica.net", "aol.com", "msn.com", "protonmail.com",
)  # fmt: skip
#: Domains of boxes that live for minutes; a short list of well-known ones, extended by `disposable_domains` in person.yml.
DISPOSABLE = frozenset(
    "mailinator.com guerrillamail.com 10minutemail.com tempmail.com temp-mail.org yopmail.com trashmail.com sharklasers.com getnada.com "
    "dispostable.com maildrop.cc fakeinbox.com throwawaymail.com mintemail.com moakt.com".split()
)

#: Standard form, status (valid, suspect, invalid), mark (why) and suggestion.
Judged = tuple[str | None, str, str | None, str | None]


def contact_points(raw: pl.DataFrame, clean: pl.DataFrame) -> pl.DataFrame:
    """Judge every contact point.

    Args:
        raw: records as the sources have them: `record_key` and the roles as text.
        clean: the same records with `country_code`.

    Returns:
        `record_key`, `kind`, `original`, `standard`, `status`, `mark`, `suggestion`; one row per record and kind that has a value.
    """
    handles = [column for column in raw.columns if column.startswith("handle_")]
    rows = raw.select(
        "record_key", "source_table", "email", "phone", "tax_id", "street", "postcode", "region", *handles
    ).join(clean.select("record_key", "country_code"), on="record_key", how="left", maintain_order="left")
    parts = [
        _judged(rows, "email", ["email"], _email),
        _judged(rows, "phone", ["phone", "country_code"], _phone),
        _judged(rows, "tax_id", ["tax_id", "country_code"], _tax_id),
        _judged(rows, "postcode", ["postcode", "country_code", "region"], _postcode),
        _judged(rows, "street", ["street"], _street).with_columns(pl.lit("address").alias("kind")),
        *[_judged(rows, column, [column], _handle) for column in handles],
    ]
    return pl.concat(parts).sort("record_key", "kind")


def _judged(rows: pl.DataFrame, kind: str, columns: list[str], judge: Callable[..., Judged]) -> pl.DataFrame:
    filled = rows.filter(pl.col(kind).is_not_null() & (pl.col(kind).str.strip_chars() != ""))
    unique = filled.select(columns).unique(maintain_order=True)
    verdicts = [judge(*row) for row in unique.iter_rows()]
    fields = ("standard", "status", "mark", "suggestion")
    made = pl.DataFrame(
        {f: [v[i] for v in verdicts] for i, f in enumerate(fields)}, schema=dict.fromkeys(fields, pl.String)
    )
    return filled.join(unique.hstack(made), on=columns, how="left", nulls_equal=True, maintain_order="left").select(
        "record_key", "source_table", pl.lit(kind).alias("kind"), pl.col(kind).alias("original"), *fields
    )


def _email(raw: str) -> Judged:
    parsed = emails.parse_email(raw)
    if parsed is None:
        return None, "invalid", "syntax", None
    if parsed.kind != "person":
        return parsed.address, "suspect", parsed.kind, None
    if parsed.domain in DISPOSABLE:
        return parsed.address, "suspect", "disposable", None
    near = likely_domain(parsed.domain)
    if near:
        return parsed.address, "suspect", "typo_domain", f"{parsed.address.rpartition('@')[0]}@{near}"
    return parsed.address, "valid", None, None


@lru_cache(maxsize=100_000)
def likely_domain(domain: str) -> str | None:
    """Return the provider that a domain is one slip away from; None for providers themselves and for unlike domains."""
    if domain in PROVIDERS:
        return None
    for near in difflib.get_close_matches(domain, PROVIDERS, n=2, cutoff=0.8):
        if _slips(domain, near) == 1:
            return near
    return None


def _slips(one: str, other: str) -> int:
    """Count edits between two words: a letter more, less, other, or two swapped (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        earlier, before, row = before, row, [i, *[0] * len(other)]
        for j, b in enumerate(other, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]


def _phone(raw: str, country: str | None) -> Judged:
    number = phones.to_e164(raw, country)
    if number is None:
        digits = "".join(c for c in raw if c.isdigit())
        mark = "placeholder" if digits and phones.PLACEHOLDERS.match(digits) else "not_dialable"
        return None, "invalid", mark, None
    return number, "valid", None, None


def _tax_id(raw: str, country: str | None) -> Judged:
    found = tax_ids.valid_tax_id(raw, country)
    if found:
        return found, "valid", None, None
    compact = "".join(c for c in raw.upper() if c.isalnum())
    if compact in tax_ids.PLACEHOLDERS:
        return None, "invalid", "placeholder", None
    return (
        None,
        "invalid" if country in tax_ids.CHECKERS else "suspect",
        "check_digit" if country in tax_ids.CHECKERS else "no_check",
        None,
    )


def _postcode(raw: str, country: str | None, region: str | None) -> Judged:
    found = parse_postcode(raw, country, region)
    if found is None:
        return None, "invalid", "empty", None
    if found.problem == "other_region":
        return found.code, "suspect", "other_region", found.province
    return found.code, "invalid" if found.problem else "valid", found.problem or None, None


#: `@ana.ruiz`, `https://instagram.com/ana.ruiz/`, `ana.ruiz`: letters, digits, dots and underscores, 2 to 30 of them.
_HANDLE = re.compile(r"(?:https?://)?(?:www\.)?(?:[a-z]+\.com/)?@?([a-z0-9._]{2,30})/?")


def _handle(raw: str) -> Judged:
    found = _HANDLE.fullmatch(raw.strip().lower())
    return (found[1], "valid", None, None) if found else (None, "invalid", "syntax", None)


def _street(raw: str) -> Judged:
    parsed = parse_street(raw)
    standard = " ".join(p for p in (parsed.name, parsed.number) if p) or None
    if not parsed.name:
        return standard, "invalid", "no_street", None
    return standard, "valid" if parsed.number else "suspect", None if parsed.number else "no_number", None
