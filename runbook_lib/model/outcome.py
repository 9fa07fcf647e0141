"""How a run ended, and the exit code that says so."""

from __future__ import annotations

from enum import Enum


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
    BUG = "bug"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """Exit code of the process (``nothing-to-do`` becomes 3 only with ``--detailed-exitcode``)."""
        return _EXIT_CODES[self]

    @property
    def title(self) -> str:
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
    Outcome.BUG: 70,
    Outcome.INTERRUPTED: 130,
}

_TITLES = {
    Outcome.DONE: "Done",
    Outcome.NOTHING_TO_DO: "Nothing to do",
    Outcome.USAGE: "Usage error",
    Outcome.AWAITING_APPROVAL: "Awaiting approval",
    Outcome.REFUSED: "Refused",
    Outcome.PARTIAL: "Stopped midway, can be resumed",
    Outcome.VERIFICATION_FAILED: "Verification failed",
    Outcome.NO_ACCESS: "No access",
    Outcome.FAILED: "Failed before any write",
    Outcome.BUG: "A defect of the runbook",
    Outcome.INTERRUPTED: "Interrupted",
}

NOTHING_TO_DO_DETAILED = 3
"""Exit code of ``nothing-to-do`` under ``--detailed-exitcode``."""
