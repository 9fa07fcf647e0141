"""Look-ups into a directory snapshot: by GUID, SID, DN, name and address."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from runbook_lib.inventory.states import Writer
from runbook_lib.model.anchor import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
    group_id_of_anchor,
    owner_of_mark,
)
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject, DirectorySnapshot
from runbook_lib.model.dn import normalize_dn


@dataclass(frozen=True, slots=True)
class DirectoryIndex:
    """Dictionaries over one snapshot. Names and addresses are casefolded, DNs normalized."""

    by_guid: dict[str, DirectoryObject]
    guid_by_dn: dict[str, str]
    guids_by_sam: dict[str, list[str]]
    guids_by_address: dict[str, list[str]]
    guids_by_sid: dict[str, list[str]]
    groups_by_guid: dict[str, DirectoryGroup]
    groups_by_anchor: dict[str, list[DirectoryGroup]]

    def guid_of_dn(self, dn: str) -> str | None:
        """GUID of the object at a DN, or None."""
        return self.guid_by_dn.get(normalize_dn(dn))


def index_directory(snapshot: DirectorySnapshot) -> DirectoryIndex:
    """Build the look-ups of a snapshot in one pass."""
    by_guid: dict[str, DirectoryObject] = {}
    guid_by_dn: dict[str, str] = {}
    by_sam: defaultdict[str, list[str]] = defaultdict(list)
    by_address: defaultdict[str, list[str]] = defaultdict(list)
    by_sid: defaultdict[str, list[str]] = defaultdict(list)
    for item in snapshot.objects:
        by_guid[item.guid] = item
        guid_by_dn[normalize_dn(item.dn)] = item.guid
        if item.sam_account_name:
            by_sam[item.sam_account_name.casefold()].append(item.guid)
        if item.sid:
            by_sid[item.sid].append(item.guid)
        for address in smtp_addresses(item.mail, item.proxy_addresses):
            by_address[address].append(item.guid)
    by_anchor: defaultdict[str, list[DirectoryGroup]] = defaultdict(list)
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


def smtp_addresses(mail: str | None, proxy_addresses: tuple[str, ...]) -> set[str]:
    """Every SMTP address of an object, lower case, without the ``smtp:`` prefix."""
    found = {mail.strip().casefold()} if mail and mail.strip() else set()
    for value in proxy_addresses:
        prefix, _, address = value.partition(":")
        if prefix.casefold() == "smtp" and address:
            found.add(address.strip().casefold())
    return found


def claimed_ids(group: DirectoryGroup) -> set[str]:
    """Cloud group ids that an AD group claims by anchor, Cloud Sync's anchor or our mark."""
    claims = {
        group_id
        for name in (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE)
        for value in group.attributes.get(name, ())
        if (group_id := group_id_of_anchor(value))
    }
    mark = owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ()))
    return claims | ({mark[1]} if mark else set())


def writer_of(group: DirectoryGroup, group_id: str, tenant_id: str) -> Writer:
    """Who wrote an AD group that claims ``group_id``.

    Ours needs both: the anchor of exactly this group and the mark of this tenant and this group.
    """
    anchors = {group_id_of_anchor(value) for value in group.attributes.get(ANCHOR_ATTRIBUTE, ())}
    mark = owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ()))
    if mark is not None:
        return Writer.OURS if mark == (tenant_id, group_id) and anchors == {group_id} else Writer.OTHER
    if any(group_id_of_anchor(value) == group_id for value in group.attributes.get(EXTERNAL_ID_ATTRIBUTE, ())):
        return Writer.CLOUD_SYNC
    return Writer.CONNECT if anchors == {group_id} else Writer.OTHER
