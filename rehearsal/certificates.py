"""Certificates of one rehearsal: a CA of its own, the servers' certificate, the client certificate of the app.

Everything is made anew for every rehearsal. The CA's private key never leaves memory, so nothing can be issued
under it later.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

LIFETIME = timedelta(days=90)
"""How long every certificate of a rehearsal is valid."""

CONTROLLERS = ("dc1.contoso.com", "dc2.contoso.com", "rodc1.contoso.com", "emea-dc1.emea.contoso.com")
"""Names of the controllers, for a client that resolves them in its own way."""

_BACKDATED = timedelta(days=1)
"""Clocks of two machines differ; a certificate that begins now is refused by the slower one."""


@dataclass(frozen=True)
class Certificates:
    """What ``make_certificates`` returns. PEM fields are bytes; ``*_pem`` with a key is certificate, then key."""

    ca_pem: bytes
    server_pem: bytes
    client_pem: bytes
    client: x509.Certificate


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read (mode 600 where the system has modes)."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def server_context(server_pem: Path) -> ssl.SSLContext:
    """TLS context of both servers of the rehearsal."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server_pem)
    return context


def make_certificates(now: datetime) -> Certificates:
    """CA, server certificate (loopback and the controllers' names) and the client certificate of the app registration.

    ``now`` is an aware datetime; certificates are valid from one day before it for ``LIFETIME``. The client key is RSA,
    because Microsoft Entra ID takes no other kind for client assertions.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = named("Contoso Rehearsal CA")
    ca = (
        builder_of(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = _issue(ca, ca_key, "localhost", server_key, now, ExtendedKeyUsageOID.SERVER_AUTH, _loopback_names())
    client_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    client = _issue(ca, ca_key, "Group writeback runbook", client_key, now, ExtendedKeyUsageOID.CLIENT_AUTH, None)
    return Certificates(
        ca_pem=ca.public_bytes(serialization.Encoding.PEM),
        server_pem=_pem(server, server_key, ca),
        client_pem=_pem(client, client_key),
        client=client,
    )


def make_client_certificate(common_name: str, now: datetime) -> tuple[x509.Certificate, bytes]:
    """A self-signed client certificate and its PEM with key: one that no app registration knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = named(common_name)
    certificate = builder_of(name, name, key.public_key(), now).sign(key, hashes.SHA256())
    return certificate, _pem(certificate, key)


def utc_now() -> datetime:
    """The real clock, for callers that inject none."""
    return datetime.now(UTC)


def named(common_name: str) -> x509.Name:
    """The name of a certificate."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _loopback_names() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            *(x509.DNSName(name) for name in CONTROLLERS),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("127.0.0.2")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
    )


def builder_of(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, now: datetime
) -> x509.CertificateBuilder:
    """A certificate without its extensions, valid from one day before ``now`` for ``LIFETIME``."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _issue(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    common_name: str,
    key: _PrivateKey,
    now: datetime,
    usage: x509.ObjectIdentifier,
    names: x509.SubjectAlternativeName | None,
) -> x509.Certificate:
    builder = (
        builder_of(named(common_name), ca.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def key_usage(*, certificates: bool) -> x509.KeyUsage:
    """What a key is for: an authority's signs certificates, any other one signs."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate, key: _PrivateKey, *issuers: x509.Certificate) -> bytes:
    """The certificate, those that it comes from (a client that trusts nothing yet looks at them), the key."""
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (certificate, *issuers))
    return chain + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
