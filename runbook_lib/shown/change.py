"""What a plan, its groups' members and drift look like in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from runbook_lib.change.approvals.gate import Waiting
from runbook_lib.change.plan_as_read import in_order, named_of
from runbook_lib.inventory.naming import told_apart
from runbook_lib.model.change import Change, ChangeKind, Plan
from runbook_lib.model.finding import Finding
from runbook_lib.routes.direct.backup_and_verify import Checked
from runbook_lib.routes.direct.drift import Drift
from runbook_lib.shown.deletion import deletion_tables
from runbook_lib.shown.html import banner_html, bars_html, facts_html, findings_html, table_html


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
        shown, rest = named_of(group)
        rows += [(group.display_name, one.name, one.type, one.why) for one in shown]
        rows += [(group.display_name, rest, "", "")] if rest else []
    if not rows:
        return []
    frame = pd.DataFrame(rows, columns=["Group", "Member", "Type", "Why it is left out"])
    return [table_html(frame, caption="Members that are left out", limit=300)]


_LABELS = {
    "display_name": "Group",
    "what": "What",
    "expected": "In the cloud",
    "seen": "In AD",
    "ad_dn": "AD object",
}


def drift_view(drift: Drift) -> tuple[str, str]:
    """Every difference between AD and the cloud, or that there is none."""
    if not len(drift.table) and not drift.findings:
        text = f"{drift.groups} written groups were compared; none differs."
        return banner_html("good", "In step", text), text
    html = banner_html("attention", f"Drift: {drift.headline}")
    if len(drift.table):
        html += table_html(drift.table[list(_LABELS)], caption="Differences", limit=200, labels=_LABELS)
    return html + (findings_html(drift.unaccounted) if drift.unaccounted else ""), drift.text


View = tuple[str, str]


def plan_view(plan: Plan, findings: Sequence[Finding]) -> View:
    """The whole plan: digest and phrase, counts, every change, every group that is left alone."""
    title = f"{_count(len(plan.changes), 'change')} to {_count(plan.groups, 'group')}"
    title = title if plan.changes else "Nothing to change"
    in_step = f"In step already: {_count(plan.in_step, 'selected group')}." if plan.in_step else ""
    head = facts_html(
        [
            ("Operation", plan.operation.value),
            ("Route", plan.route.value),
            ("Domain", plan.target.domain_dns_name),
            ("Target OU", plan.target.target_ou),
            ("Retired OU", plan.target.retired_ou or "(none)"),
            ("Groups in step", plan.in_step),
            ("Groups left alone", len(plan.refusals)),
            ("Plan digest", plan.digest),
            ("Phrase to approve", plan.phrase if plan.changes else "(nothing to approve)"),
        ],
        caption="Plan",
    )
    parts = [banner_html("neutral", title, in_step), head]
    counts = [(kind, number) for kind, number in plan.counts.items() if number]
    if counts:
        parts.append(bars_html(counts, caption="Changes by kind, and member values"))
        parts.append(table_html(changes_table(plan.changes), caption="Changes, in the order of writing", limit=200))
        parts += deletion_tables(plan.changes)
    parts += members_tables(plan)
    if counts:
        parts += _details(plan.changes)
    if plan.refusals:
        refusals = pd.DataFrame(
            [(r.display_name, r.rule, r.why, r.to_do) for r in plan.refusals],
            columns=["Group", "Rule", "Why it is left alone", "What to do"],
        )
        parts.append(table_html(refusals, caption="Selected groups that are left alone", limit=200))
    if findings:
        parts.append(findings_html(findings))
    return "".join(parts), f"{title}; digest {plan.digest}"


def _count(number: int, noun: str) -> str:
    """``1 group``, ``2 groups``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def changes_table(changes: Sequence[Change]) -> pd.DataFrame:
    """One row per change; columns for people."""
    return pd.DataFrame(
        [
            {
                "Change": change.kind.value,
                "Group": change.display_name,
                "AD object": change.dn,
                "What": _what(change),
                "Why": change.why,
                "Digest": change.digest[:12],
            }
            for change in changes
        ]
    )


def _what(change: Change) -> str:
    parts = []
    if change.kind is ChangeKind.DELETE:
        parts.append("the object is deleted")
    if change.kind is ChangeKind.UNDELETE:
        parts.append("the same object comes back, with GUID and SID")
    if change.members_added:
        parts.append(f"members added: {len(change.members_added)}")
    if change.members_removed:
        parts.append(f"members removed: {len(change.members_removed)}")
    if change.move:
        parts.append(f"moves to {change.move.to_dn}")
    if change.attributes:
        parts.append(f"attributes: {', '.join(delta.name for delta in change.attributes)}")
    return "; ".join(parts) or "a new object without members"


def _details(changes: Sequence[Change]) -> list[str]:
    """Every value and every member that is added or removed, as far as a page can hold them."""
    values = pd.DataFrame(
        [
            (
                change.display_name,
                change.kind.value,
                delta.name,
                *told_apart(_values(delta.removed), _values(delta.added)),
            )
            for change in changes
            for delta in change.attributes
        ],
        columns=["Group", "Change", "Attribute", "Before", "After"],
    )
    members = pd.DataFrame(
        [
            (change.display_name, direction, member.dn or "a group that this plan creates")
            for change in changes
            for direction, some in (("added", change.members_added), ("removed", change.members_removed))
            for member in some
        ],
        columns=["Group", "Member", "AD object"],
    )
    parts = [table_html(values, caption="Values before and after", limit=500)] if len(values) else []
    return parts + ([table_html(members, caption="Members added and removed", limit=500)] if len(members) else [])


def _values(values: Sequence[str]) -> str:
    return "; ".join(values) or "(empty)"


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
    text = f"{_count(approved, 'change')} approved {parts}."
    if not waiting:
        return banner_html("good", "Approved", text), text
    text += f" {_count(len(waiting), 'change')} still to be approved."
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
    text = f"In step already: {_count(plan.in_step, 'selected group')}."
    return banner_html("good", "Nothing to do", text), text


def nothing_written_view() -> View:
    """There was nothing to write."""
    return banner_html("neutral", "Nothing was written", "The plan holds no change."), "Nothing was written"


def applied_view(changes: Sequence[Change]) -> View:
    """What was written."""
    text = f"{_count(len(changes), 'change')} carried out; the journal has every write."
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
