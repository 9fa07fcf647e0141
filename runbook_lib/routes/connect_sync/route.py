"""The route connect-sync as files can be held to it, ready for the loop that carries out its acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.change.route import PayloadFields, RouteRules, TargetFields
from runbook_lib.change.step import PlannedStep
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text
from runbook_lib.routes.connect_sync.acts import acts_of
from runbook_lib.routes.connect_sync.files import (
    ApprovedConnectSyncTargetFields,
    ConnectSyncPayloadFields,
    ConnectSyncTargetFields,
)
from runbook_lib.routes.connect_sync.journal_fields import EffectFields, IntentFields
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC
from runbook_lib.routes.connect_sync.reach import beyond_kind, beyond_target


@dataclass(frozen=True, slots=True)
class _ConnectSyncRules:
    """What is handed to people, and the little that a run does itself, held to one OU."""

    route: Route = Route.CONNECT_SYNC
    target_fields: type[TargetFields] = ConnectSyncTargetFields
    approved_target_fields: type[TargetFields] = ApprovedConnectSyncTargetFields
    payload_fields: type[PayloadFields] = ConnectSyncPayloadFields
    intent_fields: type[IntentFields] = IntentFields
    effect_fields: type[EffectFields] = EffectFields
    place: tuple[str, ...] = ("graph_host", "dc_host", "ds_service_name", "invocation_id", "target_ou_guid")
    """Microsoft Graph and the domain controller by name, what proves which controller it is, the OU."""
    same_place: str = "target_ou_guid"
    standing_kinds: tuple[ChangeKind, ...] = ()

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        """Every act, in its order."""
        return acts_of(CONNECT_SYNC.changes(changes))

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        """What of it no plan of this runbook hands over or does."""
        return beyond_kind(CONNECT_SYNC.change(change), operation)

    def beyond_target(self, plan: Plan) -> Text:
        """What the plan does outside its own OU."""
        return beyond_target(CONNECT_SYNC.plan(plan))


CONNECT_SYNC_RULES: RouteRules = _ConnectSyncRules()
