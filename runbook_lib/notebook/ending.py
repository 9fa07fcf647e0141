"""How a run ended: from what its steps achieved and what its journal holds to one verdict."""

from __future__ import annotations

from runbook_lib.errors import BrokeOff, RunbookError, ServiceFailed, VerificationFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import joined, t
from runbook_lib.notebook.course import ANEW, Course, Step
from runbook_lib.notebook.kernel import outcome_of
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_end import RunEnd, interrupted, writes_begun, written_by

_MAY_FOLLOW_A_WRITE = frozenset({Outcome.PARTIAL, Outcome.VERIFICATION_FAILED, Outcome.BUG})


def end_by(error: BaseException, folder: RecordFolder) -> RunEnd:
    """The end that an error means. After the first write no error means that nothing was written."""
    if isinstance(error, KeyboardInterrupt):
        return interrupted(begun=writes_begun(folder))
    outcome = outcome_of(error)
    if not isinstance(error, RunbookError):
        return RunEnd(outcome, None)
    written = written_by(folder.path)
    if outcome in _MAY_FOLLOW_A_WRITE or written is None or not written.anything:
        return RunEnd(outcome, error)
    broken = BrokeOff(
        t("After the first write: {error_message}", error_message=error.message),
        code="broke-off-after-writing",
        hint=joined((error.hint, t("Then run the notebook again with the same change id."))),
        values={"cause": error.code, **error.values},
    )
    return RunEnd(Outcome.PARTIAL, broken)


def ending_of(course: Course, folder: RecordFolder) -> RunEnd:
    """What ``finish`` writes: done only where every step of the notebook was carried out."""
    if course.failure is not None:
        return end_by(course.failure, folder)
    missing = course.missing
    if course.begun and not missing:
        return course.end
    names = ", ".join(step.value for step in missing) or "every step of a notebook of this runbook"
    text = t("The run was ended although these steps were not carried out: {names}.", names=names)
    values = {"missing": [step.value for step in missing]}
    written = written_by(folder.path)
    if written is None or not written.anything:
        error: RunbookError = ServiceFailed(
            text,
            code="steps-not-run",
            hint=t("Nothing was written. {anew} Run every cell, in their order.", anew=ANEW),
            values=values,
        )
    elif Step.APPLY in missing:
        hint = t("Run the same notebook with the same change id again: it resumes.")
        error = BrokeOff(text, code="steps-not-run", hint=hint, values=values)
    else:
        hint = t("What was approved is written, but nobody looked what AD holds now. {anew}", anew=ANEW)
        error = VerificationFailed(text, code="steps-not-run", hint=hint, values=values)
    return RunEnd(error.outcome, error)
