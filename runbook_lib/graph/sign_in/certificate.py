"""The certificate and private key that an app signs in with, from a file: PEM, or PKCS#12 (.pfx, .p12)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.utils import CryptographyDeprecationWarning

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.model.moment import iso_seconds, to_the_minute
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret, as_pem, private_file

_KEY = re.compile(r"-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_ASN1_SEQUENCE, _PEM_BEGINS = b"\x30", b"-----BEGIN "
_UNREADABLE = (ValueError, UnsupportedAlgorithm)
"""What cryptography raises: damaged, another password, or a cipher that its OpenSSL lacks (those of old exports)."""
_OTHERWISE_LOCKED = t("it is damaged or in an old cipher, or its password is another one than the one that was given")
_Found = tuple[rsa.RSAPrivateKey, Iterable[x509.Certificate]]
CERTIFICATE_PASSWORD_VARIABLE = "GWB_CERTIFICATE_PASSWORD"  # noqa: S105 - the variable's name
"""Environment variable that holds the password of the private key in ``certificate_file``."""


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


def load_certificate(path: Path, password: Callable[[], Secret | None] = lambda: None) -> ClientCertificate:
    """Read the file that the parameter ``certificate_file`` names: PEM, or PKCS#12, which begins as ASN.1 does.

    Args:
        path: The file.
        password: Gives the password of its private key, or None; asked only where one is needed.

    Raises:
        UsageError: The file is missing, readable by others, or holds no RSA key with its certificate; the password is
            missing or another one.
        NoAccess: As ``password``.
    """
    data = private_file(path, parameter="certificate_file")
    # ASN.1 begins with the character 0, as a text may.
    binary = data.startswith(_ASN1_SEQUENCE) and _PEM_BEGINS not in data
    key, certificates = _of_pkcs12(path, data, password) if binary else _of_pem(path, data, password)
    for certificate in certificates:
        if _signs_for(key, certificate):
            return ClientCertificate(
                private_key=key,
                certificate=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
                # SHA-1 names a certificate here, as the Entra portal does; nothing is secured by it.
                thumbprint_sha1=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
                thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
            )
    raise _unusable(path, t("it holds no certificate that belongs to its private key"))


def _of_pem(path: Path, data: bytes, password: Callable[[], Secret | None]) -> _Found:
    text = as_pem(data, path, parameter="certificate_file").reveal()
    key_match = _KEY.search(text)
    if key_match is None:
        raise _unusable(path, t("it holds no private key"))
    pem = key_match.group(0)
    given = password() if "ENCRYPTED" in pem else None
    if "ENCRYPTED" in pem and given is None:
        raise _locked(path)
    key = _private_key(path, pem, given)
    return key, (_certificate(path, block) for block in _CERTIFICATE.findall(text))


def _of_pkcs12(path: Path, data: bytes, password: Callable[[], Secret | None]) -> _Found:
    """Key and certificates of a PKCS#12 file (RFC 7292); one without a password needs none."""
    found = None
    given: Secret | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            found = pkcs12.load_pkcs12(data, None)
        except _UNREADABLE:
            given = password()
        if found is None and given is not None:
            try:
                found = pkcs12.load_pkcs12(data, given.reveal().encode())
            except _UNREADABLE:
                raise _unusable(path, _OTHERWISE_LOCKED) from None
    if found is None:
        raise _locked(path)
    if found.key is None:
        raise _unusable(path, t("it holds no private key"))
    own = [found.cert] if found.cert else []
    return _of_rsa(path, found.key), [one.certificate for one in (*own, *found.additional_certs)]


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


def _private_key(path: Path, pem: str, password: Secret | None) -> rsa.RSAPrivateKey:
    try:
        # cryptography's validation of an RSA key (are its primes prime?) takes 40 to 60 ms and guards against keys that
        # somebody else chose. This file is the operator's own, which no other account may read (``pem_file``), and what
        # is asked of its key is proved: ``_signs_for`` signs with it and verifies by the certificate.
        key = serialization.load_pem_private_key(
            pem.encode("ascii", "replace"),
            password=None if password is None else password.reveal().encode(),
            unsafe_skip_rsa_key_validation=True,
        )
    except (*_UNREADABLE, TypeError):
        key = None
    if key is None and password is not None:
        raise _unusable(path, _OTHERWISE_LOCKED)
    if key is None:
        raise _unusable(path, t("its private key cannot be read"))
    return _of_rsa(path, key)


def _of_rsa(path: Path, key: object) -> rsa.RSAPrivateKey:
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
        hint=t("Give certificate_file a PEM or PKCS#12 file with one RSA private key and its certificate."),
        values={"path": str(path), "parameter": "certificate_file"},
    )


def _locked(path: Path) -> UsageError:
    return UsageError(
        t("The certificate file {path} cannot be used: its private key is protected by a password.", path=path),
        code="certificate-file",
        hint=t(
            "Say in certificate_password_from where the password is, or set {name} for this process.",
            name=CERTIFICATE_PASSWORD_VARIABLE,
        ),
        values={"path": str(path), "parameter": "certificate_file"},
    )
