"""The tokens themselves: access tokens for an application or for a user of one, and id tokens."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from rehearsal.cloud.applications import Application
from rehearsal.cloud.tokens import TokenSigner, decode_part, encode_part
from rehearsal.cloud.users import User


class Issuer:
    """Signs tokens of one tenant.

    ``token_lifetime`` (seconds) may be changed at any time and counts for tokens issued from then on. ``clock`` answers
    aware datetimes.
    """

    def __init__(self, tenant_id: str, *, clock: Callable[[], datetime]) -> None:
        self.tenant_id = tenant_id
        self.signer = TokenSigner()
        self.token_lifetime = 3600
        self.issued = 0
        """Access tokens so far."""
        self._clock = clock
        self._salt = secrets.token_bytes(32)

    def for_application(
        self, application: Application, *, method: str, resource: str, capabilities: tuple[str, ...]
    ) -> str:
        """An access token of an application itself; ``method`` is 1 for a secret and 2 for a certificate."""
        return self._access_token(
            {
                "aud": resource,
                "app_displayname": application.display_name,
                "appid": application.client_id,
                "appidacr": method,
                "idtyp": "app",
                "oid": application.object_id,
                "roles": list(application.roles),
                "sub": application.object_id,
            },
            capabilities,
        )

    def for_user(
        self,
        user: User,
        application: Application,
        permissions: tuple[str, ...],
        *,
        resource: str,
        capabilities: tuple[str, ...],
    ) -> str:
        """An access token of a user, through an application."""
        return self._access_token(
            {
                "aud": resource,
                "acct": 1 if user.guest else 0,
                "amr": ["pwd", "mfa"],
                "app_displayname": application.display_name,
                "appid": application.client_id,
                "appidacr": "0",
                "idtyp": "user",
                "name": user.display_name,
                "oid": user.id,
                "scp": " ".join(permissions),
                "sub": self._pairwise(user, resource),
                "unique_name": user.user_principal_name,
                "upn": user.user_principal_name,
                "wids": list(user.wids),
            },
            capabilities,
        )

    def id_token(self, user: User, application: Application, *, issuer: str) -> str:
        """Who signed in, for the client (OpenID Connect Core, section 2)."""
        now = int(self._clock().timestamp())
        return self.signer.sign(
            {
                "aud": application.client_id,
                "iss": issuer,
                "iat": now,
                "nbf": now,
                "exp": now + 3600,
                "name": user.display_name,
                "oid": user.id,
                "preferred_username": user.user_principal_name,
                "sub": self._pairwise(user, application.client_id),
                "tid": self.tenant_id,
                "uti": self._token_id(0),
                "ver": "2.0",
            }
        )

    def client_info(self, user: User) -> str:
        """What MSAL keys its accounts by."""
        return encode_part(json.dumps({"uid": user.id, "utid": self.tenant_id}, separators=(",", ":")).encode())

    def _access_token(self, claims: Mapping[str, object], capabilities: tuple[str, ...]) -> str:
        self.issued += 1
        now = int(self._clock().timestamp())
        own = {
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + self.token_lifetime,
            "tid": self.tenant_id,
            "uti": self._token_id(self.issued),
            "ver": "1.0",
        }
        return self.signer.sign({**own, **claims, **({"xms_cc": list(capabilities)} if capabilities else {})})

    def _token_id(self, number: int) -> str:
        # Opaque to everybody else; the number in front lets a revocation say "all tokens up to here".
        return encode_part(number.to_bytes(8, "big") + secrets.token_bytes(8))

    def _pairwise(self, user: User, audience: str) -> str:
        """The subject, different for every audience as Entra makes it."""
        return encode_part(hmac.digest(self._salt, f"{user.id} {audience}".encode(), "sha256"))


def token_number(claims: Mapping[str, object]) -> int:
    """How many access tokens had been issued with this one."""
    return int.from_bytes(decode_part(str(claims["uti"]))[:8], "big")
