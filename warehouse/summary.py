"""What there is, for a person: rows per source, customers, segments, files, where to look."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from warehouse.duck import has_table, rows
from warehouse.publish import manifest, open_published
from warehouse.settings import settings


def summary() -> dict[str, Any]:
    """Return counts from the published file and the outbox; no personal data.

    Raises:
        CdpError: nothing was published yet.
    """
    config = settings()
    con = open_published()
    try:
        found: dict[str, Any] = {
            "version": manifest().get("version"),
            "published_at": manifest().get("published_at"),
            "published_file": str(config.published_file),
            "outbox": str(config.outbox),
            "data_docs": str(config.quality_docs / "index.html"),
            "model_cards": str(config.state / "model_cards"),
            "sources": rows(
                con,
                "SELECT source, table_name, count(*) AS files, sum(rows_in)::BIGINT AS rows_in, sum(accepted)::BIGINT AS accepted, "
                "sum(quarantined)::BIGINT AS quarantined, sum(dropped)::BIGINT AS dropped FROM quality.loads GROUP BY ALL ORDER BY ALL",
            ),
            "late": rows(
                con,
                "SELECT source, table_name, newest_arrival_at FROM quality.freshness WHERE NOT is_fresh ORDER BY ALL",
            ),
            "refused_files": rows(
                con, "SELECT source, table_name, file, reason FROM quality.refused_files ORDER BY ALL"
            ),
            "customers": rows(con, "SELECT count(*) AS n FROM marts.customers")[0]["n"],
            "revenue": rows(
                con, "SELECT source, currency, sum(revenue) AS revenue FROM marts.orders GROUP BY ALL ORDER BY ALL"
            ),
            "segments": rows(
                con, "SELECT segment, count(*) AS customers FROM segments.customer_segments GROUP BY ALL ORDER BY ALL"
            ),
            "macro_segments": rows(
                con,
                "SELECT macro_segment, count(*) AS customers FROM segments.macro_segments GROUP BY ALL ORDER BY 2 DESC",
            ),
        }
        if has_table(con, "scores", "model_cards"):
            found["scores"] = rows(
                con, "SELECT score, model_auc, baseline_auc, is_published, reason FROM scores.model_cards"
            )
    finally:
        con.close()
    found["files"] = {
        str(path.relative_to(config.outbox)): max(path.read_bytes().count(b"\n") - 1, 0)
        for path in sorted(config.outbox.glob("*/*/*.csv"))
    }
    return found


def summary_tables(found: dict[str, Any]) -> list[Table]:
    """Return the summary as tables for a terminal."""
    sources = Table("source", "table", "files", "rows in", "accepted", "quarantined", "dropped", title="Sources")
    for row in found["sources"]:
        counts = (f"{row[k]:,}" for k in ("files", "rows_in", "accepted", "quarantined", "dropped"))
        sources.add_row(row["source"], row["table_name"], *counts)
    people = Table("", "customers", title=f"{found['customers']:,} customers")
    for row in found["segments"]:
        people.add_row(f"segment {row['segment']}", f"{row['customers']:,}")
    for row in found["macro_segments"]:
        people.add_row(row["macro_segment"], f"{row['customers']:,}")
    files = Table("audience file", "rows", title="Audience files")
    for path, count in found["files"].items():
        files.add_row(path, f"{count:,}")
    tables = [sources, people, files]
    if found["late"]:
        late = Table("late source", "newest file", title="Not fresh")
        for row in found["late"]:
            late.add_row(f"{row['source']}_{row['table_name']}", f"{row['newest_arrival_at']:%Y-%m-%d %H:%M} UTC")
        tables.insert(1, late)
    if found["refused_files"]:
        refused = Table("file set aside", "why", title="Set aside")
        for row in found["refused_files"]:
            refused.add_row(row["file"], row["reason"])
        tables.insert(1, refused)
    return tables
