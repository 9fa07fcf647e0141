"""One sealing of a change at a time: each names the run sealed before it and adds its own to the list of all.

The lock is one of the operating system (flock; on Windows LockFileEx) on a hidden file in the change's folder, so it
excludes other accounts and, on a share that passes locks on, other machines; it ends with the process that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from runbook_lib.errors import Refused
from runbook_lib.files import file_mode
from runbook_lib.model.text import t
from runbook_lib.record.folder import not_written

LOCK_FILE = ".sealing.lock"
"""In the folder of a change; empty, and left there: taking it away would split those who wait for it."""
_LONGEST = 180.0
"""Seconds that a sealing is waited for: a large record, and a time stamp authority that answers late."""


@contextmanager
def sealing_alone(change_folder: Path, *, longest: float = _LONGEST) -> Iterator[None]:
    """Hold the lock of a change for the length of the block; another sealing of that change is waited for.

    Args:
        change_folder: Folder of the change.
        longest: Seconds to wait.

    Raises:
        Refused: ``sealing-busy``: another one has not ended in that time.
        ServiceFailed: ``record-write``: the file cannot be made or locked.
    """
    path = change_folder / LOCK_FILE
    try:
        lock = FileLock(path, timeout=longest, mode=file_mode(change_folder))
        lock.acquire()
    except Timeout:
        raise Refused(
            t("Another run of the change {change} is being sealed.", change=change_folder.name),
            code="sealing-busy",
            hint=t("Wait until it has ended, then seal this one: gwb seal"),
            values={"path": str(path)},
        ) from None
    except OSError as error:
        hint = t("Check free space and rights of the records folder, then seal again.")
        raise not_written(path, error, hint) from None
    try:
        yield
    finally:
        lock.release()
