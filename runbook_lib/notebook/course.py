"""The course of one run: which steps its notebook has, which were carried out or may still be, and how it ended.

In JupyterLab cells run twice, in another order, after an error, or with variables of an earlier run. A record must
never say more than what was carried out, so every step asks here first; a step that may not be taken touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from runbook_lib.errors import BrokeOff, Refused, RunbookError, ServiceFailed, VerificationFailed
from runbook_lib.files import JOURNAL
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.notebook.front_end import outcome_of
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_end import RunEnd, interrupted, written_by
from runbook_lib.record.run_record import RunRecord

RUN_CLOSED = "run-closed"
RUN_HAS_WRITTEN = "run-has-written"
STEP_NOT_NOW = "step-not-now"
ANOTHER_RUN = "of-another-run"
LEAVE_THE_VERDICT = frozenset({RUN_CLOSED, RUN_HAS_WRITTEN, STEP_NOT_NOW, ANOTHER_RUN})
"""Codes of errors that say: this cell did nothing. The verdict of what was done stays as it is."""
ANEW = t("Run the notebook from its first cell again: that begins a new run.")


class NotebookStep(Enum):
    """A step of a notebook; ``title`` is its name for people."""

    ENDS = "ends"
    PREFLIGHT = "preflight"
    READ = "read"
    COMPARE = "compare"
    PLAN = "plan"
    GATE = "gate"
    APPLY = "apply"
    READ_BACK = "read-back"

    @property
    def title(self) -> Text:
        """What the step is called."""
        return _TITLES[self]

    @property
    def heading(self) -> str:
        """The heading above its cell in a notebook, whatever language the texts are in."""
        return _HEADINGS.get(self) or _TITLES[self].template


_TITLES = {
    NotebookStep.ENDS: t("Check both connections"),
    NotebookStep.PREFLIGHT: t("Pre-flight"),
    NotebookStep.READ: t("Read both sides"),
    NotebookStep.COMPARE: t("Compare"),
    NotebookStep.PLAN: t("Plan"),
    NotebookStep.GATE: t("Gate"),
    NotebookStep.APPLY: t("Apply"),
    NotebookStep.READ_BACK: t("Read back"),
}

_HEADINGS = {NotebookStep.ENDS: "Connections", NotebookStep.PREFLIGHT: "Verdicts"}
"""Where the heading of a step is not its title."""

_WRITING = (NotebookStep.READ, NotebookStep.PLAN, NotebookStep.GATE, NotebookStep.APPLY, NotebookStep.READ_BACK)
_OF_THE_CHANGE = frozenset({NotebookStep.GATE, NotebookStep.APPLY, NotebookStep.READ_BACK})
STEPS = {
    "00-start-here": (NotebookStep.ENDS,),
    "10-detect-exchange": (NotebookStep.PREFLIGHT,),
    "20-inventory-groups": (NotebookStep.READ,),
    "30-enable-writeback": _WRITING,
    "40-disable-writeback": _WRITING,
    "50-check-drift": (NotebookStep.READ, NotebookStep.COMPARE),
    "60-undo-change": _WRITING,
}
"""Notebook to the steps without which it is not done, in their order."""
_KINDS = (_WRITING, (NotebookStep.READ, NotebookStep.COMPARE), (NotebookStep.PREFLIGHT,), (NotebookStep.ENDS,))
"""Orders of steps in a notebook of somebody's own: what it began it has to carry out."""


class Course:
    """What was carried out of one run, in memory; the record's own facts (journal, seal) are asked beside it."""

    def __init__(self, notebook: str, record: RunRecord) -> None:
        self._steps = STEPS.get(notebook)
        self._record = record
        self._done: set[NotebookStep] = set()
        self._failed: tuple[NotebookStep, BaseException] | None = None
        self._closed = NOTHING
        self._change: object = None
        self.end = RunEnd(Outcome.DONE, None)
        """What ``finish`` writes when every step was carried out; its error says why it did not end as asked."""

    @property
    def failure(self) -> BaseException | None:
        """The error that ended a step and that no later attempt has mended."""
        return self._failed[1] if self._failed else None

    def step_of(self, error: BaseException) -> NotebookStep | None:
        """The step that ended with this error; None where it ended another cell."""
        return self._failed[0] if self._failed and self._failed[1] is error else None

    @property
    def begun(self) -> bool:
        """Whether any step was carried out."""
        return bool(self._done)

    @property
    def missing(self) -> tuple[NotebookStep, ...]:
        """Steps of this notebook that were not carried out, in their order."""
        return tuple(step for step in self._order() if step not in self._done)

    @property
    def closed(self) -> bool:
        """Whether nothing of this run may be taken any more: it is finished, sealed, or another took its place."""
        return bool(self._closed) or self._record.folder.sealed

    def close(self, why: Text) -> None:
        """Let no step be taken from now on; ``why`` completes "This run is closed: …"."""
        self._closed = self._closed or why

    def require_open(self) -> None:
        """Raise where the run is closed.

        Raises:
            Refused: ``run-closed``.
        """
        if self.closed:
            raise Refused(
                t(
                    "This run is closed: {closed}. The cell did nothing.",
                    closed=self._closed or t("its record is sealed"),
                ),
                code=RUN_CLOSED,
                hint=ANEW,
                values={"run": self._record.folder.run_id},
            )

    def require_made_here(self, what: str, value: object, own: object) -> None:
        """Raise where a variable of a notebook is not the one that this run made.

        Raises:
            Refused: ``of-another-run``.
        """
        if value is not own or value is None:
            raise Refused(
                t("The {what} was not made by this run. The cell did nothing.", what=what),
                code=ANOTHER_RUN,
                hint=t("Run the cells above it first, in their order."),
                values={"run": self._record.folder.run_id},
            )

    def begin(self, step: NotebookStep, owner: object) -> None:
        """Take a step, or raise and touch nothing. What comes after it has to be done again.

        Raises:
            Refused: The run is closed, has written, or the step belongs to another plan.
            RunbookError: A step before it was not carried out: of the class of the error that ended that one.
        """
        self.require_open()
        self._require_unwritten(step)
        if step in _OF_THE_CHANGE and self._change is not None:
            self.require_made_here("change", owner, self._change)
        order = self._order(step)
        before = order[: order.index(step)] if step in order else ()
        left_out = [earlier for earlier in before if earlier not in self._done]
        if left_out:
            raise self._not_now(step, left_out)
        after = set(order[order.index(step) :]) if step in order else {step}
        self._done -= after
        if self._failed and self._failed[0] in after:
            self._failed = None
        if step not in (NotebookStep.APPLY, NotebookStep.READ_BACK):
            self.end = RunEnd(Outcome.DONE, None)
        self._record.reopen()

    def carried_out(self, step: NotebookStep, made: object) -> None:
        """Note that a step ended well; ``made`` is the change that a plan made."""
        self._done.add(step)
        if step is NotebookStep.PLAN:
            self._change = made

    def fail(self, step: NotebookStep, error: BaseException) -> None:
        """Note that a step ended with an error."""
        self._failed = (step, error)

    def _order(self, taken: NotebookStep | None = None) -> tuple[NotebookStep, ...]:
        if self._steps is not None:
            return self._steps
        touched = {*self._done, *([self._failed[0]] if self._failed else []), *([taken] if taken else [])}
        wanted = {step for kind in _KINDS for step in kind if touched and touched & set(kind) - {NotebookStep.READ}}
        if touched and not wanted:
            return (NotebookStep.READ,)
        return tuple(step for step in NotebookStep if step in wanted)

    def _require_unwritten(self, step: NotebookStep) -> None:
        if step is NotebookStep.READ_BACK or not (self._record.folder.path / JOURNAL).exists():
            return
        raise Refused(
            t("This run has written already; its record holds one change. The cell did nothing."),
            code=RUN_HAS_WRITTEN,
            hint=t(
                "Read back and finish it with the cells below. Then run the notebook from its first "
                "cell again: a new run plans afresh, or resumes what stopped midway."
            ),
            values={"run": self._record.folder.run_id},
        )

    def _not_now(self, step: NotebookStep, left_out: list[NotebookStep]) -> RunbookError:
        values = {"step": step.value, "missing": [one.value for one in left_out]}
        failed = self._failed
        if failed and failed[0] in left_out and isinstance(failed[1], RunbookError):
            # Of the same class: the run still stands where that step stopped it.
            return type(failed[1])(
                t(
                    "{step} was not run, because the run stopped at {stopped_at}: {message}",
                    step=step.title,
                    stopped_at=failed[0].title,
                    message=failed[1].message,
                ),
                code=STEP_NOT_NOW,
                hint=failed[1].hint,
                values=values,
            )
        names = joined((one.title for one in left_out), ", ")
        return Refused(
            t(
                "{step} comes after {names}, which this run has not carried out. The cell did nothing.",
                step=step.title,
                names=names,
            ),
            code=STEP_NOT_NOW,
            hint=t("Run the cells above it first, in their order."),
            values=values,
        )


class _OnCourse(Protocol):
    @property
    def course(self) -> Course: ...


_Owner = TypeVar("_Owner", bound=_OnCourse)
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def carries_out(
    step: NotebookStep,
) -> Callable[
    [Callable[Concatenate[_Owner, _Given], _Made]],
    Callable[Concatenate[_Owner, _Given], _Made],
]:
    """A method that is one step of a run: it asks the course first, and tells it how it ended."""

    def around(
        method: Callable[Concatenate[_Owner, _Given], _Made],
    ) -> Callable[Concatenate[_Owner, _Given], _Made]:
        @wraps(method)
        def taken(owner: _Owner, /, *given: _Given.args, **named: _Given.kwargs) -> _Made:
            course = owner.course
            course.begin(step, owner)
            try:
                made = method(owner, *given, **named)
            except BaseException as error:
                course.fail(step, error)
                raise
            course.carried_out(step, made)
            return made

        return taken

    return around


_MAY_FOLLOW_A_WRITE = frozenset({Outcome.PARTIAL, Outcome.VERIFICATION_FAILED, Outcome.AWAITING_HANDOFF, Outcome.BUG})


def end_by(error: BaseException, folder: RecordFolder) -> RunEnd:
    """The end that an error means. After the first write no error means that nothing was written."""
    if isinstance(error, KeyboardInterrupt):
        return interrupted(folder)
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
    names = joined((step.title for step in missing), ", ") or t("every step of a notebook of this runbook")
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
    elif NotebookStep.APPLY in missing:
        hint = t("Run the same notebook with the same change id again: it resumes.")
        error = BrokeOff(text, code="steps-not-run", hint=hint, values=values)
    else:
        hint = t("What was approved is written, but nobody looked what AD holds now. {anew}", anew=ANEW)
        error = VerificationFailed(text, code="steps-not-run", hint=hint, values=values)
    return RunEnd(error.outcome, error)
