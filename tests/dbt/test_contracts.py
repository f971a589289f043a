"""A model that is not what it declares stops the build, and says in which columns or by which key; what stood before stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.duck import connect
from warehouse.errors import GateFailed
from warehouse.settings import settings
from warehouse.transform import run_dbt

RIGHT = "select 1::bigint as thing_id, 2.50::decimal(18, 2) as price_usd"
WRONG = {
    "other_type": ("select 9::bigint as thing_id, 'nine' as price_usd", "price_usd VARCHAR"),
    "one_more": ("select 9::bigint as thing_id, 2.5::decimal(18, 2) as price_usd, 0 as more", "more INTEGER"),
    "one_less": ("select 9::bigint as thing_id", "price_usd DECIMAL(18,2)"),
}
DECLARED = """\
  - name: {name}
    description: Things that are counted.
    config: {{materialized: {materialized}, schema: marts, contract: {{enforced: true}}}}
    columns:
      - {{name: thing_id, data_type: bigint, description: Which thing. It's one.}}
      - {{name: price_usd, data_type: 'decimal(18, 2)', description: What it costs.}}
"""


def test_contracts_are_held_and_tables_and_views_take_each_others_place(workspace: Path, tmp_path: Path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("CDP_DBT_MODELS", str(own))
    settings().working_file.parent.mkdir(parents=True, exist_ok=True)

    def build(models: dict[str, str], materialized: str = "table") -> None:
        for name, sql in models.items():
            (own / f"{name}.sql").write_text(sql, encoding="utf-8")
        declared = (DECLARED.format(name=name, materialized=materialized) for name in models)
        (own / "models.yml").write_text("models:\n" + "".join(declared), encoding="utf-8")
        run_dbt("build", "--select", *models)

    def rows(query: str) -> list[tuple]:
        with connect(settings().working_file) as connection:
            return connection.execute(query).fetchall()

    build(dict.fromkeys((*WRONG, "turns"), RIGHT))
    with pytest.raises(GateFailed, match="3 failed"):
        # The order of columns is the model's own.
        build(
            {name: sql for name, (sql, _) in WRONG.items()}
            | {"turns": "select 3::decimal(18, 2) as price_usd, 2::bigint as thing_id"},
            "view",
        )
    said = (settings().state / "dbt" / "last_output.txt").read_text(encoding="utf-8")
    for name, (_, column) in WRONG.items():
        assert column in said
        assert rows(f"select thing_id from marts.{name}") == [(1,)]
    kind = "select table_type from information_schema.tables where table_name = 'turns'"
    assert (rows("select thing_id from marts.turns"), rows(kind)) == ([(2,)], [("VIEW",)])
    for name in WRONG:
        (own / f"{name}.sql").unlink()
    build({"turns": RIGHT})
    assert (rows("select thing_id from marts.turns"), rows(kind)) == ([(1,)], [("BASE TABLE",)])
    assert rows("select comment from duckdb_columns() where table_name = 'turns' and column_name = 'thing_id'") == [
        ("Which thing. It's one.",)
    ]


KEYED = """\
  - name: {name}
    description: Things that are counted.
    config: {{materialized: {materialized}, schema: marts}}
    constraints:
      - {{type: unique, columns: [kind, size]}}
      - {{type: check, expression: "size < 9 or kind = 'large'"}}
      - {{type: not_null, columns: [kind]}}
    columns:
      - name: thing_id
        description: Which thing.
        constraints: [{{type: primary_key}}]
      - name: kind
        description: What it is.
        constraints: [{{type: check, expression: "kind in ('small', 'large')"}}]
      - name: size
        description: How large it is.
      - name: place
        description: Where it is.
        constraints: [{{type: not_null}}]
"""
KEPT = [(1, "small", 1, "shelf"), (2, "small", 2, "shelf"), (3, "large", None, "yard")]
BROKEN = {
    "no_key": ((None, "large", 3, "yard"), "key of marts.no_key: (thing_id) is twice or null for 1 values"),
    "key_twice": ((2, "large", 3, "yard"), "key of marts.key_twice: (thing_id) is twice or null for 1 values"),
    "pair_twice": ((4, "small", 2, "yard"), "key of marts.pair_twice: (kind, size) is twice for 1 values"),
    "not_filled": ((4, None, 3, None), "marts.not_filled has empty cells: kind in 1 rows, place in 1 rows"),
    "other_kind": ((4, "middle", 3, "yard"), "marts.other_kind: 1 rows break: kind in ('small', 'large')"),
    "out_of_rule": ((4, "small", 9, "yard"), "marts.out_of_rule: 1 rows break: size < 9 or kind = 'large'"),
}


@pytest.mark.parametrize(("materialized", "language"), [("table", "sql"), ("view", "sql"), ("table", "py")])
def test_keys_and_rules_are_held_by_what_is_built(workspace: Path, tmp_path: Path, monkeypatch, materialized, language):
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("CDP_DBT_MODELS", str(own))
    settings().working_file.parent.mkdir(parents=True, exist_ok=True)

    def build(rows_of: dict[str, list[tuple]]) -> None:
        for name, rows in rows_of.items():
            cells = ", ".join(str(row).replace("None", "null") for row in rows)
            code = f"select * from (values {cells}) as t (thing_id, kind, size, place)"
            if language == "py":
                code = f'def model(dbt, session):\n    return session.sql("""{code}""")\n'
            (own / f"{name}.{language}").write_text(code, encoding="utf-8")
        declared = (KEYED.format(name=name, materialized=materialized) for name in rows_of)
        (own / "models.yml").write_text("models:\n" + "".join(declared), encoding="utf-8")
        run_dbt("build", "--select", *rows_of)

    build(dict.fromkeys(BROKEN, KEPT))
    with pytest.raises(GateFailed, match="6 failed"):
        build({name: [*KEPT, row] for name, (row, _) in BROKEN.items()})
    said = (settings().state / "dbt" / "last_output.txt").read_text(encoding="utf-8")
    with connect(settings().working_file) as connection:
        for name, (_, sentence) in BROKEN.items():
            assert sentence in said
            assert connection.execute(f"select * from marts.{name} order by all").fetchall() == KEPT


def test_a_union_with_a_companys_own_source_is_asked_for_its_key(workspace: Path, tmp_path: Path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    (own / "int_email_events__own.sql").write_text(
        "select 'own:1' as email_event_id, 'own:all' as campaign_id, 'own' as message_id from range(2)",
        encoding="utf-8",
    )
    monkeypatch.setenv("CDP_DBT_MODELS", str(own))
    monkeypatch.setenv("CDP_DBT_VARS", '{"conformed": {"email_events": ["own"]}}')
    settings().working_file.parent.mkdir(parents=True, exist_ok=True)
    with pytest.raises(GateFailed, match="1 failed"):
        run_dbt("build", "--select", "int_email_events__own", "int_email_events__unioned")
    said = (settings().state / "dbt" / "last_output.txt").read_text(encoding="utf-8")
    assert "key of intermediate.int_email_events__unioned: (email_event_id) is twice or null for 1 values" in said
