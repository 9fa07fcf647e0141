"""Keys and certificates of signers, made for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rehearsal.certificates import key_usage, named
from runbook_lib.signing.keys import PrivateKey, SigningKey, read_signing_key


def key_file(path: Path, key: PrivateKey, *certificates: x509.Certificate, password: bytes | None = None) -> Path:
    """A PEM file with a private key and certificates, readable only by its owner."""
    pem = serialization.Encoding.PEM
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    parts = [key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked)]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(b"".join([*parts, *(certificate.public_bytes(pem) for certificate in certificates)]))
    return path


def new_key(folder: Path, name: str = "key") -> SigningKey:
    """A new Ed25519 key in ``NAME.pem``."""
    path = key_file(folder / f"{name}.pem", ed25519.Ed25519PrivateKey.generate())
    return read_signing_key(path, parameter="signing_key")


def trust_folder(folder: Path, **signers: bytes) -> Path:
    """A folder of trusted signers: name to PEM."""
    path = folder / "trusted"
    path.mkdir(mode=0o700, parents=True)
    for name, pem in signers.items():
        (path / f"{name}.pem").touch(mode=0o600)
        (path / f"{name}.pem").write_bytes(pem)
    return path


def certificate_of(
    name: str, key: PrivateKey, now: datetime, *, issuer: tuple[x509.Certificate, PrivateKey] | None = None
) -> x509.Certificate:
    """A certificate that is valid for a year; that of an authority where nobody else issues it."""
    subject = named(name)
    by, signs = issuer if issuer else (None, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(key_usage(certificates=by is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if by is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())  # type: ignore[arg-type]
        builder = builder.add_extension(identifier, critical=False)
    plain = isinstance(signs, ed25519.Ed25519PrivateKey)
    assert isinstance(signs, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return builder.sign(signs, None if plain else hashes.SHA256())
