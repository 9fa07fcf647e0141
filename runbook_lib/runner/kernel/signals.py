"""One event loop per run, in which Ctrl-C and the end of the process are requests, not accidents."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C, a scheduler that stops the job, a closed terminal, Ctrl-Break; each as far as the system has it."""


def run_interruptible(main: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    """Run ``main`` in a new event loop; a signal calls ``stop`` inside that loop, as often as it comes."""

    async def entered() -> None:
        with _signals_to(stop, asyncio.get_running_loop()):
            await main()

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(entered())


@contextmanager
def ending_signals_as_interrupts() -> Iterator[None]:
    """While the block runs, every signal that asks this process to end is what Ctrl-C is: KeyboardInterrupt."""
    _interrupted.clear()
    hook = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is KeyboardInterrupt else hook(dropped)
    try:
        with _handled(_interrupt):
            yield
    finally:
        sys.unraisablehook = hook
        # What ended this block must not end what the same process begins next.
        _interrupted.clear()


def raise_if_interrupted() -> None:
    """For work of several steps: do not begin the next one after a signal.

    Python drops an exception that a signal raises inside a finalizer or a weak reference's callback, so
    KeyboardInterrupt alone can be lost. (Nor is it told on the terminal: the end that follows says it better.)

    Raises:
        KeyboardInterrupt: A signal came since ``ending_signals_as_interrupts`` began.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt


_interrupted = threading.Event()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    signal.default_int_handler(number, frame)


def _new_loop() -> asyncio.AbstractEventLoop:
    """ZeroMQ needs a selector loop, which Windows does not use by itself."""
    return asyncio.SelectorEventLoop() if sys.platform == "win32" else asyncio.new_event_loop()


@contextmanager
def _signals_to(stop: Callable[[], None], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Route signals to ``stop`` while the block runs."""
    with _handled(lambda _number, _frame: loop.call_soon_threadsafe(stop)):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let ``handler`` take the signals while the block runs. Other threads than the main one cannot and do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    earlier = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, action in earlier.items():
            signal.signal(number, action)
