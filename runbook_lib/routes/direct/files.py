"""How the direct route's targets, payloads, intents and effects stand in files, for strict reading and schemas."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from runbook_lib.change.route import Fields, PayloadFields
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GUID_PATTERN, as_group_id, as_object_guid, object_guid_or_none
from runbook_lib.routes.direct.payload import (
    Deletion,
    DirectPayload,
    ExistingMember,
    HoldingGroup,
    Member,
    Move,
    NewGroupMember,
    UndeletedMember,
)
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.in_domain import DomainTargetFields


class DirectTargetFields(DomainTargetFields):
    """One tenant, one domain, two OUs."""

    target_ou: str
    target_ou_guid: str
    retired_ou: str
    retired_ou_guid: str

    def target(self) -> DirectTarget:
        """The target that they say."""
        return DirectTarget(
            tenant_id=self.tenant_id,
            domain_guid=self.domain_guid,
            domain_dns_name=self.domain,
            target_ou=self.target_ou,
            target_ou_guid=as_object_guid(self.target_ou_guid),
            retired_ou=self.retired_ou,
            retired_ou_guid=object_guid_or_none(self.retired_ou_guid),
        )


_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]
_GuidOrNone = Annotated[str, StringConstraints(pattern=rf"^$|{GUID_PATTERN}")]


class ApprovedTargetFields(DirectTargetFields):
    """The same in an approval: every id is a GUID, and only the retired OU may be missing."""

    tenant_id: _Guid
    domain_guid: _Guid
    target_ou_guid: _Guid
    retired_ou_guid: _GuidOrNone


class DeltaFields(Fields):
    """Values that leave and enter one attribute."""

    name: str
    removed: list[str]
    added: list[str]


class _Member(Fields):
    guid: str
    dn: str
    group_id: str

    def member(self) -> Member:
        if not self.group_id:
            if not self.guid:
                raise ValueError("a member without a GUID is a group that the plan creates")
            return ExistingMember(as_object_guid(self.guid), self.dn)
        group = as_group_id(self.group_id)
        return UndeletedMember(as_object_guid(self.guid), self.dn, group) if self.guid else NewGroupMember(group)

    def holder(self) -> HoldingGroup:
        return HoldingGroup(object_guid_or_none(self.guid), self.dn)


class _Move(Fields):
    from_guid: str
    to_guid: str
    from_dn: str
    to_dn: str

    def move(self) -> Move:
        return Move(as_object_guid(self.from_guid), as_object_guid(self.to_guid), self.from_dn, self.to_dn)


class _Deletion(Fields):
    sid: str
    security: bool
    member_of: list[_Member]
    recycle_bin: str
    lifetime_days: int
    lifetime_source: str
    may_list: str
    may_reanimate: str
    days_left: int | None

    def deletion(self) -> Deletion:
        return Deletion(
            sid=self.sid,
            security=self.security,
            member_of=tuple(group.holder() for group in self.member_of),
            recycle_bin=self.recycle_bin,
            lifetime_days=self.lifetime_days,
            lifetime_source=self.lifetime_source,
            may_list=self.may_list,
            may_reanimate=self.may_reanimate,
            days_left=self.days_left,
        )


class DirectPayloadFields(PayloadFields):
    """What is written to one AD object."""

    dn: str
    object_guid: str
    rdn: str
    parent_guid: str
    attributes: list[DeltaFields]
    members_added: list[_Member]
    members_removed: list[_Member]
    move: _Move | None
    deletion: _Deletion | None

    def payload(self) -> DirectPayload:
        """The payload that they say.

        Raises:
            ValueError: A member has neither a GUID nor the group that the plan creates.
        """
        deletion = self.deletion
        return DirectPayload(
            dn=self.dn,
            object_guid=object_guid_or_none(self.object_guid),
            rdn=self.rdn,
            parent_guid=object_guid_or_none(self.parent_guid),
            attributes=tuple(AttributeDelta(d.name, tuple(d.removed), tuple(d.added)) for d in self.attributes),
            members_added=tuple(member.member() for member in self.members_added),
            members_removed=tuple(member.member() for member in self.members_removed),
            move=self.move.move() if self.move else None,
            deletion=deletion.deletion() if deletion else None,
        )


class IntentFields(BaseModel):
    """What a journal says before one LDAP write; keys of later versions may stand beside these."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    attributes: list[DeltaFields] = []
    members_added: list[str] = []
    members_removed: list[str] = []


class _NotTaken(Fields):
    member: str
    dn: str
    cause: str


class EffectFields(IntentFields):
    """What a journal says after one LDAP write; nothing where others had done it before.

    ``created``, ``deleted`` and ``undeleted`` are the DN of the object, ``moved`` the GUIDs of the OUs (from, to),
    members GUIDs; ``refused`` names the members that the directory did not take, and why.
    """

    refused: list[_NotTaken] = []
    created: str = ""
    deleted: str = ""
    undeleted: str = ""
    moved: Annotated[list[str] | None, Field(min_length=2, max_length=2)] = None
