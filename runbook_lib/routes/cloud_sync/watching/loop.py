"""The loop that looks at AD and at the job until there is nothing more to wait for; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.routes.look_until import look_until

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


CLOCKS = timedelta(minutes=2)
"""By how much the service's clock and this machine's may differ."""


def ran_since(status: JobStatus, at: datetime | None) -> bool:
    """Whether the job has ended a run since a change, as far as two clocks can tell.

    Args:
        status: The job.
        at: The last write of the change, UTC, by this machine's clock; None: none is known, so any run counts.
    """
    return status.ran is not None and (at is None or status.ran > at + CLOCKS)


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
    first: JobStatus | None = None

    def both(changed_only: bool) -> tuple[Sequence[_T], JobStatus]:
        nonlocal first
        seen, now = look(changed_only), status()
        first = first or now
        return seen, now

    def over(found: tuple[Sequence[_T], JobStatus]) -> bool:
        seen, now = found
        return now.state not in RUNNING or settled(seen, first or now, now)

    ended = look_until(
        both,
        over,
        whole_every=_WHOLE_EVERY,
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=lambda found, left: progress(*found, left),
    )
    seen, now = ended.seen
    return Watched(seen, first or now, now, ended.waited, ended.looks, ended.cancelled)
