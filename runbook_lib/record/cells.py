"""What really happened to a cell, read from the kernel's own messages.

papermill's ``status`` is not a witness: after a dead kernel or a timeout it says ``completed`` for the dying cell and
for every cell that never ran (papermill 2.7, ``NotebookExecutionManager.notebook_complete``). nbclient stores the times
of the kernel's messages in ``metadata.execution`` (nbformat, "Cell metadata"); those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from runbook_lib.model.outcome import Outcome

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

    def words(self, outcome: Outcome) -> str:
        """The state in words, for people."""
        if self.state is CellState.RAN:
            return f"ran in {self.seconds:.1f} s" if self.seconds is not None else "ran"
        if self.state is CellState.NOT_RUN:
            return not_run_words(outcome)
        return {
            CellState.STOPPED_HERE: f"not run further: {outcome.title.lower()}",
            CellState.FAILED: "ended with an error",
            CellState.BROKE_OFF: "stopped while running",
            CellState.UNTIMED: "ran, time not recorded",
        }[self.state]


def not_run_words(outcome: Outcome) -> str:
    """Why a cell was not run."""
    if outcome in (Outcome.AWAITING_APPROVAL, Outcome.NOTHING_TO_DO, Outcome.REFUSED):
        return f"not run: {outcome.title.lower()}"
    return "not run" if outcome is Outcome.DONE else "not run: the run ended before this cell"


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
    start, reply = _moment(times.get(_START)), _moment(times.get(_REPLY))
    if reply is None or (start is not None and reply < start):
        return CellTruth(CellState.BROKE_OFF)
    return CellTruth(CellState.RAN, (reply - start).total_seconds() if start is not None else None)


def _sent(cell: Mapping[str, object]) -> bool:
    """Whether papermill noted a start for a cell that nbclient does not skip."""
    metadata = cell.get("metadata")
    if not isinstance(metadata, Mapping) or not _text(cell.get("source")).strip():
        return False
    tags, papermill = metadata.get("tags"), metadata.get("papermill")
    skipped = isinstance(tags, list) and "skip-execution" in tags
    return not skipped and isinstance(papermill, Mapping) and _moment(papermill.get("start_time")) is not None


def _text(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def execution_times(cell: Mapping[str, object]) -> Mapping[str, object]:
    """``metadata.execution`` of a cell, empty when there is none."""
    metadata = cell.get("metadata")
    times = metadata.get("execution") if isinstance(metadata, Mapping) else None
    return times if isinstance(times, Mapping) else {}


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
