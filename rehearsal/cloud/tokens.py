"""JSON Web Tokens (RFC 7515, 7519, 7523): signing and checking them, what access tokens and id tokens hold."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rehearsal.cloud.accounts import Application, User


class InvalidTokenError(Exception):
    """A token that is not well formed or whose signature does not hold."""


def encode_part(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_part(text: str) -> bytes:
    """Bytes of base64url without padding.

    Raises:
        InvalidTokenError: Not base64url.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidTokenError("a part is not base64url") from None


def split_token(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims, nothing checked.

    Raises:
        InvalidTokenError: Not three parts, or not JSON objects.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidTokenError("a token has three parts")
    return _json_object(parts[0]), _json_object(parts[1])


def _json_object(part: str) -> dict[str, object]:
    try:
        value = json.loads(decode_part(part))
    except (ValueError, RecursionError):
        raise InvalidTokenError("a part is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidTokenError("a part is not a JSON object")
    return value


def sign_token(header: Mapping[str, object], claims: Mapping[str, object], key: rsa.RSAPrivateKey) -> str:
    """A token signed with RS256."""
    parts = ({**header, "alg": "RS256"}, dict(claims))
    body = ".".join(encode_part(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{body}.{encode_part(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def check_signature(token: str, key: rsa.RSAPublicKey) -> None:
    """Check a token's signature under RS256 or PS256, whichever its header names.

    Raises:
        InvalidTokenError: Another algorithm, or the signature does not hold.
    """
    header, _ = split_token(token)
    body, _, signature = token.rpartition(".")
    algorithm = header.get("alg")
    scheme: padding.AsymmetricPadding
    if algorithm == "RS256":
        scheme = padding.PKCS1v15()
    elif algorithm == "PS256":
        scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    else:
        raise InvalidTokenError(f"algorithm {algorithm!r}")
    try:
        key.verify(decode_part(signature), body.encode("utf-8", "replace"), scheme, hashes.SHA256())
    except InvalidSignature:
        raise InvalidTokenError("the signature does not hold") from None


def thumbprints(certificate: x509.Certificate) -> tuple[str, str]:
    """``x5t`` (SHA-1) and ``x5t#S256`` of a certificate, base64url."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    # RFC 7515 defines x5t over SHA-1; it identifies a certificate here, it proves nothing.
    return encode_part(hashlib.sha1(der, usedforsecurity=False).digest()), encode_part(hashlib.sha256(der).digest())


class TokenSigner:
    """The key that signs access tokens, and the check of what it signed."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = encode_part(hashlib.sha256(der).digest()[:20])

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What its signatures are checked with; every issuer of a rehearsal has this one key."""
        return self._key.public_key()

    def sign(self, claims: Mapping[str, object]) -> str:
        """An access token over ``claims``."""
        return sign_token({"typ": "JWT", "kid": self.key_id}, claims, self._key)

    def claims_of(self, token: str) -> dict[str, object]:
        """Claims of a token that this signer signed.

        Raises:
            InvalidTokenError: Anything else.
        """
        check_signature(token, self._key.public_key())
        return split_token(token)[1]

    def key_set(self) -> dict[str, object]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
        key = {"kty": "RSA", "use": "sig", "kid": self.key_id, "n": encode_part(modulus), "e": encode_part(exponent)}
        return {"keys": [key]}


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
