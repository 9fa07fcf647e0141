"""Plan of 30-enable-writeback with ``cloud_sync_enable: move``: groups of the direct route go over to Cloud Sync. Pure.

The AD object stays: objectGUID, objectSid, who is in it and what it is in. Cloud Sync's anchor is written to it, it
comes into scope, one group is tried first on demand, and this runbook's mark leaves at the end.

Sources: Microsoft Entra documentation, "How provisioning to Active Directory works" (an object with the anchor is
updated in place), "Migrate group writeback V2 to Cloud Sync" (universal security groups alone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from runbook_lib.cloud_sync.configuration import expressions_of, with_mappings
from runbook_lib.cloud_sync.predicted import Prediction
from runbook_lib.errors import Refused
from runbook_lib.inventory.index import is_cloud_syncs
from runbook_lib.inventory.states import GroupRow, GroupState, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.directory import UNIVERSAL_SECURITY, DirectoryGroup
from runbook_lib.model.enforcement import Leave
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    anchor_of,
    as_object_guid,
)
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.moving.actions import Adopt, AssignAnchored, WriteOwner, owner_values
from runbook_lib.routes.cloud_sync.moving.findings import before_moving
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import (
    PlannedCloudSync,
    Sides,
    action,
    finished_plan,
    prediction_of,
    require_same_domain,
    require_within,
)
from runbook_lib.routes.cloud_sync.scope.findings import others_change, renamed_with_them, unknown_beforehand
from runbook_lib.routes.cloud_sync.scope.plan_enable import (
    configuration_changes,
    refused_by_filter,
    refused_by_trouble,
    require_answering,
    start_changes,
)
from runbook_lib.routes.direct.planning import rule_context
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.routes.predicted_members import accounts_of, in_ad, members_of
from runbook_lib.rules.group import RuleContext, protected_ou
from runbook_lib.rules.policy import Policy


def plan_move(sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
    """Plan that the selected groups go over to Cloud Sync, with their AD objects.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain or state, or a limit. A rule that
            refuses single groups does not raise: they are listed in the plan's refusals.
    """
    inventory = sides.inventory
    require_complete(inventory)
    require_same_domain(sides)
    require_answering(sides)
    require_anchor(sides)
    rows = select(
        inventory.rows,
        policy.select_ids,
        policy.select_names,
        by_name=lambda row: row.kind == CloudKind.SECURITY.value and row.writer in (Writer.OURS, Writer.CLOUD_SYNC),
        purpose="select",
    )
    context = rule_context(inventory, policy)
    refused = {
        row.group_id: found
        for row in rows
        if (found := _refused(row, context) or enforced(row, sides, _changes(row, sides)))
    }
    wanted = [row for row in rows if row.group_id not in refused]
    after = with_mappings(sides.documents.schema, desired.sources) if desired.sources else dict(sides.documents.schema)
    expressions = expressions_of(after)
    assigned = sorted({*sides.documents.assignments, *(row.group_id for row in wanted)})
    prediction = handed_over(sides, desired, wanted, assigned, expressions)
    predicted = {group.group_id: group for group in prediction.groups}
    for row in wanted:
        if found := refused_by_trouble(predicted[row.group_id]):
            refused[row.group_id] = found
    wanted = [row for row in wanted if row.group_id not in refused]
    changes = [change for row in wanted for change in _changes(row, sides)]
    moving = [row for row in wanted if any(change.group_id == row.group_id for change in changes)]
    handed = t("The plan hands {groups} to Cloud Sync", groups=counted(len(moving), "group"))
    require_within(policy.limits.as_json(), "creates", len(moving), handed)
    if moving:
        changes += [
            *configuration_changes(sides, desired, after),
            *_pilot(sides, desired, moving),
            *start_changes(sides),
        ]
    accounts = accounts_of(inventory)
    members = [
        members_of(predicted[row.group_id], in_ad(inventory, predicted[row.group_id].guid), accounts) for row in wanted
    ]
    plan = finished_plan(
        Operation.ENABLE,
        sides,
        changes,
        list(refused.values()),
        policy.limits.as_json(),
        len(wanted) - len(moving),
        members,
    )
    chosen = tuple(row.group_id for row in wanted)
    others = renamed_with_them(sides, desired, prediction, expressions, set(chosen)) if moving else ()
    becoming = [predicted[row.group_id] for row in moving]
    objects = [row.ad for row in moving if row.ad is not None]
    account_names: dict[str, str] = {one.guid: one.text("sAMAccountName") or "" for one in objects}
    findings = [
        *before_moving(becoming, account_names, accounts, expressions),
        *unknown_beforehand(prediction, list(chosen), expressions),
        *others_change(others),
    ]
    return PlannedCloudSync(plan, tuple(findings), prediction, chosen, tuple(group.group_id for group in others))


def handed_over(
    sides: Sides,
    desired: DesiredSettings,
    rows: Sequence[GroupRow],
    assigned: Sequence[str],
    expressions: Mapping[str, str],
) -> Prediction:
    """What AD will look like when the AD objects of some groups are Cloud Sync's; who is in them now may stay in.

    Args:
        sides: Both sides.
        desired: What the parameters say of the service.
        rows: The groups that change hands.
        assigned: Ids of the groups in scope.
        expressions: The mapping, as it will be.
    """
    inventory = sides.inventory
    objects = {row.ad.guid: row.group_id for row in rows if row.ad is not None}

    def anchored(group: DirectoryGroup) -> DirectoryGroup:
        if group.guid not in objects:
            return group
        return replace(group, attributes={**group.attributes, EXTERNAL_ID_ATTRIBUTE: (anchor_of(objects[group.guid]),)})

    groups = tuple(anchored(group) for group in inventory.directory.groups)
    then = replace(sides, inventory=replace(inventory, directory=replace(inventory.directory, groups=groups)))
    made = prediction_of(then, desired, assigned, expressions)
    kept = {guid: in_ad(inventory, guid) for guid in objects}
    return replace(
        made,
        groups=tuple(
            replace(one, kept=kept.get(as_object_guid(one.guid), one.kept) if one.guid else one.kept)
            for one in made.groups
        ),
    )


def _refused(row: GroupRow, context: RuleContext) -> Refusal | None:
    if found := refused_by_filter(row):
        return found
    ad = row.ad
    if ad is None:
        if row.state is GroupState.DUPLICATE:
            return refusal(row, "several-ad-objects", row.reason, t("Remove the objects that should not claim it."))
        why = t("It has no AD object that this runbook wrote, so there is nothing to move.")
        return refusal(row, "not-written", why, t("Set cloud_sync_enable to scope: Cloud Sync makes its AD object."))
    if row.writer not in (Writer.OURS, Writer.CLOUD_SYNC):
        return refusal(row, "not-ours", row.reason, t("Find out who wrote that object before anything else."))
    if row.state is GroupState.RETIRED:
        why = t("Its AD object is retired.")
        return refusal(row, "retired", why, t("Bring it back first: 30-enable-writeback with route direct."))
    if ad.group_type != UNIVERSAL_SECURITY:
        return refusal(
            row,
            "not-universal-security",
            t("{dn} is no universal security group: Cloud Sync makes and keeps no others.", dn=printable(ad.dn)),
            t("Write it as a security group first: 30-enable-writeback with route direct and group_type security."),
        )
    return protected_ou(row, context)


def require_anchor(sides: Sides) -> None:
    """Refuse where AD cannot hold the anchor of Cloud Sync.

    Raises:
        Refused: Code ``no-anchor-attribute``.
    """
    if EXTERNAL_ID_ATTRIBUTE not in sides.inventory.directory.group_attributes:
        raise Refused(
            t("This forest's schema has no {name} for groups.", name=EXTERNAL_ID_ATTRIBUTE),
            code="no-anchor-attribute",
            hint=t("Cloud Sync needs the schema of Windows Server 2016 or later (adprep /forestprep)."),
            values={"attribute": EXTERNAL_ID_ATTRIBUTE},
        )


def enforced(row: GroupRow, sides: Sides, changes: Sequence[CloudSyncChange]) -> Refusal | None:
    """A group whose AD object is to be written, and a policy of AD object enforcement is known to keep it from us."""
    written = any(isinstance(change.payload.action, WriteOwner) for change in changes)
    enforcement = sides.inventory.directory.enforcement
    if not written or row.ad is None or not row.ad.governed_by_cloud or enforcement.leave is not Leave.REFUSED:
        return None
    why = t("{dn} carries msDS-ObjectSoa, and a policy lets this account not change it.", dn=printable(row.ad.dn))
    return refusal(row, "object-enforced", why, t("Have the account's SID put into msDS-Settings of the policy."))


def refusal(row: GroupRow, rule: str, why: Text, to_do: Text) -> Refusal:
    """A group that a move leaves alone, by a stable rule."""
    return Refusal(row.group_id, row.display_name, rule, why, to_do)


def _changes(row: GroupRow, sides: Sides) -> list[CloudSyncChange]:
    """What is still to be done with one group; an earlier run may have done some of it."""
    if row.ad is None:
        return []
    documents, why = sides.documents, t("Selected, and written by this runbook.")
    made = (
        []
        if is_cloud_syncs(row.ad, row.group_id)
        else [owner_change(ChangeKind.ANCHOR, row, row.ad, sides, "move", why)]
    )
    if row.group_id not in documents.assignments:
        joins = AssignAnchored(documents.role_id, row.ad.guid)
        payload = action(sides, joins, row.group_id)
        made.append(CloudSyncChange(ChangeKind.ASSIGN, row.group_id, row.display_name, payload, "move", why))
    if row.writer is Writer.OURS:
        made.append(owner_change(ChangeKind.UNMARK, row, row.ad, sides, "move", why))
    return made


def owner_change(
    kind: ChangeKind, row: GroupRow, ad: DirectoryGroup, sides: Sides, reason: str, why: Text
) -> CloudSyncChange:
    """The change that writes or takes off anchor or mark of an AD object."""
    tenant = sides.inventory.cloud.tenant.id
    own = anchor_of(row.group_id) in ad.attributes.get(ANCHOR_ATTRIBUTE, ())
    values = owner_values(kind, tenant, row.group_id, anchored=own)
    payload = action(sides, WriteOwner(ad.guid, ad.dn, values, sides.documents.role_id), row.group_id)
    return CloudSyncChange(kind, row.group_id, row.display_name, payload, reason, why)


def _pilot(sides: Sides, desired: DesiredSettings, moving: Sequence[GroupRow]) -> list[CloudSyncChange]:
    """The group that is tried first: the one that is named, else the smallest."""
    named = [row for row in moving if row.group_id == desired.pilot]
    if desired.pilot and not named and desired.pilot not in sides.documents.assignments:
        raise Refused(
            t("The pilot group {group} is not among the groups that are moved.", group=printable(desired.pilot)),
            code="pilot-not-selected",
            hint=t("Select it, or name another one in cloud_sync_pilot."),
            values={"group_id": desired.pilot},
        )
    row = named[0] if named else min(moving, key=lambda one: (one.cloud_members or 0, one.group_id))
    if row.ad is None:
        return []
    rules = sides.documents.schema.get("synchronizationRules") or [{}]
    tried = Adopt(str(rules[0].get("id") or ""), (), row.ad.guid)
    why = t("One group is tried before any other comes into scope: its AD object has to stay the same.")
    payload = action(sides, tried, row.group_id)
    return [CloudSyncChange(ChangeKind.ADOPT, row.group_id, row.display_name, payload, "pilot", why)]
