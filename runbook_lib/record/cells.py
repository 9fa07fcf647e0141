"""What a saved notebook tells of its cells: what really happened to each, and which run its outputs belong to.

papermill's ``status`` is not a witness: after a dead kernel or a timeout it says ``completed`` for the dying cell and
for every cell that never ran (papermill 2.7, ``NotebookExecutionManager.notebook_complete``). nbclient stores the times
of the kernel's messages in ``metadata.execution`` (nbformat, "Cell metadata"); those are.

In JupyterLab all runs of a notebook share one file: it may hold another run's outputs, or those of several. So every
display of a run carries its mark, for machines only.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from runbook_lib.errors import UsageError
from runbook_lib.files import RUN_MIME
from runbook_lib.model.moment import moment_in
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import typed
from runbook_lib.record.folder import RecordFolder

_START = "iopub.execute_input"
_REPLY = "shell.execute_reply"


class CellState(Enum):
    """What a code cell did. ``value`` is what the cleaned notebook holds."""

    RAN = "ran"
    STOPPED_HERE = "stopped-here"
    """The run ended here on purpose: a closed gate, a refusal, nothing to do."""
    FAILED = "failed"
    BROKE_OFF = "broke-off"
    """Started, and the kernel never said that it had finished."""
    NOT_RUN = "not-run"
    UNTIMED = "ran-untimed"
    """Ran in a front end that records no times (JupyterLab's default)."""


@dataclass(frozen=True, slots=True)
class CellTruth:
    """State of one cell and its duration in seconds, None when it did not finish or no times were recorded."""

    state: CellState
    seconds: float | None = None

    def text(self, outcome: Outcome) -> Text:
        """The state in words, for people."""
        if self.state is CellState.RAN:
            return t("ran in {seconds:.1f} s", seconds=self.seconds) if self.seconds is not None else t("ran")
        if self.state is CellState.NOT_RUN:
            return not_run_text(outcome)
        return {
            CellState.STOPPED_HERE: t("not run further: {ending}", ending=outcome.title.lower()),
            CellState.FAILED: t("ended with an error"),
            CellState.BROKE_OFF: t("stopped while running"),
            CellState.UNTIMED: t("ran, time not recorded"),
        }[self.state]


def not_run_text(outcome: Outcome) -> Text:
    """Why a cell was not run."""
    if outcome in (Outcome.AWAITING_APPROVAL, Outcome.NOTHING_TO_DO, Outcome.REFUSED):
        return t("not run: {ending}", ending=outcome.title.lower())
    return t("not run") if outcome is Outcome.DONE else t("not run: the run ended before this cell")


def cell_truth(cell: Mapping[str, object], *, timed: bool) -> CellTruth:
    """State of a code cell, its outputs left out of account.

    Args:
        cell: The cell as saved.
        timed: Whether any cell of the notebook carries times; without them an execution count must do.
    """
    if cell.get("execution_count") is None:
        # A count is set when the kernel echoes the input; times without one are left over from an earlier run. But a
        # kernel can die before the echo: then only papermill knows that it had sent the cell.
        return CellTruth(CellState.BROKE_OFF if _sent(cell) else CellState.NOT_RUN)
    if not timed:
        return CellTruth(CellState.UNTIMED)
    times = execution_times(cell)
    start, reply = moment_in(times.get(_START)), moment_in(times.get(_REPLY))
    if reply is None or (start is not None and reply < start):
        return CellTruth(CellState.BROKE_OFF)
    return CellTruth(CellState.RAN, (reply - start).total_seconds() if start is not None else None)


def _sent(cell: Mapping[str, object]) -> bool:
    """Whether papermill noted a start for a cell that nbclient does not skip."""
    metadata = cell.get("metadata")
    if not isinstance(metadata, Mapping) or not joined_lines(cell.get("source")).strip():
        return False
    tags, papermill = metadata.get("tags"), metadata.get("papermill")
    skipped = isinstance(tags, list) and "skip-execution" in tags
    return not skipped and isinstance(papermill, Mapping) and moment_in(papermill.get("start_time")) is not None


def joined_lines(value: object) -> str:
    """A text of a notebook's file, which may be a list of its lines (nbformat, ``multiline_string``)."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def execution_times(cell: Mapping[str, object]) -> Mapping[str, object]:
    """``metadata.execution`` of a cell, empty when there is none."""
    metadata = cell.get("metadata")
    times = metadata.get("execution") if isinstance(metadata, Mapping) else None
    return times if isinstance(times, Mapping) else {}


def run_mark_of(folder: RecordFolder) -> dict[str, str]:
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


def of_this_run(notebook: Any, folder: RecordFolder, path: Path) -> tuple[Any, Text]:
    """The notebook with the outputs of this run alone, and a gap that says what was left out (or an empty text).

    Raises:
        UsageError: ``notebook-of-another-run``: nothing in it is of this run.
    """
    named = [_named(cell) for cell in _cells(notebook)]
    own = (folder.change_id, folder.run_id)
    others = sorted({run_id for runs in named for change_id, run_id in runs if (change_id, run_id) != own})
    if own not in _marked(notebook) and not any(own in runs for runs in named):
        of = t("no output in it says of which run it is")
        if others:
            of = t("it holds outputs of {others}", others=", ".join(others))
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
        return notebook, NOTHING
    kept = copy.deepcopy(notebook)
    left_out = 0
    for cell, runs in zip(_cells(kept), named, strict=True):
        if runs and own not in runs:
            cell["outputs"], cell["execution_count"], cell["metadata"] = [], None, _untimed(cell.get("metadata"))
            left_out += 1
    return (
        kept,
        t(
            "{left_out} cells of the notebook file held outputs of other runs and are left out: {others}.",
            left_out=left_out,
            others=", ".join(others),
        ),
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
