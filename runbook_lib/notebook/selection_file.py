"""The selection file of a change: the groups that were ticked in JupyterLab, as a parameters file beside its records.

It lies in the change's folder. In JupyterLab the notebooks of the change take it by themselves, in the place of what
the parameters file says in ``select_ids``, ``select_names`` and ``select_file``; ``gwb run`` takes it by ``-f``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.load import load_parameters
from runbook_lib.record.folder import write_atomically

SELECTION_FILE = "selection.yaml"
_HELD = frozenset({"change_id", "select_ids", "select_names", "select_file"})
_NO_COMMENT = re.compile(r"[^ -~\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]")
"""What YAML does not let stand in a comment, and what lies beyond the plane that every reader knows."""


def write_selection(folder: Path, groups: Sequence[tuple[str, str]], *, run_id: str, at: str) -> Path:
    """Write the selection of a change.

    Args:
        folder: The change's folder; its name is the change id.
        groups: Id and display name of each group; the names are for people who read the file.
        run_id: The run in which they were ticked.
        at: When, ISO 8601.

    Returns:
        The file.

    Raises:
        ServiceFailed: It cannot be written (``record-write``).
    """
    lines = [
        "# " + t("Ticked in JupyterLab, run {run_id}, {at}: what 30-enable-writeback writes.", run_id=run_id, at=at),
        f"change_id: {json.dumps(folder.name)}",
        "select_ids:" if groups else "select_ids: []",
        *(f"  - {json.dumps(group_id)}  # {_comment(name)}" for group_id, name in groups),
        "select_names: []",
        'select_file: ""',
    ]
    path = folder / SELECTION_FILE
    write_atomically(path, ("\n".join(lines) + "\n").encode("utf-8"))
    return path


def read_selection(folder: Path) -> Mapping[str, object]:
    """The selection of a change's selection file, by the names of its parameters; empty where there is none.

    Raises:
        UsageError: It is no parameters file, holds other parameters or belongs to another change
            (``selection-file-invalid``).
    """
    path = folder / SELECTION_FILE
    if not path.is_file():
        return {}
    given = load_parameters([path], {}, project_root=folder).given
    if set(given) != _HELD or given["change_id"] != folder.name:
        raise UsageError(
            t("{path} is not the selection of the change {change}.", path=path, change=folder.name),
            code="selection-file-invalid",
            hint=t("Delete it, and tick the groups in 20-inventory-groups again."),
            values={"path": str(path)},
        )
    return {name: value for name, value in given.items() if name != "change_id"}


def _comment(name: str) -> str:
    return _NO_COMMENT.sub("?", printable(name, limit=120))
