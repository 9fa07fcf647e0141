"""plan.json: ordered changes of the direct route, bound to a target and to limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from runbook_lib.record.formats.common import (
    Count,
    CountsFormat,
    DeltaFormat,
    Digest,
    Format,
    Guid,
    GuidOrNone,
    TargetFormat,
)


class _Move(Format):
    """Move from one OU to another; null: it stays."""

    from_guid: Guid = Field(description="GUID of the OU it leaves")
    to_guid: Guid = Field(description="GUID of the OU it enters")
    from_dn: str = Field(description="Name of the OU it leaves")
    to_dn: str = Field(description="Name of the OU it enters")


class _MemberInPlan(Format):
    """A member to add or remove."""

    model_config = ConfigDict(title="member")

    guid: GuidOrNone = Field(description="GUID of the member's AD object; empty for a group that this plan creates")
    dn: str = Field(description="Where that object was when it was planned")
    group_id: str = Field(
        description="Id of the cloud group, for a group that this plan creates or undeletes; otherwise empty"
    )


class _Deletion(Format):
    """What a deletion takes away and what its undo would meet."""

    model_config = ConfigDict(title="deletion")

    sid: str = Field(description="SID of the AD object; only bringing back the same object brings it back")
    security: bool = Field(description="Whether the group grants rights")
    member_of: list[Annotated[_MemberInPlan, Field(description="One group")]] = Field(description="Groups that hold it")
    recycle_bin: Literal["on", "off", "unknown"] = Field(description="State of the forest's Recycle Bin")
    lifetime_days: Count = Field(description="Days for which a deleted object of this forest can be brought back")
    lifetime_source: Literal["msDS-deletedObjectLifetime", "tombstoneLifetime", "default"] = Field(
        description="Attribute that says so; `default`: none is set"
    )
    may_list: Literal["on", "off", "unknown"] = Field(
        description="Whether this account may list deleted objects (`on`: it may)"
    )
    may_reanimate: Literal["on", "off", "unknown"] = Field(description="Whether it may bring them back")
    days_left: int | None = Field(
        description="For an undelete, about how many of those days are left; null: a delete, or not known"
    )


class _ChangeInPlan(Format):
    """What the plan does to one AD object under one kind."""

    model_config = ConfigDict(title="change")

    digest: Digest = Field(description="Identity of this change; an approval names it")
    kind: Literal["create", "update", "add-members", "remove-members", "retire", "restore", "delete", "undelete"] = (
        Field(description="What is done")
    )
    group_id: Guid = Field(description="Id of the cloud group it is done for")
    display_name: str = Field(description="Display name of the group")
    dn: str = Field(description="Where the AD object is, or where a create will put it")
    object_guid: GuidOrNone = Field(description="GUID of the AD object; empty for a create")
    rdn: str = Field(description="First part of the name, for a create, a delete and an undelete; otherwise empty")
    parent_guid: GuidOrNone = Field(
        description="GUID of the OU that a create or undelete writes into, or a delete takes from; otherwise empty"
    )
    attributes: list[Annotated[DeltaFormat, Field(description="One attribute")]] = Field(
        description="Values that leave and enter, attribute by attribute"
    )
    members_added: list[Annotated[_MemberInPlan, Field(description="One member")]] = Field(
        description="Members that enter"
    )
    members_removed: list[Annotated[_MemberInPlan, Field(description="One member")]] = Field(
        description="Members that leave"
    )
    move: _Move | None = Field(description="Move from one OU to another; null: it stays")
    deletion: _Deletion | None = Field(
        description="What a deletion takes away and what its undo would meet; null: neither a delete nor an undelete"
    )
    reason: str = Field(description="Why, as a stable code")
    why: str = Field(description="Why, in words")


class _Limits(Format):
    """The limits that it was checked against."""

    creates: Count = Field(description="Groups that one plan may create")
    retirements: Count = Field(description="Groups that one plan may retire")
    deletions: Count = Field(description="Groups that one plan may delete")
    member_removals: Count = Field(description="Members that one plan may remove")
    member_removals_per_group: Count = Field(description="Members that one plan may remove from one group")
    member_removals_percent: Count = Field(
        description="Share of a group's members that one plan may remove, in percent"
    )


class _Refusal(Format):
    """One refusal."""

    group_id: GuidOrNone = Field(description="Id of the cloud group; empty: the whole configuration of Cloud Sync")
    display_name: str = Field(description="Its display name; of a configuration the job")
    rule: str = Field(description="Rule that says so, as a stable code")
    why: str = Field(description="Why, in words")
    to_do: str = Field(description="The way out; may be empty")


class _LeftOut(Format):
    """One member."""

    member_id: Guid = Field(description="Id of the member in the cloud")
    name: str = Field(description="Its display name")
    type: str = Field(description="User, group, device and so on")
    code: str = Field(description="Why it is left out, as a stable code")
    why: str = Field(description="Why it is left out, in words")


class _MembersOfGroup(Format):
    """One group."""

    group_id: Guid = Field(description="Id of the cloud group")
    display_name: str = Field(description="Its display name")
    in_cloud: Count = Field(
        description="Members of the cloud group: those in AD already, those added and those left out"
    )
    already: Count = Field(description="Members that are in the AD group already")
    added: Count = Field(description="Members that are added")
    removed: Count = Field(description="AD members that are removed")
    left_out: list[Annotated[_LeftOut, Field(description="One member")]] = Field(
        description="Members of the cloud group that are not written, by name"
    )


class PlanFormat(Format):
    """A plan: ordered changes, bound to a target and to limits."""

    schema_: Literal["group-writeback-plan/1"] = Field(alias="schema", description="Name and version of this format")
    digest: Digest = Field(description="Identity of the plan; it covers the changes, the target and the limits")
    operation: Literal["enable", "disable", "undo"] = Field(description="What the plan is for")
    route: Literal["direct"] | None = Field(
        default=None, description="Who writes it to AD; missing in records of versions that knew one route"
    )
    phrase: str = Field(description="What an approver has to type")
    counts: CountsFormat = Field(
        description="How many changes of each kind, and how many member values they add and remove"
    )
    groups: Count = Field(description="How many groups it touches")
    in_step: Count = Field(description="Selected groups that need nothing")
    limits: _Limits = Field(description="The limits that it was checked against")
    target: TargetFormat = Field(
        description="What the plan is bound to: names for people, ids and GUIDs for the digest"
    )
    changes: list[Annotated[_ChangeInPlan, Field(description="One change")]] = Field(
        description="The changes, in the order in which they are carried out"
    )
    refusals: list[Annotated[_Refusal, Field(description="One refusal")]] = Field(
        description="Selected groups that the plan leaves alone"
    )
    members: list[Annotated[_MembersOfGroup, Field(description="One group")]] | None = Field(
        default=None,
        description="What becomes of the members of each planned group, for people: the digest covers the changes "
        "alone; missing in plans of older versions",
    )
