"""The groups with an anchor below one container: looked at whole once, and then by what changed.

Connect Sync v1 writes all its groups below one OU and marks them by adminDescription, which no schema is known to
index: so the OU is searched, never the domain. Waiting asks for the controller's highest update sequence number; where
that moved, it asks for groups that changed since and for groups that were deleted since. Where this account may not
list deleted objects, the GUIDs that stand below the container are asked for instead.

A group that is moved out of the container is found gone by a whole look alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.directory.anchored import group_as_read
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import deleted_container, may_list_deleted
from runbook_lib.directory.errors import ObjectMissing
from runbook_lib.directory.search import Entry, Filter, all_of, at_least, equals, starts_with
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
    ObjectGuid,
    group_id_of_anchor,
)

_SHOWN = (
    "cn",
    "displayName",
    "description",
    "groupType",
    "sAMAccountName",
    "mail",
    "mailNickname",
    "proxyAddresses",
    "showInAddressBook",
    "whenCreated",
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
)
_ATTRIBUTES = ("objectGUID", "objectSid", "member", *_SHOWN)
_MARKED = all_of(equals("objectClass", "group"), starts_with(ANCHOR_ATTRIBUTE, "Group_"))


class GroupsBelow:
    """Looks at the groups with an anchor below one container."""

    def __init__(self, directory: Directory, container: str) -> None:
        self._directory = directory
        self._container = container
        self._known: dict[ObjectGuid, DirectoryGroup] = {}
        self._seen_up_to = 0
        """Update sequence number that the last look was complete to; 0: there was no whole look yet."""
        self._lists_deleted = False

    def look(self, *, changed_only: bool = False) -> Mapping[str, tuple[DirectoryGroup, ...]]:
        """Cloud group id to its AD objects now, one as a rule. A container that is not there holds none.

        Args:
            changed_only: Take what the last look saw, and ask for what changed since. The first look is a whole one.

        Raises:
            RunbookError: A search failed.
        """
        now = committed_usn(self._directory)
        if not (changed_only and self._seen_up_to):
            self._lists_deleted = may_list_deleted(self._directory) is Switch.ON
            self._known = {group.guid: group for group in self._groups(_MARKED)}
        elif now > self._seen_up_to:
            since = at_least("uSNChanged", self._seen_up_to + 1)
            self._known |= {group.guid: group for group in self._groups(all_of(_MARKED, since))}
            for gone in self._gone(since):
                self._known.pop(gone, None)
        self._seen_up_to = now
        found: dict[str, tuple[DirectoryGroup, ...]] = {}
        for known in self._known.values():
            owner = group_id_of_anchor(known.text(ANCHOR_ATTRIBUTE) or "")
            if owner is not None:
                found[owner] = (*found.get(owner, ()), known)
        return found

    def _groups(self, wanted: Filter) -> list[DirectoryGroup]:
        try:
            return self._directory.collect(self._container, wanted, _ATTRIBUTES, _group)
        except ObjectMissing:
            return []

    def _gone(self, since: Filter) -> set[ObjectGuid]:
        """GUIDs of groups that are gone since the last look."""
        if self._lists_deleted:
            deleted = all_of(equals("isDeleted", "TRUE"), equals("objectClass", "group"), since)
            where = deleted_container(self._directory)
            return set(self._directory.collect(where, deleted, ("objectGUID",), _guid, show_deleted=True))
        try:
            return set(self._known) - set(self._directory.collect(self._container, _MARKED, ("objectGUID",), _guid))
        except ObjectMissing:
            return set(self._known)


def _guid(entry: Entry) -> ObjectGuid:
    return entry.guid


def _group(entry: Entry) -> DirectoryGroup:
    return group_as_read(entry, _SHOWN)
