"""Keys that sign and keys that are shown beside a signature: Ed25519, ECDSA (P-256, P-384) and RSA from 2048 bits.

Signatures are those that ``openssl pkeyutl -verify -rawin`` checks: Ed25519 (RFC 8032), ECDSA with SHA-256, RSA PKCS #1
v1.5 with SHA-256 (RFC 8017, 8.2).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.utils import CryptographyDeprecationWarning

from runbook_lib.errors import UsageError
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.secrets.sources import pem_file
from runbook_lib.strict_file import Unfit

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
SMALLEST_RSA = 2048
"""Bits of an RSA key (NIST SP 800-131A: fewer are disallowed)."""
_CURVES = ("secp256r1", "secp384r1")
_PRIVATE = re.compile(r"-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----.*?-----END \1-----\n?", re.DOTALL)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A public key, and the certificates that say whose it is where it has some, that of the key first."""

    public: PublicKey
    certificates: tuple[x509.Certificate, ...] = ()

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), hexadecimal: ``openssl pkey -pubin -outform DER``."""
        return sha256(_spki(self.public)).hexdigest()

    def as_pem(self) -> bytes:
        """The certificates, or the public key alone where there are none."""
        pem = serialization.Encoding.PEM
        if self.certificates:
            return b"".join(certificate.public_bytes(pem) for certificate in self.certificates)
        return self.public.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made that signature of that message."""
        try:
            if isinstance(self.public, ed25519.Ed25519PublicKey):
                self.public.verify(signature, message)
            elif isinstance(self.public, ec.EllipticCurvePublicKey):
                self.public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                self.public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with what is shown of it. Its ``repr`` holds nothing of the private key."""

    private: PrivateKey = field(repr=False)
    shown: ShownKey

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(message, ec.ECDSA(hashes.SHA256()))
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())


def read_signing_key(path: Path, *, parameter: str) -> SigningKey:
    """The private key in a PEM file that only its owner may read, with its certificates where the file holds them.

    Args:
        path: The file.
        parameter: What named it, for errors.

    Raises:
        UsageError: ``secret-file-open``, ``secret-file-unreadable``; ``signing-key-unusable``: no key of these kinds, a
            key with a password, or certificates of another key.
    """
    text = pem_file(path, parameter=parameter).reveal()
    private = _private_key(text, path, parameter)
    public = private.public_key()
    certificates = tuple(_certificates(text)) if "CERTIFICATE" in text else ()
    if not certificates:
        return SigningKey(private, ShownKey(public))
    own = [one for one in certificates if _same(one, public)]
    if not own:
        raise _unusable(path, parameter, t("its certificates belong to another key"))
    return SigningKey(private, ShownKey(public, (own[0], *(one for one in certificates if one != own[0]))))


def read_shown_key(data: bytes) -> ShownKey:
    """What ``ShownKey.as_pem`` wrote.

    Raises:
        Unfit: It is neither one public key nor certificates, of a kind that signs here; or any byte is otherwise.
    """
    text = data.decode("ascii", "replace")
    found = _shown_key(text)
    if found is None or found.as_pem() != data:
        raise Unfit(t("it is neither a public key nor certificates as this program writes them"))
    return found


def shown_key_in(text: str) -> ShownKey | None:
    """The public key or the certificates in PEM text that a person made; None where there are none that can be used."""
    return _shown_key(text.replace("\r\n", "\n"))


def _shown_key(text: str) -> ShownKey | None:
    certificates: tuple[x509.Certificate, ...] = ()
    public: object = None
    try:
        if block := _PUBLIC.search(text):
            public = serialization.load_pem_public_key(block[0].encode("ascii", "replace"))
        elif certificates := tuple(_certificates(text)):
            public = certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return ShownKey(public, certificates) if isinstance(public, PublicKey) and not _why_not(public) else None


def _private_key(text: str, path: Path, parameter: str) -> PrivateKey:
    block = _PRIVATE.search(text)
    if block is None:
        raise _unusable(path, parameter, t("it holds no private key"))
    if "ENCRYPTED" in block[0]:
        raise _unusable(
            path, parameter, t("its private key is protected by a password, and there is no way to give one")
        )
    try:
        key = serialization.load_pem_private_key(block[0].encode("ascii", "replace"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise _unusable(path, parameter, t("its private key cannot be read"))
    if not isinstance(key, PrivateKey):
        raise _unusable(path, parameter, _OTHER_KIND)
    if why := _why_not(key.public_key()):
        raise _unusable(path, parameter, why)
    return key


def _certificates(text: str) -> list[x509.Certificate]:
    with warnings.catch_warnings():
        # Oddities of old certificates are for whoever issued them.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return [
            x509.load_pem_x509_certificate(block.encode("ascii", "replace")) for block in _CERTIFICATE.findall(text)
        ]


_OTHER_KIND = t("its key is neither Ed25519 nor ECDSA nor RSA")


def _why_not(public: object) -> Text:
    """Why a public key does not sign here; empty where it does."""
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name not in _CURVES:
        return t("its curve is neither P-256 nor P-384")
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < SMALLEST_RSA:
        return t("its RSA key has fewer than {smallest} bits", smallest=SMALLEST_RSA)
    return NOTHING if isinstance(public, PublicKey) else _OTHER_KIND


def _same(certificate: x509.Certificate, public: PublicKey) -> bool:
    own = certificate.public_key()
    return isinstance(own, PublicKey) and _spki(own) == _spki(public)


def _spki(public: PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _unusable(path: Path, parameter: str, why: Text) -> UsageError:
    return UsageError(
        t("The signing key {path} cannot be used: {why}.", path=path, why=why),
        code="signing-key-unusable",
        hint=t(
            "{parameter} names a PEM file with an Ed25519, ECDSA (P-256, P-384) or RSA key, and its certificates "
            "behind it where it has some: openssl genpkey -algorithm ed25519",
            parameter=parameter,
        ),
        values={"path": str(path), "parameter": parameter},
    )
