"""Customers are found by whatever is known of them: name, e-mail, phone, tax id, order, any id they ever had."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from portal.masks import mask
from portal.reading import Snapshot
from portal.visit import Pages, visit_of

pages = Pages()
FOUND = 25
#: The last code point: what begins with a term is less than the term with this behind it.
LAST = "\U0010ffff"
SHORTEST_NUMBER = 5


@pages.page("/customers", "see_customers")
def search(request: Request, q: str = "") -> Response:
    """Find customers by name, e-mail, phone, tax id, order, or any id they ever had."""
    visit = visit_of(request)
    found = find(visit.published, q) if q.strip() else []
    if len(found) == 1 and not visit.is_part:
        return visit.go(f"/customers/{found[0]['customer_id']}")
    revealed = visit.person.revealed if visit.person else frozenset()
    shown = [row if row["customer_id"] in revealed else {k: mask(k, v) for k, v in row.items()} for row in found]
    return visit.page("customers.html", q=q, rows=shown, limit=FOUND)


def find(published: Snapshot, q: str) -> list[dict[str, Any]]:
    """Return the customers that a text may mean, at most twenty-five."""
    text = q.strip()[:200]
    alias = published.one("SELECT current_customer_id FROM identity.customer_aliases WHERE customer_id = ?", [text])
    if alias.get("current_customer_id"):
        return _heads(published, [alias["current_customer_id"]])
    lowered, digits = text.lower(), re.sub(r"\D", "", text)
    asked: list[tuple[str, str, bool]] = [("order", lowered, False), ("record", lowered, False)]
    if "@" in text:
        asked = [("email", lowered, True)]
    elif len(digits) >= SHORTEST_NUMBER and not re.search(r"[a-zA-ZñÑ]{3}", text):
        asked += [("phone", digits[::-1], True), ("tax_id", re.sub(r"[^0-9A-Za-z]", "", text).upper(), True)]
    found = _by_terms(published, asked)
    if not found and "@" not in text:
        words = [w for w in re.split(r"[\s,]+", _plain(lowered)) if len(w) > 1][:5]
        tax = re.sub(r"[^0-9A-Za-z]", "", text).upper()
        found = _by_words(published, words) or _by_terms(
            published, [("tax_id", tax, True)] if len(tax) > SHORTEST_NUMBER else []
        )
    return _heads(published, found)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _by_terms(published: Snapshot, asked: list[tuple[str, str, bool]]) -> list[str]:
    if not asked:
        return []
    parts, values = [], []
    for kind, term, is_prefix in asked:
        parts.append("(kind = ? AND term >= ? AND term < ?)" if is_prefix else "(kind = ? AND term = ?)")
        values += [kind, term, term + LAST] if is_prefix else [kind, term]
    rows = published.rows(
        " UNION ".join(f"SELECT customer_id FROM marts.customer_search_terms WHERE {part}" for part in parts)
        + f" ORDER BY 1 LIMIT {FOUND}",
        values,
    )
    return [r["customer_id"] for r in rows]


def _by_words(published: Snapshot, words: list[str]) -> list[str]:
    if not words:
        return []
    # Each word is looked up by itself in the sorted terms; who has them all is meant.
    one = "SELECT DISTINCT customer_id FROM marts.customer_search_terms WHERE kind = 'name' AND term >= ? AND term < ?"
    rows = published.rows(
        " INTERSECT ".join([one] * len(words)) + f" LIMIT {FOUND}", [v for w in words for v in (w, w + LAST)]
    )
    return sorted(r["customer_id"] for r in rows)


def _heads(published: Snapshot, ids: list[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    listed = ", ".join("?" for _ in ids)
    return published.rows(
        "SELECT customer_id, given_name, surnames, email, phone, country, city, macro_segment, lifetime_revenue_usd, last_activity_at "
        f"FROM marts.customers WHERE customer_id IN ({listed}) ORDER BY customer_id",
        ids,
    )
