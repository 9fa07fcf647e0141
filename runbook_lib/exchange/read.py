"""What Exchange has left in this forest, read and not interpreted.

Where to look follows microsoft/CSS-Exchange, Setup/SetupAssist/Checks/Domain/Test-ExchangeADSetupLevel.ps1. Objects are
found by class, never by the name of an organization.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.other_domain import OtherDomainReader, domain_dns_name
from runbook_lib.directory.search import Entry, equals
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

SCHEMA_PART = "schema"
ORGANIZATION = "organization"
SERVERS = "servers"
DOMAIN_PART = "domain:"
"""What is read, as ``Unreadable.part`` names it; ``domain:`` with this domain's DNS name or another one's DN."""
HIDDEN = "hidden"
"""Code of what this account sees only in part, or not at all; other codes are those of the error."""
_SYSTEM_OBJECTS = "CN=Microsoft Exchange System Objects"


@dataclass(frozen=True, slots=True)
class OrganizationReading:
    """An msExchOrganizationContainer."""

    name: str
    dn: str
    object_version: int | None


@dataclass(frozen=True, slots=True)
class DomainReading:
    """A domain's CN=Microsoft Exchange System Objects; ``object_version`` is None where it does not exist."""

    domain: str
    object_version: int | None


@dataclass(frozen=True, slots=True)
class ServerReading:
    """An msExchExchangeServer with its raw numbers."""

    name: str
    dn: str
    serial_number: str | None = None
    version_number: int | None = None
    roles: int | None = None
    site: str | None = None
    """DN of its AD site."""


@dataclass(frozen=True, slots=True)
class ExchangeReading:
    """Everything that was looked at.

    Attributes:
        at: When the connection was opened, UTC.
        schema_range_upper: rangeUpper of CN=ms-Exch-Schema-Version-Pt; None where it does not exist or was unreadable.
        other_domains: DNs of the forest's other domains, read or not.
        unreadable: Parts about which an absent value says nothing.
    """

    at: datetime
    schema_range_upper: int | None = None
    organizations: tuple[OrganizationReading, ...] = ()
    domains: tuple[DomainReading, ...] = ()
    servers: tuple[ServerReading, ...] = ()
    other_domains: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    def is_unreadable(self, part: str) -> bool:
        """Whether nothing can be said about this part."""
        return any(u.part == part for u in self.unreadable)


def read_exchange(directory: Directory, elsewhere: OtherDomainReader | None = None) -> ExchangeReading:
    """Read schema, organization, servers and domain preparation. A part that fails on rights is named, not raised.

    Args:
        directory: The run's connection.
        elsewhere: Reads an object of another domain; whatever it raises makes that domain unreadable. Without it, only
            this controller's own domain is read.

    Raises:
        RunbookError: A lost connection and everything else that is not about rights.
    """
    unreadable: list[Unreadable] = []
    schema = _schema(directory, unreadable)
    organizations, servers = _organization(directory, unreadable)
    return ExchangeReading(
        at=directory.opened,
        schema_range_upper=schema,
        organizations=organizations,
        domains=(*_domain(directory, unreadable), *_other_domains(directory, elsewhere, unreadable)),
        servers=servers,
        other_domains=directory.controller.other_domains,
        unreadable=tuple(unreadable),
    )


def _schema(directory: Directory, unreadable: list[Unreadable]) -> int | None:
    context = directory.controller.schema_naming_context
    # AD answers "no such object" for what an account may not see, so the parent is looked at first.
    if not _readable(directory, context):
        unreadable.append(
            Unreadable(SCHEMA_PART, HIDDEN, t("this account cannot read {context}", context=context), {"dn": context})
        )
        return None
    entry = _read(directory, f"CN=ms-Exch-Schema-Version-Pt,{context}", ("rangeUpper",))
    if entry is None:
        return None
    value = entry.integer("rangeUpper")
    if value is None:
        unreadable.append(
            Unreadable(
                SCHEMA_PART,
                HIDDEN,
                t("{entry_dn} is there, but shows this account no rangeUpper", entry_dn=entry.dn),
                {"dn": entry.dn},
            )
        )
    return value


def _organization(
    directory: Directory, unreadable: list[Unreadable]
) -> tuple[tuple[OrganizationReading, ...], tuple[ServerReading, ...]]:
    services = f"CN=Services,{directory.controller.configuration_naming_context}"
    if not _readable(directory, services):
        unreadable.append(
            Unreadable(
                ORGANIZATION, HIDDEN, t("this account cannot read {services}", services=services), {"dn": services}
            )
        )
        return (), ()
    container = _read(directory, f"CN=Microsoft Exchange,{services}", ("objectClass",))
    if container is None:
        return (), ()
    try:
        found = list(
            directory.search(
                container.dn, equals("objectClass", "msExchOrganizationContainer"), ("cn", "objectVersion"), scope="one"
            )
        )
    except (RightsMissing, ObjectMissing) as error:
        unreadable.append(Unreadable.because(ORGANIZATION, error))
        return (), ()
    if not found:
        why = t("nothing to be seen below {container_dn}: hidden, or cleared away", container_dn=container.dn)
        unreadable.append(Unreadable(ORGANIZATION, HIDDEN, why, {"dn": container.dn}))
    organizations = tuple(OrganizationReading(e.text("cn") or "", e.dn, e.integer("objectVersion")) for e in found)
    return organizations, _servers(directory, container.dn, unreadable)


def _servers(directory: Directory, base: str, unreadable: list[Unreadable]) -> tuple[ServerReading, ...]:
    attributes = ("cn", "serialNumber", "versionNumber", "msExchCurrentServerRoles", "msExchServerSite")
    try:
        found = list(directory.search(base, equals("objectClass", "msExchExchangeServer"), attributes))
    except (RightsMissing, ObjectMissing) as error:
        unreadable.append(Unreadable.because(SERVERS, error))
        return ()
    servers = (
        ServerReading(
            name=e.text("cn") or "",
            dn=e.dn,
            serial_number=e.text("serialNumber"),
            version_number=e.integer("versionNumber"),
            roles=e.integer("msExchCurrentServerRoles"),
            site=e.text("msExchServerSite"),
        )
        for e in found
    )
    return tuple(sorted(servers, key=lambda s: s.name.casefold()))


def _domain(directory: Directory, unreadable: list[Unreadable]) -> tuple[DomainReading, ...]:
    controller = directory.controller
    entry = _read(directory, f"{_SYSTEM_OBJECTS},{controller.default_naming_context}", ("objectVersion",))
    return _prepared(entry, controller.domain_dns_name, f"{DOMAIN_PART}{controller.domain_dns_name}", unreadable)


def _other_domains(
    directory: Directory, elsewhere: OtherDomainReader | None, unreadable: list[Unreadable]
) -> Iterator[DomainReading]:
    controller = directory.controller
    for context in controller.other_domains:
        part = f"{DOMAIN_PART}{context}"
        if elsewhere is None:
            why = t(
                "{controller_host} does not hold this domain; ask one of its own controllers",
                controller_host=controller.host,
            )
            unreadable.append(Unreadable(part, "other-domain", why, {"host": controller.host, "dn": context}))
            continue
        try:
            entry = elsewhere(directory, context, f"{_SYSTEM_OBJECTS},{context}", ("objectVersion",))
            yield from _prepared(entry, domain_dns_name(directory, context), part, unreadable)
        except RunbookError as error:
            unreadable.append(Unreadable.because(part, error))


def _prepared(entry: Entry | None, name: str, part: str, unreadable: list[Unreadable]) -> tuple[DomainReading, ...]:
    version = entry.integer("objectVersion") if entry else None
    if entry is not None and version is None:
        unreadable.append(
            Unreadable(
                part, HIDDEN, t("{entry_dn} shows this account no objectVersion", entry_dn=entry.dn), {"dn": entry.dn}
            )
        )
        return ()
    return (DomainReading(name, version),)


def _readable(directory: Directory, dn: str) -> bool:
    """Whether the account sees more of an object than its name, which whoever may list the parent sees."""
    entry = _read(directory, dn, ("objectClass",))
    return entry is not None and bool(entry.texts("objectClass"))


def _read(directory: Directory, dn: str, attributes: tuple[str, ...]) -> Entry | None:
    """The object, or None where it cannot be seen for whatever reason."""
    try:
        return directory.read_dn(dn, attributes)
    except RightsMissing:
        return None
    except Refused as error:
        # A forest of several domains may keep a naming context elsewhere.
        if error.code == "other-domain":
            return None
        raise
