"""Mailchimp: an audience in three status files, and the activity of campaigns."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from data.generate.people import Person
from data.generate.programmes import PROGRAMMES, window_of
from data.generate.systems.damage import everyday_name, without_accents, written_phone
from data.generate.systems.written import write_csv

if TYPE_CHECKING:
    from data.generate.world import World

BASE = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
    "CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,"
    "NOTES,TAGS"
).split(",")
EXTRA = {
    "subscribed": [],
    "unsubscribed": ["UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID", "UNSUB_REASON", "UNSUB_REASON_OTHER"],
    "cleaned": ["CLEAN_TIME", "CLEAN_CAMPAIGN_TITLE", "CLEAN_CAMPAIGN_ID"],
}
CAMPAIGNS = 12


def write(folder: Path, world: World) -> dict[str, int]:
    """Write the audience's files and a year of campaign activity; note which member is which person."""
    rng, until, people, truth = world.rng("mailchimp"), world.until, world.people, world.truth
    rows: dict[str, list[list[str]]] = {status: [] for status in EXTRA}
    members: list[_Member] = []
    seen: set[str] = set()
    leid = 400000000
    for person in people:
        email = person.other_email if person.other_email and rng.random() < 0.15 else person.email
        if "mailchimp" not in person.systems or email in seen:
            continue
        seen.add(email)
        leid += rng.randint(1, 9)
        truth.records.append(("mailchimp_members", str(leid), person.person_id, person.household_id))
        status = rng.choices(["subscribed", "unsubscribed", "cleaned"], [84, 12, 4])[0]
        joined = datetime.combine(person.since, datetime.min.time()) + timedelta(minutes=rng.randint(0, 60 * 24 * 60))
        last_moment = datetime.combine(until, datetime.min.time())
        joined = min(joined, last_moment - timedelta(days=3))
        left = joined + (last_moment - joined) * rng.random()
        given = without_accents(rng, everyday_name(rng, person.given, 0.1), 0.3) if rng.random() < 0.72 else ""
        surname = without_accents(rng, person.surname_1, 0.3) if given and rng.random() < 0.7 else ""
        euid = hashlib.sha256(str(leid).encode()).hexdigest()[:10]
        base = [
            email, given, surname, "", written_phone(rng, person.phone, person.country) if rng.random() < 0.12 else "",
            f"{person.birth_date:%m/%d}" if rng.random() < 0.2 else "", str(rng.randint(1, 5)), stamp(joined), "", stamp(joined),
            "", "", "", "", "", "", person.country, "", stamp(max(joined, left) if status != "subscribed" else joined), str(leid),
            euid, "", '"VIP"' if rng.random() < 0.05 else "",
        ]  # fmt: skip
        extra = {
            "unsubscribed": [stamp(left), "Boletín", "c0", "NORMAL", ""],
            "cleaned": [stamp(left), "Boletín", "c0"],
        }.get(status, [])
        rows[status].append([*base, *extra])
        members.append((email, joined, left if status != "subscribed" else last_moment, person))
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for status, listed in rows.items():
        file = f"{status}_members_export_{until:%Y%m%d}.csv"
        write_csv(folder / file, BASE + EXTRA[status], listed)
        counts[f"mailchimp/{file}"] = len(listed)
    activity = list(_activity(members, world, rng))
    write_csv(
        folder / "campaign_activity.csv",
        ["Campaign ID", "Campaign Title", "Email Address", "Action", "URL", "Timestamp"],
        activity,
    )
    return counts | {"mailchimp/campaign_activity.csv": len(activity)}


def stamp(moment: datetime) -> str:
    """Write a time as Mailchimp does."""
    return moment.isoformat(" ", "seconds")


#: Address, joined, left, who it is.
_Member = tuple[str, datetime, datetime, Person]


def _activity(members: list[_Member], world: World, rng: random.Random) -> list[list[str]]:
    """Write newsletters to all members and the e-mail programmes to those who are treated."""
    until = datetime.combine(world.until, datetime.min.time())
    sends: list[tuple[str, str, datetime, dict[str, str] | None]] = []
    for campaign in range(CAMPAIGNS):
        sent = until - timedelta(days=30 * (CAMPAIGNS - campaign) - 12, hours=-9)
        sends.append((f"c{campaign + 1:03d}", f"Boletín {sent:%Y-%m}", sent, None))
    for programme in PROGRAMMES:
        if programme.channel == "email":
            sent = datetime.combine(window_of(programme, world.until)[0], datetime.min.time()) + timedelta(hours=9)
            sends.append((programme.key, programme.name, sent, world.arms[programme.key]))
    out: list[list[str]] = []
    for ident, title, sent, arms in sends:
        for email, joined, left, person in members:
            if not joined <= sent <= left or (arms is not None and arms.get(person.person_id) != "treated"):
                continue
            out.append([ident, title, email, "sent", "", stamp(sent)])
            if rng.random() < 0.012:
                out.append([ident, title, email, "bounce", "", stamp(sent + timedelta(minutes=3))])
            elif rng.random() < person.traits.email_interest * 1.6:
                opened = sent + timedelta(minutes=int(rng.expovariate(1 / 400)) + 1)
                out.append([ident, title, email, "open", "", stamp(opened)])
                if rng.random() < 0.004:
                    out.append(list(out[-1]))  # delivered twice
                if rng.random() < 0.22:
                    clicked = opened + timedelta(seconds=rng.randint(5, 300))
                    out.append(
                        [
                            ident,
                            title,
                            email,
                            "click",
                            f"https://tienda.example/p/{rng.randint(1, 120):04d}",
                            stamp(clicked),
                        ]
                    )
    return out
