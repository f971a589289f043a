"""YAML declarations read with their line numbers, checked by a pydantic model, refused with a sentence.

A wrong declaration is an error that names the file, the line, what was found and what is allowed.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from warehouse.errors import DeclarationError

Location = tuple[str | int, ...]


class Declared(BaseModel):
    """Base of every declaration: unknown keys are errors, values cannot be changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Declared)


#: The parser in C where the package has it: declarations are read at every step, and it is ten times as fast.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]
    """A safe loader that refuses a key written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' is written twice", key_node.start_mark
                )
            seen.add(key)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def _lines(node: yaml.Node, at: Location = ()) -> dict[Location, int]:
    found: dict[Location, int] = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*at, str(key.value))
            found.update(_lines(value, inner))
            found[inner] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found.update(_lines(value, (*at, index)))
    return found


def _sentence(error: Any, model: type[BaseModel]) -> str:
    kind, where = error["type"], ".".join(str(part) for part in error["loc"])
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        allowed = _allowed_keys(model, error["loc"][:-1])
        near = difflib.get_close_matches(key, allowed, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"'{where}' is not known{hint} Allowed: {', '.join(sorted(allowed))}"
    if kind == "missing":
        return f"'{where}' is missing"
    found = error.get("input")
    shown = f"; found {found!r}" if isinstance(found, str | int | float | bool) else ""
    return f"'{where}': {error['msg']}{shown}"


def _allowed_keys(model: type[BaseModel], loc: Location) -> list[str]:
    current: Any = model
    for part in loc:
        fields = getattr(current, "model_fields", {})
        if part in fields:
            current = fields[str(part)].annotation
        inner = [a for a in getattr(current, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)]
        if inner:
            current = inner[0]
    return list(getattr(current, "model_fields", model.model_fields))


def load(path: Path, model: type[Model]) -> Model:
    """Read one declaration.

    Raises:
        DeclarationError: the file is not there, the YAML cannot be read or does not fit the model; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise DeclarationError(f"{path.name} is not there; a declaration in YAML was expected") from None
    except UnicodeDecodeError:
        raise DeclarationError(f"{path.name} is not text in UTF-8; save it as UTF-8") from None
    found: Model = _read(path.name, text, model)
    return found


@lru_cache(maxsize=4096)
def _read(name: str, text: str, model: type[Model]) -> Model:
    """Read the text of a declaration; the same text is read once, since what it declares cannot be changed."""
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeclarationError(f"{name}, line {line}: not valid YAML: {error.problem}") from None
    if not isinstance(value, dict):
        raise DeclarationError(f"{name}, line 1: expected a mapping of keys, found {type(value).__name__}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        node = yaml.compose(text, Loader=_Loader)
        lines = _lines(node) if node is not None else {}
        problems = []
        for problem in error.errors():
            loc: Location = tuple(problem["loc"])
            while loc and loc not in lines:
                loc = loc[:-1]
            problems.append(f"{name}, line {lines.get(loc, 1)}: {_sentence(problem, model)}")
        raise DeclarationError("\n".join(problems)) from None


def load_folder(folders: tuple[Path, ...], model: type[Model]) -> list[tuple[Path, Model]]:
    """Read every `*.yml` of some folders, sorted by name.

    Raises:
        DeclarationError: a folder is missing, or a declaration is wrong.
    """
    found: list[tuple[Path, Model]] = []
    for folder in folders:
        if not folder.is_dir():
            raise DeclarationError(f"folder of declarations not found: {folder.name}")
        found += [(path, load(path, model)) for path in sorted(folder.glob("*.yml"))]
    return found
