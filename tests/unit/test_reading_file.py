"""The file of a kept reading: whole and as it was saved, or nothing; its owner's alone; never in clear where sealed."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runbook_lib.model.text import t
from runbook_lib.reading_file import KEY_BYTES, NotKept, ReadingFile, StoredPart

HEAD, PARTS = b"what it is about", [("groups", b"Sales" * 2_000), ("groups", b""), ("people", os.urandom(9_000))]
KEYS: dict[str, Callable[[], bytes] | None] = {"sealed": lambda: bytes(KEY_BYTES), "plain": None}


@pytest.fixture(params=sorted(KEYS))
def file(request: pytest.FixtureRequest, tmp_path: Path) -> ReadingFile:
    return ReadingFile(tmp_path / "state" / "one.sqlite", KEYS[request.param], patience=0)


def loaded(file: ReadingFile) -> tuple[bytes, list[StoredPart]] | None:
    stored = file.load()
    return None if stored is None else (stored.head, list(stored.parts))


def test_what_was_saved_last_is_loaded(file: ReadingFile) -> None:
    assert loaded(file) is None
    file.save(b"first", [("groups", b"x" * 200_000)])
    file.save(HEAD, iter(PARTS))
    assert loaded(file) == (HEAD, PARTS)
    file.clear()
    assert loaded(file) is None
    file.save(HEAD, PARTS)
    assert file.remove()
    assert not file.remove()
    assert loaded(file) is None
    assert list(file.path.parent.iterdir()) == []


@pytest.mark.skipif("os.name != 'posix'", reason="modes are POSIX; Windows protects the user's own folder")
def test_only_the_owner_can_read(file: ReadingFile) -> None:
    file.path.parent.mkdir(mode=0o777)
    before = os.umask(0)
    try:
        file.save(HEAD, PARTS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.skipif("os.name != 'posix'", reason="modes are POSIX; Windows protects the user's own folder")
@pytest.mark.parametrize("what", ["a mode", "a link", "a folder"])
def test_what_others_could_have_written_is_not_believed(file: ReadingFile, what: str) -> None:
    file.save(HEAD, PARTS)
    if what == "a mode":
        file.path.chmod(0o620)
    else:
        moved = file.path.rename(file.path.with_name("elsewhere"))
        if what == "a link":
            file.path.symlink_to(moved)
        else:
            file.path.mkdir()
    with pytest.raises(NotKept, match="damaged"):
        file.load()
    if what == "a folder":
        with pytest.raises(NotKept, match="cannot be used"):
            file.save(HEAD, PARTS)
        return
    file.save(HEAD, PARTS)
    assert loaded(file) == (HEAD, PARTS)
    assert not file.path.is_symlink()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_nothing_of_it_is_in_clear_where_it_is_sealed(tmp_path: Path) -> None:
    file = ReadingFile(tmp_path / "one.sqlite", KEYS["sealed"])
    file.save(b"plain", [("groups", b"Sales")])
    assert b"Sales" not in file.path.read_bytes()
    assert ReadingFile(file.path, KEYS["sealed"]).load() is not None
    for other in (lambda: b"x" * KEY_BYTES, None):
        with pytest.raises(NotKept, match="another key"):
            ReadingFile(file.path, other).load()


def test_what_was_plain_is_gone_once_it_is_sealed(tmp_path: Path) -> None:
    secret = os.urandom(40_000)  # does not shrink
    plain = ReadingFile(tmp_path / "one.sqlite", None)
    plain.save(HEAD, [("people", secret)])
    assert secret[:64] in plain.path.read_bytes()
    ReadingFile(plain.path, KEYS["sealed"]).save(HEAD, [])
    assert not any(secret[start : start + 16] in plain.path.read_bytes() for start in range(0, len(secret), 16))


def test_a_file_that_is_cut_short_or_damaged_is_nothing_or_what_it_was(file: ReadingFile) -> None:
    file.save(HEAD, PARTS)
    whole = file.path.read_bytes()
    for size in range(0, len(whole), 997):
        file.path.write_bytes(whole[:size])
        with pytest.raises(NotKept):
            file.load()
    refused = 0
    for place in range(0, len(whole), 211):
        file.path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            assert loaded(file) in (None, (HEAD, PARTS))
        except NotKept:
            refused += 1
    assert refused > len(whole) // 211 // 2
    file.path.write_bytes(b"not a database, but long enough for SQLite to look at it" * 40)
    with pytest.raises(NotKept, match="damaged"):
        file.load()
    file.save(HEAD, PARTS)  # a new one takes its place
    assert loaded(file) == (HEAD, PARTS)
    file.path.write_bytes(whole[:5000])
    file.clear()
    assert loaded(file) is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reading WHERE number = 2",
        "DELETE FROM reading WHERE number = (SELECT max(number) FROM reading)",
        "UPDATE reading SET body = (SELECT body FROM reading WHERE number = 2) WHERE number = 1",
        "UPDATE reading SET name = 'others' WHERE number = 1",
        "UPDATE reading SET generation = 'another'",
        "UPDATE reading SET body = 'text'",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "DROP TABLE reading",
        "ALTER TABLE reading DROP COLUMN name",
    ],
)
def test_rows_that_are_not_all_of_one_reading_are_not_believed(file: ReadingFile, statement: str) -> None:
    file.save(HEAD, PARTS)
    with closing(sqlite3.connect(file.path)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(NotKept, match="damaged, or is of another version"):
        file.load()
    file.save(b"next", PARTS)
    assert loaded(file) == (b"next", PARTS)


def test_another_process_that_writes_is_not_waited_for_without_end(file: ReadingFile) -> None:
    file.save(HEAD, PARTS)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for work in (file.load, file.clear, lambda: file.save(b"next", PARTS)):
            with pytest.raises(NotKept, match="another process is writing"):
                work()
        other.execute("ROLLBACK")
    assert loaded(file) == (HEAD, PARTS)


def test_a_file_that_another_process_is_about_to_fill_is_left_to_it(file: ReadingFile) -> None:
    file.path.parent.mkdir()
    file.path.touch(mode=0o600)
    inode = file.path.stat().st_ino
    file.save(HEAD, PARTS)
    assert (file.path.stat().st_ino, loaded(file)) == (inode, (HEAD, PARTS))


def test_a_full_disk_leaves_what_was_there(file: ReadingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(HEAD, PARTS)
    connect = file._connect

    def nearly_full() -> sqlite3.Connection:
        connection = connect()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers as on a full disk
        return connection

    monkeypatch.setattr(file, "_connect", nearly_full)
    with pytest.raises(NotKept, match="the disk is full"):
        file.save(b"next", [("people", os.urandom(100_000))])
    assert loaded(file) == (HEAD, PARTS)


@pytest.mark.skipif("os.name != 'posix' or os.geteuid() == 0", reason="a folder that cannot be written, for a user")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(NotKept, match="cannot be used"):
        ReadingFile(tmp_path / "shut" / "state" / "one.sqlite", None).save(HEAD, PARTS)


def test_a_folder_whose_place_is_taken(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    file = ReadingFile(tmp_path / "state" / "one.sqlite", None)
    with pytest.raises(NotKept, match="cannot be used"):
        file.save(HEAD, PARTS)
    with pytest.raises(NotKept, match="cannot be used"):
        file.load()


def test_a_key_that_is_not_to_be_had_keeps_nothing(tmp_path: Path) -> None:
    def none() -> bytes:
        raise NotKept(t("there is none"))

    file = ReadingFile(tmp_path / "one.sqlite", none)
    assert file.load() is None
    with pytest.raises(NotKept):
        file.save(HEAD, PARTS)
    assert list(tmp_path.iterdir()) == []
