"""Step 8 of the Exchange hybrid procedure: whether mail can flow both ways, and the test that proves it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.model.finding import HandOff
from runbook_lib.model.text import NOTHING, Text, first_of, joined, t
from runbook_lib.preflight.assess import Assessment
from runbook_lib.preflight.hand_off import MAILBOXES, SendTestMail
from runbook_lib.preflight.hybrid_state import HybridStep, Judged, StepState, judged_by
from runbook_lib.preflight.parts import GROUPS, MAIL_DOMAINS, WRITTEN_GROUPS

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
