"""Carry out approved changes, one write at a time, each against the live state, each journaled before and after.

The same code starts and resumes: every write first looks at where its object stands. Before means write; after means
done (by an earlier run of this change if its journal says so, else by somebody else, which undo must not take back);
anything else means drift, and nothing further is written. A write that got no answer, because the connection was lost
or the controller busy, is looked up in the same way on the same controller, and the run goes on from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from runbook_lib.change.approvals.still_approved import ApprovalLapsed, ReadingTooOld
from runbook_lib.change.journal import CARRIED_OUT, Effect, Journal, JournalFile, JournalUnwritable
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import (
    DirectoryUnavailable,
    EntryExists,
    ObjectMissing,
    ValueConflict,
    WriteUnanswered,
)
from runbook_lib.errors import BrokeOff, Refused, RunbookError, UsageError
from runbook_lib.model.change import AttributeDelta, Change, ChangeKind, MemberRef, Plan
from runbook_lib.model.dn import normalize_dn, rdn_of
from runbook_lib.model.text import joined, t
from runbook_lib.routes.direct.deleting import find_deleted, present_dn, present_name, stand_of_deletion
from runbook_lib.routes.direct.live import (
    Stand,
    created_before,
    drifted,
    find_created,
    live_entry,
    stand_of,
    stand_of_move,
)
from runbook_lib.routes.direct.member_values import (
    NotTaken,
    Value,
    members_refused,
    not_taken_of,
    refused_as_json,
    send_values,
)
from runbook_lib.routes.direct.writes import Write, WriteKind, writes_of

Progress = Callable[[str, int, int | None], None]


class Applier:
    """One application of a plan's approved changes."""

    def __init__(
        self,
        directory: Directory,
        plan: Plan,
        journal: Journal,
        *,
        earlier: Sequence[JournalFile],
        dn_of: Mapping[str, str],
        still_approved: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            directory: The pinned DC.
            plan: The plan that the changes belong to.
            journal: Where this run writes its lines; it is open.
            earlier: Journals of the runs that this one resumes, oldest first.
            dn_of: AD GUID to present DN, read just before.
            still_approved: Called right before each write; raises where nothing more may be sent.
        """
        self._directory = directory
        self._plan = plan
        self._journal = journal
        self._dn_of = dn_of
        self._still_approved = still_approved
        self._begun: dict[str, Mapping[str, Any]] = {
            write: line["intent"] for file in earlier for write, line in file.begun.items()
        }
        self._done = {effect.write: effect for file in earlier for effect in file.effects}
        self._created: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self._doomed: frozenset[str] = frozenset()
        self._refused: list[tuple[str, NotTaken]] = []
        self._partly = False
        """Whether members of this run have changed, be their write finished or not."""
        self._unanswered = False
        """Whether a write of this run may have taken effect without our knowing."""

    def run(self, changes: Sequence[Change], progress: Progress | None = None) -> None:
        """Write everything that is still to be written.

        Raises:
            Refused: Drift before the first write; nothing was written.
            BrokeOff: It stopped after the first write.
            RunbookError: The directory refused the first write or could not be reached.
        """
        self._doomed = frozenset(change.object_guid for change in changes if change.kind is ChangeKind.DELETE)
        writes = writes_of(changes)
        for number, write in enumerate(writes, start=1):
            try:
                self._patiently(write)
            except RunbookError as error:
                raise self._stopped(error, number, len(writes)) from error
            if progress is not None:
                progress(write.change.display_name, number, len(writes))
        if self._refused:
            raise self._stopped(members_refused(self._refused), len(writes), len(writes))
        try:
            self._journal.close(CARRIED_OUT)
        except JournalUnwritable as error:
            raise self._stopped(error, len(writes), len(writes)) from error

    def _stopped(self, error: RunbookError, number: int, of: int) -> RunbookError:
        wrote = self._journal.done > 0 or bool(self._done) or self._partly
        # A text that no directory can hold (UsageError) is not healed by time either; an old reading is, by another.
        lasting = isinstance(error, (Refused, UsageError)) and not isinstance(error, ReadingTooOld)
        uncertain = self._unanswered or isinstance(error, DirectoryUnavailable)
        if (lasting or not (wrote or uncertain)) and not isinstance(error, JournalUnwritable):
            # What is left is planned afresh from the live state: marks make half-made objects recognisable. A journal
            # that stays open because the disk is full is resumed, which is as good.
            with suppress(JournalUnwritable):
                self._journal.close(f"{error.code}: {error.message}")
        if not wrote and not uncertain:
            return error
        if isinstance(error, ApprovalLapsed):
            with suppress(JournalUnwritable):
                self._journal.stop(f"{error.code}: {error.message}")
        again = (
            t("Run the notebook again: it plans what is left and asks for an approval of that.")
            if lasting
            else t("Fix the error above, then run the same notebook with the same change id: it resumes.")
        )
        return BrokeOff(
            t("Stopped at write {number} of {of}: {error_message}", number=number, of=of, error_message=error.message),
            code="broke-off",
            hint=joined((error.hint, again)),
            values={"write": number, "of": of, "cause": error.code, **error.values},
        )

    def _patiently(self, write: Write) -> None:
        """Carry out a write; one without an answer is looked up after a pause, and sent again if it had no effect.

        An answer that contradicts what was seen just before is looked up too: the lost write may have arrived late.
        """
        patience = self._directory.patience
        pauses = iter(patience.pauses)
        contradicted = False
        begun_before = write.id in self._begun  # by a run that broke off; its write may still be under way
        while True:
            try:
                self._carry_out(write)
            except WriteUnanswered as error:
                self._look_again(write, error)
                pause = next(pauses, None)
                if pause is None:
                    raise
                patience.sleep(pause)
                contradicted = False
            except (ValueConflict, EntryExists, ObjectMissing) as error:
                if contradicted or not (self._unanswered or begun_before):
                    raise
                self._look_again(write, error)
                contradicted = True
            else:
                self._unanswered = False
                return

    def _look_again(self, write: Write, why: RunbookError) -> None:
        self._unanswered = True
        self._members.clear()
        self._journal.lost(write.id, write.change.digest, f"{why.code}: {why.message}")

    def _begin(self, write: Write, guid: str, intent: Mapping[str, Any]) -> None:
        self._still_approved()
        self._journal.begin(write.id, write.change.digest, guid, intent)
        self._begun[write.id] = intent

    def _carry_out(self, write: Write) -> None:
        if write.id in self._done:
            effect = self._done[write.id]
            if write.kind is WriteKind.ADD:
                self._created[write.change.group_id] = created_before(
                    self._directory, write.change, self._plan.target, effect.object_guid
                )
            refused = [not_taken_of(item) for item in effect.data.get("refused", ())]
            self._refused += [(write.change.display_name, item) for item in refused]
            return
        {
            WriteKind.ADD: self._add,
            WriteKind.ATTRIBUTES: self._attributes,
            WriteKind.MEMBERS: self._change_members,
            WriteKind.MOVE: self._move,
            WriteKind.DELETE: self._delete,
            WriteKind.UNDELETE: self._undelete,
        }[write.kind](write)

    def _add(self, write: Write) -> None:
        change, target = write.change, self._plan.target
        guid = find_created(self._directory, change, target)
        ours = write.id in self._begun
        if guid is None:
            values = {delta.name: delta.added for delta in write.deltas}
            self._begin(write, "", write.intent())
            dn = f"{change.rdn},{self._target_dn()}"
            guid = self._directory.add(dn, {"objectClass": ("top", "group"), **values})
            ours = True
        self._created[change.group_id] = guid
        self._journal.finish(Effect(write.id, change.digest, guid, {"created": change.dn} if ours else {}))

    def _delete(self, write: Write) -> None:
        change = write.change
        ours = write.id in self._begun
        stand = stand_of_deletion(self._directory, change, self._plan.target, self._doomed, self._dn_of)
        if stand is Stand.BEFORE:
            self._begin(write, change.object_guid, write.intent())
            self._directory.delete(change.object_guid)
            ours = True
        data = {"deleted": change.dn} if ours else {}
        self._journal.finish(Effect(write.id, change.digest, change.object_guid, data))

    def _undelete(self, write: Write) -> None:
        change = write.change
        ours = write.id in self._begun
        found = find_deleted(self._directory, change, self._plan.target)
        if found is not None:
            self._begin(write, change.object_guid, write.intent())
            parent = present_dn(self._directory, change)
            values = {delta.name: delta.added for delta in write.deltas}
            self._directory.undelete(found.dn, f"{change.rdn},{parent}", values)
            ours = True
        data = {"undeleted": change.dn} if ours else {}
        self._journal.finish(Effect(write.id, change.digest, change.object_guid, data))

    def _attributes(self, write: Write) -> None:
        change = self._on(write.change)
        entry = live_entry(self._directory, change, self._plan.target, [delta.name for delta in write.deltas])
        deltas = write.deltas
        if change.kind is ChangeKind.UNDELETE:
            # What the directory itself brought back needs no writing: with the Recycle Bin that is all of it.
            deltas = tuple(delta for delta in deltas if stand_of(entry.texts, [delta]) is not Stand.AFTER)
        stand = stand_of(entry.texts, deltas)
        if stand is Stand.OTHER:
            raise drifted(change, ", ".join(delta.name for delta in deltas))
        ours = write.id in self._begun
        if stand is Stand.BEFORE:
            self._begin(write, change.object_guid, write.intent())
            self._directory.modify(change.object_guid, deltas)
            ours = True
        data = {"attributes": [delta.as_json() for delta in deltas or write.deltas]} if ours else {}
        self._journal.finish(Effect(write.id, write.change.digest, change.object_guid, data))

    def _change_members(self, write: Write) -> None:
        change = self._on(write.change)
        live_entry(self._directory, change, self._plan.target, [])
        live = self._live_members(change.object_guid)
        dns = {ref.key: dn for ref in write.added if (dn := self._dn(ref)) is not None}
        gone = [ref for ref in write.added if ref.key not in dns]
        add = [ref for ref in write.added if ref.key in dns and normalize_dn(dns[ref.key]) not in live]
        remove = [ref for ref in write.removed if self._is_member(ref, live)]
        # What an earlier run had begun and what now stands as it wanted is its work, hence ours.
        begun = self._begun.get(write.id, {})
        planned_in, planned_out = {ref.key for ref in write.added}, {ref.key for ref in write.removed}
        added = (set(begun.get("members_added", ())) & planned_in) - {ref.key for ref in (*add, *gone)}
        removed = (set(begun.get("members_removed", ())) & planned_out) - {ref.key for ref in remove}
        refused = [NotTaken(ref, ref.dn or ref.key, drifted(change, f"its member {ref.dn} is gone")) for ref in gone]
        if add or remove:
            entering = [Value(ref, dns[ref.key]) for ref in add]
            leaving = [Value(ref, self._dn_of[ref.guid]) for ref in remove]
            # All that is or may become this write's work: a later line must not hide what an earlier one began.
            now = {
                "members_added": sorted(added | {ref.key for ref in add}),
                "members_removed": sorted(removed | {ref.key for ref in remove}),
            }
            self._begin(write, change.object_guid, {**write.intent(), **now})
            for values, side in ((leaving, "removed"), (entering, "added")):
                taken, not_taken = send_values(values, partial(self._modify_members, change.object_guid, side, live))
                (added if side == "added" else removed).update(value.ref.key for value in taken)
                refused += not_taken
        self._refused += [(change.display_name, item) for item in refused]
        data = self._member_effect(added, removed)
        if refused:
            data["refused"] = [refused_as_json(item) for item in refused]
        self._journal.finish(Effect(write.id, write.change.digest, change.object_guid, data))

    def _modify_members(self, guid: str, side: str, live: set[str], values: Sequence[Value]) -> None:
        dns = tuple(value.dn for value in values)
        delta = AttributeDelta("member", added=dns) if side == "added" else AttributeDelta("member", removed=dns)
        self._directory.modify(guid, [delta])
        self._partly = True
        changed = {normalize_dn(dn) for dn in dns}
        if side == "added":
            live |= changed
        else:
            live -= changed

    def _member_effect(self, added: set[str], removed: set[str]) -> dict[str, object]:
        if not added and not removed:
            return {}
        return {
            "members_added": sorted(self._guid_of_key(key) for key in added),
            "members_removed": sorted(self._guid_of_key(key) for key in removed),
        }

    def _move(self, write: Write) -> None:
        change = self._on(write.change)
        move = write.move
        if move is None:
            raise ValueError("a move needs to know where to")
        entry = live_entry(self._directory, change, self._plan.target, [])
        stand = stand_of_move(entry, move)
        if stand is Stand.OTHER:
            raise drifted(change, f"its AD object stands at {entry.dn}")
        ours = write.id in self._begun
        if stand is Stand.BEFORE:
            self._begin(write, change.object_guid, write.intent())
            self._directory.move(change.object_guid, rdn_of(entry.dn), move.to_dn)
            ours = True
        data = {"moved": [move.from_guid, move.to_guid]} if ours else {}
        self._journal.finish(Effect(write.id, write.change.digest, change.object_guid, data))

    def _on(self, change: Change) -> Change:
        """The change with the GUID of its object, which a create learns only when it is made."""
        return change if change.object_guid else replace(change, object_guid=self._created[change.group_id])

    def _live_members(self, guid: str) -> set[str]:
        if guid not in self._members:
            self._members[guid] = {normalize_dn(dn) for dn in self._directory.members(guid)}
        return self._members[guid]

    def _is_member(self, ref: MemberRef, live: set[str]) -> bool:
        dn = self._dn_of.get(ref.guid)
        return dn is not None and normalize_dn(dn) in live

    def _dn(self, ref: MemberRef) -> str | None:
        if ref.guid:
            return self._dn_of.get(ref.guid) or present_name(self._directory, ref.guid)
        return present_name(self._directory, self._created[ref.group_id])

    def _guid_of_key(self, key: str) -> str:
        return self._created[key.removeprefix("group:")] if key.startswith("group:") else key

    def _target_dn(self) -> str:
        entry = self._directory.read(self._plan.target.target_ou_guid, ["objectGUID"])
        if entry is None:
            raise Refused(
                t("The target OU is gone: {target_ou}.", target_ou=self._plan.target.target_ou),
                code="ou-missing",
                hint=t("Create it again or correct target_ou."),
            )
        return entry.dn
