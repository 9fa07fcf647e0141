"""A move between the routes: the AD object changes hands, is never without an owner, and no second one is ever made."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.approvals.part import with_mapping
from runbook_lib.change.journal_check import DoneChange, effects_beyond, effects_of
from runbook_lib.change.plan_as_read import shown_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.cloud_sync.predicted import PredictedGroup, differences
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.errors import Refused
from runbook_lib.graph.writing import Written
from runbook_lib.inventory.states import GroupState
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import UNIVERSAL_DISTRIBUTION, AttributeDelta, DirectoryGroup
from runbook_lib.model.enforcement import SOA_ATTRIBUTE, Enforcement, EnforcementMode, SoaPolicy
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.routes.cloud_sync.desired import DesiredSettings, desired_expressions
from runbook_lib.routes.cloud_sync.moving.actions import WriteOwner
from runbook_lib.routes.cloud_sync.moving.findings import keeping
from runbook_lib.routes.cloud_sync.moving.plan_move import plan_move
from runbook_lib.routes.cloud_sync.moving.plan_move_back import plan_move_back
from runbook_lib.routes.cloud_sync.moving.steps import _created
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncPayload
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo
from runbook_lib.routes.cloud_sync.resume import watched_again
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.watching.arrivals import WatchedGroups
from runbook_lib.rules.group import refuse_not_ours
from tests.support import builders as b
from tests.unit.routes_cloud_sync.owner_world import GROUPS, OU, Tenant, ours, read, tenant, theirs
from tests.unit.routes_cloud_sync.runs import Runs
from tests.unit.routes_cloud_sync.world import schema, sides_of

ROUTES = {CLOUD_SYNC_RULES.route: CLOUD_SYNC_RULES}
OURS, THEIRS = [ours(group) for group in GROUPS], [theirs(group) for group in GROUPS]
NOTHING_ELSE = DesiredSettings({})
LOSSES = st.lists(st.sampled_from(("ok", "ok", "before", "after")), max_size=8)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def moving(world: Tenant, *names: str, pilot: str = "") -> Plan:
    """Both sides as they are now, planned."""
    told = replace(NOTHING_ELSE, pilot=pilot)
    return plan_move(sides_of(read(world, OURS), world), b.policy(*(names or ("G*",))), told).plan


def moving_back(world: Tenant, *names: str) -> Plan:
    """The way back."""
    policy = b.policy(disable_names=names or ("G*",))
    return plan_move_back(sides_of(read(world, THEIRS), world), policy, NOTHING_ELSE).plan


def kinds(changes: Sequence[Change]) -> list[ChangeKind]:
    return [change.kind for change in changes]


def runs(folder: Path, plan: Plan, world: Tenant, changes: Sequence[Change] | None = None) -> Runs:
    """Processes that carry out one plan; in each of their moments AD and scope are looked at."""
    return Runs(folder, plan, world, world.ad, changes, world.ad, (world.ad,), lambda: held(world))


def held(world: Tenant) -> None:
    """What has to be true at every moment, whoever dies."""
    objects = world.ad.held
    assert len(objects) == len(GROUPS), "no second AD object"
    for values in objects.values():
        assert values.keys() & {EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE}, "an AD object is nobody's"
    for group in world.assigned:
        assert world.ad.anchored(group), "a group is in scope without Cloud Sync's anchor: it would be made anew"


@given(LOSSES, LOSSES, st.lists(st.integers(2, 60), max_size=4), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_whatever_dies_or_is_lost_every_object_changes_hands_and_stays_the_same(
    graph: list[str], ad: list[str], deaths: list[int], pilot: int
) -> None:
    world = tenant(OURS, losses=list(graph))
    world.ad.losses = list(ad)
    before = set(world.ad.held)
    plan = moving(world, pilot=GROUPS[pilot].id)
    with TemporaryDirectory() as folder:
        chain = runs(Path(folder), plan, world).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(plan, chain, CLOUD_SYNC_RULES) is None
    assert set(world.ad.held) == before
    assert world.assigned.keys() == {group.id for group in GROUPS}
    assert [name for values in world.ad.held.values() for name in values if name == MARK_ATTRIBUTE] == []
    assert world.running
    assert moving(world).changes == ()


@given(LOSSES, st.lists(st.integers(2, 60), max_size=3), st.booleans())
@settings(max_examples=20, deadline=None)
def test_an_undo_gives_every_object_back_as_it_was(losses: list[str], deaths: list[int], back: bool) -> None:
    start = THEIRS if back else OURS
    world = tenant(start, assigned={group.id: f"a-{group.id}" for group in GROUPS} if back else {}, running=back)
    before, scope, running = copy.deepcopy(world.ad.held), set(world.assigned), world.running
    plan = moving_back(world) if back else moving(world)
    with TemporaryDirectory() as folder:
        chain = runs(Path(folder) / "do", plan, world).finished()
        assert chain[-1].carried_out
        assert world.ad.held != before
        world.ad.losses = list(losses)
        done = DoneChange(plan, effects_of(chain))
        undo = plan_undo(sides_of(read(world, start), world), b.policy(), NOTHING_ELSE, done).plan
        assert runs(Path(folder) / "undo", undo, world).finished(deaths)[-1].carried_out
    assert world.ad.held == before
    assert world.assigned.keys() == scope
    assert world.running is running


@given(LOSSES, LOSSES, st.lists(st.integers(2, 60), max_size=4))
@settings(max_examples=20, deadline=None)
def test_groups_come_back_whatever_dies(graph: list[str], ad: list[str], deaths: list[int]) -> None:
    world = tenant(THEIRS, assigned={group.id: f"a-{group.id}" for group in GROUPS}, running=True, losses=list(graph))
    world.ad.losses = list(ad)
    plan = moving_back(world, "G1", "G2")
    assert kinds(plan.changes) == [ChangeKind.UNASSIGN] * 2 + [ChangeKind.MARK] * 2 + [ChangeKind.UNANCHOR] * 2
    with TemporaryDirectory() as folder:
        chain = runs(Path(folder), plan, world).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(plan, chain, CLOUD_SYNC_RULES) is None
    rows = {row.group_id: row for row in read(world, THEIRS).rows}
    assert [rows[group.id].state for group in GROUPS] == [
        GroupState.WRITTEN_BY_CLOUD_SYNC,
        GroupState.WRITTEN,
        GroupState.WRITTEN,
        GroupState.WRITTEN_BY_CLOUD_SYNC,
    ]


@given(st.sets(st.integers(0, 12)), st.booleans())
@settings(max_examples=30, deadline=None)
def test_whatever_part_is_approved_no_object_is_lost_and_none_is_made_twice(chosen: set[int], back: bool) -> None:
    """``held`` looks after every step: an approver may cover any part of a plan."""
    world = tenant(THEIRS if back else OURS, assigned={g.id: f"a-{g.id}" for g in GROUPS} if back else {}, running=back)
    plan = moving_back(world) if back else moving(world)
    part = tuple(change for number, change in enumerate(plan.changes) if number in chosen)
    with TemporaryDirectory() as folder:
        runs(Path(folder), plan, world, with_mapping(plan, part)).finished()


def test_one_group_is_tried_before_any_other_is_touched() -> None:
    world = tenant(OURS)
    plan = moving(world)
    tried = plan.changes[0].group_id
    first = [ChangeKind.ANCHOR, ChangeKind.ASSIGN, ChangeKind.ADOPT]
    assert kinds(plan.changes) == [
        *first,
        *[ChangeKind.ANCHOR] * 3,
        *[ChangeKind.ASSIGN] * 3,
        *[ChangeKind.UNMARK] * 4,
        ChangeKind.START,
    ]
    assert {change.group_id for change in plan.changes[:3]} == {tried}


def test_where_cloud_sync_makes_another_object_nothing_further_is_sent(tmp_path: Path) -> None:
    world = tenant(OURS)
    world.ad.adopts = False
    plan = moving(world, pilot=GROUPS[2].id)
    before = copy.deepcopy(world.ad.held)
    with patch("tests.unit.routes_cloud_sync.test_move.held", lambda _: None):
        journal = runs(tmp_path, plan, world).one([])
    assert journal.closed
    assert not journal.carried_out
    assert world.assigned.keys() == {GROUPS[2].id}
    untouched = [OURS[number].guid for number in (0, 1, 3)]
    assert all(world.ad.held[guid] == before[guid] for guid in untouched)
    assert MARK_ATTRIBUTE in world.ad.held[OURS[2].guid]


def test_nothing_else_is_done_while_the_group_that_is_tried_is_not_approved() -> None:
    plan = moving(tenant(OURS))
    part = tuple(change for change in plan.changes if change.kind is not ChangeKind.ADOPT)
    assert set(kinds(with_mapping(plan, part))) == {ChangeKind.ANCHOR}


def test_what_somebody_changed_since_is_left_alone_by_an_undo(tmp_path: Path) -> None:
    world = tenant(OURS)
    plan = moving(world)
    chain = runs(tmp_path, plan, world).finished()
    world.assigned[GROUPS[0].id] = "put back by hand"
    world.ad.held[OURS[1].guid][EXTERNAL_ID_ATTRIBUTE] = {"User_x"}
    del world.ad.held[OURS[2].guid]
    present = [group for group in OURS if group.guid in world.ad.held]
    undo = plan_undo(
        sides_of(read(world, present), world), b.policy(), NOTHING_ELSE, DoneChange(plan, effects_of(chain))
    ).plan
    assert {(refusal.group_id, refusal.rule) for refusal in undo.refusals} >= {
        (GROUPS[0].id, "assigned-anew"),
        (GROUPS[1].id, "owner-changed"),
        (GROUPS[2].id, "object-gone"),
    }
    touched = {change.group_id for change in undo.changes if change.kind in (ChangeKind.MARK, ChangeKind.UNANCHOR)}
    assert touched == {GROUPS[3].id}


def _row_of(group: DirectoryGroup, **values: tuple[str, ...]) -> list[DirectoryGroup]:
    return [replace(group, attributes={**group.attributes, **values}), *OURS[1:]]


@pytest.mark.parametrize(
    ("objects", "more", "rule"),
    [
        (_row_of(OURS[0], groupType=(str(UNIVERSAL_DISTRIBUTION),)), {}, "not-universal-security"),
        (_row_of(OURS[0], groupType=("-2147483646",)), {}, "not-universal-security"),
        (_row_of(OURS[0], extensionName=(*OURS[0].attributes["extensionName"], "gwb-retired")), {}, "retired"),
        (OURS[1:], {}, "not-written"),
        (OURS, {"protected_ous": (OU,)}, "protected-ou"),
    ],
)
def test_groups_that_cannot_be_moved_are_refused_one_by_one(
    objects: list[DirectoryGroup], more: dict[str, Any], rule: str
) -> None:
    world = tenant(objects)
    sides = sides_of(read(world, objects), world)
    plan = plan_move(sides, b.policy(select_ids=(GROUPS[0].id,), **more), NOTHING_ELSE).plan
    assert [refusal.rule for refusal in plan.refusals] == [rule]
    assert plan.changes == ()


def test_an_object_that_a_policy_keeps_from_this_account_stays_where_it_is() -> None:
    world = tenant(OURS)
    sides = sides_of(read(world, OURS), world)
    objects = tuple(
        replace(one, attributes={**one.attributes, SOA_ATTRIBUTE: ("1",)}) for one in sides.inventory.directory.groups
    )
    policies = (SoaPolicy("CN=Contoso", EnforcementMode.ENFORCED),)
    kept = replace(
        sides.inventory.directory, groups=objects, enforcement=Enforcement(policies, account_sid="S-1-5-21-9")
    )
    given = replace(sides, inventory=b.inventory_of(sides.inventory.cloud, kept))
    there = plan_move(given, b.policy(select_ids=(GROUPS[0].id,)), NOTHING_ELSE).plan
    assert [refusal.rule for refusal in there.refusals] == ["object-enforced"]
    assert there.changes == ()
    back = plan_move_back(given, b.policy(disable_ids=(GROUPS[0].id,)), NOTHING_ELSE).plan
    assert back.refusals == (), "one that is this runbook's already needs no write"


def test_a_schema_that_cannot_hold_the_anchor_refuses_the_move() -> None:
    world = tenant(OURS)
    sides = sides_of(read(world, OURS), world)
    directory = sides.inventory.directory
    old = replace(directory, group_attributes=directory.group_attributes - {EXTERNAL_ID_ATTRIBUTE})
    given = replace(sides, inventory=replace(sides.inventory, directory=old))
    with pytest.raises(Refused) as refused:
        plan_move(given, b.policy(select_ids=(GROUPS[0].id,)), NOTHING_ELSE)
    assert refused.value.code == "no-anchor-attribute"


def test_nothing_is_renamed_or_moved_without_being_told_and_the_way_to_keep_it_is_named() -> None:
    elsewhere = schema(
        cn="[displayName]",
        parentDistinguishedName=f'"OU=Cloud,{b.BASE}"',
        sAMAccountName='Append([displayName],"_g")',
    )
    world = tenant(OURS)
    world.schema = elsewhere
    found = plan_move(sides_of(read(world, OURS), world), b.policy("G*"), NOTHING_ELSE).findings
    (told,) = [finding for finding in found if finding.id == "cloud-sync-move-renames"]
    assert (told.severity, told.acknowledgeable) == (Severity.BLOCKING, True)
    assert str(told.values["cloud_sync_cn_expression"]) in told.to_do
    world.schema = schema(
        cn=str(told.values["cloud_sync_cn_expression"]),
        parentDistinguishedName=str(told.values["cloud_sync_ou_expression"]),
        sAMAccountName=str(told.values["cloud_sync_account_name_expression"]),
    )
    made = plan_move(sides_of(read(world, OURS), world), b.policy("G*"), NOTHING_ELSE)
    assert "cloud-sync-move-renames" not in {finding.id for finding in made.findings}
    then = {(group.dn.value, group.account_name.value) for group in made.prediction.groups}
    assert then == {(group.dn, group.text("sAMAccountName")) for group in OURS}


def test_the_target_ou_of_a_move_is_not_that_of_every_other_group_of_the_configuration() -> None:
    told = {"target_ou": OU, "cloud_sync_cn_expression": "[displayName]"}
    for how, mapped in (("scope", {"cn", "parentDistinguishedName"}), ("move", {"cn"})):
        parameters = parameters_from_values({**told, "cloud_sync_enable": how}, source="a test")
        assert desired_expressions(parameters, Operation.ENABLE).keys() == mapped


@cache
def predicted_groups() -> tuple[PredictedGroup, ...]:
    world = tenant(OURS)
    return plan_move(sides_of(read(world, OURS), world), b.policy("G*"), NOTHING_ELSE).prediction.groups


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
@settings(max_examples=50, deadline=None)
def test_what_is_kept_is_kept_whatever_its_characters(value: str) -> None:
    groups = predicted_groups()
    expression = read_expression(keeping(groups[:1], "[displayName]", lambda _: value))
    assert expression.value({"objectId": groups[0].group_id, "displayName": "x"}) == value
    assert expression.value({"objectId": groups[1].group_id, "displayName": "x"}) == "x"


def test_an_account_name_alone_is_a_rename_too() -> None:
    world = tenant(OURS)
    world.schema = schema(parentDistinguishedName=f'"{OU}"', sAMAccountName='Append([displayName],"_g")')
    found = plan_move(sides_of(read(world, OURS), world), b.policy("G*"), NOTHING_ELSE).findings
    (told,) = [finding for finding in found if finding.id == "cloud-sync-move-renames"]
    assert "G0_g" in told.seen
    assert told.values.keys() == {"groups", "cloud_sync_account_name_expression"}


def test_what_is_not_documented_has_to_be_acknowledged_and_members_that_may_leave_are_counted() -> None:
    world = tenant(OURS)
    found = {
        finding.id: finding
        for finding in plan_move(sides_of(read(world, OURS), world), b.policy("G*"), NOTHING_ELSE).findings
    }
    assert found["cloud-sync-adoption"].severity is Severity.BLOCKING
    assert found["cloud-sync-adoption"].acknowledgeable
    assert "(1)" in found["cloud-sync-move-members"].seen, (
        "P0 is in each of them, and whether people are written is unknown"
    )


def test_who_is_in_the_group_now_may_stay_and_another_object_is_no_arrival() -> None:
    world = tenant(OURS)
    sides = sides_of(read(world, OURS), world)
    made = plan_move(sides, b.policy("G*"), NOTHING_ELSE)
    group = next(one for one in made.prediction.groups if one.group_id == GROUPS[0].id)
    there = frozenset({b.ad_user("P0").guid})
    assert differences(group, theirs(GROUPS[0]), there, {}) == ()
    (other,) = differences(group, replace(theirs(GROUPS[0]), guid=OURS[1].guid), there, {})
    assert other.code == "another-object"
    again = watched_again(made.plan, sides, NOTHING_ELSE)  # type: ignore[arg-type]
    assert again.prediction == made.prediction


class TwoObjects:
    """AD after Cloud Sync made an object beside the one that was to be taken over."""

    def look(self, group_ids: object, containers: object = (), *, changed_only: bool = False) -> object:
        del group_ids, containers, changed_only
        return {GROUPS[0].id: (theirs(GROUPS[0]), replace(theirs(GROUPS[0]), guid=OURS[1].guid))}


def test_two_objects_with_one_anchor_are_not_waited_for() -> None:
    world = tenant(OURS)
    sides = sides_of(read(world, OURS), world)
    made = plan_move(sides, b.policy("G*"), NOTHING_ELSE)
    group = next(one for one in made.prediction.groups if one.group_id == GROUPS[0].id)
    (seen,) = WatchedGroups(cast("AnchoredGroups", TwoObjects()), sides.inventory, ()).look([group])
    assert [difference.code for difference in seen.differences] == ["several-objects"]
    assert not seen.waits


def test_the_mark_stays_on_an_object_that_somebody_else_brought_into_scope_without_the_anchor(tmp_path: Path) -> None:
    world = tenant(OURS, assigned={GROUPS[0].id: "by hand"})
    plan = moving(world, "G0")
    unmark = [change for change in plan.changes if change.kind is ChangeKind.UNMARK]
    with patch("tests.unit.routes_cloud_sync.test_move.held", lambda _: None):
        journal = runs(tmp_path, plan, world, unmark).one([])
    assert not journal.carried_out
    assert MARK_ATTRIBUTE in world.ad.held[OURS[0].guid]


def test_a_group_that_this_runbook_wrote_does_not_come_into_scope_beside_its_object() -> None:
    world = tenant(OURS)
    plan = plan_enable(sides_of(read(world, OURS), world), b.policy("G0"), NOTHING_ELSE).plan
    assert [refusal.rule for refusal in plan.refusals] == ["written-here"]
    assert plan.changes == ()


def test_in_between_no_route_touches_the_object(tmp_path: Path) -> None:
    world = tenant(OURS)
    plan = moving(world, "G0")
    runs(tmp_path, plan, world).one([], die_at=7)
    (row,) = [row for row in read(world, OURS).rows if row.group_id == GROUPS[0].id]
    assert row.state is GroupState.MOVING
    refused = refuse_not_ours(row, None)  # type: ignore[arg-type]
    assert refused is not None
    assert refused.rule == "between-two-routes"


def test_the_last_groups_leave_a_job_that_is_paused() -> None:
    world = tenant(THEIRS, assigned={group.id: "a" for group in GROUPS}, running=True)
    assert kinds(moving_back(world).changes)[0] is ChangeKind.PAUSE


def test_a_group_that_a_filter_takes_all_the_same_is_not_taken_back() -> None:
    world = tenant(THEIRS, assigned={GROUPS[3].id: "a"}, running=True)
    sides = sides_of(read(world, THEIRS), world)
    unread = replace(sides, job=replace(sides.job, assigned=()))
    with patch("runbook_lib.routes.cloud_sync.moving.plan_move_back.prediction_of", wraps=None) as predicted:
        predicted.return_value.groups = [type("G", (), {"group_id": GROUPS[0].id})]
        plan = plan_move_back(unread, b.policy(disable_names=("G0",)), NOTHING_ELSE).plan
    assert [refusal.rule for refusal in plan.refusals] == ["stays-in-scope"]
    assert plan.changes == ()


def test_a_plan_is_read_back_from_its_file_and_held_to_anchor_and_mark_of_its_group() -> None:
    plan = moving(tenant(OURS))
    assert plan_from_json(plan_to_json(plan), ROUTES) == plan
    told = plan_to_json(plan)
    owner = next(one["action"] for one in told["changes"] if one["action"]["action"] == "write-owner")  # type: ignore[attr-defined]
    owner["dn"] = f"CN=Somebody harmless,{b.BASE}"
    assert shown_of(plan_from_json(told, ROUTES)) != shown_of(plan), "an approver read another name"
    for number, change in enumerate(plan.changes):
        assert CLOUD_SYNC_RULES.beyond_kind(change, plan.operation) == ""
        payload = change.payload
        if not isinstance(payload, CloudSyncPayload) or not isinstance(payload.action, WriteOwner):
            continue
        other = replace(payload.action, attributes=(AttributeDelta("member", added=("CN=x",)),))
        forged = replace(payload, action=other)
        changes = [*plan.changes]
        changes[number] = replace(change, payload=forged)
        assert "other values" in CLOUD_SYNC_RULES.beyond_target(replace(plan, changes=tuple(changes)))
    assert CLOUD_SYNC_RULES.beyond_target(plan) == ""


def test_no_mark_is_written_to_an_object_that_is_not_cloud_sync_s_for_the_group(tmp_path: Path) -> None:
    """Whoever can write to the records could have any AD group taken for one of this runbook."""
    world = tenant(THEIRS, assigned={group.id: f"a-{group.id}" for group in GROUPS}, running=True)
    plan = CLOUD_SYNC_TYPES.plan(moving_back(world, "G0"))
    changes = [*plan.changes]
    at = next(number for number, change in enumerate(changes) if change.kind is ChangeKind.MARK)
    payload = changes[at].payload
    assert isinstance(payload.action, WriteOwner)
    action = replace(payload.action, guid=THEIRS[1].guid)
    changes[at] = replace(changes[at], payload=replace(payload, action=action))
    assert CLOUD_SYNC_RULES.beyond_target(replace(plan, changes=tuple(changes))) == ""
    journal = runs(tmp_path, replace(plan, changes=tuple(changes)), world).one([])
    assert not journal.carried_out
    assert MARK_ATTRIBUTE not in world.ad.held[THEIRS[1].guid]


def test_an_answer_that_nests_without_end_says_nothing_of_an_object() -> None:
    assert _created(Written(200, {"value": "[" * 200_000}, "", "", "", "")) is False
