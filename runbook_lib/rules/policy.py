"""What the operator decided, as frozen values for the planners, and the numbers that stop a plan larger than meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from runbook_lib.errors import Refused
from runbook_lib.inventory.naming import Naming
from runbook_lib.model.change import Change
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import OtherWriters, Switch
from runbook_lib.model.directory import UNIVERSAL_DISTRIBUTION, UNIVERSAL_SECURITY
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.model.text import first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.model import Parameters
from runbook_lib.rules.obstacles import connect_v1_of


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers that one plan may not exceed. They are part of the plan's digest."""

    creates: int
    retirements: int
    deletions: int
    member_removals: int
    member_removals_per_group: int
    member_removals_percent: int

    def as_json(self) -> dict[str, int]:
        """JSON form, by parameter name without ``max_``."""
        return {
            "creates": self.creates,
            "retirements": self.retirements,
            "deletions": self.deletions,
            "member_removals": self.member_removals,
            "member_removals_per_group": self.member_removals_per_group,
            "member_removals_percent": self.member_removals_percent,
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """The decisions of the parameters that planning depends on."""

    select_ids: tuple[GroupId, ...]
    select_names: tuple[str, ...]
    select_kinds: frozenset[str]
    disable_ids: tuple[GroupId, ...]
    disable_names: tuple[str, ...]
    security: bool | None
    """Whether written groups are security groups; None where nobody said what they are for."""
    naming: Naming
    allow_dynamic_security: bool
    allow_role_assignable: bool
    allow_hidden_membership: bool
    delete: bool
    """Whether disabling, and undoing a create, deletes instead of retiring."""
    empty_on_retire: bool
    protected_ous: tuple[str, ...]
    connect_v1: Switch
    """State of Connect Sync group writeback v1, after attestation."""
    limits: Limits

    @property
    def group_type(self) -> int:
        """groupType of written groups.

        Raises:
            ValueError: Nobody said what they are for; ``require_group_type`` comes first.
        """
        if self.security is None:
            raise ValueError("the type of written groups is not known")
        return UNIVERSAL_SECURITY if self.security else UNIVERSAL_DISTRIBUTION


def policy_of(parameters: Parameters, writers: OtherWriters, today: date) -> Policy:
    """Read the policy out of the parameters."""
    return Policy(
        select_ids=tuple(map(as_group_id, parameters.select_ids)),
        select_names=tuple(parameters.select_names),
        select_kinds=frozenset(parameters.select_kinds),
        disable_ids=tuple(map(as_group_id, parameters.disable_ids)),
        disable_names=tuple(parameters.disable_names),
        security=parameters.group_type == "security" if parameters.group_type else None,
        naming=naming_of(parameters),
        allow_dynamic_security=parameters.allow_dynamic_security,
        allow_role_assignable=parameters.allow_role_assignable,
        allow_hidden_membership=parameters.allow_hidden_membership,
        delete=parameters.disable_by == "delete",
        empty_on_retire=parameters.empty_on_retire,
        protected_ous=tuple(parameters.protected_ous),
        connect_v1=connect_v1_of(parameters, writers, today),
        limits=Limits(
            creates=parameters.max_creates,
            retirements=parameters.max_retirements,
            deletions=parameters.max_deletions,
            member_removals=parameters.max_member_removals,
            member_removals_per_group=parameters.max_member_removals_per_group,
            member_removals_percent=parameters.max_member_removals_percent,
        ),
    )


def naming_of(parameters: Parameters) -> Naming:
    """How new objects are named."""
    return Naming(parameters.rdn_style, parameters.sam_account_name_pattern)


def check_limits(changes: Sequence[Change], members_now: Mapping[str, int], limits: Limits) -> None:
    """Compare a plan's changes with the limits.

    Args:
        changes: The plan's changes.
        members_now: Id of an object to its present number of members.
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
    removals = [c for c in changes if c.payload.members_removed and c.kind not in whole]
    _total("member_removals", sum(len(c.payload.members_removed) for c in removals), limits.member_removals, removals)
    for change in removals:
        _per_group(change, members_now.get(change.payload.object_id, 0), limits)


def _total(name: str, seen: int, limit: int, changes: Sequence[Change]) -> None:
    if seen > limit:
        groups = first_of([repr(printable(change.display_name, limit=80)) for change in changes], 3)
        raise Refused(
            t(
                "The plan has {seen} {name} ({groups}), and max_{parameter} allows {limit}.",
                seen=seen,
                name=name.replace("_", " "),
                groups=groups,
                parameter=name,
                limit=limit,
            ),
            code=f"limit-{name.replace('_', '-')}",
            hint=t("Select fewer groups, or raise max_{name} if that many are meant.", name=name),
            values={"limit": name, "allowed": limit, "planned": seen},
        )


def _per_group(change: Change, members: int, limits: Limits) -> None:
    removed = len(change.payload.members_removed)
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
