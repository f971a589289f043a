"""The row gate: text rows in, typed rows and refused rows out, every row accounted for.

In: frames of text columns named as declared, with `_line` and `_refusal` (what the reader found wrong with the line). Out:
accepted rows, typed; refused rows as text with their reasons; counts. What stays true: `rows_in = accepted + quarantined +
dropped`, and a value is cast by declaration, never by guess. A file passes in blocks, so memory is bounded by a block, and a
key that comes twice is found over all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from quality.casts import cast, cleaned, sql_type, types_of
from quality.contract import Contract
from warehouse.duck import connect
from warehouse.errors import CdpError, RefusedFile
from warehouse.lake import Decisions

__all__ = ["FileGate", "Gated", "Judged", "gate", "sql_type", "types_of"]

DUPLICATE = "duplicate key: a later line of this file has the same key"


@dataclass
class Judged:
    """What came out of the gate for one block of rows: typed rows with `_file` and `_line`, refused rows as text."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame


@dataclass
class Gated:
    """What came out of the gate for a whole file."""

    rows_in: int
    accepted: pa.Table
    quarantined: pa.Table
    dropped: int
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)


class FileGate:
    """Judges the rows of one file, block by block.

    Args:
        contract: the table's declaration.
        file_id: kept in each row, to find its file again.
        file: the file's name, for sentences.
        decided: what a person decided about refused lines; see `cdp quarantine`.
    """

    def __init__(self, contract: Contract, file_id: str, file: str = "", decided: Decisions | None = None) -> None:
        self.contract, self.file_id, self.file, self.decided = contract, file_id, file, decided or Decisions()
        self.rows_in = self.dropped = 0
        self.reasons: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.stops: Counter[str] = Counter()
        self.filled: Counter[str] = Counter()
        self._keys: list[pl.DataFrame] = []
        self._con = (
            connect(":memory:") if contract.rules or any(c.type == "json" for c in contract.columns.values()) else None
        )

    def __enter__(self) -> FileGate:
        return self

    def __exit__(self, *_: object) -> None:
        if self._con is not None:
            self._con.close()

    def judge(self, text_rows: pl.DataFrame) -> Judged:
        """Judge one block of rows.

        Raises:
            RefusedFile: a rule with `on_fail: set_aside` does not hold.
            CdpError: a rule of the declaration is not valid SQL.
        """
        contract = self.contract
        self.rows_in += text_rows.height
        text_rows = self._mended(text_rows)
        clean = cleaned(text_rows, contract)
        if contract.fill_down:
            clean = _filled_down(clean, contract)
        typed = self._checked_json(cast(clean, contract))
        if contract.fill_down:
            typed = typed.with_columns(clean["_group_line"])
        bad = text_rows["_refusal"].is_not_null() | _does_not_fit(clean, typed, contract)
        broken = self._broken_rules(typed.with_columns(text_rows["_line"]))
        fate = self._fates(text_rows, bad, broken)
        accepted = typed.with_columns(pl.lit(self.file_id).alias("_file"), text_rows["_line"])
        quarantined = pl.DataFrame(schema=self._quarantine_schema())
        if fate is not None:
            quarantined = self._refused_rows(text_rows, clean, typed, broken, fate == 1)
            self.dropped += int((fate == 2).sum())
            accepted = accepted.filter(fate == 0)
        key = pl.struct(*contract.key) if len(contract.key) > 1 else pl.col(contract.key[0])
        key_hash = accepted.select(key.hash(seed=7).alias("hash"), "_line")
        self._keys.append(key_hash)
        for column in contract.columns:
            self.filled[column] += accepted.height - accepted[column].null_count()
        return Judged(accepted, quarantined)

    def repeated_lines(self, accepted_keys: Iterable[pl.DataFrame] | None = None) -> list[int]:
        """Return the accepted lines whose key comes again later in the file.

        Args:
            accepted_keys: key columns and `_line` of what was accepted, asked for only where two hashes are equal.
        """
        if not self._keys:
            return []
        hashes = pl.concat(self._keys)
        if hashes["hash"].n_unique() == hashes.height:
            return []
        suspects = hashes.filter(pl.col("hash").is_duplicated())
        if suspects.is_empty():
            return []
        if accepted_keys is None:
            raise CdpError("the keys of accepted rows are needed to compare them")
        keys = pl.concat([rows.join(suspects.select("_line"), on="_line", how="semi") for rows in accepted_keys])
        last = pl.col("_line") == pl.col("_line").max().over(list(self.contract.key))
        return sorted(keys.filter(~last)["_line"].to_list())

    def refuse_repeated(self, text_rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows as refused because their key comes again; for `duplicates: quarantine`."""
        self.reasons[DUPLICATE] += text_rows.height
        return self._as_refused(text_rows, pl.Series("_reason", [DUPLICATE] * text_rows.height, dtype=pl.String))

    def _mended(self, text_rows: pl.DataFrame) -> pl.DataFrame:
        """Put the cells in that a person mended; a line the reader could not take apart counts as read if they did."""
        mended = {line: cells for line, cells in self.decided.released.items() if cells}
        here = text_rows["_line"].is_in(sorted(mended)) if mended else None
        if here is None or not here.any():
            return text_rows
        line = pl.col("_line")
        for column in sorted({c for cells in mended.values() for c in cells}):
            values = {number: cells[column] for number, cells in mended.items() if column in cells}
            new = line.replace_strict(
                list(values), list(values.values()), default=pl.col(column), return_dtype=pl.String
            )
            text_rows = text_rows.with_columns(new.alias(column))
        return text_rows.with_columns(pl.when(~line.is_in(sorted(mended))).then(pl.col("_refusal")).alias("_refusal"))

    def _checked_json(self, typed: pl.DataFrame) -> pl.DataFrame:
        columns = [c for c, declared in self.contract.columns.items() if declared.type == "json" and not declared.rest]
        if not columns or self._con is None:
            return typed
        self._con.register("cells", typed.select(columns).to_arrow(compat_level=pl.CompatLevel.newest()))
        valid = ", ".join(f'CASE WHEN json_valid("{c}") THEN "{c}" END AS "{c}"' for c in columns)
        checked = pl.from_arrow(self._con.sql(f"SELECT {valid} FROM cells").to_arrow_table())
        assert isinstance(checked, pl.DataFrame)
        return typed.with_columns(checked.get_columns())

    def _broken_rules(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Return one boolean column per rule: true where it does not hold."""
        if not self.contract.rules or self._con is None:
            return pl.DataFrame()
        verdicts = ", ".join(f"NOT coalesce(({rule.sql}), true) AS {rule.name}" for rule in self.contract.rules)
        self._con.register("typed", typed.to_arrow(compat_level=pl.CompatLevel.newest()))
        try:
            found = pl.from_arrow(self._con.sql(f"SELECT {verdicts} FROM typed").to_arrow_table())
        except Exception as error:
            raise CdpError(
                f"{self.contract.name}: the declaration's rules cannot be run: {type(error).__name__}"
            ) from error
        assert isinstance(found, pl.DataFrame)
        return found

    def _fates(self, text_rows: pl.DataFrame, bad: pl.Series, broken: pl.DataFrame) -> pl.Series | None:
        """Return 0 (accepted), 1 (quarantined) or 2 (dropped) for each row; None when all are accepted."""
        quarantine, drop = bad, pl.repeat(False, bad.len(), eager=True)
        for rule in self.contract.rules:
            fails = broken[rule.name] & ~bad
            if not fails.any():
                continue
            match rule.on_fail:
                case "quarantine":
                    quarantine = quarantine | fails
                case "drop":
                    drop = drop | fails
                case "set_aside":
                    line = text_rows["_line"].filter(fails)[0]
                    raise RefusedFile(
                        f"{self.file}: rule '{rule.name}' does not hold in {int(fails.sum()):,} rows (first: line {line:,}), "
                        "expected it to hold in all. Export it again, and whole, or change the rule."
                    )
                case "stop":
                    self.stops[rule.name] += int(fails.sum())
                case "warn":
                    self.warnings[rule.name] += int(fails.sum())
        if self.decided.released:
            # A person vouches for rows that a rule refused; what does not fit its type cannot be taken all the same.
            quarantine = quarantine & (bad | ~text_rows["_line"].is_in(sorted(self.decided.released)))
        if self.decided.discarded:
            given_up = quarantine & text_rows["_line"].is_in(sorted(self.decided.discarded))
            quarantine, drop = quarantine & ~given_up, drop | given_up
        if not quarantine.any() and not drop.any():
            return None
        return pl.select(pl.when(quarantine).then(1).when(drop).then(2).otherwise(0).cast(pl.Int8)).to_series()

    def _refused_rows(
        self,
        text_rows: pl.DataFrame,
        clean: pl.DataFrame,
        typed: pl.DataFrame,
        broken: pl.DataFrame,
        refused: pl.Series,
    ) -> pl.DataFrame:
        if not refused.any():
            return pl.DataFrame(schema=self._quarantine_schema())
        text, cells, types = text_rows.filter(refused), clean.filter(refused), typed.filter(refused)
        verdicts = broken.filter(refused) if broken.width else broken
        parts: list[pl.Series] = []
        for column, declared in self.contract.columns.items():
            header = self.contract.header_of(column)
            kind = declared.type if declared.type != "decimal" else f"decimal with at most {declared.scale} decimals"
            if declared.type != "string":
                parts.append(
                    _said(cells[column].is_not_null() & types[column].is_null(), f"column {header}: not a {kind}")
                )
            if declared.required:
                parts.append(_said(cells[column].is_null(), f"column {header}: empty, and required"))
            if declared.allowed:
                wrong = cells[column].is_not_null() & ~cells[column].is_in(list(declared.allowed))
                parts.append(_said(wrong, f"column {header}: not one of the allowed values"))
        found = pl.DataFrame([p.alias(str(i)) for i, p in enumerate(parts)]) if parts else pl.DataFrame()
        listed = found.select(pl.concat_list(pl.all()).list.drop_nulls()).to_series() if parts else None
        # A row that the reader could not take apart has one reason, not one more for each empty column; rules are asked
        # of rows whose values fit.
        rules = [r for r in self.contract.rules if r.on_fail == "quarantine"]
        by_rule = (
            pl.DataFrame([_said(verdicts[r.name], f"rule {r.name}").alias(r.name) for r in rules])
            .select(pl.concat_list(pl.all()).list.drop_nulls())
            .to_series()
            if rules
            else None
        )
        reasons: list[str] = []
        for at, refusal in enumerate(text["_refusal"].to_list()):
            why = [refusal] if refusal else list(listed[at]) if listed is not None else []
            if not why and by_rule is not None:
                why = list(by_rule[at])
            self.reasons.update(why)
            reasons.append("; ".join(why))
        return self._as_refused(text, pl.Series("_reason", reasons, dtype=pl.String))

    def _as_refused(self, text_rows: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
        return text_rows.select(pl.lit(self.file_id).alias("_file"), "_line", reasons, *self.contract.columns, "_raw")

    def _quarantine_schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        return {"_file": pl.String, "_line": pl.Int64, "_reason": pl.String, **dict.fromkeys(self.contract.columns, pl.String),
                "_raw": pl.String}  # fmt: skip


def _said(where: pl.Series, sentence: str) -> pl.Series:
    return pl.select(pl.when(where).then(pl.lit(sentence))).to_series()


def _does_not_fit(clean: pl.DataFrame, typed: pl.DataFrame, contract: Contract) -> pl.Series:
    bad = pl.repeat(False, clean.height, eager=True)
    for column, declared in contract.columns.items():
        cells = clean[column]
        if declared.type != "string" and typed[column].null_count() > cells.null_count():
            bad = bad | (cells.is_not_null() & typed[column].is_null())
        if declared.required and cells.null_count():
            bad = bad | cells.is_null()
        if declared.allowed:
            bad = bad | (cells.is_not_null() & ~cells.is_in(list(declared.allowed)))
    return bad


def _filled_down(clean: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Copy a group's first values to its other lines, and number the lines of each group."""
    down = contract.fill_down
    assert down is not None
    by = pl.col(down.by)
    starts = by.is_not_null() if down.blank else (by != by.shift()).fill_null(True)
    numbered = clean.with_columns(starts.cum_sum().alias("_group"))
    columns = [*down.columns, down.by] if down.blank else list(down.columns)
    first = [pl.col(c).fill_null(pl.col(c).first().over("_group")) for c in columns]
    line = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("_group").alias("_group_line")
    return numbered.with_columns(*first, line).drop("_group")


def last_group_starts(text_rows: pl.DataFrame, contract: Contract) -> int:
    """Return where the last group of a block begins: a group is judged whole, so it waits for the next block."""
    down = contract.fill_down
    assert down is not None
    cells = text_rows[down.by].str.strip_chars()
    starts = (cells.is_not_null() & (cells != "")) if down.blank else (cells != cells.shift()).fill_null(True)
    found = starts.arg_true()
    return int(found[-1]) if found.len() else 0


def gate(text_rows: pl.DataFrame, contract: Contract, file_id: str, dropped_by_reader: int = 0) -> Gated:
    """Judge all rows of a file that is held in memory.

    Args:
        text_rows: one row per data line: the declared columns as text, `_line`, `_refusal`, `_raw`.
        contract: the table's declaration.
        file_id: kept in each row, to find its file again.
        dropped_by_reader: declared drops that the reader made (footer lines); counted in and out.

    Raises:
        RefusedFile: a rule with `on_fail: set_aside` does not hold.
        CdpError: a rule of the declaration is not valid SQL.
    """
    with FileGate(contract, file_id) as door:
        judged = door.judge(text_rows)
        accepted, quarantined = judged.accepted, judged.quarantined
        repeated = door.repeated_lines([accepted.select(*contract.key, "_line")])
        if repeated:
            accepted = accepted.filter(~pl.col("_line").is_in(repeated))
            if contract.duplicates == "drop":
                door.dropped += len(repeated)
            else:
                again = door.refuse_repeated(text_rows.filter(pl.col("_line").is_in(repeated)))
                quarantined = pl.concat([quarantined, again]).sort("_line")
        result = Gated(
            rows_in=door.rows_in + dropped_by_reader,
            accepted=accepted.to_arrow(),
            quarantined=quarantined.to_arrow(),
            dropped=door.dropped + dropped_by_reader,
            reasons=dict(sorted(door.reasons.items())),
            warnings=dict(sorted(door.warnings.items())),
        )
    account_holds(contract, result.rows_in, accepted.height, quarantined.height, result.dropped)
    return result


def account_holds(contract: Contract, rows_in: int, accepted: int, quarantined: int, dropped: int) -> None:
    """Compare what came in with what came out.

    Raises:
        CdpError: a row is missing or was counted twice.
    """
    if rows_in != accepted + quarantined + dropped:
        raise CdpError(
            f"{contract.name}: {rows_in:,} rows came in, and {accepted:,} accepted, {quarantined:,} quarantined and {dropped:,} "
            "dropped are not as many; this is a fault of the product, please report it"
        )
