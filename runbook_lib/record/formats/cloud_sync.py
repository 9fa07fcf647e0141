"""The files of the route cloud-sync: what stands in them otherwise than on the direct route.

Targets, actions, intents and effects are the very models that read these files (``files.py`` and ``requests.py`` of
``routes/cloud_sync``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from runbook_lib.model.change_kind import KINDS_OF_ROUTE
from runbook_lib.model.target import Route
from runbook_lib.record.formats.approval import PlanApprovalFormat, StandingApprovalFormat
from runbook_lib.record.formats.common import (
    Digest,
    Format,
    FurtherFormat,
    Guid,
    GuidOrNone,
    Something,
    Time,
    among,
    counts_of,
)
from runbook_lib.record.formats.journal import BeginFormat, DoneFormat
from runbook_lib.record.formats.plan import PlanFormat
from runbook_lib.record.formats.record import PlanInShortFormat, RecordFormat
from runbook_lib.routes.cloud_sync.files import (
    ApprovedCloudSyncTargetFields,
    CloudSyncPayloadFields,
    CloudSyncTargetFields,
)
from runbook_lib.routes.cloud_sync.requests import EffectFields, IntentFields
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES

_KINDS = tuple(kind.value for kind in KINDS_OF_ROUTE[Route.CLOUD_SYNC])
_STANDING = tuple(sorted(kind.value for kind in CLOUD_SYNC_RULES.standing_kinds))


_Kind = Annotated[str, among(_KINDS), Field(json_schema_extra={"enum": list(_KINDS)})]
_StandingKind = Annotated[str, among(_STANDING), Field(json_schema_extra={"enum": list(_STANDING)})]
_Route = Literal["cloud-sync"]
_GivenKinds = Annotated[list[_StandingKind], Field(min_length=1)]

CountsOfCloudSync = counts_of(Route.CLOUD_SYNC)


class _Target(CloudSyncTargetFields):
    """One tenant, one domain, one configuration."""

    model_config = ConfigDict(title="cloud-sync-target")


class _ApprovedTarget(ApprovedCloudSyncTargetFields):
    """One tenant, one domain, one configuration."""

    model_config = ConfigDict(title="cloud-sync-approved-target")

    service_principal: GuidOrNone = Field(description="Id of the configuration's service principal; empty: it is made")


class _Change(CloudSyncPayloadFields):
    """One action on the configuration."""

    model_config = ConfigDict(title="cloud-sync-change")

    digest: Digest = Field(description="Identity of this change; an approval names it")
    kind: _Kind = Field(description="What is done")
    group_id: GuidOrNone = Field(description="Id of the cloud group it is done for; empty: the whole configuration")
    display_name: str = Field(description="Display name of the group")
    reason: str = Field(description="Why, as a stable code")
    why: str = Field(description="Why, in words")


class CloudSyncPlanFormat(PlanFormat):
    """A plan of the route cloud-sync: actions on one configuration."""

    route: _Route = Field(description="Who writes it to AD")  # type: ignore[assignment]
    counts: CountsOfCloudSync = Field(  # type: ignore[valid-type]
        description="How many changes of each kind"
    )
    target: _Target = Field(  # type: ignore[assignment]
        description="What the plan is bound to: names for people, ids for the digest"
    )
    changes: list[Annotated[_Change, Field(description="One change")]] = Field(  # type: ignore[assignment]
        description="The changes, in the order in which they are carried out"
    )


class _BoundTo(Format):
    """What a standing approval is bound to."""

    tenant_id: Guid = Field(description="Id of the Entra tenant")
    domain_guid: Guid = Field(description="GUID of the AD domain's root object")
    service_principal: Guid = Field(description="Id of the configuration's service principal")
    job_id: str = Field(description="Id of its synchronization job")


class _Further(FurtherFormat):
    """Another approval that the run wrote under."""

    model_config = ConfigDict(title="cloud-sync-further")

    kinds: _GivenKinds | None = Field(  # type: ignore[assignment]
        default=None, description="Kinds of change that it allows; absent in kind `plan`"
    )
    target: _BoundTo | None = Field(  # type: ignore[assignment]
        default=None, description="What it is bound to; absent in kind `plan`"
    )


class _Approval(_Further):
    """The approval that a run wrote under."""

    model_config = ConfigDict(title="cloud-sync-approval")

    further: Annotated[list[Annotated[_Further, Field(description="Another approval")]], Field(min_length=1)] | None = (
        Field(default=None, description="Other approvals that the run wrote under as well; absent where there is none")
    )


class _PlanInShort(PlanInShortFormat):
    """The plan in short; null: the run made none."""

    route: _Route = Field(description="Who writes it to AD")  # type: ignore[assignment]
    counts: CountsOfCloudSync = Field(  # type: ignore[valid-type]
        description="How many changes of each kind"
    )


class CloudSyncRecordFormat(RecordFormat):
    """The facts of one run of one notebook on the route cloud-sync."""

    plan: _PlanInShort | None = Field(description="The plan in short; null: the run made none")
    approval: Annotated[_Approval, Field(description="The approval")] | None = Field(  # type: ignore[assignment]
        description="The approval that the run wrote under; null: it came to none"
    )


class CloudSyncPlanApprovalFormat(PlanApprovalFormat):
    """The changes of one plan, one by one."""

    model_config = ConfigDict(title="cloud-sync-plan")

    route: _Route = Field(description="Route of the plan")  # type: ignore[assignment]
    target: _ApprovedTarget = Field(  # type: ignore[assignment]
        description="What the plan is bound to: names for people, ids for the digest"
    )


class CloudSyncStandingApprovalFormat(StandingApprovalFormat):
    """Given in advance, for a schedule."""

    model_config = ConfigDict(title="cloud-sync-standing")

    route: _Route = Field(description="Route of the plan")  # type: ignore[assignment]
    target: _ApprovedTarget = Field(  # type: ignore[assignment]
        description="What the plan is bound to: names for people, ids for the digest"
    )
    kinds: _GivenKinds = Field(  # type: ignore[assignment]
        description="Kinds of change that it allows, sorted"
    )


class CloudSyncOpenFormat(Format):
    """First line: the plan, and what of it is approved."""

    model_config = ConfigDict(title="cloud-sync-open")

    entry: Literal["open"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    run: str = Field(description="The run whose journal this is")
    operation: Literal["enable", "disable", "undo"] = Field(description="What the plan is for")
    route: _Route = Field(description="Who writes it to AD")
    plan_digest: Digest = Field(description="Digest of the plan")
    approved: Annotated[list[Digest], Field(min_length=1)] = Field(
        description="Digests of the changes that are carried out"
    )
    approval: _Approval = Field(description="The approval that the run wrote under")
    graph_host: Something = Field(description="Host name of the Microsoft Graph that is written to")
    service_principal: str = Field(description="Id of the configuration's service principal; empty: the run makes it")
    job_id: str = Field(description="Id of its synchronization job; empty: the run makes it")
    resumes: str | None = Field(description="Run whose journal this one goes on with; null: none")


class _Intent(IntentFields):
    """Which request is about to be sent."""

    model_config = ConfigDict(title="cloud-sync-intent")


class _Effect(EffectFields):
    """What the request really changed; empty where it was as wanted already."""

    model_config = ConfigDict(title="cloud-sync-effect")


class CloudSyncBeginFormat(BeginFormat):
    """Before a request."""

    model_config = ConfigDict(title="cloud-sync-begin")

    guid: GuidOrNone = Field(description="Id of the service principal; empty where the request makes it")
    intent: _Intent = Field(description="What is about to be sent")  # type: ignore[assignment]


class CloudSyncDoneFormat(DoneFormat):
    """After a request, or where there was nothing left to ask for."""

    model_config = ConfigDict(title="cloud-sync-done")

    guid: Guid = Field(description="Id of the service principal")
    effect: _Effect = Field(description="What was really changed")  # type: ignore[assignment]
