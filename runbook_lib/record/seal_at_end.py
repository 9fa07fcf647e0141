"""A record is sealed when the process of its run has ended, however it ended: by a small process that waits for that.

A kernel that is shut down is sent SIGTERM after two and a half seconds and killed after five (jupyter_client 8,
``KernelManager.shutdown_wait_time``); one that dies has no time at all, and a large record takes longer. So the waiting
process is another one: it holds one end of a pipe, sleeps until the other end is closed, which every operating system
does with the process that has it, and only then loads what sealing needs. It is in no group or session of the
kernel's, so nothing that ends those ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook_lib.record.folder import RecordFolder

_SECONDS_TO_END = 10.0
"""How long the process of a run may take to give back its lock after its pipe was closed."""
_PAUSE = 0.1
"""Seconds between two tries meanwhile."""


def wait_for_end(folder: RecordFolder, root: Path) -> subprocess.Popen[bytes]:
    """Start the process that seals the record when this process ends, or closes the returned one's ``stdin``.

    Args:
        folder: The run's folder; beside it lies the executed notebook (``work_file_of``).
        root: Folder of the project.

    Raises:
        OSError: No process can be started.
    """
    apart: dict[str, int | bool] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        # -P: a file of the current folder takes no module's place.
        [sys.executable, "-P", "-m", __spec__.name, str(folder.path.resolve()), str(root)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **apart,
    )


def seal_when_ended(record: Path, root: Path) -> None:
    """Seal the record, if nobody has; one that cannot be sealed stays open, and ``gwb seal`` says why."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # A service that is stopped asks all of its processes to end; this one does so after the one it waits for.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    from runbook_lib.errors import RunbookError
    from runbook_lib.record.folder import RecordFolder

    folder, deadline = RecordFolder(record), time.monotonic() + _SECONDS_TO_END
    while record.is_dir() and not folder.sealed:
        try:
            seal_with_work_file(folder, root)
        except RunbookError as error:
            if error.code != "run-not-ended" or time.monotonic() > deadline:
                return
            time.sleep(_PAUSE)


def seal_with_work_file(folder: RecordFolder, root: Path) -> str:
    """Seal with the notebook that the run left beside its folder, and take that file away. Returns the digest.

    Raises:
        RunbookError: As ``seal``.
    """
    from runbook_lib.record.folder import work_file_of
    from runbook_lib.record.seal_by_record import seal_by_record

    work_file = work_file_of(folder)
    sealed = seal_by_record(
        folder,
        work_file if work_file.is_file() else None,
        root=root,
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
    )
    work_file.unlink(missing_ok=True)
    return sealed.digest


if __name__ == "__main__":
    seal_when_ended(Path(sys.argv[1]), Path(sys.argv[2]))
