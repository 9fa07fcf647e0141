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
_UP = "\x1b[A"


class Screen:
    """Whole lines, and below them the progress: one line for each lane that runs."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.terminal = out.isatty()
        self.every = TERMINAL_SECONDS if self.terminal else LOG_SECONDS
        self.shown: dict[str, str] = {}
        self.lock = threading.Lock()

    def print_lines(self, *lines: str) -> None:
        """Whole lines, with nothing in between; on a terminal the progress moves down."""
        with self.lock:
            self._write("".join(f"{line}\n" for line in lines), self.shown)

    def show(self, lane: str, line: str) -> None:
        """The progress of a lane in the place of the one before."""
        if not self.terminal:
            self.print_lines(line)
            return
        with self.lock:
            self._write("", {**self.shown, lane: line[: shutil.get_terminal_size().columns - 1]})

    def clear(self, lane: str) -> None:
        """The lane makes no progress any more."""
        with self.lock:
            if lane in self.shown:
                self._write("", {name: line for name, line in self.shown.items() if name != lane})

    def _write(self, lines: str, shown: dict[str, str]) -> None:
        """Write lines in the place of the progress, and what is shown below them."""
        erase = _UP.join(_ERASE for _ in self.shown)
        self.shown = shown
        self.out.write(erase + lines + "\n".join(shown.values()))
        self.out.flush()


class Voice:
    """What one lane says. A lane that runs beside others is held: what it says waits for them to have ended, so that
    its report is in one piece; its progress and what failed in it are shown at once."""

    def __init__(self, screen: Screen, lane: str, *, held: bool = False) -> None:
        self.screen = screen
        self.lane = lane
        self.held = held
        self.waiting: list[str] = []
        self.lock = threading.Lock()

    def print_line(self, line: str) -> None:
        """A line in its turn."""
        with self.lock:
            if self.held:
                self.waiting.append(line)
            else:
                self.screen.print_lines(line)

    def print_at_once(self, line: str) -> None:
        """A line that waits for nothing."""
        self.screen.print_lines(line)

    def show(self, line: str) -> None:
        """The progress."""
        self.screen.show(self.lane, line)

    def clear(self) -> None:
        """No progress any more."""
        self.screen.clear(self.lane)

    def release(self) -> None:
        """Say what has waited; from now on nothing waits."""
        with self.lock:
            self.held = False
            if self.waiting:
                self.screen.print_lines(*self.waiting)
            self.waiting = []


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
    command: Sequence[str],
    watched: Watched,
    voice: Voice,
    ended: threading.Event,
    *,
    folder: Path,
    environment: Mapping[str, str],
) -> int:
    """Exit code of a lane's command. Nothing that it started outlives this call, however that ends.

    Args:
        ended: Set where another lane was interrupted, which ends this one too.

    Raises:
        KeyboardInterrupt: A person or a signal ended this process, or ``ended`` was set; the command has been ended
            too.
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
    reader = threading.Thread(target=_pass_on, args=(process.stdout, voice), daemon=True)
    reader.start()
    try:
        return _wait_showing(process, watched, voice, ended)
    finally:
        end_group(process)
        # What was left of its session is gone, so the pipe ends; a stray holder of it is not waited for.
        reader.join(GRACE_SECONDS)
        voice.clear()


def _wait_showing(process: subprocess.Popen[bytes], watched: Watched, voice: Voice, ended: threading.Event) -> int:
    """Exit code of the process, showing progress until it has ended."""
    follower = Follower(watched.results)
    began: float | None = None
    shown = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK_SECONDS)
        if ended.is_set():
            raise KeyboardInterrupt
        for name in follower.read():
            voice.print_at_once(f"FAILED {name}")
        now = time.monotonic()
        if not follower.record.selected:
            continue
        began = now if began is None else began
        if now - shown >= voice.screen.every:
            shown = now
            voice.show(progress(follower.record, watched.expected, now - began).line(watched.lane))


def _pass_on(source: IO[bytes], voice: Voice) -> None:
    with source:
        for line in source:
            voice.print_line(line.decode("utf-8", errors="replace").rstrip("\r\n"))


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
