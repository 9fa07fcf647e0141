"""What others have to do, with this organization's values: lines for a PowerShell or a DNS zone.

A finding that has a way out carries it as ``hand_offs``. Each kind is a type here, with the values that it takes, and a
template beside this module with the lines, which whoever looks after Exchange, DNS or the servers can review.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.model.text import Text, counted, t
from runbook_lib.preflight.hand_off.exchange import (
    AddAcceptedDomain,
    AddAddressSpaces,
    MailContact,
    MakeMailContacts,
    MakeSendConnector,
    RelayAcceptedDomain,
    RemoveMailContacts,
    SendTestMail,
    SetGroupAddressPolicy,
    StandingContact,
    UpdateRecipients,
)
from runbook_lib.preflight.hand_off.kind import (
    AGENT,
    CONNECT_SHELL,
    DIRECTORY,
    DNS_CONSOLE,
    EXCHANGE_ONLINE,
    EXCHANGE_ONLINE_ALONE,
    EXCHANGE_SHELL,
    IN_SHELL,
    MAILBOXES,
    HandOffKind,
    HandOffText,
    hand_offs,
)
from runbook_lib.preflight.hand_off.templates import each_once

__all__ = [
    "AGENT",
    "CONNECT_SHELL",
    "DIRECTORY",
    "DNS_CONSOLE",
    "EXCHANGE_ONLINE",
    "EXCHANGE_ONLINE_ALONE",
    "EXCHANGE_SHELL",
    "IN_SHELL",
    "KINDS",
    "MAILBOXES",
    "AddAcceptedDomain",
    "AddAddressSpaces",
    "AddAutodiscoverRecord",
    "AddMxRecord",
    "ChooseGroups",
    "FillGroupDn",
    "GrantConnectorRights",
    "GrantRights",
    "HandOffKind",
    "HandOffText",
    "LookAtCloudSyncAgents",
    "LookAtConnectServer",
    "MailContact",
    "MakeMailContacts",
    "MakeSendConnector",
    "RelayAcceptedDomain",
    "RemoveMailContacts",
    "RunDeltaCycle",
    "RunSyncCycle",
    "SendTestMail",
    "SetGroupAddressPolicy",
    "StandingContact",
    "UpdateRecipients",
    "hand_offs",
]

_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class _DnsRecord(HandOffKind):
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
class LookAtConnectServer(HandOffKind):
    """What only the Connect Sync server knows; reads only."""

    kind = "connect-server"
    where = CONNECT_SHELL
    template = "connect-server.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("What only the Connect Sync server knows")


@dataclass(frozen=True, slots=True)
class LookAtCloudSyncAgents(HandOffKind):
    """What only the servers of Cloud Sync's agents know; reads only."""

    kind = "cloud-sync-agent"
    where = AGENT
    template = "cloud-sync-agent.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("What only the servers of Cloud Sync's agents know")


@dataclass(frozen=True, slots=True)
class FillGroupDn(HandOffKind):
    """Groups, by objectGUID and distinguished name, get their name where Connect Sync takes it to the cloud."""

    kind = "group-dn"
    where = CONNECT_SHELL
    template = "group-dn.ps1.j2"
    groups: tuple[tuple[str, str], ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Distinguished names for Connect Sync: {count}", count=counted(len(self.groups), "group"))

    @property
    def has_lines(self) -> bool:
        """Whether there is a group."""
        return bool(self.groups)


@dataclass(frozen=True, slots=True)
class RunSyncCycle(HandOffKind):
    """Connect Sync runs now."""

    kind = "sync-cycle"
    where = CONNECT_SHELL
    template = "sync-cycle.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("A cycle of Connect Sync")


@dataclass(frozen=True, slots=True)
class GrantConnectorRights(HandOffKind):
    """The connector account of Connect Sync gets its rights on the OU of written groups.

    Attributes:
        account: Its distinguished name; empty: only the server knows it.
        forest: DNS name of the forest.
        ou: DN of the OU.
    """

    kind = "connector-rights"
    where = CONNECT_SHELL
    template = "connector-rights.ps1.j2"
    account: str
    forest: str
    ou: str

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("Rights of the connector account on {ou}", ou=self.ou)


@dataclass(frozen=True, slots=True)
class RunDeltaCycle(HandOffKind):
    """Connect Sync runs one delta cycle now."""

    kind = "delta-cycle"
    where = CONNECT_SHELL
    template = "delta-cycle.ps1.j2"

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("One delta cycle of Connect Sync")


@dataclass(frozen=True, slots=True)
class ChooseGroups(HandOffKind):
    """Rules of one's own on a server in staging mode that are to keep groups from being written: unconfirmed.

    Attributes:
        groups: Id and name of each group that is not to be written.
        chosen: How many groups are to be written.
    """

    kind = "choose-groups"
    where = CONNECT_SHELL
    template = "choose-groups.ps1.j2"
    groups: tuple[tuple[str, str], ...]
    chosen: int

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        count = counted(len(self.groups), "group")
        return t("Unconfirmed, in staging mode only: rules that leave out {count}", count=count)

    @property
    def has_lines(self) -> bool:
        """Whether there is a group."""
        return bool(self.groups)

    def values(self) -> dict[str, object]:
        """What the template takes."""
        return {"groups": self.groups, "chosen": str(self.chosen), "left_out": str(len(self.groups))}

    def as_json(self) -> dict[str, object]:
        """The kind and the values, as a record has them."""
        return {"kind": self.kind, "groups": [list(one) for one in self.groups], "chosen": self.chosen}


@dataclass(frozen=True, slots=True)
class GrantRights(HandOffKind):
    """Entries in access lists for the account that writes.

    Attributes:
        what: What the account then may do, in words.
        account: ``DOMAIN\\name`` or a SID.
        grants: The entries.
    """

    kind = "rights"
    where = DIRECTORY
    template = "rights.ps1.j2"
    what: Text
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


KINDS: tuple[type[HandOffKind], ...] = (
    AddAcceptedDomain,
    RelayAcceptedDomain,
    AddAddressSpaces,
    MakeSendConnector,
    UpdateRecipients,
    MakeMailContacts,
    RemoveMailContacts,
    SetGroupAddressPolicy,
    SendTestMail,
    AddMxRecord,
    AddAutodiscoverRecord,
    LookAtConnectServer,
    LookAtCloudSyncAgents,
    FillGroupDn,
    RunSyncCycle,
    GrantConnectorRights,
    RunDeltaCycle,
    ChooseGroups,
    GrantRights,
)
"""Every kind of hand-off."""
