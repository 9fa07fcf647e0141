"""One writer per target on several hosts: a lease in the folder of records, with numbers that only grow.

The lock of ``change/lock.py`` ends at the machine. Hosts that share nothing but the folder of records take a lease
there on top: ``leases/<target>/<number>.json``, made by an exclusive create, so that of two hosts one gets the next
number. Its holder renews it; whoever finds the newest one neither given back nor renewed for its length takes the
number after it.

Before every write the holder looks whether its own number is still the newest and its own time is not over (a fencing
token that the writer checks itself, because a domain controller knows no tokens). A process that was stopped between
that look and its write writes all the same: such a write meets the before-image that every change of a value carries.

How old a lease is, the file server says: the time of the lease's file is compared with that of a file written just now
in the same folder, so that no clock of a host decides. A host that is held up notices by its own two clocks.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import Refused, ServiceFailed
from runbook_lib.files import LEASES, make_folder_like_its_parent, new_file
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import read_plain

_LARGEST_NOTE = 2_000
"""Bytes of a lease's file."""
_KEPT = 100
"""Older numbers that stay: a listing that a network file system answers from memory is not older than that."""
_RENEWALS = 4
"""Times that a lease is renewed in its length."""


class LeaseLost(Refused):
    """Another host may write now. What this run has written stays; whoever runs the change next resumes it."""


class Lease:
    """A lease that this process holds. Its methods may be called from several threads.

    Attributes:
        number: Its fencing token.
    """

    def __init__(
        self,
        path: Path,
        note: dict[str, object],
        *,
        seconds: float,
        write_seconds: float,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        begun: tuple[datetime, float],
    ) -> None:
        self.number = int(path.stem)
        self._path = path
        self._note = note
        self._seconds = seconds
        self._write_seconds = write_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._renewed = begun
        self._lock = threading.Lock()

    def require(self) -> None:
        """Look whether a write may still be sent.

        Raises:
            LeaseLost: ``lease-lost``: a newer number is there, or too little of its time is left for one write.
        """
        newest = _newest(self._path.parent)
        if newest is None or newest != self._path:
            by = _holder(newest) if newest else t("nobody")
            raise _lost(t("another host took it: {by}", by=by))
        with self._lock:
            at, tick = self._renewed
        # A machine that was suspended shows it on one of both clocks.
        passed = max(self._monotonic() - tick, (self._clock() - at).total_seconds())
        if passed > self._seconds - self._write_seconds:
            raise _lost(t("it was not renewed for {seconds} s", seconds=round(passed)))

    def renew(self) -> bool:
        """Begin its time anew; False where it is lost, or its file cannot be written now."""
        before = (self._clock(), self._monotonic())
        if _newest(self._path.parent) != self._path:
            return False
        try:
            _write(self._path, os.O_WRONLY | os.O_TRUNC, self._note)
        except OSError:
            return False
        with self._lock:
            self._renewed = before
        return True

    def give_back(self) -> None:
        """Say that it is over, so that nobody waits for its end."""
        with suppress(OSError):
            if _newest(self._path.parent) == self._path:
                _write(self._path, os.O_WRONLY | os.O_TRUNC, {**self._note, "given_back": True})


@contextmanager
def held_lease(
    records: Path,
    target: str,
    holder: Text,
    *,
    seconds: float,
    write_seconds: float,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> Iterator[Lease]:
    """Hold the lease of a target for the length of the block; a thread renews it.

    Args:
        records: Folder of the records, the same for all hosts.
        target: Name of a folder that stands for the place and target that is written to.
        holder: Change, run and host, for the message of whoever comes second.
        seconds: Its length.
        write_seconds: What one write may take; in the last of these no write is sent.
        clock: Present time, UTC.
        monotonic: Seconds that never go back.

    Raises:
        Refused: ``locked``: another run holds it; the message names it.
        ServiceFailed: ``lease-unusable``: the folder cannot be written.
    """
    try:
        lease = _taken(records, target, holder, seconds, write_seconds, clock, monotonic)
    except OSError as error:
        raise ServiceFailed(
            t(
                "The lease in {folder} cannot be written: {why}.",
                folder=records / LEASES,
                why=error.strerror or str(error),
            ),
            code="lease-unusable",
            hint=t("Nothing was written to the target. Check rights and free space of the folder of records."),
            values={"path": str(records / LEASES)},
        ) from None
    over = threading.Event()
    renewing = threading.Thread(target=_keep, args=(lease, seconds / _RENEWALS, over), daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        over.set()
        renewing.join()
        lease.give_back()


def _keep(lease: Lease, every: float, over: threading.Event) -> None:
    while not over.wait(every):
        lease.renew()


def _taken(
    records: Path,
    target: str,
    holder: Text,
    seconds: float,
    write_seconds: float,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> Lease:
    make_folder_like_its_parent(records / LEASES)
    folder = records / LEASES / target
    make_folder_like_its_parent(folder)
    newest = _newest(folder)
    if newest is not None and not _over(newest):
        raise _held(newest)
    path = folder / f"{(int(newest.stem) if newest else 0) + 1:012d}.json"
    note: dict[str, object] = {"holder": holder, "since": iso_seconds(clock()), "seconds": seconds}
    # The time counts from before the file is made: for us it is over sooner than for others.
    begun = (clock(), monotonic())
    try:
        _write(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, note)
    except FileExistsError:
        raise _held(path) from None
    lease = Lease(
        path, note, seconds=seconds, write_seconds=write_seconds, clock=clock, monotonic=monotonic, begun=begun
    )
    if _newest(folder) != path:
        raise _held(_newest(folder) or path)
    for old in _numbered(folder)[:-_KEPT]:
        with suppress(OSError):
            old.unlink()
    return lease


def _write(path: Path, flags: int, note: dict[str, object]) -> None:
    """Write the whole note and have it on the server: its time of change is the server's then."""
    with open(path, "wb", opener=lambda name, _: _opened(name, flags)) as file:
        file.write(json.dumps(note).encode())
        file.flush()
        os.fsync(file.fileno())


def _opened(name: str, flags: int) -> int:
    flags |= getattr(os, "O_BINARY", 0)
    return new_file(name, flags) if flags & os.O_CREAT else os.open(name, flags | getattr(os, "O_NOFOLLOW", 0))


def _numbered(folder: Path) -> list[Path]:
    """Every lease of the target that is there, oldest first."""
    return sorted(path for path in folder.glob("*.json") if path.stem.isdigit())


def _newest(folder: Path) -> Path | None:
    return max(_numbered(folder), default=None)


def _over(path: Path) -> bool:
    """Whether a lease was given back, or not renewed for the length that it has, by the file server's time."""
    note = _read(path)
    if note.get("given_back") is True:
        return True
    handle, name = tempfile.mkstemp(prefix=".now-", dir=path.parent)
    try:
        os.write(handle, b"now")
        os.fsync(handle)
        now = os.fstat(handle).st_mtime
        with path.open("rb") as file:  # a network file system asks its server anew when a file is opened
            renewed = os.fstat(file.fileno()).st_mtime
    finally:
        os.close(handle)
        with suppress(OSError):
            Path(name).unlink()
    length = note.get("seconds")
    # A file that nothing can be read from was made a moment ago, or by somebody who was stopped then.
    return now - renewed > (length if isinstance(length, int | float) else _UNREAD_SECONDS)


_UNREAD_SECONDS = 3_600
"""Seconds after which a lease that says nothing is over: the longest that one may be."""


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(read_plain(path, largest=_LARGEST_NOTE).data)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _holder(path: Path) -> Text:
    note = _read(path)
    if not note:
        return t("another run that is just starting")
    return t(
        "{holder} since {since}",
        holder=printable(str(note.get("holder")), limit=200),
        since=printable(str(note.get("since")), limit=40),
    )


def _held(path: Path) -> Refused:
    return Refused(
        t("Another run writes to this target: {by}.", by=_holder(path)),
        code="locked",
        hint=t(
            "Wait until it has ended, then run again. A run that was killed keeps its lease until its time is over."
        ),
        values={"holder": verbatim(_holder(path))},
    )


def _lost(why: Text) -> LeaseLost:
    return LeaseLost(
        t("The lease of this target is lost: {why}.", why=why),
        code="lease-lost",
        hint=t("Look whether another run has taken the change up; then run the notebook again."),
    )
