"""What rows of an audience hold beyond a platform's own cells: declared fields, and what its running campaign says; for plans and downloads alike.

The published file is attached as `cdp`; `m` is a member, `c` the customer, `s` their row of the audience's segment.
"""

from __future__ import annotations

import duckdb

from activation.audience import Audience, columns_of, load_audiences
from activation.campaign import FIELDS, Campaign, load_campaigns
from activation.destinations import Destination
from activation.hashing import field_sql
from warehouse.duck import name

#: Where members stand in the working file; the published files have them in a database of their own.
MEMBERS = "activation.audience_members"


def running_campaign(con: duckdb.DuckDBPyConnection, audience: Audience, members: str = MEMBERS) -> Campaign | None:
    """Return the campaign that an audience is in now."""
    found = con.execute(f"SELECT min(campaign) FROM {members} WHERE audience = ?", [audience.name]).fetchall()[0][0]
    return load_campaigns(tuple(load_audiences()))[found] if found else None


def further_fields(
    con: duckdb.DuckDBPyConnection,
    audience: Audience,
    destination: Destination,
    declared: dict[str, str],
    channel: str,
    members: str = MEMBERS,
) -> tuple[dict[str, str], str]:
    """Return the expressions of further fields by header, and the join that they need.

    Args:
        con: where the published file is attached.
        audience: whose members they are.
        destination: whose rows they follow.
        declared: headers with the columns they come from.
        channel: by which channel a campaign speaks.
        members: the table of members.
    """
    segment = audience.who.segment
    from_segment = columns_of(con, "segments", segment) if segment else {}
    types = {**columns_of(con, "marts", "customers"), **from_segment}
    fields = {
        header: field_sql(f"{'s' if column in from_segment else 'c'}.{name(column)}", types[column])
        for header, column in declared.items()
    }
    if destination.takes_fields and (campaign := running_campaign(con, audience, members)):
        # Nothing is added where no campaign runs, so that its end takes the cells away again.
        said = ("m.campaign", "m.variant", campaign.content_sql("m.variant", channel))
        fields |= dict(zip(FIELDS, said, strict=True))
    join = f"LEFT JOIN cdp.segments.{name(segment)} AS s ON c.customer_id = s.customer_id" if segment else ""
    return fields, join
