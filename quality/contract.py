"""A source contract: one YAML file per export table, validated on load.

In: `ingest/sources/<source>_<table>.yml`. Out: a :class:`Contract`. What stays true: nothing about a file is guessed;
encoding, dialect, header, types, locale, keys and load mode are all declared here.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from warehouse.declarations import Declared, load_folder
from warehouse.errors import DeclarationError
from warehouse.settings import settings

Role = Literal[
    "full_name", "given_name", "family_name", "email", "phone", "tax_id", "birth_date", "birthday",
    "street", "city", "postcode", "region", "country", "observed_at", "is_deleted", "is_one_time",
    "consent", "anonymous_id", "login",
]  # fmt: skip

#: Roles whose columns hold personal data; their values never leave a room in a message.
PERSONAL_ROLES = frozenset(get_args(Role)) - {
    "observed_at", "is_deleted", "is_one_time", "consent", "country", "anonymous_id", "login",
}  # fmt: skip

TRUE_WORDS = ("true", "t", "yes", "y", "1", "x", "si", "sí", "s", "verdadero")
FALSE_WORDS = ("false", "f", "no", "n", "0", "falso")


class Column(Declared):
    """One column: how its header reads, what type its text becomes, and what it means."""

    type: Literal["string", "integer", "decimal", "date", "timestamp", "boolean", "json"] = "string"
    description: str = ""
    header: str | None = None
    aliases: tuple[str, ...] = ()
    path: str | None = Field(default=None, description="JSON path inside a line, such as context.page.url")
    from_file: str | None = Field(default=None, description="regular expression on the file name; group 1 is the value")
    required: bool = Field(default=False, description="an empty cell is quarantined")
    optional: bool = Field(default=False, description="the header may be absent")
    role: Role | None = None
    purpose: str | None = None
    channel: str | None = None
    formats: tuple[str, ...] = ()
    precision: int = Field(default=18, ge=1, le=38)
    scale: int = Field(default=2, ge=0, le=12)
    nulls: tuple[str, ...] = ()
    strip: str = ""
    zero_pad: int = 0
    repair: Literal["mojibake"] | None = None
    allowed: tuple[str, ...] = ()

    @field_validator("from_file")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        if value is not None and re.compile(value).groups < 1:
            raise ValueError("needs one group in parentheses")
        return value


class Rule(Declared):
    """A predicate over typed columns; null passes."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str
    on_fail: Literal["quarantine", "drop", "warn"] = "quarantine"


class Rows(Declared):
    """How many rows one file may have; outside, the whole file is set aside."""

    min: int = Field(default=0, ge=0)
    max: int = Field(default=50_000_000, ge=1)


class FillDown(Declared):
    """Copy values of a group's first line to its other lines (Shopify orders, ERP child rows)."""

    by: str
    columns: tuple[str, ...]


class Footer(Declared):
    """Lines at the end that are not rows: every line from the first match of the pattern on is dropped."""

    pattern: str


class Attach(Declared):
    """Columns of another table of the same source that complete a person's record, by left join."""

    table: str
    on: dict[str, str] = Field(description="column here (or attached before): column there")
    where: str = ""
    take: dict[str, Role] = Field(default_factory=dict, description="column there: role it plays here")
    keep: tuple[str, ...] = Field(default=(), description="columns kept to join further tables on")


class Contract(Declared):
    """Everything that is known of one export table before a file of it arrives."""

    source: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    path: str = Field(description="glob below the inbox")
    grain: str
    key: tuple[str, ...] = Field(min_length=1)
    load: Literal["full", "incremental", "append", "window"] = "full"
    series: str | None = Field(default=None, description="pattern on the file name; the newest file of each wins")
    window: str | None = Field(default=None, description="column whose values a newer file rewrites")
    format: Literal["csv", "jsonl"] = "csv"
    encoding: Literal["utf-8", "utf-16", "windows-1252", "latin-1"] = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    multiline: bool = False
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    timestamps: tuple[str, ...] = ("iso8601",)
    time_zone: str = "UTC"
    header_row: int = Field(default=1, ge=0, description="line of the header; 0 when there is none")
    footer: Footer | None = None
    null_tokens: tuple[str, ...] = ("",)
    fill_down: FillDown | None = None
    duplicates: Literal["quarantine", "drop"] = "quarantine"
    undeclared: Literal["ignore", "refuse"] = "ignore"
    drop_at_landing: tuple[str, ...] = ()
    identifies: Literal["person", "nobody"] = "nobody"
    country: str | None = Field(default=None, description="ISO country of records that name none")
    attach: tuple[Attach, ...] = ()
    logs_in: str | None = Field(default=None, description="person table that the ids of role 'login' belong to")
    fresh_within: str = Field(default="36h", pattern=r"^\d+[hd]$")
    rows: Rows = Rows()
    rules: tuple[Rule, ...] = ()
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _hangs_together(self) -> Contract:
        known = set(self.columns) | ({"_group_line"} if self.fill_down else set())
        wanted = set(self.key) | ({self.window} if self.window else set())
        if self.fill_down:
            wanted |= {self.fill_down.by, *self.fill_down.columns}
        if missing := sorted(wanted - known):
            raise ValueError(f"columns named but not declared: {', '.join(missing)}")
        if self.load == "window" and not self.window:
            raise ValueError("load mode 'window' needs 'window: <column>'")
        if bad := [c for c in self.columns if not re.fullmatch(r"[a-z][a-z0-9_]*", c)]:
            raise ValueError(f"column names are snake_case, found {', '.join(sorted(bad))}")
        if self.format == "jsonl" and (lost := [n for n, c in self.columns.items() if not c.path and not c.from_file]):
            raise ValueError(f"columns of JSON lines need 'path': {', '.join(sorted(lost))}")
        return self

    @property
    def name(self) -> str:
        """`<source>_<table>`, the name of the table in `bronze` and of the declaration's file."""
        return f"{self.source}_{self.table}"

    @property
    def version(self) -> str:
        """Eight hex digits that change when anything that decides a row's fate changes."""
        fate = self.model_dump(
            mode="json",
            exclude={
                "description",
                "grain",
                "path",
                "fresh_within",
                "attach",
                "identifies",
                "country",
                "load",
                "series",
                "logs_in",
            },
        )
        return hashlib.sha256(json.dumps(fate, sort_keys=True).encode()).hexdigest()[:8]

    def header_of(self, column: str) -> str:
        """Return the header that a column is known by in the file."""
        return self.columns[column].header or column

    def role_columns(self, role: str) -> list[str]:
        """Return the columns that play a role, in declared order."""
        return [name for name, column in self.columns.items() if column.role == role]


def load_contracts(folders: tuple[Path, ...] | None = None) -> dict[str, Contract]:
    """Read all source contracts, by name.

    A later folder's declaration replaces an earlier one of the same name.

    Raises:
        DeclarationError: a declaration is wrong, is not named after its table, or attaches an unknown table.
    """
    found: dict[str, Contract] = {}
    for path, contract in load_folder(folders or settings().source_dirs, Contract):
        if path.stem != contract.name:
            raise DeclarationError(f"{path.name}, line 1: declares {contract.name}; name the file {contract.name}.yml")
        found[contract.name] = contract
    for contract in found.values():
        for attach in contract.attach:
            other = found.get(f"{contract.source}_{attach.table}")
            if other is None:
                raise DeclarationError(f"{contract.name}.yml: attaches '{attach.table}', which no declaration names")
            if lost := sorted({*attach.on.values(), *attach.take, *attach.keep} - set(other.columns)):
                raise DeclarationError(f"{contract.name}.yml: {other.name} has no column {', '.join(lost)}")
    return found
