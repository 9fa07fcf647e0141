"""Sign-ins that wait for somebody at another screen: the device authorization grant (RFC 8628) as Entra does it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rehearsal.cloud.accounts import User
from rehearsal.cloud.scopes import RequestedScopes
from rehearsal.cloud.sign_in_errors import SignInError, blocked, missing

LIFETIME = 900
"""Seconds that a code can be used, as Entra answers."""
INTERVAL = 5
"""Seconds between two questions of the client."""
OUTCOMES = ("approved", "denied", "blocked")
"""``blocked`` is a Conditional Access policy that does not allow the sign-in."""
POLICY_ID = "6f4c3a52-1d0e-4b7a-9c55-2e8f7b0d9a14"
"""The Conditional Access policy that blocks, made up."""
_ALPHABET = "BCDFGHJKLMNPQRSTVWXYZ23456789"
"""No vowels (codes that spell a word) and nothing that looks like something else."""
_LONGEST_QUEUE = 1000


class DeviceCodeError(Exception):
    """A user code that cannot be answered; the text says why."""


@dataclass(frozen=True)
class WaitingSignIn:
    """One code that waits, or has been answered and not fetched yet."""

    user_code: str
    device_code: str
    client_id: str
    application: str
    scopes: RequestedScopes
    expires: datetime
    outcome: str = ""
    user: User | None = None


class DeviceCodes:
    """Codes by device code; ``clock`` answers aware datetimes. ``lifetime`` counts for codes made from then on."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._codes: dict[str, WaitingSignIn] = {}
        self.lifetime = LIFETIME

    def reset(self) -> None:
        """Forget every code."""
        self._codes.clear()
        self.lifetime = LIFETIME

    def begin(self, client_id: str, application: str, scopes: RequestedScopes) -> WaitingSignIn:
        """A new pair of codes."""
        # Used and forgotten codes stay for a while, so that a late client hears what became of them.
        while len(self._codes) >= _LONGEST_QUEUE:
            del self._codes[next(iter(self._codes))]
        code = "".join(secrets.choice(_ALPHABET) for _ in range(9))
        expires = self._clock() + timedelta(seconds=self.lifetime)
        made = WaitingSignIn(code, secrets.token_urlsafe(96), client_id, application, scopes, expires)
        self._codes[made.device_code] = made
        return made

    def waiting(self) -> tuple[WaitingSignIn, ...]:
        """Codes that nobody has answered and that can still be, oldest first."""
        now = self._clock()
        return tuple(one for one in self._codes.values() if not one.outcome and one.expires > now)

    def find(self, user_code: str) -> WaitingSignIn:
        """The waiting sign-in under a user code; case, spaces and hyphens do not matter.

        Raises:
            DeviceCodeError: Nothing waits under it.
        """
        wanted = "".join(char for char in user_code.upper() if char.isalnum())
        for one in self._codes.values():
            if one.user_code == wanted:
                if one.outcome:
                    raise DeviceCodeError(f"The code {wanted} was {one.outcome} already.")
                if one.expires <= self._clock():
                    raise DeviceCodeError(f"The code {wanted} has expired. Start the sign-in again.")
                return one
        raise DeviceCodeError(f"No sign-in waits under the code {wanted or '(empty)'}.")

    def answer(self, user_code: str, outcome: str, user: User | None) -> WaitingSignIn:
        """Approve, deny or block a waiting sign-in.

        Raises:
            DeviceCodeError: Nothing waits under the code, or the user may not sign in.
        """
        found = self.find(user_code)
        if outcome not in OUTCOMES:
            raise DeviceCodeError(f"The outcome is one of {', '.join(OUTCOMES)}.")
        if outcome == "approved":
            if user is None:
                raise DeviceCodeError("An approval needs the user who signs in.")
            if not user.enabled:
                raise DeviceCodeError(f"The account {user.user_principal_name} is disabled (AADSTS50057).")
        answered = replace(found, outcome=outcome, user=user)
        self._codes[found.device_code] = answered
        return answered

    def redeem(self, device_code: str, client_id: str) -> tuple[User, RequestedScopes]:
        """What the client gets for its device code; a code works once.

        Raises:
            SignInError: Pending, declined, blocked, expired or unknown.
        """
        if not device_code:
            raise missing("device_code")
        found = self._codes.get(device_code)
        if found is None or found.client_id != client_id:
            raise SignInError(70018, "bad_verification_code", "The verification code is not valid.")
        if found.outcome == "denied":
            raise SignInError(65004, "authorization_declined", "User declined to consent to access the app.")
        if found.outcome == "blocked":
            raise blocked(POLICY_ID)
        if found.expires <= self._clock():
            raise SignInError(
                70020,
                "expired_token",
                "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
            )
        if found.user is None:
            raise SignInError(
                70016,
                "authorization_pending",
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )
        del self._codes[device_code]
        return found.user, found.scopes
