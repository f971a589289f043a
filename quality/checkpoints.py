"""Great Expectations on bronze and on what is about to be published, with Data Docs.

In: the working file; suites in `quality/suites/*.yml`, and one suite per source table made from its contract. Out:
`quality.checks`, Data Docs below `data/quality`. What stays true: all suites of a run go through one process (the library
takes seconds to load); frames are bounded; the docs hold counts, never a customer's value.
"""

from __future__ import annotations

import html
import logging
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import ConfigDict

from quality.contract import load_contracts
from warehouse import files, lake
from warehouse.declarations import Declared, load_folder
from warehouse.duck import has_table, name
from warehouse.errors import GateFailed, edge
from warehouse.faults import fault
from warehouse.settings import settings
from warehouse.steps import StepResult, step

#: Rows of a table that are looked at; larger tables are sampled, the same way each time.
MAX_ROWS = 50_000

#: Counts only: no value of a row reaches a result or a page.
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0, "include_unexpected_rows": False}


class Expectation(Declared):
    """One expectation, named as the library names it; other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    expect: str
    severity: Literal["critical", "warning", "info"] = "critical"

    def arguments(self) -> dict[str, Any]:
        """Return the library's arguments."""
        return dict(self.model_extra or {})


class Suite(Declared):
    """A suite over one table of the working file."""

    table: str
    description: str
    expectations: tuple[Expectation, ...]


#: Arguments of expectations that name a column.
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


def _expect(expectation: str, **arguments: Any) -> Expectation:
    return Expectation.model_validate({"expect": expectation, **arguments})


def suites() -> list[tuple[str, Suite]]:
    """Return all suites by name: one per source contract, then the declared ones.

    Raises:
        DeclarationError: a suite is wrong.
    """
    made = []
    for contract in load_contracts().values():
        found = [
            _expect("expect_column_values_to_not_be_null", column=c)
            for c in contract.key
            if c in contract.columns and contract.columns[c].required
        ]
        found += [
            _expect("expect_column_values_to_be_in_set", column=c, value_set=list(column.allowed))
            for c, column in contract.columns.items()
            if column.allowed
        ]
        if len(contract.key) == 1:
            found.append(_expect("expect_column_values_to_be_unique", column=contract.key[0]))
        elif all(c in contract.columns for c in contract.key):
            found.append(_expect("expect_compound_columns_to_be_unique", column_list=list(contract.key)))
        made.append(
            (
                f"bronze_{contract.name}",
                Suite(table=f"bronze.{contract.name}", description=contract.description, expectations=tuple(found)),
            )
        )
    declared = [(path.stem, suite) for path, suite in load_folder((Path(__file__).parent / "suites",), Suite)]
    return made + declared


def run_suites(con: duckdb.DuckDBPyConnection) -> StepResult:
    """Run all suites, replace `quality.checks`, rebuild the Data Docs.

    Raises:
        GateFailed: a critical expectation does not hold; the message names suite and expectation.
    """
    with step("check") as result, edge("quality"):
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        import great_expectations as gx

        root = settings().quality_docs
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        # In memory: with a project of files the library writes its whole configuration again for every suite.
        context = gx.get_context(mode="ephemeral")
        site = {
            "class_name": "SiteBuilder",
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(_site())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
        for known in list(context.get_site_names()):
            context.delete_data_docs_site(known)
        context.add_data_docs_site("local_site", site)
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("clientela")
        rows: list[tuple[object, ...]] = []
        for suite_name, suite in suites():
            schema, table = suite.table.split(".")
            if not has_table(con, schema, table):
                continue
            rows += _validated(gx, context, source, con, suite_name, suite)
        rows += _broken_stops()
        context.build_data_docs()
        _write_index(rows)
        lake.replace_table(
            con, "quality", "checks", rows,
            "suite VARCHAR, table_name VARCHAR, expectation VARCHAR, column_name VARCHAR, severity VARCHAR, "
            "is_success BOOLEAN, rows_checked BIGINT, unexpected_rows BIGINT",
        )  # fmt: skip
        fault("check.after_docs")
        failed = [row for row in rows if not row[5]]
        critical = [row for row in failed if row[4] == "critical"]
        result.rows_in, result.rows_out = len(rows), len(rows) - len(failed)
        result.facts = {"failed": len(failed), "critical": len(critical)}
        if critical:
            named = "; ".join(f"{row[0]}: {row[2]} on {row[3]} ({row[7]} rows)" for row in critical[:5])
            raise GateFailed(f"{len(critical)} critical checks failed, nothing is published: {named}")
    return result


def _broken_stops() -> list[tuple[object, ...]]:
    """Return a critical check for each rule with `on_fail: stop` that does not hold in the rows a table shows now."""
    found: list[tuple[object, ...]] = []
    for contract in load_contracts().values():
        loads = lake.loads(contract.name, contract.version)
        if contract.load == "full":
            loads = lake.newest_of_each_series(loads, contract.series)
        for rule in contract.rules:
            if rule.on_fail == "stop":
                broken = sum(load.stops.get(rule.name, 0) for load in loads)
                total = sum(load.accepted for load in loads)
                found.append(
                    (
                        f"bronze_{contract.name}",
                        f"bronze.{contract.name}",
                        f"rule {rule.name}",
                        None,
                        "critical",
                        not broken,
                        total,
                        broken,
                    )
                )
    return found


def data_docs() -> Path:
    """Return the page to begin with: every suite with its result and a link to its page of the Data Docs."""
    return settings().quality_docs / "index.html"


def _site() -> Path:
    return settings().quality_docs / "data_docs"


def _write_index(rows: list[tuple[object, ...]]) -> None:
    """Write a first page that needs no network; the library's own fills its lists with scripts from elsewhere."""
    site = _site()
    lines = []
    for suite in sorted({str(row[0]) for row in rows}):
        mine = [row for row in rows if row[0] == suite]
        held = sum(bool(row[5]) for row in mine)
        page = next(iter(sorted(site.glob(f"validations/{suite}/**/*.html"))), site / "index.html")
        link = page.relative_to(settings().quality_docs).as_posix()
        mark = "✓" if held == len(mine) else "✗"
        lines.append(
            f'<tr><td>{mark}</td><td><a href="{html.escape(link)}">{html.escape(suite)}</a></td>'
            f"<td>{html.escape(str(mine[0][1]))}</td><td>{held} / {len(mine)}</td></tr>"
        )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Clientela: data quality</title><style>'
        "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem}table{border-collapse:collapse;width:100%}"
        "td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d9d5cb}</style></head><body><h1>Data quality</h1>"
        "<table><thead><tr><th></th><th>suite</th><th>table</th><th>expectations held</th></tr></thead><tbody>"
        + "".join(lines)
        + "</tbody></table></body></html>\n"
    )
    files.write_bytes(data_docs(), text.encode())


def _validated(
    gx: Any, context: Any, source: Any, con: duckdb.DuckDBPyConnection, suite_name: str, suite: Suite
) -> list[tuple[object, ...]]:
    named = [e.arguments() for e in suite.expectations]
    columns = sorted(
        {str(c) for a in named for c in [*a.get("column_list", []), *(a.get(k) for k in COLUMN_ARGUMENTS)] if c}
    )
    listed = ", ".join(name(c) for c in columns) or "*"
    frame = con.sql(
        f"SELECT {listed} FROM {name(*suite.table.split('.'))} USING SAMPLE reservoir({MAX_ROWS} ROWS) REPEATABLE (7)"
    ).df()
    definition = source.add_dataframe_asset(suite_name).add_batch_definition_whole_dataframe("all")
    made = context.suites.add(gx.ExpectationSuite(name=suite_name))
    for expectation in suite.expectations:
        kind = "".join(part.capitalize() for part in expectation.expect.split("_"))
        made.add_expectation(getattr(gx.expectations, kind)(severity=expectation.severity, **expectation.arguments()))
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=suite_name, data=definition, suite=made)
    )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=suite_name,
            validation_definitions=[validation],
            # The docs are built once, at the end: an action would build them again after each suite.
            result_format=RESULT_FORMAT,
        )
    )
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    rows: list[tuple[object, ...]] = []
    for run in outcome.run_results.values():
        for found in run.results:
            config = found.expectation_config
            detail = found.result or {}
            column = config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list") or []) or None
            rows.append((
                suite_name, suite.table, config.type, column, str(getattr(config.severity, "value", config.severity)),
                bool(found.success), int(detail.get("element_count") or frame.shape[0]), int(detail.get("unexpected_count") or 0),
            ))  # fmt: skip
    return rows
