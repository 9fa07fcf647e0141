"""A change of the route connect-sync that stopped midway: the same OU, today's name of it, today's limits. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupState
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.text import t
from runbook_lib.routes.connect_sync.actions import BringsGroups
from runbook_lib.routes.connect_sync.payload import ConnectSyncPlan
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget


def renamed_connect(plan: ConnectSyncPlan, target: ConnectSyncTarget) -> ConnectSyncPlan:
    """The same plan with today's name of its OU: names are no part of its digest."""
    changes = tuple(
        replace(change, payload=replace(change.payload, dn=target.ou_dn))
        if change.payload.object_guid.casefold() == target.ou_guid.casefold()
        else change
        for change in plan.changes
    )
    return replace(plan, target=target, changes=changes)


def require_connect_rest_allowed(
    plan: ConnectSyncPlan, finished: Collection[str], inventory: Inventory, limits: Mapping[str, int]
) -> None:
    """Refuse what a first run would refuse of what is left: more new groups than the limit allows now.

    Args:
        plan: What of the plan was approved.
        finished: Digests of the changes that have nothing left to be done.
        inventory: Both sides as they are now.
        limits: What the parameters allow now, by the names of the plan's limits; an undo has none.

    Raises:
        Refused: ``limit-creates``.
    """
    if plan.operation is Operation.UNDO:
        return
    there = {row.group_id for row in inventory.rows if row.state is GroupState.WRITTEN_BY_CONNECT}
    coming: set[str] = set()
    for change in plan.changes:
        if change.digest not in finished and isinstance(change.payload.action, BringsGroups):
            coming |= change.payload.action.groups - there
    if len(coming) > limits["creates"]:
        raise Refused(
            t(
                "What is left of the change that stopped midway makes {seen} groups, and max_creates is {limit}.",
                seen=len(coming),
                limit=limits["creates"],
            ),
            code="limit-creates",
            hint=t("Raise max_creates if that many are meant. {how}", how=HOW_TO_CLOSE),
            values={"limit": limits["creates"], "seen": len(coming)},
        )
