"""Numbers that stop a plan that is larger than anybody meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.errors import Refused
from runbook_lib.model.change import Change, ChangeKind
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.rules.policy import Limits


def check_limits(changes: tuple[Change, ...], members_now: Mapping[str, int], limits: Limits) -> None:
    """Compare a plan's changes with the limits.

    Args:
        changes: The plan's changes.
        members_now: AD object GUID to its present number of members.
        limits: From the parameters.

    Raises:
        Refused: ``limit-…``; the message names the limit, the number and the group.
    """
    for name, kind, limit in (
        ("creates", ChangeKind.CREATE, limits.creates),
        ("retirements", ChangeKind.RETIRE, limits.retirements),
        ("deletions", ChangeKind.DELETE, limits.deletions),
    ):
        some = [c for c in changes if c.kind is kind]
        _total(name, len(some), limit, some)
    whole = (ChangeKind.RETIRE, ChangeKind.DELETE)
    removals = [c for c in changes if c.members_removed and c.kind not in whole]
    _total("member_removals", sum(len(c.members_removed) for c in removals), limits.member_removals, removals)
    for change in removals:
        _per_group(change, members_now.get(change.object_guid, 0), limits)


def _total(name: str, seen: int, limit: int, changes: Sequence[Change]) -> None:
    if seen > limit:
        groups = ", ".join(repr(printable(change.display_name, limit=80)) for change in changes[:3])
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        raise Refused(
            t(
                "The plan has {seen} {name} ({groups}{more}), and max_{parameter} allows {limit}.",
                seen=seen,
                name=name.replace("_", " "),
                groups=groups,
                more=more,
                parameter=name,
                limit=limit,
            ),
            code=f"limit-{name.replace('_', '-')}",
            hint=t("Select fewer groups, or raise max_{name} if that many are meant.", name=name),
            values={"limit": name, "allowed": limit, "planned": seen},
        )


def _per_group(change: Change, members: int, limits: Limits) -> None:
    removed = len(change.members_removed)
    name = printable(change.display_name, limit=80)
    values = {"group_id": change.group_id, "planned": removed, "members": members}
    if removed > limits.member_removals_per_group:
        raise Refused(
            t(
                "{removed} members would leave {name!r}, and max_member_removals_per_group allows "
                "{member_removals_per_group}.",
                removed=removed,
                name=name,
                member_removals_per_group=limits.member_removals_per_group,
            ),
            code="limit-member-removals-per-group",
            hint=t("Look at the members table; raise max_member_removals_per_group if that is meant."),
            values=values,
        )
    # One single member who leaves a group that keeps others is ordinary, whatever its share.
    ordinary = removed == 1 and members > 1
    if not ordinary and removed * 100 > limits.member_removals_percent * members:
        raise Refused(
            t(
                "{removed} of {members} members would leave {name!r}, and "
                "max_member_removals_percent allows {member_removals_percent} percent.",
                removed=removed,
                members=members,
                name=name,
                member_removals_percent=limits.member_removals_percent,
            ),
            code="limit-member-removals-percent",
            hint=t("Look at the members table; raise max_member_removals_percent if that is meant."),
            values=values,
        )
