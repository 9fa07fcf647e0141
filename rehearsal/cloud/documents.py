"""Documents of a Cloud Sync configuration as Graph shows them: job, default schema, template, secrets.

Sources: Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory" (mapping, fixed
filter), "How to programmatically configure cloud sync using Microsoft Graph API" (a new job, the secrets); Microsoft
Graph documentation, "Create synchronizationJob".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rehearsal.cloud.expressions import source_of

Document = dict[str, object]

GROUPS_TO_AD = "AAD2ADGroupProvisioning"
"""Template of jobs that write groups to AD."""
DOMAIN, NOTIFICATION = "Domain", "SyncNotificationSettings"
"""Keys of the secrets that a configuration for groups has."""
DEFAULT_THRESHOLD = 500
"""Deletions that are too many ("Cloud Sync accidental deletes")."""
APP_ROLES = {
    "global": "1a0abf4d-b9fa-4512-a3a2-51ee82c6fd9f",
    "china": "15af7fd5-1a3f-4034-8ea1-1afa3d5ecf63",
    "us-government": "d8fa317e-0713-4930-91d8-1dbeb150978f",
    "us-nat": "50a55e47-aae2-425c-8dcb-ed711147a39f",
    "us-sec": "52e862b9-0b95-43fe-9340-54f51248314f",
}
"""By cloud: the app role that selected groups are assigned to ("Microsoft Entra provisioning options")."""
FIXED_FILTER = (("securityEnabled", "IS TRUE"), ("dirSyncEnabled", "IS FALSE"), ("mailEnabled", "IS FALSE"))

_MAPPINGS = (
    ("displayName", "[displayName]", 0),
    ("description", "Left(Trim([description]),448)", 0),
    ("cn", 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))', 0),
    ("msDS-ExternalDirectoryObjectId", 'Append("Group_",[objectId])', 1),
    ("adminDescription", 'Append("Group_",[objectId])', 0),
    ("parentDistinguishedName", "", 0),
    ("isSecurityGroup", "True", 0),
    ("UniversalScope", "True", 0),
    ("member", "[members]", 0),
)
"""Target attribute, expression (empty: the container) and matching priority."""
_SOURCE_ATTRIBUTES = (
    *("objectId", "displayName", "description", "mail", "mailNickname"),
    *("securityEnabled", "mailEnabled", "dirSyncEnabled", "members"),
)
"""Of a group in Microsoft Entra ID, what the documented mappings and filters read. A real schema lists more."""
_KINDS = {"members": "Reference", "member": "Reference"} | dict.fromkeys(
    ("securityEnabled", "mailEnabled", "dirSyncEnabled"), "Boolean"
)
_MAPPINGS_FROM_AD = (
    ("DisplayName", "[displayName]", 0),
    ("Description", "[description]", 0),
    ("ImmutableId", "[objectGUID]", 1),
    ("Members", "[member]", 0),
)
NEVER = "0001-01-01T00:00:00Z"
_NO_INTERVAL = "P10675199DT2H48M5.4775807S"
"""What a job that was never started shows."""


def base_of(domain: str) -> str:
    """``DC=contoso,DC=com`` for ``contoso.com``."""
    return ",".join(f"DC={label}" for label in domain.split("."))


def default_container(domain: str) -> str:
    """Expression of the container where none was chosen."""
    return json.dumps(f"CN=Users,{base_of(domain)}" if domain else "CN=Users")


def schema_of_groups(rule_id: str, container: str) -> Document:
    """The schema of a job for groups; ``container`` is the expression of parentDistinguishedName."""
    mappings = [
        {
            "defaultValue": None,
            "exportMissingReferences": False,
            "flowBehavior": "FlowWhenChanged",
            "flowType": "Always",
            "matchingPriority": priority,
            "source": source_of(expression or container),
            "targetAttributeName": target,
        }
        for target, expression, priority in _MAPPINGS
    ]
    clauses = [
        {"operatorName": operator, "sourceOperandName": name, "targetOperand": {"values": []}}
        for name, operator in FIXED_FILTER
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
        "id": rule_id,
        "metadata": [],
        "name": "AAD2ADGroup",
        "objectMappings": [mapping],
        "priority": 1,
        "sourceDirectoryName": "Microsoft Entra ID",
        "targetDirectoryName": "Active Directory",
    }
    return {"directories": _directories(), "synchronizationRules": [rule], "version": "1"}


def _directories() -> list[Document]:
    """What both directories have, as far as groups go: types and names of the attributes that can be mapped."""

    def definition(name: str, objects: Sequence[tuple[str, Sequence[str]]]) -> Document:
        kinds = [{"name": kind, "attributes": [_attribute(one) for one in names]} for kind, names in objects]
        return {"id": name, "name": name, "objects": kinds, "readOnly": False, "version": "1"}

    targets = sorted({target for target, _, _ in _MAPPINGS} | {"sAMAccountName", "info", "mail"})
    return [
        definition("Microsoft Entra ID", (("Group", _SOURCE_ATTRIBUTES),)),
        definition("Active Directory", (("group", targets),)),
    ]


def _attribute(name: str) -> Document:
    kind = _KINDS.get(name, "String")
    return {
        "anchor": name == "objectId",
        "caseExact": False,
        "multivalued": kind == "Reference",
        "name": name,
        "required": False,
        "type": kind,
    }


def schema_from_ad(rule_id: str) -> Document:
    """The schema of a job from AD, as far as groups go."""
    mappings = [
        {
            "defaultValue": None,
            "exportMissingReferences": False,
            "flowBehavior": "FlowWhenChanged",
            "flowType": "Always",
            "matchingPriority": priority,
            "source": source_of(expression),
            "targetAttributeName": target,
        }
        for target, expression, priority in _MAPPINGS_FROM_AD
    ]
    mapping = {
        "attributeMappings": mappings,
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "metadata": [],
        "name": "Synchronize Active Directory groups to Microsoft Entra ID",
        "scope": None,
        "sourceObjectName": "group",
        "targetObjectName": "Group",
    }
    rule = {
        "containerFilter": None,
        "editable": True,
        "groupFilter": None,
        "id": rule_id,
        "metadata": [],
        "name": "AD2AADProvisioning",
        "objectMappings": [mapping],
        "priority": 1,
        "sourceDirectoryName": "Active Directory",
        "targetDirectoryName": "Microsoft Entra ID",
    }
    return {"synchronizationRules": [rule], "version": "1"}


def moved_default(schema: Mapping[str, Any], before: str, domain: str) -> Document | None:
    """The schema for another domain, where its container is still the default of ``before``; None where it is not."""
    changed: Document = json.loads(json.dumps(dict(schema)))
    old, new = source_of(default_container(before)), source_of(default_container(domain))
    found = [row for row in attribute_mappings(changed) if row["source"] == old]
    for row in found:
        row["source"] = new
    return changed if found else None


def attribute_mappings(schema: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Every attribute mapping of a schema; what is not of that form is left out."""
    for rule in _objects(schema.get("synchronizationRules")):
        for mapping in _objects(rule.get("objectMappings")):
            yield from _objects(mapping.get("attributeMappings"))


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def template(name: str, application: str) -> Document:
    """A synchronizationTemplate of an application, without its id."""
    return {
        "applicationId": application,
        "default": True,
        "description": f"Cloud Sync, {name}",
        "discoverable": True,
        "factoryTag": name,
        "metadata": [{"key": "IsSynchronizationAgentRequired", "value": "True"}],
    }


def new_job(template_id: str, domain: str) -> Document:
    """A job that was never started, without its id."""
    return {
        "templateId": template_id,
        "schedule": {"expiration": None, "interval": _NO_INTERVAL, "state": "Disabled"},
        "status": {
            "code": "NotConfigured",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": None,
            "lastSuccessfulExecution": None,
            "lastSuccessfulExecutionWithExports": None,
            "progress": [],
            "quarantine": None,
            "steadyStateFirstAchievedTime": NEVER,
            "steadyStateLastAchievedTime": NEVER,
            "synchronizedEntryCountByType": [],
            "troubleshootingUrl": None,
        },
        "synchronizationJobSettings": settings(domain),
    }


def settings(domain: str, threshold: int = DEFAULT_THRESHOLD) -> list[Document]:
    """synchronizationJobSettings."""
    told: list[Document] = [{"name": "QuarantineTooManyDeletesThreshold", "value": str(threshold)}]
    return [{"name": "Domain", "value": domain}, *told] if domain else told


def secrets(domain: str, *, threshold: int = DEFAULT_THRESHOLD) -> list[Document]:
    """The secrets of a configuration for groups."""
    told = {"Enabled": False, "Recipients": "", "DeleteThresholdEnabled": True, "DeleteThresholdValue": threshold}
    return [secret(DOMAIN, {"domain": domain}), secret(NOTIFICATION, told)]


def secret(key: str, value: Mapping[str, object]) -> Document:
    """One secret: JSON inside of JSON."""
    return {"key": key, "value": json.dumps(value, separators=(",", ":"))}


def read_secret(pairs: Iterable[Mapping[str, object]], key: str) -> Mapping[str, object]:
    """Value of a secret; empty where it is missing or no JSON object."""
    text = next((str(pair.get("value")) for pair in pairs if pair.get("key") == key), "{}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def domain_of(pairs: Iterable[Mapping[str, object]]) -> str:
    """AD domain of a configuration, lower case; empty where none is set."""
    return str(read_secret(pairs, DOMAIN).get("domain") or "").strip().lower()


def app_role(cloud: str = "global") -> Document:
    """The app role that selected groups are assigned to, as the service principal shows it."""
    return {
        "allowedMemberTypes": ["User"],
        "description": "Groups and users to provision",
        "displayName": "User",
        "id": APP_ROLES[cloud],
        "isEnabled": True,
        "origin": "Application",
        "value": None,
    }


def agent_trouble(agents: Sequence[Mapping[str, object]], domain: str) -> str:
    """Why a domain cannot be reached, one of Cloud Sync's error codes; empty where an active agent serves it.

    Source: Microsoft Entra documentation, "Microsoft Entra Cloud Sync error codes and descriptions".
    """
    if not domain:
        return "HybridIdentityServiceInvalidResource"
    serving = [agent for agent in agents if domain in domains_of(agent)]
    if not serving:
        return "HybridIdentityServiceNoAgentsAssigned"
    if not any(agent.get("status") == "active" for agent in serving):
        return "HybridIdentityServiceNoActiveAgents"
    return ""


def domains_of(agent: Mapping[str, object]) -> list[str]:
    """AD domains that an agent serves, lower case."""
    told = agent.get("domains")
    return [str(one).lower() for one in told] if isinstance(told, list | tuple) else []
