"""Deleted groups, the Recycle Bin, how long a deleted object can be brought back; and groups that lost all members.

With the Recycle Bin a deleted object keeps its attributes and links; without it, it becomes a tombstone that keeps
GUID, SID, type and account name, and loses its anchor and its members (MS-ADTS 3.1.1.5.5.6.1). That is why groups from
the two OUs are read too, whether they still carry an anchor or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.search import Entry, all_of, any_of, equals, generalized_time, not_, present, starts_with
from runbook_lib.errors import RunbookError
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DEFAULT_LIFETIME_DAYS, DeletedObject, DeletedObjects
from runbook_lib.model.dn import normalize_dn, rdn
from runbook_lib.model.enforcement import SOA_ATTRIBUTE
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.text import NOTHING, Text, t

_ATTRIBUTES = (
    "objectClass",
    "objectGUID",
    "objectSid",
    ANCHOR_ATTRIBUTE,
    "isDeleted",
    "lastKnownParent",
    "msDS-LastKnownRDN",
    "name",
    "whenChanged",
    SOA_ATTRIBUTE,
)
_SERVICE = "CN=Directory Service,CN=Windows NT,CN=Services"
_FEATURE = f"CN=Recycle Bin Feature,CN=Optional Features,{_SERVICE}"


def read_deleted(directory: Directory, ous: Sequence[str]) -> tuple[DeletedObjects, Text]:
    """Deleted groups that concern this runbook, and a sentence about what could not be read (empty: everything).

    By default only administrators may list deleted objects, so an account without that right is a gap in the reading
    and not a failure of it.

    Args:
        directory: An open connection.
        ous: DNs of the target and the retired OU, as far as they exist.
    """
    bin_state = read_recycle_bin(directory)
    days, source = read_lifetime(directory, bin_state)
    container = deleted_container(directory)
    gap = t("deleted objects: this account may not list {container}", container=container)
    ours = [starts_with(ANCHOR_ATTRIBUTE, "Group_"), *(equals("lastKnownParent", ou) for ou in ous)]
    wanted = all_of(equals("isDeleted", "TRUE"), equals("objectClass", "group"), any_of(*ours))
    try:
        listable = may_list_deleted(directory)
        if listable is Switch.OFF:
            return DeletedObjects(bin_state, days, source, Switch.OFF), gap
        objects = directory.collect(container, wanted, _ATTRIBUTES, _object, show_deleted=True)
    except (RightsMissing, ObjectMissing):
        return DeletedObjects(bin_state, days, source, Switch.OFF), gap
    return DeletedObjects(bin_state, days, source, listable, tuple(objects)), NOTHING


def read_one_deleted(directory: Directory, guid: str) -> DeletedObject | None:
    """The deleted group with this GUID; None where it is no group, stands in AD, is gone for good or is not shown."""
    entry = directory.read(guid, _ATTRIBUTES, show_deleted=True)
    if entry is None or not entry.truth("isDeleted") or "group" not in entry.texts("objectClass"):
        return None
    return _object(entry)


def may_list_deleted(directory: Directory) -> Switch:
    """Whether this account may list deleted objects; by default only administrators may.

    ``ON`` is proved by a deleted object that is seen. An account without the right sees the container without its
    attributes, or not at all. Where the container can be read and shows nothing, both are possible: ``UNKNOWN``.

    Raises:
        RunbookError: The directory does not answer.
    """
    container = deleted_container(directory)
    try:
        head = directory.read_dn(container, ("objectClass",), show_deleted=True)
        if head is None or not head.raw("objectClass"):
            return Switch.OFF
        some = directory.search(
            container, equals("isDeleted", "TRUE"), ("objectGUID",), scope="one", show_deleted=True, page_size=1
        )
        return Switch.ON if next(some, None) is not None else Switch.UNKNOWN
    except (RightsMissing, ObjectMissing):
        return Switch.OFF


def read_recycle_bin(directory: Directory) -> Switch:
    """Whether the optional feature Recycle Bin is on (MS-ADTS 3.1.1.9.1): unknown where it cannot be read."""
    configuration = directory.controller.configuration_naming_context
    feature = f"{_FEATURE},{configuration}"
    partitions = directory.read_dn(f"CN=Partitions,{configuration}", ("objectClass", "msDS-EnabledFeature"))
    if partitions is None or not partitions.texts("objectClass"):
        return Switch.UNKNOWN
    if directory.read_dn(feature, ("objectClass",)) is None:
        return Switch.UNKNOWN
    enabled = {normalize_dn(dn) for dn in partitions.texts("msDS-EnabledFeature")}
    return Switch.ON if normalize_dn(feature) in enabled else Switch.OFF


def read_lifetime(directory: Directory, recycle_bin: Switch) -> tuple[int, str]:
    """Days for which a deleted object can be brought back, and the attribute that says so (``default``: none does).

    With the Recycle Bin msDS-deletedObjectLifetime counts, and tombstoneLifetime where that is not set; without it only
    tombstoneLifetime. Where the feature's state is unknown, the shorter one.
    """
    configuration = directory.controller.configuration_naming_context
    names = ("msDS-deletedObjectLifetime", "tombstoneLifetime")
    entry = directory.read_dn(f"{_SERVICE},{configuration}", names)
    found = {name: days for name in names if entry and (days := entry.integer(name)) is not None}
    if recycle_bin is Switch.OFF:
        found.pop("msDS-deletedObjectLifetime", None)
    if recycle_bin is Switch.ON and "msDS-deletedObjectLifetime" in found:
        found.pop("tombstoneLifetime", None)
    if not found:
        return DEFAULT_LIFETIME_DAYS, "default"
    source = min(found, key=lambda name: found[name])
    return found[source], source


def deleted_container(directory: Directory) -> str:
    """DN of the container of deleted objects of the domain."""
    return f"CN=Deleted Objects,{directory.controller.default_naming_context}"


def _object(entry: Entry) -> DeletedObject:
    return DeletedObject(
        guid=entry.guid,
        dn=entry.dn,
        sid=entry.sid or "",
        last_dn=_last_dn(entry),
        group_id=group_id_of_anchor(entry.text(ANCHOR_ATTRIBUTE) or "") or "",
        changed=_time(entry.text("whenChanged")),
        governed_by_cloud=bool(entry.raw(SOA_ATTRIBUTE)),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return generalized_time(text) if text else None
    except ValueError:
        return None


def _last_dn(entry: Entry) -> str:
    """Where the object was. AD renames a deleted object to ``<name>\\nDEL:<guid>`` (MS-ADTS 3.1.1.5.5)."""
    name = entry.text("msDS-LastKnownRDN") or (entry.text("name") or "").partition("\n")[0]
    parent = entry.text("lastKnownParent") or ""
    try:
        return f"{rdn('CN', name)},{parent}" if parent else rdn("CN", name)
    except RunbookError:
        return entry.dn


def read_empty_groups(directory: Directory) -> dict[str, str]:
    """Cloud group id to DN, of groups with ``msDS-ExternalDirectoryObjectId=Group_<id>`` and without a member.

    A group whose members this account may not read looks empty too.

    Raises:
        RunbookError: The search failed.
    """
    wanted = all_of(
        equals("objectClass", "group"), starts_with(EXTERNAL_ID_ATTRIBUTE, "Group_"), not_(present("member"))
    )
    base = directory.controller.default_naming_context
    found = {}
    for entry in directory.search(base, wanted, (EXTERNAL_ID_ATTRIBUTE,)):
        if group_id := group_id_of_anchor(entry.text(EXTERNAL_ID_ATTRIBUTE) or ""):
            found[group_id] = entry.dn
    return dict(sorted(found.items()))
