"""What an access token says about its bearer, for people: never a proof of anything.

Microsoft documents access tokens for Graph as opaque to clients ("Access tokens in the Microsoft identity platform");
looking into one's own token for ``roles``, ``scp`` and ``upn`` is common practice. Nothing is decided by it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from runbook_lib.secrets import Secret

_SHOWN = ("idtyp", "roles", "scp", "tid", "oid", "upn", "preferred_username", "unique_name")


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
