"""Plan of 30-enable-writeback: the selected cloud groups as they should stand in AD. Pure: snapshots in, plan out."""

from __future__ import annotations

from collections import Counter

from runbook_lib.bulk import many_values
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import address_holders, address_taken
from runbook_lib.inventory.states import GroupRow, GroupState, Writer
from runbook_lib.model.change import GroupMembers, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import AttributeDelta, DirectoryGroup
from runbook_lib.model.dn import normalize_dn, parent_of, rdn
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import t
from runbook_lib.routes.direct.mail_contacts import contacts_in
from runbook_lib.routes.direct.membership import MemberChanges, membership_of
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload, Member
from runbook_lib.routes.direct.plan_findings import (
    findings_before_create,
    look_alikes,
    odd_texts,
    shared_accounts,
    unaccounted_finding,
)
from runbook_lib.routes.direct.planning import (
    DirectPlanned,
    attribute_differences,
    existing,
    finished_plan,
    followed_attributes,
    move_between,
    new_attributes,
    retired_mark,
    rule_context,
)
from runbook_lib.routes.direct.preconditions import (
    findings_before_writing,
    require_plannable,
    require_writers_known,
)
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.group import first_refusal
from runbook_lib.rules.policy import Policy


@many_values()
def plan_enable(inventory: Inventory, policy: Policy) -> DirectPlanned:
    """Plan the selected groups.

    Raises:
        Refused: A precondition, the selection or a limit. A rule that refuses single groups does not raise: they are
            listed in the plan's refusals.
    """
    require_plannable(inventory, policy, retires=False)
    rows = select(
        inventory.rows,
        policy.select_ids,
        policy.select_names,
        by_name=lambda row: row.kind in policy.select_kinds and row.cloud is not None,
        purpose="select",
    )
    require_writers_known(rows, policy)
    return plan_rows(inventory, policy, rows)


def plan_rows(inventory: Inventory, policy: Policy, rows: tuple[GroupRow, ...]) -> DirectPlanned:
    """Plan exactly these rows; what ``plan_enable`` does after selecting."""
    context = rule_context(inventory, policy)
    refused = {row.group_id: found for row in rows if (found := first_refusal(row, context))}
    refused |= _twins([row for row in rows if row.group_id not in refused], inventory)
    todo = [row for row in rows if row.group_id not in refused]
    created = frozenset(row.group_id for row in todo if row.state is GroupState.NOT_WRITTEN)
    membership = membership_of(inventory)
    changes: list[DirectChange] = []
    findings: list[Finding] = [*findings_before_writing(inventory), *odd_texts(todo)]
    findings += look_alikes(inventory, todo)
    findings += shared_accounts(inventory, todo)
    forwarding = {one.dn for one in contacts_in(inventory, [row.group_id for row in todo]) if one.state.forwards}
    holders = address_holders([row.cloud for row in todo if row.cloud], inventory.index)
    if foreign := [holder for holder in holders if holder.dn not in forwarding]:
        findings.append(address_taken(foreign))
    members: list[GroupMembers] = []
    in_step = 0
    for row in todo:
        if row.cloud is None:
            continue
        becomes = membership.changes(row.group_id, row.ad, created)
        made, seen = _plan_row(row, row.cloud, inventory, policy, becomes)
        members.append(becomes.summary(row.group_id, row.display_name))
        changes += made
        findings += seen
        in_step += not made
    plan = finished_plan(Operation.ENABLE, inventory, policy, changes, list(refused.values()), in_step, members)
    return DirectPlanned(plan, tuple(findings))


def _plan_row(
    row: GroupRow,
    group: CloudGroup,
    inventory: Inventory,
    policy: Policy,
    members: MemberChanges,
) -> tuple[list[DirectChange], list[Finding]]:
    findings = [unaccounted_finding(row, members.unaccounted)] if members.unaccounted else []
    if row.ad is None:
        create = _create(group, inventory, policy, members.added)
        return [create], findings + findings_before_create(group, create, inventory)
    changes: list[DirectChange] = []
    deltas = attribute_differences(row.ad, followed_attributes(group, policy.group_type))
    added = members.added
    if row.state is GroupState.RETIRED:
        changes.append(_restore(row, row.ad, inventory, deltas + retired_mark(row.ad, present=False), added))
    else:
        if deltas:
            why = t("The cloud group changed, or somebody changed its AD object.")
            changes.append(existing(ChangeKind.UPDATE, row, row.ad, "attributes-differ", why, attributes=deltas))
        if added:
            why = t("Members of the cloud group that the AD group lacks.")
            changes.append(existing(ChangeKind.ADD_MEMBERS, row, row.ad, "members-missing", why, members_added=added))
    if members.removed:
        why = t("AD members whose cloud account is not a member.")
        gone = members.removed
        changes.append(existing(ChangeKind.REMOVE_MEMBERS, row, row.ad, "members-extra", why, members_removed=gone))
    return changes, findings


def _create(group: CloudGroup, inventory: Inventory, policy: Policy, added: tuple[Member, ...]) -> DirectChange:
    target = inventory.directory.target
    name = rdn("CN", policy.naming.common_name(group.id, group.display_name))
    return DirectChange(
        kind=ChangeKind.CREATE,
        group_id=group.id,
        display_name=group.display_name,
        payload=DirectPayload(
            dn=f"{name},{target.dn}",
            rdn=name,
            parent_guid=target.guid,
            attributes=new_attributes(group, inventory.cloud.tenant.id, policy.group_type, policy.naming),
            members_added=added,
        ),
        reason="selected",
        why=t("Selected, and not in AD yet."),
    )


def _restore(
    row: GroupRow,
    ad: DirectoryGroup,
    inventory: Inventory,
    deltas: tuple[AttributeDelta, ...],
    added: tuple[Member, ...],
) -> DirectChange:
    snapshot = inventory.directory
    in_target = normalize_dn(parent_of(ad.dn)) == normalize_dn(snapshot.target.dn)
    return existing(
        ChangeKind.RESTORE,
        row,
        ad,
        "selected-again",
        t("Selected again after it was retired."),
        attributes=tuple(sorted(deltas, key=lambda delta: delta.name)),
        members_added=added,
        move=None if in_target else move_between(snapshot.retired, snapshot.target),
    )


def _twins(rows: list[GroupRow], inventory: Inventory) -> dict[GroupId, Refusal]:
    """Groups of one plan that would take the same name: none of them is written."""
    fresh = [row for row in rows if row.state is GroupState.NOT_WRITTEN and row.cloud]
    naming = inventory.naming
    names = {row.group_id: naming.common_name(row.group_id, row.display_name).casefold() for row in fresh}
    sams = {row.group_id: naming.sam_account_name(row.group_id).casefold() for row in fresh}
    name_count, sam_count = Counter(names.values()), Counter(sams.values())
    return {
        row.group_id: Refusal(
            row.group_id,
            row.display_name,
            "same-name",
            t("Another selected group would take the same name in AD."),
            t("Choose rdn_style: id or another sam_account_name_pattern."),
        )
        for row in fresh
        if name_count[names[row.group_id]] > 1 or sam_count[sams[row.group_id]] > 1
    }


def written_rows(inventory: Inventory) -> tuple[GroupRow, ...]:
    """Every group that this runbook keeps written in the target OU, for drift."""
    return tuple(
        row
        for row in inventory.rows
        if row.writer is Writer.OURS and row.state is GroupState.WRITTEN and row.cloud is not None
    )
