"""Holding a write, so that a test can end the writing process just before it or between it and its answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

When = Literal["before", "after"]


class WriteHolds:
    """Counts the writes that come over LDAP and holds the n-th until it is released or its connection closes.

    Args:
        account: Bind name of the account whose writes count; every account's, where left out.

    ``release`` and ``reset`` may be called from any thread.
    """

    def __init__(self, account: str | None = None) -> None:
        self.account = account
        self.count = 0
        """Writes that have begun since the last reset."""
        self.held = False
        """Whether a write waits now."""
        self._number: int | None = None
        self._when: When = "before"
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._watchers: set[asyncio.Event] = set()

    def hold(self, number: int, when: When) -> None:
        """Hold the write whose count (since the last reset) is ``number``, before or after it takes effect."""
        if when not in {"before", "after"}:
            raise ValueError(when)
        self._number, self._when = number, when

    def release(self) -> None:
        """Let the held write go on; the next ones pass."""
        self._number = None
        if self._waiting is not None:
            loop, event = self._waiting
            loop.call_soon_threadsafe(event.set)

    def reset(self) -> None:
        """Release, and count from zero again."""
        self.release()
        self.count = 0

    def begin(self) -> int:
        """Count a write and return its number."""
        self.count += 1
        return self.count

    async def pause(self, number: int, when: When, closed: asyncio.Event) -> bool:
        """Wait here if this write is the one to hold. False if its connection closed meanwhile."""
        if number != self._number or when != self._when:
            return True
        released = asyncio.Event()
        self._waiting = (asyncio.get_running_loop(), released)
        self._note(held=True)
        waiting = [asyncio.create_task(event.wait()) for event in (released, closed)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            self._note(held=False)
            self._waiting = None
            if self._number == number:
                self._number = None
        return not closed.is_set()

    async def until(self, held: bool, seconds: float) -> bool:
        """Whether a write waits: told as soon as that is ``held``, at the latest after ``seconds``.

        Called in the loop in which writes wait.
        """
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self.held != held:
                        changed.clear()
                        await changed.wait()
        finally:
            self._watchers.discard(changed)
        return self.held

    def _note(self, *, held: bool) -> None:
        self.held = held
        for watcher in self._watchers:
            watcher.set()
