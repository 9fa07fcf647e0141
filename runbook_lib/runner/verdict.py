"""What a run achieved, where the notebook itself had no time to say so."""

from __future__ import annotations

import signal

from runbook_lib.errors import RunbookError
from runbook_lib.model.duration import duration_text
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_end import RESUME, RunEnd, broken, interrupted, writes_begun
from runbook_lib.runner.kernel.execution import CellError, Execution, KernelEnd

_ERROR_OUTCOMES = (
    Outcome.USAGE,
    Outcome.AWAITING_APPROVAL,
    Outcome.REFUSED,
    Outcome.PARTIAL,
    Outcome.VERIFICATION_FAILED,
    Outcome.NO_ACCESS,
    Outcome.FAILED,
    Outcome.AWAITING_HANDOFF,
    Outcome.AWAITING_WINDOW,
)
_BEFORE_ANY_WRITE = (Outcome.NO_ACCESS, Outcome.FAILED)


def run_end_of(execution: Execution, folder: RecordFolder) -> RunEnd:
    """The end of a run whose notebook wrote none."""
    begun = writes_begun(folder)
    if execution.error is not None and execution.end is KernelEnd.CELL_ERROR:
        return _of_error(execution.error, folder, begun=begun)
    if execution.end is KernelEnd.INTERRUPTED:
        return interrupted(folder)
    if execution.end is KernelEnd.COMPLETED:
        text = t("The notebook ended without saying what it achieved.")
        return RunEnd(Outcome.BUG, RunbookError(text, code="no-verdict", hint=t("Its last cell must call finish().")))
    return broken(*_reason(execution), begun=begun)


def _of_error(error: CellError, folder: RecordFolder, *, begun: bool) -> RunEnd:
    """An error of a cell: one of ours is known by the mark of its cell, everything else is a defect."""
    if error.outcome in {outcome.value for outcome in _ERROR_OUTCOMES}:
        outcome = Outcome(error.outcome)
        if begun and outcome in _BEFORE_ANY_WRITE:
            return broken(error.message, "cell-error", begun=True)
        hint = joined((error.hint, RESUME if begun else NOTHING))
        return RunEnd(outcome, RunbookError(error.message, code="cell-error", hint=hint))
    if error.outcome == Outcome.INTERRUPTED.value or error.name == "KeyboardInterrupt":
        return interrupted(folder)
    return RunEnd(
        Outcome.BUG,
        RunbookError(
            t("An unexpected {error_name} stopped the notebook.", error_name=error.name or t("error")),
            code="unexpected-error",
            hint=t("The executed notebook in the record shows where.")
            + (t(" {resume}", resume=RESUME) if begun else NOTHING),
            values={"name": error.name, "cell": error.cell},
        ),
    )


def _reason(execution: Execution) -> tuple[Text, str]:
    if execution.end is KernelEnd.TIME_LIMIT:
        limit = duration_text(execution.time_limit or 0)
        return t("The run took longer than its time limit of {limit} and was stopped.", limit=limit), "time-limit"
    if execution.end is KernelEnd.DIED:
        return t(
            "The notebook's kernel died{signal_text}.", signal_text=_signal_text(execution.kernel_exit_code)
        ), "kernel-died"
    return t("The notebook's kernel did not start."), "kernel-not-started"


def _signal_text(code: int | None) -> Text:
    """`` (SIGKILL)``, `` (exit code 1)`` or nothing."""
    if code is None:
        return NOTHING
    if code < 0:
        try:
            return t(" ({name})", name=signal.Signals(-code).name)
        except ValueError:
            return t(" (signal {number})", number=-code)
    return t(" (exit code {code})", code=code)
