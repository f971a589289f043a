"""What people decided about pairs of records: it wins over all evidence, survives re-runs, and can be undone.

Judgements are kept by record, not by cluster or customer, so they hold however records are grouped later.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from warehouse.errors import CdpError
from warehouse.operations import JudgementRow, session
from warehouse.settings import now

Verdict = Literal["same", "not same"]


def judge(record_l: str, record_r: str, verdict: Verdict, author: str, reason: str) -> int:
    """Record a decision and return its number.

    Raises:
        CdpError: a record is compared with itself, or author or reason is missing.
    """
    if record_l == record_r:
        raise CdpError("a record is always the same as itself; name two records")
    if not author.strip() or not reason.strip():
        raise CdpError("a judgement needs an author and a reason")
    low, high = sorted((record_l, record_r))
    with session() as db:
        row = JudgementRow(record_l=low, record_r=high, verdict=verdict, author=author, reason=reason, judged_at=now())
        db.add(row)
        db.flush()
        return row.judgement_id


def undo(judgement_id: int, author: str) -> None:
    """Take a decision back; it stays in the table with who undid it.

    Raises:
        CdpError: there is no such judgement in force.
    """
    with session() as db:
        row = db.get(JudgementRow, judgement_id)
        if row is None or row.undone_at is not None:
            raise CdpError(f"judgement {judgement_id} is not in force")
        row.undone_at, row.undone_by = now(), author


def judgements() -> list[tuple[str, str, str]]:
    """Return what is in force: (record, record, verdict); of several on one pair the newest."""
    with session() as db:
        rows = db.scalars(
            select(JudgementRow).where(JudgementRow.undone_at.is_(None)).order_by(JudgementRow.judgement_id)
        ).all()
        newest = {(row.record_l, row.record_r): row.verdict for row in rows}
    return [(low, high, verdict) for (low, high), verdict in sorted(newest.items())]


def history(limit: int = 20, author: str | None = None) -> list[JudgementRow]:
    """Return the newest decisions, undone ones as well; those of one author where one is named."""
    query = select(JudgementRow).order_by(JudgementRow.judgement_id.desc()).limit(limit)
    if author:
        query = query.where(JudgementRow.author == author)
    with session() as db:
        found = list(db.scalars(query))
        db.expunge_all()
    return found
