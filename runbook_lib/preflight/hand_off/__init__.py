"""What others have to do, with this organization's values: lines for a PowerShell or a DNS zone.

A finding that has a way out carries it as ``hand_offs``. Each kind is a type here, with the values that it takes, and a
template beside this module with the lines, which whoever looks after Exchange, DNS or the servers can review. Existing
settings are read before they are changed; a change says what it would do before it does it (``-WhatIf``). What has no
such switch is called so in the text.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import Text, t
from runbook_lib.preflight.hand_off.templates import each_once, rendered

EXCHANGE_SHELL = t("Exchange Management Shell (on-premises)")
CONNECT_SHELL = t("Windows PowerShell on the Connect Sync server")
AGENT = t("Windows PowerShell on each server with a Cloud Sync agent")
EXCHANGE_ONLINE = t("Exchange Online PowerShell, then Exchange Management Shell (on-premises)")
IN_SHELL = (EXCHANGE_SHELL, EXCHANGE_ONLINE)
"""Where lines run that need the Exchange Management Shell on premises."""
DNS_CONSOLE = t("DNS zone")
DIRECTORY = t("PowerShell or a command prompt, as an administrator of the domain")
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class HandOffText:
    """Text to copy.

    Attributes:
        finding: Id of the finding that it answers.
        title: What it does.
        where: Where it is run.
        text: The lines, each with its end.
    """

    finding: str
    title: Text
    where: Text
    text: str

    def as_json(self) -> dict[str, str]:
        """JSON form."""
        return {"finding": self.finding, "title": self.title, "where": self.where, "text": self.text}


def hand_offs(findings: Iterable[Finding]) -> tuple[HandOffText, ...]:
    """The hand-offs of the findings that have one, in their order; one without lines is left out."""
    made = [
        HandOffText(finding.id, one.title, one.where, text)
        for finding in findings
        for one in finding.hand_offs
        if (text := one.text())
    ]
    # Several findings can have one answer; the first, the gravest, keeps it.
    return tuple({(offer.where, offer.text): offer for offer in reversed(made)}.values())[::-1]


class _HandOff(ABC):
    """One kind: its values are the fields of its dataclass, and what its template takes (``<kind>.ps1.j2``).

    Attributes:
        kind: Stable name with hyphens.
        where: Where the lines are run.
        template: Name of the template.
    """

    __slots__ = ()
    kind: ClassVar[str]
    where: ClassVar[Text]
    template: ClassVar[str]

    @property
    @abstractmethod
    def title(self) -> Text:
        """What it does, in a few words."""

    @property
    def has_lines(self) -> bool:
        """Whether there is anything to do with these values."""
        return True

    def values(self) -> dict[str, object]:
        """What the template takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def text(self) -> str:
        """The lines, each with its end; empty where there is nothing to do."""
        return rendered(self.template, **self.values()) if self.has_lines else ""

    def as_json(self) -> dict[str, object]:
        """The kind and the values, as a record has them."""
        return {"kind": self.kind, **{name: _json(value) for name, value in self.values().items()}}


def _json(value: object) -> object:
    return [_json(one) for one in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class AddAcceptedDomain(_HandOff):
    """A domain becomes an accepted domain of the type internal relay."""

    kind = "accepted-domain"
    where = EXCHANGE_SHELL
    template = "accepted-domain.ps1.j2"
    domain: str

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Accepted domain {domain}", domain=self.domain)


@dataclass(frozen=True, slots=True)
class RelayAcceptedDomain(_HandOff):
    """An accepted domain, by its name, gets the type internal relay."""

    kind = "relay-type"
    where = EXCHANGE_SHELL
    template = "relay-type.ps1.j2"
    name: str

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Type of the accepted domain {name}", name=self.name)


@dataclass(frozen=True, slots=True)
class AddAddressSpaces(_HandOff):
    """A send connector, by its name, gets the address spaces that it lacks (``smtp:contoso.com;1``)."""

    kind = "address-spaces"
    where = EXCHANGE_SHELL
    template = "address-spaces.ps1.j2"
    connector: str
    spaces: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Address spaces of the send connector {connector}", connector=self.connector)


@dataclass(frozen=True, slots=True)
class MakeSendConnector(_HandOff):
    """A send connector to the cloud with these address spaces; without servers, every transport server uses it."""

    kind = "send-connector"
    where = EXCHANGE_SHELL
    template = "send-connector.ps1.j2"
    servers: tuple[str, ...]
    spaces: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Send connector to the cloud")


@dataclass(frozen=True, slots=True)
class UpdateRecipients(_HandOff):
    """Written-back groups, by their distinguished names, get into the address book."""

    kind = "address-book"
    where = EXCHANGE_SHELL
    template = "address-book.ps1.j2"
    dns: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Address book: {count} groups", count=len(self.dns))


class MailContact(NamedTuple):
    """A contact that stands for a group: its display name, its address, its address in the tenant's routing domain."""

    name: str
    address: str
    routing: str


@dataclass(frozen=True, slots=True)
class MakeMailContacts(_HandOff):
    """Mail contacts that forward to the tenant, in place of groups that are written back for mail."""

    kind = "mail-contact"
    where = EXCHANGE_ONLINE
    template = "mail-contact.ps1.j2"
    groups: tuple[MailContact, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Mail contacts instead of written-back groups")

    @property
    def has_lines(self) -> bool:
        """Whether there is a group."""
        return bool(self.groups)


@dataclass(frozen=True, slots=True)
class _DnsRecord(_HandOff):
    """A line of a domain's zone. A name that no zone can hold has no line."""

    where = DNS_CONSOLE
    domain: str

    @property
    def has_lines(self) -> bool:
        """Whether a zone can hold the name."""
        return _DOMAIN.fullmatch(self.domain) is not None


@dataclass(frozen=True, slots=True)
class AddMxRecord(_DnsRecord):
    """A domain's mail goes to Exchange Online."""

    kind = "mx"
    template = "mx.zone.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("MX record of {domain}", domain=self.domain)


@dataclass(frozen=True, slots=True)
class AddAutodiscoverRecord(_DnsRecord):
    """Autodiscover of a domain leads to Microsoft 365."""

    kind = "autodiscover"
    template = "autodiscover.zone.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Autodiscover of {domain}", domain=self.domain)


@dataclass(frozen=True, slots=True)
class LookAtConnectServer(_HandOff):
    """What only the Connect Sync server knows; reads only."""

    kind = "connect-server"
    where = CONNECT_SHELL
    template = "connect-server.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("What only the Connect Sync server knows")


@dataclass(frozen=True, slots=True)
class LookAtCloudSyncAgents(_HandOff):
    """What only the servers of Cloud Sync's agents know; reads only."""

    kind = "cloud-sync-agent"
    where = AGENT
    template = "cloud-sync-agent.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("What only the servers of Cloud Sync's agents know")


@dataclass(frozen=True, slots=True)
class FillGroupDn(_HandOff):
    """Groups, by objectGUID and distinguished name, get their name where Connect Sync takes it to the cloud."""

    kind = "group-dn"
    where = CONNECT_SHELL
    template = "group-dn.ps1.j2"
    groups: tuple[tuple[str, str], ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Distinguished names for Connect Sync: {count} groups", count=len(self.groups))

    @property
    def has_lines(self) -> bool:
        """Whether there is a group."""
        return bool(self.groups)


@dataclass(frozen=True, slots=True)
class RunSyncCycle(_HandOff):
    """Connect Sync runs now."""

    kind = "sync-cycle"
    where = CONNECT_SHELL
    template = "sync-cycle.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("A cycle of Connect Sync")


@dataclass(frozen=True, slots=True)
class GrantRights(_HandOff):
    """Entries in access lists for the account that writes.

    Attributes:
        what: What the account then may do, in words.
        account: ``DOMAIN\\name`` or a SID.
        grants: The entries.
    """

    kind = "rights"
    where = DIRECTORY
    template = "rights.ps1.j2"
    what: str
    account: str
    grants: tuple[AllowEntry, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Rights: {what}", what=self.what)

    @property
    def has_lines(self) -> bool:
        """Whether there is an entry."""
        return bool(self.grants)

    def values(self) -> dict[str, object]:
        """What the template takes."""
        return {"account": self.account, "grants": each_once(self.grants)}

    def as_json(self) -> dict[str, object]:
        """The kind and the values, as a record has them."""
        grants = [
            {
                "dn": grant.dn,
                "rights": grant.rights(),
                "on_groups": grant.on_groups,
                "take_ownership": grant.take_ownership,
            }
            for grant in self.grants
        ]
        return {"kind": self.kind, "what": self.what, "account": self.account, "grants": grants}


KINDS: tuple[type[_HandOff], ...] = (
    AddAcceptedDomain,
    RelayAcceptedDomain,
    AddAddressSpaces,
    MakeSendConnector,
    UpdateRecipients,
    MakeMailContacts,
    AddMxRecord,
    AddAutodiscoverRecord,
    LookAtConnectServer,
    LookAtCloudSyncAgents,
    FillGroupDn,
    RunSyncCycle,
    GrantRights,
)
"""Every kind of hand-off."""
