"""Which ends of a run time alone may heal, so that a scheduler runs it again. Pure."""

from __future__ import annotations

from runbook_lib.model.outcome import Outcome

_BY_ITSELF = (Outcome.PARTIAL, Outcome.FAILED, Outcome.AWAITING_WINDOW)
"""A run that stopped midway is resumed; one that failed before any write met a service or a network; a window opens."""
_CAUSES = {
    Outcome.NO_ACCESS: frozenset({"dc-unreachable", "dns-silent", "controllers-unknown"}),
    Outcome.REFUSED: frozenset({"locked", "lease-lost", "reading-too-old", "incomplete-read"}),
}
"""Of outcomes that a person mostly has to do something about: codes of those that pass."""


def heals(outcome: Outcome, code: str) -> bool:
    """Whether the same run may end otherwise later, with nothing done about it.

    Args:
        outcome: How the run ended.
        code: Of the error that explains it; empty without one.
    """
    return outcome in _BY_ITSELF or code in _CAUSES.get(outcome, ())


WORST_FIRST = (
    Outcome.BUG,
    Outcome.VERIFICATION_FAILED,
    Outcome.PARTIAL,
    Outcome.NO_ACCESS,
    Outcome.REFUSED,
    Outcome.FAILED,
    Outcome.USAGE,
    Outcome.INTERRUPTED,
    Outcome.AWAITING_HANDOFF,
    Outcome.AWAITING_APPROVAL,
    Outcome.AWAITING_WINDOW,
    Outcome.DONE,
    Outcome.NOTHING_TO_DO,
)
"""What a person looks at first. Exit codes are no order."""
