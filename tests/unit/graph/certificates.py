"""Certificates for tests: CAs, servers on the loopback interface, and what apps sign in with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key; ``number`` asks for another one. Kept, because making one takes long."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_pem(key: Key, password: bytes | None = None) -> str:
    """PKCS #8 PEM, protected by ``password`` if given."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection).decode()


def certificate_pem(key: Key, *, name: str = "App", begin: datetime = BEGIN, days: int = 700) -> str:
    """A self-signed certificate for ``key``."""
    return _pem(_certificate(key, name, key, name, begin, days, ca=False))


@dataclass(frozen=True)
class ServerFiles:
    """A CA file, and one file with certificate and key of a server for localhost and 127.0.0.1."""

    ca: Path
    server: Path


def server_files(folder: Path, *, name: str = "localhost") -> ServerFiles:
    """A new CA and a server certificate under it, valid now."""
    now = datetime.now(UTC) - timedelta(hours=1)
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    files = ServerFiles(folder / "ca.pem", folder / "server.pem")
    files.ca.write_text(_pem(_certificate(ca_key, "Test CA", ca_key, "Test CA", now, 2, ca=True)), encoding="ascii")
    server = _certificate(server_key, name, ca_key, "Test CA", now, 2, ca=False)
    files.server.write_text(_pem(server) + key_pem(server_key), encoding="ascii")
    return files


def _certificate(
    key: Key, name: str, issuer_key: Key, issuer: str, begin: datetime, days: int, *, ca: bool
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
