"""The audit log: who looked at or took which personal data, why and when.

Each row carries the hash of the one before, so a changed or removed row is found by :func:`broken_rows`. Subjects are
customer ids or names of audiences, never e-mails or phones.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import select

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
    text = json.dumps(details, sort_keys=True, default=str)
    with session() as db:
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
                details=text,
                previous_hash=previous,
                row_hash=_sealed(previous, stamp, actor, action, subject, reason, text),
            )
        )


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
