"""Leaving v1 and the way back through the real loop: whatever dies, nothing comes back twice or beside another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.journal_check import effects_beyond
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.change.step import LiveState
from runbook_lib.errors import UsageError
from runbook_lib.graph.tenant.group_settings import NEW_GROUP_DEFAULT, GroupSettings
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import anchor_of
from runbook_lib.model.target import Route
from runbook_lib.routes.connect_sync.actions import RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.hand_over import NEVER_TO_SWITCH_OFF, hand_over_of
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, GoingGroup, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.new_group_default import default_undone, default_wanted
from runbook_lib.routes.connect_sync.payload import (
    CONNECT_SYNC_TYPES,
    ConnectSyncChange,
    ConnectSyncPayload,
)
from runbook_lib.routes.connect_sync.route import CONNECT_SYNC_RULES, beyond_kind, beyond_target
from runbook_lib.routes.connect_sync.work import ConnectSyncWork, ServicePatience
from tests.support import builders as b
from tests.support.schemas import problems
from tests.unit.routes_connect_sync.leaving_world import TEMPLATE, Settings, Went, going, guids
from tests.unit.routes_connect_sync.world import (
    FACTS,
    OU,
    ROUTES,
    Runs,
    World,
    change,
    coming,
    context_of,
    plan_of,
    target,
)

GROUPS = going("One", "Two", "Three", ou=OU)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def back(one: GoingGroup) -> ConnectSyncChange:
    """The change that brings a group back."""
    payload = ConnectSyncPayload(one.guid, one.dn, one.group_id, BringBack(one.sid, anchor_of(one.group_id)))
    return ConnectSyncChange(ChangeKind.BRING_BACK, one.group_id, one.display_name, payload, "undo")


def way_back(*more: ConnectSyncChange) -> Plan:
    """All groups, v1 again, a cycle."""
    changes = (*map(back, GROUPS), change(SwitchOn(False, coming("One"))), *more, change(RunCycle()))
    return Plan(Operation.UNDO, target(), changes, b.WIDE.as_json(), route=Route.CONNECT_SYNC)


def after_the_cycle(**more: Any) -> World:
    """v1 is off and its groups are gone."""
    world = World(v1=Switch.OFF, **more)
    world.went.delete(GROUPS)
    return world


@given(st.lists(st.integers(1, 60), max_size=6), st.integers(0, 2), st.integers(0, 1))
@settings(max_examples=80, deadline=None)
def test_whatever_dies_each_group_comes_back_once_and_v1_is_handed_over_last(
    deaths: list[int], lost: int, lost_settings: int
) -> None:
    wanted = default_wanted(GroupSettings("", TEMPLATE), written=False)
    assert wanted is not None
    plan = way_back(change(wanted))
    world = after_the_cycle()
    world.went.lost, world.tenant.lost = lost, lost_settings
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder), plan, world).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(plan, chain, CONNECT_SYNC_RULES) is None
        assert world.went.done == guids(GROUPS), "each once, and in order"
        assert {guid: dn for guid, (dn, _) in world.went.there.items()} == {one.guid: one.dn for one in GROUPS}
        assert all(carried == anchor_of(one.group_id) for one in GROUPS for _, carried in [world.went.there[one.guid]])
        assert world.tenant.done == ["POST"]
        assert world.tenant.read().value(NEW_GROUP_DEFAULT) == "false"
        assert set(world.kept) == {"hand-off-switch-on.txt", "hand-off-run-cycle.txt"}
        undeleted = {effect.object_id for one in chain for effect in one.effects if "undeleted" in effect.data}
        assert undeleted <= set(world.went.done)


def test_v1_is_not_handed_over_before_every_group_is_back(tmp_path: Path) -> None:
    world = after_the_cycle()
    world.went.gone.pop(guids(GROUPS)[1])
    chain = Runs(tmp_path, way_back(), world).finished()
    assert chain[-1].closed
    assert not chain[-1].carried_out
    assert world.went.done == guids(GROUPS)[:1]
    assert world.kept == {}, "the wizard would make new objects"


def look_at(world: World, one: GoingGroup) -> tuple[LiveState, str]:
    """What the step of one group finds."""
    work = ConnectSyncWork([back(one)], context_of(world), ServicePatience((), lambda _: None))
    (step,) = work.steps
    found = step.look(None)
    return found.state, str(found.seen)


def test_a_group_comes_back_only_where_nothing_has_taken_its_place() -> None:
    first = GROUPS[0]
    assert look_at(after_the_cycle(), first) == (LiveState.BEFORE, "")
    there = World()
    there.went.there[first.guid] = (first.dn, anchor_of(first.group_id))
    assert look_at(there, first) == (LiveState.AFTER, "")
    on = after_the_cycle()
    on.v1 = Switch.ON
    assert "switched on meanwhile" in look_at(on, first)[1]
    again = after_the_cycle()
    again.went.there[b.guid("new")] = (f"CN=New,{OU}", anchor_of(first.group_id))
    assert "written for the same cloud group" in look_at(again, first)[1]
    assert "neither in AD" in look_at(World(), first)[1]
    other = after_the_cycle()
    other.went.gone[first.guid] = replace(other.went.gone[first.guid], sid="S-1-5-21-9")
    assert "another SID" in look_at(other, first)[1]
    nowhere = after_the_cycle()
    nowhere.went.ou = ""
    assert "OU that it came from is gone" in look_at(nowhere, first)[1]
    taken = after_the_cycle()
    taken.went.there[b.guid("x")] = (first.dn, "")
    assert "another object has its name" in look_at(taken, first)[1]


@pytest.mark.parametrize(("v1", "state"), [(Switch.ON, "before"), (Switch.UNKNOWN, "before"), (Switch.OFF, "after")])
def test_the_wizard_is_handed_over_unless_v1_is_off(v1: Switch, state: str) -> None:
    plan = plan_of(SwitchOff(GROUPS), RunCycle(), operation=Operation.DISABLE)
    work = ConnectSyncWork(plan.changes, context_of(World(v1=v1)), ServicePatience((), lambda _: None))
    assert [step.look(None).state.value for step in work.steps] == [state, "before"]


def test_what_is_handed_over_names_the_wizard_and_what_never_to_run() -> None:
    text = hand_over_of(SwitchOff(GROUPS), target(), FACTS).text()
    assert "the next cycle deletes 3 AD groups" in text
    for value in ("CONNECT01", "contoso.onmicrosoft.com", OU, "Clear Group writeback", "answer No"):
        assert value in text
    steps, never = text.split("Never run:")
    assert all(f"- {one}" in never for one in NEVER_TO_SWITCH_OFF)
    assert "GroupWritebackV2 $false" in never
    for forbidden in ("Set-ADSync", "Disable-ADSync", "Invoke-ADSync"):
        assert forbidden not in steps


def test_a_plan_says_what_is_deleted_and_is_read_back_as_it_was() -> None:
    default = default_wanted(GroupSettings("settings-1", TEMPLATE), written=False)
    assert default is not None
    off = plan_of(SwitchOff((*GROUPS[:2], replace(GROUPS[2], certain=False))), RunCycle(), operation=Operation.DISABLE)
    assert off.phrase == "DELETE 2 TO 3 GROUPS IN contoso.com", "as many as are sure to go, and as many as may"
    sure = plan_of(SwitchOff(GROUPS[:2]), RunCycle(), operation=Operation.DISABLE)
    assert sure.phrase == "DELETE 2 GROUPS IN contoso.com"
    assert way_back().phrase == "UNDO 3 GROUPS IN contoso.com"
    for plan in (off, way_back(change(default)), plan_of(default, operation=Operation.DISABLE)):
        told = json.loads(json.dumps(plan_to_json(plan)))
        read = plan_from_json(told, ROUTES)
        assert (read.digest, read.changes) == (plan.digest, plan.changes)
        assert problems("plan-connect-sync", told) == []


@pytest.mark.parametrize(
    "path",
    [(0, "action", "sid"), (0, "action", "anchor"), (0, "object_guid"), (0, "of_group"), (4, "action", "after", 1, 1),
     (4, "action", "settings_id"), (4, "action", "before", 0, 0)],
)  # fmt: skip
def test_whatever_is_changed_in_the_file_it_is_not_believed(path: tuple[str | int, ...]) -> None:
    default = default_wanted(GroupSettings("settings-1", TEMPLATE), written=False)
    assert default is not None
    told = json.loads(json.dumps(plan_to_json(way_back(change(default)))))
    place: Any = told["changes"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = b.guid("other")
    with pytest.raises(UsageError) as caught:
        plan_from_json(told, ROUTES)
    assert caught.value.code == "plan-damaged"


def test_what_no_plan_does_is_found() -> None:
    one = back(GROUPS[0])
    assert beyond_kind(one, Operation.UNDO) == ""
    assert "no part of a plan to disable" in beyond_kind(one, Operation.DISABLE)
    assert "another group" in beyond_kind(replace(one, group_id=GROUPS[1].group_id), Operation.UNDO)
    twice = change(SwitchOff((GROUPS[0], GROUPS[0])))
    assert "names an object twice" in beyond_kind(twice, Operation.DISABLE)
    other = SetNewGroupDefault("1", TEMPLATE, (("EnableMSStandardBlockedWords", "true"), TEMPLATE[1]))
    assert "another value" in beyond_kind(change(other), Operation.DISABLE)
    assert "another value" in beyond_kind(change(SetNewGroupDefault("1", TEMPLATE, TEMPLATE[1:])), Operation.DISABLE)
    assert "does not name" in beyond_kind(change(SetNewGroupDefault("", TEMPLATE, ())), Operation.UNDO)
    plan = CONNECT_SYNC_TYPES.plan(way_back())
    assert beyond_target(plan) == ""
    off = CONNECT_SYNC_TYPES.change(change(SwitchOff(GROUPS)))
    assert "on and off" in beyond_target(replace(plan, changes=(*plan.changes, off)))
    assert "has them deleted" in beyond_target(replace(plan, changes=(one, off)))
    assert "back twice" in beyond_target(replace(plan, changes=(one, one)))


VALUES = st.dictionaries(
    st.sampled_from(["A", "B", NEW_GROUP_DEFAULT]), st.sampled_from(["", "true", "False", "x"]), min_size=1
)


@given(held=st.none() | VALUES, written=st.booleans())
def test_the_default_is_set_as_a_whole_and_taken_back_to_what_was_there(
    held: dict[str, str] | None, written: bool
) -> None:
    tenant = Settings(held=None if held is None else dict(held))
    action = default_wanted(tenant.read(), written=written)
    if action is None:
        value = (tenant.read().value(NEW_GROUP_DEFAULT) or "").casefold()
        assert value in (("", "true") if written else ("false",))
        return
    said = carried_out(action, tenant)
    assert tenant.read().value(NEW_GROUP_DEFAULT) == ("true" if written else "false")
    way_home = default_undone(tenant.read(), action, said)
    assert isinstance(way_home, SetNewGroupDefault)
    carried_out(way_home, tenant)
    assert tenant.held == held
    assert default_undone(tenant.read(), action, said) is None


def carried_out(action: SetNewGroupDefault, tenant: Settings) -> dict[str, Any]:
    """The step of an action, looked at, sent and looked at again; what its journal says."""
    world = World(tenant=tenant)
    (step,) = ConnectSyncWork([change(action)], context_of(world), ServicePatience((), lambda _: None)).steps
    assert step.look(None).state is LiveState.BEFORE
    step.send()
    said = dict(step.effect({}))
    assert step.look({}).state is LiveState.AFTER
    return said


def test_settings_that_somebody_changed_since_stay_as_they_are() -> None:
    tenant = Settings(held={"A": "1", NEW_GROUP_DEFAULT: "true"})
    action = default_wanted(tenant.read(), written=False)
    assert action is not None
    said = carried_out(action, tenant)
    assert tenant.held is not None
    tenant.held["A"] = "2"
    found = default_undone(tenant.read(), action, said)
    assert isinstance(found, Finding)
    (step,) = ConnectSyncWork([change(action)], context_of(World(tenant=tenant)), ServicePatience((), print)).steps
    assert step.look(None).state is LiveState.OTHER


def test_the_world_of_these_tests_deletes_and_brings_back() -> None:
    went = Went(OU)
    went.delete(GROUPS)
    assert set(went.gone) == set(guids(GROUPS))
