"""Looking until something is so or the time is over, whoever brings it about; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from runbook_lib.model.text import NOTHING, Text, t

POLL = timedelta(seconds=15)
"""Between two looks at AD."""
_Seen = TypeVar("_Seen")


def watch_interrupted(*, cancelled: bool) -> Text:
    """The beginning of what is said of a watch that somebody interrupted; nothing of any other."""
    return t("Watching was interrupted.") if cancelled else NOTHING


@dataclass(frozen=True, slots=True)
class Ended(Generic[_Seen]):
    """What looking ended with.

    Attributes:
        seen: By the last look.
        waited: How long.
        looks: How often.
        cancelled: Whether somebody interrupted it.
    """

    seen: _Seen
    waited: timedelta
    looks: int
    cancelled: bool


def look_until(
    look: Callable[[bool], _Seen],
    over: Callable[[_Seen], bool],
    *,
    whole_every: int,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Callable[[_Seen, timedelta], None],
) -> Ended[_Seen]:
    """Look until it is over or the time is; an interruption ends the waiting, and it is looked once more.

    Args:
        look: Looks; told whether what changed since the last look is enough.
        over: Whether there is nothing more to wait for; a look that found so is made again, whole.
        whole_every: Of so many looks one is whole.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look what was seen, and how much time is left.

    Raises:
        RunbookError: It cannot be looked at.
    """
    began = clock()
    until = began + wait
    looks, whole, cancelled = 0, True, False
    slept = timedelta(0)
    while True:
        seen = look(not whole)
        looks += 1
        # A clock that is set back must not make the wait longer.
        left = min(until - clock(), wait - slept)
        progress(seen, max(left, timedelta(0)))
        ends = left <= timedelta(0) or over(seen)
        if ends and whole:
            return Ended(seen, max(clock() - began, slept), looks, cancelled)
        if ends:
            whole = True
            continue
        pause = min(POLL, left)
        try:
            sleep(pause.total_seconds())
            slept += pause
        except KeyboardInterrupt:
            cancelled, wait = True, slept
        whole = cancelled or looks % whole_every == 0
