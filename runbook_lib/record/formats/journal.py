"""journal.jsonl: the lines that a run of the direct route writes before and after each write."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from runbook_lib.model.ids import WRITTEN_GUID_PATTERN
from runbook_lib.record.formats.common import (
    ApprovalFormat,
    DeltaFormat,
    Digest,
    Format,
    Guid,
    GuidOrNone,
    Something,
    Time,
)

_MemberId = Annotated[str, StringConstraints(pattern=WRITTEN_GUID_PATTERN.replace("^", "^(group:)?"))]
_Write = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}/[1-9][0-9]*$")]


class _RefusedMember(Format):
    """One member."""

    member: str = Field(description="GUID of its AD object, or `group:` and the id of a group that this plan creates")
    dn: str = Field(description="Where the object stood")
    cause: str = Field(description="Why, as a stable code")


class _Intent(Format):
    """What is about to be sent."""

    model_config = ConfigDict(title="intent")

    operation: Literal["add", "attributes", "members", "move", "delete", "undelete"] = Field(
        description="Which LDAP operation"
    )
    dn: str = Field(description="Where the object was when it was planned, or will be")
    attributes: list[Annotated[DeltaFormat, Field(description="One attribute")]] = Field(
        description="Values that leave and enter"
    )
    members_added: list[_MemberId] = Field(
        description="Members that enter, by GUID, or `group:` and the cloud id of a group that the plan creates"
    )
    members_removed: list[_MemberId] = Field(description="Members that leave, in the same form")
    move: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        description="Names of the OU it leaves and the OU it enters; null: no move"
    )


_ONE_EFFECT: dict[str, Any] = {
    "dependentRequired": {"members_added": ["members_removed"], "members_removed": ["members_added"]},
    "anyOf": [
        {"maxProperties": 2, "not": {"required": ["refused"]}},
        {"required": ["refused"], "propertyNames": {"enum": ["members_added", "members_removed", "refused"]}},
    ],
}
"""For the schema, what ``_one_effect`` says."""


class _Effect(Format):
    """What was really changed; empty where the object already was as wanted."""

    model_config = ConfigDict(title="effect", json_schema_extra=_ONE_EFFECT)

    created: str | None = Field(default=None, description="Name under which the object was created")
    deleted: str | None = Field(default=None, description="Name under which the object stood before it was deleted")
    undeleted: str | None = Field(default=None, description="Name under which the object was brought back")
    attributes: list[Annotated[DeltaFormat, Field(description="One attribute")]] | None = Field(
        default=None, description="Values that left and entered"
    )
    members_added: list[Guid] | None = Field(default=None, description="GUIDs of members that entered")
    members_removed: list[Guid] | None = Field(default=None, description="GUIDs of members that left")
    moved: Annotated[list[Guid], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="GUIDs of the OU it left and the OU it entered"
    )
    refused: list[Annotated[_RefusedMember, Field(description="One member")]] | None = Field(
        default=None, description="Members that the directory refused or that were not tried any more"
    )

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        said = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if len(said & {"members_added", "members_removed"}) == 1:
            raise ValueError("members that entered and members that left are said together")
        if len(said) > 2 and not {"refused"} <= said <= {"members_added", "members_removed", "refused"}:
            raise ValueError("a write has one effect")
        if "refused" in said and not said <= {"members_added", "members_removed", "refused"}:
            raise ValueError("members alone can be refused")
        return self


class OpenFormat(Format):
    """First line: the plan, and what of it is approved."""

    model_config = ConfigDict(title="open")

    entry: Literal["open"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    run: str = Field(description="The run whose journal this is")
    operation: Literal["enable", "disable", "undo"] = Field(description="What the plan is for")
    route: Literal["direct"] | None = Field(
        default=None, description="Who writes it to AD; missing in records of versions that knew one route"
    )
    plan_digest: Digest = Field(description="Digest of the plan")
    approved: Annotated[list[Digest], Field(min_length=1)] = Field(
        description="Digests of the changes that are carried out"
    )
    approval: ApprovalFormat = Field(description="The approval that the run wrote under")
    dc_host: Something = Field(description="Host name of the domain controller that is written to")
    ds_service_name: str = Field(description="DN of its NTDS Settings object")
    invocation_id: str = Field(description="Id of the database of the domain controller that is written to")
    resumes: str | None = Field(description="Run whose journal this one goes on with; null: none")


class BeginFormat(Format):
    """Before a write."""

    model_config = ConfigDict(title="begin")

    entry: Literal["begin"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    previous: Digest = Field(description="SHA-256 of the line before, without its line break")
    write: _Write = Field(description="The write: `digest of the change/number`")
    change: Digest = Field(description="Digest of the change")
    guid: GuidOrNone = Field(description="GUID of the AD object; empty for a create")
    intent: _Intent = Field(description="What is about to be sent")


class DoneFormat(Format):
    """After a write, or where there was nothing left to write."""

    model_config = ConfigDict(title="done")

    entry: Literal["done"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    previous: Digest = Field(description="SHA-256 of the line before, without its line break")
    write: _Write = Field(description="The write: `digest of the change/number`")
    change: Digest = Field(description="Digest of the change")
    guid: Guid = Field(description="GUID of the AD object")
    effect: _Effect = Field(description="What was really changed; empty where the object already was as wanted")


class LostFormat(Format):
    """After a write that got no answer: the object is looked at, and the write is sent again if it had no effect."""

    model_config = ConfigDict(title="lost")

    entry: Literal["lost"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    previous: Digest = Field(description="SHA-256 of the line before, without its line break")
    write: _Write = Field(description="The write: `digest of the change/number`")
    change: Digest = Field(description="Digest of the change")
    why: Something = Field(description="What happened instead of an answer")


class StoppedFormat(Format):
    """After the first write, where the approval had lapsed: only a new one lets the change go on."""

    model_config = ConfigDict(title="stopped")

    entry: Literal["stopped"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    previous: Digest = Field(description="SHA-256 of the line before, without its line break")
    why: Something = Field(description="What became of the approval")


class ClosedFormat(Format):
    """Last line: nothing is left to be resumed."""

    model_config = ConfigDict(title="closed")

    entry: Literal["closed"] = Field(description="Kind of line")
    at: Time = Field(description="When the line was written, UTC")
    previous: Digest = Field(description="SHA-256 of the line before, without its line break")
    why: Something = Field(description="Why the journal is closed")
