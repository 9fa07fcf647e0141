"""Open the one connection of a run: LDAPS, certificate and host name verified, simple bind, timeouts."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ldap3 import NONE, SAFE_SYNC, SIMPLE, Connection, Server
from ldap3.core.exceptions import LDAPException

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.controller import read_controller
from runbook_lib.directory.results import SUCCESS, DirectoryUnavailable, bind_error
from runbook_lib.directory.tls import VerifiedTls, client_context
from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets import Secret, secret_file, secret_variable


def open_directory(
    parameters: Parameters, *, environment: Mapping[str, str], clock: Callable[[], datetime]
) -> Directory:
    """Connect to ``dc_host``, sign in as ``bind_user`` and learn which domain controller answers.

    Raises:
        UsageError: A parameter or a file that is missing.
        NoAccess: ``dc-unreachable``, ``dc-certificate``, ``bind-refused`` and others.
        Refused: ``read-only-dc``, ``not-a-domain-controller``.
    """
    for name in ("dc_host", "bind_user"):
        if not getattr(parameters, name):
            raise UsageError(
                f"The parameter {name} is empty.",
                code="parameter-missing",
                hint=f"Set {name} in the parameters file.",
                values={"parameter": name},
            )
    password = bind_password(parameters, environment)
    connection = _connect(parameters, password)
    directory = Directory(connection, opened=clock())
    try:
        directory.controller = read_controller(directory, host=parameters.dc_host, port=parameters.dc_port)
    except BaseException:
        directory.close()
        raise
    return directory


def bind_password(parameters: Parameters, environment: Mapping[str, str]) -> Secret:
    """The password of ``bind_user``: from ``bind_password_file``, else from GWB_BIND_PASSWORD."""
    if parameters.bind_password_file:
        return secret_file(Path(parameters.bind_password_file), parameter="bind_password_file")
    return secret_variable("GWB_BIND_PASSWORD", environment, what=f"password for {parameters.bind_user}")


def _connect(parameters: Parameters, password: Secret) -> Any:
    tls = VerifiedTls(client_context(parameters.dc_ca_file))
    server = Server(
        parameters.dc_host,
        port=parameters.dc_port,
        use_ssl=True,
        tls=tls,
        get_info=NONE,
        connect_timeout=parameters.dc_timeout,
    )
    connection = Connection(
        server,
        user=parameters.bind_user,
        # As bytes: ldap3 would put text through SASLprep, which changes some passwords; AD compares them as they are.
        password=password.reveal().encode("utf-8"),
        authentication=SIMPLE,
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
    try:
        connection.open(read_server_info=False)
    except (LDAPException, OSError) as error:
        raise _not_connected(parameters, tls, error) from None
    _bind(connection, parameters)
    return connection


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


def _bind(connection: Any, parameters: Parameters) -> None:
    try:
        result = connection.bind(read_server_info=False)[1]
    except (LDAPException, OSError) as error:
        raise DirectoryUnavailable(
            f"{parameters.dc_host}:{parameters.dc_port} broke off while signing in: {error}.",
            code="directory-unavailable",
            hint="Check the domain controller and the network, then run again.",
            values={"host": parameters.dc_host, "port": parameters.dc_port},
        ) from None
    finally:
        # ldap3 keeps both for reconnecting, which never happens here.
        connection.password = None
        connection.request = None
    if result["result"] != SUCCESS:
        connection.unbind()
        raise bind_error(result, user=parameters.bind_user)


def _not_connected(parameters: Parameters, tls: VerifiedTls, error: Exception) -> NoAccess:
    host, port = parameters.dc_host, parameters.dc_port
    values = {"host": host, "port": port, "reason": str(tls.failure or error)}
    if isinstance(tls.failure, ssl.SSLCertVerificationError):
        return NoAccess(
            f"The certificate of {host}:{port} is not trusted: {tls.failure.verify_message.rstrip('.')}.",
            code="dc-certificate",
            hint="Name the issuing CA's file in dc_ca_file, and the host as its certificate does in dc_host.",
            values=values,
        )
    if tls.failure is not None:
        return NoAccess(
            f"{host}:{port} does not speak TLS as expected: {tls.failure.reason or tls.failure}.",
            code="dc-tls",
            hint="dc_port must be an LDAPS port, usually 636.",
            values=values,
        )
    return NoAccess(
        f"No connection to {host}:{port}: {error}.",
        code="dc-unreachable",
        hint="Check dc_host, dc_port, name resolution and the firewall in between.",
        values=values,
    )
