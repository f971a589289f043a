"""Apply plans: exactly the plan that was made, by its hash; removals first; every change with its outcome.

In: plans in the outbox, approvals of people. Out: the destination's files, the journal. What stays true: a plan is applied
once; a crash before the journal is written repeats the same bytes under the same names; no connection to the warehouse is
open meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from activation.audience import Audience, Target
from activation.campaign import FIELDS
from activation.client import Client
from activation.connections import Connection, Connections
from activation.destinations import DESTINATIONS, ApiDestination, Change, Destination, Outcome, PlaceDestination
from activation.destinations.base import ROWS_AT_ONCE
from activation.errors import ApprovalNeeded, Refused, Retryable, StalePlan, Terminal
from activation.ledger import Batches, is_applied, note_confirmation, register_ledger, write_journal
from activation.plan import CHANGES, Plan, deliverable, plans, sharing
from activation.readback import note_refusals, refusal_sql, register_readback
from warehouse import files
from warehouse.duck import connect, keep, quoted
from warehouse.errors import CdpError, edge
from warehouse.faults import fault
from warehouse.operations import ApprovalRow, session
from warehouse.publish import open_published
from warehouse.settings import now
from warehouse.steps import StepResult, step

log = logging.getLogger("clientela.activation")
#: Why somebody who left an audience was not taken off its list.
RELEASED = "stays for another audience of the same list"
#: How long platforms are asked what became of a request; the longest of them says a day.
ASKED_FOR = timedelta(days=7)

#: What a person answers to let a plan go out, and to leave it.
APPROVE, LEAVE = "Approve", "Leave"


def no_connections(connection_id: str) -> Connection:
    """Say that nobody said where connections come from."""
    raise CdpError(f"connection '{connection_id}' cannot be looked up here")


def deliver_audiences(connections: Connections = no_connections, platform: str | None = None) -> StepResult:
    """Apply every plan that has changes and was not applied yet; one that fails keeps no other back.

    Args:
        connections: gives the account of a platform that is called.
        platform: apply plans of one platform only.

    Raises:
        ApprovalNeeded: at least one plan waits for a person; the others were applied.
        Retryable: a platform did not take everything; what it took is in the journal.
        CdpError: a platform refused us, or a plan is stale.
    """
    with step("deliver") as result, edge("activation"):
        failed: list[CdpError] = []
        outcomes: Counter[str] = Counter()
        audiences = deliverable()
        for plan in plans():
            if (
                platform not in (None, plan.platform)
                or is_applied(plan.audience, plan.platform, plan.hash)
                or not plan.changes
            ):
                continue
            try:
                outcomes.update(apply_plan(plan, audiences[plan.audience], connections))
            except CdpError as error:
                failed.append(error)
        result.rows_out = sum(outcomes.values())
        result.facts = dict(sorted(outcomes.items()))
        if failed:
            # What only needs a person comes last: what is broken is said first.
            order = (Refused, Terminal, Retryable, ApprovalNeeded)
            worst = min(failed, key=lambda e: next((n for n, kind in enumerate(order) if type(e) is kind), 0))
            kind = type(worst) if type(worst) in (ApprovalNeeded, Retryable, StalePlan, Terminal) else CdpError
            raise kind("\n".join(str(error) for error in failed))
    return result


def apply_plan(plan: Plan, audience: Audience, connections: Connections = no_connections) -> Counter[str]:
    """Apply one plan and journal it; returns outcomes by status.

    Raises:
        ApprovalNeeded: the plan is larger than declared, or removes more than its share, and nobody approved its hash.
        StalePlan: the rows are not those of the hash.
        Retryable: a file could not be written, or a platform does not take more now.
        Terminal: a platform does not let us in.
    """
    _ask_for_approval(plan, audience)
    if not plan.rows_path.exists():
        raise StalePlan(f"{plan.audience}/{plan.platform}: the plan's rows are gone; make the plan again")
    destination = DESTINATIONS[plan.platform]
    con = connect(":memory:")
    try:
        _ask_consent_again(plan, audience)
        if isinstance(destination, ApiDestination):
            return _call(plan, audience, destination, con, connections)
        return _write_files(plan, audience, destination, con, connections)
    finally:
        con.close()


def _write_files(
    plan: Plan, audience: Audience, destination: Destination, con: duckdb.DuckDBPyConnection, connections: Connections
) -> Counter[str]:
    """Write a plan's files, put them where they belong, and journal every change as accepted."""
    target = _target(plan, audience)
    rows = f"'{quoted(str(plan.rows_path))}'"
    in_campaign = con.execute(f"SELECT count(*) > 0 FROM {rows} WHERE campaign <> ''").fetchall()[0][0]
    stem = f"{plan.audience}_{plan.hash[:8]}"
    fault("deliver.before_send")
    try:
        target.row_of.write(con, plan.rows_path, plan.folder, stem, (*target.fields, *(FIELDS if in_campaign else ())))
        _write_manifest(plan)
        if isinstance(destination, PlaceDestination):
            paths = [
                *sorted(plan.folder.glob(f"{stem}_*.csv")),
                plan.folder / "members.csv",
                plan.folder / "manifest.json",
            ]
            destination.put(connections(str(target.connection)), plan.list, paths)
    except OSError as error:
        raise Retryable(f"{plan.audience}/{plan.platform}: files could not be written ({error.strerror})") from None
    fault("deliver.after_send")
    told = con.execute(
        f"""
        SELECT ? AS audience, ? AS platform, ? AS list, customer_id, CASE op WHEN 'release' THEN 'remove' ELSE op END AS op,
            'accepted' AS status, CASE op WHEN 'release' THEN '{RELEASED}' ELSE reason END AS reason, payload_hash, payload, ? AS plan_hash,
            ? AS delivered_at, '' AS request_id, campaign, variant
        FROM {rows} WHERE op IN {CHANGES}
        """,
        [plan.audience, plan.platform, plan.list, plan.hash, now().isoformat(timespec="seconds")],
    ).to_arrow_reader(ROWS_AT_ONCE)
    write_journal(plan.audience, plan.platform, plan.hash, told)
    fault("deliver.after_journal")
    return Counter({"accepted": plan.changes} if plan.changes else {})


def _target(plan: Plan, audience: Audience) -> Target:
    return next(t for t in audience.destinations if t.platform == plan.platform and t.list == plan.list)


def _is_shared(plan: Plan) -> bool:
    """Tell whether another audience, or a step of a journey, fills the same list."""
    audience = deliverable()[plan.audience]
    return bool(sharing(audience, _target(plan, audience)))


def _entries(
    plan: Plan, done: list[tuple[Change, Outcome]], frame: pl.DataFrame, places: dict[tuple[str, str], int]
) -> pa.Table:
    """Return the journal of one batch; `places` tells where in the plan's rows a change stands."""
    rows = frame[[places[change.customer_id, change.op] for change, _ in done]]
    said = pl.Series("said", [outcome.reason for _, outcome in done], pl.String)
    return rows.select(
        pl.lit(plan.audience).alias("audience"), pl.lit(plan.platform).alias("platform"), pl.lit(plan.list).alias("list"), "customer_id", "op",
        pl.Series("status", [outcome.status for _, outcome in done], pl.String),
        pl.when(said != "").then(said).otherwise(pl.col("reason")).alias("reason"), "payload_hash", "payload",
        pl.lit(plan.hash).alias("plan_hash"), pl.lit(now().isoformat(timespec="seconds")).alias("delivered_at"),
        pl.Series("request_id", [outcome.request_id for _, outcome in done], pl.String), "campaign", "variant",
    ).to_arrow()  # fmt: skip


def _call(
    plan: Plan,
    audience: Audience,
    destination: ApiDestination,
    con: duckdb.DuckDBPyConnection,
    connections: Connections,
) -> Counter[str]:
    """Send a plan to a platform that is called; each batch counts once it is answered, and is not sent again after a crash."""
    connection = connections(str(_target(plan, audience).connection))
    journal = Batches(plan.audience, plan.platform, plan.hash)
    began = journal.began_at()
    answered = journal.answered()
    frame = con.execute(
        f"SELECT * REPLACE (CASE op WHEN 'release' THEN 'remove' ELSE op END AS op), op = 'release' AS is_released "
        f"FROM '{quoted(str(plan.rows_path))}' WHERE op IN {CHANGES} ORDER BY op <> 'remove', op, customer_id"
    ).pl()
    # Whom the plan names: customer, what happens, and the rows that are sent and that were.
    listed = list(zip(*(frame[c].to_list() for c in ("customer_id", "op", "payload", "previous")), strict=True))
    places = {(customer, op): n for n, (customer, op, _, _) in enumerate(listed)}
    released = set(frame.filter("is_released")["customer_id"].to_list())
    changes = [
        Change(customer, op, json.loads(payload), json.loads(previous) if previous != "{}" else {})
        for customer, op, payload, previous in listed
        if (customer, op) not in answered
    ]
    waiting = [change for change in changes if change.customer_id not in released]
    outcomes: Counter[str] = Counter()
    kept = [(c, Outcome(c.customer_id, "accepted", RELEASED)) for c in changes if c.customer_id in released]
    if kept:
        journal.write(_entries(plan, kept, frame, places))
        outcomes["released"] += len(kept)
    client = destination.client(connection)
    try:
        fault("deliver.before_send")
        # On a list that another audience fills too, who is not named here may be the other's.
        is_whole = plan.is_reconcile and not _is_shared(plan)
        # What was answered already is not sent again, and would be missing from a whole list.
        for done in _sent(destination, client, connection, plan.list, waiting, is_whole=is_whole and not answered):
            fault("deliver.after_send")
            journal.write(_entries(plan, done, frame, places))
            outcomes.update(outcome.status for _, outcome in done)
            fault("deliver.after_journal")
        if is_whole:
            destination.remove_older(client, connection, plan.list, began)
    finally:
        client.close()
    journal.done(is_reconcile=plan.is_reconcile)
    return outcomes


def _sent(
    destination: ApiDestination,
    client: Client,
    connection: Connection,
    place: str,
    waiting: list[Change],
    *,
    is_whole: bool,
) -> Iterator[list[tuple[Change, Outcome]]]:
    """Send changes and yield what was answered: as one whole list, where that is wanted and the platform takes one, else in batches."""
    if is_whole and destination.replaces and waiting:
        try:
            outcomes = destination.replace(client, connection, place, waiting)
        except Refused as error:
            log.warning("%s: the list is sent in batches, since it was not taken whole: %s", place, error)
        else:
            yield list(zip(waiting, outcomes, strict=True))
            return
    yield from destination.batches(client, connection, place, waiting)


def confirm_deliveries(connections: Connections = no_connections) -> StepResult:
    """Ask platforms what became of requests that they work on in the background; what failed is planned again.

    Raises:
        CdpError: a platform cannot be asked.
    """
    with step("confirm") as result, edge("activation"):
        con = connect()
        try:
            register_ledger(con)
            open_requests = con.execute(
                """
                SELECT DISTINCT l.platform, l.audience, l.list, l.request_id FROM activation.ledger AS l
                LEFT JOIN activation.confirmations AS c ON l.platform = c.platform AND l.request_id = c.request_id
                WHERE l.status = 'accepted' AND l.request_id <> '' AND coalesce(c.status, 'processing') = 'processing' AND l.delivered_at >= ?
                ORDER BY ALL
                """,
                [(now() - ASKED_FOR).isoformat(timespec="seconds")],
            ).fetchall()
        finally:
            con.close()
        audiences = deliverable()
        states: Counter[str] = Counter()
        for platform, audience, place, request_id in open_requests:
            destination = DESTINATIONS[platform]
            target = (
                next((t for t in audiences[audience].destinations if (t.platform, t.list) == (platform, place)), None)
                if audience in audiences
                else None
            )
            if not isinstance(destination, ApiDestination) or target is None:
                continue
            client = destination.client(connections(str(target.connection)))
            try:
                status, reason, told = destination.status(client, place, request_id)
            finally:
                client.close()
            states[status] += 1
            note_confirmation(
                platform,
                request_id,
                {"status": status, "reason": reason, "told": told, "asked_at": now().isoformat(timespec="seconds")},
            )
        result.rows_in, result.rows_out = len(open_requests), states["confirmed"]
        result.facts = dict(sorted(states.items()))
        con = connect()
        try:
            register_ledger(con)
        finally:
            con.close()
    return result


def read_refusals(connections: Connections = no_connections) -> StepResult:
    """Ask every platform that audiences go to who refuses to be sent there, and keep what is new.

    Raises:
        CdpError: a platform cannot be asked; the others were.
    """
    with step("read-back") as result, edge("activation"):
        places = {
            (target.platform, target.list.partition("/")[0], target.connection, target.channel)
            for audience in deliverable().values()
            for target in audience.destinations
            if isinstance(DESTINATIONS[target.platform], ApiDestination)
        }
        failed: list[CdpError] = []
        for platform, place, connection_id, channel in sorted(places, key=str):
            destination = DESTINATIONS[platform]
            if not isinstance(destination, ApiDestination):
                continue
            try:
                connection = connections(str(connection_id))
                client = destination.client(connection)
                try:
                    found = list(destination.refusals(client, connection, place))
                finally:
                    client.close()
                result.rows_in += len(found)
                result.rows_out += note_refusals(platform, channel, found)
            except CdpError as error:
                failed.append(error)
        if failed:
            raise type(failed[0])("\n".join(str(error) for error in failed))
    return result


def approve(plan_hash: str, author: str) -> Plan:
    """Record a person's consent to one plan.

    Raises:
        CdpError: no newest plan has that hash.
    """
    found = [plan for plan in plans() if plan.hash.startswith(plan_hash) and len(plan_hash) >= 8]
    if len(found) != 1:
        raise CdpError(f"no plan to apply has the hash {plan_hash}; see `cdp plan`")
    plan = found[0]
    with session() as db:
        if db.get(ApprovalRow, plan.hash) is None:
            db.add(
                ApprovalRow(
                    plan_hash=plan.hash,
                    audience=plan.audience,
                    destination=plan.platform,
                    author=author,
                    approved_at=now(),
                )
            )
    return plan


@dataclass(frozen=True)
class Question:
    """A plan that waits for a person: what is asked, in words, and the hash that an answer is for."""

    subject: str
    body: str
    plan_hash: str


def waiting_questions() -> list[Question]:
    """Return the plans that nobody has approved and that may not go out without."""
    audiences = deliverable()
    found = []
    for plan in plans():
        if not plan.changes or is_applied(plan.audience, plan.platform, plan.hash):
            continue
        reasons = _reasons_to_ask(plan, audiences[plan.audience])
        if reasons and not _is_approved(plan):
            counts = ", ".join(f"{op} {n:,}" for op, n in plan.counts.items())
            body = f"{' and '.join(reasons)}. {counts}; {plan.size_after:,} on the list afterwards. {' '.join(plan.warnings)}"
            found.append(Question(f"{plan.audience} to {plan.platform} ({plan.hash[:12]})", body.strip(), plan.hash))
    return found


def note_answers(asked: list[dict[str, str]], answers: list[dict[str, Any]]) -> int:
    """Approve the plans that people said yes to; a plan that was made anew meanwhile is asked for again.

    Args:
        asked: questions, as dictionaries.
        answers: what Airflow's operator returned for each, in their order.

    Returns:
        How many were approved.
    """
    approved = 0
    for question, answer in zip(asked, answers, strict=True):
        if APPROVE not in answer.get("chosen_options", []):
            continue
        by = answer.get("responded_by_user") or {}
        with suppress(CdpError):
            approve(question["plan_hash"], str(by.get("name") or by.get("id") or "Airflow"))
            approved += 1
    return approved


def _reasons_to_ask(plan: Plan, audience: Audience) -> list[str]:
    removed = plan.counts.get("remove", 0)
    before = removed + plan.counts.get("unchanged", 0) + plan.counts.get("update", 0)
    reasons = []
    if plan.changes > audience.approve_over:
        reasons.append(f"{plan.changes:,} changes, more than {audience.approve_over:,}")
    if removed and 100 * removed > audience.max_remove_pct * before:
        reasons.append(f"removes {removed:,} of {before:,}, more than {audience.max_remove_pct:g} %")
    return reasons


def _is_approved(plan: Plan) -> bool:
    with session() as db:
        return db.get(ApprovalRow, plan.hash) is not None


def _ask_for_approval(plan: Plan, audience: Audience) -> None:
    reasons = _reasons_to_ask(plan, audience)
    if reasons and not _is_approved(plan):
        raise ApprovalNeeded(
            f"{plan.audience}/{plan.platform}: {' and '.join(reasons)}. Look at it, then `cdp approve {plan.hash[:12]}`"
        )


def _ask_consent_again(plan: Plan, audience: Audience) -> None:
    """Refuse a plan in which somebody's consent has gone since it was made.

    Raises:
        StalePlan: at least one; a new plan leaves them out.
    """
    target = _target(plan, audience)
    con = open_published()
    try:
        register_readback(con, temporary=True)
        customers = (
            pl.scan_parquet(plan.rows_path)
            .filter(pl.col("op").is_in(["add", "update", "unchanged"]))
            .select("customer_id")
            .collect()
        )
        keep(con, "asked", customers.to_arrow())
        refused = con.execute(
            f"SELECT count(*) FROM asked WHERE {refusal_sql('asked.customer_id', target.purpose, target.channel, 'readback')} IS NOT NULL"
        ).fetchall()[0][0]
    finally:
        con.close()
    if refused:
        raise StalePlan(
            f"{plan.audience}/{plan.platform}: {refused} of the plan have no consent any more; make the plan again"
        )


def _write_manifest(plan: Plan) -> None:
    """Say beside the files what they are: name, rows and checksum."""
    listed = {
        path.name: {"rows": max(files.count_lines(path) - 1, 0), "sha256": files.sha256_of(path)}
        for path in sorted(plan.folder.glob("*.csv"))
    }
    files.write_json(plan.folder / "manifest.json", {"plan_hash": plan.hash, "list": plan.list, "files": listed})
