"""Open the one connection of a run: TLS with certificate and host name verified, a bind, timeouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ldap3 import SIMPLE

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import LONGEST_SAID, SUCCESS, DirectoryUnavailable, bind_error
from runbook_lib.directory.reconnect import UNREACHABLE, Patience
from runbook_lib.directory.sign_in.bind import Address, Binder, addresses, sign_on
from runbook_lib.directory.sign_in.controller import read_controller
from runbook_lib.directory.sign_in.kerberos import bind_kerberos, principal
from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.sources import Secret, doubtful, scrubbed, secret_file, secret_variable


def open_directory(
    parameters: Parameters,
    *,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    only: ControllerIdentity | None = None,
) -> Directory:
    """Connect to ``dc_host``, sign in and learn which domain controller answers.

    ``dc_host_fallback`` is asked only where ``dc_host`` cannot be reached, breaks off or says that it is busy or
    unavailable. A refused sign-in, a certificate or a read-only controller is an answer, and the other one would not
    make it a better one.

    Args:
        only: The controller that holds the first writes already: no other host is asked, and no other controller may
            answer there.

    Raises:
        UsageError: A parameter or a file that is missing.
        ValueError: ``only`` stands behind none of the named hosts.
        NoAccess: ``dc-unreachable``, ``dc-certificate``, ``bind-refused`` and others.
        Refused: ``read-only-dc``, ``not-a-domain-controller``.
        ServiceFailed: ``controller-changed``: where ``only`` answered, another one does.
    """
    _require(parameters)
    bind, redact = binder(parameters, environment), redactor(parameters, environment)
    hosts = addresses(parameters)
    if only is not None:
        hosts = [address for address in hosts if same_host(address.host, only.host)]
        if not hosts:
            raise ValueError("the controller of the first writes is not among the named ones")
    unanswered: list[RunbookError] = []
    for address in hosts:
        try:
            return _open(address, parameters, bind, opened=clock(), patience=Patience(sleep), only=only, redact=redact)
        except (NoAccess, DirectoryUnavailable) as error:
            if not (isinstance(error, DirectoryUnavailable) or error.code == UNREACHABLE):
                raise
            unanswered.append(error)
    raise unanswered[0] if len(unanswered) == 1 else _none_answers(unanswered)


def bind_password(parameters: Parameters, environment: Mapping[str, str]) -> Secret:
    """The password of ``bind_user``: from ``bind_password_file``, else from GWB_BIND_PASSWORD."""
    if parameters.bind_password_file:
        return secret_file(Path(parameters.bind_password_file), parameter="bind_password_file")
    return secret_variable(
        "GWB_BIND_PASSWORD",
        environment,
        what=f"password for {parameters.bind_user}",
        otherwise="; or name a file that only its owner can read in bind_password_file; or sign in without a password: "
        "bind_method kerberos",
    )


def names_host(parameters: Parameters, host: str) -> bool:
    """Whether a host is one of the two that the parameters name."""
    return any(same_host(address.host, host) for address in addresses(parameters))


def same_host(one: str, other: str) -> bool:
    """Whether two host names are the same to DNS."""
    return one.casefold().rstrip(".") == other.casefold().rstrip(".")


def needed(parameters: Parameters) -> tuple[str, ...]:
    """Names of the parameters that no connection can do without."""
    return ("dc_host",) if parameters.bind_method == "kerberos" else ("dc_host", "bind_user")


def _require(parameters: Parameters) -> None:
    for name in needed(parameters):
        if not getattr(parameters, name):
            raise UsageError(
                t("The parameter {name} is empty.", name=name),
                code="parameter-missing",
                hint=t("Set {name} in the parameters file.", name=name),
                values={"parameter": name},
            )


def _open(
    address: Address,
    parameters: Parameters,
    bind: Binder,
    *,
    opened: datetime,
    patience: Patience,
    only: ControllerIdentity | None,
    redact: Callable[[str], str],
) -> Directory:
    directory = Directory(sign_on(address, parameters, bind), opened=opened, patience=patience)
    directory.redact_with(redact)
    try:
        if only is not None:
            directory.require_controller(only)
        directory.controller = read_controller(directory, host=address.host, port=address.port)
    except BaseException:
        directory.close()
        raise
    directory.let_reopen(lambda: sign_on(address, parameters, bind))
    return directory


def binder(parameters: Parameters, environment: Mapping[str, str]) -> Binder:
    """Kerberos, or a simple bind whose password is read for each one, so that a long run does not keep it."""
    if parameters.bind_method == "kerberos":
        user, keytab = principal(parameters.bind_user), parameters.kerberos_keytab
        return lambda connection, address: bind_kerberos(connection, address.host, user=user, keytab=keytab)
    bind_password(parameters, environment)  # a missing one is told before any host is asked

    def bind(connection: Any, _address: Address) -> None:
        connection.authentication = SIMPLE
        connection.user = parameters.bind_user
        # As bytes: ldap3 would put text through SASLprep, which changes some passwords; AD compares them as they are.
        password = bind_password(parameters, environment).reveal()
        connection.password = password.encode("utf-8")
        result = connection.bind(read_server_info=False)[1]
        if result["result"] != SUCCESS:
            raise bind_error(result, user=parameters.bind_user, doubt=doubtful(password), secrets=(password,))

    return bind


def redactor(parameters: Parameters, environment: Mapping[str, str]) -> Callable[[str], str]:
    """Takes this account's password, and whatever looks like a secret, out of a text of the controller.

    The password is read anew for each text, so that a long run does not keep it.
    """

    def redact(text: str) -> str:
        try:
            known = [] if parameters.bind_method == "kerberos" else [bind_password(parameters, environment).reveal()]
        except RunbookError:
            known = []
        return scrubbed(text, known, limit=LONGEST_SAID)

    return redact


def _none_answers(errors: list[RunbookError]) -> NoAccess:
    return NoAccess(
        t("Neither domain controller answers. {errors}", errors=" ".join(error.message for error in errors)),
        code=UNREACHABLE,
        hint=t("Check dc_host, dc_host_fallback, dc_port, name resolution and the firewall in between."),
        values={"reasons": [error.message for error in errors]},
    )
