"""How the targets and payloads of the route connect-sync stand in files, for strict reading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from runbook_lib.change.route import Fields, PayloadFields, TargetFields
from runbook_lib.model.ids import GUID_PATTERN, as_group_id
from runbook_lib.routes.connect_sync.actions import ComingGroup, ConnectAction, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.leaving_fields import (
    BringBackFields,
    GroupWritebackFields,
    NewGroupDefaultFields,
    SwitchOffFields,
)
from runbook_lib.routes.connect_sync.payload import ConnectSyncPayload
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget

_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]


class ConnectSyncTargetFields(TargetFields):
    """One tenant, one domain, the OU of written groups."""

    tenant_id: str = Field(description="Id of the Entra tenant")
    domain_guid: str = Field(description="GUID of the AD domain's root object")
    domain: str = Field(description="DNS name of the AD domain")
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


class _SwitchOnFields(Fields):
    action: Literal["switch-on"]
    display_names: bool
    groups: list[_ComingGroupFields]

    def made(self) -> ConnectAction:
        coming = (ComingGroup(as_group_id(one.group_id), one.display_name, one.cn) for one in self.groups)
        return SwitchOn(self.display_names, tuple(coming))


class _RunCycleFields(Fields):
    action: Literal["run-cycle"]

    def made(self) -> ConnectAction:
        return RunCycle()


_ActionFields = Annotated[
    _LetConnectorWriteFields
    | _SwitchOnFields
    | SwitchOffFields
    | BringBackFields
    | NewGroupDefaultFields
    | GroupWritebackFields
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
