"""Which members enter and leave an AD group, and which AD members nobody can account for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import GroupMembers, LeftOut, MemberRef
from runbook_lib.model.directory import DirectoryGroup


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """Difference between the cloud's members and an AD group's.

    Attributes:
        in_cloud: Members of the cloud group.
        already: How many of them are AD members now.
        left_out: Those of them that are not written, by name.
        added: Members to write, sorted by key.
        removed: AD members positively mapped to a cloud object that is proved not to be a member, sorted by key.
        unaccounted: DNs of AD members that map to nothing in the cloud: findings, never removed.
    """

    added: tuple[MemberRef, ...]
    removed: tuple[MemberRef, ...]
    unaccounted: tuple[str, ...]
    in_cloud: int = 0
    already: int = 0
    left_out: tuple[LeftOut, ...] = ()

    def summary(self, group_id: str, display_name: str) -> GroupMembers:
        """The same as numbers and names, for the plan."""
        return GroupMembers(
            group_id, display_name, self.in_cloud, self.already, len(self.added), len(self.removed), self.left_out
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """One member of a cloud group. ``guid`` and ``dn`` are those of its AD object, empty where it has none."""

    member_id: str
    name: str
    type: str
    guid: str
    dn: str
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Members by group, resolved once for a plan."""

    wanted: Mapping[str, tuple[Wanted, ...]]
    """Group id to its members."""
    mapped: frozenset[str]
    """GUIDs of AD objects that a cloud object was positively mapped to."""
    inventory: Inventory

    def changes(self, group_id: str, ad: DirectoryGroup | None, created: frozenset[str]) -> MemberChanges:
        """Compare one group. ``created`` are groups that this plan creates: members before they exist."""
        members = self.wanted.get(group_id, ())
        wanted: dict[str, MemberRef] = {}
        left_out: list[LeftOut] = []
        for member in members:
            if member.guid:
                wanted[member.guid] = MemberRef(member.guid, member.dn)
            elif member.member_id in created:
                wanted[f"group:{member.member_id}"] = MemberRef("", "", member.member_id)
            else:
                left_out.append(LeftOut(member.member_id, member.name, member.type, member.code, member.why))
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
            in_cloud=len(members),
            already=len(present),
            left_out=tuple(sorted(left_out, key=lambda member: (member.name.casefold(), member.member_id))),
        )


def membership_of(inventory: Inventory) -> Membership:
    """Prepare the comparison from the inventory's tables."""
    wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
    for group_id, *member in inventory.members[["group_id", *_COLUMNS]].itertuples(index=False, name=None):
        wanted[group_id].append(Wanted(*(value or "" for value in member)))
    return Membership(
        {group_id: tuple(members) for group_id, members in wanted.items()},
        frozenset(guid for guid in inventory.principals["ad_guid"] if guid),
        inventory,
    )


_COLUMNS = ["member_id", "member_name", "member_type", "ad_guid", "ad_dn", "reason_code", "reason"]
