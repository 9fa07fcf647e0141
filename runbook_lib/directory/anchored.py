"""The AD objects of cloud groups as Cloud Sync marks them: looked for by msDS-ExternalDirectoryObjectId.

Waiting for Cloud Sync asks for what changed: one question about the controller's highest update sequence number, and
where that moved one search for marked groups above the last one, whatever the number of groups. The numbers are those
of one database: a connection is only ever opened anew to the same invocation id.

A whole look finds what such a look cannot: objects that were deleted or lost their mark. Whether members that reach
this controller by replication raise the number of their group is not relied on either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from runbook_lib.bulk import in_parts
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.schema import indexed_attributes
from runbook_lib.directory.search import Entry, all_of, any_of, at_least, equals, present
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, anchor_of, as_group_id, group_id_of_anchor

_SHOWN = ("cn", "sAMAccountName", "groupType", "displayName", EXTERNAL_ID_ATTRIBUTE)
_ATTRIBUTES = ("objectGUID", "objectSid", "member", *_SHOWN)
_IDS_AT_ONCE = 100
"""Values in one filter."""


class AnchoredGroups:
    """Looks for the objects of some cloud groups in one domain."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, DirectoryGroup] = {}
        self._indexed: bool | None = None
        self._seen_up_to = 0
        """Update sequence number that the last look was complete to; 0: there was no whole look yet."""
        self._looked_for: frozenset[str] = frozenset()

    def look(
        self, group_ids: Collection[str], containers: Iterable[str] = (), *, changed_only: bool = False
    ) -> Mapping[str, tuple[DirectoryGroup, ...]]:
        """Cloud group id to its AD objects now, one as a rule, for those that have any.

        Args:
            group_ids: Ids of cloud groups.
            containers: Where to look in a forest whose schema does not index the attribute: the domain is not searched
                by it then.
            changed_only: Take what the last look saw, and ask for what changed since. The first look at these groups is
                a whole one all the same.

        Raises:
            RunbookError: A search failed.
        """
        ids = frozenset(group_ids)
        bases = self._bases(tuple(dict.fromkeys(containers)))
        now = committed_usn(self._directory)
        if not (changed_only and self._seen_up_to and ids <= self._looked_for):
            self._known = {entry.guid: group_as_read(entry, _SHOWN) for entry in self._entries(sorted(ids), bases)}
            self._looked_for = ids
        elif now > self._seen_up_to:
            marked = all_of(
                equals("objectClass", "group"),
                at_least("uSNChanged", self._seen_up_to + 1),
                present(EXTERNAL_ID_ATTRIBUTE),
            )
            for base in bases:
                for entry in self._directory.search(base, marked, _ATTRIBUTES):
                    self._known[entry.guid] = group_as_read(entry, _SHOWN)
        self._seen_up_to = now
        found: dict[str, tuple[DirectoryGroup, ...]] = {}
        for known in self._known.values():
            owner = group_id_of_anchor(known.text(EXTERNAL_ID_ATTRIBUTE) or "")
            if owner is not None and owner in ids:
                found[owner] = (*found.get(owner, ()), known)
        return found

    def by_guid(self, guid: str) -> DirectoryGroup | None:
        """An object by its GUID, whatever mark it has; None where it is gone.

        Raises:
            RunbookError: It cannot be read.
        """
        entry = self._directory.read(guid, _ATTRIBUTES)
        return group_as_read(entry, _SHOWN) if entry is not None else None

    def _bases(self, containers: Sequence[str]) -> Sequence[str]:
        if self._indexed is None:
            self._indexed = EXTERNAL_ID_ATTRIBUTE in indexed_attributes(self._directory, (EXTERNAL_ID_ATTRIBUTE,))
        return (self._directory.controller.default_naming_context,) if self._indexed else containers

    def _entries(self, ids: Sequence[str], bases: Sequence[str]) -> Iterable[Entry]:
        for part in in_parts(ids, _IDS_AT_ONCE):
            some = any_of(*(equals(EXTERNAL_ID_ATTRIBUTE, anchor_of(as_group_id(one))) for one in part))
            for base in bases:
                yield from self._directory.search(base, all_of(equals("objectClass", "group"), some), _ATTRIBUTES)


def group_as_read(entry: Entry, shown: Sequence[str]) -> DirectoryGroup:
    """A group with those of the attributes ``shown`` that it has, and its members sorted."""
    return DirectoryGroup(
        guid=entry.guid,
        dn=entry.dn,
        sid=entry.sid,
        attributes={name: values for name in shown if (values := entry.texts(name))},
        members=tuple(sorted(entry.texts("member"))),
    )
