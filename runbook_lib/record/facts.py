"""record.json as the page needs it, whatever a broken-off run left of it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from runbook_lib.change.strict_file import LARGEST_PLAN, Unfit, read_plain
from runbook_lib.errors import UsageError
from runbook_lib.model.file_names import JOURNAL, RECORD, RECORD_SCHEMA
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.state import STANDING_GAPS, RunRecord

_BEGUN = re.compile(rb'"entry": *"(begin|done)"')
"""Not the word alone: an approver may be called that. Inside a text the quotation marks are escaped."""
DAMAGED = "record.damaged.json"
"""Where a record.json that cannot be read is kept."""


def facts_of(folder: RecordFolder) -> dict[str, Any]:
    """Facts of a run with every key present and of the right kind.

    A record.json that is missing or unreadable is replaced by what the folder itself says; the damaged file is kept
    beside it and a gap tells.
    """
    empty: dict[str, Any] = {
        "schema": RECORD_SCHEMA,
        "change_id": folder.change_id,
        "run_id": folder.run_id,
        "notebook": {"name": "unknown", "sha256": None},
        "mode": None,
        "ran_by": {"account": None, "host": None, "cloud": None, "directory": None},
        "outcome": None,
        "exit_code": None,
        "started": None,
        "ended": None,
        "target": {"tenant": None, "domain": None, "dc": None, "ou": None},
        "parameters": {},
        "snapshots": {},
        "plan": None,
        "approval": None,
        "changes": {"planned": 0, "done": 0},
        "findings": [],
        "steps": [],
        "versions": {},
        "gaps": list(STANDING_GAPS),
        "error": None,
    }
    try:
        read = RunRecord.load(folder).facts
    except UsageError as error:
        empty["gaps"].append(_damaged(folder, error))
        return empty
    merged = {key: _merged(default, read.get(key, default)) for key, default in empty.items()}
    merged["findings"] = [item for item in merged["findings"] if isinstance(item, Mapping) and item.get("seen")]
    merged["steps"] = [item for item in merged["steps"] if isinstance(item, Mapping) and {"title", "at"} <= item.keys()]
    merged["plan"] = merged["plan"] if isinstance(merged["plan"], Mapping) else None
    merged["error"] = merged["error"] if isinstance(merged["error"], Mapping) else None
    return merged | {key: value for key, value in read.items() if key not in empty}


def _damaged(folder: RecordFolder, error: UsageError) -> str:
    path = folder.file(RECORD)
    if not path.exists():
        return "record.json was missing when the run was sealed: the run stopped before it could say what it does."
    folder.write_bytes(DAMAGED, path.read_bytes())
    return f"record.json was not readable when the run was sealed ({error.code}); it is kept as {DAMAGED}."


def _merged(default: Any, value: Any) -> Any:
    """``value`` if it is of the kind of ``default``; dictionaries get the keys that they lack."""
    if isinstance(default, Mapping):
        return {**default, **value} if isinstance(value, Mapping) else copy.deepcopy(default)
    if isinstance(default, list):
        return value if isinstance(value, list) else default
    return value


def decided(folder: RecordFolder, *, interrupted: bool) -> Outcome:
    """The verdict of a run that gave none: it depends on whether a write was begun."""
    if writes_begun(folder):
        return Outcome.PARTIAL
    return Outcome.INTERRUPTED if interrupted else Outcome.FAILED


def writes_begun(folder: RecordFolder) -> bool:
    """Whether the journal holds a ``begin`` or ``done`` line, or may have held one.

    The text is searched, not parsed: the last line may be torn, and a torn ``begin`` line counts as a begun write. A
    folder that is gone or cannot be read (a share that vanished) counts too: nobody can say that nothing was written.
    """
    try:
        journal = read_plain(folder.file(JOURNAL), largest=LARGEST_PLAN).data
    except FileNotFoundError:
        return not folder.path.is_dir()
    except Unfit:
        return True
    return _BEGUN.search(journal) is not None
