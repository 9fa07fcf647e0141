"""Contoso's Cloud Sync configuration for groups, as Microsoft Graph shows it: job, schema, assignments, log."""

from __future__ import annotations

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.directory import DirectoryIndex
from rehearsal.contoso.specification import GroupSpecification, Writer

TEMPLATE = "AAD2ADGroupProvisioning"
APPLICATION_TEMPLATE = "1a4721b3-e57f-4451-ae87-ef078703ec94"
"""What every Cloud Sync configuration is made of ("programmatically configure cloud sync using Microsoft Graph")."""
PRINCIPAL_ID = names.guid("service principal of Cloud Sync")
JOB_ID = f"{TEMPLATE}.{names.TENANT_ID.replace('-', '')}.{names.guid('job of Cloud Sync')}"
RULE_ID = names.guid("rule of Cloud Sync")
_ROLE_ID = names.guid("app role of Cloud Sync")
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


def add_cloud_sync(store: CloudStore, index: DirectoryIndex, crowd: Crowd = NOBODY) -> None:
    """Add the configuration to a store that has the groups."""
    store.add_service_principal(
        {
            "id": PRINCIPAL_ID,
            "accountEnabled": True,
            "appDisplayName": names.DOMAIN,
            "appId": names.guid("application of Cloud Sync"),
            "applicationTemplateId": APPLICATION_TEMPLATE,
            "appOwnerOrganizationId": names.TENANT_ID,
            "displayName": names.DOMAIN,
            "servicePrincipalNames": [names.guid("application of Cloud Sync")],
            "servicePrincipalType": "Application",
            "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        }
    )
    owned = {"servicePrincipalId": PRINCIPAL_ID}
    store.add("job_templates", {"id": TEMPLATE, **_template(), **owned})
    written = [group for group in every_group() if group.writer is Writer.CLOUD_SYNC]
    everything = written + [group for group in crowd.groups if group.writer is Writer.CLOUD_SYNC]
    store.add("jobs", {"id": JOB_ID, **_job(len(everything)), **owned})
    for identifier in (TEMPLATE, JOB_ID):
        store.add("schemas", {**_schema(), "id": identifier})
    for group in everything:
        store.add("assignments", {**_assignment(group), **owned})
    for minute, group in enumerate(written):
        guid = index.groups[group.key].guid if group.key in index.groups else ""
        store.add("provisioning", _row(group, minute, guid))
    out_of_scope = next(group for group in every_group() if group.key == "vpn-users")
    store.add("provisioning", _row(out_of_scope, len(written), "", error="MissingMembersInTarget"))


def _template() -> dict[str, object]:
    return {
        "applicationId": names.guid("application of Cloud Sync"),
        "default": True,
        "description": "Microsoft Entra ID to Active Directory, groups",
        "discoverable": True,
        "factoryTag": TEMPLATE,
        "metadata": [{"key": "IsSynchronizationAgentRequired", "value": "True"}],
    }


def _job(groups: int) -> dict[str, object]:
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
        "templateId": TEMPLATE,
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
            {"name": "DomainFQDN", "value": names.DOMAIN},
            {"name": "QuarantineTooManyDeletesThreshold", "value": "500"},
        ],
    }


def _schema() -> dict[str, object]:
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
