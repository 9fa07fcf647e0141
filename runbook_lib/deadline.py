"""A time and a size for a whole answer, kept where its bytes arrive.

A service that sends one byte a second keeps every single wait short; only the sum tells it from one that works.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from runbook_lib.model.text import NOTHING, Text, t

ANSWER_TIMES = 4
"""A whole answer may take this many times ``cloud_timeout`` or ``dc_timeout``, within which each part has to come."""
_SHORTEST = 0.001
"""Seconds; the least that a socket is given to wait."""

_of_thread = threading.local()


class Limit:
    """The time for one answer, and how many bytes of it came."""

    def __init__(self, seconds: float, largest: int | None, monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self.largest = largest
        self.received = 0
        self._monotonic = monotonic
        self._ends = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; none when negative."""
        return self._ends - self._monotonic()

    @property
    def over(self) -> Text:
        """Which limit was met, to follow the name of the service; empty: none."""
        if self.largest is not None and self.received > self.largest:
            return t("answered with more than {size} MB", size=self.largest // (1024 * 1024))
        if self.left > 0:
            return NOTHING
        return t("did not finish its answer within {seconds:.0f} seconds", seconds=self.seconds)


@contextmanager
def within(
    seconds: float, *, largest: int | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[Limit]:
    """While the block runs, everything that this thread receives over a ``Limited`` socket has to come in this time."""
    outer = getattr(_of_thread, "limit", None)
    _of_thread.limit = limit = Limit(seconds, largest, monotonic)
    try:
        yield limit
    finally:
        _of_thread.limit = outer


class Allowance:
    """The time for a whole job of several steps; each step runs in a thread that is left behind when the time is over.

    Args:
        seconds: From now on.
        monotonic: Seconds that only grow.
    """

    _LOOKS = 0.2
    """Seconds between two looks: Ctrl-C is heard in between, on Windows too."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._ends = monotonic() + seconds
        self.over = False
        """Whether a step was left behind or not begun."""

    def run(self, step: Callable[[], object]) -> object:
        """What ``step`` returns or raises.

        Raises:
            TimeoutError: The time was over before it ended, or before it began.
        """
        found: list[object] = []
        raised: list[BaseException] = []

        def keep() -> None:
            try:
                found.append(step())
            except BaseException as error:  # noqa: BLE001 - it is raised where the step was asked for
                raised.append(error)

        self.over = self.over or self._monotonic() >= self._ends
        if not self.over:
            thread = threading.Thread(target=keep, daemon=True)
            thread.start()
            try:
                while thread.is_alive() and (left := self._ends - self._monotonic()) > 0:
                    thread.join(min(left, self._LOOKS))
            finally:  # also where Ctrl-C came: the step goes on then
                self.over = thread.is_alive()
        if self.over:
            raise TimeoutError
        if raised:
            raise raised[0]
        return found[0]


class Limited:
    """What a class of sockets takes on, before its own class, to keep the limit of ``within``."""

    def recv(self, *arguments: Any, **named: Any) -> bytes:
        """As the socket's; TimeoutError when the time is over."""
        data: bytes = self._kept(super().recv, arguments, named, len)  # type: ignore[misc]
        return data

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """As the socket's, in bytes; TimeoutError when the time is over."""
        count: int = self._kept(super().recv_into, arguments, named, int)  # type: ignore[misc]
        return count

    def _kept(self, receive: Any, arguments: Any, named: Any, size: Callable[[Any], int]) -> Any:
        limit: Limit | None = getattr(_of_thread, "limit", None)
        if limit is None:
            return receive(*arguments, **named)
        if why := limit.over:
            raise TimeoutError(why)
        left, usual = limit.left, self.gettimeout()  # type: ignore[attr-defined]
        if usual is not None and usual <= left:
            found = receive(*arguments, **named)
        else:
            # The time may be over since the look above: a socket takes no negative time, and with zero it never waits.
            self.settimeout(max(left, _SHORTEST))  # type: ignore[attr-defined]
            try:
                found = receive(*arguments, **named)
            finally:
                self.settimeout(usual)  # type: ignore[attr-defined]
        limit.received += size(found)
        return found
