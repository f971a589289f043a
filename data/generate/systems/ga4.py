"""GA4's BigQuery export of the Colombian store: a file a day, nested, whole numbers as text, microseconds as BigQuery has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.generate.systems.segment import PAGES, SEARCHES, last_days
from data.generate.world import World

DAYS = 14
#: Exports of these last days come twice.
REWRITTEN_DAYS = 3


def write(folder: Path, world: World) -> dict[str, int]:
    """Write the last two weeks and note which pseudo id is whose."""
    rng = world.rng("ga4")
    folder.mkdir(parents=True, exist_ok=True)
    people = [p for p in world.people if "woocommerce" in p.systems]
    counts: dict[str, int] = {}
    per_day = max(6, len(world.people) // 60)
    for day in last_days(world, DAYS):
        lines: list[str] = []
        for visit in range(per_day):
            person = rng.choice(people) if people and rng.random() < 0.3 else None
            pseudo = (
                f"{abs(hash_text(person.person_id)) % 10**10}.{1700000000}"
                if person
                else f"{rng.randrange(10**10)}.{1700000000 + visit}"
            )
            knows = person is not None and rng.random() < 0.5
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=rng.randint(0, 86_000))
            session = str(int(at.timestamp()))
            source, medium = rng.choice(
                [("google", "cpc"), ("google", "organic"), ("(direct)", "(none)"), ("instagram", "social")]
            )
            shared: dict[str, Any] = {
                "user_pseudo_id": pseudo, "user_id": f"woo-{person.person_id}" if person and knows else None, "platform": "WEB", "stream_id": "3206015529",
                "privacy_info": {"analytics_storage": "Yes" if rng.random() < 0.9 else "No", "ads_storage": "Yes" if rng.random() < 0.7 else "No"},
                "device": {"category": rng.choice(["mobile", "desktop", "tablet"]), "operating_system": "Android", "language": "es-co", "web_info": {"browser": "Chrome"}},
                "geo": {"country": "Colombia", "region": "Bogota", "city": "Bogota"}, "traffic_source": {"name": "", "medium": medium, "source": source},
            }  # fmt: skip
            steps = ["session_start", "page_view"]
            if rng.random() > 0.45:
                steps += (
                    ["scroll", "view_item"]
                    + (["add_to_cart"] if rng.random() < 0.1 else [])
                    + (["view_search_results"] if rng.random() < 0.2 else [])
                )
                if rng.random() < 0.035:
                    steps += ["begin_checkout", "purchase"]
            for index, step in enumerate(steps):
                moment = at + timedelta(seconds=index * rng.randint(3, 40))
                if moment.date() != day:
                    break
                lines.append(_event(step, moment, day, index, session, source, medium, shared, rng))
        # A day is exported again as late events come in; of the last days both exports are there, and the later one counts.
        is_rewritten = day > world.until - timedelta(days=REWRITTEN_DAYS) and len(lines) > 10
        exports = [lines[: len(lines) * 9 // 10], lines] if is_rewritten else [lines]
        for number, exported in enumerate(exports):
            path = folder / f"events_{day:%Y%m%d}{'_again' if number else ''}.json"
            path.write_text("\n".join(exported) + "\n", encoding="utf-8")
            counts[f"ga4/{path.name}"] = len(exported)
    world.truth.devices += [(f"{abs(hash_text(p.person_id)) % 10**10}.{1700000000}", p.person_id) for p in people]
    return counts


def hash_text(text: str) -> int:
    """Return a number that is the same in every process."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def _event(
    step: str, at: datetime, day, index: int, session: str, source: str, medium: str, shared: dict[str, Any], rng
) -> str:  # type: ignore[no-untyped-def]
    path, title = rng.choice(PAGES)
    params: dict[str, Any] = {
        "ga_session_id": {"int_value": session}, "ga_session_number": {"int_value": "1"}, "page_location": {"string_value": f"https://tienda.example.co{path}"},
        "page_title": {"string_value": title}, "source": {"string_value": source}, "medium": {"string_value": medium},
    }  # fmt: skip
    if step == "scroll":
        params["percent_scrolled"] = {"int_value": "90"}
    if step == "view_search_results":
        params["search_term"] = {"string_value": rng.choice(SEARCHES)}
    if step in ("page_view", "view_item"):
        params["engagement_time_msec"] = {"int_value": str(rng.randint(800, 90_000))}
    event: dict[str, Any] = {
        "event_date": f"{day:%Y%m%d}", "event_timestamp": str(int(at.timestamp() * 1_000_000)), "event_name": step,
        "event_params": [{"key": k, "value": v} for k, v in params.items()], "user_properties": [], "batch_page_id": session + "000", "batch_ordering_id": "1",
        "batch_event_index": str(index), **shared,
    }  # fmt: skip
    if step == "purchase":
        event["ecommerce"] = {
            "transaction_id": f"T{session}",
            "purchase_revenue_in_usd": round(rng.lognormvariate(3.4, 0.6), 2),
            "total_item_quantity": "1",
        }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
