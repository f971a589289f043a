"""Rules over columns: who is in an audience, as a tree of all, any and not, compiled to SQL with bound values.

A leaf names a column and one condition. Values are bound, never pasted; columns are checked against those that exist, and a value
against the column's type, before anything runs. Null is no answer: a customer whose column is null is in by `is_known: false` only.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import duckdb
from pydantic import Field, model_validator

from warehouse.declarations import Declared
from warehouse.duck import name
from warehouse.errors import DeclarationError

#: Condition: what types of columns it fits, its SQL with one place per value, and its words in both languages.
CONDITIONS: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "is": (("text", "number", "flag", "date"), "{c} = {v}", "is {v}", "es {v}"),
    "is_not": (("text", "number", "flag", "date"), "{c} <> {v}", "is not {v}", "no es {v}"),
    "one_of": (("text", "number"), "{c} IN ({v})", "is one of {v}", "es uno de {v}"),
    "none_of": (("text", "number"), "{c} NOT IN ({v})", "is none of {v}", "no es ninguno de {v}"),
    "over": (("number",), "{c} > {v}", "is over {v}", "es mayor que {v}"),
    "at_least": (("number",), "{c} >= {v}", "is at least {v}", "es al menos {v}"),
    "under": (("number",), "{c} < {v}", "is under {v}", "es menor que {v}"),
    "at_most": (("number",), "{c} <= {v}", "is at most {v}", "es a lo sumo {v}"),
    "between": (("number",), "{c} BETWEEN {v} AND {v}", "is between {v}", "está entre {v}"),
    "has": (("list",), "list_contains({c}, {v})", "has {v}", "incluye {v}"),
    "is_known": (("text", "number", "flag", "date", "list"), "({c} IS NOT NULL) = {v}", "is known: {v}", "se conoce: {v}"),
    "within_days": (("date",), "{day} - {c}::DATE BETWEEN 0 AND {v}", "was in the last {v} days", "fue en los últimos {v} días"),
    "days_ago": (("date",), "{day} - {c}::DATE BETWEEN {v} AND {v}", "was {v} days ago", "fue hace {v} días"),
    "older_than_days": (("date",), "{day} - {c}::DATE > {v}", "was more than {v} days ago", "fue hace más de {v} días"),
}  # fmt: skip
#: How many values a condition takes; those that are not here take one.
VALUES = {"between": 2, "days_ago": 2}
LISTS = ("one_of", "none_of")

Scalar = bool | int | float | str


class Rule(Declared):
    """A leaf (a column and one condition), or all, any or not of rules."""

    all_of: tuple[Rule, ...] = Field(default=(), alias="all")
    any_of: tuple[Rule, ...] = Field(default=(), alias="any")
    none_true: Rule | None = Field(default=None, alias="not")
    column: str | None = None
    equals: Scalar | None = Field(default=None, alias="is")
    differs: Scalar | None = Field(default=None, alias="is_not")
    one_of: tuple[Scalar, ...] = ()
    none_of: tuple[Scalar, ...] = ()
    over: float | None = None
    at_least: float | None = None
    under: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None
    has: str | None = None
    is_known: bool | None = None
    within_days: int | None = Field(default=None, ge=0)
    days_ago: tuple[int, int] | None = None
    older_than_days: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_shape(self) -> Rule:
        shapes = [bool(self.all_of), bool(self.any_of), self.none_true is not None, self.column is not None]
        if sum(shapes) != 1:
            raise ValueError("a rule is one of: all, any, not, or a column with one condition")
        said = [c for c in CONDITIONS if self._value(c) not in (None, ())]
        if self.column is not None and len(said) != 1:
            found = ", ".join(said) or "none"
            raise ValueError(
                f"column '{self.column}' wants one condition, found {found}; allowed: {', '.join(CONDITIONS)}"
            )
        if self.column is None and said:
            raise ValueError(f"'{said[0]}' stands without a column")
        return self

    def _value(self, condition: str) -> Any:
        return getattr(self, {"is": "equals", "is_not": "differs"}.get(condition, condition))

    @property
    def condition(self) -> tuple[str, tuple[Any, ...]]:
        """Return the condition of a leaf and its values."""
        found = next(c for c in CONDITIONS if self._value(c) not in (None, ()))
        value = self._value(found)
        return found, tuple(value) if isinstance(value, tuple) else (value,)

    def columns(self) -> set[str]:
        """Return every column that the tree names."""
        if self.column is not None:
            return {self.column}
        return {c for rule in self._parts() for c in rule.columns()}

    def _parts(self) -> tuple[Rule, ...]:
        return (*self.all_of, *self.any_of, *((self.none_true,) if self.none_true else ()))

    def sql(self, columns: Mapping[str, str], as_of: str, values: list[Any]) -> str:
        """Return the condition as SQL; its values are put on the list, in the order of their places.

        Args:
            columns: SQL type of each column that may be named; keys may be written with their table, `c.orders_count`.
            as_of: SQL of the day that days are counted from.
            values: takes the values to bind.

        Raises:
            DeclarationError: a column is not there, or a condition does not fit its type; names the nearest and what is allowed.
        """
        if self.column is None:
            inside = [rule.sql(columns, as_of, values) for rule in self._parts()]
            if self.none_true is not None:
                return f"NOT coalesce({inside[0]}, false)"
            return "(" + (" AND " if self.all_of else " OR ").join(inside) + ")"
        found = columns.get(self.column)
        if found is None:
            near = difflib.get_close_matches(self.column, list(columns), n=1)
            raise DeclarationError(
                f"column '{self.column}' is not there" + (f"; did you mean '{near[0]}'?" if near else "")
            )
        condition, given = self.condition
        fits, sql, _, _ = CONDITIONS[condition]
        kind = kind_of(found)
        if kind not in fits:
            allowed = ", ".join(c for c, (kinds, *_) in CONDITIONS.items() if kind in kinds)
            raise DeclarationError(
                f"column '{self.column}' is a {kind}, '{condition}' does not fit it; allowed: {allowed}"
            )
        for value in given:
            _check(self.column, kind, condition, value)
        values += given
        if condition in LISTS:
            return sql.format(c=name(self.column), v=", ".join("?" for _ in given))
        return sql.replace("{v}", "?").format(c=name(self.column), day=as_of)

    def words(self, language: str) -> str:
        """Return the rule in plain words, `en` or `es`."""
        spanish = language == "es"
        if self.column is None:
            inside = [rule.words(language) for rule in self._parts()]
            if self.none_true is not None:
                return f"{'no es cierto que' if spanish else 'it is not so that'} {inside[0]}"
            joined = {(True, True): " y ", (True, False): " and ", (False, True): " o ", (False, False): " or "}
            return "(" + joined[bool(self.all_of), spanish].join(inside) + ")"
        condition, given = self.condition
        _, _, english, castellano = CONDITIONS[condition]
        text = castellano if spanish else english
        between = " y " if spanish else " and "
        told = (between if condition in VALUES else ", ").join(_shown(v, spanish) for v in given)
        return f"{self.column} {text.replace('{v}', told)}"


def kind_of(sql_type: str) -> str:
    """Return text, number, flag, date or list for a type of DuckDB."""
    base = sql_type.upper()
    if base.endswith("[]"):
        return "list"
    if base == "BOOLEAN":
        return "flag"
    if base.startswith(("DATE", "TIMESTAMP")):
        return "date"
    return "text" if base.startswith(("VARCHAR", "ENUM")) else "number"


def _check(column: str, kind: str, condition: str, value: Any) -> None:
    if condition in ("within_days", "days_ago", "older_than_days", "is_known", "has"):
        return
    fits = {
        "text": isinstance(value, str),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "flag": isinstance(value, bool),
        "date": isinstance(value, str),
    }[kind]
    if not fits:
        raise DeclarationError(f"column '{column}' is a {kind}; '{condition}' compares it with {value!r}")


def _shown(value: Any, spanish: bool) -> str:
    if isinstance(value, bool):
        return {(True, True): "sí", (False, True): "no", (True, False): "yes", (False, False): "no"}[value, spanish]
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value).replace(".", ",") if spanish and isinstance(value, float) else str(value)


def holds(
    con: duckdb.DuckDBPyConnection, rule: Rule, columns: Mapping[str, str], row: Mapping[str, Any], day: str
) -> bool:
    """Tell whether a rule holds for a row made up of some columns, the others being null.

    Raises:
        DeclarationError: the row names a column that is not there, or the rule is wrong.
    """
    for column in row:
        if column not in columns:
            near = difflib.get_close_matches(column, list(columns), n=1)
            raise DeclarationError(
                f"example: column '{column}' is not there" + (f"; did you mean '{near[0]}'?" if near else "")
            )
    listed = ", ".join(
        f"?::{columns[c]} AS {name(c)}" if c in row else f"NULL::{columns[c]} AS {name(c)}" for c in columns
    )
    bound = [row[c] for c in columns if c in row]
    values: list[Any] = []
    condition = rule.sql(columns, "as_of.d", values)
    found = con.execute(
        f"SELECT coalesce({condition}, false) FROM (SELECT {listed}) AS one, (SELECT CAST(? AS DATE) AS d) AS as_of",
        [*values, *bound, day],
    ).fetchall()
    return bool(found[0][0])
