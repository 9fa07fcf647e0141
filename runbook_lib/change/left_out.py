"""Who of a cloud group a plan does not write, in words for people: short in what is read, whole in one file. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.model.change import GroupMembers, LeftOut, Plan
from runbook_lib.model.file_names import LEFT_OUT

FILE_NAME = LEFT_OUT
"""The whole list, beside plan.json."""
COLUMNS = ("group_id", "group", "member_id", "member", "type", "code", "why")
SHOWN = 5
"""Members that are named for one group; the file has all."""


def in_order(plan: Plan) -> tuple[GroupMembers, ...]:
    """The groups of a plan, those with members left out first, then by name."""
    return tuple(sorted(plan.members, key=lambda g: (not g.left_out, g.display_name.casefold(), g.group_id)))


def numbers_of(group: GroupMembers) -> str:
    """``13 in the cloud, 10 added, 3 left out``."""
    parts = [f"{group.in_cloud} in the cloud"]
    parts += [f"{group.already} in AD already"] if group.already else []
    parts.append(f"{group.added} added")
    parts += [f"{group.removed} removed"] if group.removed else []
    parts.append(f"{len(group.left_out)} left out")
    return ", ".join(parts)


def shown_of(group: GroupMembers) -> tuple[tuple[LeftOut, ...], str]:
    """The members that are named, and what is said of the others (empty where all are named)."""
    shown = group.left_out[:SHOWN]
    rest = len(group.left_out) - len(shown)
    return shown, f"{len(shown)} shown and {rest} more, all in {FILE_NAME}" if rest else ""


def sentence_of(member: LeftOut) -> str:
    """``Kim (user): No AD account was found.``"""
    return f"{member.name} ({member.type}): {member.why}"


def lines_of(group: GroupMembers) -> Iterator[str]:
    """The members that are named and what is said of the others, a line each."""
    shown, rest = shown_of(group)
    yield from map(sentence_of, shown)
    if rest:
        yield rest


def rows_of(plan: Plan) -> list[tuple[str, ...]]:
    """Every member that is left out, with ``COLUMNS``."""
    return [
        (group.group_id, group.display_name, one.member_id, one.name, one.type, one.code, one.why)
        for group in in_order(plan)
        for one in group.left_out
    ]


def facts_of(plan: Plan) -> list[dict[str, object]]:
    """What record.json says of the groups' members."""
    return [
        {
            "group_id": group.group_id,
            "group": group.display_name,
            "in_cloud": group.in_cloud,
            "already": group.already,
            "added": group.added,
            "removed": group.removed,
            "left_out": len(group.left_out),
            "who": list(lines_of(group)),
        }
        for group in in_order(plan)
    ]
