"""The loop that looks at AD and at the job until there is nothing more to wait for; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from runbook_lib.graph.tenant.jobs import JobState, JobStatus

POLL = timedelta(seconds=15)
"""Between two looks at AD."""
RUNNING = frozenset({JobState.ACTIVE, JobState.IN_PROGRESS})
"""States of a job that writes."""
_WHOLE_EVERY = 20
"""Of so many looks one reads the groups whole: every five minutes."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Watched(Generic[_T]):
    """What a watch ended with.

    Attributes:
        seen: Every group, as the last look found it.
        first: The job at the first look.
        status: The job at the last one.
        waited: How long.
        looks: How often.
        cancelled: Whether somebody interrupted it.
    """

    seen: Sequence[_T]
    first: JobStatus
    status: JobStatus
    waited: timedelta
    looks: int
    cancelled: bool = False

    @property
    def job_ran(self) -> bool:
        """Whether a run of the job ended meanwhile."""
        return ran_between(self.first, self.status)


def ran_between(first: JobStatus, then: JobStatus) -> bool:
    """Whether a run of the job ended between two looks; by the service's clock alone."""
    return then.ran is not None and then.ran != first.ran


def watch(
    look: Callable[[bool], Sequence[_T]],
    status: Callable[[], JobStatus],
    settled: Callable[[Sequence[_T], JobStatus, JobStatus], bool],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Callable[[Sequence[_T], JobStatus, timedelta], None],
) -> Watched[_T]:
    """Look until everything is settled, the job stops, or the time is over.

    An interruption (Ctrl-C, "Interrupt the kernel") ends the waiting and nothing else: AD is looked at once more.

    Args:
        look: Looks at AD; told whether what changed since the last look is enough.
        status: Asks for the job.
        settled: Whether there is nothing more to wait for, from what was seen, the job at first and the job now; a look
            that found so is made again, whole.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look what was seen, and how much time is left.

    Raises:
        RunbookError: AD or the job cannot be looked at.
    """
    began = clock()
    until = began + wait
    looks, whole, cancelled = 0, True, False
    first: JobStatus | None = None
    while True:
        seen, now = look(not whole), status()
        first = first or now
        looks += 1
        left = until - clock()
        progress(seen, now, max(left, timedelta(0)))
        over = left <= timedelta(0) or now.state not in RUNNING or settled(seen, first, now)
        if over and whole:
            return Watched(seen, first, now, clock() - began, looks, cancelled)
        if over:
            whole = True
            continue
        try:
            sleep(min(POLL, left).total_seconds())
        except KeyboardInterrupt:
            cancelled, until = True, clock()
        whole = cancelled or looks % _WHOLE_EVERY == 0
