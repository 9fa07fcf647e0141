"""Which run the outputs of a saved notebook belong to: every display of a run carries its mark, for machines only.

In JupyterLab all runs of a notebook share one file: it may hold another run's outputs, or those of several.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.errors import UsageError
from runbook_lib.files import RUN_MIME
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import typed
from runbook_lib.record.folder import RecordFolder


def mark_of(folder: RecordFolder) -> dict[str, str]:
    """What a display of this run carries under ``RUN_MIME``."""
    return {"change_id": folder.change_id, "run_id": folder.run_id}


def meaning_in(outputs: Any) -> Mapping[str, Any]:
    """What the mark of a cell says about the error that ended it; empty where there is none."""
    found: Mapping[str, Any] = {}
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, Mapping) else None
        mark = data.get(RUN_MIME) if isinstance(data, Mapping) else None
        if isinstance(mark, Mapping) and isinstance(mark.get("outcome"), str):
            found = mark
    return found


def of_this_run(notebook: Any, folder: RecordFolder, path: Path) -> tuple[Any, str]:
    """The notebook with the outputs of this run alone, and a gap that says what was left out (or an empty text).

    Raises:
        UsageError: ``notebook-of-another-run``: nothing in it is of this run.
    """
    named = [_named(cell) for cell in _cells(notebook)]
    own = (folder.change_id, folder.run_id)
    others = sorted({run_id for runs in named for change_id, run_id in runs if (change_id, run_id) != own})
    if own not in _marked(notebook) and not any(own in runs for runs in named):
        of = f"it holds outputs of {', '.join(others)}" if others else "no output in it says of which run it is"
        raise UsageError(
            t("The notebook {path} is not that of the run {run_id}: {of}.", path=path, run_id=folder.run_id, of=of),
            code="notebook-of-another-run",
            hint=t(
                "Name the file that this run was saved in. In JupyterLab a later run takes its "
                "place: where outputs of this run are gone, seal it without them: gwb seal {path} "
                "--without-notebook",
                path=typed(folder.path),
            ),
            values={"path": str(path), "run": folder.run_id, "found": others},
        )
    if not others:
        return notebook, ""
    kept = copy.deepcopy(notebook)
    left_out = 0
    for cell, runs in zip(_cells(kept), named, strict=True):
        if runs and own not in runs:
            cell["outputs"], cell["execution_count"], cell["metadata"] = [], None, _untimed(cell.get("metadata"))
            left_out += 1
    return (
        kept,
        f"{left_out} cells of the notebook file held outputs of other runs and are left out: {', '.join(others)}.",
    )


def _cells(notebook: Any) -> list[dict[str, Any]]:
    cells = notebook.get("cells") if isinstance(notebook, Mapping) else None
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _named(cell: Mapping[str, Any]) -> set[tuple[str, str]]:
    """``(change id, run id)`` of every mark among the outputs of a code cell."""
    outputs = cell.get("outputs")
    found = set()
    for output in outputs if cell.get("cell_type") == "code" and isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, Mapping) else None
        mark = data.get(RUN_MIME) if isinstance(data, Mapping) else None
        if isinstance(mark, Mapping) and isinstance(mark.get("change_id"), str) and isinstance(mark.get("run_id"), str):
            found.add((mark["change_id"], mark["run_id"]))
    return found


def _marked(notebook: Any) -> set[tuple[str, str]]:
    """Change and run that the runner wrote into a notebook that it executed, before any output."""
    metadata = notebook.get("metadata") if isinstance(notebook, Mapping) else None
    mark = metadata.get(RUN_MIME) if isinstance(metadata, Mapping) else None
    if not isinstance(mark, Mapping):
        return set()
    found = (mark.get("change_id"), mark.get("run_id"))
    return {(str(found[0]), str(found[1]))} if all(isinstance(part, str) for part in found) else set()


def _untimed(metadata: object) -> dict[str, Any]:
    kept = dict(metadata) if isinstance(metadata, Mapping) else {}
    return {name: value for name, value in kept.items() if name not in ("execution", "papermill")}
