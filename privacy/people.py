"""People who use the page and programs that use the API: who they are, their roles, their sessions and tokens.

In: passwords, tokens, answers of a company's own sign-in. Out: rows of the operations database. What stays true: neither a password nor a token
is kept, only argon2 and SHA-256 of them; a wrong name and a wrong password look and take the same; after five failures a name rests for a
quarter of an hour; a session ends after twelve hours, or after two without a call.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import delete, select

from warehouse.errors import CdpError
from warehouse.operations import SessionRow, TokenRow, UserRow, session
from warehouse.settings import now

ROLES = ("engineer", "analyst", "marketer", "steward", "privacy", "admin")

FAILURES, REST = 5, timedelta(minutes=15)
LIFE, IDLE = timedelta(hours=12), timedelta(hours=2)
#: A session is noted as seen at most so often: reading a page does not write.
NOTED_EVERY = timedelta(minutes=5)
SHORTEST_PASSWORD = 12


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, or a program with a token."""

    name: str
    roles: frozenset[str]
    csrf: str = ""
    token_hash: str = ""
    revealed: frozenset[str] = frozenset()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _hasher():  # type: ignore[no-untyped-def]
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    return str(_hasher().hash(secrets.token_hex(16)))


def _utc(at: datetime | None) -> datetime | None:
    # SQLite hands times back without their zone.
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _checked(roles: list[str] | tuple[str, ...]) -> str:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise CdpError(f"role {', '.join(unknown) or 'none'} is not known; allowed: {', '.join(ROLES)}")
    return ",".join(r for r in ROLES if r in roles)


def add_user(name: str, roles: list[str], password: str | None) -> None:
    """Add somebody; without a password they come by their company's own sign-in alone.

    Raises:
        CdpError: the name is taken or empty, a role is not known, or the password is shorter than twelve characters.
    """
    listed = _checked(roles)
    name = name.strip().lower()
    if not name:
        raise CdpError("a user needs a name")
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise CdpError(f"a password has at least {SHORTEST_PASSWORD} characters")
    with session() as db:
        if db.scalars(select(UserRow).where(UserRow.name == name)).first():
            raise CdpError(f"there is a user {name} already")
        db.add(
            UserRow(
                name=name, password_hash=_hasher().hash(password) if password else None, roles=listed, is_active=True, failures=0,
                locked_until=None, created_at=now(),
            )
        )  # fmt: skip


def change_user(
    name: str, *, roles: list[str] | None = None, password: str | None = None, is_active: bool | None = None
) -> None:
    """Change somebody's roles, password, or whether they may come in; their sessions end.

    Raises:
        CdpError: nobody has the name, a role is not known, the password is too short, or the last administrator would be gone.
    """
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise CdpError(f"a password has at least {SHORTEST_PASSWORD} characters")
    with session() as db:
        found = db.scalars(select(UserRow).where(UserRow.name == name.strip().lower())).first()
        if found is None:
            raise CdpError(f"there is no user {name}")
        loses_admin = (roles is not None and "admin" not in roles) or is_active is False
        others = [
            u
            for u in db.scalars(select(UserRow).where(UserRow.is_active))
            if "admin" in u.roles.split(",") and u is not found
        ]
        if "admin" in found.roles.split(",") and loses_admin and not others:
            raise CdpError("this is the last administrator; make another one first")
        if roles is not None:
            found.roles = _checked(roles)
        if password is not None:
            found.password_hash = _hasher().hash(password)
            found.failures, found.locked_until = 0, None
        if is_active is not None:
            found.is_active = is_active
        db.execute(delete(SessionRow).where(SessionRow.user_id == found.user_id))


def users() -> list[UserRow]:
    """Return everybody, by name."""
    with session() as db:
        found = list(db.scalars(select(UserRow).order_by(UserRow.name)))
        db.expunge_all()
    return found


def sign_in(name: str, password: str) -> str | None:
    """Return the token of a new session, or None when name and password do not fit or the name rests."""
    from argon2.exceptions import VerificationError

    at = now()
    with session() as db:
        found = db.scalars(select(UserRow).where(UserRow.name == name.strip().lower())).first()
        rests = found is not None and (_utc(found.locked_until) or at) > at
        try:
            # Also for nobody: how long it takes must not tell who is there.
            _hasher().verify((found.password_hash if found else None) or _nobody(), password)
            fits = found is not None and found.password_hash is not None
        except VerificationError:
            fits = False
        if found is None:
            return None
        if not fits or rests or not found.is_active:
            if not rests and not fits:
                found.failures += 1
                if found.failures >= FAILURES:
                    found.failures, found.locked_until = 0, at + REST
            return None
        found.failures, found.locked_until = 0, None
        return _begin(db, found, at)


def sign_in_by_name(name: str, roles: list[str] | None) -> str | None:
    """Begin a session for somebody whom the company's own sign-in vouches for; None when they are not known here, or not let in.

    Args:
        name: what the sign-in calls them.
        roles: the roles that it gives them; None keeps those they have here.
    """
    at = now()
    known = [r for r in roles or [] if r in ROLES]
    with session() as db:
        found = db.scalars(select(UserRow).where(UserRow.name == name.strip().lower())).first()
        if found is None and known:
            found = UserRow(
                name=name.strip().lower(), password_hash=None, roles=_checked(known), is_active=True, failures=0, locked_until=None, created_at=at
            )  # fmt: skip
            db.add(found)
            db.flush()
        if found is None or not found.is_active or (roles is not None and not known):
            return None
        if known:
            found.roles = _checked(known)
        return _begin(db, found, at)


def _begin(db, user: UserRow, at: datetime) -> str:  # type: ignore[no-untyped-def]
    token = secrets.token_urlsafe(32)
    db.execute(delete(SessionRow).where(SessionRow.seen_at < at - IDLE))
    db.add(
        SessionRow(token_hash=_hash(token), user_id=user.user_id, csrf=secrets.token_urlsafe(24), began_at=at, seen_at=at, revealed="")
    )  # fmt: skip
    return token


def person_of(token: str) -> Person | None:
    """Return who is signed in with a token, if it is alive."""
    at = now()
    with session() as db:
        row = db.execute(
            select(SessionRow, UserRow).join(UserRow, SessionRow.user_id == UserRow.user_id).where(SessionRow.token_hash == _hash(token))
        ).first()  # fmt: skip
        if row is None:
            return None
        found, user = row
        began, seen = _utc(found.began_at), _utc(found.seen_at)
        assert began is not None and seen is not None
        if not user.is_active or at - began > LIFE or at - seen > IDLE:
            return None
        if at - seen > NOTED_EVERY:
            found.seen_at = at
        return Person(
            user.name, frozenset(user.roles.split(",")), found.csrf, found.token_hash, frozenset(found.revealed.split()),
        )  # fmt: skip


def note_revealed(person: Person, customer_id: str) -> None:
    """Let this session see a customer's personal data unmasked from now on; the caller writes the audit."""
    with session() as db:
        found = db.get(SessionRow, person.token_hash)
        if found is not None:
            found.revealed = " ".join(sorted({*found.revealed.split(), customer_id}))


def sign_out(token: str) -> None:
    """End a session."""
    with session() as db:
        db.execute(delete(SessionRow).where(SessionRow.token_hash == _hash(token)))


def add_token(name: str, role: str, author: str, days: int = 365) -> str:
    """Make a token for a program and return it; it is shown this once.

    Raises:
        CdpError: the name is taken or empty, or the role is not known.
    """
    _checked([role])
    token = f"cdp_{secrets.token_urlsafe(32)}"
    with session() as db:
        if not name.strip() or db.scalars(select(TokenRow).where(TokenRow.name == name)).first():
            raise CdpError(f"a token needs a name of its own; '{name}' is taken or empty")
        db.add(
            TokenRow(
                token_hash=_hash(token), name=name, role=role, author=author, created_at=now(), expires_at=now() + timedelta(days=days),
                ended_at=None,
            )
        )  # fmt: skip
    return token


def end_token(name: str) -> None:
    """Take a token back.

    Raises:
        CdpError: there is none of that name.
    """
    with session() as db:
        found = db.scalars(select(TokenRow).where(TokenRow.name == name)).first()
        if found is None:
            raise CdpError(f"there is no token '{name}'")
        found.ended_at = now()


def tokens() -> list[TokenRow]:
    """Return all tokens, without what they are."""
    with session() as db:
        found = list(db.scalars(select(TokenRow).order_by(TokenRow.name)))
        db.expunge_all()
    return found


def program_of(token: str) -> Person | None:
    """Return the program that a token belongs to, if it is in force."""
    with session() as db:
        found = db.get(TokenRow, _hash(token))
        if found is None or found.ended_at is not None or (_utc(found.expires_at) or now()) <= now():
            return None
        return Person(f"token {found.name}", frozenset([found.role]))
