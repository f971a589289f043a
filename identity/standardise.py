"""Bronze records of people to comparable parts.

In: the bronze tables whose contract says `identifies: person`, with what they attach. Out: `identity.records`, one row
per source record, cleaned; `identity.shared_identifiers`, one row per identifier that belongs to nobody in particular;
`identity.source_merges`, one row per record that a source merged into another. What stays true: every record of an identifying
table has a row, also those left out of linking, with the reason; a record whose text did not change is not cleaned again.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import date

import duckdb
import polars as pl

from identity.contact_points import contact_points
from identity.declared import rules_in_force
from identity.normalise import emails, names, phones, places, tax_ids
from identity.normalise.addresses import parse_street
from identity.normalise.text import sound_key
from identity.source_tables import SourceTable, mapped, merges_of, source_tables, with_merged
from warehouse.duck import count, digest, has_table, keep, quoted
from warehouse.errors import edge
from warehouse.faults import fault
from warehouse.settings import now, settings
from warehouse.steps import StepResult, step

ROLES = (
    "full_name", "given_name", "family_name", "email", "phone", "tax_id", "birth_date", "birthday",
    "street", "city", "postcode", "region", "country", "observed_at", "is_deleted", "is_one_time", "is_company",
)  # fmt: skip


#: Somebody's names on social networks: no evidence of who is who, but what they say there is theirs.
HANDLES = ("handle_facebook", "handle_instagram", "handle_tiktok", "handle_x")

#: Columns of `identity.records` that are made of the others when all are written.
MADE_LAST = ("birth_date", "birth_day", "email_shared", "phone_shared", "name_in_order")

#: To be raised when the same text is cleaned otherwise: then all records are cleaned anew.
METHOD = 8

#: Why a record without a name and without an identifier is left out.
NOBODY = "nothing to recognise a person by"
#: A shorter identifier of a table's own is a number of few people among many.
MIN_IDENTIFIER_LETTERS = 5

#: Where more records or golden records changed, all are written anew, in the order of their keys.
WRITTEN_WHOLE_FROM_PCT = 20

#: From so many rows on, processes clean them: names, phones and addresses are Python's work, on one core at a time.
PROCESSES_FROM_ROWS = 150_000
#: Rows that a process cleans at a time.
ROWS_AT_ONCE = 20_000


def standardise(con: duckdb.DuckDBPyConnection, today: date | None = None) -> StepResult:
    """Replace `identity.records`, `identity.contact_points`, `identity.shared_identifiers` and `identity.source_merges`.

    Only records whose text is new are cleaned; the others are taken over, by a hash of their text (`identity.record_contents`).

    Args:
        con: the working file.
        today: ages are reckoned from here; the clock's day by default.
    """
    today = today or now().date()
    with step("standardise") as result, edge("identity"):
        texts = _raw_records(con, source_tables(con, "person_tables"), today.year)
        is_known = has_table(con, "identity", "record_contents")
        _tell_changed(con, is_known)
        raw = pl.from_arrow(
            con.sql(f"FROM ({texts}) SEMI JOIN changed USING (record_key) ORDER BY record_key").to_arrow_table()
        )
        assert isinstance(raw, pl.DataFrame)
        clean, points = _shared_out(raw, today, with_points=True)
        keep(con, "fresh_records", clean.to_arrow())
        keep(con, "fresh_points", points.to_arrow())
        fault("standardise.before_write")
        con.execute("BEGIN")
        touched = "touched_identifiers" if is_known and _few_changed(con, today) else ""
        if touched:
            _write_changed(con, today)
        else:
            _write_all(con, today, is_known)
        con.execute("CREATE OR REPLACE TABLE identity.source_merges AS SELECT * FROM merges ORDER BY ALL")
        mark_shared(con, touched)
        con.execute("COMMIT")
        for made in (
            "fresh_records",
            "fresh_points",
            "raw_records",
            "changed",
            "gone",
            *([touched] if touched else []),
        ):
            con.execute(f"DROP TABLE {made}")
        result.rows_in = count(con, "identity.records")
        result.rows_out = count(con, "identity.records WHERE exclusion IS NULL")
        result.facts = {
            "cleaned": raw.height,
            "contact_points": count(con, "identity.contact_points"),
            "unusable_contact_points": count(con, "identity.contact_points WHERE status = 'invalid'"),
            "excluded": result.rows_in - result.rows_out,
            "shared_identifiers": count(con, "identity.shared_identifiers"),
            "merged_at_the_source": count(con, "identity.source_merges"),
        }
    return result


def _tell_changed(con: duckdb.DuckDBPyConnection, is_known: bool) -> None:
    """Make `changed`, the keys of records whose text is new, and `gone`, those that are no more."""
    known = (
        "SELECT record_key, raw_hash FROM identity.record_contents" if is_known else "SELECT '', 0::UBIGINT WHERE false"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE changed AS SELECT record_key FROM raw_records AS w ANTI JOIN ({known}) AS k (record_key, raw_hash) "
        "ON k.record_key = w.record_key AND k.raw_hash = w.raw_hash"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gone AS SELECT k.record_key FROM ({known}) AS k (record_key, raw_hash) "
        "ANTI JOIN raw_records AS w ON w.record_key = k.record_key"
    )


#: Records that stay as they were, in the shape of cleaned rows. Those of an earlier version of this room may lack a column; then none stays.
AS_THEY_WERE = (
    "SELECT r.* REPLACE (c.email_key AS email_key, c.phone_e164 AS phone_e164, c.tax_id AS tax_id), c.born, c.birthday "
    f"FROM (SELECT COLUMNS(lambda c: c NOT IN {MADE_LAST}) FROM identity.records) AS r "
    "JOIN identity.record_contents AS c USING (record_key) ANTI JOIN changed USING (record_key) ANTI JOIN gone USING (record_key)"
)


def _few_changed(con: duckdb.DuckDBPyConnection, today: date) -> bool:
    """Tell whether so few records changed that only they are written, into tables of the shape that they have today."""
    shape = f"(SELECT column_name, column_type FROM (DESCRIBE {records_of('fresh_records', today)}))"
    there = "(SELECT column_name, column_type FROM (DESCRIBE identity.records))"
    if count(con, f"(({shape} EXCEPT {there}) UNION ALL ({there} EXCEPT {shape}))"):
        return False
    touched = count(con, "changed") + count(con, "gone")
    return touched * 100 <= WRITTEN_WHOLE_FROM_PCT * count(con, "identity.records")


def _write_all(con: duckdb.DuckDBPyConnection, today: date, is_known: bool) -> None:
    """Write every record, its contact points and its text's hash, in the order of their keys."""
    records, points = "fresh_records", "SELECT * FROM fresh_points"
    if is_known:
        records = "all_records"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE all_records AS SELECT * FROM fresh_records UNION ALL BY NAME {AS_THEY_WERE}"
        )
        points += " UNION ALL BY NAME SELECT * FROM identity.contact_points ANTI JOIN changed USING (record_key) ANTI JOIN gone USING (record_key)"
    con.execute(
        f"CREATE OR REPLACE TABLE identity.contact_points AS SELECT * FROM ({points}) ORDER BY record_key, kind"
    )
    write_records(con, records, today)
    con.execute(f"CREATE OR REPLACE TABLE identity.record_contents AS {contents_of(records)}")
    con.execute("DROP TABLE IF EXISTS all_records")


def _write_changed(con: duckdb.DuckDBPyConnection, today: date) -> None:
    """Replace the rows of what changed or went, and of whom a birthday makes old enough, or too old.

    Makes `touched_identifiers`, what these records are and were reached by, and takes back what was left out of them for its sharing.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE of_another_age AS SELECT record_key FROM identity.record_contents AS c JOIN identity.records AS r "
        f"USING (record_key) WHERE c.born IS NOT NULL AND ({_is_taken('c.born', today)}) <> (r.birth_date IS NOT NULL)"
    )
    redone = "SELECT * FROM fresh_records"
    if count(con, "of_another_age"):
        redone += f" UNION ALL BY NAME {AS_THEY_WERE} SEMI JOIN of_another_age USING (record_key)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE redone AS {redone}")
    written = "(SELECT record_key FROM redone UNION ALL SELECT record_key FROM gone)"
    identifiers = rules_in_force().shared_identifier_names
    con.execute("CREATE OR REPLACE TEMP TABLE touched_identifiers (kind VARCHAR, value VARCHAR)")
    for column in identifiers:
        for whose in ("redone", f"identity.record_contents SEMI JOIN {written} AS w USING (record_key)"):
            con.execute(
                f"INSERT INTO touched_identifiers SELECT DISTINCT '{KINDS[column]}', {column} FROM {whose} WHERE {column} IS NOT NULL"
            )
    con.execute(f"DELETE FROM identity.records WHERE record_key IN {written}")
    con.execute(f"INSERT INTO identity.records BY NAME {records_of('redone', today)}")
    for table, rows in (
        ("contact_points", "SELECT * FROM fresh_points ORDER BY record_key, kind"),
        ("record_contents", contents_of("fresh_records")),
    ):
        con.execute(
            f"DELETE FROM identity.{table} WHERE record_key IN (SELECT record_key FROM changed UNION ALL SELECT record_key FROM gone)"
        )
        con.execute(f"INSERT INTO identity.{table} BY NAME {rows}")
    for made in ("redone", "of_another_age"):
        con.execute(f"DROP TABLE {made}")
    for column in identifiers:
        con.execute(
            f"UPDATE identity.records SET {column} = c.{column} FROM identity.record_contents AS c WHERE c.record_key = records.record_key "
            f"AND records.{column} IS NULL AND c.{column} IN (SELECT value FROM touched_identifiers WHERE kind = '{KINDS[column]}')"
        )


def contents_of(cleaned_rows: str) -> str:
    """Return the rows of `identity.record_contents`: the hash of each record's text, and what is marked or left out of it later."""
    return (
        "SELECT record_key, w.raw_hash, r.email_key, r.phone_e164, r.tax_id, r.born, r.birthday "
        f"FROM {cleaned_rows} AS r JOIN raw_records AS w USING (record_key) ORDER BY record_key"
    )


def _raw_records(con: duckdb.DuckDBPyConnection, tables: list[SourceTable], year: int) -> str:
    """Make `merges` and `raw_records`, each record's hash of all that decides what becomes of it; return the query of records' text per role.

    Only what changed is read whole, so a day does not copy the texts of all.
    A record that was merged at its source and is exported no more gets a row of its own, so that its id still finds its person.
    """
    # What is marked as shared is told anew only where records changed, so a change of what marks it is one of every record.
    rules = rules_in_force()
    bounds = quoted(
        json.dumps([rules.shared_identifier_names, rules.tells_apart, rules.families is not None], sort_keys=True)
    )
    told = digest(str(METHOD), str(year), f"'{bounds}'", "record_key", "default_country", *ROLES, *HANDLES, "is_merged")
    con.execute(f"CREATE OR REPLACE TEMP TABLE merges AS {merges_of(tables)}")
    texts = with_merged(tables, (*ROLES, *HANDLES))
    con.execute(f"CREATE OR REPLACE TEMP TABLE raw_records AS SELECT record_key, {told} AS raw_hash FROM ({texts})")
    return texts


def write_records(con: duckdb.DuckDBPyConnection, cleaned_rows: str, today: date, *, of_any_age: bool = False) -> None:
    """Replace `identity.records` by cleaned rows; of dates of birth those count that a customer can have.

    Args:
        con: the working file.
        cleaned_rows: a relation of what :func:`cleaned` returns.
        today: ages are reckoned from here.
        of_any_age: dates of birth of children and of people long dead count too, for tables that are not of customers.
    """
    con.execute(f"CREATE OR REPLACE TABLE identity.records AS {records_of(cleaned_rows, today, of_any_age=of_any_age)}")


def records_of(cleaned_rows: str, today: date, *, of_any_age: bool = False) -> str:
    """Return the query of `identity.records` from cleaned rows; arguments as for :func:`write_records`."""
    is_taken = _is_taken("born", today, of_any_age=of_any_age)
    return (
        # A date of birth is nearly a name where somebody lives.
        f"SELECT * EXCLUDE (born, birthday) REPLACE (CASE WHEN exclusion = '{NOBODY}' AND {is_taken} "
        "AND coalesce(street_name, postcode, city_key) IS NOT NULL THEN NULL ELSE exclusion END AS exclusion), "
        f"CASE WHEN {is_taken} THEN born END AS birth_date, "
        f"CASE WHEN {is_taken} THEN strftime(born, '%m-%d') ELSE birthday END AS birth_day, "
        f"CASE WHEN email_kind = 'family' THEN 'yes' END AS email_shared, NULL::VARCHAR AS phone_shared, "
        # Who wrote their names the other way round is found by them, too.
        "CASE WHEN given_canonical < surname_1 THEN given_canonical || ' ' || surname_1 ELSE surname_1 || ' ' || given_canonical END "
        f"AS name_in_order FROM {cleaned_rows} ORDER BY record_key"
    )


def _is_taken(born: str, today: date, *, of_any_age: bool = False) -> str:
    ages = rules_in_force().ages_years
    age_years = f"(DATE '{today}' - {born}) / 365.25"
    return f"{age_years} >= 0" if of_any_age else f"{age_years} BETWEEN {ages.min} AND {ages.max}"


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
        names.stands_for(parsed.given) if parsed.given else "",
        names.sex_of(parsed.given) if parsed.given else "",
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
    kind = "family" if names.is_family_mailbox(email.local) else email.kind
    return (email.address, email.key, email.local.replace(".", "").replace("_", ""), kind)


def _birth(raw: str | None, birthday: str | None) -> tuple[str | None, str | None]:
    """Return a whole date, and a day of birth that is written without its year."""
    born: str | None = None
    if raw:
        try:
            born = date.fromisoformat(raw[:10]).isoformat()
        except ValueError:
            born = None
    if birthday and len(birthday) == 5 and birthday[2] in "/-" and birthday[:2].isdigit() and birthday[3:].isdigit():
        return born, f"{birthday[:2]}-{birthday[3:]}"
    return born, None


def cleaned(raw: pl.DataFrame, today: date) -> pl.DataFrame:
    """Return text rows as comparable records; many rows are shared out over processes, one for each core.

    Args:
        raw: one text column per role, with `record_key`, `source`, `source_table`, `record_id` and `default_country`; a column
            `identifier` may hold identifiers of a table's own, which are compared as tax ids are.
        today: tells the century of a year of birth in two digits.
    """
    return _shared_out(raw, today)[0]


def _shared_out(raw: pl.DataFrame, today: date, *, with_points: bool = False) -> tuple[pl.DataFrame, pl.DataFrame]:
    cores = settings().threads
    if raw.height < PROCESSES_FROM_ROWS or cores < 2 or multiprocessing.current_process().daemon:
        return _prepared(raw, today, with_points)
    parts = [raw.slice(at, ROWS_AT_ONCE) for at in range(0, raw.height, ROWS_AT_ONCE)]
    done: list[tuple[pl.DataFrame, pl.DataFrame] | None] = [None] * len(parts)
    with ProcessPoolExecutor(cores - 1, multiprocessing.get_context("spawn")) as helpers:
        waiting = [helpers.submit(_prepared, part, today, with_points) for part in parts]
        # Helpers begin at the front, once they have started; this process takes back what they have not come to, from the end.
        for at in reversed(range(len(parts))):
            if waiting[at].cancel():
                done[at] = _prepared(parts[at], today, with_points)
        found = [got if (got := done[at]) is not None else waiting[at].result() for at in range(len(parts))]
    return pl.concat([clean for clean, _ in found]), pl.concat([points for _, points in found])


def _prepared(raw: pl.DataFrame, today: date, with_points: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return cleaned records, and their contact points where they are wanted."""
    is_collecting = gc.isenabled()
    # Millions of small texts and no cycles: looking for some takes a fifth of the time.
    gc.disable()
    try:
        clean = _cleaned(raw, today)
        return clean, contact_points(raw, clean) if with_points else pl.DataFrame()
    finally:
        if is_collecting:
            gc.enable()


def _cleaned(raw: pl.DataFrame, today: date) -> pl.DataFrame:
    frame = mapped(raw, ["country", "default_country"], lambda c, d: (places.country_code(c) or d,), ["country_code"])
    frame = mapped(
        frame, ["full_name", "given_name", "family_name", "email"], _name_parts,
        ["given", "is_known_given", "given_first", "given_canonical", "given_stands_for", "given_sex",
         "surname_1", "surname_2", "surname_sound", "name_inferred_from"],
    )  # fmt: skip
    frame = mapped(
        frame, ["given_name", "family_name", "given", "surname_1", "surname_2"], _displayed,
        ["given_display", "surnames_display"],
    )  # fmt: skip
    frame = mapped(frame, ["email"], _email_parts, ["email_address", "email_key", "email_local", "email_kind"])
    frame = mapped(frame, ["phone", "country_code"], lambda p, c: (phones.to_e164(p, c),), ["phone_e164"])
    frame = mapped(frame, ["tax_id", "country_code"], lambda t, c: (tax_ids.valid_tax_id(t, c),), ["valid_tax_id"])
    if "identifier" in frame.columns:
        bare = pl.col("identifier").str.to_uppercase().str.replace_all("[^0-9A-Z]", "")
        frame = frame.with_columns(
            pl.coalesce("valid_tax_id", pl.when(bare.str.len_chars() >= MIN_IDENTIFIER_LETTERS).then(bare)).alias(
                "valid_tax_id"
            )
        )
    frame = mapped(
        frame.rename({"birthday": "written_birthday"}), ["birth_date", "written_birthday", "valid_tax_id", "country_code"],
        lambda b, d, t, c: _birth(b or (None if d else tax_ids.birth_date_in(t, c, today.year)), d), ["born", "birthday"],
    )  # fmt: skip
    frame = mapped(
        frame, ["street"], lambda s: tuple(p or None for p in parse_street(s)), ["street_name", "street_number"]
    )
    frame = mapped(frame, ["city"], lambda c: (places.city_key(c) or None,), ["city_key"])
    is_company = pl.col("is_company") == "true"
    # A record that the source merged into another belongs to that one, whatever became of it there.
    is_merged = pl.col("is_merged") == "true" if "is_merged" in frame.columns else pl.lit(False)
    return frame.select(
        "record_key", "source", "source_table", "record_id",
        pl.col("observed_at").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).fill_null(
            pl.col("observed_at").str.slice(0, 10).str.to_datetime("%Y-%m-%d", strict=False)
        ).alias("observed_at"),
        pl.when(pl.col("is_one_time") == "true").then(pl.lit("one-time customer: one number for many people"))
        .when(is_company).then(pl.lit("a company"))
        .when(is_merged).then(None)
        .when(pl.col("is_deleted") == "true").then(pl.lit("marked for deletion at the source"))
        .when(pl.all_horizontal(pl.col("given", "surname_1", "email_key", "phone_e164", "valid_tax_id").is_null()))
        .then(pl.lit(NOBODY)).alias("exclusion"),
        "given_display", "surnames_display",
        "given", "is_known_given", "given_first", "given_canonical", "given_stands_for", "given_sex", "surname_1", "surname_2",
        "surname_sound", "name_inferred_from", "email_address", "email_key", "email_local", "email_kind",
        pl.col("phone").alias("phone_as_written"), "phone_e164",
        pl.col("valid_tax_id").alias("tax_id"), pl.col("born").str.to_date("%Y-%m-%d"), "birthday",
        pl.col("street").alias("street_as_written"), "street_name", "street_number",
        pl.col("city").alias("city_as_written"), "city_key",
        pl.col("postcode").str.strip_chars(" '").str.to_uppercase().alias("postcode"), pl.col("region"), "country_code",
    )  # fmt: skip


#: What an identifier is called where people read of it.
KINDS = {"email_key": "email", "phone_e164": "phone", "tax_id": "tax_id", "domain": "domain"}


def mark_shared(con: duckdb.DuckDBPyConnection, touched: str = "") -> None:
    """Take identifiers out of comparison that are used under too many names, and keep the reason.

    `identity.shared_identifiers`: one row per identifier, by a hash of its value.

    Args:
        con: the working file.
        touched: a table of the only identifiers (`kind`, `value`) whose records are others than before; all are looked at by default.
    """
    rules = rules_in_force()
    of_what = "given names" if rules.entity == "person" else "names"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE found_shared (kind VARCHAR, value_hash VARCHAR, records BIGINT, names BIGINT, reason VARCHAR)"
    )
    if touched:
        con.execute(
            "INSERT INTO found_shared FROM identity.shared_identifiers "
            f"WHERE (kind, value_hash) NOT IN (SELECT kind, sha256(value) FROM {touched})"
        )
    for column, most in rules.shared_identifier_names.items():
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE shared AS SELECT {column} AS value, count(*) AS records, "
            f"count(DISTINCT {rules.tells_apart}) AS names "
            f"FROM identity.records WHERE {column} IS NOT NULL {_among(column, touched)} AND exclusion IS NULL GROUP BY 1 HAVING names > {most}"
        )
        con.execute(
            f"INSERT INTO found_shared SELECT '{KINDS[column]}', sha256(value), records, names, 'used under ' || names || "
            f"' {of_what}; more than {most} is nobody in particular' FROM shared"
        )
        con.execute(f"UPDATE identity.records SET {column} = NULL WHERE {column} IN (SELECT value FROM shared)")
        con.execute("DROP TABLE shared")
    con.execute("CREATE OR REPLACE TABLE identity.shared_identifiers AS FROM found_shared ORDER BY kind, value_hash")
    con.execute("DROP TABLE found_shared")
    if rules.families:
        _mark_family(con, touched)


def _among(column: str, touched: str) -> str:
    return f"AND {column} IN (SELECT value FROM {touched} WHERE kind = '{KINDS[column]}')" if touched else ""


def _mark_family(con: duckdb.DuckDBPyConnection, touched: str) -> None:
    """Mark mailboxes and phones that people of contradicting given names use: a family's, nobody's own."""
    for column, mark, by_name in (
        ("email_key", "email_shared", "email_kind = 'family'"),
        ("phone_e164", "phone_shared", "false"),
    ):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE of_families AS
            WITH bearers AS (
                SELECT DISTINCT {column} AS value, given_canonical AS given, given_stands_for AS stands_for, given_sex AS sex
                FROM identity.records
                WHERE {column} IS NOT NULL {_among(column, touched)} AND exclusion IS NULL AND is_known_given = 'yes' AND length(given_canonical) > 1
            )
            SELECT DISTINCT a.value FROM bearers AS a JOIN bearers AS b ON a.value = b.value AND a.given < b.given
            WHERE a.sex <> b.sex OR NOT list_has_any(string_split(a.given, ' '), string_split(b.given, ' '))
                AND NOT list_has_any(string_split(a.stands_for, ' '), string_split(b.stands_for, ' '))
                AND jaro_winkler_similarity(a.given, b.given) < 0.88
            """
        )
        marked = f"CASE WHEN {by_name} OR {column} IN (SELECT value FROM of_families) THEN 'yes' END"
        # What is left out from now on is no family's any more.
        looked_at = f"AND ({column} IS NULL OR true {_among(column, touched)})" if touched else ""
        con.execute(f"UPDATE identity.records SET {mark} = {marked} WHERE {mark} IS DISTINCT FROM {marked} {looked_at}")
        con.execute("DROP TABLE of_families")
