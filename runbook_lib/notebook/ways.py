"""Which way a run takes: by its parameter ``route`` and by what its notebook is for."""

from __future__ import annotations

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Planned
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.target import Route
from runbook_lib.notebook.authority_way import AuthorityWay, changes_authority
from runbook_lib.notebook.cloud_sync_way import CloudSyncWay
from runbook_lib.notebook.connect_sync_leaving_way import ConnectLeavingWay
from runbook_lib.notebook.connect_sync_way import ConnectSyncWay
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.direct_way import DirectWay
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import RouteRun
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.registry import rules_of


def way_of(context: RunContext, operation: Operation, done: DoneChange | None = None) -> RouteRun:
    """The way of a run.

    Args:
        context: Of the run.
        operation: What its notebook is for.
        done: For an undo, what is to be taken back.

    Raises:
        Refused: ``route-not-carried-out``.
    """
    route = rules_of(context.parameters.route).route
    if route is Route.CONNECT_SYNC:
        connect = ConnectSyncWay if operation is Operation.ENABLE else ConnectLeavingWay
        return connect(context, operation, done)
    if route is Route.CLOUD_SYNC:
        kind = AuthorityWay if changes_authority(context.parameters, operation, done) else CloudSyncWay
        return kind(context, operation, done)

    def planned(inventory: Inventory) -> Planned:
        policy = policy_now(context, inventory)
        if done is not None:
            return plan_undo(inventory, policy, done)
        return (plan_enable if operation is Operation.ENABLE else plan_disable)(inventory, policy)

    return DirectWay(context, operation, planned)
