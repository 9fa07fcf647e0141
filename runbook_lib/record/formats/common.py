"""Values and parts that several files of a change have: times, digests, the approval that a run wrote under."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, create_model, model_validator

from runbook_lib.model.change_kind import KINDS_OF_ROUTE
from runbook_lib.model.ids import WRITTEN_GUID_PATTERN
from runbook_lib.model.target import Route

Time = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$")]
"""A point in time, UTC."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal digits."""
Guid = Annotated[str, StringConstraints(pattern=WRITTEN_GUID_PATTERN)]
GuidOrNone = Annotated[str, StringConstraints(pattern=f"^$|{WRITTEN_GUID_PATTERN}")]
Count = Annotated[int, Field(ge=0)]
Something = Annotated[str, StringConstraints(min_length=1)]
"""A text that is not empty."""


class Format(BaseModel):
    """A JSON object with these keys and no others. A key with a default may be absent; null is no way to be absent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _absent_is_not_null(cls, data: object) -> object:
        if isinstance(data, Mapping):
            for name, field in cls.model_fields.items():
                key = field.alias or name
                if not field.is_required() and key in data and data[key] is None:
                    raise ValueError(f"{key} is null")
        return data


class CountsFormat(Format):
    """How many changes of each kind, and how many member values they add and remove."""

    model_config = ConfigDict(title="counts")

    create: Count = Field(description="Groups that are created in AD")
    update: Count = Field(description="Groups whose attributes change")
    add_members: Count = Field(alias="add-members", description="Groups that get members")
    remove_members: Count = Field(alias="remove-members", description="Groups that lose members")
    retire: Count = Field(description="Groups that are retired")
    restore: Count = Field(description="Retired groups that are taken back into use")
    delete: Count = Field(description="Groups whose AD object is deleted")
    undelete: Count = Field(description="Deleted AD objects that are brought back")
    members_added: Count = Field(alias="members-added", description="Member values that enter, over all groups")
    members_removed: Count = Field(alias="members-removed", description="Member values that leave, over all groups")


class DeltaFormat(Format):
    """Values that leave and enter one attribute in one modify."""

    model_config = ConfigDict(title="delta")

    name: str = Field(description="Name of the AD attribute")
    removed: list[str] = Field(description="Values that leave, sorted")
    added: list[str] = Field(description="Values that enter, sorted")


class CapsFormat(Format):
    """The most that one run may do under this approval."""

    model_config = ConfigDict(title="caps")

    changes: Count = Field(description="Changes")
    members_added: Count = Field(description="Members added, over all groups")
    members_removed: Count = Field(description="Members removed, over all groups")


class TargetFormat(Format):
    """What a plan is bound to: names for people, ids and GUIDs for the digest."""

    model_config = ConfigDict(title="target")

    tenant_id: Guid = Field(description="Id of the Entra tenant")
    domain_guid: Guid = Field(description="GUID of the AD domain's root object")
    domain: str = Field(description="DNS name of the AD domain")
    target_ou: str = Field(description="OU that written-back groups stand in, as a distinguished name")
    target_ou_guid: Guid = Field(description="GUID of that OU")
    retired_ou: str = Field(description="OU that retired groups are moved to; empty: none was named")
    retired_ou_guid: GuidOrNone = Field(description="GUID of that OU; empty: none was named")


class _BoundTo(Format):
    """What a standing approval is bound to."""

    tenant_id: Guid = Field(description="Id of the Entra tenant")
    domain_guid: Guid = Field(description="GUID of the AD domain's root object")
    target_ou_guid: Guid = Field(description="GUID of the target OU")


_STANDING = ("groups", "kinds", "caps", "target")
_EITHER_KIND: dict[str, Any] = {
    "if": {"properties": {"kind": {"const": "plan"}}},
    "then": {"required": ["plan_digest"], "properties": dict.fromkeys(_STANDING, False)},
    "else": {"required": list(_STANDING), "properties": {"plan_digest": False}},
}
"""For the schema, what ``_of_its_kind`` says."""


class FurtherFormat(Format):
    """Another approval that the run wrote under."""

    model_config = ConfigDict(title="further", json_schema_extra=_EITHER_KIND)

    kind: Literal["plan", "standing"] = Field(
        description="`plan`: names the changes of one plan; `standing`: given in advance for a schedule"
    )
    file: Annotated[str, StringConstraints(pattern=r"^(standing-[0-9a-f]{16}|[0-9a-f]{64})\.json$")] = Field(
        description="Name of the approval's file"
    )
    sha256: Digest = Field(description="SHA-256 of that file: one that is changed afterwards is another approval")
    owner: str | None = Field(description="Account that owns that file; null: the system does not tell (Windows)")
    key_id: Digest | None = Field(
        default=None,
        description="SHA-256 of the public key (SubjectPublicKeyInfo, DER) that signed it; absent: it is not signed",
    )
    plan_digest: Digest | None = Field(
        default=None, description="Digest of the plan that was approved; absent in kind `standing`"
    )
    approver: str = Field(description="Who approved")
    approved: Time = Field(description="When it was approved, UTC")
    until: Time = Field(description="Until when it holds, UTC")
    phrase: str = Field(description="The phrase that the approver typed")
    planning_manifest: Digest | None = Field(
        description="Digest in the manifest of the record that was read; null: it was not sealed yet"
    )
    planning_record: str = Field(description="Run whose record was read")
    groups: Annotated[list[Guid], Field(min_length=1)] | None = Field(
        default=None, description="Ids of the cloud groups, sorted; absent in kind `plan`"
    )
    kinds: Annotated[list[Literal["add-members", "remove-members", "update"]], Field(min_length=1)] | None = Field(
        default=None, description="Kinds of change that it allows; absent in kind `plan`"
    )
    caps: CapsFormat | None = Field(
        default=None, description="The most that one run may do under it; absent in kind `plan`"
    )
    target: _BoundTo | None = Field(default=None, description="What it is bound to; absent in kind `plan`")

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        standing = [name for name in _STANDING if getattr(self, name) is not None]
        if self.kind == "plan" and (self.plan_digest is None or standing):
            raise ValueError("an approval of a plan names that plan, and nothing of a standing one")
        if self.kind == "standing" and (self.plan_digest is not None or len(standing) < len(_STANDING)):
            raise ValueError("a standing approval names groups, kinds, caps and what it is bound to, and no plan")
        return self


class ApprovalFormat(FurtherFormat):
    """The approval that a run wrote under."""

    model_config = ConfigDict(title="approval")

    further: (
        Annotated[list[Annotated[FurtherFormat, Field(description="Another approval")]], Field(min_length=1)] | None
    ) = Field(default=None, description="Other approvals that the run wrote under as well; absent where there is none")


def among(values: Collection[str]) -> AfterValidator:
    """Insists on one of these values; a schema says so by an ``enum`` of its own."""

    def one_of_them(value: str) -> str:
        if value not in values:
            raise ValueError(f"none of {', '.join(values)}")
        return value

    return AfterValidator(one_of_them)


def counts_of(route: Route) -> type[Format]:
    """Counts by the kinds of a route that is named after whoever writes members; older records lack some kinds."""
    writer = route.value.replace("-", " ").title()
    counted: Any = {
        kind.value.replace("-", "_"): (
            Count,
            Field(default=0, alias=kind.value, description=f"Changes of kind `{kind.value}`"),
        )
        for kind in KINDS_OF_ROUTE[route]
    }
    made = create_model(
        f"CountsOf{writer.replace(' ', '')}",
        __base__=Format,
        __doc__=f"How many changes of each kind; members are {writer}'s to write.",
        **counted,
        members_added=(Count, Field(alias="members-added", description=f"Always 0: {writer} writes members")),
        members_removed=(Count, Field(alias="members-removed", description=f"Always 0: {writer} writes members")),
    )
    made.model_config["title"] = f"{route.value}-counts"
    return made
