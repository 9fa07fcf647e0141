"""One reading that is kept between runs: a SQLite file of this account's, readable by its owner alone, sealed or plain.

Whatever is wrong with the file means that nothing is kept, never that a run ends. Every row carries a digest, or is
encrypted and authenticated (AES-256-GCM), together with its place among the rows: what is cut short, damaged or mixed
with another reading is not taken for one.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runbook_lib.model.text import Text, t, verbatim

KEY_BYTES = 32
"""Length of a key (AES-256)."""
_FORMAT = 1
"""Version of the tables, in ``user_version``; a file of any other version is not read, and replaced."""
_NONCE, _DIGEST = 12, 32
"""Bytes of a nonce of AES-GCM (NIST SP 800-38D, 5.2.1.1) and of a SHA-256."""
_BESIDE = ("-journal", "-wal", "-shm")
"""Endings of what SQLite leaves beside a file when a process was ended in the midst of a write."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR})
_HEAD = "head"

StoredPart = tuple[str, bytes]
"""A name and what it holds."""


class NotKept(Exception):  # noqa: N818 - no error of a run: it reads everything, and says why
    """The file gives or takes nothing; ``why`` is a clause without a full stop."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


class _Unusable(Exception):  # noqa: N818 - never leaves the module
    """The file is none of ours, of another version or damaged: writing begins a new one in its place."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the file holds: a head that says what it is about, and named parts in the order in which they were given."""

    head: bytes
    parts: tuple[StoredPart, ...]


class ReadingFile:
    """The file of one reading.

    Args:
        path: Where it is; its folder is made so that only its owner can read it.
        key: Gives the key of ``KEY_BYTES`` bytes that it is sealed with, or raises ``NotKept``; None: it is plain.
        patience: Seconds to wait for another process that is writing.
        random: Gives that many random bytes.
    """

    def __init__(
        self,
        path: Path,
        key: Callable[[], bytes] | None,
        *,
        patience: float = 2.0,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.path = path
        self._key = key
        self._patience = patience
        self._random = random

    def load(self) -> Stored | None:
        """What was saved last, whole and as it was; None where there is nothing.

        Raises:
            NotKept: There is something that cannot be read, or is not to be trusted.
        """
        try:
            if not self._there():
                return None
            cipher = self._cipher()
            with _damage(), closing(self._connect()) as connection:
                connection.execute("BEGIN")
                self._require_format(connection)
                rows = connection.execute(
                    "SELECT number, rows, generation, name, body FROM reading ORDER BY number"
                ).fetchall()
            return _stored(rows, cipher)
        except _Unusable:
            raise NotKept(t("the file of an earlier run is damaged, or is of another version or another key")) from None
        except (sqlite3.Error, OSError) as error:
            raise NotKept(_why(error)) from None

    def save(self, head: bytes, parts: Iterable[StoredPart]) -> None:
        """Put a reading in the place of the one before, in one step: a reader sees the one or the other.

        Raises:
            NotKept: It could not be written; what was there before is still there, or nothing is.
        """
        cipher = self._cipher()
        given = [(_HEAD, head), *parts]
        try:
            self._folder()
            try:
                self._write(given, cipher)
            except _Unusable:
                self._unlink()
                self._write(given, cipher)
        except _Unusable:
            raise NotKept(t("a new file is damaged at once")) from None
        except (sqlite3.Error, OSError) as error:
            raise NotKept(_why(error)) from None

    def clear(self) -> None:
        """Keep nothing; a file that cannot be emptied goes.

        Raises:
            NotKept: It could not be emptied.
        """
        try:
            if not self._there():
                return
            with _damage(), closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                self._require_format(connection)
                connection.execute("DELETE FROM reading")
                connection.execute("COMMIT")
        except _Unusable:
            self.remove()
        except (sqlite3.Error, OSError) as error:
            raise NotKept(_why(error)) from None

    def remove(self) -> bool:
        """Remove the file; whether there was one.

        Raises:
            NotKept: It could not be removed.
        """
        try:
            there = self.path.is_symlink() or self.path.exists()
            self._unlink()
        except OSError as error:
            raise NotKept(_why(error)) from None
        return there

    def _cipher(self) -> AESGCM | None:
        return None if self._key is None else AESGCM(self._key())

    def _folder(self) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":  # where the account's folder on Windows is, nobody else reads anyway
            folder.chmod(0o700)

    def _there(self) -> bool:
        """Whether there is a file of this account's that nobody else can read or write.

        Raises:
            _Unusable: Something else has its name, or others could have written it.
        """
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode):
            raise _Unusable
        if os.name == "posix" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
            raise _Unusable
        return True

    def _connect(self) -> sqlite3.Connection:
        """A connection to the file that is there: SQLite would make one that others can read."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=self._patience, isolation_level=None
        )
        connection.execute("PRAGMA secure_delete = ON")  # what is replaced is personal data
        return connection

    def _require_format(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
            raise _Unusable

    def _write(self, given: Sequence[StoredPart], cipher: AESGCM | None) -> None:
        if not self._there():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600))
        generation = self._random(16).hex()
        with _damage(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            # One that has no table yet is another process's, which begins as this one does.
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                self._require_format(connection)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS reading (number INTEGER PRIMARY KEY, rows INTEGER NOT NULL,"
                " generation TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL)"
            )
            connection.execute("DELETE FROM reading")
            for number, (name, content) in enumerate(given):
                place = _place(number, len(given), generation, name)
                body = _sealed(content, place, cipher, self._random)
                values = (number, len(given), generation, name, body)
                connection.execute("INSERT INTO reading VALUES (?, ?, ?, ?, ?)", values)
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
            connection.execute("COMMIT")

    def _unlink(self) -> None:
        # A journal that outlives its file would be played back into the next one.
        for ending in (*_BESIDE, ""):
            self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)


@contextmanager
def _damage() -> Iterator[None]:
    """SQLite's word for a file that is none, or damaged, is ``_Unusable``."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in _DAMAGED:
            raise _Unusable from None
        raise


def _stored(rows: Sequence[tuple[int, int, str, str, bytes]], cipher: AESGCM | None) -> Stored | None:
    """The rows opened, where they are all of one reading.

    Raises:
        _Unusable: They are not, or one is not as it was written.
    """
    if not rows:
        return None
    generation = rows[0][2]
    parts: list[StoredPart] = []
    for expected, (number, many, whose, name, body) in enumerate(rows):
        if (number, many, whose) != (expected, len(rows), generation):
            raise _Unusable
        parts.append((name, _opened(body, _place(number, many, generation, name), cipher)))
    (first, head), *rest = parts
    if first != _HEAD:
        raise _Unusable
    return Stored(head, tuple(rest))


def _place(number: int, many: int, generation: str, name: str) -> bytes:
    return f"{_FORMAT} {number} {many} {generation} {name}".encode()


def _sealed(content: bytes, place: bytes, cipher: AESGCM | None, random: Callable[[int], bytes]) -> bytes:
    plain = hashlib.sha256(place + content).digest() + zlib.compress(content, 1)
    if cipher is None:
        return plain
    nonce = random(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, place)


def _opened(body: bytes, place: bytes, cipher: AESGCM | None) -> bytes:
    try:
        plain = body if cipher is None else cipher.decrypt(body[:_NONCE], body[_NONCE:], place)
        content = zlib.decompress(plain[_DIGEST:])
    except (InvalidTag, ValueError, TypeError, zlib.error):
        raise _Unusable from None
    if hashlib.sha256(place + content).digest() != plain[:_DIGEST]:
        raise _Unusable
    return content


def _code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension ("Result and Error Codes"); 0 where the error has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _why(error: sqlite3.Error | OSError) -> Text:
    if isinstance(error, OSError):
        return t("the file cannot be used ({reason})", reason=verbatim(error.strerror or type(error).__name__))
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return t("another process is writing the file")
    if code == sqlite3.SQLITE_FULL:
        return t("the disk is full")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return t("the file cannot be used ({reason})", reason=verbatim(name))
