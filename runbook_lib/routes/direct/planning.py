"""What every planner shares: the target's identity, members of a change, what a written group looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.naming import Naming, cut_units, written_description
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import GroupMembers, PlannedOf, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import AttributeDelta, Container, DirectoryGroup
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    MARK_ATTRIBUTE,
    NO_OBJECT,
    RETIRED_MARK,
    ObjectGuid,
    anchor_of,
    mark_of,
)
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.direct.payload import Deletion, DirectChange, DirectPayload, DirectPlan, Member, Move
from runbook_lib.routes.direct.preconditions import refuse_enforced
from runbook_lib.routes.direct.route import beyond_kind, beyond_target
from runbook_lib.routes.direct.selection import named
from runbook_lib.routes.direct.target import DirectTarget, plan_target
from runbook_lib.rules.group import RuleContext, protected_groups
from runbook_lib.rules.policy import Policy, check_limits

DISPLAY_NAME_UNITS = 256
"""UTF-16 units: rangeUpper of displayName ([MS-ADA1])."""


def followed_attributes(group: CloudGroup, group_type: int) -> dict[str, str | None]:
    """Single-valued attributes that follow the cloud for as long as the group is written; None means absent."""
    return {
        "displayName": cut_units(group.display_name, DISPLAY_NAME_UNITS) or None,
        "description": written_description(group.description),
        "groupType": str(group_type),
    }


def new_attributes(group: CloudGroup, tenant_id: str, group_type: int, naming: Naming) -> tuple[AttributeDelta, ...]:
    """Everything that a create writes in its one operation, anchor and mark included, sorted by name."""
    values: dict[str, str | None] = {
        **followed_attributes(group, group_type),
        "sAMAccountName": naming.sam_account_name(group.id),
        ANCHOR_ATTRIBUTE: anchor_of(group.id),
        MARK_ATTRIBUTE: mark_of(tenant_id, group.id),
    }
    return tuple(AttributeDelta(name, added=(value,)) for name, value in sorted(values.items()) if value is not None)


def attribute_differences(ad: DirectoryGroup, wanted: dict[str, str | None]) -> tuple[AttributeDelta, ...]:
    """Deltas that bring the AD object's attributes to ``wanted``, sorted by name; empty where it is in step."""
    deltas = []
    for name, value in sorted(wanted.items()):
        seen = ad.attributes.get(name, ())
        goal = () if value is None else (value,)
        if seen != goal:
            deltas.append(AttributeDelta(name, removed=seen, added=goal))
    return tuple(deltas)


def retired_mark(ad: DirectoryGroup, *, present: bool) -> tuple[AttributeDelta, ...]:
    """The delta that sets or takes the retired mark; empty where it is as wanted."""
    has = RETIRED_MARK in ad.attributes.get(MARK_ATTRIBUTE, ())
    if has == present:
        return ()
    mark = (RETIRED_MARK,)
    return (AttributeDelta(MARK_ATTRIBUTE, added=mark) if present else AttributeDelta(MARK_ATTRIBUTE, removed=mark),)


DirectPlanned = PlannedOf[DirectPayload, DirectTarget]
"""A plan of the direct route and what was found while making it."""


def rule_context(inventory: Inventory, policy: Policy) -> RuleContext:
    """What the rules look at."""
    disabled = named(inventory.rows, policy.disable_ids, policy.disable_names)
    return RuleContext(inventory, policy, protected_groups(inventory), disabled)


def finished_plan(
    operation: Operation,
    inventory: Inventory,
    policy: Policy,
    changes: list[DirectChange],
    refusals: list[Refusal],
    in_step: int,
    members: Sequence[GroupMembers] = (),
) -> DirectPlan:
    """Order the changes, check the limits and bind them to the target.

    Raises:
        Refused: A limit is exceeded; or the plan reaches further than a plan from disk may (``plan-beyond-kind``).
    """
    passing, enforced = refuse_enforced(changes, inventory)
    ordered = tuple(sorted(passing, key=lambda c: (_ORDER[c.kind], c.group_id)))
    check_limits(ordered, members_now(inventory), policy.limits)
    plan = DirectPlan(
        operation=operation,
        target=plan_target(inventory),
        changes=ordered,
        limits=policy.limits.as_json(),
        refusals=tuple(sorted([*refusals, *enforced], key=lambda r: r.group_id)),
        in_step=in_step,
        members=tuple(sorted(members, key=lambda group: group.group_id)),
    )
    require_within_reach(plan)
    return plan


def require_within_reach(plan: DirectPlan) -> None:
    """Hold a plan that was made here to what a plan from disk is held to, before anybody sees it.

    Raises:
        Refused: ``plan-beyond-kind``.
    """
    changes = ((change, beyond_kind(change, plan.operation)) for change in plan.changes)
    found = (t("a change of kind {kind} {beyond}", kind=c.kind.value, beyond=beyond) for c, beyond in changes if beyond)
    if problem := next(found, NOTHING) or beyond_target(plan):
        raise Refused(
            t("The plan that was made is none that may be carried out: {problem}.", problem=problem),
            code="plan-beyond-kind",
            hint=t("Nothing was written. This is a defect of the runbook: keep the record and report it."),
            values={"problem": problem},
        )


def members_now(inventory: Inventory) -> Mapping[str, int]:
    """AD group GUID to its present number of members, where they were read."""
    return {g.guid: len(g.members) for g in inventory.directory.groups if g.members is not None}


_ORDER = {kind: position for position, kind in enumerate(ChangeKind)} | {
    # Objects stand before anything refers to them as a member.
    ChangeKind.UNDELETE: -3,
    ChangeKind.CREATE: -2,
    ChangeKind.RESTORE: -1,
}


def existing(
    kind: ChangeKind,
    row: GroupRow,
    ad: DirectoryGroup,
    reason: str,
    why: Text,
    *,
    rdn: str = "",
    parent_guid: ObjectGuid = NO_OBJECT,
    attributes: tuple[AttributeDelta, ...] = (),
    members_added: tuple[Member, ...] = (),
    members_removed: tuple[Member, ...] = (),
    move: Move | None = None,
    deletion: Deletion | None = None,
) -> DirectChange:
    """A change of an object that stands in AD; the content as ``DirectPayload`` has it."""
    payload = DirectPayload(
        ad.dn, ad.guid, rdn, parent_guid, attributes, members_added, members_removed, move, deletion
    )
    return DirectChange(kind, row.group_id, row.display_name, payload, reason, why)


def move_between(source: Container, destination: Container) -> Move:
    """A move from one of the two OUs to the other."""
    return Move(source.guid, destination.guid, source.dn, destination.dn)
