"""The plan as a table, for the workbook of a record: one row for each change, and for each group that is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from runbook_lib.model.change import Change, Plan
from runbook_lib.model.text import Text, joined, t
from runbook_lib.shown.plan import member_name, values_text

PLAN_HEADINGS: Mapping[str, Text] = {
    "change": t("Change"),
    "display_name": t("Group"),
    "group_id": t("Group id"),
    "object": t("Object"),
    "why": t("Why"),
    "values": t("Values, before → after"),
    "members_added": t("Members added"),
    "members_removed": t("Members removed"),
    "in_cloud": t("Members in the cloud"),
    "left_out": t("Members left out"),
}
"""Column of ``plan_table`` to what people read above it."""


def plan_table(plan: Plan) -> pd.DataFrame:
    """Changes in the order of writing, then groups that are left alone.

    Returns:
        Columns of ``PLAN_HEADINGS``; ``in_cloud`` and ``left_out`` Int64 (missing where members do not count), the
        others object. Several values or members of a cell stand on lines of their own.
    """
    members = {group.group_id: group for group in plan.members}
    rows = [_row(change) for change in plan.changes]
    rows += [
        {
            "change": t("left alone"),
            "display_name": refusal.display_name,
            "group_id": refusal.group_id,
            "object": "",
            "why": joined((refusal.why, refusal.to_do)),
        }
        for refusal in plan.refusals
    ]
    for row in rows:
        counted = members.get(row["group_id"])
        row |= {
            "in_cloud": counted.in_cloud if counted else None,
            "left_out": len(counted.left_out) if counted else None,
        }
    table = pd.DataFrame(rows, columns=list(PLAN_HEADINGS), dtype=object)
    return table.astype({"in_cloud": "Int64", "left_out": "Int64"})


def _row(change: Change) -> dict[str, Any]:
    values = [
        t("{name}: {before} → {after}", name=one.name, before=values_text(one.before), after=values_text(one.after))
        for one in change.payload.value_differences()
    ]
    said = values or change.payload.summary(change.kind)
    members = change.payload.member_differences()
    return {
        "change": change.kind.title,
        "display_name": change.display_name,
        "group_id": change.group_id,
        "object": change.payload.object_name,
        "why": change.why,
        "values": "\n".join(said),
        "members_added": "\n".join(member_name(one) for one in members if one.added),
        "members_removed": "\n".join(member_name(one) for one in members if not one.added),
    }
