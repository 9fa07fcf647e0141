"""Does a record say what its journal and its plan say?

The journal is written before and after each write; where it and the record differ, the journal is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.files import JOURNAL, PLAN, RECORD
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t
from runbook_lib.record.carried_out import carried_out
from runbook_lib.record.mappings import mapping_in, mapping_of_file, outcome_in
from runbook_lib.record.run_end import WrittenJournal, written_by

_AFTER_A_WRITE = frozenset({Outcome.PARTIAL, Outcome.VERIFICATION_FAILED, Outcome.BUG, Outcome.DONE})
_AFTER_EVERY_WRITE = frozenset(
    {Outcome.DONE, Outcome.AWAITING_APPROVAL, Outcome.AWAITING_HANDOFF, Outcome.VERIFICATION_FAILED}
)
"""Outcomes that a run which has written may have only when it carried out everything that was approved."""

_BY_ITS_PLAN = frozenset({Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.AWAITING_APPROVAL})
"""Outcomes of a run without a journal that its plan decides."""


def record_contradictions(run: Path, facts: Mapping[str, Any]) -> list[Text]:
    """Where record.json (``facts``) and what lies beside it in the folder of a run differ, one sentence each.

    A run that gave no verdict contradicts nothing: sealing decides one from the journal.
    """
    outcome = outcome_in(facts)
    if outcome is None:
        return []
    changes, plan = mapping_in(facts.get("changes")), mapping_in(facts.get("plan"))
    planned, done = changes.get("planned", 0), changes.get("done", 0)
    written = written_by(run)
    found = list(_of_itself(facts, outcome, plan, planned))
    # A run that failed may have died between writing its plan and saying so.
    if written is not None or outcome in _BY_ITS_PLAN:
        found += _of_plan(run, written, plan, planned)
    if written is None:
        found += _without_journal(outcome, planned, done)
    else:
        found += [*_of_outcome(run, written, outcome, planned, done), *_of_approval(written, facts.get("approval"))]
    return [t("{record}: {text}", record=RECORD, text=text) for text in found]


def _of_itself(facts: Mapping[str, Any], outcome: Outcome, plan: Mapping[str, Any], planned: object) -> Iterator[Text]:
    if "exit_code" in facts and facts["exit_code"] != outcome.exit_code:
        yield t(
            "it says {outcome!r}, and the exit code {exit_code!r} of another outcome",
            outcome=outcome.value,
            exit_code=facts["exit_code"],
        )
    if outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO) and facts.get("error"):
        yield t("it says {outcome!r}, and an error beside it", outcome=outcome.value)
    if plan and outcome is Outcome.NOTHING_TO_DO and planned:
        yield t("it says {outcome!r}, but {planned} changes were planned", outcome=outcome.value, planned=planned)
    # On this route people act between two runs: the one that sees it done has nothing left to plan.
    if plan and outcome is Outcome.DONE and not planned and plan.get("route") != Route.CONNECT_SYNC.value:
        yield t("it says {outcome!r}, but nothing was planned", outcome=outcome.value)


def _of_approval(written: WrittenJournal, approval: object) -> Iterator[Text]:
    """A run that wrote names the approval that its journal was opened with; one that only read back may name none."""
    opened = written.opened.get("approval")
    if opened is not None and approval != opened and (approval is not None or written.anything):
        yield t("its approval is another one than {journal} was opened with", journal=JOURNAL)


def _without_journal(outcome: Outcome, planned: object, done: object) -> Iterator[Text]:
    if done:
        yield t("it counts {done} changes as done, but there is no {journal}", done=done, journal=JOURNAL)
    elif outcome is Outcome.PARTIAL or (
        # Where nothing was to be written, AD can still be watched: Cloud Sync writes by itself.
        outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF, Outcome.VERIFICATION_FAILED) and planned
    ):
        yield t(
            "it says {outcome!r} with {planned} changes planned, but there is no {journal}",
            outcome=outcome.value,
            planned=planned,
            journal=JOURNAL,
        )


def _of_outcome(run: Path, written: WrittenJournal, outcome: Outcome, planned: object, done: object) -> Iterator[Text]:
    complete = _complete(run, written)
    approved = len(written.approved)
    if outcome is Outcome.NOTHING_TO_DO:
        yield t("it says {outcome!r}, but {journal} was opened", outcome=outcome.value, journal=JOURNAL)
    elif written.anything and outcome not in _AFTER_A_WRITE and not (complete and outcome in _AFTER_EVERY_WRITE):
        yield t(
            "it says {outcome!r}, but {journal} holds writes ({done} done)",
            outcome=outcome.value,
            journal=JOURNAL,
            done=len(written.done),
        )
    elif outcome in _AFTER_EVERY_WRITE and not complete:
        yield t(
            "it says {outcome!r}, but {journal} does not hold every approved write",
            outcome=outcome.value,
            journal=JOURNAL,
        )
    elif outcome is Outcome.AWAITING_APPROVAL and approved == planned:
        yield t(
            "it says {outcome!r}, but {journal} says that all {approved} changes were approved and carried out",
            outcome=outcome.value,
            journal=JOURNAL,
            approved=approved,
        )
    by_journal = approved if complete else sum((carried_out(run, written) or {}).values())
    # Earlier versions counted no change of a run that stopped midway.
    if done not in ({approved} if complete and outcome in _AFTER_EVERY_WRITE else {0, by_journal}):
        yield t(
            "it counts {done} changes as done, but by {journal} it is {carried_out} of {approved}",
            done=done,
            journal=JOURNAL,
            carried_out=by_journal,
            approved=approved,
        )


def _of_plan(run: Path, written: WrittenJournal | None, plan: Mapping[str, Any], planned: object) -> Iterator[Text]:
    digest = written.opened.get("plan_digest") if written else None
    if digest is not None and plan.get("digest") != digest:
        yield t("its plan is another one than the plan that {journal} was opened with", journal=JOURNAL)
    kept = mapping_of_file(run / PLAN)
    changes = kept.get("changes")
    if kept and digest is not None and kept.get("digest") != digest:
        yield t("{plan} is another plan than the one that {journal} was opened with", plan=PLAN, journal=JOURNAL)
    elif kept and digest is None and kept.get("digest") != plan.get("digest"):
        yield t("its plan is another one than {plan}", plan=PLAN)
    elif isinstance(changes, list) and planned != len(changes):
        yield t(
            "it counts {planned} changes as planned, but {plan} holds {changes}",
            planned=planned,
            plan=PLAN,
            changes=len(changes),
        )


def _complete(run: Path, written: WrittenJournal) -> bool:
    """Whether everything approved was carried out, by this run and those that it resumes.

    Where the plan or an earlier run is not at hand, or cannot be read, what closed the journal must do.
    """
    if not written.carried_out or written.unreadable:
        return False
    found = carried_out(run, written)
    return found is None or all(found.values())
