"""Rows of the provisioning log, and what a job says of its runs.

Sources: Microsoft Graph documentation, "provisioningObjectSummary resource type", "synchronizationStatus resource
type"; "How to analyze the Microsoft Entra provisioning logs" (names of steps).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from rehearsal.cloud.documents import NEVER
from rehearsal.cloud.on_demand import Result
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import graph_time
from rehearsal.cloud_sync.cycle import EXCEPTION, Run

_STEPS = {
    "create": (("EntryImportAdd", "import"), ("EntrySynchronizationAdd", "matching"), ("EntryExportAdd", "export")),
    "update": (
        ("EntryImportUpdate", "import"),
        ("EntrySynchronizationUpdate", "matching"),
        ("EntryExportUpdate", "export"),
    ),
    "delete": (
        ("EntryImportDelete", "import"),
        ("EntrySynchronizationDelete", "matching"),
        ("EntryExportDelete", "export"),
    ),
    "other": (
        ("EntryImport", "import"),
        ("EntrySynchronizationScoping", "scoping"),
        ("EntrySynchronizationSkip", "export"),
    ),
}
_RETRY = timedelta(hours=1)


def row(
    result: Result,
    *,
    job_id: str,
    principal: Mapping[str, object],
    tenant_id: str,
    cycle_id: str,
    moment: datetime,
    new_id: Callable[[], object] = uuid.uuid4,
) -> dict[str, object]:
    """One row of ``auditLogs/provisioning``."""
    error_information = {
        "errorCode": result.code,
        "reason": result.reason,
        "additionalDetails": None,
        "errorCategory": "nonServiceFailure",
        "recommendedAction": None,
    }
    steps = [
        {
            "name": name,
            "provisioningStepType": kind,
            "status": result.status if kind == "export" else "success",
            "description": result.reason if kind == "export" and result.reason else f"{name} of Group '{result.name}'",
            "details": {"SkipReason": result.code} if kind == "export" and result.status == "skipped" else {},
        }
        for name, kind in _STEPS[result.action]
    ]
    return {
        "id": str(new_id()),
        "activityDateTime": graph_time(moment),
        "changeId": str(new_id()),
        "cycleId": cycle_id,
        "durationInMilliseconds": 0,
        "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
        "jobId": job_id,
        "modifiedProperties": [
            {"displayName": name, "oldValue": before, "newValue": now} for name, before, now in result.changed
        ],
        "provisioningAction": result.action,
        "provisioningStatusInfo": {
            "status": result.status,
            "errorInformation": error_information if result.status == "failure" else None,
        },
        "provisioningSteps": steps,
        "servicePrincipal": {"id": principal.get("id"), "displayName": principal.get("displayName")},
        "sourceIdentity": _identity(result.group_id, result.name, "Group"),
        "sourceSystem": _system("Microsoft Entra ID"),
        "targetIdentity": _identity(result.guid, result.name, "group"),
        "targetSystem": _system("Active Directory"),
        "tenantId": tenant_id,
    }


def _identity(identifier: str, name: str, kind: str) -> dict[str, object]:
    return {"id": identifier, "displayName": name, "identityType": kind, "details": {}}


def _system(name: str) -> dict[str, object]:
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "displayName": name, "details": {}}


def status_after(job: Record, done: Run, *, followed: int, began: datetime, ended: datetime, activity: str) -> Record:
    """``status`` of a job after a run. ``followed``: groups that it has in AD now."""
    present = job["status"]
    status: dict[str, object] = dict(present) if isinstance(present, dict) else {}
    failed = [result for result in done.results if result.status == "failure"]
    written = [result for result in done.results if result.status == "success"]
    references = sum(1 for result in written for name, _, _ in result.changed if name == "member")
    state = "Failed" if done.error else "EntryLevelErrors" if failed else "Succeeded"
    execution: dict[str, object] = {
        "activityIdentifier": activity,
        "countEntitled": done.entitled,
        "countEntitledForProvisioning": done.entitled,
        "countEscrowed": len(failed),
        "countEscrowedRaw": len(failed),
        "countExported": len(written),
        "countExports": len(written),
        "countImported": done.entitled,
        "countImportedDeltas": len(done.results),
        "countImportedReferenceDeltas": references,
        "error": _error(done),
        "state": state,
        "timeBegan": graph_time(began),
        "timeEnded": graph_time(ended),
    }
    status |= {"lastExecution": execution, "code": "Quarantine" if done.error else "Active"}
    failures = status.get("countSuccessiveCompleteFailures")
    if done.error:
        count = failures if isinstance(failures, int) else 0
        return status | {"countSuccessiveCompleteFailures": count + 1, "quarantine": _quarantine(status, done, ended)}
    status |= {"lastSuccessfulExecution": execution, "quarantine": None, "countSuccessiveCompleteFailures": 0}
    if written:
        status["lastSuccessfulExecutionWithExports"] = execution
    if status.get("steadyStateFirstAchievedTime") in (None, NEVER):
        status["steadyStateFirstAchievedTime"] = graph_time(ended)
    status["steadyStateLastAchievedTime"] = graph_time(ended)
    status["synchronizedEntryCountByType"] = [{"key": "Group to group", "value": followed}]
    return status


def _error(done: Run) -> dict[str, object] | None:
    return {"code": done.error[0], "message": done.error[1], "tenantActionable": True} if done.error else None


def _quarantine(status: Record, done: Run, now: datetime) -> dict[str, object]:
    before = status.get("quarantine")
    reason = done.quarantine or EXCEPTION
    same = before if isinstance(before, dict) and before.get("reason") == reason else None
    began = same["currentBegan"] if same else graph_time(now)
    return {
        "currentBegan": began,
        "error": _error(done),
        "nextAttempt": graph_time(now + _RETRY),
        "reason": reason,
        "seriesBegan": same["seriesBegan"] if same else began,
        "seriesCount": (same["seriesCount"] if same else 0) + 1,
    }
