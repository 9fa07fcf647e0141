"""What a rehearsal that was killed may have left: files of a start that never ended, sockets and a process of Samba."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from rehearsal.folder import RehearsalFolder

SOCKETS = "gwb-samba-"
"""How the names of folders with Samba's sockets begin, in the system's folder for temporary files."""
_MODULE = b"rehearsal.samba.inside"
_LINES = 5


def last_lines(log: Path, begin: int = 0) -> str:
    """What a process printed last, in one line; empty where it printed nothing.

    Args:
        log: Where it printed to.
        begin: Octets that were there before.
    """
    try:
        text = log.read_bytes()[begin:].decode("utf-8", "replace")
    except OSError:
        return ""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(said[-_LINES:])


def how_it_ended(code: int | None) -> str:
    """``exit code 1`` or ``SIGKILL``."""
    if code is None:
        return "without an exit code"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def take_away(files: RehearsalFolder) -> None:
    """Remove what an earlier rehearsal of this folder left. Only who holds its lock may: then none runs there."""
    files.failure.unlink(missing_ok=True)
    files.state.unlink(missing_ok=True)
    for partial in files.path.glob("*.json.[0-9]*"):
        partial.unlink(missing_ok=True)
    with contextlib.suppress(OSError, ValueError):
        pid, _, sockets = files.samba.read_text(encoding="utf-8").strip().partition(" ")
        _end(int(pid))
        remove_sockets(Path(sockets))
    files.samba.unlink(missing_ok=True)


def _end(pid: int) -> None:
    """End a process if it is still one of ours: its number may be another's by now."""
    with contextlib.suppress(OSError):
        if _MODULE in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)  # unshare takes the whole process namespace with it


def remove_sockets(folder: Path) -> None:
    """Remove a folder of sockets; anything else is left alone."""
    if folder.name.startswith(SOCKETS) and folder.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(folder, ignore_errors=True)
