"""A change, a plan, and the identity that an approval covers.

A change has a head, the same for every route, and a payload of its own route, which alone knows what is written.

A digest leaves out everything that differs between two machines or two runs that would do the same: run id, time, DC,
update sequence numbers, language and the texts that people read. It is worked out once for each object: a group of
50,000 members is asked for it before and after each of its writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Protocol, TypeVar, cast

from runbook_lib.model.change_kind import KINDS_OF_ROUTE, ChangeKind, Operation
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import DigestedOnce, GroupId, digest
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import NOTHING, Text


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """One value of an object before and after a change, as people read it; several texts where it has several."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemberDifference:
    """One member that is added or removed, as people read it; ``name`` is empty where it does not exist yet."""

    added: bool
    name: str


class Payload(Protocol):
    """What a change writes, as its route has it: everything of a change that is not the same for all routes."""

    @property
    def route(self) -> Route:
        """The route that carries it out."""

    @property
    def object_id(self) -> str:
        """Id of the object that it changes; empty where it makes one."""

    @property
    def object_name(self) -> str:
        """What people call that object where it stands."""

    @property
    def needs(self) -> frozenset[str]:
        """Ids of the cloud groups whose objects other changes of the same plan have to make first."""

    @property
    def groups(self) -> frozenset[str]:
        """Ids of the cloud groups that it is about beside that of its head: of all that come or go with a switch."""

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """Those of ``groups`` that come or go for sure; of the others it is not certain."""

    @property
    def members_added(self) -> Collection[object]:
        """The members that it adds."""

    @property
    def members_removed(self) -> Collection[object]:
        """The members that it removes."""

    def identity(self) -> Mapping[str, object]:
        """What is written, and to what, by ids: its part of the change's digest. JSON-compatible."""

    def as_json(self) -> Mapping[str, object]:
        """All of it, for plan.json, beside the head's keys; its route reads it back."""

    def as_read(self, display_name: str, target: Target) -> object:
        """What an approver reads of it and no digest of the change covers: names. JSON-compatible.

        Args:
            display_name: Of the group, by the head.
            target: Of the plan; what may be renamed later stands in it by its id.
        """

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """Why no standing approval covers a change of this kind with it, as a sentence; empty: one may."""

    def summary(self, kind: ChangeKind) -> Sequence[Text]:
        """What is done, in a few words each; for tables."""

    def value_differences(self) -> Sequence[ValueDifference]:
        """Values of the object before and after; for tables."""

    def member_differences(self) -> Sequence[MemberDifference]:
        """Members added and removed; for tables."""


PayloadT = TypeVar("PayloadT", bound=Payload, covariant=True)
TargetT = TypeVar("TargetT", bound=Target, covariant=True)


@dataclass(frozen=True)
class ChangeOf(DigestedOnce, Generic[PayloadT]):
    """Everything that one plan does to one object under one kind: a head that all routes share, and a payload.

    Attributes:
        kind: What is done.
        group_id: The cloud group it is done for.
        display_name: Of that group, for people.
        payload: What is written, as its route has it.
        reason: Why, a stable code.
        why: Why, in words.
    """

    kind: ChangeKind
    group_id: GroupId
    display_name: str
    payload: PayloadT
    reason: str = ""
    why: Text = NOTHING

    @property
    def route(self) -> Route:
        """The route that carries it out."""
        return self.payload.route

    @property
    def title(self) -> str:
        """The group's name, or that of its object where it has none; for people."""
        return self.display_name or self.payload.object_name

    @cached_property
    def digest(self) -> str:
        """Identity of what would be written, and to what."""
        return digest(
            {
                **_route_identity(self.route),
                **self.payload.identity(),
                "kind": self.kind.value,
                "group_id": self.group_id,
                "reason": self.reason,
            }
        )


Change = ChangeOf[Payload]
"""A change of any route."""


def _route_identity(route: Route) -> dict[str, str]:
    """Plans before routes had names were all of the direct one, and keep their digests."""
    return {} if route is Route.DIRECT else {"route": route.value}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What this plan leaves alone, a selected group as a rule, and why.

    Attributes:
        group_id: The cloud group; ``NO_GROUP`` where it is about the whole configuration.
        display_name: Its name, or that of the configuration; for people.
        rule: Why, a stable code.
        why: Why, in words.
        to_do: The way out; may be empty.
    """

    group_id: GroupId
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

    group_id: GroupId
    display_name: str
    in_cloud: int
    already: int
    added: int
    removed: int
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class PlanOf(DigestedOnce, Generic[PayloadT, TargetT]):
    """An ordered list of changes, bound to a target and to the limits it was checked against."""

    operation: Operation
    target: TargetT
    changes: tuple[ChangeOf[PayloadT], ...]
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
        return digest(
            {
                **_route_identity(self.route),
                "operation": self.operation.value,
                "changes": sorted(c.digest for c in self.changes),
                "target": [part.id for part in self.target.parts()],
                "limits": dict(self.limits),
            }
        )

    @property
    def groups(self) -> int:
        """How many groups the plan touches."""
        return len(self._groups_of(self.changes))

    def _groups_of(self, changes: Iterable[ChangeOf[Payload]]) -> set[str]:
        return {key for change in changes for key in (change.group_id, *change.payload.groups)} - {""}

    @property
    def phrase(self) -> str:
        """What an approver types: it proves that the numbers and the domain were read.

        A deletion is called one, and so is a change of the source of authority. What switches group writeback v1 off
        deletes every group that it wrote: as many as are sure to go, to as many as may.
        """
        deleted = sum(c.kind is ChangeKind.DELETE for c in self.changes)
        domain = self.target.title
        switched_off = [c for c in self.changes if c.kind is ChangeKind.SWITCH_OFF]
        if gone := len(self._groups_of(switched_off)):
            sure = len({key for change in switched_off for key in change.payload.groups_for_sure})
            return f"DELETE {f'{sure} TO ' if sure < gone else ''}{_groups(gone)} IN {domain}"
        if deleted and deleted == len(self.changes):
            return f"DELETE {_groups(self.groups)} IN {domain}"
        also = f" AND DELETE {_groups(deleted)}" if deleted else ""
        if any(c.kind is ChangeKind.REMOVE_CONFIGURATION for c in self.changes):
            return f"DELETE CONFIGURATION IN {domain}"
        if self.changes and not self.groups:
            if self.route is Route.CONNECT_SYNC:
                return f"{self.operation.value.upper()} WRITEBACK IN {domain}"
            return f"{self.operation.value.upper()} CONFIGURATION IN {domain}"
        return f"{self._verb} {_groups(self.groups - deleted)}{also} IN {domain}"

    @property
    def _verb(self) -> str:
        verbs = (_VERBS.get((self.operation, change.kind), "") for change in self.changes)
        return max(verbs, default="") or self.operation.value.upper()

    @property
    def counts(self) -> dict[str, int]:
        """Changes by kind, of the kinds that its route has, plus the member values they add and remove."""
        kinds = KINDS_OF_ROUTE.get(self.route, tuple(ChangeKind))
        counted = {kind.value: sum(c.kind is kind for c in self.changes) for kind in kinds}
        counted["members-added"] = sum(len(c.payload.members_added) for c in self.changes)
        counted["members-removed"] = sum(len(c.payload.members_removed) for c in self.changes)
        return counted


Plan = PlanOf[Payload, Target]
"""A plan of any route."""
_VERBS = {
    (Operation.ENABLE, ChangeKind.CONVERT): "CONVERT",
    (Operation.ENABLE, ChangeKind.CHOOSE_GROUPS): "CHOOSE",
    (Operation.DISABLE, ChangeKind.ROLL_BACK): "ROLL-BACK",
}


@dataclass(frozen=True)
class PlannedOf(Generic[PayloadT, TargetT]):
    """A plan and what was found while making it."""

    plan: PlanOf[PayloadT, TargetT]
    findings: tuple[Finding, ...]


Planned = PlannedOf[Payload, Target]
"""What a planner of any route gives."""


_P = TypeVar("_P", bound=Payload)
_T = TypeVar("_T", bound=Target)


@dataclass(frozen=True, slots=True)
class OfRoute(Generic[_P, _T]):
    """Gives what is known to be of one route the types of that route.

    Every method raises ``TypeError`` for what is of another route: a defect.
    """

    payload_type: type[_P]
    target_type: type[_T]

    def change(self, change: Change) -> ChangeOf[_P]:
        """A change."""
        if not isinstance(change.payload, self.payload_type):
            raise TypeError(f"not a {self.payload_type.__name__}: a change of the route {change.route.value}")
        return cast("ChangeOf[_P]", change)

    def changes(self, changes: Iterable[Change]) -> tuple[ChangeOf[_P], ...]:
        """Changes."""
        return tuple(map(self.change, changes))

    def target(self, target: Target) -> _T:
        """A target."""
        if not isinstance(target, self.target_type):
            raise TypeError(f"not a {self.target_type.__name__}: {type(target).__name__}")
        return target

    def plan(self, plan: Plan) -> PlanOf[_P, _T]:
        """A plan with its target and all its changes."""
        self.target(plan.target)
        self.changes(plan.changes)
        return cast("PlanOf[_P, _T]", plan)


def _groups(number: int) -> str:
    return f"{number} GROUP" if number == 1 else f"{number} GROUPS"
