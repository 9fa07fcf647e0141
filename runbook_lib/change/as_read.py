"""What an approver reads of a plan, as digests beside those of what is written. Pure.

Names are no part of a change's digest: they differ between two readings of the same facts, and a plan.json that is not
sealed can be altered in them. So an approval keeps what was read when it was given, and it counts only for a change of
which the run's own reading says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from runbook_lib.model.canonical import digest
from runbook_lib.model.change import Change, MemberRef, Plan


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read of one change.

    Attributes:
        names: SHA-256 of where it is written, of the names of its object and members, and why.
        members: SHA-256 of what becomes of the group's members, those that are left out by name.
    """

    names: str
    members: str


def shown_of(plan: Plan) -> dict[str, Shown]:
    """Change digest to what is read of the change."""
    rows = {group.group_id: digest(asdict(group)) for group in plan.members}
    none = digest(None)
    return {change.digest: Shown(_names(plan, change), rows.get(change.group_id, none)) for change in plan.changes}


def _names(plan: Plan, change: Change) -> str:
    target, move, deletion = plan.target, change.move, change.deletion
    return digest(
        {
            "place": [target.domain_dns_name, target.target_ou, target.retired_ou],
            "group": [change.display_name, change.dn],
            "members_added": _members(change.members_added),
            "members_removed": _members(change.members_removed),
            "move": [move.from_dn, move.to_dn] if move else None,
            "member_of": _members(deletion.member_of) if deletion else None,
            "comes_back": [deletion.may_list, deletion.may_reanimate, deletion.security] if deletion else None,
        }
    )


def _members(members: Iterable[MemberRef]) -> list[list[str]]:
    return sorted([member.key, member.dn] for member in members)
