"""What a plan looks like before it is approved: changes, values, members, who is left out, what is deleted."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from runbook_lib.change.plan_as_read import in_order, named_of
from runbook_lib.inventory.naming import told_apart
from runbook_lib.model.change import Change, ChangeKind, Deletion, Plan
from runbook_lib.model.finding import Finding
from runbook_lib.shown.html import View, banner_html, bars_html, counted, facts_html, findings_html, table_html


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


def plan_view(plan: Plan, findings: Sequence[Finding]) -> View:
    """The whole plan: digest and phrase, counts, every change, every group that is left alone."""
    title = f"{counted(len(plan.changes), 'change')} to {counted(plan.groups, 'group')}"
    title = title if plan.changes else "Nothing to change"
    in_step = f"In step already: {counted(plan.in_step, 'selected group')}." if plan.in_step else ""
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


_MAY = {"on": "yes", "off": "no", "unknown": "unknown"}


def deletion_tables(changes: Sequence[Change]) -> list[str]:
    """Tables for a plan's deletions and undeletes; empty without any."""
    deleted = [(c, c.deletion) for c in changes if c.kind is ChangeKind.DELETE and c.deletion]
    back = [(c, c.deletion) for c in changes if c.kind is ChangeKind.UNDELETE and c.deletion]
    parts = []
    if deleted:
        words = "60-undo-change brings the same object back while it is among the deleted objects; nothing else does."
        parts.append(banner_html("attention", f"{len(deleted)} AD objects will be deleted", words))
        parts.append(table_html(_objects(deleted), caption="Objects that are deleted", limit=200))
        parts.append(table_html(_what_returns(deleted), caption="What can come back", limit=200))
    if back:
        parts.append(table_html(_objects(back), caption="Objects that come back", limit=200))
    holders = [(c.display_name, ref.dn) for c, facts in (*deleted, *back) for ref in facts.member_of]
    if holders:
        table = pd.DataFrame(holders, columns=["Group", "Is or was a member of"])
        parts.append(table_html(table, caption="Groups that hold a deleted one", limit=200))
    return parts


def _objects(pairs: Sequence[tuple[Change, Deletion]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Group": change.display_name,
                "SID": facts.sid,
                "Type": "security" if facts.security else "distribution",
                "Members": len(change.members_removed) or len(change.members_added),
                "In groups": len(facts.member_of),
                "Recycle Bin": facts.recycle_bin,
                "Days": _days(facts),
                "This account may list deleted objects": _MAY[facts.may_list],
                "It may bring them back": _MAY[facts.may_reanimate],
            }
            for change, facts in pairs
        ]
    )


def _days(facts: Deletion) -> str:
    source = "default, no attribute is set" if facts.lifetime_source == "default" else facts.lifetime_source
    left = "" if facts.days_left is None else f"about {facts.days_left} left of "
    return f"{left}{facts.lifetime_days} ({source})"


def _what_returns(pairs: Sequence[tuple[Change, Deletion]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(change.display_name, *_returns(facts)) for change, facts in pairs],
        columns=["Group", "GUID and SID", "Values and members", "Membership in other groups", "Rights by SID"],
    )


def _returns(facts: Deletion) -> tuple[str, str, str, str]:
    """In words; what depends on an unknown Recycle Bin is said as if it were off."""
    identity = f"only with 60-undo-change, within {facts.lifetime_days} days; a new object has others"
    by_itself = facts.recycle_bin == "on"
    values = (
        "by the directory itself (Recycle Bin)"
        if by_itself
        else "not by themselves: 60-undo-change writes the values and members of this plan; others are in backup.ldif"
    )
    holders = (
        "none"
        if not facts.member_of
        else "by the directory itself (Recycle Bin)"
        if by_itself
        else "60-undo-change puts it back into groups of this runbook; others by hand"
    )
    rights = (
        "access lists that name its SID stay, and grant nothing until the same SID is back"
        if facts.security
        else "none: a distribution group grants no rights"
    )
    return identity, values, holders, rights
