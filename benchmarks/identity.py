"""`cdp bench identity`: people in labelled tables, resolved by roles alone, against the truth.

Protocol: the same engine and the same defaults for every set; what is said of a set is which column plays which role. The
truth is read after the clusters are written. Peers get the same
tables and roles and are judged by the same evaluator. The sets are read where they lie (`CDP_SHARED_DATA`, or beside the checkout).
Bars are those of the product's requirements; a set between two tables that hold a person once is judged by pairs between them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.identity_rivals import beside, environment_with_goldenmatch
from identity.declared import Entity
from warehouse.errors import CdpError
from warehouse.settings import ROOMS, child_environment

#: How many records are resolved for speed.
RECORDS = 1_000_000
#: How many people the generated company has.
PEOPLE = 20_000

US_NAME = {"given_name": ["first_name", "middle_initial"], "family_name": "last_name"}
HOME = {"street": ["street_number", "street_name"], "city": "city", "postcode": "zipcode"}
MAILING = {
    "street": ["mailing_address_street_number", "mailing_address_street_name"],
    "city": "mailing_address_city", "postcode": "mailing_address_zipcode",
}  # fmt: skip
FEBRL = {
    "given_name": "given_name",
    "family_name": "surname",
    "birth_date": "date_of_birth",
    "identifier": "soc_sec_id",
    "street": ["street_number", "address_1"],
    "city": "suburb",
    "postcode": "postcode",
}


@dataclass(frozen=True)
class Table:
    """A table of a set: where it lies, its roles, and what holds the truth of it."""

    path: str
    roles: dict[str, Any]
    person: str
    country: str
    record_id: str | None = None
    household: str | None = None


@dataclass(frozen=True)
class LabelledSet:
    """Tables resolved together; `bar` is the F1 that is asked for, `judged` how it is counted."""

    name: str
    tables: tuple[Table, ...]
    bar: float | None = None
    judged: str = "pairwise"
    entity: Entity = "person"


ANYTOWN = "identity/pseudopeople_anytown/"
CENSUS = Table(ANYTOWN + "decennial_census.parquet", {**US_NAME, **HOME}, "simulant_id", "US", household="household_id")
W2 = Table(ANYTOWN + "taxes_w2_and_1099.parquet", {**US_NAME, **MAILING}, "simulant_id", "US", household="household_id")
SETS = (
    LabelledSet(
        "historical figures, 50,578 records",
        (
            Table(
                "identity/splink_historical_50k/historical_figures_with_errors_50k.parquet",
                {"given_name": "first_name", "family_name": "surname", "birth_date": "dob", "city": "birth_place", "postcode": "postcode_fake"},
                "cluster", "GB", "unique_id",
            ),
        ),
        0.91,
    ),
    LabelledSet("census and W2, without numbers and dates of birth", (CENSUS, W2), 0.96, "between_sources"),
    LabelledSet(
        "census, social security, W2, 1040",
        (
            Table(CENSUS.path, {**CENSUS.roles, "birth_date": "date_of_birth"}, "simulant_id", "US", household="household_id"),
            Table(
                ANYTOWN + "social_security.parquet",
                {**US_NAME, "given_name": ["first_name", "middle_name"], "identifier": "ssn", "birth_date": "date_of_birth"}, "simulant_id", "US",
            ),
            Table(W2.path, {**W2.roles, "identifier": "ssn"}, "simulant_id", "US", household="household_id"),
            Table(ANYTOWN + "taxes_1040.parquet", {**US_NAME, **MAILING, "identifier": "ssn"}, "simulant_id", "US", household="household_id"),
        ),
        0.985,
    ),
    LabelledSet("FEBRL 3", (Table("identity/febrl/dataset3.csv", FEBRL, "rec_id", "AU", "rec_id"),), 0.999),
    LabelledSet(
        "FEBRL 4",
        tuple(Table(f"identity/febrl/dataset4{x}.csv", FEBRL, "rec_id", "AU", "rec_id") for x in "ab"),
        0.999,
        "between_sources",
    ),
    # Without a bar: other shapes of tables, so that what helps the sets above is seen to harm no other.
    LabelledSet("FEBRL 1", (Table("identity/febrl/dataset1.csv", FEBRL, "rec_id", "AU", "rec_id"),)),
    LabelledSet("FEBRL 2", (Table("identity/febrl/dataset2.csv", FEBRL, "rec_id", "AU", "rec_id"),)),
    LabelledSet(
        "1,000 records, many empty",
        (
            Table(
                "identity/splink_fake_1000/fake_1000.csv",
                {"given_name": "first_name", "family_name": "surname", "birth_date": "dob", "city": "city", "email": "email"},
                "cluster", "GB", "unique_id",
            ),
        ),
    ),
    LabelledSet(
        "census and social security, without numbers",
        (
            Table(CENSUS.path, {**CENSUS.roles, "birth_date": "date_of_birth"}, "simulant_id", "US", household="household_id"),
            Table(
                ANYTOWN + "social_security.parquet",
                {**US_NAME, "given_name": ["first_name", "middle_name"], "birth_date": "date_of_birth"}, "simulant_id", "US",
            ),
        ),
        judged="between_sources",
    ),
    LabelledSet(
        "employers of W2, by name and address",
        (
            Table(
                ANYTOWN + "taxes_w2_and_1099.parquet",
                {
                    "organisation": "employer_name", "street": ["employer_street_number", "employer_street_name"], "city": "employer_city",
                    "postcode": "employer_zipcode",
                },
                "employer_id", "US",
            ),
        ),
        entity="company",
    ),
)  # fmt: skip


def run() -> dict[str, Any]:
    """Resolve every set and compare with its truth.

    Raises:
        CdpError: the labelled sets are not at hand.
    """
    shared = Path(os.environ.get("CDP_SHARED_DATA") or ROOMS.parent / "shared" / "data")
    if not (shared / "identity").is_dir():
        raise CdpError("the labelled sets are not at hand; set CDP_SHARED_DATA to the folder that holds them")
    found = []
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as peers:
        python = environment_with_goldenmatch(Path(peers))
        for labelled in SETS:
            with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
                found.append(_measured(labelled, shared, Path(folder), python))
            sys.stderr.write(json.dumps(found[-1]) + "\n")
    company = sample_company()
    sys.stderr.write(json.dumps(company) + "\n")
    many = speed()
    sys.stderr.write(json.dumps(many) + "\n")
    return {"sets": found, "sample_company": company, "speed": many}


def sample_company(people: int = PEOPLE) -> dict[str, Any]:
    """Generate a company, resolve it by the shipped numbers and compare with its truth."""
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
        environment = child_environment(CDP_DATA=folder, CDP_INBOX=f"{folder}/inbox", CDP_SETTLE_S="0")
        for step in (
            ["generate", "--people", str(people)],
            ["land"],
            ["bronze"],
            ["standardise"],
            ["link"],
            ["cluster"],
        ):
            subprocess.run(
                [sys.executable, "-m", "cdp", *step], env=environment, cwd=ROOMS, capture_output=True, check=True
            )
        judged = subprocess.run(
            [sys.executable, "-m", "cdp", "evaluate", "--json"],
            env=environment,
            cwd=ROOMS,
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(judged.stdout)
    return {"people": people, "bar_f1": 0.96, "bar_families_falsely_joined_pct": 0.5, **found}


def speed(records: int = RECORDS) -> dict[str, Any]:
    """Resolve many made-up records in a process of its own: seconds by step, beside plain Splink, and with one per cent of them new."""
    with tempfile.TemporaryDirectory(prefix="clientela-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.identity_speed", str(records)],
            env=child_environment(CDP_DATA=folder), cwd=ROOMS, capture_output=True, text=True, check=True,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.split("RESULT")[1])
    return found


def _measured(labelled: LabelledSet, shared: Path, folder: Path, python: Path | None) -> dict[str, Any]:
    import polars as pl

    from identity.resolve import resolve_tables

    files, tables, truths = [], [], []
    for table in labelled.tables:
        path = shared / table.path
        rows = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
        rows = rows.rename({c: c.strip() for c in rows.columns}).select(pl.all().cast(pl.String).str.strip_chars())
        kept = folder / f"{path.stem}.parquet"
        record = pl.col(table.record_id) if table.record_id else pl.int_range(1, pl.len() + 1).cast(pl.String)
        person = pl.col(table.person)
        truths.append(
            rows.select(
                pl.lit(path.stem).alias("source"), record.alias("record_id"),
                # FEBRL names a person by the number inside the record's id.
                (person.str.extract(r"rec-(\d+)-") if table.person == "rec_id" else person).alias("person_id"),
                (pl.col(table.household) if table.household else pl.lit(None, dtype=pl.String)).alias("household_id"),
            )
        )  # fmt: skip
        rows.drop([c for c in (table.person, table.household) if c and c != table.record_id]).write_parquet(kept)
        files.append(kept)
        told = {"file": kept.name, "country": table.country, "roles": table.roles}
        tables.append({**told, **({"record_id": table.record_id} if table.record_id else {})})
    (folder / "roles.yml").write_text(
        json.dumps({"entity": labelled.entity, "tables": tables}), encoding="utf-8"
    )  # JSON is YAML too
    pl.concat(truths).write_csv(folder / "truth.csv")
    started = time.perf_counter()
    resolved = resolve_tables(files, folder / "roles.yml", folder / "out", folder / "truth.csv")
    seconds = time.perf_counter() - started
    judged = resolved.figures[labelled.judged]
    # What the peers are told, their own documentation tells of people.
    is_of_people = labelled.entity == "person"
    peers = (
        beside(files, folder / "roles.yml", folder / "truth.csv", folder, labelled.judged, python)
        if is_of_people
        else {}
    )
    return {
        "set": labelled.name, "records": resolved.records, "judged": labelled.judged, **judged, "bar": labelled.bar,
        "b_cubed_f1": resolved.figures["b_cubed"]["f1"],
        "household_false_merge_rate": resolved.figures["household_false_merge_rate"],
        "peers": peers, "seconds": round(seconds, 1), "seconds_by_step": {s.step: round(s.seconds, 1) for s in resolved.steps},
    }  # fmt: skip
