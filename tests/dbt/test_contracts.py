"""A model that is not what it declares stops the build, and says in which columns; what stood before stays."""

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
