"""The page: home, audiences, data health. Server-side HTML; browsing and downloading work without JavaScript.

Reads only the published file, the plans and the delivered files; every download needs a name and a reason and is audited.
Files are addressed by audience and platform as declared, never by path.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from activation.audience import load_audiences
from activation.plan import plans
from privacy import audit
from warehouse.duck import has_table, rows
from warehouse.errors import CdpError
from warehouse.publish import manifest, open_published
from warehouse.settings import settings

HERE = Path(__file__).parent
LANGUAGES = ("es", "en")

#: Nothing is loaded from elsewhere, nothing runs.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@cache
def texts() -> dict[str, Any]:
    """Read the texts of both languages."""
    found: dict[str, Any] = yaml.safe_load((HERE / "i18n" / "texts.yml").read_text(encoding="utf-8"))
    return found


def said(text: str, language: str) -> str:
    """Say in the page's language what the pipeline wrote in English."""
    if language == "en":
        return text
    words: dict[str, str] = texts()["words_es"]
    for pattern, spanish in texts()["phrases_es"]:
        match = re.search(pattern, text)
        if match:
            return str(spanish).format(*(words.get(part, part) for part in match.groups()))
    return words.get(text, text)


def language_of(request: Request) -> str:
    """Return the language asked for: the cookie's, else the browser's, else Spanish."""
    chosen = request.cookies.get("language")
    if chosen in LANGUAGES:
        return chosen
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "es"


def make_app() -> FastAPI:
    """Build the application."""
    app = FastAPI(title="Clientela", docs_url=None, redoc_url=None, openapi_url=None)
    templates = Jinja2Templates(HERE / "templates")
    templates.env.filters["said"] = said

    @app.middleware("http")
    async def _headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    def page(request: Request, template: str, **facts: Any) -> HTMLResponse:
        language = language_of(request)
        context = {
            "t": texts()[language],
            "language": language,
            "path": request.url.path,
            "manifest": manifest(),
            **facts,
        }
        return templates.TemplateResponse(request, template, context)

    @app.get("/", response_class=HTMLResponse)
    def home(request: Request) -> HTMLResponse:
        return page(request, "home.html", **_home_facts())

    @app.get("/audiences", response_class=HTMLResponse)
    def audiences(request: Request) -> HTMLResponse:
        made = plans()
        sizes = {
            a.name: max((p.size_after for p in made if p.audience == a.name), default=0)
            for a in load_audiences().values()
        }
        return page(request, "audiences.html", audiences=list(load_audiences().values()), sizes=sizes)

    @app.get("/audiences/{name}", response_class=HTMLResponse)
    def audience(request: Request, name: str) -> HTMLResponse:
        found = load_audiences().get(name)
        if found is None:
            raise HTTPException(404)
        made = [
            {
                "plan": p,
                "has_file": (p.folder / "members.csv").exists(),
                "refused": sorted(p.refused.items(), key=lambda r: -r[1]),
            }
            for p in plans()
            if p.audience == name
        ]
        return page(request, "audience.html", audience=found, plans=made)

    @app.post("/audiences/{name}/{platform}/download")
    def download(
        name: str, platform: str, actor: str = Form(min_length=2), reason: str = Form(min_length=4)
    ) -> FileResponse:
        found = load_audiences().get(name)
        if found is None or platform not in [target.platform for target in found.destinations]:
            raise HTTPException(404)
        path = settings().outbox / name / platform / "members.csv"
        if not path.exists():
            raise HTTPException(404)
        audit.record(actor, "audience downloaded", f"{name}/{platform}", reason)
        return FileResponse(path, media_type="text/csv", filename=f"{name}_{platform}.csv")

    @app.get("/health", response_class=HTMLResponse)
    def health(request: Request) -> HTMLResponse:
        return page(request, "health.html", **_health_facts())

    @app.get("/language/{language}")
    def choose(language: str, back: str = "/") -> RedirectResponse:
        safe = back if back.startswith("/") and not back.startswith("//") and "\\" not in back else "/"
        response = RedirectResponse(safe, status_code=303)
        if language in LANGUAGES:
            response.set_cookie("language", language, max_age=31_536_000, httponly=True, samesite="lax")
        return response

    @app.get("/style.css")
    def style() -> FileResponse:
        return FileResponse(HERE / "static" / "style.css", media_type="text/css")

    return app


def _home_facts() -> dict[str, Any]:
    try:
        con = open_published()
    except CdpError:
        return {"customers": None}
    try:
        head = rows(con, "SELECT count(*) AS customers, max(as_of_date) AS as_of FROM marts.customers")[0]
        segments = rows(
            con, "SELECT macro_segment AS name, count(*) AS n FROM segments.macro_segments GROUP BY 1 ORDER BY 2 DESC"
        )
        cards = (
            rows(con, "SELECT * FROM scores.model_cards ORDER BY score")
            if has_table(con, "scores", "model_cards")
            else []
        )
    finally:
        con.close()
    largest = max((s["n"] for s in segments), default=1)
    return {**head, "segments": [{**s, "step": round(20 * s["n"] / largest)} for s in segments], "cards": cards}


def _health_facts() -> dict[str, Any]:
    try:
        con = open_published()
    except CdpError:
        return {"sources": [], "refused": []}
    try:
        return {
            "sources": rows(
                con,
                "SELECT source || '_' || table_name AS name, sum(rows_in)::BIGINT AS rows_in, sum(accepted)::BIGINT AS accepted, "
                "sum(quarantined)::BIGINT AS quarantined, sum(dropped)::BIGINT AS dropped FROM quality.loads GROUP BY 1 ORDER BY 1",
            ),
            "late": rows(
                con,
                "SELECT source || '_' || table_name AS name, strftime(newest_arrival_at, '%Y-%m-%d %H:%M') AS newest "
                "FROM quality.freshness WHERE NOT is_fresh ORDER BY 1",
            ),
            "refused": rows(con, "SELECT file, reason FROM quality.refused_files ORDER BY 1"),
            "drift": rows(
                con,
                "SELECT strftime(seen_at, '%Y-%m-%d %H:%M') AS seen, source || '_' || table_name AS name, "
                "replace(kind, '_', ' ') AS kind, column_name, file, detail, severity FROM quality.drift_events "
                "WHERE severity <> 'info' ORDER BY seen_at DESC LIMIT 50",
            ),
            "quarantine": rows(
                con,
                "SELECT table_name AS name, reason, sum(rows)::BIGINT AS n FROM quality.quarantine_reasons GROUP BY ALL ORDER BY n DESC, 1",
            ),
            "incomplete": rows(
                con,
                "SELECT source || '_' || table_name AS name, column_name, filled_pct, standard_pct FROM quality.completeness "
                "WHERE NOT is_met ORDER BY 1, 2",
            )
            if has_table(con, "quality", "completeness")
            else [],
        }
    finally:
        con.close()
