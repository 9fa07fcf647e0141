"""The writer's lock: one file per target and machine, for every account, and never one that somebody prepared."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change import lock
from runbook_lib.change.lock import lock_path, writer_lock
from runbook_lib.errors import Refused
from tests.support import builders as b

needs_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root, to be two accounts")


@pytest.fixture
def sticky() -> Iterator[Path]:
    """A folder as the system's own: of root, sticky, for every account."""
    with tempfile.TemporaryDirectory(prefix="gwb-lock-") as name:
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder


def held(path: Path, who: str = "CHG/run of somebody") -> str:
    """``held``, or why the lock was refused."""
    try:
        with writer_lock(path, who, clock=lambda: b.NOW):
            return "held"
    except Refused as refused:
        return f"{refused.code}: {refused.message}"


def as_account(name: str, action: Callable[[], str]) -> str:
    """What ``action`` returns in a process of another account."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            account = pwd.getpwnam(name)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.write(writing, action().encode())
        except BaseException as error:  # noqa: BLE001 - the child must end here, whatever happens
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(child, 0)
    return said


def hold(path: Path, ready: Any) -> None:
    with writer_lock(path, "CHG/run of somebody", clock=lambda: b.NOW):
        ready.set()
        time.sleep(60)


def test_the_second_writer_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=hold, args=(path, ready))
    holder.start()
    try:
        assert ready.wait(30)
        with (
            pytest.raises(Refused, match="CHG/run of somebody") as caught,
            writer_lock(path, "me", clock=lambda: b.NOW),
        ):
            pass
        assert caught.value.code == "locked"
        holder.kill()
        holder.join()
        with writer_lock(path, "me", clock=lambda: b.NOW):
            pass
    finally:
        # Never ``go.set()``: it would wait for ever for the killed process to wake up.
        holder.kill()
        holder.join()


def test_the_lock_is_of_one_database_and_one_ou() -> None:
    assert lock_path("a", "b") == lock_path("a", "b")
    assert len({lock_path("a", "b"), lock_path("a", "c"), lock_path("c", "b")}) == 3


def test_a_note_that_cannot_be_written_is_no_reason_and_names_no_earlier_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    path.write_text('{"holder": "CHG1/run-1", "process": 1, "since": "2026"}')  # as a killed holder leaves it

    really_write = os.write

    def full(handle: int, data: bytes) -> int:
        # Other threads of this process, those of pytest-xdist among them, write elsewhere meanwhile.
        if os.path.samestat(os.fstat(handle), path.stat()):
            raise OSError(28, "No space left on device")
        return really_write(handle, data)

    with monkeypatch.context() as patched:
        patched.setattr("runbook_lib.change.lock.os.write", full)
        with writer_lock(path, "CHG2/run-2", clock=lambda: b.NOW):
            said = held(path)
    assert said.startswith("locked: ")
    assert "run-1" not in said


def test_the_place_is_one_of_the_system_for_every_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = lock_path("a", "b")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lock_path("a", "b") == first
    facts = first.parent.lstat()
    assert facts.st_uid == 0
    assert stat.S_IMODE(facts.st_mode) & 0o1002 == 0o1002


@needs_root
def test_a_folder_that_somebody_could_have_prepared_is_no_place(sticky: Path) -> None:
    assert lock_path("a", "b", [str(sticky)]).parent == sticky
    mine = sticky / "mine"
    mine.mkdir()
    mine.chmod(0o1777)
    os.chown(mine, pwd.getpwnam("nobody").pw_uid, -1)
    open_to_all, for_root, link = sticky / "open", sticky / "for-root", sticky / "link"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for_root.mkdir(mode=0o755)
    link.symlink_to(mine)
    with pytest.raises(Refused) as caught:
        lock_path("a", "b", [str(path) for path in (mine, open_to_all, for_root, link, sticky / "none")])
    assert caught.value.code == "lock-unusable"
    assert lock_path("a", "b", [str(mine), str(sticky)]).parent == sticky


@needs_root
def test_two_accounts_exclude_each_other_and_neither_is_shut_out_for_ever(sticky: Path) -> None:
    path = lock_path("a", "b", [str(sticky)])
    assert as_account("daemon", lambda: held(path)) == "held"
    assert path.owner() == "daemon"
    assert as_account("nobody", lambda: held(path)) == "held"
    assert held(path) == "held"

    context = multiprocessing.get_context("fork")
    ready, asked = context.Event(), context.Event()

    def hold_until_asked() -> str:
        with writer_lock(path, "CHG/run-7 of daemon", clock=lambda: b.NOW):
            ready.set()
            asked.wait(30)
        return "held"

    holder = context.Process(target=as_account, args=("daemon", hold_until_asked))
    holder.start()
    assert ready.wait(30)
    said = as_account("nobody", lambda: held(path))
    asked.set()
    holder.join()
    assert said.startswith("locked: Another run writes to this OU: CHG/run-7 of daemon (process ")


@needs_root
@pytest.mark.parametrize("umask", [0o077, 0o022, 0])
def test_the_file_is_for_every_account_whatever_the_umask(sticky: Path, umask: int) -> None:
    path = lock_path("a", "b", [str(sticky)])
    before = os.umask(umask)
    try:
        assert held(path) == "held"
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert as_account("nobody", lambda: held(path)) == "held"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_somebody_prepared_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path = tmp_path / "a.lock"
    path.symlink_to(precious)
    assert held(path) == f"lock-unusable: The lock {path} cannot be used: it is a link."
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert held(path).startswith("lock-unusable")
    assert not (tmp_path / "nowhere").exists()
    path.unlink()
    path.hardlink_to(precious)
    assert held(path).startswith("lock-unusable")
    path.unlink()
    os.mkfifo(path)
    assert held(path).startswith("lock-unusable")
    path.unlink()
    path.mkdir()
    assert held(path).startswith("lock-unusable")
    assert precious.read_text() == "mine"


@needs_root
def test_a_file_that_this_account_cannot_open_refuses_and_names_its_owner(
    sticky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PAUSE", 0.0)
    path = lock_path("a", "b", [str(sticky)])
    path.touch(mode=0o600)
    os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)
    said = as_account("nobody", lambda: held(path))
    assert said.startswith("lock-unusable: ")
    assert "it belongs to the account daemon" in said


def test_a_file_that_was_replaced_while_it_was_locked_is_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    real = lock._lock
    times = iter(range(2))

    def replaced_once(descriptor: int) -> bool:
        if next(times, None) == 0:
            path.unlink()
            path.touch()
        return real(descriptor)

    monkeypatch.setattr(lock, "_lock", replaced_once)
    with writer_lock(path, "CHG/run-1", clock=lambda: b.NOW):
        monkeypatch.setattr(lock, "_lock", real)
        assert held(path).startswith("locked: Another run writes to this OU: CHG/run-1")
