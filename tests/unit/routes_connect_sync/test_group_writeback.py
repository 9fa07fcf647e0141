"""Single groups under V2: set through the real loop, whatever dies, and set back to what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.journal_check import DoneChange, effects_beyond, effects_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.change.step import Effect, LiveState
from runbook_lib.connect.settings import writeback_settings
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.target import Route
from runbook_lib.routes.connect_sync.group_writeback import (
    SetGroupWriteback,
    about_group,
    group_writeback_changes,
    groups_under_v2,
    under_v2_finding,
)
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.plan_undo import plan_undo
from runbook_lib.routes.connect_sync.route import CONNECT_SYNC_RULES, beyond_kind, beyond_target
from runbook_lib.routes.connect_sync.target import connect_target_of
from runbook_lib.routes.connect_sync.work import ConnectSyncWork, ServicePatience
from tests.support import builders as b
from tests.support.schemas import problems
from tests.unit.routes_connect_sync.leaving_world import Settings
from tests.unit.routes_connect_sync.world import ROUTES, Runs, World, context_of

ONE, TWO, VPN = b.cloud_group("One"), b.cloud_group("Two"), b.cloud_group("VPN", CloudKind.SECURITY)
STATES = st.sampled_from([True, False, None])
SIDES = b.inventory_of(b.cloud_side([ONE, TWO, VPN]), b.directory_side())
HERE = connect_target_of(b.TENANT, SIDES.directory)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def plan_for(states: dict[str, bool | None], *, enabled: bool) -> Plan:
    """The plan that sets both groups."""
    rows = groups_under_v2(SIDES, (), ("*",))
    changes = group_writeback_changes(HERE, rows, states, enabled=enabled)
    operation = Operation.ENABLE if enabled else Operation.DISABLE
    return Plan(operation, HERE, changes, b.WIDE.as_json(), route=Route.CONNECT_SYNC)


@given(
    before=st.tuples(STATES, STATES), enabled=st.booleans(), deaths=st.lists(st.integers(1, 20), max_size=4),
    lost=st.integers(0, 2),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whatever_dies_each_group_is_set_and_goes_back_to_what_it_was(
    before: tuple[bool | None, bool | None], enabled: bool, deaths: list[int], lost: int
) -> None:
    held: dict[str, bool | None] = {ONE.id: before[0], TWO.id: before[1]}
    plan = plan_for(dict(held), enabled=enabled)
    assert {one.group_id for one in plan.changes} == {key for key, state in held.items() if state is not enabled}
    tenant = Settings(states=dict(held), lost=lost)
    if not plan.changes:
        return
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder), plan, World(tenant=tenant)).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(plan, chain, CONNECT_SYNC_RULES) is None
        assert tenant.states == {ONE.id: enabled, TWO.id: enabled}
        done = DoneChange(plan, effects_of(chain))
        off = writeback_settings(None, v1=Switch.OFF, v2=Switch.ON, reported=b.TARGET_OU)
        back = plan_undo(SIDES, off, b.WIDE, done, None, dict(tenant.states)).plan
        assert {one.group_id for one in back.changes} == {one.group_id for one in plan.changes if done.effects}
        for change in back.changes:
            assert beyond_kind(change, Operation.UNDO) == ""
        with TemporaryDirectory() as another:
            Runs(Path(another), back, World(tenant=tenant)).finished()
        assert tenant.states == held


def test_what_somebody_changed_since_stays() -> None:
    plan = plan_for({ONE.id: None, TWO.id: None}, enabled=True)
    world = World(tenant=Settings(states={ONE.id: False}))
    first, second = ConnectSyncWork(plan.changes, context_of(world), ServicePatience((), print)).steps
    states = {step.change.group_id: step.look(None).state for step in (first, second)}
    assert states == {ONE.id: LiveState.OTHER, TWO.id: LiveState.BEFORE}
    said = {one.digest: [_said(one.digest)] for one in plan.changes}
    settings_ = writeback_settings(None, v1=Switch.OFF, v2=Switch.ON, reported=b.TARGET_OU)
    made = plan_undo(SIDES, settings_, b.WIDE, DoneChange(plan, said), None, {ONE.id: False, TWO.id: True})
    assert [(one.group_id, one.rule) for one in made.plan.refusals] == [(ONE.id, "writeback-changed-since")]
    assert [one.group_id for one in made.plan.changes] == [TWO.id]


def _said(digest: str) -> Effect:
    return Effect(f"{digest}/1", digest, HERE.ou_guid, {"writeback_set": True})


def test_only_microsoft_365_groups_have_such_a_setting() -> None:
    assert [row.group_id for row in groups_under_v2(SIDES, (), ("*",))] == sorted([ONE.id, TWO.id])
    assert [row.group_id for row in groups_under_v2(SIDES, (VPN.id, ONE.id), ())] == [ONE.id]


def test_a_plan_is_read_back_as_it_was_and_sets_each_group_once() -> None:
    plan = plan_for({ONE.id: None, TWO.id: False}, enabled=True)
    assert plan.phrase == "ENABLE 2 GROUPS IN contoso.com"
    told = json.loads(json.dumps(plan_to_json(plan)))
    assert plan_from_json(told, ROUTES).digest == plan.digest
    assert problems("plan-connect-sync", told) == []
    mine = CONNECT_SYNC_TYPES.plan(plan)
    assert beyond_target(mine) == ""
    twice = replace(mine, changes=(*mine.changes, about_group(HERE, ONE.id, "One", SetGroupWriteback(True, False))))
    assert "twice" in beyond_target(twice)
    assert "out of support" in under_v2_finding(mine.changes).expected
    assert {one.kind for one in plan.changes} == {ChangeKind.GROUP_WRITEBACK}
