"""After the writes of the route cloud-sync: AD and the job are watched, the provisioning log is kept as evidence."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from runbook_lib.change.journal import JournalFile, journals_of
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
from runbook_lib.routes.cloud_sync.watching.arrivals import WatchedGroups, end_of_watch, progress_text, watch_arrivals
from runbook_lib.routes.cloud_sync.watching.leaving import LeftGroup, end_of_left, not_run_yet, watch_left, what_became
from runbook_lib.routes.cloud_sync.watching.log_evidence import LOG_FILE, log_table, log_unread
from runbook_lib.routes.cloud_sync.watching.loop import CLOCKS, RUNNING, ran_between, ran_since
from runbook_lib.routes.look_until import look_until
from runbook_lib.routes.registry import ROUTES
from runbook_lib.shown.cloud_sync import arrivals_view, job_view, left_view, log_view

_LOOKS_BACK = timedelta(hours=2)
"""How far a run that sent nothing itself looks back in the log: six runs of the job."""


class Watching:
    """What a run looks at when its requests are sent."""

    def __init__(self, context: RunContext, present: WatchedGroups, address: ConfigurationAddress) -> None:
        self._context = context
        self._present = present
        self._address = address

    def arrivals(
        self,
        chosen: Sequence[PredictedGroup],
        chain: Sequence[JournalFile],
        stays: Mapping[str, frozenset[str]],
        *,
        by_job: bool = True,
    ) -> ReadBack:
        """Watch until every chosen group is as predicted, but for members that are known to stay, or the time is over.

        Args:
            chosen: What is predicted.
            chain: Journals of the change; none where nothing was to be written.
            stays: Cloud group id to the GUIDs of members that AD keeps.
            by_job: Whether a run of the job is to bring it; on demand it is there at once.

        Raises:
            NoAccess, ServiceFailed: AD or the job cannot be looked at.
        """
        context = self._context
        earlier = None if chain else self._carried_out_at()

        def ran(first: JobStatus, now: JobStatus) -> bool:
            return not by_job or ran_between(first, now) or (not chain and ran_since(now, earlier))

        watched = watch_arrivals(
            lambda changed_only: self._present.look(chosen, stays, changed_only=changed_only),
            self._status,
            ran=ran,
            wait=self._wait,
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Cloud Sync")),
        )
        log = self._log({group.group_id for group in chosen}, chain)
        end = end_of_watch(watched, log, ran=ran(watched.first, watched.status))
        return ReadBack(arrivals_view(watched.seen, log), end, cancelled=watched.cancelled)

    def left(
        self,
        groups: Mapping[GroupId, str],
        before: Mapping[str, DirectoryGroup],
        chain: Sequence[JournalFile],
        *,
        job_is_gone: bool = False,
    ) -> ReadBack:
        """Watch what becomes of the AD objects of groups whose scope or mapping changed, until the job has run.

        Args:
            groups: These groups, with their display names.
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
        return ReadBack(left_view(watched.seen, finding, log), end_of_left(watched), cancelled=watched.cancelled)

    def again(self) -> ReadBack | None:
        """Look whether the job has run since an earlier run under this change id; None where none wrote anything.

        Raises:
            NoAccess, ServiceFailed: The job cannot be looked at.
        """
        at = self._carried_out_at()
        if at is None:
            return None
        line = ProgressLine(t("Waiting for Cloud Sync"))
        ended = look_until(
            lambda _changed_only: self._status(),
            lambda now: now.state not in RUNNING or ran_since(now, at),
            whole_every=1,
            wait=self._wait,
            clock=self._context.clock,
            sleep=time.sleep,
            progress=lambda now, left: line.show(progress_text(now, left)),
        )
        error = not_run_yet(ended) if ended.seen.state in RUNNING and not ran_since(ended.seen, at) else None
        return ReadBack(job_view(ended.seen, at), error, cancelled=ended.cancelled)

    def _carried_out_at(self) -> datetime | None:
        """When an earlier run under this change id carried its change out at last, UTC; None: none did."""
        folder = self._context.record.folder
        others = (one for one in journals_of(folder.change_folder, ROUTES) if one.run.name != folder.run_id)
        done = [one for one in others if one.carried_out]
        return datetime.fromisoformat(done[-1].last) if done and done[-1].last else None

    def _status(self) -> JobStatus:
        return read_status(self._context.connect_graph(), self._address)

    @property
    def _wait(self) -> timedelta:
        return timedelta(minutes=self._context.parameters.cloud_sync_wait)

    def _log(self, groups: Collection[str], chain: Sequence[JournalFile]) -> dict[str, LogEntry]:
        """Keep the rows about these groups in the record; the last one about each, by its id."""
        context = self._context
        since = _begun(chain) or context.clock() - _LOOKS_BACK
        read = read_provisioning_log(context.connect_graph(), self._address.job_id, since - CLOCKS)
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
