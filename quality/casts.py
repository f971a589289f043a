"""Text to types, by declaration and never by guess: polars expressions over a whole column at once.

What does not fit its type becomes null here; the gate sets such rows aside with the reason. Formats are tried in their
declared order and only where the ones before did not fit, so a clean column is parsed once.
"""

from __future__ import annotations

import re

import polars as pl

from quality.contract import FALSE_WORDS, TRUE_WORDS, Column, Contract

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "json": "VARCHAR",
    "list": "VARCHAR[]",
}
#: Readers add this column to blocks whose cells need no trimming, which would be half of the work of a clean file.
TRIMMED = "_is_trimmed"
_FRAME_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "string": pl.String,
    "integer": pl.Int64,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    "boolean": pl.Boolean,
    "json": pl.String,
    "list": pl.List(pl.String),
}
_SIGNS = r"[$€£\s\u{00A0}\u{202F}]|(?i:MXN|USD|EUR|COP|CLP|ARS|GBP|PEN)"


def sql_type(column: Column) -> str:
    """Return the DuckDB type of a declared column."""
    if column.type == "decimal":
        return f"DECIMAL({column.precision}, {column.scale})"
    return SQL_TYPES[column.type]


def polars_type(column: Column) -> pl.DataType | type[pl.DataType]:
    """Return the type of a declared column in a frame."""
    if column.type == "decimal":
        return pl.Decimal(column.precision, column.scale)
    return _FRAME_TYPES[column.type]


def types_of(contract: Contract) -> dict[str, str]:
    """Return the typed columns of a table in bronze, by name."""
    types = {column: sql_type(declared) for column, declared in contract.columns.items()}
    return {**types, "_group_line": "BIGINT"} if contract.fill_down else types


def cleaned(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Trim the declared columns of text rows, no-break spaces and declared marks too, and turn null tokens into nulls."""
    # A column with nothing in it stays as it is, and so does one that needs no trimming and has no token.
    is_trimmed = TRIMMED in rows.columns
    return rows.select(*contract.columns).with_columns(
        _cleaned(name, column, contract, is_trimmed)
        for name, column in contract.columns.items()
        if rows[name].null_count() < rows.height
    )


def _cleaned(name: str, column: Column, contract: Contract, is_trimmed: bool) -> pl.Expr:
    cell = pl.col(name) if is_trimmed else pl.col(name).str.strip_chars()
    if column.strip:
        cell = cell.str.strip_chars(column.strip + " \t\u00a0")
    if column.type == "string" and column.zero_pad:
        digits = cell.str.contains(rf"^\d{{1,{column.zero_pad}}}$")
        cell = pl.when(digits).then(cell.str.zfill(column.zero_pad)).otherwise(cell)
    tokens = sorted({"", *contract.null_tokens, *column.nulls})
    padded = {t.zfill(column.zero_pad) for t in tokens if column.zero_pad and t.isdigit()}
    is_null = cell == "" if tokens == [""] else cell.is_in(sorted({*tokens, *padded}))
    return pl.when(~is_null).then(cell).alias(name)


def cast(clean: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Cast cleaned columns to their declared types; what does not fit is null.

    All columns are tried in their first form at once; later forms are tried only for columns that did not fit whole.
    """
    numbers = [name for name, column in contract.columns.items() if column.type == "decimal"]
    # A number with anything but digits, sign and point, or with too many decimals, is looked at closely; few columns have one.
    odd = clean.select(
        pl.col(name).str.contains(_odd_number(contract.columns[name], contract)).any() for name in numbers
    )
    is_odd = dict(zip(numbers, odd.row(0) if numbers else (), strict=True))
    tries = {
        name: [pl.lit(None, dtype=polars_type(column))]
        if clean[name].null_count() == clean.height
        else _tries(name, column, contract, bool(is_odd.get(name)))
        for name, column in contract.columns.items()
    }
    for name, column in contract.columns.items():
        if (
            column.type == "timestamp"
            and (column.formats or contract.timestamps)[0] == "iso8601"
            and len(tries[name]) > 1
        ):
            tries[name] = [*_as_the_first(name, clean[name]), *tries[name]]
    typed = clean.with_columns(forms[0].alias(name) for name, forms in tries.items())
    at = 1
    while True:
        open_columns = [
            name
            for name, forms in tries.items()
            if len(forms) > at and typed[name].null_count() > clean[name].null_count()
        ]
        if not open_columns:
            return typed
        more = clean.select(tries[name][at].alias(name) for name in open_columns)
        typed = typed.with_columns(typed[name].fill_null(more[name]) for name in open_columns)
        at += 1


def _as_the_first(name: str, cells: pl.Series) -> list[pl.Expr]:
    """Return the exact form of a column's first moment: parsed by a form of fixed widths, three times as fast as any ISO form."""
    first = cells.drop_nulls().head(1).to_list()[0]
    if not (found := re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z", first)):
        return []
    fraction = f".%{len(found[1]) - 1}f" if found[1] else ""
    return [pl.col(name).str.to_datetime(f"%Y-%m-%dT%H:%M:%S{fraction}Z", strict=False, time_unit="us")]


def _tries(name: str, column: Column, contract: Contract, is_odd: bool) -> list[pl.Expr]:
    """Return the ways to read a column, the likely one first."""
    cell = pl.col(name)
    match column.type:
        case "integer":
            numbers = _numbers(cell, contract)
            whole = [n.str.replace(r"^([+-]?\d+)\.0*$", "$1") for n in numbers]  # 121401.0, as some systems write
            return [n.cast(pl.Int64, strict=False) for n in (*numbers, *whole)]
        case "decimal":
            if not is_odd:
                point = cell if contract.decimal == "." else cell.str.replace(",", ".", literal=True)
                return [point.cast(pl.Decimal(column.precision, column.scale), strict=False)]
            return [_decimal(n, column) for n in _numbers(cell, contract)]
        case "date":
            return [_date(cell, form) for form in column.formats or contract.dates]
        case "timestamp":
            forms = column.formats or contract.timestamps
            return [
                found.cast(pl.Datetime("us")) for form in forms for found in _moments(cell, form, contract.time_zone)
            ]
        case "boolean":
            return [_truth(cell), _truth(cell.str.to_lowercase())]
        case "list":
            return [_listed(cell, column)]
        case _:
            return [cell]


def _truth(words: pl.Expr) -> pl.Expr:
    return pl.when(words.is_in(list(TRUE_WORDS))).then(True).when(words.is_in(list(FALSE_WORDS))).then(False)


def _numbers(cell: pl.Expr, contract: Contract) -> list[pl.Expr]:
    """Bring numbers written in the source's locale into the plain form `-1234.56`: as they stand, then without ornaments.

    Ornaments are currency signs and codes, SAP's trailing minus and accountants' parentheses. Thousands marks must part
    groups of three, or the cell does not fit.
    """
    bare = cell.str.replace_all(_SIGNS, "").str.replace(r"^(.*\d)-$", "-$1").str.replace(r"^\((.*)\)$", "-$1")
    return [_without_locale(cell, contract), _without_locale(bare, contract)]


def _without_locale(text: pl.Expr, contract: Contract) -> pl.Expr:
    if contract.thousands:
        mark, point = re.escape(contract.thousands), re.escape(contract.decimal)
        has = text.str.contains(contract.thousands, literal=True)
        grouped = text.str.contains(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+({point}\d*)?$")
        joined = text.str.replace_all(contract.thousands, "", literal=True)
        text = pl.when(~has).then(text).when(grouped).then(joined)
    if contract.decimal == ",":
        text = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return text


def _odd_number(column: Column, contract: Contract) -> str:
    point = re.escape(contract.decimal)
    return rf"[^0-9{point}-]|{point}\d{{{column.scale + 1}}}|{point}.*{point}|.-"


def _decimal(number: pl.Expr, column: Column) -> pl.Expr:
    # More decimals than declared, exponents and words do not fit: a value is never rounded on the way in.
    scale = column.scale
    fits = number.str.contains(rf"^[+-]?(\d+(\.\d{{0,{scale}}}0*)?|\.\d{{1,{scale}}}0*)$")
    plain = pl.when(fits).then(number.str.strip_prefix("+"))
    return plain.cast(pl.Decimal(column.precision, scale), strict=False)


def _date(cell: pl.Expr, form: str) -> pl.Expr:
    if form == "excel":  # days since 1899-12-30, as spreadsheets keep dates
        return (cell.cast(pl.Float64, strict=False).floor() - 25569).cast(pl.Int32, strict=False).cast(pl.Date)
    return cell.str.to_date(form, strict=False)


def _moments(cell: pl.Expr, form: str, time_zone: str) -> list[pl.Expr]:
    """Return the ways to read a moment written in one form; moments without an offset are of the source's time zone."""
    if form == "iso8601":
        spaced = cell.str.replace("T", " ", literal=True)
        forms = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
        hours = cell.str.replace(r"([+-]\d\d)$", "${1}:00")
        return [
            _zoned(cell, "%+"),
            *(_in_utc(spaced.str.to_datetime(f, strict=False, time_unit="us"), time_zone) for f in forms),
            _zoned(hours, "%+"),
            _in_utc(cell.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")), time_zone),
        ]
    if form in ("epoch_s", "epoch_ms", "epoch_us"):
        scale = {"epoch_s": 1_000_000, "epoch_ms": 1000, "epoch_us": 1}[form]
        return [(cell.cast(pl.Int64, strict=False) * scale).cast(pl.Datetime("us"))]
    if form == "excel":
        milliseconds = (
            ((cell.cast(pl.Float64, strict=False) - 25569.0) * 86_400_000).round().cast(pl.Int64, strict=False)
        )
        return [_in_utc(milliseconds.cast(pl.Datetime("ms")).cast(pl.Datetime("us")), time_zone)]
    if "%z" in form:
        return [_zoned(cell, form)]
    if not re.search(r"%[HITRX+scfk]", form):
        return [_in_utc(cell.str.to_date(form, strict=False).cast(pl.Datetime("us")), time_zone)]
    return [_in_utc(cell.str.to_datetime(form, strict=False, time_unit="us"), time_zone)]


def _zoned(cell: pl.Expr, form: str) -> pl.Expr:
    return cell.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone(None)


def _in_utc(local: pl.Expr, time_zone: str) -> pl.Expr:
    if time_zone == "UTC":
        return local

    def placed(moment: pl.Expr) -> pl.Expr:
        there = moment.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
        return there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    # A moment that a change of clocks skips is read as one hour later, as clocks showed it.
    return pl.coalesce(placed(local), placed(local + pl.duration(hours=1)))


def _listed(cell: pl.Expr, column: Column) -> pl.Expr:
    """Split cells into lists: JSON arrays as they are, other text at the separator; blanks are no elements."""
    parts = cell.str.split(column.separator) if column.separator else pl.concat_list(cell)
    as_json = cell.str.starts_with("[") & cell.str.ends_with("]")
    inner = cell.str.strip_prefix("[").str.strip_suffix("]")
    items = inner.str.extract_all(r'"(?:[^"\\]|\\.)*"|[^,\s][^,]*').list.eval(pl.element().str.strip_chars('" '))
    chosen = pl.when(as_json).then(items).when(cell.is_not_null()).then(parts)
    tidy = chosen.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
    return tidy.cast(pl.List(pl.String))
