"""What a change of the source of authority asks of the tenant beside the inventory, and how it is asked for.

Where groups keep their distinguished name (a directory extension), which job of Cloud Sync fills it, what Connect Sync
says of itself, in which catalogs of entitlement management groups are, and who their source of authority is now.

Sources: Microsoft Graph documentation, "List applications", "List extensionProperties (directory extensions)", "Get
onPremisesSyncBehavior", "List catalogs", "List resources" (accessPackageCatalog); Microsoft Entra documentation,
"Preserve a group's organizational unit and name when you convert Source of Authority".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.bulk import in_parts
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import or_unreadable
from runbook_lib.graph.rows import flag_of, object_of, row_id, text_of
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobKind
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.graph.tenant.read import read_connect_configuration, report_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import Tenant
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

PROPERTY = "GroupDN"
"""Name of the extension property, as the page has it."""
APPLICATION = "CloudSyncCustomExtensionsApp"
"""Name of the application that Cloud Sync's extension properties belong to."""
AUTHORITIES_AT_ONCE = MOST_IN_BATCH // 2
"""Groups whose source of authority one batch reads."""
_CATALOGS = "/identityGovernance/entitlementManagement/catalogs"


def identifier_uri(tenant_id: str) -> str:
    """Identifier URI of the application in a tenant."""
    return f"api://{tenant_id}/{APPLICATION}"


def extension_name(app_id: str) -> str:
    """Full name of the property on groups: ``extension_<application id without hyphens>_GroupDN``."""
    return f"extension_{app_id.replace('-', '').lower()}_{PROPERTY}"


@dataclass(frozen=True, slots=True)
class GroupDnExtension:
    """The directory extension that holds the distinguished name of groups, as far as it exists; empty: it does not.

    Attributes:
        uri: Identifier URI of its application.
        application: Object id of the application.
        app_id: Its application (client) id.
        service_principal: Id of its service principal.
        property_id: Id of the extension property.
    """

    uri: str
    application: str = ""
    app_id: str = ""
    service_principal: str = ""
    property_id: str = ""

    @property
    def name(self) -> str:
        """Full name of the property on groups; empty without the application."""
        return extension_name(self.app_id) if self.app_id else ""

    @property
    def complete(self) -> bool:
        """Whether application, service principal and property are there."""
        return bool(self.application and self.service_principal and self.property_id)


@dataclass(frozen=True, slots=True)
class InboundJob:
    """The job of Cloud Sync that synchronizes groups of the domain to Microsoft Entra ID, with its whole schema."""

    address: ConfigurationAddress
    configuration: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuthorityNow:
    """Who decides about a group at this moment.

    Attributes:
        cloud_managed: ``onPremisesSyncBehavior.isCloudManaged``.
        synchronized: ``onPremisesSyncEnabled``; None is null.
    """

    cloud_managed: bool
    synchronized: bool | None


def read_extension(client: GraphClient, uri: str) -> GroupDnExtension:
    """The extension of Cloud Sync's own application, as far as it exists.

    Args:
        client: Graph.
        uri: Identifier URI of the application (``identifier_uri``).

    Raises:
        NoAccess: Applications may not be read.
        Refused: Several applications have the identifier URI (``several-extension-applications``).
        ServiceFailed: Graph does not answer.
    """
    upper = f"API{uri[3:]}"
    wanted = {"$filter": f"identifierUris/any(u:u eq '{uri}') or identifierUris/any(u:u eq '{upper}')"}
    found = {row_id(row): row for row in client.rows("/applications", {**wanted, "$select": "id,appId"})}
    if len(found) > 1:
        raise Refused(
            t("{count} applications have the identifier URI {uri}.", count=len(found), uri=uri),
            code="several-extension-applications",
            hint=t("Look at them in the Entra admin center: Cloud Sync uses one."),
        )
    if not found:
        return GroupDnExtension(uri)
    application, row = next(iter(found.items()))
    app_id = text_of(row, "appId") or ""
    principals = client.rows("/servicePrincipals", {"$filter": f"appId eq '{app_id}'", "$select": "id"})
    properties = client.rows(f"/applications/{application}/extensionProperties", {})
    name = extension_name(app_id).casefold()
    own = next((one for one in properties if (text_of(one, "name") or "").casefold() == name), None)
    return GroupDnExtension(
        uri, application, app_id, next((row_id(one) for one in principals), ""), row_id(own) if own else ""
    )


def read_group_values(client: GraphClient, extension: str) -> dict[str, str]:
    """Group id, lower case, to the value of an extension property, for every group of the tenant that has one.

    Raises:
        NoAccess: Groups may not be read.
        GraphRejected: There is no such property.
        ServiceFailed: Graph does not answer.
    """
    rows = client.rows("/groups", {"$select": f"id,{extension}", "$top": "999"})
    return {row_id(row): value for row in rows if (value := text_of(row, extension))}


def inbound_job(client: GraphClient, found: CloudSync, domain: str) -> InboundJob | None:
    """The job that synchronizes the groups of an AD domain to the tenant; None: Cloud Sync has none for it.

    Raises:
        Refused: Several jobs do (``several-inbound-jobs``).
        NoAccess, ServiceFailed: Its schema cannot be read.
    """
    jobs = [job for job in found.jobs if job.kind is JobKind.FROM_AD and _serves(job, domain)]
    if not jobs:
        return None
    if len(jobs) > 1:
        raise Refused(
            t("{count} Cloud Sync jobs synchronize {domain} to Microsoft Entra ID.", count=len(jobs), domain=domain),
            code="several-inbound-jobs",
            hint=t("A domain has one configuration in that direction: look at them in the Entra admin center."),
            values={"jobs": [job.id for job in jobs]},
        )
    address = ConfigurationAddress(jobs[0].service_principal, jobs[0].id)
    return InboundJob(address, jobs[0].configuration, client.get(address.schema))


def _serves(job: CloudSyncJob, domain: str) -> bool:
    """By the domain of its settings; a configuration is named after the domain where they name none."""
    return (job.domain or job.configuration).strip().lower() == domain.lower()


def read_connect(client: GraphClient, tenant: Tenant, *, as_app: bool) -> ConnectReport | Unreadable:
    """What Connect Sync reported about itself (beta, for people only), or why that cannot be read."""
    return or_unreadable(
        "connect",
        lambda: report_of(read_connect_configuration(client, tenant)),
        for_people_only=True,
        as_app=as_app,
    )


def read_catalogs(client: GraphClient, groups: Collection[str]) -> Mapping[str, tuple[str, ...]] | Unreadable:
    """Group id to the names of the catalogs of entitlement management that it is in: access packages draw on them.

    Raises:
        NoAccess: Sign-in, or the connection, fails as such.
    """

    def read() -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for catalog in client.rows(_CATALOGS, {"$select": "id,displayName"}):
            name = text_of(catalog, "displayName") or row_id(catalog)
            for resource in client.rows(f"{_CATALOGS}/{row_id(catalog)}/resources", {}):
                origin = (text_of(resource, "originId") or "").lower()
                if text_of(resource, "originSystem") == "AadGroup" and origin in groups:
                    found.setdefault(origin, set()).add(name)
        return {group: tuple(sorted(names)) for group, names in found.items()}

    return or_unreadable("catalogs", read)


class Authorities:
    """Who decides about some groups now; read once, and kept up to date by whoever changes it."""

    def __init__(self, client: GraphClient, groups: Sequence[str]) -> None:
        self._client = client
        self._groups = groups
        self._known: dict[str, AuthorityNow] = {}

    def of(self, group: str) -> AuthorityNow:
        """Who decides about one of them; that of some groups after it is read with it.

        Raises:
            RunbookError: It cannot be read.
        """
        if group not in self._known:
            at = self._groups.index(group)
            self._known |= read_authority(self._client, self._groups[at : at + AUTHORITIES_AT_ONCE])
        return self._known[group]

    def changed(self, group: str, managed: bool) -> None:
        """Somebody else decides about a group now; synchronized is it only after the next synchronization."""
        self._known[group] = AuthorityNow(managed, None)

    def forget(self) -> None:
        """Drop what was read."""
        self._known.clear()


def read_authority(client: GraphClient, groups: Sequence[str]) -> dict[str, AuthorityNow]:
    """Who decides about each group now: two requests a group, in batches.

    Raises:
        RunbookError: One of them cannot be read.
    """
    found: dict[str, AuthorityNow] = {}
    for some in in_parts(groups, AUTHORITIES_AT_ONCE):
        paths = [f"/groups/{one}/onPremisesSyncBehavior" for one in some] + [f"/groups/{one}" for one in some]
        answers = client.objects(paths)
        read = []
        for answer in answers:
            if isinstance(answer, RunbookError):
                raise answer
            read.append(answer)
        for number, group in enumerate(some):
            behavior, row = read[number], read[number + len(some)]
            inner = object_of(behavior, "value") or behavior
            found[group] = AuthorityNow(bool(flag_of(inner, "isCloudManaged")), flag_of(row, "onPremisesSyncEnabled"))
    return found
