"""Plans that take v1 away and that bring its groups back: every group has one fate, and what is too late says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.step import Effect
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.settings import WritebackSettings, writeback_settings
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DeletedObject, DirectoryGroup
from runbook_lib.model.enforcement import Enforcement, EnforcementMode, SoaPolicy
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import anchor_of
from runbook_lib.routes.connect_sync.actions import ComingGroup, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, SwitchOff
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.plan_disable import LeavingPlan, plan_disable
from runbook_lib.routes.connect_sync.plan_undo import plan_undo
from runbook_lib.routes.connect_sync.route import beyond_kind, beyond_target
from tests.support import builders as b
from tests.unit.connect.world import by_connect
from tests.unit.routes_connect_sync.world import ACCOUNT, plan_of

ONE, TWO, THREE = (b.cloud_group(name) for name in ("One", "Two", "Three"))
WRITTEN = [by_connect(group, parent=b.TARGET_OU) for group in (ONE, TWO, THREE)]
SETTINGS = {v1: writeback_settings(None, v1=v1, v2=Switch.OFF, reported=b.TARGET_OU) for v1 in Switch}
ON, OFF = SETTINGS[Switch.ON], SETTINGS[Switch.OFF]
LIMITS = b.WIDE


def sides(
    there: Sequence[DirectoryGroup], deleted: Sequence[DeletedObject] = (), groups: object = None, **more: object
) -> Inventory:
    """Both sides: what stands in AD, what was deleted."""
    bin_ = replace(b.BIN_ON, objects=tuple(deleted), **more)  # type: ignore[arg-type]
    cloud = b.cloud_side(groups if isinstance(groups, list) else [ONE, TWO, THREE])
    return b.inventory_of(cloud, b.directory_side((), there, deleted=bin_))


def ids(found: Sequence[Finding]) -> set[str]:
    """Their ids."""
    return {one.id for one in found}


def held_to_its_reach(made: LeavingPlan) -> None:
    """A plan that is made here is one that may come from a file."""
    for change in made.plan.changes:
        assert beyond_kind(change, made.plan.operation) == ""
    assert beyond_target(made.plan) == ""


def disabled(there: Sequence[DirectoryGroup] = WRITTEN) -> DoneChange:
    """A change that had the wizard and a cycle handed over."""
    plan = plan_disable(sides(there), ON, LIMITS).plan
    said = {
        one.digest: (Effect(f"{one.digest}/1", one.digest, one.payload.object_guid, {"handed_over": "x"}),)
        for one in plan.changes
    }
    return DoneChange(plan, said)


@pytest.mark.parametrize("settings", [ON, SETTINGS[Switch.UNKNOWN]])
def test_everything_that_v1_wrote_is_named_before_the_wizard(settings: WritebackSettings) -> None:
    made = plan_disable(sides(WRITTEN), settings, LIMITS)
    held_to_its_reach(made)
    assert [one.kind for one in made.plan.changes] == [ChangeKind.SWITCH_OFF, ChangeKind.RUN_CYCLE]
    off = made.plan.changes[0].payload.action
    assert isinstance(off, SwitchOff)
    assert {(one.group_id, one.guid, one.sid, one.dn) for one in off.groups_going} == {
        (group.id, ad.guid, ad.sid, ad.dn) for group, ad in zip((ONE, TWO, THREE), WRITTEN, strict=True)
    }
    assert made.plan.phrase == "DELETE 3 GROUPS IN contoso.com"
    assert ("connect-v1-unknown" in ids(made.findings)) is (settings is not ON)


def test_nothing_is_left_to_do_where_v1_is_off_and_its_groups_are_gone() -> None:
    made = plan_disable(sides([]), OFF, LIMITS)
    assert (made.plan.changes, made.findings) == ((), ())
    only_the_cycle = plan_disable(sides(WRITTEN), OFF, LIMITS)
    assert [one.kind for one in only_the_cycle.plan.changes] == [ChangeKind.SWITCH_OFF, ChangeKind.RUN_CYCLE]
    empty = plan_disable(sides([]), ON, LIMITS)
    assert [one.kind for one in empty.plan.changes] == [ChangeKind.SWITCH_OFF, ChangeKind.RUN_CYCLE]


def test_more_groups_than_allowed_are_refused_because_none_can_be_left_out() -> None:
    with pytest.raises(Refused) as caught:
        plan_disable(sides(WRITTEN), ON, replace(LIMITS, deletions=2))
    assert caught.value.code == "limit-deletions"
    assert "3 AD groups" in caught.value.message
    assert "raise max_deletions to 3" in caught.value.hint
    assert plan_disable(sides(WRITTEN), ON, replace(LIMITS, deletions=3)).plan.groups == 3


def test_what_cannot_be_undone_is_said_before() -> None:
    fine = plan_disable(sides(WRITTEN), ON, LIMITS).findings
    assert ids(fine) == {"leaving-is-not-undone", "recycle-bin-on-while-leaving"}
    assert "180 days" in next(one.seen for one in fine if one.id.startswith("recycle-bin"))
    bare = plan_disable(sides(WRITTEN, recycle_bin=Switch.OFF, listable=Switch.OFF), ON, LIMITS).findings
    blocking = {one.id for one in bare if one.severity is Severity.BLOCKING}
    assert blocking == {"recycle-bin-not-on-while-leaving", "deleted-objects-not-listable-while-leaving"}
    assert all(one.acknowledgeable for one in bare if one.severity is Severity.BLOCKING)
    unseen = plan_disable(sides(WRITTEN, listable=Switch.UNKNOWN), ON, LIMITS).findings
    assert [one.id for one in unseen if one.severity is Severity.UNKNOWN] == [
        "deleted-objects-not-listable-while-leaving"
    ]
    both = plan_disable(sides(WRITTEN), replace(ON, v2=Switch.ON), LIMITS).findings
    assert "connect-v2-on-while-leaving" in ids(both)


def test_many_groups_in_one_cycle_may_meet_the_threshold() -> None:
    groups = [b.cloud_group(f"Group {number}") for number in range(501)]
    there = [by_connect(group, parent=b.TARGET_OU) for group in groups]
    limits = replace(LIMITS, deletions=1000)
    assert "leaving-above-threshold" in ids(plan_disable(sides(there, groups=groups), ON, limits).findings)
    assert "leaving-above-threshold" not in ids(plan_disable(sides(there[1:], groups=groups), ON, limits).findings)


FATES = st.sampled_from(["there", "deleted", "gone", "again", "other-sid"])


@given(fates=st.tuples(FATES, FATES, FATES), v1=st.sampled_from(Switch))
def test_on_the_way_back_every_group_has_one_fate_and_v1_comes_last(fates: tuple[str, str, str], v1: Switch) -> None:
    done = disabled()
    there, deleted = [], []
    for group, ad, fate in zip((ONE, TWO, THREE), WRITTEN, fates, strict=True):
        if fate == "there":
            there.append(ad)
        if fate in ("deleted", "other-sid"):
            gone = b.deleted_object(ad, group_id=group.id)
            deleted.append(replace(gone, sid="S-1-5-21-9") if fate == "other-sid" else gone)
        if fate == "again":
            there.append(replace(ad, guid=b.guid(f"new {group.id}"), sid="S-1-5-21-8", dn=f"CN=New {ad.dn[3:]}"))  # type: ignore[arg-type]
    made = plan_undo(sides(there, deleted), SETTINGS[v1], LIMITS, done, None)
    held_to_its_reach(made)
    back = {one.group_id for one in made.plan.changes if one.kind is ChangeKind.BRING_BACK}
    refused = {one.group_id: one.rule for one in made.plan.refusals}
    assert len(back) + len(refused) + made.plan.in_step == 3
    assert made.plan.in_step == fates.count("there")
    wanted = {
        group.id
        for group, fate in zip((ONE, TWO, THREE), fates, strict=True)
        if fate == "deleted" and v1 is not Switch.ON
    }
    assert back == wanted
    kinds = [one.kind for one in made.plan.changes if one.kind is not ChangeKind.BRING_BACK]
    assert kinds == ([] if v1 is Switch.ON else [ChangeKind.SWITCH_ON, ChangeKind.RUN_CYCLE])
    assert [one.kind for one in made.plan.changes][: len(back)] == [ChangeKind.BRING_BACK] * len(back)
    assert ("way-back-not-whole" in ids(made.findings)) is bool(refused)
    for group, fate in zip((ONE, TWO, THREE), fates, strict=True):
        if fate == "again":
            assert refused[group.id] == "undelete-written-again"


def test_the_same_objects_come_back_with_their_names_and_their_sid() -> None:
    gone = [b.deleted_object(ad, group_id=group.id) for group, ad in zip((ONE, TWO, THREE), WRITTEN, strict=True)]
    made = plan_undo(sides([], gone), OFF, LIMITS, disabled(), None)
    first = made.plan.changes[0]
    ad = next(one for one in WRITTEN if one.guid == first.payload.object_guid)
    assert first.payload.action == BringBack(ad.sid or "", anchor_of(first.group_id))
    on = made.plan.changes[3].payload.action
    assert isinstance(on, SwitchOn)
    assert (on.display_names, on.groups) == (True, frozenset({ONE.id, TWO.id, THREE.id}))
    assert "177 days are left" in next(one.seen for one in made.findings if one.id == "way-back-days")
    assert made.plan.phrase == "UNDO 3 GROUPS IN contoso.com"


def test_groups_that_may_be_somebody_elses_say_nothing_of_the_names() -> None:
    by_id = [by_connect(group, parent=b.TARGET_OU, mode=NamingMode.ID) for group in (ONE, TWO)]
    stranger = by_connect(THREE, parent=f"OU=Elsewhere,{b.BASE}")
    done = disabled([*by_id, stranger])
    made = plan_undo(sides([stranger]), OFF, LIMITS, done, None)
    on = next(one.payload.action for one in made.plan.changes if one.kind is ChangeKind.SWITCH_ON)
    assert isinstance(on, SwitchOn)
    assert on.display_names is False
    assert {one.cn for one in on.groups_coming} == {anchor_of(group.id) for group in (ONE, TWO, THREE)}


def refusals(inventory: Inventory, settings: WritebackSettings = OFF) -> dict[str, str]:
    """Group name to the rule that keeps it from coming back."""
    made = plan_undo(inventory, settings, LIMITS, disabled(), None)
    return {one.display_name: one.rule for one in made.plan.refusals}


def test_what_is_too_late_says_why() -> None:
    gone = [b.deleted_object(ad, group_id=group.id) for group, ad in zip((ONE, TWO, THREE), WRITTEN, strict=True)]
    assert set(refusals(sides([], gone), ON).values()) == {"undelete-v1-on"}
    assert set(refusals(sides([])).values()) == {"undelete-gone"}
    assert set(refusals(sides([], listable=Switch.OFF)).values()) == {"undelete-hidden"}
    assert refusals(sides([], gone, groups=[ONE, TWO])) == {"Three": "undelete-no-cloud-group"}
    marked = [replace(one, governed_by_cloud=True) for one in gone]
    inventory = sides([], marked)
    enforcing = Enforcement((SoaPolicy("CN=P", EnforcementMode.ENFORCED),), "S-1-5-21-1-2-3-4")
    held = replace(inventory, directory=replace(inventory.directory, enforcement=enforcing))
    assert set(refusals(held).values()) == {"object-enforced"}


@pytest.mark.parametrize(("by_id", "display_names"), [(0, True), (1, True), (2, False), (3, False)])
def test_most_groups_tell_the_names_that_v1_gave_and_one_of_before_does_not(by_id: int, display_names: bool) -> None:
    done = disabled()
    changes = []
    for change in CONNECT_SYNC_TYPES.plan(done.plan).changes:
        action = change.payload.action
        if isinstance(action, SwitchOff):
            named = [
                replace(one, dn=f"CN={anchor_of(one.group_id)},{b.TARGET_OU}") if number < by_id else one
                for number, one in enumerate(action.groups_going)
            ]
            payload = replace(change.payload, action=replace(action, groups_going=tuple(named)))
            change = replace(change, payload=payload)
        changes.append(change)
    done = replace(done, plan=replace(CONNECT_SYNC_TYPES.plan(done.plan), changes=tuple(changes)))
    gone = [b.deleted_object(ad, group_id=group.id) for group, ad in zip((ONE, TWO, THREE), WRITTEN, strict=True)]
    on = plan_undo(sides([], gone), OFF, LIMITS, done, None).plan.changes[3].payload.action
    assert isinstance(on, SwitchOn)
    assert on.display_names is display_names


def test_new_objects_beside_those_that_come_back_count_as_creates() -> None:
    with pytest.raises(Refused) as caught:
        plan_undo(sides([]), OFF, replace(LIMITS, creates=2), disabled(), None)
    assert caught.value.code == "limit-creates"
    assert "3 AD groups" in caught.value.message


def test_the_way_back_of_an_enabling_is_to_switch_off() -> None:
    coming = tuple(ComingGroup(group.id, group.display_name, f"Group_{group.id}") for group in (ONE, TWO))
    plan = replace(
        CONNECT_SYNC_TYPES.plan(plan_of(LetConnectorWrite(ACCOUNT), SwitchOn(False, coming), RunCycle())),
        target=plan_disable(sides([]), ON, LIMITS).plan.target,
    )
    made = plan_undo(sides(WRITTEN), ON, LIMITS, DoneChange(plan), None)
    held_to_its_reach(made)
    assert made.plan.operation is Operation.UNDO
    assert [one.kind for one in made.plan.changes] == [ChangeKind.SWITCH_OFF, ChangeKind.RUN_CYCLE]
    assert made.plan.phrase == "DELETE 3 GROUPS IN contoso.com"
    assert "connector-rights-stay" in ids(made.findings)
    never_done = plan_undo(sides([]), OFF, LIMITS, DoneChange(plan), None)
    assert never_done.plan.changes == ()


def test_a_record_of_another_ou_is_refused() -> None:
    done = disabled()
    elsewhere = replace(
        done.plan, target=replace(CONNECT_SYNC_TYPES.plan(done.plan).target, ou_guid=b.guid("elsewhere"))
    )
    with pytest.raises(Refused) as caught:
        plan_undo(sides([]), OFF, LIMITS, replace(done, plan=elsewhere), None)
    assert caught.value.code == "undo-elsewhere"
    assert "OU of written groups" in caught.value.message


def test_plans_of_this_route_are_plans() -> None:
    plan: Plan = plan_disable(sides(WRITTEN), ON, LIMITS).plan
    assert [CONNECT_SYNC_TYPES.change(one).payload.dn for one in plan.changes] == [b.TARGET_OU, b.TARGET_OU]


@pytest.mark.parametrize(("by_id", "others"), [(3, 0), (2, 1), (0, 3), (1, 2)])
def test_v1_comes_back_with_the_names_that_most_of_its_groups_had(by_id: int, others: int) -> None:
    """One that somebody renamed, or that v1 left behind, must not have all others renamed."""
    made = [by_connect(group, parent=b.TARGET_OU) for group in (ONE, TWO, THREE)]
    there = [
        replace(ad, dn=f"CN={anchor_of(group.id) if number < by_id else group.display_name},{b.TARGET_OU}")
        for number, (group, ad) in enumerate(zip((ONE, TWO, THREE), made, strict=True))
    ]
    back = plan_undo(sides([]), OFF, LIMITS, disabled(there), None)
    on = next(one.payload.action for one in back.plan.changes if isinstance(one.payload.action, SwitchOn))
    assert on.display_names is (others > by_id)
