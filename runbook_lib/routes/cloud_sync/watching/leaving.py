"""What becomes of the AD objects of groups that left the scope: watched until the job has run, and reported.

Microsoft's page says that an AD group is deleted when its cloud group is deleted for good, and nothing of one that
leaves the scope ("How provisioning to Active Directory works"). So nothing is expected here, and nothing is an error:
what was there before the change is compared with what is there after a run of the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.errors import AwaitingHandoff
from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.graph.tenant.provisioning_log import LogEntry
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import parent_of, rdn_value
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import NOTHING, Progress, Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.watching.arrivals import progress_text
from runbook_lib.routes.cloud_sync.watching.loop import RUNNING, Watched, ran_between, watch
from runbook_lib.routes.look_until import Ended, watch_interrupted


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """One group that left the scope.

    Attributes:
        group_id: The cloud group.
        display_name: For people.
        before: Its AD object before the change; None where there was none.
        now: Its AD object, looked for by its GUID or anchor; None where it is gone.
    """

    group_id: GroupId
    display_name: str
    before: DirectoryGroup | None
    now: DirectoryGroup | None

    @property
    def unchanged(self) -> bool:
        """Whether its AD object is as it was."""
        return not self.changes

    @property
    def changes(self) -> tuple[Text, ...]:
        """What became of it, a sentence each; empty where it is as it was."""
        before, now = self.before, self.now
        if before is None:
            return (t("An AD object came: {dn}.", dn=printable(now.dn)),) if now else ()
        if now is None:
            return (t("Its AD object is gone."),)
        told = []
        if parent_of(now.dn).casefold() != parent_of(before.dn).casefold():
            told.append(t("Its AD object moved to {dn}.", dn=printable(parent_of(now.dn))))
        if rdn_value(now.dn) != rdn_value(before.dn):
            told.append(t("Its AD object is named {cn} now.", cn=printable(rdn_value(now.dn), limit=80)))
        had, has = set(before.members or ()), set(now.members or ())
        if had != has:
            told.append(
                t(
                    "Members: {added:,} added, {removed:,} removed.",
                    added=len(has - had),
                    removed=len(had - has),
                )
            )
        return tuple(told)


def watch_left(
    look: Callable[[bool], Sequence[LeftGroup]],
    status: Callable[[], JobStatus],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Progress,
) -> Watched[LeftGroup]:
    """Watch until the job has ended a run that came after the change.

    Args:
        look: Looks at AD; told whether what changed since the last look is enough.
        status: Asks for the job.
        wait: How long, at most.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look how many AD objects changed.

    Raises:
        RunbookError: AD or the job cannot be looked at.
    """

    def tell(seen: Sequence[LeftGroup], now: JobStatus, left: timedelta) -> None:
        line = t("AD objects as before; {progress}", progress=progress_text(now, left))
        progress(line, sum(one.unchanged for one in seen), len(seen))

    return watch(
        look,
        status,
        lambda _, first, now: ran_between(first, now),
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=tell,
    )


def end_of_left(watched: Watched[LeftGroup]) -> AwaitingHandoff | None:
    """What a watch means; None where the job has run since the change, or runs no more."""
    if watched.job_ran or watched.status.state not in RUNNING:
        return None
    return not_run_yet(Ended(watched.status, watched.waited, watched.looks, watched.cancelled))


def not_run_yet(ended: Ended[JobStatus]) -> AwaitingHandoff:
    """That the change is carried out, and the job has not run since: what AD holds is not the last word."""
    ran = ended.seen.ran
    last = t("It last ran at {at}.", at=to_the_minute(ran)) if ran else t("It has not run at all.")
    return AwaitingHandoff(
        joined(
            (
                watch_interrupted(cancelled=ended.cancelled),
                t(
                    "The job has not run since the change, after {minutes} min.",
                    minutes=int(ended.waited.total_seconds() // 60),
                ),
                last,
            )
        ),
        code="job-not-run-yet",
        hint=t("Cloud Sync runs every 20 minutes. Run the notebook again under this change id: it looks again."),
        values={"state": ended.seen.state.value},
    )


def what_became(watched: Watched[LeftGroup], log: Mapping[str, LogEntry]) -> Finding:
    """What was seen, as a finding for the record: it says what happened here, not what always happens."""
    seen = watched.seen
    changed = [one for one in seen if not one.unchanged]
    names = [
        t("{name}: {changes}", name=printable(one.display_name, limit=60), changes=joined(one.changes))
        for one in changed[:10]
    ]
    return Finding(
        id="cloud-sync-left-scope",
        severity=Severity.INFO if watched.job_ran else Severity.UNKNOWN,
        seen=joined(
            (
                t(
                    "Of {all} whose scope or mapping changed, {same} with the AD object as before.",
                    all=counted(len(seen), "group"),
                    same=len(seen) - len(changed),
                ),
                joined(names),
                _how_far(watched),
            )
        ),
        expected=t("A run of the job after the change."),
        why=t("No page of Microsoft's says what becomes of these AD objects. This is what became of them here."),
        to_do=t("Delete by hand in AD what is not needed any more; the backup of this record has it.")
        if len(changed) < len(seen)
        else NOTHING,
        source='Microsoft Entra documentation, "How provisioning to Active Directory works"',
        values={
            "groups": [
                {
                    "group_id": one.group_id,
                    "before": one.before.dn if one.before else "",
                    "now": one.now.dn if one.now else "",
                    "log": _logged(log.get(one.group_id)),
                }
                for one in seen
            ],
            "ran": to_the_minute(watched.status.ran) if watched.status.ran else "",
        },
    )


def _how_far(watched: Watched[LeftGroup]) -> Text:
    status = watched.status
    if watched.job_ran and status.ran is not None:
        return t("The job ran at {ran}.", ran=to_the_minute(status.ran))
    if status.state is JobState.NOT_CONFIGURED:
        return t("There is no job any more that writes them.")
    if status.state not in RUNNING:
        return t("The job does not run: it is {state}.", state=status.state.value)
    minutes = int(watched.waited.total_seconds() // 60)
    return t("In {minutes} min the job did not run, so this is not the last word.", minutes=minutes)


def _logged(entry: LogEntry | None) -> str:
    return " ".join(filter(None, (entry.action, entry.status, entry.code))) if entry else ""
