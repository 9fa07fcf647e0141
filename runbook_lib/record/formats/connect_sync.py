"""The files of the route connect-sync: what stands in them otherwise than on the direct route.

Targets, actions, intents and effects are the very models that read these files (``routes/connect_sync/files.py``).
Nothing of this route can be approved in advance, so every approval is one of a plan.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from runbook_lib.model.change_kind import KINDS_OF_ROUTE
from runbook_lib.model.target import Route
from runbook_lib.record.formats.approval import PlanApprovalFormat
from runbook_lib.record.formats.common import Digest, Format, Guid, GuidOrNone, Something, Time, among, counts_of
from runbook_lib.record.formats.journal import BeginFormat, DoneFormat
from runbook_lib.record.formats.plan import PlanFormat
from runbook_lib.record.formats.record import PlanInShortFormat, RecordFormat
from runbook_lib.routes.connect_sync.files import (
    ApprovedConnectSyncTargetFields,
    ConnectSyncPayloadFields,
    ConnectSyncTargetFields,
    EffectFields,
    IntentFields,
)

_KINDS = tuple(kind.value for kind in KINDS_OF_ROUTE[Route.CONNECT_SYNC])


_Kind = Annotated[str, among(_KINDS), Field(json_schema_extra={"enum": list(_KINDS)})]
_Route = Literal["connect-sync"]

CountsOfConnectSync = counts_of(Route.CONNECT_SYNC)


class _Target(ConnectSyncTargetFields):
    """One tenant, one domain, the OU of written groups."""

    model_config = ConfigDict(title="connect-sync-target")


class _ApprovedTarget(ApprovedConnectSyncTargetFields):
    """One tenant, one domain, the OU of written groups."""

    model_config = ConfigDict(title="connect-sync-approved-target")


class _Change(ConnectSyncPayloadFields):
    """One action."""

    model_config = ConfigDict(title="connect-sync-change")

    digest: Digest = Field(description="Identity of this change; an approval names it")
    kind: _Kind = Field(description="What is done")
    group_id: GuidOrNone = Field(description="Id of the cloud group it is done for; empty: all of them")
    display_name: str = Field(description="Display name of the group")
    reason: str = Field(description="Why, as a stable code")
    why: str = Field(description="Why, in words")


class ConnectSyncPlanFormat(PlanFormat):
    """A plan of the route connect-sync: what people do on the Connect server, and what the run does itself."""

    route: _Route = Field(description="Who writes it to AD")  # type: ignore[assignment]
    counts: CountsOfConnectSync = Field(  # type: ignore[valid-type]
        description="How many changes of each kind"
    )
    target: _Target = Field(  # type: ignore[assignment]
        description="What the plan is bound to: names for people, ids for the digest"
    )
    changes: list[Annotated[_Change, Field(description="One change")]] = Field(  # type: ignore[assignment]
        description="The changes, in the order in which they are carried out"
    )


class _Approval(Format):
    """The approval that a run wrote under."""

    model_config = ConfigDict(title="connect-sync-approval")

    kind: Literal["plan"] = Field(description="It names the changes of one plan")
    file: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.json$")] = Field(
        description="Name of the approval's file"
    )
    sha256: Digest = Field(description="SHA-256 of that file: one that is changed afterwards is another approval")
    owner: str | None = Field(description="Account that owns that file; null: the system does not tell (Windows)")
    plan_digest: Digest = Field(description="Digest of the plan that was approved")
    approver: str = Field(description="Who approved")
    approved: Time = Field(description="When it was approved, UTC")
    until: Time = Field(description="Until when it holds, UTC")
    phrase: str = Field(description="The phrase that the approver typed")
    planning_manifest: Digest | None = Field(
        description="Digest in the manifest of the record that was read; null: it was not sealed yet"
    )
    planning_record: str = Field(description="Run whose record was read")


class _PlanInShort(PlanInShortFormat):
    """The plan in short; null: the run made none."""

    route: _Route = Field(description="Who writes it to AD")  # type: ignore[assignment]
    counts: CountsOfConnectSync = Field(  # type: ignore[valid-type]
        description="How many changes of each kind"
    )


class ConnectSyncRecordFormat(RecordFormat):
    """The facts of one run of one notebook on the route connect-sync."""

    plan: _PlanInShort | None = Field(description="The plan in short; null: the run made none")
    approval: Annotated[_Approval, Field(description="The approval")] | None = Field(  # type: ignore[assignment]
        description="The approval that the run wrote under; null: it came to none"
    )


class ConnectSyncPlanApprovalFormat(PlanApprovalFormat):
    """The changes of one plan, one by one."""

    model_config = ConfigDict(title="connect-sync-plan")

    route: _Route = Field(description="Route of the plan")  # type: ignore[assignment]
    target: _ApprovedTarget = Field(  # type: ignore[assignment]
        description="What the plan is bound to: names for people, ids for the digest"
    )


class ConnectSyncOpenFormat(Format):
    """First line: the plan, and what of it is approved."""

    model_config = ConfigDict(title="connect-sync-open")

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
    graph_host: Something = Field(description="Host name of the Microsoft Graph that was read")
    dc_host: Something = Field(description="Host name of the domain controller that is read and written to")
    ds_service_name: str = Field(description="DN of its NTDS Settings object")
    invocation_id: str = Field(description="Id of the database of that domain controller")
    target_ou_guid: Guid = Field(description="GUID of the OU of written groups")
    resumes: str | None = Field(description="Run whose journal this one goes on with; null: none")


class _Intent(IntentFields):
    """What is about to be handed over or done."""

    model_config = ConfigDict(title="connect-sync-intent")


class _Effect(EffectFields):
    """What was handed over or really changed; empty where it was as wanted already."""

    model_config = ConfigDict(title="connect-sync-effect")


class ConnectSyncBeginFormat(BeginFormat):
    """Before something is handed over or done."""

    model_config = ConfigDict(title="connect-sync-begin")

    guid: Guid = Field(description="GUID of the OU of written groups, or of the AD object of one group")
    intent: _Intent = Field(description="What is about to be handed over or done")  # type: ignore[assignment]


class ConnectSyncDoneFormat(DoneFormat):
    """After it was handed over or done, or where there was nothing left to do."""

    model_config = ConfigDict(title="connect-sync-done")

    guid: Guid = Field(description="GUID of the OU of written groups, or of the AD object of one group")
    effect: _Effect = Field(description="What was handed over or changed")  # type: ignore[assignment]
