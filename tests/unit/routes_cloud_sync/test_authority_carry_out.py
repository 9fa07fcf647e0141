"""A change of the source of authority that dies or loses answers ends as a calm one; its undo brings all of it back."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.journal_check import DoneChange, effects_beyond, effects_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.routes.cloud_sync.actions import schema_digest
from runbook_lib.routes.cloud_sync.authority.actions import MakeExtension, MapGroupDn, SetGroupScope
from runbook_lib.routes.cloud_sync.authority.plan_convert import plan_convert
from runbook_lib.routes.cloud_sync.authority.plan_roll_back import plan_roll_back, plan_undo_authority
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.resume import ResumeLimits, require_own_way, require_rest_allowed
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from tests.support import builders as b
from tests.unit.routes_cloud_sync.authority_world import (
    GLOBAL,
    WIDE,
    AuthorityGraph,
    Scopes,
    facts,
    family,
    inbound_schema,
)
from tests.unit.routes_cloud_sync.runs import ROUTES, Runs
from tests.unit.routes_cloud_sync.world import inventory, sides_of

GROUPS, MEMBERS, READ = family(GLOBAL)
LOSSES = st.lists(st.sampled_from(("ok", "ok", "ok", "before", "after", "throttled")), max_size=10)
DEATHS = st.lists(st.integers(1, 40), max_size=4)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def converting(graph: AuthorityGraph) -> Plan:
    return plan_convert(sides_of(READ, graph), facts(graph), WIDE, b.policy("Top")).plan


def as_now(graph: AuthorityGraph, ad: Sequence[DirectoryGroup]) -> Inventory:
    """Both sides as they are after a change."""
    groups: list[CloudGroup] = [
        replace(
            group,
            cloud_managed=graph.managed[group.id],
            on_premises_sync_enabled=graph.synchronized[group.id],
        )
        for group in GROUPS
    ]
    members = {name: [next((g for g in groups if g.id == m.id), m) for m in some] for name, some in MEMBERS.items()}
    return inventory(groups, members, ad, [b.ad_user("Ana")])


@given(LOSSES, LOSSES, DEATHS)
@settings(max_examples=25, deadline=None)
def test_whatever_dies_or_is_lost_a_conversion_ends_as_a_calm_one(
    losses: list[str], in_ad: list[str], deaths: list[int]
) -> None:
    calm, rough = AuthorityGraph().hands(GROUPS), AuthorityGraph(losses=list(losses)).hands(GROUPS)
    quiet, lossy = Scopes.of(READ, calm), Scopes.of(READ, rough)
    lossy.losses = ["ok" if one == "throttled" else one for one in in_ad]
    plan = converting(calm)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        Runs(Path(one), plan, calm, quiet).finished()
        chain = Runs(Path(other), plan, rough, lossy).finished(deaths)
        assert chain[-1].carried_out
        assert (rough.state(), lossy.state()) == (calm.state(), quiet.state())
        assert set(rough.managed.values()) == {True}
        assert sorted(rough.took) == sorted(set(rough.took)) == sorted(calm.took), "nothing is sent twice"
        assert sorted(lossy.took) == sorted(set(lossy.took)) == sorted(quiet.took), "nothing is sent twice"
        assert effects_beyond(plan, chain, CLOUD_SYNC_RULES) is None


def test_leaves_change_hands_before_what_holds_them_and_scopes_the_other_way_round(tmp_path: Path) -> None:
    graph = AuthorityGraph().hands(GROUPS)
    scopes = Scopes.of(READ, graph)
    chain = Runs(tmp_path, converting(graph), graph, scopes).finished()
    assert chain[-1].carried_out
    by_id = {str(group.id): group.display_name for group in GROUPS}
    hands = [by_id[one.split()[1]] for one in graph.took if one.startswith("hand")]
    assert hands == ["Leaf", "Middle", "Top"]
    assert [one.split(",")[0] for one in scopes.took] == ["CN=Top", "CN=Middle", "CN=Leaf"]
    assert graph.took[0] == "schema", "the mapping keeps OU and name before anything is converted"


@given(LOSSES, DEATHS)
@settings(max_examples=20, deadline=None)
def test_an_undo_gives_every_group_back_and_every_scope(losses: list[str], deaths: list[int]) -> None:
    graph = AuthorityGraph().hands(GROUPS)
    scopes = Scopes.of(READ, graph)
    schema, before = copy.deepcopy(graph.schema), scopes.state()
    plan = converting(graph)
    with TemporaryDirectory() as folder:
        done = DoneChange(plan, effects_of(Runs(Path(folder) / "do", plan, graph, scopes).finished()))
        sides = sides_of(as_now(graph, list(scopes.groups.values())), graph)
        undo = plan_undo_authority(sides, facts(graph), WIDE, b.policy(), done)
        assert not undo.plan.refusals
        assert [change.kind for change in undo.plan.changes] == [
            *[ChangeKind.ROLL_BACK] * 3,
            ChangeKind.MAP,
            *[ChangeKind.RESTORE_SCOPE] * 3,
        ]
        assert plan_from_json(plan_to_json(undo.plan), ROUTES) == undo.plan
        graph.took.clear()
        graph.losses = list(losses)
        back = Runs(Path(folder) / "undo", undo.plan, graph, scopes).finished(deaths)
        assert back[-1].carried_out
        assert effects_beyond(undo.plan, back, CLOUD_SYNC_RULES) is None
    assert set(graph.managed.values()) == {False}
    assert set(graph.synchronized.values()) == {None}, "pending, until the synchronization takes them over"
    assert schema_digest(graph.schema) == schema_digest(schema)
    assert scopes.state() == before
    hands = [one.split()[1] for one in graph.took if one.startswith("hand")]
    assert hands == [group.id for group in GROUPS], "what holds others goes back first"
    assert "soa-not-taken-back" in {finding.id for finding in undo.findings}


@given(LOSSES, DEATHS)
@settings(max_examples=20, deadline=None)
def test_what_keeps_names_is_made_once_and_taken_away_again(losses: list[str], deaths: list[int]) -> None:
    graph = AuthorityGraph(parts={}, inbound=inbound_schema(fills=False), losses=list(losses)).hands(GROUPS)
    read = inventory(
        [replace(group, extensions=()) for group in GROUPS], MEMBERS, READ.directory.groups, [b.ad_user("Ana")]
    )
    before = copy.deepcopy(graph.inbound)
    made = plan_convert(sides_of(read, graph), facts(graph), WIDE, b.policy("Top"))
    assert [change.kind for change in made.plan.changes] == [*[ChangeKind.EXTENSION] * 3, ChangeKind.MAP_GROUP_DN]
    assert plan_from_json(plan_to_json(made.plan), ROUTES) == made.plan
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder) / "do", made.plan, graph).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(made.plan, chain, CLOUD_SYNC_RULES) is None
        assert graph.took == ["make application", "make service-principal", "make property", "inbound schema"]
        done = DoneChange(made.plan, effects_of(chain))
        undo = plan_undo_authority(sides_of(read, graph), facts(graph), WIDE, b.policy(), done).plan
        assert not undo.refusals
        graph.took.clear()
        assert Runs(Path(folder) / "undo", undo, graph).finished()[-1].carried_out
    assert graph.took == ["inbound schema", "remove property", "remove service-principal", "remove application"]
    assert graph.parts == {}
    assert schema_digest(graph.inbound) == schema_digest(before)


def test_a_group_that_somebody_gave_back_meanwhile_stops_the_run(tmp_path: Path) -> None:
    graph = AuthorityGraph().hands(GROUPS)
    plan = converting(graph)
    graph.synchronized[GROUPS[2].id] = None
    chain = Runs(tmp_path, plan, graph, Scopes.of(READ, graph)).finished()
    assert not chain[-1].carried_out
    assert not any(graph.managed.values())


def test_a_scope_that_somebody_changed_meanwhile_stops_the_run(tmp_path: Path) -> None:
    graph = AuthorityGraph().hands(GROUPS)
    plan = converting(graph)
    scopes = Scopes.of(READ, graph)
    guid = next(guid for guid, one in scopes.groups.items() if one.dn.startswith("CN=Middle"))
    local = replace(scopes.groups[guid], attributes={"groupType": ("-2147483644",)})
    scopes.groups[guid] = local
    chain = Runs(tmp_path, plan, graph, scopes).finished()
    assert not chain[-1].carried_out
    assert not any(graph.managed.values())


def test_a_roll_back_is_undone_by_a_conversion(tmp_path: Path) -> None:
    graph = AuthorityGraph().hands([replace(one, cloud_managed=True, on_premises_sync_enabled=None) for one in GROUPS])
    ad = READ.directory.groups
    policy = b.policy(disable_names=("Top",))
    made = plan_roll_back(sides_of(as_now(graph, ad), graph), facts(graph), WIDE, policy)
    assert [change.kind for change in made.plan.changes] == [ChangeKind.ROLL_BACK] * 3
    done = DoneChange(made.plan, effects_of(Runs(tmp_path / "do", made.plan, graph).finished()))
    assert not any(graph.managed.values())
    graph.synchronized[GROUPS[0].id] = True
    undo = plan_undo_authority(sides_of(as_now(graph, ad), graph), facts(graph), WIDE, b.policy(), done).plan
    assert [change.kind for change in undo.changes] == [ChangeKind.CONVERT] * 3
    assert Runs(tmp_path / "undo", undo, graph).finished()[-1].carried_out
    assert all(graph.managed.values())


def test_no_application_but_that_of_the_extension_is_made_or_removed() -> None:
    graph = AuthorityGraph(parts={}, inbound=inbound_schema(fills=False)).hands(GROUPS)
    read = inventory(
        [replace(group, extensions=()) for group in GROUPS], MEMBERS, READ.directory.groups, [b.ad_user("Ana")]
    )
    plan = CLOUD_SYNC_TYPES.plan(plan_convert(sides_of(read, graph), facts(graph), WIDE, b.policy("Top")).plan)
    assert CLOUD_SYNC_RULES.beyond_target(plan) == ""
    for number, change in enumerate(plan.changes):
        payload = change.payload
        assert isinstance(payload.action, (MakeExtension, MapGroupDn))
        forged = replace(change, payload=replace(payload, action=replace(payload.action, uri="api://payroll")))
        changes = (*plan.changes[:number], forged, *plan.changes[number + 1 :])
        assert "another application" in CLOUD_SYNC_RULES.beyond_target(replace(plan, changes=changes))


def test_what_is_left_of_a_change_is_held_to_today_s_limits_and_to_the_objects_of_its_groups() -> None:
    graph = AuthorityGraph().hands(GROUPS)
    plan, sides = CLOUD_SYNC_TYPES.plan(converting(graph)), sides_of(READ, graph)
    wide, narrow = ResumeLimits(0, 0, 3), ResumeLimits(0, 0, 2)
    require_rest_allowed(plan, (), sides, wide, ())
    with pytest.raises(Refused, match="authority of 3 groups, and max_conversions is 2"):
        require_rest_allowed(plan, (), sides, narrow, ())
    converted = [change.digest for change in plan.changes if change.kind is ChangeKind.CONVERT]
    require_rest_allowed(plan, converted[:1], sides, narrow, ())
    at = next(n for n, change in enumerate(plan.changes) if isinstance(change.payload.action, SetGroupScope))
    payload = plan.changes[at].payload
    assert isinstance(payload.action, SetGroupScope)
    action = replace(payload.action, guid=b.guid("Domain Admins"))
    forged = replace(plan.changes[at], payload=replace(payload, action=action))
    with pytest.raises(Refused) as caught:
        require_rest_allowed(
            replace(plan, changes=(*plan.changes[:at], forged, *plan.changes[at + 1 :])), (), sides, wide, ()
        )
    assert caught.value.code == "object-of-another-group"
    require_own_way(plan, of_authority=True, told="convert")
    with pytest.raises(Refused, match="begun with another cloud_sync_enable"):
        require_own_way(plan, of_authority=False, told="convert")
