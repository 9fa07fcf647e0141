"""What whoever looks after Exchange does: domains and connectors, the address book, contacts that stand for groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from runbook_lib.model.text import Text, counted, t
from runbook_lib.preflight.hand_off.kind import (
    EXCHANGE_ONLINE,
    EXCHANGE_ONLINE_ALONE,
    EXCHANGE_SHELL,
    MAILBOXES,
    HandOffKind,
)


@dataclass(frozen=True, slots=True)
class AddAcceptedDomain(HandOffKind):
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
class RelayAcceptedDomain(HandOffKind):
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
class AddAddressSpaces(HandOffKind):
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
class MakeSendConnector(HandOffKind):
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
class UpdateRecipients(HandOffKind):
    """Written-back groups, by their distinguished names, get into the address book."""

    kind = "address-book"
    where = EXCHANGE_SHELL
    template = "address-book.ps1.j2"
    dns: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Address book: {count}", count=counted(len(self.dns), "group"))


class MailContact(NamedTuple):
    """A contact that stands for a group: its display name, its address, its address in the tenant's routing domain."""

    name: str
    address: str
    routing: str


@dataclass(frozen=True, slots=True)
class MakeMailContacts(HandOffKind):
    """Mail contacts that forward to the tenant, in place of groups that are written back for mail."""

    kind = "mail-contact"
    where = EXCHANGE_ONLINE
    template = "mail-contact.ps1.j2"
    groups: tuple[MailContact, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Mail contacts for {count}", count=counted(len(self.groups), "group"))

    @property
    def has_lines(self) -> bool:
        """Whether there is a group."""
        return bool(self.groups)


class StandingContact(NamedTuple):
    """A mail contact in AD that stands for a group: its distinguished name, the group's address."""

    dn: str
    address: str


@dataclass(frozen=True, slots=True)
class RemoveMailContacts(HandOffKind):
    """Mail contacts that stood for groups go away again."""

    kind = "remove-mail-contact"
    where = EXCHANGE_SHELL
    template = "remove-mail-contact.ps1.j2"
    contacts: tuple[StandingContact, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Mail contacts to remove: {count}", count=counted(len(self.contacts), "contact"))

    @property
    def has_lines(self) -> bool:
        """Whether there is a contact."""
        return bool(self.contacts)


@dataclass(frozen=True, slots=True)
class SetGroupAddressPolicy(HandOffKind):
    """New Microsoft 365 groups get their addresses in a domain."""

    kind = "group-address-policy"
    where = EXCHANGE_ONLINE_ALONE
    template = "group-address-policy.ps1.j2"
    domain: str

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Addresses of new groups in {domain}", domain=self.domain)


@dataclass(frozen=True, slots=True)
class SendTestMail(HandOffKind):
    """Mail to a group and back, from both sides."""

    kind = "test-mail"
    where = MAILBOXES
    template = "test-mail.ps1.j2"
    address: str

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Test mail to {address}", address=self.address)
