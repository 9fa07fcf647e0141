"""approvals/*.json: what a person agreed to, of one plan or in advance for a schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from runbook_lib.record.formats.common import CapsFormat, Digest, Format, Guid, Something, TargetFormat, Time


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("something is named twice")
    return values


_Once = Field(min_length=1, json_schema_extra={"uniqueItems": True})
_EachOnce = AfterValidator(_each_once)


class _ApprovalOfAKind(Format):
    """What approvals of both kinds hold."""

    schema_: Literal["group-writeback-approval/1"] = Field(
        alias="schema", description="Name and version of this format"
    )
    change_id: Something = Field(description="Change that it was given for; it counts for no other")
    route: Literal["direct"] | None = Field(
        default=None, description="Route of the plan; missing in approvals of versions that knew one route"
    )
    target: TargetFormat = Field(
        description="What the plan is bound to: names for people, ids and GUIDs for the digest"
    )
    approver: Something = Field(description="Who approved")
    approved: Time = Field(description="When it was approved, UTC")
    until: Time = Field(description="Until when it holds, UTC")
    phrase: Something = Field(description="The phrase that the approver typed")
    planning_record: str = Field(description="Run whose record was read")
    planning_manifest: Digest | None = Field(
        description="Digest in the manifest of that record; null: it was not sealed yet"
    )
    digest: Digest = Field(description="Digest of everything above: a file that was edited is none")


class PlanApprovalFormat(_ApprovalOfAKind):
    """The changes of one plan, one by one."""

    model_config = ConfigDict(title="plan")

    kind: Literal["plan"] = Field(description="The kind of this approval")
    plan_digest: Digest = Field(description="Digest of the plan that was approved; also the name of the file")
    changes: Annotated[list[Digest], _Once, _EachOnce] = Field(description="Digests of the approved changes, sorted")
    names: list[Digest] = Field(
        description="Of each change, in the same order: SHA-256 of the names that were read (place, group, members)"
    )
    members: list[Digest] = Field(
        description="Of each change, in the same order: SHA-256 of what was read of its group's members, those left "
        "out by name"
    )
    until: Time = Field(description="Until when it holds, UTC; at most 7 days later")


class StandingApprovalFormat(_ApprovalOfAKind):
    """Given in advance, for a schedule; it never covers creating, retiring, restoring, or changing the type of a
    group.
    """

    model_config = ConfigDict(title="standing")

    kind: Literal["standing"] = Field(description="The kind of this approval")
    groups: Annotated[list[Guid], _Once, _EachOnce] = Field(description="Ids of the cloud groups, sorted")
    names: list[str] = Field(
        description="What each group was called, in the same order; empty: it was given by its id alone"
    )
    kinds: Annotated[list[Literal["add-members", "remove-members", "update"]], _Once, _EachOnce] = Field(
        description="Kinds of change that it allows, sorted"
    )
    caps: CapsFormat = Field(description="The most that one run may do under this approval")
    until: Time = Field(description="Until when it holds, UTC: the end of a day at most 90 days ahead")
