"""Starting, finding and stopping the process of a rehearsal."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

import rehearsal
from rehearsal.control import Control, ControlError
from rehearsal.folder import RehearsalFolder
from rehearsal.leftovers import how_it_ended, last_lines
from rehearsal.options import DEFAULTS, StartOptions
from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable

_START_SECONDS = 90.0
"""Takes two seconds; a machine that builds something else at the same time needs more."""
_SAMBA_START_SECONDS = 300.0
"""Takes about a minute: provisioning, the schema of Exchange, two thousand people over LDAP."""
_STOP_SECONDS = 10.0
_END_SECONDS = 15.0
"""Of a start that is broken off: Samba and its namespace end first."""
_ERRORS: dict[int, type[RunbookError]] = {2: UsageError, 9: ServiceFailed}


@dataclass
class RunningRehearsal:
    """A rehearsal that answers. As a context manager it stops at the end of the block, unless it was left running.

    Attributes:
        folder: Its files.
        state: ``state.json``: pid, graph_url, authority_url, control_url, ldap_host, ldap_port, ca_file …
        process: The child process, or None for one that somebody else started.
    """

    folder: RehearsalFolder
    state: dict[str, object]
    process: subprocess.Popen[bytes] | None = None
    left: bool = field(default=False, init=False)

    @property
    def parameters_file(self) -> Path:
        """A parameters file that works with it, for the direct route; the folder has one for cloud-sync too."""
        return self.folder.parameters

    @property
    def control(self) -> Control:
        """Client of its control endpoint."""
        token = self.folder.control_token.read_text(encoding="utf-8").strip()
        return Control(str(self.state["control_url"]), token, self.folder.ca)

    def stop(self) -> None:
        """End it and wait until it has ended; nothing happens if it already has.

        Raises:
            ServiceFailed: It is not our child and does not end.
        """
        if self.process is not None:
            self._stop_child(self.process)
            return
        with contextlib.suppress(ControlError):
            self.control.stop()
        if not _wait(self._has_ended, _STOP_SECONDS):
            raise ServiceFailed(
                t(
                    "The rehearsal {folder_name} (process {state}) does not end.",
                    folder_name=self.folder.name,
                    state=self.state["pid"],
                ),
                code="rehearsal-does-not-stop",
                hint=t("Look at its log, then end the process yourself."),
                values={"name": self.folder.name, "log": str(self.folder.log)},
            )

    def leave_running(self) -> None:
        """Let it go on when the block or this process ends; ``stop`` works as before."""
        process, self.process = self.process, None
        self.left = True
        if process is None:
            return
        self.control.stay()
        if process.stdin is not None:
            process.stdin.close()
        # It is nobody's child from here on; without this the garbage collector would complain about it.
        process.returncode = 0

    def _has_ended(self) -> bool:
        """Whether its process has let go of the lock, the last thing it does."""
        lock = FileLock(self.folder.lock)
        try:
            with lock.acquire(timeout=0):
                return True
        except Timeout:
            return False

    def _stop_child(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.folder.state.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.left:
            self.stop()


def start_rehearsal(
    folder: Path, options: StartOptions = DEFAULTS, *, watch_parent: bool = True, records: Path | None = None
) -> RunningRehearsal:
    """Start a rehearsal in a process of its own and wait until both servers answer.

    Args:
        folder: Where its files go; created if missing. Its last part is the rehearsal's name.
        options: What it is like.
        watch_parent: Whether it ends with this process, however this process ends. Otherwise it goes on until stopped.
        records: ``records_dir`` of its parameters file; ``records`` in ``folder`` where left out.

    Raises:
        UsageError: It runs already.
        ServiceFailed: A port is taken, or it does not start.
    """
    files = RehearsalFolder(folder.absolute())
    existed = files.path.exists()
    files.create()
    instance = uuid.uuid4().hex
    command = [sys.executable, "-m", "rehearsal.serve", "--folder", str(files.path), "--instance", instance]
    command += options.as_arguments()
    command += ["--records", str(records.absolute())] if records else []
    command += ["--watch-parent", *([] if existed else ["--fresh"])]
    with files.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # Ctrl-C in the terminal is for the parent; it stops the rehearsal when it is done with it.
            start_new_session=os.name == "posix",
            creationflags=_creation_flags(),
        )
    running = RunningRehearsal(files, {}, process)
    try:
        seconds = _START_SECONDS if options.directory == "embedded" else _SAMBA_START_SECONDS
        _wait_until_started(running, process, instance, seconds)
        if not watch_parent:
            running.leave_running()
    except BaseException as error:
        _end_start(process)
        # A log is kept where somebody is told to look at it.
        if not existed and not isinstance(error, RunbookError):
            shutil.rmtree(files.path, ignore_errors=True)
        raise
    return running


def _end_start(process: subprocess.Popen[bytes]) -> None:
    """Let a start that is broken off take away what it made; kill it where it does not."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_rehearsal(folder: Path) -> RunningRehearsal | None:
    """The rehearsal that runs in ``folder``, or None. One that no longer answers does not run."""
    files = RehearsalFolder(folder.absolute())
    state = files.read_state()
    if state is None:
        return None
    running = RunningRehearsal(files, state)
    try:
        running.control.status()
    except (ControlError, OSError, KeyError):
        return None
    return running


def _wait_until_started(
    running: RunningRehearsal, process: subprocess.Popen[bytes], instance: str, seconds: float
) -> None:
    files = running.folder

    def ready() -> bool:
        running.state = files.read_state() or {}
        return running.state.get("instance") == instance or process.poll() is not None

    _wait(ready, seconds)
    if running.state.get("instance") == instance:
        return
    failure = files.read_failure()
    if process.poll() is not None and failure is not None:
        kind = _ERRORS.get(process.returncode, ServiceFailed)
        raise kind(verbatim(str(failure["message"])), code=str(failure["code"]), hint=verbatim(str(failure["hint"])))
    ended = process.poll() is not None
    how = f"ended ({how_it_ended(process.returncode)})" if ended else f"did not answer within {seconds:.0f} s"
    said = printable(last_lines(files.log))
    raise ServiceFailed(
        t("The rehearsal {files_name} {how}", files_name=files.name, how=how)
        + (t(": {said}", said=said) if said else t(" and printed nothing.")),
        code="rehearsal-not-started",
        hint=t("Look at {log}.", log=files.log),
        values={"log": str(files.log)},
    )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _environment() -> dict[str, str]:
    """This process's environment, with this very package importable in the child."""
    home = str(Path(rehearsal.__file__).parents[1])
    paths = [home, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), "PYTHONUTF8": "1"}


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0
