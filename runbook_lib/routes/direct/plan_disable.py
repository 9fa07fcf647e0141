"""Plan of 40-disable-writeback: selected groups of ours are retired, or deleted where that is told. Pure functions.

A deletion names every value and member that leaves, so the approver reads them, the write is refused when any of them
changed, and the undo finds them in the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Presence, Switch
from runbook_lib.model.directory import (
    MAIL_ATTRIBUTES,
    RESTORED_ATTRIBUTES,
    UNIVERSAL_DISTRIBUTION,
    AttributeDelta,
    DirectoryGroup,
)
from runbook_lib.model.dn import is_below, normalize_dn, parent_of, rdn_of
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import NO_OBJECT, GroupId
from runbook_lib.model.text import Text, counted, t
from runbook_lib.routes.direct.membership import Membership, membership_of
from runbook_lib.routes.direct.payload import Deletion, DirectChange, ExistingMember, HoldingGroup, Member
from runbook_lib.routes.direct.plan_findings import look_alikes, unaccounted_finding
from runbook_lib.routes.direct.planning import (
    DirectPlanned,
    existing,
    finished_plan,
    move_between,
    retired_mark,
    rule_context,
)
from runbook_lib.routes.direct.preconditions import require_plannable
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.group import RuleContext, refuse_not_ours
from runbook_lib.rules.policy import Policy


def refuse_deletion(row: GroupRow, ad: DirectoryGroup, context: RuleContext) -> Refusal | None:
    """Refuse to delete an object that is protected, holds others, or that no undo could put together again."""
    inventory = context.inventory
    if ad.guid in context.protected or ad.text("isCriticalSystemObject") == "TRUE":
        return _refuse(row, "delete-protected", t("{ad_dn} is protected by AD or comes with the domain.", ad_dn=ad.dn))
    # The index has every name in comparable form already: normalizing all of them again for each group takes minutes.
    end = f",{normalize_dn(ad.dn)}"
    below = sorted(
        inventory.index.by_guid[guid].dn for dn, guid in inventory.index.guid_by_dn.items() if dn.endswith(end)
    )
    if below:
        return _refuse(
            row,
            "delete-not-empty",
            t(
                "Below {ad_dn}: {objects}, {below} first.",
                ad_dn=ad.dn,
                objects=counted(len(below), "object"),
                below=below[0],
            ),
            _MOVE_THEM,
        )
    if ad.members is None:
        return _refuse(row, "delete-members-unread", t("The members of {ad_dn} could not be read.", ad_dn=ad.dn))
    unknown = [dn for dn in ad.members if inventory.index.guid_of_dn(dn) is None]
    if unknown:
        return _refuse(
            row,
            "delete-member-unknown",
            t(
                "{unknown_count} of {members} members of {ad_dn} cannot be identified by "
                "GUID, {unknown} first, so an undo could not bring them back.",
                unknown_count=len(unknown),
                members=len(ad.members),
                ad_dn=ad.dn,
                unknown=unknown[0],
            ),
        )
    return None


_MOVE_THEM = t("Move them elsewhere first, or retire the group: disable_by: retire.")
_RETIRE = t("Retire it instead: disable_by: retire.")


def _refuse(row: GroupRow, rule: str, why: Text, to_do: Text = _RETIRE) -> Refusal:
    return Refusal(row.group_id, row.display_name, rule, why, to_do)


def deletion(row: GroupRow, ad: DirectoryGroup, inventory: Inventory) -> DirectChange:
    """The change that deletes one object of ours; ``refuse_deletion`` had nothing against it."""
    snapshot = inventory.directory
    parent = snapshot.target if is_below(ad.dn, snapshot.target.dn) else snapshot.retired
    deltas = [
        AttributeDelta(name, removed=ad.attributes[name]) for name in RESTORED_ATTRIBUTES if name in ad.attributes
    ]
    why = t("Selected to be deleted (disable_by: delete).")
    return existing(
        ChangeKind.DELETE,
        row,
        ad,
        "selected",
        why,
        rdn=rdn_of(ad.dn),
        parent_guid=parent.guid,
        attributes=tuple(sorted(deltas, key=lambda delta: delta.name)),
        members_removed=_members_known(ad.members or (), inventory),
        deletion=deletion_facts(ad, inventory),
    )


def deletion_facts(ad: DirectoryGroup, inventory: Inventory) -> Deletion:
    """What the forest says about bringing this object back."""
    deleted = inventory.directory.deleted
    return Deletion(
        sid=ad.sid or "",
        security=ad.is_security,
        member_of=_holding_groups(ad.member_of, inventory),
        recycle_bin=deleted.recycle_bin.value,
        lifetime_days=deleted.lifetime_days,
        lifetime_source=deleted.lifetime_source,
        may_list=deleted.listable.value,
        # Nothing that an ordinary account may read proves it: the right stands in the access list of the domain's root.
        may_reanimate=Switch.UNKNOWN.value,
    )


def unaccounted_members(row: GroupRow, ad: DirectoryGroup, membership: Membership) -> list[Finding]:
    """A finding where AD members map to nothing in the cloud: somebody put them there, and they leave as well."""
    unaccounted = membership.changes(row.group_id, ad, frozenset()).unaccounted
    return [unaccounted_finding(row, unaccounted)] if unaccounted else []


def _members_known(dns: tuple[str, ...], inventory: Inventory) -> tuple[Member, ...]:
    """Members whose GUIDs are all known: ``refuse_deletion`` had nothing against it."""
    known = (ExistingMember(guid, dn) for dn in dns if (guid := inventory.index.guid_of_dn(dn)))
    return tuple(sorted(known, key=lambda member: (member.guid, member.dn)))


def _holding_groups(dns: tuple[str, ...], inventory: Inventory) -> tuple[HoldingGroup, ...]:
    holding = (HoldingGroup(inventory.index.guid_of_dn(dn) or NO_OBJECT, dn) for dn in dns)
    return tuple(sorted(holding, key=lambda group: (group.guid, group.dn)))


def plan_disable(
    inventory: Inventory, policy: Policy, earlier: Mapping[GroupId, str] = MappingProxyType({})
) -> DirectPlanned:
    """Plan the retirement (or, when told, the deletion) of the selected groups of ours.

    Groups that are retired already are in step with a retirement.

    Args:
        inventory: Both sides.
        policy: The selection, rules and limits.
        earlier: Groups whose AD objects earlier runs of this change deleted, with their names; they are in step.

    Raises:
        Refused: A precondition, the selection or a limit.
    """
    require_plannable(inventory, policy, retires=True)
    rows = select(
        inventory.rows,
        policy.disable_ids,
        policy.disable_names,
        by_name=lambda row: row.writer is Writer.OURS,
        purpose="disable",
        earlier=earlier,
    )
    context = rule_context(inventory, policy)
    changes: list[DirectChange] = []
    refusals: list[Refusal] = []
    findings: list[Finding] = look_alikes(inventory, rows)
    membership = membership_of(inventory)
    for row in rows:
        if row.group_id in earlier and row.ad is None:
            continue
        if refused := refuse_not_ours(row, context) or refuse_undecided(row):
            refusals.append(refused)
        elif policy.delete and row.ad is not None:
            if refused := refuse_deletion(row, row.ad, context):
                refusals.append(refused)
            else:
                changes.append(deletion(row, row.ad, inventory))
                findings += unaccounted_members(row, row.ad, membership)
        elif row.ad is not None and (change := retirement(row, row.ad, inventory, policy)) is not None:
            changes.append(change)
    in_step = len(rows) - len(refusals) - len(changes)
    return DirectPlanned(
        finished_plan(Operation.DISABLE, inventory, policy, changes, refusals, in_step), tuple(findings)
    )


def retirement(row: GroupRow, ad: DirectoryGroup, inventory: Inventory, policy: Policy) -> DirectChange | None:
    """The change that retires one object of ours; None where it is retired already.

    Mail attributes are cleared (their values stay in plan, journal and backup), a security group becomes a
    distribution group so that it stops granting rights, the retired mark is set, and the object moves. SID, GUID and,
    unless told otherwise, members stay.
    """
    snapshot = inventory.directory
    deltas = [AttributeDelta(name, removed=ad.attributes[name]) for name in MAIL_ATTRIBUTES if ad.attributes.get(name)]
    if ad.is_security:
        deltas.append(AttributeDelta("groupType", (str(ad.group_type),), (str(UNIVERSAL_DISTRIBUTION),)))
    deltas += retired_mark(ad, present=True)
    removed = _all_members(ad, inventory) if policy.empty_on_retire else ()
    there = normalize_dn(parent_of(ad.dn)) == normalize_dn(snapshot.retired.dn)
    if there and not deltas and not removed:
        return None
    return existing(
        ChangeKind.RETIRE,
        row,
        ad,
        "selected",
        t("Selected to be retired."),
        attributes=tuple(sorted(deltas, key=lambda delta: delta.name)),
        members_removed=removed,
        move=None if there else move_between(snapshot.target, snapshot.retired),
    )


def refuse_undecided(row: GroupRow) -> Refusal | None:
    """Soft-deleted means hold, unknown means unknown: neither is a reason to touch anything."""
    if row.cloud is not None and row.presence is Presence.PRESENT:
        return None
    if row.presence is Presence.GONE:
        return None
    return Refusal(
        row.group_id,
        row.display_name,
        row.presence.value,
        row.reason,
        t("Wait until the cloud group is back or gone for good, or until its state can be read."),
    )


def _all_members(ad: DirectoryGroup, inventory: Inventory) -> tuple[Member, ...]:
    known = ((dn, inventory.index.guid_of_dn(dn)) for dn in ad.members or ())
    return tuple(sorted((ExistingMember(guid, dn) for dn, guid in known if guid), key=lambda ref: ref.key))
