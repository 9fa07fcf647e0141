"""Running a lane's command to its end while showing how far it is.

The output of the command passes through here line by line, so that one writer alone writes to the terminal: there the
progress is one line that is written over, elsewhere (a CI log) a whole line now and then. A failure is named at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from tools.lane_results import LaneRecord
from tools.lane_times import Expected, progress

GRACE_SECONDS = 15
"""How long a lane that is ended may take to tidy up."""
LOOK_SECONDS = 0.5
TERMINAL_SECONDS = 1.0
LOG_SECONDS = 20.0
"""How often the progress is shown: on a terminal, and in a log."""
_ERASE = "\r\x1b[K"


class Screen:
    """Whole lines, and below them the progress."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.terminal = out.isatty()
        self.every = TERMINAL_SECONDS if self.terminal else LOG_SECONDS
        self.shown = ""
        self.lock = threading.Lock()

    def say(self, text: str) -> None:
        """A whole line; on a terminal the progress moves down."""
        with self.lock:
            erase = _ERASE if self.shown else ""
            self.out.write(f"{erase}{text}\n{self.shown}")
            self.out.flush()

    def show(self, line: str) -> None:
        """The progress in the place of the one before."""
        if not self.terminal:
            self.say(line)
            return
        with self.lock:
            self.shown = line[: shutil.get_terminal_size().columns - 1]
            self.out.write(_ERASE + self.shown)
            self.out.flush()

    def clear(self) -> None:
        """No progress any more."""
        with self.lock:
            if self.shown:
                self.out.write(_ERASE)
            self.shown = ""


class Follower:
    """Reads what a lane keeps while it is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = LaneRecord()
        self.offset = 0

    def read(self) -> list[str]:
        """Take in what is new; returns the names of tests that have failed since."""
        failed = []
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                told = json.loads(line)
                self.record.add(told)
                if told.get("outcome") == "failed":
                    failed.append(told["test"])
        return failed


@dataclass(frozen=True)
class Watched:
    """A lane that is being run: its name, where it keeps its results, and what to expect of it."""

    lane: str
    results: Path
    expected: Expected


def run_to_end(
    command: Sequence[str], watched: Watched, out: TextIO, *, folder: Path, environment: Mapping[str, str]
) -> int:
    """Exit code of a lane's command. Nothing that it started outlives this call, however that ends.

    Raises:
        KeyboardInterrupt: A person or a signal ended this process; the command has been ended too.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    screen = Screen(out)
    reader = threading.Thread(target=_pass_on, args=(process.stdout, screen), daemon=True)
    reader.start()
    try:
        return _wait_showing(process, watched, screen)
    finally:
        end_group(process)
        # What was left of its session is gone, so the pipe ends; a stray holder of it is not waited for.
        reader.join(GRACE_SECONDS)
        screen.clear()


def _wait_showing(process: subprocess.Popen[bytes], watched: Watched, screen: Screen) -> int:
    """Exit code of the process, showing progress until it has ended."""
    follower = Follower(watched.results)
    began: float | None = None
    shown = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK_SECONDS)
        for name in follower.read():
            screen.say(f"FAILED {name}")
        now = time.monotonic()
        if not follower.record.selected:
            continue
        began = now if began is None else began
        if now - shown >= screen.every:
            shown = now
            screen.show(progress(follower.record, watched.expected, now - began).line(watched.lane))


def _pass_on(source: IO[bytes], screen: Screen) -> None:
    with source:
        for line in source:
            screen.say(line.decode("utf-8", errors="replace").rstrip("\r\n"))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and what is left of its session: kindly first if it still runs itself."""
    if os.name == "nt":
        process.kill()
        process.wait()
        return
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=GRACE_SECONDS)
    finally:  # also where a second Ctrl-C comes meanwhile
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
