"""E-mail addresses: what to send to, what to compare by, and which belong to nobody in particular."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

#: Letters of any script may stand before the @ (RFC 6531): `josé@`, `peña@` are addresses.
_SHAPE = re.compile(r"^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$")

#: Boxes of a function, not of a person (RFC 2142 and their Spanish counterparts).
ROLE_LOCALS = frozenset(
    (
        "info ventas venta contacto contact compras administracion admin administrador sales support soporte "
        "ayuda help office oficina hola hello facturacion billing contabilidad accounting recepcion rrhh hr "
        "marketing noreply no-reply webmaster postmaster abuse gerencia direccion pedidos orders tienda atencion "
        "servicio clientes"
    ).split()
)
PLACEHOLDERS = frozenset(
    ["na@na.com", "no@no.com", "test@test.com", "noemail@noemail.com", "sincorreo@sincorreo.com", "a@a.com", "x@x.com"]
)
PLACEHOLDER_LOCALS = frozenset(
    ["noemail", "sincorreo", "notiene", "no.tiene", "nomail", "na", "sin-correo", "nocorreo", "noaplica"]
)
GMAIL = frozenset({"gmail.com", "googlemail.com", "gmail.example"})


class Email(NamedTuple):
    """`address` to send to, `key` to compare by, `local` and `domain` of the key, `kind` person, role or placeholder."""

    address: str
    key: str
    local: str
    domain: str
    kind: str


@lru_cache(maxsize=500_000)
def parse_email(raw: str | None) -> Email | None:
    """Return the parts of an address, or None when it cannot be one.

    The key has no `+tag`, and no dots where the provider ignores them, so `juan.perez+tienda@` and `juanperez@` of one
    Gmail box compare equal.
    """
    if not raw:
        return None
    text = raw.strip().lower().removeprefix("mailto:").strip(" <>;,.'\"")
    if not _SHAPE.match(text) or ".." in text:
        return None
    local, _, domain = text.rpartition("@")
    base = local.split("+", 1)[0] or local
    key_local = base.replace(".", "") if domain in GMAIL else base
    if text in PLACEHOLDERS or base in PLACEHOLDER_LOCALS:
        kind = "placeholder"
    elif base in ROLE_LOCALS:
        kind = "role"
    else:
        kind = "person"
    return Email(text, f"{key_local}@{domain}", base, domain, kind)
