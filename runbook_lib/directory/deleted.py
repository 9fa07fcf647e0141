"""Deleted objects that still carry an anchor: with the Recycle Bin they keep it, as tombstones they lose it."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import all_of, equals, starts_with
from runbook_lib.directory.names import rdn
from runbook_lib.directory.results import ObjectMissing, RightsMissing
from runbook_lib.errors import RunbookError
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, group_id_of_anchor

_ATTRIBUTES = (ANCHOR_ATTRIBUTE, "lastKnownParent", "msDS-LastKnownRDN", "name")


def read_deleted_anchors(directory: Directory) -> tuple[dict[str, str], str]:
    """Group id to last known DN, and a sentence about what could not be read (empty: everything).

    By default only administrators may list deleted objects, so an account without that right is a gap in the reading
    and not a failure of it.
    """
    container = f"CN=Deleted Objects,{directory.controller.default_naming_context}"
    gap = f"deleted objects: this account may not list {container}"
    wanted = all_of(equals("isDeleted", "TRUE"), starts_with(ANCHOR_ATTRIBUTE, "Group_"))
    try:
        if directory.read_dn(container, ("objectClass",), show_deleted=True) is None:
            return {}, gap
        entries = directory.collect(container, wanted, _ATTRIBUTES, lambda e: e, show_deleted=True)
    except (RightsMissing, ObjectMissing):
        return {}, gap
    found = {}
    for entry in entries:
        group_id = group_id_of_anchor(entry.text(ANCHOR_ATTRIBUTE) or "")
        if group_id is not None:
            found[group_id] = _last_dn(entry)
    return found, ""


def _last_dn(entry: Entry) -> str:
    """Where the object was. AD renames a deleted object to ``<name>\\nDEL:<guid>`` (MS-ADTS 3.1.1.5.5)."""
    name = entry.text("msDS-LastKnownRDN") or (entry.text("name") or "").partition("\n")[0]
    parent = entry.text("lastKnownParent") or ""
    try:
        return f"{rdn('CN', name)},{parent}" if parent else rdn("CN", name)
    except RunbookError:
        return entry.dn
