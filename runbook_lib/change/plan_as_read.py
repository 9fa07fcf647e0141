"""A plan as it is read: who of a cloud group it leaves out, in words, and digests of what an approver read. Pure.

Names are no part of a change's digest: they differ between two readings of the same facts, and a plan.json that is not
sealed can be altered in them. So an approval keeps what was read when it was given, and it counts only for a change of
which the run's own reading says the same. What the two OUs are called is compared before the first write; afterwards
they may be renamed, and stay those that the run's parameters name, by GUID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from runbook_lib.files import LEFT_OUT
from runbook_lib.model.change import Change, GroupMembers, LeftOut, MemberRef, Plan
from runbook_lib.model.ids import digest

FILE_NAME = LEFT_OUT
"""The whole list, beside plan.json."""
LEFT_OUT_COLUMNS = ("group_id", "group", "member_id", "member", "type", "code", "why")
MOST_NAMED = 5
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


def named_of(group: GroupMembers) -> tuple[tuple[LeftOut, ...], str]:
    """The members that are named, and what is said of the others (empty where all are named)."""
    shown = group.left_out[:MOST_NAMED]
    rest = len(group.left_out) - len(shown)
    return shown, f"{len(shown)} shown and {rest} more, all in {FILE_NAME}" if rest else ""


def sentence_of(member: LeftOut) -> str:
    """``Kim (user): No AD account was found.``"""
    return f"{member.name} ({member.type}): {member.why}"


def lines_of(group: GroupMembers) -> Iterator[str]:
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read of one change.

    Attributes:
        names: SHA-256 of the names of its object and members, below the two OUs as those are known: by GUID.
        members: SHA-256 of what becomes of the group's members, those that are left out by name.
    """

    names: str
    members: str


def shown_of(plan: Plan) -> dict[str, Shown]:
    """Change digest to what is read of the change."""
    rows = {group.group_id: digest(asdict(group)) for group in plan.members}
    none = digest(None)
    return {change.digest: Shown(_names(plan, change), rows.get(change.group_id, none)) for change in plan.changes}


def place_of(target: Mapping[str, object]) -> dict[str, str]:
    """What a target (in its JSON form) calls the domain and the two OUs, for comparison."""
    return {name: str(target[name]).casefold() for name in ("domain", "target_ou", "retired_ou")}


def _names(plan: Plan, change: Change) -> str:
    move, deletion = change.move, change.deletion
    known = {plan.target.target_ou: plan.target.target_ou_guid, plan.target.retired_ou: plan.target.retired_ou_guid}

    def name(dn: str) -> str:
        """The DN with the GUID in place of the OU: an OU may be renamed while a change is under way."""
        ou = next((ou for ou in known if ou and (dn == ou or dn.endswith(f",{ou}"))), "")
        return f"{dn.removesuffix(ou)}<GUID={known[ou]}>" if ou else dn

    def members(some: Iterable[MemberRef]) -> list[list[str]]:
        return sorted([member.key, name(member.dn)] for member in some)

    return digest(
        {
            "group": [change.display_name, name(change.dn)],
            "members_added": members(change.members_added),
            "members_removed": members(change.members_removed),
            "move": [name(move.from_dn), name(move.to_dn)] if move else None,
            "member_of": members(deletion.member_of) if deletion else None,
            "comes_back": [deletion.may_list, deletion.may_reanimate, deletion.security] if deletion else None,
        }
    )
