"""Bronze records of people to comparable parts.

In: the bronze tables whose contract says `identifies: person`, with what they attach. Out: `identity.records`, one row
per source record, cleaned; `identity.shared_identifiers`, one row per identifier that belongs to nobody in particular.
What stays true: every record of an identifying table has a row, also those left out of linking, with the reason.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from typing import Any, NamedTuple

import duckdb
import polars as pl

from identity.contact_points import contact_points
from identity.declared import person_rules
from identity.normalise import emails, names, phones, places, tax_ids
from identity.normalise.addresses import parse_street
from identity.normalise.text import sound_key
from warehouse.duck import name, quoted
from warehouse.errors import CdpError, edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

ROLES = (
    "full_name", "given_name", "family_name", "email", "phone", "tax_id", "birth_date", "birthday",
    "street", "city", "postcode", "region", "country", "observed_at", "is_deleted", "is_one_time",
)  # fmt: skip


#: A shorter identifier of a table's own is a number of few people among many.
MIN_IDENTIFIER_LETTERS = 5

#: From so many rows on, processes clean them: names, phones and addresses are Python's work, on one core at a time.
PROCESSES_FROM_ROWS = 150_000


class PersonTable(NamedTuple):
    """A source table of people as `quality.person_tables` describes it."""

    table: str
    source: str
    key: list[str]
    roles: dict[str, list[str]]
    country: str | None
    joins: list[dict[str, Any]]

    def query(self) -> str:
        """Return the rows of the table with one text column per role."""
        played = {role: [f"base.{name(c)}" for c in columns] for role, columns in self.roles.items()}
        owner = {c: "base" for columns in self.roles.values() for c in columns}
        parts = [f"{name('bronze', self.table)} AS base"]
        for number, join in enumerate(self.joins):
            alias, table, on = f"a{number}", str(join["table"]), dict(join["on"])
            keys = ", ".join(name(there) for there in on.values())
            first = f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY _line) = 1"
            condition = " AND ".join(
                f"{owner.get(here, 'base')}.{name(here)} = {alias}.{name(there)}" for here, there in on.items()
            )
            only = f"WHERE {join['where']}" if join["where"] else ""
            parts.append(f"LEFT JOIN (SELECT * FROM {name('bronze', table)} {only} {first}) AS {alias} ON {condition}")
            for there, role in join["take"].items():
                played.setdefault(role, []).append(f"{alias}.{name(there)}")
            owner.update(dict.fromkeys(join["keep"], alias))
        columns = []
        for role in ROLES:
            found = played.get(role, [])
            joined = f"coalesce({', '.join(f'{c}::VARCHAR' for c in found)})" if found else "NULL::VARCHAR"
            columns.append(f"{joined} AS {role}")
        key = " || '|' || ".join(f"base.{name(k)}::VARCHAR" for k in self.key)
        country = f"'{quoted(self.country)}'" if self.country else "NULL"
        return (
            f"SELECT '{self.table}:' || {key} AS record_key, '{self.source}' AS source, '{self.table}' AS source_table, "
            f"{key} AS record_id, {country} AS default_country, {', '.join(columns)} FROM {' '.join(parts)}"
        )


def person_tables(con: duckdb.DuckDBPyConnection) -> list[PersonTable]:
    """Read `quality.person_tables`.

    Raises:
        CdpError: no source table identifies people.
    """
    found = con.execute(
        "SELECT table_name, source, key, roles, country, joins FROM quality.person_tables ORDER BY 1"
    ).fetchall()
    if not found:
        raise CdpError("no source table says 'identifies: person'; declare one")
    return [PersonTable(t, s, json.loads(k), json.loads(r), c, json.loads(j)) for t, s, k, r, c, j in found]


def standardise(con: duckdb.DuckDBPyConnection, today: date | None = None) -> StepResult:
    """Replace `identity.records`, `identity.contact_points` and `identity.shared_identifiers`.

    Args:
        con: the working file.
        today: ages are reckoned from here; the clock's day by default.
    """
    today = today or now().date()
    with step("standardise") as result, edge("identity"):
        query = " UNION ALL ".join(f"({table.query()})" for table in person_tables(con))
        raw = pl.from_arrow(con.sql(f"SELECT * FROM ({query}) ORDER BY record_key").to_arrow_table())
        assert isinstance(raw, pl.DataFrame)
        clean = cleaned(raw, today)
        points = contact_points(raw, clean)
        fault("standardise.before_write")
        con.register("clean_records", clean.to_arrow())
        con.execute("BEGIN")
        con.execute("CREATE OR REPLACE TABLE identity.records AS SELECT * FROM clean_records ORDER BY record_key")
        con.register("points", points.to_arrow())
        con.execute("CREATE OR REPLACE TABLE identity.contact_points AS SELECT * FROM points")
        mark_shared(con)
        con.execute("COMMIT")
        con.unregister("clean_records")
        con.unregister("points")
        result.rows_in = raw.height
        result.rows_out = int(
            con.execute("SELECT count(*) FROM identity.records WHERE exclusion IS NULL").fetchall()[0][0]
        )
        unusable = points.filter(pl.col("status") == "invalid").height
        result.facts = {
            "contact_points": points.height,
            "unusable_contact_points": unusable,
            "excluded": raw.height - result.rows_out,
            "shared_identifiers": int(con.execute("SELECT count(*) FROM identity.shared_identifiers").fetchall()[0][0]),
        }
    return result


def _mapped(frame: pl.DataFrame, columns: list[str], function: Callable[..., Any], fields: list[str]) -> pl.DataFrame:
    """Apply a function to each different combination of values and join its fields back."""
    unique = frame.select(columns).unique(maintain_order=True)
    values = [function(*row) for row in unique.iter_rows()]
    made = pl.DataFrame(
        {field: [value[i] for value in values] for i, field in enumerate(fields)},
        schema=dict.fromkeys(fields, pl.String),
    )
    return frame.join(unique.hstack(made), on=columns, how="left", nulls_equal=True, maintain_order="left")


def _name_parts(full: str | None, given: str | None, family: str | None, email: str | None) -> tuple[str | None, ...]:
    parsed = names.split_full_name(full) if full else names.split_two_fields(given, family)
    inferred = ""
    if not (parsed.given and parsed.surname_1):
        box = emails.parse_email(email)
        guess = names.from_email_local(box.local) if box and box.kind == "person" else names.Name()
        takes_given = not parsed.given and bool(guess.given)
        takes_surname = not parsed.surname_1 and bool(guess.surname_1)
        compatible = (takes_given or not parsed.given or _agree(parsed.given_first, guess.given_first)) and (
            takes_surname or not parsed.surname_1 or parsed.surname_1 == guess.surname_1
        )
        if compatible and (takes_given or takes_surname):
            inferred = "email"
            parsed = names.Name(
                given=parsed.given or guess.given,
                given_first=parsed.given_first or guess.given_first,
                given_canonical=parsed.given_canonical or guess.given_canonical,
                surname_1=parsed.surname_1 or guess.surname_1,
                surname_2=parsed.surname_2 or (guess.surname_2 if takes_surname else ""),
            )
    sound = sound_key(parsed.surname_1) if parsed.surname_1 else ""
    known = "yes" if parsed.given_canonical and names.is_known_given(parsed.given_canonical) else ""
    parts = (
        parsed.given,
        known,
        parsed.given_first,
        parsed.given_canonical,
        parsed.surname_1,
        parsed.surname_2,
        sound,
        inferred,
    )
    return tuple(part or None for part in parts)


def _displayed(
    given_text: str | None, family_text: str | None, given: str | None, s1: str | None, s2: str | None
) -> tuple[str | None, ...]:
    """Return given names and surnames to show: as written where a field holds just them, else from the parts."""
    surnames = " ".join(part for part in (s1, s2) if part)
    return (_shown(given_text) or _shown(given), _shown(family_text) or _shown(surnames))


def _shown(text: str | None) -> str | None:
    if not text:
        return None
    return (
        " ".join(w if w in names.PARTICLES else w.capitalize() for w in text.lower().split())
        if text.isupper() or text.islower()
        else text
    )


def _agree(one: str, other: str) -> bool:
    return one == other or (bool(one) and bool(other) and min(len(one), len(other)) == 1 and one[0] == other[0])


def _email_parts(raw: str | None) -> tuple[str | None, ...]:
    email = emails.parse_email(raw)
    if email is None:
        return (None, None, None, "invalid" if raw else None)
    if email.kind != "person":
        return (email.address if email.kind == "role" else None, None, None, email.kind)
    return (email.address, email.key, email.local.replace(".", "").replace("_", ""), email.kind)


def _birth(raw: str | None, birthday: str | None, today: date, of_any_age: bool) -> tuple[str | None, str | None]:
    rules = person_rules()
    if raw:
        try:
            born = date.fromisoformat(raw[:10])
        except ValueError:
            born = None
        age_years = (today - born).days / 365.25 if born else -1.0
        if born and (age_years >= 0 if of_any_age else rules.min_age_years <= age_years <= rules.max_age_years):
            return born.isoformat(), f"{born:%m-%d}"
    if birthday and len(birthday) == 5 and birthday[2] in "/-" and birthday[:2].isdigit() and birthday[3:].isdigit():
        return None, f"{birthday[:2]}-{birthday[3:]}"
    return None, None


def cleaned(raw: pl.DataFrame, today: date, *, of_any_age: bool = False) -> pl.DataFrame:
    """Return text rows as comparable records; many rows are shared out over processes, one for each core.

    Args:
        raw: one text column per role, with `record_key`, `source`, `source_table`, `record_id` and `default_country`; a column
            `identifier` may hold identifiers of a table's own, which are compared as tax ids are.
        today: ages are reckoned from here.
        of_any_age: dates of birth of children and of people long dead are taken too, for tables that are not of customers.
    """
    cores = settings().threads
    if raw.height < PROCESSES_FROM_ROWS or cores < 2 or multiprocessing.current_process().daemon:
        return _cleaned(raw, today, of_any_age)
    share = -(-raw.height // cores)
    parts = [raw.slice(at, share) for at in range(0, raw.height, share)]
    with ProcessPoolExecutor(cores - 1, multiprocessing.get_context("spawn")) as helpers:
        others = [helpers.submit(_cleaned, part, today, of_any_age) for part in parts[1:]]
        return pl.concat([_cleaned(parts[0], today, of_any_age), *(other.result() for other in others)])


def _cleaned(raw: pl.DataFrame, today: date, of_any_age: bool) -> pl.DataFrame:
    frame = _mapped(raw, ["country", "default_country"], lambda c, d: (places.country_code(c) or d,), ["country_code"])
    frame = _mapped(
        frame, ["full_name", "given_name", "family_name", "email"], _name_parts,
        ["given", "is_known_given", "given_first", "given_canonical", "surname_1", "surname_2", "surname_sound", "name_inferred_from"],
    )  # fmt: skip
    frame = _mapped(
        frame, ["given_name", "family_name", "given", "surname_1", "surname_2"], _displayed,
        ["given_display", "surnames_display"],
    )  # fmt: skip
    frame = _mapped(frame, ["email"], _email_parts, ["email_address", "email_key", "email_local", "email_kind"])
    frame = _mapped(frame, ["phone", "country_code"], lambda p, c: (phones.to_e164(p, c),), ["phone_e164"])
    frame = _mapped(frame, ["tax_id", "country_code"], lambda t, c: (tax_ids.valid_tax_id(t, c),), ["valid_tax_id"])
    if "identifier" in frame.columns:
        bare = pl.col("identifier").str.to_uppercase().str.replace_all("[^0-9A-Z]", "")
        frame = frame.with_columns(
            pl.coalesce("valid_tax_id", pl.when(bare.str.len_chars() >= MIN_IDENTIFIER_LETTERS).then(bare)).alias(
                "valid_tax_id"
            )
        )
    frame = _mapped(
        frame, ["birth_date", "birthday", "valid_tax_id", "country_code"],
        lambda b, d, t, c: _birth(b or (None if d else tax_ids.birth_date_in(t, c, today.year)), d, today, of_any_age),
        ["born", "birth_day"],
    )  # fmt: skip
    frame = _mapped(
        frame, ["street"], lambda s: tuple(p or None for p in parse_street(s)), ["street_name", "street_number"]
    )
    frame = _mapped(frame, ["city"], lambda c: (places.city_key(c) or None,), ["city_key"])
    return frame.select(
        "record_key", "source", "source_table", "record_id",
        pl.col("observed_at").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).fill_null(
            pl.col("observed_at").str.slice(0, 10).str.to_datetime("%Y-%m-%d", strict=False)
        ).alias("observed_at"),
        pl.when(pl.col("is_one_time") == "true").then(pl.lit("one-time customer: one number for many people"))
        .when(pl.col("is_deleted") == "true").then(pl.lit("marked for deletion at the source"))
        .when(pl.all_horizontal(pl.col("given", "surname_1", "email_key", "phone_e164", "valid_tax_id").is_null()))
        .then(pl.lit("nothing to recognise a person by")).alias("exclusion"),
        "given_display", "surnames_display",
        "given", "is_known_given", "given_first", "given_canonical", "surname_1", "surname_2", "surname_sound",
        "name_inferred_from", "email_address", "email_key", "email_local", "email_kind", pl.col("phone").alias("phone_as_written"), "phone_e164",
        pl.col("valid_tax_id").alias("tax_id"), pl.col("born").str.to_date("%Y-%m-%d").alias("birth_date"), "birth_day",
        pl.col("street").alias("street_as_written"), "street_name", "street_number",
        pl.col("city").alias("city_as_written"), "city_key",
        pl.col("postcode").str.strip_chars(" '").str.to_uppercase().alias("postcode"), pl.col("region"), "country_code",
    )  # fmt: skip


def mark_shared(con: duckdb.DuckDBPyConnection) -> None:
    """Take identifiers out of comparison that are used under too many given names, and keep the reason.

    `identity.shared_identifiers`: one row per identifier, by a hash of its value.
    """
    con.execute(
        "CREATE OR REPLACE TABLE identity.shared_identifiers "
        "(kind VARCHAR, value_hash VARCHAR, records BIGINT, given_names BIGINT, reason VARCHAR)"
    )
    columns = {"email": "email_key", "phone": "phone_e164", "tax_id": "tax_id"}
    for kind, most in sorted(person_rules().shared_identifier_names.items()):
        column = columns[kind]
        con.execute(
            f"""
            INSERT INTO identity.shared_identifiers
            SELECT '{kind}', sha256({column}), count(*), count(DISTINCT given_first),
                'used under ' || count(DISTINCT given_first) || ' given names; more than {most} is nobody in particular'
            FROM identity.records WHERE {column} IS NOT NULL AND exclusion IS NULL
            GROUP BY {column} HAVING count(DISTINCT given_first) > {most} ORDER BY 2
            """
        )
        con.execute(
            f"""
            UPDATE identity.records SET {column} = NULL WHERE sha256({column}) IN
                (SELECT value_hash FROM identity.shared_identifiers WHERE kind = '{kind}')
            """
        )
