"""How the targets and payloads of the route cloud-sync stand in files, for strict reading."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from runbook_lib.change.route import Fields, PayloadFields
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GUID_PATTERN
from runbook_lib.routes.cloud_sync.actions import (
    Action,
    Assign,
    Provision,
    Realign,
    ReplaceSchema,
    ReplaceSecrets,
    SetRunning,
    Unassign,
)
from runbook_lib.routes.cloud_sync.applications.actions import (
    CreateConfiguration,
    CreateJob,
    MapNewJob,
    RemoveConfiguration,
    RemoveJob,
    RestoreSchema,
)
from runbook_lib.routes.cloud_sync.authority.actions import (
    ExtensionPart,
    MakeExtension,
    MapGroupDn,
    RemoveExtension,
    SetCloudManaged,
    SetGroupScope,
)
from runbook_lib.routes.cloud_sync.moving.actions import Adopt, AssignAnchored, WriteOwner
from runbook_lib.routes.cloud_sync.payload import CloudSyncPayload
from runbook_lib.routes.cloud_sync.requests import OwnerValueFields
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.routes.in_domain import DomainTargetFields

_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]


class CloudSyncTargetFields(DomainTargetFields):
    """One tenant, one domain, one configuration."""

    service_principal: str = Field(description="Id of the configuration's service principal; empty: the plan makes it")
    job_id: str = Field(description="Id of its synchronization job; empty: the plan makes it")
    configuration: str = Field(description="Display name of the configuration")

    def target(self) -> CloudSyncTarget:
        """The target that they say."""
        return CloudSyncTarget(
            tenant_id=self.tenant_id,
            domain_guid=self.domain_guid,
            domain_dns_name=self.domain,
            service_principal=self.service_principal,
            job_id=self.job_id,
            configuration=self.configuration,
        )


class ApprovedCloudSyncTargetFields(CloudSyncTargetFields):
    """The same in an approval: every id is one, or empty where the plan makes the configuration."""

    tenant_id: _Guid = Field(description="Id of the Entra tenant")
    domain_guid: _Guid = Field(description="GUID of the AD domain's root object")
    service_principal: _Guid | Literal[""]
    job_id: Annotated[str, StringConstraints(max_length=200)] = Field(
        description="Id of its synchronization job; empty: the plan makes it"
    )


class _AssignFields(Fields):
    action: Literal["assign"]
    role_id: str

    def made(self) -> Action:
        return Assign(self.role_id)


class _UnassignFields(Fields):
    action: Literal["unassign"]
    role_id: str
    assignment_id: str

    def made(self) -> Action:
        return Unassign(self.role_id, self.assignment_id)


class _SchemaFields(Fields):
    action: Literal["replace-schema"]
    before: dict[str, Any]
    after: dict[str, Any]

    def made(self) -> Action:
        return ReplaceSchema(self.before, self.after)


class _SecretFields(Fields):
    key: str
    value: str


class _SecretsFields(Fields):
    action: Literal["replace-secrets"]
    before: list[_SecretFields]
    after: list[_SecretFields]

    def made(self) -> Action:
        before, after = (tuple(row.model_dump() for row in rows) for rows in (self.before, self.after))
        return ReplaceSecrets(before, after)


class _RunningFields(Fields):
    action: Literal["set-running"]
    running: bool

    def made(self) -> Action:
        return SetRunning(self.running)


class _ProvisionFields(Fields):
    action: Literal["provision"]
    rule_id: str
    members: list[str]
    names: list[str] = Field(default_factory=list)

    def made(self) -> Action:
        return Provision(self.rule_id, tuple(self.members), names=tuple(self.names))


class _WriteOwnerFields(Fields):
    action: Literal["write-owner"]
    guid: _Guid
    dn: str
    attributes: list[OwnerValueFields]
    role_id: str

    def made(self) -> Action:
        deltas = (AttributeDelta(one.name, tuple(one.removed), tuple(one.added)) for one in self.attributes)
        return WriteOwner(self.guid, self.dn, tuple(deltas), self.role_id)


class _AssignAnchoredFields(Fields):
    action: Literal["assign-anchored"]
    role_id: str
    guid: _Guid

    def made(self) -> Action:
        return AssignAnchored(self.role_id, self.guid)


class _AdoptFields(Fields):
    action: Literal["adopt"]
    rule_id: str
    members: list[str]
    names: list[str] = Field(default_factory=list)
    guid: _Guid

    def made(self) -> Action:
        return Adopt(self.rule_id, tuple(self.members), self.guid, names=tuple(self.names))


class _RealignFields(Fields):
    action: Literal["realign"]
    rule_id: str
    members: list[str]
    names: list[str] = Field(default_factory=list)
    dn: str
    account_name: str

    def made(self) -> Action:
        return Realign(self.rule_id, tuple(self.members), self.dn, self.account_name, names=tuple(self.names))


class _CreateConfigurationFields(Fields):
    action: Literal["create-configuration"]
    template: str
    display_name: str

    def made(self) -> Action:
        return CreateConfiguration(self.template, self.display_name)


class _CreateJobFields(Fields):
    action: Literal["create-job"]
    template: str

    def made(self) -> Action:
        return CreateJob(self.template)


class _MapNewJobFields(Fields):
    action: Literal["map-new-job"]
    assumed: dict[str, str]
    desired: dict[str, str]

    def made(self) -> Action:
        return MapNewJob(self.assumed, self.desired)


class _RestoreSchemaFields(Fields):
    action: Literal["restore-schema"]
    after: dict[str, Any]

    def made(self) -> Action:
        return RestoreSchema(self.after)


class _RemoveJobFields(Fields):
    action: Literal["remove-job"]
    schema_: dict[str, Any] = Field(alias="schema")
    secrets: list[_SecretFields]
    running: bool

    def made(self) -> Action:
        return RemoveJob(self.schema_, tuple(row.model_dump() for row in self.secrets), self.running)


class _RemoveConfigurationFields(Fields):
    action: Literal["remove-configuration"]
    application: _Guid | Literal[""]
    template: str
    display_name: str
    role_id: str
    assignments: list[_Guid]

    def made(self) -> Action:
        ends = tuple(self.assignments)
        return RemoveConfiguration(self.application, self.template, self.display_name, self.role_id, ends)


class _CloudManagedFields(Fields):
    action: Literal["set-cloud-managed"]
    managed: bool
    synchronized: bool
    level: int

    def made(self) -> Action:
        return SetCloudManaged(self.managed, self.synchronized, self.level)


class _GroupScopeFields(Fields):
    action: Literal["set-group-scope"]
    guid: _Guid
    dn: str
    group_type_before: int
    group_type_after: int
    order: int

    def made(self) -> Action:
        return SetGroupScope(self.guid, self.dn, self.group_type_before, self.group_type_after, self.order)


class _MakeExtensionFields(Fields):
    action: Literal["make-extension"]
    part: ExtensionPart
    uri: str

    def made(self) -> Action:
        return MakeExtension(self.part, self.uri)


class _RemoveExtensionFields(Fields):
    action: Literal["remove-extension"]
    part: ExtensionPart
    uri: str
    made_id: _Guid

    def made(self) -> Action:
        return RemoveExtension(self.part, self.uri, self.made_id)


class _MapGroupDnFields(Fields):
    action: Literal["map-group-dn"]
    inbound_service_principal: str
    inbound_job_id: str
    uri: str
    before: dict[str, Any]
    mapped: bool

    def made(self) -> Action:
        return MapGroupDn(self.inbound_service_principal, self.inbound_job_id, self.uri, self.before, self.mapped)


_ActionFields = Annotated[
    _AssignFields
    | _UnassignFields
    | _SchemaFields
    | _SecretsFields
    | _RunningFields
    | _ProvisionFields
    | _WriteOwnerFields
    | _AssignAnchoredFields
    | _AdoptFields
    | _RealignFields
    | _CreateConfigurationFields
    | _CreateJobFields
    | _MapNewJobFields
    | _RestoreSchemaFields
    | _RemoveJobFields
    | _RemoveConfigurationFields
    | _CloudManagedFields
    | _GroupScopeFields
    | _MakeExtensionFields
    | _RemoveExtensionFields
    | _MapGroupDnFields,
    Field(discriminator="action"),
]


class CloudSyncPayloadFields(PayloadFields):
    """One action on one configuration."""

    service_principal: str = Field(description="Id of the service principal; empty: the plan makes it")
    job_id: str = Field(description="Id of the synchronization job; empty: the plan makes it")
    of_group: str = Field(description="Id of the cloud group that the action names; empty: none")
    action: _ActionFields = Field(
        description="What is asked of Microsoft Graph: `action` says which, and the other keys are those of that action"
    )

    def payload(self) -> CloudSyncPayload:
        """The payload that they say."""
        return CloudSyncPayload(self.service_principal, self.job_id, self.of_group, self.action.made())
