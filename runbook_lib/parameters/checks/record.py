"""Where the records of a change go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Names that Windows keeps for devices, with any extension, and the one file that stands beside the change folders.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?|index\.html", re.IGNORECASE)


def change_id(parameters: Parameters) -> Iterator[Complaint]:
    """A name of a change that cannot name its folder."""
    text = parameters.change_id
    if text and (not _FOLDER.fullmatch(text) or text.endswith(".") or _RESERVED.fullmatch(text)):
        yield Complaint(
            ("change_id",),
            "cannot name a folder on every system",
            "bad-change-id",
            "Use at most 64 letters, digits, hyphens, underscores and dots, beginning with a letter or digit.",
        )


def records_dir(parameters: Parameters) -> Iterator[Complaint]:
    """No folder for records."""
    if not parameters.records_dir:
        yield Complaint(("records_dir",), "is empty", "empty-records-dir", 'The default is "records".')


def approvers(parameters: Parameters) -> Iterator[Complaint]:
    """An entry that names nobody: it would close the gate to everybody without saying so."""
    for number, entry in enumerate(parameters.approvers):
        if not entry.strip().removeprefix("account:").removeprefix("group:").strip():
            yield Complaint(
                ("approvers", number),
                "names nobody",
                "empty-approver",
                'Write a name, "account:NAME" or "group:NAME"; an empty list lets anybody approve.',
            )
