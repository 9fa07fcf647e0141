"""Which configuration a run is about, read whole: the one of a domain, the one of a record, or one still to be made."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.cloud_sync.group_dn import extensions_in
from runbook_lib.errors import Refused
from runbook_lib.graph.errors import GraphNotFound, or_unreadable
from runbook_lib.graph.tenant.applications import made_of_template, template_known
from runbook_lib.graph.tenant.authority import read_group_values
from runbook_lib.graph.tenant.cloud_sync import read_agents, read_cloud_sync
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, read_assignments, read_configuration
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobKind
from runbook_lib.graph.tenant.read import is_an_app, read_licences
from runbook_lib.graph.transport import GraphClient
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts
from runbook_lib.routes.cloud_sync.applications.plan_create import documents_of_none
from runbook_lib.routes.cloud_sync.planning import Sides, configuration_of


def sides_of_domain(client: GraphClient, inventory: Inventory, cloud: str, *, may_be_made: bool) -> Sides:
    """The configuration that writes groups to the domain.

    Args:
        client: Of Graph.
        inventory: Both sides.
        cloud: Name of the cloud.
        may_be_made: Where there is none, one that the plan makes takes its place.

    Raises:
        Refused: As ``configuration_of``; several applications are named for the domain and have no job
            (``several-configurations``).
        NoAccess, ServiceFailed: It cannot be read.
    """
    read = read_cloud_sync(client)
    domain = inventory.directory.controller.domain_dns_name.lower()
    try:
        return _sides_of_job(client, inventory, configuration_of(read, domain))
    except Refused as error:
        if not may_be_made or error.code != "no-configuration":
            raise
    return _none_yet(client, inventory, cloud, _without_job(client, read, domain))


def sides_at(client: GraphClient, inventory: Inventory, cloud: str, service_principal: str) -> Sides:
    """The configuration with this service principal, with its job or without; empty: one that is still to be made.

    Raises:
        Refused: It has several jobs for groups (``several-jobs``).
        NoAccess, ServiceFailed: It cannot be read.
    """
    if not service_principal:
        return _none_yet(client, inventory, cloud, "")
    jobs = [
        job
        for job in read_cloud_sync(client).jobs
        if job.service_principal == service_principal and job.kind is JobKind.GROUPS_TO_AD
    ]
    if len(jobs) > 1:
        raise Refused(
            t("The configuration {id} has {count} jobs for groups.", id=service_principal, count=len(jobs)),
            code="several-jobs",
            hint=t("Look at it in the Entra admin center, and remove what is not needed."),
            values={"jobs": [job.id for job in jobs]},
        )
    if jobs:
        return _sides_of_job(client, inventory, jobs[0])
    return _none_yet(client, inventory, cloud, service_principal)


def read_facts(client: GraphClient, cloud: str) -> TenantFacts:
    """What decides whether a configuration can be made.

    Raises:
        NoAccess, ServiceFailed: Configurations cannot be read.
    """
    as_app = is_an_app(client)
    return TenantFacts(
        read=read_cloud_sync(client),
        agents=or_unreadable("agents", lambda: read_agents(client), for_people_only=True, as_app=as_app),
        licences=or_unreadable("licences", lambda: read_licences(client)),
        template_known=template_known(client),
        cloud=cloud,
    )


def with_extension_values(client: GraphClient, sides: Sides, *more: str) -> Sides:
    """The same, with the values of the directory extensions that the mapping reads, and of some more, on each group.

    Raises:
        NoAccess, GraphRejected, ServiceFailed: They cannot be read.
    """
    names = sorted({*extensions_in(expressions_of(sides.documents.schema)), *more})
    if not names:
        return sides
    values = {name: read_group_values(client, name) for name in names}
    cloud = sides.inventory.cloud
    groups = tuple(
        replace(group, extensions=tuple((name, values[name].get(group.id)) for name in names)) for group in cloud.groups
    )
    return replace(sides, inventory=replace(sides.inventory, cloud=replace(cloud, groups=groups)))


def _sides_of_job(client: GraphClient, inventory: Inventory, job: CloudSyncJob) -> Sides:
    return Sides(inventory, job, read_configuration(client, ConfigurationAddress(job.service_principal, job.id)))


def _without_job(client: GraphClient, read: CloudSync, domain: str) -> str:
    """Service principal of an application that was made for a domain and has no job; empty: there is none."""
    busy = {job.service_principal for job in read.jobs}
    idle = [one for one in made_of_template(client, domain) if one.service_principal not in busy]
    if len(idle) > 1:
        ids = ", ".join(one.service_principal for one in idle)
        raise Refused(
            t(
                "{count} applications of Cloud Sync are named {domain} and have no job: {ids}.",
                count=len(idle),
                domain=domain,
                ids=ids,
            ),
            code="several-configurations",
            hint=t("Remove those that are not needed in the Entra admin center, then run again."),
            values={"service_principals": [one.service_principal for one in idle]},
        )
    return idle[0].service_principal if idle else ""


def _none_yet(client: GraphClient, inventory: Inventory, cloud: str, service_principal: str) -> Sides:
    job, documents = documents_of_none(inventory, cloud, service_principal)
    if not service_principal or not documents.role_id:
        return Sides(inventory, job, documents)
    try:
        assigned = read_assignments(client, documents.address, documents.role_id)
    except GraphNotFound:  # made a moment ago: nothing can be assigned yet
        assigned = {}
    return Sides(inventory, *documents_of_none(inventory, cloud, service_principal, assigned))
