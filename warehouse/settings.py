"""Every setting of the product; the only reader of the environment.

| variable | meaning | default |
|---|---|---|
| `CDP_HOME` | folder of the checkout or of the company's project | the folder that holds the rooms |
| `CDP_DATA` | where lake, warehouse, outbox and state live | `$CDP_HOME/data` |
| `CDP_INBOX` | where exports arrive, one folder a system | `$CDP_DATA/inbox` |
| `CDP_SOURCES` | folders with source declarations, separated by `:` | `ingest/sources` |
| `CDP_AUDIENCES` | folders with audience declarations, separated by `:` | `activation/audiences` |
| `CDP_CAMPAIGNS` | folders with campaigns, separated by `:` | `activation/campaigns`; none where `CDP_AUDIENCES` is set |
| `CDP_CONVERSIONS` | declaration of conversions that are told to ad platforms | `activation/conversions.yml` |
| `CDP_DECISIONS` | declaration of the decision feed | `activation/decisions.yml` |
| `CDP_JOURNEYS` | folders with journeys, separated by `:` | `activation/journeys`; none where `CDP_AUDIENCES` is set |
| `CDP_DBT_MODELS` | one more folder of dbt models (own sources), relative to `dbt_project` or absolute | none |
| `CDP_DBT_VARS` | JSON merged into dbt's vars | `{}` |
| `CDP_OPERATIONS_URL` | SQLAlchemy URL of the operations database | SQLite in `$CDP_DATA/state` |
| `CDP_WHOLE_BUILD_DAYS` | days after a whole build in which a build may build only what was touched since; empty: every build is whole | none |
| `CDP_AS_OF` | date the metrics are computed for | newest day with data |
| `CDP_NOW` | a fixed clock, ISO 8601 | the real clock |
| `CDP_MEMORY_LIMIT`, `CDP_THREADS` | bounds of DuckDB | `3GB`, number of cores |
| `CDP_IDENTITY_ENGINE` | `duckdb`, or `spark`: where all pairs of a full run are scored | `duckdb` |
| `CDP_SPARK_MASTER` | Spark master | `local[*]` |
| `CDP_SPARK_DIR` | folder that this machine and all of Spark's see, for what passes between them | a temporary one |
| `CDP_MAX_FILE_GB` | largest expanded export that is read | `20` |
| `CDP_SENTIMENT` | how texts are judged: `vectors`, or `lexicon` where a processor cannot make them | `vectors` |
| `CDP_SETTLE_S` | seconds without change after which an arrived file counts as whole | `2` |
| `CDP_ARRIVALS` | folders with declarations of remote stores, separated by `:` | `ingest/arrivals` |
| `CDP_ALERT_WEBHOOK` | URL that drift and failures are posted to | none |
| `CDP_ALERT_EMAIL` | addresses that they are mailed to, separated by `,` | none |
| `CDP_SMTP_URL` | `smtp://user:password@host:port` of the mail server | `smtp://127.0.0.1:25` |
| `CDP_OIDC_ISSUER`, `CDP_OIDC_CLIENT_ID`, `CDP_OIDC_CLIENT_SECRET` | the company's own sign-in for the page (OpenID Connect) | none |
| `CDP_OIDC_ROLES_CLAIM` | claim of its token that lists roles of the page | none: roles are given here |
| `CDP_LOCALE_ES`, `CDP_LOCALE_EN` | how the page writes numbers, dates and money | `es_MX`, `en_US` |
| `CDP_SMALL_GROUP` | groups of fewer people are not shown in charts | `10` |
| `CDP_DOWNLOAD_ROWS` | rows of a downloaded file beyond which a second person must agree | `50000` |
| `CDP_PAGE_MEMORY` | memory of DuckDB in the page's process | `700MB` |
| `CDP_HASH_KEY` | key of pseudonyms in the masked copy of the published file | a key made once in `$CDP_DATA/state` |
| `CDP_FAULT` | `point:kill` or `point:raise`, for tests | none |
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

# Arrow warns about buffers of decimals that are aligned to 8 bytes only, and reads them all the same.
os.environ.setdefault("ACERO_ALIGNMENT_HANDLING", "ignore")

ROOMS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """What the environment says, with paths resolved. Built anew on each call of :func:`settings`."""

    home: Path
    data: Path
    inbox: Path
    source_dirs: tuple[Path, ...]
    audience_dirs: tuple[Path, ...]
    campaign_dirs: tuple[Path, ...]
    conversions_file: Path
    decisions_file: Path
    journey_dirs: tuple[Path, ...]
    dbt_models: Path | None
    dbt_vars: str
    operations_url: str
    whole_build_days: int | None
    as_of: date | None
    now: datetime | None
    memory_limit: str
    threads: int
    identity_engine: Literal["duckdb", "spark"]
    spark_master: str
    spark_dir: Path | None
    sentiment_model: Literal["vectors", "lexicon"]
    max_file_gb: float
    settle_s: float
    arrival_dirs: tuple[Path, ...]
    alert_webhook: str | None
    alert_emails: tuple[str, ...]
    smtp_url: str
    oidc: tuple[str, str, str] | None
    oidc_roles_claim: str | None
    locales: dict[str, str]
    small_group: int
    download_rows: int
    page_memory: str
    hash_key: str | None
    fault: str

    @property
    def lake(self) -> Path:
        """Raw bytes, accepted rows, quarantine and refusals."""
        return self.data / "lake"

    @property
    def warehouse(self) -> Path:
        """The working file, the published file and its kept versions."""
        return self.data / "warehouse"

    @property
    def working_file(self) -> Path:
        """The DuckDB file that one writer at a time builds."""
        return self.warehouse / "build.duckdb"

    @property
    def published_file(self) -> Path:
        """The finished, read-only DuckDB file that people query."""
        return self.warehouse / "cdp.duckdb"

    @property
    def outbox(self) -> Path:
        """Audience files, one folder per audience and destination."""
        return self.data / "outbox"

    @property
    def state(self) -> Path:
        """What cannot be rebuilt from exports: id ledger, delivery journal, trained models, operations database."""
        return self.data / "state"

    @property
    def quality_docs(self) -> Path:
        """Great Expectations' project, with its Data Docs."""
        return self.data / "quality"


def _paths(value: str | None, default: Path) -> tuple[Path, ...]:
    return tuple(Path(p).resolve() for p in value.split(":") if p) if value else (default,)


def _with_agreed(folders: tuple[Path, ...], data: Path) -> tuple[Path, ...]:
    # Audiences that were composed on the page and agreed to stand beside those of the company's project.
    agreed = data / "state" / "audiences"
    return (*folders, agreed) if agreed.is_dir() else folders


def proposals_folder() -> Path:
    """Return where audiences stand that were composed on the page and agreed to."""
    return settings().state / "audiences"


def _engine(said: str) -> Literal["duckdb", "spark"]:
    if said == "spark":
        return "spark"
    if said == "duckdb":
        return "duckdb"
    raise ValueError(f"CDP_IDENTITY_ENGINE is '{said}'; allowed: duckdb, spark")


def _sentiment(said: str) -> Literal["vectors", "lexicon"]:
    if said == "lexicon":
        return "lexicon"
    if said == "vectors":
        return "vectors"
    raise ValueError(f"CDP_SENTIMENT is '{said}'; allowed: vectors, lexicon")


def settings() -> Settings:
    """Read the environment.

    Raises:
        ValueError: a date, time or number in the environment cannot be read; the message names the variable.
    """
    env = os.environ
    home = Path(env.get("CDP_HOME") or ROOMS).resolve()
    data = Path(env.get("CDP_DATA") or home / "data").resolve()
    as_of, now = env.get("CDP_AS_OF"), env.get("CDP_NOW")
    try:
        as_of_date = date.fromisoformat(as_of) if as_of else None
        fixed_now = datetime.fromisoformat(now) if now else None
    except ValueError as error:
        raise ValueError(f"CDP_AS_OF wants YYYY-MM-DD and CDP_NOW an ISO time: {error}") from None
    models = env.get("CDP_DBT_MODELS")
    return Settings(
        home=home,
        data=data,
        inbox=Path(env.get("CDP_INBOX") or data / "inbox").resolve(),
        source_dirs=_paths(env.get("CDP_SOURCES"), ROOMS / "ingest" / "sources"),
        audience_dirs=_with_agreed(_paths(env.get("CDP_AUDIENCES"), ROOMS / "activation" / "audiences"), data),
        # A company with audiences of its own has no use for campaigns and journeys over those that ship.
        campaign_dirs=()
        if env.get("CDP_AUDIENCES") and not env.get("CDP_CAMPAIGNS")
        else _paths(env.get("CDP_CAMPAIGNS"), ROOMS / "activation" / "campaigns"),
        conversions_file=Path(env.get("CDP_CONVERSIONS") or ROOMS / "activation" / "conversions.yml").resolve(),
        decisions_file=Path(env.get("CDP_DECISIONS") or ROOMS / "activation" / "decisions.yml").resolve(),
        journey_dirs=()
        if env.get("CDP_AUDIENCES") and not env.get("CDP_JOURNEYS")
        else _paths(env.get("CDP_JOURNEYS"), ROOMS / "activation" / "journeys"),
        dbt_models=Path(models).resolve() if models else None,
        dbt_vars=env.get("CDP_DBT_VARS") or "{}",
        operations_url=env.get("CDP_OPERATIONS_URL") or f"sqlite:///{data / 'state' / 'operations.sqlite'}",
        whole_build_days=int(env["CDP_WHOLE_BUILD_DAYS"]) if env.get("CDP_WHOLE_BUILD_DAYS") else None,
        as_of=as_of_date,
        now=fixed_now.astimezone(UTC) if fixed_now else None,
        memory_limit=env.get("CDP_MEMORY_LIMIT") or "3GB",
        threads=int(env.get("CDP_THREADS") or os.cpu_count() or 2),
        identity_engine=_engine(env.get("CDP_IDENTITY_ENGINE") or "duckdb"),
        sentiment_model=_sentiment(env.get("CDP_SENTIMENT") or "vectors"),
        spark_master=env.get("CDP_SPARK_MASTER") or "local[*]",
        spark_dir=Path(env["CDP_SPARK_DIR"]).resolve() if env.get("CDP_SPARK_DIR") else None,
        max_file_gb=float(env.get("CDP_MAX_FILE_GB") or 20),
        settle_s=float(env.get("CDP_SETTLE_S", "2")),
        arrival_dirs=_paths(env.get("CDP_ARRIVALS"), ROOMS / "ingest" / "arrivals"),
        alert_webhook=env.get("CDP_ALERT_WEBHOOK") or None,
        alert_emails=tuple(a.strip() for a in (env.get("CDP_ALERT_EMAIL") or "").split(",") if a.strip()),
        smtp_url=env.get("CDP_SMTP_URL") or "smtp://127.0.0.1:25",
        oidc=(
            env["CDP_OIDC_ISSUER"].rstrip("/"),
            env.get("CDP_OIDC_CLIENT_ID", ""),
            env.get("CDP_OIDC_CLIENT_SECRET", ""),
        )
        if env.get("CDP_OIDC_ISSUER")
        else None,
        oidc_roles_claim=env.get("CDP_OIDC_ROLES_CLAIM") or None,
        locales={"es": env.get("CDP_LOCALE_ES") or "es_MX", "en": env.get("CDP_LOCALE_EN") or "en_US"},
        small_group=int(env.get("CDP_SMALL_GROUP") or 10),
        download_rows=int(env.get("CDP_DOWNLOAD_ROWS") or 50_000),
        page_memory=env.get("CDP_PAGE_MEMORY") or "700MB",
        hash_key=env.get("CDP_HASH_KEY"),
        fault=env.get("CDP_FAULT") or "",
    )


def now() -> datetime:
    """Return the present time in UTC, or the fixed clock of `CDP_NOW`."""
    return settings().now or datetime.now(UTC)


def child_environment(**extra: str) -> dict[str, str]:
    """Return the environment for a child process (dbt, Airflow's parts) with some variables set.

    Containers often forbid Python to keep what it compiled; each dbt would then compile its libraries anew, which takes seconds.
    """
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **extra}
