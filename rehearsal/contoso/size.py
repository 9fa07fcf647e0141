"""How large a rehearsal is: groups, users and memberships, what is left out worked out from what is told."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t

LEAST_GROUPS, LEAST_USERS, LEAST_MEMBERSHIPS = 80, 2200, 2300
"""What Contoso holds in any case: live cloud groups, users and direct memberships, rounded up."""
MOST_GROUPS, MOST_USERS, MOST_MEMBERSHIPS = 50_000, 100_000, 1_000_000
_PER_GROUP_USERS, _PER_GROUP_MEMBERSHIPS = 2, 10


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of the tenant; the domain holds as many groups and memberships, built-in ones aside.

    ``seed`` decides everything that is drawn: who is in which group, kinds, names, histories.
    """

    groups: int
    users: int
    memberships: int
    seed: int = 0


def size_of(groups: int | None, users: int | None, memberships: int | None, seed: int | None) -> Size | None:
    """The size that was asked for, or None for Contoso as it always is.

    Raises:
        UsageError: A number is below what Contoso always holds or above what a rehearsal takes, or there are more
            memberships than the groups have room for.
    """
    if groups is None and users is None and memberships is None:
        if seed is not None:
            raise _impossible("--seed alone changes nothing", t("Give --groups, --users or --memberships with it."))
        return None
    for option, told, least, most in (
        ("--groups", groups, LEAST_GROUPS, MOST_GROUPS),
        ("--users", users, LEAST_USERS, MOST_USERS),
        ("--memberships", memberships, LEAST_MEMBERSHIPS, MOST_MEMBERSHIPS),
    ):
        if told is not None and not least <= told <= most:
            raise _impossible(
                f"{option} {told} is {'too few' if told < least else 'too many'}",
                t("From {least:,} (Contoso has that many in any case) to {most:,}.", least=least, most=most),
            )
    size = _filled(groups, users, memberships, seed or 0)
    room = (size.groups - LEAST_GROUPS) * (size.users // 4)
    if size.memberships - LEAST_MEMBERSHIPS > room:
        raise _impossible(
            f"{size.memberships:,} memberships do not fit into {size.groups:,} groups of {size.users:,} users",
            t(
                "At most {min:,} here (a quarter of the users in each group): give fewer "
                "--memberships, or more --groups or --users.",
                min=min(room + LEAST_MEMBERSHIPS, MOST_MEMBERSHIPS),
            ),
        )
    return size


def _filled(groups: int | None, users: int | None, memberships: int | None, seed: int) -> Size:
    """What was left out follows from what is there, in the proportions of a middling tenant."""
    if groups is None:
        from_members = (memberships or 0) // _PER_GROUP_MEMBERSHIPS
        groups = _within(LEAST_GROUPS, max(from_members, (users or 0) // _PER_GROUP_USERS), MOST_GROUPS)
    if users is None:
        users = _within(LEAST_USERS, groups * _PER_GROUP_USERS, MOST_USERS)
    if memberships is None:
        usual = LEAST_MEMBERSHIPS + (groups - LEAST_GROUPS) * _PER_GROUP_MEMBERSHIPS
        memberships = _within(LEAST_MEMBERSHIPS, usual, MOST_MEMBERSHIPS)
    return Size(groups, users, memberships, seed)


def _within(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))


def _impossible(what: str, hint: Text) -> UsageError:
    return UsageError(t("A rehearsal cannot have this size: {what}.", what=what), code="rehearsal-size", hint=hint)
