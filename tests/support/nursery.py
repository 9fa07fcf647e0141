"""A process that has imported everything, from which Python commands of the tests are forked (Linux).

``python -m tests.support.nursery FD`` reads orders from the socket FD, one at a time: ``ORDER`` (the length of what
follows), JSON, and four file descriptors (stdin, stdout, stderr and a pipe for news of the child). A child says on that
pipe ``pid N``, the nursery ``ended STATUS`` when it is gone. Whoever gives the orders is watched: when that process
has ended, so does the nursery. ``tests.support.warm`` gives them.

A child is what a process of its own would be: session, current folder, environment, streams, arguments, warnings and
random numbers are its own, and ``/proc`` shows its command and environment. A child that may start kernels itself has a
nursery of its own, forked before it runs anything, so that its kernels end with it.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import runpy
import select
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.support import warm
from tests.support.warm import ORDER

_HEAVY = (
    *("papermill.execute", "papermill.cli", "nbclient", "nbconvert.exporters.html", "nbconvert.exporters.notebook"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "ipykernel.pylab.backend_inline"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.extensions.storemagic"),
    *("ipywidgets", "psutil", "sqlite3", "tornado.platform.asyncio", "pygments.formatters.terminal256"),
    *("mistune.plugins.def_list", "mistune.plugins.task_lists", "mistune.plugins.url"),
    *("pandas.io.formats.style", "msal", "msal_extensions", "requests", "ldap3", "jupyter_client.asynchronous"),
    *("cryptography.x509", "cryptography.hazmat.primitives.serialization.pkcs12", "zmq.asyncio", "xlsxwriter"),
)
"""What commands and kernels load of others. A module that is missing is left to the child."""
_OURS = ("runbook_lib", "rehearsal")


@dataclass(frozen=True)
class Order:
    """A Python command to become: ``python [-W option]… -m module argument…``."""

    module: str
    arguments: Sequence[str]
    warn: Sequence[str]
    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    new_session: bool
    own_nursery: bool


def load() -> None:
    """Import what children need."""
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = list(_HEAVY)
        for package in _OURS:
            module = importlib.import_module(package)
            names += [found.name for found in pkgutil.walk_packages(module.__path__, f"{package}.")]
        for name in names:
            if not name.endswith("__main__"):
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
        _compile_templates()
    # It reads its environment when it is imported, so each child imports it anew.
    _forget("ipykernel.kernelapp")
    gc.collect()
    gc.freeze()


def _compile_templates() -> None:
    """Jinja2 compiles a template where it is first asked for: a tenth of what the kernel of a short run does."""
    from runbook_lib.record.page import environment

    made = environment()
    for name in made.list_templates():
        made.get_template(name)


def _forget(name: str) -> None:
    package, _, last = name.rpartition(".")
    if sys.modules.pop(name, None) is not None and package:
        delattr(sys.modules[package], last)


def serve(orders: socket.socket) -> tuple[Order, list[int], socket.socket | None]:
    """Fork a child for each order; returns in each child: its order, its streams, the orders' end of its own nursery.

    It never returns in the nursery itself, which ends when nobody is left to give orders.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    children: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready in children:
                poll.unregister(ready)
                pid, news = children.pop(ready)
                _, status = os.waitpid(pid, 0)
                with contextlib.suppress(OSError):
                    os.write(news, b"ended %d\n" % status)
                os.close(news)
                os.close(ready)
                continue
            taken = _take(orders)
            if taken is None:
                os._exit(0)
            order, (*streams, news) = taken
            pid = os.fork()
            if pid:
                for stream in streams:
                    os.close(stream)
                watch = os.pidfd_open(pid)
                children[watch] = (pid, news)
                poll.register(watch, select.POLLIN)
                continue
            orders.close()
            for watch, (_, other) in children.items():
                os.close(watch)
                os.close(other)
            if order.new_session:
                os.setsid()
            _show(order)
            with contextlib.suppress(OSError):
                os.write(news, b"pid %d\n" % os.getpid())
            os.close(news)
            if not order.own_nursery:
                return order, streams, None
            mine, its = socket.socketpair()
            if os.fork():
                its.close()
                return order, streams, mine
            mine.close()
            os.setsid()
            for stream in streams:
                os.close(stream)
            return serve(its)


def _take(orders: socket.socket) -> tuple[Order, list[int]] | None:
    """The next order with its file descriptors, or None when the other end is closed."""
    size = array.array("i", range(4)).itemsize * 4
    head, ancillary, _, _ = orders.recvmsg(ORDER.size, socket.CMSG_SPACE(size), socket.MSG_WAITALL)
    if len(head) < ORDER.size:
        return None
    given = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            given.frombytes(data[: len(data) - len(data) % given.itemsize])
    length = ORDER.unpack(head)[0]
    text = b""
    while len(text) < length:
        more = orders.recv(length - len(text))
        if not more:
            return None
        text += more
    return Order(**json.loads(text)), list(given)


def _show(order: Order) -> None:
    """Let ``/proc`` tell command and environment of this child: tests find processes by them."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    # proc(5): 48 arg_start, 49 arg_end, 50 env_start, 51 env_end; the fields after the name begin with the third.
    arg_start, arg_end, env_start, env_end = (int(fields[number - 3]) for number in (48, 49, 50, 51))
    words = b"".join(os.fsencode(word) + b"\0" for word in order.command)
    told = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in order.environment.items())
    for start, end, text in ((arg_start, arg_end, words), (env_start, env_end, told)):
        room = end - start
        ctypes.memmove(start, text[:room].ljust(room, b"\0"), room)


def become(order: Order, streams: Sequence[int]) -> NoReturn:
    """Run the order's module as ``__main__``, and end as ``python -m`` does: threads, ``atexit``, streams, code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order.environment)
    if "JPY_PARENT_PID" in order.environment:
        # The kernel ends with its parent, and that is the nursery, which ends with whoever ordered the kernel.
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    os.chdir(order.folder)
    _standard_streams()
    random.seed()
    sys.argv = ["-m", *order.arguments]
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as ``python -m`` does
    sys.path[1:1] = [path for path in order.environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.warnoptions[:] = order.warn
    for option in order.warn:
        warnings.simplefilter(option)  # type: ignore[arg-type]
    gc.enable()
    _forget(order.module)
    try:
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)
    _end(0)


def _end(code: int) -> NoReturn:
    """End as the interpreter does, but for taking every module apart, which costs more than some commands do."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)  # the interpreter says so in its own way
    os._exit(code)


def _standard_streams() -> None:
    """Streams as a fresh interpreter has them."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    made: list[Any] = []
    for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace")):
        binary: Any = open(number, f"{mode}b", -1 if mode == "r" or not unbuffered else 0, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            binary, "utf-8", errors, None, line_buffering=number == 2 or binary.isatty(), write_through=unbuffered
        )
        stream.mode = mode  # type: ignore[misc]
        made.append(stream)
    sys.stdin, sys.stdout, sys.stderr = made
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = made  # type: ignore[misc]


def main() -> NoReturn:
    """The process itself."""
    warm.install()
    load()
    order, streams, mine = serve(socket.socket(fileno=int(sys.argv[1])))
    warm.use(mine)
    become(order, streams)


if __name__ == "__main__":
    main()
