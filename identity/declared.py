"""The declarations of this room: how two records are compared, thresholds of the linkage and rules of survivorship."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from warehouse.declarations import Declared, load

HERE = Path(__file__).parent

#: Columns of `identity.records` that records may be compared by.
COMPARED_COLUMNS = (
    "given", "is_known_given", "name_inferred_from", "given_first", "given_canonical", "surname_1", "surname_2",
    "surname_sound", "email_key", "email_local", "phone_e164", "tax_id", "birth_date", "birth_day", "street_name",
    "street_number", "postcode", "city_key", "country_code",
)  # fmt: skip


def _known_column(column: str) -> str:
    if column not in COMPARED_COLUMNS:
        near = difflib.get_close_matches(column, COMPARED_COLUMNS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"'{column}' is not a column that records are compared by{hint} Allowed: {', '.join(COMPARED_COLUMNS)}"
        )
    return column


def _sides_of_known_columns(condition: str) -> str:
    for column in re.findall(r"\b(\w+)_[lr]\b", re.sub(r"'[^']*'", "", condition)):
        _known_column(column)
    return condition


Column = Annotated[str, AfterValidator(_known_column)]
Condition = Annotated[str, AfterValidator(_sides_of_known_columns)]
Block = Annotated[tuple[Column, ...], Field(min_length=1)]


class Level(Declared):
    """One way in which two records agree; see `identity/person.yml` for the keys."""

    label: str
    es: str
    when: Condition
    by_frequency_of: Column | None = None
    u: float | None = Field(default=None, gt=0, lt=1)
    rare_m: float | None = Field(default=None, gt=0, lt=1)


class Comparison(Declared):
    """What two records are compared by: levels of agreement, the strongest first."""

    filled: str
    unknown_when: Condition
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]

    @property
    def columns(self) -> list[str]:
        """The columns that it looks at."""
        said = " ".join([self.unknown_when, *(level.when for level in self.levels)])
        return [column for column in COMPARED_COLUMNS if f"{column}_l" in said]


class Clip(Declared):
    """Bounds of a match weight, in bits."""

    low: float
    high: float


class FullRun(Declared):
    """When all records are compared anew, and frequencies, prior and blocks taken anew."""

    after_days: int = Field(ge=1)
    records_change_pct: float = Field(gt=0)
    changed_pct: float = Field(gt=0, le=100)


class MostPairs(Declared):
    """How many pairs are compared: for each record in small and in large tables, and from how many pairs on a table is large."""

    small: int = Field(ge=1)
    large: int = Field(ge=1)
    large_from: int = Field(ge=1)


class HealthBounds(Declared):
    """What identities must keep to be taken; see `identity/health.py`."""

    more_than_three_given_names_pct: float = Field(ge=0, le=100)
    several_birth_dates_pct: float = Field(ge=0, le=100)
    more_than_four_emails_pct: float = Field(ge=0, le=100)
    largest_cluster_records: int = Field(ge=2)
    doubtful_pairs_pct: float = Field(ge=0, le=100)
    compared_from_records: int = Field(ge=1)
    kept_ids_pct: float = Field(ge=0, le=100)
    people_change_pct: float = Field(gt=0)
    cluster_sizes_psi: float = Field(gt=0)


class PersonRules(Declared):
    """`identity/person.yml`."""

    entity: Literal["person"]
    loose_cut_bits: float
    merge_cut_bits: float
    clip_bits: Clip
    household_penalty_bits: float = Field(ge=0)
    two_names_cap_bits: float
    two_names_of_one_pct: float = Field(ge=0, le=100)
    families_from_pairs: int = Field(ge=1)
    copied_number_cap_bits: float
    anybody_cap_bits: float
    full_run: FullRun
    health: HealthBounds
    review_from_bits: float = Field(ge=0, le=1)
    max_group_records: int = Field(ge=10)
    shared_identifier_names: dict[Literal["email", "phone", "tax_id"], int]
    deterministic: tuple[Literal["tax_id", "email_key", "phone"], ...]
    deterministic_bits: float
    min_age_years: int
    max_age_years: int
    comparisons: dict[
        Literal["given", "surname_1", "surname_2", "email", "phone", "tax_id", "birth", "address"], Comparison
    ]
    blocking_rules: tuple[Block, ...]
    most_pairs_per_record: MostPairs
    max_block_records: int = Field(ge=2)
    training_rules: tuple[Block, ...]
    more_training_rules: tuple[Block, ...]


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
