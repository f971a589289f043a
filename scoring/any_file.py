"""Tables that somebody brings (CSV, Parquet, JSON lines, workbooks): how they are read, and what their days and amounts mean.

In: a path and a column. Out: SQL expressions for DuckDB. Days and amounts are read in the one way that fits most values of a column, so that
`12/1/2010 8:26`, `01.12.2010`, `1.234,50` and `$1,234.50` need no settings.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import duckdb

from warehouse.duck import name, quoted
from warehouse.errors import CdpError
from warehouse.readable import BETWEEN_PARTS, MONTHS, PARQUET, WORD_FORMATS, is_json

#: How days are written; where several read a column alike, the first is meant. A time of day behind them is left out.
DAY_FORMATS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d/%m/%y", "%m/%d/%y",
    "%d-%b-%y",
)  # fmt: skip
FIRST_YEAR = 1900
#: Seconds or milliseconds since 1970 that lie between 2001 and 2100.
EPOCH = "^(1\\d{9}|[23]\\d{9}|4[01]\\d{8})(\\d{3})?$"


def reader_of(path: Path, *, as_text: bool = False) -> str:
    """Return how DuckDB reads a CSV or Parquet file, with every column of a CSV as text if that is asked.

    Raises:
        CdpError: it is not there.
    """
    if not path.exists():
        raise CdpError(f"{path.name} is not there; name a CSV or Parquet file, or a workbook")
    if path.suffix.lower() in PARQUET:
        return f"read_parquet('{quoted(str(path))}')"
    if is_json(path):
        return f"read_json('{quoted(str(path))}', sample_size = -1)"
    return f"read_csv('{quoted(str(path))}', sample_size = -1{', all_varchar = true' if as_text else ''})"


def column_of(con: duckdb.DuckDBPyConnection, path: Path, source: str, column: str) -> None:
    """Check that a file has a column.

    Raises:
        CdpError: it has not; the nearest name is told.
    """
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    if column not in columns:
        near = difflib.get_close_matches(column, columns, n=1)
        raise CdpError(
            f"{path.name}: column '{column}' is not in it; "
            + (f"did you mean '{near[0]}'?" if near else f"it has {', '.join(columns)}")
        )


def day_of(con: duckdb.DuckDBPyConnection, source: str, column: str) -> str:
    """Return how a column is read as a day: by the form that reads most of its values.

    Forms are those of `DAY_FORMATS`, days whose month is a word in English or Spanish, and seconds or milliseconds since 1970.
    """
    # A day read as a number by whoever wrote the file comes as 20101201.0.
    text = f"regexp_replace(trim({name(column)}::VARCHAR), '([T ]\\s*\\d{{1,2}}:\\d{{2}}.*|\\.0)$', '')"
    ways = [f"try_strptime({text}, '{form}')" for form in DAY_FORMATS]
    seconds = f"try_cast(substr({text}, 1, 10) AS BIGINT)"
    ways.append(f"CASE WHEN regexp_matches({text}, '{EPOCH}') THEN make_timestamp({seconds} * 1000000) END")
    with_word = con.execute(f"SELECT count(*) FROM {source} WHERE regexp_matches({text}, '[A-Za-z]{{3}}')").fetchall()[
        0
    ][0]
    if with_word:
        told = f"lower({text})"
        for number, words in enumerate(MONTHS, 1):
            told = f"regexp_replace({told}, '\\b({words})\\b', 'm{number:02}')"
        dashed = f"regexp_replace({told}, '{BETWEEN_PARTS}', '-', 'g')"
        ways += [f"try_strptime({dashed}, '{form}')" for form in WORD_FORMATS]
    # A year of two digits is read by the forms of four as one of antiquity.
    counts = ", ".join(f"count(*) FILTER (year({way}) >= {FIRST_YEAR})" for way in ways)
    read = con.execute(f"SELECT {counts} FROM {source}").fetchall()[0]
    return f"({ways[max(range(len(ways)), key=lambda n: (read[n], -n))]})::DATE"


def amount_of(con: duckdb.DuckDBPyConnection, source: str, column: str) -> str:
    """Return how a column is read as an amount: with a point or a comma before its decimals, as most of its values have."""
    text = f"trim({name(column)}::VARCHAR)"
    with_comma, with_point = con.execute(
        f"SELECT count(*) FILTER (regexp_matches({text}, '\\d,\\d{{1,2}}\\D*$')), count(*) FILTER (regexp_matches({text}, '\\.\\d+\\D*$|\\.\\d*,')) "
        f"FROM {source}"
    ).fetchall()[0]
    # A comma before three digits stands between thousands, and so does a point where another value shows decimals behind a comma.
    thousands_too = con.execute(
        f"SELECT count(*) FROM {source} WHERE regexp_matches({text}, '\\d\\.\\d{{3}},\\d{{1,2}}\\D*$')"
    ).fetchall()[0][0]
    is_comma = with_comma > 0 and (thousands_too > 0 or with_comma >= with_point)
    kept = f"regexp_replace({text}, '[^0-9{',' if is_comma else '.'}-]', '', 'g')"
    digits = f"replace({kept}, ',', '.')" if is_comma else kept
    bare = f"CASE WHEN starts_with({text}, '(') THEN '-' ELSE '' END || {digits}"
    plain = "NULL" if is_comma else f"try_cast({text} AS DECIMAL(18, 4))"
    return f"coalesce({plain}, try_cast({bare} AS DECIMAL(18, 4)))"


def product_of(con: duckdb.DuckDBPyConnection, path: Path, source: str, column: str) -> str:
    """Return how an amount is read that stands in one column, or is the product of two that are joined by `*`: `Quantity*UnitPrice`.

    Raises:
        CdpError: a column is not there.
    """
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    parts = [column] if column in columns else [part.strip() for part in column.split("*")]
    for part in parts:
        column_of(con, path, source, part)
    return (
        " * ".join(f"{amount_of(con, source, part)}::DOUBLE" for part in parts)
        if len(parts) > 1
        else amount_of(con, source, parts[0])
    )
