"""A plan as it is read: who of a cloud group it leaves out, in words, and digests of what an approver read. Pure.

Names are no part of a change's digest: they differ between two readings of the same facts, and a plan.json that is not
sealed can be altered in them. So an approval keeps what was read when it was given, and it counts only for a change of
which the run's own reading says the same. What the target is called is compared before the first write; afterwards
parts of it may be renamed, and stay those that the run's parameters name, by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from runbook_lib.files import LEFT_OUT
from runbook_lib.model.change import Change, GroupMembers, LeftOut, Plan
from runbook_lib.model.ids import digest
from runbook_lib.model.text import NOTHING, Text, joined, t

LEFT_OUT_FILE = LEFT_OUT
"""The whole list, beside plan.json."""
LEFT_OUT_COLUMNS = ("group_id", "group", "member_id", "member", "type", "code", "why")
MOST_NAMED = 5
"""Members that are named for one group; the file has all."""


def in_order(plan: Plan) -> tuple[GroupMembers, ...]:
    """The groups of a plan, those with members left out first, then by name."""
    return tuple(sorted(plan.members, key=lambda g: (not g.left_out, g.display_name.casefold(), g.group_id)))


def numbers_of(group: GroupMembers) -> Text:
    """``13 in the cloud, 10 added, 3 left out``."""
    parts = [t("{number} in the cloud", number=group.in_cloud)]
    parts += [t("{number} in AD already", number=group.already)] if group.already else []
    parts.append(t("{number} added", number=group.added))
    parts += [t("{number} removed", number=group.removed)] if group.removed else []
    parts.append(t("{number} left out", number=len(group.left_out)))
    return joined(parts, ", ")


def named_of(group: GroupMembers) -> tuple[tuple[LeftOut, ...], Text]:
    """The members that are named, and what is said of the others (empty where all are named)."""
    shown = group.left_out[:MOST_NAMED]
    rest = len(group.left_out) - len(shown)
    if not rest:
        return shown, NOTHING
    return shown, t("{shown} shown and {rest} more, all in {file}", shown=len(shown), rest=rest, file=LEFT_OUT_FILE)


def sentence_of(member: LeftOut) -> Text:
    """``Kim (user): No AD account was found.``"""
    return t("{name} ({type}): {why}", name=member.name, type=member.type, why=member.why)


def member_lines(group: GroupMembers) -> Iterator[Text]:
    """The members that are named and what is said of the others, a line each."""
    shown, rest = named_of(group)
    yield from map(sentence_of, shown)
    if rest:
        yield rest


def rows_of(plan: Plan) -> list[tuple[str, ...]]:
    """Every member that is left out, with ``LEFT_OUT_COLUMNS``."""
    return [
        (group.group_id, group.display_name, one.member_id, one.name, one.type, one.code, one.why)
        for group in in_order(plan)
        for one in group.left_out
    ]


def plan_in_short(plan: Plan) -> dict[str, object]:
    """What record.json says of a plan (``record/formats/record.py``): numbers, and the members of each group."""
    members = [
        {
            "group_id": group.group_id,
            "group": group.display_name,
            "in_cloud": group.in_cloud,
            "already": group.already,
            "added": group.added,
            "removed": group.removed,
            "left_out": len(group.left_out),
            "who": list(member_lines(group)),
        }
        for group in in_order(plan)
    ]
    return {
        "digest": plan.digest,
        "counts": plan.counts,
        "phrase": plan.phrase,
        "operation": plan.operation.value,
        "route": plan.route.value,
        "groups": plan.groups,
        "members": members,
    }


def target_lines(plan: Plan, *, standing: bool = False) -> list[Text]:
    """How the parts of its target are called that its title does not name; ``standing`` as for ``identity_of``."""
    parts = [part for part in plan.target.parts() if part.name_key and (part.standing or not standing)]
    named = [part for part in parts if part.name != plan.target.title]
    return [t("  {title:<11} {name}", title=part.title, name=part.name) for part in named]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read of one change.

    Attributes:
        names: SHA-256 of the names that its route shows of its object and members.
        members: SHA-256 of what becomes of the group's members, those that are left out by name.
    """

    names: str
    members: str


def shown_of(plan: Plan) -> dict[str, Shown]:
    """Change digest to what is read of the change."""
    rows = {group.group_id: digest(asdict(group)) for group in plan.members}
    none = digest(None)

    def names(change: Change) -> str:
        return digest(change.payload.as_read(change.display_name, plan.target))

    return {change.digest: Shown(names(change), rows.get(change.group_id, none)) for change in plan.changes}
