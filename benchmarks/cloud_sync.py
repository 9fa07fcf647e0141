"""Planning the route cloud-sync for 10,000 groups in scope, after both sides have been read; nothing is asked for.

Each group has a name of its own and twenty of 20,000 synchronized users as members.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.size import Figure
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides
from runbook_lib.routes.cloud_sync.scope.on_demand import plan_differing
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.rules.policy import Policy
from tests.support import builders as b
from tests.unit.routes_cloud_sync.world import OU, Graph, inventory, security, sides_of

GROUPS, USERS, MEMBERS = 10_000, 20_000, 20
BOUND = 5.0
"""Seconds."""
_Planner = Callable[[Sides, Policy, DesiredSettings], PlannedCloudSync]


def measure(runs: int) -> list[Figure]:
    """Plan groups into scope, then those in scope whose members AD lacks; the best of all runs, processor seconds."""
    desired = DesiredSettings({}, synchronized_users=Switch.ON)
    groups = [security(f"Group {number}") for number in range(GROUPS)]
    policy = b.policy(select_ids=tuple(group.id for group in groups), limits=replace(b.WIDE, creates=2 * GROUPS))
    fresh = sides_of(_read(groups), Graph())
    assigned = {str(group.id): f"assignment of {group.id}" for group in groups}
    empty = sides_of(_read(groups, [_empty(group) for group in groups]), Graph(assigned=assigned, running=True))
    return [
        Figure("Cloud Sync: plan 10,000 groups", _best(runs, plan_enable, fresh, policy, desired), "s", BOUND),
        Figure("Cloud Sync: plan what differs", _best(runs, plan_differing, empty, policy, desired), "s", BOUND),
    ]


def _best(runs: int, planner: _Planner, sides: Sides, policy: Policy, desired: DesiredSettings) -> float:
    seconds = []
    for _ in range(runs):
        begun = time.process_time()
        made = planner(sides, policy, desired)
        seconds.append(time.process_time() - begun)
        if not made.plan.changes:
            raise RuntimeError("the plan is empty, so nothing was measured")
    return min(seconds)


def _read(groups: Sequence[CloudGroup], ad: Sequence[DirectoryGroup] = ()) -> Inventory:
    names = [f"Person {number}" for number in range(USERS)]
    people = [b.synced(name) for name in names]
    members = {
        group.display_name: [people[(number * 7 + step) % USERS] for step in range(MEMBERS)]
        for number, group in enumerate(groups)
    }
    return inventory(groups, members, ad, [b.ad_user(name) for name in names])


def _empty(group: CloudGroup) -> DirectoryGroup:
    """The object that Cloud Sync made for a group, without its members."""
    attributes = {"msDS-ExternalDirectoryObjectId": (f"Group_{group.id}",), "groupType": ("-2147483640",)}
    return b.ad_group(f"{group.display_name}_{group.id[-12:]}", attributes, (), parent=OU)
