"""One writer per target: an operating-system lock on one file of this machine, keyed by place and target.

It excludes every account of the machine, because all of them find the same file, and ends with the process that holds
it, however that process ends. Two machines are kept apart by the before-image that every write checks.

On Linux and macOS the file stands in a folder of the system that belongs to root and is sticky: every account may make
files there, and nobody but their owner may replace them. It is opened without following links, and only a plain file
with one name is taken. A file that another account made so that it cannot be opened refuses the run; it never lets it
go on without a lock. On Windows the file stands in ProgramData and goes with the lock, because what one account made
there another may not write to.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import Refused
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable

FOLDERS = (
    ("/private/var/tmp",)
    if sys.platform == "darwin"
    else (
        "/run/lock",
        "/var/lock",
        "/var/tmp",  # noqa: S108 - opened as below, and for want of the others: RHEL keeps /run/lock for root
    )
)
"""Where every account of the machine may make files. The first that is right is taken, whoever asks."""
_TRIES = 20
"""Times that a file is opened which another run makes or takes away meanwhile."""
_PAUSE = 0.05
"""Seconds before a file is opened again that another run has just made and not yet opened to all accounts."""
_NOTE_LIMIT = 1000
"""Bytes of the note in a lock file: who holds it."""
_LOCKED_BYTE = 1 << 30
"""On Windows a locked byte cannot be read: one far behind the note is locked."""


class _Unsafe(OSError):  # noqa: N818 - an OSError, told like one
    """The file is not one that a lock can rely on."""


def lock_path(place: str, locked: str, folders: Sequence[str] = FOLDERS) -> Path:
    """File that stands for one place and one target in it on this machine.

    Args:
        place: Id of where the run writes, whatever name or address it was reached by: of a domain controller's
            database, for the direct route.
        locked: The target's id (``Target.locked``).
        folders: Where the file may stand.

    Raises:
        Refused: ``lock-unusable``: no folder of the system is one for all accounts.
    """
    key = hashlib.sha256(f"{place}\n{locked}".encode()).hexdigest()[:32]
    return _folder(folders) / f"group-writeback-{key}.lock"


def _folder(folders: Sequence[str]) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA") or r"C:\ProgramData")
    for name in folders:
        folder = Path(os.path.realpath(name))
        try:
            facts = folder.lstat()
        except OSError:
            continue
        shared = stat.S_IWOTH | stat.S_ISVTX
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and facts.st_mode & shared == shared:
            return folder
    raise Refused(
        t(
            "There is no place for a lock that excludes every account of this machine: none of "
            "{folders} belongs to root, is sticky and can be written by all.",
            folders=", ".join(folders),
        ),
        code="lock-unusable",
        hint=t("As root: chmod 1777 {folders}", folders=folders[-1]),
        values={"folders": list(folders)},
    )


@contextmanager
def writer_lock(path: Path, holder: str, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Hold the lock for the length of the block.

    Args:
        path: From ``lock_path``.
        holder: Change and run that hold it, for the message of whoever comes second.
        clock: Gives the present time, UTC.

    Raises:
        Refused: ``locked``: another run holds it; the message names it and since when. ``lock-unusable``: the file is
            not one that this account can lock, or not one that a lock can rely on.
    """
    descriptor = _locked(path)
    try:
        content = {"holder": holder, "process": os.getpid(), "since": iso_seconds(clock())}
        _write_note(descriptor, json.dumps(content).encode())
        yield
    finally:
        # A note of somebody before us would name the wrong holder.
        _write_note(descriptor, b"")
        os.close(descriptor)
        if sys.platform == "win32":
            with suppress(OSError):
                path.unlink()


def holds(path: Path, holder: str) -> bool:
    """Whether a process holds the lock whose note begins with ``holder``; no other holder is disturbed.

    Args:
        path: From ``lock_path``.
        holder: How the note's ``holder`` begins, as ``writer_lock`` was given it.
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = _checked(os.open(path, flags | getattr(os, "O_BINARY", 0)))
    except OSError:
        return False
    try:
        # The note of a process that was killed stays: it says who held the lock, not that it is held.
        return str(_note(descriptor).get("holder")).startswith(holder) and not _lock(descriptor)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Descriptor of the locked file."""
    for _ in range(_TRIES):
        try:
            descriptor = _opened(path)
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            if not _lock(descriptor):
                raise _held(descriptor)
            if _still_named(path, descriptor):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            raise _unusable(path, error) from None
        except Refused:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise _unusable(path, _Unsafe(0, t("it is replaced again and again")))


def _opened(path: Path) -> int:
    """Open the file or make it, never through a link.

    A file that is there is opened without the flag that creates: Linux refuses that one for the files of others in
    sticky folders (fs.protected_regular).
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
    denied = _Unsafe(0, t("it is made and removed again and again"))
    for _ in range(_TRIES):
        try:
            return _checked(os.open(path, flags))
        except FileNotFoundError:
            with suppress(FileExistsError):
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                if sys.platform != "win32":
                    os.fchmod(descriptor, 0o666)
                return _checked(descriptor)
        except PermissionError as error:
            denied = _Unsafe(
                error.errno,
                t("{strerror}; it belongs to the account {owner}", strerror=error.strerror, owner=_owner(path)),
            )
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _Unsafe(error.errno, t("it is a link")) from None
            raise
    raise denied


def _checked(descriptor: int) -> int:
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    raise _Unsafe(0, t("it is not a plain file, or it has other names"))


def _owner(path: Path) -> Text:
    """Name or number of the account that a file belongs to."""
    with suppress(OSError, KeyError, NotImplementedError):
        return verbatim(path.owner())
    with suppress(OSError):
        return verbatim(str(path.lstat().st_uid))
    return t("of somebody else")


def _lock(descriptor: int) -> bool:
    """Lock without waiting; False where another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _still_named(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked is the one that others will find under this name."""
    try:
        named = path.lstat()
    except OSError:
        return False
    return os.path.samestat(named, os.fstat(descriptor))


def _write_note(descriptor: int, content: bytes) -> None:
    """Say in the file who holds it. The lock holds without its note, on a full disk for example."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content[:_NOTE_LIMIT])


def _note(descriptor: int) -> Any:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return json.loads(os.read(descriptor, _NOTE_LIMIT).decode("utf-8"))


def _held(descriptor: int) -> Refused:
    try:
        note = _note(descriptor)
        by = t(
            "{holder} (process {process}) since {since}",
            holder=printable(str(note["holder"]), limit=100),
            process=printable(str(note["process"]), limit=100),
            since=printable(str(note["since"]), limit=100),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        by = t("another run that is just starting or ending")
    return Refused(
        t("Another run writes to this OU: {by}.", by=by),
        code="locked",
        hint=t("Wait until it has ended, then run again."),
        values={"holder": by},
    )


def _unusable(path: Path, error: OSError) -> Refused:
    return Refused(
        t("The lock {path} cannot be used: {error_strerror}.", path=path, error_strerror=error.strerror),
        code="lock-unusable",
        hint=t("Nothing was written. Find out who made that file, and remove it while no run writes."),
        values={"path": str(path)},
    )
