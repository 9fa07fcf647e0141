"""The times of a change, as record.json has them: plan, approval, steps, end, and what may follow. Pure.

Whatever stands in that file is shown as text; what is no time is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from runbook_lib.change.approvals.given import approvals_told
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.moment import moment_in
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Text, counted, t, verbatim
from runbook_lib.record.folder import began_by_id
from runbook_lib.record.mappings import mapping_in, outcome_in
from runbook_lib.shown.html import View, folded_html
from runbook_lib.shown.pictures import Moment, timeline_html


def timeline_of(facts: Mapping[str, Any]) -> Markup:
    """The picture; empty where record.json holds no time but that of the beginning.

    Args:
        facts: What record.json holds.
    """
    known = [one for one in _moments(facts) if one.at is not None]
    if len(known) < 2:
        return Markup()
    known.sort(key=lambda one: one.at or datetime.max.replace(tzinfo=UTC))
    return timeline_html([*known, *_to_come(facts)], caption=t("Timeline of this change"))


def timeline_view(facts: Mapping[str, Any]) -> View:
    """For the last cell of a notebook: folded below a line that says how long it took."""
    first, last = moment_in(facts.get("started")), moment_in(facts.get("ended"))
    text = t("Timeline")
    if first is not None and last is not None and last >= first:
        text = t("Timeline: {seconds:,.0f} s from the first cell to the last", seconds=(last - first).total_seconds())
    return View(folded_html(text, timeline_of(facts)), text)


def _moments(facts: Mapping[str, Any]) -> Iterator[Moment]:
    undone = str(mapping_in(facts.get("parameters")).get("undo_record") or "").replace("\\", "/").rstrip("/")
    if undone:
        run = undone.rpartition("/")[2]
        yield Moment(began_by_id(run), t("The run that is undone began"), verbatim(run))
    yield Moment(moment_in(facts.get("started")), t("This run began"), verbatim(str(facts.get("run_id") or "")))
    steps = facts.get("steps")
    for step in steps if isinstance(steps, (list, tuple)) else ():
        if isinstance(step, Mapping):
            yield Moment(moment_in(step.get("at")), verbatim(str(step.get("title"))))
    for approval in approvals_told(facts.get("approval")):
        yield from _approved(approval, str(facts.get("run_id")))
    outcome = outcome_in(facts)
    if outcome is not None:
        title = ending_of_facts(outcome, facts.get("error")).title
        yield Moment(moment_in(facts.get("ended")), title, _carried_out(facts))


def _approved(approval: Mapping[str, Any], run_id: str) -> Iterator[Moment]:
    planned = approval.get("planning_record")
    if isinstance(planned, str) and planned != run_id:
        yield Moment(began_by_id(planned), t("The run that planned it began"), verbatim(planned))
    by = t("by {approver}", approver=approval.get("approver"))
    yield Moment(moment_in(approval.get("approved")), t("Approved"), by)


def _carried_out(facts: Mapping[str, Any]) -> Text:
    changes = mapping_in(facts.get("changes"))
    planned, done = changes.get("planned"), changes.get("done")
    if not isinstance(planned, int) or not isinstance(done, int) or not planned:
        return NOTHING
    return t("{done} of {planned} carried out", done=done, planned=counted(planned, "change"))


def _to_come(facts: Mapping[str, Any]) -> Iterator[Moment]:
    """What may follow, by how it ended."""
    outcome, plan = outcome_in(facts), mapping_in(facts.get("plan"))
    if outcome is Outcome.AWAITING_APPROVAL:
        yield Moment(None, t("Approval"), t("then this notebook again, which writes what is approved"))
    elif outcome is Outcome.AWAITING_HANDOFF:
        yield Moment(None, t("Somebody else acts"), t("then this notebook again, which looks what has come of it"))
    elif mapping_in(facts.get("changes")).get("done") and plan.get("operation") in {one.value for one in Operation}:
        yield Moment(None, t("Way back"), t("60-undo-change, at any time, with this record"))
