"""Sign-in of the app itself (client credentials) through msal: by certificate, client secret, or a trusted token."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msal
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.utils import CryptographyDeprecationWarning

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.sign_in.msal_http import HttpForMsal, Registration
from runbook_lib.graph.sign_in.refusals import sign_in_refused
from runbook_lib.graph.sign_in.tokens import CAPABILITIES, has_token
from runbook_lib.graph.sign_in.workload_identity import FederatedToken
from runbook_lib.model.moment import iso_seconds, to_the_minute
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret, doubtful, pem_file

_KEY = re.compile(r"-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its private key. The thumbprints are upper-case hexadecimal, as the portal shows them."""

    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificate: str
    """PEM text of the one certificate that belongs to the key."""
    thumbprint_sha1: str
    thumbprint_sha256: str
    not_before: datetime
    not_after: datetime


def load_certificate(path: Path) -> ClientCertificate:
    """Read the PEM file that the parameter ``certificate_file`` names.

    Raises:
        UsageError: The file is missing, readable by others, or holds no RSA key with its certificate.
    """
    text = pem_file(path, parameter="certificate_file").reveal()
    key_match = _KEY.search(text)
    if key_match is None:
        raise _unusable(path, t("it holds no private key"))
    if "ENCRYPTED" in key_match.group(0):
        raise _unusable(path, t("its private key is protected by a password, and there is no way to give one"))
    key = _private_key(path, key_match.group(0))
    for block in _CERTIFICATE.findall(text):
        certificate = _certificate(path, block)
        if _signs_for(key, certificate):
            return ClientCertificate(
                private_key=key,
                certificate=block,
                # SHA-1 names a certificate here, as the Entra portal does; nothing is secured by it.
                thumbprint_sha1=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
                thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
            )
    raise _unusable(path, t("it holds no certificate that belongs to its private key"))


def require_valid(certificate: ClientCertificate, *, now: datetime) -> None:
    """Refuse a certificate that sign-in would refuse, and say the date.

    Raises:
        NoAccess: Expired or not yet valid (code ``certificate-expired``).
    """
    if certificate.not_before <= now <= certificate.not_after:
        return
    word = t("expired on") if now > certificate.not_after else t("is not valid before")
    day = certificate.not_after if now > certificate.not_after else certificate.not_before
    raise NoAccess(
        t(
            "The sign-in certificate with thumbprint {thumbprint} {word} {day}; this computer's clock says {now}.",
            thumbprint=certificate.thumbprint_sha1,
            word=word,
            day=to_the_minute(day),
            now=to_the_minute(now),
        ),
        code="certificate-expired",
        hint=t("Create a new certificate, add it to the app registration, and name it in certificate_file."),
        values={"thumbprint": certificate.thumbprint_sha1, "not_after": iso_seconds(certificate.not_after)},
    )


def _private_key(path: Path, pem: str) -> rsa.RSAPrivateKey:
    try:
        # cryptography's validation of an RSA key (are its primes prime?) takes 40 to 60 ms and guards against keys that
        # somebody else chose. This file is the operator's own, which no other account may read (``pem_file``), and what
        # is asked of its key is proved: ``_signs_for`` signs with it and verifies by the certificate.
        key = serialization.load_pem_private_key(
            pem.encode("ascii", "replace"), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError):
        key = None
    if key is None:
        raise _unusable(path, t("its private key cannot be read"))
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unusable(path, t("its private key is not an RSA key, and Microsoft Entra ID takes no other"))
    return key


def _signs_for(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> bool:
    """Whether what the key signs is verified by the certificate."""
    public = certificate.public_key()
    if public != key.public_key() or not isinstance(public, rsa.RSAPublicKey):
        return False
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    try:
        public.verify(key.sign(b"tried", scheme, hashes.SHA256()), b"tried", scheme, hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _certificate(path: Path, pem: str) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            # Oddities of old certificates are for whoever issued them, not for the operator's screen.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(pem.encode("ascii", "replace"))
    except ValueError:
        reason = t("a certificate in it cannot be read")
    raise _unusable(path, reason)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        t("The certificate file {path} cannot be used: {why}.", path=path, why=why),
        code="certificate-file",
        hint=t("Give certificate_file a PEM file with one RSA private key and its certificate, without a password."),
        values={"path": str(path), "parameter": "certificate_file"},
    )


class AppSignIn:
    """Signs the app in.

    Args:
        registration: App, tenant and addresses.
        credential: Certificate with key, the client secret, or where the token of a trusted issuer is.
        sender: Sends what msal wants sent.
        clock: Now, UTC.
    """

    def __init__(
        self,
        registration: Registration,
        credential: ClientCertificate | FederatedToken | Secret,
        *,
        sender: Sender,
        clock: Callable[[], datetime],
    ) -> None:
        self._registration = registration
        self._credential = credential
        self._http = HttpForMsal(sender, urlsplit(registration.authority_url).netloc)
        self._clock = clock
        self._app: Any = None

    def __repr__(self) -> str:
        return f"AppSignIn({self._registration!r})"

    def abandon(self) -> None:
        """Nothing: nobody is waited for."""

    def acquire(self, *, claims: str | None, renew: bool) -> Mapping[str, object]:  # noqa: ARG002 - always a new one
        """A new token.

        Raises:
            UsageError: The file with the token cannot be read.
            NoAccess: Refused (``sign-in-refused``), or an expired certificate.
            ServiceFailed: The sign-in service does not work.
        """
        if isinstance(self._credential, ClientCertificate):
            require_valid(self._credential, now=self._clock())
        answer = self._http.ask(lambda: self._ask(claims)) or {}
        if not has_token(answer):
            raise self._refused(answer)
        return answer

    def _ask(self, claims: str | None) -> object:
        if self._app is None:
            self._app = self._new_app()
        self._app.remove_tokens_for_client()  # TokenSource decides when a token is used again, not msal's clock
        return self._app.acquire_token_for_client(scopes=[self._registration.scope], claims_challenge=claims)

    def _new_app(self) -> Any:
        credential: object
        if isinstance(self._credential, ClientCertificate):
            # Given the certificate and no thumbprint, msal signs with PS256 and names the SHA-256 thumbprint. The key
            # goes through it to PyJWT, which would read and try a PEM text anew.
            credential = {
                "private_key": self._credential.private_key,
                "public_certificate": self._credential.certificate,
            }
        elif isinstance(self._credential, FederatedToken):
            # Called for each request: the file is read anew each time.
            credential = {"client_assertion": lambda token=self._credential: token.read().reveal()}
        else:
            credential = self._credential.reveal()
        return msal.ConfidentialClientApplication(
            self._registration.client_id,
            client_credential=credential,
            authority=self._registration.authority,
            http_client=self._http,
            instance_discovery=self._registration.instance_discovery,
            client_capabilities=CAPABILITIES,
        )

    def _refused(self, answer: Mapping[str, object]) -> NoAccess:
        values = self._registration.values
        secrets: tuple[str, ...] = ()
        if isinstance(self._credential, ClientCertificate):
            thumbprint = self._credential.thumbprint_sha1
            how = t("the certificate with thumbprint {thumbprint}", thumbprint=thumbprint)
            values["thumbprint"] = thumbprint
        elif isinstance(self._credential, FederatedToken):
            how = t("the token in {path}", path=self._credential.path)
        else:
            secrets = (self._credential.reveal(),)
            doubt = doubtful(secrets[0])
            how = t("a client secret that {doubt}", doubt=doubt) if doubt else t("a client secret")
        who = t("{app} signed in with {how}", app=self._registration.shown, how=how)
        return sign_in_refused(answer, who=who, secrets=secrets, values=values)
