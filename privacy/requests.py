"""What customers ask for by right, with the clock of the law that they ask under.

In: a customer, a kind of request, a law (`privacy/clocks.yml`). Out: rows of the operations database, from the request to its answer, each step in
the audit. What stays true: a request's due time is fixed when it comes in; a closed request stays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from privacy import audit
from warehouse.declarations import Declared, load
from warehouse.errors import CdpError
from warehouse.operations import RequestRow, session
from warehouse.settings import now

Kind = Literal["access", "erasure", "correction", "objection"]
KINDS: tuple[Kind, ...] = ("access", "erasure", "correction", "objection")
WEEKEND = 5


class Regime(Declared):
    """One law: whom it protects, and the days to answer each kind of request."""

    label_en: str
    label_es: str
    countries: tuple[str, ...]
    business: bool = False
    days: dict[Kind, int]


class Clocks(Declared):
    """`privacy/clocks.yml`."""

    regimes: dict[str, Regime]


@cache
def regimes() -> dict[str, Regime]:
    """Read the laws by name.

    Raises:
        DeclarationError: the declaration is wrong.
    """
    return load(Path(__file__).parent / "clocks.yml", Clocks).regimes


def regime_of(country: str | None) -> str:
    """Return the law of a country; the strictest known one where it has none here."""
    return next((name for name, regime in regimes().items() if country in regime.countries), "gdpr")


def due(regime: str, kind: Kind, received_at: datetime) -> datetime:
    """Return until when a request must be answered; business days leave out Saturdays and Sundays, holidays are not known here."""
    law = regimes()[regime]
    days = law.days[kind]
    if not law.business:
        return received_at + timedelta(days=days)
    at = received_at
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < WEEKEND
    return at


def receive(customer_id: str, kind: str, regime: str, author: str, reason: str) -> int:
    """Take a request in and return its number.

    Raises:
        CdpError: kind or law is not known, nobody or nothing is named, or the same request is open already.
    """
    found = next((k for k in KINDS if k == kind), None)
    if found is None or regime not in regimes():
        raise CdpError(f"a request is one of {', '.join(KINDS)} under one of {', '.join(regimes())}")
    if not author.strip() or len(reason.strip()) < 4:
        raise CdpError("say how the request came in")
    at = now()
    with session() as db:
        same = select(RequestRow).where(
            RequestRow.customer_id == customer_id, RequestRow.kind == kind, RequestRow.closed_at.is_(None)
        )
        if db.scalars(same).first():
            raise CdpError("the same request of this customer is open already")
        row = RequestRow(
            customer_id=customer_id, kind=kind, regime=regime, author=author, reason=reason, received_at=at, due_at=due(regime, found, at)
        )  # fmt: skip
        db.add(row)
        db.flush()
        number = int(row.request_id)
    audit.record(author, f"{kind} requested", customer_id, reason, request=number, regime=regime)
    return number


def close(request_id: int, author: str, outcome: str) -> None:
    """Say what became of a request.

    Raises:
        CdpError: it is not open, or nothing is said.
    """
    if len(outcome.strip()) < 4:
        raise CdpError("say what became of the request")
    with session() as db:
        found = db.get(RequestRow, request_id)
        if found is None or found.closed_at is not None:
            raise CdpError("this request is not open")
        found.closed_at, found.closed_by, found.outcome = now(), author, outcome
        customer_id, kind = found.customer_id, found.kind
    audit.record(author, f"{kind} answered", customer_id, outcome, request=request_id)


def requests(customer_id: str | None = None) -> list[RequestRow]:
    """Return requests: open ones by when they are due, then closed ones, newest first."""
    query = select(RequestRow)
    if customer_id:
        query = query.where(RequestRow.customer_id == customer_id)
    with session() as db:
        found = list(db.scalars(query))
        db.expunge_all()
    still = sorted((r for r in found if r.closed_at is None), key=lambda r: r.due_at)
    return still + sorted(
        (r for r in found if r.closed_at is not None), key=lambda r: r.closed_at or r.due_at, reverse=True
    )


def days_left(row: RequestRow) -> int:
    """Return the whole days until a request is due; negative when it is late."""
    due_at = row.due_at if row.due_at.tzinfo else row.due_at.replace(tzinfo=UTC)
    return (due_at - now()).days
