"""Cloud Sync's groups compared with AD, and the plan that provisions on demand exactly those that differ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.plan_as_read import shown_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import Refused, UsageError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Severity
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.cloud_sync.actions import Realign
from runbook_lib.routes.cloud_sync.desired import DesiredSettings, desired_expressions, require_fit
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync
from runbook_lib.routes.cloud_sync.requests import requests_of
from runbook_lib.routes.cloud_sync.resume import (
    ResumeLimits,
    policy_of_rest,
    require_not_refused,
    require_rest_allowed,
    watched_again,
)
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.scope.drift import check_cloud_sync_drift
from runbook_lib.routes.cloud_sync.scope.on_demand import plan_differing
from runbook_lib.routes.cloud_sync.steps import RequestContext
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.shown.inventory import drift_view
from tests.support import builders as b
from tests.unit.routes_cloud_sync.runs import NoScopes, Runs
from tests.unit.routes_cloud_sync.world import OU, Graph, inventory, security, sides_of

ON = DesiredSettings({}, synchronized_users=Switch.ON)
SALES, OPS, OLD = security("Sales"), security("Ops"), security("Old")
PEOPLE = [b.synced(f"P{number}") for number in range(12)]
USERS = [b.ad_user(f"P{number}") for number in range(12)]
DNS = [user.dn for user in USERS]
CY = b.person("Cy")


def written(group: Any, members: list[str], *, cn: str = "", parent: str = OU) -> DirectoryGroup:
    """The object that Cloud Sync made for a group."""
    name = cn or f"{group.display_name}_{group.id[-12:]}"
    attributes = {"msDS-ExternalDirectoryObjectId": (f"Group_{group.id}",), "groupType": ("-2147483640",)}
    found = b.ad_group(name, attributes, members, parent=parent)
    return replace(found, attributes={**found.attributes, "sAMAccountName": (f"${group.display_name}",)})


def read(*ad: DirectoryGroup, people: int = 3) -> Inventory:
    """Sales has some people and Cy, who has no account; Ops has nobody."""
    members = {"Sales": [*PEOPLE[:people], CY], "Ops": []}
    return inventory([SALES, OPS, OLD], members, list(ad), USERS)


def in_scope(*groups: Any) -> Graph:
    return Graph(running=True, assigned={group.id: f"a-{group.id}" for group in groups or (SALES, OPS)})


def planned(sides: Inventory, *names: str, graph: Graph | None = None) -> PlannedCloudSync:
    return plan_differing(sides_of(sides, graph or in_scope()), b.policy(*names), ON)


def lines(sides: Inventory, graph: Graph | None = None, desired: DesiredSettings = ON) -> set[tuple[str, ...]]:
    drift, _ = check_cloud_sync_drift(sides_of(sides, graph or in_scope()), desired)
    return {tuple(map(str, row)) for row in drift.table[["display_name", "what", "expected", "seen"]].to_numpy()}


def test_ad_as_cloud_sync_makes_it_does_not_differ() -> None:
    same = read(written(SALES, DNS[:3]), written(OPS, []))
    drift, more = check_cloud_sync_drift(sides_of(same, in_scope()), ON)
    assert (drift.groups, len(drift.table), drift.findings, more) == (2, 0, (), ())
    assert planned(same).plan.changes == ()
    assert planned(same).plan.in_step == 2


def test_each_difference_is_told_by_name_with_its_reason() -> None:
    there = read(written(SALES, [*DNS[1:3], DNS[7]], cn="By hand", parent=f"OU=Other,{b.BASE}"))
    right = f"Sales_{SALES.id[-12:]}"
    ops = f"CN=Ops_{OPS.id[-12:]},{OU}"
    assert lines(there) == {
        ("Sales", "OU", OU, f"OU=Other,{b.BASE}"),
        ("Sales", "cn", right, "By hand"),
        ("Sales", "member missing", f"P0 ({PEOPLE[0].id})", "(not a member)"),
        ("Sales", "member extra", "(not a member)", DNS[7]),
        ("Ops", "not in AD", ops, "(nothing)"),
    }
    drift, _ = check_cloud_sync_drift(sides_of(there, in_scope()), ON)
    assert all("Cloud Sync" in reason or "In scope" in reason for reason in drift.table["reason"])
    assert "does not correct it by itself" in drift.findings[0].to_do
    assert "Reason" in drift_view(drift).html


def test_a_member_that_cloud_sync_does_not_write_says_why() -> None:
    off = DesiredSettings({}, synchronized_users=Switch.OFF)
    assert ("Sales", "member not expected", "", DNS[0]) in lines(read(written(SALES, DNS[:1])), desired=off)


def test_what_is_not_known_is_not_compared_and_what_left_the_scope_is_named() -> None:
    there = read(written(SALES, []), written(OPS, []), written(OLD, DNS[:1]))
    drift, more = check_cloud_sync_drift(sides_of(there, in_scope()), DesiredSettings({}))
    assert len(drift.table) == 0
    assert [finding.id for finding in more] == ["cloud-sync-members-not-compared", "cloud-sync-left-behind"]
    assert "3 members of 1 group" in more[0].seen
    assert "It is not among the selected groups" in more[1].seen
    assert {finding.severity for finding in more} == {Severity.INFO}


def test_the_plan_names_exactly_the_groups_and_members_that_differ() -> None:
    there = read(written(SALES, [DNS[1], DNS[9]]), written(OPS, []), people=9)
    made = planned(there)
    (change,) = made.plan.changes
    assert (change.kind, change.group_id) == (ChangeKind.PROVISION, SALES.id)
    requests = requests_of(CLOUD_SYNC_TYPES.changes(made.plan.changes))
    assert [len(request.members) for request in requests] == [5, 3]
    assert {one for request in requests for one in request.members} == {PEOPLE[n].id for n in (0, *range(2, 9))}
    assert made.chosen == (SALES.id,)
    (finding,) = made.findings
    assert finding.id == "cloud-sync-surplus-members"
    assert DNS[9] in finding.seen
    assert change.why == "It differs in AD: member missing, member extra."


def test_members_that_stay_are_no_difference_afterwards() -> None:
    there = read(written(SALES, [*DNS[:3], DNS[9]]), people=3)
    made = planned(read(written(SALES, [DNS[0], DNS[9]])), "Sales")
    again = watched_again(made.plan, sides_of(there, in_scope()), ON)  # type: ignore[arg-type]
    assert made.stays == again.stays == {SALES.id: frozenset({USERS[9].guid})}


def test_surplus_members_alone_plan_nothing_and_are_said() -> None:
    made = planned(read(written(SALES, [*DNS[:3], DNS[9]]), written(OPS, [])))
    assert made.plan.changes == ()
    assert [finding.id for finding in made.findings] == ["cloud-sync-surplus-members"]


def test_selected_groups_alone_are_taken_and_others_are_refused() -> None:
    there = read()
    assert {change.group_id for change in planned(there).plan.changes} == {SALES.id, OPS.id}
    assert {change.group_id for change in planned(there, "Ops").plan.changes} == {OPS.id}
    with pytest.raises(Refused) as caught:
        planned(there, "Old")
    assert caught.value.code == "selection-matches-nothing"
    one = b.policy()
    with pytest.raises(Refused) as caught:
        plan_differing(sides_of(there, in_scope()), replace(one, limits=replace(one.limits, creates=1)), ON)
    assert caught.value.code == "limit-creates"


def test_a_group_that_cannot_arrive_is_refused() -> None:
    taken = b.ad_group(f"Sales_{SALES.id[-12:]}", parent=OU)
    made = planned(read(taken), "Sales")
    assert [refusal.rule for refusal in made.plan.refusals] == ["cn-taken"]


def test_the_plan_is_read_back_from_its_file() -> None:
    plan = planned(read(written(SALES, [DNS[1]]))).plan
    found = plan_from_json(plan_to_json(plan), {CLOUD_SYNC_RULES.route: CLOUD_SYNC_RULES})
    assert [change.digest for change in found.changes] == [change.digest for change in plan.changes]
    assert {type(change.payload.action) for change in CLOUD_SYNC_TYPES.changes(found.changes)} == {Realign}


def test_a_member_that_is_called_otherwise_in_the_file_was_not_approved() -> None:
    plan = planned(read(written(SALES, [DNS[1]]))).plan
    told = json.loads(json.dumps(plan_to_json(plan)))
    told["changes"][0]["action"]["names"] = ["Somebody harmless"]
    found = plan_from_json(told, {CLOUD_SYNC_RULES.route: CLOUD_SYNC_RULES})
    assert found.digest == plan.digest
    assert shown_of(found) != shown_of(plan)


@settings(max_examples=25, deadline=None)
@given(
    deaths=st.lists(st.integers(1, 30), max_size=3),
    losses=st.lists(st.sampled_from(["ok", "before", "after"]), max_size=6),
)
def test_whatever_dies_or_is_lost_the_end_is_that_of_a_calm_run(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], losses: list[str]
) -> None:
    plan = planned(read(written(SALES, [DNS[1]]), people=12)).plan
    graph = in_scope()
    graph.in_ad = {SALES.id: {PEOPLE[1].id}}
    graph.losses = list(losses)
    Runs(tmp_path_factory.mktemp("runs"), plan, graph).finished(deaths)
    assert graph.in_ad == {SALES.id: {one.id for one in PEOPLE}, OPS.id: set()}


def test_a_name_that_somebody_changed_is_provisioned_although_every_member_is_there(tmp_path: Path) -> None:
    plan = planned(read(written(SALES, DNS[:3], cn="By hand"), written(OPS, []))).plan
    graph = in_scope()
    graph.in_ad = {SALES.id: {one.id for one in PEOPLE[:3]}}
    graph.names = {SALES.id: ("CN=By hand", "x")}
    Runs(tmp_path, plan, graph).finished()
    assert graph.took == [f"provision {SALES.id} []"]


def test_what_ad_holds_is_not_sent_and_a_lost_answer_sends_nothing_twice(tmp_path: Path) -> None:
    plan = planned(read(written(SALES, [DNS[1]]), people=12)).plan
    there = in_scope()
    there.in_ad = {SALES.id: {one.id for one in PEOPLE}}
    Runs(tmp_path / "there", plan, there).finished()
    assert there.took == [f"provision {OPS.id} []"]
    lost = in_scope()
    lost.in_ad, lost.losses = {SALES.id: {PEOPLE[1].id}}, ["after"] * 4
    Runs(tmp_path / "lost", plan, lost).finished()
    assert len(lost.took) == len(set(lost.took)) == 4, "three calls of five members at most, and the new group"


def test_calls_are_as_far_apart_as_the_service_asks_for() -> None:
    slept: list[float] = []
    target = CloudSyncTarget("t", "g", "contoso.com", "p", "j", "c")
    context = RequestContext(Graph().client(), target, Graph(), NoScopes(), slept.append)
    for _ in range(6):
        context.pace()
    assert slept == [2.0] * 5, "five calls in ten seconds"


@pytest.mark.parametrize("name", ["cloud_sync_pilot", "cloud_sync_cn_expression", "cloud_sync_notify"])
def test_differing_goes_with_nothing_that_changes_the_configuration(name: str) -> None:
    value = "[displayName]" if name.endswith("expression") else "x"
    given = Parameters.model_validate({"cloud_sync_enable": "differing", "target_ou": OU, name: value})
    with pytest.raises(UsageError) as caught:
        require_fit(given)
    assert caught.value.code == "differing-changes-nothing"
    require_fit(given.model_copy(update={"cloud_sync_enable": "scope"}))


def test_differing_leaves_the_mapping_as_it_is() -> None:
    given = Parameters.model_validate({"target_ou": OU})
    assert desired_expressions(given, Operation.ENABLE)
    assert desired_expressions(given.model_copy(update={"cloud_sync_enable": "differing"}), Operation.ENABLE) == {}


def test_what_is_left_of_a_resumed_change_counts_the_groups_that_cloud_sync_is_still_to_make() -> None:
    sides = sides_of(read(), in_scope())
    plan = CLOUD_SYNC_TYPES.plan(planned(sides.inventory).plan)
    new = {SALES.id, OPS.id}
    require_rest_allowed(plan, (), sides, ResumeLimits(2, 0, 0), new)
    with pytest.raises(Refused, match="makes AD objects of 2 groups, and max_creates is 1") as caught:
        require_rest_allowed(plan, (), sides, ResumeLimits(1, 0, 0), new)
    assert caught.value.code == "limit-creates"
    require_rest_allowed(plan, [plan.changes[0].digest], sides, ResumeLimits(1, 0, 0), new)
    require_rest_allowed(plan, (), sides, ResumeLimits(0, 0, 0), ())


def test_a_resumed_change_is_refused_by_what_a_plan_of_today_refuses_of_what_is_left_and_by_nothing_else() -> None:
    plan = CLOUD_SYNC_TYPES.plan(planned(read()).plan)
    first, second = plan.changes
    why = t("It is mail-enabled.")
    refused = Refusal(second.group_id, second.display_name, "mail-enabled", why, t("Take it out."))
    with pytest.raises(Refused, match="is refused now: It is mail-enabled") as caught:
        require_not_refused([refused], [second], ())
    assert caught.value.code == "mail-enabled"
    assert "gwb close" in caught.value.hint
    require_not_refused([refused], [first], ())
    require_not_refused([refused], [second], [refused])
    require_not_refused([replace(refused, rule="not-assigned")], [second], ())


def test_a_plan_of_the_rest_selects_the_groups_that_are_left() -> None:
    plan = CLOUD_SYNC_TYPES.plan(planned(read()).plan)
    first, second = plan.changes
    policy = b.policy("Another*", disable_names=("X",))
    rest = policy_of_rest(policy, plan, [second])
    assert (rest.select_ids, rest.select_names) == ((second.group_id,), ())
    assert rest.disable_names == ("X",)
    assert set(policy_of_rest(policy, plan, []).select_ids) == {first.group_id, second.group_id}
    leaving = policy_of_rest(policy, replace(plan, operation=Operation.DISABLE), [second])
    assert (leaving.disable_ids, leaving.disable_names) == ((second.group_id,), ())
