"""Records altered by hand: nothing foreign comes back, nothing is called done that is not, no name lies."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.plan_as_read import shown_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.errors import Refused, UsageError
from runbook_lib.graph.tenant.group_settings import GroupSettings
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.routes.connect_sync.actions import RunCycle
from runbook_lib.routes.connect_sync.acts import Act
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback, about_group
from runbook_lib.routes.connect_sync.handed import earlier_hand_over
from runbook_lib.routes.connect_sync.leaving_actions import SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.new_group_default import default_wanted
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange
from runbook_lib.routes.connect_sync.plan_undo import plan_undo
from tests.support import builders as b
from tests.unit.routes_connect_sync.leaving_world import TEMPLATE
from tests.unit.routes_connect_sync.test_handed import carried_out
from tests.unit.routes_connect_sync.test_leaving import GROUPS, after_the_cycle, look_at, way_back
from tests.unit.routes_connect_sync.test_plan_leaving import LIMITS, OFF, ONE, WRITTEN, disabled, ids, sides
from tests.unit.routes_connect_sync.world import ROUTES, change, enabling, plan_of, target

GROUP = GROUPS[0].group_id
DEFAULT = default_wanted(GroupSettings("settings-1", TEMPLATE), written=False)
assert DEFAULT is not None
PLANS: dict[str, Plan] = {
    "enable": enabling(),
    "disable": plan_of(SwitchOff(GROUPS), RunCycle(), DEFAULT, operation=Operation.DISABLE),
    "undo": way_back(change(DEFAULT)),
    "single": Plan(
        Operation.ENABLE,
        target(),
        (about_group(target(), GROUP, "One", SetGroupWriteback(None, True)),),
        b.WIDE.as_json(),
        route=Route.CONNECT_SYNC,
    ),
}
REASONS = {"reason", "why"}
"""Why a change is in a plan: said to a person beside what is done, and no part of it."""
RENAMABLE = {"target_ou"}
"""The OU by name; by GUID it is in the digest. A change about the OU carries that name too."""


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value of a document that holds no others."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        yield path
        return
    for key, one in pairs:
        yield from leaves(one, (*path, key))


def altered(told: dict[str, Any], path: tuple[str | int, ...], another: Any = None) -> dict[str, Any]:
    """The document with another value of the same kind in one place."""
    found = copy.deepcopy(told)
    place: Any = found
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    if another is None:
        another = not old if isinstance(old, bool) else old + 1 if isinstance(old, int) else f"CN=Other,{old}"
    place[path[-1]] = another
    return found


@pytest.mark.parametrize("name", PLANS)
def test_whatever_is_altered_in_a_plan_it_is_refused_or_what_an_approver_read_differs(name: str) -> None:
    plan = PLANS[name]
    told = json.loads(json.dumps(plan_to_json(plan)))
    seen = shown_of(plan)
    of_ou = {n for n, one in enumerate(plan.changes) if one.payload.object_id == target().ou_guid}
    believed = []
    for path in leaves(told):
        harmless = path[-1] in REASONS | RENAMABLE or (path[-1] == "dn" and len(path) == 3 and path[1] in of_ou)
        if harmless or path[0] in ("limits", "in_step"):
            continue  # Limits are those of today's parameters, whatever a plan says that they were.
        with suppress(UsageError):
            if shown_of(plan_from_json(altered(told, path), ROUTES)) == seen:
                believed.append(path)
    assert not believed


@pytest.mark.parametrize("dn", ["", "no name", "CN=", "CN=x,,", "\\"])
def test_a_name_that_is_none_is_a_damaged_plan_and_no_defect(dn: str) -> None:
    told = json.loads(json.dumps(plan_to_json(PLANS["disable"])))
    with pytest.raises(UsageError) as caught:
        plan_from_json(altered(told, ("changes", 0, "action", "groups", 0, "dn"), dn), ROUTES)
    assert caught.value.code == "plan-damaged"
    told = json.loads(json.dumps(plan_to_json(PLANS["undo"])))
    with pytest.raises(UsageError) as caught:
        plan_from_json(altered(told, ("changes", 0, "dn"), dn), ROUTES)
    assert caught.value.code == "plan-damaged"


def test_a_forged_record_brings_no_foreign_object_back() -> None:
    first, other = GROUPS[0], GROUPS[1]
    foreign = after_the_cycle()
    foreign.went.gone[first.guid] = replace(foreign.went.gone[first.guid], group_id=other.group_id)
    assert "nothing in AD says" in look_at(foreign, first)[1], "its anchor is another group's"
    for last in (f"CN=Payroll Admins,OU=Admins,{b.BASE}", f"CN=x,{target().ou_dn}x", "no name", "CN=x"):
        foreign.went.gone[first.guid] = replace(foreign.went.gone[first.guid], group_id="", last_dn=last)
        assert "nothing in AD says" in look_at(foreign, first)[1]
    tombstone = after_the_cycle()
    tombstone.went.gone[first.guid] = replace(tombstone.went.gone[first.guid], group_id="")
    assert look_at(tombstone, first)[1] == ""


def test_a_forged_record_plans_no_foreign_object() -> None:
    gone = b.deleted_object(WRITTEN[0], group_id=ONE.id)
    for forged in (
        replace(gone, group_id=b.guid("somebody else's")),
        replace(gone, group_id="", last_dn=f"CN=Payroll,{b.BASE}"),
    ):
        made = plan_undo(sides([], [forged]), OFF, LIMITS, disabled(WRITTEN[:1]), None)
        assert [one.rule for one in made.plan.refusals] == ["undelete-other-object"]
        assert not [one for one in made.plan.changes if one.kind is ChangeKind.BRING_BACK]
        assert "way-back-not-whole" in ids(made.findings)


def beyond(one: ConnectSyncChange, **said: Any) -> str:
    """What a ``done`` line of a change says beyond it."""
    effect = Effect(f"{one.digest}/1", one.digest, one.payload.object_id, said)
    return Act(f"{one.digest}/1", one).beyond_effect(effect, {})


def test_a_journal_cannot_say_that_settings_were_made_which_were_replaced() -> None:
    replaced = change(SetNewGroupDefault("settings-1", TEMPLATE, TEMPLATE))
    made = change(SetNewGroupDefault("", TEMPLATE, TEMPLATE))
    assert beyond(replaced) == ""
    assert beyond(replaced, settings_id="settings-1", settings_made=False) == ""
    assert beyond(made, settings_id="settings-2", settings_made=True) == ""
    assert "otherwise than its plan" in beyond(replaced, settings_id="settings-1", settings_made=True)
    assert "otherwise than its plan" in beyond(replaced, settings_id="settings-1")
    assert "otherwise than its plan" in beyond(made, settings_id="settings-2", settings_made=False)
    assert "other settings" in beyond(replaced, settings_made=False)
    assert "other settings" in beyond(made, settings_id="", settings_made=True)


def test_a_journal_cannot_say_that_a_group_was_set_otherwise() -> None:
    one = about_group(target(), GROUP, "One", SetGroupWriteback(False, None))
    assert beyond(one) == ""
    assert beyond(one, writeback_set=None, request_id="r") == ""
    assert "something else" in beyond(one, writeback_set=True)
    assert "something else" in beyond(one, request_id="r")


def test_what_is_waited_for_stands_in_records_that_are_proved(tmp_path: Path) -> None:
    carried_out(tmp_path, enabling())
    asked: list[Path] = []
    assert earlier_hand_over(tmp_path, ROUTES, Operation.ENABLE, prove=asked.extend)
    assert asked == [tmp_path / "1"]


def test_a_journal_is_not_believed_beside_another_plan(tmp_path: Path) -> None:
    carried_out(tmp_path, enabling())
    other = plan_to_json(plan_of(*(one.payload.action for one in enabling().changes[1:])))  # type: ignore[attr-defined]
    (tmp_path / "1" / "plan.json").write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(Refused) as caught:
        earlier_hand_over(tmp_path, ROUTES, Operation.ENABLE, prove=lambda _: None)
    assert caught.value.code == "journal-damaged"
