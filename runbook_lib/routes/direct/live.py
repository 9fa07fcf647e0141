"""How things are in AD right now: the two OUs, one object, and the object that a create may have made earlier.

Identity is a GUID: a distinguished name only says where something stands at this moment. No look searches the domain by
an attribute that its schema does not index, because a domain controller then reads every object that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.change.step import LiveState
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, any_of, equals
from runbook_lib.errors import Refused
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, anchor_of, owner_of_mark
from runbook_lib.model.text import Text, t
from runbook_lib.routes.direct.payload import DirectChange
from runbook_lib.routes.direct.target import DirectTarget

ACCOUNT_NAME = "sAMAccountName"
KNOWN_BY = (ANCHOR_ATTRIBUTE, ACCOUNT_NAME)
"""What a create writes that finds its object again wherever it stands, as far as the schema indexes it."""
_MARKS = (MARK_ATTRIBUTE, ANCHOR_ATTRIBUTE, "objectGUID")


class NotAsPlanned(Exception):  # noqa: N818 - what a look found, not a defect
    """Neither before nor after; ``seen`` says what is there instead, as the end of a sentence."""

    def __init__(self, seen: Text) -> None:
        super().__init__(seen)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class TwoOus:
    """Where the target OU and the retired OU of a plan are now, by GUID.

    Attributes:
        present: GUID to distinguished name; an OU that is gone, or that the plan does not have, is not in it.
    """

    present: Mapping[str, str]

    def dn_of(self, guid: str) -> str:
        """Its distinguished name now.

        Raises:
            NotAsPlanned: It is gone, or not one of the two.
        """
        if guid not in self.present:
            raise NotAsPlanned(t("the OU with the GUID {guid} is gone", guid=guid))
        return self.present[guid]

    def holding(self, dn: str) -> str:
        """GUID of the one in which an object stands directly; empty where it stands elsewhere."""
        parent = normalize_dn(parent_of(dn))
        return next((guid for guid, ou in self.present.items() if normalize_dn(ou) == parent), "")


def read_two_ous(directory: Directory, target: DirectTarget) -> TwoOus:
    """Look both up by their GUIDs."""
    guids = [guid for guid in (target.target_ou_guid, target.retired_ou_guid) if guid]
    names = {guid: present_name(directory, guid) for guid in guids}
    return TwoOus({guid: dn for guid, dn in names.items() if dn is not None})


def require_target_ou(ous: TwoOus, target: DirectTarget) -> str:
    """Where the target OU is now.

    Raises:
        Refused: ``ou-missing``: it is gone.
    """
    if target.target_ou_guid not in ous.present:
        raise Refused(
            t("The target OU is gone: {target_ou}.", target_ou=target.target_ou),
            code="ou-missing",
            hint=t("Create it again or correct target_ou."),
        )
    return ous.present[target.target_ou_guid]


def present_name(directory: Directory, guid: str) -> str | None:
    """Where the object with this GUID stands now; None where it does not exist."""
    entry = directory.read(guid, ["objectGUID"])
    return entry.dn if entry is not None else None


def compare(values_of: Callable[[str], Iterable[str]], deltas: Iterable[AttributeDelta]) -> LiveState:
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
    return LiveState.AFTER if after else LiveState.BEFORE if before else LiveState.OTHER


def find_created(
    directory: Directory, change: DirectChange, target: DirectTarget, ous: TwoOus, indexed: frozenset[str]
) -> str | None:
    """GUID of the object that a create made earlier, known by anchor and mark; None where there is none.

    It is looked for under its name in the target OU and, wherever else it may stand, by what the schema indexes.

    Args:
        directory: The pinned DC.
        change: The create.
        target: Where it belongs.
        ous: The two OUs now.
        indexed: Which of ``KNOWN_BY`` the schema indexes.

    Raises:
        Refused: ``ou-missing``: the target OU is gone.
        NotAsPlanned: The anchor stands on an object that is not ours, on several, or elsewhere.
    """
    there = directory.read_dn(f"{change.payload.rdn},{require_target_ou(ous, target)}", _MARKS)
    found = {there.guid: there} if there is not None and _is_anchored(there, change) else {}
    planned = {delta.name: delta.added for delta in change.payload.attributes}
    names = [equals(name, value) for name in KNOWN_BY if name in indexed for value in planned.get(name, ())]
    if names:
        # Not "and a group": a controller may read its list of all groups for that before it looks for the name.
        asked = (*_MARKS, "objectClass")
        elsewhere = directory.search(directory.controller.default_naming_context, any_of(*names), asked)
        found |= {entry.guid: entry for entry in elsewhere if _is_group(entry) and _is_anchored(entry, change)}
    if not found:
        return None
    if len(found) > 1 or not all(_is_ours(entry, change, target) for entry in found.values()):
        raise NotAsPlanned(t("an AD object with its anchor appeared that this runbook did not write"))
    ((guid, entry),) = found.items()
    if ous.holding(entry.dn) != target.target_ou_guid:
        raise NotAsPlanned(t("its AD object stands at {dn}", dn=entry.dn))
    return guid


def require_created(directory: Directory, change: DirectChange, target: DirectTarget, ous: TwoOus, guid: str) -> None:
    """Believe what an earlier run says it created only where it stands in the target OU and carries our marks.

    Raises:
        NotAsPlanned: It does not, or it is gone.
    """
    entry = directory.read(guid, _MARKS) if guid else None
    if entry is None or not _is_anchored(entry, change) or not _is_ours(entry, change, target):
        raise NotAsPlanned(t("the object that was created for it is not there any more"))
    if ous.holding(entry.dn) != target.target_ou_guid:
        raise NotAsPlanned(t("its AD object stands at {dn}", dn=entry.dn))


def live_entry(
    directory: Directory,
    change: DirectChange,
    guid: str,
    target: DirectTarget,
    ous: TwoOus,
    attributes: Iterable[str] = (),
) -> Entry:
    """The object of a change as it is now, proved to be ours and to stand in one of the two OUs.

    Raises:
        NotAsPlanned: It is gone, lost its mark, or was moved elsewhere.
    """
    entry = directory.read(guid, [*attributes, *_MARKS])
    if entry is None:
        raise NotAsPlanned(t("its AD object is gone"))
    if not _is_ours(entry, change, target) or not _is_anchored(entry, change):
        raise NotAsPlanned(t("its AD object no longer carries anchor and mark"))
    if not ous.holding(entry.dn):
        raise NotAsPlanned(t("its AD object was moved to {dn}", dn=entry.dn))
    return entry


def _is_ours(entry: Entry, change: DirectChange, target: DirectTarget) -> bool:
    return owner_of_mark(entry.texts(MARK_ATTRIBUTE)) == (target.tenant_id, change.group_id)


def _is_group(entry: Entry) -> bool:
    return "group" in map(str.casefold, entry.texts("objectClass"))


def _is_anchored(entry: Entry, change: DirectChange) -> bool:
    return {value.casefold() for value in entry.texts(ANCHOR_ATTRIBUTE)} == {anchor_of(change.group_id).casefold()}
