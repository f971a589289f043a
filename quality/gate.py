"""The row gate: text rows in, typed rows and refused rows out, every row accounted for.

In: a frame of text columns named as declared, with `_line` and `_refusal` (what the reader found wrong with the line).
Out: accepted rows, typed; refused rows as text with their reasons; counts. What stays true:
`rows_in = accepted + quarantined + dropped`, and a value is cast by declaration, never by guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from quality.contract import FALSE_WORDS, TRUE_WORDS, Column, Contract
from warehouse.duck import connect, name, quoted
from warehouse.errors import CdpError

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "json": "VARCHAR",
}


@dataclass
class Gated:
    """What came out of the gate."""

    rows_in: int
    accepted: pa.Table
    quarantined: pa.Table
    dropped: int
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)


def sql_type(column: Column) -> str:
    """Return the DuckDB type of a declared column."""
    if column.type == "decimal":
        return f"DECIMAL({column.precision}, {column.scale})"
    return SQL_TYPES[column.type]


def types_of(contract: Contract) -> dict[str, str]:
    """Return the typed columns of a table in bronze, by name."""
    types = {column: sql_type(declared) for column, declared in contract.columns.items()}
    return {**types, "_group_line": "BIGINT"} if contract.fill_down else types


def _literal(text: str) -> str:
    return f"'{quoted(text)}'"


def _cleaned(contract: Contract, column: str) -> str:
    """Trim a cell and turn null tokens into nulls."""
    declared = contract.columns[column]
    cell = f"trim({name(column)}, {_literal(' ' + chr(9) + chr(160) + chr(0xFEFF) + declared.strip)})"
    tokens = ", ".join(_literal(token) for token in {"", *contract.null_tokens, *declared.nulls})
    return f"CASE WHEN {cell} IN ({tokens}) THEN NULL ELSE {cell} END"


def _number(cell: str, contract: Contract) -> str:
    """Bring a number written in the source's locale into SQL's form.

    Handles thousands marks, decimal comma, currency signs, SAP's trailing minus and accountants' parentheses.
    """
    plain = f"regexp_replace({cell}, '[$€£\\s\\x{{00A0}}]|(?i)MXN|USD|EUR', '', 'g')"
    if contract.thousands:
        plain = f"replace({plain}, {_literal(contract.thousands)}, '')"
    if contract.decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    return f"regexp_replace(regexp_replace({plain}, '^(.*\\d)-$', '-\\1'), '^\\((.*)\\)$', '-\\1')"


def _timestamp(cell: str, formats: tuple[str, ...], time_zone: str) -> str:
    tries = []
    for pattern in formats:
        if pattern == "iso8601":
            zoned = f"regexp_matches({cell}, '(Z|[+-]\\d\\d:?\\d\\d)$')"
            tries.append(
                f"CASE WHEN {zoned} THEN try_cast({cell} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' "
                f"ELSE timezone('UTC', timezone({_literal(time_zone)}, try_cast({cell} AS TIMESTAMP))) END"
            )
        elif pattern in ("epoch_s", "epoch_ms"):
            scale = 1000 if pattern == "epoch_s" else 1
            tries.append(f"try(make_timestamp(try_cast({cell} AS BIGINT) * {scale * 1000}))")
        elif "%z" in pattern:
            tries.append(f"try_strptime({cell}, {_literal(pattern)}) AT TIME ZONE 'UTC'")
        else:
            local = f"try_strptime({cell}, {_literal(pattern)})::TIMESTAMP"
            tries.append(f"timezone('UTC', timezone({_literal(time_zone)}, {local}))")
    return f"coalesce({', '.join(tries)})"


def _cast(contract: Contract, column: str) -> str:
    """Return the expression that casts a cleaned cell, null when it cannot be."""
    declared = contract.columns[column]
    cell = f"clean.{name(column)}"
    match declared.type:
        case "integer":
            return f"try_cast({_number(cell, contract)} AS BIGINT)"
        case "decimal":
            number = _number(cell, contract)
            shape = rf"^[+-]?(\d+(\.\d{{0,{declared.scale}}}0*)?|\.\d{{1,{declared.scale}}}0*)$"
            return f"CASE WHEN regexp_matches({number}, '{shape}') THEN try_cast({number} AS {sql_type(declared)}) END"
        case "date":
            formats = ", ".join(_literal(pattern) for pattern in declared.formats or contract.dates)
            return f"try_strptime({cell}, [{formats}])::DATE"
        case "timestamp":
            return _timestamp(cell, declared.formats or contract.timestamps, contract.time_zone)
        case "boolean":
            words = {True: TRUE_WORDS, False: FALSE_WORDS}
            yes, no = (", ".join(_literal(w) for w in words[side]) for side in (True, False))
            return f"CASE WHEN lower({cell}) IN ({yes}) THEN true WHEN lower({cell}) IN ({no}) THEN false END"
        case "json":
            return f"CASE WHEN json_valid({cell}) THEN {cell} END"
        case _ if declared.zero_pad:
            digits = f"regexp_full_match({cell}, '\\d{{1,{declared.zero_pad}}}')"
            return f"CASE WHEN {digits} THEN lpad({cell}, {declared.zero_pad}, '0') ELSE {cell} END"
        case _:
            return cell


def _reasons(contract: Contract) -> str:
    parts = ["clean._refusal"]
    for column, declared in contract.columns.items():
        header, cell = quoted(contract.header_of(column)), f"clean.{name(column)}"
        kind = declared.type if declared.type != "decimal" else f"decimal with at most {declared.scale} decimals"
        if declared.type not in ("string",):
            typed = name("typed__" + column)
            parts.append(f"CASE WHEN {cell} IS NOT NULL AND {typed} IS NULL THEN 'column {header}: not a {kind}' END")
        if declared.required:
            parts.append(f"CASE WHEN {cell} IS NULL THEN 'column {header}: empty, and required' END")
        if declared.allowed:
            words = ", ".join(_literal(word) for word in declared.allowed)
            parts.append(
                f"CASE WHEN {cell} IS NOT NULL AND {cell} NOT IN ({words}) "
                f"THEN 'column {header}: not one of the allowed values' END"
            )
    # A row that the reader could not take apart has one reason, not one more for each empty column.
    listed = f"list_filter([{', '.join(parts)}], lambda r: r IS NOT NULL)"
    return f"CASE WHEN clean._refusal IS NOT NULL THEN [clean._refusal] ELSE {listed} END"


def _steps(contract: Contract) -> list[str]:
    """Return the statements that turn `text_rows` into `judged`, one table after the other."""
    columns = list(contract.columns)
    clean = ", ".join(f"{_cleaned(contract, c)} AS {name(c)}" for c in columns)
    statements = [f"CREATE TEMP TABLE cleaned AS SELECT _line, _refusal, {clean} FROM text_rows"]
    group = ""
    if contract.fill_down:
        by = name(contract.fill_down.by)
        over = f"OVER (PARTITION BY {by} ORDER BY _line)"
        filled = ", ".join(
            f"CASE WHEN {name(c)} IS NULL AND row_number() {over} > 1 THEN first_value({name(c)}) {over} "
            f"ELSE {name(c)} END AS {name(c)}"
            for c in contract.fill_down.columns
        )
        statements.append(
            f"CREATE OR REPLACE TEMP TABLE cleaned AS SELECT * REPLACE ({filled}), row_number() {over} AS _group_line "
            "FROM cleaned"
        )
        group = ", clean._group_line"
    typed = ", ".join(f"{_cast(contract, c)} AS {name('typed__' + c)}" for c in columns)
    named = ", ".join(f"{name('typed__' + c)} AS {name(c)}" for c in columns)
    statements += [
        f"CREATE TEMP TABLE typed AS SELECT clean._line{group}, {_reasons(contract)} AS _reasons, {named} "
        f"FROM (SELECT *, {typed} FROM cleaned AS clean) AS clean",
    ]
    verdicts = [f"CASE WHEN NOT coalesce(({rule.sql}), true) THEN '{rule.name}' END" for rule in contract.rules]
    rules = f"list_filter([{', '.join(verdicts)}], lambda r: r IS NOT NULL)" if verdicts else "[]::VARCHAR[]"
    key = ", ".join(name(c) for c in contract.key)
    statements.append(
        f"CREATE TEMP TABLE judged AS SELECT *, {rules} AS _broken, "
        f"row_number() OVER (PARTITION BY len(_reasons) = 0, {key} ORDER BY _line DESC) AS _nth_of_key FROM typed"
    )
    return statements


def gate(text_rows: pl.DataFrame, contract: Contract, file_id: str, dropped_by_reader: int = 0) -> Gated:
    """Judge every row of one file.

    Args:
        text_rows: one row per data line: the declared columns as text, `_line`, `_refusal`, `_raw`.
        contract: the table's declaration.
        file_id: kept in each row, to find its file again.
        dropped_by_reader: declared drops that the reader made (footer lines); counted in and out.

    Raises:
        CdpError: a rule of the declaration is not valid SQL.
    """
    quarantining = [r.name for r in contract.rules if r.on_fail == "quarantine"]
    dropping = [r.name for r in contract.rules if r.on_fail == "drop"]
    duplicate = "_nth_of_key > 1 AND len(_reasons) = 0"
    con = connect(":memory:")
    try:
        con.register("text_rows", text_rows.to_arrow())
        try:
            for statement in _steps(contract):
                con.execute(statement)
        except Exception as error:
            raise CdpError(f"{contract.name}: the declaration's rules cannot be run: {type(error).__name__}") from error
        repeated = "'duplicate key: a later line of this file has the same key'"
        con.execute(
            f"""
            CREATE TEMP TABLE verdicts AS SELECT *,
                CASE
                    WHEN len(_reasons) > 0 THEN 'quarantined'
                    WHEN len(list_intersect(_broken, {quarantining}::VARCHAR[])) > 0 THEN 'quarantined'
                    WHEN len(list_intersect(_broken, {dropping}::VARCHAR[])) > 0 THEN 'dropped'
                    WHEN {duplicate} THEN '{"dropped" if contract.duplicates == "drop" else "quarantined"}'
                    ELSE 'accepted'
                END AS _verdict,
                list_concat(
                    list_concat(_reasons, list_transform(
                        list_intersect(_broken, {quarantining}::VARCHAR[]), lambda r: 'rule ' || r)),
                    CASE WHEN {duplicate} THEN [{repeated}] ELSE [] END
                ) AS _why
            FROM judged
            """
        )
        columns = ", ".join(name(c) for c in types_of(contract))
        accepted = con.sql(
            f"SELECT {columns}, '{file_id}' AS _file, _line FROM verdicts WHERE _verdict = 'accepted' ORDER BY _line"
        ).to_arrow_table()
        text = ", ".join(f"t.{name(c)}" for c in contract.columns)
        quarantined = con.sql(
            f"SELECT '{file_id}' AS _file, v._line, array_to_string(v._why, '; ') AS _reason, {text}, t._raw "
            "FROM verdicts AS v JOIN text_rows AS t ON v._line = t._line WHERE v._verdict = 'quarantined' "
            "ORDER BY v._line"
        ).to_arrow_table()
        dropped = con.execute("SELECT count(*) FROM verdicts WHERE _verdict = 'dropped'").fetchall()[0][0]
        reasons = dict(
            con.execute(
                "SELECT r, count(*) FROM (SELECT unnest(_why) AS r FROM verdicts WHERE _verdict = 'quarantined') "
                "GROUP BY r ORDER BY r"
            ).fetchall()
        )
        warning = [r.name for r in contract.rules if r.on_fail == "warn"]
        warnings = dict(
            con.execute(
                f"SELECT r, count(*) FROM (SELECT unnest(list_intersect(_broken, {warning}::VARCHAR[])) AS r "
                "FROM verdicts) GROUP BY r ORDER BY r"
            ).fetchall()
        )
    finally:
        con.close()
    result = Gated(
        rows_in=text_rows.height + dropped_by_reader,
        accepted=accepted,
        quarantined=quarantined,
        dropped=int(dropped) + dropped_by_reader,
        reasons=reasons,
        warnings=warnings,
    )
    if result.rows_in != accepted.num_rows + quarantined.num_rows + result.dropped:
        raise CdpError(f"{contract.name}: rows were lost in the gate; this is a fault of the product, please report it")
    return result
