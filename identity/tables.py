"""Any tables of people or companies as records: columns mapped to roles by a declaration, with no source behind them.

In: files of CSV, Parquet, JSON lines or workbooks, and a roles file. Out: a frame of text columns, one per role, as `identity.standardise` cleans it.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from pathlib import Path
from typing import Literal, get_args

import polars as pl
import polars.selectors as cs
from pydantic import Field, model_validator

from identity.companies import COMPANY_ROLES
from identity.declared import Entity
from identity.standardise import ROLES
from warehouse import files
from warehouse.declarations import Declared, load
from warehouse.errors import CdpError
from warehouse.readable import BETWEEN_PARTS, MONTHS, PARQUET, WORD_FORMATS, is_json, made_readable
from warehouse.settings import now

Role = Literal[
    "full_name", "given_name", "family_name", "email", "phone", "tax_id", "identifier", "birth_date", "birthday",
    "street", "city", "postcode", "region", "country", "observed_at", "organisation", "website",
]  # fmt: skip
#: What a role of a roles file is called inside, where that is another word.
INSIDE = {"company": "organisation"}

#: Tried where none is declared; the first of equals.
DELIMITERS = (",", ";", "\t", "|")
#: Forms in which dates of birth are tried when none is declared; the one that fits most values is taken, the first of equals.
DATE_FORMS = (
    "%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d%m%Y", "%m%d%Y", "%d/%m/%y", "%m/%d/%y",
)  # fmt: skip
#: Tried first where months stand before days.
AMERICAN_FORMS = ("%m/%d/%Y", "%m-%d-%Y", "%m%d%Y", "%m/%d/%y")
#: Written by hand with the day first in one country and the month first in another.
DAYS_AND_MONTHS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y")
#: A time of day behind a date.
TIME_BEHIND = r"[T ]\d{1,2}:\d{2}.*$"
#: A year of two digits is no year of antiquity; registers of history reach back to any other.
FIRST_YEAR = 100


class RolesOfTable(Declared):
    """Which columns of a table play which role; several columns of one role are joined by blanks."""

    file: str = Field(default="*", description="glob on the file's name")
    source: str | None = Field(
        default=None, description="name of the system; the file's name without ending by default"
    )
    record_id: str | None = Field(default=None, description="column that names a record; its line by default")
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$", description="country of records that name none")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="the one that parts the header by default"
    )
    encoding: Literal["utf-8", "windows-1252", "latin-1"] | None = Field(
        default=None, description="utf-8 or utf-16, as a file is, and windows-1252 where it is none of them, by default"
    )
    date_format: str | None = Field(default=None, description="strptime form of the birth date")
    roles: dict[Role, tuple[str, ...]] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_column_is_a_list(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("roles"), dict):
            return given
        listed = {role: [c] if isinstance(c, str) else c for role, c in given["roles"].items()}
        return {**given, "roles": listed}


class Roles(Declared):
    """A roles file: what `cdp resolve` needs to know of tables it has never seen."""

    entity: Entity = "person"
    tables: tuple[RolesOfTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _roles_of_its_kind(self) -> Roles:
        allowed = {
            *(INSIDE.get(role, role) for role in (COMPANY_ROLES if self.entity == "company" else ROLES)),
            "identifier",
        }
        foreign = sorted({str(role) for table in self.tables for role in table.roles} - allowed)
        if foreign:
            known = ", ".join(sorted(allowed & {str(role) for role in get_args(Role)}))
            raise ValueError(f"a {self.entity} has no role {', '.join(foreign)}; it has {known}")
        return self


def read_roles(roles_file: Path) -> Roles:
    """Read a roles file.

    Raises:
        DeclarationError: it is wrong.
    """
    return load(roles_file, Roles)


def read_tables(files: list[Path], declared: Roles, roles_file: Path) -> pl.DataFrame:
    """Read files as records of text: `record_key`, `source`, `source_table`, `record_id`, `default_country` and the roles.

    Args:
        files: CSV, Parquet, JSON lines or workbooks.
        declared: what :func:`read_roles` read.
        roles_file: is named in errors.

    Raises:
        CdpError: a file is not there or cannot be read, no table of the roles file is meant for it, or a column is not in it.
    """
    frames: list[pl.DataFrame] = []
    sources: set[str] = set()
    for file in files:
        table = next((t for t in declared.tables if fnmatch.fnmatch(file.name, t.file)), None)
        if table is None:
            globs = ", ".join(f"'{t.file}'" for t in declared.tables)
            raise CdpError(f"{file.name}: no table of {roles_file.name} is meant for it; its files are {globs}")
        source = table.source or file.stem
        if source in sources:
            raise CdpError(f"{file.name}: source '{source}' has a file already; give each its own 'source:'")
        sources.add(source)
        frames.append(_records(_read(file, table), file, table, source, declared.entity))
    records = pl.concat(frames)
    if records.is_empty():
        raise CdpError("the files hold no rows; there is nothing to resolve")
    repeated = records.filter(pl.col("record_key").is_duplicated())
    if repeated.height:
        where = ", ".join(sorted(set(repeated["source"])))
        raise CdpError(
            f"{where}: {repeated.height:,} rows share their 'record_id:' with another; name a column that is a key"
        )
    return records.sort("record_key")


def _read(file: Path, table: RolesOfTable) -> pl.DataFrame:
    if not file.exists():
        raise CdpError(f"{file.name} is not there; name CSV, Parquet or JSON files, or workbooks")
    if file.suffix.lower() in PARQUET or is_json(file):
        return _read_whole(file)
    if table.encoding:
        return _read_csv(file, file, table.encoding, table.delimiter)
    with made_readable(file) as readable:
        return _read_csv(file, readable, "utf-8", table.delimiter if readable.suffix == file.suffix else None)


def _read_whole(file: Path) -> pl.DataFrame:
    try:
        if not is_json(file):
            return pl.read_parquet(file).select(~cs.nested())
        with files.opened(file) as written:
            text = written.read()
        # Lines, or one list of all rows.
        reader = pl.read_json if text.lstrip()[:1] == b"[" else pl.read_ndjson
        return reader(text, infer_schema_length=None).select(~cs.nested())
    except (pl.exceptions.PolarsError, OSError):
        kind = "JSON" if is_json(file) else "Parquet"
        raise CdpError(f"{file.name} cannot be read as {kind}; fix the file") from None


def _read_csv(file: Path, readable: Path, encoding: str, delimiter: str | None) -> pl.DataFrame:
    delimiter = delimiter or _delimiter(readable, encoding)
    try:
        if readable.suffix.lower() != ".gz":
            return pl.read_csv(readable, separator=delimiter, encoding=encoding, infer_schema=False)
        with files.opened(readable) as unpacked:
            return pl.read_csv(unpacked.read(), separator=delimiter, encoding=encoding, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeError, LookupError):
        raise CdpError(
            f"{file.name} cannot be read as CSV with delimiter {delimiter!r} in {encoding}; fix the file, or 'delimiter:' and 'encoding:'"
        ) from None


def _delimiter(file: Path, encoding: str) -> str:
    """Return what parts the names of the columns: the one that stands in the header most often, outside of quotes."""
    with files.opened(file) as written:
        header = re.sub(r'"[^"]*"', "", written.readline().decode(encoding, errors="replace"))
    return max(DELIMITERS, key=header.count)


def _records(rows: pl.DataFrame, file: Path, table: RolesOfTable, source: str, entity: Entity) -> pl.DataFrame:
    named = {column.strip(): column for column in rows.columns}
    for column in [
        *(c for columns in table.roles.values() for c in columns),
        *([table.record_id] if table.record_id else []),
    ]:
        if column not in named:
            near = difflib.get_close_matches(column, named, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(named)}"
            raise CdpError(f"{file.name}: column '{column}' is not in it; {hint}")
    text = rows.select(pl.all().cast(pl.String).str.strip_chars(" \t\u00a0'").replace("", None))
    roles = []
    for role in dict.fromkeys((*(COMPANY_ROLES if entity == "company" else ROLES), "birth_date", "identifier")):
        columns = [pl.col(named[c]) for c in table.roles.get(INSIDE.get(role, role), ())]
        value = (
            pl.concat_str(columns, separator=" ", ignore_nulls=True).replace("", None)
            if columns
            else pl.lit(None, dtype=pl.String)
        )
        roles.append(value.alias(role))
    number = pl.int_range(1, pl.len() + 1).cast(pl.String)
    record_id = pl.col(named[table.record_id]) if table.record_id else number
    found = text.select(
        pl.concat_str(pl.lit(source + ":"), record_id.fill_null(number)).alias("record_key"),
        pl.lit(source).alias("source"), pl.lit(source).alias("source_table"), record_id.fill_null(number).alias("record_id"),
        pl.lit(table.country, dtype=pl.String).alias("default_country"), *roles,
    )  # fmt: skip
    return found.with_columns(_iso_dates(found["birth_date"], table, file))


def _iso_dates(written: pl.Series, table: RolesOfTable, file: Path) -> pl.Series:
    if written.null_count() == len(written):
        return written
    forms = [table.date_format] if table.date_format else list(DATE_FORMS)
    if not table.date_format and table.country == "US":
        forms = [*AMERICAN_FORMS, *(form for form in forms if form not in AMERICAN_FORMS)]
    days = written.str.strip_chars().str.replace(TIME_BEHIND, "")
    if not table.date_format and days.str.contains("[A-Za-z]{3}").any():
        days, forms = _with_numbered_months(days), [*forms, *WORD_FORMATS]
    form, best = min(((form, _read_as(days, form)) for form in forms), key=lambda read: read[1].null_count())
    if best.null_count() == len(best):
        raise CdpError(f"{file.name}: no birth date can be read as {', '.join(forms)}; declare 'date_format:'")
    if form in DAYS_AND_MONTHS:
        # A month that there is not was written in the place of the day.
        swapped = _read_as(days, form.translate(str.maketrans("dm", "md")))
        best = pl.select(pl.coalesce(best, swapped)).to_series()
    return best.cast(pl.String).alias("birth_date")


def _with_numbered_months(written: pl.Series) -> pl.Series:
    """Return days whose month is a word (12 de marzo de 1980, Mar 12th, 1980) as `12-m03-1980`, others as they are."""
    told = written.str.to_lowercase()
    for number, words in enumerate(MONTHS, 1):
        told = told.str.replace_all(rf"\b({words})\b", f"m{number:02}")
    has_word = told.str.contains("m[01][0-9]")
    return pl.select(pl.when(has_word).then(told.str.replace_all(BETWEEN_PARTS, "-")).otherwise(written)).to_series()


def _read_as(written: pl.Series, form: str) -> pl.Series:
    """Return dates of a form, null where the text has another one, or the year is nobody's."""
    dates = written.str.to_date(form, strict=False)
    today = now().date()
    if "%y" in form:
        # Two digits of a year to come are those of a hundred years before.
        dates = pl.select(pl.when(dates > today).then(dates.dt.offset_by("-100y")).otherwise(dates)).to_series()
    return pl.select(pl.when(dates.dt.year() >= FIRST_YEAR, dates <= today).then(dates)).to_series()
