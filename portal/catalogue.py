"""Texts of the page, from the templates and modules that say them: what the Spanish catalogue must hold.

`python -m portal.catalogue` brings `i18n/es/LC_MESSAGES/messages.po` up to date; texts without a translation are left empty, and a test names them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from portal.language import CATALOGUE

HERE = Path(__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {
    "templates/**.html": {
        "extensions": "jinja2.ext.do",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
    }
}
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "ngettext": (1, 2), "says": None}


def texts() -> Catalog:
    """Return every text that the page says."""
    found = Catalog(project="Clientela", version="1", charset="utf-8")
    for file, line, message, comments, context in extract_from_dir(HERE, METHODS, OPTIONS, keywords=KEYWORDS):
        found.add(message, None, [(f"portal/{file}", line)], auto_comments=comments, context=context)
    return found


def spanish() -> Catalog:
    """Return the catalogue as it stands."""
    with CATALOGUE.open("rb") as handle:
        return read_po(handle, locale="es")


def update() -> int:
    """Bring the catalogue up to date and return how many texts have no translation."""
    known = spanish()
    known.update(texts(), no_fuzzy_matching=True)
    known.obsolete.clear()
    # What changes with each run, and what nobody answers for, stays out of the file.
    known.project, known.version, known.msgid_bugs_address, known.last_translator, known.language_team = (
        "Clientela",
        "1",
        "",
        "",
        "es",
    )
    known.creation_date = known.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    for message in known:
        message.locations = []
    with CATALOGUE.open("wb") as handle:
        write_po(handle, known, sort_output=True, omit_header=False, width=150)
    return sum(1 for m in known if m.id and not (all(m.string) if isinstance(m.string, tuple | list) else m.string))


if __name__ == "__main__":
    missing = update()
    raise SystemExit(f"{missing} texts without a translation" if missing else 0)
