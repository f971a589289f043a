"""People who use the page and programs that use the API: added, changed, let go; for administrators."""

from __future__ import annotations

import secrets

from fastapi import Request
from fastapi.responses import Response

from portal.visit import Pages, Unwell, visit_of
from privacy import audit
from privacy.people import ROLES, add_token, add_user, change_user, end_token, tokens, users

pages = Pages()


@pages.page("/people", "manage_people")
def listed(request: Request) -> Response:
    """List people and programs."""
    visit = visit_of(request)
    return visit.page("people.html", users=users(), tokens=tokens(), roles=ROLES, once="", once_for="")


@pages.page("/people/add", "manage_people", ("POST",))
def added(request: Request) -> Response:
    """Add somebody with a password that is shown once."""
    visit = visit_of(request)
    name, roles = visit.text("name", 200), visit.many("role")
    password = secrets.token_urlsafe(12)
    add_user(name, roles, password)
    audit.record(visit.name, "user added", name, ", ".join(roles))
    return visit.page("people.html", users=users(), tokens=tokens(), roles=ROLES, once=password, once_for=name)


@pages.page("/people/change", "manage_people", ("POST",))
def changed(request: Request) -> Response:
    """Change somebody's roles, give a new password, or let them go."""
    visit = visit_of(request)
    name, action = visit.text("name", 200), visit.text("action")
    once = ""
    if action == "roles":
        change_user(name, roles=visit.many("role"))
    elif action == "password":
        once = secrets.token_urlsafe(12)
        change_user(name, password=once)
    elif action in ("end", "again"):
        change_user(name, is_active=action == "again")
    else:
        raise Unwell("say what changes")
    audit.record(visit.name, f"user changed: {action}", name, ", ".join(visit.many("role")) or action)
    return visit.page("people.html", users=users(), tokens=tokens(), roles=ROLES, once=once, once_for=name)


@pages.page("/people/token", "manage_people", ("POST",))
def token(request: Request) -> Response:
    """Make a token for a program, or take one back."""
    visit = visit_of(request)
    name, action = visit.text("name", 200), visit.text("action")
    once = ""
    if action == "add":
        once = add_token(name, visit.text("role"), visit.name)
    else:
        end_token(name)
    audit.record(visit.name, f"token {'made' if action == 'add' else 'ended'}", name, visit.text("role") or "ended")
    return visit.page("people.html", users=users(), tokens=tokens(), roles=ROLES, once=once, once_for=name)
