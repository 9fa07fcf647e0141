"""The certificates that a domain controller shows before anybody trusts it, and whether this machine does.

Nothing is sent over a connection that is not verified: it is opened, its certificates are looked at, and it is closed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from runbook_lib.deadline import ANSWER_TIMES, within
from runbook_lib.directory.sign_in.bind import LdapTlsSocket, client_context
from runbook_lib.errors import NoAccess
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.model.untrusted import printable


@dataclass(frozen=True, slots=True)
class RootCertificate:
    """A certificate that can be trusted as the one that the controller's comes from.

    Attributes:
        name: Its subject, as text that is safe to show.
        sha256: Its fingerprint, upper-case hexadecimal.
        ends: Last day of its validity.
        pem: The certificate.
    """

    name: str
    sha256: str
    ends: str
    pem: str


@dataclass(frozen=True, slots=True)
class TlsLook:
    """What a controller showed.

    Attributes:
        trusted: Whether this machine trusts it already, host name included.
        why: Where it does not: what is wrong.
        names: Host names in its certificate.
        ends: Last day of its certificate.
        roots: Root certificates that it sent and that its own comes from.
    """

    trusted: bool
    why: Text
    names: tuple[str, ...]
    ends: str
    roots: tuple[RootCertificate, ...]


def look_at_tls(host: str, port: int, *, timeout: float) -> TlsLook:
    """Which certificates a controller shows on its LDAPS port, and whether this machine trusts them.

    Raises:
        NoAccess: Nothing answers there, or not with TLS (``dc-unreachable``, ``dc-tls``).
    """
    why = _why_untrusted(host, port, client_context(""), timeout)
    chain = _shown(host, port, timeout)
    leaf = chain[0]
    ends = [one for one in chain if one.issuer == one.subject and (one is leaf or _leads_to(chain, one))]
    return TlsLook(
        trusted=not why,
        why=why,
        names=_names(leaf),
        ends=leaf.not_valid_after_utc.date().isoformat(),
        roots=tuple(map(_root, ends)),
    )


def require_trusted(host: str, port: int, ca_file: Path, *, timeout: float) -> None:
    """Insist that the controller's certificate comes from this file's CA and names the host.

    Raises:
        UsageError: The file cannot be used.
        NoAccess: It does not (``dc-certificate``), or nothing answers.
    """
    if why := _why_untrusted(host, port, client_context(str(ca_file)), timeout):
        raise NoAccess(
            t("With {file} the certificate of {host} is not trusted: {why}.", file=ca_file, host=host, why=why),
            code="dc-certificate",
            hint=t("Name the root certificate of the CA that issued it, and the host as its certificate does."),
            values={"host": host, "file": str(ca_file)},
        )


def _why_untrusted(host: str, port: int, context: ssl.SSLContext, timeout: float) -> Text:
    """Why TLS does not come about with this context; empty: it does."""
    context.sslsocket_class = LdapTlsSocket
    try:
        with _opened(host, port, timeout) as plain, within(timeout * ANSWER_TIMES):
            context.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return verbatim(printable(error.verify_message, limit=200))
    except OSError as error:
        raise _no_tls(host, port, error) from None
    return NOTHING


def _shown(host: str, port: int, timeout: float) -> list[x509.Certificate]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.sslsocket_class = LdapTlsSocket
    try:
        with (
            _opened(host, port, timeout) as plain,
            within(timeout * ANSWER_TIMES),
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            found = [x509.load_der_x509_certificate(der) for der in _chain(connection)]
    except (OSError, ValueError) as error:
        raise _no_tls(host, port, error) from None
    if not found:
        raise _no_tls(host, port, OSError())
    return found


def _chain(connection: ssl.SSLSocket) -> list[bytes]:
    """DER of what the server sent, its own certificate first. Public since Python 3.13; before, the same one floor
    below. Where neither is there, its own certificate alone."""
    inner: Any = connection
    if not hasattr(inner, "get_unverified_chain"):
        inner = getattr(connection, "_sslobj", None)
    if not hasattr(inner, "get_unverified_chain"):
        own = connection.getpeercert(binary_form=True)
        return [own] if own else []
    shown = inner.get_unverified_chain() or []
    return [one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown]


def _opened(host: str, port: int, timeout: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise NoAccess(
            t("{host}:{port} cannot be reached: {reason}.", host=host, port=port, reason=printable(reason)),
            code="dc-unreachable",
            hint=t(
                "LDAPS answers once the domain controller has a certificate for server authentication. Check that, its "
                "name, port {port} and the firewall in between, or name another controller.",
                port=port,
            ),
            values={"host": host, "port": port},
        ) from None


def _no_tls(host: str, port: int, error: Exception) -> NoAccess:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
    return NoAccess(
        t("{host}:{port} does not answer with TLS: {reason}.", host=host, port=port, reason=printable(str(reason))),
        code="dc-tls",
        hint=t("Check that LDAPS listens there; a domain controller needs a certificate for server authentication."),
        values={"host": host, "port": port},
    )


def _leads_to(chain: Sequence[x509.Certificate], root: x509.Certificate) -> bool:
    """Whether the first certificate of the chain comes from ``root`` by way of the others."""
    present, ahead = chain[0], list(chain[1:])
    while ahead:
        issuer = next((one for one in ahead if _issued(one, present)), None)
        if issuer is None or issuer is root:
            return issuer is root
        ahead.remove(issuer)
        present = issuer
    return False


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(printable(name) for name in held.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        return ()


def _root(certificate: x509.Certificate) -> RootCertificate:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    shown = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return RootCertificate(
        printable(shown, limit=120),
        certificate.fingerprint(hashes.SHA256()).hex().upper(),
        certificate.not_valid_after_utc.date().isoformat(),
        certificate.public_bytes(Encoding.PEM).decode("ascii"),
    )


def shown_fingerprint(sha256: str) -> str:
    """A fingerprint in pairs, as Windows and openssl show it."""
    return ":".join(sha256[at : at + 2] for at in range(0, len(sha256), 2))
