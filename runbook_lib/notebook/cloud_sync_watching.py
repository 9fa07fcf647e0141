"""After the writes of the route cloud-sync: AD and the job are watched, the provisioning log is kept as evidence."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from runbook_lib.change.journal import JournalFile
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, read_status
from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.graph.tenant.provisioning_log import LogEntry, read_provisioning_log
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import GroupId
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.way import ReadBack
from runbook_lib.routes.cloud_sync.watching.arrivals import WatchedGroups, end_of_watch, watch_arrivals
from runbook_lib.routes.cloud_sync.watching.leaving import LeftGroup, watch_left, what_became
from runbook_lib.routes.cloud_sync.watching.log_evidence import LOG_FILE, log_table, log_unread
from runbook_lib.shown.cloud_sync import arrivals_view, left_view, log_view

_LOOKS_BACK = timedelta(hours=2)
"""How far a run that sent nothing itself looks back in the log: six runs of the job."""
_CLOCKS = timedelta(minutes=2)
"""By how much the service's clock and this machine's may differ."""


class Watching:
    """What a run looks at when its requests are sent."""

    def __init__(self, context: RunContext, present: WatchedGroups, address: ConfigurationAddress) -> None:
        self._context = context
        self._present = present
        self._address = address

    def arrivals(
        self, chosen: Sequence[PredictedGroup], chain: Sequence[JournalFile], stays: Mapping[str, frozenset[str]]
    ) -> ReadBack:
        """Watch until every chosen group is as predicted, but for members that are known to stay, or the time is over.

        Raises:
            NoAccess, ServiceFailed: AD or the job cannot be looked at.
        """
        context = self._context
        watched = watch_arrivals(
            lambda changed_only: self._present.look(chosen, stays, changed_only=changed_only),
            self._status,
            wait=self._wait,
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Cloud Sync")),
        )
        log = self._log({group.group_id for group in chosen}, chain)
        return ReadBack(arrivals_view(watched.seen, log), end_of_watch(watched, log))

    def left(
        self,
        groups: Mapping[GroupId, str],
        before: Mapping[str, DirectoryGroup],
        chain: Sequence[JournalFile],
        *,
        job_is_gone: bool = False,
    ) -> ReadBack:
        """Watch what becomes of the AD objects of groups that left the scope, until the job has run.

        Args:
            groups: Those that left, with their display names.
            before: Their AD objects before the change.
            chain: Journals of the change.
            job_is_gone: The change removed it: nothing is waited for.

        Raises:
            NoAccess, ServiceFailed: AD or the job cannot be looked at.
        """
        context = self._context

        was: dict[str, DirectoryGroup | None] = {key: before.get(key) for key in groups}

        def look(changed_only: bool) -> list[LeftGroup]:
            now = self._present.now(was, changed_only=changed_only)
            return [LeftGroup(key, name, was[key], now[key]) for key, name in groups.items()]

        watched = watch_left(
            look,
            (lambda: JobStatus(JobState.NOT_CONFIGURED)) if job_is_gone else self._status,
            wait=self._wait,
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Cloud Sync")),
        )
        log = self._log(groups, chain)
        finding = what_became(watched, log)
        context.note(finding)
        return ReadBack(left_view(watched.seen, finding, log), None)

    def _status(self) -> JobStatus:
        return read_status(self._context.connect_graph(), self._address)

    @property
    def _wait(self) -> timedelta:
        return timedelta(minutes=self._context.parameters.cloud_sync_wait)

    def _log(self, groups: Collection[str], chain: Sequence[JournalFile]) -> dict[str, LogEntry]:
        """Keep the rows about these groups in the record; the last one about each, by its id."""
        context = self._context
        since = _begun(chain) or context.clock() - _LOOKS_BACK
        read = read_provisioning_log(context.connect_graph(), self._address.job_id, since - _CLOCKS)
        if isinstance(read, Unreadable):
            context.note(log_unread(read))
            return {}
        entries = [entry for entry in read.entries if entry.group_id in groups]
        context.record.folder.write_csv(LOG_FILE, log_table(entries))
        context.show(log_view(entries, cut=read.cut))
        return {entry.group_id: entry for entry in entries}


def _begun(chain: Sequence[JournalFile]) -> datetime | None:
    """When the first journal of a change was opened, UTC."""
    return datetime.fromisoformat(str(chain[0].opened["at"])) if chain else None
