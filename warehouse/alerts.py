"""Tell people: in the log always, to a webhook and by e-mail where they are set.

What stays true: names of tables, files and columns, counts and sentences of ours go out, never a customer's value; an event is
told once. A place that cannot be reached is noted in the log and stops nothing.
"""

from __future__ import annotations

import json
import logging
import smtplib
import urllib.parse
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import select

from warehouse.operations import AlertRow, session
from warehouse.settings import now, settings

log = logging.getLogger("clientela.alerts")
#: Sentences that one message holds; the rest is counted.
AT_MOST = 25


def untold(events: Sequence[tuple[str, str]]) -> list[str]:
    """Return the sentences of events, given as id and sentence, that nobody was told of."""
    with session() as db:
        known = set(db.scalars(select(AlertRow.event_id).where(AlertRow.event_id.in_([e for e, _ in events]))))
    return [sentence for event_id, sentence in events if event_id not in known]


def tell(subject: str, events: Sequence[tuple[str, str]]) -> int:
    """Tell the events that were not told yet, and note that they were; return how many.

    Args:
        subject: what it is about, in a few words.
        events: id and sentence of each.
    """
    sentences = untold(events)
    if not sentences:
        return 0
    send(subject, sentences)
    with session() as db:
        known = set(db.scalars(select(AlertRow.event_id)))
        for event_id in {e for e, _ in events} - known:
            db.add(AlertRow(event_id=event_id, subject=subject[:200], told_at=now()))
    return len(sentences)


def send(subject: str, sentences: Sequence[str]) -> list[str]:
    """Send one message to every place that is set; return the places that it reached."""
    shown = list(sentences[:AT_MOST])
    if len(sentences) > AT_MOST:
        shown.append(f"and {len(sentences) - AT_MOST:,} more; `cdp drift` lists them")
    log.warning("%s\n%s", subject, "\n".join(shown))
    reached = ["log"]
    for place, deliver in (("webhook", _post), ("e-mail", _mail)):
        try:
            if deliver(subject, shown, now()):
                reached.append(place)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            log.error("the alert did not reach the %s: %s", place, type(error).__name__)
    return reached


def _post(subject: str, sentences: list[str], at: datetime) -> bool:
    import httpx

    url = settings().alert_webhook
    if not url:
        return False
    body = {"subject": subject, "text": "\n".join([subject, *sentences]), "events": sentences, "at": at.isoformat()}
    try:
        answer = httpx.post(url, content=json.dumps(body), headers={"Content-Type": "application/json"}, timeout=10)
    except httpx.HTTPError as error:
        raise OSError(type(error).__name__) from None
    if answer.status_code >= 400:
        raise OSError(f"HTTP {answer.status_code}")
    return True


def _mail(subject: str, sentences: list[str], at: datetime) -> bool:
    config = settings()
    if not config.alert_emails:
        return False
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        f"Clientela: {subject}",
        "clientela@localhost",
        ", ".join(config.alert_emails),
    )
    message.set_content("\n".join([*sentences, "", f"{at:%Y-%m-%d %H:%M} UTC"]))
    place = urllib.parse.urlsplit(config.smtp_url)
    with smtplib.SMTP(place.hostname or "127.0.0.1", place.port or 25, timeout=10) as server:
        if place.scheme == "smtps" or place.username:
            server.starttls()
        if place.username:
            server.login(urllib.parse.unquote(place.username), urllib.parse.unquote(place.password or ""))
        server.send_message(message)
    return True
