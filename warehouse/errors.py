"""Errors that a person can act on, and the redaction of those that would quote a customer's data.

DuckDB, SQLAlchemy and parsers quote the offending row in their messages. Nothing personal may reach a log, XCom,
Data Docs or a page, so every command and every Airflow task runs inside :func:`edge`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


class CdpError(Exception):
    """An error whose text was written here: it names the thing, what was found, what to do, and no personal data."""


class DeclarationError(CdpError):
    """A YAML declaration is wrong: the message names file, line, what was found and what is allowed."""


class RefusedFile(CdpError):
    """A whole export file cannot be taken; the message is one sentence for the person who made the export."""


class GateFailed(CdpError):
    """A promise about finished tables is broken, so they are not published."""


_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_EMAIL = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")
_LONG_NUMBER = re.compile(r"\+?\d[\d\s().-]{6,}\d")


def redacted(text: str) -> str:
    """Return the first line of a message without anything that can be a customer's value.

    Quoted text, e-mail addresses and long numbers are replaced; what remains tells the kind of failure.
    """
    first = text.strip().splitlines()[0] if text.strip() else ""
    return _LONG_NUMBER.sub("<number>", _EMAIL.sub("<e-mail>", _QUOTED.sub("<value>", first)))[:300]


@contextmanager
def edge(room: str) -> Iterator[None]:
    """Let only our own errors out of a room as they are; any other leaves redacted and without its cause.

    Raises:
        CdpError: in place of any exception of a library, with its type and redacted first line.
    """
    try:
        yield
    except CdpError:
        raise
    except Exception as error:
        message = f"{room}: {type(error).__name__}: {redacted(str(error))}"
    else:
        return
    raise CdpError(message)
