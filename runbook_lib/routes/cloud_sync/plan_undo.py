"""Plan of 60-undo-change on the route cloud-sync: what a record really did is taken back, as far as it stands. Pure.

Scope, schema and settings come back as they were, whole; the job comes back to its state. What Cloud Sync has written
to AD meanwhile is not taken back by any of that, and is said before the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.step import Effect
from runbook_lib.cloud_sync.configuration import expressions_of, secrets_of
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.jobs import STOPPED
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import (
    Assign,
    Provision,
    ReplaceSchema,
    ReplaceSecrets,
    SetRunning,
    Unassign,
    schema_digest,
    secrets_digest,
)
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.moving.actions import OWNER_KINDS, Adopt, AssignAnchored, WriteOwner
from runbook_lib.routes.cloud_sync.moving.plan_move_back import owner_back
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import (
    PlannedCloudSync,
    Sides,
    action,
    differing_parts,
    finished_plan,
    prediction_of,
)
from runbook_lib.routes.cloud_sync.scope.findings import others_change, renamed_with_them
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.rules.policy import Policy


def plan_undo(sides: Sides, policy: Policy, desired: DesiredSettings, done: DoneChange) -> PlannedCloudSync:
    """Plan the way back.

    Raises:
        Refused: Another tenant, domain or configuration (``undo-elsewhere``), or an incomplete reading.
    """
    require_complete(sides.inventory)
    plan = CLOUD_SYNC_TYPES.plan(done.plan)
    require_same_place(sides.target, plan.target)
    changes: list[CloudSyncChange] = []
    refusals: list[Refusal] = []
    in_step = 0
    provisioned = []
    moved: dict[str, str] = {
        change.group_id: change.payload.action.guid
        for change in plan.changes
        if isinstance(change.payload.action, WriteOwner)
    }
    for change in reversed(plan.changes):
        effect = did(done.effects.get(change.digest, ()))
        if not effect:
            continue
        if isinstance(change.payload.action, Provision):
            provisioned += [] if isinstance(change.payload.action, Adopt) else [change]
            continue
        back = way_back(change, effect, sides, moved)
        if back is None:
            in_step += 1
        elif isinstance(back, Refusal):
            refusals.append(back)
        else:
            changes.append(back)
    refused = {refusal.group_id for refusal in refusals}
    # An AD object changes hands only with the scope of its group.
    changes = [one for one in changes if one.kind not in OWNER_KINDS or one.group_id not in refused]
    made = finished_plan(Operation.UNDO, sides, changes, refusals, policy.limits.as_json(), in_step)
    expressions = _expressions(sides, changes)
    prediction = prediction_of(sides, desired, _assigned_afterwards(sides, changes), expressions)
    touched = {change.group_id for change in plan.changes}
    others = renamed_with_them(sides, desired, prediction, expressions, touched)
    findings = [*_stays(plan.changes, provisioned), *others_change(others), *_names_stay(changes, prediction.groups)]
    return PlannedCloudSync(made, tuple(findings), prediction, others=tuple(group.group_id for group in others))


def did(effects: Sequence[Effect]) -> dict[str, Any]:
    """What the requests of a change really changed, put together; empty: nothing."""
    done: dict[str, Any] = {}
    for effect in effects:
        done |= {key: value for key, value in effect.data.items() if key != "request_id"}
    return done


def way_back(
    change: CloudSyncChange, effect: Mapping[str, Any], sides: Sides, moved: Mapping[str, str] | None = None
) -> CloudSyncChange | Refusal | None:
    """The inverse of one change; None where it has been taken back already.

    Args:
        change: What was done.
        effect: What it really changed.
        sides: How things are now.
        moved: Group id to the objectGUID of the AD object that changed hands with it.
    """
    documents = sides.documents
    match change.payload.action:
        case Assign():
            now = documents.assignments.get(change.group_id)
            if now is None:
                return None
            if effect.get("assignment_id") not in ("", now):
                return _refusal(change, "assigned-anew", t("It was taken out of scope and put back since."))
            return _back(change, ChangeKind.UNASSIGN, action(sides, Unassign(documents.role_id, now), change.group_id))
        case Unassign():
            if change.group_id in documents.assignments:
                return None
            guid = (moved or {}).get(change.group_id)
            joins = AssignAnchored(documents.role_id, guid) if guid else Assign(documents.role_id)
            return _back(change, ChangeKind.ASSIGN, action(sides, joins, change.group_id))
        case WriteOwner() as owner:
            return owner_back(change, owner, sides)
        case ReplaceSchema(before, after):
            present = schema_digest(documents.schema)
            if present == schema_digest(before):
                return None
            if present != schema_digest(after):
                return _refusal(change, "schema-changed", t("Somebody changed the schema since."))
            return _back(change, ChangeKind.MAP, action(sides, ReplaceSchema(documents.schema, before)))
        case ReplaceSecrets(old, new):
            now_set = secrets_of(documents.secrets)
            if secrets_digest(now_set) == secrets_digest(old):
                return None
            if secrets_digest(now_set) != secrets_digest(new):
                return _refusal(change, "settings-changed", t("Somebody changed the settings since."))
            return _back(change, ChangeKind.SETTINGS, action(sides, ReplaceSecrets(tuple(now_set), old)))
        case SetRunning(running):
            runs = documents.state not in STOPPED
            if runs is not running:
                return None
            kind = ChangeKind.PAUSE if running else ChangeKind.START
            return _back(change, kind, action(sides, SetRunning(not running)))
    return None


def _back(change: CloudSyncChange, kind: ChangeKind, payload: Any) -> CloudSyncChange:
    return CloudSyncChange(
        kind, change.group_id, change.display_name, payload, f"undo-{change.kind.value}", t("The record did it.")
    )


def _refusal(change: CloudSyncChange, rule: str, why: Text) -> Refusal:
    to_do = t("Decide by hand, in the Entra admin center.")
    return Refusal(change.group_id, printable(change.title, limit=80), rule, why, to_do)


def require_same_place(now: CloudSyncTarget, then: CloudSyncTarget) -> None:
    """Refuse the record of another tenant, domain or configuration.

    Raises:
        Refused: ``undo-elsewhere``.
    """
    if differing := differing_parts(now, then):
        raise Refused(
            t(
                "The record was made for another {differing} than the parameters name.",
                differing=joined(differing, t(" and ")),
            ),
            code="undo-elsewhere",
            hint=t("Use the parameters file that the record was made with."),
            values={"differing": differing},
        )


def _assigned_afterwards(sides: Sides, changes: Sequence[CloudSyncChange]) -> list[str]:
    assigned = set(sides.documents.assignments)
    for change in changes:
        if change.kind is ChangeKind.ASSIGN:
            assigned.add(change.group_id)
        elif change.kind is ChangeKind.UNASSIGN:
            assigned.discard(change.group_id)
    return sorted(assigned)


def _expressions(sides: Sides, changes: Sequence[CloudSyncChange]) -> dict[str, str]:
    schemas = [c.payload.action.after for c in changes if isinstance(c.payload.action, ReplaceSchema)]
    return expressions_of(schemas[-1] if schemas else sides.documents.schema)


def _names_stay(changes: Sequence[CloudSyncChange], groups: Sequence[PredictedGroup]) -> list[Finding]:
    """Account names that AD had chosen, and that no undo of the mapping brings back."""
    unmapped = any(
        _ACCOUNT in expressions_of(action.before) and _ACCOUNT not in expressions_of(action.after)
        for action in (change.payload.action for change in changes)
        if isinstance(action, ReplaceSchema)
    )
    named = [one for one in groups if one.guid]
    if not unmapped or not named:
        return []
    lines = [
        f"{printable(one.display_name, limit=60)} ({printable(one.present_account_name, limit=60)})" for one in named
    ]
    return [
        Finding(
            id="cloud-sync-names-stay",
            severity=Severity.WARNING,
            seen=t(
                "Keeping its sAMAccountName although the mapping gives none any more: {count}: {names}.",
                count=counted(len(named), "group"),
                names=first_of(lines, 10, "; "),
            ),
            expected=t("An undo takes back what the change did."),
            why=t(
                "The mapping that comes back gives no account name, so what stands in AD stays. Where AD had chosen "
                "the name before the change, the record's backup.ldif has it."
            ),
            to_do=t("Where the old name is needed, set sAMAccountName in AD by hand, after the undo."),
            source='Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory"',
            values={"groups": lines},
            acknowledgeable=True,
        )
    ]


_ACCOUNT = "samaccountname"


def _stays(changes: Sequence[CloudSyncChange], provisioned: Sequence[CloudSyncChange]) -> list[Finding]:
    """What no undo of this route takes back."""
    joined = [change for change in changes if change.kind is ChangeKind.ASSIGN]
    came = {one.group_id for one in joined if not isinstance(one.payload.action, AssignAnchored)}
    came |= {change.group_id for change in provisioned}
    if not came:
        return []
    return [
        Finding(
            id="cloud-sync-ad-stays",
            severity=Severity.WARNING,
            seen=t("AD objects that Cloud Sync made for {count} may stay.", count=counted(len(came), "group")),
            expected=t("An undo takes back what the change did."),
            why=t(
                "The configuration comes back as it was. What Cloud Sync has written to AD meanwhile it takes back by "
                "itself, or not at all: no page of Microsoft's says it."
            ),
            to_do=t("Look at these groups in AD afterwards; what is not needed any more can be deleted there by hand."),
            source='Microsoft Entra documentation, "How provisioning to Active Directory works"',
            values={"groups": sorted(came)},
            acknowledgeable=True,
        )
    ]
