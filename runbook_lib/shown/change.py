"""A change on its way: resumed, at the gate, written, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from runbook_lib.change.approvals.gate import Waiting
from runbook_lib.model.change import Change, Plan
from runbook_lib.routes.direct.backup_and_verify import Checked
from runbook_lib.shown.html import View, banner_html, counted, table_html
from runbook_lib.shown.plan import changes_table


def resume_view(plan: Plan, runs: Sequence[str], *, written: bool) -> View:
    """A plan that stopped midway and is resumed; ``written``: everything approved is in AD, but was not read back."""
    names = ", ".join(runs)
    text = f"Plan {plan.digest[:12]} was begun by {names} and is finished now."
    if written:
        text = f"Plan {plan.digest[:12]} was written by {names}, which ended before it was read back: that is done now."
    table = table_html(changes_table(plan.changes), caption="Changes of the plan that is resumed", limit=200)
    return banner_html("attention", "Resuming a change that stopped midway", text) + table, text


def read_back_view(changes: int) -> View:
    """The gate of a change that is written already."""
    text = f"{changes} changes were written before; nothing is written now, they are read back."
    return banner_html("neutral", "Nothing left to approve", text), text


def open_gate_view(approval: Mapping[str, object], approved: int, waiting: Sequence[Waiting]) -> View:
    """The gate is open; what stays behind is listed with the reason."""
    further = approval.get("further")
    others = further if isinstance(further, Sequence) else ()
    parts = ", ".join(_approval_words(item) for item in (approval, *others) if isinstance(item, Mapping))
    text = f"{counted(approved, 'change')} approved {parts}."
    if not waiting:
        return banner_html("good", "Approved", text), text
    text += f" {counted(len(waiting), 'change')} still to be approved."
    table = pd.DataFrame(
        [(item.change.kind.value, item.change.display_name, item.change.dn, item.why) for item in waiting],
        columns=["Change", "Group", "AD object", "Why it waits"],
    )
    banner = banner_html("attention", "Approved in part", text)
    return banner + table_html(table, caption="Changes that await approval", limit=200), text


def _approval_words(approval: Mapping[str, object]) -> str:
    standing = "in advance " if approval.get("kind") == "standing" else ""
    return f"{standing}by {approval.get('approver')} until {approval.get('until')}"


def resumed_gate_view(approval: Mapping[str, object]) -> View:
    """The gate of a resumed change, under the approval that covers it."""
    text = f"Approved by {approval.get('approver')} at {approval.get('approved')}."
    return banner_html("good", "Approved", text), text


def nothing_view(plan: Plan) -> View:
    """There is nothing to approve."""
    text = f"In step already: {counted(plan.in_step, 'selected group')}."
    return banner_html("good", "Nothing to do", text), text


def nothing_written_view() -> View:
    """There was nothing to write."""
    return banner_html("neutral", "Nothing was written", "The plan holds no change."), "Nothing was written"


def applied_view(changes: Sequence[Change]) -> View:
    """What was written."""
    text = f"{counted(len(changes), 'change')} carried out; the journal has every write."
    return banner_html("good", "Written", text), text


def verified_view(checked: Sequence[Checked]) -> View:
    """Each object as the DC answers for it now."""
    wrong = [item for item in checked if item.differences]
    table = pd.DataFrame(
        [
            {
                "Change": item.change.kind.value,
                "Group": item.change.display_name,
                "objectGUID": item.object_guid,
                "objectSid": item.sid,
                "AD object": item.dn,
                "Read back": "; ".join(item.differences) or "as planned",
            }
            for item in checked
        ]
    )
    text = f"{len(checked) - len(wrong)} of {len(checked)} objects are as planned."
    banner = banner_html("bad", "AD differs from the plan", text) if wrong else banner_html("good", "Verified", text)
    return banner + table_html(table, caption="Objects after the writes", limit=200), text
