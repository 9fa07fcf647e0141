"""Every kind of hand-off with one text wherever a value goes."""

from __future__ import annotations

from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import t, verbatim
from runbook_lib.preflight.hand_off import (
    AddAcceptedDomain,
    AddAddressSpaces,
    AddAutodiscoverRecord,
    AddMxRecord,
    ChooseGroups,
    FillGroupDn,
    GrantConnectorRights,
    GrantRights,
    HandOffText,
    LookAtCloudSyncAgents,
    LookAtConnectServer,
    MailContact,
    MakeMailContacts,
    MakeSendConnector,
    RelayAcceptedDomain,
    RemoveMailContacts,
    RunDeltaCycle,
    RunSyncCycle,
    SendTestMail,
    SetGroupAddressPolicy,
    StandingContact,
    UpdateRecipients,
    hand_offs,
)

FIXED = {"connect-server", "cloud-sync-agent", "sync-cycle", "delta-cycle"}
"""Kinds without a value."""


def hand_off(kind: str, text: str) -> HandOff:
    """A hand-off of this kind."""
    member = AllowEntry(text, AccessMask.WRITE_PROPERTY, "member", on_groups=True)
    deleted, reading = f"CN={text},DC=x", AccessMask.LIST_CONTENTS | AccessMask.READ_PROPERTY
    grants = (
        member,
        AllowEntry(deleted, reading, take_ownership=True),
        AllowEntry(deleted, AccessMask.DELETE, take_ownership=True),
        member,
    )
    contacts = (MailContact(text, f"{text}@x", f"{text}@y"), MailContact(text * 20, f"{text}@z", f"{text}@y"))
    made: dict[str, HandOff] = {
        "accepted-domain": AddAcceptedDomain(text),
        "relay-type": RelayAcceptedDomain(text),
        "address-spaces": AddAddressSpaces(text, (f"smtp:{text};1", text)),
        "send-connector": MakeSendConnector((text, f"{text}2"), (f"smtp:{text};1",)),
        "address-book": UpdateRecipients((text, f"CN={text}")),
        "mail-contact": MakeMailContacts(contacts),
        "remove-mail-contact": RemoveMailContacts(
            (StandingContact(text, f"{text}@x"), StandingContact(f"CN={text}", f"{text}@y"))
        ),
        "group-address-policy": SetGroupAddressPolicy(text),
        "test-mail": SendTestMail(text),
        "mx": AddMxRecord(text),
        "autodiscover": AddAutodiscoverRecord(text),
        "connect-server": LookAtConnectServer(),
        "cloud-sync-agent": LookAtCloudSyncAgents(),
        "group-dn": FillGroupDn(((text, f"CN={text}"),)),
        "sync-cycle": RunSyncCycle(),
        "connector-rights": GrantConnectorRights(text, text, f"OU={text}"),
        "delta-cycle": RunDeltaCycle(),
        "choose-groups": ChooseGroups(((text, text), (f"{text}2", text)), 3),
        "rights": GrantRights(verbatim(text), f"CONTOSO\\{text}", grants),
    }
    return made[kind]


def texts(*given: HandOff) -> tuple[HandOffText, ...]:
    """What people get of a finding with these hand-offs."""
    return hand_offs([Finding("found", Severity.WARNING, t("s"), hand_offs=given)])
