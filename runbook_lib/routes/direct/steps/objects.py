"""Steps about a whole object: create, move, delete, bring back.

Only what is there counts. Windows with the Recycle Bin brings attributes and links back by itself, Windows without it
and Samba bring back a bare object with the same GUID and SID: the steps that follow look again and add what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.change.journal import Effect
from runbook_lib.change.step import LiveState, drifted
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import ANY_OBJECT
from runbook_lib.model.change import AttributeDelta, MemberRef, Move
from runbook_lib.model.directory import RESTORED_ATTRIBUTES
from runbook_lib.model.dn import normalize_dn, parent_of, rdn_of
from runbook_lib.model.untrusted import counted
from runbook_lib.routes.direct.live import NotAsPlanned, compare, find_created, present_name, require_created
from runbook_lib.routes.direct.steps.base import DirectStep


class Add(DirectStep):
    """Create the object with anchor and mark in the same operation."""

    def recall(self, effect: Effect) -> None:
        """Believe that an earlier run created the object only where it stands and carries our marks."""
        here = self.context
        try:
            require_created(here.directory, self.change, here.target, here.ous, effect.object_guid)
        except NotAsPlanned as other:
            raise drifted(self.change, str(other)) from None
        here.created[self.change.group_id] = effect.object_guid

    def send(self) -> None:
        """Create it in the target OU."""
        here = self.context
        values = {delta.name: delta.added for delta in self.write.deltas}
        dn = f"{self.change.rdn},{here.ous.dn_of(here.target.target_ou_guid)}"
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
        return {"created": self.change.dn}


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
            raise NotAsPlanned(f"its AD object stands at {entry.dn}")
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
        if here.ous.holding(entry.dn) != change.parent_guid:
            raise NotAsPlanned(f"its AD object stands at {entry.dn}")
        if entry.text("adminCount") == "1" or entry.truth("isCriticalSystemObject"):
            raise NotAsPlanned("AD protects its object now")
        planned = {delta.name: delta for delta in change.attributes}
        for name in RESTORED_ATTRIBUTES:
            if compare(entry.texts, [planned.get(name, AttributeDelta(name))]) is LiveState.OTHER:
                raise NotAsPlanned(name)
        self._require_links(entry, "member", change.members_removed)
        self._require_links(entry, "memberOf", change.deletion.member_of if change.deletion else ())
        below = next(here.directory.search(entry.dn, ANY_OBJECT, ["objectGUID"], scope="one"), None)
        if below is not None:
            raise NotAsPlanned(f"{below.dn} stands below it")
        return LiveState.BEFORE

    def _require_links(self, entry: Entry, name: str, planned: tuple[MemberRef, ...]) -> None:
        dn_of, doomed = self.context.dn_of, self.context.doomed
        going = {
            normalize_dn(dn) for ref in planned for dn in (ref.dn, dn_of.get(ref.guid)) if ref.guid in doomed and dn
        }
        wanted = {normalize_dn(dn_of.get(ref.guid, ref.dn)) for ref in planned} - going
        live = {normalize_dn(dn) for dn in entry.texts(name)} - going
        if live != wanted:
            raise NotAsPlanned(f"{counted(len(live ^ wanted), 'value')} of {name} not as planned")

    def _changed(self) -> Mapping[str, object]:
        return {"deleted": self.change.dn}


class Undelete(DirectStep):
    """Bring the object back with anchor and mark; everything else of it is written by the steps that follow."""

    _deleted_dn = _parent = ""

    def send(self) -> None:
        """Bring it back into the OU that it came from."""
        values = {delta.name: delta.added for delta in self.write.deltas}
        self.context.directory.undelete(self._deleted_dn, f"{self.change.rdn},{self._parent}", values)

    def _look(self) -> LiveState:
        here, change = self.context, self.change
        if present_name(here.directory, self.object_id) is not None:
            here.entry(self)
            return LiveState.AFTER
        found = read_one_deleted(here.directory, self.object_id)
        if found is None:
            raise NotAsPlanned("its AD object is neither in AD nor among the deleted objects that this account may see")
        if change.deletion is None or found.sid != change.deletion.sid:
            raise NotAsPlanned(f"the deleted object {found.dn} has another SID")
        if change.parent_guid not in here.ous.present:
            raise NotAsPlanned(f"the OU it came from is gone: {parent_of(change.dn)}")
        self._deleted_dn, self._parent = found.dn, here.ous.present[change.parent_guid]
        return LiveState.BEFORE

    def _changed(self) -> Mapping[str, object]:
        return {"undeleted": self.change.dn}
