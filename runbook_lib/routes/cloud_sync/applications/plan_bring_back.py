"""A configuration that a record removed is made again: its settings, mapping, groups and state. Pure.

It is made anew, with new ids. Microsoft Entra keeps a deleted application for 30 days, but Microsoft's pages contradict
each other about its service principal ("Restore a soft deleted enterprise application": it comes back with its
application; "Restore deleted item": it does not), and none says that a provisioning job comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.step import Effect
from runbook_lib.cloud_sync.configuration import expressions_of, secrets_of
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.jobs import STOPPED
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import NO_GROUP, GroupId
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Assign, SetRunning, schema_digest, secrets_digest
from runbook_lib.routes.cloud_sync.applications.actions import RemoveConfiguration, RemoveJob, RestoreSchema
from runbook_lib.routes.cloud_sync.applications.plan_create import made_anew
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncChange, CloudSyncPlan
from runbook_lib.routes.cloud_sync.planning import (
    PlannedCloudSync,
    Sides,
    action,
    finished_plan,
    nothing_left,
    prediction_of,
)
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.rules.policy import Policy

_WHY = t("The record removed it.")


def plan_bring_back(sides: Sides, policy: Policy, desired: DesiredSettings, done: DoneChange) -> PlannedCloudSync:
    """Plan that a configuration that was removed is made again: its settings, mapping, groups and state.

    Args:
        sides: Both sides; in the configuration's place what is left of it, or one that is still to be made.
        policy: Rules and limits.
        desired: What the parameters say.
        done: What the record's plan did.

    Raises:
        Refused: A reading is incomplete; another configuration is there already (``configuration-there``); no job was
            removed (``nothing-to-bring-back``).
    """
    require_complete(sides.inventory)
    plan = CLOUD_SYNC_TYPES.plan(done.plan)
    job, configuration = _removed(plan, done.effects)
    if job is None:
        raise Refused(
            t("The record removed an application without a job: there is nothing to bring back."),
            code="nothing-to-bring-back",
            hint=t("Make a configuration with 30-enable-writeback and cloud_sync_create."),
        )
    if not sides.is_new:
        return _there_already(sides, policy, desired, job, configuration)
    name = configuration.display_name if configuration else sides.job.configuration
    sides = with_mapping_of(sides, job.schema)
    changes = made_anew(sides, name, job.secrets, RestoreSchema(job.schema), reason="undo-remove", why=_WHY)
    joining, refusals = _joining(sides, configuration)
    changes += [*joining, *([_start(sides)] if job.running else [])]
    return _planned(sides, policy, desired, changes, refusals, _comes_back(name, configuration is not None))


def _planned(
    sides: Sides,
    policy: Policy,
    desired: DesiredSettings,
    changes: Sequence[CloudSyncChange],
    refusals: Sequence[Refusal],
    findings: Sequence[Finding],
) -> PlannedCloudSync:
    made = finished_plan(Operation.UNDO, sides, changes, refusals, policy.limits.as_json(), 0)
    assigned = sorted({*sides.documents.assignments, *(c.group_id for c in changes if c.group_id)})
    prediction = prediction_of(sides, desired, assigned, expressions_of(sides.documents.schema))
    return PlannedCloudSync(made, tuple(findings), prediction)


def _joining(sides: Sides, configuration: RemoveConfiguration | None) -> tuple[list[CloudSyncChange], list[Refusal]]:
    """Everything that was in scope and is not yet again, and what of it is gone from the tenant."""
    changes: list[CloudSyncChange] = []
    refusals: list[Refusal] = []
    names = _names(sides)
    for one in map(GroupId, configuration.assignments if configuration else ()):
        if one in sides.documents.assignments:
            continue
        if one not in names:
            refusals.append(_gone(one, one, t("Nothing is to be done about it.")))
            continue
        assign = action(sides, Assign(configuration.role_id if configuration else ""), one)
        changes.append(CloudSyncChange(ChangeKind.ASSIGN, one, names[one], assign, "undo-remove", _WHY))
    return changes, refusals


def _start(sides: Sides) -> CloudSyncChange:
    return CloudSyncChange(ChangeKind.START, NO_GROUP, "", action(sides, SetRunning(True)), "undo-remove", _WHY)


def rest_refused(sides: Sides, left: Sequence[CloudSyncChange]) -> list[Refusal]:
    """What of a configuration that is half made again cannot come back any more: groups that are gone since.

    Args:
        sides: Both sides, as they are now.
        left: The changes that have something left to be sent.
    """
    names = _names(sides)
    joining = [change for change in left if change.kind is ChangeKind.ASSIGN]
    to_do = t("Restore it in the cloud, and run again.")
    gone = [change for change in joining if change.group_id not in names]
    return [_gone(one.group_id, one.display_name or one.group_id, to_do) for one in gone]


def _names(sides: Sides) -> dict[str, str]:
    """Names of everything that can be assigned to a configuration, people as well, by id."""
    people = {one: who.display_name for one, who in sides.inventory.cloud.principals.items()}
    return people | {row.group_id: row.display_name for row in sides.inventory.rows}


def _gone(one: GroupId, name: str, to_do: Text) -> Refusal:
    gone = t("There is no such group in the tenant any more.")
    return Refusal(one, printable(name, limit=80), "not-in-cloud", gone, to_do)


def _there_already(
    sides: Sides,
    policy: Policy,
    desired: DesiredSettings,
    job: RemoveJob,
    configuration: RemoveConfiguration | None,
) -> PlannedCloudSync:
    """What is left of it, where the configuration that is there is the one that was removed; mostly nothing.

    A change that stopped midway and was closed by hand leaves it without some of its groups, or stopped.
    """
    documents = sides.documents
    same = schema_digest({**documents.schema, "id": ""}) == schema_digest({**job.schema, "id": ""})
    if not same or secrets_digest(secrets_of(documents.secrets, known_only=True)) != secrets_digest(job.secrets):
        raise Refused(
            t("Another configuration writes groups to {domain} now.", domain=sides.target.domain_dns_name),
            code="configuration-there",
            hint=t("A domain has one configuration. Remove that one first, or leave the removed one away."),
            values={"service_principal": documents.address.service_principal, "job": documents.address.job_id},
        )
    joining, refusals = _joining(sides, configuration)
    starts = [_start(sides)] if job.running and documents.state in STOPPED else []
    if not joining and not starts:
        return nothing_left(sides, policy, desired, Operation.UNDO)
    return _planned(sides, policy, desired, [*joining, *starts], refusals, ())


def with_mapping_of(sides: Sides, schema: Mapping[str, Any]) -> Sides:
    """The same sides as if the job had another mapping already."""
    scope = tuple(replace(part, mapped=expressions_of(schema)) for part in sides.job.of_groups)
    return replace(sides, job=replace(sides.job, scope=scope), documents=replace(sides.documents, schema=schema))


def removed_by(done: DoneChange) -> bool:
    """Whether a record removed at least a job."""
    job, configuration = _removed(CLOUD_SYNC_TYPES.plan(done.plan), done.effects)
    return job is not None or configuration is not None


def removed_whole(done: DoneChange) -> bool:
    """Whether a record removed the application too."""
    return _removed(CLOUD_SYNC_TYPES.plan(done.plan), done.effects)[1] is not None


def left_of(target: CloudSyncTarget, done: DoneChange) -> CloudSyncTarget:
    """The target of a record without the ids of what it removed: what is made again in its place has others."""
    job, configuration = _removed(CLOUD_SYNC_TYPES.plan(done.plan), done.effects)
    principal = "" if configuration else target.service_principal
    return replace(target, service_principal=principal, job_id="" if job or configuration else target.job_id)


def _removed(
    plan: CloudSyncPlan, effects: Mapping[str, Sequence[Effect]]
) -> tuple[RemoveJob | None, RemoveConfiguration | None]:
    """What was really removed, as it was."""
    job: RemoveJob | None = None
    configuration: RemoveConfiguration | None = None
    for change in plan.changes:
        if not any(effect.data.get("removed") for effect in effects.get(change.digest, ())):
            continue
        if isinstance(change.payload.action, RemoveJob):
            job = change.payload.action
        elif isinstance(change.payload.action, RemoveConfiguration):
            configuration = change.payload.action
    return job, configuration


def _comes_back(name: str, whole: bool) -> list[Finding]:
    made = t("A new application and a new job take the place of those that were removed: {name}.", name=printable(name))
    job = t("A new job takes the place of the one that was removed: {name}.", name=printable(name))
    return [
        Finding(
            id="cloud-sync-new-ids",
            severity=Severity.WARNING,
            seen=made if whole else job,
            expected=t("What is removed can be brought back as it was."),
            why=t(
                "They have new ids: what names the old ones (scripts, alerts, logs) finds them no more. A new job "
                "begins with a full run, which matches AD objects by their anchor."
            ),
            to_do=t("Change what names the old ids."),
            source='Microsoft Graph documentation, "Create synchronizationJob"',
            acknowledgeable=True,
        )
    ]
