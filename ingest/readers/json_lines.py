"""JSON lines: one object a line, columns taken by declared paths."""

from __future__ import annotations

import polars as pl

from ingest.readers.rows import TextRows, check_row_count, file_values
from quality.contract import Contract
from warehouse.duck import connect, name, quoted


def read(text: str, contract: Contract, file: str) -> TextRows:
    """Take JSON lines apart; a line that is not a JSON object is refused alone.

    Raises:
        RefusedFile: the row count is out of the declared bounds.
    """
    lines = text.split("\n")
    raw = pl.DataFrame({"_raw": lines}).with_row_index("_line", offset=1).filter(pl.col("_raw").str.strip_chars() != "")
    shared = file_values(contract, file)
    columns = []
    for column, declared in contract.columns.items():
        if declared.path:
            path = "$" + "".join(f'."{part}"' for part in declared.path.split("."))
            value = f"json_extract_string(doc, '{quoted(path)}')"
        else:
            found = shared.get(column)
            value = f"'{quoted(found)}'" if found is not None else "NULL::VARCHAR"
        columns.append(f"{value} AS {name(column)}")
    con = connect(":memory:")
    try:
        con.register("raw_lines", raw.to_arrow())
        frame = pl.from_arrow(
            con.sql(
                f"""
                SELECT {", ".join(columns)}, _line::BIGINT AS _line,
                    CASE WHEN doc IS NULL THEN 'the line is not a JSON object' END AS _refusal,
                    CASE WHEN doc IS NULL THEN _raw END AS _raw
                FROM (
                    SELECT _line, _raw, CASE WHEN json_valid(_raw) AND json_type(
                        CASE WHEN json_valid(_raw) THEN _raw END) = 'OBJECT' THEN _raw END AS doc
                    FROM raw_lines
                )
                ORDER BY _line
                """
            ).to_arrow_table()
        )
    finally:
        con.close()
    assert isinstance(frame, pl.DataFrame)
    check_row_count(frame.height, contract, file)
    return TextRows(frame)
