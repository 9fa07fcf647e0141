"""Python commands that tests start begin in a process that has imported everything (Linux; elsewhere nothing changes).

Importing is most of what a kernel or a ``gwb`` costs, and the suite starts hundreds. ``subprocess.Popen`` of
``python -m`` one of ``MODULES`` therefore orders a forked child from ``tests.support.nursery``: kernels of papermill,
``gwb`` commands, rehearsals. Everything else about them is real. Whatever the order cannot tell (other options of
Python, other file descriptors) starts plainly, and so does everything below ``cold()``.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ORDER = struct.Struct("!I")
"""What precedes an order: its length."""
_PADDING = "GWB_NURSERY_PADDING"
"""A variable that makes room for what ``/proc/PID/environ`` of a child shows."""
ROOT = Path(__file__).parents[2]
ABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
MODULES = {
    "ipykernel_launcher": False,
    "nbconvert": True,
    "papermill": True,
    "rehearsal.serve": False,
    "runbook_lib.runner": True,
    "tests.support.commands": True,
    "tests.support.plain": False,
}
"""What starts warm, and whether it may start such a command itself."""
_COLD = "GWB_TESTS_COLD"
"""Set in the environment of everything that is to start plainly."""
_USUAL = {
    "preexec_fn": None,
    "pass_fds": (),
    "startupinfo": None,
    "creationflags": 0,
    "shell": False,
    "gid": None,
    "gids": None,
    "uid": None,
    "umask": -1,
    "process_group": -1,
    "executable": None,
}
_HONOURED = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
"""Variables of Python that a forked child can follow; with another one that differs from ours it starts plainly."""
_Plain = subprocess.Popen
_signature = inspect.signature(_Plain._execute_child) if ABLE else None  # type: ignore[attr-defined]


class Nursery:
    """The other end of a nursery."""

    def __init__(self, orders: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self.orders = orders
        self.process = process
        self.lock = threading.Lock()

    def order(self, order: Mapping[str, object], streams: Sequence[int]) -> tuple[int, int]:
        """Process id of a new child, and the pipe that tells its end.

        Raises:
            OSError: The nursery is gone.
        """
        news, told = os.pipe()
        text = json.dumps(order).encode()
        try:
            with self.lock:
                socket.send_fds(self.orders, [ORDER.pack(len(text))], [*streams, told])
                self.orders.sendall(text)
        finally:
            os.close(told)
        word, _, number = _line(news).partition(" ")
        if word != "pid":
            os.close(news)
            raise OSError(f"the nursery forked no child ({word} {number})")
        return int(number), news

    def end(self) -> None:
        """Give no more orders."""
        self.orders.close()
        if self.process is not None:
            self.process.wait()


def _line(pipe: int) -> str:
    """A line of news, or nothing when there will be none."""
    text = b""
    while not text.endswith(b"\n"):
        more = os.read(pipe, 1)
        if not more:
            break
        text += more
    return text.decode().strip()


_forked: list[Nursery | None] = []
"""In a process that was forked itself: its own nursery, or None where it is to have none."""


def use(orders: socket.socket | None) -> None:
    """Begin commands of this process, which a nursery forked, in the nursery behind ``orders``, or plainly."""
    _forked[:] = [None if orders is None else Nursery(orders)]


def install() -> None:
    """From now on commands of this process begin warm where they can; the nursery starts with the first of them."""
    if ABLE:
        import jupyter_client.launcher

        for module in (subprocess, jupyter_client.launcher):
            module.Popen = WarmPopen  # type: ignore[attr-defined]


@functools.cache
def _own_nursery(_process: int) -> Nursery:
    """A nursery that starts now."""
    mine, its = socket.socketpair()
    with its:
        process = _Plain(
            [sys.executable, "-m", "tests.support.nursery", str(its.fileno()), " " * 4096],
            cwd=ROOT,
            env={**os.environ, _PADDING: " " * 16384, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
        )
    nursery = Nursery(mine, process)
    atexit.register(nursery.end)
    return nursery


@contextlib.contextmanager
def cold() -> Iterator[None]:
    """Inside the block, commands start as a person's do."""
    os.environ[_COLD] = "1"
    try:
        yield
    finally:
        del os.environ[_COLD]


class WarmPopen(_Plain):  # type: ignore[type-arg]
    """A Popen whose process may be a nursery's child: its end is told by a pipe, not by ``waitpid``."""

    _news = -1

    def _execute_child(self, *arguments: Any) -> None:
        assert _signature is not None
        given = _signature.bind(self, *arguments).arguments
        order = _order_of(given)
        nursery = (_forked[0] if _forked else _own_nursery(os.getpid())) if order else None
        if order is None or nursery is None:
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        ends = [given["p2cread"], given["c2pwrite"], given["errwrite"]]
        streams = [number if end == -1 else end for number, end in enumerate(ends)]
        try:
            self.pid, self._news = nursery.order(order, streams)
            self._child_created = True
        finally:
            self._close_pipe_fds(  # type: ignore[attr-defined]
                *(given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite"))
            )

    def _told(self, timeout: float | None) -> bool:
        """Whether the child has ended, waiting for it so long."""
        if self.returncode is None and select.select([self._news], [], [], timeout)[0]:
            word, _, status = _line(self._news).partition(" ")
            # A nursery that has ended took the news with it.
            self.returncode = os.waitstatus_to_exitcode(int(status)) if word == "ended" else -signal.SIGKILL
            os.close(self._news)
        return self.returncode is not None

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._news == -1:
            return super()._internal_poll(*arguments, **options)  # type: ignore[misc,no-any-return]
        self._told(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self._news == -1:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        end = None if timeout is None else time.monotonic() + timeout
        if not self._told(timeout if end is None else max(end - time.monotonic(), 0)):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode


def _order_of(given: Mapping[str, Any]) -> dict[str, object] | None:
    """The order for a nursery that says what Popen was asked for, or None where it cannot."""
    command, environment = given["args"], given["env"]
    environment = os.environ if environment is None else environment
    if not isinstance(command, list) or _COLD in environment or _COLD in os.environ:
        return None
    if any(name in given and given[name] not in (plain, None) for name, plain in _USUAL.items()):
        return None
    if any(os.environ.get(name) != environment.get(name) for name in _python_variables(environment) - _HONOURED):
        return None
    words = [os.fsdecode(word) for word in command]
    warn = []
    while words[1:2] == ["-W"]:
        warn.append(words[2])
        del words[1:3]
    if words[0] != sys.executable or words[1:2] != ["-m"] or words[2] not in MODULES:
        return None
    try:
        return {
            "module": words[2],
            "arguments": words[3:],
            "warn": warn,
            "command": [os.fsdecode(word) for word in command],
            "folder": os.fspath(given["cwd"] or Path.cwd()),
            "environment": dict(environment),
            "new_session": bool(given["start_new_session"]),
            "own_nursery": MODULES[words[2]],
        }
    except (TypeError, ValueError):
        return None


def _python_variables(environment: Mapping[str, str]) -> set[str]:
    return {name for name in {**environment, **os.environ} if str(name).startswith("PYTHON")}
