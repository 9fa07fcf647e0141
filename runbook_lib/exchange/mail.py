"""What routes mail in the Exchange organization: accepted domains, send connectors, address policies, hybrid object.

Class and attribute names are probed in the schema first: a forest that lacks one leaves that part unknown. The two
lowest bits of msExchAcceptedDomainFlags are the type, in the order of Microsoft's "AcceptedDomainType enumeration"; the
bit for the default domain is not documented and not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, equals
from runbook_lib.exchange.recipients import names_in_schema
from runbook_lib.exchange.versions import WIZARD_SINCE
from runbook_lib.model.text import Text, t


class DomainType(Enum):
    """What Exchange does with mail for a domain when it knows no recipient."""

    AUTHORITATIVE = "authoritative"
    EXTERNAL_RELAY = "external relay"
    INTERNAL_RELAY = "internal relay"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AcceptedDomain:
    """An msExchAcceptedDomain; ``domain`` may begin with ``*.``."""

    name: str
    domain: str
    type: DomainType

    def covers(self, domain: str) -> bool:
        """Whether mail for ``domain`` falls under it."""
        return covers(self.domain, domain)


@dataclass(frozen=True, slots=True)
class AddressSpace:
    """One value of routingList: ``smtp:*.contoso.com;1``."""

    type: str
    domain: str
    cost: int

    def covers(self, domain: str) -> bool:
        """Whether SMTP mail for ``domain`` may take this connector."""
        return self.type == "smtp" and covers(self.domain, domain)

    def __str__(self) -> str:
        return f"{self.type}:{self.domain};{self.cost}"


@dataclass(frozen=True, slots=True)
class SendConnector:
    """An msExchRoutingSMTPConnector. Whether it is enabled is not read: no public text names the attribute."""

    name: str
    dn: str
    spaces: tuple[AddressSpace, ...]
    unread: tuple[str, ...] = ()
    """Values of routingList that have another form."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """An msExchRecipientPolicy and its address templates (gatewayProxy)."""

    name: str
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailFlowReading:
    """How mail is routed. ``organization`` is empty where there is no Exchange organization: then nothing else is read.

    Attributes:
        hybrid: Whether the object that the Hybrid Configuration Wizard makes is there.
        absent: Names that this schema does not have; what they hold is unknown.
    """

    organization: str = ""
    accepted_domains: tuple[AcceptedDomain, ...] = ()
    send_connectors: tuple[SendConnector, ...] = ()
    policies: tuple[AddressPolicy, ...] = ()
    hybrid: bool = False
    absent: frozenset[str] = frozenset()

    def accepted(self, domain: str) -> AcceptedDomain | None:
        """The accepted domain that mail for ``domain`` falls under: the exact one, else the longest with a ``*``."""
        found = [one for one in self.accepted_domains if one.covers(domain)]
        return max(found, key=lambda one: (not one.domain.startswith("*"), len(one.domain)), default=None)

    def connectors_for(self, domain: str) -> tuple[SendConnector, ...]:
        """Connectors with an address space for ``domain`` other than ``*`` alone."""
        return tuple(
            connector
            for connector in self.send_connectors
            if any(space.covers(domain) and space.domain != "*" for space in connector.spaces)
        )


def covers(pattern: str, domain: str) -> bool:
    """Whether ``pattern`` (a domain, ``*.domain`` for it and everything below, or ``*``) covers ``domain``."""
    pattern, domain = pattern.lower(), domain.lower()
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return domain == pattern[2:] or domain.endswith(pattern[1:])
    return domain == pattern


_SPACE = re.compile(r"\s*(?:([A-Za-z0-9]+):)?([^;\s]+?)\s*(?:;\s*([0-9]{1,3}))?\s*")


def address_space(text: str) -> AddressSpace | None:
    """A value of routingList, as Get-SendConnector shows address spaces; None for another form."""
    match = _SPACE.fullmatch(text)
    if not match:
        return None
    kind, domain, cost = match.groups()
    return AddressSpace((kind or "smtp").lower(), domain.lower(), int(cost or 1))


_TYPES = (DomainType.AUTHORITATIVE, DomainType.EXTERNAL_RELAY, DomainType.INTERNAL_RELAY, DomainType.UNKNOWN)
ACCEPTED_DOMAINS = t("accepted domains")
SEND_CONNECTORS = t("send connectors")
ADDRESS_POLICIES = t("address policies")
HYBRID_CONFIGURATION = t("hybrid configuration")
"""What of mail flow is read from AD."""
NEEDED = {
    ACCEPTED_DOMAINS: ("msExchAcceptedDomain", "msExchAcceptedDomainName", "msExchAcceptedDomainFlags"),
    SEND_CONNECTORS: ("msExchRoutingSMTPConnector", "routingList"),
    ADDRESS_POLICIES: ("msExchRecipientPolicy", "gatewayProxy"),
    HYBRID_CONFIGURATION: ("msExchCoexistenceRelationship",),
}
"""What is read, and the class and attributes that hold it."""
SINCE = {
    ACCEPTED_DOMAINS: "Exchange Server 2007 RTM",
    SEND_CONNECTORS: "Exchange Server 2000 RTM",
    ADDRESS_POLICIES: "Exchange Server 2000 RTM",
    HYBRID_CONFIGURATION: WIZARD_SINCE,
}
"""The release whose schema brings it (``tools.SCHEMA_REFERENCE``)."""
LOOK = {
    ACCEPTED_DOMAINS: ("Get-AcceptedDomain", t("at Recipients, Recipient Policies")),
    SEND_CONNECTORS: ("Get-SendConnector", t("at Connectors")),
    ADDRESS_POLICIES: ("Get-EmailAddressPolicy", t("at Recipients, Recipient Policies")),
    HYBRID_CONFIGURATION: ("Get-HybridConfiguration", t("for nothing: there was no such wizard")),
}
"""Where one looks for it: in the Exchange Management Shell, and in Exchange System Manager."""


def read_mail_flow(directory: Directory, organization_dn: str) -> MailFlowReading:
    """Read what stands below the organization.

    Raises:
        RunbookError: The schema or the organization cannot be read.
    """
    wanted = [name for names in NEEDED.values() for name in names]
    present = names_in_schema(directory, wanted)

    def below(what: Text) -> Iterator[Entry]:
        class_name, *attributes = NEEDED[what]
        if present.issuperset(NEEDED[what]):
            yield from directory.search(organization_dn, equals("objectClass", class_name), ("cn", *attributes))

    return MailFlowReading(
        organization=organization_dn,
        accepted_domains=tuple(_accepted(entry) for entry in below(ACCEPTED_DOMAINS)),
        send_connectors=tuple(_connector(entry) for entry in below(SEND_CONNECTORS)),
        policies=tuple(
            AddressPolicy(entry.text("cn") or "", entry.texts("gatewayProxy")) for entry in below(ADDRESS_POLICIES)
        ),
        hybrid=any(True for _ in below(HYBRID_CONFIGURATION)),
        absent=frozenset(wanted) - present,
    )


def _accepted(entry: Entry) -> AcceptedDomain:
    flags = entry.integer("msExchAcceptedDomainFlags")
    name = entry.text("cn") or ""
    domain = (entry.text("msExchAcceptedDomainName") or "").lower()
    return AcceptedDomain(name, domain, DomainType.UNKNOWN if flags is None else _TYPES[flags & 3])


def _connector(entry: Entry) -> SendConnector:
    parsed = [(text, address_space(text)) for text in entry.texts("routingList")]
    return SendConnector(
        name=entry.text("cn") or "",
        dn=entry.dn,
        spaces=tuple(space for _, space in parsed if space is not None),
        unread=tuple(text for text, space in parsed if space is None),
    )
