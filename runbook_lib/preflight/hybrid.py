"""Microsoft 365 groups with Exchange hybrid, the whole procedure: eight steps, each with its state, its proof and its
lines to copy. Pure: from a pre-flight; run it again after each step.

The steps are those of MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import NOTHING, Text, first_of, joined, t
from runbook_lib.preflight.assess import Assessment
from runbook_lib.preflight.hand_off import MAILBOXES, HandOffText, SendTestMail, hand_offs
from runbook_lib.preflight.hybrid_state import HybridStep, Judged, StepState, judged_by
from runbook_lib.preflight.hybrid_steps import (
    accepted_domain_step,
    address_book_step,
    address_policy_step,
    connect_step,
    dns_step,
    domain_step,
    send_connector_step,
)
from runbook_lib.preflight.parts import GROUPS, MAIL_DOMAINS, WRITTEN_GROUPS

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


_TO_CLOUD = (1, 3, 4, 5, 7)
"""Steps without which mail from on premises does not reach a group."""


def mail_test(assessment: Assessment, before: Sequence[HybridStep]) -> HybridStep:
    """The test, and as far as directory and DNS can show its outcome.

    To the group: steps 1, 3, 4, 5 and 7. Back to mailboxes on premises: the hybrid configuration, whose connectors in
    the cloud no reading shows.
    """
    here = [step for step in before if step.number in _TO_CLOUD]
    back = judged_by(assessment, ("mail-hybrid-missing",), t("The hybrid configuration is there."))
    states = {step.state for step in here} | {back.state}
    state = next(one for one in (StepState.MISSING, StepState.UNKNOWN, StepState.DONE) if one in states)
    proof = joined((_to_groups(here), t("From groups to mailboxes on premises: {proof}", proof=back.proof)))
    return HybridStep(
        8,
        t("Mail both ways"),
        MAILBOXES,
        state,
        proof,
        t("Send the test mails once: what carries mail in Exchange Online, neither directory nor DNS shows.")
        if state is StepState.DONE
        else _first(here, back),
        _lines(assessment) if state is StepState.DONE else back.hand_offs,
    )


def _to_groups(steps: Sequence[HybridStep]) -> Text:
    names = {
        state: first_of([str(step.number) for step in steps if step.state is state], len(steps))
        for state in (StepState.MISSING, StepState.UNKNOWN)
    }
    missing, unknown = names[StepState.MISSING], names[StepState.UNKNOWN]
    if not missing and not unknown:
        return t("From mailboxes on premises to groups: everything that directory and DNS can show is there.")
    return joined(
        (
            t("From mailboxes on premises to groups: missing {missing}.", missing=_steps(missing))
            if missing
            else NOTHING,
            t("Cannot be determined: {unknown}.", unknown=_steps(unknown)) if unknown else NOTHING,
        )
    )


def _steps(numbers: Text) -> Text:
    return t("step {numbers}", numbers=numbers) if "," not in numbers else t("steps {numbers}", numbers=numbers)


def _first(steps: Sequence[HybridStep], back: Judged) -> Text:
    open_ = [step for step in steps if step.state is not StepState.DONE]
    return t("Finish step {number} first.", number=open_[0].number) if open_ else back.to_do


def _lines(assessment: Assessment) -> tuple[HandOff, ...]:
    """The test with the address of a group: one that is in the address book, else one of the groups domain."""
    evidence = assessment.evidence
    listed = [one.mail for one in evidence.get(WRITTEN_GROUPS) or () if one.by_connect and one.in_address_book]
    mail, groups = evidence.get(MAIL_DOMAINS), evidence.get(GROUPS)
    domains = {f"@{domain}" for domain in mail.groups} if mail else set()
    others = [group.mail for group in groups.groups if group.mail] if groups else []
    inside = [one for one in others if any(one.lower().endswith(domain) for domain in domains)]
    address = next((one for one in (*listed, *inside) if one), "")
    return (SendTestMail(address),) if address else ()
