"""What a plan looks like before it is approved: changes, values, members, who is left out, what is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from runbook_lib.change.plan_as_read import LEFT_OUT_FILE, in_order, named_of
from runbook_lib.inventory.naming import distinct_names
from runbook_lib.model.change import Change, MemberDifference, Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.finding import Finding
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, joined, t, verbatim
from runbook_lib.routes.direct.payload import DIRECT_TYPES, Deletion, DirectChange
from runbook_lib.shown.findings import findings_html
from runbook_lib.shown.flows import plan_before_after, plan_flow
from runbook_lib.shown.html import CellValue, View, banner_html, bars_html, facts_html, rows_html

MEMBER_NUMBERS = (t("Group"), t("In the cloud"), t("In AD already"), t("Added"), t("Removed"), t("Left out"))
"""Headings of what is said of the members of a planned group."""
_MOST_AT_GATE = 20
"""Rows of a table that the gate shows once more."""


def changes_text(number: int) -> Text:
    """``1 change``, ``2 changes``."""
    return t("1 change") if number == 1 else t("{number} changes", number=number)


def _groups_text(number: int) -> Text:
    return t("1 group") if number == 1 else t("{number} groups", number=number)


def in_step_text(plan: Plan) -> Text:
    """How many selected groups are as they should be."""
    if plan.in_step == 1:
        return t("In step already: 1 selected group.")
    return t("In step already: {number} selected groups.", number=plan.in_step)


def members_tables(plan: Plan, most: int = 200) -> Markup:
    """Tables for a plan, of so many rows at most; empty where it plans no members."""
    if not plan.members:
        return Markup()
    numbers = [(g.display_name, g.in_cloud, g.already, g.added, g.removed, len(g.left_out)) for g in in_order(plan)]
    shown = rows_html(MEMBER_NUMBERS, numbers, caption=t("Members of each group"), limit=most)
    return shown + _left_out(plan, most + most // 2)


def left_out_view(plan: Plan) -> View:
    """For the gate: how many of each group are written and who is not, before somebody approves.

    Empty where nobody is left out. A long table would push what stands below it out of sight: the plan has it whole.
    """
    if not any(group.left_out for group in plan.members):
        return View(Markup(), NOTHING)
    text = left_out_text(plan)
    why = t("A group in AD has fewer members than its cloud group. {file} names each of them.", file=LEFT_OUT_FILE)
    return View(banner_html("attention", text, why) + members_tables(plan, _MOST_AT_GATE), text)


def before_after_view(plan: Plan) -> View:
    """For the gate: what becomes of each group, as a picture."""
    return View(plan_before_after(plan), _changes_to_groups(plan))


def _changes_to_groups(plan: Plan) -> Text:
    return t("{changes} to {groups}", changes=changes_text(len(plan.changes)), groups=_groups_text(plan.groups))


def left_out_text(plan: Plan) -> Text:
    """``3 members of 1 group are left out``."""
    groups = [group for group in plan.members if group.left_out]
    number = sum(len(group.left_out) for group in groups)
    if number == 1:
        return t("1 member of {groups} is left out", groups=_groups_text(len(groups)))
    return t("{number} members of {groups} are left out", number=number, groups=_groups_text(len(groups)))


def _left_out(plan: Plan, most: int) -> Markup:
    rows: list[tuple[str, str, str, str]] = []
    for group in in_order(plan):
        named, rest = named_of(group)
        rows += [(group.display_name, one.name, one.type, one.why) for one in named]
        rows += [(group.display_name, rest, "", "")] if rest else []
    if not rows:
        return Markup()
    headings = (t("Group"), t("Member"), t("Type"), t("Why it is left out"))
    return rows_html(headings, rows, caption=t("Members that are left out"), limit=most)


def plan_view(plan: Plan, findings: Sequence[Finding]) -> View:
    """The whole plan: digest and phrase, counts, every change, every group that is left alone."""
    title = _changes_to_groups(plan) if plan.changes else t("Nothing to change")
    head = facts_html(
        [
            (t("Operation"), plan.operation.title),
            (t("Route"), plan.route.value),
            *((part.caption, part.name or t("(none)")) for part in plan.target.parts() if part.name_key),
            (t("Groups in step"), plan.in_step),
            (t("Groups left alone"), len(plan.refusals)),
            (t("Plan digest"), plan.digest),
            (t("Phrase to approve"), plan.phrase if plan.changes else t("(nothing to approve)")),
        ],
        caption=t("Plan"),
    )
    shown = banner_html("neutral", title, in_step_text(plan) if plan.in_step else NOTHING) + plan_flow(plan) + head
    counts = [(kind, number) for kind, number in plan.counts.items() if number]
    if counts:
        shown += bars_html(counts, caption=t("Changes by kind, and member values"))
        shown += changes_html(plan.changes, caption=t("Changes, in the order of writing"))
        shown += deletion_tables(plan.changes)
    shown += members_tables(plan)
    if counts:
        shown += _details(plan.changes)
    shown += left_alone_html(plan)
    if findings:
        shown += findings_html(findings)
    return View(shown, t("{title}; digest {digest}", title=title, digest=plan.digest))


def left_alone_html(plan: Plan) -> Markup:
    """Selected groups that the plan leaves alone; empty without any."""
    if not plan.refusals:
        return Markup()
    return rows_html(
        (t("Group"), t("Rule"), t("Why it is left alone"), t("What to do")),
        [(r.display_name, r.rule, r.why, r.to_do) for r in plan.refusals],
        caption=t("Selected groups that are left alone"),
        limit=200,
    )


def changes_html(changes: Sequence[Change], *, caption: Text) -> Markup:
    """One row per change, in the order in which they are written."""
    return rows_html(
        (t("Change"), t("Group"), object_heading(changes), t("What"), t("Why"), t("Digest")),
        [(c.kind.title, c.display_name, c.payload.object_name, _what(c), c.why, c.digest[:12]) for c in changes],
        caption=caption,
        limit=200,
    )


def object_heading(changes: Iterable[Change]) -> Text:
    """What kind of object ``Payload.object_name`` names in a table of changes."""
    by_cloud_sync = any(change.payload.route is Route.CLOUD_SYNC for change in changes)
    return t("Cloud Sync job") if by_cloud_sync else t("AD object")


def _what(change: Change) -> Text:
    return joined(change.payload.summary(change.kind), "; ")


def _details(changes: Sequence[Change]) -> Markup:
    """Every value and every member that is added or removed, as far as a page can hold them."""
    values: list[tuple[CellValue, ...]] = [
        (
            change.display_name,
            change.kind.title,
            value.name,
            *distinct_names(values_text(value.before), values_text(value.after)),
        )
        for change in changes
        for value in change.payload.value_differences()
    ]
    members: list[tuple[CellValue, ...]] = [
        (
            change.display_name,
            t("added") if one.added else t("removed"),
            member_name(one),
        )
        for change in changes
        for one in change.payload.member_differences()
    ]
    shown = Markup()
    if values:
        headings = (t("Group"), t("Change"), t("Attribute"), t("Before"), t("After"))
        shown += rows_html(headings, values, caption=t("Values before and after"), limit=500)
    if members:
        headings_of_members = (t("Group"), t("Member"), t("AD object"))
        shown += rows_html(headings_of_members, members, caption=t("Members added and removed"), limit=500)
    return shown


def member_name(member: MemberDifference) -> Text:
    """What a member is called; one that does not exist yet is told as such."""
    return verbatim(member.name) or t("a group that this plan creates")


def values_text(values: Sequence[str]) -> Text:
    """The values of one attribute, in one line."""
    return verbatim("; ".join(values)) or t("(empty)")


def deletion_tables(changes: Sequence[Change]) -> Markup:
    """What a plan's deletions take away and its undeletes bring back, object by object; empty without any."""
    of_ad = [DIRECT_TYPES.change(change) for change in changes if change.route is Route.DIRECT]
    deleted = [(c, c.payload.deletion) for c in of_ad if c.kind is ChangeKind.DELETE and c.payload.deletion]
    back = [(c, c.payload.deletion) for c in of_ad if c.kind is ChangeKind.UNDELETE and c.payload.deletion]
    shown = Markup()
    if deleted:
        title = t("1 AD object will be deleted")
        if len(deleted) > 1:
            title = t("{number} AD objects will be deleted", number=len(deleted))
        text = t("60-undo-change brings the same object back while it is among the deleted objects; nothing else does.")
        shown += banner_html("attention", title, text)
        shown += _objects(deleted, t("Objects that are deleted"))
        shown += rows_html(
            (
                t("Group"),
                t("GUID and SID"),
                t("Values and members"),
                t("Membership in other groups"),
                t("Rights by SID"),
            ),
            [(change.display_name, *_returns(facts)) for change, facts in deleted],
            caption=t("What can come back"),
            limit=200,
        )
    if back:
        shown += _objects(back, t("Objects that come back"))
    holders = [(c.display_name, ref.dn) for c, facts in (*deleted, *back) for ref in facts.member_of]
    if holders:
        headings = (t("Group"), t("Is or was a member of"))
        shown += rows_html(headings, holders, caption=t("Groups that hold a deleted one"), limit=200)
    return shown


def _objects(pairs: Sequence[tuple[DirectChange, Deletion]], caption: Text) -> Markup:
    may = {"on": t("yes"), "off": t("no"), "unknown": t("unknown")}
    return rows_html(
        (
            t("Group"),
            t("SID"),
            t("Type"),
            t("Members"),
            t("In groups"),
            t("Recycle Bin"),
            t("Days"),
            t("This account may list deleted objects"),
            t("It may bring them back"),
        ),
        [
            (
                change.display_name,
                facts.sid,
                t("security") if facts.security else t("distribution"),
                len(change.payload.members_removed) or len(change.payload.members_added),
                len(facts.member_of),
                facts.recycle_bin,
                _days(facts),
                may[facts.may_list],
                may[facts.may_reanimate],
            )
            for change, facts in pairs
        ],
        caption=caption,
        limit=200,
    )


def _days(facts: Deletion) -> Text:
    by_default = facts.lifetime_source == "default"
    source = t("default, no attribute is set") if by_default else verbatim(facts.lifetime_source)
    if facts.days_left is None:
        return t("{days} ({source})", days=facts.lifetime_days, source=source)
    return t("about {left} left of {days} ({source})", left=facts.days_left, days=facts.lifetime_days, source=source)


def _returns(facts: Deletion) -> tuple[Text, Text, Text, Text]:
    """In words; what depends on an unknown Recycle Bin is said as if it were off."""
    identity = t("only with 60-undo-change, within {days} days; a new object has others", days=facts.lifetime_days)
    by_itself = facts.recycle_bin == "on"
    returned = t("by the directory itself (Recycle Bin)")
    values = (
        returned
        if by_itself
        else t(
            "not by themselves: 60-undo-change writes the values and members of this plan; others are in backup.ldif"
        )
    )
    holders = (
        t("none")
        if not facts.member_of
        else returned
        if by_itself
        else t("60-undo-change puts it back into groups of this runbook; others by hand")
    )
    rights = (
        t("access lists that name its SID stay, and grant nothing until the same SID is back")
        if facts.security
        else t("none: a distribution group grants no rights")
    )
    return identity, values, holders, rights
