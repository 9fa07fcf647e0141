"""Contoso's Cloud Sync configuration for groups, as Microsoft Graph shows it: job, schema, assignments, log.

Further configurations can be added, of each kind that a tenant may hold: which application template they were made of
is not documented, so a client has to find all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.directory import DirectoryIndex
from rehearsal.contoso.specification import GroupSpecification, Writer

TEMPLATE = "AAD2ADGroupProvisioning"
EXCHANGE_TEMPLATE = "AAD2ADExchangeHybridWriteback"
_FROM_AD_TEMPLATE = "AD2AADProvisioning"
APPLICATION_TEMPLATE = "fb81332f-3eca-4ecf-a939-4278e501d330"
"""What configurations for groups are made of, after a public script (thinformatics/thinBlog,
Clone-EntraCloudSyncConfig.ps1)."""
FROM_AD_APPLICATION_TEMPLATE = "1a4721b3-e57f-4451-ae87-ef078703ec94"
"""The application AD2AAD ("programmatically configure cloud sync using Microsoft Graph API")."""


@dataclass(frozen=True)
class Configuration:
    """One configuration.

    Attributes:
        key: What its ids are made of.
        domain: The AD domain that it writes to, which is its name too.
        application_template: What its service principal was made of.
        template: Template of its job.
        into_ad: Whether it writes groups to AD, which its schema shows.
    """

    key: str
    domain: str
    application_template: str
    template: str
    into_ad: bool = True

    @property
    def principal_id(self) -> str:
        """Id of its service principal."""
        return names.guid(f"service principal of {self.key}")

    @property
    def job_id(self) -> str:
        """Id of its job: template, tenant without hyphens, a GUID."""
        return f"{self.template}.{names.TENANT_ID.replace('-', '')}.{names.guid(f'job of {self.key}')}"


CONTOSO = Configuration("Cloud Sync", names.DOMAIN, APPLICATION_TEMPLATE, TEMPLATE)
KINDS = {
    "classic": Configuration("Cloud Sync, classic", "classic.contoso.com", APPLICATION_TEMPLATE, TEMPLATE),
    "other-template": Configuration(
        "Cloud Sync, other template", "other.contoso.com", FROM_AD_APPLICATION_TEMPLATE, TEMPLATE
    ),
    "unknown-template": Configuration(
        "Cloud Sync, unknown template", "unknown.contoso.com", names.guid("a template of tomorrow"), "AAD2ADTomorrow"
    ),
    "exchange-writeback": Configuration(
        "Exchange writeback", "exchange.contoso.com", APPLICATION_TEMPLATE, EXCHANGE_TEMPLATE, into_ad=False
    ),
    "from-ad": Configuration(
        "Cloud Sync from AD", "from-ad.contoso.com", FROM_AD_APPLICATION_TEMPLATE, _FROM_AD_TEMPLATE, into_ad=False
    ),
}
"""Configurations that a rehearsal can be given beside its own."""
PRINCIPAL_ID, JOB_ID = CONTOSO.principal_id, CONTOSO.job_id
RULE_ID = names.guid("rule of Cloud Sync")
_ROLE_ID = "1a0abf4d-b9fa-4512-a3a2-51ee82c6fd9f"
"""The app role of "Selected groups" in the global service ("Microsoft Entra provisioning options")."""
_STEADY = "2026-05-04T06:20:00Z"
_WRITTEN = "2026-09-14T06:{minute:02}:00Z"

_MAPPINGS = (
    ("displayName", "[displayName]", 0),
    ("description", "Left(Trim([description]),448)", 0),
    ("cn", 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))', 0),
    ("msDS-ExternalDirectoryObjectId", 'Append("Group_",[objectId])', 1),
    ("adminDescription", 'Append("Group_",[objectId])', 0),
    ("parentDistinguishedName", f'"{names.CLOUD_SYNC_OU}"', 0),
    ("member", "[members]", 0),
)
"""Target attribute, expression and matching priority ("Attribute mapping - Microsoft Entra ID to Active Directory")."""
_STEPS = (("EntryImportAdd", "import"), ("EntrySynchronizationAdd", "matching"), ("EntryExportAdd", "export"))


def add_configuration(store: CloudStore, kind: str) -> str:
    """Add a further configuration to the tenant, one of ``KINDS``; returns the id of its job.

    Raises:
        KeyError: There is no such kind.
    """
    return _add(store, KINDS[kind], 0)


def _add(store: CloudStore, configuration: Configuration, groups: int) -> str:
    application = names.guid(f"application of {configuration.key}")
    principal = configuration.principal_id
    store.add_service_principal(
        {
            "id": principal,
            "accountEnabled": True,
            "appDisplayName": configuration.domain,
            "appId": application,
            "applicationTemplateId": configuration.application_template,
            "appOwnerOrganizationId": names.TENANT_ID,
            "displayName": configuration.domain,
            "servicePrincipalNames": [application],
            "servicePrincipalType": "Application",
            "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        }
    )
    owned = {"servicePrincipalId": principal}
    # Several configurations are of one template, so its id alone would not do as key.
    template = {"id": configuration.template, **_template(configuration), **owned}
    store.table("job_templates")[f"{principal}/{configuration.template}"] = template
    store.add("jobs", {"id": configuration.job_id, **_job(configuration, groups), **owned})
    for identifier in {configuration.template, configuration.job_id} - store.table("schemas").keys():
        store.add("schemas", {**_schema(configuration), "id": identifier})
    return configuration.job_id


def add_cloud_sync(store: CloudStore, index: DirectoryIndex, crowd: Crowd = NOBODY) -> None:
    """Add the configuration to a store that has the groups."""
    owned = {"servicePrincipalId": PRINCIPAL_ID}
    store.add(
        "agents",
        {
            "id": names.guid("agent of Cloud Sync"),
            "externalIp": "203.0.113.7",
            "machineName": f"sync01.{names.DOMAIN}",
            "status": "active",
            "supportedPublishingTypes": ["provisioning"],
            "domains": [names.DOMAIN],
        },
    )
    written = [group for group in every_group() if group.writer is Writer.CLOUD_SYNC]
    everything = written + [group for group in crowd.groups if group.writer is Writer.CLOUD_SYNC]
    _add(store, CONTOSO, len(everything))
    for group in everything:
        store.add("assignments", {**_assignment(group), **owned})
    for minute, group in enumerate(written):
        guid = index.groups[group.key].guid if group.key in index.groups else ""
        store.add("provisioning", _row(group, minute, guid))
    out_of_scope = next(group for group in every_group() if group.key == "vpn-users")
    store.add("provisioning", _row(out_of_scope, len(written), "", error="MissingMembersInTarget"))


def _template(configuration: Configuration) -> dict[str, object]:
    return {
        "applicationId": names.guid(f"application of {configuration.key}"),
        "default": True,
        "description": f"Cloud Sync, {configuration.template}",
        "discoverable": True,
        "factoryTag": configuration.template,
        "metadata": [{"key": "IsSynchronizationAgentRequired", "value": "True"}],
    }


def _job(configuration: Configuration, groups: int) -> dict[str, object]:
    counts = dict.fromkeys(("countEscrowed", "countEscrowedRaw", "countExports", "countImportedReferenceDeltas"), 0)
    execution = {
        "activityIdentifier": names.guid("last execution of Cloud Sync"),
        "countEntitled": groups,
        "countEntitledForProvisioning": groups,
        "countExported": 0,
        "countImported": groups,
        "countImportedDeltas": 0,
        **counts,
        "error": None,
        "state": "Succeeded",
        "timeBegan": _STEADY,
        "timeEnded": _STEADY,
    }
    return {
        "templateId": configuration.template,
        "schedule": {"expiration": None, "interval": "PT20M", "state": "Active"},
        "status": {
            "code": "Active",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": execution,
            "lastSuccessfulExecution": execution,
            "lastSuccessfulExecutionWithExports": None,
            "progress": [],
            "quarantine": None,
            "steadyStateFirstAchievedTime": _STEADY,
            "steadyStateLastAchievedTime": _STEADY,
            "synchronizedEntryCountByType": [{"key": "Group to group", "value": groups}],
            "troubleshootingUrl": None,
        },
        "synchronizationJobSettings": [
            {"name": "Domain", "value": configuration.domain},
            {"name": "QuarantineTooManyDeletesThreshold", "value": "500"},
        ],
    }


def _schema(configuration: Configuration) -> dict[str, object]:
    return _schema_of_groups() if configuration.into_ad else {"synchronizationRules": [], "version": "1"}


def _schema_of_groups() -> dict[str, object]:
    mappings = [
        {
            "defaultValue": None,
            "exportMissingReferences": False,
            "flowBehavior": "FlowWhenChanged",
            "flowType": "Always",
            "matchingPriority": priority,
            "source": {"expression": expression, "name": target, "parameters": [], "type": "Function"},
            "targetAttributeName": target,
        }
        for target, expression, priority in _MAPPINGS
    ]
    clauses = [
        {"operatorName": operator, "sourceOperandName": name, "targetOperand": {"values": []}}
        for name, operator in (
            ("securityEnabled", "IS TRUE"),
            ("dirSyncEnabled", "IS FALSE"),
            ("mailEnabled", "IS FALSE"),
        )
    ]
    scope = {"categoryFilterGroups": [], "groups": [{"clauses": clauses, "name": None}], "inputFilterGroups": []}
    mapping = {
        "attributeMappings": mappings,
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "metadata": [],
        "name": "Synchronize Microsoft Entra ID Groups to Active Directory",
        "scope": scope,
        "sourceObjectName": "Group",
        "targetObjectName": "group",
    }
    rule = {
        "containerFilter": None,
        "editable": True,
        "groupFilter": None,
        "id": RULE_ID,
        "metadata": [],
        "name": "AAD2ADGroup",
        "objectMappings": [mapping],
        "priority": 1,
        "sourceDirectoryName": "Microsoft Entra ID",
        "targetDirectoryName": "Active Directory",
    }
    return {"synchronizationRules": [rule], "version": "1"}


def _assignment(group: GroupSpecification) -> dict[str, object]:
    return {
        "id": names.guid(f"assignment {group.key}"),
        "appRoleId": _ROLE_ID,
        "createdDateTime": _STEADY,
        "principalDisplayName": group.name,
        "principalId": group.id,
        "principalType": "Group",
        "resourceDisplayName": names.DOMAIN,
        "resourceId": PRINCIPAL_ID,
    }


def _row(group: GroupSpecification, minute: int, guid: str, *, error: str = "") -> dict[str, object]:
    result = "failure" if error else "success"
    told = {
        "errorCode": error,
        "reason": "A member of the group has no object in Active Directory.",
        "additionalDetails": None,
        "errorCategory": "nonServiceFailure",
        "recommendedAction": None,
    }
    steps = [
        {
            "name": name,
            "provisioningStepType": kind,
            "status": result if kind == "export" else "success",
            "description": f"{name} of Group '{group.name}'",
            "details": {},
        }
        for name, kind in _STEPS
    ]
    return {
        "id": names.guid(f"provisioning {group.key}"),
        "activityDateTime": _WRITTEN.format(minute=minute),
        "changeId": names.guid(f"change {group.key}"),
        "cycleId": names.guid("cycle of Cloud Sync"),
        "durationInMilliseconds": 2310,
        "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
        "jobId": JOB_ID,
        "modifiedProperties": [{"displayName": "displayName", "oldValue": None, "newValue": group.name}],
        "provisioningAction": "create",
        "provisioningStatusInfo": {"status": result, "errorInformation": told if error else None},
        "provisioningSteps": steps,
        "servicePrincipal": {"id": PRINCIPAL_ID, "displayName": names.DOMAIN},
        "sourceIdentity": {"id": group.id, "displayName": group.name, "identityType": "Group", "details": {}},
        "sourceSystem": {
            "id": names.guid("system Microsoft Entra ID"),
            "displayName": "Microsoft Entra ID",
            "details": {},
        },
        "targetIdentity": {"id": guid, "displayName": group.name, "identityType": "group", "details": {}},
        "targetSystem": {"id": names.guid("system AD"), "displayName": "Active Directory", "details": {}},
        "tenantId": names.TENANT_ID,
    }
