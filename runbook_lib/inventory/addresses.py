"""Addresses of cloud groups that other objects of AD hold: one finding for plan and pre-flight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.inventory.index import DirectoryIndex, smtp_addresses
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

_CONTACTS = 'timmcmic, "Office 365: A different approach to handling Office 365 group mail flow" (Microsoft, 2018)'
_MOST = 50
"""Objects that the finding names; the number of all is in the words."""


@dataclass(frozen=True, slots=True)
class AddressHolder:
    """An AD object and the addresses of cloud groups that it holds, though it is none of their objects."""

    dn: str
    object_class: str
    addresses: tuple[str, ...]


def address_holders(groups: Iterable[CloudGroup], index: DirectoryIndex) -> list[AddressHolder]:
    """Contacts, accounts, groups and whatever else of the domain holds an address of these groups, sorted by DN."""
    found: dict[str, set[str]] = {}
    for group in groups:
        own = {claimant.guid for claimant in index.groups_by_anchor.get(group.id, [])}
        for address in smtp_addresses(group.mail, group.proxy_addresses):
            for guid in index.guids_by_address.get(address, []):
                if guid not in own and not (group.on_premises_sid and index.by_guid[guid].sid == group.on_premises_sid):
                    found.setdefault(guid, set()).add(address)
    items = ((index.by_guid[guid], addresses) for guid, addresses in found.items())
    holders = [AddressHolder(item.dn, item.object_class, tuple(sorted(addresses))) for item, addresses in items]
    return sorted(holders, key=lambda holder: holder.dn.casefold())


def address_taken(holders: Sequence[AddressHolder]) -> Finding:
    """The finding where there are holders."""
    shown = [f"{', '.join(holder.addresses)} ({holder.object_class} {holder.dn})" for holder in holders[:5]]
    more = f" and {len(holders) - 5} more" if len(holders) > 5 else ""
    objects = f"{len(holders)} object{'' if len(holders) == 1 else 's'}"
    return Finding(
        id="mail-address-taken",
        severity=Severity.WARNING,
        seen=t(
            "{objects} of this domain with a cloud group's address: {shown}{more}.",
            objects=objects,
            shown=printable("; ".join(shown)),
            more=more,
        ),
        expected=t("Addresses that no other object in AD holds."),
        why=t(
            "Exchange delivers to neither of two recipients with one address. The route direct "
            "writes no address, so its groups take none away; a group that Connect Sync writes "
            "cannot keep it. A mail contact that forwards to the group is such an object, on "
            "purpose."
        ),
        to_do=t("Remove the address there, or leave that group's mail to its contact; then acknowledge this finding."),
        source=_CONTACTS,
        values={
            "count": len(holders),
            "objects": [{"dn": holder.dn, "addresses": list(holder.addresses)} for holder in holders[:_MOST]],
        },
        acknowledgeable=True,
    )
