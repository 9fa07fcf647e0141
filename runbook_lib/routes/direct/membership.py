"""Which members enter and leave an AD group, and which AD members nobody can account for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.keys import ELSEWHERE
from runbook_lib.inventory.members import Principal
from runbook_lib.model.change import GroupMembers, LeftOut
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import normalize_dn, normalize_foreign_dn
from runbook_lib.model.ids import GroupId, as_group_id, as_object_guid
from runbook_lib.model.text import t
from runbook_lib.routes.direct.payload import ExistingMember, Member, NewGroupMember


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

    added: tuple[Member, ...]
    removed: tuple[Member, ...]
    unaccounted: tuple[str, ...]
    in_cloud: int = 0
    already: int = 0
    left_out: tuple[LeftOut, ...] = ()

    def summary(self, group_id: GroupId, display_name: str) -> GroupMembers:
        """The same as numbers and names, for the plan."""
        return GroupMembers(
            group_id, display_name, self.in_cloud, self.already, len(self.added), len(self.removed), self.left_out
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """Members by group, resolved once for a plan."""

    wanted: Mapping[str, tuple[Principal, ...]]
    """Group id to its members."""
    mapped: frozenset[str]
    """GUIDs of AD objects that a cloud object was positively mapped to."""
    elsewhere: Mapping[str, str]
    """Comparable DN to member id, for accounts in domains that were not read: only their DN is known in AD."""
    inventory: Inventory

    def changes(self, group_id: str, ad: DirectoryGroup | None, created: frozenset[str]) -> MemberChanges:
        """Compare one group. ``created`` are groups that this plan creates: members before they exist."""
        members = self.wanted.get(group_id, ())
        wanted = {member.guid: member for member in members if member.guid}
        ids = {member.member_id for member in members}
        there: set[str] = set()
        removed: list[Member] = []
        unaccounted: list[str] = []
        for dn in (ad.members or ()) if ad else ():
            guid = self.inventory.index.guid_of_dn(dn)
            if guid is not None and guid in wanted:
                there.add(wanted[guid].member_id)
            elif guid is None and (known := self.elsewhere.get(normalize_dn(dn), "")) in ids:
                there.add(known)
            elif guid is None or guid not in self.mapped:
                unaccounted.append(dn)
            else:
                removed.append(ExistingMember(guid, dn))
        added: list[Member] = []
        left_out: list[LeftOut] = []
        for member in members:
            if member.member_id in there:
                continue
            if ad is not None and member.guid == ad.guid:
                member = replace(member, code="itself", why=t("It is this group itself"))
            if member.guid and not member.code:
                added.append(ExistingMember(as_object_guid(member.guid), member.dn))
            elif not member.guid and member.member_id in created:
                added.append(NewGroupMember(as_group_id(member.member_id)))
            else:
                left_out.append(LeftOut(member.member_id, member.name, member.type, member.code, member.why))
        return MemberChanges(
            tuple(sorted(added, key=lambda ref: ref.key)),
            tuple(sorted(removed, key=lambda ref: ref.key)),
            tuple(sorted(unaccounted)),
            in_cloud=len(members),
            already=len(there),
            left_out=tuple(sorted(left_out, key=lambda member: (member.name.casefold(), member.member_id))),
        )


def membership_of(inventory: Inventory) -> Membership:
    """Prepare the comparison."""
    principals = inventory.principals.values()
    return Membership(
        inventory.members,
        frozenset(member.guid for member in principals if member.guid),
        _elsewhere(inventory, {member.member_id for member in principals if member.code in ELSEWHERE}),
        inventory,
    )


def _elsewhere(inventory: Inventory, ids: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    twice: set[str] = set()
    for key in sorted(ids):
        person = inventory.cloud.principals.get(key)
        dn = normalize_foreign_dn(person.on_premises_dn) if person and person.on_premises_dn else None
        if dn is not None:
            twice |= {dn} & found.keys()
            found[dn] = key
    return {dn: key for dn, key in found.items() if dn not in twice}
