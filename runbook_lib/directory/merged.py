"""What was read of a domain before, with what changed put into it, and which groups that makes doubtful. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook_lib.directory.search import Entry
from runbook_lib.directory.snapshot import (
    directory_group_of,
    directory_object_of,
    has_anchor,
    is_group,
    is_read_besides,
)
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject, DirectorySnapshot
from runbook_lib.model.dn import is_below
from runbook_lib.model.ids import ObjectGuid


class MergedDomain:
    """What was read before, with what changed put into it.

    Args:
        was: The reading before.
        below: DNs of the OUs whose groups are read with members, as those with an anchor are.
        names: ``names_of_attributes``.
        usn: Objects with a higher uSNCreated did not exist then.
    """

    def __init__(self, was: DirectorySnapshot, below: Sequence[str], names: list[tuple[str, str]], usn: int) -> None:
        self.objects: dict[ObjectGuid, DirectoryObject] = {one.guid: one for one in was.objects}
        self.groups: dict[ObjectGuid, DirectoryGroup] = {one.guid: one for one in was.groups}
        self._below = below
        self._names = names
        self._usn = usn
        self._by_dn = {one.dn: one.guid for one in was.groups}
        self._known = frozenset(one.dn for one in was.objects)
        self._fresh: set[ObjectGuid] = set()
        """GUIDs of groups that are as they are now."""
        self._stale: set[str] = set()
        """DNs that no longer name what they named."""
        self._doubtful: set[str] = set()
        """DNs of groups that hold, or are held by, something else than before."""

    def remove(self, gone: Iterable[ObjectGuid]) -> None:
        """Objects that were deleted."""
        for guid in gone:
            if (before := self.objects.pop(guid, None)) is not None:
                self._stale.add(before.dn)
                self.groups.pop(guid, None)

    def take(self, entry: Entry) -> None:
        """An object that changed, came, or came back."""
        before = self.objects.get(entry.guid)
        if before is not None and before.dn != entry.dn:
            self._stale.add(before.dn)
        if before is None and (entry.integer("uSNCreated") or 0) <= self._usn:
            self._doubtful.update(entry.texts("memberOf"))  # links come back with an object that was undeleted
        if is_group(entry):
            held = {dn for dn in entry.texts("member") if dn in self._by_dn}
            name = before.dn if before is not None else entry.dn
            self._doubtful |= held ^ {one.dn for one in self.groups.values() if name in one.member_of}
            self.put(entry)
        elif is_read_besides(entry):
            self.objects[entry.guid] = directory_object_of(entry)
        else:
            self.objects.pop(entry.guid, None)

    def put(self, entry: Entry) -> None:
        """A group as it is now."""
        matters = has_anchor(entry) or any(is_below(entry.dn, ou) for ou in self._below)
        members = tuple(sorted(entry.texts("member"))) if matters else None
        self.groups[entry.guid] = directory_group_of(entry, self._names, members)
        self.objects[entry.guid] = directory_object_of(entry)
        self._fresh.add(entry.guid)

    def to_read_again(self) -> set[ObjectGuid]:
        """Groups that did not change themselves, and may be otherwise all the same."""
        named = {self._by_dn[dn] for dn in self._doubtful if dn in self._by_dn}
        return {
            guid
            for guid, group in self.groups.items()
            if guid not in self._fresh and (guid in named or self._refers_to_what_changed(group))
        }

    def _refers_to_what_changed(self, group: DirectoryGroup) -> bool:
        """Whether it names what is not called so any more, or something whose changes are not looked at."""
        manager = group.attributes.get("managedBy", ())
        return any(
            dn in self._stale or dn not in self._known for dn in (*(group.members or ()), *group.member_of, *manager)
        )
