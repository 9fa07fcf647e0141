"""Work in bulk: many things in parts, and values by the hundred thousand without Python's search for circles.

That search looks through everything that is held again and again while the number of values grows: a third of the
processor's time of a large reading. What is read, joined and planned holds no circles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

_T = TypeVar("_T")


def in_parts(items: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """The items in their order, at most so many at a time; the last part may be shorter, and nothing gives no part."""
    return (items[start : start + most] for start in range(0, len(items), most))


class _Search:
    """The search is one for the whole process: blocks within blocks and in other threads are counted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._blocks = 0
        self._was_on = True

    def stop(self) -> None:
        with self._lock:
            if self._blocks == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._blocks += 1

    def go_on(self) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0 and self._was_on:
                gc.enable()


_search = _Search()


@contextmanager
def many_values() -> Iterator[None]:
    """While the block, or the function that this decorates, runs, nothing looks for circles.

    Where somebody had switched the search off before, it stays off.
    """
    _search.stop()
    try:
        yield
    finally:
        _search.go_on()
