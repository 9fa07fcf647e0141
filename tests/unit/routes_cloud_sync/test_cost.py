"""What a plan costs: the slowest limit decides, and the figures are those of the requests that are really sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.routes.cloud_sync.cost import Cost, cost_of
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from tests.support import builders as b
from tests.unit.routes_cloud_sync.runs import Runs
from tests.unit.routes_cloud_sync.world import Graph, inventory, security, sides_of, source

GROUPS = [security(f"G{number}") for number in range(45)]
DESIRED = DesiredSettings({"cn": source("[displayName]")}, pilot=GROUPS[0].id, synchronized_users=Switch.ON)


def test_a_plan_costs_what_is_sent_and_looked_at(tmp_path_factory: pytest.TempPathFactory) -> None:
    plan = plan_enable(sides_of(inventory(GROUPS, {}), Graph()), b.policy("G*"), DESIRED).plan
    cost = cost_of(CLOUD_SYNC_TYPES.changes(plan.changes))
    assert cost.writes == 45 + 3, "a mapping, groups, one on demand, a start"
    assert cost.on_demand == 1
    assert cost.answers == 3 + 3 + 3, "three batches, three by themselves, two looks at them and a list"
    graph = Graph()
    Runs(tmp_path_factory.mktemp("runs"), plan, graph).finished()
    assert len(graph.took) == cost.writes


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [
        (Cost(answers=502, units=10_002, writes=10_000, on_demand=0), 500),
        (Cost(answers=510, units=12_000, writes=12_000, on_demand=0), 600),
        (Cost(answers=3, units=7_000, writes=1, on_demand=0), 20),
        (Cost(answers=2_000, units=2_000, writes=2_000, on_demand=2_000), 4_000),
    ],
    ids=["many", "writes", "units", "on demand"],
)
def test_the_slowest_limit_decides(cost: Cost, seconds: int) -> None:
    assert round(cost.limit_seconds) == seconds
    assert cost.effort.limit_seconds == cost.limit_seconds
    assert cost.effort.graph_requests == cost.answers


def test_a_thousand_groups_are_fifty_batches_and_ten_pages() -> None:
    sides = sides_of(inventory([security(f"H{number}") for number in range(1000)], {}), Graph(running=True))
    policy = b.policy("H*")
    plan = plan_enable(sides, replace(policy, limits=replace(policy.limits, creates=1000)), DesiredSettings({})).plan
    cost = cost_of(CLOUD_SYNC_TYPES.changes(plan.changes), assigned=1000)
    assert (cost.answers, cost.writes) == (50 + 10, 1000)
    assert {change.kind for change in plan.changes} == {ChangeKind.ASSIGN}
