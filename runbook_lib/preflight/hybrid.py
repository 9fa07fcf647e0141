"""Microsoft 365 groups with Exchange hybrid, the whole procedure: eight steps, each with its state, its proof and its
lines to copy. Pure: from a pre-flight; run it again after each step.

The steps are those of MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, joined, t
from runbook_lib.preflight.assess import Assessment
from runbook_lib.preflight.hand_off import HandOffText, hand_offs
from runbook_lib.preflight.hybrid_mail import mail_test
from runbook_lib.preflight.hybrid_state import HybridStep, StepState
from runbook_lib.preflight.hybrid_steps import (
    accepted_domain_step,
    address_book_step,
    address_policy_step,
    connect_step,
    dns_step,
    domain_step,
    send_connector_step,
)

_STEPS: tuple[Callable[[Assessment], HybridStep], ...] = (
    connect_step,
    domain_step,
    dns_step,
    accepted_domain_step,
    send_connector_step,
    address_policy_step,
    address_book_step,
)
"""The first seven, in their order; the eighth follows from them."""


@dataclass(frozen=True, slots=True)
class HybridProcedure:
    """The eight steps."""

    steps: tuple[HybridStep, ...]

    @property
    def state(self) -> StepState:
        """Done where every step is that is not optional: mail flows both ways as far as directory and DNS can show."""
        states = {step.state for step in self.steps if not step.optional}
        return next(state for state in (StepState.MISSING, StepState.UNKNOWN, StepState.DONE) if state in states)

    @property
    def next(self) -> HybridStep | None:
        """The first step to take now: one that is missing, else one that is unknown; None where all are done."""
        for state in (StepState.MISSING, StepState.UNKNOWN):
            for step in self.steps:
                if step.state is state and not step.optional:
                    return step
        return None

    @property
    def text(self) -> Text:
        """How far the procedure is, and what comes next."""
        step = self.next
        if step is None:
            return t(
                "Done: mail to Microsoft 365 groups flows both ways as far as directory and DNS can show. The test of "
                "step {number} proves it.",
                number=self.steps[-1].number,
            )
        done = sum(one.state is StepState.DONE for one in self.steps)
        return t(
            "{done} of {all} steps done. Next: step {number}, {title} ({state}).",
            done=done,
            all=len(self.steps),
            number=step.number,
            title=step.title,
            state=step.state.title,
        )

    def as_json(self) -> dict[str, object]:
        """JSON form, for ``gwb check --json``."""
        return {
            "state": self.state.value,
            "next": self.next.number if self.next else None,
            "steps": [
                {
                    "number": step.number,
                    "title": step.title,
                    "where": step.where,
                    "optional": step.optional,
                    "state": step.state.value,
                    "proof": step.proof,
                    "to_do": step.to_do,
                    "hand_offs": [
                        {"title": one.title, "where": one.where, "text": one.text} for one in step_hand_offs(step)
                    ],
                }
                for step in self.steps
            ],
        }


def hybrid_procedure(assessment: Assessment) -> HybridProcedure:
    """The procedure as a pre-flight sees it."""
    before = tuple(step(assessment) for step in _STEPS)
    return HybridProcedure((*before, mail_test(assessment, before)))


def step_hand_offs(step: HybridStep) -> Sequence[HandOffText]:
    """What somebody has to do for a step, as text to copy, each once."""
    seen = joined((step.title, step.proof), ": ")
    return hand_offs([Finding(f"step-{step.number}", Severity.INFO, seen, hand_offs=step.hand_offs)])
