"""The route connect-sync as files are held to it: its acts, and how far a change may reach. Pure."""

from __future__ import annotations

from runbook_lib.change.route import RouteRules, RulesOf
from runbook_lib.model.change_kind import KINDS_OF_ROUTE, ChangeKind, Operation
from runbook_lib.model.dn import first_rdn
from runbook_lib.model.ids import anchor_of
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.action import beyond_action
from runbook_lib.routes.connect_sync.acts import acts_of
from runbook_lib.routes.connect_sync.files import (
    ApprovedConnectSyncTargetFields,
    ConnectSyncPayloadFields,
    ConnectSyncTargetFields,
    EffectFields,
    IntentFields,
)
from runbook_lib.routes.connect_sync.leaving_actions import BringBack
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES, ConnectSyncChange, ConnectSyncPlan

_EITHER = (ChangeKind.RUN_CYCLE, ChangeKind.NEW_GROUP_DEFAULT, ChangeKind.GROUP_WRITEBACK)
_CHOICE = frozenset({ChangeKind.CHOOSE_GROUPS, ChangeKind.LEAVE_STAGING})
_KINDS = {
    Operation.ENABLE: frozenset({ChangeKind.GRANT_RIGHTS, ChangeKind.SWITCH_ON, *_CHOICE, *_EITHER}),
    Operation.DISABLE: frozenset({ChangeKind.SWITCH_OFF, *_EITHER}),
    Operation.UNDO: frozenset(KINDS_OF_ROUTE[Route.CONNECT_SYNC]) - _CHOICE,
}
"""What each operation may do."""
_OF_GROUP = frozenset({ChangeKind.BRING_BACK, ChangeKind.GROUP_WRITEBACK})
"""Kinds that are about one group; all others are about the OU of written groups."""
_WAYS = _CHOICE | {ChangeKind.SWITCH_ON, ChangeKind.SWITCH_OFF}
"""Kinds that decide what v1 writes: a plan has one of them at most, since each is proved before the next."""


def beyond_kind(change: ConnectSyncChange, operation: Operation) -> Text:
    """What a change does that its kind never does, as the end of a sentence; empty where there is nothing."""
    action = change.payload.action
    if beyond := beyond_action(change, operation, _KINDS, _OF_GROUP):
        return beyond
    if isinstance(action, BringBack) and action.anchor != anchor_of(change.group_id):
        return t("brings the object of another group back than it names")
    if isinstance(action, BringBack) and not first_rdn(change.payload.dn):
        return t("names an object by no DN")
    return action.beyond_kind(change.kind)


def beyond_target(plan: ConnectSyncPlan) -> Text:
    """What a plan does outside its own OU, as the end of a sentence; empty where there is nothing."""
    in_ou = [change for change in plan.changes if change.kind is not ChangeKind.BRING_BACK]
    if any(change.payload.object_guid.casefold() != plan.target.ou_guid.casefold() for change in in_ou):
        return t("a change is about another OU than its plan")
    back = [one.payload.object_guid.casefold() for one in plan.changes if one.kind is ChangeKind.BRING_BACK]
    if len(back) != len(set(back)):
        return t("it brings an object back twice")
    of_groups = [change.group_id for change in in_ou if change.kind in _OF_GROUP]
    if len(of_groups) != len(set(of_groups)):
        return t("it sets something of a group twice")
    whole = [change for change in in_ou if change.kind not in _OF_GROUP]
    kinds = [change.kind for change in whole]
    if len(kinds) != len(set(kinds)):
        return t("it does something to the OU twice")
    if {ChangeKind.SWITCH_ON, ChangeKind.SWITCH_OFF} <= set(kinds):
        return t("it switches writeback on and off")
    if len(_WAYS & set(kinds)) > 1:
        return t("it has groups written in two ways")
    if back and ChangeKind.SWITCH_OFF in kinds:
        return t("it brings groups back and has them deleted")
    return NOTHING


CONNECT_SYNC_RULES: RouteRules = RulesOf(
    route=Route.CONNECT_SYNC,
    types=CONNECT_SYNC_TYPES,
    target_fields=ConnectSyncTargetFields,
    approved_target_fields=ApprovedConnectSyncTargetFields,
    payload_fields=ConnectSyncPayloadFields,
    intent_fields=IntentFields,
    effect_fields=EffectFields,
    # Microsoft Graph and the domain controller by name, what proves which controller it is, the OU.
    place=("graph_host", "dc_host", "ds_service_name", "invocation_id", "target_ou_guid"),
    same_place="target_ou_guid",
    standing_kinds=(),
    planned_steps=acts_of,
    beyond_change=beyond_kind,
    beyond_plan=beyond_target,
)
"""The route as files are held to it."""
