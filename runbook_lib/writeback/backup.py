"""LDIF backup of every object that a plan is about to change (RFC 2849).

A backup restores attributes and members by hand; it never restores a SID or a GUID.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.model.change import Change

FILE_NAME = "backup.ldif"


def backup(directory: Directory, changes: Iterable[Change], at: datetime) -> str:
    """LDIF text of the objects of these changes as they are now, every attribute this account may read.

    Objects that a plan creates are not in it: they do not exist yet.
    """
    guids = sorted({change.object_guid for change in changes if change.object_guid})
    lines = ["version: 1", f"# {len(guids)} object(s) before the change, {at.isoformat(timespec='seconds')}", ""]
    for guid in guids:
        entry = directory.read(guid, ["*"])
        if entry is not None:
            lines += [f"# objectGUID {guid}", *_entry(entry), ""]
    return "\n".join(lines)


def _entry(entry: Entry) -> list[str]:
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
