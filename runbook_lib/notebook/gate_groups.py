"""The groups of a plan as rows to tick at the gate: what becomes of each, and of its members. Pure."""

from __future__ import annotations

from runbook_lib.model.change import Change, Plan
from runbook_lib.model.text import joined, t
from runbook_lib.notebook.ticking.page import Column, TickRow

GROUP_COLUMNS = (
    Column(t("Group")),
    Column(t("Changes"), filtered=True),
    Column(t("What")),
    Column(t("In the cloud")),
    Column(t("Added")),
    Column(t("Removed")),
    Column(t("Left out")),
)


def group_rows(plan: Plan) -> list[TickRow]:
    """One row per group of a plan, in the order of its changes; a change that is about no single group has none."""
    changes: dict[str, list[Change]] = {}
    for change in plan.changes:
        if change.group_id:
            changes.setdefault(str(change.group_id), []).append(change)
    members = {str(group.group_id): group for group in plan.members}
    rows = []
    for group_id, own in changes.items():
        group = members.get(group_id)
        numbers = (group.in_cloud, group.added, group.removed, len(group.left_out)) if group else (None,) * 4
        kinds = joined(dict.fromkeys(change.kind.title for change in own), ", ")
        what = joined((part for change in own for part in change.payload.summary(change.kind)), "; ")
        rows.append(TickRow(group_id, (own[0].display_name, kinds, what, *numbers)))
    return rows
