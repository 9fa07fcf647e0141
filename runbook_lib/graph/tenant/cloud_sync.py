"""Cloud Sync: its configurations with their jobs, and the agents that serve them.

A configuration is a service principal with synchronization jobs. Which application template it was made of is not
documented for every kind, so every one that could be a configuration is asked for its jobs, and the job decides: by its
template, or by what its schema maps.

Sources: Microsoft Graph documentation, synchronizationJob, synchronizationStatus, synchronizationSchema; Microsoft
Entra documentation, "How to programmatically configure cloud sync using Microsoft Graph API" (``FROM_AD``); the script
Clone-EntraCloudSyncConfig.ps1 of the public repository thinformatics/thinBlog (``TO_AD``: no page of Microsoft's names
it). Agents: Microsoft Graph documentation (beta), "Get onPremisesPublishingProfile", "onPremisesAgent resource type":
delegated sign-in only. A version of the agent is not among the properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from runbook_lib.bulk import in_parts
from runbook_lib.errors import RunbookError
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import GraphNotFound, or_unreadable
from runbook_lib.graph.rows import Row, flag_of, moment_of, number_of, object_of, objects_of, row_id, text_of
from runbook_lib.graph.tenant.jobs import (
    CloudSync,
    CloudSyncJob,
    JobError,
    JobKind,
    JobState,
    JobStatus,
    ObjectScope,
    Quarantine,
    ScopeClause,
)
from runbook_lib.graph.tenant.parts import Agent, Agents
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.reading import Unreadable

TO_AD = "fb81332f-3eca-4ecf-a939-4278e501d330"
"""Application template that a public script makes configurations for groups to AD of."""
FROM_AD = "1a4721b3-e57f-4451-ae87-ef078703ec94"
"""Application template of configurations from AD; also seen named for the other direction."""
MOST_SEARCHED = 1_000
"""Other service principals from a template that are asked for their jobs; a tenant with more says so."""

_PARENT = "parentdistinguishedname"
_AD_ONLY = frozenset({_PARENT, "msds-externaldirectoryobjectid", "admindescription"})
"""Attributes that a mapping to an Active Directory alone fills."""
_DOMAIN_SETTINGS = ("domain", "domainfqdn")
_COUNTS = "synchronizedEntryCountByType"

_STATUS = {
    "active": JobState.ACTIVE,
    "inprogress": JobState.IN_PROGRESS,
    "paused": JobState.PAUSED,
    "quarantine": JobState.QUARANTINE,
    "notrun": JobState.NOT_RUN,
    "notconfigured": JobState.NOT_CONFIGURED,
}
_STOPPED = {"paused": JobState.PAUSED, "disabled": JobState.DISABLED}


def read_cloud_sync(client: GraphClient) -> CloudSync:
    """Every configuration with its jobs, whatever template it was made of.

    Raises:
        NoAccess: Service principals, or the jobs of a configuration, may not be read.
        ServiceFailed: Graph does not answer, or refuses the jobs of a configuration.
    """
    select = "id,displayName,applicationTemplateId,homepage"
    rows = client.listing("/servicePrincipals", {"$select": select, "$top": "999"}).rows
    sure = [row for row in rows if _is_configuration(row)]
    others = [row for row in rows if text_of(row, "applicationTemplateId") and not _is_configuration(row)]
    jobs = []
    for principal, found in _jobs_of(client, sure):
        if isinstance(found, RunbookError):
            raise found
        jobs += _with_assigned(client, principal, [_job(client, row, principal) for row in found])
    asked = others[:MOST_SEARCHED]
    unread = len(others) - len(asked)
    for principal, found in _jobs_of(client, asked):
        if isinstance(found, RunbookError):
            unread += 1
            continue
        judged = [_job(client, row, principal) for row in found]
        unread += sum(job.kind is JobKind.OTHER and isinstance(job.scope, Unreadable) for job in judged)
        known = [job for job in judged if job.kind is not JobKind.OTHER or job.writes_groups_to_ad]
        jobs += _with_assigned(client, principal, known)
    return CloudSync(tuple(sorted(jobs, key=lambda job: job.id)), len(asked), unread)


def _is_configuration(row: Row) -> bool:
    """By its template, or by the template that its home page names (``metadata=AD2AAD…``)."""
    if (text_of(row, "applicationTemplateId") or "").lower() in (TO_AD, FROM_AD):
        return True
    page = (text_of(row, "homepage") or "").casefold()
    return "metadata=" in page and ("ad2aad" in page or "aad2ad" in page)


def _jobs_of(client: GraphClient, principals: Sequence[Row]) -> list[tuple[Row, list[Row] | RunbookError]]:
    """Each principal with its jobs, or with the refusal; one that is not there has none."""
    found: list[tuple[Row, list[Row] | RunbookError]] = []
    for some in in_parts(principals, MOST_IN_BATCH):
        paths = [_jobs_path(row_id(row)) for row in some]
        for row, path, first in zip(some, paths, client.objects(paths), strict=True):
            if isinstance(first, GraphNotFound):
                found.append((row, []))
            elif isinstance(first, RunbookError):
                found.append((row, first))
            else:
                pages = client.pages_from(first, path)
                found.append((row, [job for page in pages for job in objects_of(page, "value")]))
    return found


def _jobs_path(principal: str) -> str:
    return f"/servicePrincipals/{principal}/synchronization/jobs"


def _with_assigned(client: GraphClient, principal: Row, jobs: Sequence[CloudSyncJob]) -> list[CloudSyncJob]:
    if not jobs:
        return []
    assigned = or_unreadable("assigned", lambda: _assigned(client, row_id(principal)))
    return [replace(job, assigned=assigned) for job in jobs]


def _job(client: GraphClient, row: Row, principal: Row) -> CloudSyncJob:
    """The job, without what is assigned to its service principal."""
    identifier = text_of(row, "id") or ""
    status = object_of(row, "status")
    now = job_status(row)
    owner = row_id(principal)
    schema = f"{_jobs_path(owner)}/{quote(identifier, safe='')}/schema"
    return CloudSyncJob(
        id=identifier,
        service_principal=owner,
        configuration=text_of(principal, "displayName") or "",
        template=text_of(row, "templateId") or "",
        state=now.state,
        quarantine=now.quarantine,
        last_success=moment_of(object_of(status, "lastSuccessfulExecution"), "timeEnded"),
        scope=or_unreadable("scope", lambda: _scope(client, schema)),
        assigned=(),
        domain=_domain(row),
        counts=_counts(status),
        error=now.error,
    )


def _domain(row: Row) -> str:
    """The AD domain among the job's settings, whatever of its names it has been given there."""
    rows = objects_of(row, "synchronizationJobSettings")
    settings = {(text_of(one, "name") or "").casefold(): text_of(one, "value") or "" for one in rows}
    return next((settings[name].strip().lower() for name in _DOMAIN_SETTINGS if settings.get(name)), "")


def _counts(status: Row) -> Mapping[str, int]:
    pairs = ((text_of(one, "key"), number_of(one, "value")) for one in objects_of(status, _COUNTS))
    return {key: value for key, value in pairs if key and value is not None}


def state_of(status: Row, schedule: Row) -> JobState:
    """State of a job, from its ``status`` and its ``schedule``."""
    stopped = _STOPPED.get((text_of(schedule, "state") or "").casefold())
    state = _STATUS.get((text_of(status, "code") or "").casefold(), JobState.UNKNOWN)
    # A job that was stopped keeps the status of its last run, except that quarantine is worth more.
    return state if state is JobState.QUARANTINE or stopped is None else stopped


def job_status(row: Row) -> JobStatus:
    """How a job is now, from the job as Graph shows it."""
    status = object_of(row, "status")
    state = state_of(status, object_of(row, "schedule"))
    last = object_of(status, "lastExecution")
    failed = object_of(last, "error")
    error = JobError(text_of(failed, "code") or "", text_of(failed, "message") or "")
    return JobStatus(
        state=state,
        quarantine=_quarantine(object_of(status, "quarantine")) if state is JobState.QUARANTINE else None,
        error=error if error.code or error.message else None,
        ran=moment_of(last, "timeEnded"),
    )


def _quarantine(row: Row) -> Quarantine:
    return Quarantine(
        reason=text_of(row, "reason") or "",
        since=moment_of(row, "currentBegan"),
        next_attempt=moment_of(row, "nextAttempt"),
        message=text_of(object_of(row, "error"), "message") or "",
        code=text_of(object_of(row, "error"), "code") or "",
    )


def _assigned(client: GraphClient, principal: str) -> tuple[str, ...]:
    rows = client.listing(f"/servicePrincipals/{principal}/appRoleAssignedTo", {"$top": "999"}).rows
    return tuple(sorted({(text_of(row, "principalId") or "").lower() for row in rows} - {""}))


def _scope(client: GraphClient, path: str) -> tuple[ObjectScope, ...]:
    rules = objects_of(client.get(path), "synchronizationRules")
    return tuple(_object_scope(rule, mapping) for rule in rules for mapping in objects_of(rule, "objectMappings"))


def _object_scope(rule: Row, mapping: Row) -> ObjectScope:
    mapped = {
        (text_of(one, "targetAttributeName") or "").casefold(): (text_of(object_of(one, "source"), "expression") or "")
        for one in objects_of(mapping, "attributeMappings")
    }
    target = (text_of(rule, "targetDirectoryName") or "").casefold()
    return ObjectScope(
        source=text_of(mapping, "sourceObjectName") or "",
        target=text_of(mapping, "targetObjectName") or "",
        enabled=flag_of(mapping, "enabled") is not False,
        alternatives=_alternatives(object_of(mapping, "scope")),
        container=_constant(mapped.get(_PARENT, "")),
        # "Active Directory", not "Azure Active Directory"; without a name what it fills tells.
        into_ad=target == "active directory" if target else bool(_AD_ONLY & mapped.keys()),
        mapped=mapped,
    )


def _constant(expression: str) -> str:
    """Constants come in quotes, as expressions do ("Attribute mapping - Microsoft Entra ID to Active Directory")."""
    text = expression.strip()
    whole = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]
    return text[1:-1] if whole else text


def _alternatives(scope: Row) -> tuple[tuple[ScopeClause, ...], ...]:
    return tuple(
        tuple(
            ScopeClause(
                attribute=text_of(clause, "sourceOperandName") or "",
                operator=text_of(clause, "operatorName") or "",
                values=tuple(str(value) for value in _values(object_of(clause, "targetOperand"))),
            )
            for clause in objects_of(group, "clauses")
        )
        for group in objects_of(scope, "groups")
    )


def _values(operand: Row) -> list[object]:
    values = operand.get("values")
    return values if isinstance(values, list) else []


PROFILE = "/onPremisesPublishingProfiles('provisioning')"
_EXPAND = {"$expand": "publishedResources,agents,agentGroups"}


def read_agents(client: GraphClient) -> Agents:
    """Every agent. Who serves which domain is told from both sides of an agent group, whichever the answer shows."""
    row = client.get(PROFILE, _EXPAND, version="beta")
    agents, groups = objects_of(row, "agents"), objects_of(row, "agentGroups")
    resources = objects_of(row, "publishedResources")
    in_groups: dict[str, set[str]] = {_id(agent): _ids(agent, "agentGroups") for agent in agents}
    served: dict[str, set[str]] = {}
    for resource in resources:
        for group in _ids(resource, "agentGroups"):
            served.setdefault(group, set()).add(_served_domain(resource))
    for group_row in groups:
        for agent in _ids(group_row, "agents"):
            in_groups.setdefault(agent, set()).add(_id(group_row))
        for resource in objects_of(group_row, "publishedResources"):
            served.setdefault(_id(group_row), set()).add(_served_domain(resource))
    found = [
        Agent(
            machine=text_of(agent, "machineName") or "",
            status=(text_of(agent, "status") or "").casefold(),
            domains=frozenset().union(*(served.get(group, set()) for group in in_groups[_id(agent)])) - {""},
        )
        for agent in agents
    ]
    return Agents(
        all=tuple(sorted(found, key=lambda agent: agent.machine.casefold())),
        domains=frozenset(map(_served_domain, resources)) - {""},
        assigned=not agents or any(in_groups[_id(agent)] for agent in agents),
    )


def _id(row: Row) -> str:
    return (text_of(row, "id") or "").lower()


def _ids(row: Row, name: str) -> set[str]:
    return {_id(one) for one in objects_of(row, name)} - {""}


def _served_domain(resource: Row) -> str:
    return (text_of(resource, "resourceName") or "").strip().lower()
