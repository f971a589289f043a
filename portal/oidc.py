"""The company's own sign-in: OpenID Connect's authorisation code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636).

In: `CDP_OIDC_*`. Out: who somebody is, by a signed token whose issuer, audience, time and nonce were checked.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import httpx

from warehouse.errors import CdpError
from warehouse.settings import settings

#: Seconds that clocks of two machines may differ.
LEEWAY_S = 60
TIMEOUT_S = 10.0
#: What identifies somebody: the first of these that the token has.
NAMES = ("email", "preferred_username", "sub")
_known: dict[str, tuple[float, dict[str, Any]]] = {}


def _client(redirect: str) -> Any:
    from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

    found = settings().oidc
    if found is None:
        raise CdpError("no sign-in of the company is set up (CDP_OIDC_ISSUER)")
    _, client_id, secret = found
    return OAuth2Client(
        client_id, secret, scope="openid email profile", redirect_uri=redirect, code_challenge_method="S256", timeout=TIMEOUT_S
    )  # fmt: skip


def _get(url: str) -> dict[str, Any]:
    at, found = _known.get(url, (0.0, {}))
    if time.monotonic() - at > 3600 or not found:
        try:
            found = dict(httpx.get(url, timeout=TIMEOUT_S).raise_for_status().json())
        except (httpx.HTTPError, ValueError) as error:
            raise CdpError(f"the company's sign-in cannot be asked: {type(error).__name__}") from None
        _known[url] = (time.monotonic(), found)
    return found


def _provider() -> dict[str, Any]:
    found = settings().oidc
    if found is None:
        raise CdpError("no sign-in of the company is set up (CDP_OIDC_ISSUER)")
    return _get(f"{found[0]}/.well-known/openid-configuration")


def begin(redirect: str, target: str) -> tuple[str, str]:
    """Return the address to send the browser to, and what it keeps meanwhile."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    address, state = _client(redirect).create_authorization_url(
        _provider()["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    return str(address), json.dumps({"state": state, "verifier": verifier, "nonce": nonce, "target": target})


def finish(redirect: str, waiting: str, code: str, state: str) -> tuple[str, list[str] | None, str]:
    """Return who came, the roles that the token gives them (None where it gives none), and where they wanted to go.

    Raises:
        CdpError: the answer does not belong to what was asked, or the token does not hold.
    """
    from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        kept = json.loads(waiting)
        if not code or not secrets.compare_digest(str(kept["state"]), state):
            raise CdpError("the answer of the company's sign-in does not belong to this browser")
        provider = _provider()
        told = _client(redirect).fetch_token(provider["token_endpoint"], code=code, code_verifier=kept["verifier"])
        keys = KeySet.import_key_set(_get(provider["jwks_uri"]))  # type: ignore[arg-type]
        token = jwt.decode(str(told["id_token"]), keys, algorithms=["RS256", "ES256", "PS256"])
        issuer, client_id, _ = settings().oidc or ("", "", "")
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": str(provider.get("issuer", issuer))},
            aud={"essential": True, "value": client_id}, exp={"essential": True}, nonce={"essential": True, "value": kept["nonce"]},
        ).validate(token.claims)  # fmt: skip
    except (ValueError, KeyError, TypeError, JoseError, OAuthError, httpx.HTTPError) as error:
        raise CdpError(f"the answer of the company's sign-in does not hold: {type(error).__name__}") from None
    claims = token.claims
    name = next((str(claims[n]) for n in NAMES if claims.get(n)), "")
    if claims.get("email") == name and claims.get("email_verified") is False:
        raise CdpError("the company's sign-in has not verified this address")
    by_claim = settings().oidc_roles_claim
    given = claims.get(by_claim, []) if by_claim else None
    return (
        name,
        ([given] if isinstance(given, str) else list(given)) if given is not None else None,
        str(kept["target"]),
    )
