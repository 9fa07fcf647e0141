"""The AD objects of cloud groups as Cloud Sync marks them: looked for by msDS-ExternalDirectoryObjectId.

Waiting for Cloud Sync asks for what changed: members are read only of objects whose update sequence number moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.schema import indexed_attributes
from runbook_lib.directory.search import Entry, all_of, any_of, equals
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, anchor_of, as_group_id, group_id_of_anchor

_SHOWN = ("cn", "sAMAccountName", "groupType", "displayName", EXTERNAL_ID_ATTRIBUTE)
_ATTRIBUTES = ("objectGUID", "objectSid", "uSNChanged", *_SHOWN)
_IDS_AT_ONCE = 100
"""Values in one filter."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """One AD object with its members, and the update sequence number that it had then."""

    group: DirectoryGroup
    usn: int


class AnchoredGroups:
    """Looks for the objects of some cloud groups in one domain; members that did not change are not read again."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, Anchored] = {}
        self._indexed: bool | None = None

    def look(
        self, group_ids: Collection[str], containers: Iterable[str] = ()
    ) -> Mapping[str, tuple[DirectoryGroup, ...]]:
        """Cloud group id to its AD objects now, one as a rule, for those that have any.

        Args:
            group_ids: Ids of cloud groups.
            containers: Where to look in a forest whose schema does not index the attribute: the domain is not searched
                by it then.

        Raises:
            RunbookError: A search failed.
        """
        found: dict[str, tuple[DirectoryGroup, ...]] = {}
        for entry in self._entries(sorted(group_ids), tuple(dict.fromkeys(containers))):
            owner = group_id_of_anchor(entry.text(EXTERNAL_ID_ATTRIBUTE) or "")
            if owner is not None:
                found[owner] = (*found.get(owner, ()), self._group(entry))
        return found

    def _entries(self, ids: Sequence[str], containers: Sequence[str]) -> Iterable[Entry]:
        if self._indexed is None:
            self._indexed = EXTERNAL_ID_ATTRIBUTE in indexed_attributes(self._directory, (EXTERNAL_ID_ATTRIBUTE,))
        bases = (self._directory.controller.default_naming_context,) if self._indexed else containers
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = any_of(
                *(
                    equals(EXTERNAL_ID_ATTRIBUTE, anchor_of(as_group_id(one)))
                    for one in ids[start : start + _IDS_AT_ONCE]
                )
            )
            for base in bases:
                yield from self._directory.search(base, all_of(equals("objectClass", "group"), some), _ATTRIBUTES)

    def _group(self, entry: Entry) -> DirectoryGroup:
        usn = entry.integer("uSNChanged") or 0
        known = self._known.get(entry.guid)
        group = DirectoryGroup(
            guid=entry.guid,
            dn=entry.dn,
            sid=entry.sid,
            attributes={name: values for name in _SHOWN if (values := entry.texts(name))},
        )
        members = known.group.members if known and usn and known.usn == usn else self._directory.members(entry.guid)
        self._known[entry.guid] = Anchored(replace(group, members=members), usn)
        return self._known[entry.guid].group
