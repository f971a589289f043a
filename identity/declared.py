"""The declarations of this room: thresholds of the linkage and rules of survivorship."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from warehouse.declarations import Declared, load

HERE = Path(__file__).parent


class Clip(Declared):
    """Bounds of a match weight, in bits."""

    low: float
    high: float


class PersonRules(Declared):
    """`identity/person.yml`."""

    entity: Literal["person"]
    loose_cut_bits: float
    merge_cut_bits: float
    clip_bits: Clip
    household_penalty_bits: float = Field(ge=0)
    two_names_cap_bits: float
    copied_number_cap_bits: float
    anybody_cap_bits: float
    max_group_records: int = Field(ge=10)
    shared_identifier_names: dict[Literal["email", "phone", "tax_id"], int]
    deterministic: tuple[Literal["tax_id", "email_key", "phone"], ...]
    deterministic_bits: float
    min_age_years: int
    max_age_years: int


class Survivorship(Declared):
    """How one attribute's value is chosen."""

    order: tuple[Literal["trust", "recent", "frequent", "complete"], ...]
    trust: tuple[str, ...] = ()


class SurvivorshipRules(Declared):
    """`identity/survivorship.yml`."""

    attributes: dict[str, Survivorship]


@cache
def person_rules() -> PersonRules:
    """Read `identity/person.yml`."""
    return load(HERE / "person.yml", PersonRules)


@cache
def survivorship_rules() -> SurvivorshipRules:
    """Read `identity/survivorship.yml`."""
    return load(HERE / "survivorship.yml", SurvivorshipRules)
