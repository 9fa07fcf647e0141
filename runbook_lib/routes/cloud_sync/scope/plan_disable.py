"""Plan of 40-disable-writeback on the route cloud-sync: named groups leave the scope, or the job pauses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from runbook_lib.graph.tenant.jobs import JobState
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, NO_GROUP, GroupId, group_id_of_anchor
from runbook_lib.model.text import NOTHING, counted, t
from runbook_lib.routes.cloud_sync.actions import SetRunning, Unassign
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import (
    PlannedCloudSync,
    Sides,
    action,
    finished_plan,
    prediction_of,
    require_retirements,
    require_same_domain,
)
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.policy import Policy

_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works"'


def plan_disable(
    sides: Sides,
    policy: Policy,
    desired: DesiredSettings,
    *,
    pause: bool,
    earlier: Mapping[GroupId, str] = MappingProxyType({}),
) -> PlannedCloudSync:
    """Plan that the named groups leave the scope, or, with ``pause``, that the job stops writing at all.

    Args:
        sides: Both sides and the configuration.
        policy: The selection, rules and limits.
        desired: What the parameters say.
        pause: The job stops, and nobody leaves.
        earlier: Groups that earlier runs of this change took out of scope, with their names; they are in step.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain, or a limit. A rule that refuses
            single groups does not raise.
    """
    inventory = sides.inventory
    require_complete(inventory)
    require_same_domain(sides)
    expressions = dict(sides.mapping.mapped)
    if pause:
        running = sides.documents.state not in (JobState.PAUSED, JobState.DISABLED)
        why = t("Nothing more shall be written.")
        changes = [CloudSyncChange(ChangeKind.PAUSE, NO_GROUP, "", action(sides, SetRunning(False)), "pause", why)]
        plan = finished_plan(
            Operation.DISABLE, sides, changes if running else [], [], policy.limits.as_json(), int(not running)
        )
        prediction = prediction_of(sides, desired, sorted(sides.documents.assignments), expressions)
        return PlannedCloudSync(plan, (_pauses(),) if running else (), prediction)
    rows = select(
        inventory.rows,
        policy.disable_ids,
        policy.disable_names,
        by_name=lambda row: _refused(row, sides, earlier) is None,
        purpose="disable",
        why_not=lambda row: found.why if (found := _refused(row, sides, earlier)) else NOTHING,
        earlier=earlier,
    )
    refused = [found for row in rows if (found := _refused(row, sides, earlier))]
    leaving = [row for row in rows if row.group_id in sides.documents.assignments]
    require_retirements(policy.limits.as_json(), len(leaving))
    changes = [_unassign(row, sides) for row in leaving]
    rest = sorted(sides.documents.assignments.keys() - {row.group_id for row in leaving})
    in_step = len(rows) - len(leaving) - len(refused)
    plan = finished_plan(Operation.DISABLE, sides, changes, refused, policy.limits.as_json(), in_step)
    findings = [*out_of_scope(leaving, sides), *([_nothing_left()] if leaving and not rest else [])]
    return PlannedCloudSync(plan, tuple(findings), prediction_of(sides, desired, rest, expressions))


def _unassign(row: GroupRow, sides: Sides) -> CloudSyncChange:
    documents = sides.documents
    ends = Unassign(documents.role_id, documents.assignments[row.group_id])
    why = t("Named, and in scope.")
    return CloudSyncChange(
        ChangeKind.UNASSIGN, row.group_id, row.display_name, action(sides, ends, row.group_id), "named", why
    )


def _refused(row: GroupRow, sides: Sides, earlier: Collection[GroupId]) -> Refusal | None:
    if row.group_id in sides.documents.assignments or row.group_id in earlier:
        return None
    return Refusal(
        row.group_id,
        row.display_name,
        "not-assigned",
        t("It is not among the selected groups of the configuration."),
        t("Take it out of the selection."),
    )


def out_of_scope(rows: list[GroupRow], sides: Sides) -> list[Finding]:
    """What becomes of the AD objects of groups that leave the scope: no page of Microsoft's says it."""
    ids = {row.group_id for row in rows}
    anchors = (
        group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "") for group in sides.inventory.directory.groups
    )
    written = sorted({found for found in anchors if found in ids})
    if not written:
        return []
    return [
        Finding(
            id="cloud-sync-out-of-scope",
            severity=Severity.UNKNOWN,
            seen=t("Leaving the scope with an AD object: {count}.", count=counted(len(written), "group")),
            expected=t("It is known what becomes of an AD object whose group leaves the scope."),
            why=t(
                "Microsoft's page says that an AD group is deleted when its cloud group is hard-deleted, and nothing "
                "of one that leaves the scope. This run looks at them when it is done, and records what it sees."
            ),
            to_do=t("Keep a backup of these AD groups: the record has one. Who approves the plan accepts it."),
            source=_HOW,
            values={"groups": written},
            acknowledgeable=True,
        )
    ]


def _nothing_left() -> Finding:
    return Finding(
        id="cloud-sync-scope-empty",
        severity=Severity.WARNING,
        seen=t("No group stays selected."),
        expected=t("At least one group is selected, or the job is paused."),
        why=t(
            "A configuration without selected groups and without a filter may take every security group of the tenant."
        ),
        to_do=t("Pause the job instead (cloud_sync_disable: pause), or leave one group in scope."),
        source='Microsoft Entra documentation, "Microsoft Entra provisioning options"',
        acknowledgeable=True,
    )


def _pauses() -> Finding:
    return Finding(
        id="cloud-sync-pauses",
        severity=Severity.INFO,
        seen=t("The job stops; AD objects that it wrote stay as they are."),
        expected=t("Nobody relies on changes of these groups while it is paused."),
        why=t("A paused job writes nothing: no new members, and nobody leaves a group in AD."),
        to_do=t("Start it again with 60-undo-change, or with 30-enable-writeback."),
        source='Microsoft Graph documentation, "Pause synchronizationJob"',
    )
