"""The direct route: LDAP writes to one domain controller, held to its two OUs, ready for the loop that sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.change.route import PayloadFields, RouteRules, TargetFields
from runbook_lib.change.step import PlannedStep
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text
from runbook_lib.routes.direct.files import (
    ApprovedTargetFields,
    DirectPayloadFields,
    DirectTargetFields,
    EffectFields,
    IntentFields,
)
from runbook_lib.routes.direct.payload import DIRECT, STANDING_KINDS
from runbook_lib.routes.direct.reach import beyond_kind, beyond_target
from runbook_lib.routes.direct.writes import writes_of


@dataclass(frozen=True, slots=True)
class _DirectRules:
    """The direct route as files can be held to it."""

    route: Route = Route.DIRECT
    target_fields: type[TargetFields] = DirectTargetFields
    approved_target_fields: type[TargetFields] = ApprovedTargetFields
    payload_fields: type[PayloadFields] = DirectPayloadFields
    intent_fields: type[IntentFields] = IntentFields
    effect_fields: type[EffectFields] = EffectFields
    place: tuple[str, ...] = ("dc_host", "ds_service_name", "invocation_id")
    """The domain controller by name, its NTDS Settings object and the id of its database."""
    same_place: str = "invocation_id"
    standing_kinds: tuple[ChangeKind, ...] = STANDING_KINDS

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        """Every write, in its order."""
        return writes_of(DIRECT.changes(changes))

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        """What of it no plan of this runbook writes to AD."""
        return beyond_kind(DIRECT.change(change), operation)

    def beyond_target(self, plan: Plan) -> Text:
        """What the plan does outside its own two OUs."""
        return beyond_target(DIRECT.plan(plan))


DIRECT_RULES: RouteRules = _DirectRules()
