"""A configuration is removed, and what is said of it before the gate. Pure.

First the job is deleted, which stops it for good, and then the application that was made for it, which takes its
service principal, what is assigned to it and its settings with it.

Sources: Microsoft Graph documentation, "Delete synchronizationJob", "Delete application"; Microsoft Entra
documentation, "Restore a soft deleted enterprise application" (kept for 30 days).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.cloud_sync.configuration import expressions_of, secrets_of, unreadable_secrets
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.applications import Application
from runbook_lib.graph.tenant.jobs import STOPPED, CloudSync
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, NO_GROUP, group_id_of_anchor
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Action, SetRunning
from runbook_lib.routes.cloud_sync.applications.actions import RemoveConfiguration, RemoveJob
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange, CloudSyncPlan
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
from runbook_lib.rules.policy import Policy

_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works"'
_DELETED = 'Microsoft Entra documentation, "Restore a soft deleted enterprise application"'


def plan_remove(
    sides: Sides, policy: Policy, desired: DesiredSettings, application: Application, operation: Operation
) -> PlannedCloudSync:
    """Plan that a configuration is removed, whole.

    Args:
        sides: Both sides and the configuration; one without a job has only its application.
        policy: Rules and limits.
        desired: What the parameters say.
        application: The application of the configuration.
        operation: To disable, or to undo that it was made.

    Raises:
        Refused: A reading is incomplete, another domain, or more groups leave the scope than the limit allows.
    """
    require_complete(sides.inventory)
    require_same_domain(sides, known_only=True)
    documents, has_job = sides.documents, bool(sides.documents.address.job_id)
    require_retirements(policy.limits.as_json(), len(sides.selected_groups))
    running = documents.state not in STOPPED
    secrets = tuple(secrets_of(documents.secrets, known_only=True))
    ends = RemoveConfiguration(
        application=application.object_id,
        template=application.template,
        display_name=application.name,
        role_id=documents.role_id,
        assignments=tuple(sorted(documents.assignments)),
    )
    actions: list[tuple[ChangeKind, Action]] = []
    if has_job and running:
        actions.append((ChangeKind.PAUSE, SetRunning(False)))
    if has_job:
        actions.append((ChangeKind.REMOVE_JOB, RemoveJob(documents.schema, secrets, running)))
    actions.append((ChangeKind.REMOVE_CONFIGURATION, ends))
    why = t("cloud_sync_disable is remove.") if operation is Operation.DISABLE else t("The record made it.")
    changes = [CloudSyncChange(kind, NO_GROUP, "", action(sides, act), "remove", why) for kind, act in actions]
    plan = finished_plan(operation, sides, changes, [], policy.limits.as_json(), 0)
    findings = [
        _is_deleted(sides, application),
        *_unreadable(unreadable_secrets(documents.secrets)),
        *_ad_objects(sides),
    ]
    return PlannedCloudSync(plan, tuple(findings), prediction_of(sides, desired, [], expressions_of(documents.schema)))


def require_only_its_job(read: CloudSync, service_principal: str, job_id: str) -> None:
    """Refuse to remove an application that has further jobs: they would go with it.

    Raises:
        Refused: ``configuration-has-other-jobs``.
    """
    others = [job.id for job in read.jobs if job.service_principal == service_principal and job.id != job_id]
    if others:
        raise Refused(
            t(
                "The configuration has further jobs, which would be deleted with it: {ids}.",
                ids=printable(", ".join(others), limit=300),
            ),
            code="configuration-has-other-jobs",
            hint=t("Decide by hand, in the Entra admin center; or pause the job (cloud_sync_disable: pause)."),
            values={"jobs": others},
        )


def require_own_scope(sides: Sides, done: DoneChange) -> None:
    """Refuse to take away a configuration that has groups in scope which its record did not bring there.

    Raises:
        Refused: ``scope-of-others``.
    """
    mine = {change.group_id for change in done.plan.changes if change.group_id}
    others = sorted(sides.documents.assignments.keys() - mine)
    if others:
        names: dict[str, str] = {row.group_id: row.display_name for row in sides.inventory.rows}
        some = printable("; ".join(names.get(one) or one for one in others[:10]), limit=400)
        raise Refused(
            t(
                "{count} came into its scope since the record made it: {names}.",
                count=counted(len(others), "group"),
                names=some,
            ),
            code="scope-of-others",
            hint=t("Take them out of scope first, or remove the configuration with cloud_sync_disable: remove."),
            values={"groups": others},
        )


def groups_of(changes: Sequence[CloudSyncChange]) -> list[str]:
    """Ids of the groups that changes are about, sorted; of a removal all that are in scope."""
    return sorted({change.group_id for change in changes if change.group_id} | set(leaving(changes)))


def leaving(changes: Sequence[CloudSyncChange]) -> list[str]:
    """Ids of the groups that leave the scope, sorted."""
    found: set[str] = set()
    for change in changes:
        if isinstance(change.payload.action, RemoveConfiguration):
            found |= set(change.payload.action.assignments)
        elif change.kind is ChangeKind.UNASSIGN:
            found.add(change.group_id)
    return sorted(found)


def written_otherwise(changes: Sequence[CloudSyncChange]) -> list[str]:
    """Ids of the groups that come into scope or leave it, sorted: the job's next run decides what AD holds of them."""
    return sorted({change.group_id for change in changes if change.kind is ChangeKind.ASSIGN} | set(leaving(changes)))


def removes(plan: CloudSyncPlan) -> bool:
    """Whether a plan removes a configuration or its job."""
    return any(isinstance(change.payload.action, (RemoveJob, RemoveConfiguration)) for change in plan.changes)


def _is_deleted(sides: Sides, application: Application) -> Finding:
    count = len(sides.selected_groups)
    return _finding(
        "cloud-sync-configuration-deleted",
        Severity.WARNING,
        t(
            "The configuration {name} is deleted, with its job and {groups} in scope.",
            name=printable(application.name, limit=80),
            groups=counted(count, "group"),
        ),
        t(
            "60-undo-change makes it again from the record, with the same mapping, settings, groups and state; "
            "application and job have new ids then, and what names them by id finds them no more. Microsoft Entra "
            "itself keeps the deleted application for 30 days."
        ),
        t("To stop the job alone, set cloud_sync_disable to pause."),
        _DELETED,
        {"service_principal": sides.documents.address.service_principal, "groups": sides.selected_groups},
    )


def _unreadable(keys: Sequence[str]) -> list[Finding]:
    if not keys:
        return []
    names = printable(", ".join(keys), limit=200)
    return [
        _finding(
            "cloud-sync-secrets-not-kept",
            Severity.BLOCKING,
            t("Secrets of the configuration cannot be read back, so no record keeps them: {names}.", names=names),
            t("An undo makes the configuration without them."),
            t("Note their values elsewhere, then acknowledge this finding."),
            'Microsoft Graph documentation, "synchronization: secrets"',
            {"secrets": list(keys)},
        )
    ]


def _ad_objects(sides: Sides) -> list[Finding]:
    """What becomes of the AD objects of its groups: no page of Microsoft's says it."""
    anchors = (
        group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "") for group in sides.inventory.directory.groups
    )
    known: set[str] = {row.group_id for row in sides.inventory.rows}
    chosen = set(sides.documents.assignments) or known
    written = sorted({found for found in anchors if found and found in chosen})
    if not written:
        return []
    return [
        _finding(
            "cloud-sync-ad-after-removal",
            Severity.UNKNOWN,
            t("{count} of the configuration have an AD object.", count=counted(len(written), "group")),
            t(
                "Microsoft's pages do not say what becomes of AD objects whose configuration is deleted. Nobody "
                "changes them any more; this run looks at them when it is done and records what it sees."
            ),
            t("The record keeps a backup of these AD groups. Who approves the plan accepts it."),
            _HOW,
            {"groups": written},
        )
    ]


def _finding(
    code: str, severity: Severity, seen: Text, why: Text, to_do: Text, source: str, values: Mapping[str, object]
) -> Finding:
    return Finding(
        id=code,
        severity=severity,
        seen=seen,
        expected=t("What is removed can be brought back as it was."),
        why=why,
        to_do=to_do,
        source=source,
        values=dict(values),
        acknowledgeable=True,
    )
