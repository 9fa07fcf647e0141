"""Names of the files of a change and its records, and names that are safe as folders on every system."""

from __future__ import annotations

import re

JOURNAL = "journal.jsonl"
PLAN = "plan.json"
MANIFEST = "MANIFEST.json"


LEFT_OUT = "left-out.csv"
RECORD = "record.json"
PAGE = "record.html"
BACKUP = "backup.ldif"
WORKBOOK = "inventory.xlsx"
APPROVALS = "approvals"
INDEX = "index.html"
RECORD_SCHEMA = "gwb-record/1"
RECORD_VARIABLE = "GWB_RECORD"
"""Environment variable of a kernel: the record that the runner has begun and the notebook continues."""
RUN_MIME = "application/vnd.group-writeback.run+json"
"""Type under which a display says which run it belongs to; no front end shows it."""
MANIFEST_SCHEMA = "gwb-manifest/1"

CLOSINGS = "closings"
LONGEST_FOLDER_NAME = 80
LONGEST_CHANGE_ID = 64
"""People type it; a run's own name is longer."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Device names that Windows refuses as a file name, with any extension ("Naming Files, Paths, and Namespaces").
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})
_TAKEN = frozenset({APPROVALS, CLOSINGS, INDEX})
"""What stands beside the folders of changes, or of runs."""


def safe_folder_name(name: str, longest: int = LONGEST_FOLDER_NAME) -> bool:
    """Whether ``name`` is a folder name on Windows, macOS and Linux alike: ASCII letters, digits, ``.``, ``_``, ``-``.

    It starts with a letter or digit, has at most ``longest`` characters, no dot at the end, is no device name of
    Windows and nothing that stands beside the folders of changes and runs. The one rule for both.
    """
    if not _SAFE.fullmatch(name) or len(name) > longest or name.endswith("."):
        return False
    return name.split(".")[0].casefold() not in _DEVICES and name.casefold() not in _TAKEN


def safe_change_id(name: str) -> bool:
    """Whether a change may be called so: its folder is."""
    return safe_folder_name(name, LONGEST_CHANGE_ID)


def described(path: str) -> str:
    """What a file of a record holds, for people; empty when it is not one of the known files."""
    return _DESCRIPTIONS.get(path, "Executed notebook" if path.endswith(".ipynb") else "")


_DESCRIPTIONS = {
    RECORD: "The facts of this page, for machines",
    PAGE: "This page",
    JOURNAL: "Every write, before and after it happened",
    PLAN: "The plan, change by change",
    LEFT_OUT: "Members of planned groups that are not written, and why",
    BACKUP: "Objects as they were before the first write",
    "groups.csv": "Every cloud group with its state and route",
    "members.csv": "Every membership and what it becomes in AD",
    "ad-groups.csv": "Every AD group that matters here",
    "drift.csv": "What differs between cloud and AD",
    WORKBOOK: "The tables as one workbook",
    MANIFEST: "SHA-256 of every file",
}
