"""Files that decide what may be written, read without guessing: no link, no size without end, no key given twice.

Python's own reader of JSON takes the last of two keys of one name, and opening a path follows links: either would let
a file show one thing to a person and another to the program.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from runbook_lib.errors import ServiceFailed
from runbook_lib.files import file_mode, make_folder_like_its_parent, write_durably
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import json_text

LARGEST_APPROVAL = 8 * 1024 * 1024
"""Bytes of an approval: one line of 70 bytes for each change of a plan."""
LARGEST_PLAN = 512 * 1024 * 1024
"""Bytes of a plan or a journal: about 150 for each member value that enters or leaves."""


class Unfit(ValueError):  # noqa: N818 - what it says becomes part of an error in words
    """A file that cannot be believed.

    Attributes:
        why: Why, as the end of a sentence.
    """

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class PlainFile:
    """The bytes of one file, and what the system says about it.

    Attributes:
        sha256: Of ``data``, 64 lower-case hexadecimal digits.
        owner: Account that owns the file; empty where this system does not tell (Windows).
        groups: Names of that account's groups; empty where this system does not tell.
        shared: Whether others than the owner may write to it; False where this system does not tell.
    """

    data: bytes
    sha256: str
    owner: str
    groups: frozenset[str]
    shared: bool = False


def read_plain(path: Path, *, largest: int) -> PlainFile:
    """Read an ordinary file of at most ``largest`` bytes.

    Raises:
        FileNotFoundError: It is not there.
        Unfit: It is a link or no ordinary file, too large, or cannot be read.
    """
    try:
        if path.is_symlink():
            raise Unfit(t("it is a link"))
        # Neither a link that takes its place meanwhile is followed, nor is a pipe waited for.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            raise Unfit(t("it is no ordinary file"))
        with os.fdopen(handle, "rb") as stream:
            data = stream.read(largest + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unfit(t("it cannot be read ({strerror})", strerror=error.strerror or type(error).__name__)) from None
    if len(data) > largest:
        raise Unfit(t("it has more than {largest:,} bytes", largest=largest))
    owner, groups = _account(status.st_uid)
    shared = os.name == "posix" and bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return PlainFile(data, hashlib.sha256(data).hexdigest(), owner, groups, shared)


def strict_json(data: bytes) -> Any:
    """The value of JSON text in UTF-8.

    Raises:
        Unfit: Not UTF-8, not JSON, a key given twice, a number that JSON does not have, nested beyond reason.
    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Unfit(t("it is not UTF-8")) from None
    except RecursionError:
        raise Unfit(t("it is nested beyond reason")) from None
    except Unfit:
        raise
    except ValueError:
        raise Unfit(t("it is not JSON")) from None


def write_whole(path: Path, data: bytes, *, what: str, code: str, hint: Text) -> None:
    """Write a file, whole or not at all; a folder that is missing is made like its parent.

    Args:
        path: The file.
        data: What it holds; of JSON, ``whole_text``.
        what: What the file is, for the error: ``approval``.
        code: Code of that error.
        hint: What to do then.

    Raises:
        ServiceFailed: Disk full, share gone, no right; the file or its folder is a link, which leads elsewhere.
    """
    try:
        for place in (path.parent, path):
            if place.is_symlink():
                raise OSError(errno.ELOOP, t("{name} is a link", name=place.name))
        make_folder_like_its_parent(path.parent)
        # Whose file it is says who approved, so nobody else may write to it, whoever may read it.
        write_durably(path, data, mode=file_mode(path.parent) & ~0o022)
    except OSError as error:
        raise ServiceFailed(
            t(
                "The {what} {path} cannot be written: {error_strerror}.",
                what=what,
                path=path,
                error_strerror=error.strerror or type(error).__name__,
            ),
            code=code,
            hint=hint,
            values={"path": str(path)},
        ) from None


def whole_text(content: Mapping[str, object]) -> bytes:
    """The bytes of a file of JSON that decides something: one form for one content."""
    return (json_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)) + "\n").encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unfit(t("a key is given twice"))
    return found


def _no_constant(_: str) -> NoReturn:
    raise Unfit(t("it is not JSON"))


def own_account() -> tuple[str, frozenset[str]]:
    """Name and groups of the account that a file would belong to which this process writes; as in ``PlainFile``."""
    return _account(os.geteuid()) if os.name == "posix" else ("", frozenset())


def _account(number: int) -> tuple[str, frozenset[str]]:
    """An account's name, or its number where it has none, and its groups."""
    try:
        import grp
        import pwd
    except ImportError:
        return "", frozenset()
    try:
        entry = pwd.getpwuid(number)
    except KeyError:
        return str(number), frozenset()
    names = set()
    for group in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            names.add(grp.getgrgid(group).gr_name)
        except KeyError:
            continue
    return entry.pw_name, frozenset(names)
