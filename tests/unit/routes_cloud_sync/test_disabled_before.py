"""Groups that earlier runs of a change disabled are in step when they are named again, by name and by id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.change.carried_out import all_carried_out
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import Refused
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId
from runbook_lib.model.target import Route
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.moving.plan_move_back import plan_move_back
from runbook_lib.routes.cloud_sync.scope.plan_disable import plan_disable
from tests.support import builders as b
from tests.unit.routes_cloud_sync.owner_world import GROUPS, read, tenant, theirs
from tests.unit.routes_cloud_sync.runs import ROUTES, Runs
from tests.unit.routes_cloud_sync.world import Graph, inventory, security, sides_of

NOTHING = DesiredSettings({})
SALES, OPS, REST = security("Sales"), security("Ops"), security("Rest")
READ = inventory([SALES, OPS, REST], {})
THEIRS = [theirs(group) for group in GROUPS]


def found_in(folder: Path, operation: Operation = Operation.DISABLE, *, but: str = "") -> dict[GroupId, str]:
    """What a run finds there."""
    done = all_carried_out(folder, ROUTES, Route.CLOUD_SYNC, operation, but=(but,), prove=lambda _: None)
    return {one: name for some in done for one, name in some.groups_of(ChangeKind.UNASSIGN).items()}


def left(folder: Path, graph: Graph, *, approved: int = 2, deaths: tuple[int, ...] = ()) -> Plan:
    """Sales and Ops leave the scope, as far as it was approved, in as many runs as it takes."""
    made = plan_disable(sides_of(READ, graph), b.policy(disable_names=("Sales", "Ops")), NOTHING, pause=False).plan
    chain = Runs(folder, made, graph, changes=made.changes[:approved]).finished(deaths)
    assert chain[-1].carried_out
    for one in chain:
        (one.run / "plan.json").write_text(json.dumps(plan_to_json(made)), encoding="utf-8")
    return made


@pytest.mark.parametrize("named", [{"disable_names": ("Sales", "Ops")}, {"disable_ids": (SALES.id, OPS.id)}])
@pytest.mark.parametrize("deaths", [(), (5,)])
def test_groups_that_left_the_scope_are_in_step_by_name_and_by_id(
    tmp_path: Path, named: dict[str, tuple[str, ...]], deaths: tuple[int, ...]
) -> None:
    graph = Graph(assigned={SALES.id: "a-1", OPS.id: "a-2", REST.id: "a-3"}, running=True)
    left(tmp_path, graph, deaths=deaths)
    earlier = found_in(tmp_path)
    assert earlier == {SALES.id: "Sales", OPS.id: "Ops"}
    sides = sides_of(READ, graph)
    again = plan_disable(sides, b.policy(**named), NOTHING, pause=False, earlier=earlier)
    assert (again.plan.changes, again.plan.refusals, again.plan.in_step) == ((), (), 2)
    assert again.findings == ()
    fewer = sides_of(inventory([OPS, REST], {}), graph)  # Sales is gone from the tenant since
    gone = plan_disable(fewer, b.policy(**named), NOTHING, pause=False, earlier=earlier)
    assert (gone.plan.changes, gone.plan.refusals, gone.plan.in_step) == ((), (), 1)


def test_what_came_back_into_scope_or_waited_for_its_approval_leaves_now(tmp_path: Path) -> None:
    graph = Graph(assigned={SALES.id: "a-1", OPS.id: "a-2", REST.id: "a-3"}, running=True)
    made = left(tmp_path, graph, approved=1)
    (first, second) = (change.group_id for change in made.changes)
    assert found_in(tmp_path).keys() == {first}
    graph.assigned[first] = "a-4"
    policy = b.policy(disable_names=("Sales", "Ops"))
    again = plan_disable(sides_of(READ, graph), policy, NOTHING, pause=False, earlier=found_in(tmp_path)).plan
    assert {change.group_id for change in again.changes} == {first, second}
    assert {change.kind for change in again.changes} == {ChangeKind.UNASSIGN}
    assert again.in_step == 0


def test_a_group_that_no_run_of_this_change_took_out_is_refused_by_name_and_by_id_for_one_reason(
    tmp_path: Path,
) -> None:
    graph = Graph(assigned={REST.id: "a-3"}, running=True)
    assert found_in(tmp_path) == {}
    sides = sides_of(READ, graph)
    by_id = plan_disable(sides, b.policy(disable_ids=(OPS.id,)), NOTHING, pause=False, earlier={SALES.id: "Sales"}).plan
    (refused,) = by_id.refusals
    with pytest.raises(Refused) as caught:
        plan_disable(sides, b.policy(disable_names=("Ops",)), NOTHING, pause=False, earlier={SALES.id: "Sales"})
    assert str(refused.why) in str(caught.value.message)


def test_another_operation_and_the_run_that_asks_count_for_nothing(tmp_path: Path) -> None:
    graph = Graph(assigned={SALES.id: "a-1", OPS.id: "a-2", REST.id: "a-3"}, running=True)
    left(tmp_path, graph)
    assert found_in(tmp_path, Operation.UNDO) == {}
    assert found_in(tmp_path, but="run0") == {}


def test_a_plan_that_is_gone_or_another_one_is_not_believed(tmp_path: Path) -> None:
    graph = Graph(assigned={SALES.id: "a-1", OPS.id: "a-2", REST.id: "a-3"}, running=True)
    left(tmp_path, graph)
    graph.assigned = {REST.id: "a-3", OPS.id: "a-2"}
    other = plan_disable(sides_of(READ, graph), b.policy(disable_names=("Ops",)), NOTHING, pause=False).plan
    (tmp_path / "run0" / "plan.json").write_text(json.dumps(plan_to_json(other)), encoding="utf-8")
    with pytest.raises(Refused) as caught:
        found_in(tmp_path)
    assert caught.value.code == "journal-damaged"
    (tmp_path / "run0" / "plan.json").unlink()
    with pytest.raises(Refused) as caught:
        found_in(tmp_path)
    assert caught.value.code == "carried-out-plan-unread"


def test_groups_that_moved_back_are_in_step_by_name(tmp_path: Path) -> None:
    world = tenant(THEIRS, assigned={group.id: f"a-{group.id}" for group in GROUPS}, running=True)
    policy = b.policy(disable_names=("G0", "G1"))
    plan = plan_move_back(sides_of(read(world, THEIRS), world), policy, NOTHING).plan
    assert plan.changes
    Runs(tmp_path, plan, world, world.ad, None, world.ad, (world.ad,)).finished()
    again = plan_move_back(sides_of(read(world, THEIRS), world), policy, NOTHING).plan
    assert (again.changes, again.refusals, again.in_step) == ((), (), 2)
