"""What a plan does, group by group, in words: one row of page 1 each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.change.plan_as_read import LEFT_OUT_FILE, in_order
from runbook_lib.model.change import Change, GroupMembers, Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import GroupId
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, joined, t, verbatim
from runbook_lib.routes.direct.payload import DIRECT_TYPES


@dataclass(frozen=True, slots=True)
class GroupSaid:
    """One group.

    Attributes:
        name: Of the cloud group; empty: this is for all groups at once.
        what: What becomes of it, in words; empty: nothing but its members is told.
        object_name: Its AD object; empty where the change is of nothing in AD.
        in_cloud: Members of the cloud group, and below how many of them are in AD already, enter, leave and are left
            out; None: the plan does not say.
        who: Who is left out, by name, a line for each reason, and how many more there are.
    """

    name: str
    what: Text
    object_name: str
    in_cloud: int | None
    already: int | None
    added: int | None
    removed: int | None
    left_out: int | None
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A selected group that is not changed."""

    name: str
    why: Text
    to_do: Text


_MOST_NAMED = 12
"""Members left out of one group that are named; left-out.csv has all."""
_IN_WORDS: Mapping[ChangeKind, Text] = {
    ChangeKind.CREATE: t("create in AD"),
    ChangeKind.UPDATE: t("change values"),
    ChangeKind.ADD_MEMBERS: t("add members"),
    ChangeKind.REMOVE_MEMBERS: t("remove members"),
    ChangeKind.RETIRE: t("retire"),
    ChangeKind.RESTORE: t("take back into use"),
    ChangeKind.DELETE: t("delete from AD"),
    ChangeKind.UNDELETE: t("bring back"),
}
"""Of the route direct; the other routes say themselves what a change of theirs does."""


def groups_said(facts: Mapping[str, Any], plan: Plan | None) -> tuple[GroupSaid, ...]:
    """Every group that the plan changes; without plan.json what record.json says of the members."""
    if plan is not None:
        return tuple(_of_plan(plan))
    found = facts.get("plan")
    rows = found.get("members") if isinstance(found, Mapping) else None
    return tuple(_of_facts(row) for row in rows or () if isinstance(row, Mapping))


def groups_left_alone(plan: Plan | None) -> tuple[LeftAlone, ...]:
    """Selected groups that the plan leaves alone, and why."""
    return tuple(LeftAlone(one.display_name, one.why, one.to_do) for one in (plan.refusals if plan else ()))


def _of_plan(plan: Plan) -> Iterator[GroupSaid]:
    changes: dict[GroupId, list[Change]] = {}
    for change in plan.changes:
        changes.setdefault(change.group_id, []).append(change)
    members = {group.group_id: group for group in in_order(plan)}
    # What is for all groups at once comes first, then those with members left out, as everywhere.
    places = {group_id: place for place, group_id in enumerate(members)}
    for group_id in sorted(changes, key=lambda group_id: (group_id != "", places.get(group_id, len(places)))):
        yield _row(changes[group_id], members.get(group_id))
    covered = {group for change in plan.changes for group in change.payload.groups}
    for group_id, group in members.items():
        if group_id not in changes and (group_id in covered or group.added or group.removed or group.left_out):
            yield _row((), group)


def _row(changes: Sequence[Change], group: GroupMembers | None) -> GroupSaid:
    name = group.display_name if group else next((change.display_name for change in changes), "")
    in_ad = [change.payload.object_name for change in changes if change.payload.route is not Route.CLOUD_SYNC]
    added = sum(len(change.payload.members_added) for change in changes)
    removed = sum(len(change.payload.members_removed) for change in changes)
    return GroupSaid(
        name=name,
        what=joined(dict.fromkeys(map(_in_words, changes)), "; "),
        object_name=in_ad[0] if in_ad else "",
        in_cloud=group.in_cloud if group else None,
        already=group.already if group else None,
        added=group.added if group else added or None,
        removed=group.removed if group else removed or None,
        left_out=len(group.left_out) if group else None,
        who=tuple(_left_out(group)) if group else (),
    )


def _left_out(group: GroupMembers) -> Iterator[Text]:
    """Who is left out, by name, each reason once."""
    by_reason: dict[Text, list[str]] = {}
    for one in group.left_out[:_MOST_NAMED]:
        by_reason.setdefault(one.why, []).append(one.name)
    for why, names in by_reason.items():
        yield t("{names}: {why}", names=joined(map(verbatim, names), ", "), why=why)
    if (more := len(group.left_out) - _MOST_NAMED) > 0:
        yield t("and {more:,} more, all in {file}", more=more, file=LEFT_OUT_FILE)


def totals_of(groups: Sequence[GroupSaid]) -> tuple[int, ...]:
    """Members in the cloud, in AD already, added, removed and left out, over all groups."""
    keys = ("in_cloud", "already", "added", "removed", "left_out")
    return tuple(sum(getattr(group, key) or 0 for group in groups) for key in keys)


def _in_words(change: Change) -> Text:
    words = _IN_WORDS.get(change.kind)
    if words is None:
        return joined(change.payload.summary(change.kind), ", ") or change.kind.title
    move = DIRECT_TYPES.change(change).payload.move
    return t("{what}, to {place}", what=words, place=move.to_dn) if move else words


def _of_facts(row: Mapping[str, Any]) -> GroupSaid:
    return GroupSaid(
        name=str(row.get("group")),
        what=verbatim(""),
        object_name="",
        in_cloud=_number(row.get("in_cloud")),
        already=_number(row.get("already")),
        added=_number(row.get("added")),
        removed=_number(row.get("removed")),
        left_out=_number(row.get("left_out")),
        who=tuple(map(str, row.get("who") or ())),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
