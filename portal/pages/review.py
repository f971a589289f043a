"""The review queue: two records side by side with their differences and the evidence; same, not the same, or later; and back again.

A decision is in force with the next run of the identity steps and wins over all evidence.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from identity.judgements import history, judge, judgements, undo
from portal.evidence import evidence
from portal.reading import Snapshot
from portal.visit import NotFound, Pages, Unwell, visit_of
from privacy import audit
from warehouse.errors import CdpError

pages = Pages()

#: What is compared, in the order in which a person looks.
FIELDS = (
    "given_display", "surnames_display", "email_address", "phone_as_written", "phone_e164", "tax_id", "birth_date", "street_as_written",
    "city_as_written", "postcode", "region", "country_code",
)  # fmt: skip
LOOKED_AHEAD = 400


def waiting(published: Snapshot) -> list[dict[str, Any]]:
    """Return the pairs that nobody has judged since the file was published, the most important first."""
    if not published.has("identity.review_queue"):
        return []
    found = published.once(
        "SELECT record_l, record_r, match_weight, probability, is_same, records, value_usd, priority FROM identity.review_queue "
        f"ORDER BY priority DESC, record_l, record_r LIMIT {LOOKED_AHEAD}"
    )
    judged = {(low, high) for low, high, _ in judgements()}
    return [p for p in found if tuple(sorted((p["record_l"], p["record_r"]))) not in judged]


@pages.page("/review", "review")
def queue(request: Request, skip: int = 0) -> Response:
    """Show the pair to decide."""
    visit = visit_of(request)
    published = visit.published
    pairs = waiting(published)
    skip = max(0, min(skip, max(len(pairs) - 1, 0)))
    mine = history(5, visit.name)
    total = (
        published.once("SELECT count(*) AS n FROM identity.review_queue")[0]["n"]
        if published.has("identity.review_queue")
        else 0
    )
    if not pairs:
        return visit.page("review.html", pair=None, mine=mine, total=0, skip=0, rows=[], lines=[])
    pair = pairs[skip]
    records = {
        r["record_key"]: r
        for r in published.rows(
            "SELECT r.*, m.customer_id FROM identity.records AS r LEFT JOIN identity.members AS m ON r.record_key = m.record_key "
            "WHERE r.record_key IN (?, ?)",
            [pair["record_l"], pair["record_r"]],
        )
    }
    left, right = records.get(pair["record_l"]), records.get(pair["record_r"])
    if left is None or right is None:
        raise NotFound
    audit.record(visit.name, "pair looked at", f"{pair['record_l']} {pair['record_r']}"[:300], "review queue")
    try:
        lines = evidence(published, pair["record_l"], pair["record_r"], visit.language)
    except CdpError:
        lines = []
    rows = [
        {
            "field": f.removesuffix("_display"),
            "left": left.get(f),
            "right": right.get(f),
            "state": _state(left.get(f), right.get(f)),
        }
        for f in FIELDS
    ]
    return visit.page(
        "review.html", pair=pair, left=left, right=right, rows=rows, lines=lines, skip=skip, total=total, mine=mine
    )


def _state(left: Any, right: Any) -> str:
    if left is None or right is None:
        return "unknown"
    return "same" if str(left).casefold() == str(right).casefold() else "differs"


@pages.page("/review", "review", ("POST",))
def decide(request: Request) -> Response:
    """Keep a decision, or put it off."""
    visit = visit_of(request)
    skip = int(visit.text("skip") or 0) if visit.text("skip").isdigit() else 0
    verdict = visit.text("verdict")
    if verdict == "later":
        return visit.go("/review", skip=str(skip + 1))
    left, right = visit.text("left"), visit.text("right")
    if verdict not in ("same", "not same"):
        raise Unwell("say whether they are the same")
    known = visit.published.rows("SELECT record_key FROM identity.records WHERE record_key IN (?, ?)", [left, right])
    if len(known) != 2:
        raise NotFound
    reason = visit.text("reason") or visit.says("looked at side by side")
    judge(left, right, "same" if verdict == "same" else "not same", visit.name, reason)
    audit.record(visit.name, f"judged {verdict}", f"{left} {right}"[:300], reason)
    return visit.go("/review", skip=str(skip))


@pages.page("/review/undo", "review", ("POST",))
def take_back(request: Request) -> Response:
    """Take a decision back."""
    visit = visit_of(request)
    number = visit.text("judgement_id")
    if not number.isdigit():
        raise Unwell("name a decision")
    undo(int(number), visit.name)
    audit.record(visit.name, "judgement undone", f"judgement {number}", "review queue")
    return visit.go("/review")
