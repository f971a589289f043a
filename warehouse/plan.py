"""What a whole build ran, in the form in which a part of it is run again (`warehouse.parts`).

In: dbt's manifest. Out: its models, views, seeds and tests as nodes with the SQL that dbt compiled and what `meta` of each says, kept in
`state/dbt/parts.json`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from warehouse import files
from warehouse.duck import name
from warehouse.errors import DeclarationError
from warehouse.settings import settings

#: What is written down for a part is told in this way; raised where another version could not read it, so that its next build is whole.
METHOD = 2
#: What `part_by` may be: whose rows are replaced, by the column of the model that says whose a row is.
SCOPES = {
    "customer_id": "customers",
    "subject_id": "customers",
    "anonymous_id": "devices",
    "session_id": "sessions",
    "order_id": "orders",
    "care_account_id": "care_accounts",
}
#: What `cuts` may be: sources whose rows of customers touched tell which orders and invoices are touched.
CUTS = ("orders", "invoices")
#: What a relation that does nothing but put others together is made of, a line for each.
PUT = re.compile(r'\s*select \* from "\w+"\."(\w+)"\."(\w+)"\s*', re.I)


@dataclass
class Node:
    """One model or test, as dbt compiled it. `parents` are places (`schema.table`) that it reads; the rest is said in `meta` (decision 0029)."""

    id: str
    place: str
    kind: str
    code: str
    parents: tuple[str, ...] = ()
    part_by: str = ""
    part_scope: str = ""
    part_of_all: bool = False
    stands: bool = False
    comes_first: bool = False
    linked_by: tuple[str, ...] = ()
    told_by: tuple[str, ...] = ()
    cuts: str = ""
    turns: str = ""
    unique_key: str = ""
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_part(self) -> bool:
        """Tell whether the model is built of the rows of customers touched alone."""
        return bool(self.part_by) and not self.part_of_all

    @property
    def reads_identity_alone(self) -> bool:
        """Tell whether nothing but identity's tables is read."""
        return all(p.startswith("identity.") for p in self.parents)

    @property
    def pieces(self) -> tuple[str, ...]:
        """Return the places of the relations that it does nothing but put together; its own where it does more."""
        found = [PUT.fullmatch(one) for one in re.split("union all by name", self.code, flags=re.I)]
        return tuple(f"{one[1]}.{one[2]}" for one in found if one) if all(found) else (self.place,)


@dataclass
class Plan:
    """What a whole build ran, in the form in which a part of it is run again."""

    base: str
    catalog: str
    nodes: list[Node] = field(default_factory=list)
    method: int = METHOD


def _plan_path() -> Path:
    return settings().state / "dbt" / "parts.json"


def forget_plan() -> None:
    """Let no part be built on what the last whole build knew: the tables will not be those of that time."""
    _plan_path().unlink(missing_ok=True)


def plan_of(base: str, catalog: str, manifest: dict[str, Any]) -> Plan:
    """Return what dbt's manifest says of models, views, seeds and tests, and write it down for the next build.

    Raises:
        DeclarationError: `meta` of a model says what is not known.
    """
    plan = Plan(base, catalog, _nodes(manifest))
    files.write_json(_plan_path(), asdict(plan))
    return plan


def _nodes(manifest: dict[str, Any]) -> list[Node]:
    places = {}
    for unique_id, source in manifest["sources"].items():
        places[unique_id] = f"{source['schema']}.{source['identifier']}"
    for unique_id, node in manifest["nodes"].items():
        places[unique_id] = f"{node['schema']}.{node['alias']}"
    nodes = []
    for unique_id, node in manifest["nodes"].items():
        kind = {"model": node["config"]["materialized"], "test": "test"}.get(node["resource_type"], "")
        if not kind or (kind == "test" and not node.get("compiled_code")):
            continue
        if kind == "table" and node["language"] == "python":
            kind = "python"
        meta = node["config"].get("meta") or {}
        said = (
            [(c, [c_name]) for c_name, column in node["columns"].items() for c in column["constraints"]]
            if kind != "test"
            else []
        )
        said += [(c, c["columns"]) for c in node.get("constraints") or []]
        rules = [
            (c["type"], tuple(columns if c["type"] != "check" else [c["expression"]]))
            for c, columns in said
            if c["type"] in ("primary_key", "unique", "not_null", "check")
        ]
        code = node["raw_code"] if kind == "python" else node.get("compiled_code")
        parents = {places[p] for p in node["depends_on"]["nodes"] if p in places}
        part_by, cuts = meta.get("part_by", ""), meta.get("cuts", "")
        for key, value, allowed in (("part_by", part_by, SCOPES), ("cuts", cuts, CUTS)):
            if value and value not in allowed:
                raise DeclarationError(
                    f"{node.get('patch_path') or node['original_file_path']}: meta {key} of {node['name']} is '{value}'; "
                    f"allowed: {', '.join(allowed)}"
                )
        nodes.append(
            Node(
                id=unique_id, place=places[unique_id], kind=kind, code=code or "", parents=tuple(sorted(parents)), part_by=part_by,
                part_scope=meta.get("part_scope") or SCOPES.get(part_by, ""), part_of_all=bool(meta.get("part_of_all")),
                stands=bool(meta.get("stands")), comes_first=bool(meta.get("comes_first")), linked_by=tuple(meta.get("linked_by", ())),
                told_by=tuple(meta.get("told_by", ())), cuts=cuts, turns=meta.get("turns", ""),
                unique_key=str(node["config"].get("unique_key") or ""), rules=tuple(rules),
            )
        )  # fmt: skip
    return nodes


def read_plan() -> Plan | None:
    """Return what the last whole build ran, or None where a part may not be built."""
    path = _plan_path()
    if not path.exists():
        return None
    told = files.read_json(path)
    if told.get("method") != METHOD:
        return None
    nodes = [
        Node(
            **{
                **n,
                "parents": tuple(n["parents"]),
                "linked_by": tuple(n["linked_by"]),
                "told_by": tuple(n["told_by"]),
                "rules": tuple((k, tuple(c)) for k, c in n["rules"]),
            }
        )
        for n in told["nodes"]
    ]
    return Plan(told["base"], told["catalog"], nodes)


def flat(place: str) -> str:
    """Return a table's place as one word."""
    return re.sub(r"\W", "_", place)


def within(catalog: str, place: str) -> str:
    """Return what to call a place (`schema.table`) of a database."""
    return name(catalog, *place.split(".", 1))
