"""A change as the LDAP writes that carry it out, in order, what a journal may say of each, and what they did. Pure.

Objects come first, with anchor and mark in the operation that creates them; then members; a retirement sets its
attributes before it moves, and a restoration moves back before it sets them. An undelete brings the object back with
anchor and mark, then its other attributes, then members, and what makes it a mail recipient last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from runbook_lib.bulk import in_parts
from runbook_lib.change.step import NOT_TAKEN, Effect
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import MAIL_ATTRIBUTES, AttributeDelta
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.direct.payload import DirectChange, Member, Move

MEMBERS_PER_WRITE = 500
"""Member values in one modify; AD takes about 5,000 reliably, smaller ones keep the DC responsive."""


class WriteKind(Enum):
    """Which LDAP operation."""

    ADD = "add"
    ATTRIBUTES = "attributes"
    MEMBERS = "members"
    MOVE = "move"
    DELETE = "delete"
    UNDELETE = "undelete"


_MAY_SAY = {
    WriteKind.ADD: {"created"},
    WriteKind.DELETE: {"deleted"},
    WriteKind.UNDELETE: {"undeleted"},
    WriteKind.ATTRIBUTES: {"attributes"},
    WriteKind.MEMBERS: {"members_added", "members_removed", NOT_TAKEN},
    WriteKind.MOVE: {"moved"},
}
"""What the effect of a write may hold."""


@dataclass(frozen=True, slots=True)
class Write:
    """One LDAP write of a change; a ``PlannedStep`` of the direct route.

    Attributes:
        id: ``<change digest>/<number>``, the same on every machine.
        deltas: For ADD everything the object starts with, for ATTRIBUTES what leaves and enters.
        added: For MEMBERS.
        removed: For MEMBERS.
    """

    id: str
    kind: WriteKind
    change: DirectChange
    deltas: tuple[AttributeDelta, ...] = ()
    added: tuple[Member, ...] = ()
    removed: tuple[Member, ...] = ()
    move: Move | None = None

    def intent(self) -> dict[str, object]:
        """What the journal says before the write."""
        return {
            "operation": self.kind.value,
            "dn": self.change.payload.dn,
            "attributes": [delta.as_json() for delta in self.deltas],
            "members_added": [member.key for member in self.added],
            "members_removed": [member.key for member in self.removed],
            "move": [self.move.from_dn, self.move.to_dn] if self.move else None,
        }

    @property
    def makes_object(self) -> bool:
        """Whether it creates the object, whose GUID is known only afterwards."""
        return self.kind is WriteKind.ADD

    @property
    def together(self) -> str:
        """Empty: LDAP writes are sent one after the other."""
        return ""

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> Text:
        """What a ``begin`` line says beyond this write; ``made``: group id to GUID of created objects."""
        wanted = self.intent()
        own = "" if self.makes_object else self.change.payload.object_guid or made.get(self.change.group_id)
        if object_id != own:
            return t("it begins a write on another object than its plan")
        if (intent.get("operation"), intent.get("attributes")) != (wanted["operation"], wanted["attributes"]):
            return t("it begins a write that its plan does not have")
        for side, members in (("members_added", self.added), ("members_removed", self.removed)):
            if not set(intent.get(side, ())) <= {member.key for member in members}:
                return t("it begins a write of members that its plan does not have")
        return NOTHING

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> Text:
        """What a ``done`` line says beyond this write: another object, another kind, values that it never had."""
        data = effect.data
        if effect.object_id != (self.change.payload.object_guid or made.get(self.change.group_id)):
            return t("it names another object than its plan")
        if not data.keys() <= _MAY_SAY[self.kind]:
            return t("it says of a write that it did something of another kind")
        if not all(item in [delta.as_json() for delta in self.deltas] for item in data.get("attributes", ())):
            return t("it names an attribute or a value that its plan does not change")
        if "moved" in data and (self.move is None or data["moved"] != [self.move.from_guid, self.move.to_guid]):
            return t("it names a move that its plan does not have")
        for key, members in (("members_added", self.added), ("members_removed", self.removed)):
            if not set(data.get(key, ())) <= {ref.guid or made.get(ref.group_id) for ref in members}:
                return t("it names members that its plan does not have")
        return NOTHING

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> Text:
        """What of an effect no ``begin`` line announced."""
        if effect.keys() - {NOT_TAKEN} and not begun:
            return t("it says of a write that it did something, and nothing of having begun it")
        for side in ("members_added", "members_removed"):
            keys = {key for intent in begun for key in intent.get(side, ())}
            announced = {made.get(key.removeprefix("group:"), key) if key.startswith("group:") else key for key in keys}
            if not set(effect.get(side, ())) <= announced:
                return t("it says of members that they were changed, and nothing of having begun it")
        return NOTHING


def writes_of(changes: Iterable[DirectChange]) -> list[Write]:
    """Every write of a plan in the order in which it is sent.

    All objects are created or brought back before any member is written, so that groups of one plan can be members of
    each other.
    """
    parts = [_parts(change) for change in changes]
    objects = (WriteKind.ADD, WriteKind.UNDELETE)
    first = [write for part in parts for write in part if write.kind in objects]
    rest = [write for part in parts for write in part if write.kind not in objects]
    return first + rest


def _parts(change: DirectChange) -> list[Write]:
    payload = change.payload
    members = [("added", chunk) for chunk in _chunks(payload.members_added)]
    members += [("removed", chunk) for chunk in _chunks(payload.members_removed)]
    member_writes = [
        Write("", WriteKind.MEMBERS, change, added=chunk)
        if side == "added"
        else Write("", WriteKind.MEMBERS, change, removed=chunk)
        for side, chunk in members
    ]
    attributes = [Write("", WriteKind.ATTRIBUTES, change, deltas=payload.attributes)] if payload.attributes else []
    move = [Write("", WriteKind.MOVE, change, move=payload.move)] if payload.move else []
    if change.kind is ChangeKind.CREATE:
        ordered = [Write("", WriteKind.ADD, change, deltas=payload.attributes), *member_writes]
    elif change.kind is ChangeKind.DELETE:
        ordered = [Write("", WriteKind.DELETE, change, payload.attributes, removed=payload.members_removed)]
    elif change.kind is ChangeKind.UNDELETE:
        ordered = _undelete(change, member_writes)
    elif change.kind is ChangeKind.RESTORE:
        ordered = [*move, *member_writes, *attributes]
    else:
        ordered = [*attributes, *member_writes, *move]
    digest = change.digest
    return [
        Write(f"{digest}/{number}", w.kind, change, w.deltas, w.added, w.removed, w.move)
        for number, w in enumerate(ordered, start=1)
    ]


def _undelete(change: DirectChange, member_writes: list[Write]) -> list[Write]:
    marks = tuple(delta for delta in change.payload.attributes if delta.name in (ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE))
    mail = tuple(delta for delta in change.payload.attributes if delta.name in MAIL_ATTRIBUTES)
    others = tuple(delta for delta in change.payload.attributes if delta not in marks and delta not in mail)
    ordered = [Write("", WriteKind.UNDELETE, change, deltas=marks)]
    ordered += [Write("", WriteKind.ATTRIBUTES, change, deltas=others)] if others else []
    ordered += member_writes
    return ordered + ([Write("", WriteKind.ATTRIBUTES, change, deltas=mail)] if mail else [])


def _chunks(members: Sequence[Member]) -> Iterable[tuple[Member, ...]]:
    return map(tuple, in_parts(members, MEMBERS_PER_WRITE))


@dataclass(frozen=True, slots=True)
class ChangeEffect:
    """What one change of the plan did to its object. Members are AD GUIDs; ``moved`` is (from OU, to OU).

    What a deletion took away is in the plan: it is carried out only while the object is exactly as planned.
    """

    object_guid: str = ""
    created: bool = False
    deleted: bool = False
    undeleted: bool = False
    attributes: tuple[AttributeDelta, ...] = ()
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    moved: tuple[str, str] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was really changed."""
        return replace(self, object_guid="") == ChangeEffect()


def effect_of(effects: Iterable[Effect]) -> ChangeEffect:
    """What the steps of one change did, put together; ``effects`` in their order."""
    so_far = ChangeEffect()
    for effect in effects:
        data = effect.data
        deltas = tuple(
            AttributeDelta(item["name"], tuple(item["removed"]), tuple(item["added"]))
            for item in data.get("attributes", ())
        )
        so_far = ChangeEffect(
            object_guid=effect.object_id or so_far.object_guid,
            created=so_far.created or "created" in data,
            deleted=so_far.deleted or "deleted" in data,
            undeleted=so_far.undeleted or "undeleted" in data,
            attributes=so_far.attributes + deltas,
            members_added=so_far.members_added + tuple(data.get("members_added", ())),
            members_removed=so_far.members_removed + tuple(data.get("members_removed", ())),
            moved=tuple(data["moved"]) if "moved" in data else so_far.moved,
        )
    return so_far
