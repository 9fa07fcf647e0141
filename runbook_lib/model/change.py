"""A change, a plan, and the identity that an approval covers.

A digest leaves out everything that differs between two machines or two runs that would do the same: run id, time, DC,
update sequence numbers, language and the texts that people read. It is worked out once for each object: a group of
50,000 members is asked for it before and after each of its writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from runbook_lib.model.ids import digest
from runbook_lib.model.target import PlanTarget, Route
from runbook_lib.model.text import NOTHING, Text


class ChangeKind(Enum):
    """What a change does to its one AD object."""

    CREATE = "create"
    UPDATE = "update"
    ADD_MEMBERS = "add-members"
    REMOVE_MEMBERS = "remove-members"
    RETIRE = "retire"
    RESTORE = "restore"
    DELETE = "delete"
    UNDELETE = "undelete"


class Operation(Enum):
    """What a plan is for; also the verb of the phrase that approves it."""

    ENABLE = "enable"
    DISABLE = "disable"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class AttributeDelta:
    """Values that leave and enter one attribute in one modify.

    A single value changes by naming the old one: if somebody else changed it meanwhile, the write fails instead of
    overwriting (LDAP answers noSuchAttribute or attributeOrValueExists).
    """

    name: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def inverse(self) -> AttributeDelta:
        """The delta that takes this one back."""
        return AttributeDelta(self.name, removed=self.added, added=self.removed)

    def as_json(self) -> dict[str, object]:
        """JSON form; values sorted, because AD keeps no order."""
        return {"name": self.name, "removed": sorted(self.removed), "added": sorted(self.added)}


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A member to add or remove.

    ``guid`` is the AD object's GUID. It is empty for a group that this same plan creates. ``group_id`` names a group
    that this same plan creates or undeletes, and is empty for every other member.
    ``dn`` is where the object was when planned: for people, never part of a digest.
    """

    guid: str
    dn: str
    group_id: str = ""

    @property
    def key(self) -> str:
        """Stable identity: the AD object's GUID, or ``group:<cloud id>`` for one that does not exist yet."""
        return self.guid or f"group:{self.group_id}"


@dataclass(frozen=True, slots=True)
class Move:
    """A move from one OU to another; the OUs are known by their GUIDs, the RDN stays."""

    from_guid: str
    to_guid: str
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
    member_of: tuple[MemberRef, ...]
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
            "member_of": sorted(ref.guid or ref.dn.casefold() for ref in self.member_of),
            "recycle_bin": self.recycle_bin,
            "lifetime_days": self.lifetime_days,
        }


class _DigestedOnce:
    """Keeps a digest beside the fields: no part of equality, of a copy that is changed, or of a pickle."""

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "digest"}


@dataclass(frozen=True)
class Change(_DigestedOnce):
    """Everything that one plan does to one AD object under one kind.

    Attributes:
        kind: What is done.
        group_id: The cloud group it is done for.
        display_name: For people.
        dn: Where the object is now, or where a create will put it.
        object_guid: The AD object's GUID; empty for a create.
        rdn: ``CN=…`` as written to AD, for a create, a delete and an undelete.
        parent_guid: GUID of the OU that a create or undelete writes into, or a delete takes from.
        attributes: Values that leave and enter, sorted by name.
        members_added: Members that enter, sorted by key.
        members_removed: Members that leave, sorted by key.
        move: Move between OUs, or None.
        deletion: For a delete and an undelete, else None.
        reason: Why, a stable code.
        why: Why, in words.
    """

    kind: ChangeKind
    group_id: str
    display_name: str
    dn: str
    object_guid: str = ""
    rdn: str = ""
    parent_guid: str = ""
    attributes: tuple[AttributeDelta, ...] = ()
    members_added: tuple[MemberRef, ...] = ()
    members_removed: tuple[MemberRef, ...] = ()
    move: Move | None = None
    deletion: Deletion | None = None
    reason: str = ""
    why: Text = NOTHING

    @cached_property
    def digest(self) -> str:
        """Identity of what would be written, and to what."""
        more = {"deletion": self.deletion.identity()} if self.deletion else {}
        return digest(
            {
                **more,
                "kind": self.kind.value,
                "group_id": self.group_id,
                "object_guid": self.object_guid,
                "rdn": self.rdn,
                "parent_guid": self.parent_guid,
                "attributes": sorted((d.as_json() for d in self.attributes), key=lambda d: str(d["name"])),
                "members_added": sorted(m.key for m in self.members_added),
                "members_removed": sorted(m.key for m in self.members_removed),
                "move": [self.move.from_guid, self.move.to_guid] if self.move else None,
                "reason": self.reason,
            }
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A selected group that this plan leaves alone, with the rule that says so."""

    group_id: str
    display_name: str
    rule: str
    why: Text
    to_do: Text


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A member of the cloud group that the plan does not write.

    Attributes:
        member_id: Its id in the cloud.
        name: Display name; its id where it has none.
        type: ``user``, ``group``, ``device`` and so on.
        code: Why, a stable code.
        why: Why, in words.
    """

    member_id: str
    name: str
    type: str
    code: str
    why: Text


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """What becomes of the members of one planned group: every one of them is counted once.

    ``in_cloud`` is ``already`` (members in AD now) plus ``added`` plus the ``left_out``. ``removed`` are AD members who
    leave. For people: what is written is in the changes, so no digest covers this.
    """

    group_id: str
    display_name: str
    in_cloud: int
    already: int
    added: int
    removed: int
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Plan(_DigestedOnce):
    """An ordered list of changes, bound to a target and to the limits it was checked against."""

    operation: Operation
    target: PlanTarget
    changes: tuple[Change, ...]
    limits: Mapping[str, int] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    in_step: int = 0
    """Selected groups that need nothing."""
    members: tuple[GroupMembers, ...] = ()
    """What becomes of each planned group's members, in group id order; of groups in step too. For people."""
    route: Route = Route.DIRECT
    """Who writes it to AD."""

    @cached_property
    def digest(self) -> str:
        """Identity of the plan: sorted change digests, target identity, limits."""
        # Plans before routes had names were all of this one, and keep their digests.
        route = {} if self.route is Route.DIRECT else {"route": self.route.value}
        return digest(
            {
                **route,
                "operation": self.operation.value,
                "changes": sorted(c.digest for c in self.changes),
                "target": list(self.target.identity().values()),
                "limits": dict(self.limits),
            }
        )

    @property
    def groups(self) -> int:
        """How many groups the plan touches."""
        return len({c.group_id for c in self.changes})

    @property
    def phrase(self) -> str:
        """What an approver types: it proves that the numbers and the domain were read. A deletion is called one."""
        deleted = sum(c.kind is ChangeKind.DELETE for c in self.changes)
        domain = self.target.title
        if deleted and deleted == len(self.changes):
            return f"DELETE {_groups(self.groups)} IN {domain}"
        also = f" AND DELETE {_groups(deleted)}" if deleted else ""
        others = self.groups - deleted
        return f"{self.operation.value.upper()} {_groups(others)}{also} IN {domain}"

    @property
    def counts(self) -> dict[str, int]:
        """Changes by kind plus the member values they add and remove."""
        counted = {kind.value: sum(c.kind is kind for c in self.changes) for kind in ChangeKind}
        counted["members-added"] = sum(len(c.members_added) for c in self.changes)
        counted["members-removed"] = sum(len(c.members_removed) for c in self.changes)
        return counted


def _groups(number: int) -> str:
    return f"{number} GROUP" if number == 1 else f"{number} GROUPS"
