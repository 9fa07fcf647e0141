"""Which part of a plan can be approved by itself: changes that need each other stay together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from runbook_lib.errors import UsageError
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

_MOST_CHOICES = 20
"""Groups that an error names."""
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


def names_in_plan(plan: Plan) -> dict[str, str]:
    """Id to display name of each group that a plan is about, in the order of its changes."""
    return {str(change.group_id): change.display_name for change in plan.changes if change.group_id}


def left_out_by(plan: Plan, only: Collection[str], leave_out: Collection[str]) -> frozenset[str]:
    """Ids of the groups that an approver leaves out, who names groups by id or by whole display name.

    Args:
        plan: The whole plan.
        only: The groups that are approved; none named: all.
        leave_out: The groups that are not.

    Raises:
        UsageError: The plan is about no such group, or about several of that name (``group-not-in-plan``).
    """
    groups = names_in_plan(plan)
    kept = {_named(text, groups) for text in only} or set(groups)
    return (frozenset(groups) - kept) | {_named(text, groups) for text in leave_out}


def _named(text: str, groups: Mapping[str, str]) -> str:
    if text.lower() in groups:
        return text.lower()
    found = [group_id for group_id, name in groups.items() if name == text]
    if len(found) == 1:
        return found[0]
    name = printable(text, limit=80)
    raise UsageError(
        t("The plan is about {number} groups called {name}.", number=len(found), name=name)
        if found
        else t("The plan is about no group with the id or the name {name}.", name=name),
        code="group-not-in-plan",
        hint=t("Name one of these by its id:"),
        values={
            "group": text,
            "choices": [f"{group_id}  {printable(groups[group_id], limit=80)}" for group_id in (found or groups)][
                :_MOST_CHOICES
            ],
        },
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
