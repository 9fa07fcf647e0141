"""What an access token says about its bearer, for people: never a proof of anything.

Microsoft documents access tokens for Graph as opaque to clients ("Access tokens in the Microsoft identity platform");
looking into one's own token for ``roles``, ``scp`` and ``upn`` is common practice. Nothing is decided by it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from runbook_lib.secrets.sources import Secret

_SHOWN = ("appid", "azp", "idtyp", "roles", "scp", "tid", "oid", "upn", "preferred_username", "unique_name")


def claims_of(token: Secret) -> Mapping[str, object] | None:
    """The harmless claims of a JSON Web Token, its signature unchecked; None if the token is none."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return None
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    return {name: claims[name] for name in _SHOWN if name in claims}


def account_of(claims: Mapping[str, object] | None) -> str:
    """User principal name of the person a token stands for, or empty."""
    for name in ("upn", "preferred_username", "unique_name"):
        value = (claims or {}).get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def signed_in(claims: Mapping[str, object] | None) -> dict[str, object] | None:
    """Who a token stands for, as a record names it; None where the token does not say.

    v1.0 tokens name the app in ``appid``, v2.0 tokens in ``azp``; ``idtyp`` is ``app`` for an app, and only a person's
    token has scopes ("Access token claims reference", Microsoft identity platform).
    """
    if not claims:
        return None
    person = claims.get("idtyp") != "app" and ("scp" in claims or bool(account_of(claims)))
    client = claims.get("appid", claims.get("azp"))
    return {
        "kind": "user" if person else "app",
        "client_id": client if isinstance(client, str) else None,
        "object_id": oid if isinstance(oid := claims.get("oid"), str) else None,
        "user_principal_name": (account_of(claims) or None) if person else None,
    }
