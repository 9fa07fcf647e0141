"""Carry out approved changes, one step at a time, each against the live state, each journaled before and after.

The same loop starts and resumes: every step first looks at how things are. Before means send; after means done (by an
earlier run of this change if its journal says so, else by somebody else, which undo must not take back); anything else
means drift, and nothing further is sent. A step without an answer, because the connection was lost or the service
busy, is looked up in the same way, and the run goes on from what is there. What a step is, its route knows.

Right before anything is sent, the approval, the change window and the age of the reading are looked at again: a gate
that was opened in the morning says nothing about the evening.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.change.approvals.plan import Approval
from runbook_lib.change.approvals.standing import StandingApproval
from runbook_lib.change.journal import CARRIED_OUT, Journal, JournalFile, JournalUnwritable
from runbook_lib.change.lease import LeaseLost
from runbook_lib.change.step import Effect, LiveState, Step, Work, drifted, in_batches
from runbook_lib.errors import (
    AwaitingApproval,
    BrokeOff,
    ContradictsLook,
    Refused,
    RunbookError,
    Unavailable,
    UsageError,
    WriteUnanswered,
)
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import NOTHING, Progress, Text, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.rules.change_times import ChangeTimes
from runbook_lib.strict_file import LARGEST_APPROVAL, Unfit, read_plain

_CLOCK_SET_BACK = timedelta(minutes=10)
"""Our threshold: time services correct a clock by less."""


class ApprovalLapsed(AwaitingApproval):
    """An approval that a run writes under has ended or was taken back."""


class ReadingTooOld(Refused):
    """What a run writes was planned from a reading that is too old."""


@dataclass(frozen=True, slots=True)
class StillApproved:
    """Called before every write.

    Attributes:
        approvals: What the run writes under.
        read_at: When the older of both readings began, UTC.
        oldest: How old that may become.
        times: When changes may be written.
    """

    approvals: Sequence[Approval | StandingApproval]
    read_at: datetime
    oldest: timedelta
    clock: Callable[[], datetime]
    times: ChangeTimes

    def __call__(self) -> None:
        """Look again.

        Raises:
            ApprovalLapsed: ``approval-expired`` or ``approval-withdrawn``.
            AwaitingWindow: ``outside-change-window`` or ``blackout``.
            ReadingTooOld: ``reading-too-old``.
        """
        now = self.clock()
        for approval in self.approvals:
            by = t("The approval by {approver}", approver=printable(approval.approver, limit=80))
            if now > approval.until:
                raise ApprovalLapsed(
                    t(
                        "{by} ended at {until}, before everything was written.",
                        by=by,
                        until=iso_seconds(approval.until),
                    ),
                    code="approval-expired",
                    hint=t("Approve the plan again with gwb approve RECORD."),
                )
            if problem := _withdrawn(approval):
                raise ApprovalLapsed(
                    t(
                        "{by} does not hold any more: {path} {problem}.",
                        by=by,
                        path=approval.file.path,
                        problem=problem,
                    ),
                    code="approval-withdrawn",
                    hint=t("Find out who took it back and why; then approve the plan again with gwb approve RECORD."),
                    values={"path": str(approval.file.path)},
                )
        self.times.require_open(now)
        # After a clock was set back nothing tells how old a reading is that seems to be of the future.
        if not -_CLOCK_SET_BACK <= now - self.read_at <= self.oldest:
            minutes = int(self.oldest.total_seconds() // 60)
            raise ReadingTooOld(
                t(
                    "Both sides were read at {read_at}; reading_max_age allows {minutes} minutes until a write.",
                    read_at=iso_seconds(self.read_at),
                    minutes=minutes,
                ),
                code="reading-too-old",
                hint=t("Run the notebook again: it reads both sides anew."),
                values={"read_at": iso_seconds(self.read_at), "minutes": minutes},
            )


def _withdrawn(approval: Approval | StandingApproval) -> Text:
    """What happened to its file, as the end of a sentence; empty where it is as it was."""
    try:
        plain = read_plain(approval.file.path, largest=LARGEST_APPROVAL)
    except FileNotFoundError:
        return t("was removed")
    except Unfit as unfit:
        return t("cannot be believed: {why}", why=str(unfit))
    return NOTHING if plain.sha256 == approval.file.sha256 else t("was changed")


def carry_out(
    work: Work,
    journal: Journal,
    *,
    earlier: Sequence[JournalFile] = (),
    still_approved: Callable[[], None] = lambda: None,
    progress: Progress | None = None,
) -> None:
    """Send everything that is still to be sent, and close the journal when all of it is done.

    Args:
        work: The steps of the approved changes.
        journal: Where this run writes its lines; it is open.
        earlier: Journals of the runs that this one resumes, oldest first.
        still_approved: Called right before each step is sent; raises where nothing more may be sent.
        progress: Told of each step that is done.

    Raises:
        Refused: Drift before anything was sent; nothing is changed.
        BrokeOff: It stopped after something was sent.
        RunbookError: The first step was refused, or could not be sent or looked at.
    """
    _Loop(work, journal, earlier, still_approved).run(progress)


class _Loop:
    def __init__(
        self, work: Work, journal: Journal, earlier: Sequence[JournalFile], still_approved: Callable[[], None]
    ) -> None:
        self._work = work
        self._journal = journal
        self._still_approved = still_approved
        self._begun: dict[str, Mapping[str, Any]] = {
            step: line["intent"] for file in earlier for step, line in file.begun.items()
        }
        self._done = {effect.write: effect for file in earlier for effect in file.effects}
        self._unanswered = False
        """Whether a step of this run may have taken effect without our knowing."""

    def run(self, progress: Progress | None) -> None:
        steps = self._work.steps
        done = 0
        for batch in in_batches(steps):
            try:
                if len(batch) == 1:
                    self._patiently(batch[0])
                else:
                    self._together(batch)
            except RunbookError as error:
                raise self._stopped(error, done + 1, len(steps)) from error
            for step in batch:
                done += 1
                if progress is not None:
                    progress(verbatim(step.change.title), done, len(steps))
        if not_taken := self._work.not_taken():
            raise self._stopped(not_taken, len(steps), len(steps))
        try:
            self._journal.close(CARRIED_OUT)
        except JournalUnwritable as error:
            raise self._stopped(error, len(steps), len(steps)) from error

    def _stopped(self, error: RunbookError, number: int, of: int) -> RunbookError:
        wrote = self._journal.done > 0 or bool(self._done) or any(step.partly for step in self._work.steps)
        # A text that no service can hold (UsageError) is not healed by time either. An old reading is, by another, and
        # a lost lease by whoever has it: that run resumes this journal.
        lasting = isinstance(error, (Refused, UsageError)) and not isinstance(error, (ReadingTooOld, LeaseLost))
        uncertain = self._unanswered or isinstance(error, Unavailable)
        if (lasting or not (wrote or uncertain)) and not isinstance(error, JournalUnwritable):
            # What is left is planned afresh from the live state, in which half-made objects are recognisable. A
            # journal that stays open because the disk is full is resumed, which is as good.
            with suppress(JournalUnwritable):
                self._journal.close(f"{error.code}: {error.message}")
        if not wrote and not uncertain:
            return error
        if isinstance(error, ApprovalLapsed):
            with suppress(JournalUnwritable):
                self._journal.stop(f"{error.code}: {error.message}")
        again = (
            t("Run the notebook again: it plans what is left and asks for an approval of that.")
            if lasting
            else t("Fix the error above, then run the same notebook with the same change id: it resumes.")
        )
        return BrokeOff(
            t("Stopped at write {number} of {of}: {error_message}", number=number, of=of, error_message=error.message),
            code="broke-off",
            hint=joined((error.hint, again)),
            values={"write": number, "of": of, "cause": error.code, **error.values},
        )

    def _together(self, batch: Sequence[Step]) -> None:
        """Carry out steps that may be under way at the same time: all are looked at before the first is sent.

        What goes without an answer is carried out by itself afterwards, which looks at it first. An error of one is
        raised when the others are accounted for.
        """
        ready = [step for step in batch if self._is_to_be_sent(step)]
        for step in ready:
            self._begin(step)
        failed: RunbookError | None = None
        open_: list[tuple[Step, RunbookError]] = []
        for step, error in zip(ready, self._work.send_together(ready) if ready else (), strict=True):
            if error is None:
                self._finish(step)
            elif isinstance(error, (WriteUnanswered, ContradictsLook)):
                open_.append((step, error))
            else:
                failed = failed or error
        for step, error in open_:
            self._look_again(step, error)
            self._patiently(step)
        if failed is not None:
            raise failed

    def _patiently(self, step: Step) -> None:
        """Carry out a step; one without an answer is looked up after a pause, and sent again if it had no effect.

        An answer that contradicts what was seen just before is looked up too: the lost one may have arrived late.
        """
        patience = self._work.patience
        pauses = iter(patience.pauses)
        contradicted = False
        begun_before = step.id in self._begun  # by a run that broke off; it may still be under way
        while True:
            try:
                self._once(step)
            except WriteUnanswered as error:
                self._look_again(step, error)
                pause = next(pauses, None)
                if pause is None:
                    raise
                patience.sleep(pause)
                contradicted = False
            except ContradictsLook as error:
                if contradicted or not (self._unanswered or begun_before):
                    raise
                self._look_again(step, error)
                contradicted = True
            else:
                self._unanswered = False
                return

    def _look_again(self, step: Step, why: RunbookError) -> None:
        self._unanswered = True
        self._work.forget()
        self._journal.lost(step.id, step.change.digest, f"{why.code}: {why.message}")

    def _once(self, step: Step) -> None:
        if self._is_to_be_sent(step):
            self._begin(step)
            step.send()
            self._finish(step)

    def _is_to_be_sent(self, step: Step) -> bool:
        """Look at a step; one that was done by an earlier run, or that others have done, is accounted for here."""
        if earlier := self._done.get(step.id):
            step.recall(earlier)
            return False
        found = step.look(self._begun.get(step.id))
        if found.state is LiveState.OTHER:
            raise drifted(step.change, found.seen)
        if found.state is LiveState.BEFORE:
            return True
        self._finish(step)
        return False

    def _begin(self, step: Step) -> None:
        self._still_approved()
        intent = dict(step.intent())
        self._journal.begin(step.id, step.change.digest, step.object_id, intent)
        self._begun[step.id] = intent

    def _finish(self, step: Step) -> None:
        effect = step.effect(self._begun.get(step.id))
        self._journal.finish(Effect(step.id, step.change.digest, step.object_id, effect))
