"""The way back of a deletion: the same object again, with GUID and SID, from the deleted objects. Pure functions.

Where it cannot come back, the plan says so. A new object would have another SID, so it is never made in its place here:
30-enable-writeback plans one, as a create.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbook_lib.change.step import LiveState
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import writer_of
from runbook_lib.inventory.members import no_member
from runbook_lib.inventory.states import GroupRow, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import AttributeDelta, DeletedObject, DirectoryGroup
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.text import NOTHING, Text, counted, first_of, t
from runbook_lib.routes.direct.live import compare
from runbook_lib.routes.direct.payload import Deletion, DirectChange, ExistingMember, Member, UndeletedMember
from runbook_lib.routes.direct.planning import existing
from runbook_lib.rules.group import RuleContext, leads_to, refuse_putting_back

_BY_HAND = t("Decide by hand; plan and backup.ldif hold the values.")
_ANEW = t(
    "If a new object with another SID will do, plan one with 30-enable-writeback; rights by SID do not come back."
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the way back of every deletion of a plan looks at.

    Attributes:
        context: What the rules look at.
        rows: Every group of either side, by id.
        ours: Live objects of ours that may be written to, by GUID.
        together: GUID to group id of the objects whose deletion the same plan takes back.
    """

    context: RuleContext
    rows: Mapping[str, GroupRow]
    ours: Mapping[str, GroupRow]
    together: Mapping[ObjectGuid, GroupId]

    @property
    def inventory(self) -> Inventory:
        """Both sides now."""
        return self.context.inventory


@dataclass(frozen=True, slots=True)
class WayBack:
    """Result for one deletion: changes, or one refusal, or neither (everything is back)."""

    changes: tuple[DirectChange, ...] = ()
    refusal: Refusal | None = None
    findings: tuple[Finding, ...] = ()


def undeletion(change: DirectChange, scene: Scene) -> WayBack:
    """Plan the way back of one deletion, as it was planned and carried out.

    Raises:
        ValueError: The change says nothing of what it took away, which ``refuse_undeletion`` refuses before.
    """
    if refused := refuse_undeletion(change, scene):
        return WayBack(refusal=refused)
    if change.payload.deletion is None:
        raise ValueError("a deletion without what it took away is refused")
    live = scene.inventory.index.groups_by_guid.get(change.payload.object_guid)
    back = _back(change, change.payload.deletion, live, scene)
    holders, findings = _memberships(change, change.payload.deletion, scene)
    if live is not None and not _missing(live, back):
        return WayBack(holders, findings=findings)
    return WayBack((back, *holders), findings=findings)


def refuse_undeletion(change: DirectChange, scene: Scene) -> Refusal | None:
    """Why the object of a deletion cannot come back, or is not to; whatever else the plan does."""
    inventory = scene.inventory
    if change.payload.deletion is None:
        return _refuse(change, "plan-without-deletion", t("Its plan does not say what it had."), _BY_HAND)
    live = inventory.index.groups_by_guid.get(change.payload.object_guid)
    if live is not None:
        refused = _not_as_ours(change, live, inventory)
    else:
        found = next(
            (item for item in inventory.directory.deleted.objects if item.guid == change.payload.object_guid), None
        )
        refused = _cannot_come_back(change, found, inventory) or _in_the_way(change, inventory)
    return refused or _against_the_rules(change, change.payload.deletion, scene)


def _not_as_ours(change: DirectChange, live: DirectoryGroup, inventory: Inventory) -> Refusal | None:
    """Somebody brought it back already: only with anchor and mark, and in the OU it came from, is it ours again."""
    ours = writer_of(live, change.group_id, inventory.cloud.tenant.id) is Writer.OURS
    if ours and normalize_dn(parent_of(live.dn)) == normalize_dn(parent_of(_dn(change, inventory))):
        return None
    why = t("Somebody brought it back as {live_dn}", live_dn=live.dn) + (
        t(".") if ours else t(", without its anchor and mark.")
    )
    return _refuse(change, "undelete-changed-since", why, _BY_HAND)


def _cannot_come_back(change: DirectChange, found: DeletedObject | None, inventory: Inventory) -> Refusal | None:
    if found is not None:
        ous = (inventory.directory.target, inventory.directory.retired)
        ou = next((one.dn for one in ous if one.guid == change.payload.parent_guid), "")
        if change.payload.deletion is not None and found.sid == change.payload.deletion.sid:
            if found.was_of(change.group_id, ou):
                return None
            why = t("Nothing in AD says that the deleted object {found_dn} was this group's.", found_dn=found.dn)
            return _refuse(change, "undelete-other-object", why, _BY_HAND)
        return _refuse(
            change,
            "undelete-other-object",
            t("The deleted object {found_dn} has another SID.", found_dn=found.dn),
            _ANEW,
        )
    deleted = inventory.directory.deleted
    if deleted.listable is not Switch.ON:
        return _refuse(
            change,
            "undelete-hidden",
            t("This account may not list deleted objects, or sees none of them, so it cannot find it."),
            t(
                "Have the right to list CN=Deleted Objects and the right Reanimate-Tombstones on the "
                "domain's root delegated, or run this with an account that has them."
            ),
        )
    return _refuse(
        change,
        "undelete-gone",
        t(
            "It is not among the deleted objects any more: recycled, or gone for good after "
            "{lifetime_days} days ({lifetime_source}).",
            lifetime_days=deleted.lifetime_days,
            lifetime_source=deleted.lifetime_source,
        ),
        _ANEW,
    )


def _in_the_way(change: DirectChange, inventory: Inventory) -> Refusal | None:
    """Rule 3 for an object that comes back: never a second one, never over a taken name."""
    again = inventory.index.groups_by_anchor.get(change.group_id, [])
    if again:
        why = t("{dn} was written for this cloud group meanwhile; a second one would be a duplicate.", dn=again[0].dn)
        return _refuse(
            change, "undelete-written-again", why, t("Delete or retire that one first, if the old one is wanted.")
        )
    wanted = _dn(change, inventory)
    by_guid = inventory.index.by_guid
    if guid := inventory.index.guid_of_dn(wanted):
        return _refuse(
            change, "undelete-name-taken", t("{dn} has its name.", dn=by_guid[guid].dn), t("Rename that object first.")
        )
    names = [
        delta.removed[0] for delta in change.payload.attributes if delta.name == "sAMAccountName" and delta.removed
    ]
    for guid in (guid for name in names for guid in inventory.index.guids_by_sam.get(name.casefold(), ())):
        why = t("{dn} has its sAMAccountName {names}.", dn=by_guid[guid].dn, names=names[0])
        return _refuse(change, "undelete-name-taken", why, t("Give that object another sAMAccountName first."))
    return None


def _against_the_rules(change: DirectChange, lost: Deletion, scene: Scene) -> Refusal | None:
    """Rule 2 (another writer), and rule 8 where the directory itself puts the object back into its groups."""
    context = scene.context
    row = scene.rows.get(change.group_id)
    if row is not None and (refused := refuse_putting_back(row, context, restored=True, security=False)):
        return refused
    if not lost.security or context.inventory.directory.deleted.recycle_bin is Switch.OFF:
        return None
    groups = context.inventory.index.groups_by_guid
    for holder in (groups[ref.guid] for ref in lost.member_of if ref.guid in groups):
        goal = holder.dn if holder.guid in context.protected else leads_to(holder, context.protected, context.inventory)
        if goal:
            why = t(
                "AD may put it back into {holder_dn}, which leads to {goal}: its members would gain those rights.",
                holder_dn=holder.dn,
                goal=goal,
            )
            return _refuse(change, "leads-to-protected", why, t("Bring it back by hand, and look at its groups first."))
    return None


def _back(change: DirectChange, lost: Deletion, live: DirectoryGroup | None, scene: Scene) -> DirectChange:
    inventory, together = scene.inventory, scene.together
    present = {inventory.index.guid_of_dn(dn) for dn in (live.members or () if live else ())}
    deltas = tuple(delta.inverse() for delta in change.payload.attributes if _can_be_set(delta, inventory))
    members: tuple[Member, ...] = tuple(
        ExistingMember(ref.guid, inventory.index.by_guid[ref.guid].dn)
        if ref.guid in inventory.index.by_guid
        else UndeletedMember(ref.guid, ref.dn, together[ref.guid])
        for ref in change.payload.members_removed
        if ref.guid not in present and (_can_be_member(ref.guid, inventory) or ref.guid in together)
    )
    lacking = (
        len(change.payload.members_removed)
        - len(members)
        - len(present & {ref.guid for ref in change.payload.members_removed})
    )
    why = t("Undoes: delete.") + (
        t(
            " Left out: {former_members}, no longer there or unable to be one.",
            former_members=counted(lacking, "former member"),
        )
        if lacking
        else NOTHING
    )
    deleted = inventory.directory.deleted
    payload = replace(
        change.payload,
        dn=_dn(change, inventory),
        attributes=deltas,
        members_added=members,
        members_removed=(),
        deletion=replace(
            lost,
            recycle_bin=deleted.recycle_bin.value,
            lifetime_days=deleted.lifetime_days,
            lifetime_source=deleted.lifetime_source,
            may_list=deleted.listable.value,
            days_left=_days_left(change, inventory),
        ),
    )
    return replace(
        change,
        kind=ChangeKind.UNDELETE,
        payload=payload,
        reason="undo",
        why=why,
    )


def _missing(live: DirectoryGroup, back: DirectChange) -> bool:
    values = live.attributes
    return (
        bool(back.payload.members_added)
        or compare(lambda name: values.get(name, ()), back.payload.attributes) is not LiveState.AFTER
    )


def _can_be_set(delta: AttributeDelta, inventory: Inventory) -> bool:
    """A reference to an object that is gone cannot be written."""
    return delta.name != "managedBy" or all(inventory.index.guid_of_dn(dn) for dn in delta.removed)


def _can_be_member(guid: str, inventory: Inventory) -> bool:
    """Whether it stands in AD, and AD takes it into a universal group: scope and class may have changed since."""
    item = inventory.index.by_guid.get(guid)
    return item is not None and no_member(item, inventory.index) is None


def _memberships(
    change: DirectChange, lost: Deletion, scene: Scene
) -> tuple[tuple[DirectChange, ...], tuple[Finding, ...]]:
    """Its membership in groups of ours; the owners of other groups put it back themselves, so a finding names those."""
    index = scene.inventory.index
    changes: list[DirectChange] = []
    by_hand: list[str] = []
    for holder in lost.member_of:
        row = scene.ours.get(holder.guid)
        group = index.groups_by_guid.get(holder.guid)
        if holder.guid in scene.together:
            continue  # That group's own way back brings this member.
        if row is None or group is None:
            if group is None or not _holds(group.guid, change, scene):
                by_hand.append(group.dn if group else holder.dn)
        elif change.payload.object_guid not in {index.guid_of_dn(dn) for dn in group.members or ()}:
            why = t("{display_name} was a member before it was deleted.", display_name=change.display_name)
            guid, dn = change.payload.object_guid, _dn(change, scene.inventory)
            member: Member = ExistingMember(guid, dn)
            if guid not in index.groups_by_guid:
                member = UndeletedMember(guid, dn, change.group_id)
            changes.append(existing(ChangeKind.ADD_MEMBERS, row, group, "undo", why, members_added=(member,)))
    return tuple(changes), (_by_hand(change, by_hand),) if by_hand else ()


def _holds(guid: str, change: DirectChange, scene: Scene) -> bool:
    """Whether a group that is not ours has the object as a member again; its members are not read, the back link is."""
    live = scene.inventory.index.groups_by_guid.get(change.payload.object_guid)
    return live is not None and guid in {scene.inventory.index.guid_of_dn(dn) for dn in live.member_of}


def _by_hand(change: DirectChange, dns: list[str]) -> Finding:
    return Finding(
        id=f"memberships-by-hand:{change.group_id}",
        severity=Severity.WARNING,
        seen=t(
            "{display_name!r} was a member of {groups} that this runbook does not write: {dns}",
            display_name=change.display_name,
            groups=counted(len(dns), "group"),
            dns=first_of(dns, 5, "; "),
        ),
        expected=t("With the Recycle Bin on, the directory itself puts such links back; without it nobody does."),
        why=t("The runbook never changes the members of other people's groups."),
        to_do=t("After the undo, look at those groups and add it again where that is wanted."),
        values={"group_id": change.group_id, "dns": dns},
    )


def _dn(change: DirectChange, inventory: Inventory) -> str:
    by_guid: dict[str, str] = {c.guid: c.dn for c in (inventory.directory.target, inventory.directory.retired)}
    return f"{change.payload.rdn},{by_guid.get(change.payload.parent_guid, parent_of(change.payload.dn))}"


def _days_left(change: DirectChange, inventory: Inventory) -> int | None:
    deleted = inventory.directory.deleted
    at = next((item.changed for item in deleted.objects if item.guid == change.payload.object_guid), None)
    return None if at is None else max(0, deleted.lifetime_days - (inventory.directory.reading.at - at).days)


def _refuse(change: DirectChange, rule: str, why: Text, to_do: Text) -> Refusal:
    return Refusal(change.group_id, change.display_name, rule, why, to_do)
