"""What a run achieved, where the notebook itself had no time to say so."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from runbook_lib.errors import BrokeOff, RunbookError, ServiceFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import writes_begun
from runbook_lib.runner.durations import duration_words
from runbook_lib.runner.kernel.execution import CellError, Execution, KernelEnd

_RESUME = t("Run the same notebook with the same change id again: it resumes.")
_ERROR_OUTCOMES = (
    Outcome.USAGE,
    Outcome.AWAITING_APPROVAL,
    Outcome.REFUSED,
    Outcome.PARTIAL,
    Outcome.VERIFICATION_FAILED,
    Outcome.NO_ACCESS,
    Outcome.FAILED,
)
_BEFORE_ANY_WRITE = (Outcome.NO_ACCESS, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and the error that explains it; a defect in a cell has none, its traceback is in the notebook."""

    outcome: Outcome
    error: RunbookError | None


def verdict_of(execution: Execution, folder: RecordFolder) -> Verdict:
    """The verdict on a run whose notebook wrote none."""
    begun = writes_begun(folder)
    if execution.error is not None and execution.end is KernelEnd.CELL_ERROR:
        return _of_error(execution.error, begun)
    if execution.end is KernelEnd.INTERRUPTED:
        return interrupted(begun=begun)
    if execution.end is KernelEnd.COMPLETED:
        text = t("The notebook ended without saying what it achieved.")
        return Verdict(Outcome.BUG, RunbookError(text, code="no-verdict", hint=t("Its last cell must call finish().")))
    return _broken(*_reason(execution), begun=begun)


def _of_error(error: CellError, begun: bool) -> Verdict:
    """An error of a cell: one of ours is known by the mark of its cell, everything else is a defect."""
    if error.outcome in {outcome.value for outcome in _ERROR_OUTCOMES}:
        outcome = Outcome(error.outcome)
        if begun and outcome in _BEFORE_ANY_WRITE:
            return _broken(error.message, "cell-error", begun=True)
        hint = joined((error.hint, _RESUME if begun else NOTHING))
        return Verdict(outcome, RunbookError(error.message, code="cell-error", hint=hint))
    if error.outcome == Outcome.INTERRUPTED.value or error.name == "KeyboardInterrupt":
        return interrupted(begun=begun)
    return Verdict(
        Outcome.BUG,
        RunbookError(
            t("An unexpected {error_name} stopped the notebook.", error_name=error.name or "error"),
            code="unexpected-error",
            hint=t("The executed notebook in the record shows where.")
            + (t(" {resume}", resume=_RESUME) if begun else NOTHING),
            values={"name": error.name, "cell": error.cell},
        ),
    )


def _broken(text: Text, code: str, *, begun: bool) -> Verdict:
    if begun:
        return Verdict(Outcome.PARTIAL, BrokeOff(text, code=code, hint=_RESUME))
    return Verdict(Outcome.FAILED, ServiceFailed(text, code=code, hint=t("Nothing was written. Run it again.")))


def _reason(execution: Execution) -> tuple[Text, str]:
    if execution.end is KernelEnd.TIME_LIMIT:
        limit = duration_words(execution.time_limit or 0)
        return t("The run took longer than its time limit of {limit} and was stopped.", limit=limit), "time-limit"
    if execution.end is KernelEnd.DIED:
        return t(
            "The notebook's kernel died{signal_words}.", signal_words=_signal_words(execution.kernel_exit_code)
        ), "kernel-died"
    return t("The notebook's kernel did not start."), "kernel-not-started"


def _signal_words(code: int | None) -> str:
    """`` (SIGKILL)``, `` (exit code 1)`` or nothing."""
    if code is None:
        return ""
    if code < 0:
        try:
            return f" ({signal.Signals(-code).name})"
        except ValueError:
            return f" (signal {-code})"
    return f" (exit code {code})"


def interrupted(*, begun: bool) -> Verdict:
    """The verdict on Ctrl-C. It counts only before the first write: afterwards what matters is a half-changed AD."""
    if begun:
        return _broken(t("The run was interrupted after its first write."), "interrupted", begun=True)
    error = RunbookError(t("The run was interrupted."), code="interrupted", hint=t("Nothing was written."))
    return Verdict(Outcome.INTERRUPTED, error)
