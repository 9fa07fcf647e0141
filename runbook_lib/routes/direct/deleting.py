"""Where an object stands that is to be deleted or brought back: asked of the directory just before each write.

Only what is there counts. Windows with the Recycle Bin brings attributes and links back by itself, Windows without it
and Samba bring back a bare object with the same GUID and SID: the writes that follow look again and add what is
missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import ANY_OBJECT
from runbook_lib.model.change import AttributeDelta, Change, MemberRef, PlanTarget
from runbook_lib.model.directory import RESTORED_ATTRIBUTES, DeletedObject
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.untrusted import counted
from runbook_lib.routes.direct.live import Stand, drifted, live_entry, stand_of


def stand_of_deletion(
    directory: Directory,
    change: Change,
    target: PlanTarget,
    doomed: frozenset[str],
    dn_of: Mapping[str, str],
) -> Stand:
    """AFTER where the object is gone; BEFORE where it is, to the last value and link, what the plan saw.

    Args:
        directory: The pinned DC.
        change: The deletion.
        target: Where it has to stand.
        doomed: GUIDs of all objects that the same plan deletes: links to and from them may be gone already.
        dn_of: AD GUID to DN, read just before.

    Raises:
        Drifted: It is anything else. No LDAP operation deletes "only if unchanged", so this look comes right before it.
    """
    if directory.read(change.object_guid, ["objectGUID"]) is None:
        return Stand.AFTER
    asked = [*RESTORED_ATTRIBUTES, "member", "memberOf", "adminCount", "isCriticalSystemObject"]
    entry = live_entry(directory, change, target, asked)
    if normalize_dn(parent_of(entry.dn)) != normalize_dn(parent_of(change.dn)):
        raise drifted(change, f"its AD object stands at {entry.dn}")
    if entry.text("adminCount") == "1" or entry.truth("isCriticalSystemObject"):
        raise drifted(change, "AD protects its object now")
    planned = {delta.name: delta for delta in change.attributes}
    for name in RESTORED_ATTRIBUTES:
        if stand_of(entry.texts, [planned.get(name, AttributeDelta(name))]) is Stand.OTHER:
            raise drifted(change, name)
    _require_links(change, entry, "member", change.members_removed, doomed, dn_of)
    holders = change.deletion.member_of if change.deletion else ()
    _require_links(change, entry, "memberOf", holders, doomed, dn_of)
    below = next(directory.search(entry.dn, ANY_OBJECT, ["objectGUID"], scope="one"), None)
    if below is not None:
        raise drifted(change, f"{below.dn} stands below it")
    return Stand.BEFORE


def _require_links(
    change: Change,
    entry: Entry,
    name: str,
    planned: tuple[MemberRef, ...],
    doomed: frozenset[str],
    dn_of: Mapping[str, str],
) -> None:
    going = {normalize_dn(dn) for ref in planned for dn in (ref.dn, dn_of.get(ref.guid)) if ref.guid in doomed and dn}
    wanted = {normalize_dn(dn_of.get(ref.guid, ref.dn)) for ref in planned} - going
    live = {normalize_dn(dn) for dn in entry.texts(name)} - going
    if live != wanted:
        raise drifted(change, f"{counted(len(live ^ wanted), 'value')} of {name} not as planned")


def find_deleted(directory: Directory, change: Change, target: PlanTarget) -> DeletedObject | None:
    """The deleted object that an undelete brings back; None where it is back already, with anchor and mark.

    Raises:
        Drifted: It is gone for good, is another object, or somebody brought it back without anchor and mark.
    """
    if directory.read(change.object_guid, ["objectGUID"]) is not None:
        live_entry(directory, change, target, [])
        return None
    found = read_one_deleted(directory, change.object_guid)
    if found is None:
        raise drifted(change, "its AD object is neither in AD nor among the deleted objects that this account may see")
    if change.deletion is None or found.sid != change.deletion.sid:
        raise drifted(change, f"the deleted object {found.dn} has another SID")
    return found


def present_dn(directory: Directory, change: Change) -> str:
    """DN of the OU that an undelete writes into.

    Raises:
        Drifted: It is gone.
    """
    dn = present_name(directory, change.parent_guid)
    if dn is None:
        raise drifted(change, f"the OU it came from is gone: {parent_of(change.dn)}")
    return dn


def present_name(directory: Directory, guid: str) -> str | None:
    """Where the object with this GUID stands now; None where it does not exist."""
    entry = directory.read(guid, ["objectGUID"])
    return entry.dn if entry is not None else None
