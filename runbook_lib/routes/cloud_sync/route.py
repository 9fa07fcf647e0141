"""The route cloud-sync as files can be held to it, ready for the loop that sends its requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.change.route import PayloadFields, RouteRules, TargetFields
from runbook_lib.change.step import PlannedStep
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text
from runbook_lib.routes.cloud_sync.files import (
    ApprovedCloudSyncTargetFields,
    CloudSyncPayloadFields,
    CloudSyncTargetFields,
)
from runbook_lib.routes.cloud_sync.journal_fields import EffectFields, IntentFields
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC
from runbook_lib.routes.cloud_sync.reach import beyond_kind, beyond_target
from runbook_lib.routes.cloud_sync.requests import requests_of


@dataclass(frozen=True, slots=True)
class _CloudSyncRules:
    """Requests to Microsoft Graph, held to one configuration."""

    route: Route = Route.CLOUD_SYNC
    target_fields: type[TargetFields] = CloudSyncTargetFields
    approved_target_fields: type[TargetFields] = ApprovedCloudSyncTargetFields
    payload_fields: type[PayloadFields] = CloudSyncPayloadFields
    intent_fields: type[IntentFields] = IntentFields
    effect_fields: type[EffectFields] = EffectFields
    place: tuple[str, ...] = ("graph_host", "service_principal", "job_id")
    """Microsoft Graph by name, and the configuration with its job."""
    same_place: str = "job_id"
    standing_kinds: tuple[ChangeKind, ...] = (ChangeKind.PROVISION,)

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        """Every request, in its order."""
        return requests_of(CLOUD_SYNC.changes(changes))

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        """What of it no plan of this runbook asks of Graph."""
        return beyond_kind(CLOUD_SYNC.change(change), operation)

    def beyond_target(self, plan: Plan) -> Text:
        """What the plan does outside its own configuration."""
        return beyond_target(CLOUD_SYNC.plan(plan))


CLOUD_SYNC_RULES: RouteRules = _CloudSyncRules()
