"""`cdp resolve`: who is who in any tables."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


@click.command("resolve")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--roles", required=True, type=click.Path(path_type=Path), help="YAML: which columns play which role.")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="Folder for what is found.")
@click.option(
    "--truth", type=click.Path(path_type=Path), default=None, help="CSV: source, record_id, person_id[, household_id]."
)
def resolve(files: tuple[Path, ...], roles: Path, folder: Path, truth: Path | None) -> None:
    """Resolve the people (or, with `entity: company`, the companies) in any tables; no labels and no settings but the columns' roles.

    Tables are CSV in any encoding, Parquet, JSON (lines or a list) or workbooks.

    Writes clusters.parquet, links.parquet (with the evidence in words), report.html, figures.json and model.json.
    """
    from identity.resolve import resolve_tables

    with err.status("resolving"):
        found = resolve_tables(list(files), roles, folder, truth)
    several = "companies" if found.entity == "company" else "people"
    out.print(
        f"{found.records:,} records are {found.clusters:,} {several} and {found.excluded:,} that nothing can be recognised by; "
        f"the largest group has {found.largest} records"
    )
    if found.not_trained:
        err.print(f"[yellow]linked by the shipped numbers:[/] {found.not_trained}", highlight=False)
    if found.figures:
        table = Table("", "precision", "recall", "F1", title="against the truth")
        for kind in ("pairwise", "between_sources", "b_cubed", "cluster"):
            table.add_row(
                kind.replace("_", " "), *(f"{found.figures[kind][k]:.4f}" for k in ("precision", "recall", "f1"))
            )
        out.print(table)
        out.print(f"household false merges: {found.figures['household_false_merge_rate']:.2%} of links")
    out.print(f"look at {folder / 'report.html'}")
