"""Steps of the direct route: what all have in common, and those about a whole object: create, move, delete, bring back.

Only what is there counts. Windows with the Recycle Bin brings attributes and links back by itself, Windows without it
and Samba bring back a bare object with the same GUID and SID: the steps that follow look again and add what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from runbook_lib.change.step import Effect, LiveState, Look, drifted
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.schema import indexed_attributes
from runbook_lib.directory.search import ANY_OBJECT, Entry
from runbook_lib.model.directory import RESTORED_ATTRIBUTES, AttributeDelta
from runbook_lib.model.dn import normalize_dn, parent_of, rdn_of
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.text import counted, t, verbatim
from runbook_lib.routes.direct.live import (
    KNOWN_BY,
    NotAsPlanned,
    TwoOus,
    compare,
    find_created,
    live_entry,
    present_name,
    read_two_ous,
    require_created,
)
from runbook_lib.routes.direct.payload import DirectChange, HoldingGroup, Member, Move
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.direct.writes import Write


class StepContext:
    """One run on its domain controller; what does not change while it lasts is read once.

    Attributes:
        directory: The pinned DC.
        target: What the plan is bound to.
        dn_of: AD GUID to distinguished name of everything that may be a member, read just before.
        doomed: GUIDs of all objects that this plan deletes: links to and from them may be gone already.
        created: Cloud group id to GUID of the objects that this change has created.
    """

    def __init__(
        self, directory: Directory, target: DirectTarget, dn_of: Mapping[ObjectGuid, str], doomed: frozenset[str]
    ) -> None:
        self.directory = directory
        self.target = target
        self.dn_of = dn_of
        self.doomed = doomed
        self.created: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}

    @cached_property
    def ous(self) -> TwoOus:
        """The two OUs, looked up by GUID once per run."""
        return read_two_ous(self.directory, self.target)

    @cached_property
    def indexed(self) -> frozenset[str]:
        """Which attributes may be searched for in the whole domain, read from the schema once per run."""
        return indexed_attributes(self.directory, KNOWN_BY)

    def entry(self, step: DirectStep, attributes: tuple[str, ...] = ()) -> Entry:
        """The object of a step as it is now; see ``live_entry``."""
        return live_entry(self.directory, step.change, step.object_id, self.target, self.ous, attributes)

    def members(self, step: DirectStep) -> set[str]:
        """Comparable names of the members of a step's object, which is looked at as by ``entry``.

        The members are read once, in the same request, and kept up to date by who changes them.
        """
        known = self._members.get(step.object_id)
        entry = self.entry(step, () if known is not None else ("member",))
        if known is None:
            known = self._members[step.object_id] = {normalize_dn(dn) for dn in entry.texts("member")}
        return known

    def forget(self) -> None:
        """Drop what was read of single objects: a write went without an answer."""
        self._members.clear()


class DirectStep:
    """A write in the place where it takes effect; kinds of it say how to look, what to send and what it changed."""

    def __init__(self, write: Write, context: StepContext) -> None:
        self.write = write
        self.context = context
        self.partly = False
        """Whether something of it took effect although it is not done."""
        self.begun: Mapping[str, Any] = {}
        """The last intent that this change noted of it; empty without one."""

    @property
    def id(self) -> str:
        """``<change digest>/<number>``."""
        return self.write.id

    @property
    def change(self) -> DirectChange:
        """The change that it is part of."""
        return self.write.change

    @property
    def together(self) -> str:
        """Empty: as its write."""
        return self.write.together

    @property
    def object_id(self) -> str:
        """GUID of its AD object; empty until that is created."""
        return self.change.payload.object_guid or self.context.created.get(self.change.group_id, "")

    def recall(self, effect: Effect) -> None:
        """What an earlier run did stays done; a create proves its object (``Add``)."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How its object is now."""
        self.begun = begun or {}
        try:
            return Look(self._look())
        except NotAsPlanned as other:
            return Look(LiveState.OTHER, other.seen)

    def intent(self) -> Mapping[str, object]:
        """What the journal says before it is sent."""
        return self.write.intent()

    def send(self) -> None:
        """Send the write, once."""
        raise NotImplementedError

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What this change really changed; empty where it never began it, because others had done it."""
        return {} if begun is None else self._changed()

    def _look(self) -> LiveState:
        raise NotImplementedError

    def _changed(self) -> Mapping[str, object]:
        raise NotImplementedError


class Add(DirectStep):
    """Create the object with anchor and mark in the same operation."""

    def recall(self, effect: Effect) -> None:
        """Believe that an earlier run created the object only where it stands and carries our marks.

        Raises:
            Drifted: It does not (``drift``).
        """
        here = self.context
        try:
            require_created(here.directory, self.change, here.target, here.ous, effect.object_id)
        except NotAsPlanned as other:
            raise drifted(self.change, other.seen) from None
        here.created[self.change.group_id] = effect.object_id

    def send(self) -> None:
        """Create it in the target OU."""
        here = self.context
        values = {delta.name: delta.added for delta in self.write.deltas}
        dn = f"{self.change.payload.rdn},{here.ous.dn_of(here.target.target_ou_guid)}"
        guid = here.directory.add(dn, {"objectClass": ("top", "group"), **values})
        here.created[self.change.group_id] = guid

    def _look(self) -> LiveState:
        here = self.context
        guid = find_created(here.directory, self.change, here.target, here.ous, here.indexed)
        if guid is None:
            return LiveState.BEFORE
        here.created[self.change.group_id] = guid
        return LiveState.AFTER

    def _changed(self) -> Mapping[str, object]:
        return {"created": self.change.payload.dn}


class MoveObject(DirectStep):
    """Move the object from one of the two OUs to the other; its RDN stays."""

    _rdn = ""

    @property
    def _move(self) -> Move:
        if self.write.move is None:
            raise ValueError("a move needs to know where to")
        return self.write.move

    def send(self) -> None:
        """Move it to where the OU is now."""
        self.context.directory.move(self.object_id, self._rdn, self.context.ous.dn_of(self._move.to_guid))

    def _look(self) -> LiveState:
        entry = self.context.entry(self)
        self._rdn = rdn_of(entry.dn)
        self.context.ous.dn_of(self._move.to_guid)
        found = self.context.ous.holding(entry.dn)
        if found == self._move.to_guid:
            return LiveState.AFTER
        if found != self._move.from_guid:
            raise NotAsPlanned(t("its AD object stands at {dn}", dn=entry.dn))
        return LiveState.BEFORE

    def _changed(self) -> Mapping[str, object]:
        return {"moved": [self._move.from_guid, self._move.to_guid]}


class Delete(DirectStep):
    """Delete the object while it is, to the last value and link, what the plan saw.

    No LDAP operation deletes "only if unchanged", so the look comes right before it.
    """

    def send(self) -> None:
        """Delete it."""
        self.context.directory.delete(self.object_id)

    def _look(self) -> LiveState:
        here, change = self.context, self.change
        if present_name(here.directory, self.object_id) is None:
            return LiveState.AFTER
        asked = (*RESTORED_ATTRIBUTES, "member", "memberOf", "adminCount", "isCriticalSystemObject")
        entry = here.entry(self, asked)
        if here.ous.holding(entry.dn) != change.payload.parent_guid:
            raise NotAsPlanned(t("its AD object stands at {dn}", dn=entry.dn))
        if entry.text("adminCount") == "1" or entry.truth("isCriticalSystemObject"):
            raise NotAsPlanned(t("AD protects its object now"))
        planned = {delta.name: delta for delta in change.payload.attributes}
        for name in RESTORED_ATTRIBUTES:
            if compare(entry.texts, [planned.get(name, AttributeDelta(name))]) is LiveState.OTHER:
                raise NotAsPlanned(verbatim(name))
        self._require_links(entry, "member", change.payload.members_removed)
        self._require_links(entry, "memberOf", change.payload.deletion.member_of if change.payload.deletion else ())
        below = next(here.directory.search(entry.dn, ANY_OBJECT, ["objectGUID"], scope="one"), None)
        if below is not None:
            raise NotAsPlanned(t("{dn} stands below it", dn=below.dn))
        return LiveState.BEFORE

    def _require_links(self, entry: Entry, name: str, planned: Sequence[Member | HoldingGroup]) -> None:
        dn_of, doomed = self.context.dn_of, self.context.doomed
        going = {
            normalize_dn(dn) for ref in planned for dn in (ref.dn, dn_of.get(ref.guid)) if ref.guid in doomed and dn
        }
        wanted = {normalize_dn(dn_of.get(ref.guid, ref.dn)) for ref in planned} - going
        live = {normalize_dn(dn) for dn in entry.texts(name)} - going
        if live != wanted:
            values = counted(len(live ^ wanted), "value")
            raise NotAsPlanned(t("{values} of {name} not as planned", values=values, name=name))

    def _changed(self) -> Mapping[str, object]:
        return {"deleted": self.change.payload.dn}


class Undelete(DirectStep):
    """Bring the object back with anchor and mark; everything else of it is written by the steps that follow."""

    _deleted_dn = _parent = ""

    def send(self) -> None:
        """Bring it back into the OU that it came from."""
        values = {delta.name: delta.added for delta in self.write.deltas}
        self.context.directory.undelete(self._deleted_dn, f"{self.change.payload.rdn},{self._parent}", values)

    def _look(self) -> LiveState:
        here, change = self.context, self.change
        if present_name(here.directory, self.object_id) is not None:
            here.entry(self)
            return LiveState.AFTER
        found = read_one_deleted(here.directory, self.object_id)
        if found is None:
            raise NotAsPlanned(
                t("its AD object is neither in AD nor among the deleted objects that this account may see")
            )
        if change.payload.deletion is None or found.sid != change.payload.deletion.sid:
            raise NotAsPlanned(t("the deleted object {dn} has another SID", dn=found.dn))
        if change.payload.parent_guid not in here.ous.present:
            raise NotAsPlanned(t("the OU it came from is gone: {dn}", dn=parent_of(change.payload.dn)))
        if not found.was_of(change.group_id, here.ous.present[change.payload.parent_guid]):
            raise NotAsPlanned(t("nothing in AD says that the deleted object {dn} was this group's", dn=found.dn))
        self._deleted_dn, self._parent = found.dn, here.ous.present[change.payload.parent_guid]
        return LiveState.BEFORE

    def _changed(self) -> Mapping[str, object]:
        return {"undeleted": self.change.payload.dn}
