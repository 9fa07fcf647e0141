"""The key pair that the app signs in with: made here, its private half in a file that only its owner can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from runbook_lib.errors import ServiceFailed
from runbook_lib.files import write_durably
from runbook_lib.graph.sign_in.certificate import load_certificate, require_valid
from runbook_lib.model.text import t

VALID = timedelta(days=365)
"""A year: somebody has to make a new one in good time, and a lost one does not open the tenant for long."""
_BACKDATED = timedelta(minutes=10)
"""Clocks differ; a certificate that begins now is refused by a slower one."""
_KEY_BITS = 3072
"""Bits of its RSA key."""
_NAME = "Group-writeback-runbook"
"""Common name of the certificate."""


@dataclass(frozen=True, slots=True)
class AppCertificate:
    """The certificate of the app.

    Attributes:
        key_file: PEM with private key and certificate: the parameter ``certificate_file``.
        public_file: PEM with the certificate alone, to be uploaded.
        thumbprint: SHA-1, upper case, as the Entra admin center shows it.
        ends: Last moment of its validity.
        made: Whether it was made just now; False: it was there.
    """

    key_file: Path
    public_file: Path
    thumbprint: str
    ends: datetime
    made: bool


def app_certificate(key_file: Path, clock: Callable[[], datetime]) -> AppCertificate:
    """The certificate in ``key_file``, made where there is none; its public half beside it.

    Raises:
        UsageError: The file is there and holds no key with its certificate, or others can read it.
        NoAccess: It has expired.
        ServiceFailed: The folder cannot be written (``setup-unwritable``).
    """
    made = not key_file.exists()
    try:
        if made:
            key_file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(key_file, new_key_pair(clock()), mode=0o600)
        known = load_certificate(key_file)
        require_valid(known, now=clock())
        public_file = key_file.with_suffix(".cer")
        content = f"{known.certificate.strip()}\n".encode("ascii")
        if not public_file.exists() or public_file.read_bytes() != content:
            write_durably(public_file, content)
    except OSError as error:
        raise unwritable(key_file.parent, error) from None
    return AppCertificate(key_file, public_file, known.thumbprint_sha1, known.not_after, made)


def unwritable(folder: Path, error: OSError) -> ServiceFailed:
    """The error for a folder that takes no file."""
    return ServiceFailed(
        t("{folder} cannot be written: {reason}.", folder=folder, reason=error.strerror or type(error).__name__),
        code="setup-unwritable",
        hint=t("Name another folder, or make it writable for this account."),
        values={"folder": str(folder)},
    )


def new_key_pair(now: datetime) -> bytes:
    """PEM of a new RSA key (Microsoft Entra ID takes no other kind) and its self-signed certificate, valid a year."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
