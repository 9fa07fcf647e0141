"""What a run can do to people and how to get back from it, in sentences. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.model.untrusted import typed
from runbook_lib.record.beside import Beside
from runbook_lib.record.mappings import mapping_in
from runbook_lib.shown.findings import WORDS, is_asked_in_record

_MOST_NAMED = 5
"""Findings that page 1 names; all are below."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What it can do.

    Attributes:
        sentences: By the plan.
        findings: The gravest findings, each with its severity in a word.
        more: How many more there are that are no mere information.
    """

    sentences: tuple[Text, ...]
    findings: tuple[tuple[Text, str], ...]
    more: int


def risk_of(facts: Mapping[str, Any], beside: Beside) -> Risk:
    """What the plan can do, and what the checks saw that matters."""
    found = [item for item in facts.get("findings") or () if isinstance(item, Mapping)]
    # A pre-flight also looks at routes that nobody asked for: what is missing there stands in nobody's way.
    grave = [item for item in found if _severity(item) is not Severity.INFO and is_asked_in_record(item)]
    # A difference has a table of its own above; its finding would say it again.
    if beside.differences:
        grave = [item for item in grave if not str(item.get("id")).startswith("drift")]
    grave.sort(key=lambda item: -_severity(item).rank)
    return Risk(
        tuple(_sentences(facts)),
        tuple((WORDS[_severity(item)], str(item.get("seen") or "")) for item in grave[:_MOST_NAMED]),
        max(0, len(grave) - _MOST_NAMED),
    )


def _severity(item: Mapping[str, Any]) -> Severity:
    try:
        return Severity(item.get("severity"))
    except ValueError:
        return Severity.INFO


def _sentences(facts: Mapping[str, Any]) -> Iterator[Text]:
    plan = facts.get("plan")
    if not isinstance(plan, Mapping):
        yield t("This notebook changes nothing, in AD or in the cloud.")
        return
    counts = Counter({str(k): n for k, n in mapping_in(plan.get("counts")).items() if isinstance(n, int) and n > 0})
    if not counts:
        yield t("Nothing is planned, so nothing changes.")
        return
    route = plan.get("route") or Route.DIRECT.value
    if route == Route.CLOUD_SYNC.value:
        yield t("The scope, mapping or job of Cloud Sync changes; Cloud Sync itself then writes the groups to AD.")
    if route == Route.CONNECT_SYNC.value:
        yield t("People act on the Connect server; group writeback v1 then writes all Microsoft 365 groups, or none.")
    yield from _of_direct(counts, mapping_in(facts.get("parameters")))


def _of_direct(counts: Mapping[str, int], parameters: Mapping[str, Any]) -> Iterator[Text]:
    made = counts.get(ChangeKind.CREATE.value, 0)
    if made:
        groups = counted(made, "AD group")
        if parameters.get("group_type") == "security":
            yield t(
                "{groups} made, as security groups: rights that are given to one count for its members.", groups=groups
            )
        elif parameters.get("group_type") == "distribution":
            yield t("{groups} made, as distribution groups: they grant no rights.", groups=groups)
        else:
            yield t("{groups} made.", groups=groups)
    if added := counts.get("members-added", 0):
        yield t("{members} added to AD groups.", members=counted(added, "member"))
    if removed := counts.get("members-removed", 0):
        yield t(
            "{members} removed from AD groups: what a group gives them, they lose.", members=counted(removed, "member")
        )
    if changed := counts.get(ChangeKind.UPDATE.value, 0):
        yield t("Values change on {groups}.", groups=counted(changed, "AD group"))
    if retired := counts.get(ChangeKind.RETIRE.value, 0):
        yield t(
            "{groups} retired: each moves to the OU of retired groups, and keeps its GUID and SID.",
            groups=counted(retired, "AD group"),
        )
    if restored := counts.get(ChangeKind.RESTORE.value, 0):
        yield t(
            "{groups} taken back into use: each moves to the OU of written groups, with the GUID and SID that it has.",
            groups=counted(restored, "AD group"),
        )
    if undeleted := counts.get(ChangeKind.UNDELETE.value, 0):
        yield t(
            "{groups} brought back from the deleted objects: rights that name one count again.",
            groups=counted(undeleted, "AD group"),
        )
    if deleted := counts.get(ChangeKind.DELETE.value, 0):
        yield t(
            "{groups} deleted: rights that name one grant nothing until the same object is brought back.",
            groups=counted(deleted, "AD group"),
        )
    elif not removed and made:
        yield t("No AD object is deleted and no member removed.")


def back_sentences(facts: Mapping[str, Any], beside: Beside, outcome: Outcome | None) -> Iterator[Text]:
    """How to get back, a sentence or a command each."""
    plan = facts.get("plan")
    written = beside.written is not None and beside.written.anything
    if not isinstance(plan, Mapping):
        yield t("Nothing was written: there is nothing to take back.")
        return
    if outcome is Outcome.PARTIAL:
        yield t("First run the notebook again with the same change id: it resumes. What is finished can be undone.")
        return
    waits = _waits(outcome)
    if not written and not waits and beside.approved_before is not None:
        yield t(
            "This run wrote nothing. What the run {run} of this change did is taken back from the record of that run.",
            run=beside.approved_before.run_id,
        )
        return
    if not written:
        yield t("Nothing was written: there is nothing to take back.")
        if waits:
            yield t(
                "Once it is written, 60-undo-change plans the way back from the record of that run: it takes back what "
                "that run did, and nothing else."
            )
        return
    yield t(
        "60-undo-change plans the way back from this record, asks for an approval of its own, and takes back what this "
        "run did, and nothing else."
    )
    if plan.get("operation") == Operation.ENABLE.value and plan.get("route", Route.DIRECT.value) == Route.DIRECT.value:
        yield t("Groups that this run created are then retired, or deleted with disable_by: delete.")


def _waits(outcome: Outcome | None) -> bool:
    """Whether the plan may still be carried out: it waits for an approval, or its run has not ended."""
    return outcome is Outcome.AWAITING_APPROVAL or outcome is None


def undo_line(beside: Beside, place: str, outcome: Outcome | None) -> Text:
    """The command that plans the way back; empty where nothing was written.

    A plan that waits has no way back yet: that of the run before it would take back something else.
    """
    if beside.written is None or not beside.written.anything:
        if beside.approved_before is None or _waits(outcome):
            return NOTHING
        place = f"{place.rpartition('/')[0]}/{beside.approved_before.run_id}"
    return t("gwb run 60-undo-change -f PARAMETERS -p change_id CHANGE -p undo_record {place}", place=typed(place))
