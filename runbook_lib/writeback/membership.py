"""Which members enter and leave an AD group, and which AD members nobody can account for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import MemberRef
from runbook_lib.model.directory import DirectoryGroup


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """Difference between the cloud's members and an AD group's.

    Attributes:
        added: Members to write, sorted by key.
        removed: AD members positively mapped to a cloud object that is proved not to be a member, sorted by key.
        unaccounted: DNs of AD members that map to nothing in the cloud: findings, never removed.
    """

    added: tuple[MemberRef, ...]
    removed: tuple[MemberRef, ...]
    unaccounted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """Members by group, resolved once for a plan."""

    wanted: Mapping[str, tuple[tuple[str, str, str], ...]]
    """Group id to (member id, AD GUID or "", AD DN or "")."""
    mapped: frozenset[str]
    """GUIDs of AD objects that a cloud object was positively mapped to."""
    inventory: Inventory

    def changes(self, group_id: str, ad: DirectoryGroup | None, created: frozenset[str]) -> MemberChanges:
        """Compare one group. ``created`` are groups that this plan creates: members before they exist."""
        wanted: dict[str, MemberRef] = {}
        for member_id, guid, dn in self.wanted.get(group_id, ()):
            if guid:
                wanted[guid] = MemberRef(guid, dn)
            elif member_id in created:
                wanted[f"group:{member_id}"] = MemberRef("", "", member_id)
        present: set[str] = set()
        removed: list[MemberRef] = []
        unaccounted: list[str] = []
        for dn in (ad.members or ()) if ad else ():
            guid_there = self.inventory.index.guid_of_dn(dn)
            if guid_there is not None and guid_there in wanted:
                present.add(guid_there)
                continue
            if guid_there is None or guid_there not in self.mapped:
                unaccounted.append(dn)
            else:
                removed.append(MemberRef(guid_there, dn))
        added = [ref for key, ref in wanted.items() if key not in present]
        return MemberChanges(
            tuple(sorted(added, key=lambda ref: ref.key)),
            tuple(sorted(removed, key=lambda ref: ref.key)),
            tuple(sorted(unaccounted)),
        )


def membership_of(inventory: Inventory) -> Membership:
    """Prepare the comparison from the inventory's tables."""
    wanted: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    table = inventory.members
    for group_id, member_id, guid, dn in zip(
        table["group_id"], table["member_id"], table["ad_guid"], table["ad_dn"], strict=True
    ):
        wanted[group_id].append((member_id, guid or "", dn or ""))
    return Membership(
        {group_id: tuple(members) for group_id, members in wanted.items()},
        frozenset(guid for guid in inventory.principals["ad_guid"] if guid),
        inventory,
    )
