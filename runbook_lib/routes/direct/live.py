"""Where one object stands right now: before a change, after it, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import all_of, equals
from runbook_lib.errors import Refused
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, anchor_of, owner_of_mark
from runbook_lib.model.change import AttributeDelta, Change, Move, PlanTarget
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable


class Stand(Enum):
    """Live state of what a write would change."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


def stand_of(values_of: Callable[[str], Iterable[str]], deltas: Iterable[AttributeDelta]) -> Stand:
    """Compare live values with deltas.

    ``extensionName`` may hold other programs' values, so only the delta's own count there. In every other attribute a
    value that the plan did not see is somebody else's edit: neither before nor after.
    """
    before = after = True
    for delta in deltas:
        values, removed, added = set(values_of(delta.name)), set(delta.removed), set(delta.added)
        if delta.name.casefold() == MARK_ATTRIBUTE.casefold():
            before &= removed <= values and not added & values
            after &= added <= values and not removed & values
        else:
            before &= values == removed
            after &= values == added
    return Stand.AFTER if after else Stand.BEFORE if before else Stand.OTHER


class Drifted(Refused):
    """The live state is neither what the plan saw nor what it wants."""


def drifted(change: Change, what: str) -> Drifted:
    """The error for a change whose object moved on since it was planned."""
    return Drifted(
        t(
            "{display_name!r} changed since it was planned: {what}.",
            display_name=printable(change.display_name, limit=80),
            what=what,
        ),
        code="drift",
        hint=t("Run the notebook again: it plans from what is there now and asks for an approval of that."),
        values={"group_id": change.group_id, "change": change.digest, "what": what},
    )


def stand_of_move(entry: Entry, move: Move) -> Stand:
    """Whether an entry stands in the OU it leaves or in the one it enters."""
    parent = normalize_dn(parent_of(entry.dn))
    if parent == normalize_dn(move.to_dn):
        return Stand.AFTER
    return Stand.BEFORE if parent == normalize_dn(move.from_dn) else Stand.OTHER


def find_created(directory: Directory, change: Change, target: PlanTarget) -> str | None:
    """GUID of the object that a create made earlier, known by anchor and mark; None where there is none.

    Raises:
        Drifted: The anchor stands on an object that is not ours, or on several.
    """
    anchored = equals(ANCHOR_ATTRIBUTE, anchor_of(change.group_id))
    search = directory.search(
        directory.controller.default_naming_context,
        all_of(equals("objectClass", "group"), anchored),
        [MARK_ATTRIBUTE, "objectGUID"],
    )
    found = list(search)
    if not found:
        return None
    if len(found) > 1 or owner_of_mark(found[0].texts(MARK_ATTRIBUTE)) != (target.tenant_id, change.group_id):
        raise drifted(change, "an AD object with its anchor appeared that this runbook did not write")
    if normalize_dn(parent_of(found[0].dn)) != normalize_dn(target.target_ou):
        raise drifted(change, f"its AD object stands at {found[0].dn}")
    return found[0].guid


def created_before(directory: Directory, change: Change, target: PlanTarget, guid: str) -> str:
    """GUID of the object that an earlier run says it created: believed only where it carries our marks.

    Raises:
        Drifted: It does not, or it is gone.
    """
    if find_created(directory, change, target) != guid:
        raise drifted(change, "the object that was created for it is not there any more")
    return guid


def live_entry(directory: Directory, change: Change, target: PlanTarget, attributes: list[str]) -> Entry:
    """The object of a change as it is now, proved to be ours and to stand in one of the two OUs.

    Raises:
        Drifted: It is gone, lost its mark, or was moved elsewhere.
    """
    entry = directory.read(change.object_guid, [*attributes, MARK_ATTRIBUTE, ANCHOR_ATTRIBUTE, "objectGUID"])
    if entry is None:
        raise drifted(change, "its AD object is gone")
    anchors = {value.casefold() for value in entry.texts(ANCHOR_ATTRIBUTE)}
    ours = owner_of_mark(entry.texts(MARK_ATTRIBUTE)) == (target.tenant_id, change.group_id)
    if not ours or anchors != {anchor_of(change.group_id).casefold()}:
        raise drifted(change, "its AD object no longer carries anchor and mark")
    parent = normalize_dn(parent_of(entry.dn))
    if parent not in {normalize_dn(ou) for ou in (target.target_ou, target.retired_ou) if ou}:
        raise drifted(change, f"its AD object was moved to {entry.dn}")
    return entry
