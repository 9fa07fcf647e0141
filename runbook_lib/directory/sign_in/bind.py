"""One host: a socket, TLS with the chain and the host name checked, a bind."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldap3 import NONE, SAFE_SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException

from runbook_lib.deadline import ANSWER_TIMES, Limited, within
from runbook_lib.directory.errors import SUCCESS, DirectoryUnavailable
from runbook_lib.directory.reconnect import LARGEST_LDAP_ANSWER, UNREACHABLE
from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.files import require_regular
from runbook_lib.model.text import NOTHING, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.sources import scrubbed


class LdapTlsSocket(Limited, ssl.SSLSocket):
    """A TLS socket that receives nothing when the time for a whole answer is over."""


class LdapSocket(Limited, socket.socket):
    """The same without TLS, for the answer to StartTLS."""


class VerifiedTls(Tls):  # type: ignore[misc]
    """ldap3's TLS settings with the standard library's verification in place of ldap3's own.

    ldap3 2.9.1 switches ``check_hostname`` off and compares names with ``ssl.match_hostname``, which Python 3.12
    removed (it then falls back to a copy of its own). Here one context checks both, names and addresses alike.

    Attributes:
        failure: The last certificate error; ldap3 wraps exceptions so that only their text survives.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        context.sslsocket_class = LdapTlsSocket
        self.context = context
        self.failure: ssl.SSLError | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Put TLS around the connection's socket; ``do_handshake`` is ldap3's name for it and always done."""
        del do_handshake
        try:
            connection.socket = self.context.wrap_socket(connection.socket, server_hostname=connection.server.host)
        except ssl.SSLError as error:
            self.failure = error
            raise


def client_context(ca_file: str) -> ssl.SSLContext:
    """A verifying context that trusts ``ca_file``, or the system's CAs where it is empty.

    Raises:
        UsageError: The file is missing or holds no certificate.
    """
    if not ca_file:
        return ssl.create_default_context()
    path = Path(ca_file)
    try:
        require_regular(path)
        context = ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        what = t("holds no usable certificate")
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = t("does not exist") if missing else t("cannot be read: {reason}", reason=error.strerror)
    else:
        return context
    raise UsageError(
        t("The CA file {path} {what}.", path=path, what=what),
        code="ca-file-unreadable",
        hint=t("Check the parameter dc_ca_file: a PEM file with the CA's certificate."),
        values={"path": str(path), "parameter": "dc_ca_file"},
    )


PORTS = {"ldaps": 636, "starttls": 389}
_START_TLS = "1.3.6.1.4.1.1466.20037"


@dataclass(frozen=True, slots=True)
class ControllerAddress:
    """Where a domain controller listens, and how TLS begins there (``ldaps`` or ``starttls``)."""

    host: str
    port: int
    security: str

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Binder = Callable[[Any, ControllerAddress], None]
"""Signs in over a connection that has TLS, or raises and leaves it to the caller to close it."""


def addresses(parameters: Parameters) -> list[ControllerAddress]:
    """The controllers that the parameters name, in order."""
    hosts = (parameters.dc_host, parameters.dc_host_fallback)
    return [address_of(host, parameters) for host in hosts if host]


def address_of(host: str, parameters: Parameters) -> ControllerAddress:
    """Where this controller listens, by the port and the kind of TLS that the parameters name."""
    return ControllerAddress(host, parameters.dc_port or PORTS[parameters.dc_security], parameters.dc_security)


def sign_on(address: ControllerAddress, parameters: Parameters, bind: Binder) -> Any:
    """A bound ldap3 connection.

    Raises:
        UsageError: The CA file cannot be used.
        NoAccess: ``dc-unreachable``, ``dc-certificate``, ``dc-tls``, ``start-tls-refused``, or what ``bind`` says.
        DirectoryUnavailable: The connection broke off on the way.
    """
    tls = VerifiedTls(client_context(parameters.dc_ca_file))
    connection = _connection(address, parameters, tls)
    try:
        connection.open(read_server_info=False)
    except (LDAPException, OSError) as error:
        raise _not_connected(address, tls, error) from None
    try:
        with within(parameters.dc_timeout * ANSWER_TIMES, largest=LARGEST_LDAP_ANSWER):
            if address.security == "starttls":
                _start_tls(connection, address, tls)
            if not isinstance(connection.socket, ssl.SSLSocket):
                raise RuntimeError("no TLS before the bind")
            bind(connection, address)
    except BaseException as error:
        # Without ldap3's unbind: that would be sent in the clear where TLS did not come about.
        connection.strategy.close()
        if isinstance(error, LDAPException | OSError):
            raise broke_off(address, error) from None
        raise
    finally:
        # ldap3 keeps both for reconnecting, which it never does here.
        connection.password = None
        connection.request = None
    return connection


def broke_off(address: ControllerAddress, error: Exception) -> DirectoryUnavailable:
    """The error for a connection that ended while signing in."""
    return DirectoryUnavailable(
        t(
            "{address} broke off while signing in: {scrubbed}.",
            address=address,
            scrubbed=scrubbed(str(error), limit=300),
        ),
        code="directory-unavailable",
        hint=t("Check the domain controller and the network, then run again."),
        values={"host": address.host, "port": address.port},
    )


def _connection(address: ControllerAddress, parameters: Parameters, tls: VerifiedTls) -> Any:
    server = Server(
        address.host,
        port=address.port,
        use_ssl=address.security == "ldaps",
        tls=tls,
        get_info=NONE,
        connect_timeout=parameters.dc_timeout,
    )
    connection = Connection(
        server,
        client_strategy=SAFE_SYNC,
        auto_referrals=False,
        auto_range=False,
        auto_escape=False,
        check_names=False,
        return_empty_attributes=False,
        receive_timeout=parameters.dc_timeout,
        raise_exceptions=False,
    )
    _close_failed_sockets(connection)
    return connection


def _start_tls(connection: Any, address: ControllerAddress, tls: VerifiedTls) -> None:
    """Ask for TLS and put it around the socket. ldap3's own method tells a refusal and a failure alike."""
    plain = connection.socket
    connection.socket = LdapSocket(plain.family, plain.type, plain.proto, plain.detach())
    connection.socket.settimeout(connection.receive_timeout)
    result = connection.extended(_START_TLS)[1]
    if result["result"] != SUCCESS:
        said = scrubbed(str(result.get("message") or "").rstrip("\x00 \n"), limit=300)
        raise NoAccess(
            t(
                "{address} refuses StartTLS (LDAP result {result_code}{said}). Nothing else was sent.",
                address=address,
                result_code=result["result"],
                said=t(": {said}", said=said) if said else NOTHING,
            ),
            code="start-tls-refused",
            hint=t(
                "A domain controller without a certificate does that: give it one, or name one that "
                'has. If dc_port is an LDAPS port, set dc_security to "ldaps".'
            ),
            values={"host": address.host, "port": address.port, "result": result["result"]},
        )
    try:
        tls.wrap_socket(connection)
    except OSError as error:
        raise _not_connected(address, tls, error) from None
    connection.tls_started = True


def _close_failed_sockets(connection: Any) -> None:
    """Close the socket of every address that could not be opened; ldap3 2.9.1 leaves them to the garbage collector.

    A host with an IPv6 and an IPv4 address and only one of them in use is enough to leave one behind.
    """
    open_socket = connection.strategy._open_socket  # noqa: SLF001 - the one place where ldap3 knows of each address

    def tidy(*arguments: Any, **named: Any) -> None:
        try:
            open_socket(*arguments, **named)
        except Exception:
            if connection.socket is not None:
                connection.socket.close()
            raise

    connection.strategy._open_socket = tidy  # noqa: SLF001


def _not_connected(address: ControllerAddress, tls: VerifiedTls, error: Exception) -> NoAccess:
    values = {"host": address.host, "port": address.port, "reason": scrubbed(str(tls.failure or error), limit=300)}
    if isinstance(tls.failure, ssl.SSLCertVerificationError):
        return NoAccess(
            t(
                "The certificate of {address} is not trusted: {scrubbed}.",
                address=address,
                scrubbed=scrubbed(tls.failure.verify_message).rstrip("."),
            ),
            code="dc-certificate",
            hint=t("Name the issuing CA's file in dc_ca_file, and the host as its certificate does in dc_host."),
            values=values,
        )
    if tls.failure is not None:
        other = "ldaps" if address.security == "starttls" else "starttls"
        return NoAccess(
            t(
                "{address} does not speak TLS as expected: {scrubbed}.",
                address=address,
                scrubbed=scrubbed(str(tls.failure.reason or tls.failure)),
            ),
            code="dc-tls",
            hint=t(
                'dc_security is {security}, whose port is usually {usual}; for port {given} set it to "{other}".',
                security=address.security,
                usual=PORTS[address.security],
                given=PORTS[other],
                other=other,
            ),
            values=values,
        )
    return NoAccess(
        t("No connection to {address}: {scrubbed}.", address=address, scrubbed=scrubbed(str(error), limit=300)),
        code=UNREACHABLE,
        hint=t("Check dc_host, dc_port, name resolution and the firewall in between."),
        values=values,
    )
