"""Contoso's Cloud Sync configuration for groups, as Microsoft Graph shows it: job, schema, assignments, log.

Further configurations can be added, of each kind that a tenant may hold: which application template they were made of
is not documented, so a client has to find all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rehearsal.cloud import documents
from rehearsal.cloud.configurations import AD_TO_CLOUD, GROUPS_TO_AD
from rehearsal.cloud.on_demand import Result
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.from_ad import FROM_AD
from rehearsal.cloud_sync.log import row
from rehearsal.cloud_sync.tenant import Sent, keep_sent, tenant_of
from rehearsal.cloud_sync.wanted import wanted_of
from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.directory import DirectoryIndex
from rehearsal.contoso.specification import GroupSpecification, Writer

TEMPLATE = documents.GROUPS_TO_AD
EXCHANGE_TEMPLATE = "AAD2ADExchangeHybridWriteback"
APPLICATION_TEMPLATE, FROM_AD_APPLICATION_TEMPLATE = GROUPS_TO_AD, AD_TO_CLOUD


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
        "Cloud Sync from AD", "from-ad.contoso.com", FROM_AD_APPLICATION_TEMPLATE, FROM_AD, into_ad=False
    ),
    "from-own-ad": Configuration(
        "Cloud Sync from Contoso's AD", names.DOMAIN, FROM_AD_APPLICATION_TEMPLATE, FROM_AD, into_ad=False
    ),
}
"""Configurations that a rehearsal can be given beside its own."""
PRINCIPAL_ID, JOB_ID = CONTOSO.principal_id, CONTOSO.job_id
RULE_ID = names.guid("rule of Cloud Sync")
_STEADY = "2026-05-04T06:20:00Z"
_WRITTEN = "2026-09-14T06:{minute:02}:00Z"


def add_configuration(store: CloudStore, kind: str) -> str:
    """Add a further configuration to the tenant, one of ``KINDS``; returns the id of its job.

    Raises:
        KeyError: There is no such kind.
    """
    return _add(store, KINDS[kind], 0)


def _add(store: CloudStore, configuration: Configuration, groups: int) -> str:
    application = names.guid(f"application of {configuration.key}")
    principal = configuration.principal_id
    common: dict[str, object] = {
        "appId": application,
        "applicationTemplateId": configuration.application_template,
        "appRoles": [documents.app_role()],
        "displayName": configuration.domain,
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
    }
    store.add("applications", {**common, "id": names.guid(f"application object of {configuration.key}")})
    store.add_service_principal(
        {
            **common,
            "id": principal,
            "accountEnabled": True,
            "appDisplayName": configuration.domain,
            "appOwnerOrganizationId": names.TENANT_ID,
            "servicePrincipalNames": [application],
            "servicePrincipalType": "Application",
        }
    )
    owned = {"servicePrincipalId": principal}
    # Several configurations are of one template, so its id alone would not do as key.
    template = {"id": configuration.template, **documents.template(configuration.template, application), **owned}
    store.table("job_templates")[f"{principal}/{configuration.template}"] = template
    store.add("jobs", {"id": configuration.job_id, **_job(configuration, groups), **owned})
    store.add("secrets", {"id": principal, "value": documents.secrets(configuration.domain)})
    for identifier in (configuration.template, configuration.job_id):
        if identifier not in store.table("schemas"):
            container = f'"{names.CLOUD_SYNC_OU}"'
            if identifier == configuration.template:
                container = documents.default_container("")
            store.add("schemas", {**_schema(configuration, container), "id": identifier})
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
    _steady(store, index, everything)
    for minute, group in enumerate(written):
        guid = index.groups[group.key].guid if group.key in index.groups else ""
        store.add("provisioning", _row(group, minute, guid))
    out_of_scope = next(group for group in every_group() if group.key == "vpn-users")
    store.add("provisioning", _row(out_of_scope, len(written), "", error="MissingMembersInTarget"))


def _steady(store: CloudStore, index: DirectoryIndex, groups: Sequence[GroupSpecification]) -> None:
    """Remember that the job has sent its groups, so that its next run sends what changes from here on and no more."""
    tenant = tenant_of(store, JOB_ID)
    guids = {names.group_id(key): identity.guid for key, identity in index.groups.items()}
    for group in groups:
        if group.key in index.groups:
            wanted = wanted_of(tenant, tenant.groups[group.id])
            members = {one: guids[one] for one in wanted.references if one in guids}
            sent = Sent(index.groups[group.key].guid, wanted.cn, wanted.container, wanted.values, members)
            keep_sent(store, JOB_ID, group.id, sent)


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
        "synchronizationJobSettings": documents.settings(configuration.domain),
    }


def _schema(configuration: Configuration, container: str) -> dict[str, object]:
    if configuration.template == FROM_AD:
        return documents.schema_from_ad(RULE_ID)
    if not configuration.into_ad:
        return {"synchronizationRules": [], "version": "1"}
    return documents.schema_of_groups(RULE_ID, container)


def _assignment(group: GroupSpecification) -> dict[str, object]:
    return {
        "id": names.guid(f"assignment {group.key}"),
        "appRoleId": documents.APP_ROLES["global"],
        "createdDateTime": _STEADY,
        "principalDisplayName": group.name,
        "principalId": group.id,
        "principalType": "Group",
        "resourceDisplayName": names.DOMAIN,
        "resourceId": PRINCIPAL_ID,
    }


def _row(group: GroupSpecification, minute: int, guid: str, *, error: str = "") -> dict[str, object]:
    result = Result(
        group.id,
        group.name,
        "create",
        "failure" if error else "success",
        guid,
        (("displayName", None, group.name),),
        error,
        "A member of the group has no object in Active Directory." if error else "",
    )
    identifiers = iter((names.guid(f"provisioning {group.key}"), names.guid(f"change {group.key}")))
    shown = row(
        result,
        job_id=JOB_ID,
        principal={"id": PRINCIPAL_ID, "displayName": names.DOMAIN},
        tenant_id=names.TENANT_ID,
        cycle_id=names.guid("cycle of Cloud Sync"),
        moment=datetime.fromisoformat(_WRITTEN.format(minute=minute)),
        new_id=lambda: next(identifiers),
    )
    return {**shown, "durationInMilliseconds": 2310}
