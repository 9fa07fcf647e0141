"""Plan of 40-disable-writeback with ``cloud_sync_disable: move``: groups of Cloud Sync come back to this runbook. Pure.

A group leaves the scope, this runbook's mark is written to its AD object, and Cloud Sync's anchor is taken off last:
the object is never without an owner. Names and members stay as they are; what the direct route would write otherwise,
its own check for drift says afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.change.step import LiveState
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.graph.tenant.jobs import JobState
from runbook_lib.inventory.index import is_cloud_syncs
from runbook_lib.inventory.states import GroupRow, GroupState, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import NO_GROUP, GroupId
from runbook_lib.model.text import counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import SetRunning, Unassign
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.moving.actions import WriteOwner
from runbook_lib.routes.cloud_sync.moving.plan_move import enforced, owner_change, refusal
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
from runbook_lib.routes.cloud_sync.scope.plan_disable import out_of_scope
from runbook_lib.routes.direct.live import compare
from runbook_lib.routes.direct.planning import rule_context
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.group import RuleContext, protected_ou
from runbook_lib.rules.policy import Policy

_WHY = t("Named, and written by Cloud Sync.")


def plan_move_back(sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
    """Plan that the named groups leave Cloud Sync, with their AD objects.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain, or a limit. A rule that refuses
            single groups does not raise: they are listed in the plan's refusals.
    """
    inventory, documents = sides.inventory, sides.documents
    require_complete(inventory)
    require_same_domain(sides)
    rows = select(
        inventory.rows,
        policy.disable_ids,
        policy.disable_names,
        by_name=lambda row: row.writer in (Writer.CLOUD_SYNC, Writer.OURS) or row.state is GroupState.MOVING,
        purpose="disable",
    )
    context = rule_context(inventory, policy)
    refused = {
        row.group_id: found
        for row in rows
        if (found := _refused(row, sides, context) or enforced(row, sides, _changes(row, sides)))
    }
    leaving = {row.group_id for row in rows if row.group_id not in refused}
    rest = sorted(documents.assignments.keys() - leaving)
    runs = documents.state not in (JobState.PAUSED, JobState.DISABLED)
    prediction = prediction_of(sides, desired, rest, dict(sides.mapping.mapped))
    if rest:
        # With none left nothing is known of the scope: then the job is paused.
        refused |= _still_taken([row for row in rows if row.group_id in leaving], prediction.groups)
    moving = [row for row in rows if row.group_id not in refused]
    back = t("The plan takes {groups} back from Cloud Sync", groups=counted(len(moving), "group"))
    require_within(policy.limits.as_json(), "retirements", len(moving), back)
    changes = [change for row in moving for change in _changes(row, sides)]
    changed = [row for row in moving if any(change.group_id == row.group_id for change in changes)]
    findings = out_of_scope(changed, sides)
    if changed and not rest and runs:
        why = t("No group stays selected: a configuration without any may take every security group of the tenant.")
        changes.append(CloudSyncChange(ChangeKind.PAUSE, NO_GROUP, "", action(sides, SetRunning(False)), "pause", why))
    if changed:
        findings.append(_then(changed))
    plan = finished_plan(
        Operation.DISABLE,
        sides,
        changes,
        list(refused.values()),
        policy.limits.as_json(),
        len(moving) - len(changed),
    )
    return PlannedCloudSync(plan, tuple(findings), prediction)


def _refused(row: GroupRow, sides: Sides, context: RuleContext) -> Refusal | None:
    target = sides.inventory.directory.target
    if row.ad is None:
        if row.state is GroupState.DUPLICATE:
            return refusal(row, "several-ad-objects", row.reason, t("Remove the objects that should not claim it."))
        return refusal(row, "not-written", t("It has no AD object of Cloud Sync."), t("Take it out of the selection."))
    if row.writer is not Writer.CLOUD_SYNC and row.state is not GroupState.MOVING:
        if row.writer is Writer.OURS:
            return None  # in step
        return refusal(row, "not-ours", row.reason, t("Leave it alone."))
    if normalize_dn(parent_of(row.ad.dn)) != normalize_dn(target.dn):
        return refusal(
            row,
            "outside-target-ou",
            t(
                "Its AD object stands at {dn}, and this runbook writes only in {ou}.",
                dn=printable(row.ad.dn),
                ou=printable(target.dn),
            ),
            t("Set target_ou to the OU that it is in, or let Cloud Sync move it first."),
        )
    return protected_ou(row, context)


def _still_taken(rows: Sequence[GroupRow], groups: Sequence[PredictedGroup]) -> dict[GroupId, Refusal]:
    """Groups that the configuration takes, or may take, without having them selected."""
    taken = {group.group_id for group in groups}
    return {
        row.group_id: refusal(
            row,
            "stays-in-scope",
            t("The configuration's filter takes it all the same: Cloud Sync would make another AD object."),
            t("Change the scope of the configuration first, in the Entra admin center."),
        )
        for row in rows
        if row.group_id in taken
    }


def _changes(row: GroupRow, sides: Sides) -> list[CloudSyncChange]:
    """What is still to be done with one group; an earlier run may have done some of it."""
    if row.ad is None:
        return []
    documents, made = sides.documents, []
    if row.group_id in documents.assignments:
        ends = Unassign(documents.role_id, documents.assignments[row.group_id])
        payload = action(sides, ends, row.group_id)
        made.append(CloudSyncChange(ChangeKind.UNASSIGN, row.group_id, row.display_name, payload, "move", _WHY))
    if row.writer is not Writer.OURS:
        made.append(owner_change(ChangeKind.MARK, row, row.ad, sides, "move", _WHY))
    if is_cloud_syncs(row.ad, row.group_id):
        made.append(owner_change(ChangeKind.UNANCHOR, row, row.ad, sides, "move", _WHY))
    return made


def _then(rows: Sequence[GroupRow]) -> Finding:
    return Finding(
        id="cloud-sync-moves-back",
        severity=Severity.INFO,
        seen=t("Back with this runbook, unchanged: {count}.", count=counted(len(rows), "AD object")),
        expected=t("This runbook keeps them up to date from then on."),
        why=t("Only owner and scope change here: objectGUID, objectSid, names and members stay."),
        to_do=t(
            "Then run 50-check-drift with route direct: it says what this runbook would write otherwise, members that "
            "Cloud Sync left out among it; 30-enable-writeback writes that."
        ),
    )


_INVERSE = {
    ChangeKind.ANCHOR: ChangeKind.UNANCHOR,
    ChangeKind.UNANCHOR: ChangeKind.ANCHOR,
    ChangeKind.MARK: ChangeKind.UNMARK,
    ChangeKind.UNMARK: ChangeKind.MARK,
}


def owner_back(change: CloudSyncChange, done: WriteOwner, sides: Sides) -> CloudSyncChange | Refusal | None:
    """The inverse of a change of anchor or mark; None where it has been taken back already."""
    present = next((one for one in sides.inventory.directory.groups if one.guid == done.guid), None)
    by_hand = t("Decide by hand, in AD.")
    if present is None:
        why = t("Its AD object is not there any more.")
        return Refusal(change.group_id, change.display_name, "object-gone", why, by_hand)
    state = compare(lambda name: present.attributes.get(name, ()), done.attributes)
    if state is LiveState.BEFORE:
        return None
    if state is LiveState.OTHER:
        why = t("Somebody changed anchor or mark of its AD object since.")
        return Refusal(change.group_id, change.display_name, "owner-changed", why, by_hand)
    back = WriteOwner(done.guid, present.dn, tuple(delta.inverse() for delta in done.attributes), done.role_id)
    payload = action(sides, back, change.group_id)
    kind, reason = _INVERSE[change.kind], f"undo-{change.kind.value}"
    return CloudSyncChange(kind, change.group_id, change.display_name, payload, reason, t("The record did it."))
