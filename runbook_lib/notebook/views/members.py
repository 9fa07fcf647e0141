"""What becomes of each group's members: how many, and who is left out, by name with the reason."""

from __future__ import annotations

import pandas as pd

from runbook_lib.model.change import Plan
from runbook_lib.notebook.html import banner_html, table_html
from runbook_lib.routes.direct.plan_findings import in_order, shown_of


def members_tables(plan: Plan) -> list[str]:
    """Tables for a plan; empty where it plans no members."""
    if not plan.members:
        return []
    numbers = pd.DataFrame(
        [(g.display_name, g.in_cloud, g.already, g.added, g.removed, len(g.left_out)) for g in in_order(plan)],
        columns=["Group", "In the cloud", "In AD already", "Added", "Removed", "Left out"],
    )
    table = table_html(numbers, caption="Members of each group", limit=200)
    return [table, *_left_out(plan)]


def left_out_view(plan: Plan) -> tuple[str, str]:
    """For the gate: how many of each group are written and who is not, before somebody approves.

    Empty where nobody is left out.
    """
    if not any(group.left_out for group in plan.members):
        return "", ""
    text = left_out_words(plan)
    banner = banner_html("attention", text, "A group in AD has fewer members than its cloud group.")
    return banner + "".join(members_tables(plan)), text


def left_out_words(plan: Plan) -> str:
    """``3 members of 1 group are left out``."""
    groups = [group for group in plan.members if group.left_out]
    number = sum(len(group.left_out) for group in groups)
    members = "1 member" if number == 1 else f"{number} members"
    of = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    return f"{members} of {of} {'is' if number == 1 else 'are'} left out"


def _left_out(plan: Plan) -> list[str]:
    rows: list[tuple[str, str, str, str]] = []
    for group in in_order(plan):
        shown, rest = shown_of(group)
        rows += [(group.display_name, one.name, one.type, one.why) for one in shown]
        rows += [(group.display_name, rest, "", "")] if rest else []
    if not rows:
        return []
    frame = pd.DataFrame(rows, columns=["Group", "Member", "Type", "Why it is left out"])
    return [table_html(frame, caption="Members that are left out", limit=300)]
