"""Cloud Sync configurations: their jobs, with state, quarantine and scope.

Sources: Microsoft Graph documentation, synchronizationJob, synchronizationStatus, synchronizationSchema; Microsoft
Entra documentation, "How to programmatically configure cloud sync using Microsoft Graph API" (the
application template).
"""

from __future__ import annotations

from urllib.parse import quote

from runbook_lib.graph.rows import Row, flag_of, moment_of, object_of, objects_of, row_id, text_of
from runbook_lib.graph.tenant.parts import CloudSyncJob, JobState, ObjectScope, Quarantine, ScopeClause, Unreadable
from runbook_lib.graph.tenant.unreadable import part
from runbook_lib.graph.transport import GraphClient

TEMPLATE = "1a4721b3-e57f-4451-ae87-ef078703ec94"
"""Application template that every Cloud Sync configuration is made of."""

_PARENT = "parentdistinguishedname"

_STATUS = {
    "active": JobState.ACTIVE,
    "inprogress": JobState.IN_PROGRESS,
    "paused": JobState.PAUSED,
    "quarantine": JobState.QUARANTINE,
    "notrun": JobState.NOT_RUN,
    "notconfigured": JobState.NOT_CONFIGURED,
}
_STOPPED = {"paused": JobState.PAUSED, "disabled": JobState.DISABLED}


def read_cloud_sync(client: GraphClient) -> tuple[CloudSyncJob, ...]:
    """Every job of every configuration, sorted by id."""
    configurations = client.listing(
        "/servicePrincipals",
        {"$filter": f"applicationTemplateId eq '{TEMPLATE}'", "$select": "id,displayName,applicationTemplateId"},
    ).rows
    jobs = [job for row in configurations for job in _jobs(client, row)]
    return tuple(sorted(jobs, key=lambda job: job.id))


def _jobs(client: GraphClient, configuration: Row) -> list[CloudSyncJob]:
    principal = row_id(configuration)
    name = text_of(configuration, "displayName") or ""
    path = f"/servicePrincipals/{principal}/synchronization/jobs"
    rows = client.listing(path).rows
    if not rows:
        return []
    assigned = part(lambda: _assigned(client, principal))
    return [_job(client, path, row, principal, name, assigned) for row in rows]


def _job(
    client: GraphClient, path: str, row: Row, principal: str, name: str, assigned: tuple[str, ...] | Unreadable
) -> CloudSyncJob:
    identifier = text_of(row, "id") or ""
    status = object_of(row, "status")
    state = _state(status, object_of(row, "schedule"))
    return CloudSyncJob(
        id=identifier,
        service_principal=principal,
        configuration=name,
        template=text_of(row, "templateId") or "",
        state=state,
        quarantine=_quarantine(object_of(status, "quarantine")) if state is JobState.QUARANTINE else None,
        last_success=moment_of(object_of(status, "lastSuccessfulExecution"), "timeEnded"),
        scope=part(lambda: _scope(client, f"{path}/{quote(identifier, safe='')}/schema")),
        assigned=assigned,
    )


def _state(status: Row, schedule: Row) -> JobState:
    stopped = _STOPPED.get((text_of(schedule, "state") or "").casefold())
    told = _STATUS.get((text_of(status, "code") or "").casefold(), JobState.UNKNOWN)
    # A job that was stopped keeps the status of its last run, except that quarantine is worth more.
    return told if told is JobState.QUARANTINE or stopped is None else stopped


def _quarantine(row: Row) -> Quarantine:
    return Quarantine(
        reason=text_of(row, "reason") or "",
        since=moment_of(row, "currentBegan"),
        next_attempt=moment_of(row, "nextAttempt"),
        message=text_of(object_of(row, "error"), "message") or "",
    )


def _assigned(client: GraphClient, principal: str) -> tuple[str, ...]:
    rows = client.listing(f"/servicePrincipals/{principal}/appRoleAssignedTo", {"$top": "999"}).rows
    return tuple(sorted({(text_of(row, "principalId") or "").lower() for row in rows} - {""}))


def _scope(client: GraphClient, path: str) -> tuple[ObjectScope, ...]:
    rules = objects_of(client.get(path), "synchronizationRules")
    return tuple(
        ObjectScope(
            source=text_of(mapping, "sourceObjectName") or "",
            target=text_of(mapping, "targetObjectName") or "",
            enabled=flag_of(mapping, "enabled") is not False,
            alternatives=_alternatives(object_of(mapping, "scope")),
            container=_container(mapping),
        )
        for rule in rules
        for mapping in objects_of(rule, "objectMappings")
    )


def _container(mapping: Row) -> str:
    """Constants come in quotes, as expressions do ("Attribute mapping - Microsoft Entra ID to Active Directory")."""
    for attribute in objects_of(mapping, "attributeMappings"):
        if (text_of(attribute, "targetAttributeName") or "").casefold() == _PARENT:
            text = (text_of(object_of(attribute, "source"), "expression") or "").strip()
            whole = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]
            return text[1:-1] if whole else text
    return ""


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
