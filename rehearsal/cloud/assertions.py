"""How a confidential client proves itself: a secret, or an assertion (RFC 7523), its own or a trusted issuer's."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.cloud.accounts import FederatedCredential
from rehearsal.cloud.sign_in_errors import SignInError, assertion_refused
from rehearsal.cloud.tokens import InvalidTokenError, check_signature, split_token, thumbprints

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW = 300
"""Seconds that Entra lets two clocks differ."""


def check_secret(given: str, expected: str, client_id: str) -> None:
    """Compare a client secret.

    Raises:
        SignInError: It is another one.
    """
    if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise SignInError(
            7000215,
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
            f"value, not the client secret ID, for a secret added to app '{client_id}'.",
            status=401,
        )


def check_assertion(
    assertion: str,
    *,
    client_id: str,
    certificates: Sequence[x509.Certificate],
    audiences: Collection[str],
    now: datetime,
) -> None:
    """Check an assertion: registered certificate, signature, audience, issuer, times, and the certificate's own end.

    Raises:
        SignInError: It does not hold.
    """
    try:
        header, claims = split_token(assertion)
    except InvalidTokenError:
        raise SignInError(50027, "invalid_request", "JWT token is invalid or malformed.") from None
    certificate = _named_certificate(certificates, header)
    key = certificate.public_key()
    try:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidTokenError("not an RSA key")
        check_signature(assertion, key)
    except InvalidTokenError:
        raise assertion_refused(
            700027,
            "Client assertion failed signature validation. [Reason - The key was found, but use of the key to "
            "verify the signature failed.]",
        ) from None
    _check_certificate_times(certificate, now)
    _check_claims(claims, client_id, audiences, now)


def of_another_issuer(assertion: str, client_id: str) -> bool:
    """Whether an assertion is a token of somebody else: it names no certificate and another issuer than the client."""
    try:
        header, claims = split_token(assertion)
    except InvalidTokenError:
        return False
    return not {"x5t", "x5t#S256"} & set(header) and claims.get("iss") != client_id


def check_federated(
    assertion: str, credentials: Sequence[FederatedCredential], *, key: rsa.RSAPublicKey, now: datetime
) -> None:
    """Check a token of another issuer: who issued it, about whom, for whom, signature and times.

    Args:
        assertion: As it was sent.
        credentials: What the application trusts.
        key: Of every issuer that there is.
        now: The service's time.

    Raises:
        SignInError: It does not hold.
    """
    _, claims = split_token(assertion)
    trusted = list(credentials)
    for number, name, field, word in (
        (700211, "iss", "issuer", "issuer"),
        (700213, "sub", "subject", "subject"),
        (700212, "aud", "audience", "audience"),
    ):
        trusted = [one for one in trusted if getattr(one, field) == claims.get(name)]
        if not trusted:
            raise assertion_refused(
                number,
                f"No matching federated identity record found for presented assertion {word} '{claims.get(name)}'. "
                "Check your federated identity credential Subject, Audience and Issuer against the presented "
                "assertion.",
            )
    try:
        check_signature(assertion, key)
    except InvalidTokenError:
        raise SignInError(
            5000224, "invalid_client", "Signature validation of the assertion failed.", status=401
        ) from None
    _check_times(claims, now)


def _named_certificate(certificates: Sequence[x509.Certificate], header: Mapping[str, object]) -> x509.Certificate:
    # MSAL for Python pads its thumbprints, which RFC 7515 does not; Entra takes both.
    named = {str(header[key]).rstrip("=") for key in ("x5t", "x5t#S256") if key in header}
    for certificate in certificates:
        if named and named <= set(thumbprints(certificate)):
            return certificate
    raise assertion_refused(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - The key was not found., Thumbprint of key used by client: '{', '.join(sorted(named))}']",
    )


def _check_certificate_times(certificate: x509.Certificate, now: datetime) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        raise assertion_refused(
            700027,
            "The certificate used to sign the client assertion is not within its valid time range. [Reason - The key "
            f"used is expired., Found key 'Start={begins:%m/%d/%Y %H:%M:%S}, End={ends:%m/%d/%Y %H:%M:%S}']",
        )


def _check_claims(claims: Mapping[str, object], client_id: str, audiences: Collection[str], now: datetime) -> None:
    named = claims.get("aud")
    if not any(
        isinstance(value, str) and value in audiences for value in (named if isinstance(named, list) else [named])
    ):
        raise assertion_refused(
            700023, f"Client assertion audience claim does not match Realm issuer. Received audience: '{named}'."
        )
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise assertion_refused(700030, "Client assertion issuer or subject does not match the application identifier.")
    _check_times(claims, now)


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    moment = now.timestamp()
    if not _is_number(expires) or not _is_number(begins) or expires <= moment or begins > moment + _SKEW:  # type: ignore[operator]
        raise assertion_refused(700024, "Client assertion is not within its valid time range.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
