"""Open the one connection of a run (TLS, host name verified, a bind), and see which controller is at the other end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ldap3 import SIMPLE

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import LONGEST_SAID, SUCCESS, DirectoryUnavailable, bind_error
from runbook_lib.directory.reconnect import UNREACHABLE, ControllerPatience
from runbook_lib.directory.search import Entry, all_of, equals, has_bits
from runbook_lib.directory.sign_in.bind import Binder, ControllerAddress, addresses, sign_on
from runbook_lib.directory.sign_in.kerberos import bind_kerberos, principal
from runbook_lib.errors import NoAccess, Refused, RunbookError, UsageError
from runbook_lib.model.directory import ControllerIdentity, DomainController
from runbook_lib.model.dn import normalize_dn, parse_dn, same_dn
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.sources import Secret, doubtful, scrubbed, secret_file, secret_variable

_ROOT_ATTRIBUTES = (
    "defaultNamingContext",
    "configurationNamingContext",
    "schemaNamingContext",
    "rootDomainNamingContext",
    "dnsHostName",
    "dsServiceName",
    "highestCommittedUSN",
    "supportedCapabilities",
)
_READ_ONLY_CAPABILITY = "1.2.840.113556.1.4.1920"
"""LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID: what only a read-only DC announces (MS-ADTS 3.1.1.3.4.3.5)."""
_CROSS_REF_DOMAIN = 0x2
"""Flag FLAG_CR_NTDS_DOMAIN of a crossRef's systemFlags (MS-ADTS 6.1.1.2.1.1.3)."""


def read_controller(directory: Directory, *, host: str, port: int) -> DomainController:
    """Describe the domain controller that ``directory`` is connected to.

    Raises:
        Refused: ``not-a-domain-controller`` or ``read-only-dc``.
        NoAccess: ``controller-unreadable``: the account may not read what every account normally may.
    """
    root = directory.read_dn("", _ROOT_ATTRIBUTES)
    if root is None or not root.text("defaultNamingContext") or not root.text("dsServiceName"):
        raise Refused(
            t("{host}:{port} answers LDAP, but is not an Active Directory domain controller.", host=host, port=port),
            code="not-a-domain-controller",
            hint=t("Check the parameters dc_host and dc_port."),
            values={"host": host, "port": port},
        )
    service = _text(root, "dsServiceName")
    settings = _required(directory, service, ("objectClass", "invocationId", "msDS-isRODC"))
    if _is_read_only(root, settings):
        raise Refused(
            t("{host} is a read-only domain controller.", host=host),
            code="read-only-dc",
            hint=t("Name a writable domain controller in the parameter dc_host."),
            values={"host": host, "ds_service_name": service},
        )
    default = _text(root, "defaultNamingContext")
    head = _required(directory, default, ("objectGUID", "objectSid"))
    dns_name, others = _domains(directory, _text(root, "configurationNamingContext"), default)
    return DomainController(
        host=host,
        port=port,
        dns_host_name=root.text("dnsHostName") or "",
        ds_service_name=service,
        invocation_id=settings.guid_of("invocationId") or "",
        highest_committed_usn=root.integer("highestCommittedUSN") or 0,
        default_naming_context=default,
        configuration_naming_context=_text(root, "configurationNamingContext"),
        schema_naming_context=_text(root, "schemaNamingContext"),
        root_domain_naming_context=_text(root, "rootDomainNamingContext"),
        domain_dns_name=dns_name,
        domain_guid=head.guid,
        domain_sid=head.sid or "",
        other_domains=others,
    )


def committed_usn(directory: Directory) -> int:
    """The controller's highestCommittedUSN now: the number of its latest change (root DSE, [MS-ADTS] 3.1.1.3.2)."""
    root = directory.read_dn("", ("highestCommittedUSN",))
    return (root.integer("highestCommittedUSN") if root else None) or 0


def _is_read_only(root: Entry, settings: Entry) -> bool:
    classes = {name.casefold() for name in settings.texts("objectClass")}
    return (
        _READ_ONLY_CAPABILITY in root.texts("supportedCapabilities")
        or "ntdsdsaro" in classes
        or settings.truth("msDS-isRODC")
    )


def _domains(directory: Directory, configuration: str, default: str) -> tuple[str, tuple[str, ...]]:
    """DNS name of our domain and the naming contexts of the forest's other domains."""
    wanted = all_of(equals("objectClass", "crossRef"), has_bits("systemFlags", _CROSS_REF_DOMAIN))
    dns_name = ""
    others = []
    for entry in directory.search(f"CN=Partitions,{configuration}", wanted, ("nCName", "dnsRoot"), scope="one"):
        context = entry.text("nCName") or ""
        if same_dn(context, default):
            dns_name = entry.text("dnsRoot") or ""
        elif context:
            others.append(context)
    # A domain's DN always follows its DNS name, so the DN is the same fact where Partitions cannot be read.
    dns_name = dns_name or ".".join(avas[0][1] for avas in parse_dn(default) if avas[0][0] == "dc")
    return dns_name.lower(), tuple(sorted(others, key=normalize_dn))


def _required(directory: Directory, dn: str, attributes: tuple[str, ...]) -> Entry:
    entry = directory.read_dn(dn, attributes)
    if entry is None:
        raise NoAccess(
            t("This account cannot read {dn}, which every account of the domain normally can.", dn=dn),
            code="controller-unreadable",
            hint=t("Check the rights of the parameter bind_user's account."),
            values={"dn": dn},
        )
    return entry


def _text(entry: Entry, name: str) -> str:
    value = entry.text(name)
    if not value:
        raise NoAccess(
            t("The root DSE shows no {name}.", name=name),
            code="controller-unreadable",
            hint=t("Check that dc_host is a domain controller of Windows Server 2008 or newer."),
            values={"attribute": name},
        )
    return value


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
            return _open(
                address, parameters, bind, opened=clock(), patience=ControllerPatience(sleep), only=only, redact=redact
            )
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
        what=t("password for {bind_user}", bind_user=parameters.bind_user),
        otherwise=t(
            "; or name a file that only its owner can read in bind_password_file; or sign in without a "
            "password: bind_method kerberos"
        ),
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
    address: ControllerAddress,
    parameters: Parameters,
    bind: Binder,
    *,
    opened: datetime,
    patience: ControllerPatience,
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

    def bind(connection: Any, _address: ControllerAddress) -> None:
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
