"""Mail contacts that stand for cloud groups: which are in AD, and whether each forwards to its group. Pure.

The route direct gives a group no mailbox address on premises. A contact with the group's address whose targetAddress is
the group's address below mail.onmicrosoft.com does ("A different approach to handling Office 365 group mail flow",
Microsoft, 2018). People make and remove it; here it is only looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from runbook_lib.inventory.index import DirectoryIndex
from runbook_lib.model.addresses import smtp_address, smtp_addresses
from runbook_lib.model.cloud import CloudGroup, CloudKind
from runbook_lib.model.directory import DirectoryObject
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, first_of, t
from runbook_lib.model.untrusted import printable

ROUTING_SUFFIX = ".mail.onmicrosoft.com"
"""How the tenant's domain for mail from on premises ends."""
_INITIAL_SUFFIX = ".onmicrosoft.com"


def routing_domain_of(verified_domains: Iterable[str]) -> tuple[str, Text]:
    """The tenant's domain for mail from on premises, and where it comes from; empty where its domains do not tell."""
    verified = sorted(domain.lower() for domain in verified_domains)
    for domain in verified:
        if domain.endswith(ROUTING_SUFFIX):
            return domain, t("One of the tenant's verified domains.")
    initial = [domain for domain in verified if domain.endswith(_INITIAL_SUFFIX) and domain.count(".") == 2]
    if len(initial) == 1:
        name = initial[0].removesuffix(_INITIAL_SUFFIX)
        return f"{name}{ROUTING_SUFFIX}", t("Made from the tenant's initial domain {initial}.", initial=initial[0])
    return "", NOTHING


def routing_address(group: CloudGroup, routing: str) -> str:
    """The group's address in the routing domain: one that it has, else the one that it would get, lower case."""
    others = smtp_addresses(group.mail, group.proxy_addresses)
    here = [address for address in others if address.endswith(f"@{routing}")]
    return here[0] if here else f"{(group.mail or '').lower().partition('@')[0]}@{routing}"


class ContactState(Enum):
    """How the contact of a group stands in AD."""

    STANDING = "standing"
    """It has the group's address and forwards to the group."""
    UNLISTED = "unlisted"
    """As ``STANDING``; showInAddressBook is empty, so address lists do not show it."""
    WRONG = "wrong"
    """It has the group's address, or forwards to the group, and not both; or several do."""
    TAKEN = "taken"
    """There is none, and an object that is no contact holds the group's address."""
    MISSING = "missing"

    @property
    def forwards(self) -> bool:
        """Whether mail to the group's address reaches the group by it."""
        return self in (ContactState.STANDING, ContactState.UNLISTED)


@dataclass(frozen=True, slots=True)
class GroupContact:
    """One group and its contact.

    Attributes:
        address: The group's primary address, lower case.
        routing: Where the contact has to forward to.
        dn: Of the contact; empty where there is none.
        why: What is not as it should be; empty where nothing is.
    """

    group_id: GroupId
    display_name: str
    address: str
    routing: str
    state: ContactState
    dn: str = ""
    why: Text = NOTHING


def group_contacts(groups: Iterable[CloudGroup], index: DirectoryIndex, routing: str) -> tuple[GroupContact, ...]:
    """How the contact of each Microsoft 365 group with an address stands, in the order of the groups.

    A group whose own AD object has its address is left out: it is written for mail, and a contact would take that away.

    Args:
        groups: Cloud groups; those without an address and of other kinds are left out.
        index: The domain.
        routing: The tenant's domain for mail from on premises; without one nothing can be told.
    """
    wanted = (group for group in groups if group.kind is CloudKind.MICROSOFT_365 and group.mail and routing)
    return tuple(found for group in wanted if (found := _of(group, index, routing)) is not None)


def _of(group: CloudGroup, index: DirectoryIndex, routing: str) -> GroupContact | None:
    address, forward = (group.mail or "").strip().lower(), routing_address(group, routing)
    own = {claimant.guid for claimant in index.groups_by_anchor.get(group.id, [])}
    holders = {guid: index.by_guid[guid] for one in (address, forward) for guid in index.guids_by_address.get(one, [])}
    if own & holders.keys():
        return None
    contacts = [one for one in holders.values() if one.object_class == "contact"]
    others = [one for one in holders.values() if one.object_class != "contact"]

    def told(state: ContactState, dn: str = "", why: Text = NOTHING) -> GroupContact:
        return GroupContact(group.id, group.display_name, address, forward, state, dn, why)

    if others:
        why = t("{dn} holds its address.", dn=printable(others[0].dn))
        return told(ContactState.WRONG if contacts else ContactState.TAKEN, contacts[0].dn if contacts else "", why)
    if not contacts:
        return told(ContactState.MISSING)
    if len(contacts) > 1:
        dns = first_of([printable(one.dn) for one in contacts], 3, "; ")
        return told(ContactState.WRONG, contacts[0].dn, t("Several contacts have its addresses: {dns}.", dns=dns))
    (contact,) = contacts
    if why := _not_right(contact, address, forward):
        return told(ContactState.WRONG, contact.dn, why)
    return told(ContactState.STANDING if contact.in_address_book else ContactState.UNLISTED, contact.dn)


def _not_right(contact: DirectoryObject, address: str, forward: str) -> Text:
    target = smtp_address(contact.target_address or "")
    if target != forward:
        shown = printable(contact.target_address or "") or t("nowhere (targetAddress is empty)")
        return t("It forwards to {shown}, not to {forward}.", shown=shown, forward=forward)
    if address not in smtp_addresses(contact.mail, contact.proxy_addresses):
        return t("It lacks the address {address}.", address=address)
    return NOTHING
