"""Access tokens: asked for, kept while they are good, renewed before they end or when Graph refuses them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from runbook_lib.graph.errors import claims_challenge
from runbook_lib.graph.sender import Answer
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


def bearer(token: Secret) -> dict[str, str]:
    """The headers of a request with this token."""
    return {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}


def with_token(tokens: Tokens, send: Callable[[Secret], Answer]) -> tuple[Answer, Secret]:
    """The answer and the token it was given for.

    HTTP 401 means revoked, expired on the way, or a claims challenge: one new token with what was demanded, one more
    attempt, whose answer counts.
    """
    token = tokens.token()
    answer = send(token)
    if answer.status == 401:
        token = tokens.token(refused=token, claims=claims_challenge(answer.headers))
        answer = send(token)
    return answer, token


CAPABILITIES = ["CP1"]
"""Says that claims challenges are answered (Microsoft identity platform documentation, "Claims challenges, claims
requests and client capabilities"); without it Graph would rather wait for a token's end than challenge it."""

_MARGIN = timedelta(minutes=5)
"""A token is renewed this long before it ends, as msal does; tokens that live less than four times that, at a quarter
of their life before the end."""


class Tokens(Protocol):
    """What a Graph client needs to know about signing in."""

    def token(self, *, refused: Secret | None = None, claims: str | None = None) -> Secret:
        """A token that is valid now; another one than ``refused``, with ``claims``, if those are given."""
        ...

    def abandon(self) -> None:
        """Give up waiting for a person, also in another thread."""
        ...


class Method(Protocol):
    """One way to sign in: a credential of the app, or a person with a device code."""

    def acquire(self, *, claims: str | None, renew: bool) -> Mapping[str, object]:
        """An answer of the sign-in service with ``access_token``.

        Args:
            claims: JSON text of a claims challenge to answer.
            renew: Whether a token that is kept somewhere will not do.

        Raises:
            NoAccess: Refused.
            ServiceFailed: The sign-in service does not work.
        """
        ...

    def abandon(self) -> None:
        """Give up waiting for a person."""
        ...


class TokenSource:
    """Access tokens for Microsoft Graph, renewed before they end. Threads may share it.

    Args:
        method: How to sign in.
        clock: Now, UTC.
    """

    def __init__(self, method: Method, *, clock: Callable[[], datetime]) -> None:
        self._method = method
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[Secret, datetime] | None = None
        """The token and the moment from which it is renewed."""

    def __repr__(self) -> str:
        return f"TokenSource({self._method!r})"

    def token(self, *, refused: Secret | None = None, claims: str | None = None) -> Secret:
        """A token that is valid now.

        Args:
            refused: A token that Graph refused; it is not given again. Several threads that were refused the same
                token cause one renewal.
            claims: JSON text of the claims challenge that came with the refusal.

        Raises:
            NoAccess: Refused (``sign-in-refused`` with the AADSTS number), an expired certificate, nobody there to sign
                in, an untrusted or unreachable sign-in host.
            ServiceFailed: The sign-in service does not work.
        """
        with self._lock:
            if self._held is not None and self._held[0] != refused and self._clock() < self._held[1]:
                return self._held[0]
            self._held = self._renewed(claims, renew=self._held is not None)
            return self._held[0]

    def abandon(self) -> None:
        """Give up waiting for a person, also while another thread holds the lock and waits."""
        self._method.abandon()

    def _renewed(self, claims: str | None, *, renew: bool) -> tuple[Secret, datetime]:
        asked = self._clock()
        answer = self._method.acquire(claims=claims, renew=renew)
        text = str(answer.get("expires_in"))  # some services send it as a text
        life = timedelta(seconds=min(int(text), 86_400)) if text.isdecimal() else timedelta()
        return Secret(str(answer["access_token"])), asked + life - min(_MARGIN, life / 4)


def has_token(answer: Mapping[str, object]) -> bool:
    """Whether an answer holds an access token."""
    token = answer.get("access_token")
    return isinstance(token, str) and bool(token)
