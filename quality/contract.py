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
    "consent", "anonymous_id", "login", "merged_into", "merged_ids", "text", "company", "is_company",
    "handle", "handle_facebook", "handle_instagram", "handle_tiktok", "handle_x", "is_person", "website", "account", "url",
]  # fmt: skip

#: Roles whose columns hold personal data; their values never leave a room in a message.
PERSONAL_ROLES = frozenset(get_args(Role)) - {
    "observed_at", "is_deleted", "is_one_time", "consent", "country", "anonymous_id", "login", "merged_into", "merged_ids",
    "company", "is_company", "is_person", "website", "account", "url",
}  # fmt: skip

#: Keys of a declaration that decide nothing about a row: a change of them gates nothing again.
NOT_FATE = ("description", "grain", "path", "member", "marker", "fresh_within", "attach", "identifies", "country", "load", "series",
            "logs_in", "works_for", "clicks")  # fmt: skip

TRUE_WORDS = ("true", "t", "yes", "y", "1", "x", "si", "sí", "s", "verdadero")
FALSE_WORDS = ("false", "f", "no", "n", "0", "falso")


class Column(Declared):
    """One column: how its header reads, what type its text becomes, and what it means."""

    type: Literal["string", "integer", "decimal", "date", "timestamp", "boolean", "json", "list"] = "string"
    description: str = ""
    header: str | None = None
    aliases: tuple[str, ...] = ()
    header_pattern: str | None = Field(default=None, description="regular expression that the whole header matches")
    path: str | None = Field(
        default=None,
        description="place inside a record: context.page.url; event_params{page_title} looks a key up; @id is an XML attribute",
    )
    span: tuple[int, int] | None = Field(default=None, description="first and last character in fixed-width text")
    from_file: str | None = Field(default=None, description="regular expression on the file name; group 1 is the value")
    from_header: str | None = Field(default=None, description="regular expression on the headers; group 1 is the value")
    rest: bool = Field(default=False, description="takes every column that nobody declared, as a JSON object")
    separator: str = Field(default="", description="what parts a list that is written in one cell")
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
    is_personal: bool | None = Field(default=None, description="holds personal data; by its role when not said")
    filled_pct: float | None = Field(default=None, ge=0, le=100, description="share of rows that ought to have a value")

    @field_validator("from_file", "from_header")
    @classmethod
    def _has_a_group(cls, value: str | None) -> str | None:
        if value is not None and _compiled(value).groups < 1:
            raise ValueError("needs one group in parentheses")
        return value

    @field_validator("header_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            _compiled(value)
        return value

    @field_validator("span")
    @classmethod
    def _goes_forward(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError("is first and last character, counted from 1")
        return value

    @property
    def is_in_the_file(self) -> bool:
        """Tell whether the value stands in the rows, and not in the file's name, a header or the undeclared columns."""
        return not (self.from_file or self.from_header or self.rest)

    @property
    def holds_personal_data(self) -> bool:
        """Tell whether values must be masked for those who need no more: as declared, else by role."""
        return self.role in PERSONAL_ROLES if self.is_personal is None else self.is_personal


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None


class Rule(Declared):
    """A predicate over typed columns; null passes.

    What a failure does: `quarantine` sets the row aside, `drop` leaves it out and counts it, `set_aside` refuses the whole
    file, `stop` takes the row and stops the publication, `warn` takes the row and counts it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str
    on_fail: Literal["quarantine", "drop", "set_aside", "stop", "warn"] = "quarantine"


class Rows(Declared):
    """How many rows one file may have; outside, the whole file is set aside."""

    min: int = Field(default=0, ge=0)
    max: int = Field(default=50_000_000, ge=1)


class FillDown(Declared):
    """Copy values of a group's first line to its other lines.

    A group is a run of lines with one value of `by` (Shopify orders); with `blank: true`, a line with a value of `by` and
    the lines below it that have none (child rows of Odoo and ERPNext).
    """

    by: str
    columns: tuple[str, ...]
    blank: bool = False


class KeyValues(Declared):
    """A list of key and value records inside a JSON record (GA4's `event_params`): where key and value stand in each."""

    key: str = "key"
    values: tuple[str, ...] = ("value.string_value", "value.int_value", "value.double_value", "value.float_value")


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


class Click(Declared):
    """A parameter that links in e-mails carry, and the person table in which its values are known."""

    parameter: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    table: str
    column: str


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
    format: Literal["csv", "jsonl", "json", "parquet", "xlsx", "fixed", "xml"] = "csv"
    member: str | None = Field(default=None, description="glob of the files inside a zip archive that are this table's")
    marker: str | None = Field(
        default=None, description="name of the file that says an export is complete; {name} is the export's"
    )
    records: str | None = Field(
        default=None, description="where the records stand: JSON path of a list, XML tag of a row"
    )
    expects: dict[str, str] = Field(
        default_factory=dict,
        description="values that the document itself must hold, by JSON path; else the file is cut",
    )
    key_values: dict[str, KeyValues] = Field(default_factory=dict, description="lists looked up by key, by their path")
    sheet: str | None = Field(default=None, description="sheet of a workbook; the first by default")
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
    identifies: Literal["person", "company", "nobody"] = Field(
        default="nobody",
        description="whose records it holds; a table of people with a column of role 'is_company' holds companies too",
    )
    country: str | None = Field(default=None, description="ISO country of records that name none")
    attach: tuple[Attach, ...] = ()
    logs_in: str | None = Field(default=None, description="person table that the ids of role 'login' belong to")
    clicks: tuple[Click, ...] = Field(
        default=(), description="parameters in the column of role 'url' that tell who clicked"
    )
    works_for: str | None = Field(
        default=None, description="table of companies that the ids of role 'account' belong to"
    )
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
        self._fits_its_format()
        return self

    def _fits_its_format(self) -> None:
        inside = {name: c for name, c in self.columns.items() if c.is_in_the_file}
        if self.format in ("jsonl", "json", "xml") and (lost := sorted(n for n, c in inside.items() if not c.path)):
            raise ValueError(f"columns of {self.format} need 'path': {', '.join(lost)}")
        if self.format == "fixed" and (lost := sorted(n for n, c in inside.items() if not c.span)):
            raise ValueError(f"columns of fixed-width text need 'span': {', '.join(lost)}")
        if self.format == "xml" and not self.records:
            raise ValueError("xml needs 'records', the tag of a row")
        if self.format == "parquet" and (self.decimal != "." or self.thousands):
            raise ValueError("numbers in Parquet have no locale: leave out 'decimal' and 'thousands'")
        if self.drop_at_landing and self.format not in ("csv", "jsonl"):
            raise ValueError(f"'drop_at_landing' is for csv and jsonl, not {self.format}")
        if len([c for c in self.columns.values() if c.rest]) > 1:
            raise ValueError("only one column can take the rest")
        for path in (c.path for c in inside.values() if c.path and "{" in c.path):
            if path.partition("{")[0] not in self.key_values:
                raise ValueError(f"'{path}' looks a key up in a list that 'key_values' does not declare")

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
                **dict.fromkeys(NOT_FATE, True),
                "columns": {"__all__": {"description", "role", "purpose", "channel", "is_personal", "filled_pct"}},
            },
        )  # fmt: skip
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
