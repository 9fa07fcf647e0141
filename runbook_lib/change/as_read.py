"""What an approver reads of a plan, as digests beside those of what is written. Pure.

Names are no part of a change's digest: they differ between two readings of the same facts, and a plan.json that is not
sealed can be altered in them. So an approval keeps what was read when it was given, and it counts only for a change of
which the run's own reading says the same. What the two OUs are called is compared before the first write; afterwards
they may be renamed, and stay those that the run's parameters name, by GUID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from runbook_lib.model.canonical import digest
from runbook_lib.model.change import Change, MemberRef, Plan


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
