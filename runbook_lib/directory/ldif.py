"""Objects of the directory as LDIF (RFC 2849): a backup that restores attributes by hand, never a SID or a GUID."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import counted

BACKUP_FILE = "backup.ldif"
"""Name of the file in a record."""


def ldif_of(
    directory: Directory,
    guids: Sequence[str],
    at: datetime,
    *,
    whole: Collection[str] = (),
    comments: Callable[[str], Iterable[str]] = lambda _: (),
) -> str:
    """Objects as they are now, every attribute that this account may read.

    Args:
        directory: The domain controller.
        guids: Which; those that are not there are left out.
        at: The time that the file names, UTC.
        whole: Those of them that are written with their access list too.
        comments: Gives the lines before an object, from its GUID; ASCII.

    Raises:
        RunbookError: An object cannot be read.
    """
    lines = ["version: 1", f"# {counted(len(guids), 'object')} before the change, {iso_seconds(at)}", ""]
    for guid in guids:
        entry = directory.read_whole(guid) if guid in whole else directory.read(guid, ["*"])
        if entry is not None:
            lines += [f"# objectGUID {guid}", *comments(guid), *_entry_lines(entry), ""]
    return "\n".join(lines)


def _entry_lines(entry: Entry) -> list[str]:
    lines = _fold(_line("dn", entry.dn.encode("utf-8", "surrogateescape")))
    for name in sorted(entry.attributes):
        for value in entry.raw(name):
            lines += _fold(_line(name, value))
    return lines


def _line(name: str, value: bytes) -> str:
    """``name: value`` where the value is safe as it stands, else ``name:: base64``."""
    safe = (
        all(32 <= byte < 127 for byte in value)
        and not value.startswith((b" ", b":", b"<"))
        and not value.endswith(b" ")
    )
    return f"{name}: {value.decode('ascii')}" if safe else f"{name}:: {base64.b64encode(value).decode('ascii')}"


def _fold(line: str) -> list[str]:
    """RFC 2849 folds a long line; every continuation begins with one space."""
    parts = [line[:76]]
    parts += [" " + line[start : start + 75] for start in range(76, len(line), 75)]
    return parts
