"""The provisioning log: what Cloud Sync says that it did with single groups, read for the time of one run.

Of a row only what proves something is taken: when, which group, what was done, with which result and why. Values of
attributes, members and whoever set it off stay outside: the names of what changed are enough.

Sources: Microsoft Graph documentation, "List provisioningObjectSummary" ($filter with eq, gt, lt; permissions
AuditLog.Read.All and Directory.Read.All together), "provisioningObjectSummary resource type". That ``jobId`` can be
filtered by is what Microsoft's module MSIdentityTools does (Get-MsIdProvisioningLogStatistics); where a tenant refuses
it, rows are chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.graph.errors import GraphRejected, or_unreadable
from runbook_lib.graph.rows import Row, moment_of, object_of, objects_of, text_of, wrong_value
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

LOG_PATH = "/auditLogs/provisioning"
LOG_PERMISSIONS = ("AuditLog.Read.All", "Directory.Read.All")
"""Both are needed, for an app and for a person ("List provisioningObjectSummary")."""
LOG_PAGES = 20
"""Pages of 1,000 rows that one reading takes; five requests of the logs are allowed in ten seconds."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What was done with one group.

    Attributes:
        at: When, UTC.
        group_id: The cloud group, lower case; empty where the row names none.
        name: Its display name as the log has it; hostile.
        target: Id of the AD object as the log has it; empty for none.
        action: ``create``, ``update``, ``delete``, ``other`` … as the log has it.
        status: ``success``, ``failure``, ``skipped`` or ``warning``.
        code: Error code, or reason to skip; empty for none.
        message: The same in the service's words; empty for none.
        changed: Names of the attributes that changed, sorted, each once.
    """

    at: datetime
    group_id: str
    name: str
    target: str
    action: str
    status: str
    code: str = ""
    message: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvisioningLog:
    """Rows about groups, oldest first; ``cut`` says that there are more than were read."""

    entries: tuple[LogEntry, ...]
    cut: bool = False


def read_provisioning_log(client: GraphClient, job_id: str, since: datetime) -> ProvisioningLog | Unreadable:
    """What one job did with groups since then, or why that could not be read.

    Args:
        client: Graph.
        job_id: The job.
        since: UTC.

    Raises:
        NoAccess: Sign-in or the connection as such fails.
    """
    return or_unreadable("provisioning_log", lambda: _read(client, job_id, since))


def _read(client: GraphClient, job_id: str, since: datetime) -> ProvisioningLog:
    after = " ".join(("activityDateTime", "gt", iso_seconds(since)))
    quoted = job_id.replace("'", "''")
    try:
        return _pages(client, f"jobId eq '{quoted}' and {after}", job_id, since)
    except GraphRejected:
        return _pages(client, after, job_id, since)


def _pages(client: GraphClient, wanted: str, job_id: str, since: datetime) -> ProvisioningLog:
    found: list[LogEntry] = []
    seen: set[str] = set()
    for number, page in enumerate(client.pages(LOG_PATH, {"$filter": wanted}), start=1):
        # A log that grows while it is read repeats rows of one page on the next.
        rows = [row for row in objects_of(page, "value") if (text_of(row, "id") or "") not in seen]
        seen |= {found_id for row in rows if (found_id := text_of(row, "id"))}
        found += _entries(rows, job_id, since)
        if number == LOG_PAGES and page.get("@odata.nextLink"):
            return ProvisioningLog(_sorted(found), cut=True)
    return ProvisioningLog(_sorted(found))


def _sorted(entries: list[LogEntry]) -> tuple[LogEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.at, entry.group_id, entry.action)))


def _entries(rows: Sequence[Row], job_id: str, since: datetime) -> Iterator[LogEntry]:
    for row in rows:
        source, at = object_of(row, "sourceIdentity"), moment_of(row, "activityDateTime")
        if at is None:
            raise wrong_value(row, "activityDateTime", t("a moment"))
        if text_of(row, "jobId") != job_id or at < since:
            continue
        if (text_of(source, "identityType") or "group").casefold() != "group":
            continue
        yield _entry(row, source, at)


def _entry(row: Row, source: Row, at: datetime) -> LogEntry:
    told = object_of(row, "provisioningStatusInfo")
    error = object_of(told, "errorInformation")
    status = (text_of(told, "status") or "").casefold()
    skipped, why = _skipped(row) if status == "skipped" else ("", "")
    return LogEntry(
        at=at,
        group_id=(text_of(source, "id") or "").lower(),
        name=text_of(source, "displayName") or "",
        target=text_of(object_of(row, "targetIdentity"), "id") or "",
        action=(text_of(row, "provisioningAction") or "").casefold(),
        status=status,
        code=text_of(error, "errorCode") or skipped,
        message=text_of(error, "reason") or why,
        changed=tuple(sorted({text_of(one, "displayName") or "" for one in objects_of(row, "modifiedProperties")})),
    )


def _skipped(row: Row) -> tuple[str, str]:
    """Why nothing was done: ``SkipReason`` of the step that says so, and its description."""
    for step in objects_of(row, "provisioningSteps"):
        if reason := text_of(object_of(step, "details"), "SkipReason"):
            return reason, text_of(step, "description") or ""
    return "", ""
