"""Normal forms of identifiers as macros of a connection, and the two hashes that calls need by themselves.

The forms stand in `normal_forms.sql`: `form_…` returns an identifier in a platform's own form or null, `cell_…` text that is safe in a file.
They are SQL so that a million customers are normalised and hashed in one pass; there is no second way.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from warehouse.duck import connect

#: Forms that begin from an e-mail in lower case.
OF_MAIL = ("google_mail", "tiktok_mail")
MACROS = Path(__file__).parent / "normal_forms.sql"


def register_forms(con: duckdb.DuckDBPyConnection) -> None:
    """Define all forms and cells for one connection."""
    con.execute(MACROS.read_text(encoding="utf-8"))


def field_sql(column: str, kind: str) -> str:
    """Return a column of any SQL type as a cell: lists joined by a bar, numbers with a point, and never a formula."""
    if kind.endswith("[]"):
        return f"coalesce(array_to_string(list_transform({column}, lambda v: cell_text(v::VARCHAR)), '|'), '')"
    if kind.startswith(("VARCHAR", "DATE", "TIMESTAMP", "JSON", "UUID", "ENUM")):
        return f"coalesce(cell_text({column}::VARCHAR), '')"
    return f"coalesce({column}::VARCHAR, '')"


def sha256(normal: str) -> str:
    """Hash what is in normal form already."""
    return hashlib.sha256(normal.encode("utf-8")).hexdigest()


def mailchimp_hash(email: str) -> str:
    """Return a member's id at Mailchimp: MD5 of the lower-case address."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def apply_form(form: str, *values: Any) -> Any:
    """Return one value in a form: for looking at a single one. `google_mail` and `tiktok_mail` begin from any e-mail."""
    con = connect(":memory:")
    try:
        register_forms(con)
        if form in OF_MAIL:
            return con.execute(f"SELECT {form}(mail) FROM (SELECT form_email(?) AS mail)", list(values)).fetchall()[0][
                0
            ]
        return con.execute(f"SELECT {form}({', '.join('?' for _ in values)})", list(values)).fetchall()[0][0]
    finally:
        con.close()
