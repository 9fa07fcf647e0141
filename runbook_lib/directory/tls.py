"""TLS to a domain controller: the chain and the host name are checked by OpenSSL, always."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from ldap3 import Tls

from runbook_lib.deadline import Limited
from runbook_lib.errors import UsageError
from runbook_lib.files import require_regular


class LimitedTlsSocket(Limited, ssl.SSLSocket):
    """A TLS socket that receives nothing when the time for a whole answer is over."""


class LimitedSocket(Limited, socket.socket):
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
        context.sslsocket_class = LimitedTlsSocket
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
        what = "holds no usable certificate"
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = "does not exist" if missing else f"cannot be read: {error.strerror}"
    else:
        return context
    raise UsageError(
        f"The CA file {path} {what}.",
        code="ca-file-unreadable",
        hint="Check the parameter dc_ca_file: a PEM file with the CA's certificate.",
        values={"path": str(path), "parameter": "dc_ca_file"},
    )
