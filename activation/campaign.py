"""Campaigns: goal, period, budget, offer, audiences, content, control group and variants in one declaration.

In: `activation/campaigns/*.yml`. Who is in which variant is a hash of campaign and customer, so it needs no memory; who was assigned once stays
(`activation.assignments`), also when two customers turn out to be one. Every delivery of the campaign's audiences carries campaign and variant;
costs and responses are found by `tracking`.
"""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from warehouse.declarations import Declared, load_folder
from warehouse.duck import quoted
from warehouse.errors import DeclarationError
from warehouse.settings import settings

#: What a customer of the control group is assigned to.
CONTROL = "control"
#: Cells that rows of a campaign carry, where a platform takes fields.
FIELDS = ("CAMPAIGN", "VARIANT", "CONTENT")


class Goal(Declared):
    """What is wanted of the campaign, from those it treats, within days of being assigned."""

    measure: Literal["orders", "revenue_usd", "margin_usd"]
    target: float = Field(gt=0)
    within_days: int = Field(default=30, ge=1, le=365)


class Offer(Declared):
    """What is offered; platforms get the code as a field where the variant's content asks for it."""

    code: str = Field(pattern=r"^[A-Za-z0-9_-]{2,40}$")
    description: str
    description_es: str
    discount_pct: float = Field(default=0, ge=0, le=100)


class Variant(Declared):
    """One way of doing it: its share of those treated, and what it says by channel, by reference."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    share_pct: float = Field(gt=0, le=100)
    content: dict[Literal["email", "sms", "phone", "ads"], str] = Field(default={})


class Tracking(Declared):
    """How costs and visits are known to be the campaign's."""

    utm_campaigns: tuple[str, ...] = ()
    ad_campaign_ids: tuple[str, ...] = ()


class Campaign(Declared):
    """`activation/campaigns/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    description_es: str
    owner: str
    goal: Goal
    starts_on: date
    ends_on: date
    budget_usd: float = Field(ge=0)
    fixed_cost_usd: float = Field(
        default=0, ge=0, description="what it costs besides ad spend: content, discounts planned"
    )
    offer: Offer | None = None
    audiences: tuple[str, ...] = Field(min_length=1)
    control_pct: float = Field(
        default=0, ge=0, le=50, description="held out besides the holdout of the audiences, which is control group too"
    )
    variants: tuple[Variant, ...] = Field(min_length=1)
    tracking: Tracking = Tracking()

    @model_validator(mode="after")
    def _whole(self) -> Campaign:
        if self.ends_on < self.starts_on:
            raise ValueError(f"ends on {self.ends_on}, before it starts on {self.starts_on}")
        total = sum(v.share_pct for v in self.variants)
        if abs(total - 100) > 0.01:
            raise ValueError(f"the variants' share_pct add up to {total:g}, not to 100")
        names = [v.name for v in self.variants]
        if len(set(names)) != len(names) or CONTROL in names:
            raise ValueError(f"variants need names of their own, other than '{CONTROL}'")
        return self

    def variant_sql(self, customer: str) -> str:
        """Return the expression of the variant that a customer is drawn into."""
        draw = f"('0x' || substr(sha256('{self.name}:variant:' || {customer}), 1, 8))::UBIGINT % 10000"
        held = f"('0x' || substr(sha256('{self.name}:holdout:' || {customer}), 1, 8))::UBIGINT % 10000"
        arms, upto = [f"WHEN {held} < {round(self.control_pct * 100)} THEN '{CONTROL}'"], 0.0
        for variant in self.variants[:-1]:
            upto += variant.share_pct
            arms.append(f"WHEN {draw} < {round(upto * 100)} THEN '{variant.name}'")
        return f"CASE {' '.join(arms)} ELSE '{self.variants[-1].name}' END"

    def content_sql(self, variant: str, channel: str) -> str:
        """Return the expression of what a variant says by a channel."""
        arms = [
            f"WHEN '{v.name}' THEN '{quoted(v.content[channel])}'"  # type: ignore[index]
            for v in self.variants
            if channel in v.content
        ]
        return f"CASE {variant} {' '.join(arms)} END" if arms else "NULL::VARCHAR"


def load_campaigns(audiences: tuple[str, ...], folders: tuple[Path, ...] | None = None) -> dict[str, Campaign]:
    """Read all campaigns by name.

    Args:
        audiences: names of the declared audiences.
        folders: where declarations are; those of the settings when not given.

    Raises:
        DeclarationError: a declaration is wrong, names an audience that is not there, or two campaigns want one audience at one time.
    """
    found: dict[str, Campaign] = {}
    for path, campaign in load_folder(folders or settings().campaign_dirs, Campaign):
        if path.stem != campaign.name:
            raise DeclarationError(f"{path.name}, line 1: declares {campaign.name}; name the file {campaign.name}.yml")
        for wanted in campaign.audiences:
            if wanted not in audiences:
                near = difflib.get_close_matches(wanted, audiences, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DeclarationError(f"{path.name}: audience '{wanted}' is not declared{hint}")
        for other in found.values():
            shared = set(other.audiences) & set(campaign.audiences)
            if shared and campaign.starts_on <= other.ends_on and other.starts_on <= campaign.ends_on:
                raise DeclarationError(
                    f"{path.name}: {', '.join(sorted(shared))} is in campaign {other.name} until {other.ends_on}; "
                    "an audience is in one campaign at a time"
                )
        found[campaign.name] = campaign
    return found
