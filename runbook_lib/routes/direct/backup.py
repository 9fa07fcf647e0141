"""LDIF backup of every object that a plan is about to change (RFC 2849).

A backup restores attributes and members by hand; it never restores a SID or a GUID.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.model.change import Change, ChangeKind, MemberRef
from runbook_lib.model.untrusted import counted

FILE_NAME = "backup.ldif"


def backup(directory: Directory, changes: Sequence[Change], at: datetime) -> str:
    """LDIF text of the objects of these changes as they are now, every attribute this account may read.

    An object that is going to be deleted is written with its access list and with the GUIDs of its members. Objects
    that a plan creates are not in it: they do not exist yet.
    """
    guids = sorted({change.object_guid for change in changes if change.object_guid})
    members = {c.object_guid: c.members_removed for c in changes if c.kind is ChangeKind.DELETE}
    before = f"# {counted(len(guids), 'object')} before the change, {at.isoformat(timespec='seconds')}"
    lines = ["version: 1", before, ""]
    for guid in guids:
        entry = directory.read_whole(guid) if guid in members else directory.read(guid, ["*"])
        if entry is not None:
            lines += [f"# objectGUID {guid}", *(_member(ref) for ref in members.get(guid, ())), *_entry(entry), ""]
    return "\n".join(lines)


def _member(ref: MemberRef) -> str:
    """A comment that ties a member's DN, which may change, to its GUID, which does not. LDIF comments are ASCII."""
    return f"# member {ref.guid} {ref.dn.encode('unicode_escape').decode('ascii')}"


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
