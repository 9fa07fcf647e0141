"""What outlives a token and what ends it early: refresh tokens, and access tokens that Graph no longer takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rehearsal.cloud.sign_in_errors import SignInError, malformed
from rehearsal.cloud.tokens import token_number

LIFETIME = timedelta(days=90)
_MOST = 10_000


@dataclass(frozen=True)
class Grant:
    """What a refresh token stands for."""

    client_id: str
    user_id: str
    permissions: tuple[str, ...]
    issued: datetime
    revoked: datetime | None = None


class RefreshTokens:
    """Grants by token. As in Entra, using a token gives a new one and leaves the old one good.

    ``clock`` answers aware datetimes; ``lifetime`` counts from each token's issue.
    """

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self.lifetime = LIFETIME

    def reset(self) -> None:
        """Forget every token; ordinary lifetime again."""
        self._grants.clear()
        self.lifetime = LIFETIME

    def issue(self, client_id: str, user_id: str, permissions: tuple[str, ...]) -> str:
        """A new token."""
        while len(self._grants) >= _MOST:
            del self._grants[next(iter(self._grants))]
        token = "1." + secrets.token_urlsafe(180)
        self._grants[token] = Grant(client_id, user_id, permissions, self._clock())
        return token

    def revoke(self, user_id: str) -> None:
        """End every grant that a user gave so far, as "revoke sessions" or a new password does."""
        now = self._clock()
        for token, grant in self._grants.items():
            if grant.user_id == user_id and grant.revoked is None:
                self._grants[token] = replace(grant, revoked=now)

    def redeem(self, token: str, client_id: str) -> Grant:
        """The grant behind a token.

        Raises:
            SignInError: Unknown, another application's, revoked or expired.
        """
        grant = self._grants.get(token)
        if grant is None:
            raise malformed()
        if grant.client_id != client_id:
            raise SignInError(70000, "invalid_grant", "Provided grant is invalid or malformed.", suberror="bad_token")
        issued = f"{grant.issued:%Y-%m-%dT%H:%M:%S}.0000000Z"
        if grant.revoked is not None:
            since = f"{grant.revoked:%Y-%m-%dT%H:%M:%S}.0000000Z"
            raise SignInError(
                50173,
                "invalid_grant",
                "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might "
                f"have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom "
                f"date (before which tokens are not valid) for this user is '{since}'.",
                suberror="bad_token",
            )
        if grant.issued + self.lifetime <= self._clock():
            raise SignInError(
                700082,
                "invalid_grant",
                f"The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive "
                f"for {self.lifetime.days}.00:00:00.",
                suberror="bad_token",
            )
        return grant


CLAIMS_CHALLENGES = "cp1"
"""The client capability of clients that can deal with a claims challenge."""


class Revocation:
    """Which access tokens were taken back.

    A revocation reaches only tokens whose client declared the capability ``cp1``, as in Entra: others stay good until
    they end. A token refused by a fault is refused whatever its client can do.
    """

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._refused: set[str] = set()

    def reset(self) -> None:
        """Nothing is revoked."""
        self._until.clear()
        self._refused.clear()

    def revoke(self, subject: str, issued: int) -> None:
        """Take back what a user or service principal got so far; ``issued`` tokens exist by now."""
        self._until[subject] = issued

    def refuse(self, claims: Mapping[str, object]) -> None:
        """Take this very token back."""
        self._refused.add(str(claims["uti"]))

    def covers(self, claims: Mapping[str, object]) -> bool:
        """Whether a token was taken back."""
        if claims["uti"] in self._refused:
            return True
        capabilities = claims.get("xms_cc")
        capable = isinstance(capabilities, list) and CLAIMS_CHALLENGES in capabilities
        return capable and token_number(claims) <= self._until.get(str(claims["oid"]), 0)
