"""One writer per target: an operating-system lock keyed by DC and target OU.

It spans one machine and ends with the process that holds it, however that process ends. Two machines are kept apart by
the before-image that every write checks.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from runbook_lib.errors import Refused
from runbook_lib.text import printable


def lock_path(invocation_id: str, target_ou_guid: str) -> Path:
    """File that stands for one DC and one target OU on this machine.

    The invocation id names the DC's database, whatever name or address it was reached by.
    """
    key = hashlib.sha256(f"{invocation_id}\n{target_ou_guid}".encode()).hexdigest()[:32]
    return Path(tempfile.gettempdir()) / "group-writeback-locks" / f"{key}.lock"


@contextmanager
def writer_lock(path: Path, holder: str, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Hold the lock for the length of the block.

    Args:
        path: From ``lock_path``.
        holder: Change and run that hold it, for the message of whoever comes second.
        clock: Gives the present time, UTC.

    Raises:
        Refused: ``locked``: another run holds it; the message names it and since when.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.name == "posix" and path.parent.stat().st_uid == os.getuid():
            path.parent.chmod(0o1777)
    except OSError as error:
        raise _unusable(path, error) from None
    lock = FileLock(path, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _held(path) from None
    except OSError as error:
        raise _unusable(path, error) from None
    note = path.with_suffix(".holder.json")
    try:
        content = {"holder": holder, "process": os.getpid(), "since": clock().isoformat(timespec="seconds")}
        try:
            note.write_text(json.dumps(content), encoding="utf-8")
        except OSError:
            # The lock holds without its note; a note of somebody before us would name the wrong holder.
            note.unlink(missing_ok=True)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _held(path: Path) -> Refused:
    try:
        note = json.loads(path.with_suffix(".holder.json").read_text(encoding="utf-8"))
        by = f"{note['holder']} (process {note['process']}) since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        by = "another run that is just starting or ending"
    return Refused(
        f"Another run writes to this OU: {printable(by, limit=300)}.",
        code="locked",
        hint="Wait until it has ended, then run again.",
        values={"holder": by},
    )


def _unusable(path: Path, error: OSError) -> Refused:
    return Refused(
        f"The lock {path} cannot be used: {error.strerror}.",
        code="lock-unusable",
        hint="Give this account the right to write there.",
        values={"path": str(path)},
    )
