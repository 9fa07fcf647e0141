"""What is read of the objects around the writes: an LDIF backup before (RFC 2849), a comparison with the plan after.

A backup restores attributes and members by hand; it never restores a SID or a GUID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import may_list_deleted, read_one_deleted
from runbook_lib.directory.ldif import ldif_of
from runbook_lib.model.change import Change
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    MARK_ATTRIBUTE,
    NO_OBJECT,
    ObjectGuid,
    anchor_of,
    object_guid_or_none,
    owner_of_mark,
)
from runbook_lib.model.target import Target
from runbook_lib.model.text import Text, counted, t
from runbook_lib.routes.direct.live import TwoOus, present_name, read_two_ous
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectChange, Member
from runbook_lib.routes.direct.target import DirectTarget


def backup(directory: Directory, of: Sequence[Change], at: datetime) -> str:
    """LDIF text of the objects of these changes as they are now, every attribute this account may read.

    An object that is going to be deleted is written with its access list and with the GUIDs of its members. Objects
    that a plan creates are not in it: they do not exist yet.
    """
    changes = DIRECT_TYPES.changes(of)
    guids = sorted({change.payload.object_guid for change in changes if change.payload.object_guid})
    deleted = [change.payload for change in changes if change.kind is ChangeKind.DELETE]
    members: dict[str, Sequence[Member]] = {payload.object_guid: payload.members_removed for payload in deleted}

    def comments(guid: str) -> Iterable[str]:
        return map(_member_comment, members.get(guid, ()))

    return ldif_of(directory, guids, at, whole=members.keys(), comments=comments)


def _member_comment(ref: Member) -> str:
    """A comment that ties a member's DN, which may change, to its GUID, which does not. LDIF comments are ASCII."""
    return f"# member {ref.guid} {ref.dn.encode('unicode_escape').decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Checked:
    """One change after its writes. ``differences`` is empty where everything is as wanted."""

    change: DirectChange
    object_guid: str
    sid: str
    dn: str
    differences: tuple[Text, ...]


def read_back(
    directory: Directory,
    of: Iterable[Change],
    bound_to: Target,
    guid_of: Mapping[str, str],
    dn_of: Mapping[ObjectGuid, str],
) -> tuple[Checked, ...]:
    """Read every changed object by its GUID and compare.

    Args:
        directory: The DC that was written to.
        of: The changes that were carried out.
        bound_to: Where they belong.
        guid_of: Change digest to object GUID, from the journal.
        dn_of: AD GUID to DN of members, read just before the writes.
    """
    changes, target = DIRECT_TYPES.changes(of), DIRECT_TYPES.target(bound_to)
    created: dict[str, ObjectGuid] = {
        c.group_id: object_guid_or_none(guid_of.get(c.digest, "")) for c in changes if c.kind is ChangeKind.CREATE
    }
    ous = read_two_ous(directory, target)
    return tuple(
        _check(directory, change, target, ous, guid_of.get(change.digest, ""), dn_of, created) for change in changes
    )


def _check(
    directory: Directory,
    change: DirectChange,
    target: DirectTarget,
    ous: TwoOus,
    guid: str,
    dn_of: Mapping[ObjectGuid, str],
    created: Mapping[str, ObjectGuid],
) -> Checked:
    if change.kind is ChangeKind.DELETE:
        return _gone(directory, change, guid)
    names = [delta.name for delta in change.payload.attributes]
    wanted = [*names, MARK_ATTRIBUTE, ANCHOR_ATTRIBUTE, "objectGUID", "objectSid"]
    entry = directory.read(guid, wanted) if guid else None
    if entry is None:
        return Checked(change, guid, "", change.payload.dn, (t("the object is not there"),))
    problems: list[Text] = []
    if owner_of_mark(entry.texts(MARK_ATTRIBUTE)) != (target.tenant_id, change.group_id):
        problems.append(t("it does not carry the mark"))
    if {value.casefold() for value in entry.texts(ANCHOR_ATTRIBUTE)} != {anchor_of(change.group_id).casefold()}:
        problems.append(t("it does not carry the anchor"))
    for delta in change.payload.attributes:
        values = set(entry.texts(delta.name))
        if set(delta.added) - values or set(delta.removed) & values:
            problems.append(t("{name} is not as planned", name=delta.name))
    if change.payload.deletion is not None and entry.sid != change.payload.deletion.sid:
        problems.append(t("it does not have the SID that it had"))
    ou = _expected_ou(change, target)
    if ou and ous.holding(entry.dn) != ou:
        problems.append(t("it stands in {dn}", dn=parent_of(entry.dn)))
    problems += _member_problems(directory, change, guid, dn_of, created)
    return Checked(change, guid, entry.sid or "", entry.dn, tuple(problems))


def _gone(directory: Directory, change: DirectChange, guid: str) -> Checked:
    """A deleted object: not in AD any more and, as far as this account can see that, among the deleted ones."""
    sid = change.payload.deletion.sid if change.payload.deletion else ""
    entry = directory.read(guid, ["objectGUID"])
    if entry is not None:
        return Checked(change, guid, sid, entry.dn, (t("it still stands in AD"),))
    deleted = read_one_deleted(directory, guid)
    if deleted is not None:
        wrong = (t("it does not have the SID that it had"),) if sid and deleted.sid != sid else ()
        return Checked(change, guid, deleted.sid, deleted.dn, wrong)
    if may_list_deleted(directory) is Switch.ON:
        return Checked(change, guid, sid, change.payload.dn, (t("it is not among the deleted objects"),))
    return Checked(change, guid, sid, t("gone from AD; this account does not see deleted objects"), ())


def _expected_ou(change: DirectChange, target: DirectTarget) -> str:
    """GUID of the OU in which the object has to stand; empty where the change does not say."""
    if change.payload.move is not None:
        return change.payload.move.to_guid
    if change.kind is ChangeKind.UNDELETE:
        return change.payload.parent_guid
    return target.target_ou_guid if change.kind is ChangeKind.CREATE else ""


def _member_problems(
    directory: Directory,
    change: DirectChange,
    guid: str,
    dn_of: Mapping[ObjectGuid, str],
    created: Mapping[str, ObjectGuid],
) -> list[Text]:
    if not change.payload.members_added and not change.payload.members_removed:
        return []
    live = {normalize_dn(dn) for dn in directory.members(guid)}

    def there(key_guid: ObjectGuid, group_id: str) -> bool:
        known = key_guid or created.get(group_id, NO_OBJECT)
        dn = dn_of.get(known) or (present_name(directory, known) if known else None)
        return dn is not None and normalize_dn(dn) in live

    missing = sum(not there(ref.guid, ref.group_id) for ref in change.payload.members_added)
    extra = sum(there(ref.guid, ref.group_id) for ref in change.payload.members_removed)
    problems = [t("{members} missing", members=counted(missing, "member"))] if missing else []
    return problems + ([t("{members} still there", members=counted(extra, "member"))] if extra else [])
