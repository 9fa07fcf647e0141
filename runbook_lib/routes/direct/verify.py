"""Read-back: what the same DC answers after the writes, compared with what each change wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import may_list_deleted, read_one_deleted
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, anchor_of, owner_of_mark
from runbook_lib.model.change import Change, ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.target import PlanTarget
from runbook_lib.model.untrusted import counted
from runbook_lib.routes.direct.live import TwoOus, present_name, read_two_ous


@dataclass(frozen=True, slots=True)
class Checked:
    """One change after its writes. ``differences`` is empty where everything is as wanted."""

    change: Change
    object_guid: str
    sid: str
    dn: str
    differences: tuple[str, ...]


def verify(
    directory: Directory,
    changes: Iterable[Change],
    target: PlanTarget,
    guid_of: Mapping[str, str],
    dn_of: Mapping[str, str],
) -> tuple[Checked, ...]:
    """Read every changed object by its GUID and compare.

    Args:
        directory: The DC that was written to.
        changes: The changes that were carried out.
        target: Where they belong.
        guid_of: Change digest to object GUID, from the journal.
        dn_of: AD GUID to DN of members, read just before the writes.
    """
    created = {c.group_id: guid_of.get(c.digest, "") for c in changes if c.kind is ChangeKind.CREATE}
    ous = read_two_ous(directory, target)
    return tuple(
        _check(directory, change, target, ous, guid_of.get(change.digest, ""), dn_of, created) for change in changes
    )


def _check(
    directory: Directory,
    change: Change,
    target: PlanTarget,
    ous: TwoOus,
    guid: str,
    dn_of: Mapping[str, str],
    created: Mapping[str, str],
) -> Checked:
    if change.kind is ChangeKind.DELETE:
        return _gone(directory, change, guid)
    names = [delta.name for delta in change.attributes]
    wanted = [*names, MARK_ATTRIBUTE, ANCHOR_ATTRIBUTE, "objectGUID", "objectSid"]
    entry = directory.read(guid, wanted) if guid else None
    if entry is None:
        return Checked(change, guid, "", change.dn, ("the object is not there",))
    problems: list[str] = []
    if owner_of_mark(entry.texts(MARK_ATTRIBUTE)) != (target.tenant_id, change.group_id):
        problems.append("it does not carry the mark")
    if {value.casefold() for value in entry.texts(ANCHOR_ATTRIBUTE)} != {anchor_of(change.group_id).casefold()}:
        problems.append("it does not carry the anchor")
    for delta in change.attributes:
        values = set(entry.texts(delta.name))
        if set(delta.added) - values or set(delta.removed) & values:
            problems.append(f"{delta.name} is not as planned")
    if change.deletion is not None and entry.sid != change.deletion.sid:
        problems.append("it does not have the SID that it had")
    ou = _expected_ou(change, target)
    if ou and ous.holding(entry.dn) != ou:
        problems.append(f"it stands in {parent_of(entry.dn)}")
    problems += _members(directory, change, guid, dn_of, created)
    return Checked(change, guid, entry.sid or "", entry.dn, tuple(problems))


def _gone(directory: Directory, change: Change, guid: str) -> Checked:
    """A deleted object: not in AD any more and, as far as this account can see that, among the deleted ones."""
    sid = change.deletion.sid if change.deletion else ""
    entry = directory.read(guid, ["objectGUID"])
    if entry is not None:
        return Checked(change, guid, sid, entry.dn, ("it still stands in AD",))
    deleted = read_one_deleted(directory, guid)
    if deleted is not None:
        wrong = ("it does not have the SID that it had",) if sid and deleted.sid != sid else ()
        return Checked(change, guid, deleted.sid, deleted.dn, wrong)
    if may_list_deleted(directory) is Switch.ON:
        return Checked(change, guid, sid, change.dn, ("it is not among the deleted objects",))
    return Checked(change, guid, sid, "gone from AD; this account does not see deleted objects", ())


def _expected_ou(change: Change, target: PlanTarget) -> str:
    """GUID of the OU in which the object has to stand; empty where the change does not say."""
    if change.move is not None:
        return change.move.to_guid
    if change.kind is ChangeKind.UNDELETE:
        return change.parent_guid
    return target.target_ou_guid if change.kind is ChangeKind.CREATE else ""


def _members(
    directory: Directory, change: Change, guid: str, dn_of: Mapping[str, str], created: Mapping[str, str]
) -> list[str]:
    if not change.members_added and not change.members_removed:
        return []
    live = {normalize_dn(dn) for dn in directory.members(guid)}

    def there(key_guid: str, group_id: str) -> bool:
        known = key_guid or created.get(group_id, "")
        dn = dn_of.get(known) or (present_name(directory, known) if known else None)
        return dn is not None and normalize_dn(dn) in live

    missing = sum(not there(ref.guid, ref.group_id) for ref in change.members_added)
    extra = sum(there(ref.guid, ref.group_id) for ref in change.members_removed)
    problems = [f"{counted(missing, 'member')} missing"] if missing else []
    return problems + ([f"{counted(extra, 'member')} still there"] if extra else [])
