"""One object of another domain of the forest, over one short connection to a controller of that domain.

No write goes this way, and nothing of it is kept open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import DirectoryUnavailable
from runbook_lib.directory.reconnect import UNREACHABLE, ControllerPatience
from runbook_lib.directory.search import Entry, all_of, equals
from runbook_lib.directory.sign_in.bind import address_of, sign_on
from runbook_lib.directory.sign_in.connect import binder, redactor
from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.model.dn import parent_of, parse_dn, same_dn
from runbook_lib.model.text import joined, t
from runbook_lib.parameters.model import Parameters

WRONG_DOMAIN = "wrong-domain"
"""Code of the error of a host that answers for another domain than the one looked for."""
_NEXT_HOST = frozenset({UNREACHABLE, "dc-certificate", WRONG_DOMAIN})
_AT_ONCE = ControllerPatience(pauses=())

OtherDomainReader = Callable[[Directory, str, str, Sequence[str]], Entry | None]
"""Reads an object: from the run's connection, the naming context of its domain, its DN and names of attributes."""


def other_domain_reader(
    parameters: Parameters, *, environment: Mapping[str, str], clock: Callable[[], datetime]
) -> OtherDomainReader:
    """A reader that signs in as the run does: same account, port, kind of TLS and CA.

    It asks the domain by its own DNS name, and where that does not lead there, one controller of it by name. A refused
    sign-in is an answer: no other host is asked. Each host has ``dc_timeout`` to answer and is asked once.

    Raises (the reader):
        NoAccess: ``dc-unreachable``, ``dc-certificate``, ``bind-refused``, ``wrong-domain``, ``domain-unreadable`` and
            others of signing in.
        RunbookError: A read was refused or got no answer.
    """

    def read(home: Directory, context: str, dn: str, attributes: Sequence[str]) -> Entry | None:
        missed: list[RunbookError] = []
        for host in _hosts(home, context, by_domain=parameters.bind_method != "kerberos"):
            address = address_of(host, parameters)
            try:
                connection = sign_on(address, parameters, binder(parameters, environment))
                with Directory(connection, opened=clock(), patience=_AT_ONCE) as directory:
                    directory.redact_with(redactor(parameters, environment))
                    _require_domain(directory, host, context)
                    return directory.read_dn(dn, attributes)
            except (NoAccess, DirectoryUnavailable) as error:
                missed.append(error)
                if not (isinstance(error, DirectoryUnavailable) or error.code in _NEXT_HOST):
                    break
        raise NoAccess(
            (
                joined(error.message for error in missed)
                or t(
                    "No controller of {context} shows in {controller_host}.",
                    context=context,
                    controller_host=home.controller.host,
                )
            ),
            code=missed[-1].code if missed else UNREACHABLE,
            values={"domain": context},
        )

    return read


def domain_dns_name(directory: Directory, context: str) -> str:
    """DNS name of the domain with this naming context: dnsRoot of its crossRef, else what its DN says."""
    partitions = f"CN=Partitions,{directory.controller.configuration_naming_context}"
    wanted = all_of(equals("objectClass", "crossRef"), equals("nCName", context))
    for entry in directory.search(partitions, wanted, ("dnsRoot",), scope="one"):
        if name := entry.text("dnsRoot"):
            return name.lower()
    return ".".join(avas[0][1] for avas in parse_dn(context) if avas[0][0] == "dc").lower()


def _hosts(home: Directory, context: str, *, by_domain: bool) -> list[str]:
    """The domain's own name, then its first writable controller's.

    Kerberos knows a controller by its own name (service principal ``ldap/<host>``), so there the domain's is left out.
    """
    hosts = [domain_dns_name(home, context)] if by_domain else []
    sites = f"CN=Sites,{home.controller.configuration_naming_context}"
    # hasMasterNCs of an nTDSDSA names what its controller holds a writable copy of ([MS-ADTS], nTDSDSA object).
    wanted = all_of(equals("objectClass", "nTDSDSA"), equals("hasMasterNCs", context))
    for settings in sorted(entry.dn for entry in home.search(sites, wanted, ("objectClass",))):
        server = home.read_dn(parent_of(settings), ("dNSHostName",))
        if server is not None and (name := server.text("dNSHostName")):
            return [*hosts, name]
    return hosts


def _require_domain(directory: Directory, host: str, context: str) -> None:
    root = directory.read_dn("", ("defaultNamingContext",))
    found = (root.text("defaultNamingContext") if root else None) or ""
    if not same_dn(found, context):
        named = found or t("no domain")
        raise NoAccess(
            t("{host} answers for {found}, not for {context}.", host=host, found=named, context=context),
            code=WRONG_DOMAIN,
        )
    head = directory.read_dn(context, ("objectClass",))
    # AD answers "no such object" for what an account may not see, so an absence below would say nothing.
    if head is None or not head.texts("objectClass"):
        raise NoAccess(
            t("This account cannot read {context} on {host}.", context=context, host=host), code="domain-unreadable"
        )
