"""One step of the Exchange hybrid procedure, and its state by the checks of the pre-flight. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.preflight.assess import Assessment


class StepState(Enum):
    """Whether a step is done. What cannot be seen is never called done."""

    DONE = "done"
    MISSING = "missing"
    UNKNOWN = "cannot-tell"

    @property
    def title(self) -> Text:
        """In words, for people."""
        return _TITLES[self]


_TITLES = {
    StepState.DONE: t("done"),
    StepState.MISSING: t("missing"),
    StepState.UNKNOWN: t("cannot tell"),
}


@dataclass(frozen=True, slots=True)
class HybridStep:
    """One step.

    Attributes:
        number: 1 to 8.
        title: What it does, in a few words.
        where: Who does it where.
        state: How it stands.
        proof: What shows that.
        to_do: What to do now; empty where nothing is.
        hand_offs: Lines to copy.
        optional: Whether mail flows without it.
    """

    number: int
    title: Text
    where: Text
    state: StepState
    proof: Text
    to_do: Text = NOTHING
    hand_offs: tuple[HandOff, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What some checks say together: a state, what shows it, what to do, lines to copy."""

    state: StepState
    proof: Text
    to_do: Text = NOTHING
    hand_offs: tuple[HandOff, ...] = ()


_OPEN = (Severity.BLOCKING, Severity.WARNING)


def judged_by(assessment: Assessment, checks: Collection[str], done: Text) -> Judged:
    """The state that follows from checks of the pre-flight.

    A finding that somebody acknowledged stands in the way of nothing; the proof then names who.

    Args:
        assessment: The pre-flight.
        checks: Ids of the checks; each must be one of it.
        done: What shows that the step is done, where no check objects.
    """
    results = [result for result in assessment.results if result.check.id in checks]
    found = [finding for result in results for finding in result.findings]
    objections = [finding for finding in found if finding.severity in _OPEN]
    if objections:
        return _because(StepState.MISSING, objections)
    unknown = [finding for finding in found if finding.severity is Severity.UNKNOWN]
    if unknown:
        return _because(StepState.UNKNOWN, unknown)
    if nothing := next((result.nothing for result in results if result.nothing), NOTHING):
        return Judged(StepState.MISSING, nothing, t("This step comes after that."))
    accepted = (t("{seen} {by}", seen=one.seen, by=one.to_do) for one in found if one.acknowledgeable)
    return Judged(StepState.DONE, joined((done, *accepted)))


def _because(state: StepState, findings: list[Finding]) -> Judged:
    once = {finding.id: finding for finding in findings}.values()
    return Judged(
        state,
        joined(dict.fromkeys(finding.seen for finding in once)),
        joined(dict.fromkeys(finding.to_do for finding in once)),
        tuple(dict.fromkeys(one for finding in once for one in finding.hand_offs)),
    )
