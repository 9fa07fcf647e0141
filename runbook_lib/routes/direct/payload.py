"""What a change of the direct route writes to its one AD object. Pure.

An object and its members are known by GUID; distinguished names are for people and stand in no digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from runbook_lib.model.change import ChangeOf, MemberDifference, OfRoute, PlanOf, ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import NO_OBJECT, GroupId, ObjectGuid
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.direct.target import DirectTarget

STANDING_KINDS = (ChangeKind.UPDATE, ChangeKind.ADD_MEMBERS, ChangeKind.REMOVE_MEMBERS)
"""The only kinds that can be approved in advance."""
_IDENTITY = frozenset({"grouptype", "admindescription", "extensionname"})
"""Attributes that say what the object is and whose; lower case, because LDAP names have no case."""


@dataclass(frozen=True, slots=True)
class ExistingMember:
    """A member that stands in AD: the GUID of its object, and where that was when planned, for people."""

    guid: ObjectGuid
    dn: str

    @property
    def key(self) -> str:
        """Stable identity: the GUID."""
        return self.guid

    @property
    def group_id(self) -> str:
        """Empty: nothing of the plan has to make it first."""
        return ""


@dataclass(frozen=True, slots=True)
class NewGroupMember:
    """A member that is the object of a cloud group that this same plan creates: it has neither GUID nor DN yet."""

    group_id: GroupId

    @property
    def key(self) -> str:
        """Stable identity: ``group:<cloud id>``."""
        return f"group:{self.group_id}"

    @property
    def guid(self) -> ObjectGuid:
        """Empty: AD gives it one when it is created."""
        return NO_OBJECT

    @property
    def dn(self) -> str:
        """Empty: it stands nowhere yet."""
        return ""


@dataclass(frozen=True, slots=True)
class UndeletedMember:
    """A member that this same plan brings back from the deleted objects, with the GUID that it always had.

    ``group_id`` is the cloud group of that object; ``dn`` is where it stood or will stand, for people.
    """

    guid: ObjectGuid
    dn: str
    group_id: GroupId

    @property
    def key(self) -> str:
        """Stable identity: the GUID."""
        return self.guid


Member: TypeAlias = ExistingMember | NewGroupMember | UndeletedMember
"""A member to add or remove."""


@dataclass(frozen=True, slots=True)
class HoldingGroup:
    """A group that has the object as a member; ``guid`` is empty where the group was not read, as in another domain."""

    guid: ObjectGuid
    dn: str


@dataclass(frozen=True, slots=True)
class Move:
    """A move from one OU to another; the OUs are known by their GUIDs, the RDN stays."""

    from_guid: ObjectGuid
    to_guid: ObjectGuid
    from_dn: str
    to_dn: str

    def inverse(self) -> Move:
        """The move back."""
        return Move(self.to_guid, self.from_guid, self.to_dn, self.from_dn)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion takes away besides values and members, and what its undo would meet. Also part of an undelete.

    Attributes:
        sid: objectSid; only an undelete brings it back, no new object ever has it.
        security: Whether the group grants rights.
        member_of: Groups that hold it, which lose it as a member.
        recycle_bin: ``on``, ``off`` or ``unknown``.
        lifetime_days: How long a deleted object of this forest can be brought back.
        lifetime_source: The attribute that says so, or ``default`` where none is set.
        may_list: Whether this account may list deleted objects: ``on`` (it may), ``off`` or ``unknown``.
        may_reanimate: Whether it may bring them back, in the same words.
        days_left: For an undelete: about how many of those days are left; None for a deletion, or not known.
    """

    sid: str
    security: bool
    member_of: tuple[HoldingGroup, ...]
    recycle_bin: str
    lifetime_days: int
    lifetime_source: str
    may_list: str
    may_reanimate: str
    days_left: int | None = None

    def identity(self) -> dict[str, object]:
        """What an approver has to have read: part of the digest. Days that pass and rights are not."""
        return {
            "sid": self.sid,
            "member_of": sorted(group.guid or group.dn.casefold() for group in self.member_of),
            "recycle_bin": self.recycle_bin,
            "lifetime_days": self.lifetime_days,
        }


@dataclass(frozen=True, slots=True)
class DirectPayload:
    """Everything that one change does to one AD object; the ``Payload`` of the direct route.

    Attributes:
        dn: Where the object is now, or where a create will put it.
        object_guid: The AD object's GUID; empty for a create.
        rdn: ``CN=…`` as written to AD, for a create, a delete and an undelete.
        parent_guid: GUID of the OU that a create or undelete writes into, or a delete takes from.
        attributes: Values that leave and enter, sorted by name.
        members_added: Members that enter, sorted by key.
        members_removed: Members that leave, sorted by key.
        move: Move between OUs, or None.
        deletion: For a delete and an undelete, else None.
    """

    dn: str
    object_guid: ObjectGuid = NO_OBJECT
    rdn: str = ""
    parent_guid: ObjectGuid = NO_OBJECT
    attributes: tuple[AttributeDelta, ...] = ()
    members_added: tuple[Member, ...] = ()
    members_removed: tuple[Member, ...] = ()
    move: Move | None = None
    deletion: Deletion | None = None

    @property
    def route(self) -> Route:
        """The direct one."""
        return Route.DIRECT

    @property
    def object_id(self) -> str:
        """GUID of the AD object; empty for a create."""
        return self.object_guid

    @property
    def object_name(self) -> str:
        """Its distinguished name."""
        return self.dn

    @property
    def needs(self) -> frozenset[str]:
        """Cloud ids of the groups that this same plan has to create or bring back before they can be members."""
        return frozenset(member.group_id for member in self.members_added if member.group_id)

    @property
    def groups(self) -> frozenset[str]:
        """None but that of its head."""
        return frozenset()

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """None either."""
        return frozenset()

    def identity(self) -> dict[str, object]:
        """What is written, by GUID; names are no part of it."""
        return {
            **({"deletion": self.deletion.identity()} if self.deletion else {}),
            "object_guid": self.object_guid,
            "rdn": self.rdn,
            "parent_guid": self.parent_guid,
            "attributes": sorted((d.as_json() for d in self.attributes), key=lambda d: str(d["name"])),
            "members_added": sorted(member.key for member in self.members_added),
            "members_removed": sorted(member.key for member in self.members_removed),
            "move": [self.move.from_guid, self.move.to_guid] if self.move else None,
        }

    def as_json(self) -> dict[str, object]:
        """For plan.json; ``files.PayloadFields`` reads it back."""
        move = self.move
        return {
            "dn": self.dn,
            "object_guid": self.object_guid,
            "rdn": self.rdn,
            "parent_guid": self.parent_guid,
            "attributes": [delta.as_json() for delta in self.attributes],
            "members_added": [_member_json(member) for member in self.members_added],
            "members_removed": [_member_json(member) for member in self.members_removed],
            "move": None
            if move is None
            else {"from_guid": move.from_guid, "to_guid": move.to_guid, "from_dn": move.from_dn, "to_dn": move.to_dn},
            "deletion": _deletion_json(self.deletion) if self.deletion else None,
        }

    def as_read(self, display_name: str, target: Target) -> dict[str, object]:
        """Names of its object and members, below the two OUs as those are known: by GUID."""
        name = DIRECT_TYPES.target(target).names_by_guid()
        move, deletion = self.move, self.deletion
        return {
            "group": [display_name, name(self.dn)],
            "members_added": sorted([member.key, name(member.dn)] for member in self.members_added),
            "members_removed": sorted([member.key, name(member.dn)] for member in self.members_removed),
            "move": [name(move.from_dn), name(move.to_dn)] if move else None,
            "member_of": _holders_read(deletion.member_of, name) if deletion else None,
            "comes_back": [deletion.may_list, deletion.may_reanimate, deletion.security] if deletion else None,
        }

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """Why no standing approval covers it; empty if one may: objects and their identity are approved one by one."""
        if kind not in STANDING_KINDS:
            return t("A standing approval never covers the kind {kind}.", kind=kind.title)
        if any(delta.name.casefold() == "grouptype" for delta in self.attributes):
            return t("A standing approval never covers a change of groupType.")
        if any(delta.name.casefold() in _IDENTITY for delta in self.attributes):
            return t("A standing approval never covers the marks that say whose the object is.")
        if self.move or not self.object_guid:
            return t("A standing approval never covers a move or an object that does not exist yet.")
        return NOTHING

    def summary(self, kind: ChangeKind) -> tuple[Text, ...]:
        """What is done to the object."""
        parts = []
        if kind is ChangeKind.DELETE:
            parts.append(t("the object is deleted"))
        if kind is ChangeKind.UNDELETE:
            parts.append(t("the same object comes back, with GUID and SID"))
        if self.members_added:
            parts.append(t("members added: {count}", count=len(self.members_added)))
        if self.members_removed:
            parts.append(t("members removed: {count}", count=len(self.members_removed)))
        if self.move:
            parts.append(t("moves to {ou}", ou=self.move.to_dn))
        if self.attributes:
            parts.append(t("attributes: {names}", names=", ".join(delta.name for delta in self.attributes)))
        return tuple(parts) or (t("a new object without members"),)

    def value_differences(self) -> tuple[ValueDifference, ...]:
        """Its attributes."""
        return tuple(ValueDifference(delta.name, delta.removed, delta.added) for delta in self.attributes)

    def member_differences(self) -> tuple[MemberDifference, ...]:
        """Its members by DN, those added first."""
        sides = ((True, self.members_added), (False, self.members_removed))
        return tuple(MemberDifference(added, member.dn) for added, some in sides for member in some)


DirectChange = ChangeOf[DirectPayload]
"""A change of the direct route."""


DirectPlan = PlanOf[DirectPayload, DirectTarget]
"""A plan of the direct route."""


DIRECT_TYPES = OfRoute(DirectPayload, DirectTarget)
"""Gives changes, plans and targets that are known to be of the direct route their types."""


def _holders_read(groups: Sequence[HoldingGroup], name: Callable[[str], str]) -> list[list[str]]:
    # What has no GUID is known by its name alone; the key is that of a member without one.
    return sorted([group.guid or "group:", name(group.dn)] for group in groups)


def _member_json(member: Member | HoldingGroup) -> dict[str, object]:
    group_id = "" if isinstance(member, HoldingGroup) else member.group_id
    return {"guid": member.guid, "dn": member.dn, "group_id": group_id}


def _deletion_json(deletion: Deletion) -> Mapping[str, object]:
    return {
        "sid": deletion.sid,
        "security": deletion.security,
        "member_of": [_member_json(group) for group in deletion.member_of],
        "recycle_bin": deletion.recycle_bin,
        "lifetime_days": deletion.lifetime_days,
        "lifetime_source": deletion.lifetime_source,
        "may_list": deletion.may_list,
        "may_reanimate": deletion.may_reanimate,
        "days_left": deletion.days_left,
    }
