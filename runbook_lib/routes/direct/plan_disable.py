"""Plan of 40-disable-writeback: selected groups of ours are retired, or deleted where that is told. Pure functions."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow, Writer
from runbook_lib.model.change import AttributeDelta, Change, ChangeKind, MemberRef, Operation, Refusal
from runbook_lib.model.cloud import Presence
from runbook_lib.model.directory import MAIL_ATTRIBUTES, UNIVERSAL_DISTRIBUTION, DirectoryGroup
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import t
from runbook_lib.routes.direct.membership import membership_of
from runbook_lib.routes.direct.plan_delete import deletion, refuse_deletion, unaccounted_members
from runbook_lib.routes.direct.plan_findings import look_alikes
from runbook_lib.routes.direct.planning import (
    Planned,
    existing,
    finished_plan,
    move_between,
    retired_mark,
    rule_context,
)
from runbook_lib.routes.direct.preconditions import require_plannable
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.group import refuse_not_ours
from runbook_lib.rules.policy import Policy


def plan_disable(inventory: Inventory, policy: Policy) -> Planned:
    """Plan the retirement (or, when told, the deletion) of the selected groups of ours.

    Groups that are retired already are in step with a retirement.

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
    )
    context = rule_context(inventory, policy)
    changes: list[Change] = []
    refusals: list[Refusal] = []
    findings: list[Finding] = look_alikes(inventory, rows)
    membership = membership_of(inventory)
    for row in rows:
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
    return Planned(finished_plan(Operation.DISABLE, inventory, policy, changes, refusals, in_step), tuple(findings))


def retirement(row: GroupRow, ad: DirectoryGroup, inventory: Inventory, policy: Policy) -> Change | None:
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
    return replace(
        existing(ChangeKind.RETIRE, row, ad, "selected", t("Selected to be retired.")),
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


def _all_members(ad: DirectoryGroup, inventory: Inventory) -> tuple[MemberRef, ...]:
    known = ((dn, inventory.index.guid_of_dn(dn)) for dn in ad.members or ())
    return tuple(sorted((MemberRef(guid, dn) for dn, guid in known if guid), key=lambda ref: ref.key))
