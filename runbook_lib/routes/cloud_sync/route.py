"""The route cloud-sync as files are held to it: its requests, and how far a change may reach. Pure."""

from __future__ import annotations

import copy
from typing import Any

from runbook_lib.change.route import RouteRules, RulesOf
from runbook_lib.cloud_sync.configuration import Document, domain_of, expressions_of, mapping_of_groups, target_of
from runbook_lib.errors import RunbookError
from runbook_lib.graph.tenant.authority import identifier_uri
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.configuration import SELECTED_ROLES
from runbook_lib.graph.tenant.jobs import GROUPS_TO_AD
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.action import beyond_action
from runbook_lib.routes.cloud_sync.actions import (
    Action,
    Assign,
    ReplaceSchema,
    ReplaceSecrets,
    Unassign,
    schema_digest,
)
from runbook_lib.routes.cloud_sync.applications.actions import CreateConfiguration, CreateJob, MapNewJob, RestoreSchema
from runbook_lib.routes.cloud_sync.authority.actions import MakeExtension, MapGroupDn, RemoveExtension
from runbook_lib.routes.cloud_sync.files import (
    ApprovedCloudSyncTargetFields,
    CloudSyncPayloadFields,
    CloudSyncTargetFields,
)
from runbook_lib.routes.cloud_sync.moving.actions import OWNER_KINDS, WriteOwner, beyond_owner
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncChange, CloudSyncPlan
from runbook_lib.routes.cloud_sync.requests import EffectFields, IntentFields, requests_of
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget

_KINDS = {
    Operation.ENABLE: frozenset(
        {
            ChangeKind.CREATE_CONFIGURATION,
            ChangeKind.CREATE_JOB,
            ChangeKind.ASSIGN,
            ChangeKind.MAP,
            ChangeKind.SETTINGS,
            ChangeKind.START,
            ChangeKind.PROVISION,
            ChangeKind.CONVERT,
            ChangeKind.MAKE_UNIVERSAL,
            ChangeKind.EXTENSION,
            ChangeKind.MAP_GROUP_DN,
            ChangeKind.ANCHOR,
            ChangeKind.ADOPT,
            ChangeKind.UNMARK,
        }
    ),
    Operation.DISABLE: frozenset(
        {
            ChangeKind.UNASSIGN,
            ChangeKind.PAUSE,
            ChangeKind.REMOVE_JOB,
            ChangeKind.REMOVE_CONFIGURATION,
            ChangeKind.ROLL_BACK,
            ChangeKind.MARK,
            ChangeKind.UNANCHOR,
        }
    ),
    Operation.UNDO: frozenset(
        {
            ChangeKind.ASSIGN,
            ChangeKind.UNASSIGN,
            ChangeKind.MAP,
            ChangeKind.SETTINGS,
            ChangeKind.START,
            ChangeKind.PAUSE,
            ChangeKind.CREATE_CONFIGURATION,
            ChangeKind.CREATE_JOB,
            ChangeKind.REMOVE_JOB,
            ChangeKind.REMOVE_CONFIGURATION,
            ChangeKind.CONVERT,
            ChangeKind.ROLL_BACK,
            ChangeKind.RESTORE_SCOPE,
            ChangeKind.REMOVE_EXTENSION,
            ChangeKind.UNMAP_GROUP_DN,
            *OWNER_KINDS,
        }
    ),
}
"""What each operation may do."""
MAPPED_HERE = frozenset({"cn", "parentdistinguishedname", "samaccountname"})
"""The only attributes whose mapping this runbook changes. The anchors are never among them: "Do not edit"."""
_WITH_ROLE = (Assign, Unassign, WriteOwner)
_OF_GROUP = frozenset(
    {
        ChangeKind.ASSIGN,
        ChangeKind.UNASSIGN,
        ChangeKind.PROVISION,
        ChangeKind.ADOPT,
        *OWNER_KINDS,
        ChangeKind.CONVERT,
        ChangeKind.ROLL_BACK,
        ChangeKind.MAKE_UNIVERSAL,
        ChangeKind.RESTORE_SCOPE,
    }
)


def beyond_kind(change: CloudSyncChange, operation: Operation) -> Text:
    """What a change does that its kind never does, as the end of a sentence; empty where there is nothing."""
    action = change.payload.action
    if beyond := beyond_action(change, operation, _KINDS, _OF_GROUP):
        return beyond
    if isinstance(action, ReplaceSchema):
        return _beyond_mapping(action)
    if isinstance(action, MapNewJob) and not {name.casefold() for name in action.desired} <= MAPPED_HERE:
        return t("changes the mapping of attributes that it never changes")
    if isinstance(action, _WITH_ROLE) and action.role_id not in SELECTED_ROLES:
        return t("is about another app role than the one that selects groups")
    if isinstance(action, RestoreSchema) and operation is not Operation.UNDO:
        return t("is no part of a plan to {value}", value=operation.value)
    return _beyond_making(change) or action.beyond_kind(change.kind)


def beyond_target(plan: CloudSyncPlan) -> Text:
    """What a plan does outside its own configuration, as the end of a sentence; empty where there is nothing."""
    here = (plan.target.service_principal, plan.target.job_id)
    makes = {change.kind for change in plan.changes} & {ChangeKind.CREATE_CONFIGURATION, ChangeKind.CREATE_JOB}
    lacks = {ChangeKind.CREATE_CONFIGURATION} if not here[0] else set()
    lacks |= {ChangeKind.CREATE_JOB} if not here[1] else set()
    only_removed = {change.kind for change in plan.changes} == {ChangeKind.REMOVE_CONFIGURATION}
    if plan.changes and makes != lacks and not (here[0] and only_removed):
        return t("it makes a configuration that it has, or has none and makes none")
    for change in plan.changes:
        if (change.payload.service_principal, change.payload.job_id) != here:
            return t("a change is about another configuration than its plan")
        action = change.payload.action
        beyond = _beyond_place(action, plan.target)
        if isinstance(action, WriteOwner):
            beyond = beyond_owner(action, change.kind, plan.target.tenant_id, change.group_id)
        if beyond:
            return t("a change {beyond}", beyond=beyond)
    return NOTHING


def _beyond_place(action: Action, target: CloudSyncTarget) -> Text:
    """Another application than that of Cloud Sync's extensions; another domain than the target's."""
    if isinstance(action, (MakeExtension, RemoveExtension, MapGroupDn)) and action.uri != identifier_uri(
        target.tenant_id
    ):
        return t("is about another application than that of Cloud Sync's extensions")
    if isinstance(action, ReplaceSecrets):
        known = ("", domain_of(action.before), target.domain_dns_name.lower())
        return NOTHING if domain_of(action.after) in known else t("lets the configuration write to another domain")
    return NOTHING


def _beyond_making(change: CloudSyncChange) -> Text:
    """Templates are those for groups; what only a new job gets is for no other."""
    action, new = change.payload.action, not change.payload.job_id
    if isinstance(action, CreateConfiguration) and action.template != TO_AD:
        return t("makes an application of another template")
    if isinstance(action, CreateJob) and action.template != GROUPS_TO_AD:
        return t("makes a job of another template")
    if isinstance(action, (MapNewJob, RestoreSchema)) and not new:
        return t("does to a job what only a new one gets")
    if isinstance(action, ReplaceSecrets) and new and action.before:
        return t("replaces settings that it does not know")
    return NOTHING


def _beyond_mapping(action: ReplaceSchema) -> Text:
    try:
        before, after = expressions_of(action.before), expressions_of(action.after)
        at = mapping_of_groups(action.before)
        elsewhere = at == mapping_of_groups(action.after) and _without(action.before, at) == _without(action.after, at)
    except RunbookError:
        return t("changes a schema that does not map groups")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if not changed <= MAPPED_HERE:
        return t("changes the mapping of {changed}", changed=", ".join(sorted(changed - MAPPED_HERE)))
    return NOTHING if elsewhere else t("changes more of the schema than the mapping of groups")


def _without(schema: Document, at: tuple[int, int]) -> str:
    """Identity of a schema without what this runbook changes in it."""
    copied: dict[str, Any] = copy.deepcopy(dict(schema))
    mapping = copied["synchronizationRules"][at[0]]["objectMappings"][at[1]]
    rows = mapping.get("attributeMappings") or []
    mapping["attributeMappings"] = [row for row in rows if target_of(row) not in MAPPED_HERE]
    return schema_digest(copied)


CLOUD_SYNC_RULES: RouteRules = RulesOf(
    route=Route.CLOUD_SYNC,
    types=CLOUD_SYNC_TYPES,
    target_fields=CloudSyncTargetFields,
    approved_target_fields=ApprovedCloudSyncTargetFields,
    payload_fields=CloudSyncPayloadFields,
    intent_fields=IntentFields,
    effect_fields=EffectFields,
    # Microsoft Graph by name, and the configuration with its job.
    place=("graph_host", "service_principal", "job_id"),
    same_place="job_id",
    standing_kinds=(ChangeKind.PROVISION,),
    planned_steps=requests_of,
    beyond_change=beyond_kind,
    beyond_plan=beyond_target,
)
"""The route as files are held to it."""
