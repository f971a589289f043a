"""The declarations of this room: how two records are compared, thresholds of the linkage and rules of survivorship."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from warehouse.declarations import Declared, load

HERE = Path(__file__).parent

Entity = Literal["person", "company"]

#: Columns of `identity.records` that records may be compared by, per kind of thing.
COMPARED: dict[Entity, tuple[str, ...]] = {
    "person": (
        "given", "is_known_given", "name_in_order", "name_inferred_from", "given_first", "given_canonical", "given_stands_for",
        "given_sex", "surname_1", "surname_2", "surname_sound", "email_key", "email_local", "email_shared", "phone_e164", "phone_shared",
        "tax_id", "birth_date", "birth_day", "street_name", "street_number", "postcode", "city_key", "country_code",
    ),
    "company": (
        "name_key", "name_words", "name_rare", "legal_form", "domain", "domain_name", "phone_e164", "tax_id", "street_name",
        "street_number", "postcode", "city_key", "country_code",
    ),
}  # fmt: skip
_ANY_COLUMN = tuple(dict.fromkeys(column for columns in COMPARED.values() for column in columns))


def _known_column(column: str) -> str:
    if column not in _ANY_COLUMN:
        near = difflib.get_close_matches(column, _ANY_COLUMN, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"'{column}' is not a column that records are compared by{hint} Allowed: {', '.join(_ANY_COLUMN)}"
        )
    return column


def sides(condition: str) -> list[str]:
    """Return the columns that a condition on two records looks at, `_l` and `_r`."""
    return re.findall(r"\b(\w+)_[lr]\b", re.sub(r"'[^']*'", "", condition))


def of_join(condition: str) -> str:
    """Return a condition on two records, `_l` and `_r`, as one on the tables `a` and `b` of a join."""
    return re.sub(r"\b(\w+)_([lr])\b", lambda side: f"{'a' if side[2] == 'l' else 'b'}.{side[1]}", condition)


def _sides_of_known_columns(condition: str) -> str:
    for column in sides(condition):
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

    identifier: Column | None = Field(
        default=None, description="column of one's own, so sparse that a random sample of pairs never agrees in it"
    )
    filled: str
    different_m_from: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="one's records differ in it at least so often, whatever the records at hand show",
    )
    unknown_when: Condition
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]

    @property
    def columns(self) -> list[str]:
        """The columns that it looks at."""
        said = " ".join([self.unknown_when, *(level.when for level in self.levels)])
        return [column for column in _ANY_COLUMN if f"{column}_l" in said]


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
    match_weights_psi: float = Field(gt=0)
    blocks_psi: float = Field(gt=0)


class Ages(Declared):
    """How old a customer can be; dates of birth outside do not count."""

    min: int = Field(ge=0)
    max: int = Field(le=150)


class Families(Declared):
    """What is taken from pairs that share what families share, and contradict each other in what is a person's own."""

    penalty_bits: float = Field(ge=0)
    alike_in_part: tuple[str, ...] = Field(
        default=(), description="levels of the given names that contradict each other where the mailboxes differ, too"
    )
    two_names_cap_bits: float
    two_names_of_one_pct: float = Field(ge=0, le=100)
    from_pairs: int = Field(ge=1)
    copied_number_cap_bits: float
    anybody_cap_bits: float


class SourcePriors(Declared):
    """How much the prior of a pair may depend on the sources of its records."""

    matches_before: float = Field(gt=0)
    most_bits: float = Field(ge=0)


class KeptApart(Declared):
    """Which contradictions keep two records apart, whatever else agrees, where one person's records hardly ever show them."""

    by: dict[str, tuple[str, ...]] = Field(
        description="comparisons, each with those that speak for one person nevertheless where they agree as strongly as they can"
    )
    when_m_below: float = Field(gt=0, lt=1)
    bits: float = Field(le=-30)


class EntityRules(Declared):
    """`identity/person.yml`, `identity/company.yml`: how things of one kind are told apart."""

    entity: Entity
    loose_cut_bits: float
    merge_cut_bits: float
    clip_bits: Clip
    families: Families | None = None
    kept_apart: KeptApart | None = None
    source_priors: SourcePriors | None = None
    full_run: FullRun
    health: HealthBounds | None = None
    review_from_bits: float = Field(default=0.3, ge=0, le=1)
    max_group_records: int = Field(ge=10)
    tells_apart: Column
    strangers_when: Condition
    shared_identifier_names: dict[Column, int]
    deterministic: tuple[Column, ...]
    deterministic_when: Condition
    deterministic_bits: float
    ages_years: Ages = Ages(min=0, max=150)
    comparisons: dict[str, Comparison]
    frequent_within: dict[Column, Column] = Field(default_factory=dict)
    blocking_rules: tuple[Block, ...]
    most_pairs_per_record: MostPairs
    max_block_records: int = Field(ge=2)
    training_rules: tuple[Block, ...]
    more_training_rules: tuple[Block, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its records are compared by."""
        return COMPARED[self.entity]

    @model_validator(mode="after")
    def _of_its_own_columns(self) -> EntityRules:
        used = [
            column
            for rule in (*self.blocking_rules, *self.training_rules, *self.more_training_rules)
            for column in rule
        ]
        for comparison in self.comparisons.values():
            used += [*sides(comparison.unknown_when), *(c for level in comparison.levels for c in sides(level.when))]
            used += [level.by_frequency_of for level in comparison.levels if level.by_frequency_of]
        if foreign := sorted(set(used) - set(self.columns)):
            raise ValueError(f"a {self.entity} has no column {', '.join(foreign)}; it has {', '.join(self.columns)}")
        if self.families and (lost := sorted({"given", "tax_id", "birth", "email", "phone"} - set(self.comparisons))):
            raise ValueError(f"'families' needs the comparisons {', '.join(lost)}")
        levels = [level.label for level in self.comparisons["given"].levels] if self.families else []
        if lost := sorted(set(self.families.alike_in_part if self.families else ()) - set(levels)):
            raise ValueError(
                f"'alike_in_part' names no level of the given names: {', '.join(lost)}; there are {', '.join(levels)}"
            )
        named = {c for by, unless in (self.kept_apart.by if self.kept_apart else {}).items() for c in (by, *unless)}
        if lost := sorted(named - set(self.comparisons)):
            raise ValueError(
                f"'kept_apart' names no comparison: {', '.join(lost)}; there are {', '.join(self.comparisons)}"
            )
        return self


class Survivorship(Declared):
    """How one attribute's value is chosen."""

    order: tuple[Literal["trust", "recent", "frequent", "complete"], ...]
    trust: tuple[str, ...] = ()


class SurvivorshipRules(Declared):
    """`identity/survivorship.yml`."""

    attributes: dict[str, Survivorship]


_RESOLVED: ContextVar[Entity] = ContextVar("resolved", default="person")


@contextmanager
def resolving(entity: Entity) -> Iterator[None]:
    """Let the engine resolve things of another kind inside: its steps read the rules in force, as they would read settings."""
    token = _RESOLVED.set(entity)
    try:
        yield
    finally:
        _RESOLVED.reset(token)


def rules_in_force() -> EntityRules:
    """Return how things of the kind that is being resolved are told apart: people, unless :func:`resolving` says otherwise."""
    return rules_of(_RESOLVED.get())


@cache
def rules_of(entity: Entity) -> EntityRules:
    """Read `identity/<entity>.yml`."""
    return load(HERE / f"{entity}.yml", EntityRules)


@cache
def survivorship_rules() -> SurvivorshipRules:
    """Read `identity/survivorship.yml`."""
    return load(HERE / "survivorship.yml", SurvivorshipRules)
