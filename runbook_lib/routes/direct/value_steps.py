"""Steps about the values of an object: its attributes, its members.

The planner leaves out members that AD is known to refuse. Where the directory refuses one all the same, nothing of that
modify has taken effect (an LDAP modify is all or nothing), so it is halved until the value stands alone: one value
never takes its neighbours along. The journal's line before the step names every value of it: a run that resumes takes
what it finds there for its own work, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.change.step import NOT_TAKEN, Effect, LiveState, drifted
from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.dn import normalize_dn
from runbook_lib.model.text import counted, first_of, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.direct.live import NotAsPlanned, compare, present_name
from runbook_lib.routes.direct.object_steps import DirectStep, StepContext
from runbook_lib.routes.direct.payload import Member
from runbook_lib.routes.direct.writes import Write

MOST_REFUSED = 20
"""After so many refused values the rest of a modify is not tried: then it is hardly about single values."""
OF_ONE_VALUE = frozenset(
    {
        "directory-unwilling",
        "malformed-dn",
        "member-not-allowed",
        "other-domain",
        "reference-missing",
        "schema-violation",
        "text-not-unicode",
        "value-malformed",
        "value-out-of-range",
    }
)
"""Errors that can be about one value of several; missing rights and values that changed are about the object."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A member value that did not enter or leave, and why; ``error`` is None for one that was not tried.

    ``key`` is that of the member.
    """

    key: str
    dn: str
    error: RunbookError | None
    cause: str = ""
    """Code of the error where only that is left, in a journal."""


@dataclass(frozen=True, slots=True)
class MemberValue:
    """A member and the DN that stands for it now."""

    ref: Member
    dn: str


def send_values(
    values: Sequence[MemberValue], modify: Callable[[Sequence[MemberValue]], None]
) -> tuple[list[MemberValue], list[NotTaken]]:
    """Send values in as few modifies as the directory lets it be.

    Args:
        values: All of one side: all enter, or all leave.
        modify: Sends one modify; raises what the directory answers.

    Returns:
        The values that took effect, in their order, and the others.

    Raises:
        RunbookError: What is not about one value and either came first or passes with time. Values may have taken
            effect before it; what they are is seen in the directory.
    """
    taken: list[MemberValue] = []
    left: list[NotTaken] = []
    waiting = [list(values)] if values else []
    while waiting:
        part = waiting.pop(0)
        if len(left) >= MOST_REFUSED:
            left += [NotTaken(value.ref.key, value.dn, None) for value in part]
            continue
        try:
            modify(part)
        except RunbookError as error:
            if error.code not in OF_ONE_VALUE:
                if not taken or not isinstance(error, (Refused, UsageError)):
                    raise
                left += [NotTaken(value.ref.key, value.dn, error) for value in part]
                left += [NotTaken(value.ref.key, value.dn, None) for rest in waiting for value in rest]
                break
            if len(part) == 1:
                left.append(NotTaken(part[0].ref.key, part[0].dn, error))
            else:
                middle = len(part) // 2
                waiting[:0] = [part[:middle], part[middle:]]
        else:
            taken += part
    return taken, left


def members_refused(some: Sequence[tuple[str, NotTaken]]) -> Refused:
    """The error at the end of a run in which the directory refused single members and everything else is written.

    Args:
        some: Display name of the group and the value.
    """
    shown = [f"{printable(item.dn)} in {printable(group, limit=80)!r}" for group, item in some]
    why = next((item.error.message for _, item in some if item.error is not None), "")
    return Refused(
        t(
            "The directory refused {members}, and all else of the plan is written: {shown}. {why}",
            members=counted(len(some), "member"),
            shown=first_of(shown, 5, "; "),
            why=why,
        ),
        code="members-refused",
        hint=t("Look at what these objects are; take them out of the cloud group, or correct them in AD."),
        values={"members": [{"group": group, "dn": item.dn, "cause": _code(item)} for group, item in some]},
    )


def refused_as_json(item: NotTaken) -> dict[str, str]:
    """The value as the journal's effect names it."""
    return {"member": item.key, "dn": item.dn, "cause": _code(item)}


def _code(item: NotTaken) -> str:
    return item.error.code if item.error is not None else item.cause or "not-tried"


def not_taken_of(data: Mapping[str, str]) -> NotTaken:
    """The value out of a journal's effect."""
    return NotTaken(data["member"], data["dn"], None, data["cause"])


class Attributes(DirectStep):
    """Change single attributes in one modify: each old value leaves by its name, so a racing edit makes it fail."""

    def __init__(self, write: Write, context: StepContext) -> None:
        super().__init__(write, context)
        self._deltas = write.deltas

    def send(self) -> None:
        """Send the modify."""
        self.context.directory.modify(self.object_id, self._deltas)

    def _look(self) -> LiveState:
        deltas = self.write.deltas
        entry = self.context.entry(self, tuple(delta.name for delta in deltas))
        if self.change.kind is ChangeKind.UNDELETE:
            # What the directory itself brought back needs no writing: with the Recycle Bin that is all of it.
            deltas = tuple(delta for delta in deltas if compare(entry.texts, [delta]) is not LiveState.AFTER)
        self._deltas = deltas
        state = compare(entry.texts, deltas)
        if state is LiveState.OTHER:
            raise NotAsPlanned(verbatim(", ".join(delta.name for delta in deltas)))
        return state

    def _changed(self) -> Mapping[str, object]:
        return {"attributes": [delta.as_json() for delta in self._deltas or self.write.deltas]}


class Members(DirectStep):
    """Add and remove members, as many of them as the directory takes."""

    def __init__(self, write: Write, context: StepContext) -> None:
        super().__init__(write, context)
        self.refused: list[NotTaken] = []
        """Values that the directory did not take, in this run or in an earlier one."""
        self._left: dict[str, list[MemberValue]] = {"removed": [], "added": []}
        """What is still to leave and to enter."""
        self._gone: list[Member] = []
        """Members to add that do not exist any more."""
        self._live: set[str] = set()
        """Comparable names of the members that are there, as the steps of this run keep them."""
        self._intent: Mapping[str, Any] = {}

    def recall(self, effect: Effect) -> None:
        """Take up what an earlier run was refused: it is told again at the end."""
        self.refused = [not_taken_of(item) for item in effect.data.get(NOT_TAKEN, ())]

    def intent(self) -> Mapping[str, object]:
        """All that is or may become this step's work: a later line must not hide what an earlier one began."""
        return {**super().intent(), **self._intent}

    def send(self) -> None:
        """Remove what leaves, then add what enters, in as few modifies as the directory lets it be."""
        for side, values in self._left.items():
            taken, not_taken = send_values(values, partial(self._modify, side))
            self.refused += not_taken
            done = _named(taken)
            values[:] = [value for value in values if value.ref.key not in done]

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """Members of all intents of this change that are now as they were wanted, as GUIDs, and those refused."""
        begun = begun or {}
        added = _keys(begun, "members_added", self.write.added) - _named(self._left["added"])
        added -= {ref.key for ref in self._gone}
        removed = _keys(begun, "members_removed", self.write.removed) - _named(self._left["removed"])
        data: dict[str, object] = {}
        if added or removed:
            data["members_added"] = sorted(map(self._guid_of, added))
            data["members_removed"] = sorted(map(self._guid_of, removed))
        if self.refused:
            data[NOT_TAKEN] = [refused_as_json(item) for item in self.refused]
        return data

    def _look(self) -> LiveState:
        live, dn_of = self.context.members(self), self.context.dn_of
        self._live = live
        dns = {ref.key: dn for ref in self.write.added if (dn := self._present(ref)) is not None}
        self._gone = [ref for ref in self.write.added if ref.key not in dns]
        entering = [MemberValue(ref, dns[ref.key]) for ref in self.write.added if ref.key in dns]
        leaving = [MemberValue(ref, dn_of[ref.guid]) for ref in self.write.removed if ref.guid in dn_of]
        self._left = {
            "removed": [value for value in leaving if normalize_dn(value.dn) in live],
            "added": [value for value in entering if normalize_dn(value.dn) not in live],
        }
        self.refused = [
            NotTaken(ref.key, ref.dn or ref.key, drifted(self.change, t("its member {dn} is gone", dn=ref.dn)))
            for ref in self._gone
        ]
        # What an earlier run had begun and what now is as it wanted is its work, hence ours.
        earlier = _keys(self.begun, "members_added", self.write.added) - {ref.key for ref in self._gone}
        self._intent = {
            "members_added": sorted(earlier | _named(self._left["added"])),
            "members_removed": sorted(
                _keys(self.begun, "members_removed", self.write.removed) | _named(self._left["removed"])
            ),
        }
        return LiveState.BEFORE if any(self._left.values()) else LiveState.AFTER

    def _modify(self, side: str, values: Sequence[MemberValue]) -> None:
        dns = tuple(value.dn for value in values)
        delta = AttributeDelta("member", added=dns) if side == "added" else AttributeDelta("member", removed=dns)
        self.context.directory.modify(self.object_id, [delta])
        self.partly = True
        changed = {normalize_dn(dn) for dn in dns}
        if side == "added":
            self._live |= changed
        else:
            self._live -= changed

    def _present(self, ref: Member) -> str | None:
        if ref.guid and ref.guid in self.context.dn_of:
            return self.context.dn_of[ref.guid]
        return present_name(self.context.directory, ref.guid or self.context.created[ref.group_id])

    def _guid_of(self, key: str) -> str:
        return self.context.created[key.removeprefix("group:")] if key.startswith("group:") else key


def _keys(intent: Mapping[str, Any], side: str, planned: Sequence[Member]) -> set[str]:
    """Members of an intent that belong to a step."""
    return set(intent.get(side, ())) & {ref.key for ref in planned}


def _named(values: Sequence[MemberValue]) -> set[str]:
    return {value.ref.key for value in values}
