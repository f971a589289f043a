"""The audit log: who looked at or took which personal data, why and when.

Each row carries the hash of the one before, so a changed or removed row is found by :func:`broken_rows`. Subjects are
customer ids or names of audiences, never e-mails or phones.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from warehouse.errors import CdpError
from warehouse.operations import AuditRow, session
from warehouse.settings import now

START = "0" * 64


def _sealed(previous: str, happened_at: str, actor: str, action: str, subject: str, reason: str, details: str) -> str:
    text = "\x1f".join([previous, happened_at, actor, action, subject, reason, details])
    return hashlib.sha256(text.encode()).hexdigest()


def record(actor: str, action: str, subject: str, reason: str, **details: Any) -> None:
    """Write one row.

    Raises:
        CdpError: nobody is named, or no reason is given.
    """
    if not actor.strip() or not reason.strip():
        raise CdpError("an audited action needs who and why")
    at = now()
    said = json.dumps(details, sort_keys=True, default=str)
    with session() as db:
        _one_at_a_time(db)
        last = db.scalars(select(AuditRow).order_by(AuditRow.audit_id.desc()).limit(1)).first()
        previous = last.row_hash if last else START
        stamp = at.replace(tzinfo=None).isoformat(timespec="microseconds")
        db.add(
            AuditRow(
                happened_at=at,
                actor=actor,
                action=action,
                subject=subject,
                reason=reason,
                details=said,
                previous_hash=previous,
                row_hash=_sealed(previous, stamp, actor, action, subject, reason, said),
            )
        )


def _one_at_a_time(db: Session) -> None:
    # Two who read the same last row would both seal it, and the chain would be broken by nobody's fault.
    is_file = db.get_bind().dialect.name == "sqlite"
    db.execute(text("BEGIN IMMEDIATE" if is_file else "LOCK TABLE audit IN EXCLUSIVE MODE"))


def broken_rows() -> list[int]:
    """Return the numbers of rows that were changed, or whose predecessor is gone."""
    broken: list[int] = []
    previous = START
    with session() as db:
        for row in db.scalars(select(AuditRow).order_by(AuditRow.audit_id)):
            stamp = row.happened_at.replace(tzinfo=None).isoformat(timespec="microseconds")
            sealed = _sealed(row.previous_hash, stamp, row.actor, row.action, row.subject, row.reason, row.details)
            if row.previous_hash != previous or row.row_hash != sealed:
                broken.append(row.audit_id)
            previous = row.row_hash
    return broken


def entries(actor: str = "", subject: str = "", limit: int = 100, offset: int = 0) -> list[AuditRow]:
    """Return entries, newest first; those of somebody or about something where it is named."""
    query = select(AuditRow).order_by(AuditRow.audit_id.desc()).limit(limit).offset(offset)
    if actor:
        query = query.where(AuditRow.actor == actor)
    if subject:
        query = query.where(AuditRow.subject.contains(subject, autoescape=True))
    with session() as db:
        found = list(db.scalars(query))
        db.expunge_all()
    return found
