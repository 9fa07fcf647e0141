"""How targets, payloads, intents and effects of the route connect-sync stand in files, for strict reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from runbook_lib.change.route import Fields, PayloadFields
from runbook_lib.model.ids import GUID_PATTERN, as_group_id, as_object_guid
from runbook_lib.routes.connect_sync.actions import ComingGroup, ConnectAction, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, KeptOutGroup, LeaveStaging
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, GoingGroup, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.payload import ConnectSyncPayload
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget
from runbook_lib.routes.in_domain import DomainTargetFields

_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]
_Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class ConnectSyncTargetFields(DomainTargetFields):
    """One tenant, one domain, the OU of written groups."""

    target_ou_guid: str = Field(description="GUID of the OU of written groups")
    target_ou: str = Field(description="OU of written groups, as a distinguished name")

    def target(self) -> ConnectSyncTarget:
        """The target that they say."""
        return ConnectSyncTarget(
            tenant_id=self.tenant_id,
            domain_guid=self.domain_guid,
            domain_dns_name=self.domain,
            ou_guid=self.target_ou_guid,
            ou_dn=self.target_ou,
        )


class ApprovedConnectSyncTargetFields(ConnectSyncTargetFields):
    """The same in an approval: every id is one."""

    tenant_id: _Guid = Field(description="Id of the Entra tenant")
    domain_guid: _Guid = Field(description="GUID of the AD domain's root object")
    target_ou_guid: _Guid = Field(description="GUID of the OU of written groups")


class _LetConnectorWriteFields(Fields):
    action: Literal["grant-rights"]
    account: str

    def made(self) -> ConnectAction:
        return LetConnectorWrite(self.account)


class _ComingGroupFields(Fields):
    group_id: _Guid
    display_name: str
    cn: str


def _coming(groups: Sequence[_ComingGroupFields]) -> tuple[ComingGroup, ...]:
    return tuple(ComingGroup(as_group_id(one.group_id), one.display_name, one.cn) for one in groups)


class _SwitchOnFields(Fields):
    action: Literal["switch-on"]
    display_names: bool
    groups: list[_ComingGroupFields]

    def made(self) -> ConnectAction:
        return SwitchOn(self.display_names, _coming(self.groups))


class _KeptOutGroupFields(Fields):
    group_id: _Guid
    display_name: str


class _ChooseGroupsFields(Fields):
    action: Literal["choose-groups"]
    display_names: bool
    groups: list[_ComingGroupFields]
    kept_out: list[_KeptOutGroupFields]

    def made(self) -> ConnectAction:
        kept_out = (KeptOutGroup(as_group_id(one.group_id), one.display_name) for one in self.kept_out)
        return ChooseInStaging(self.display_names, _coming(self.groups), tuple(kept_out))


class _LeaveStagingFields(Fields):
    action: Literal["leave-staging"]
    display_names: bool
    groups: list[_ComingGroupFields]

    def made(self) -> ConnectAction:
        return LeaveStaging(self.display_names, _coming(self.groups))


class _RunCycleFields(Fields):
    action: Literal["run-cycle"]

    def made(self) -> ConnectAction:
        return RunCycle()


class _GoingGroupFields(Fields):
    group_id: _Guid
    display_name: str
    guid: _Guid
    sid: str
    dn: str
    certain: bool

    def made(self) -> GoingGroup:
        return GoingGroup(
            as_group_id(self.group_id), self.display_name, as_object_guid(self.guid), self.sid, self.dn, self.certain
        )


class _SwitchOffFields(Fields):
    """v1 is switched off."""

    action: Literal["switch-off"]
    groups: list[_GoingGroupFields] = Field(description="The AD groups that the next cycle deletes")

    def made(self) -> ConnectAction:
        return SwitchOff(tuple(one.made() for one in self.groups))


class _BringBackFields(Fields):
    """A group comes back from the deleted objects."""

    action: Literal["bring-back"]
    sid: str = Field(description="SID that the deleted object must have")
    anchor: str = Field(description="Value of adminDescription by which Connect joins it")

    def made(self) -> ConnectAction:
        return BringBack(self.sid, self.anchor)


class _NewGroupDefaultFields(Fields):
    """The tenant's settings of groups are replaced."""

    action: Literal["set-new-group-default"]
    settings_id: str = Field(description="Id of the settings object; empty: it is made")
    before: list[_Pair] = Field(description="Names and values before")
    after: list[_Pair] = Field(description="Names and values afterwards; empty: the object is removed")

    def made(self) -> ConnectAction:
        before, after = (tuple((name, value) for name, value in pairs) for pairs in (self.before, self.after))
        return SetNewGroupDefault(self.settings_id, before, after)


class _GroupWritebackFields(Fields):
    """One group is to be written back under V2, or is not."""

    action: Literal["set-group-writeback"]
    before: bool | None = Field(description="What is set; null: nothing")
    after: bool | None = Field(description="What is to be set; null: nothing")

    def made(self) -> ConnectAction:
        return SetGroupWriteback(self.before, self.after)


_ActionFields = Annotated[
    _LetConnectorWriteFields
    | _SwitchOnFields
    | _ChooseGroupsFields
    | _LeaveStagingFields
    | _SwitchOffFields
    | _BringBackFields
    | _NewGroupDefaultFields
    | _GroupWritebackFields
    | _RunCycleFields,
    Field(discriminator="action"),
]


class ConnectSyncPayloadFields(PayloadFields):
    """One action."""

    object_guid: _Guid = Field(description="GUID of the OU of written groups, or of the AD object of one group")
    dn: str = Field(description="Its distinguished name when it was planned")
    of_group: str = Field(description="Id of the cloud group that the action names; empty: all of them")
    action: _ActionFields = Field(
        description="What is handed over or done: `action` says which, and the other keys are those of that action"
    )

    def payload(self) -> ConnectSyncPayload:
        """The payload that they say."""
        return ConnectSyncPayload(self.object_guid, self.dn, self.of_group, self.action.made())


class IntentFields(Fields):
    """What a journal says before an act: which, with what was there until then where something is replaced whole."""

    action: str = Field(description="Which action")
    before: dict[str, Any] | None = Field(
        default=None, description="What was there until then, where it is replaced as a whole; absent: nothing is"
    )


class EffectFields(Fields):
    """What a journal says after an act: what was handed to a person, or what the run changed itself."""

    handed_over: str = Field(default="", description="ConnectAction that was handed to a person")
    file: str = Field(default="", description="File of the record that holds what was handed over")
    sha256: str = Field(default="", description="SHA-256 of that file")
    groups_before: str = Field(
        default="", description="SHA-256 of groups-before.json, with which AD is compared when v1 is gone"
    )
    undeleted: str = Field(default="", description="DN under which a group came back from the deleted objects")
    settings_id: str = Field(default="", description="Id of the settings of groups that were replaced")
    settings_made: bool = Field(default=False, description="Whether those settings were made")
    writeback_set: bool | None = Field(
        default=None, description="What the group's setting of writeback under V2 was set to; null: not set"
    )
    request_id: str = Field(default="", description="Graph's id of the request, for its support")
