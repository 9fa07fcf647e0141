"""Which part of a plan can be approved by itself: changes that need each other stay together. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind

_COMES_FIRST = frozenset({ChangeKind.MAP, ChangeKind.ADOPT})
"""The mapping that groups arrive under, and the one group that is tried before the others of a move."""
_WAITS_FOR_IT = frozenset({ChangeKind.ASSIGN, ChangeKind.PROVISION, ChangeKind.START, ChangeKind.UNMARK})
"""What lets Cloud Sync write groups under the mapping that it finds, or leaves them to it."""
_WHOLE = frozenset(
    {
        *(ChangeKind.CREATE_CONFIGURATION, ChangeKind.CREATE_JOB),
        *(ChangeKind.REMOVE_CONFIGURATION, ChangeKind.REMOVE_JOB),
    }
)
"""What makes no sense by halves: a configuration without its job, settings or mapping, or one that is half removed."""


def part_of(plan: Plan, left_out: Collection[str]) -> Plan:
    """The plan without the changes of some groups, and without whatever cannot be carried out without those.

    Args:
        plan: The whole plan.
        left_out: Ids of the groups that are left out.

    Returns:
        The same plan with fewer changes, perhaps with none; its phrase tells the numbers of the part.
    """
    if not left_out:
        return plan
    return replace(
        plan, changes=with_mapping(plan, self_sufficient([c for c in plan.changes if c.group_id not in left_out]))
    )


def phrase_of_part(plan: Plan, digests: Collection[str]) -> str:
    """What an approver types who approves these changes of a plan."""
    return replace(plan, changes=tuple(change for change in plan.changes if change.digest in digests)).phrase


def self_sufficient(changes: list[Change]) -> tuple[Change, ...]:
    """Without the changes that need groups which would be created or undeleted, but not under this approval."""
    while True:
        made = {change.group_id for change in changes if change.kind.makes_object}
        kept = [change for change in changes if change.payload.needs <= made]
        if len(kept) == len(changes):
            return tuple(kept)
        changes = kept


def with_mapping(plan: Plan, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Without what would let groups arrive otherwise than the plan shows, while what comes first is not approved.

    Of a plan that makes a configuration or removes one nothing is left, unless everything that it does to the
    configuration itself is approved.
    """
    kept = {change.digest for change in changes}
    if any(change.kind in _WHOLE for change in plan.changes):
        apart = [change for change in plan.changes if not change.group_id and change.digest not in kept]
        return () if apart else changes
    waits = any(change.kind in _COMES_FIRST and change.digest not in kept for change in plan.changes)
    return tuple(change for change in changes if change.kind not in _WAITS_FOR_IT) if waits else changes
