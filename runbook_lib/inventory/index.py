"""Look-ups into a directory snapshot, and what stands under a cloud group's names and addresses already. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runbook_lib.bulk import many_values
from runbook_lib.directory.search import in_domain
from runbook_lib.inventory.naming import Naming
from runbook_lib.inventory.states import GroupState, Writer
from runbook_lib.model.addresses import smtp_addresses
from runbook_lib.model.cloud import Authority, CloudGroup
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject, DirectorySnapshot
from runbook_lib.model.dn import normalize_dn, rdn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
    GroupId,
    ObjectGuid,
    group_id_of_anchor,
    owner_of_mark,
)
from runbook_lib.model.text import Text, counted, first_of, t
from runbook_lib.model.untrusted import printable


@dataclass(frozen=True, slots=True)
class DirectoryIndex:
    """Dictionaries over one snapshot. Names and addresses are casefolded, DNs normalized.

    What is found by a GUID may be asked for by any text: a key of a cloud account can hold anything.
    """

    by_guid: dict[str, DirectoryObject]
    guid_by_dn: dict[str, ObjectGuid]
    guids_by_sam: dict[str, list[ObjectGuid]]
    guids_by_address: dict[str, list[ObjectGuid]]
    guids_by_sid: dict[str, list[ObjectGuid]]
    groups_by_guid: dict[str, DirectoryGroup]
    groups_by_anchor: dict[GroupId, list[DirectoryGroup]]

    def guid_of_dn(self, dn: str) -> ObjectGuid | None:
        """GUID of the object at a DN, or None."""
        return self.guid_by_dn.get(normalize_dn(dn))

    def with_groups(self, groups: Iterable[DirectoryGroup]) -> DirectoryIndex:
        """The same with these groups, in the place of those with other members."""
        changed: dict[str, DirectoryGroup] = {group.guid: group for group in groups}
        by_anchor = {
            owner: [changed.get(group.guid, group) for group in claiming]
            for owner, claiming in self.groups_by_anchor.items()
        }
        return replace(self, groups_by_guid={**self.groups_by_guid, **changed}, groups_by_anchor=by_anchor)


@many_values()
def index_directory(snapshot: DirectorySnapshot) -> DirectoryIndex:
    """Build the look-ups of a snapshot in one pass."""
    by_guid: dict[str, DirectoryObject] = {}
    guid_by_dn: dict[str, ObjectGuid] = {}
    by_sam: defaultdict[str, list[ObjectGuid]] = defaultdict(list)
    by_address: defaultdict[str, list[ObjectGuid]] = defaultdict(list)
    by_sid: defaultdict[str, list[ObjectGuid]] = defaultdict(list)
    for item in snapshot.objects:
        by_guid[item.guid] = item
        guid_by_dn[normalize_dn(item.dn)] = item.guid
        if item.sam_account_name:
            by_sam[item.sam_account_name.casefold()].append(item.guid)
        if item.sid:
            by_sid[item.sid].append(item.guid)
        for address in smtp_addresses(item.mail, item.proxy_addresses):
            by_address[address].append(item.guid)
    by_anchor: defaultdict[GroupId, list[DirectoryGroup]] = defaultdict(list)
    for group in snapshot.groups:
        for group_id in claimed_ids(group):
            by_anchor[group_id].append(group)
    return DirectoryIndex(
        by_guid,
        guid_by_dn,
        dict(by_sam),
        dict(by_address),
        dict(by_sid),
        {group.guid: group for group in snapshot.groups},
        dict(by_anchor),
    )


def claimed_ids(group: DirectoryGroup) -> set[GroupId]:
    """Cloud group ids that an AD group claims by anchor, Cloud Sync's anchor or our mark."""
    claims = {
        group_id
        for name in (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE)
        for value in group.attributes.get(name, ())
        if (group_id := group_id_of_anchor(value))
    }
    mark = owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ()))
    return claims | ({mark[1]} if mark else set())


def writer_of(group: DirectoryGroup, group_id: GroupId, tenant_id: str) -> Writer:
    """Who wrote an AD group that claims ``group_id``.

    Ours needs both: the anchor of exactly this group and the mark of this tenant and this group.
    """
    anchors = {group_id_of_anchor(value) for value in group.attributes.get(ANCHOR_ATTRIBUTE, ())}
    mark = owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ()))
    if mark is not None:
        return Writer.OURS if mark == (tenant_id, group_id) and anchors == {group_id} else Writer.OTHER
    if is_cloud_syncs(group, group_id):
        return Writer.CLOUD_SYNC
    return Writer.CONNECT if anchors == {group_id} else Writer.OTHER


def is_cloud_syncs(group: DirectoryGroup, group_id: GroupId) -> bool:
    """Whether an AD group carries Cloud Sync's anchor for a cloud group, whoever else claims it."""
    return any(group_id_of_anchor(value) == group_id for value in group.attributes.get(EXTERNAL_ID_ATTRIBUTE, ()))


def came_from_ad(group: CloudGroup, index: DirectoryIndex) -> tuple[GroupState, str, Text] | None:
    """State, code and reason of a cloud group that was synchronized from AD and whose original stands in the way.

    Such a group looks cloud-only (onPremisesSyncEnabled is null) but keeps onPremisesSecurityIdentifier. A second AD
    object for it would be a second group with another SID. None where the original is gone from this domain.
    """
    guids = index.guids_by_sid.get(group.on_premises_sid or "", [])
    original = index.by_guid[guids[0]].dn if guids else ""
    if original and group.authority is Authority.CONVERTED:
        converted = t("It was converted from AD, and its original still stands: {original}", original=original)
        return GroupState.CONVERTED, "converted", converted
    if original and group.authority is Authority.UNKNOWN:
        unknown = t(
            "It came from AD, and its original still stands: {original}. Whether it was converted or is being given "
            "back to AD could not be read (onPremisesSyncBehavior).",
            original=original,
        )
        return GroupState.ORIGINAL_IN_AD, "authority-unknown", unknown
    return None


def from_another_domain(group: CloudGroup, index: DirectoryIndex, domain_sid: str) -> bool:
    """Whether a group that came from AD has its original in a domain that this run does not read, by its SID."""
    sid = group.on_premises_sid
    return bool(group.may_be_converted and sid and sid not in index.guids_by_sid and not in_domain(sid, domain_sid))


def collision(group: CloudGroup, snapshot: DirectorySnapshot, index: DirectoryIndex, naming: Naming) -> Text | None:
    """What a create of ``group`` would run into, in words, or None."""
    name = naming.common_name(group.id, group.display_name)
    for container in (snapshot.target.dn, snapshot.retired.dn):
        if container:
            wanted = f"{rdn('CN', name)},{container}"
            if guid := index.guid_by_dn.get(normalize_dn(wanted)):
                return t("Its name is taken by {dn}.", dn=index.by_guid[guid].dn)
    sam = naming.sam_account_name(group.id)
    if taken := index.guids_by_sam.get(sam.casefold()):
        return t("Its sAMAccountName {sam} is taken by {dn}.", sam=sam, dn=index.by_guid[taken[0]].dn)
    return None


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
    found: dict[ObjectGuid, set[str]] = {}
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
    shown = [printable(f"{', '.join(one.addresses)} ({one.object_class} {one.dn})") for one in holders]
    return Finding(
        id="mail-address-taken",
        severity=Severity.WARNING,
        seen=t(
            "{objects} of this domain with a cloud group's address: {shown}.",
            objects=counted(len(holders), "object"),
            shown=first_of(shown, 5, "; "),
        ),
        expected=t("Addresses that no other object in AD holds."),
        why=t(
            "Exchange delivers to neither of two recipients with one address. The route direct "
            "writes no address, so its groups take none away; a group that Connect Sync writes "
            "cannot keep it."
        ),
        to_do=t("Remove the address there; or let it be, and acknowledge this finding."),
        source=_CONTACTS,
        values={
            "count": len(holders),
            "objects": [{"dn": holder.dn, "addresses": list(holder.addresses)} for holder in holders[:_MOST]],
        },
        acknowledgeable=True,
    )
