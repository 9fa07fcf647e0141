"""A change as the LDAP writes that carry it out, in order. Pure.

Objects come first, with anchor and mark in the operation that creates them; then members; a retirement sets its
attributes before it moves, and a restoration moves back before it sets them. An undelete brings the object back with
anchor and mark, then its other attributes, then members, and what makes it a mail recipient last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.change import AttributeDelta, Change, ChangeKind, MemberRef, Move
from runbook_lib.model.directory import MAIL_ATTRIBUTES

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


@dataclass(frozen=True, slots=True)
class Write:
    """One LDAP write of a change.

    Attributes:
        id: ``<change digest>/<number>``, the same on every machine.
        deltas: For ADD everything the object starts with, for ATTRIBUTES what leaves and enters.
        added: For MEMBERS.
        removed: For MEMBERS.
    """

    id: str
    kind: WriteKind
    change: Change
    deltas: tuple[AttributeDelta, ...] = ()
    added: tuple[MemberRef, ...] = ()
    removed: tuple[MemberRef, ...] = ()
    move: Move | None = None

    def intent(self) -> dict[str, object]:
        """What the journal says before the write."""
        return {
            "operation": self.kind.value,
            "dn": self.change.dn,
            "attributes": [delta.as_json() for delta in self.deltas],
            "members_added": [member.key for member in self.added],
            "members_removed": [member.key for member in self.removed],
            "move": [self.move.from_dn, self.move.to_dn] if self.move else None,
        }


def writes_of(changes: Iterable[Change]) -> list[Write]:
    """Every write of a plan in the order in which it is sent.

    All objects are created or brought back before any member is written, so that groups of one plan can be members of
    each other.
    """
    parts = [_parts(change) for change in changes]
    objects = (WriteKind.ADD, WriteKind.UNDELETE)
    first = [write for part in parts for write in part if write.kind in objects]
    rest = [write for part in parts for write in part if write.kind not in objects]
    return first + rest


def _parts(change: Change) -> list[Write]:
    members = [("added", chunk) for chunk in _chunks(change.members_added)]
    members += [("removed", chunk) for chunk in _chunks(change.members_removed)]
    member_writes = [
        Write("", WriteKind.MEMBERS, change, added=chunk)
        if side == "added"
        else Write("", WriteKind.MEMBERS, change, removed=chunk)
        for side, chunk in members
    ]
    attributes = [Write("", WriteKind.ATTRIBUTES, change, deltas=change.attributes)] if change.attributes else []
    move = [Write("", WriteKind.MOVE, change, move=change.move)] if change.move else []
    if change.kind is ChangeKind.CREATE:
        ordered = [Write("", WriteKind.ADD, change, deltas=change.attributes), *member_writes]
    elif change.kind is ChangeKind.DELETE:
        ordered = [Write("", WriteKind.DELETE, change, change.attributes, removed=change.members_removed)]
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


def _undelete(change: Change, member_writes: list[Write]) -> list[Write]:
    marks = tuple(delta for delta in change.attributes if delta.name in (ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE))
    mail = tuple(delta for delta in change.attributes if delta.name in MAIL_ATTRIBUTES)
    others = tuple(delta for delta in change.attributes if delta not in marks and delta not in mail)
    ordered = [Write("", WriteKind.UNDELETE, change, deltas=marks)]
    ordered += [Write("", WriteKind.ATTRIBUTES, change, deltas=others)] if others else []
    ordered += member_writes
    return ordered + ([Write("", WriteKind.ATTRIBUTES, change, deltas=mail)] if mail else [])


def _chunks(members: Sequence[MemberRef]) -> Iterable[tuple[MemberRef, ...]]:
    return (tuple(members[start : start + MEMBERS_PER_WRITE]) for start in range(0, len(members), MEMBERS_PER_WRITE))
