"""Plan of 30-enable-writeback on the route cloud-sync: selected groups come into scope, mapped as asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from runbook_lib.cloud_sync.configuration import (
    domain_of,
    expressions_of,
    notification_of,
    secrets_of,
    with_domain,
    with_mappings,
    with_notification,
)
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.cloud_sync.scope import passes_fixed_filter
from runbook_lib.cloud_sync.service_errors import quarantine_text, quarantine_to_do
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.jobs import JobState
from runbook_lib.inventory.states import GroupRow, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.ids import NO_GROUP, GroupId, as_group_id
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import NOTHING, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import (
    Assign,
    Provision,
    ReplaceSchema,
    ReplaceSecrets,
    SetRunning,
    schema_digest,
    secrets_digest,
)
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts, findings_of_creation, require_can_be_made
from runbook_lib.routes.cloud_sync.applications.plan_create import creation
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import (
    PlannedCloudSync,
    Sides,
    action,
    finished_plan,
    prediction_of,
    require_creates,
    require_same_domain,
)
from runbook_lib.routes.cloud_sync.requests import MEMBERS_AT_ONCE
from runbook_lib.routes.cloud_sync.scope.findings import (
    others_change,
    pilot_in_ad,
    renamed_with_them,
    unknown_beforehand,
)
from runbook_lib.routes.cloud_sync.scope.places import led_to, places_of
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.routes.predicted_members import accounts_of, in_ad, members_of
from runbook_lib.rules.policy import Policy

BARS = frozenset(
    {
        "cn-taken",
        "cn-twice",
        "cn-too-long",
        "account-name-taken",
        "account-name-twice",
        "account-name-too-long",
        "account-name-characters",
        "not-universal",
        "no-object",
        "two-objects",
        "members-unread",
        "too-large",
    }
)
"""Troubles with which a group is not brought into scope: it would arrive otherwise than desired, or not at all."""
_RUNS = (JobState.ACTIVE, JobState.IN_PROGRESS)


def plan_enable(
    sides: Sides, policy: Policy, desired: DesiredSettings, facts: TenantFacts | None = None
) -> PlannedCloudSync:
    """Plan the selected groups.

    Args:
        sides: Both sides and the configuration; where that is still to be made, the plan makes it.
        policy: Rules and limits.
        desired: What the parameters say.
        facts: What decides whether a configuration can be made; needed where it is still to be made.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain or state, or a limit; no
            configuration can be made. A rule that refuses single groups does not raise: they are listed in the plan's
            refusals.
        ValueError: The configuration is still to be made, and there are no facts: a defect.
    """
    inventory = sides.inventory
    require_complete(inventory)
    domain = inventory.directory.controller.domain_dns_name.lower()
    if sides.is_new:
        if facts is None:
            raise ValueError("a configuration is made from facts about the tenant")
        require_can_be_made(facts, domain, sides.documents.role_id)
    require_same_domain(sides)
    require_answering(sides)
    rows = select(
        inventory.rows,
        policy.select_ids,
        policy.select_names,
        by_name=lambda row: row.kind == CloudKind.SECURITY.value and row.cloud is not None,
        purpose="select",
        why_not=lambda row: found.why if (found := refused_by_filter(row)) else NOTHING,
    )
    refused = {row.group_id: found for row in rows if (found := refused_by_filter(row) or _refused_by_writer(row))}
    wanted = [row for row in rows if row.group_id not in refused]
    after = with_mappings(sides.documents.schema, desired.sources) if desired.sources else dict(sides.documents.schema)
    expressions = expressions_of(after)
    assigned = {*sides.documents.assignments, *(row.group_id for row in wanted)}
    prediction = prediction_of(sides, desired, sorted(assigned), expressions)
    predicted = {group.group_id: group for group in prediction.groups}
    refused |= {row.group_id: found for row in wanted if (found := refused_by_trouble(predicted[row.group_id]))}
    wanted = [row for row in wanted if row.group_id not in refused]
    joining = [row for row in wanted if row.group_id not in sides.documents.assignments]
    require_creates(policy.limits.as_json(), sum(not predicted[row.group_id].guid for row in joining))
    pilot = _pilot(sides, desired, predicted, wanted)
    changes = [
        *configuration_changes(sides, desired, after),
        *(_assign(sides, row) for row in joining),
        *pilot,
        *start_changes(sides),
    ]
    accounts = accounts_of(inventory)
    members = [
        members_of(predicted[row.group_id], in_ad(inventory, predicted[row.group_id].guid), accounts) for row in wanted
    ]
    plan = finished_plan(
        Operation.ENABLE,
        sides,
        changes if wanted else [],
        list(refused.values()),
        policy.limits.as_json(),
        len(wanted) - len(joining),
        members,
    )
    chosen = tuple(row.group_id for row in wanted)
    others = renamed_with_them(sides, desired, prediction, expressions, set(chosen)) if wanted else ()
    findings = [*unknown_beforehand(prediction, list(chosen), expressions), *others_change(others)]
    if desired.pilot and wanted and not pilot:
        findings.append(pilot_in_ad(predicted[as_group_id(desired.pilot)]))
    if facts is not None and plan.changes:
        findings = [*findings_of_creation(facts, domain, _expressions(desired), chosen), *findings]
    base = inventory.directory.controller.default_naming_context
    arriving = [predicted[group] for group in chosen] + list(others)
    places = places_of(_expressions(desired).get("parentDistinguishedName", ""), arriving, base) if wanted else {}
    ids = tuple(group.group_id for group in others)
    before = "" if sides.is_new else expressions_of(sides.documents.schema).get("parentdistinguishedname", "")
    return PlannedCloudSync(plan, tuple(findings), prediction, chosen, ids, places, led_to(before))


def require_answering(sides: Sides) -> None:
    """Refuse a configuration whose job does not do what it is asked.

    Raises:
        Refused: ``in-quarantine``.
    """
    if sides.job.state is JobState.QUARANTINE:
        quarantine = sides.job.quarantine
        raise Refused(
            t(
                "The job of the configuration is in quarantine: {why}",
                why=quarantine_text(quarantine) or t("no reason is given."),
            ),
            code="in-quarantine",
            hint=joined(
                (
                    quarantine_to_do(quarantine),
                    t("Fix the error that the Entra admin center names, restart the job there, then run again."),
                )
            ),
            values={
                "job": sides.job.id,
                "reason": quarantine.reason if quarantine else "",
                "code": quarantine.code if quarantine else "",
            },
        )


def refused_by_filter(row: GroupRow) -> Refusal | None:
    """Refuse a group that can never be provisioned."""
    if row.cloud is None:
        return Refusal(
            row.group_id,
            row.display_name,
            "not-in-cloud",
            t("There is no such group in the tenant any more."),
            t("Take it out of the selection."),
        )
    answer = passes_fixed_filter(row.cloud)
    if answer.known is Known.YES:
        return None
    return Refusal(row.group_id, row.display_name, answer.code, answer.why, t("Take it out of the selection."))


def _refused_by_writer(row: GroupRow) -> Refusal | None:
    """Refuse a group that has an AD object of this runbook: Cloud Sync would make a second one, with another SID."""
    if row.writer is not Writer.OURS or row.ad is None:
        return None
    return Refusal(
        row.group_id,
        row.display_name,
        "written-here",
        t("This runbook wrote its AD object {dn}; Cloud Sync would make another one.", dn=printable(row.ad.dn)),
        t("Set cloud_sync_enable to move: its AD object goes over to Cloud Sync and keeps its SID."),
    )


def refused_by_trouble(group: PredictedGroup) -> Refusal | None:
    """Refuse a group that would arrive otherwise than desired, or not at all."""
    found = [trouble for trouble in group.troubles if trouble.code in BARS]
    if not found:
        return None
    return Refusal(
        group.group_id,
        group.display_name,
        found[0].code,
        joined(trouble.what for trouble in found),
        t("Change the group, its AD object or the mapping expressions, then plan again."),
    )


def configuration_changes(sides: Sides, desired: DesiredSettings, after: Mapping[str, object]) -> list[CloudSyncChange]:
    """The configuration itself where there is none, else its mapping and its settings where they are to be others."""
    if sides.is_new:
        return creation(sides, _expressions(desired), desired.notification)
    changes = []
    before = sides.documents.schema
    if schema_digest(after) != schema_digest(before):
        why = t("The mapping shall give other names or another OU.")
        changes.append(
            CloudSyncChange(ChangeKind.MAP, NO_GROUP, "", action(sides, ReplaceSchema(before, after)), "mapping", why)
        )
    now = then = secrets_of(sides.documents.secrets)
    if not (domain_of(now) or sides.job.domain):
        # Made by a run of this runbook that was closed before it got its settings: only that is named after the domain.
        then = with_domain(then, sides.inventory.directory.controller.domain_dns_name.lower())
    if desired.notification is not None:
        then = with_notification(then, desired.notification.over(notification_of(then)))
    if secrets_digest(then) != secrets_digest(now):
        replaced = ReplaceSecrets(tuple(now), tuple(then))
        why = t("Domain, notification or deletion threshold shall be others.")
        changes.append(CloudSyncChange(ChangeKind.SETTINGS, NO_GROUP, "", action(sides, replaced), "settings", why))
    return changes


def _expressions(desired: DesiredSettings) -> dict[str, str]:
    """Target attribute to the expression that is asked for."""
    return {name: str(source.get("expression") or "") for name, source in desired.sources.items()}


def _assign(sides: Sides, row: GroupRow) -> CloudSyncChange:
    return CloudSyncChange(
        ChangeKind.ASSIGN,
        row.group_id,
        row.display_name,
        action(sides, Assign(sides.documents.role_id), row.group_id),
        "selected",
        t("Selected, and not in scope yet."),
    )


def _pilot(
    sides: Sides, desired: DesiredSettings, predicted: Mapping[GroupId, PredictedGroup], wanted: list[GroupRow]
) -> list[CloudSyncChange]:
    if not desired.pilot or not wanted:
        return []
    row = next((row for row in wanted if row.group_id == desired.pilot), None)
    if row is None:
        raise Refused(
            t("The pilot group {group} is not among the groups that come into scope.", group=printable(desired.pilot)),
            code="pilot-not-selected",
            hint=t("Select it, or name another one in cloud_sync_pilot."),
            values={"group_id": desired.pilot},
        )
    if predicted[row.group_id].guid:
        return []  # it is in AD already
    rules = sides.documents.schema.get("synchronizationRules") or [{}]
    can_be = (one for one in predicted[row.group_id].members if one.type == "user" and one.answer.known is not Known.NO)
    tried = list(islice(can_be, MEMBERS_AT_ONCE))
    ids, names = tuple(one.id for one in tried), tuple(one.name for one in tried)
    provision = Provision(str(rules[0].get("id") or ""), ids, names=names)
    why = t("One group is tried before the job runs, with its first members.")
    payload = action(sides, provision, row.group_id)
    return [CloudSyncChange(ChangeKind.PROVISION, row.group_id, row.display_name, payload, "pilot", why)]


def start_changes(sides: Sides) -> list[CloudSyncChange]:
    """The job starts, where it does not run."""
    if sides.documents.state in _RUNS:
        return []
    why = t("The job does not run: it is {state}.", state=sides.documents.state.value)
    return [CloudSyncChange(ChangeKind.START, NO_GROUP, "", action(sides, SetRunning(True)), "not-running", why)]
