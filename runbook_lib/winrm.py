"""PowerShell remoting over WinRM (pypsrp, the extra [winrm]): TLS always, the server's certificate always checked.

Without a user name the ticket of whoever runs this signs in (on Windows the session's own account); with one, its
password gets the ticket. Either is Kerberos and nothing else: NTLM, which proves no server and can be relayed, takes
part only where it is asked for, and then inside TLS and bound to the channel. No password stands in a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, UsageError
from runbook_lib.model.text import NOTHING, t
from runbook_lib.secrets.sources import Secret, scrubbed

WINRM_PORT = 5986
"""WinRM over HTTPS ("Installation and configuration for Windows Remote Management", Microsoft)."""
PASSWORD_VARIABLE = "GWB_WINRM_PASSWORD"  # noqa: S105 - its name
"""Environment variable that holds the password."""
_CONNECT_SECONDS = 30
_OPERATION_SECONDS = 30
"""How long the server keeps one question open; a script that works longer is asked for again and again."""


@dataclass(frozen=True, slots=True)
class WinRMServer:
    """A server and who signs in.

    Attributes:
        host: Name as in its certificate.
        port: TCP port of the HTTPS listener.
        user: User principal name or ``DOMAIN\\name``; empty: whose ticket it is.
        ca_file: PEM file of the CA that its certificate is checked by; empty: those of this system.
        ntlm: Whether NTLM may sign in where Kerberos does not; with a user alone.
    """

    host: str
    port: int = WINRM_PORT
    user: str = ""
    ca_file: str = ""
    ntlm: bool = False


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """What a script left behind: texts it put out, and its errors in words."""

    output: Sequence[str]
    errors: Sequence[str] = ()


class RemoteShell(Protocol):
    """A session of Windows PowerShell on one server."""

    @property
    def server(self) -> str:
        """Its name, as the operator gave it."""

    def run(self, script: str, parameters: Mapping[str, str]) -> RemoteAnswer:
        """Run a script to its end.

        Args:
            script: Its text.
            parameters: Values of its parameters.

        Raises:
            NoAccess: The server refuses the account.
            ServiceFailed: It does not answer, or not as it should.
        """


@contextmanager
def winrm_shell(server: WinRMServer, password: Secret | None = None) -> Iterator[RemoteShell]:
    """A session on a server; it is opened with the first script.

    Args:
        server: The server.
        password: Of ``server.user``.

    Raises:
        UsageError: ``winrm-not-installed``.
    """
    try:
        from pypsrp.wsman import WSMan
    except ImportError:
        raise UsageError(
            t("The extra [winrm] is not installed, so no script runs on {server} from here.", server=server.host),
            code="winrm-not-installed",
            hint=t(
                "Install it (python -m pip install -r requirements-winrm.lock), or run the collector by hand on the "
                "server (gwb connect collector): the file is the same."
            ),
            values={"server": server.host},
        ) from None
    given: dict[str, Any] = {
        "port": server.port,
        "ssl": True,
        "cert_validation": server.ca_file or True,
        "auth": "negotiate" if server.user and server.ntlm else "kerberos",
        "username": server.user or None,
        "password": password.reveal() if password else None,
        "connection_timeout": _CONNECT_SECONDS,
        "operation_timeout": _OPERATION_SECONDS,
        "read_timeout": _OPERATION_SECONDS + 10,
        # Variables of the environment could lead to another server.
        "no_proxy": True,
    }
    with _told(server, password):
        connection = WSMan(server.host, **given)
    with connection:
        yield _Shell(server, connection, password)


class _Shell:
    """A ``RemoteShell`` over one connection."""

    def __init__(self, server: WinRMServer, connection: Any, password: Secret | None) -> None:
        self._server = server
        self._connection = connection
        self._password = password

    @property
    def server(self) -> str:
        """Its name."""
        return self._server.host

    def run(self, script: str, parameters: Mapping[str, str]) -> RemoteAnswer:
        """Run a script in a runspace of its own."""
        from pypsrp.powershell import PowerShell, RunspacePool

        with _told(self._server, self._password), RunspacePool(self._connection) as pool:
            shell = PowerShell(pool)
            shell.add_script(script)
            shell.add_parameters(dict(parameters))
            output = shell.invoke()
            secrets = [self._password.reveal()] if self._password else []
            errors = [scrubbed(str(one), secrets, limit=500) for one in shell.streams.error]
            if shell.had_errors and not errors:
                errors = [t("the script failed without saying why")]
            return RemoteAnswer([str(one) for one in output], errors)


@contextmanager
def _told(server: WinRMServer, password: Secret | None) -> Iterator[None]:
    """What pypsrp and what it stands on raise, as our errors: none of them shows a password."""
    from pypsrp.exceptions import AuthenticationError, WinRMError
    from spnego.exceptions import SpnegoError

    def said(error: BaseException) -> str:
        return scrubbed(str(error) or type(error).__name__, [password.reveal()] if password else [], limit=300)

    try:
        yield
    except RunbookError:
        raise
    except (AuthenticationError, SpnegoError) as error:
        raise NoAccess(
            t("{server} refuses the sign-in over WinRM: {why}", server=server.host, why=said(error)),
            code="winrm-sign-in",
            hint=t(
                "Check the account (it needs PowerShell remoting there, and ADSyncAdmins), and its ticket or "
                "{variable}. Kerberos alone signs in{ntlm}. Or run the collector by hand.",
                variable=PASSWORD_VARIABLE,
                ntlm=NOTHING
                if server.ntlm or not server.user
                else t("; where it cannot from here, --ntlm lets NTLM take part"),
            ),
            values={"server": server.host, "user": server.user},
        ) from None
    # requests' own errors are OSErrors.
    except (WinRMError, OSError) as error:
        raise ServiceFailed(
            t("{server} does not answer over WinRM: {why}", server=server.host, why=said(error)),
            code="winrm-unanswered",
            hint=t(
                "Check that it listens for WinRM over HTTPS (port {port}) and is named as in its certificate, and name "
                "that certificate's CA with --ca-file; or run the collector by hand.",
                port=server.port,
            ),
            values={"server": server.host, "port": server.port},
        ) from None
