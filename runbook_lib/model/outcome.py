"""How a run ended, the exit code that says so, and what its steps achieved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.text import Text, t


class Outcome(Enum):
    """The one verdict of a run. ``value`` is what record.json holds; ``exit_code`` is what the process returns."""

    DONE = "done"
    NOTHING_TO_DO = "nothing-to-do"
    USAGE = "wrong-use"
    AWAITING_APPROVAL = "awaiting-approval"
    REFUSED = "refused"
    PARTIAL = "partial"
    VERIFICATION_FAILED = "verification-failed"
    NO_ACCESS = "no-access"
    FAILED = "failed"
    AWAITING_HANDOFF = "awaiting-handoff"
    AWAITING_WINDOW = "awaiting-window"
    BUG = "bug"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """Exit code of the process (``nothing-to-do`` becomes 3 only with ``--detailed-exitcode``)."""
        return _EXIT_CODES[self]

    @property
    def title(self) -> Text:
        """The verdict in words, for people."""
        return _TITLES[self]

    @property
    def good(self) -> bool:
        """Whether the run ended as it was asked to."""
        return self in (Outcome.DONE, Outcome.NOTHING_TO_DO)


_EXIT_CODES = {
    Outcome.DONE: 0,
    Outcome.NOTHING_TO_DO: 0,
    Outcome.USAGE: 2,
    Outcome.AWAITING_APPROVAL: 4,
    Outcome.REFUSED: 5,
    Outcome.PARTIAL: 6,
    Outcome.VERIFICATION_FAILED: 7,
    Outcome.NO_ACCESS: 8,
    Outcome.FAILED: 9,
    Outcome.AWAITING_HANDOFF: 10,
    Outcome.AWAITING_WINDOW: 11,
    Outcome.BUG: 70,
    Outcome.INTERRUPTED: 130,
}

_TITLES = {
    Outcome.DONE: t("Done"),
    Outcome.NOTHING_TO_DO: t("Nothing to do"),
    Outcome.USAGE: t("Usage error"),
    Outcome.AWAITING_APPROVAL: t("Awaiting approval"),
    Outcome.REFUSED: t("Refused"),
    Outcome.PARTIAL: t("Stopped midway, can be resumed"),
    Outcome.VERIFICATION_FAILED: t("Verification failed"),
    Outcome.NO_ACCESS: t("No access"),
    Outcome.FAILED: t("Failed before any write"),
    Outcome.AWAITING_HANDOFF: t("Waiting for another system"),
    Outcome.AWAITING_WINDOW: t("Waiting for its change window"),
    Outcome.BUG: t("A defect of the runbook"),
    Outcome.INTERRUPTED: t("Interrupted"),
}

NOTHING_TO_DO_DETAILED = 3
"""Exit code of ``nothing-to-do`` under ``--detailed-exitcode``."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Words for one end.

    Attributes:
        title: Two or three words.
        meaning: One sentence.
    """

    title: Text
    meaning: Text


def ending_of_outcome(outcome: Outcome, code: str = "") -> Ending:
    """The words for an outcome and the code of the error that explains it (empty without one)."""
    found = _BY_CODE.get(code)
    if found is not None and found[0] is outcome:
        return found[1]
    return Ending(outcome.title, _MEANINGS[outcome])


def ending_of_facts(outcome: Outcome, error: object) -> Ending:
    """The words for an outcome and the ``error`` of a record.json, whatever stands there."""
    return ending_of_outcome(outcome, str(error.get("code") or "") if isinstance(error, dict) else "")


_MEANINGS = {
    Outcome.DONE: t("Finished as asked."),
    Outcome.NOTHING_TO_DO: t("Everything was already as asked; nothing was written."),
    Outcome.USAGE: t("The parameters or the command cannot be right; nothing was written."),
    Outcome.AWAITING_APPROVAL: t("Stopped at the gate: changes are planned that nobody has approved yet."),
    Outcome.REFUSED: t("The runbook went no further; the reason and what to do are below."),
    Outcome.PARTIAL: t("Stopped midway, after the first write. Running again with the same change id resumes it."),
    Outcome.VERIFICATION_FAILED: t("Written, but what the directory answers afterwards differs from the plan."),
    Outcome.NO_ACCESS: t("Sign-in, certificate or permissions were not accepted."),
    Outcome.FAILED: t("Ended before anything was written."),
    Outcome.AWAITING_HANDOFF: t("Our part is done; a person or another engine has to act. The next run goes on."),
    Outcome.AWAITING_WINDOW: t("Nothing was written: it is not a time for changes. Run it again in a change window."),
    Outcome.BUG: t("The runbook itself is at fault."),
    Outcome.INTERRUPTED: t("Stopped by a person or by the system."),
}

_SELECTION = Ending(t("Selection does not fit"), t("The parameters name no group, or one that is not there."))
_UNREAD = Ending(
    t("Reading not complete"), t("One side could not be read to its end; no plan is made from a part of it.")
)
_BUSY = Ending(t("Another run is writing"), t("Only one run at a time may write to this OU."))
_OPEN = Ending(
    t("A change is unfinished"), t("An earlier run of this change stopped midway and has to be finished first.")
)
_BY_CODE: dict[str, tuple[Outcome, Ending]] = {
    code: (outcome, ending)
    for outcome, ending, codes in (
        (Outcome.REFUSED, Ending(t("Drift found"), t("AD differs from the cloud. Nothing was written.")), ("drift",)),
        (
            Outcome.REFUSED,
            Ending(t("Not ready"), t("A route that was asked for cannot be taken yet; the findings say why.")),
            ("not-ready",),
        ),
        (
            Outcome.NO_ACCESS,
            Ending(t("Readiness unknown"), t("Something that decides could not be read; the findings say what.")),
            ("readiness-unknown",),
        ),
        (Outcome.REFUSED, _SELECTION, ("empty-selection", "unknown-group", "selection-matches-nothing")),
        (Outcome.REFUSED, _UNREAD, ("incomplete-read", "empty-source")),
        (Outcome.REFUSED, _BUSY, ("locked",)),
        (Outcome.REFUSED, _OPEN, ("change-open",)),
        (
            Outcome.REFUSED,
            Ending(t("Nothing to undo"), t("The run that was named wrote nothing.")),
            ("nothing-was-written",),
        ),
        (
            Outcome.REFUSED,
            Ending(t("Finding not acknowledged"), t("A blocking finding must be resolved or acknowledged first.")),
            ("finding-not-acknowledged",),
        ),
        (
            Outcome.REFUSED,
            Ending(
                t("Every group is refused"), t("A rule of the runbook keeps each selected group from being changed.")
            ),
            ("all-refused",),
        ),
    )
    for code in codes
}
